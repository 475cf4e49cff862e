// What passes are written with: one walk over the operations, inputs before users, in which each is
// kept, changed or replaced.
#pragma once

#include "ops/op.h"

#include <unordered_map>
#include <unordered_set>

namespace graphc {

class Rewriter {
public:
  explicit Rewriter(Graph &graph) : graph(graph) {}

  Graph &graph;

  /// Calls `visit` for every operation, whose inputs are those that earlier visits left. It returns
  /// true if it replaced the operation, which then leaves the graph. Operations it made stand
  /// before the next one. Returns whether anything was replaced or `changed` was called.
  template <typename Visit>
  bool run(Visit visit) {
    std::vector<Operation *> before = std::move(graph.operations);
    graph.operations.clear();
    graph.operations.reserve(before.size());
    for (auto *op : before) {
      resolve(*op);
      firstNew_ = graph.operations.size();
      if (visit(op)) {
        changed_ = true;
        continue;
      }
      op->id = uint32_t(graph.operations.size());
      graph.operations.push_back(op);
    }
    finish();
    return changed_;
  }

  /// For `visit`: makes operations in place of `op`, with its place in the definition. They wait
  /// for what it waits for.
  OpBuilder builderAt(const Operation &op);
  /// The outputs of `op` are these from now on, of the same dtypes and shapes. A new operation goes
  /// by op's name. True, so that `visit` may return it.
  bool replace(Operation *op, std::span<Tensor *const> by);
  bool replace(Operation *op, Tensor *by) { return replace(op, {&by, 1}); }
  void changed() { changed_ = true; }

private:
  void resolve(Operation &op);
  void finish();
  Tensor *now(Tensor *tensor) const {
    auto at = replaced_.find(tensor);
    return at == replaced_.end() ? tensor : at->second;
  }

  std::unordered_map<const Tensor *, Tensor *> replaced_;
  // What those wait for that waited for a replaced operation.
  std::unordered_map<const Operation *, std::vector<Operation *>> waits_;
  size_t firstNew_ = 0; // of the operations that the current visit made
  bool changed_ = false;
};

/// Whether `by` may stand for `tensor` in every operation that uses it.
bool interchangeable(const Tensor &tensor, const Tensor &by);

/// Whether an operation's running can be noticed otherwise than by its outputs: it updates, draws
/// or can fail. So can what depends on it: what is asked is "it or what it needs".
class Effects {
public:
  bool of(const Operation *op) const { return effects_.contains(op); }
  /// To be called for every operation, inputs first.
  void see(const Operation *op);

private:
  std::unordered_set<const Operation *> effects_;
};

/// The constant that the tensor is; null if it is none. A constant that waits for something isn't
/// one: who uses it waits too.
const Literal *constantOf(const Tensor *tensor);

} // namespace graphc
