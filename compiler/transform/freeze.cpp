#include "transform/passes.h"
#include "transform/rewrite.h"

#include <algorithm>
#include <cassert>

namespace graphc {

bool freeze(Graph &graph, const std::map<std::string_view, const Literal *> &weights,
            Diagnostics &diagnostics) {
  bool allowed = true;
  for (const auto &exported : graph.exports)
    for (const auto *op : neededBy(exported)) {
      if (!writesVariable(*op) || !weights.contains(op->variable->opName)) continue;
      diagnostics
          .error(Code::FrozenUpdate, op->span,
                 fmt::format("variable {} is frozen, but export {} updates it",
                             op->variable->opName, exported.name))
          .notes.push_back({"exported here", exported.span});
      allowed = false;
    }
  if (!allowed) return false;

  for (auto *variable : graph.variables)
    if (weights.contains(variable->opName)) variable->initialValue = nullptr;
  Rewriter rewriter(graph);
  rewriter.run([&](Operation *op) {
    if (op->type != "ReadVariable") return false;
    auto at = weights.find(op->variable->opName);
    if (at == weights.end()) return false;
    const Literal *value = at->second;
    assert(value->dtype == op->variable->dtype);
    auto *by = rewriter.builderAt(*op).constant(value);
    if (!by || !interchangeable(op->outputs[0], *by)) return false;
    by->op->controlInputs = op->controlInputs;
    return rewriter.replace(op, by);
  });
  return true;
}

} // namespace graphc
