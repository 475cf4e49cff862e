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

/// Of the gradients that are being made: a loop's make those of its body, which the limit holds
/// for as well.
thread_local uint64_t mostOperations = UINT64_MAX;

class Differentiator {
public:
  Differentiator(OpBuilder &builder, const GradientRequest &request)
      : b_(builder), request_(request), mostAround_(mostOperations) {
    mostOperations = std::min(mostOperations, request.maxOperations);
    result_.first = uint32_t(b_.graph.operations.size());
  }
  Differentiator(const Differentiator &) = delete;
  ~Differentiator() { mostOperations = mostAround_; }

  Gradients run() {
    result_.of.assign(request_.xs.size(), nullptr);
    for (const auto &x : request_.xs)
      if (x.tensor) {
        if (auto *here = seenAs(b_.graph, x.tensor)) targets_.insert(here);
      } else {
        variables_.insert(x.variable);
      }
    std::vector<const Operation *> stops;
    for (auto *stop : request_.stops)
      if (auto *here = seenAs(b_.graph, stop)) stops.push_back(here->op);
    for (auto *y : request_.ys) {
      ys_.push_back(visible(b_.graph, y));
      if (ys_.back()) continue;
      failInvisible(b_, *y);
      fail(Gradients::Reported);
      return std::move(result_);
    }
    marks_.resize(b_.graph.operations.size());
    flowing_.resize(marks_.size());
    for (const auto *target : targets_) mark(target->op) |= HasTarget;
    for (const auto *op : stops) mark(op) |= Stop;
    noteReads();
    collect();
    if (begin() && propagate()) gather();
    return std::move(result_);
  }

private:
  enum Mark : uint8_t { Seen = 1, Reached = 2, Stop = 4, HasTarget = 8 };
  /// By the operation's number: all that is looked at was there before, in this body.
  uint8_t &mark(const Operation *op) { return marks_[op->id]; }
  bool is(const Operation *op, Mark what) const { return marks_[op->id] & what; }

