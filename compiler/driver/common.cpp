#include "driver/command.h"
#include "interface/names.h"
#include "transform/passes.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <unistd.h>

namespace graphc {

int usageError(std::string_view message) {
  std::fflush(stdout);
  std::string line = fmt::format("graphc: error: {}\n", message);
  std::fwrite(line.data(), 1, line.size(), stderr);
  return exitUsage;
}

void notice(std::string_view message) {
  std::fflush(stdout);
  std::string line = fmt::format("graphc: {}\n", message);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

bool writeOutput(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return true;
  usageError(fmt::format("can't write to standard output: {}", std::strerror(errno)));
  return false;
}

namespace {

/// " (did you mean --name?)" for an option that there is not.
std::string optionHint(const CLI::App &app, const std::string &message) {
  size_t at = message.rfind(": ");
  if (at == std::string::npos) return "";
  std::string word = message.substr(at + 2);
  word = word.substr(0, word.find_first_of(" ="));
  std::vector<std::string> names;
  for (const CLI::Option *option : app.get_options())
    for (const std::string &name : option->get_lnames()) names.push_back("--" + name);
  std::vector<std::string_view> views(names.begin(), names.end());
  auto nearest = word.starts_with("--") ? nearestName(word, views) : std::nullopt;
  return nearest ? fmt::format(" (did you mean {}?)", *nearest) : "";
}

std::function<void(const CLI::App &)> commandWatcher;

} // namespace

void watchCommands(std::function<void(const CLI::App &)> watcher) {
  commandWatcher = std::move(watcher);
}

bool parseArguments(CLI::App &app, const Arguments &arguments, int &status) {
  if (commandWatcher) {
    commandWatcher(app);
    status = exitFine;
    return false;
  }
  app.get_formatter()->column_width(34);
  try {
    app.parse(Arguments(arguments.rbegin(), arguments.rend()));
    return true;
  } catch (const CLI::CallForHelp &) {
    status = writeOutput(app.help()) ? exitFine : exitUsage;
  } catch (const CLI::ParseError &wrong) {
    std::string message = wrong.what();
    status = usageError(
        fmt::format("{}{}\nSee `{} --help`.", message, optionHint(app, message), app.get_name()));
  }
  return false;
}

void DefinitionOptions::addTo(CLI::App &app) {
  app.add_option("FILE", file, "The definition; - is standard input")->required();
  addDefinesOption(app, defines);
  addDiagnosticsOption(app, diagnostics);
  addLimitOptions(app, limits);
}

void addDefinesOption(CLI::App &app, std::vector<std::string> &defines, const char *description) {
  app.add_option("-D", defines, description)->type_name("NAME=VALUE")->allow_extra_args(false);
}

void addDiagnosticsOption(CLI::App &app, std::string &format, const char *description) {
  app.add_option("--diagnostics", format, description)
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "json", "sarif", "github", "junit"}));
}

void addLimitOptions(CLI::App &app, Limits &limits) {
  const char *group = "Limits of elaboration (E0007, E0106)";
  auto limit = [&](const char *name, auto &value, const char *what) {
    app.add_option(name, value, fmt::format("{} (default {})", what, value))
        ->type_name("N")
        ->group(group);
  };
  limit("--max-steps", limits.steps, "Statements, calls and list elements");
  limit("--max-operations", limits.operations, "Operations of the graph");
  limit("--max-length", limits.listLength, "Elements of one list, string or range");
  limit("--max-memory", limits.memory, "Bytes of values and names, in all");
  limit("--max-calls", limits.callDepth, "Calls within one another");
}

namespace {

DiagnosticFormat formatFromName(std::string_view name) {
  if (name == "json") return DiagnosticFormat::Json;
  if (name == "sarif") return DiagnosticFormat::Sarif;
  if (name == "github") return DiagnosticFormat::GitHub;
  if (name == "junit") return DiagnosticFormat::JUnit;
  return DiagnosticFormat::Text;
}

/// https://no-color.org: any value that is not empty.
bool wantsColor(int stream) {
  const char *none = std::getenv("NO_COLOR");
  if (none && *none) return false;
  const char *terminal = std::getenv("TERM");
  return isatty(stream) && terminal && std::strcmp(terminal, "dumb") != 0;
}

} // namespace

RenderOptions renderOptionsFor(std::string_view format, bool toStandardOutput) {
  RenderOptions options;
  options.format = formatFromName(format);
  options.color = options.format == DiagnosticFormat::Text &&
                  wantsColor(toStandardOutput ? STDOUT_FILENO : STDERR_FILENO);
  return options;
}

