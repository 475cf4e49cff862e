// W0208. `scope=` is matched at the start of names: "D" also selects D_pre/w. The optimizer of one
// network then trains another's weights.
#include "lint/edit.h"
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  std::unordered_set<std::string_view> scopes;
  for (const auto &opened : lint.trace.variableScopes) scopes.insert(opened.name);
  for (const auto &asked : lint.trace.collections) {
    if (!scopes.contains(asked.scope)) continue;
    const auto &stray = *asked.strays[0];
    std::string more =
        asked.strays.size() == 1 ? "" : fmt::format(" and {} more", asked.strays.size() - 1);
    auto &found = lint.report(
        asked.place,
        fmt::format("scope=\"{}\" also catches '{}'{}, which {} not in the scope '{}'", asked.scope,
                    stray.opName, more, more.empty() ? "is" : "are", asked.scope));
    found.notes.push_back({fmt::format("'{}' is made here", stray.opName),
                           lint.userPlace(LintContext::placeOf(stray))});
    found.help = fmt::format("end it with a slash: scope=\"{}/\"", asked.scope);
    const auto *call = lint.callAt(found.span);
    if (!call) continue;
    for (const auto &argument : call->arguments)
      if (const auto *text = argument.value->dynAs<StringExpr>();
          text && text->value == asked.scope)
        found.fixes.push_back({"end the scope with a slash",
                               {found.span.file, text->begin, text->end},
                               fmt::format("\"{}/\"", asked.scope),
                               false});
  }
}

} // namespace

extern const Rule scopePrefixClash;
const Rule scopePrefixClash = {.code = "W0208",
                               .name = "scope-prefix-clash",
                               .summary = "scope=\"D\" that also catches variables of D_pre",
                               .run = run};

} // namespace graphc
