// Running sums and products, the largest elements of rows, images in other sizes.
#include "lower/describe.h"

namespace graphc::lower {

namespace {

Dim productOf(const std::vector<Dim> &dims, size_t begin, size_t end) {
  Dim product(1);
  for (size_t i = begin; i < end; ++i) product = product * dims[i];
  return product;
}

enum class Running { Sum, Product, Recurrence };

template <Running what>
bool scan(Describer &d) {
  auto axis = size_t(d.op.intAttr("axis"));
  Node node;
  node.kind = Node::Scan;
  node.dtype = d.dtype();
  node.accumulator = d.dtype();
  node.shape = d.shape();
  node.operands = d.inputs;
  node.line.dtype = d.dtype();
  node.line.outer = productOf(node.shape, 0, axis);
  node.line.size = node.shape[axis];
  node.line.inner = productOf(node.shape, axis + 1, node.shape.size());
  node.line.product = what == Running::Product;
  node.line.recurrence = what == Running::Recurrence;
  if (!node.line.recurrence) node.line.exclusive = d.op.boolAttr("exclusive");
  node.line.reverse = d.op.boolAttr("reverse");
  d.outputs[0] = d.add(std::move(node));
  return true;
}

bool topK(Describer &d) {
  Node *x = d.inputs[0];
  size_t last = x->shape.size() - 1;
  Node node;
  node.kind = Node::TopK;
  node.dtype = DType::Int32;
  node.accumulator = DType::Int32;
  node.shape = d.shape(1);
  node.operands = {x};
  node.line.dtype = x->dtype;
  node.line.outer = productOf(x->shape, 0, last);
  node.line.size = x->shape[last];
  node.line.inner = 1;
  node.line.count = node.shape[last];
  d.outputs[1] = d.add(std::move(node));
  Indices at = d.indices(last + 1);
  at[last] = d.e.cast(DType::Int64, d.e.load(d.outputs[1], at));
  d.outputs[0] = d.pointwise(d.dtype(0), d.shape(0), d.e.load(x, at));
  return true;
}

// Images in other sizes: places are computed in float32.

struct Place {
  const Expr *lower, *upper, *share; // share: of the upper one
};

Place placeOf(Describer &d, int axis) {
  auto &e = d.e;
  constexpr DType type = DType::Float32;
  auto number = [&](double value) { return e.number(type, value); };
  Dim in = d.inputs[0]->shape[size_t(axis)], out = d.shape()[size_t(axis)];
  bool align = d.op.boolAttr("align_corners"), half = d.op.boolAttr("half_pixel_centers");
  bool nearest = d.op.type == "ResizeNearestNeighbor";
  auto quotient = [&](Dim left, Dim right) {
    if (left.isStatic() && right.isStatic())
      return number(double(float(left.value) / float(right.value)));
    return e.make(ExprKind::Div, e.cast(type, e.dim(left)), e.cast(type, e.dim(right)));
  };
  const Expr *scale = quotient(in, out);
  if (align && !out.is(1)) {
    const Expr *aligned = quotient(in - 1, max(out - 1, 1));
    scale = e.select(e.lt(e.i64(1), e.dim(out)), aligned, scale);
  }
  const Expr *place = e.cast(type, e.index(axis));
  if (half) place = e.add(place, number(0.5));
  place = e.mul(place, scale);
  const Expr *zero = e.i64(0), *last = e.dim(in - 1);
  if (nearest) {
    if (align) place = e.add(place, number(0.5));
    const Expr *at = e.cast(DType::Int64, e.make(ExprKind::Floor, place));
    at = e.min(e.max(at, zero), last);
    return {at, at, nullptr};
  }
  if (half) place = e.sub(place, number(0.5));
  const Expr *floor = e.make(ExprKind::Floor, place);
  const Expr *lower = e.max(e.cast(DType::Int64, floor), zero);
  const Expr *upper = e.min(e.cast(DType::Int64, e.make(ExprKind::Ceil, place)), last);
  return {lower, upper, e.sub(place, floor)};
}

bool resize(Describer &d) {
  auto &e = d.e;
  Place y = placeOf(d, 1), x = placeOf(d, 2);
  auto pixel = [&](const Expr *row, const Expr *column) {
    return d.wide(e.load(d.inputs[0], {e.index(0), row, column, e.index(3)}));
  };
  if (!y.share) return d.give(pixel(y.lower, x.lower));
  auto between = [&](const Expr *first, const Expr *second, const Expr *share) {
    return e.add(first, e.mul(e.sub(second, first), e.cast(first->dtype, share)));
  };
  auto along = [&](const Expr *row) {
    return between(pixel(row, x.lower), pixel(row, x.upper), x.share);
  };
  return d.give(between(along(y.lower), along(y.upper), y.share));
}

constexpr Description table[] = {
    {"ResizeBilinear", resize},
    {"ResizeNearestNeighbor", resize},
    {"Cumsum", scan<Running::Sum>},
    {"Cumprod", scan<Running::Product>},
    {"LinearRecurrence", scan<Running::Recurrence>},
    {"TopKV2", topK},
};

} // namespace

std::span<const Description> lineDescriptions() { return table; }

} // namespace graphc::lower
