// Drops operations that nothing needs. Inputs of exports stay, needed or not: they are part of the
// interface.
#include "transform/passes.h"

#include <algorithm>
#include <unordered_set>

namespace graphc {

bool dropUnneeded(Graph &graph) {
  std::unordered_set<const Operation *> needed;
  std::vector<const Operation *> open;
  auto need = [&](const Operation *op) {
    if (needed.insert(op).second) open.push_back(op);
  };
  for (const auto *variable : graph.variables)
    if (variable->initialValue) need(variable->initialValue->op);
  for (const auto &exported : graph.exports) {
    for (const auto &end : exported.inputs) need(end.tensor->op);
    for (const auto &end : exported.outputs)
      if (end.tensor) need(end.tensor->op);
    for (const auto *effect : exported.effects) need(effect);
  }
  while (!open.empty()) {
    const auto *op = open.back();
    open.pop_back();
    for (const auto *input : op->inputs) need(input->op);
    for (const auto *before : op->controlInputs) need(before);
  }
  if (needed.size() == graph.operations.size()) return false;
  std::erase_if(graph.operations, [&](auto *op) { return !needed.contains(op); });
  uint32_t id = 0;
  for (auto *op : graph.operations) op->id = id++;
  return true;
}

} // namespace graphc
