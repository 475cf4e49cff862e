// graphc inspect: what is in a definition's graph.
#include "interface/inspect.h"

#include "driver/command.h"
#include "interface/costs.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

namespace graphc {

namespace {

/// NAME=N taken apart; the dimension must be one of the graph. False after a message.
bool parseDims(const std::vector<std::string> &given, const Graph &graph, DimValues &values) {
  auto names = dimNames(graph);
  std::vector<std::string_view> known(names.begin(), names.end());
  for (const std::string &text : given) {
    size_t equals = text.find('=');
    std::string name = text.substr(0, equals);
    int64_t value = -1;
    if (equals != std::string::npos) {
      const char *end = text.data() + text.size();
      auto read = std::from_chars(text.data() + equals + 1, end, value);
      if (read.ec != std::errc() || read.ptr != end) value = -1;
    }
    if (value < 0) {
      usageError(fmt::format("--dim {}: a dimension's value is given as NAME=N", text));
      return false;
    }
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      auto nearest = nearestName(name, known);
      usageError(fmt::format("--dim {}: there is no run-time dimension '{}'{}", text, name,
                             nearest ? fmt::format("; did you mean '{}'?", *nearest)
                             : names.empty()
                                 ? "; all are known"
                                 : fmt::format("; there is {}", fmt::join(names, ", "))));
      return false;
    }
    values.emplace_back(std::move(name), value);
  }
  return true;
}

} // namespace

int runInspect(const Arguments &arguments) {
  CLI::App app("Lists the variables, operations, name scopes, placeholders, exports and "
               "collections of a definition; or says what is shared, and what it costs.",
               "graphc inspect");
  DefinitionOptions options;
  options.addTo(app);
  InspectOptions shown;
  std::string format = "text";
  std::vector<std::string> dims;
  app.add_option("--format", format, "A table for people, or JSON (default text)")
      ->type_name("text|json")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_flag("--sharing", shown.sharing, "Which variables are shared, and by which calls");
  auto *cost = app.add_flag("--cost", shown.cost,
                            "FLOPs and bytes moved, of operations, scopes and exports");
  app.add_option("--dim", dims, "With --cost: the value of a run-time dimension")
      ->type_name("NAME=N")
      ->allow_extra_args(false)
      ->needs(cost);
  int status = exitFine;
  if (!parseArguments(app, arguments, status)) return status;
  Definition definition;
  if (!definition.load(options, Definition::StandardError, status)) return status;
  const Graph &graph = definition.graph();
  if (!parseDims(dims, graph, shown.dims)) return exitUsage;
  bool written =
      writeOutput(format == "json" ? inspectJson(graph, definition.sources(), options.file, shown)
                                   : inspectText(graph, definition.sources(), shown));
  return definition.finish(written ? exitFine : exitUsage);
}

} // namespace graphc
