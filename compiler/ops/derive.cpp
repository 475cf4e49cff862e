#include "ops/derive.h"

#include <algorithm>

namespace graphc {

Tensor *Derive::sum(Tensor *t, const std::vector<int64_t> &axes, bool keepdims) const {
  if (!t) return nullptr;
  if (axes.empty()) return t;
  return b.op("Sum", {t}, {intsAttr("axes", b.keep(axes)), boolAttr("keepdims", keepdims)});
}

Tensor *Derive::reshape(Tensor *t, Shape shape) const {
  if (!t || sameShape(t->shape, shape)) return t;
  return b.op("Reshape", {t}, {dimsAttr("shape", shape.dims())});
}

Tensor *Derive::reshape(Tensor *t, const std::vector<Dim> &dims) const {
  return reshape(t, b.graph.makeShape(dims));
}

Tensor *Derive::broadcast(Tensor *t, Shape shape) const {
  if (!t || sameShape(t->shape, shape)) return t;
  return b.op("BroadcastTo", {t}, {dimsAttr("shape", shape.dims())});
}

Tensor *Derive::transpose(Tensor *t, const std::vector<int64_t> &perm) const {
  return b.op("Transpose", {t}, {intsAttr("perm", b.keep(perm))});
}

Tensor *Derive::slice(Tensor *t, const std::vector<Dim> &begin,
                      const std::vector<Dim> &size) const {
  return b.op("Slice", {t}, {dimsAttr("begin", b.keep(begin)), dimsAttr("size", b.keep(size))});
}

Tensor *Derive::reverse(Tensor *t, int64_t axis) const {
  return b.op("ReverseV2", {t}, {intsAttr("axis", b.keep(std::vector<int64_t>{axis}))});
}

Tensor *Derive::pad(Tensor *t, const std::vector<Dim> &before,
                    const std::vector<Dim> &after) const {
  if (!t) return nullptr;
  return b.op("Pad", {t, b.constant(t->dtype, 0)},
              {dimsAttr("before", b.keep(before)), dimsAttr("after", b.keep(after))});
}

Tensor *Derive::gradOrZeros(size_t i) const { return dy[i] ? dy[i] : filled(b, y(i), 0); }

void Derive::waitFor(Tensor *t) const {
  if (!t) return;
  std::vector<Operation *> all(t->op->controlInputs.begin(), t->op->controlInputs.end());
  if (auto *self = y()->op; std::find(all.begin(), all.end(), self) == all.end())
    all.push_back(self);
  t->op->controlInputs = b.graph.arena.copy(all);
}

Tensor *Derive::unbroadcast(Tensor *t, size_t i) const {
  // Only what is element by element comes here with an unknown rank: then nothing was repeated.
  if (!t || !t->shape.hasRank() || !x(i)->shape.hasRank()) return t;
  return sumTo(b, t, x(i)->shape);
}

Tensor *filled(OpBuilder &b, const Tensor *like, double value) {
  Tensor *one = b.constant(like->dtype, value);
  if (!one || like->shape.rank() == 0) return one;
  return b.op("Fill", {one}, {dimsAttr("shape", like->shape.dims())});
}

Tensor *sumTo(OpBuilder &b, Tensor *t, Shape to) {
  if (!t || sameShape(t->shape, to)) return t;
  Shape from = t->shape;
  int added = from.rank() - to.rank();
  std::vector<int64_t> axes;
  // A dimension known at run time only is never repeated, unless it meets a 1 that is known.
  for (int a = 0; a < from.rank(); ++a)
    if (a < added || (to[a - added].is(1) && !from[a].is(1))) axes.push_back(a);
  if (axes.empty()) return t; // dimensions that are equal when run
  bool keep = added == 0;
  t = b.op("Sum", {t}, {intsAttr("axes", b.keep(axes)), boolAttr("keepdims", keep)});
  if (!t || t->shape.rank() == to.rank()) return t;
  return b.op("Reshape", {t}, {dimsAttr("shape", to.dims())});
}

Tensor *countOf(OpBuilder &b, Shape shape, std::span<const int64_t> axes, DType dtype) {
  Dim count(1);
  for (int64_t axis : axes) count = count * shape[int(axis)];
  if (count.isStatic()) return b.constant(dtype, double(count.value));
  Tensor *number = b.op("Dims", {},
                        {dimsAttr("value", b.keep(std::vector<Dim>{count})),
                         boolAttr("scalar", true), typeAttr("dtype", DType::Int64)});
  return number ? b.op("Cast", {number}, {typeAttr("dtype", dtype)}) : nullptr;
}

} // namespace graphc
