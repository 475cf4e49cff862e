// graphc: the command line. Finds the command and hands over to it.
#include "driver/command.h"
#include "driver/output.h"
#include "driver/pages.h"
#include "source/source.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <new>

using namespace graphc;

namespace {

struct Command {
  std::string_view name;
  std::string_view summary;
  int (*run)(const Arguments &);
};

constexpr Command commands[] = {
    {"check", "elaborate a definition and report what is wrong with it", runCheck},
    {"inspect", "list variables, operations, scopes, placeholders and exports", runInspect},
    {"build", "compile to native code, with C and C++ headers", runBuild},
    {"run", "compile in memory and call one export", runRun},
    {"train", "drive a training export over data files", runTrain},
    {"checkpoint", "list, rename, import and export the tensors of checkpoint files",
     runCheckpoint},
    {"lint", "find mistakes that the compiler lets pass", runLint},
    {"diff", "say what a new version of a definition breaks", runDiff},
    {"fmt", "write definitions in the one style", runFmt},
    {"viz", "draw the graph: a page, SVG or DOT, scopes as nested boxes", runViz},
    {"lsp", "serve an editor: the language server protocol", runLsp},
    {"explain", "say what a diagnostic means, with examples", runExplain},
};

int printHelp() {
  std::string text = "Compiles graph definitions to native code.\n"
                     "\n"
                     "Usage: graphc COMMAND [OPTIONS] FILE\n"
                     "\n"
                     "Commands:\n";
  for (const Command &command : commands)
    text += fmt::format("  {:<10} {}\n", command.name, command.summary);
  text += "\n"
          "graphc COMMAND --help says more about one of them; --version is the version.\n"
          "Exit status: 0 all well, 1 the definition has errors, 2 wrong usage, or a file that\n"
          "can't be read or written.\n";
  return writeOutput(text) ? exitFine : exitUsage;
}

/// Manual pages and completions, for installations.
int writePages(const std::string &folder) {
  std::vector<DescribedCommand> described;
  for (const Command &command : commands) {
    watchCommands([&](const CLI::App &app) {
      describeCommand(app, std::string(command.name), std::string(command.summary), described);
    });
    command.run({});
  }
  std::vector<Page> pages = manualPages(described, GRAPHC_VERSION);
  for (Page &page : completions(described)) pages.push_back(std::move(page));
  OutputSet files;
  std::string why;
  for (const Page &page : pages) {
    auto path = std::filesystem::path(folder) / page.path;
    if (!makeFolders(path.parent_path().string(), why) ||
        !files.add(path.string(), page.text, false, why))
      return usageError(why);
  }
  return files.commit(why) ? exitFine : usageError(why);
}

int dispatch(const Arguments &arguments) {
  if (arguments.empty()) return usageError("which command? `graphc --help` lists them");
  const std::string &name = arguments[0];
  if (name == "--help" || name == "-h" || name == "help") return printHelp();
  if (name == "--version") return writeOutput("graphc " GRAPHC_VERSION "\n") ? exitFine : exitUsage;
  if (name == "--write-pages" && arguments.size() == 2) return writePages(arguments[1]);
  const auto *command = std::find_if(std::begin(commands), std::end(commands),
                                     [&](const Command &c) { return c.name == name; });
  if (command != std::end(commands)) return command->run({arguments.begin() + 1, arguments.end()});
  std::vector<std::string_view> names;
  for (const Command &c : commands) names.push_back(c.name);
  std::string hint;
  if (auto nearest = nearestName(name, names)) hint = fmt::format("; did you mean '{}'?", *nearest);
  return usageError(fmt::format("there is no command '{}'{}", name, hint));
}

} // namespace

int main(int argc, char **argv) {
  try {
    return dispatch({argv + std::min(argc, 1), argv + argc});
  } catch (const std::bad_alloc &) {
    // Elaboration's limits stand well below this; a machine may still have less.
    std::fputs("graphc: error: not enough memory\n", stderr);
    return exitUsage;
  }
}
