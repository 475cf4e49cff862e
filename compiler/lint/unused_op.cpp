// W0301. An operation that no export needs costs nothing when run, for it is not run; it may be a
// step that was meant to be part of the model.
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  auto keyOf = [](Span span) { return std::tuple(span.file, span.begin, span.end); };
  // A call that makes several operations, or is run several times, is needed if one of them is.
  // A variable's initial value and regularizer stand at the variable.
  std::set<std::tuple<FileId, uint32_t, uint32_t>> neededPlaces;
  forEachOperation(lint.graph.operations, [&](const Operation *op) {
    if (lint.isNeeded(*op) || writesVariable(*op)) neededPlaces.insert(keyOf(op->span));
  });
  for (const auto *variable : lint.graph.variables) neededPlaces.insert(keyOf(variable->span));
  auto check = [&](const Operation *op) {
    if (op->name.empty() || lint.isNeeded(*op) || lint.isNeededByInitialValues(*op)) return;
    // What feeds another unused operation follows from that one.
    if (lint.users(*op) || writesVariable(*op) || op->type.starts_with("Placeholder")) return;
    // Training runs the derivative of a loss, and not the loss.
    if (lint.trace.differentiated.contains(op)) return;
    // `random_normal(shape(x))` has read the shape when the graph was made.
    if (op->type != "Const" && !op->outputs.empty() && op->output()->value) return;
    if (lint.isLibrary(op->span) || neededPlaces.contains(keyOf(op->span))) return;
    if (op->name.find("/Regularizer/") != std::string_view::npos) return;
    auto &found = lint.report(LintContext::placeOf(*op),
                              fmt::format("no export needs the operation '{}'", op->name));
    found.help = "give it in an export, or leave it out";
  };
  forEachOperation(lint.graph.operations, check);
}

} // namespace

extern const Rule unusedOp;
const Rule unusedOp = {.code = "W0301",
                       .name = "unused-op",
                       .summary = "an operation that no export needs",
                       .severity = Severity::Info,
                       .needs = Rule::Exports,
                       .run = run};

} // namespace graphc
