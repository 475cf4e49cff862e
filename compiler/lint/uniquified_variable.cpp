// W0201. `Variable(..., name="weights")` where a variable has that name already makes weights_1: a
// second set of weights, which nothing shares.
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  std::unordered_map<std::string, const Variable *> byName;
  for (const auto *variable : lint.graph.variables)
    byName.emplace(lowerCase(variable->opName), variable);
  for (const auto &made : lint.trace.plain) {
    // What was asked for and not given must be a variable's, not an operation's or a scope's.
    if (made.asked.empty() || made.asked == made.variable->opName) continue;
    auto first = byName.find(lowerCase(made.asked));
    if (first == byName.end() || first->second == made.variable) continue;
    auto &found = lint.report(
        LintContext::placeOf(*made.variable),
        fmt::format("the name '{}' is taken by a variable, so this Variable becomes '{}': a second "
                    "set of weights",
                    made.asked, made.variable->opName));
    found.notes.push_back({fmt::format("'{}' was made here", first->second->opName),
                           lint.userPlace(LintContext::placeOf(*first->second))});
    found.help = "to share one variable use get_variable under a variable_scope with reuse; to "
                 "have two give them different names";
  }
}

} // namespace

extern const Rule uniquifiedVariable;
const Rule uniquifiedVariable = {
    .code = "W0201",
    .name = "uniquified-variable",
    .summary = "a Variable whose name was taken by a variable and got a number",
    .run = run};

} // namespace graphc
