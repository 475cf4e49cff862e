// W0210. Two variables whose names differ in case alone are two sets of weights, of which one is
// numbered in the graph; on a file system that ignores case they are one.
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  std::unordered_map<std::string, const Variable *> first;
  for (const auto *variable : lint.graph.variables) {
    if (variable->kind == Variable::Slot) continue;
    auto [at, isNew] = first.try_emplace(lowerCase(variable->name), variable);
    if (isNew || at->second->name == variable->name) continue;
    auto &found = lint.report(LintContext::placeOf(*variable),
                              fmt::format("the variables '{}' and '{}' differ in case alone",
                                          variable->name, at->second->name));
    found.notes.push_back({fmt::format("'{}' is made here", at->second->name),
                           lint.userPlace(LintContext::placeOf(*at->second))});
    found.help = "if they are one variable, spell them alike; else give one another name";
  }
}

} // namespace

extern const Rule caseOnly;
const Rule caseOnly = {.code = "W0210",
                       .name = "case-only",
                       .summary = "two variables whose full names differ in case alone",
                       .run = run};

} // namespace graphc
