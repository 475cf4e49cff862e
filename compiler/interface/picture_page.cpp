#include "interface/picture.h"
#include "source/xml.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace graphc {

namespace {

struct Page {
  std::string_view code, text;
};

#include "picture_page.inc"

std::string_view page(std::string_view name) {
  for (const auto &each : pages)
    if (each.code == name) return each.text;
  return {};
}

std::string_view kindName(PictureNode::Kind kind) {
  switch (kind) {
  case PictureNode::Operation:
    return "operation";
  case PictureNode::Placeholder:
    return "placeholder";
  case PictureNode::Variable:
    return "variable";
  case PictureNode::Scope:
    return "scope";
  case PictureNode::Export:
    return "export";
  }
  return "";
}

/// What the page knows of nodes and edges, by their ids in the SVG.
std::string contents(const Picture &picture) {
  using Json = nlohmann::ordered_json;
  Json nodes = Json::array(), edges = Json::array();
  for (const auto &node : picture.nodes) {
    Json facts = Json::array();
    for (const auto &[what, value] : node.facts) facts.push_back({what, value});
    nodes.push_back({{"name", node.name},
                     {"kind", kindName(node.kind)},
                     {"shared", node.shared},
                     {"facts", std::move(facts)}});
  }
  for (const auto &edge : picture.edges) edges.push_back({edge.from, edge.to});
  std::string text = Json{{"nodes", std::move(nodes)}, {"edges", std::move(edges)}}.dump(
      -1, ' ', false, Json::error_handler_t::replace);
  // Within a script, no text may look like the end of it.
  std::string out;
  for (char c : text)
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  return out;
}

} // namespace

std::string picturePage(const Picture &picture, std::string_view title, std::string_view svg) {
  size_t begin = svg.find("<svg");
  if (begin != std::string_view::npos) svg.remove_prefix(begin);
  std::string_view rest = page("viz");
  std::string out;
  while (!rest.empty()) {
    size_t open = rest.find("{{");
    if (open == std::string_view::npos) break;
    size_t close = rest.find("}}", open);
    out += rest.substr(0, open);
    std::string_view what = rest.substr(open + 2, close - open - 2);
    if (what == "title") out += escapedXml(title);
    if (what == "picture") out += svg;
    if (what == "contents") out += contents(picture);
    rest.remove_prefix(close + 2);
  }
  return out += rest;
}

} // namespace graphc
