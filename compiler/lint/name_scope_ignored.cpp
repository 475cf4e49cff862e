// W0203. A name_scope prefixes operations and Variables. A get_variable within it is named after
// the variable scope alone, so what looks like `tower_0/weights` is `weights`.
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  // Those that the library opened, as loops do around their functions, are nobody's mistake.
  std::unordered_set<std::string_view> opened, byVariableScope;
  for (const auto &scope : lint.trace.nameScopes)
    if (!lint.isLibrary(scope.place.span)) opened.insert(scope.name);
  for (const auto &scope : lint.trace.variableScopes) byVariableScope.insert(scope.nameScope);
  for (const auto &asked : lint.trace.asked) {
    std::string_view scope = asked.ignoredNameScope;
    while (!scope.empty() && !opened.contains(scope)) {
      size_t slash = scope.rfind('/');
      scope = slash == std::string_view::npos ? std::string_view() : scope.substr(0, slash);
      if (byVariableScope.contains(scope)) scope = {};
    }
    if (scope.empty()) continue;
    auto &found = lint.report(
        asked.place, fmt::format("the name_scope '{}' is no part of the variable's name, which is "
                                 "'{}'",
                                 scope, asked.name));
    found.help = "open a variable_scope if the variable is to have the prefix; else ask for it "
                 "outside of the name_scope";
  }
}

} // namespace

extern const Rule nameScopeIgnored;
const Rule nameScopeIgnored = {
    .code = "W0203",
    .name = "name-scope-ignored",
    .summary = "get_variable right within a name_scope, which is no part of the variable's name",
    .run = run};

} // namespace graphc
