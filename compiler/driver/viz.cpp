// graphc viz: the graph as a picture.
#include "driver/command.h"
#include "driver/graphviz/layout.h"
#include "driver/output.h"
#include "interface/location.h"
#include "interface/picture.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <dlfcn.h>

namespace graphc {

namespace {

// Beyond this Graphviz takes minutes, and nobody finds anything.
constexpr size_t mostNodes = 2000, mostEdges = 6000;

LayoutSvg loadLayout(std::string &why) {
  std::string path = libraryFolder() + "/libgraphc-layout.so";
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  auto entry = library ? reinterpret_cast<LayoutSvg>(dlsym(library, layoutSvgEntry)) : nullptr;
  if (entry) return entry;
  const char *message = dlerror();
  why = fmt::format("Graphviz can't be loaded: {}; --format=dot does without it",
                    message ? message : path);
  return nullptr;
}

std::string formatOf(const std::string &given, const std::string &output) {
  if (!given.empty()) return given;
  if (output.ends_with(".svg")) return "svg";
  if (output.ends_with(".dot") || output.ends_with(".gv")) return "dot";
  return "html";
}

} // namespace

int runViz(const Arguments &arguments) {
  CLI::App app("Draws the graph of a definition: operations, variables and exports, name scopes as "
               "boxes in one another. Variables that several calls share are drawn once.",
               "graphc viz");
  DefinitionOptions options;
  options.addTo(app);
  PictureOptions how;
  std::string output, format;
  app.add_option("-o", output, "Where to write it; - is standard output (default)")
      ->type_name("FILE");
  app.add_option("--format", format,
                 "A page to look around in, a picture, or Graphviz's language (default html, or "
                 "what FILE ends in)")
      ->type_name("html|svg|dot")
      ->check(CLI::IsMember({"html", "svg", "dot"}));
  app.add_option("--depth", how.depth,
                 "Scopes within so many others are one node each (default: as deep as leaves 150 "
                 "nodes or fewer)")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--export", how.only, "Only what this export needs")->type_name("NAME");
  int status = exitFine;
  if (!parseArguments(app, arguments, status)) return status;
  Definition definition;
  if (!definition.load(options, Definition::StandardError, status)) return status;

  const Graph &graph = definition.graph();
  std::vector<std::string_view> exports;
  for (const Export &exported : graph.exports) exports.push_back(exported.name);
  if (!how.only.empty() && std::find(exports.begin(), exports.end(), how.only) == exports.end()) {
    auto nearest = nearestName(how.only, exports);
    return usageError(fmt::format("there is no export '{}'{}", how.only,
                                  nearest ? fmt::format("; did you mean '{}'?", *nearest) : ""));
  }
  Picture picture = drawn(graph, definition.sources(), how);
  std::string title = options.file == "-" ? "standard input" : options.file;
  std::string text = pictureDot(picture, title), why;
  format = formatOf(format, output);
  if (format != "dot") {
    if (picture.nodes.size() > mostNodes || picture.edges.size() > mostEdges)
      return usageError(fmt::format(
          "{} nodes and {} edges are too many to lay out; {}, and --format=dot writes them all",
          picture.nodes.size(), picture.edges.size(),
          picture.depth > 0
              ? fmt::format("a smaller --depth than {} draws fewer", picture.depth)
              : std::string("name scopes would gather them, --export NAME draws a part")));
    LayoutSvg layout = loadLayout(why);
    std::string svg;
    if (!layout || !layout(text, svg, why)) return usageError(why);
    text = format == "svg" ? std::move(svg) : picturePage(picture, title, svg);
  }
  if (output.empty() || output == "-")
    return definition.finish(writeOutput(text) ? exitFine : exitUsage);
  OutputSet files;
  if (!files.add(output, text, false, why) || !files.commit(why)) return usageError(why);
  return definition.finish();
}

} // namespace graphc
