// Elementary functions, element by element: one input x, one output of its shape and dtype.
//
// floating: Sqrt Rsqrt Exp Expm1 Log Log1p Tanh Sigmoid Sin Cos Tan Asin Acos Atan Sinh Cosh
//           Asinh Acosh Atanh
//           Floor Ceil Reciprocal Erf Erfc; Atan2 (y x, broadcast)
// numeric:  Square; Round (to the nearest, halves to the even one; integers stay)
// floating to bool: IsNan IsInf IsFinite
#include "ops/compose.h"
#include "ops/derive.h"
#include "ops/evaluate.h"
#include "ops/gradient.h"
#include "ops/numbers.h"
#include "ops/tables.h"

#include <cmath>

namespace graphc {

namespace {

bool inferFloatTest(Infer &infer) {
  if (!infer.needDType(isFloating(infer.dtype(0)), "a floating dtype")) return false;
  infer.output(DType::Bool, infer.in(0));
  return true;
}

#define FLOAT_FUNCTION(name, expression)                                                           \
  struct name##Fn {                                                                                \
    double operator()(double x) const { return expression; }                                       \
  };
FLOAT_FUNCTION(Sqrt, std::sqrt(x))
FLOAT_FUNCTION(Rsqrt, 1 / std::sqrt(x))
FLOAT_FUNCTION(Exp, std::exp(x))
FLOAT_FUNCTION(Expm1, std::expm1(x))
FLOAT_FUNCTION(Log, std::log(x))
FLOAT_FUNCTION(Log1p, std::log1p(x))
FLOAT_FUNCTION(Tanh, std::tanh(x))
FLOAT_FUNCTION(Sigmoid, 1 / (1 + std::exp(-x)))
FLOAT_FUNCTION(Sin, std::sin(x))
FLOAT_FUNCTION(Cos, std::cos(x))
FLOAT_FUNCTION(Tan, std::tan(x))
FLOAT_FUNCTION(Asin, std::asin(x))
FLOAT_FUNCTION(Acos, std::acos(x))
FLOAT_FUNCTION(Atan, std::atan(x))
FLOAT_FUNCTION(Sinh, std::sinh(x))
FLOAT_FUNCTION(Cosh, std::cosh(x))
FLOAT_FUNCTION(Asinh, std::asinh(x))
FLOAT_FUNCTION(Acosh, std::acosh(x))
FLOAT_FUNCTION(Atanh, std::atanh(x))
FLOAT_FUNCTION(Floor, std::floor(x))
FLOAT_FUNCTION(Ceil, std::ceil(x))
FLOAT_FUNCTION(Reciprocal, 1 / x)
FLOAT_FUNCTION(Erf, std::erf(x))
FLOAT_FUNCTION(Erfc, std::erfc(x))
FLOAT_FUNCTION(IsNan, std::isnan(x))
FLOAT_FUNCTION(IsInf, std::isinf(x))
FLOAT_FUNCTION(IsFinite, std::isfinite(x))
#undef FLOAT_FUNCTION

struct SquareFn {
  auto operator()(auto x) const { return wrapMul(x, x); }
};
struct RoundFn {
  auto operator()(auto x) const {
    if constexpr (std::is_floating_point_v<decltype(x)>)
      return std::nearbyint(x);
    else
      return x;
  }
};
struct Atan2Fn {
  auto operator()(auto y, auto x) const { return std::atan2(double(y), double(x)); }
};

// What the derivative by x is, times g; y is the result.
#define FLOAT_GRADIENT(name, expression)                                                           \
  void name##Gradient(Derive &d) {                                                                 \
    [[maybe_unused]] Tensor *g = d.g(), *x = d.x(), *y = d.y();                                    \
    d.dx[0] = expression;                                                                          \
  }
