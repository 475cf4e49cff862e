// graphc fmt: writes definitions in the one style.
#include "driver/command.h"
#include "driver/files.h"
#include "driver/output.h"
#include "driver/text_diff.h"
#include "syntax/format.h"

#include <CLI/CLI.hpp>

namespace graphc {

namespace {

struct FmtOptions {
  std::vector<std::string> paths;
  std::string diagnostics = "text";
  bool check = false, diff = false;
};

/// What happened to one file.
enum class Outcome : uint8_t { Same, Changed, Errors, Unreadable };

class Formatter {
public:
  explicit Formatter(const FmtOptions &options) : options_(options) {}

  Outcome run(const std::string &path) {
    auto file = readSource(sources_, path, diagnostics_);
    if (!file) return Outcome::Unreadable;
    std::string_view before = sources_.file(*file).text();
    auto after = format(sources_, *file, diagnostics_);
    if (!after) return Outcome::Errors;
    bool changes = *after != before;
    if (options_.diff) {
      if (!writeOutput(unifiedDiff(before, *after, sources_.file(*file).path())))
        return Outcome::Unreadable;
    } else if (path == "-" && !options_.check) {
      if (!writeOutput(*after)) return Outcome::Unreadable;
    } else if (changes && !options_.check) {
      OutputSet output;
      std::string why;
      if (!output.add(path, *after, false, why) || !output.commit(why)) {
        usageError(why);
        return Outcome::Unreadable;
      }
    }
    return changes ? Outcome::Changed : Outcome::Same;
  }

  Diagnostics &diagnostics() { return diagnostics_; }

private:
  const FmtOptions &options_;
  SourceManager sources_;
  Diagnostics diagnostics_{sources_};
};

std::string countOf(size_t n, std::string_view what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

} // namespace

int runFmt(const Arguments &arguments) {
  CLI::App app("Writes definitions in the one style, in place. Comments stay, and a file that does "
               "not parse is left as it is.",
               "graphc fmt");
  FmtOptions options;
  app.add_option("FILE", options.paths,
                 "Files, folders to search for *.graph, or - (standard input to standard output)")
      ->required();
  app.add_flag("--check", options.check, "Write nothing; status 1 if a file would change");
  app.add_flag("--diff", options.diff, "Write nothing but what would change, as a unified diff");
  addDiagnosticsOption(app, options.diagnostics);
  int status = exitFine;
  if (!parseArguments(app, arguments, status)) return status;

  FoundFiles found = findDefinitions(options.paths);
  for (const std::string &problem : found.problems) status = usageError(problem);
  Formatter formatter(options);
  size_t changed = 0, same = 0;
  for (const std::string &path : found.files) {
    switch (formatter.run(path)) {
    case Outcome::Same:
      ++same;
      break;
    case Outcome::Changed:
      ++changed;
      if (options.check) notice(fmt::format("'{}' would change", path));
      break;
    case Outcome::Unreadable:
      status = exitUsage;
      break;
    case Outcome::Errors:
      break;
    }
  }
  bool quiet = found.files.size() == 1 && (found.files[0] == "-" || options.diff);
  if (!quiet && options.diagnostics == "text")
    notice(options.check || options.diff
               ? fmt::format("{} would change, {} fine", countOf(changed, "file"), same)
               : fmt::format("{} formatted, {} left as they were", countOf(changed, "file"), same));
  int reported = reportDiagnostics(formatter.diagnostics(), options.diagnostics);
  if (status != exitFine) return status;
  if (reported != exitFine) return reported;
  return options.check && changed > 0 ? exitErrors : exitFine;
}

} // namespace graphc
