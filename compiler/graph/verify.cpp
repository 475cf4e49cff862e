#include "graph/graph.h"

#include <fmt/format.h>
#include <unordered_set>

namespace graphc {

std::vector<std::string> verify(const Graph &graph) {
  std::vector<std::string> broken;
  std::unordered_set<const Operation *> made;
  std::unordered_set<const Variable *> variables(graph.variables.begin(), graph.variables.end());
  std::unordered_set<std::string_view> names;
  auto complain = [&](const Operation *op, std::string what) {
    broken.push_back(fmt::format("%{} {}: {}", op->id, op->type, what));
  };
  for (const auto *op : graph.operations) {
    for (const auto *input : op->inputs) {
      if (!input || !input->op) {
        complain(op, "has no tensor where an input is due");
        continue;
      }
      if (!made.contains(input->op))
        complain(op,
                 fmt::format("uses %{}, which comes later or is not in the graph", input->op->id));
      if (input->index >= input->op->outputs.size() || &input->op->outputs[input->index] != input)
        complain(op, "uses a tensor that its operation does not own");
    }
    for (const auto *before : op->controlInputs)
      if (!made.contains(before))
        complain(op, fmt::format("waits for %{}, which comes later", before->id));
    for (const auto &output : op->outputs) {
      if (output.op != op) complain(op, "has an output that belongs to another operation");
      if (output.dtype == DType::Invalid) complain(op, "has an output without a dtype");
      for (Dim d : output.shape)
        if (d.isOverflow() || (d.isStatic() && d.value < 0))
          complain(op, "has an output of impossible shape " + toString(output.shape));
      if (output.value && output.shape.hasRank() && output.shape.rank() > 1)
        complain(op, "has symbolic contents but is no scalar or vector");
    }
    if (op->variable && !variables.contains(op->variable))
      complain(op, "names a variable that is not in the graph");
    if (!op->name.empty() && !names.insert(op->name).second)
      complain(op, fmt::format("has the name '{}' of another", op->name));
    made.insert(op);
  }
  for (const auto *v : graph.variables) {
    if (!v->shape.isStatic())
      broken.push_back(
          fmt::format("variable {}: shape {} is not static", v->opName, toString(v->shape)));
    if (v->initialValue && !made.contains(v->initialValue->op))
      broken.push_back(
          fmt::format("variable {}: its initial value is not in the graph", v->opName));
  }
  for (const auto &e : graph.exports) {
    for (const auto &end : e.inputs)
      if (!end.tensor || !made.contains(end.tensor->op))
        broken.push_back(fmt::format("export {}: input {} is not in the graph", e.name, end.name));
    for (const auto &end : e.outputs)
      if (!end.tensor || !made.contains(end.tensor->op))
        broken.push_back(fmt::format("export {}: output {} is not in the graph", e.name, end.name));
    for (const auto *effect : e.effects)
      if (!made.contains(effect))
        broken.push_back(fmt::format("export {}: an effect is not in the graph", e.name));
  }
  return broken;
}

} // namespace graphc
