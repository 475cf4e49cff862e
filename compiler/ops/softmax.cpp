// Softmax and the cross-entropies that contain it. Floating dtypes.
//
// type                                 inputs                attrs  output
// Softmax                              logits                axis   e^(x - m) / Σ e^(x - m)
// LogSoftmax                           logits                axis   x - m - log Σ e^(x - m)
// SoftmaxCrossEntropyWithLogits        logits labels         axis   -Σ labels · LogSoftmax(logits),
//                                                                   without the axis
// SparseSoftmaxCrossEntropyWithLogits  logits (…, classes)   –      -LogSoftmax(logits)[…, label],
//                                      labels (…) int32,            of the labels' shape; a label
//                                      int64                        out of range fails
// `axis` is an int in [0, rank); m is the largest element along it.
#include "ops/arguments.h"
#include "ops/compose.h"
#include "ops/cost.h"
#include "ops/derive.h"
#include "ops/evaluate.h"
#include "ops/tables.h"

#include <cmath>
#include <fmt/format.h>

namespace graphc {

namespace {

// Rules ---------------------------------------------------------------------------------------

bool inferSoftmax(Infer &infer) {
  if (!infer.needDType(isFloating(infer.dtype(0)), "a floating dtype")) return false;
  infer.output(infer.dtype(0), infer.in(0));
  return true;
}

bool inferCrossEntropy(Infer &infer) {
  if (!infer.sameDTypes() || !infer.needDType(isFloating(infer.dtype(0)), "a floating dtype"))
    return false;
  Shape logits = infer.in(0), labels = infer.in(1);
  if (logits.rank() != labels.rank())
    return infer.fail(Code::OperandShapes, fmt::format("logits have shape {}, labels {}",
                                                       toString(logits), toString(labels)));
  std::vector<Dim> dims;
  for (int i = 0; i < logits.rank(); ++i) {
    Dim both;
    if ((logits[i] - labels[i]).isStatic() && logits[i] != labels[i])
      return infer.fail(Code::OperandShapes, fmt::format("logits have shape {}, labels {}",
                                                         toString(logits), toString(labels)));
    if (!infer.unify(logits[i], labels[i], both,
                     fmt::format("dimensions {} of logits and labels", i)))
      return false;
    if (i != infer.intAttr("axis")) dims.push_back(both);
  }
  infer.output(infer.dtype(0), dims);
  return true;
}

bool inferSparseCrossEntropy(Infer &infer) {
  DType labelType = infer.dtype(1);
  if (!infer.needDType(isFloating(infer.dtype(0)), "logits of a floating dtype") ||
      !infer.needDType(labelType == DType::Int32 || labelType == DType::Int64,
                       "labels of int32 or int64", 1))
    return false;
  Shape logits = infer.in(0), labels = infer.in(1);
  if (logits.rank() < 1)
    return infer.fail(Code::OperandShapes, "logits need an axis of classes, but are a scalar", 0);
  auto misfit = [&] {
    return infer.fail(Code::OperandShapes,
                      fmt::format("labels have shape {}, which is not logits' {} without its last "
                                  "dimension",
                                  toString(labels), toString(logits)),
                      1);
  };
  if (labels.rank() != logits.rank() - 1) return misfit();
  std::vector<Dim> dims(size_t(labels.rank()));
  for (int i = 0; i < labels.rank(); ++i) {
    if ((logits[i] - labels[i]).isStatic() && logits[i] != labels[i]) return misfit();
    if (!infer.unify(logits[i], labels[i], dims[size_t(i)],
                     fmt::format("dimensions {} of logits and labels", i)))
      return false;
  }
  infer.output(infer.dtype(0), dims);
  return true;
}

// Evaluation ----------------------------------------------------------------------------------

/// Calls `visit(row, base, step, n)` for every line of n elements base, base + step, … along an
/// axis.
template <typename Visit>
void overLines(const std::vector<int64_t> &dims, size_t axis, Visit visit) {
  int64_t n = dims[axis], inner = 1, outer = 1;
  for (size_t i = 0; i < axis; ++i) outer *= dims[i];
  for (size_t i = axis + 1; i < dims.size(); ++i) inner *= dims[i];
  for (int64_t row = 0; row < outer * inner; ++row)
    visit(row, row / inner * n * inner + row % inner, inner, n);
}

/// The largest element m of a line, and log Σ e^(x - m): apart, so that their sum loses nothing.
struct LineSum {
  double largest = -INFINITY;
  double logSum = 0;

