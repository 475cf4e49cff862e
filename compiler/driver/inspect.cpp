// graphc inspect: what is in a definition's graph.
#include "interface/inspect.h"

#include "driver/command.h"

#include <CLI/CLI.hpp>

namespace graphc {

int runInspect(const Arguments &arguments) {
  CLI::App app("Lists the variables, operations, name scopes, placeholders, exports and "
               "collections of a definition.",
               "graphc inspect");
  DefinitionOptions options;
  options.addTo(app);
  std::string format = "text";
  app.add_option("--format", format, "A table for people, or JSON (default text)")
      ->type_name("text|json")
      ->check(CLI::IsMember({"text", "json"}));
  int status = exitFine;
  if (!parseArguments(app, arguments, status)) return status;
  Definition definition;
  if (!definition.load(options, Definition::StandardError, status)) return status;
  const Graph &graph = definition.graph();
  bool written =
      writeOutput(format == "json" ? inspectJson(graph, definition.sources(), options.file)
                                   : inspectText(graph, definition.sources()));
  return definition.finish(written ? exitFine : exitUsage);
}

} // namespace graphc
