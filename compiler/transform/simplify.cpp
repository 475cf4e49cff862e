// Drops operations that change nothing and replaces some by cheaper ones, where the result is the
// same to the bit: x*1 and x - 0 are x, x + 0 is not (-0 + 0 is 0).
#include "transform/passes.h"
#include "transform/rewrite.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

namespace graphc {

namespace {
using std::vector;

/// The number that every element is, of a constant or something filled with one.
std::optional<double> splatOf(const Tensor *tensor) {
  if (tensor->op->type == "Fill" && tensor->op->controlInputs.empty())
    return splatOf(tensor->op->inputs[0]);
  const Literal *literal = constantOf(tensor);
  if (!literal || literal->bytes.empty()) return std::nullopt;
  size_t size = size_t(dtypeSize(literal->dtype));
  for (size_t at = size; at < literal->bytes.size(); at += size)
    if (std::memcmp(literal->bytes.data(), literal->bytes.data() + at, size) != 0)
      return std::nullopt;
  Array first{literal->dtype, {}, {literal->bytes.begin(), literal->bytes.begin() + int64_t(size)}};
  return first.number(0);
}

bool isSplat(const Tensor *tensor, double value) {
  auto splat = splatOf(tensor);
  return splat && *splat == value && std::signbit(*splat) == std::signbit(value);
}

/// Every value of `from` is one of `to`.
bool widens(DType from, DType to) {
  if (from == DType::Bool) return isNumeric(to);
  if (!isInteger(from) || !isInteger(to)) return false;
  if (isSignedInteger(from) && !isSignedInteger(to)) return false;
  return isSignedInteger(from) == isSignedInteger(to) ? dtypeSize(to) >= dtypeSize(from)
                                                      : dtypeSize(to) > dtypeSize(from);
}

/// The operation that makes input `k`, if it is of this type and waits for nothing.
Operation *maker(const Operation *op, std::string_view type, size_t k = 0) {
  auto *made = op->inputs[k]->op;
  return made->type == type && made->controlInputs.empty() ? made : nullptr;
}

class Simplifier {
public:
  explicit Simplifier(Graph &graph) : rewriter_(graph), graph_(graph) {}

  bool run() {
    return rewriter_.run([&](Operation *op) {
      if (op->inputs.empty() || op->def->stateful || !op->controlInputs.empty()) return false;
      if (std::any_of(op->inputs.begin(), op->inputs.end(),
                      [](auto *input) { return !input->shape.hasRank(); }))
        return false;
      unrepeated(op);
      return nothing(op) || cheaper(op);
    });
  }

private:
  bool drop(Operation *op, Tensor *by) {
    // A condition on dimensions goes with its operation.
    return op->checks.empty() && interchangeable(op->outputs[0], *by) && rewriter_.replace(op, by);
  }

  /// Elementwise operations repeat their operands by themselves: what was repeated before, and
  /// constants that are one number over and over, need not lie in memory.
  void unrepeated(Operation *op) {
    size_t count = op->inputs.size();
    if (!op->def->elementwise || count < 2 || count > 3 || op->type == "AddN" ||
        op->type == "BiasAdd")
      return;
    for (size_t k = 0; k < count; ++k) {
      auto *x = op->inputs[k];
      if (x->shape.rank() == 0) continue;
      auto *made = maker(op, "BroadcastTo", k);
      if (!made) made = maker(op, "Fill", k);
      const Literal *literal = made ? nullptr : constantOf(x);
      if (!made && !(literal && splatOf(x))) continue;
      Tensor number{nullptr, 0, x->dtype, Shape::scalar(), nullptr};
      if (!keepsShape(*op, k, made ? made->inputs[0] : &number)) continue;
      if (made) {
        op->inputs[k] = made->inputs[0];
        vector<DimCheck> checks(made->checks.begin(), made->checks.end());
        checks.insert(checks.end(), op->checks.begin(), op->checks.end());
        op->checks = graph_.arena.copy(checks);
      } else {
        auto first = literal->bytes.first(size_t(dtypeSize(literal->dtype)));
        op->inputs[k] =
            rewriter_.builderAt(*op).constant(graph_.makeLiteral(literal->dtype, {}, first));
      }
      rewriter_.changed();
    }
  }

