// Constants, placeholders, and tensors made from shapes.
//
//   type                    inputs        attributes                      output
//   Const                                 value tensor                    value
//   Dims                                  value dims, dtype, scalar bool  the dimensions, a vector
//                                                                         or (one) a scalar
//   Placeholder                           dtype, shape dims (or none)     an input of exports
//   PlaceholderWithDefault  default       shape dims (or none)            an input, or `default`
//   Fill                    value         shape dims                      `value`, a scalar,
//                                                                         everywhere
//   Shape                   x             dtype                           x's dimensions, a vector
//   Size                    x             dtype                           their product, a scalar
//   Rank                    x                                             their number, a scalar
//
// `shape` is left out where even the rank is unknown. The run-time dimensions of a
// PlaceholderWithDefault that is no input of an export are those of its default. The pass
// "canonicalize" (transform/), which runs at every level, rewrites Shape, Size and Rank as Dims.
#include "ops/cost.h"
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

// Const, Dims -----------------------------------------------------------------------------------

bool inferConst(Infer &i) {
  const Literal *value = i.attr("value")->literal;
  vector<Dim> dims(value->dims.begin(), value->dims.end());
  i.output(value->dtype, dims);
  return true;
}

bool evaluateConst(Evaluate &e) {
  auto bytes = e.op.literalAttr("value")->bytes;
  e.outputs[0].bytes.assign(bytes.begin(), bytes.end());
  return true;
}

bool inferDims(Infer &i) {
  auto value = i.dimsAttr("value");
  bool scalar = i.boolAttr("scalar");
  DType dtype = i.typeAttr("dtype");
  if (!isNumeric(dtype))
    return i.fail(Code::OperandDTypes,
                  fmt::format("a dimension needs a numeric dtype, not {}", dtypeName(dtype)));
  i.output(dtype, scalar ? vector<Dim>() : vector<Dim>{Dim(int64_t(value.size()))});
  setSymbolic(i, scalar, dimsOf(value));
  return true;
}

bool evaluateDims(Evaluate &e) {
  auto values = e.dims("value");
  for (size_t k = 0; k < values.size(); ++k) e.outputs[0].setInteger(int64_t(k), values[k]);
  return true;
}

/// The literal as another dtype; null after an error where it can't be.
const Literal *convertLiteral(Call &c, const Literal *from, DType to) {
  if (from->dtype == to) return from;
  bool allowed = from->dtype == DType::Bool || to == DType::Bool ? false
                 : isInteger(to)                                 ? isInteger(from->dtype)
                                                                 : true;
  if (!allowed) {
    c.fail(Code::OperandDTypes,
           fmt::format("a value of dtype {} cannot be a constant of dtype {}",
                       dtypeName(from->dtype), dtypeName(to)),
           "value");
    return nullptr;
  }
  Array in{from->dtype, {from->dims.begin(), from->dims.end()}, {}};
  in.bytes.assign(from->bytes.begin(), from->bytes.end());
  Array out;
  out.reset(to, in.dims);
  castElements(in, out);
  if (isInteger(to))
    for (int64_t k = 0, n = in.elements(); k < n; ++k)
      if (out.integer(k) != in.integer(k)) {
        c.fail(Code::OperandDTypes,
               fmt::format("{} is out of the range of {}", in.integer(k), dtypeName(to)), "value");
        return nullptr;
      }
  return c.graph.makeLiteral(to, out.dims, out.bytes);
}

/// The dtype that a literal without one has: int32 unless a number needs int64, and float32.
DType defaultDType(const Literal *literal) {
  if (literal->dtype == DType::Float64) return DType::Float32;
  if (literal->dtype != DType::Int64) return literal->dtype;
  auto numbers = literal->as<int64_t>();
  bool small = std::all_of(numbers.begin(), numbers.end(), [](int64_t n) {
    return n >= std::numeric_limits<int32_t>::min() && n <= std::numeric_limits<int32_t>::max();
  });
  return small ? DType::Int32 : DType::Int64;
}

