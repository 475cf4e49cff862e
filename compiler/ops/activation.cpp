// Activations, element by element: one input `features`, one output of its shape and dtype.
//
// type                                       attrs   dtypes
// Relu Relu6                                         numeric; NaN stays NaN
// LeakyRelu                                  alpha   floating; float
// Elu Selu Gelu Softplus Softsign                    floating
#include "ops/compose.h"
#include "ops/derive.h"
#include "ops/evaluate.h"
#include "ops/tables.h"

#include <cmath>

namespace graphc {

namespace {

struct ReluFn {
  auto operator()(auto x) const { return x < 0 ? decltype(x)(0) : x; }
};
struct Relu6Fn {
  auto operator()(auto x) const {
    using C = decltype(x);
    return x < 0 ? C(0) : x > 6 ? C(6) : x;
  }
};
struct EluFn {
  double operator()(double x) const { return x < 0 ? std::expm1(x) : x; }
};
// The two constants for which mean 0 and variance 1 are a fixed point: Klambauer et al.,
// "Self-Normalizing Neural Networks", 2017, equation 14.
constexpr double seluScale = 1.0507009873554804934193349852946;
constexpr double seluAlpha = 1.6732632423543772848170429916717;
struct SeluFn {
  double operator()(double x) const { return seluScale * (x < 0 ? seluAlpha * std::expm1(x) : x); }
};
struct GeluFn {
  double operator()(double x) const { return 0.5 * x * std::erfc(-x * std::sqrt(0.5)); }
};
struct SoftplusFn {
  double operator()(double x) const {
    return std::isnan(x) ? x : std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x)));
  }
};
struct SoftsignFn {
  double operator()(double x) const { return x / (1 + std::fabs(x)); }
};

bool evaluateLeakyRelu(Evaluate &e) {
  double alpha = e.op.floatAttr("alpha", 0.2);
  for (int64_t i = 0, n = e.outputs[0].elements(); i < n; ++i) {
    double x = e.inputs[0]->number(i);
    e.outputs[0].setNumber(i, x < 0 ? alpha * x : x);
  }
  return true;
}

// Gradients -----------------------------------------------------------------------------------

// Those that can be told from the result are: the input need not be kept for them.
void reluGradient(Derive &d) {
  Tensor *zero = d.number(0);
  d.dx[0] = d.select(d.binary("Greater", d.y(), zero), d.g(), zero);
}
void relu6Gradient(Derive &d) {
  Tensor *zero = d.number(0);
  Tensor *inside = d.binary("LogicalAnd", d.binary("Greater", d.y(), zero),
                            d.binary("Less", d.y(), d.number(6)));
  d.dx[0] = d.select(inside, d.g(), zero);
}
void leakyReluGradient(Derive &d) {
  Tensor *through = d.binary("Greater", d.x(), d.number(0));
  d.dx[0] = d.select(through, d.g(), d.mul(d.op.floatAttr("alpha", 0.2), d.g()));
}
void eluGradient(Derive &d) {
  Tensor *below = d.mul(d.g(), d.add(d.y(), d.number(1)));
  d.dx[0] = d.select(d.binary("Less", d.y(), d.number(0)), below, d.g());
}
void seluGradient(Derive &d) {
  Tensor *below = d.mul(d.g(), d.add(d.y(), d.number(seluScale * seluAlpha)));
  d.dx[0] = d.select(d.binary("Less", d.y(), d.number(0)), below, d.mul(seluScale, d.g()));
}
// Φ(x) + x·φ(x), with the normal distribution Φ and its density φ.
void geluGradient(Derive &d) {
  Tensor *x = d.x();
  Tensor *density = d.mul(1 / std::sqrt(2 * M_PI), d.unary("Exp", d.mul(-0.5, d.square(x))));
  Tensor *below = d.mul(0.5, d.unary("Erfc", d.mul(-std::sqrt(0.5), x)));
  d.dx[0] = d.mul(d.g(), d.add(below, d.mul(x, density)));
}
void softplusGradient(Derive &d) { d.dx[0] = d.mul(d.g(), d.unary("Sigmoid", d.x())); }
void softsignGradient(Derive &d) {
  d.dx[0] = d.div(d.g(), d.square(d.add(d.number(1), d.unary("Abs", d.x()))));
}

