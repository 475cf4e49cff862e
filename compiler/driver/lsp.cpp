// graphc lsp: the language server over standard input and output.
#include "driver/command.h"
#include "lsp/server.h"

#include <CLI/CLI.hpp>

namespace graphc {

int runLsp(const Arguments &arguments) {
  CLI::App app("Serves an editor by the language server protocol over standard input and output.",
               "graphc lsp");
  std::vector<std::string> defines;
  bool stdio = false;
  app.add_flag("--stdio", stdio, "What it does anyway; editors say so");
  addDefinesOption(app, defines, "Sets a param of the definitions that are open");
  int status = exitFine;
  if (!parseArguments(app, arguments, status)) return status;
  Defines given;
  if (!parseDefines(defines, given)) return exitUsage;
  return LanguageServer(stdin, stdout, std::move(given)).run();
}

} // namespace graphc