FLOAT_GRADIENT(Square, d.mul(g, d.mul(2, x)))
FLOAT_GRADIENT(Sqrt, d.div(d.mul(0.5, g), y))
FLOAT_GRADIENT(Rsqrt, d.mul(d.mul(-0.5, g), d.mul(y, d.square(y))))
FLOAT_GRADIENT(Exp, d.mul(g, y))
FLOAT_GRADIENT(Expm1, d.mul(g, d.unary("Exp", x)))
FLOAT_GRADIENT(Log, d.div(g, x))
FLOAT_GRADIENT(Log1p, d.div(g, d.add(x, d.number(1))))
FLOAT_GRADIENT(Tanh, d.mul(g, d.sub(d.number(1), d.square(y))))
FLOAT_GRADIENT(Sigmoid, d.mul(g, d.mul(y, d.sub(d.number(1), y))))
FLOAT_GRADIENT(Sin, d.mul(g, d.unary("Cos", x)))
FLOAT_GRADIENT(Cos, d.neg(d.mul(g, d.unary("Sin", x))))
FLOAT_GRADIENT(Tan, d.mul(g, d.add(d.square(y), d.number(1))))
FLOAT_GRADIENT(Asin, d.mul(g, d.unary("Rsqrt", d.sub(d.number(1), d.square(x)))))
FLOAT_GRADIENT(Acos, d.neg(d.mul(g, d.unary("Rsqrt", d.sub(d.number(1), d.square(x))))))
FLOAT_GRADIENT(Atan, d.div(g, d.add(d.square(x), d.number(1))))
FLOAT_GRADIENT(Sinh, d.mul(g, d.unary("Cosh", x)))
FLOAT_GRADIENT(Cosh, d.mul(g, d.unary("Sinh", x)))
FLOAT_GRADIENT(Asinh, d.mul(g, d.unary("Rsqrt", d.add(d.square(x), d.number(1)))))
FLOAT_GRADIENT(Acosh, d.mul(g, d.unary("Rsqrt", d.sub(d.square(x), d.number(1)))))
FLOAT_GRADIENT(Atanh, d.div(g, d.sub(d.number(1), d.square(x))))
FLOAT_GRADIENT(Reciprocal, d.neg(d.mul(g, d.square(y))))
// ±2/√π · e^(-x²)
FLOAT_GRADIENT(Erf, d.mul(d.mul(2 / std::sqrt(M_PI), g), d.unary("Exp", d.neg(d.square(x)))))
FLOAT_GRADIENT(Erfc, d.mul(d.mul(-2 / std::sqrt(M_PI), g), d.unary("Exp", d.neg(d.square(x)))))
#undef FLOAT_GRADIENT

void atan2Gradient(Derive &d) {
  Tensor *y = d.x(0), *x = d.x(1);
  Tensor *part = d.div(d.g(), d.add(d.square(x), d.square(y)));
  d.to(0, d.mul(part, x));
  d.to(1, d.neg(d.mul(part, y)));
}

#define FLOAT_OP(name)                                                                             \
  {.type = #name,                                                                                  \
   .infer = inferUnaryFloat,                                                                       \
   .evaluate = evaluateUnaryFloat<name##Fn>,                                                       \
   .gradient = deriveBy<name##Gradient>,                                                           \
   .elementwise = true,                                                                            \
   .anyRank = true}
#define STEP_OP(name)                                                                              \
  {.type = #name,                                                                                  \
   .infer = inferUnaryFloat,                                                                       \
   .evaluate = evaluateUnaryFloat<name##Fn>,                                                       \
   .gradient = noGradient,                                                                         \
   .elementwise = true,                                                                            \
   .anyRank = true}
#define FLOAT_TEST(name)                                                                           \
  {.type = #name,                                                                                  \
   .infer = inferFloatTest,                                                                        \
   .evaluate = evaluateUnaryFloat<name##Fn>,                                                       \
   .elementwise = true,                                                                            \
   .anyRank = true}

constexpr OpDef ops[] = {
    {.type = "Square",
     .infer = inferUnaryNumeric,
     .evaluate = evaluateUnary<SquareFn>,
     .gradient = deriveBy<SquareGradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Round",
     .infer = inferUnaryNumeric,
     .evaluate = evaluateUnary<RoundFn>,
     .gradient = noGradient,
     .elementwise = true,
     .anyRank = true},
    {.type = "Atan2",
     .infer = inferBinaryFloat,
     .evaluate = evaluateBinary<Atan2Fn>,
     .gradient = deriveBy<atan2Gradient>,
     .elementwise = true,
     .anyRank = true},
    FLOAT_OP(Sqrt),
    FLOAT_OP(Rsqrt),
    FLOAT_OP(Exp),
    FLOAT_OP(Expm1),
    FLOAT_OP(Log),
    FLOAT_OP(Log1p),
    FLOAT_OP(Tanh),
    FLOAT_OP(Sigmoid),
    FLOAT_OP(Sin),
    FLOAT_OP(Cos),
    FLOAT_OP(Tan),
    FLOAT_OP(Asin),
    FLOAT_OP(Acos),
    FLOAT_OP(Atan),
    FLOAT_OP(Sinh),
    FLOAT_OP(Cosh),
    FLOAT_OP(Asinh),
    FLOAT_OP(Acosh),
    FLOAT_OP(Atanh),
    STEP_OP(Floor),
    STEP_OP(Ceil),
    FLOAT_OP(Reciprocal),
    FLOAT_OP(Erf),
    FLOAT_OP(Erfc),
    FLOAT_TEST(IsNan),
    FLOAT_TEST(IsInf),
    FLOAT_TEST(IsFinite),
};
#undef FLOAT_OP
#undef STEP_OP
#undef FLOAT_TEST

