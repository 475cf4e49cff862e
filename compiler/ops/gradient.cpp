#include "ops/gradient.h"

#include "ops/body.h"
#include "ops/derive.h"

#include <algorithm>
#include <cassert>
#include <unordered_map>
#include <unordered_set>

namespace graphc {

bool noGradient(OpBuilder &, const Operation &, std::span<Tensor *const>, std::span<Tensor *>) {
  return true;
}

const Operation *Gradients::origin(const Operation *op) const {
  auto after = std::upper_bound(made.begin(), made.end(), op->id,
                                [](uint32_t id, const auto &entry) { return id < entry.first; });
  return after == made.begin() ? nullptr : std::prev(after)->second;
}

namespace {

class Differentiator {
public:
  Differentiator(OpBuilder &builder, const GradientRequest &request)
      : b_(builder), request_(request) {
    result_.first = uint32_t(b_.graph.operations.size());
  }

  Gradients run() {
    result_.of.assign(request_.xs.size(), nullptr);
    for (const auto &x : request_.xs)
      if (x.tensor) {
        if (auto *here = seenAs(b_.graph, x.tensor)) targets_.insert(here);
      } else {
        variables_.insert(x.variable);
      }
    for (auto *stop : request_.stops)
      if (auto *here = seenAs(b_.graph, stop)) stops_.insert(here->op);
    for (auto *y : request_.ys) {
      ys_.push_back(visible(b_.graph, y));
      if (ys_.back()) continue;
      failInvisible(b_, *y);
      fail(Gradients::Reported);
      return std::move(result_);
    }
    noteReads();
    collect();
    if (begin() && propagate()) gather();
    return std::move(result_);
  }

private:
  bool fail(Gradients::Failure failure, const Operation *at = nullptr) {
    result_.failure = failure;
    result_.at = at;
    return false;
  }

  /// In a body, what is read of variables comes in through parameters.
  void noteReads() {
    for (const auto *body : b_.graph.open)
      for (const auto *tensor : body->captured)
        if (tensor->op->variable)
          if (auto *here = seenAs(b_.graph, const_cast<Tensor *>(tensor)))
            reads_[here->op] = tensor->op->variable;
  }

  /// The variable that the operation reads; null: none.
  const Variable *readBy(const Operation *op) const {
    if (op->type == "ReadVariable") return op->variable;
    auto at = reads_.find(op);
    return at == reads_.end() ? nullptr : at->second;
  }

  bool isTarget(const Operation *op) const {
    const auto *variable = readBy(op);
    return variable && variables_.contains(variable);
  }

  /// What the ys need, and of that what depends on an x in a way that has derivatives.
  void collect() {
    std::unordered_set<const Operation *> seen;
    std::vector<Operation *> open;
    auto visit = [&](Tensor *t) {
      if (isFloating(t->dtype) && seen.insert(t->op).second) open.push_back(t->op);
    };
    for (auto *y : ys_) visit(y);
    while (!open.empty()) {
      auto *op = open.back();
      open.pop_back();
      needed_.push_back(op);
      for (auto *input : op->inputs) visit(input);
    }
    std::sort(needed_.begin(), needed_.end(), [](auto *a, auto *b) { return a->id < b->id; });
    for (auto *op : needed_) {
      bool passes = !stops_.contains(op) && op->def->gradient != noGradient;
      if (isTarget(op) || (passes && std::any_of(op->inputs.begin(), op->inputs.end(),
                                                 [&](auto *input) { return flows(input); })))
        reached_.insert(op);
    }
  }

  bool flows(Tensor *t) const {
    return isFloating(t->dtype) && (reached_.contains(t->op) || targets_.contains(t));
  }

  /// The derivative of each y by itself.
  bool begin() {
    for (size_t k = 0; k < ys_.size(); ++k) {
      auto *y = ys_[k];
      if (!flows(y)) continue;
      auto *grad = k < request_.gradYs.size() ? request_.gradYs[k] : nullptr;
      if (!grad) {
        if (!y->shape.hasRank()) return fail(Gradients::UnknownRank, y->op);
        grad = filled(b_, y, 1);
        if (!grad) return fail(Gradients::Reported);
      }
      flowing_[y].push_back(grad);
    }
    return true;
  }