/// The elements that a constant may hold as such; a larger one is filled when run.
constexpr int64_t maxFilledConstant = 4096;

Tensor *buildConstant(Call &c) {
  const Literal *value = c.arg("value").literal;
  value = convertLiteral(c, value, c.given("dtype") ? c.dtype("dtype") : defaultDType(value));
  if (!value) return nullptr;
  if (!c.given("shape")) return c.named("Const", {}, {literalAttr("value", value)});

  vector<int64_t> dims;
  Shape shape = c.graph.makeShape(c.dims("shape"));
  for (Dim d : shape) {
    if (!d.isStatic() || d.value < 0)
      return c.fail(Code::AttributeRange,
                    fmt::format("the shape {} of a constant must be known", toString(shape)),
                    "shape");
    dims.push_back(d.value);
  }
  Dim wanted = shape.elements();
  int64_t have = value->elements();
  if (c.flag("verify_shape") &&
      !std::equal(dims.begin(), dims.end(), value->dims.begin(), value->dims.end())) {
    vector<Dim> got(value->dims.begin(), value->dims.end());
    return c.fail(Code::OperandShapes,
                  fmt::format("the value has shape {}, not {}", toString(c.graph.makeShape(got)),
                              toString(shape)),
                  "shape");
  }
  if (wanted.isOverflow())
    return c.fail(Code::AttributeRange, fmt::format("shape {} is too large", toString(shape)),
                  "shape");
  if (have > wanted.value || (have == 0 && wanted.value > 0))
    return c.fail(Code::OperandShapes,
                  fmt::format("{} values do not fill the shape {} of {} elements", have,
                              toString(shape), wanted.value),
                  "shape");
  if (have == wanted.value) {
    value = c.graph.makeLiteral(value->dtype, dims, value->bytes);
    return c.named("Const", {}, {literalAttr("value", value)});
  }
  if (have == 1 && wanted.value > maxFilledConstant)
    return c.named("Fill", {c.constant(c.graph.makeLiteral(value->dtype, {}, value->bytes))},
                   {dimsAttr("shape", shape.dims())});
  if (wanted.value > int64_t(1) << 26)
    return c.fail(Code::AttributeRange,
                  fmt::format("shape {} is too large for a constant", toString(shape)), "shape");
  // As in TensorFlow, the last value fills the rest.
  Array in{value->dtype, {have}, {value->bytes.begin(), value->bytes.end()}};
  Array out;
  out.reset(value->dtype, dims);
  copyElement(in, 0, out, 0, have);
  for (int64_t k = have; k < wanted.value; ++k) copyElement(in, have - 1, out, k);
  value = c.graph.makeLiteral(value->dtype, dims, out.bytes);
  return c.named("Const", {}, {literalAttr("value", value)});
}

// Placeholders ----------------------------------------------------------------------------------

bool inferPlaceholder(Infer &i) {
  DType dtype = i.typeAttr("dtype");
  if (!i.attr("shape"))
    i.output(dtype, Shape::unknown());
  else
    i.output(dtype, dimsOf(i.dimsAttr("shape")));
  return true;
}

bool inferPlaceholderWithDefault(Infer &i) {
  Shape given = i.in(0);
  if (!i.attr("shape")) {
    i.output(i.dtype(0), given);
    return true;
  }
  Shape shape = i.shape(dimsOf(i.dimsAttr("shape")));
  i.output(i.dtype(0), shape);
  if (!given.hasRank()) return true;
  bool fits = given.rank() == shape.rank();
  // A run-time dimension is the default's where there is no input.
  for (int a = 0; fits && a < given.rank(); ++a)
    fits = !shape[a].isStatic() || !given[a].isStatic() || shape[a] == given[a];
  if (fits) return true;
  return i.fail(
      Code::OperandShapes,
      fmt::format("the default has shape {}, the placeholder {}", toString(given), toString(shape)),
      0);
}

