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
  app.add_option("-D", defines, "Sets a param of the definitions that are open")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  int status = exitFine;
  if (!parseArguments(app, arguments, status)) return status;
  Defines given;
  for (const std::string &define : defines) {
    size_t at = define.find('=');
    if (at == std::string::npos || at == 0)
      return usageError(fmt::format("-D takes NAME=VALUE, not '{}'", define));
    given.emplace_back(define.substr(0, at), define.substr(at + 1));
  }
  return LanguageServer(stdin, stdout, std::move(given)).run();
}

} // namespace graphc