bool parseDefines(const std::vector<std::string> &given,
                  std::vector<std::pair<std::string, std::string>> &defines) {
  for (const std::string &define : given) {
    size_t at = define.find('=');
    if (at == std::string::npos || at == 0) {
      usageError(fmt::format("-D takes NAME=VALUE, not '{}'", define));
      return false;
    }
    defines.emplace_back(define.substr(0, at), define.substr(at + 1));
  }
  return true;
}

/// Leaves the exports named. False, after a message, if there is no such export.
static bool selectExports(Graph &graph, const std::vector<std::string> &wanted) {
  if (wanted.empty()) return true;
  std::vector<std::string_view> names;
  for (const Export &exported : graph.exports) names.push_back(exported.name);
  for (const std::string &name : wanted) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    auto nearest = nearestName(name, names);
    usageError(fmt::format("there is no export '{}'{}", name,
                           nearest ? fmt::format("; did you mean '{}'?", *nearest) : ""));
    return false;
  }
  std::erase_if(graph.exports, [&](const Export &exported) {
    return std::find(wanted.begin(), wanted.end(), exported.name) == wanted.end();
  });
  return true;
}

/// The process ends with its command: to give a large graph back piece by piece is time lost.
Definition::~Definition() {
  [[maybe_unused]] static const auto *elaborated = elaborated_.release();
  [[maybe_unused]] static const auto *interface =
      new (std::nothrow) std::optional(std::move(interface_));
}

bool Definition::load(const DefinitionOptions &options, PrintTo printTo, int &status,
                      const std::string &model, const std::vector<std::string> &exports) {
  format_ = options.diagnostics;
  ElaborateOptions how;
  if (!parseDefines(options.defines, how.defines)) {
    status = exitUsage;
    return false;
  }
  how.limits = options.limits;
  how.keepValues = true;
  FILE *to = printTo == StandardOutput ? stdout : stderr;
  bool printFailed = false;
  how.print = [&, to](std::string_view line) {
    // Standard error has no buffer: the line and its end go out as one.
    std::string whole(line);
    whole += '\n';
    printFailed |= std::fwrite(whole.data(), 1, whole.size(), to) != whole.size();
  };
  elaborated_ = elaborate(sources_, options.file, how, diagnostics_);
  printFailed |= std::fflush(to) != 0;
  int problem = exitFine;
  if (printFailed)
    problem = usageError(fmt::format("can't write what print() says: {}", std::strerror(errno)));
  if (elaborated_)
    for (const std::string &wrong : elaborated_->usageErrors) problem = usageError(wrong);
  if (!elaborated_ || elaborated_->unreadable) problem = exitUsage;
  if (problem == exitFine && !diagnostics_.hasErrors() &&
      !selectExports(elaborated_->graph, exports))
    problem = exitUsage;
  if (problem == exitFine && !diagnostics_.hasErrors()) {
    interface_ = planInterface(elaborated_->graph,
                               model.empty() ? modelNameOf(options.file) : model, diagnostics_);
    if (interface_) return true;
  }
  status = finish();
  if (problem != exitFine) status = problem;
  return false;
}

bool Definition::optimize(int level, std::string &why) {
  PassOptions options;
  options.level = level;
  for (const std::string &broken : runPasses(elaborated_->graph, options)) {
    why = "internal mistake of the compiler: " + broken;
    return false;
  }
  return true;
}

int Definition::finish(int otherwise) {
  return reportDiagnostics(diagnostics_, format_, otherwise);
}

int reportDiagnostics(Diagnostics &diagnostics, std::string_view format, int otherwise,
                      ReportTo to) {
  std::fflush(stdout);
  // By place: names are looked up before anything runs, so errors are not found in order.
  std::stable_sort(diagnostics.all().begin(), diagnostics.all().end(),
                   [](const Diagnostic &a, const Diagnostic &b) {
                     if (a.span.valid() != b.span.valid()) return !a.span.valid();
                     return std::pair(a.span.file, a.span.begin) <
                            std::pair(b.span.file, b.span.begin);
                   });
  bool toOutput = to == ReportTo::StandardOutput;
  std::string text = render(diagnostics, renderOptionsFor(format, toOutput));
  if (toOutput && !writeOutput(text)) return exitUsage;
  if (toOutput) return diagnostics.hasErrors() ? exitErrors : otherwise;
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
  return diagnostics.hasErrors() ? exitErrors : otherwise;
}

std::string modelName(const std::string &given, const std::string &file) {
  std::string name = given;
  if (name.empty()) {
    if (file == "-") {
      usageError("a definition from standard input has no name; give one with --name");
      return "";
    }
    name = modelNameOf(file);
  }
  std::string problem = modelNameProblem(name);
  if (problem.empty()) return name;
  usageError(fmt::format("'{}' {}, so it can't name the generated code; {}", name, problem,
                         given.empty() ? "give a name with --name" : "give another --name"));
  return "";
}

} // namespace graphc
