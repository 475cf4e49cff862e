#include "interface/picture.h"
#include "source/width.h"

#include <fmt/format.h>

namespace graphc {

namespace {

/// As a quoted string of DOT, in which a backslash has a meaning too.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : validUtf8(text)) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20)
      out += ' ';
    else
      out += c;
  }
  return out + '"';
}

std::string tooltip(const PictureNode &node) {
  std::string text = node.name;
  for (const auto &[what, value] : node.facts) text += "\n" + what + ": " + value;
  return text;
}

std::string_view styleOf(const PictureNode &node) {
  switch (node.kind) {
  case PictureNode::Operation:
    return "";
  case PictureNode::Placeholder:
    return ", style=filled, fillcolor=\"#dbe9f6\"";
  case PictureNode::Variable:
    return node.shared ? ", shape=cylinder, style=filled, fillcolor=\"#f6c89a\""
                       : ", shape=cylinder, style=filled, fillcolor=\"#fbe9d3\"";
  case PictureNode::Scope:
    return node.shared ? ", shape=box3d, style=filled, fillcolor=\"#f3dfc8\""
                       : ", shape=box3d, style=filled, fillcolor=\"#ececec\"";
  case PictureNode::Export:
    return ", shape=cds, style=filled, fillcolor=\"#d9edd4\"";
  }
  return "";
}

void writeBox(const Picture &picture, int box, const std::vector<std::vector<int>> &boxesIn,
              const std::vector<std::vector<int>> &nodesIn, int depth, std::string &out) {
  std::string indent(size_t(depth) * 2, ' ');
  for (int at : nodesIn[size_t(box + 1)]) {
    const PictureNode &node = picture.nodes[size_t(at)];
    out += fmt::format("{}n{} [id=\"n{}\", label={}, tooltip={}{}];\n", indent, at, at,
                       quoted(node.label), quoted(tooltip(node)), styleOf(node));
  }
  for (int inner : boxesIn[size_t(box + 1)]) {
    const std::string &name = picture.boxes[size_t(inner)].name;
    size_t slash = name.rfind('/');
    out += fmt::format(
        "{}subgraph cluster_{} {{\n{}  id=\"s{}\"; label={}; tooltip={};\n", indent, inner, indent,
        inner, quoted(slash == std::string::npos ? name : name.substr(slash + 1)), quoted(name));
    writeBox(picture, inner, boxesIn, nodesIn, depth + 1, out);
    out += indent + "}\n";
  }
}

} // namespace

std::string pictureDot(const Picture &picture, std::string_view title) {
  std::vector<std::vector<int>> boxesIn(picture.boxes.size() + 1),
      nodesIn(picture.boxes.size() + 1);
  for (size_t i = 0; i < picture.boxes.size(); ++i)
    boxesIn[size_t(picture.boxes[i].parent + 1)].push_back(int(i));
  for (size_t i = 0; i < picture.nodes.size(); ++i)
    nodesIn[size_t(picture.nodes[i].parent + 1)].push_back(int(i));

  std::string out = fmt::format("digraph {} {{\n", quoted(title));
  out += "  graph [rankdir=TB, fontname=\"Helvetica\", fontsize=12, color=\"#8a8a8a\", "
         "style=\"rounded\", tooltip=\" \"];\n"
         "  node [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", color=\"#555555\", "
         "fontname=\"Helvetica\", fontsize=10, margin=\"0.08,0.04\", height=0.2];\n"
         "  edge [color=\"#555555\", fontname=\"Helvetica\", fontsize=8, arrowsize=0.6];\n";
  writeBox(picture, -1, boxesIn, nodesIn, 1, out);
  for (size_t i = 0; i < picture.edges.size(); ++i) {
    const PictureEdge &edge = picture.edges[i];
    std::string label = edge.label;
    if (edge.count > 1)
      label =
          label.empty() ? fmt::format("{}", edge.count) : fmt::format("{} × {}", edge.count, label);
    out += fmt::format("  n{} -> n{} [id=\"e{}\", label={}, tooltip={}", edge.from, edge.to, i,
                       quoted(label),
                       quoted(picture.nodes[size_t(edge.from)].name + " → " +
                              picture.nodes[size_t(edge.to)].name));
    if (edge.kind == PictureEdge::Update)
      out += ", style=dashed, color=\"#c05a00\", constraint=false";
    if (edge.kind == PictureEdge::Order) out += ", style=dotted";
    out += "];\n";
  }
  return out + "}\n";
}

} // namespace graphc
