// W0205. False inherits, as None does: inside a reusing scope, or in a jump to a reusing object, it
// changes nothing, however much it looks like "make new ones here".
#include "lint/edit.h"
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  for (const auto &opened : lint.trace.variableScopes) {
    if (!opened.reuseFalseIgnored) continue;
    auto &found = lint.report(
        opened.place,
        fmt::format("reuse=False changes nothing: {} shares variables, and that can't be undone",
                    opened.jump ? fmt::format("the scope '{}' that is jumped to", opened.name)
                                : std::string("a scope around this one")));
    found.help = "open the scope where nothing is shared, or give it another name";
    const auto *call = lint.callAt(found.span);
    if (!call) continue;
    for (size_t i = 0; i < call->arguments.size(); ++i) {
      const auto &argument = call->arguments[i];
      const auto *literal = argument.value->dynAs<BoolExpr>();
      if (argument.kind == ArgumentKind::Keyword && lint.text(argument.keyword.name) == "reuse" &&
          literal && !literal->value)
        found.fixes.push_back(
            {"remove reuse=False", argumentWithComma(found.span.file, *call, i), "", true});
    }
  }
}

} // namespace

extern const Rule reuseFalseIgnored;
const Rule reuseFalseIgnored = {.code = "W0205",
                                .name = "reuse-false-ignored",
                                .summary =
                                    "reuse=False where reuse is inherited: it changes nothing",
                                .run = run};

} // namespace graphc
