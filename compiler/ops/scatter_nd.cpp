// Parts of tensors by several indices at once.
//
//   type                 inputs                     output
//   GatherNd             params, indices            params[indices[i, 0], indices[i, 1], …] for all
//   i ScatterNd            indices, updates           zeros of `shape` (attribute, dims), to which
//                                                   updates are added
//   TensorScatterAdd     tensor, indices, updates   tensor, with updates added
//   TensorScatterSub     the same                   … subtracted
//   TensorScatterUpdate  the same                   … in place of what was there; where one place
//                                                   comes more than once, the last update counts
//
// indices are (…, d), int32 or int64, d known: each row names a place along the first d axes of
// params or of the result; updates are (…, the other axes). An index out of range makes the call
// fail.
#include "ops/compose.h"
#include "ops/cost.h"
#include "ops/derive.h"
#include "ops/evaluate.h"
#include "ops/numbers.h"
#include "ops/rules.h"
#include "ops/tables.h"

namespace graphc {

namespace {
using std::vector;

/// The shape of the parts that the indices name: their own but for the last axis, then the rest of
/// `whole`.
bool partsOf(Infer &i, size_t indices, Shape whole, vector<Dim> &parts) {
  DType type = i.dtype(indices);
  if (!i.needDType(type == DType::Int32 || type == DType::Int64, "int32 or int64 indices", indices))
    return false;
  Shape shape = i.in(indices);
  if (shape.rank() == 0 || !shape[shape.rank() - 1].isStatic())
    return i.fail(
        Code::OperandShapes,
        fmt::format("indices of shape {}: the last dimension, how many axes they are for, "
                    "must be known",
                    toString(shape)),
        int(indices));
  Dim depth = shape[shape.rank() - 1];
  if (depth.value > whole.rank())
    return i.fail(Code::OperandShapes,
                  fmt::format("indices of shape {} are for {} axes, and {} has {}", toString(shape),
                              depth.value, toString(whole), whole.rank()),
                  int(indices));
  parts.assign(shape.begin(), shape.end() - 1);
  parts.insert(parts.end(), whole.begin() + depth.value, whole.end());
  return true;
}

bool inferGatherNd(Infer &i) {
  vector<Dim> parts;
  if (!partsOf(i, 1, i.in(0), parts)) return false;
  i.output(i.dtype(0), parts);
  return true;
}

bool fitsUpdates(Infer &i, size_t indices, Shape whole) {
  vector<Dim> parts;
  if (!partsOf(i, indices, whole, parts)) return false;
  Shape updates = i.in(indices + 1), wanted = i.shape(parts);
  auto message =
      fmt::format("updates of shape {} where {} is wanted", toString(updates), toString(wanted));
  if (updates.rank() != wanted.rank())
    return i.fail(Code::OperandShapes, message, int(indices + 1));
  for (int a = 0; a < updates.rank(); ++a)
    if (!needEqual(i, updates[a], wanted[a], message,
                   fmt::format("dimension {} of the updates {} and of {}", a, toString(updates),
                               toString(wanted)),
                   int(indices + 1)))
      return false;
  return true;
}

bool inferScatterNd(Infer &i) {
  auto dims = i.dimsAttr("shape");
  vector<Dim> shape(dims.begin(), dims.end());
  if (!i.needDType(isNumeric(i.dtype(1)), "a numeric dtype", 1) ||
      !fitsUpdates(i, 0, i.shape(shape)))
    return false;
  i.output(i.dtype(1), shape);
  return true;
}

bool inferTensorScatter(Infer &i) {
  if (i.dtype(2) != i.dtype(0))
    return i.fail(Code::OperandDTypes,
                  fmt::format("updates of dtype {} for a tensor of dtype {}", dtypeName(i.dtype(2)),
                              dtypeName(i.dtype(0))),
                  2);
  if (i.type != "TensorScatterUpdate" && !i.needDType(isNumeric(i.dtype(0)), "a numeric dtype"))
    return false;
  if (!fitsUpdates(i, 1, i.in(0))) return false;
  i.output(i.dtype(0), i.in(0));
  return true;
}

/// Calls visit(row, place) for each row of the indices: the place counts parts of `size` elements
/// of `whole`.
template <typename Visit>
bool forPlaces(Evaluate &e, const Array &indices, const vector<int64_t> &whole, int64_t &size,
               Visit visit) {
  auto depth = size_t(indices.dims.back());
  size = 1;
  for (size_t a = depth; a < whole.size(); ++a) size *= whole[a];
  int64_t rows = 1;
  for (size_t a = 0; a + 1 < indices.dims.size(); ++a) rows *= indices.dims[a];
  for (int pass = 0; pass < 2; ++pass) // a call that fails has changed nothing
    for (int64_t row = 0; row < rows; ++row) {
      int64_t place = 0;
      for (size_t a = 0; a < depth; ++a) {
        int64_t index = indices.integer(row * int64_t(depth) + int64_t(a));
        if (index < 0 || index >= whole[a])
          return e.fail(fmt::format("index {} of axis {} is not in [0, {})", index, a, whole[a]));
        place = place * whole[a] + index;
      }
      if (pass == 1) visit(row, place);
    }
  return true;
}

bool evaluateGatherNd(Evaluate &e) {
  const Array &params = *e.inputs[0];
  int64_t size = 1;
  return forPlaces(e, *e.inputs[1], params.dims, size, [&](int64_t row, int64_t place) {
    copyElement(params, place * size, e.outputs[0], row * size, size);
  });
}

bool evaluateScatter(Evaluate &e) {
  Array &out = e.outputs[0];
  bool fresh = e.op.type == "ScatterNd", subtracts = e.op.type == "TensorScatterSub";
  const Array &indices = *e.inputs[fresh ? 0 : 1], &updates = *e.inputs[fresh ? 1 : 2];
  int64_t size = 1;
  if (e.op.type == "TensorScatterUpdate") {
    copyElement(*e.inputs[0], 0, out, 0, out.elements());
    return forPlaces(e, indices, out.dims, size, [&](int64_t row, int64_t place) {
      copyElement(updates, row * size, out, place * size, size);
    });
  }
  return computeAs(out.dtype, [&](auto zero) {
    using C = decltype(zero);
    vector<C> sums = fresh ? vector<C>(size_t(out.elements()), C(0)) : loadAll<C>(*e.inputs[0]);
    if (!forPlaces(e, indices, out.dims, size, [&](int64_t row, int64_t place) {
          for (int64_t i = 0; i < size; ++i) {
            C &sum = sums[size_t(place * size + i)], value = load<C>(updates, row * size + i);
            sum = subtracts ? wrapSub(sum, value) : wrapAdd(sum, value);
          }
        }))
      return false;
    for (size_t i = 0; i < sums.size(); ++i) store(out, int64_t(i), sums[i]);
    return true;
  });
}

// Gradients -----------------------------------------------------------------------------------

void gatherNdGradient(Derive &d) {
  d.dx[0] = d.b.op("ScatterNd", {d.x(1), d.g()}, {dimsAttr("shape", d.x()->shape.dims())});
}
void scatterNdGradient(Derive &d) { d.dx[1] = d.b.op("GatherNd", {d.g(), d.x(0)}); }
template <bool Negative>
void tensorScatterGradient(Derive &d) {
  Tensor *parts = d.b.op("GatherNd", {d.g(), d.x(1)});
  d.dx[0] = d.g();
  d.dx[2] = Negative ? d.neg(parts) : parts;
}
void tensorUpdateGradient(Derive &d) {
  d.dx[0] = d.b.op("TensorScatterUpdate", {d.g(), d.x(1), filled(d.b, d.x(2), 0)});
  d.dx[2] = d.b.op("GatherNd", {d.g(), d.x(1)});
}

/// One for each element of the updates, input `updates`.
template <size_t updates>
void scatterCost(const Operation &op, Cost &cost) {
  cost.flops = op.inputs[updates]->shape.elements();
}

constexpr OpDef ops[] = {
    {.type = "GatherNd",
     .infer = inferGatherNd,
     .evaluate = evaluateGatherNd,
     .gradient = deriveBy<gatherNdGradient>,
     .mayFail = true,
     .cost = partCost},
    {.type = "ScatterNd",
     .infer = inferScatterNd,
     .evaluate = evaluateScatter,
     .gradient = deriveBy<scatterNdGradient>,
     .mayFail = true,
     .cost = scatterCost<1>},
    {.type = "TensorScatterAdd",
     .infer = inferTensorScatter,
     .evaluate = evaluateScatter,
     .gradient = deriveBy<tensorScatterGradient<false>>,
     .mayFail = true,
     .cost = scatterCost<2>},
    {.type = "TensorScatterSub",
     .infer = inferTensorScatter,
     .evaluate = evaluateScatter,
     .gradient = deriveBy<tensorScatterGradient<true>>,
     .mayFail = true,
     .cost = scatterCost<2>},
    {.type = "TensorScatterUpdate",
     .infer = inferTensorScatter,
     .evaluate = evaluateScatter,
     .gradient = deriveBy<tensorUpdateGradient>,
     .mayFail = true},
};

// Functions -----------------------------------------------------------------------------------

/// Leading axes that params and indices have in common become indices themselves.
Tensor *buildGatherNd(Call &c) {
  Tensor *params = c.tensor("params"), *indices = c.tensor("indices");
  if (!rankKnown(c, params, "params") || !rankKnown(c, indices, "indices")) return nullptr;
  int64_t batch = c.integer("batch_dims"), rank = indices->shape.rank();
  if (batch < 0 || (batch > 0 && batch >= std::min<int64_t>(rank, params->shape.rank())))
    return c.fail(Code::AttributeRange,
                  fmt::format("batch_dims {} does not fit {} and {}", batch,
                              toString(params->shape), toString(indices->shape)),
                  "batch_dims");
  if (batch == 0) return c.named("GatherNd", {params, indices});
  vector<Dim> rows(indices->shape.begin(), indices->shape.end());
  rows.back() = 1;
  vector<Tensor *> parts;
  for (int64_t a = 0; a < batch; ++a) {
    vector<Dim> dims(size_t(rank), Dim(1));
    dims[size_t(a)] = rows[size_t(a)];
    Tensor *counted = reshapeTo(c, countTo(c, rows[size_t(a)], indices->dtype), dims);
    if (!counted) return nullptr;
    parts.push_back(c.op("BroadcastTo", {counted}, {dimsAttr("shape", c.keep(rows))}));
  }
  parts.push_back(indices);
  std::vector<Attr> attrs{intAttr("axis", rank - 1)};
  auto *all = c.make(*findOp("ConcatV2"), "", parts, attrs);
  return all ? c.named("GatherNd", {params, all->output()}) : nullptr;
}

Tensor *buildScatterNd(Call &c) {
  for (Dim d : c.dims("shape"))
    if (d.isStatic() && d.value < 0)
      return c.fail(Code::AttributeRange, fmt::format("{} is no dimension", toString(d)), "shape");
  return c.named("ScatterNd", {c.tensor("indices"), c.tensor("updates")},
                 {dimsAttr("shape", c.dims("shape"))});
}

#define INDICES                                                                                    \
  "\nindices are (…, d), int32 or int64, and name places along the first d axes; "                 \
  "updates are (…, the other axes). An index out of range makes the call fail."
#define TENSOR_SCATTER "(tensor: T, indices: tensor, updates: T)"

constexpr FunctionDef functions[] = {
    {"gather_nd(params: tensor, indices: tensor, name: str? = None, batch_dims: int = 0)",
     "GatherNd", "GatherNd",
     "The parts of `params` that rows of `indices` name.\nShapes: params (p0, p1, …), indices (…, "
     "d), result (…, pd, …): params[indices[i, 0], …, indices[i, d - 1]] for every row i. With "
     "`batch_dims` = b, the first b axes of both are the same ones. An index out of range makes "
     "the "
     "call fail.\nAny dtype; indices are int32 or int64.",
     buildGatherNd},
    {"scatter_nd(indices: tensor, updates: tensor, shape: shape)", "ScatterNd", "ScatterNd",
     "Zeros of a shape, to which updates are added at the places that indices name." INDICES
     "\nAny numeric dtype; integers wrap.",
     buildScatterNd},
    {"tensor_scatter_add" TENSOR_SCATTER, "TensorScatterAdd", "TensorScatterAdd",
     "The tensor, with updates added at the places that indices name." INDICES
     "\nAny numeric dtype; integers wrap.",
     nullptr, "tensor_scatter_nd_add"},
    {"tensor_scatter_sub" TENSOR_SCATTER, "TensorScatterSub", "TensorScatterSub",
     "The tensor, with updates subtracted at the places that indices name." INDICES
     "\nAny numeric dtype; integers wrap.",
     nullptr, "tensor_scatter_nd_sub"},
    {"tensor_scatter_update" TENSOR_SCATTER, "TensorScatterUpdate", "TensorScatterUpdate",
     "The tensor, with updates in place of what was at the places that indices name." INDICES
     " Of one place's several updates the last one counts.\nAny dtype.",
     nullptr, "tensor_scatter_nd_update"},
};

} // namespace

std::span<const OpDef> scatterNdOps() { return ops; }
std::span<const FunctionDef> scatterNdFunctions() { return functions; }

} // namespace graphc
