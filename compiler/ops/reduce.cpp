// Reductions.
//
// type              inputs  attrs                         output
// Sum Mean Prod     input   axes (ints), keepdims (bool)  numeric; integers wrap; Mean of integers
//                                                         is the wrapped sum / count toward zero
// Max Min           input   axes, keepdims                numeric; NaN if there is one; of nothing
//                                                         -inf / inf or the lowest / highest
//                                                         integer
// Any All           input   axes, keepdims                bool
// ArgMax ArgMin     input   axis (int),                   int32 or int64; the first of equals. The
//                           output_type (type)            search starts from -inf (lowest) at index
//                                                         0 and moves on what is greater: NaN never
//                                                         wins. The axis is not empty
//
// `axes` are in [0, rank), ascending, each once; an input of rank 0 has none. Sums of floats are
// formed in double here; compiled code adds in an order of its own.
#include "ops/arguments.h"
#include "ops/compose.h"
#include "ops/cost.h"
#include "ops/derive.h"
#include "ops/evaluate.h"
#include "ops/numbers.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace graphc {

namespace {

// Rules ---------------------------------------------------------------------------------------

bool outputReduced(Infer &infer) {
  Shape in = infer.in(0);
  auto axes = infer.intsAttr("axes");
  bool keepdims = infer.boolAttr("keepdims");
  std::vector<Dim> dims;
  size_t next = 0;
  for (int axis = 0; axis < in.rank(); ++axis) {
    if (next == axes.size() || axes[next] != axis) {
      dims.push_back(in[axis]);
      continue;
    }
    ++next;
    if (keepdims) dims.push_back(1);
  }
  infer.output(infer.dtype(0), dims);
  return true;
}

bool inferReduce(Infer &infer) {
  return infer.needDType(isNumeric(infer.dtype(0)), "a numeric dtype") && outputReduced(infer);
}

bool inferSum(Infer &infer) {
  if (!inferReduce(infer)) return false;
  if (!infer.boolAttr("keepdims")) symbolicReduce(infer, 0, [](Dim a, Dim b) { return a + b; });
  return true;
}

bool inferProd(Infer &infer) {
  if (!inferReduce(infer)) return false;
  if (!infer.boolAttr("keepdims")) symbolicReduce(infer, 1, [](Dim a, Dim b) { return a * b; });
  return true;
}

bool inferLogicalReduce(Infer &infer) {
  return infer.needDType(infer.dtype(0) == DType::Bool, "bool") && outputReduced(infer);
}

bool inferArg(Infer &infer) {
  DType type = infer.typeAttr("output_type", DType::Int64);
  if (type != DType::Int32 && type != DType::Int64)
    return infer.fail(Code::AttributeRange,
                      fmt::format("output_type must be int32 or int64, not {}", dtypeName(type)));
  if (!infer.needDType(isNumeric(infer.dtype(0)), "a numeric dtype")) return false;
  if (!infer.in(0).hasRank()) {
    infer.output(type, Shape::unknown());
    return true;
  }
  int axis = int(infer.intAttr("axis"));
  Dim size = infer.in(0)[axis];
  if (size.is(0))
    return infer.fail(Code::AttributeRange,
                      fmt::format("axis {} of shape {} is empty: it has no largest or smallest "
                                  "element",
                                  axis, toString(infer.in(0))));
  if (!infer.atLeast(size, 1, fmt::format("axis {} of {}'s input", axis, infer.type))) return false;
  std::vector<Dim> dims;
  for (int i = 0; i < infer.in(0).rank(); ++i)
    if (i != axis) dims.push_back(infer.in(0)[i]);
  infer.output(type, dims);
  return true;
}

// Evaluation ----------------------------------------------------------------------------------

/// For every element of the input the element of the output that it is reduced into.
std::vector<int64_t> reducedIndex(const std::vector<int64_t> &dims, std::span<const int64_t> axes) {
  std::vector<int64_t> kept = dims;
  for (int64_t axis : axes) kept[size_t(axis)] = 1;
  return broadcastIndex(kept, dims);
}

template <typename C>
C lowest(DType dtype) {
  if constexpr (std::is_floating_point_v<C>) return -std::numeric_limits<C>::infinity();
  if (!isSignedInteger(dtype)) return 0;
  return C(-(uint64_t(1) << (dtypeSize(dtype) * 8 - 1)));
}
template <typename C>
C highest(DType dtype) {
  if constexpr (std::is_floating_point_v<C>) return std::numeric_limits<C>::infinity();
  int64_t bits = dtypeSize(dtype) * 8;
  return C(~uint64_t(0) >> (isSignedInteger(dtype) ? 65 - bits : 64 - bits));
}

/// output = F over the elements, from `start(dtype)`; `finish` gets count and dtype.
template <typename F, typename Start, typename Finish>
bool evaluateReduction(Evaluate &e, F f, Start start, Finish finish) {
  const Array &in = *e.inputs[0];
  Array &out = e.outputs[0];
  auto to = reducedIndex(in.dims, e.op.intsAttr("axes"));
  return computeAs(in.dtype, [&](auto zero) {
    using C = decltype(zero);
    std::vector<C> results(size_t(out.elements()), start(zero, in.dtype));
    for (size_t i = 0; i < to.size(); ++i) {
      C &result = results[size_t(to[i])];
      result = f(result, load<C>(in, int64_t(i)));
    }
    int64_t count = 1;
    for (int64_t axis : e.op.intsAttr("axes")) count *= in.dims[size_t(axis)];
    for (size_t i = 0; i < results.size(); ++i) {
      // Wrapped to the dtype before it is divided, as sums of the dtype are.
      if constexpr (!std::is_floating_point_v<C>) {
        store(out, int64_t(i), results[i]);
        results[i] = load<C>(out, int64_t(i));
      }
      store(out, int64_t(i), C(finish(results[i], count)));
    }
    return true;
  });
}

constexpr auto same = [](auto x, int64_t) { return x; };
constexpr auto fromZero = [](auto zero, DType) { return zero; };
constexpr auto fromOne = [](auto zero, DType) { return decltype(zero)(1); };

bool evaluateSum(Evaluate &e) {
  return evaluateReduction(e, [](auto a, auto b) { return wrapAdd(a, b); }, fromZero, same);
}
bool evaluateMean(Evaluate &e) {
  return evaluateReduction(
      e, [](auto a, auto b) { return wrapAdd(a, b); }, fromZero,
      [](auto sum, int64_t count) {
        using C = decltype(sum);
        if constexpr (std::is_floating_point_v<C>)
          return sum / double(count);
        else
          return count == 0 ? C(0) : C(sum / C(count));
      });
}
bool evaluateProd(Evaluate &e) {
  return evaluateReduction(e, [](auto a, auto b) { return wrapMul(a, b); }, fromOne, same);
}
bool evaluateMax(Evaluate &e) {
  return evaluateReduction(
      e, [](auto a, auto b) { return a != a || a > b ? a : b; },
      [](auto zero, DType dtype) { return lowest<decltype(zero)>(dtype); }, same);
}
bool evaluateMin(Evaluate &e) {
  return evaluateReduction(
      e, [](auto a, auto b) { return a != a || a < b ? a : b; },
      [](auto zero, DType dtype) { return highest<decltype(zero)>(dtype); }, same);
}
bool evaluateAny(Evaluate &e) {
  return evaluateReduction(
      e, [](auto a, auto b) { return decltype(a)(a != 0 || b != 0); }, fromZero, same);
}
bool evaluateAll(Evaluate &e) {
  return evaluateReduction(
      e, [](auto a, auto b) { return decltype(a)(a != 0 && b != 0); }, fromOne, same);
}

template <bool Largest>
bool evaluateArg(Evaluate &e) {
  const Array &in = *e.inputs[0];
  auto axis = size_t(e.op.intAttr("axis"));
  int64_t size = in.dims[axis], inner = 1;
  if (size == 0) return e.fail("the axis is empty: it has no largest or smallest element");
  for (size_t i = axis + 1; i < in.dims.size(); ++i) inner *= in.dims[i];
  return computeAs(in.dtype, [&](auto zero) {
    using C = decltype(zero);
    for (int64_t i = 0, n = e.outputs[0].elements(); i < n; ++i) {
      int64_t base = i / inner * size * inner + i % inner, found = 0;
      C best = Largest ? lowest<C>(in.dtype) : highest<C>(in.dtype);
      for (int64_t k = 0; k < size; ++k) {
        C x = load<C>(in, base + k * inner);
        if (Largest ? x > best : x < best) best = x, found = k;
      }
      e.outputs[0].setInteger(i, found);
    }
    return true;
  });
}

// Gradients -----------------------------------------------------------------------------------

std::vector<int64_t> axesOf(const Derive &d) {
  auto axes = d.op.intsAttr("axes");
  return {axes.begin(), axes.end()};
}

/// A tensor of the output's shape with the reduced axes as 1.
Tensor *withAxes(const Derive &d, Tensor *t) {
  std::vector<Dim> dims(d.x()->shape.begin(), d.x()->shape.end());
  for (int64_t axis : d.op.intsAttr("axes")) dims[size_t(axis)] = 1;
  return d.reshape(t, dims);
}

void sumGradient(Derive &d) { d.dx[0] = d.broadcast(withAxes(d, d.g()), d.x()->shape); }

void meanGradient(Derive &d) {
  Tensor *count = countOf(d.b, d.x()->shape, d.op.intsAttr("axes"), d.dtype());
  d.dx[0] = d.broadcast(withAxes(d, d.div(d.g(), count)), d.x()->shape);
}

// The product of the others, of those before and those behind: without a division, so that zeros
// are numbers like any other, however often it is differentiated.
void prodGradient(Derive &d) {
  auto axes = axesOf(d);
  Tensor *x = d.x();
  size_t rank = size_t(x->shape.rank());
  if (axes.empty()) {
    d.dx[0] = d.g();
    return;
  }
  // The reduced axes as one: last, unless they are neighbours anyway.
  bool apart = axes.back() - axes[0] + 1 != int64_t(axes.size());
  std::vector<int64_t> order, back(rank);
  auto reduced = [&](int64_t axis) {
    return std::find(axes.begin(), axes.end(), axis) != axes.end();
  };
  for (int64_t axis = 0; axis < int64_t(rank); ++axis)
    if (!apart || !reduced(axis)) order.push_back(axis);
  if (apart) order.insert(order.end(), axes.begin(), axes.end());
  for (size_t k = 0; k < rank; ++k) back[size_t(order[k])] = int64_t(k);
  if (apart) x = d.transpose(x, order);
  size_t line = apart ? rank - axes.size() : size_t(axes[0]);
  Shape apartShape = x->shape;
  std::vector<Dim> dims(apartShape.begin(), apartShape.begin() + line);
  Dim size(1);
  for (size_t k = line; k < line + axes.size(); ++k) size = size * apartShape[int(k)];
  dims.push_back(size);
  dims.insert(dims.end(), apartShape.begin() + line + axes.size(), apartShape.end());
  x = d.reshape(x, dims);
  auto product = [&](bool reverse) {
    return d.b.op("Cumprod", {x},
                  {intAttr("axis", int64_t(line)), boolAttr("exclusive", true),
                   boolAttr("reverse", reverse)});
  };
  Tensor *others = d.reshape(d.mul(product(false), product(true)), apartShape);
  if (apart) others = d.transpose(others, back);
  d.dx[0] = d.mul(withAxes(d, d.g()), others);
}

/// Elements that tie share evenly.
void extremeGradient(Derive &d) {
  Tensor *chosen = d.binary("Equal", d.x(), withAxes(d, d.y()));
  Tensor *ties = d.sum(d.select(chosen, d.number(1), d.number(0)), axesOf(d), true);
  Tensor *share = d.div(withAxes(d, d.g()), ties);
  d.dx[0] = d.select(chosen, share, d.number(0));
}

void meanCost(const Operation &op, Cost &cost) {
  cost.flops = op.inputs[0]->shape.elements() + op.output()->shape.elements();
}

constexpr OpDef ops[] = {
    {.type = "Sum",
     .infer = inferSum,
     .evaluate = evaluateSum,
     .gradient = deriveBy<sumGradient>,
     .cost = onePerInputElement},
    {.type = "Mean",
     .infer = inferReduce,
     .evaluate = evaluateMean,
     .gradient = deriveBy<meanGradient>,
     .cost = meanCost},
    {.type = "Prod",
     .infer = inferProd,
     .evaluate = evaluateProd,
     .gradient = deriveBy<prodGradient>,
     .cost = onePerInputElement},
    {.type = "Max",
     .infer = inferReduce,
     .evaluate = evaluateMax,
     .gradient = deriveBy<extremeGradient>,
     .cost = onePerInputElement},
    {.type = "Min",
     .infer = inferReduce,
     .evaluate = evaluateMin,
     .gradient = deriveBy<extremeGradient>,
     .cost = onePerInputElement},
    {.type = "Any",
     .infer = inferLogicalReduce,
     .evaluate = evaluateAny,
     .cost = onePerInputElement},
    {.type = "All",
     .infer = inferLogicalReduce,
     .evaluate = evaluateAll,
     .cost = onePerInputElement},
    {.type = "ArgMax",
     .infer = inferArg,
     .evaluate = evaluateArg<true>,
     .anyRank = true,
     .cost = onePerInputElement},
    {.type = "ArgMin",
     .infer = inferArg,
     .evaluate = evaluateArg<false>,
     .anyRank = true,
     .cost = onePerInputElement},
};

// Functions -----------------------------------------------------------------------------------

bool reduceArguments(Call &call, std::vector<int64_t> &axes, bool &keepdims) {
  const Arg *axis = eitherArgument(call, "axis", "reduction_indices");
  const Arg *keep = axis ? eitherArgument(call, "keepdims", "keep_dims") : nullptr;
  if (!keep) return false;
  keepdims = keep->kind != Arg::None && keep->i != 0;
  auto name = axis == &call.arg("reduction_indices") ? "reduction_indices" : "axis";
  return axesArgument(call, *axis, name, call.tensor("input_tensor")->shape, axes);
}

Tensor *buildReduce(Call &call) {
  std::vector<int64_t> axes;
  bool keepdims = false;
  if (!reduceArguments(call, axes, keepdims)) return nullptr;
  return call.named(call.function.def->op, {call.tensor("input_tensor")},
                    {intsAttr("axes", call.keep(axes)), boolAttr("keepdims", keepdims)});
}

// log(sum(exp(x - m))) + m, with m the largest element, or 0 where that is not finite.
Tensor *buildLogSumExp(Call &call) {
  std::vector<int64_t> axes;
  bool keepdims = false;
  if (!reduceArguments(call, axes, keepdims)) return nullptr;
  Tensor *x = call.tensor("input_tensor");
  if (!isFloating(x->dtype))
    return call.fail(
        Code::OperandDTypes,
        fmt::format("reduce_logsumexp needs a floating dtype, not {}", dtypeName(x->dtype)),
        "input_tensor");
  auto kept = call.keep(axes);
  auto reduce = [&](std::string_view type, Tensor *of, bool keep) {
    return call.op(type, {of}, {intsAttr("axes", kept), boolAttr("keepdims", keep)});
  };
  Tensor *largest = reduce("Max", x, true);
  Tensor *zero = call.constant(x->dtype, 0);
  Tensor *shift = call.op("Select", {call.op("IsFinite", {largest}), largest, zero});
  shift = call.op("StopGradient", {shift});
  Tensor *sum = reduce("Sum", call.op("Exp", {call.op("Sub", {x, shift})}), keepdims);
  if (!sum) return nullptr;
  if (!keepdims && sum->shape.hasRank())
    shift = reshapeTo(call, shift, {sum->shape.begin(), sum->shape.end()});
  return call.named("Add", {call.op("Log", {sum}), shift});
}

Tensor *buildArg(Call &call) {
  const Arg *axis = eitherArgument(call, "axis", "dimension");
  if (!axis) return nullptr;
  Tensor *x = call.tensor("input");
  int64_t at = axis->kind == Arg::None ? 0 : axis->i;
  auto name = axis == &call.arg("dimension") ? "dimension" : "axis";
  if (x->shape.hasRank() && !axisArgument(call, name, x->shape.rank(), at)) return nullptr;
  return call.named(call.function.def->op, {x},
                    {intAttr("axis", at), typeAttr("output_type", call.dtype("output_type"))});
}

#define REDUCE(name)                                                                               \
  name "(input_tensor: T, axis: ints? = None, keepdims: bool? = None, name: str? = None, "         \
       "reduction_indices: ints? = None, keep_dims: bool? = None)"
#define REDUCE_DOC                                                                                 \
  "\n`axis` is one axis or a list, negative ones count from the end; None means all. Axes that "   \
  "are reduced go, or stay as 1 with `keepdims`. `reduction_indices` and `keep_dims` are old "     \
  "names."
#define ARG(name)                                                                                  \
  name "(input: T, axis: int? = None, name: str? = None, dimension: int? = None, "                 \
       "output_type: dtype = int64)"
#define ARG_DOC                                                                                    \
  "\nThe axis, 0 if none is given, goes; it must not be empty. The first of equal elements "       \
  "counts; NaN never does.\nAny numeric dtype; the result is int64 or int32. `dimension` is an "   \
  "old name of `axis`."

constexpr FunctionDef functions[] = {
    {REDUCE("reduce_sum"), "Sum", "Sum",
     "The sum of the elements along axes." REDUCE_DOC "\nAny numeric dtype; integers wrap.",
     buildReduce},
    {REDUCE("reduce_mean"), "Mean", "Mean",
     "The mean of the elements along axes; NaN of nothing." REDUCE_DOC
     "\nAny numeric dtype; the mean of integers is an integer, rounded toward zero.",
     buildReduce},
    {REDUCE("reduce_prod"), "Prod", "Prod",
     "The product of the elements along axes." REDUCE_DOC "\nAny numeric dtype; integers wrap.",
     buildReduce},
    {REDUCE("reduce_max"), "Max", "Max",
     "The largest element along axes; -inf or the lowest integer of nothing." REDUCE_DOC
     "\nAny numeric dtype. NaN where there is one.",
     buildReduce},
    {REDUCE("reduce_min"), "Min", "Min",
     "The smallest element along axes; inf or the highest integer of nothing." REDUCE_DOC
     "\nAny numeric dtype. NaN where there is one.",
     buildReduce},
    {REDUCE("reduce_any"), "Any", "Any",
     "Whether any element along axes is True." REDUCE_DOC "\nThe input is bool.", buildReduce},
    {REDUCE("reduce_all"), "All", "All",
     "Whether all elements along axes are True." REDUCE_DOC "\nThe input is bool.", buildReduce},
    {REDUCE("reduce_logsumexp"), "ReduceLogSumExp", "Add",
     "log(sum(exp(x))) along axes, without overflow." REDUCE_DOC
     "\nFloating dtypes. Formula: log Σ e^(x - m) + m with m the largest element.",
     buildLogSumExp},
    {ARG("argmax"), "ArgMax", "ArgMax", "The index of the largest element along an axis." ARG_DOC,
     buildArg, "arg_max"},
    {ARG("argmin"), "ArgMin", "ArgMin", "The index of the smallest element along an axis." ARG_DOC,
     buildArg, "arg_min"},
};

} // namespace

std::span<const OpDef> reduceOps() { return ops; }
std::span<const FunctionDef> reduceFunctions() { return functions; }

} // namespace graphc
