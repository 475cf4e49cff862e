#include "ops/cost.h"

#include <algorithm>

namespace graphc {

Dim bytesOf(const Tensor &tensor) { return tensor.shape.elements() * Dim(dtypeSize(tensor.dtype)); }

Dim windowSize(const Operation &op) {
  const Attr *size = op.attr("ksize");
  Dim elements(1);
  for (int64_t side : size->ints) elements = elements * Dim(side);
  return elements;
}

std::optional<Cost> costOf(const Operation &op) {
  Cost cost;
  if (op.def->cost == costsNothing) return cost;
  auto ranked = [](const Tensor &t) { return t.shape.hasRank(); };
  if (!std::all_of(op.inputs.begin(), op.inputs.end(), [&](auto *t) { return ranked(*t); }) ||
      !std::all_of(op.outputs.begin(), op.outputs.end(), ranked))
    return std::nullopt;
  for (const Tensor *input : op.inputs) cost.bytes = cost.bytes + bytesOf(*input);
  for (const Tensor &output : op.outputs) cost.bytes = cost.bytes + bytesOf(output);
  if (op.def->elementwise) cost.flops = op.output()->shape.elements();
  if (op.def->cost) op.def->cost(op, cost);
  return cost;
}

void costsNothing(const Operation &, Cost &cost) { cost = {}; }

void onlyMoves(const Operation &, Cost &cost) { cost.flops = 0; }

void partCost(const Operation &op, Cost &cost) {
  cost.bytes = Dim(2) * bytesOf(*op.output());
  for (const Tensor *indices : op.inputs.subspan(1)) cost.bytes = cost.bytes + bytesOf(*indices);
}

void onePerInputElement(const Operation &op, Cost &cost) {
  cost.flops = op.inputs[0]->shape.elements();
}

void onePerOutputElement(const Operation &op, Cost &cost) {
  cost.flops = op.output()->shape.elements();
}

} // namespace graphc
