// W0207. When a variable is shared, only shape and dtype are compared. An initializer, regularizer,
// constraint, trainable or collections that differ from what made it are ignored.
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  for (const auto &shared : lint.trace.sharedOtherwise) {
    auto &found = lint.report(
        shared.place,
        fmt::format("'{}' is shared, and the {} given here {} ignored: it was made with "
                    "another",
                    shared.variable->name, fmt::join(shared.what, " and the "),
                    shared.what.size() == 1 ? "is" : "are"));
    found.notes.push_back({"made here", lint.userPlace(LintContext::placeOf(*shared.variable))});
    found.help = "give it where the variable is made, or leave it out here";
  }
}

} // namespace

extern const Rule sharedOtherwise;
const Rule sharedOtherwise = {
    .code = "W0207",
    .name = "shared-otherwise",
    .summary = "a shared variable asked for with another initializer, regularizer, trainable, "
               "constraint or collections than made it",
    .run = run};

} // namespace graphc
