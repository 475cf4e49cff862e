// W0302. A placeholder that nothing reads: what is fed to it changes nothing. Often the model reads
// another one of a similar name.
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  for (const auto *op : lint.graph.operations) {
    if (!op->type.starts_with("Placeholder") || lint.users(*op) || lint.isListed(*op)) continue;
    auto &found = lint.report(LintContext::placeOf(*op),
                              fmt::format("nothing reads the placeholder '{}'", op->name));
    for (const auto &exported : lint.graph.exports)
      for (const auto &input : exported.inputs)
        if (input.tensor && input.tensor->op == op)
          found.notes.push_back(
              {fmt::format("the export '{}' takes it all the same", exported.name), input.span});
    found.help = "is another placeholder used in its place? if not, leave it out";
  }
}

} // namespace

extern const Rule unusedPlaceholder;
const Rule unusedPlaceholder = {.code = "W0302",
                                .name = "unused-placeholder",
                                .summary = "a placeholder that nothing reads",
                                .needs = Rule::Exports,
                                .run = run};

} // namespace graphc