  /// Whether the result has its shape with input `k` replaced too.
  bool keepsShape(const Operation &op, size_t k, Tensor *by) {
    vector<Tensor *> inputs(op.inputs.begin(), op.inputs.end());
    inputs[k] = by;
    Infer infer(graph_, inputs, op.attrs);
    infer.type = op.type;
    return op.def->infer(infer) && sameShape(infer.outputs[0].shape, op.outputs[0].shape);
  }

  /// Operations that give one of their inputs.
  bool nothing(Operation *op) {
    auto type = op->type;
    auto *x = op->inputs[0], *y = op->inputs.size() > 1 ? op->inputs[1] : nullptr;
    if (type == "Mul") return (isSplat(y, 1) && drop(op, x)) || (isSplat(x, 1) && drop(op, y));
    if (type == "RealDiv") return isSplat(y, 1) && drop(op, x);
    if (type == "FloorDiv") return isInteger(x->dtype) && isSplat(y, 1) && drop(op, x);
    if (type == "Pow") return isSplat(y, 1) && drop(op, x);
    if (type == "Sub") return isSplat(y, 0) && drop(op, x);
    if (type == "Add") {
      double zero = isFloating(x->dtype) ? -0.0 : 0.0;
      return (isSplat(y, zero) && drop(op, x)) || (isSplat(x, zero) && drop(op, y));
    }
    if (type == "Maximum" || type == "Minimum") return x == y && drop(op, x);
    if (type == "LogicalAnd")
      return (isSplat(y, 1) && drop(op, x)) || (isSplat(x, 1) && drop(op, y));
    if (type == "LogicalOr")
      return (isSplat(y, 0) && drop(op, x)) || (isSplat(x, 0) && drop(op, y));
    if (type == "Select")
      return (isSplat(x, 1) && drop(op, op->inputs[1])) ||
             (isSplat(x, 0) && drop(op, op->inputs[2]));
    if (type == "Neg" || type == "LogicalNot") {
      auto *inner = maker(op, type);
      return inner && drop(op, inner->inputs[0]);
    }
    if (type == "Relu" || type == "Relu6" || type == "Abs")
      return x->op->type == type && drop(op, x); // done twice is done once
    if (type == "Cast") {
      if (drop(op, x)) return true;
      auto *inner = maker(op, "Cast");
      return inner && widens(inner->inputs[0]->dtype, x->dtype) && drop(op, inner->inputs[0]);
    }
    if (type == "ConcatV2") return op->inputs.size() == 1 && drop(op, x);
    if (type == "Split") return op->outputs.size() == 1 && drop(op, x);
    if (type == "Reshape" || type == "BroadcastTo") return drop(op, x);
    if (type == "Pad" || type == "MirrorPad") {
      auto isZero = [](Dim d) { return d.is(0); };
      auto before = op->dimsAttr("before"), after = op->dimsAttr("after");
      return std::all_of(before.begin(), before.end(), isZero) &&
             std::all_of(after.begin(), after.end(), isZero) && drop(op, x);
    }
    if (type == "Transpose") {
      auto perm = op->intsAttr("perm");
      return std::is_sorted(perm.begin(), perm.end()) && drop(op, x);
    }
    if (type == "StridedSlice" || type == "StridedSliceGrad") return takesAll(*op) && drop(op, x);
    return false;
  }

  /// Every element in its place, whatever axes come and go.
  static bool takesAll(const Operation &op) {
    Shape x = op.inputs[0]->shape;
    auto begin = op.dimsAttr("begin"), size = op.dimsAttr("size");
    auto strides = op.intsAttr("strides");
    for (int a = 0; a < x.rank(); ++a)
      if (!begin[size_t(a)].is(0) || size[size_t(a)] != x[a] ||
          (strides[size_t(a)] != 1 && !size[size_t(a)].is(1)))
        return false;
    return true;
  }

  bool reshaped(Operation *op, Tensor *x) {
    vector<DimCheck> checks(op->checks.begin(), op->checks.end());
    if (auto *before = x->op; before->type == "Reshape" && before->controlInputs.empty()) {
      checks.insert(checks.begin(), before->checks.begin(), before->checks.end());
      x = before->inputs[0];
    }
    auto *by = rewriter_.builderAt(*op).op("Reshape", {x},
                                           {dimsAttr("shape", op->outputs[0].shape.dims())});
    if (!by || !interchangeable(op->outputs[0], *by)) return false;
    by->op->checks = graph_.arena.copy(checks);
    return rewriter_.replace(op, by);
  }

