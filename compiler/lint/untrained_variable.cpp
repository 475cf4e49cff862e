// W0213. A trainable variable that no training step updates keeps its random initial value: a
// var_list that leaves out a layer, a loss that does not depend on it.
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  std::vector<uint8_t> updated(lint.graph.variables.size());
  bool training = false;
  for (const auto &run : lint.runs()) {
    bool trains = std::any_of(run.begin(), run.end(), [](auto *op) {
      return writesVariable(*op) && op->variable->trainable;
    });
    training |= trains;
    if (!trains) continue;
    for (const auto *op : run)
      if (writesVariable(*op)) updated[op->variable->index] = 1;
  }
  if (!training) return; // a definition for inference alone
  for (const auto *variable : lint.graph.variables) {
    if (updated[variable->index] || !variable->trainable || variable->kind == Variable::Slot)
      continue;
    auto &found = lint.report(
        LintContext::placeOf(*variable),
        fmt::format("'{}' is trainable, but no training export updates it", variable->opName));
    found.help = "is it missing in a var_list, or does the loss not depend on it? if it is not to "
                 "be trained, say trainable=False";
  }
}

} // namespace

extern const Rule untrainedVariable;
const Rule untrainedVariable = {.code = "W0213",
                                .name = "untrained-variable",
                                .summary = "a trainable variable that no training export updates",
                                .needs = Rule::Exports,
                                .run = run};

} // namespace graphc
