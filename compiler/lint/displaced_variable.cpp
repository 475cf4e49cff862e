// W0215. A get_variable whose place in the graph was taken by an operation, a name scope or a
// Variable is shared under its name but saved as w_1: a checkpoint that another program wrote has
// no such tensor.
#include "lint/rule.h"

namespace graphc {

namespace {

struct Taker {
  std::string_view what;
  Span span;
};

void run(LintContext &lint) {
  std::unordered_map<std::string, const Variable *> displaced;
  for (const auto &made : lint.trace.made)
    if (made.variable->opName != made.variable->name)
      displaced.emplace(lowerCase(made.variable->name), made.variable);
  if (displaced.empty()) return;
  std::unordered_map<std::string, Taker> takers;
  for (const auto *variable : lint.graph.variables)
    if (displaced.contains(lowerCase(variable->opName)))
      takers.try_emplace(lowerCase(variable->opName),
                         Taker{variable->kind == Variable::GetVariable ? "" : "a Variable",
                               lint.userPlace(LintContext::placeOf(*variable))});
  for (const auto &opened : lint.trace.nameScopes)
    takers.try_emplace(lowerCase(opened.name), Taker{"a name scope", lint.userPlace(opened.place)});
  forEachOperation(lint.graph.operations, [&](const Operation *op) {
    if (!op->name.empty())
      takers.try_emplace(
          lowerCase(op->name),
          Taker{op->type.starts_with("Placeholder") ? "a placeholder" : "an operation",
                lint.userPlace(LintContext::placeOf(*op))});
  });
  for (const auto &made : lint.trace.made) {
    const auto &variable = *made.variable;
    if (variable.opName == variable.name) continue;
    auto taker = takers.find(lowerCase(variable.name));
    // Two variables that differ in case alone are a matter of W0210.
    if (taker == takers.end() || taker->second.what.empty()) continue;
    auto &found =
        lint.report(LintContext::placeOf(variable),
                    fmt::format("the name '{}' is taken by {}, so this variable is saved as '{}'",
                                variable.name, taker->second.what, variable.opName));
    if (taker->second.span.valid())
      found.notes.push_back({"the name is taken here", taker->second.span});
    found.help = "give the other one another name, or make the variable before it";
  }
}

} // namespace

extern const Rule displacedVariable;
const Rule displacedVariable = {
    .code = "W0215",
    .name = "displaced-variable",
    .summary = "a get_variable whose place was taken, so that it is saved under another name",
    .run = run};

} // namespace graphc