  LineSum(const Array &x, int64_t base, int64_t step, int64_t n) {
    double sum = 0;
    for (int64_t k = 0; k < n; ++k) {
      double value = x.number(base + k * step);
      if (std::isnan(value) || value > largest) largest = value;
      if (std::isnan(largest)) break;
    }
    for (int64_t k = 0; k < n; ++k) sum += std::exp(x.number(base + k * step) - largest);
    logSum = std::log(sum);
  }
  double logSoftmax(double x) const { return x - largest - logSum; }
};

template <bool Log>
bool evaluateSoftmax(Evaluate &e) {
  const Array &in = *e.inputs[0];
  overLines(in.dims, size_t(e.op.intAttr("axis")),
            [&](int64_t, int64_t base, int64_t step, int64_t n) {
              LineSum line(in, base, step, n);
              for (int64_t at = base; at < base + n * step; at += step) {
                double value = line.logSoftmax(in.number(at));
                e.outputs[0].setNumber(at, Log ? value : std::exp(value));
              }
            });
  return true;
}

bool evaluateCrossEntropy(Evaluate &e) {
  const Array &logits = *e.inputs[0], &labels = *e.inputs[1];
  overLines(logits.dims, size_t(e.op.intAttr("axis")),
            [&](int64_t row, int64_t base, int64_t step, int64_t n) {
              LineSum line(logits, base, step, n);
              double loss = 0;
              for (int64_t at = base; at < base + n * step; at += step)
                loss -= labels.number(at) * line.logSoftmax(logits.number(at));
              e.outputs[0].setNumber(row, loss);
            });
  return true;
}

bool evaluateSparseCrossEntropy(Evaluate &e) {
  const Array &logits = *e.inputs[0], &labels = *e.inputs[1];
  bool inRange = true;
  overLines(logits.dims, logits.dims.size() - 1,
            [&](int64_t row, int64_t base, int64_t step, int64_t n) {
              int64_t label = labels.integer(row);
              if (label < 0 || label >= n) {
                if (inRange) e.fail(fmt::format("label {} is out of range [0, {})", label, n));
                inRange = false;
                return;
              }
              LineSum line(logits, base, step, n);
              e.outputs[0].setNumber(row, -line.logSoftmax(logits.number(base + label * step)));
            });
  return inRange;
}

// Gradients -----------------------------------------------------------------------------------

void softmaxGradient(Derive &d) {
  Tensor *along = d.sum(d.mul(d.g(), d.y()), {d.op.intAttr("axis")}, true);
  d.dx[0] = d.mul(d.sub(d.g(), along), d.y());
}
void logSoftmaxGradient(Derive &d) {
  Tensor *along = d.sum(d.g(), {d.op.intAttr("axis")}, true);
  d.dx[0] = d.sub(d.g(), d.mul(d.unary("Exp", d.y()), along));
}

Tensor *ofLogits(const Derive &d, std::string_view type, int64_t axis) {
  return d.b.op(type, {d.x(0)}, {intAttr("axis", axis)});
}
/// What comes from the losses, with an axis of 1 for the classes.
Tensor *withClasses(const Derive &d, int64_t axis) {
  return d.b.op("ExpandDims", {d.g()}, {intAttr("axis", axis)});
}

// softmax(logits)·Σ labels - labels, and -log_softmax(logits).
void crossEntropyGradient(Derive &d) {
  int64_t axis = d.op.intAttr("axis");
  Tensor *g = withClasses(d, axis), *labels = d.x(1);
  Tensor *all = d.sum(labels, {axis}, true);
  d.dx[0] = d.mul(g, d.sub(d.mul(ofLogits(d, "Softmax", axis), all), labels));
  d.dx[1] = d.neg(d.mul(g, ofLogits(d, "LogSoftmax", axis)));
}
void sparseCrossEntropyGradient(Derive &d) {
  int64_t axis = d.x(0)->shape.rank() - 1;
  std::vector<Dim> depth{d.x(0)->shape[int(axis)]};
  Tensor *hot = d.b.op("OneHot", {d.x(1), d.number(1), d.number(0)},
                       {dimsAttr("depth", d.b.keep(depth)), intAttr("axis", axis)});
  d.waitFor(hot); // that labels are in range is found by the loss
  d.dx[0] = d.mul(withClasses(d, axis), d.sub(ofLogits(d, "Softmax", axis), hot));
}

// Of each element: the largest is found, subtracted, e to it taken and summed up, then it is
// divided (or the sum's logarithm subtracted, which is one more a row). A cross-entropy multiplies
// with the labels and sums up; the sparse one only needs one element a row.
void softmaxCost(const Operation &op, Cost &cost) {
  cost.flops = Dim(5) * op.output()->shape.elements();
}
void crossEntropyCost(const Operation &op, Cost &cost) {
  cost.flops = Dim(7) * op.inputs[0]->shape.elements();
}
void sparseCrossEntropyCost(const Operation &op, Cost &cost) {
  cost.flops = Dim(4) * op.inputs[0]->shape.elements() + Dim(3) * op.output()->shape.elements();
}

constexpr OpDef ops[] = {
    {.type = "Softmax",
     .infer = inferSoftmax,
     .evaluate = evaluateSoftmax<false>,
     .gradient = deriveBy<softmaxGradient>,
     .cost = softmaxCost},
    {.type = "LogSoftmax",
     .infer = inferSoftmax,
     .evaluate = evaluateSoftmax<true>,
     .gradient = deriveBy<logSoftmaxGradient>,
     .cost = softmaxCost},
    {.type = "SoftmaxCrossEntropyWithLogits",
     .infer = inferCrossEntropy,
     .evaluate = evaluateCrossEntropy,
     .gradient = deriveBy<crossEntropyGradient>,
     .cost = crossEntropyCost},
    {.type = "SparseSoftmaxCrossEntropyWithLogits",
     .infer = inferSparseCrossEntropy,
     .evaluate = evaluateSparseCrossEntropy,
     .gradient = deriveBy<sparseCrossEntropyGradient>,
     .mayFail = true,
     .cost = sparseCrossEntropyCost},
};

// Functions -----------------------------------------------------------------------------------

/// The argument `axis`, or `dim`, its old name; the last axis if neither is given.
bool softmaxAxis(Call &call, Tensor *logits, int64_t &axis) {
  const Arg *arg = eitherArgument(call, "axis", "dim");
  if (!arg) return false;
  axis = arg->kind == Arg::None ? -1 : arg->i;
  auto name = arg == &call.arg("dim") ? "dim" : "axis";
  if (!logits->shape.hasRank()) return true;
  if (logits->shape.rank() == 0) {
    call.fail(Code::OperandShapes, "logits need an axis of classes, but are a scalar", "logits");
    return false;
  }
  return axisArgument(call, name, logits->shape.rank(), axis);
}

Tensor *buildSoftmax(Call &call) {
  Tensor *logits = call.tensor("logits");
  int64_t axis;
  if (!softmaxAxis(call, logits, axis)) return nullptr;
  return call.named(call.function.def->op, {logits}, {intAttr("axis", axis)});
}

/// TensorFlow's cross-entropies have a first parameter that nothing may be given for, so that
/// labels and logits are named in the call.
bool labelsAndLogits(Call &call, bool sentinel) {
  if (sentinel && call.given("_sentinel")) {
    call.fail(
        Code::WrongArguments,
        fmt::format("{} takes labels and logits by name: labels=…, logits=…", call.function.name),
        "_sentinel");
    return false;
  }
  for (auto name : {"labels", "logits"})
    if (!call.given(name)) {
      call.fail(Code::WrongArguments,
                fmt::format("{} needs the argument '{}'", call.function.name, name));
      return false;
    }
  return true;
}

Tensor *buildCrossEntropy(Call &call) {
  bool second = call.function.name == "softmax_cross_entropy_with_logits_v2";
  if (!labelsAndLogits(call, !second)) return nullptr;
  Tensor *labels = call.tensor("labels"), *logits = call.tensor("logits");
  // The first version's labels pass no gradient on.
  if (!second) labels = call.op("StopGradient", {labels});
  int64_t axis = -1;
  if (second) {
    if (!softmaxAxis(call, logits, axis)) return nullptr;
  } else {
    if (call.given("axis"))
      axis = call.integer("axis");
    else
      axis = call.integer("dim");
    if (logits->shape.hasRank() && logits->shape.rank() == 0)
      return call.fail(Code::OperandShapes, "logits need an axis of classes, but are a scalar",
                       "logits");
    if (logits->shape.hasRank() &&
        !axisArgument(call, call.given("axis") ? "axis" : "dim", logits->shape.rank(), axis))
      return nullptr;
  }
  return call.named("SoftmaxCrossEntropyWithLogits", {logits, labels}, {intAttr("axis", axis)});
}

Tensor *buildSparseCrossEntropy(Call &call) {
  if (!labelsAndLogits(call, true)) return nullptr;
  return call.named("SparseSoftmaxCrossEntropyWithLogits",
                    {call.tensor("logits"), call.tensor("labels")});
}

// max(x, 0) - x·z + log(1 + e^-|x|). The pieces are chosen by a condition, not by max and abs, so
// that the derivative at 0 is that of the formula.
Tensor *buildSigmoidCrossEntropy(Call &call) {
  if (!labelsAndLogits(call, true)) return nullptr;
  Tensor *labels = call.tensor("labels"), *logits = call.tensor("logits");
  if (!isFloating(logits->dtype))
    return call.fail(Code::OperandDTypes,
                     fmt::format("{} needs a floating dtype, not {}", call.function.name,
                                 dtypeName(logits->dtype)),
                     "logits");
  Shape x = logits->shape, z = labels->shape;
  bool fits = !x.hasRank() || !z.hasRank() || x.rank() == z.rank();
  for (int i = 0; fits && x.hasRank() && z.hasRank() && i < x.rank(); ++i)
    fits = x[i] == z[i] || !(x[i] - z[i]).isStatic();
  if (!fits)
    return call.fail(Code::OperandShapes,
                     fmt::format("logits have shape {}, labels {}", toString(x), toString(z)));
  Tensor *zero = call.constant(logits->dtype, 0);
  Tensor *positive = call.op("GreaterEqual", {logits, zero});
  Tensor *minus = call.op("Neg", {logits});
  Tensor *rectified = call.op("Select", {positive, logits, zero});
  Tensor *minusAbs = call.op("Select", {positive, minus, logits});
  Tensor *linear = call.op("Sub", {rectified, call.op("Mul", {logits, labels})});
  return call.named("Add", {linear, call.op("Log1p", {call.op("Exp", {minusAbs})})});
}

constexpr FunctionDef functions[] = {
    {"softmax(logits: T, axis: int? = None, name: str? = None, dim: int? = None)", "Softmax",
     "Softmax",
     "Numbers that are positive and sum to 1 along an axis: e^x / Σ e^x.\nThe result has the "
     "shape and dtype of `logits`, which is floating. The axis is the last one if none is given; "
     "`dim` is its old name. Computed as e^(x - m) / Σ e^(x - m) with m the largest element.",
     buildSoftmax},
    {"log_softmax(logits: T, axis: int? = None, name: str? = None, dim: int? = None)", "LogSoftmax",
     "LogSoftmax",
     "The logarithm of softmax: x - log Σ e^x.\nThe result has the shape and dtype of `logits`, "
     "which is floating. The axis is the last one if none is given; `dim` is its old name.",
     buildSoftmax},
    {"softmax_cross_entropy_with_logits(_sentinel: tensor? = None, labels: T? = None, "
     "logits: T? = None, dim: int = -1, name: str? = None, axis: int? = None)",
     "softmax_cross_entropy_with_logits_sg", "SoftmaxCrossEntropyWithLogits",
     "The cross-entropy of softmax(logits) and labels; labels pass no gradient on.\nlabels and "
     "logits have one shape and floating dtype, the result that shape without the axis (the last "
     "one if none is given). Both are given by name.\nFormula: -Σ labels·log_softmax(logits).",
     buildCrossEntropy},
    {"softmax_cross_entropy_with_logits_v2(labels: T, logits: T, axis: int? = None, "
     "name: str? = None, dim: int? = None)",
     "softmax_cross_entropy_with_logits", "SoftmaxCrossEntropyWithLogits",
     "The cross-entropy of softmax(logits) and labels.\nlabels and logits have one shape and "
     "floating dtype, the result that shape without the axis (the last one if none is given; "
     "`dim` is its old name).\nFormula: -Σ labels·log_softmax(logits).",
     buildCrossEntropy},
    {"sparse_softmax_cross_entropy_with_logits(_sentinel: tensor? = None, labels: tensor? = None, "
     "logits: tensor? = None)",
     "SparseSoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits",
     "The cross-entropy of softmax(logits) and the classes that labels name.\nlogits have shape "
     "(…, classes) and a floating dtype, labels shape (…) and int32 or int64; the result has the "
     "labels' shape. Both are given by name. A label outside [0, classes) is an error when it is "
     "run.\nFormula: -log_softmax(logits)[…, label].",
     buildSparseCrossEntropy},
    {"sigmoid_cross_entropy_with_logits(_sentinel: tensor? = None, labels: T? = None, "
     "logits: T? = None)",
     "logistic_loss", "Add",
     "The cross-entropy of sigmoid(logits) and labels, element by element.\nlabels and logits "
     "have one shape and floating dtype, which are the result's. Both are given by name."
     "\nFormula: max(x, 0) - x·z + log(1 + e^-|x|) for logits x and labels z.",
     buildSigmoidCrossEntropy},
};

} // namespace

std::span<const OpDef> softmaxOps() { return ops; }
std::span<const FunctionDef> softmaxFunctions() { return functions; }

} // namespace graphc
