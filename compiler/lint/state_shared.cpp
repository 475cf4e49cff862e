// W0209. A layer that keeps state (batch normalisation's moving averages) and is shared by two
// towers updates that state twice: by one tower's data on top of the other's, or now by this
// export, now by that one.
#include "lint/rule.h"
#include "ops/order.h"

namespace graphc {

namespace {

/// An optimizer's step on shared weights is what sharing is for.
bool isTraining(LintContext &lint, const Operation &op) {
  const auto *call = lint.callAt(lint.userPlace(LintContext::placeOf(op)));
  const auto *method = call ? call->callee->dynAs<AttributeExpr>() : nullptr;
  if (!method) return false;
  auto name = lint.text(method->name.name);
  return name == "minimize" || name == "apply_gradients" || name == "apply";
}

bool hasSharers(const Variable &variable) { return !variable.sharedAt.empty(); }

void run(LintContext &lint) {
  // Of every variable, the updates that one statement made.
  std::map<std::tuple<uint32_t, FileId, uint32_t, uint32_t>, std::vector<const Operation *>>
      updates;
  for (const auto *op : lint.graph.operations)
    if (writesVariable(*op) && op->variable->kind != Variable::Slot && hasSharers(*op->variable))
      updates[{op->variable->index, op->span.file, op->span.begin, op->span.end}].push_back(op);
  for (auto &[key, all] : updates) {
    // One of two that is listed by itself was chosen.
    if (lint.hasExports()) std::erase_if(all, [&](auto *op) { return !lint.isNeeded(*op); });
    if (all.size() < 2 || isTraining(lint, *all[0])) continue;
    const Operation &first = *all[0], &last = *all.back();
    bool together = false;
    for (const auto &run : lint.runs()) {
      size_t here = std::count_if(run.begin(), run.end(), [&](auto *op) {
        return std::find(all.begin(), all.end(), op) != all.end();
      });
      together |= here > 1;
    }
    if (!lint.hasExports()) {
      // Nothing says yet what will run together; what is ordered is meant to.
      auto order = orderVariables(lint.graph.operations);
      if (!order.sees[&last]) continue;
      together = true;
    }
    const auto &variable = *last.variable;
    auto &found = lint.report(
        LintContext::placeOf(last),
        fmt::format("the shared variable '{}' is updated {}: its layer is shared, so the state of "
                    "one use is mixed with that of the other",
                    variable.opName,
                    together ? "twice, in order"
                             : "by different exports, each for a use of its own"));
    Span at = lint.userPlace(LintContext::placeOf(first));
    if (at.valid() && at != found.span) found.notes.push_back({"first updated here", at});
    const CallSite *caller = first.caller, *lastCaller = last.caller;
    for (; caller && lastCaller; caller = caller->caller, lastCaller = lastCaller->caller) {
      if (caller->span == lastCaller->span || lint.isLibrary(caller->span)) continue;
      found.notes.push_back({"the first update comes from this call", caller->span});
      found.notes.push_back({"and the last one from this call", lastCaller->span});
      break;
    }
    found.notes.push_back(
        {"the variable is made here", lint.userPlace(LintContext::placeOf(variable))});
    found.help = "let one use update the state and the others read it (training=False), or give "
                 "each its own";
  }
}

} // namespace

extern const Rule stateShared;
const Rule stateShared = {
    .code = "W0209",
    .name = "state-shared",
    .summary = "a variable that two updates made by the same statement write, its layer being "
               "shared",
    .run = run};

} // namespace graphc