  /// What has come to the outputs of an operation, in the order in which it came.
  struct Part {
    const Tensor *to;
    Tensor *grad;
    Part *next;
  };
  struct Flow {
    Part *first = nullptr, *last = nullptr;
  };
  void flow(const Tensor *to, Tensor *grad) {
    auto &flow = flowing_[to->op->id];
    auto *part = parts_.make<Part>(Part{to, grad, nullptr});
    (flow.last ? flow.last->next : flow.first) = part;
    flow.last = part;
  }

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
    std::vector<Operation *> open;
    auto visit = [&](Tensor *t) {
      if (!isFloating(t->dtype) || is(t->op, Seen)) return;
      mark(t->op) |= Seen;
      open.push_back(t->op);
    };
    for (auto *y : ys_) visit(y);
    while (!open.empty()) {
      auto *op = open.back();
      open.pop_back();
      needed_.push_back(op);
      for (auto *input : op->inputs) visit(input);
    }
    if (needed_.size() > marks_.size() / 16) {
      needed_.clear();
      for (auto *op : std::span(b_.graph.operations).first(marks_.size()))
        if (is(op, Seen)) needed_.push_back(op);
    } else {
      std::sort(needed_.begin(), needed_.end(), [](auto *a, auto *b) { return a->id < b->id; });
    }
    for (auto *op : needed_) {
      bool passes = !is(op, Stop) && op->def->gradient != noGradient;
      if (isTarget(op) || (passes && std::any_of(op->inputs.begin(), op->inputs.end(),
                                                 [&](auto *input) { return flows(input); })))
        mark(op) |= Reached;
    }
  }

  bool flows(Tensor *t) const {
    return isFloating(t->dtype) &&
           (is(t->op, Reached) || (is(t->op, HasTarget) && targets_.contains(t)));
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
      flow(y, grad);
    }
    return true;
  }

  /// The sum of what has come; null: nothing. False: an error.
  bool sum(const std::vector<Tensor *> &grads, Tensor *&into) {
    into = grads.empty() ? nullptr : grads[0];
    if (grads.size() < 2) return true;
    auto *op = b_.make(*addN_, "", grads, {});
    into = op ? op->output() : nullptr;
    return op;
  }

  /// Makes one of what has come to a tensor.
  bool sum(const Tensor *at, Tensor *&into) {
    Part *first = nullptr, *last = nullptr;
    together_.clear();
    for (auto *part = flowing_[at->op->id].first; part; part = part->next) {
      if (part->to != at || !part->grad) continue;
      if (!first) first = part;
      last = part;
      together_.push_back(part->grad);
    }
    if (!sum(together_, into)) return false;
    if (first == last) return true;
    for (auto *part = first; part; part = part->next)
      if (part->to == at) part->grad = nullptr;
    first->grad = into;
    return true;
  }

  bool propagate() {
    std::vector<Tensor *> outputs, inputs;
    for (size_t k = needed_.size(); k-- > 0;) {
      auto *op = needed_[k];
      if (!flowing_[op->id].first) continue;
      outputs.assign(op->outputs.size(), nullptr);
      result_.made.emplace_back(uint32_t(b_.graph.operations.size()), nullptr);
      for (size_t i = 0; i < outputs.size(); ++i)
        if (!sum(op->output(i), outputs[i])) return fail(Gradients::Reported);
      // Through a target itself, the way goes on only where another x lies behind it.
      if (op->inputs.empty() || is(op, Stop) || !is(op, Reached)) continue;
      if (!op->def->gradient) return fail(Gradients::NoGradient, op);
      if (!ranksKnown(*op)) return fail(Gradients::UnknownRank, op);
      result_.made.emplace_back(uint32_t(b_.graph.operations.size()), op);
      inputs.assign(op->inputs.size(), nullptr);
      bool good = op->def->gradient(b_, *op, outputs, inputs);
      if (b_.graph.made > mostOperations) return fail(Gradients::TooMany);
      if (!good) return fail(Gradients::Reported);
      for (size_t i = 0; i < inputs.size(); ++i)
        if (inputs[i] && flows(op->inputs[i])) {
          assert(inputs[i]->dtype == op->inputs[i]->dtype);
          flow(op->inputs[i], inputs[i]);
          if (inputs.size() > 1 && inputs[i]->op->id >= result_.made.back().first)
            result_.inputs.emplace_back(inputs[i]->op->id, uint32_t(i));
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
    if (!variables_.empty())
      for (size_t k = needed_.size(); k-- > 0;) {
        Tensor *grad = nullptr;
        if (isTarget(needed_[k]) && sum(needed_[k]->output(), grad) && grad)
          reads[readBy(needed_[k])].push_back(grad);
      }
    for (size_t k = 0; k < request_.xs.size(); ++k) {
      const auto &x = request_.xs[k];
      bool good = true;
      if (!x.tensor)
        good = sum(reads[x.variable], result_.of[k]);
      else if (auto *here = seenAs(b_.graph, x.tensor); here && here->op->id < marks_.size())
        good = sum(here, result_.of[k]);
      if (!good) fail(Gradients::Reported);
    }
  }

  OpBuilder &b_;
  const GradientRequest &request_;
  const uint64_t mostAround_;
  Gradients result_;
  std::unordered_set<const Tensor *> targets_;
  std::unordered_set<const Variable *> variables_;
  std::unordered_map<const Operation *, const Variable *> reads_; // by parameters of a body
  std::vector<Tensor *> ys_;
  std::vector<Operation *> needed_; // in order of creation, so inputs before users
  const OpDef *addN_ = findOp("AddN");
  std::vector<uint8_t> marks_; // by the operation's number
  std::vector<Flow> flowing_;  // likewise
  Arena parts_;
  std::vector<Tensor *> together_;
};

} // namespace

Gradients differentiate(OpBuilder &builder, const GradientRequest &request) {
  return Differentiator(builder, request).run();
}

} // namespace graphc
