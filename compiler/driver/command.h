// What the commands of `graphc` share. Each command is a function in a file of its own: it
// gets its arguments and returns the exit status.
#pragma once

#include "elaborate/elaborate.h"
#include "interface/plan.h"
#include "source/diagnostics.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace graphc {

enum ExitStatus : int {
  exitFine = 0,
  exitErrors = 1, // the definition has errors
  exitUsage = 2,  // wrong usage, or a file that can't be read or written
};

using Arguments = std::vector<std::string>; // without the program's and the command's name

int runCheck(const Arguments &arguments);
int runInspect(const Arguments &arguments);
int runBuild(const Arguments &arguments);
int runRun(const Arguments &arguments);
int runTrain(const Arguments &arguments);
int runCheckpoint(const Arguments &arguments);
int runExplain(const Arguments &arguments);
int runDiff(const Arguments &arguments);
int runFmt(const Arguments &arguments);
int runLint(const Arguments &arguments);
int runLsp(const Arguments &arguments);
int runViz(const Arguments &arguments);

/// "graphc: error: MESSAGE" on standard error; returns exitUsage.
int usageError(std::string_view message);
/// Like it, without "error".
void notice(std::string_view message);

/// Parses a command's arguments. False where the command is over with `status`: help was printed,
/// or the usage was wrong and has been explained.
bool parseArguments(CLI::App &app, const Arguments &arguments, int &status);
/// From now on commands don't run: each only shows its parser to `watcher`.
void watchCommands(std::function<void(const CLI::App &)> watcher);

enum class ReportTo : uint8_t { StandardError, StandardOutput };
/// Writes diagnostics in such a format, by their place; exitErrors if there are errors, else
/// `otherwise`.
int reportDiagnostics(Diagnostics &diagnostics, std::string_view format, int otherwise = exitFine,
                      ReportTo to = ReportTo::StandardError);

/// Writes to standard output, all at once. False, after a message, where that fails.
bool writeOutput(std::string_view text);

// Options that commands have in common.
void addDefinesOption(CLI::App &app, std::vector<std::string> &defines,
                      const char *description = "Sets a param of the definition");
/// --diagnostics, which every command has that reads a definition.
void addDiagnosticsOption(CLI::App &app, std::string &format,
                          const char *description = "How errors are written (default text)");
void addLimitOptions(CLI::App &app, Limits &limits);
/// NAME=VALUE taken apart. False after a message.
bool parseDefines(const std::vector<std::string> &given,
                  std::vector<std::pair<std::string, std::string>> &defines);
/// Of a format's name; colour where the stream is a terminal and nobody asked for none.
RenderOptions renderOptionsFor(std::string_view format, bool toStandardOutput);

/// The options of every command that reads a definition.
struct DefinitionOptions {
  std::string file;
  std::vector<std::string> defines;
  std::string diagnostics = "text";
  Limits limits;

  /// Adds them to a command; the file is its first positional argument.
  void addTo(CLI::App &app);
};

/// A definition that was read and run, its diagnostics, and how to report them.
class Definition {
public:
  enum PrintTo { StandardOutput, StandardError };

  Definition() = default;
  Definition(const Definition &) = delete;
  ~Definition();

  /// Elaborates and plans the generated interface, named `model` or else as the file is, of the
  /// exports named, or else of all. False where the command is over with `status`; everything is
  /// reported then.
  bool load(const DefinitionOptions &options, PrintTo printTo, int &status,
            const std::string &model = "", const std::vector<std::string> &exports = {});
  /// Writes the diagnostics, which is the last thing that a command says, and returns the exit
  /// status: exitErrors if there are errors, else `otherwise`.
  int finish(int otherwise = exitFine);

  const Graph &graph() const { return elaborated_->graph; }
  /// Runs the passes for code generation, after which `graph` is what is to be compiled. False,
  /// with the reason in `why`, if a pass broke the graph (a mistake of the compiler).
  bool optimize(int level, std::string &why);
  Graph &graphToCompile() { return elaborated_->graph; }
  const ModelInterface &interface() const { return *interface_; }
  const std::vector<std::string> &files() const { return elaborated_->files; }
  const SourceManager &sources() const { return sources_; }
  Diagnostics &diagnostics() { return diagnostics_; }

private:
  SourceManager sources_;
  Diagnostics diagnostics_{sources_};
  std::unique_ptr<Elaborated> elaborated_;
  std::optional<ModelInterface> interface_;
  std::string format_; // of the diagnostics
};

/// The model's name: `given`, else the file's stem. Empty, after a message, if it can't be one.
std::string modelName(const std::string &given, const std::string &file);

struct Codegen;
/// Loads the code generator, once. Null, with the reason in `why`, where it can't be.
const Codegen *loadCodegen(std::string &why);

} // namespace graphc
