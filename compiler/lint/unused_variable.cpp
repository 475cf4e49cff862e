// W0212. A variable that no export reads is trained and saved for nothing, or stands for one that
// was meant to be read: the weights of a branch that was left out, a bias never added.
#include "lint/rule.h"

namespace graphc {

namespace {

/// Reading, or adding to what was there.
bool reads(const Operation &op) { return op.variable && op.type != "Assign"; }

void run(LintContext &lint) {
  std::vector<uint8_t> isRead(lint.graph.variables.size());
  auto isRun = [&](const Operation &op) {
    return lint.isNeeded(op) || lint.isNeededByInitialValues(op);
  };
  // What a loop has from around it is read where its step needs it.
  std::unordered_set<const Operation *> idle;
  for (const auto *op : lint.graph.operations)
    for (size_t i = 0; op->body && i < op->inputs.size(); ++i)
      if (!isRun(*op->body->parameters[i + 1])) idle.insert(op->inputs[i]->op);
  for (const auto *op : lint.graph.operations) {
    if (!isRun(*op)) continue;
    for (size_t i = 0; i < op->inputs.size(); ++i)
      if (!op->body || isRun(*op->body->parameters[i + 1])) idle.erase(op->inputs[i]->op);
    for (const auto *before : op->controlInputs) idle.erase(before);
  }
  for (const auto *op : lint.graph.operations)
    if (reads(*op) && isRun(*op) && (!idle.contains(op) || lint.isListed(*op)))
      isRead[op->variable->index] = 1;
  for (const auto *variable : lint.graph.variables) {
    if (isRead[variable->index] || variable->kind == Variable::Slot) continue;
    auto &found = lint.report(LintContext::placeOf(*variable),
                              fmt::format("no export reads the variable '{}'", variable->opName));
    found.help = "use it in what an export gives, or leave it out";
  }
}

} // namespace

extern const Rule unusedVariable;
const Rule unusedVariable = {.code = "W0212",
                             .name = "unused-variable",
                             .summary = "a variable that no export reads",
                             .needs = Rule::Exports,
                             .run = run};

} // namespace graphc
