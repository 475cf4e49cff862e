// W0211. A scope that is opened by default_name gets the first number that is free, so the names in
// a checkpoint hang on the order of the program: a layer added above renames those below.
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  for (const auto &made : lint.trace.made) {
    if (!made.numberedScope) continue;
    auto &found = lint.report(
        LintContext::placeOf(*made.variable),
        fmt::format("the name '{}' hangs on the order of the program: a scope around it got its "
                    "number from default_name",
                    made.variable->name));
    found.help = "give the scope a name of its own, so that checkpoints outlive changes";
  }
}

} // namespace

extern const Rule numberedVariable;
const Rule numberedVariable = {
    .code = "W0211",
    .name = "numbered-variable",
    .summary = "a variable kept under a default_name scope that received a number",
    .run = run};

} // namespace graphc
