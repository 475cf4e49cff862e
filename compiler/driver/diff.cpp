// graphc diff: what a new version of a definition breaks.
#include "driver/command.h"
#include "driver/output.h"
#include "interface/compare.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

namespace graphc {

namespace {

struct DiffOptions {
  std::string before, after, level = "weights", diagnostics = "text", renames;
  std::vector<std::string> defines;
};

/// One of the two definitions; its files are in the comparison's own SourceManager, so that a
/// finding can point into both.
struct Version {
  std::unique_ptr<Elaborated> elaborated;
  std::optional<ModelInterface> interface;

  bool load(const std::string &path, const DiffOptions &options, SourceManager &sources,
            Diagnostics &diagnostics, int &status) {
    ElaborateOptions how;
    if (!parseDefines(options.defines, how.defines)) {
      status = exitUsage;
      return false;
    }
    // Two versions print the same twice; neither is asked to.
    how.print = [](std::string_view) {};
    size_t errors = diagnostics.errorCount();
    elaborated = elaborate(sources, path, how, diagnostics);
    if (!elaborated) return false;
    for (const std::string &wrong : elaborated->usageErrors) status = usageError(wrong);
    if (elaborated->unreadable) status = exitUsage;
    if (diagnostics.errorCount() != errors || status != exitFine) return false;
    interface = planInterface(elaborated->graph, "model", diagnostics);
    return interface.has_value();
  }
};

bool writeRenames(const std::string &path, const Renames &renames) {
  nlohmann::ordered_json map = nlohmann::ordered_json::object();
  for (const auto &[was, is] : renames) map[was] = is;
  nlohmann::ordered_json all = {{"renames", map}};
  OutputSet output;
  std::string why;
  if (output.add(path, all.dump(2) + "\n", false, why) && output.commit(why)) return true;
  usageError(why);
  return false;
}

} // namespace

int runDiff(const Arguments &arguments) {
  CLI::App app("Compares two versions of a definition. What breaks is an error (status 1), what is "
               "only different is information. Levels: weights (would a checkpoint of OLD load?), "
               "source (would a program built on OLD work?), numerics (does it compute the same?).",
               "graphc diff");
  DiffOptions options;
  app.add_option("OLD", options.before, "A definition, or git:REV:PATH")->required();
  app.add_option("NEW", options.after, "A definition, or git:REV:PATH")->required();
  app.add_option("--level", options.level, "What to compare (default weights)")
      ->check(CLI::IsMember({"source", "weights", "numerics"}));
  app.add_option("--renames", options.renames,
                 "Write the renamed variables for `graphc checkpoint rename`")
      ->type_name("FILE.json");
  addDefinesOption(app, options.defines, "Sets a param of both definitions");
  addDiagnosticsOption(app, options.diagnostics);
  int status = exitFine;
  if (!parseArguments(app, arguments, status)) return status;
  if (options.before == "-" && options.after == "-")
    return usageError("only one of OLD and NEW can be standard input");

  SourceManager sources;
  Diagnostics errors(sources), findings(sources);
  Version before, after;
  bool loaded = before.load(options.before, options, sources, errors, status);
  if (status == exitFine) loaded &= after.load(options.after, options, sources, errors, status);
  if (!loaded) {
    int reported = reportDiagnostics(errors, options.diagnostics);
    return status != exitFine ? status : reported;
  }
  const Graph &old = before.elaborated->graph, &now = after.elaborated->graph;
  // Renames count at every level: what is only called otherwise computes the same.
  Diagnostics weights(sources);
  Renames renames = compareWeights(old, now, options.level == "weights" ? findings : weights);
  if (options.level == "source") compareSource(*before.interface, *after.interface, findings);
  if (options.level == "numerics") compareNumerics(old, now, renames, findings);
  if (!options.renames.empty() && !writeRenames(options.renames, renames)) return exitUsage;
  if (options.diagnostics == "text" && findings.all().empty())
    notice(fmt::format("nothing differs ({})", options.level));
  return reportDiagnostics(findings, options.diagnostics, exitFine, ReportTo::StandardOutput);
}

} // namespace graphc
