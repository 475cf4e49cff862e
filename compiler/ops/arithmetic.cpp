// Arithmetic, element by element. Inputs broadcast by NumPy's rule; the output has their dtype.
//
// type               inputs  note
// Add Sub Mul        x y     numeric; integers wrap
// RealDiv            x y     floating
// FloorDiv FloorMod  x y     numeric; toward minus infinity; integers fail on 0
// Pow                x y     numeric; integers fail on a negative exponent
// Maximum Minimum    x y     numeric; NaN if either is
// SquaredDifference  x y     numeric; (x - y)^2
// AddN               xs…     numeric; one or more, all of one shape (no broadcasting)
// Neg Abs Sign       x       numeric; Sign of NaN is NaN
#include "ops/compose.h"
#include "ops/cost.h"
#include "ops/derive.h"
#include "ops/evaluate.h"
#include "ops/gradient.h"
#include "ops/numbers.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <cmath>
#include <fmt/format.h>

namespace graphc {

namespace {

// Rules ---------------------------------------------------------------------------------------

using DimFn = Dim (*)(Dim, Dim);

Dim addDims(Dim a, Dim b) { return a + b; }
Dim subDims(Dim a, Dim b) { return a - b; }
Dim mulDims(Dim a, Dim b) { return a * b; }
// A division by 0 fails when it is run; as a dimension it is not known.
Dim floorDivDims(Dim a, Dim b) { return b.is(0) ? Dim::overflow() : floorDiv(a, b); }
Dim modDims(Dim a, Dim b) { return b.is(0) ? Dim::overflow() : mod(a, b); }

/// Arithmetic on what `shape(x)` gives is part of shapes.
template <DimFn F>
bool inferDims(Infer &infer) {
  if (!inferBinaryNumeric(infer)) return false;
  symbolicBinary(infer, F);
  return true;
}

bool inferAddN(Infer &infer) {
  if (infer.inputs.empty()) return infer.fail(Code::AttributeRange, "add_n needs a tensor or more");
  if (!infer.sameDTypes() || !infer.needDType(isNumeric(infer.dtype(0)), "a numeric dtype"))
    return false;
  Shape shape = infer.in(0);
  for (size_t i = 1; i < infer.inputs.size(); ++i) {
    Shape other = infer.in(i);
    if (!other.hasRank() || sameShape(shape, other)) continue;
    if (!shape.hasRank()) {
      shape = other;
      continue;
    }
    if (shape.rank() != other.rank())
      return infer.fail(Code::OperandShapes,
                        fmt::format("shapes {} and {} differ", toString(shape), toString(other)));
    std::vector<Dim> dims(size_t(shape.rank()));
    for (int axis = 0; axis < shape.rank(); ++axis)
      if (!infer.unify(shape[axis], other[axis], dims[size_t(axis)],
                       fmt::format("dimensions {} of add_n's inputs", axis)))
        return false;
    shape = infer.shape(dims);
  }
  infer.output(infer.dtype(0), shape);
  return true;
}

// Evaluation ----------------------------------------------------------------------------------

struct AddFn {
  auto operator()(auto a, auto b) const { return wrapAdd(a, b); }
};
struct SubFn {
  auto operator()(auto a, auto b) const { return wrapSub(a, b); }
};
struct MulFn {
  auto operator()(auto a, auto b) const { return wrapMul(a, b); }
};
struct DivFn {
  auto operator()(auto a, auto b) const { return a / b; }
};
struct MaximumFn {
  auto operator()(auto a, auto b) const { return a != a || a > b ? a : b; }
};
struct MinimumFn {
  auto operator()(auto a, auto b) const { return a != a || a < b ? a : b; }
};
struct SquaredDifferenceFn {
  auto operator()(auto a, auto b) const { return wrapMul(wrapSub(a, b), wrapSub(a, b)); }
};
struct NegFn {
  auto operator()(auto a) const {
    if constexpr (std::is_floating_point_v<decltype(a)>)
      return -a;
    else
      return wrapSub(decltype(a)(0), a);
  }
};
struct AbsFn {
  auto operator()(auto a) const {
    if constexpr (std::is_floating_point_v<decltype(a)>)
      return std::fabs(a);
    else
      return a < 0 ? wrapSub(decltype(a)(0), a) : a;
  }
};
struct SignFn {
  auto operator()(auto a) const {
    using C = decltype(a);
    return a > 0 ? C(1) : a < 0 ? C(-1) : a; // 0 and NaN are their own
  }
};

double floorMod(double a, double b) {
  double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
int64_t floorDiv(int64_t a, int64_t b) {
  if (b == -1) return wrapSub(int64_t(0), a);
  int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}
int64_t floorMod(int64_t a, int64_t b) { return b == -1 ? 0 : a - floorDiv(a, b) * b; }
uint64_t floorDiv(uint64_t a, uint64_t b) { return a / b; }
uint64_t floorMod(uint64_t a, uint64_t b) { return a % b; }

template <bool Quotient>
bool evaluateFloor(Evaluate &e) {
  const Array &a = *e.inputs[0], &b = *e.inputs[1];
  Array &out = e.outputs[0];
  auto left = broadcastIndex(a.dims, out.dims), right = broadcastIndex(b.dims, out.dims);
  return computeAs(a.dtype, [&](auto zero) {
    using C = decltype(zero);
    for (size_t i = 0; i < left.size(); ++i) {
      C x = load<C>(a, left[i]), y = load<C>(b, right[i]);
      if constexpr (std::is_floating_point_v<C>) {
        // The quotient is rounded to the dtype before it is floored, as a division does.
        store(out, int64_t(i), Quotient ? std::floor(roundTo(a.dtype, x / y)) : floorMod(x, y));
      } else {
        if (y == 0) return e.fail("division by zero");
        store(out, int64_t(i), Quotient ? floorDiv(x, y) : floorMod(x, y));
      }
    }
    return true;
  });
}

bool evaluatePow(Evaluate &e) {
  const Array &a = *e.inputs[0], &b = *e.inputs[1];
  Array &out = e.outputs[0];
  auto left = broadcastIndex(a.dims, out.dims), right = broadcastIndex(b.dims, out.dims);
  return computeAs(a.dtype, [&](auto zero) {
    using C = decltype(zero);
    for (size_t i = 0; i < left.size(); ++i) {
      C base = load<C>(a, left[i]), exponent = load<C>(b, right[i]);
      if constexpr (std::is_floating_point_v<C>) {
        store(out, int64_t(i), std::pow(base, exponent));
      } else {
        if (exponent < C(0)) return e.fail("an integer to a negative power");
        C power = 1;
        for (auto rest = uint64_t(exponent); rest != 0; rest >>= 1) {
          if (rest & 1) power = wrapMul(power, base);
          base = wrapMul(base, base);
        }
        store(out, int64_t(i), power);
      }
    }
    return true;
  });
}

bool evaluateAddN(Evaluate &e) {
  return computeAs(e.outputs[0].dtype, [&](auto zero) {
    using C = decltype(zero);
    for (int64_t i = 0, n = e.outputs[0].elements(); i < n; ++i) {
      C sum = 0;
      for (const Array *input : e.inputs) sum = wrapAdd(sum, load<C>(*input, i));
      store(e.outputs[0], i, sum);
    }
    return true;
  });
}

// Gradients -----------------------------------------------------------------------------------

void addGradient(Derive &d) {
  d.to(0, d.g());
  d.to(1, d.g());
}
void subGradient(Derive &d) {
  d.to(0, d.g());
  d.to(1, d.neg(d.g()));
}
void mulGradient(Derive &d) {
  d.to(0, d.mul(d.g(), d.x(1)));
  d.to(1, d.mul(d.g(), d.x(0)));
}
void divGradient(Derive &d) {
  Tensor *part = d.div(d.g(), d.x(1));
  d.to(0, part);
  d.to(1, d.neg(d.mul(part, d.y())));
}
// x mod y is x - floor(x/y)·y.
void floorModGradient(Derive &d) {
  d.to(0, d.g());
  d.to(1, d.neg(d.mul(d.g(), d.unary("Floor", d.div(d.x(0), d.x(1))))));
}
// By x it is 0 where y is, also for x = 0; by y, x^y·log x, which is taken as 0 where x is not
// positive, as in TensorFlow.
void powGradient(Derive &d) {
  Tensor *x = d.x(0), *y = d.x(1), *zero = d.number(0), *one = d.number(1);
  Tensor *slope = d.mul(y, d.binary("Pow", x, d.sub(y, one)));
  d.to(0, d.mul(d.g(), d.select(d.binary("Equal", y, zero), zero, slope)));
  Tensor *positive = d.binary("Greater", x, zero);
  Tensor *log = d.select(positive, d.unary("Log", d.select(positive, x, one)), zero);
  d.to(1, d.mul(d.g(), d.mul(d.y(), log)));
}
/// Where both are equal, the first one is taken to be the result.
template <bool Larger>
void extremeGradient(Derive &d) {
  Tensor *first = d.binary(Larger ? "GreaterEqual" : "LessEqual", d.x(0), d.x(1));
  Tensor *zero = d.number(0);
  d.to(0, d.select(first, d.g(), zero));
  d.to(1, d.select(first, zero, d.g()));
}
void squaredDifferenceGradient(Derive &d) {
  Tensor *slope = d.mul(d.mul(2, d.g()), d.sub(d.x(0), d.x(1)));
  d.to(0, slope);
  d.to(1, d.neg(slope));
}
void addNGradient(Derive &d) {
  for (auto *&dx : d.dx) dx = d.g();
}
void negGradient(Derive &d) { d.dx[0] = d.neg(d.g()); }
void absGradient(Derive &d) { d.dx[0] = d.mul(d.g(), d.unary("Sign", d.x())); }
// Zeros rather than nothing, as in TensorFlow.
void signGradient(Derive &d) {
  d.dx[0] = d.x()->shape.hasRank() ? filled(d.b, d.x(), 0) : d.mul(d.number(0), d.g());
}

void addNCost(const Operation &op, Cost &cost) {
  cost.flops = op.output()->shape.elements() * Dim(int64_t(op.inputs.size()) - 1);
}

constexpr OpDef ops[] = {
    {.type = "Add",
     .infer = inferDims<addDims>,
     .evaluate = evaluateBinary<AddFn>,
     .gradient = deriveBy<addGradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Sub",
     .infer = inferDims<subDims>,
     .evaluate = evaluateBinary<SubFn>,
     .gradient = deriveBy<subGradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Mul",
     .infer = inferDims<mulDims>,
     .evaluate = evaluateBinary<MulFn>,
     .gradient = deriveBy<mulGradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "RealDiv",
     .infer = inferBinaryFloat,
     .evaluate = evaluateBinary<DivFn>,
     .gradient = deriveBy<divGradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "FloorDiv",
     .infer = inferDims<floorDivDims>,
     .evaluate = evaluateFloor<true>,
     .gradient = noGradient,
     .elementwise = true,
     .mayFail = true,
     .failsOnIntegersOnly = true,
     .anyRank = true},
    {.type = "FloorMod",
     .infer = inferDims<modDims>,
     .evaluate = evaluateFloor<false>,
     .gradient = deriveBy<floorModGradient>,
     .elementwise = true,
     .mayFail = true,
     .failsOnIntegersOnly = true,
     .anyRank = true},
    {.type = "Pow",
     .infer = inferBinaryNumeric,
     .evaluate = evaluatePow,
     .gradient = deriveBy<powGradient>,
     .elementwise = true,
     .mayFail = true,
     .failsOnIntegersOnly = true,
     .anyRank = true},
    {.type = "Maximum",
     .infer = inferDims<graphc::max>,
     .evaluate = evaluateBinary<MaximumFn>,
     .gradient = deriveBy<extremeGradient<true>>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Minimum",
     .infer = inferDims<graphc::min>,
     .evaluate = evaluateBinary<MinimumFn>,
     .gradient = deriveBy<extremeGradient<false>>,
     .elementwise = true,
     .anyRank = true},
    {.type = "SquaredDifference",
     .infer = inferBinaryNumeric,
     .evaluate = evaluateBinary<SquaredDifferenceFn>,
     .gradient = deriveBy<squaredDifferenceGradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "AddN",
     .infer = inferAddN,
     .evaluate = evaluateAddN,
     .gradient = deriveBy<addNGradient>,
     .elementwise = true,
     .anyRank = true,
     .cost = addNCost},
    {.type = "Neg",
     .infer = inferUnaryNumeric,
     .evaluate = evaluateUnary<NegFn>,
     .gradient = deriveBy<negGradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Abs",
     .infer = inferUnaryNumeric,
     .evaluate = evaluateUnary<AbsFn>,
     .gradient = deriveBy<absGradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Sign",
     .infer = inferUnaryNumeric,
     .evaluate = evaluateUnary<SignFn>,
     .gradient = deriveBy<signGradient>,
     .elementwise = true,
     .anyRank = true},
};

// Functions -----------------------------------------------------------------------------------

/// x / y as Python divides: integers as floating numbers, 8- and 16-bit ones as float32, the
/// others as float64.
Tensor *buildTrueDiv(Call &call) {
  Tensor *x = call.tensor("x"), *y = call.tensor("y");
  if (isInteger(x->dtype) && x->dtype == y->dtype) {
    DType as = dtypeSize(x->dtype) < 4 ? DType::Float32 : DType::Float64;
    x = castTo(call, x, as);
    y = castTo(call, y, as);
  }
  return call.named("RealDiv", {x, y});
}

/// Python 2's division: integers round toward minus infinity.
Tensor *buildDiv(Call &call) {
  Tensor *x = call.tensor("x"), *y = call.tensor("y");
  return call.named(isInteger(x->dtype) ? "FloorDiv" : "RealDiv", {x, y});
}

Tensor *buildClipByValue(Call &call) {
  Tensor *t = call.tensor("t");
  Tensor *low = call.tensor("clip_value_min"), *high = call.tensor("clip_value_max");
  Tensor *clipped = call.named("Maximum", {call.op("Minimum", {t, high}), low});
  if (clipped && t->shape.hasRank() && clipped->shape.hasRank() &&
      clipped->shape.rank() != t->shape.rank())
    return call.fail(Code::OperandShapes,
                     fmt::format("the bounds' shapes {} and {} do not broadcast to {}",
                                 toString(low->shape), toString(high->shape), toString(t->shape)));
  return clipped;
}

#define BROADCAST "\nThe shapes broadcast as NumPy's do."
#define WRAPS "\nAny numeric dtype; integers wrap."

constexpr FunctionDef functions[] = {
    {"add(x: T, y: T)", "Add", "Add", "Adds: x + y." BROADCAST WRAPS},
    {"__add__(x: T, y: T)", "add", "Add", "The operator `x + y`." BROADCAST WRAPS},
    {"subtract(x: T, y: T)", "Sub", "Sub", "Subtracts: x - y." BROADCAST WRAPS},
    {"__sub__(x: T, y: T)", "sub", "Sub", "The operator `x - y`." BROADCAST WRAPS},
    {"multiply(x: T, y: T)", "Mul", "Mul", "Multiplies element by element: x · y." BROADCAST WRAPS},
    {"__mul__(x: T, y: T)", "mul", "Mul", "The operator `x * y`." BROADCAST WRAPS},
    {"divide(x: T, y: T)", "truediv", "RealDiv",
     "Divides as Python does: x / y." BROADCAST
     "\nFloating dtypes; int32, int64, uint32 and uint64 are divided as float64, smaller integers "
     "as float32.",
     buildTrueDiv, "truediv"},
    {"__truediv__(x: T, y: T)", "truediv", "RealDiv",
     "The operator `x / y`." BROADCAST
     "\nFloating dtypes; int32, int64, uint32 and uint64 are divided as float64, smaller integers "
     "as float32.",
     buildTrueDiv},
    {"realdiv(x: T, y: T)", "RealDiv", "RealDiv",
     "Divides floating numbers: x / y." BROADCAST "\nFloating dtypes."},
    {"div(x: T, y: T)", "div", "RealDiv",
     "Divides as Python 2 does: integers as `//`, floating numbers as `/`." BROADCAST
     "\nAny numeric dtype. A division of integers by 0 is an error when it is run.",
     buildDiv},
    {"floordiv(x: T, y: T)", "floordiv", "FloorDiv",
     "Divides and rounds toward minus infinity: x // y." BROADCAST
     "\nAny numeric dtype. A division of integers by 0 is an error when it is run."},
    {"__floordiv__(x: T, y: T)", "floordiv", "FloorDiv",
     "The operator `x // y`." BROADCAST
     "\nAny numeric dtype. A division of integers by 0 is an error when it is run."},
    {"floor_div(x: T, y: T)", "FloorDiv", "FloorDiv",
     "Divides and rounds toward minus infinity: x // y." BROADCAST
     "\nAny numeric dtype. A division of integers by 0 is an error when it is run."},
    {"floormod(x: T, y: T)", "FloorMod", "FloorMod",
     "The rest of the division that rounds toward minus infinity: x - (x // y)·y, which has y's "
     "sign." BROADCAST
     "\nAny numeric dtype. A division of integers by 0 is an error when it is run.",
     nullptr, "mod"},
    {"__mod__(x: T, y: T)", "mod", "FloorMod",
     "The operator `x % y`; the result has y's sign." BROADCAST
     "\nAny numeric dtype. A division of integers by 0 is an error when it is run."},
    {"pow(x: T, y: T)", "Pow", "Pow",
     "Raises to a power: x to the power of y." BROADCAST
     "\nAny numeric dtype; integers wrap. An integer to a negative power is an error when it is "
     "run."},
    {"__pow__(x: T, y: T)", "pow", "Pow",
     "The operator `x ** y`." BROADCAST
     "\nAny numeric dtype; integers wrap. An integer to a negative power is an error when it is "
     "run."},
    {"maximum(x: T, y: T)", "Maximum", "Maximum",
     "The larger of both, element by element." BROADCAST
     "\nAny numeric dtype. NaN where either is NaN."},
    {"minimum(x: T, y: T)", "Minimum", "Minimum",
     "The smaller of both, element by element." BROADCAST
     "\nAny numeric dtype. NaN where either is NaN."},
    {"squared_difference(x: T, y: T)", "SquaredDifference", "SquaredDifference",
     "The square of the difference: (x - y)²." BROADCAST WRAPS},
    {"add_n(inputs: [T])", "AddN", "AddN",
     "Adds all tensors of a list.\nThey have one shape, which is the result's; nothing "
     "broadcasts." WRAPS},
    {"clip_by_value(t: T, clip_value_min: T, clip_value_max: T)", "clip_by_value", "Maximum",
     "Limits to a range: max(min(t, clip_value_max), clip_value_min).\nThe bounds broadcast to "
     "t's shape.\nAny numeric dtype.",
     buildClipByValue},
    {"negative(x: T)", "Neg", "Neg", "Negates: -x." WRAPS},
    {"__neg__(x: T)", "Neg", "Neg", "The operator `-x`." WRAPS},
    {"abs(x: T)", "Abs", "Abs", "The absolute value, |x|." WRAPS, nullptr, "__abs__"},
    {"sign(x: T)", "Sign", "Sign",
     "-1, 0 or 1 as x is negative, zero or positive.\nAny numeric dtype; NaN stays NaN."},
};

} // namespace

std::span<const OpDef> arithmeticOps() { return ops; }
std::span<const FunctionDef> arithmeticFunctions() { return functions; }

} // namespace graphc
