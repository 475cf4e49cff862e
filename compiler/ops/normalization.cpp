// Normalization. The functions are made of other operations and have no types of their own.
#include "ops/arguments.h"
#include "ops/compose.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <fmt/format.h>

namespace graphc {

namespace {

Tensor *add(Call &c, Tensor *x, Tensor *y) { return c.op("Add", {x, y}); }
Tensor *sub(Call &c, Tensor *x, Tensor *y) { return c.op("Sub", {x, y}); }
Tensor *mul(Call &c, Tensor *x, Tensor *y) { return c.op("Mul", {x, y}); }

/// The call's operation is the last one; where the channels come first, that puts them back.
Tensor *buildFusedBatchNorm(Call &c) {
  constexpr double leastEpsilon = 1.001e-5;
  Tensor *x = c.tensor("x"), *mean = c.tensor("mean"), *variance = c.tensor("variance");
  Tensor *scale = c.tensor("scale"), *offset = c.tensor("offset");
  bool training = c.flag("is_training"), failed = false;
  bool first = wantsNCHW(c, failed);
  if (failed || !needFloating(c, x, "x") || !rankKnown(c, x, "x")) return nullptr;
  if (x->shape.rank() != 4)
    return c.fail(Code::OperandShapes,
                  fmt::format("the input of fused_batch_norm must have rank 4, not shape {}",
                              toString(x->shape)),
                  "x");
  if (training && (mean || variance))
    return c.fail(Code::WrongArguments,
                  "mean and variance are computed when is_training is True: leave them out",
                  mean ? "mean" : "variance");
  if (!training && !(mean && variance))
    return c.fail(Code::WrongArguments, "mean and variance are needed where is_training is False",
                  mean ? "variance" : "mean");
  DType dtype = x->dtype, wide = dtypeSize(dtype) == 2 ? DType::Float32 : dtype;
  Dim channels = x->shape[first ? 1 : 3];
  for (auto name : {"scale", "offset", "mean", "variance"}) {
    Tensor *t = c.tensor(name);
    if (!t) continue;
    if (t->dtype != wide)
      return c.fail(
          Code::OperandDTypes,
          fmt::format("{} must have dtype {}, not {}", name, dtypeName(wide), dtypeName(t->dtype)),
          name);
    bool fits =
        !t->shape.hasRank() ||
        (t->shape.rank() == 1 && (t->shape[0] == channels || !(t->shape[0] - channels).isStatic()));
    if (!fits)
      return c.fail(Code::OperandShapes,
                    fmt::format("{} must have shape ({},), one number a channel, not {}", name,
                                toString(channels), toString(t->shape)),
                    name);
  }
  Tensor *wideX = castTo(c, first ? channelsLast(c, x) : x, wide);
  Tensor *unbiased = variance;
  if (training) {
    const std::vector<int64_t> axes{0, 1, 2};
    mean = meanOver(c, wideX, axes, false);
    if (!mean) return nullptr;
    variance =
        meanOver(c, c.op("SquaredDifference", {wideX, c.op("StopGradient", {mean})}), axes, false);
    Dim count = x->shape[0] * x->shape[2] * x->shape[first ? 3 : 1];
    Tensor *one = c.constant(wide, 1), *all = dimAs(c, count, wide);
    Tensor *rest = c.op("Maximum", {sub(c, all, one), one});
    unbiased = mul(c, variance, c.op("RealDiv", {all, rest}));
  }
  Tensor *epsilon = c.constant(wide, std::max(c.number("epsilon"), leastEpsilon));
  Tensor *slope = mul(c, c.op("Rsqrt", {add(c, variance, epsilon)}), scale);
  Tensor *scaled = mul(c, sub(c, wideX, mean), slope);
  Tensor *y;
  if (!first && wide == dtype) {
    y = c.named("Add", {scaled, offset});
  } else {
    y = castTo(c, add(c, scaled, offset), dtype);
    std::vector<int64_t> perm{0, 3, 1, 2};
    y = first ? c.named("Transpose", {y}, {intsAttr("perm", c.keep(perm))})
              : c.named("Identity", {y});
  }
  if (!y || !unbiased) return nullptr;
  if (training) {
    mean->op->name = c.graph.arena.copy(fmt::format("{}/Mean", y->op->name));
    unbiased->op->name = c.graph.arena.copy(fmt::format("{}/Variance", y->op->name));
  }
  c.results = {y, mean, unbiased};
  return y;
}

/// Sums over neighbouring channels are a product with a matrix of ones around the diagonal.
Tensor *buildLRN(Call &c) {
  Tensor *x = c.tensor("input");
  if (!needFloating(c, x, "input") || !rankKnown(c, x, "input")) return nullptr;
  if (x->shape.rank() != 4)
    return c.fail(Code::OperandShapes,
                  fmt::format("the input of {} must have rank 4, not shape {}", c.function.name,
                              toString(x->shape)),
                  "input");
  int64_t radius = c.integer("depth_radius");
  if (radius < 0)
    return c.fail(Code::AttributeRange, fmt::format("depth_radius {} is negative", radius),
                  "depth_radius");
  Dim channels = x->shape[3];
  Tensor *count = countTo(c, channels, DType::Int64);
  Tensor *away = c.op("Abs", {sub(c, reshapeTo(c, count, {channels, Dim(1)}), count)});
  Tensor *near = c.op("LessEqual", {away, c.constant(DType::Int64, double(radius))});
  Tensor *sums = c.op("MatMul", {c.op("Square", {x}), castTo(c, near, x->dtype)},
                      {boolAttr("transpose_a", false), boolAttr("transpose_b", false)});
  Tensor *norm = add(c, mul(c, sums, c.constant(x->dtype, c.number("alpha"))),
                     c.constant(x->dtype, c.number("bias")));
  Tensor *power = c.op("Pow", {norm, c.constant(x->dtype, -c.number("beta"))});
  return c.named("Mul", {x, power});
}

Tensor *buildNorm(Call &c) {
  Tensor *x = c.tensor("tensor");
  const Arg *keep = eitherArgument(c, "keepdims", "keep_dims");
  std::vector<int64_t> axes;
  if (!keep || !needFloating(c, x, "tensor") || !rankKnown(c, x, "tensor") ||
      !axesArgument(c, c.arg("axis"), "axis", x->shape, axes))
    return nullptr;
  bool keeps = keep->kind != Arg::None && keep->i != 0;
  const Arg &ord = c.arg("ord");
  auto kept = intsAttr("axes", c.keep(axes));
  auto keepdims = boolAttr("keepdims", keeps);
  auto scope = c.host.takeName("norm");
  if (!scope) return nullptr;
  std::vector<Attr> reduces{kept, keepdims};
  Tensor *size = c.op("Abs", {x});
  auto order = ord.kind == Arg::Text ? ord.text : "euclidean";
  if (order == "euclidean" || order == "fro" || order == "2")
    return inScope(c, *scope, "Sqrt", "Sqrt", {sumOver(c, c.op("Square", {x}), axes, keeps)});
  if (order == "1") return inScope(c, *scope, "Sum", "Sum", {size}, reduces);
  if (order == "inf") return inScope(c, *scope, "Max", "Max", {size}, reduces);
  return c.fail(Code::AttributeRange,
                fmt::format("ord must be \"euclidean\", \"fro\", \"1\", \"2\" or \"inf\", not "
                            "\"{}\"",
                            order),
                "ord");
}

Tensor *buildZeroFraction(Call &c) {
  Tensor *x = c.tensor("value");
  if (!rankKnown(c, x, "value")) return nullptr;
  auto scope = c.host.takeName("zero_fraction");
  if (!scope) return nullptr;
  std::vector<int64_t> axes;
  for (int i = 0; i < x->shape.rank(); ++i) axes.push_back(i);
  Tensor *zero = c.op("Equal", {x, c.constant(x->dtype, 0)});
  std::vector<Attr> attrs{intsAttr("axes", c.keep(axes)), boolAttr("keepdims", false)};
  return inScope(c, *scope, "Mean", "Mean", {castTo(c, zero, DType::Float32)}, attrs);
}

Tensor *buildCountNonzero(Call &c) {
  Tensor *x = c.tensor("input_tensor");
  const Arg *axis = eitherArgument(c, "axis", "reduction_indices");
  const Arg *keep = eitherArgument(c, "keepdims", "keep_dims");
  std::vector<int64_t> axes;
  if (!axis || !keep || !rankKnown(c, x, "input_tensor") ||
      !axesArgument(c, *axis, "axis", x->shape, axes))
    return nullptr;
  auto scope = c.host.takeName("count_nonzero");
  if (!scope) return nullptr;
  Tensor *counts = c.op("NotEqual", {x, c.constant(x->dtype, 0)});
  std::vector<Attr> attrs{intsAttr("axes", c.keep(axes)),
                          boolAttr("keepdims", keep->kind != Arg::None && keep->i != 0)};
  return inScope(c, *scope, "Sum", "Sum", {castTo(c, counts, c.dtype("dtype"))}, attrs);
}

#define LRN_SIGNATURE                                                                              \
  "(input: T, depth_radius: int = 5, bias: float = 1, alpha: float = 1, beta: float = 0.5)"
#define LRN_DOC                                                                                    \
  "Divides by a power of the sum of squares of neighbouring channels.\nShape (n, h, w, c), "       \
  "floating dtypes.\nFormula: input / (bias + alpha·Σ input²)^beta, the sum over the channels at " \
  "most depth_radius away (Krizhevsky et al., \"ImageNet Classification with Deep Convolutional "  \
  "Neural Networks\", 2012, section 3.3)."

constexpr FunctionDef functions[] = {
    {"fused_batch_norm(x: T, scale: tensor, offset: tensor, mean: tensor? = None, variance: "
     "tensor? = None, epsilon: float = 0.001, data_format: str = \"NHWC\", is_training: bool = "
     "True)",
     "FusedBatchNormV3", "Add",
     "Normalizes each channel of images: gives (y, mean, variance).\nShapes: x and y (n, h, w, c), "
     "or (n, c, h, w) with data_format \"NCHW\"; all others (c,). With is_training, mean and "
     "variance are those of x over n, h and w; what is returned is the unbiased variance, to be "
     "averaged for inference. Without, both are given, and returned as they are.\nFloating dtypes; "
     "of 16-bit ones everything but x and y is float32.\nFormula: y = scale·(x - mean)/√(variance "
     "+ epsilon) + offset, with the biased variance; epsilon is at least 1.001e-5 (Ioffe and "
     "Szegedy, \"Batch Normalization\", 2015).",
     buildFusedBatchNorm, "", FunctionDef::Tuple},
    {"local_response_normalization" LRN_SIGNATURE, "LRN", "Mul", LRN_DOC, buildLRN, "lrn"},
    {"norm(tensor: T, ord: str = \"euclidean\", axis: ints? = None, keepdims: bool? = None, name: "
     "str? = None, keep_dims: bool? = None)",
     "norm", "Sqrt",
     "The length of vectors along axes, or of the whole tensor as one.\n`ord` is \"euclidean\" "
     "(√Σ x²; \"fro\" and \"2\" are the same), \"1\" (Σ|x|) or \"inf\" (max|x|). `axis` is one "
     "axis or a list; None "
     "means all. Floating dtypes.",
     buildNorm},
    {"zero_fraction(value: tensor)", "zero_fraction", "Mean",
     "Which share of the elements is 0.\nA float32 scalar.", buildZeroFraction},
    {"count_nonzero(input_tensor: tensor, axis: ints? = None, keepdims: bool? = None, dtype: "
     "dtype = int64, name: str? = None, reduction_indices: ints? = None, keep_dims: bool? = None)",
     "count_nonzero", "Sum",
     "How many elements along axes are not 0.\n`axis` is one axis or a list; None means all; "
     "`reduction_indices` and `keep_dims` are old names.",
     buildCountNonzero},
};

} // namespace

std::span<const OpDef> normalizationOps() { return {}; }
std::span<const FunctionDef> normalizationFunctions() { return functions; }

} // namespace graphc
