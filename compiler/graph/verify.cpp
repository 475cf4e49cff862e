#include "graph/graph.h"

#include <fmt/format.h>
#include <unordered_set>

namespace graphc {

namespace {
using Operations = std::unordered_set<const Operation *>;

class Verifier {
public:
  explicit Verifier(const Graph &graph)
      : variables(graph.variables.begin(), graph.variables.end()) {}

  /// Checks the operations of the graph or of one body, which gives them all in the end.
  Operations check(const std::vector<Operation *> &operations, const Body *within) {
    Operations made;
    for (const auto *op : operations) {
      for (const auto *input : op->inputs) {
        if (!input || !input->op) {
          complain(op, "has no tensor where an input is due");
          continue;
        }
        if (!made.contains(input->op))
          complain(
              op, fmt::format("uses %{}, which comes later or is not in the graph", input->op->id));
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
      if (op->within != within) complain(op, "lies in another body than it says");
      if (op->variable && within) complain(op, "reads or writes a variable within a body");
      if (op->variable && !variables.contains(op->variable))
        complain(op, "names a variable that is not in the graph");
      if (!op->name.empty() && !names.insert(op->name).second)
        complain(op, fmt::format("has the name '{}' of another", op->name));
      made.insert(op);
      if (op->body) checkBody(*op);
    }
    return made;
  }

  std::vector<std::string> broken;

private:
  void complain(const Operation *op, std::string what) {
    broken.push_back(fmt::format("%{} {}: {}", op->id, op->type, what));
  }

  /// Parameters stand for the step and the inputs; results are the body's own.
  void checkBody(const Operation &op) {
    const Body &body = *op.body;
    if (body.outer != op.within) complain(&op, "has a body that lies elsewhere");
    auto made = check(body.operations, &body);
    if (body.parameters.size() != op.inputs.size() + 1)
      complain(&op, fmt::format("has {} inputs, but its body {} parameters", op.inputs.size(),
                                body.parameters.size()));
    for (const auto *parameter : body.parameters)
      if (!made.contains(parameter)) complain(&op, "has a parameter that is not in its body");
    for (const auto *result : body.results)
      if (!result || !made.contains(result->op))
        complain(&op, "has a result that is not in its body");
  }

  std::unordered_set<const Variable *> variables;
  std::unordered_set<std::string_view> names;
};
} // namespace

std::vector<std::string> verify(const Graph &graph) {
  Verifier verifier(graph);
  auto made = verifier.check(graph.operations, nullptr);
  auto broken = std::move(verifier.broken);
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
    if (updatedBy(neededBy(e)) != e.updates)
      broken.push_back(fmt::format("export {}: a call updates other variables", e.name));
  }
  return broken;
}

} // namespace graphc