// Fill ------------------------------------------------------------------------------------------

bool inferFill(Infer &i) {
  if (!i.needRank(0, 0, "the value of fill")) return false;
  auto dims = dimsOf(i.dimsAttr("shape"));
  i.output(i.dtype(0), dims);
  vector<const SymbolicValue *> values;
  if (dims.size() == 1 && dims[0].isStatic() && dims[0].value >= 0 &&
      dims[0].value <= int64_t(maxSymbolicElements) && allSymbolic(i, values))
    setSymbolic(i, false, vector<Dim>(size_t(dims[0].value), values[0]->elements[0]));
  return true;
}

bool evaluateFill(Evaluate &e) {
  for (int64_t k = 0, n = e.outputs[0].elements(); k < n; ++k)
    copyElement(*e.inputs[0], 0, e.outputs[0], k);
  return true;
}

Tensor *filled(Call &c, DType dtype, double value, std::span<const Dim> dims) {
  return c.named("Fill", {c.constant(dtype, value)}, {dimsAttr("shape", dims)});
}

template <int value>
Tensor *buildFilled(Call &c) {
  return filled(c, c.dtype("dtype"), value, c.dims("shape"));
}

template <int value>
Tensor *buildFilledLike(Call &c) {
  Tensor *x = c.tensor("tensor");
  if (!rankKnown(c, x, "tensor")) return nullptr;
  return filled(c, c.given("dtype") ? c.dtype("dtype") : x->dtype, value, x->shape.dims());
}

Tensor *buildFill(Call &c) {
  return c.named("Fill", {c.tensor("value")}, {dimsAttr("shape", c.dims("dims"))});
}

// Shape, Size, Rank -----------------------------------------------------------------------------

bool outputInteger(Infer &i, const vector<Dim> &dims) {
  DType dtype = i.typeAttr("dtype", DType::Int32);
  if (dtype != DType::Int32 && dtype != DType::Int64)
    return i.fail(Code::OperandDTypes,
                  fmt::format("out_type is int32 or int64, not {}", dtypeName(dtype)));
  i.output(dtype, dims);
  return true;
}

bool inferShape(Infer &i) {
  if (!needKnownRank(i) || !outputInteger(i, {Dim(i.in(0).rank())})) return false;
  setSymbolic(i, false, dimsOf(i.in(0).dims()));
  return true;
}

bool inferSize(Infer &i) {
  if (!needKnownRank(i) || !outputInteger(i, {})) return false;
  setSymbolic(i, true, {i.in(0).elements()});
  return true;
}

bool inferRank(Infer &i) {
  if (!needKnownRank(i) || !outputInteger(i, {})) return false;
  setSymbolic(i, true, {Dim(i.in(0).rank())});
  return true;
}

bool evaluateShape(Evaluate &e) {
  const auto &dims = e.inputs[0]->dims;
  for (size_t a = 0; a < dims.size(); ++a) e.outputs[0].setInteger(int64_t(a), dims[a]);
  return true;
}

bool evaluateSize(Evaluate &e) {
  e.outputs[0].setInteger(0, e.inputs[0]->elements());
  return true;
}

bool evaluateRank(Evaluate &e) {
  e.outputs[0].setInteger(0, int64_t(e.inputs[0]->dims.size()));
  return true;
}

template <bool size>
Tensor *buildShape(Call &c) {
  return c.named(size ? "Size" : "Shape", {c.tensor("input")},
                 {typeAttr("dtype", c.dtype("out_type"))});
}

// Gradients -------------------------------------------------------------------------------------

void defaultGradient(Derive &d) { d.dx[0] = d.g(); }
void fillGradient(Derive &d) { d.dx[0] = sumTo(d.b, d.g(), Shape::scalar()); }

