// W0202. Reuse is a matter of get_variable: under reuse=True, Variable() makes a new one as ever.
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  for (const auto &made : lint.trace.plain) {
    if (!made.underReuse) continue;
    auto &found = lint.report(
        LintContext::placeOf(*made.variable),
        fmt::format("reuse is True here, but Variable() is never shared: '{}' is a new variable",
                    made.variable->opName));
    found.help = "use get_variable, which reuse concerns";
  }
}

} // namespace

extern const Rule variableUnderReuse;
const Rule variableUnderReuse = {.code = "W0202",
                                 .name = "variable-under-reuse",
                                 .summary = "Variable() where reuse is True: it is never shared",
                                 .run = run};

} // namespace graphc
