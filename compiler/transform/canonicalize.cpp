// Rewrites operations that exist for their name in the library as the few that do the work, so that
// generated code needs kernels for those alone:
//
//   Squeeze ExpandDims     Reshape
//   Slice ReverseV2        StridedSlice
//   Pack                   Reshape, ConcatV2
//   Unpack                 Split, Reshape
//   Tile                   Reshape, BroadcastTo, Reshape
//   Identity StopGradient  nothing; Identity where it waits for something
//   Shape Size Rank        Dims, unless what they look at updates, draws or can fail: then they
//   stay,
//                          with their contents in Tensor::value
#include "transform/passes.h"
#include "transform/rewrite.h"

#include <vector>

namespace graphc {

namespace {
using std::vector;

class Canonicalizer {
public:
  explicit Canonicalizer(Graph &graph) : rewriter_(graph), graph_(graph) {}

  bool run() {
    return rewriter_.run([&](Operation *op) {
      bool replaced = visit(op);
      if (!replaced) effects_.see(op);
      return replaced;
    });
  }

private:
  Attr dims(std::string_view name, const vector<Dim> &value) {
    return dimsAttr(name, graph_.arena.copy(value));
  }
  Attr ints(std::string_view name, const vector<int64_t> &value) {
    return intsAttr(name, graph_.arena.copy(value));
  }

  Tensor *reshape(OpBuilder &b, Tensor *x, Shape shape) {
    if (sameShape(x->shape, shape)) return x;
    return b.op("Reshape", {x}, {dimsAttr("shape", shape.dims())});
  }

  /// `by` does the work of `op`, whose conditions on dimensions hold for it instead of its own.
  bool instead(Operation *op, Tensor *by) {
    if (!by || !interchangeable(op->outputs[0], *by)) return false;
    if (by->op->id >= first_)
      by->op->checks = op->checks;
    else if (!op->controlInputs.empty()) // what was there does not wait
      by = rewriter_.builderAt(*op).op("Identity", {by});
    seeNew();
    return rewriter_.replace(op, by);
  }

  void seeNew() {
    for (size_t k = first_; k < graph_.operations.size(); ++k) effects_.see(graph_.operations[k]);
  }

  bool visit(Operation *op) {
    first_ = uint32_t(graph_.operations.size());
    auto b = rewriter_.builderAt(*op);
    auto type = op->type;
    if (!op->inputs.empty() && !op->inputs[0]->shape.hasRank()) return false;
    if (type == "Squeeze" || type == "ExpandDims")
      return instead(
          op, b.op("Reshape", {op->inputs[0]}, {dimsAttr("shape", op->outputs[0].shape.dims())}));
    if (type == "Slice") return slice(b, op);
    if (type == "ReverseV2") return reverse(b, op);
    if (type == "Pack") return pack(b, op);
    if (type == "Unpack") return unpack(b, op);
    if (type == "Tile") return tile(b, op);
    if (type == "Identity" || type == "StopGradient") return identity(b, op);
    if (type == "Shape" || type == "Size" || type == "Rank") return shape(b, op);
    return false;
  }

  bool slice(OpBuilder &b, Operation *op) {
    int rank = op->inputs[0]->shape.rank();
    return instead(
        op, b.op("StridedSlice", {op->inputs[0]},
                 {dimsAttr("begin", op->dimsAttr("begin")), dimsAttr("size", op->dimsAttr("size")),
                  ints("strides", vector<int64_t>(size_t(rank), 1)), ints("shrink", {}),
                  ints("newaxis", {})}));
  }

  bool reverse(OpBuilder &b, Operation *op) {
    Shape x = op->inputs[0]->shape;
    vector<Dim> begin(size_t(x.rank()), Dim(0));
    vector<int64_t> strides(size_t(x.rank()), 1);
    for (int64_t axis : op->intsAttr("axis")) {
      // Of an empty axis nothing is taken, wherever it begins.
      begin[size_t(axis)] = x[int(axis)].is(0) ? Dim(0) : x[int(axis)] - Dim(1);
      strides[size_t(axis)] = -1;
    }
    return instead(op, b.op("StridedSlice", {op->inputs[0]},
                            {dims("begin", begin), dimsAttr("size", x.dims()),
                             ints("strides", strides), ints("shrink", {}), ints("newaxis", {})}));
  }

  bool pack(OpBuilder &b, Operation *op) {
    int64_t axis = op->intAttr("axis");
    vector<Tensor *> parts;
    for (auto *x : op->inputs) {
      vector<Dim> shape(x->shape.begin(), x->shape.end());
      shape.insert(shape.begin() + axis, Dim(1));
      parts.push_back(reshape(b, x, graph_.makeShape(shape)));
    }
    auto *joined = b.make(*findOp("ConcatV2"), "", parts, vector<Attr>{intAttr("axis", axis)});
    return instead(op, joined ? joined->output() : nullptr);
  }

  bool unpack(OpBuilder &b, Operation *op) {
    if (op->outputs.empty()) return false; // nothing to make; it stays if something waits for it
    vector<Dim> sizes(op->outputs.size(), Dim(1));
    Attr attrs[] = {intAttr("axis", op->intAttr("axis")), dims("size_splits", sizes)};
    auto *split = b.make(*findOp("Split"), "", op->inputs, attrs);
    if (!split) return false;
    split->checks = op->checks;
    vector<Tensor *> by;
    for (size_t k = 0; k < op->outputs.size(); ++k) {
      by.push_back(reshape(b, split->output(k), op->outputs[k].shape));
      if (!by.back()) return false;
    }
    seeNew();
    return rewriter_.replace(op, by);
  }

  bool tile(OpBuilder &b, Operation *op) {
    Tensor *x = op->inputs[0];
    auto multiples = op->dimsAttr("multiples");
    // (a, b) becomes (1, a, 1, b), (m, a, n, b), (m*a, n*b).
    vector<Dim> apart, repeated;
    for (int a = 0; a < x->shape.rank(); ++a) {
      if (!multiples[size_t(a)].is(1)) {
        apart.push_back(Dim(1));
        repeated.push_back(multiples[size_t(a)]);
      }
      apart.push_back(x->shape[a]);
      repeated.push_back(x->shape[a]);
    }
    Tensor *taken = reshape(b, x, graph_.makeShape(apart));
    if (taken && apart != repeated) taken = b.op("BroadcastTo", {taken}, {dims("shape", repeated)});
    return taken && instead(op, reshape(b, taken, op->outputs[0].shape));
  }

  bool identity(OpBuilder &b, Operation *op) {
    if (op->controlInputs.empty()) return instead(op, op->inputs[0]);
    return op->type == "StopGradient" && instead(op, b.op("Identity", {op->inputs[0]}));
  }

  bool shape(OpBuilder &b, Operation *op) {
    const auto *value = op->outputs[0].value;
    if (!value || !op->controlInputs.empty() || effects_.of(op->inputs[0]->op)) return false;
    return instead(
        op, b.op("Dims", {},
                 {dimsAttr("value", value->elements), typeAttr("dtype", op->outputs[0].dtype),
                  boolAttr("scalar", value->scalar)}));
  }

  Rewriter rewriter_;
  Graph &graph_;
  Effects effects_;
  uint32_t first_ = 0; // of the operations that the current visit made
};
} // namespace

bool canonicalize(Graph &graph) { return Canonicalizer(graph).run(); }

} // namespace graphc