#define LIKE_X "\nThe result has x's shape and dtype, which is floating."

constexpr FunctionDef functions[] = {
    {"square(x: T)", "Square", "Square",
     "The square, x².\nThe result has x's shape and dtype, any numeric one; integers wrap."},
    {"sqrt(x: T)", "Sqrt", "Sqrt", "The square root; NaN of negative numbers." LIKE_X},
    {"rsqrt(x: T)", "Rsqrt", "Rsqrt", "One over the square root, 1/√x." LIKE_X},
    {"exp(x: T)", "Exp", "Exp", "The exponential function, e^x." LIKE_X},
    {"expm1(x: T)", "Expm1", "Expm1", "e^x - 1, exact near 0." LIKE_X},
    {"log(x: T)", "Log", "Log", "The natural logarithm; -inf of 0, NaN below." LIKE_X},
    {"log1p(x: T)", "Log1p", "Log1p", "log(1 + x), exact near 0." LIKE_X},
    {"tanh(x: T)", "Tanh", "Tanh", "The hyperbolic tangent." LIKE_X},
    {"sigmoid(x: T)", "Sigmoid", "Sigmoid", "The logistic function, 1/(1 + e^-x)." LIKE_X},
    {"sin(x: T)", "Sin", "Sin", "The sine of an angle in radians." LIKE_X},
    {"cos(x: T)", "Cos", "Cos", "The cosine of an angle in radians." LIKE_X},
    {"tan(x: T)", "Tan", "Tan", "The tangent of an angle in radians." LIKE_X},
    {"asin(x: T)", "Asin", "Asin",
     "The angle in [-π/2, π/2] whose sine is x; NaN outside [-1, 1]." LIKE_X},
    {"acos(x: T)", "Acos", "Acos",
     "The angle in [0, π] whose cosine is x; NaN outside [-1, 1]." LIKE_X},
    {"atan(x: T)", "Atan", "Atan", "The angle in [-π/2, π/2] whose tangent is x." LIKE_X},
    {"atan2(y: T, x: T)", "Atan2", "Atan2",
     "The angle in [-π, π] of the point (x, y).\nThe shapes broadcast as NumPy's do; floating "
     "dtypes."},
    {"sinh(x: T)", "Sinh", "Sinh", "The hyperbolic sine." LIKE_X},
    {"cosh(x: T)", "Cosh", "Cosh", "The hyperbolic cosine." LIKE_X},
    {"asinh(x: T)", "Asinh", "Asinh", "The inverse hyperbolic sine." LIKE_X},
    {"acosh(x: T)", "Acosh", "Acosh", "The inverse hyperbolic cosine; NaN for x < 1." LIKE_X},
    {"atanh(x: T)", "Atanh", "Atanh",
     "The inverse hyperbolic tangent; ±∞ for ±1, NaN beyond." LIKE_X},
    {"floor(x: T)", "Floor", "Floor", "The largest whole number that is not above x." LIKE_X},
    {"ceil(x: T)", "Ceil", "Ceil", "The smallest whole number that is not below x." LIKE_X},
    {"round(x: T)", "Round", "Round",
     "The nearest whole number; halves go to the even one.\nThe result has x's shape and dtype, "
     "any numeric one; integers stay as they are."},
    {"rint(x: T)", "Rint", "Round", "The nearest whole number; halves go to the even one." LIKE_X},
    {"reciprocal(x: T)", "Reciprocal", "Reciprocal", "One over x." LIKE_X},
    {"erf(x: T)", "Erf", "Erf", "The error function, 2/√π ∫ from 0 to x of e^(-t²) dt." LIKE_X},
    {"erfc(x: T)", "Erfc", "Erfc", "1 - erf(x), exact for large x." LIKE_X},
    {"is_nan(x: T)", "IsNan", "IsNan", "Whether x is NaN.\nFloating x; a bool of its shape."},
    {"is_inf(x: T)", "IsInf", "IsInf",
     "Whether x is infinite, of either sign.\nFloating x; a bool of its shape."},
    {"is_finite(x: T)", "IsFinite", "IsFinite",
     "Whether x is neither infinite nor NaN.\nFloating x; a bool of its shape."},
};

} // namespace

std::span<const OpDef> elementaryOps() { return ops; }
std::span<const FunctionDef> elementaryFunctions() { return functions; }

} // namespace graphc
