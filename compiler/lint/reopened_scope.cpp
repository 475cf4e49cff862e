// W0204. A variable scope that is opened again by its string has the same variables but a new name
// scope: its operations land in conv1_1, where nobody looks for them.
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  std::unordered_map<std::string_view, const Trace::VariableScopeOpened *> first;
  for (const auto &opened : lint.trace.variableScopes) {
    auto [before, isNew] = first.try_emplace(opened.name, &opened);
    if (isNew || !opened.byString || opened.nameScope == opened.askedNameScope) continue;
    auto &found = lint.report(
        opened.place,
        fmt::format("the variable scope '{}' is opened again: its operations land in '{}'",
                    opened.name, opened.nameScope));
    Span at = lint.userPlace(before->second->place);
    if (at.valid() && at != lint.userPlace(opened.place))
      found.notes.push_back({"first opened here", at});
    found.help = "open it once `as scope`, and pass that object where it is opened again";
  }
}

} // namespace

extern const Rule reopenedScope;
const Rule reopenedScope = {
    .code = "W0204",
    .name = "reopened-scope",
    .summary = "a variable scope opened again by its string, with a numbered name scope",
    .severity = Severity::Info,
    .run = run};

} // namespace graphc
