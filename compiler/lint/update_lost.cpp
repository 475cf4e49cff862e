// W0214. An update that no export runs never happens: the moving averages of batch normalisation
// that were to be listed among UPDATE_OPS, an assign whose operation was dropped.
#include "lint/rule.h"

namespace graphc {

namespace {

void run(LintContext &lint) {
  // Where a layer is shared, one of its updates may have been chosen (E0404 says so).
  std::set<std::tuple<uint32_t, FileId, uint32_t, uint32_t>> chosen;
  auto keyOf = [](const Operation &op) {
    return std::tuple(op.variable->index, op.span.file, op.span.begin, op.span.end);
  };
  for (const auto *op : lint.graph.operations)
    if (writesVariable(*op) && lint.isNeeded(*op)) chosen.insert(keyOf(*op));
  for (const auto *op : lint.graph.operations) {
    if (!writesVariable(*op) || lint.isNeeded(*op) || chosen.contains(keyOf(*op))) continue;
    auto &found = lint.report(
        LintContext::placeOf(*op),
        fmt::format("no export runs this update of '{}': it never happens", op->variable->opName));
    found.notes.push_back(
        {"the variable is made here", lint.userPlace(LintContext::placeOf(*op->variable))});
    found.help = "list it in the training export, or make the training step within "
                 "control_dependencies of it";
  }
}

} // namespace

extern const Rule updateLost;
const Rule updateLost = {.code = "W0214",
                         .name = "update-lost",
                         .summary = "an update operation that no export runs",
                         .needs = Rule::Exports,
                         .run = run};

} // namespace graphc
