// The inverse of taking parts of tensors: what gradients of slices and gathers are made of. Numeric
// dtypes; integers wrap.
//
//   type              inputs          attributes               output
//   StridedSliceGrad  grad            shape dims, begin dims,  zeros of `shape`, but grad, of shape
//                                     size dims, strides ints  `size`, at begin + i*stride
//   GatherV2Grad      grad, indices   shape dims, axis int,    zeros of `shape`, to which row
//                                     batch_dims int           indices[k] along `axis` grad's row k
//                                                              is added; fails on an index out of
//                                                              range
//
// `begin`, `size` and `strides` are those of StridedSlice, `axis` and `batch_dims` those of
// GatherV2.
#include "ops/cost.h"
#include "ops/derive.h"
#include "ops/evaluate.h"
#include "ops/numbers.h"
#include "ops/rules.h"
#include "ops/tables.h"

namespace graphc {

namespace {
using std::vector;

/// The gradient's shape is the one that the forward operation gave.
bool needShape(Infer &i, const vector<Dim> &wanted) {
  Shape grad = i.in(0), shape = i.shape(wanted);
  auto message =
      fmt::format("a gradient of shape {} where {} is wanted", toString(grad), toString(shape));
  if (grad.rank() != shape.rank()) return i.fail(Code::OperandShapes, message, 0);
  for (int a = 0; a < grad.rank(); ++a)
    if (!needEqual(i, grad[a], shape[a], message,
                   fmt::format("dimension {} of the gradient {} and of {}", a, toString(grad),
                               toString(shape)),
                   0))
      return false;
  return true;
}

bool inferStridedSliceGrad(Infer &i) {
  if (!i.needDType(isNumeric(i.dtype(0)), "a numeric dtype") ||
      !needShape(i, dimsOf(i.dimsAttr("size"))))
    return false;
  i.output(i.dtype(0), dimsOf(i.dimsAttr("shape")));
  return true;
}

bool evaluateStridedSliceGrad(Evaluate &e) {
  auto &out = e.outputs[0];
  auto steps = rowMajorStrides(out.dims);
  auto begin = e.dims("begin");
  auto strides = e.op.intsAttr("strides");
  int64_t base = 0;
  for (size_t a = 0; a < steps.size(); ++a) {
    base += begin[a] * steps[a];
    steps[a] *= strides[a];
  }
  copyTo(*e.inputs[0], out, base, steps);
  return true;
}

void stridedSliceGradGradient(Derive &d) {
  d.dx[0] =
      d.b.op("StridedSlice", {d.g()},
             {dimsAttr("begin", d.op.dimsAttr("begin")), dimsAttr("size", d.op.dimsAttr("size")),
              intsAttr("strides", d.op.intsAttr("strides")), intsAttr("shrink", {}),
              intsAttr("newaxis", {})});
}

bool inferGatherGrad(Infer &i) {
  if (!i.needDType(isNumeric(i.dtype(0)), "a numeric dtype") ||
      !i.needDType(i.dtype(1) == DType::Int32 || i.dtype(1) == DType::Int64,
                   "int32 or int64 indices", 1))
    return false;
  auto params = dimsOf(i.dimsAttr("shape"));
  auto axis = i.intAttr("axis"), batch = i.intAttr("batch_dims");
  Shape indices = i.in(1);
  vector<Dim> taken(params.begin(), params.begin() + axis);
  taken.insert(taken.end(), indices.begin() + batch, indices.end());
  taken.insert(taken.end(), params.begin() + axis + 1, params.end());
  if (!needShape(i, taken)) return false;
  i.output(i.dtype(0), params);
  return true;
}

bool evaluateGatherGrad(Evaluate &e) {
  const auto &grad = *e.inputs[0], &indices = *e.inputs[1];
  Array &out = e.outputs[0];
  size_t axis = size_t(e.op.intAttr("axis")), batch = size_t(e.op.intAttr("batch_dims"));
  // The output is (batches, outer, limit, inner), indices (batches, each), grad (batches, outer,
  // each, inner).
  std::span<const int64_t> p(out.dims), n(indices.dims);
  int64_t batches = product(p.first(batch)), outer = product(p.subspan(batch, axis - batch));
  int64_t limit = p[axis], inner = product(p.subspan(axis + 1)), each = product(n.subspan(batch));
  for (int64_t k = 0; k < indices.elements(); ++k)
    if (int64_t index = indices.integer(k); index < 0 || index >= limit)
      return e.fail(fmt::format("indices[{}] = {} is not in [0, {})", k, index, limit));
  return computeAs(grad.dtype, [&](auto zero) {
    using C = decltype(zero);
    vector<C> sums(size_t(out.elements()), C(0));
    int64_t from = 0;
    for (int64_t b = 0; b < batches; ++b)
      for (int64_t o = 0; o < outer; ++o)
        for (int64_t k = 0; k < each; ++k) {
          int64_t to = ((b * outer + o) * limit + indices.integer(b * each + k)) * inner;
          for (int64_t i = 0; i < inner; ++i, ++from)
            sums[size_t(to + i)] = wrapAdd(sums[size_t(to + i)], load<C>(grad, from));
        }
    for (size_t i = 0; i < sums.size(); ++i) store(out, int64_t(i), sums[i]);
    return true;
  });
}

void gatherGradGradient(Derive &d) {
  d.dx[0] = d.b.op(
      "GatherV2", {d.g(), d.x(1)},
      {intAttr("axis", d.op.intAttr("axis")), intAttr("batch_dims", d.op.intAttr("batch_dims"))});
}

constexpr OpDef ops[] = {
    {.type = "StridedSliceGrad",
     .infer = inferStridedSliceGrad,
     .evaluate = evaluateStridedSliceGrad,
     .gradient = deriveBy<stridedSliceGradGradient>},
    {.type = "GatherV2Grad",
     .infer = inferGatherGrad,
     .evaluate = evaluateGatherGrad,
     .gradient = deriveBy<gatherGradGradient>,
     .mayFail = true,
     .cost = onePerInputElement},
};

} // namespace

std::span<const OpDef> scatterOps() { return ops; }
std::span<const FunctionDef> scatterFunctions() { return {}; }

} // namespace graphc
