// Running sums and products along an axis, and the largest elements of rows.
//
//   type     inputs  attributes                        outputs
//   Cumsum   x       axis int (in [0, r)), exclusive   out[i] = Σ x[j] for j up to i, or below it
//                    bool, reverse bool                (exclusive); from the other end (reverse)
//   Cumprod  x       the same                          Π likewise
//   LinearRecurrence   axis int, reverse bool          out[i] = x[i] + factor[i] · out[i - 1]; the
//            x, factor                                 first is x[0]. Both are of one shape and
//                                                      floating dtype. Derivatives of products are
//                                                      made of it
//   TopKV2   input   k dim, sorted bool                values and int32 indices (…, k) of the k
//                                                      largest along the last axis, in descending
//                                                      order; NaN counts as largest, of equal ones
//                                                      the first comes first
#include "ops/arguments.h"
#include "ops/cost.h"
#include "ops/derive.h"
#include "ops/evaluate.h"
#include "ops/numbers.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace graphc {

namespace {

bool inferScan(Infer &i) {
  if (!i.needDType(isNumeric(i.dtype(0)), "a numeric dtype")) return false;
  i.output(i.dtype(0), i.in(0));
  return true;
}

template <bool Product>
bool evaluateScan(Evaluate &e) {
  const Array &x = *e.inputs[0];
  Array &out = e.outputs[0];
  auto axis = size_t(e.op.intAttr("axis"));
  bool exclusive = e.op.boolAttr("exclusive"), reverse = e.op.boolAttr("reverse");
  int64_t size = x.dims[axis], inner = rowMajorStrides(x.dims)[axis];
  if (x.elements() == 0) return true;
  int64_t outer = x.elements() / size / inner;
  return computeAs(x.dtype, [&](auto zero) {
    using C = decltype(zero);
    for (int64_t line = 0; line < outer * inner; ++line) {
      C sum = Product ? C(1) : C(0);
      for (int64_t k = 0; k < size; ++k) {
        int64_t at = (line / inner * size + (reverse ? size - 1 - k : k)) * inner + line % inner;
        C before = sum;
        sum = Product ? wrapMul(sum, load<C>(x, at)) : wrapAdd(sum, load<C>(x, at));
        store(out, at, exclusive ? before : sum);
      }
    }
    return true;
  });
}

Tensor *scan(const Derive &d, std::string_view type, Tensor *x, bool reverse) {
  return d.b.op(type, {x},
                {intAttr("axis", d.op.intAttr("axis")),
                 boolAttr("exclusive", d.op.boolAttr("exclusive")), boolAttr("reverse", reverse)});
}

void cumsumGradient(Derive &d) { d.dx[0] = scan(d, "Cumsum", d.g(), !d.op.boolAttr("reverse")); }

bool inferRecurrence(Infer &i) {
  if (!i.needDType(isFloating(i.dtype(0)), "a floating dtype")) return false;
  Shape x = i.in(0), factor = i.in(1);
  if (factor.rank() != x.rank())
    return i.fail(Code::OperandShapes,
                  fmt::format("LinearRecurrence of {} and {}", toString(x), toString(factor)), 1);
  std::vector<Dim> dims;
  for (int axis = 0; axis < x.rank(); ++axis) {
    Dim dim;
    if (!i.unify(x[axis], factor[axis], dim, "the dimensions of LinearRecurrence's operands"))
      return false;
    dims.push_back(dim);
  }
  i.output(i.dtype(0), dims);
  return true;
}

bool evaluateRecurrence(Evaluate &e) {
  const Array &x = *e.inputs[0], &factor = *e.inputs[1];
  auto axis = size_t(e.op.intAttr("axis"));
  bool reverse = e.op.boolAttr("reverse");
  int64_t size = x.dims[axis], inner = rowMajorStrides(x.dims)[axis];
  if (x.elements() == 0) return true;
  for (int64_t line = 0; line < x.elements() / size; ++line) {
    double before = 0;
    for (int64_t k = 0; k < size; ++k) {
      int64_t at = (line / inner * size + (reverse ? size - 1 - k : k)) * inner + line % inner;
      // What lies before the first is no 0 that is multiplied: the factor may be infinite.
      before = k == 0 ? x.number(at) : x.number(at) + factor.number(at) * before;
      e.outputs[0].setNumber(at, before);
    }
  }
  return true;
}

/// out[i] = t[i + 1], or t[i - 1], with 0 at the end.
Tensor *neighbours(const Derive &d, Tensor *t, int64_t axis, bool following) {
  std::vector<Dim> none(size_t(t->shape.rank()), Dim(0)), one = none;
  one[size_t(axis)] = 1;
  std::vector<Dim> dims(t->shape.begin(), t->shape.end());
  return following ? d.slice(d.pad(t, none, one), one, dims)
                   : d.slice(d.pad(t, one, none), none, dims);
}

Tensor *recurrence(const Derive &d, Tensor *x, Tensor *factor, bool reverse) {
  return d.b.op("LinearRecurrence", {x, factor},
                {intAttr("axis", d.op.intAttr("axis")), boolAttr("reverse", reverse)});
}

// With L the sum over the results, weighted with g, and without a division, which zeros would
// forbid: dL/dx[i] = Π x[k<i] · (g[i] + x[i+1] · (g[i+1] + x[i+2] · (…))).
void cumprodGradient(Derive &d) {
  bool reverse = d.op.boolAttr("reverse");
  int64_t axis = d.op.intAttr("axis");
  Tensor *before =
      d.b.op("Cumprod", {d.x()},
             {intAttr("axis", axis), boolAttr("exclusive", true), boolAttr("reverse", reverse)});
  Tensor *g = d.op.boolAttr("exclusive") ? neighbours(d, d.g(), axis, !reverse) : d.g();
  d.dx[0] = d.mul(before, recurrence(d, g, neighbours(d, d.x(), axis, !reverse), !reverse));
}

void recurrenceGradient(Derive &d) {
  bool reverse = d.op.boolAttr("reverse");
  int64_t axis = d.op.intAttr("axis");
  Tensor *back = recurrence(d, d.g(), neighbours(d, d.x(1), axis, !reverse), !reverse);
  d.dx[0] = back;
  d.dx[1] = d.mul(back, neighbours(d, d.y(), axis, reverse));
}

void recurrenceCost(const Operation &op, Cost &cost) {
  cost.flops = op.output()->shape.elements() * Dim(2);
}

bool inferTopK(Infer &i) {
  Shape x = i.in(0);
  if (!i.needDType(isNumeric(i.dtype(0)), "a numeric dtype")) return false;
  if (x.rank() == 0) return i.fail(Code::OperandShapes, "top_k of a scalar", 0);
  Dim k = i.dimsAttr("k")[0], last = x[x.rank() - 1];
  if (!needAtLeast(i, k, Dim(0), Code::AttributeRange, fmt::format("k {} is negative", toString(k)),
                   "k and 0") ||
      !needAtLeast(
          i, last, k, Code::AttributeRange,
          fmt::format("k {} is more than the last dimension of {}", toString(k), toString(x)),
          fmt::format("the last dimension of {} and k", toString(x))))
    return false;
  std::vector<Dim> dims(x.begin(), x.end());
  dims.back() = k;
  i.output(i.dtype(0), dims);
  i.output(DType::Int32, dims);
  return true;
}

bool evaluateTopK(Evaluate &e) {
  const Array &x = *e.inputs[0];
  int64_t size = x.dims.back(), k = e.outputs[0].dims.back();
  int64_t rows = k ? e.outputs[0].elements() / k : 0;
  return computeAs(x.dtype, [&](auto zero) {
    using C = decltype(zero);
    auto isNan = [](C value) {
      if constexpr (std::is_floating_point_v<C>) return std::isnan(value);
      return false;
    };
    for (int64_t row = 0; row < rows; ++row) {
      std::vector<int64_t> order(static_cast<size_t>(size));
      std::iota(order.begin(), order.end(), int64_t(0));
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        C left = load<C>(x, row * size + a), right = load<C>(x, row * size + b);
        return left > right || (isNan(left) && !isNan(right));
      });
      for (int64_t i = 0; i < k; ++i) {
        copyElement(x, row * size + order[size_t(i)], e.outputs[0], row * k + i);
        e.outputs[1].setInteger(row * k + i, order[size_t(i)]);
      }
    }
    return true;
  });
}

