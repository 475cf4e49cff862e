#include "transform/rewrite.h"

#include "ops/body.h"

#include <algorithm>
#include <cassert>

namespace graphc {

namespace {
/// What a pass makes is right by construction, and takes no names.
class PassHost : public OpHost {
public:
  std::optional<std::string_view> takeName(std::string_view) override { return ""; }
  void error(Code, std::string, std::string_view) override {
    assert(false && "a pass made an operation that does not fit");
  }
};
PassHost host;
} // namespace

OpBuilder Rewriter::builderAt(const Operation &op) {
  return OpBuilder(graph, host, op.span, op.caller, op.controlInputs);
}

bool Rewriter::replace(Operation *op, std::span<Tensor *const> by) {
  assert(by.size() == op->outputs.size());
  auto &waits = waits_[op];
  for (size_t k = 0; k < by.size(); ++k) {
    assert(interchangeable(op->outputs[k], *by[k]));
    replaced_[&op->outputs[k]] = by[k];
    if (std::find(waits.begin(), waits.end(), by[k]->op) == waits.end()) waits.push_back(by[k]->op);
  }
  if (!by.empty() && by[0]->op->id >= firstNew_) by[0]->op->name = op->name;
  return true;
}

void Rewriter::resolve(Operation &op) {
  if (replaced_.empty() && waits_.empty()) return;
  for (auto &input : op.inputs) input = now(input);
  bool waitsForReplaced = std::any_of(op.controlInputs.begin(), op.controlInputs.end(),
                                      [&](auto *before) { return waits_.contains(before); });
  if (!waitsForReplaced) return;
  std::vector<Operation *> all;
  auto add = [&](Operation *before) {
    if (std::find(all.begin(), all.end(), before) == all.end()) all.push_back(before);
  };
  for (auto *before : op.controlInputs) {
    auto at = waits_.find(before);
    if (at == waits_.end()) {
      add(before);
      continue;
    }
    for (auto *instead : at->second) add(instead);
  }
  op.controlInputs = graph.arena.copy(all);
}

void Rewriter::finish() {
  for (auto *variable : graph.variables)
    if (variable->initialValue) variable->initialValue = now(variable->initialValue);
  for (auto &exported : graph.exports) {
    for (auto &end : exported.outputs)
      if (end.tensor) end.tensor = now(end.tensor);
    std::vector<Operation *> effects;
    for (auto *effect : exported.effects)
      if (auto at = waits_.find(effect); at != waits_.end())
        effects.insert(effects.end(), at->second.begin(), at->second.end());
      else
        effects.push_back(effect);
    exported.effects = std::move(effects);
  }
}

bool interchangeable(const Tensor &tensor, const Tensor &by) {
  return tensor.dtype == by.dtype && sameShape(tensor.shape, by.shape);
}

void Effects::see(const Operation *op) {
  bool harmless = !op->def->stateful || op->type == "ReadVariable" || op->type == "Placeholder" ||
                  op->type == "NoOp" || (op->body && !drawsNumbers(*op)) ||
                  // Its run-time dimensions are known when it has run.
                  (op->type == "PlaceholderWithDefault" && op->outputs[0].shape.isStatic());
  bool has = !harmless || anyMayFail(*op) || !op->checks.empty();
  for (const auto *input : op->inputs) has = has || effects_.contains(input->op);
  for (const auto *before : op->controlInputs) has = has || effects_.contains(before);
  if (has) effects_.insert(op);
}

const Literal *constantOf(const Tensor *tensor) {
  if (tensor->op->type != "Const" || !tensor->op->controlInputs.empty()) return nullptr;
  return tensor->op->literalAttr("value");
}

} // namespace graphc
