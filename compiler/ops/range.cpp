// Numbers in a row, and unit matrices.
//
//   type    inputs         attributes        output
//   Range   start, delta   size dims (one)   start, start + delta, …: each the one before plus
//   delta,
//                                            rounded
#include "ops/derive.h"
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace graphc {

namespace {
using std::vector;

bool inferRange(Infer &i) {
  if (!i.sameDTypes()) return false;
  for (size_t k : {0, 1})
    if (!i.needRank(k, 0, "start, limit and delta of range")) return false;
  Dim size = i.dimsAttr("size")[0];
  i.output(i.dtype(0), vector<Dim>{size});
  vector<const SymbolicValue *> values;
  if (!size.isStatic() || size.value > int64_t(maxSymbolicElements) || !allSymbolic(i, values))
    return true;
  vector<Dim> elements;
  for (int64_t k = 0; k < size.value; ++k)
    elements.push_back(values[0]->elements[0] + values[1]->elements[0] * Dim(k));
  setSymbolic(i, false, elements);
  return true;
}

bool evaluateRange(Evaluate &e) {
  auto &out = e.outputs[0];
  int64_t n = out.elements();
  visitType(out.dtype, [&](auto example) {
    using T = decltype(example);
    if constexpr (std::is_floating_point_v<T>) {
      T value = *e.inputs[0]->as<T>(), delta = *e.inputs[1]->as<T>();
      for (int64_t k = 0; k < n; ++k, value += delta) out.as<T>()[k] = value;
    } else {
      uint64_t value = uint64_t(e.inputs[0]->integer(0)), delta = uint64_t(e.inputs[1]->integer(0));
      for (int64_t k = 0; k < n; ++k, value += delta) out.setInteger(k, int64_t(value));
    }
  });
  return true;
}

/// A scalar's contents as a dimension.
std::optional<Dim> dimOf(const Tensor *x) {
  if (x->value && x->value->elements.size() == 1) return x->value->elements[0];
  const Literal *literal = x->op->literalAttr("value");
  if (!literal || !isInteger(literal->dtype) || literal->elements() != 1) return std::nullopt;
  Array value{literal->dtype, {}, {literal->bytes.begin(), literal->bytes.end()}};
  return Dim(value.integer(0));
}

std::optional<double> numberOf(const Tensor *x) {
  const Literal *literal = x->op->literalAttr("value");
  if (!literal || literal->elements() != 1) return std::nullopt;
  Array value{literal->dtype, {}, {literal->bytes.begin(), literal->bytes.end()}};
  return value.number(0);
}

/// A literal is converted, another tensor cast.
Tensor *converted(OpBuilder &b, Tensor *x, DType dtype) {
  if (x->dtype == dtype) return x;
  const Literal *literal = x->op->name.empty() ? x->op->literalAttr("value") : nullptr;
  if (!literal) return b.op("Cast", {x}, {typeAttr("dtype", dtype)});
  Array in{literal->dtype, {literal->dims.begin(), literal->dims.end()}, {}}, out;
  in.bytes.assign(literal->bytes.begin(), literal->bytes.end());
  out.reset(dtype, in.dims);
  castElements(in, out);
  return b.constant(b.graph.makeLiteral(dtype, out.dims, out.bytes));
}

constexpr DType rangeTypes[] = {DType::Int32, DType::Int64, DType::Float32, DType::Float64};

/// How many numbers lie from start to limit; nullopt where that is not known.
template <typename T>
std::optional<int64_t> countOf(T start, T limit, T delta) {
  // Rounded as TensorFlow's kernel does: in the dtype of the range.
  T count = std::ceil(std::abs((limit - start) / delta));
  if (!(count < T(int64_t(1) << 62))) return std::nullopt;
  return int64_t(count);
}

Tensor *buildRange(Call &c) {
  Tensor *start = c.tensor("start"), *limit = c.tensor("limit"), *delta = c.tensor("delta");
  if (!limit) {
    limit = start;
    start = c.constant(DType::Int32, 0);
  }
  DType dtype = c.given("dtype") ? c.dtype("dtype") : DType::Invalid;
  auto known = [](DType d) { return std::find(std::begin(rangeTypes), std::end(rangeTypes), d); };
  if (!c.given("dtype")) {
    // The last of its operands' dtypes in the list.
    auto best = std::begin(rangeTypes);
    for (const auto *x : {start, limit, delta}) {
      if (known(x->dtype) == std::end(rangeTypes)) best = std::end(rangeTypes);
      best = std::max(best, known(x->dtype));
    }
    if (best != std::end(rangeTypes)) dtype = *best;
  }
  if (known(dtype) == std::end(rangeTypes))
    return c.fail(Code::OperandDTypes, "range needs int32, int64, float32 or float64");
  for (auto *x : {start, limit, delta})
    if (!x->shape.hasRank() || x->shape.rank() != 0)
      return c.fail(Code::OperandShapes,
                    fmt::format("start, limit and delta of range are scalars, not of shape {}",
                                toString(x->shape)));
  start = converted(c, start, dtype);
  limit = converted(c, limit, dtype);
  delta = converted(c, delta, dtype);
  if (!start || !limit || !delta) return nullptr;

  Dim size(0);
  auto unknown = [&] {
    return c.fail(Code::AttributeRange,
                  "how long a range is must follow from numbers and dimensions known when it is "
                  "compiled");
  };
  if (isInteger(dtype)) {
    auto from = dimOf(start), to = dimOf(limit), step = dimOf(delta);
    if (!from || !to || !step || !step->isStatic()) return unknown();
    if (step->is(0)) return c.fail(Code::AttributeRange, "delta of range is 0", "delta");
    bool up = step->value > 0;
    Dim gap = up ? *to - *from : *from - *to;
    if (gap.isStatic() && gap.value < 0)
      return c.fail(Code::AttributeRange,
                    fmt::format("range from {} to {} by {} has the wrong direction",
                                toString(*from), toString(*to), step->value));
    size = clampToZero(ceilDiv(gap, up ? *step : *step * Dim(-1)));
  } else {
    auto from = numberOf(start), to = numberOf(limit), step = numberOf(delta);
    if (!from || !to || !step) return unknown();
    if (*step == 0) return c.fail(Code::AttributeRange, "delta of range is 0", "delta");
    if (*step > 0 ? *to < *from : *from < *to)
      return c.fail(Code::AttributeRange, fmt::format("range from {} to {} by {} has the wrong "
                                                      "direction",
                                                      *from, *to, *step));
    auto count = dtype == DType::Float32 ? countOf(float(*from), float(*to), float(*step))
                                         : countOf(*from, *to, *step);
    if (!count) return c.fail(Code::AttributeRange, "the range is too long");
    size = Dim(*count);
  }
  return c.named("Range", {start, delta}, {dimsAttr("size", c.keep(vector<Dim>{size}))});
}

// Eye -------------------------------------------------------------------------------------------

Tensor *buildEye(Call &c) {
  for (std::string_view parameter : {"num_rows", "num_columns"})
    if (c.given(parameter) && c.dims(parameter).size() != 1)
      return c.fail(Code::WrongType, "one number is needed", parameter);
  Dim rows = c.dims("num_rows")[0];
  Dim columns = c.given("num_columns") ? c.dims("num_columns")[0] : rows;
  DType dtype = c.dtype("dtype");
  for (Dim d : {rows, columns})
    if (d.isStatic() && (d.value < 0 || d.value > std::numeric_limits<int32_t>::max()))
      return c.fail(Code::AttributeRange, fmt::format("{} is no dimension", toString(d)));
  // Row i is the one-hot vector of i.
  auto *index = c.op("Range", {c.constant(DType::Int32, 0), c.constant(DType::Int32, 1)},
                     {dimsAttr("size", c.keep(vector<Dim>{rows}))});
  vector<Tensor *> inputs{index, c.constant(dtype, 1), c.constant(dtype, 0)};
  vector<Attr> attrs{dimsAttr("depth", c.keep(vector<Dim>{columns})), intAttr("axis", 1)};
  if (!c.given("batch_shape")) return c.named("OneHot", inputs, attrs);
  if (!index) return nullptr;
  auto *matrix = c.make(*findOp("OneHot"), "", inputs, attrs);
  if (!matrix) return nullptr;
  auto dims = dimsOf(c.dims("batch_shape"));
  dims.insert(dims.end(), {rows, columns});
  return c.named("BroadcastTo", {matrix->output()}, {dimsAttr("shape", c.keep(dims))});
}

constexpr OpDef ops[] = {
    {.type = "Range", .infer = inferRange, .evaluate = evaluateRange, .gradient = noGradient},
};

constexpr FunctionDef functions[] = {
    {.signature = "range(start: tensor, limit: tensor? = None, delta: tensor = 1, "
                  "dtype: dtype? = None)",
     .defaultName = "range",
     .op = "Range",
     .doc = "start, start + delta, … as long as that is before `limit`.\n"
            "range(n) counts from 0 to n - 1. The dtype is the widest of the operands': int32, "
            "int64, float32, float64. Each number is the one before plus `delta`. How many there "
            "are must follow from literals and dimensions.",
     .build = buildRange},
    {.signature = "eye(num_rows: shape, num_columns: shape? = None, batch_shape: shape? = None, "
                  "dtype: dtype = float32)",
     .defaultName = "eye",
     .op = "OneHot",
     .doc = "The unit matrix, or as many of them as `batch_shape` says.",
     .build = buildEye},
};
} // namespace

std::span<const OpDef> rangeOps() { return ops; }
std::span<const FunctionDef> rangeFunctions() { return functions; }

} // namespace graphc