  /// What has come together at a tensor; null: nothing.
  Tensor *sum(std::vector<Tensor *> &parts) {
    if (parts.size() > 1) {
      auto *op = b_.make(*findOp("AddN"), "", parts, {});
      if (!op) return nullptr;
      parts = {op->output()};
    }
    return parts[0];
  }

  bool propagate() {
    std::vector<Tensor *> outputs, inputs;
    for (size_t k = needed_.size(); k-- > 0;) {
      auto *op = needed_[k];
      outputs.assign(op->outputs.size(), nullptr);
      bool any = false;
      result_.made.emplace_back(uint32_t(b_.graph.operations.size()), nullptr);
      for (size_t i = 0; i < outputs.size(); ++i) {
        auto found = flowing_.find(op->output(i));
        if (found == flowing_.end()) continue;
        outputs[i] = sum(found->second);
        if (!outputs[i]) return fail(Gradients::Reported);
        any = true;
      }
      // Through a target itself, the way goes on only where another x lies behind it.
      if (!any || op->inputs.empty() || stops_.contains(op) || !reached_.contains(op)) continue;
      if (!op->def->gradient) return fail(Gradients::NoGradient, op);
      if (!ranksKnown(*op)) return fail(Gradients::UnknownRank, op);
      result_.made.emplace_back(uint32_t(b_.graph.operations.size()), op);
      inputs.assign(op->inputs.size(), nullptr);
      bool good = op->def->gradient(b_, *op, outputs, inputs);
      if (!good) return fail(Gradients::Reported);
      if (b_.graph.made > request_.maxOperations) return fail(Gradients::TooMany);
      for (size_t i = 0; i < inputs.size(); ++i)
        if (inputs[i] && flows(op->inputs[i])) {
          assert(inputs[i]->dtype == op->inputs[i]->dtype);
          flowing_[op->inputs[i]].push_back(inputs[i]);
        }
    }
    return true;
  }

  /// Most gradients need shapes; those of one tensor element by element don't.
  static bool ranksKnown(const Operation &op) {
    if (op.inputs.size() == 1 && (op.def->elementwise || op.type == "Identity")) return true;
    auto known = [](const Tensor &t) { return t.shape.hasRank(); };
    return std::all_of(op.inputs.begin(), op.inputs.end(), [&](auto *t) { return known(*t); }) &&
           std::all_of(op.outputs.begin(), op.outputs.end(), known);
  }

  void gather() {
    result_.made.emplace_back(uint32_t(b_.graph.operations.size()), nullptr);
    std::unordered_map<const Variable *, std::vector<Tensor *>> reads;
    for (size_t k = needed_.size(); k-- > 0;)
      if (isTarget(needed_[k]))
        if (auto found = flowing_.find(needed_[k]->output()); found != flowing_.end())
          reads[readBy(needed_[k])].push_back(found->second[0]);
    for (size_t k = 0; k < request_.xs.size(); ++k) {
      const auto &x = request_.xs[k];
      std::vector<Tensor *> *parts = nullptr;
      if (x.tensor) {
        auto found = flowing_.find(seenAs(b_.graph, x.tensor));
        if (found != flowing_.end()) parts = &found->second;
      } else if (auto found = reads.find(x.variable); found != reads.end()) {
        parts = &found->second;
      }
      if (!parts) continue;
      result_.of[k] = sum(*parts);
      if (!result_.of[k]) fail(Gradients::Reported);
    }
  }

  OpBuilder &b_;
  const GradientRequest &request_;
  Gradients result_;
  std::unordered_set<const Tensor *> targets_;
  std::unordered_set<const Variable *> variables_;
  std::unordered_set<const Operation *> stops_, reached_;
  std::unordered_map<const Operation *, const Variable *> reads_; // by parameters of a body
  std::vector<Tensor *> ys_;
  std::vector<Operation *> needed_; // in order of creation, so inputs before users
  std::unordered_map<const Tensor *, std::vector<Tensor *>> flowing_;
};

} // namespace

Gradients differentiate(OpBuilder &builder, const GradientRequest &request) {
  return Differentiator(builder, request).run();
}

} // namespace graphc
