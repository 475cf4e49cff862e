// Norms and moments. They are made of other operations and have no types of their own.
#include "ops/arguments.h"
#include "ops/compose.h"
#include "ops/tables.h"

#include <fmt/format.h>

namespace graphc {

namespace {

std::vector<int64_t> everyAxis(Shape shape) {
  std::vector<int64_t> axes;
  for (int i = 0; i < shape.rank(); ++i) axes.push_back(i);
  return axes;
}

Tensor *buildL2Loss(Call &call) {
  Tensor *t = call.tensor("t");
  if (!needFloating(call, t, "t")) return nullptr;
  auto axes = call.keep(everyAxis(t->shape));
  Tensor *sum = call.op("Sum", {call.op("Square", {t})},
                        {intsAttr("axes", axes), boolAttr("keepdims", false)});
  return call.named("Mul", {sum, call.constant(t->dtype, 0.5)});
}

Tensor *buildL2Normalize(Call &call) {
  Tensor *x = call.tensor("x");
  const Arg *axis = eitherArgument(call, "axis", "dim");
  std::vector<int64_t> axes;
  if (!axis || !needFloating(call, x, "x") ||
      !axesArgument(call, *axis, axis == &call.arg("dim") ? "dim" : "axis", x->shape, axes))
    return nullptr;
  Tensor *sum = call.op("Sum", {call.op("Square", {x})},
                        {intsAttr("axes", call.keep(axes)), boolAttr("keepdims", true)});
  Tensor *bounded = call.op("Maximum", {sum, call.constant(x->dtype, call.number("epsilon"))});
  return call.named("Mul", {x, call.op("Rsqrt", {bounded})});
}

// The call's name is a scope here, as in TensorFlow, in which mean and variance stand.
Tensor *buildMoments(Call &call) {
  Tensor *x = call.tensor("x");
  const Arg *keep = eitherArgument(call, "keepdims", "keep_dims");
  std::vector<int64_t> axes;
  if (!keep || !needFloating(call, x, "x") ||
      !axesArgument(call, call.arg("axes"), "axes", x->shape, axes))
    return nullptr;
  auto scope = call.host.takeName(call.function.def->defaultName);
  if (!scope) return nullptr;
  auto make = [&](const char *type, const char *name, Tensor *input, Attr first, Attr second) {
    auto full = call.graph.arena.copy(fmt::format("{}/{}", *scope, name));
    std::vector<Attr> attrs{first};
    if (second.kind != Attr::None) attrs.push_back(second);
    auto *op = call.make(*findOp(type), full, std::span(&input, 1), attrs);
    return op ? op->output() : nullptr;
  };
  auto kept = intsAttr("axes", call.keep(axes));
  Tensor *mean = make("Mean", "mean", x, kept, boolAttr("keepdims", true));
  Tensor *difference = call.op("SquaredDifference", {x, call.op("StopGradient", {mean})});
  Tensor *variance = make("Mean", "variance", difference, kept, boolAttr("keepdims", true));
  if (keep->kind == Arg::None || keep->i == 0) {
    auto squeezed = intsAttr("squeeze_dims", call.keep(axes));
    mean = make("Squeeze", "Squeeze", mean, squeezed, {});
    variance = make("Squeeze", "Squeeze_1", variance, squeezed, {});
  }
  if (!mean || !variance) return nullptr;
  call.made = mean->op;
  call.results = {mean, variance};
  return mean;
}

constexpr FunctionDef functions[] = {
    {"l2_loss(t: T)", "L2Loss", "Mul",
     "Half the sum of squares, Σ t² / 2.\nA scalar of t's dtype, which is floating.", buildL2Loss},
    {"l2_normalize(x: T, axis: ints? = None, epsilon: float = 1e-12, name: str? = None, "
     "dim: ints? = None)",
     "l2_normalize", "Mul",
     "Divides by the Euclidean length along axes: x / √max(Σ x², epsilon).\nThe result has x's "
     "shape and dtype, which is floating. `axis` is one axis or a list; None means all; `dim` is "
     "its old name.",
     buildL2Normalize},
    {"moments(x: T, axes: ints, shift: any = None, name: str? = None, keep_dims: bool? = None, "
     "keepdims: bool? = None)",
     "moments", "Mean",
     "Mean and variance along axes, as a pair.\nAxes go, or stay as 1 with `keepdims`. Floating "
     "dtypes. `keep_dims` is an old name of `keepdims`; `shift` is ignored.\nFormula: the "
     "variance is the mean of (x - mean)², the biased one.",
     buildMoments, "", FunctionDef::Tuple},
};

} // namespace

std::span<const OpDef> lossesOps() { return {}; }
std::span<const FunctionDef> lossesFunctions() { return functions; }

} // namespace graphc