constexpr OpDef ops[] = {
    {.type = "Const", .infer = inferConst, .evaluate = evaluateConst, .cost = costsNothing},
    {.type = "Dims", .infer = inferDims, .evaluate = evaluateDims, .cost = costsNothing},
    {.type = "Placeholder", .infer = inferPlaceholder, .stateful = true, .cost = costsNothing},
    {.type = "PlaceholderWithDefault",
     .infer = inferPlaceholderWithDefault,
     .gradient = deriveBy<defaultGradient>,
     .stateful = true,
     .anyRank = true,
     .cost = costsNothing},
    {.type = "Fill",
     .infer = inferFill,
     .evaluate = evaluateFill,
     .gradient = deriveBy<fillGradient>},
    {.type = "Shape",
     .infer = inferShape,
     .evaluate = evaluateShape,
     .anyRank = true,
     .cost = costsNothing},
    {.type = "Size",
     .infer = inferSize,
     .evaluate = evaluateSize,
     .anyRank = true,
     .cost = costsNothing},
    {.type = "Rank",
     .infer = inferRank,
     .evaluate = evaluateRank,
     .anyRank = true,
     .cost = costsNothing},
};

constexpr FunctionDef functions[] = {
    {.signature = "constant(value: literal, dtype: dtype? = None, shape: shape? = None, "
                  "name: str? = None, verify_shape: bool = False)",
     .defaultName = "Const",
     .op = "Const",
     .doc = "A tensor of numbers written in the definition.\n"
            "Without `dtype` they are int32 (int64 if one needs it), float32 or bool. With `shape` "
            "they fill it in row-major order, the last one as often as it takes; `verify_shape` "
            "asks that the shape be the value's own.",
     .build = buildConstant},
    {.signature = "zeros(shape: shape, dtype: dtype = float32)",
     .defaultName = "zeros",
     .op = "Fill",
     .doc = "A tensor of zeros (False for bool).",
     .build = buildFilled<0>},
    {.signature = "ones(shape: shape, dtype: dtype = float32)",
     .defaultName = "ones",
     .op = "Fill",
     .doc = "A tensor of ones (True for bool).",
     .build = buildFilled<1>},
    {.signature = "zeros_like(tensor: tensor, dtype: dtype? = None, name: str? = None, "
                  "optimize: any = True)",
     .defaultName = "zeros_like",
     .op = "Fill",
     .doc = "Zeros in the shape of `tensor`, and of its dtype unless another is given.",
     .build = buildFilledLike<0>},
    {.signature = "ones_like(tensor: tensor, dtype: dtype? = None, name: str? = None, "
                  "optimize: any = True)",
     .defaultName = "ones_like",
     .op = "Fill",
     .doc = "Ones in the shape of `tensor`, and of its dtype unless another is given.",
     .build = buildFilledLike<1>},
    {.signature = "fill(dims: shape, value: tensor)",
     .defaultName = "Fill",
     .op = "Fill",
     .doc = "A tensor of shape `dims` that holds the scalar `value` everywhere.",
     .build = buildFill},
    {.signature = "shape(input: tensor, name: str? = None, out_type: dtype = int32)",
     .defaultName = "Shape",
     .op = "Shape",
     .doc = "The dimensions of `input` as a vector; it may stand where a shape is expected.",
     .build = buildShape<false>},
    {.signature = "size(input: tensor, name: str? = None, out_type: dtype = int32)",
     .defaultName = "Size",
     .op = "Size",
     .doc = "The number of elements of `input`, a scalar.",
     .build = buildShape<true>},
    {.signature = "rank(input: tensor)",
     .defaultName = "Rank",
     .op = "Rank",
     .doc = "The number of axes of `input`, an int32 scalar."},
};
} // namespace

std::span<const OpDef> constantsOps() { return ops; }
std::span<const FunctionDef> constantsFunctions() { return functions; }

} // namespace graphc
