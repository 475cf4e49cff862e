// Loops: drops from a Scan what nobody reads of it, carried values that only make themselves
// included, and lets constants be constants within its body.
#include "ops/body.h"
#include "transform/passes.h"
#include "transform/rewrite.h"

#include <algorithm>

namespace graphc {

namespace {
class LoopTidier {
public:
  explicit LoopTidier(Graph &graph) : graph_(graph) {}

  bool run() {
    std::vector<Operation *> loops;
    for (auto *op : graph_.operations) {
      for (const auto *input : op->inputs) ++uses_[input];
      if (op->body) loops.push_back(op);
    }
    for (const auto *variable : graph_.variables)
      if (variable->initialValue) ++uses_[variable->initialValue];
    for (const auto &exported : graph_.exports)
      for (const auto &end : exported.outputs) ++uses_[end.tensor];
    // The last first: what it drops, an earlier one need not give.
    for (size_t k = loops.size(); k-- > 0;) {
      takeConstants(*loops[k]);
      tidy(*loops[k]);
    }
    if (!moved_.empty()) redirect();
    return changed_;
  }

private:
  bool isUsed(const Tensor *tensor) const {
    auto at = uses_.find(tensor);
    return at != uses_.end() && at->second > 0;
  }

  /// A captured constant becomes one of the body's; its parameter is left to `tidy`.
  void takeConstants(Operation &op) {
    ScanParts parts(op);
    for (size_t i = 0; i < parts.captured; ++i) {
      if (!constantOf(parts.capture(i))) continue;
      const auto *parameter = parts.capturedParameter(i);
      const auto &constant = *parts.capture(i)->op;
      bool isUsed = false;
      for (const auto *inner : op.body->operations)
        for (const auto *input : inner->inputs) isUsed |= input->op == parameter;
      for (const auto *result : op.body->results) isUsed |= result->op == parameter;
      if (!isUsed) continue;
      OpenBody open(graph_, *op.body);
      auto *copy = graph_.addOperation(constant.def, constant.type, "", {}, constant.attrs,
                                       constant.outputs, constant.span, constant.caller);
      // Before all that use it.
      auto &list = graph_.operations;
      std::rotate(list.begin(), list.end() - 1, list.end());
      for (uint32_t id = 0; id < list.size(); ++id) list[id]->id = id;
      auto replace = [&](Tensor *&tensor) {
        if (tensor->op == parameter) tensor = copy->output();
      };
      for (auto *inner : list)
        for (auto *&input : inner->inputs) replace(input);
      for (auto *&result : op.body->results) replace(result);
      changed_ = true;
    }
  }

  /// The operations of the body that these results need. A carried value that is reached is needed,
  /// and so is what it becomes.
  std::unordered_set<const Operation *> reached(const ScanParts &parts, std::vector<bool> &carried,
                                                const std::vector<bool> &stacked) {
    std::unordered_set<const Operation *> found;
    std::vector<const Operation *> open;
    auto need = [&](const Operation *op) {
      if (found.insert(op).second) open.push_back(op);
    };
    std::unordered_map<const Operation *, size_t> carriedBy;
    for (size_t i = 0; i < parts.carried; ++i) {
      carriedBy[parts.carriedParameter(i)] = i;
      if (carried[i]) need(parts.next(i)->op);
    }
    for (size_t i = 0; i < parts.stacked; ++i)
      if (stacked[i]) need(parts.give(i)->op);
    while (!open.empty()) {
      const auto *op = open.back();
      open.pop_back();
      for (const auto *input : op->inputs) need(input->op);
      for (const auto *before : op->controlInputs) need(before);
      auto at = carriedBy.find(op);
      if (at == carriedBy.end() || carried[at->second]) continue;
      carried[at->second] = true;
      need(parts.next(at->second)->op);
    }
    return found;
  }

  void tidy(Operation &op) {
    ScanParts parts(op);
    std::vector<bool> carried(parts.carried), stacked(parts.stacked);
    for (size_t i = 0; i < parts.carried; ++i)
      carried[i] = isUsed(op.output(parts.lastAt(i))) || isUsed(op.output(parts.beforeAt(i)));
    for (size_t i = 0; i < parts.stacked; ++i) stacked[i] = isUsed(op.output(parts.stackedAt(i)));
    auto needed = reached(parts, carried, stacked);

    Body &body = *op.body;
    std::vector<Operation *> parameters{body.parameters[0]};
    std::vector<Tensor *> inputs, results;
    std::vector<Tensor> outputs;
    std::vector<Tensor *> from;
    int64_t carriedLeft = 0, elementsLeft = 0;
    auto keep = [&](size_t input) {
      inputs.push_back(op.inputs[input]);
      parameters.push_back(body.parameters[input + 1]);
    };
    auto keepOutput = [&](size_t k) {
      from.push_back(op.output(k));
      outputs.push_back(*op.output(k));
    };
    for (size_t i = 0; i < parts.carried; ++i)
      if (carried[i]) {
        keep(i);
        keepOutput(parts.lastAt(i));
        results.push_back(parts.next(i));
        ++carriedLeft;
      }
    for (size_t i = 0; i < parts.elements; ++i)
      if (needed.contains(parts.elementParameter(i))) keep(parts.carried + i), ++elementsLeft;
    for (size_t i = 0; i < parts.captured; ++i)
      if (needed.contains(parts.capturedParameter(i))) keep(parts.carried + parts.elements + i);
    for (size_t i = 0; i < parts.carried; ++i)
      if (carried[i]) keepOutput(parts.beforeAt(i));
    for (size_t i = 0; i < parts.stacked; ++i)
      if (stacked[i]) {
        keepOutput(parts.stackedAt(i));
        results.push_back(parts.give(i));
      }
    if (inputs.size() == op.inputs.size() && outputs.size() == op.outputs.size()) return;

    for (const auto *parameter : parameters) needed.insert(parameter);
    std::erase_if(body.operations, [&](auto *inner) { return !needed.contains(inner); });
    uint32_t id = 0;
    for (auto *inner : body.operations) inner->id = id++;
    body.parameters = std::move(parameters);
    body.results = std::move(results);
    std::vector<Attr> attrs(op.attrs.begin(), op.attrs.end());
    for (auto &attr : attrs) {
      if (attr.name == "carried") attr.i = carriedLeft;
      if (attr.name == "elements") attr.i = elementsLeft;
    }
    op.attrs = graph_.arena.copy(attrs);
    for (const auto *input : op.inputs) --uses_[input];
    for (const auto *input : inputs) ++uses_[input];
    op.inputs = graph_.arena.copy(inputs);
    op.outputs = graph_.arena.copy(outputs);
    for (uint32_t k = 0; k < op.outputs.size(); ++k) {
      op.outputs[k].index = k;
      moved_[from[k]] = op.output(k);
    }
    changed_ = true;
  }

  void redirect() {
    auto now = [&](Tensor *&tensor) {
      if (auto at = moved_.find(tensor); at != moved_.end()) tensor = at->second;
    };
    for (auto *op : graph_.operations)
      for (auto *&input : op->inputs) now(input);
    for (auto *variable : graph_.variables)
      if (variable->initialValue) now(variable->initialValue);
    for (auto &exported : graph_.exports)
      for (auto &end : exported.outputs)
        if (end.tensor) now(end.tensor);
  }

  Graph &graph_;
  std::unordered_map<const Tensor *, size_t> uses_;
  std::unordered_map<const Tensor *, Tensor *> moved_;
  bool changed_ = false;
};
} // namespace

bool tidyLoops(Graph &graph) { return LoopTidier(graph).run(); }

} // namespace graphc