void topKGradient(Derive &d) {
  int64_t last = d.x()->shape.rank() - 1;
  d.dx[0] = d.b.op(
      "GatherV2Grad", {d.gradOrZeros(0), d.y(1)},
      {dimsAttr("shape", d.x()->shape.dims()), intAttr("axis", last), intAttr("batch_dims", last)});
}

constexpr OpDef ops[] = {
    {.type = "Cumsum",
     .infer = inferScan,
     .evaluate = evaluateScan<false>,
     .gradient = deriveBy<cumsumGradient>,
     .cost = onePerInputElement},
    {.type = "Cumprod",
     .infer = inferScan,
     .evaluate = evaluateScan<true>,
     .gradient = deriveBy<cumprodGradient>,
     .cost = onePerInputElement},
    {.type = "LinearRecurrence",
     .infer = inferRecurrence,
     .evaluate = evaluateRecurrence,
     .gradient = deriveBy<recurrenceGradient>,
     .cost = recurrenceCost},
    {.type = "TopKV2",
     .infer = inferTopK,
     .evaluate = evaluateTopK,
     .gradient = deriveBy<topKGradient>,
     .cost = onePerInputElement},
};

Tensor *buildScan(Call &c) {
  Tensor *x = c.tensor("x");
  if (!rankKnown(c, x, "x")) return nullptr;
  int64_t axis = c.integer("axis");
  if (!normalizeAxis(c, axis, x->shape.rank(), "axis")) return nullptr;
  return c.named(c.function.def->op, {x},
                 {intAttr("axis", axis), boolAttr("exclusive", c.flag("exclusive")),
                  boolAttr("reverse", c.flag("reverse"))});
}

