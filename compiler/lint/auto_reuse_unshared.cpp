// W0206. AUTO_REUSE makes what it does not find, so a misspelt name passes: a variable that was
// made under it and that nobody shares may be one.
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  std::unordered_map<std::string_view, const Variable *> byName;
  for (const auto *variable : lint.graph.variables)
    if (variable->kind == Variable::GetVariable) byName.emplace(variable->name, variable);
  std::unordered_set<std::string_view> reported;
  for (const auto &made : lint.trace.made) {
    const auto &variable = *made.variable;
    if (!made.autoReuse || !variable.sharedAt.empty()) continue;
    auto &found = lint.report(
        LintContext::placeOf(variable),
        fmt::format("AUTO_REUSE made the variable '{}', and nothing shares it", variable.name));
    if (found.code.empty()) continue; // looking for near names takes long
    std::vector<std::string_view> others;
    for (const auto &[name, other] : byName)
      if (other != &variable) others.push_back(name);
    std::sort(others.begin(), others.end());
    if (auto near = nearestName(variable.name, others)) {
      found.notes.push_back({fmt::format("'{}' was made here", *near),
                             lint.userPlace(LintContext::placeOf(*byName[*near]))});
      found.help = fmt::format("was '{}' meant?", *near);
    } else {
      found.help =
          "leave out AUTO_REUSE where nothing is to be shared: a misspelt name is an error "
          "then";
    }
  }
}

} // namespace

extern const Rule autoReuseUnshared;
const Rule autoReuseUnshared = {.code = "W0206",
                                .name = "auto-reuse-unshared",
                                .summary = "a variable made under AUTO_REUSE that nothing shares",
                                .needs = Rule::Whole,
                                .run = run};

} // namespace graphc
