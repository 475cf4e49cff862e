// graphc lint: errors as `check` reports them, and the rules of compiler/lint.
#include "driver/command.h"
#include "driver/files.h"
#include "driver/output.h"
#include "driver/text_diff.h"
#include "lint/baseline.h"
#include "lint/fix.h"
#include "lint/rule.h"
#include "source/paths.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <map>
#include <set>

namespace graphc {

namespace fs = std::filesystem;

namespace {

struct Options {
  std::vector<std::string> inputs, defines;
  std::string diagnostics = "text", failOn, config, baseline, writeBaseline;
  bool fix = false, unsafeFixes = false, diff = false;
  Limits limits;
};

void addOptions(CLI::App &app, Options &options) {
  app.add_option("INPUT", options.inputs,
                 "Definitions, or folders in which *.graph is looked for; - is standard input "
                 "(default: the current folder)")
      ->type_name("FILE|DIR|-");
  addDefinesOption(app, options.defines);
  addDiagnosticsOption(app, options.diagnostics, "How findings are written (default text)");
  app.add_option("--fail-on", options.failOn,
                 "From which severity on findings make the exit status 1 (default warning)")
      ->type_name("SEVERITY")
      ->check(CLI::IsMember({"error", "warning", "info"}));
  app.add_option("--config", options.config,
                 "The configuration (default: graphlint.toml in the nearest folder upward)")
      ->type_name("FILE");
  auto *baseline =
      app.add_option("--baseline", options.baseline, "Report only what is not in this file")
          ->type_name("FILE");
  app.add_option("--write-baseline", options.writeBaseline, "Make that file of what is found now")
      ->type_name("FILE")
      ->excludes(baseline);
  app.add_flag("--fix", options.fix, "Apply the fixes that leave the graph as it is");
  app.add_flag("--unsafe-fixes", options.unsafeFixes, "Apply the other fixes, too");
  app.add_flag("--diff", options.diff, "Show what fixes would change, and change nothing");
  addLimitOptions(app, options.limits);
}

/// Whether the inputs hold all that a configuration is for: the folder where it stands, or, where
/// it was named, any folder.
bool searchesAll(const Options &options, const std::vector<std::string> &inputs,
                 const LintConfig &config) {
  return std::any_of(inputs.begin(), inputs.end(), [&](const std::string &input) {
    std::error_code failed;
    if (!fs::is_directory(input, failed)) return false;
    std::string folder = canonicalPath(input), own = canonicalPath(config.folder);
    return !options.config.empty() || own == folder ||
           own.starts_with(folder == "/" ? folder : folder + "/");
  });
}

/// What is to be linted. False, after a message, where a configuration is broken.
bool gatherJobs(const Options &options, std::vector<LintJob> &jobs,
                std::vector<std::string> &problems) {
  LintConfigs configs(options.config);
  std::string why;
  auto inputs = options.inputs;
  if (inputs.empty()) inputs.emplace_back(".");
  auto excluded = [&](const std::string &folder, const std::string &name) {
    auto config = why.empty() ? configs.of(folder, why) : nullptr;
    return !config || config->excludes(folder + "/" + name);
  };
  FoundFiles found = findDefinitions(inputs, excluded);
  problems = std::move(found.problems);
  std::map<const LintConfig *, bool> searched;
  for (const std::string &path : found.files) {
    if (!why.empty()) break;
    std::error_code failed;
    std::string folder = path == "-" ? fs::current_path(failed).string()
                                     : fs::weakly_canonical(path, failed).parent_path().string();
    auto config = configs.of(folder, why);
    if (!config) continue;
    auto [known, isNew] = searched.try_emplace(config.get());
    if (isNew) known->second = searchesAll(options, inputs, *config);
    jobs.push_back({path, config, known->second});
  }
  if (why.empty()) return true;
  usageError(why);
  return false;
}

/// Writes the new texts of files, all or none.
bool writeTexts(const FixResult &fixed) {
  OutputSet outputs;
  std::string why;
  for (const auto &[path, text] : fixed.texts)
    if (!outputs.add(path, text, false, why)) return usageError(why), false;
  if (!outputs.commit(why)) return usageError(why), false;
  return true;
}

RenderOptions renderOptions(const Options &options, const LintReport &report, size_t fixed) {
  RenderOptions render = renderOptionsFor(options.diagnostics, true);
  size_t safe = countFixable(report.findings, false), all = countFixable(report.findings, true);
  if (safe) render.note = fmt::format("{} fixable with --fix", safe);
  if (all > safe && safe) render.note += fmt::format(", {} with --unsafe-fixes", all - safe);
  if (all > safe && !safe) render.note = fmt::format("{} fixable with --unsafe-fixes", all);
  if (fixed)
    render.note = fmt::format("{} fixed{}", fixed, render.note.empty() ? "" : ", ") + render.note;
  for (const auto *rule : allRules())
    render.rules.push_back({rule->code, rule->name, rule->summary, rule->severity, rule->on});
  for (const auto &finding : report.findings)
    if (finding.suppressed) render.suppressed.push_back({finding, finding.reason});
  return render;
}

} // namespace

int runLint(const Arguments &arguments) {
  CLI::App app("Reports errors as `check` does, and mistakes that are none to the compiler: names "
               "that hide, updates that are lost, variables that nobody shares. `graphc explain "
               "CODE` says more about each.",
               "graphc lint");
  Options options;
  addOptions(app, options);
  int status = exitFine;
  if (!parseArguments(app, arguments, status)) return status;
  LintOptions how;
  if (!parseDefines(options.defines, how.defines)) return exitUsage;
  how.limits = options.limits;
  if (!options.failOn.empty()) how.failOn = severityFromName(options.failOn);
  bool applies = options.fix || options.unsafeFixes;
  bool readsInput =
      std::find(options.inputs.begin(), options.inputs.end(), "-") != options.inputs.end();
  if (readsInput && applies && !options.diff)
    return usageError("standard input can't be fixed in place; --diff shows the fixes");

  std::vector<LintJob> jobs;
  std::vector<std::string> problems;
  if (!gatherJobs(options, jobs, problems)) return exitUsage;
  Baseline baseline;
  std::string why;
  if (!options.baseline.empty() && !baseline.read(options.baseline, why)) return usageError(why);
  if (readsInput) {
    // It can be read once; fixes look at it again.
    auto text = readFile("-", why);
    if (!text) return usageError(fmt::format("standard input can't be read: {}", why));
    how.texts["-"] = std::move(*text);
  }

  auto report = lint(jobs, how);
  FixResult fixed;
  std::map<std::string, std::string> before;
  if (applies || options.diff) {
    for (FileId file = 0; file < report->sources.size(); ++file)
      before.emplace(report->sources.file(file).path(), report->sources.file(file).text());
    report = fixFindings(jobs, how, std::move(report), options.unsafeFixes, fixed);
  }
  std::fflush(stdout);
  std::fwrite(report->printed.data(), 1, report->printed.size(), stderr);

  if (!options.baseline.empty())
    std::erase_if(report->findings, [&](auto &finding) {
      return !finding.suppressed && baseline.takes(report->sources, finding);
    });
  if (std::any_of(report->findings.begin(), report->findings.end(),
                  [](auto &finding) { return finding.fails; }))
    status = exitErrors;
  bool unread = report->unreadable || !problems.empty();

  Diagnostics shown(report->sources);
  for (const auto &finding : report->findings)
    if (!finding.suppressed) shown.add(finding);
  RenderOptions render = renderOptions(options, *report, options.diff ? 0 : fixed.applied);
  render.successful = !unread && report->usageErrors.empty();
  std::string text;
  if (options.diff) {
    for (const auto &[path, after] : fixed.texts) text += unifiedDiff(before[path], after, path);
    if (!fixed.texts.empty()) status = std::max<int>(status, exitErrors);
  } else if (options.writeBaseline.empty()) {
    text = graphc::render(shown, render);
  }
  if (!options.writeBaseline.empty()) {
    std::erase_if(report->findings, [](auto &finding) { return finding.suppressed; });
    OutputSet outputs;
    if (!outputs.add(options.writeBaseline,
                     Baseline::write(options.writeBaseline, report->sources, report->findings),
                     false, why) ||
        !outputs.commit(why))
      return usageError(why);
    notice(fmt::format("{} findings are in '{}'", report->findings.size(), options.writeBaseline));
    status = exitFine;
  }
  if (applies && !options.diff && !writeTexts(fixed)) return exitUsage;
  if (!writeOutput(text)) return exitUsage;
  for (const auto &problem : problems) usageError(problem);
  for (const auto &wrong : report->usageErrors) usageError(wrong);
  return unread || !report->usageErrors.empty() ? int(exitUsage) : status;
}

} // namespace graphc