  bool cheaper(Operation *op) {
    auto type = op->type;
    if (type == "StridedSlice") return takesAll(*op) && reshaped(op, op->inputs[0]);
    if (type == "Pow") return square(op);
    if (type == "Reshape") return reshapeTwice(op);
    if (type == "Transpose") return transpose(op);
    if (type == "MatMul") return transposedProduct(op);
    return false;
  }

  /// x*x is rounded correctly and pow is not, so in float64 they may differ. Smaller types are
  /// computed in a wider one, where both are exact.
  bool square(Operation *op) {
    auto *x = op->inputs[0];
    if (x->dtype == DType::Float64 || !isSplat(op->inputs[1], 2) || !op->checks.empty())
      return false;
    if (!sameShape(x->shape, op->outputs[0].shape)) return false;
    auto *by = rewriter_.builderAt(*op).op("Square", {x});
    return by && interchangeable(op->outputs[0], *by) && rewriter_.replace(op, by);
  }

  bool reshapeTwice(Operation *op) {
    auto *inner = maker(op, "Reshape");
    if (!inner) return false;
    op->inputs[0] = inner->inputs[0];
    vector<DimCheck> checks(inner->checks.begin(), inner->checks.end());
    checks.insert(checks.end(), op->checks.begin(), op->checks.end());
    op->checks = graph_.arena.copy(checks);
    rewriter_.changed();
    // The two may have led back to where they began.
    return drop(op, op->inputs[0]);
  }

  bool transpose(Operation *op) {
    auto *x = op->inputs[0];
    auto perm = op->intsAttr("perm");
    if (auto *inner = maker(op, "Transpose")) {
      vector<int64_t> both;
      for (int64_t axis : perm) both.push_back(inner->intsAttr("perm")[size_t(axis)]);
      if (std::is_sorted(both.begin(), both.end()) && drop(op, inner->inputs[0])) return true;
      auto *by = rewriter_.builderAt(*op).op("Transpose", {inner->inputs[0]},
                                             {intsAttr("perm", graph_.arena.copy(both))});
      return by && interchangeable(op->outputs[0], *by) && rewriter_.replace(op, by);
    }
    // Axes of size 1 may go anywhere without an element moving.
    vector<int64_t> moved;
    for (int64_t axis : perm)
      if (!x->shape[int(axis)].is(1)) moved.push_back(axis);
    return std::is_sorted(moved.begin(), moved.end()) && reshaped(op, x);
  }

  /// A transposition of the last two axes is what matmul does by itself.
  bool transposedProduct(Operation *op) {
    bool flags[] = {op->boolAttr("transpose_a"), op->boolAttr("transpose_b")};
    Tensor *inputs[] = {op->inputs[0], op->inputs[1]};
    bool found = false;
    for (size_t k = 0; k < 2; ++k) {
      auto *inner = maker(op, "Transpose", k);
      if (!inner) continue;
      auto perm = inner->intsAttr("perm");
      int64_t rank = int64_t(perm.size());
      bool matrix = rank >= 2 && perm[size_t(rank) - 1] == rank - 2 &&
                    perm[size_t(rank) - 2] == rank - 1 &&
                    std::is_sorted(perm.begin(), perm.end() - 2);
      if (!matrix) continue;
      inputs[k] = inner->inputs[0];
      flags[k] = !flags[k];
      found = true;
    }
    if (!found) return false;
    auto *by = rewriter_.builderAt(*op).op(
        "MatMul", {inputs[0], inputs[1]},
        {boolAttr("transpose_a", flags[0]), boolAttr("transpose_b", flags[1])});
    if (!by || !interchangeable(op->outputs[0], *by)) return false;
    by->op->checks = op->checks;
    return rewriter_.replace(op, by);
  }

  Rewriter rewriter_;
  Graph &graph_;
};
} // namespace

bool simplify(Graph &graph) { return Simplifier(graph).run(); }

} // namespace graphc