Tensor *buildTopK(Call &c) {
  Tensor *x = c.tensor("input");
  if (!rankKnown(c, x, "input")) return nullptr;
  auto k = c.given("k") ? dimsOf(c.dims("k")) : std::vector<Dim>{Dim(1)};
  if (k.size() != 1) return c.fail(Code::WrongType, "k is one number", "k");
  return c.named("TopKV2", {x}, {dimsAttr("k", c.keep(k)), boolAttr("sorted", c.flag("sorted"))});
}

#define SCAN "(x: T, axis: int = 0, exclusive: bool = False, reverse: bool = False)"
#define SCAN_DOC                                                                                   \
  "\nx's shape and dtype, any numeric one; integers wrap. `exclusive` leaves the element itself "  \
  "out, `reverse` begins at the axis' end."

constexpr FunctionDef functions[] = {
    {"cumsum" SCAN, "Cumsum", "Cumsum", "Running sums along an axis." SCAN_DOC, buildScan},
    {"cumprod" SCAN, "Cumprod", "Cumprod", "Running products along an axis." SCAN_DOC, buildScan},
    {"top_k(input: T, k: shape? = None, sorted: bool = True)", "TopKV2", "TopKV2",
     "The k largest elements along the last axis, and where they are: a pair (values, indices).\n"
     "Shapes: input (…, n), both results (…, k), indices int32. They come in descending order; of "
     "equal elements the first comes first, NaN is the largest. k is 1 unless given.\nAny numeric "
     "dtype.",
     buildTopK, "", FunctionDef::Tuple},
};

} // namespace

std::span<const OpDef> scanOps() { return ops; }
std::span<const FunctionDef> scanFunctions() { return functions; }

} // namespace graphc
