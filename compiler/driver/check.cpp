// graphc check: elaborates and says what is wrong.
#include "driver/command.h"

#include <CLI/CLI.hpp>

namespace graphc {

int runCheck(const Arguments &arguments) {
  CLI::App app("Elaborates a definition and reports what is wrong with it. What print() says "
               "goes to standard output, errors to standard error.",
               "graphc check");
  DefinitionOptions options;
  options.addTo(app);
  int status = exitFine;
  if (!parseArguments(app, arguments, status)) return status;
  Definition definition;
  if (!definition.load(options, Definition::StandardOutput, status)) return status;
  return definition.finish();
}

} // namespace graphc
