#include "lower/describe.h"

#include <algorithm>

namespace graphc::lower {

namespace {

bool contains(std::span<const int64_t> list, int64_t what) {
  return std::find(list.begin(), list.end(), what) != list.end();
}

/// The same elements in another shape. Where only dimensions of 1 come and go, `value` says where
/// an element is, so that kernels can be fused through it.
bool view(Describer &d) {
  Node *from = d.inputs[0];
  Node node;
  node.kind = Node::Alias;
  node.dtype = d.dtype();
  node.shape = d.shape();
  node.operands = {from};
  Indices at(from->shape.size());
  size_t next = 0;
  bool simple = true;
  for (size_t i = 0; i < from->shape.size(); ++i) {
    if (from->shape[i].is(1)) {
      at[i] = d.e.i64(0);
      continue;
    }
    while (next < node.shape.size() && node.shape[next].is(1)) ++next;
    if (next == node.shape.size() || node.shape[next] != from->shape[i]) {
      simple = false;
      break;
    }
    at[i] = d.e.index(next++);
  }
  while (next < node.shape.size() && node.shape[next].is(1)) ++next;
  if (simple && next == node.shape.size()) node.value = d.e.load(from, at);
  d.outputs[0] = d.add(std::move(node));
  return true;
}

bool transpose(Describer &d) {
  auto perm = d.op.intsAttr("perm");
  Indices at(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) at[size_t(perm[i])] = d.e.index(i);
  return d.give(d.e.load(d.inputs[0], at));
}

bool reverse(Describer &d) {
  Indices at = d.indices(d.shape().size());
  for (int64_t axis : d.op.intsAttr("axis"))
    at[size_t(axis)] =
        d.e.sub(d.e.dim(d.inputs[0]->shape[size_t(axis)] - Dim(1)), at[size_t(axis)]);
  return d.give(d.e.load(d.inputs[0], at));
}

bool stridedSlice(Describer &d) {
  auto begin = d.op.dimsAttr("begin");
  auto strides = d.op.intsAttr("strides"), shrink = d.op.intsAttr("shrink"),
       added = d.op.intsAttr("newaxis");
  Indices at;
  int out = 0;
  for (size_t axis = 0; axis < begin.size(); ++axis) {
    if (contains(shrink, axis)) {
      at.push_back(d.e.dim(begin[axis]));
      continue;
    }
    while (contains(added, out)) ++out;
    const Expr *step = d.e.i64(strides.empty() ? 1 : strides[axis]);
    at.push_back(d.e.add(d.e.dim(begin[axis]), d.e.mul(d.e.index(out++), step)));
  }
  return d.give(d.e.load(d.inputs[0], at));
}

/// The pieces of an axis, one output each; `dropped`: of size 1, and the axis gone.
bool cut(Describer &d, bool dropped) {
  auto axis = size_t(d.op.intAttr("axis"));
  Dim begin(0);
  for (size_t k = 0; k < d.outputs.size(); ++k) {
    Indices at = d.indices(d.shape(k).size());
    if (dropped)
      at.insert(at.begin() + axis, d.e.i64(k));
    else
      at[axis] = d.e.add(d.e.dim(begin), at[axis]);
    if (!dropped) begin = begin + d.shape(k)[axis];
    d.outputs[k] = d.pointwise(d.dtype(k), d.shape(k), d.e.load(d.inputs[0], at));
  }
  return true;
}

bool split(Describer &d) { return cut(d, false); }
bool unpack(Describer &d) { return cut(d, true); }

bool join(Describer &d) {
  auto axis = size_t(d.op.intAttr("axis"));
  bool stacked = d.op.type == "Pack";
  if (d.inputs.size() == 1 && !stacked)
    return d.give(d.e.load(d.inputs[0], d.indices(d.shape().size())));
  Node node;
  node.kind = Node::Pieces;
  node.dtype = d.dtype();
  node.shape = d.shape();
  Dim begin(0);
  for (size_t k = 0; k < d.inputs.size(); ++k) {
    Node *input = d.inputs[k];
    Piece piece;
    piece.dims = input->shape;
    Indices at = d.indices(input->shape.size());
    piece.value = d.e.load(input, at);
    piece.place = at;
    if (stacked)
      piece.place.insert(piece.place.begin() + axis, d.e.i64(k));
    else
      piece.place[axis] = d.e.add(d.e.dim(begin), at[axis]);
    if (!stacked) begin = begin + input->shape[axis];
    node.pieces.push_back(std::move(piece));
  }
  d.outputs[0] = d.add(std::move(node));
  return true;
}

bool tile(Describer &d) {
  Indices at = d.indices(d.shape().size());
  auto multiples = d.op.dimsAttr("multiples");
  for (size_t i = 0; i < at.size(); ++i) {
    Dim size = d.inputs[0]->shape[i];
    if (size.is(1))
      at[i] = d.e.i64(0);
    else if (!multiples[i].is(1))
      at[i] = d.e.make(ExprKind::FloorMod, at[i], d.e.dim(size));
  }
  return d.give(d.e.load(d.inputs[0], at));
}

bool broadcastTo(Describer &d) {
  return d.give(d.broadcast(d.inputs[0], d.indices(d.shape().size())));
}

bool pad(Describer &d) {
  Node *x = d.inputs[0];
  auto before = d.op.dimsAttr("before"), after = d.op.dimsAttr("after");
  Node node;
  node.kind = Node::Pieces;
  node.dtype = d.dtype();
  node.shape = d.shape();
  Indices at = d.indices(x->shape.size());
  bool padded = false;
  for (size_t i = 0; i < at.size(); ++i) padded |= !before[i].is(0) || !after[i].is(0);
  if (padded) node.pieces.push_back({node.shape, d.e.load(d.inputs[1], {}), at});
  Piece inside{x->shape, d.e.load(x, at), {}};
  for (size_t i = 0; i < at.size(); ++i) inside.place.push_back(d.e.add(d.e.dim(before[i]), at[i]));
  node.pieces.push_back(std::move(inside));
  d.outputs[0] = d.add(std::move(node));
  return true;
}

bool mirrorPad(Describer &d) {
  Node *x = d.inputs[0];
  auto before = d.op.dimsAttr("before"), after = d.op.dimsAttr("after");
  int64_t edge = d.op.textAttr("mode") == "SYMMETRIC" ? 1 : 0;
  Indices at = d.indices(x->shape.size());
  for (size_t i = 0; i < at.size(); ++i) {
    if (before[i].is(0) && after[i].is(0)) continue;
    // j < 0 is mirrored to -j (- 1 with the edge), j >= n to 2 (n - 1) - j (+ 1).
    const Expr *j = d.e.sub(at[i], d.e.dim(before[i]));
    const Expr *low = d.e.sub(d.e.i64(-edge), j);
    const Expr *high = d.e.sub(d.e.dim((x->shape[i] - Dim(1)) * Dim(2) + Dim(edge)), j);
    const Expr *inner = d.e.select(d.e.lt(j, d.e.dim(x->shape[i])), j, high);
    at[i] = d.e.select(d.e.lt(j, d.e.i64(0)), low, inner);
  }
  return d.give(d.e.load(x, at));
}

bool gather(Describer &d) {
  Node *params = d.inputs[0], *indices = d.inputs[1];
  auto axis = size_t(d.op.intAttr("axis")), batch = size_t(d.op.intAttr("batch_dims"));
  const Expr *limit = d.e.dim(params->shape[axis]);
  const Expr *each = d.e.load(indices, d.indices(indices->shape.size()));
  d.checkIndex(indices->shape, d.e.cast(DType::Int64, each), limit);
  Indices all = d.indices(d.shape().size());
  size_t count = indices->shape.size() - batch;
  Indices which(all.begin(), all.begin() + batch);
  which.insert(which.end(), all.begin() + axis, all.begin() + axis + count);
  Indices at(all.begin(), all.begin() + axis);
  at.push_back(d.e.cast(DType::Int64, d.e.load(indices, which)));
  at.insert(at.end(), all.begin() + axis + count, all.end());
  return d.give(d.e.load(params, at));
}

/// Zeros, then `piece` over them.
bool overZeros(Describer &d, DType dtype, Piece piece) {
  Node node;
  node.kind = Node::Pieces;
  node.dtype = dtype;
  node.shape = d.shape();
  node.pieces.push_back({node.shape, d.e.number(dtype, 0), d.indices(node.shape.size())});
  node.pieces.push_back(std::move(piece));
  Node *made = d.add(std::move(node));
  if (dtype == d.dtype()) {
    d.outputs[0] = made;
    return true;
  }
  return d.give(d.e.load(made, d.indices(made->shape.size())));
}

bool stridedSliceGrad(Describer &d) {
  Node *grad = d.inputs[0];
  auto begin = d.op.dimsAttr("begin");
  auto strides = d.op.intsAttr("strides");
  Indices at = d.indices(grad->shape.size());
  Piece piece{grad->shape, d.e.load(grad, at), {}};
  for (size_t i = 0; i < at.size(); ++i)
    piece.place.push_back(d.e.add(d.e.dim(begin[i]), d.e.mul(at[i], d.e.i64(strides[i]))));
  return overZeros(d, d.dtype(), std::move(piece));
}

bool gatherGrad(Describer &d) {
  Node *grad = d.inputs[0], *indices = d.inputs[1];
  auto axis = size_t(d.op.intAttr("axis")), batch = size_t(d.op.intAttr("batch_dims"));
  const Expr *each = d.e.load(indices, d.indices(indices->shape.size()));
  d.checkIndex(indices->shape, d.e.cast(DType::Int64, each), d.e.dim(d.shape()[axis]));
  Indices all = d.indices(grad->shape.size());
  size_t count = indices->shape.size() - batch;
  Indices which(all.begin(), all.begin() + batch);
  which.insert(which.end(), all.begin() + axis, all.begin() + axis + count);
  Piece piece{grad->shape, d.wide(d.e.load(grad, all)), {}, true};
  piece.place.assign(all.begin(), all.begin() + axis);
  piece.place.push_back(d.e.cast(DType::Int64, d.e.load(indices, which)));
  piece.place.insert(piece.place.end(), all.begin() + axis + count, all.end());
  return overZeros(d, Describer::wideType(d.dtype()), std::move(piece));
}

bool oneHot(Describer &d) {
  auto axis = size_t(d.op.intAttr("axis"));
  Indices all = d.indices(d.shape().size());
  Indices at = all;
  at.erase(at.begin() + axis);
  const Expr *index = d.e.cast(DType::Int64, d.e.load(d.inputs[0], at));
  return d.give(d.e.select(d.e.make(ExprKind::Eq, index, all[axis]), d.e.load(d.inputs[1], {}),
                           d.e.load(d.inputs[2], {})));
}

/// Of indices (…, depth) the places: one index expression for each of the `depth` axes of `shape`,
/// where the indices' other axes are walked by `at`. The call fails where one is not in the shape.
Indices placesOf(Describer &d, Node *indices, const std::vector<Dim> &shape, const Indices &at) {
  size_t rows = indices->shape.size() - 1;
  Indices places;
  for (int64_t k = 0; k < indices->shape[rows].value; ++k) {
    auto index = [&](Indices where) {
      where.push_back(d.e.i64(k));
      return d.e.cast(DType::Int64, d.e.load(indices, where));
    };
    d.checkIndex({indices->shape.begin(), indices->shape.end() - 1}, index(d.indices(rows)),
                 d.e.dim(shape[size_t(k)]));
    places.push_back(index(at));
  }
  return places;
}

bool gatherNd(Describer &d) {
  Node *params = d.inputs[0], *indices = d.inputs[1];
  size_t rows = indices->shape.size() - 1;
  Indices all = d.indices(d.shape().size());
  Indices places = placesOf(d, indices, params->shape, {all.begin(), all.begin() + rows});
  places.insert(places.end(), all.begin() + rows, all.end());
  return d.give(d.e.load(params, places));
}

enum class Scatter { New, Add, Sub, Update };

template <Scatter how>
bool scatterNd(Describer &d) {
  size_t first = how == Scatter::New ? 0 : 1;
  Node *indices = d.inputs[first], *updates = d.inputs[first + 1];
  std::vector<Dim> shape = d.shape();
  // What adds up is not rounded on the way.
  DType type = how == Scatter::Update ? d.dtype() : Describer::wideType(d.dtype());
  size_t rows = indices->shape.size() - 1;
  Indices all = d.indices(updates->shape.size());
  const Expr *value = d.e.cast(type, d.e.load(updates, all));
  if (how == Scatter::Sub) value = d.e.make(ExprKind::Neg, value);
  Piece piece{updates->shape, value, {}};
  piece.adds = how != Scatter::Update;
  piece.inOrder = how == Scatter::Update;
  piece.place = placesOf(d, indices, shape, {all.begin(), all.begin() + rows});
  piece.place.insert(piece.place.end(), all.begin() + rows, all.end());
  if (how == Scatter::New) return overZeros(d, type, std::move(piece));
  Node node;
  node.kind = Node::Pieces;
  node.dtype = type;
  node.shape = shape;
  Indices at = d.indices(shape.size());
  node.pieces.push_back({shape, d.e.cast(type, d.e.load(d.inputs[0], at)), at});
  node.pieces.push_back(std::move(piece));
  Node *made = d.add(std::move(node));
  if (type != d.dtype()) return d.give(d.e.load(made, at));
  d.outputs[0] = made;
  return true;
}

constexpr Description table[] = {
    {"GatherNd", gatherNd},
    {"ScatterNd", scatterNd<Scatter::New>},
    {"TensorScatterAdd", scatterNd<Scatter::Add>},
    {"TensorScatterSub", scatterNd<Scatter::Sub>},
    {"TensorScatterUpdate", scatterNd<Scatter::Update>},
    {"Reshape", view},
    {"Squeeze", view},
    {"ExpandDims", view},
    {"Identity", view},
    {"StopGradient", view},
    {"Transpose", transpose},
    {"ReverseV2", reverse},
    {"Slice", stridedSlice},
    {"StridedSlice", stridedSlice},
    {"Split", split},
    {"Unpack", unpack},
    {"ConcatV2", join},
    {"Pack", join},
    {"Tile", tile},
    {"BroadcastTo", broadcastTo},
    {"Pad", pad},
    {"MirrorPad", mirrorPad},
    {"GatherV2", gather},
    {"OneHot", oneHot},
    {"StridedSliceGrad", stridedSliceGrad},
    {"GatherV2Grad", gatherGrad},
};

} // namespace

std::span<const Description> movementDescriptions() { return table; }

} // namespace graphc::lower