constexpr OpDef ops[] = {
    {.type = "Relu",
     .infer = inferUnaryNumeric,
     .evaluate = evaluateUnary<ReluFn>,
     .gradient = deriveBy<reluGradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Relu6",
     .infer = inferUnaryNumeric,
     .evaluate = evaluateUnary<Relu6Fn>,
     .gradient = deriveBy<relu6Gradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "LeakyRelu",
     .infer = inferUnaryFloat,
     .evaluate = evaluateLeakyRelu,
     .gradient = deriveBy<leakyReluGradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Elu",
     .infer = inferUnaryFloat,
     .evaluate = evaluateUnaryFloat<EluFn>,
     .gradient = deriveBy<eluGradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Selu",
     .infer = inferUnaryFloat,
     .evaluate = evaluateUnaryFloat<SeluFn>,
     .gradient = deriveBy<seluGradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Gelu",
     .infer = inferUnaryFloat,
     .evaluate = evaluateUnaryFloat<GeluFn>,
     .gradient = deriveBy<geluGradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Softplus",
     .infer = inferUnaryFloat,
     .evaluate = evaluateUnaryFloat<SoftplusFn>,
     .gradient = deriveBy<softplusGradient>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Softsign",
     .infer = inferUnaryFloat,
     .evaluate = evaluateUnaryFloat<SoftsignFn>,
     .gradient = deriveBy<softsignGradient>,
     .elementwise = true,
     .anyRank = true},
};

// Integers become float32 first, as in TensorFlow.
Tensor *buildLeakyRelu(Call &call) {
  Tensor *x = call.tensor("features");
  if (isInteger(x->dtype)) x = castTo(call, x, DType::Float32);
  return call.named("LeakyRelu", {x}, {floatAttr("alpha", call.number("alpha"))});
}

Tensor *buildSwish(Call &call) {
  Tensor *x = call.tensor("features");
  return call.named("Mul", {x, call.op("Sigmoid", {x})});
}

// -softplus(-x)
Tensor *buildLogSigmoid(Call &call) {
  Tensor *x = call.tensor("x");
  return call.named("Neg", {call.op("Softplus", {call.op("Neg", {x})})});
}

#define LIKE_FEATURES "\nThe result has the shape and dtype of `features`, which is floating."

constexpr FunctionDef functions[] = {
    {"relu(features: T)", "Relu", "Relu",
     "The rectifier, max(x, 0).\nThe result has the shape and dtype of `features`, any numeric "
     "one. NaN stays NaN."},
    {"relu6(features: T)", "Relu6", "Relu6",
     "The rectifier that ends at 6: min(max(x, 0), 6).\nThe result has the shape and dtype of "
     "`features`, any numeric one. NaN stays NaN."},
    {"leaky_relu(features: T, alpha: float = 0.2)", "LeakyRelu", "LeakyRelu",
     "The rectifier that lets a little through: x, and alpha·x below 0.\nThe result has the shape "
     "and dtype of `features`; integers become float32.",
     buildLeakyRelu},
    {"elu(features: T)", "Elu", "Elu", "x, and e^x - 1 below 0." LIKE_FEATURES},
    {"selu(features: T)", "Selu", "Selu",
     "The self-normalizing unit: s·x, and s·α·(e^x - 1) below 0, with s = 1.0507… and α = "
     "1.6733…." LIKE_FEATURES
     "\nThe constants are those of Klambauer et al., Self-Normalizing Neural Networks, 2017."},
    {"gelu(features: T)", "Gelu", "Gelu",
     "The Gaussian error unit: x·(1 + erf(x/√2))/2." LIKE_FEATURES},
    {"softplus(features: T)", "Softplus", "Softplus",
     "The smooth rectifier: log(1 + e^x), stable for large x." LIKE_FEATURES},
    {"softsign(features: T)", "Softsign", "Softsign", "x/(1 + |x|)." LIKE_FEATURES},
    {"swish(features: T)", "swish", "Mul", "x·sigmoid(x)." LIKE_FEATURES, buildSwish},
    {"log_sigmoid(x: T)", "LogSigmoid", "Neg",
     "The logarithm of the logistic function, -log(1 + e^-x), stable for large |x|.\nThe result "
     "has x's shape and dtype, which is floating.",
     buildLogSigmoid},
};

} // namespace

std::span<const OpDef> activationOps() { return ops; }
std::span<const FunctionDef> activationFunctions() { return functions; }

} // namespace graphc
