// Pooling over height and width. NHWC.
//
// type     inputs              attrs               output
// MaxPool  value (n, h, w, c)  ksize, strides,     (n, oh, ow, c); numeric; NaN where the window
//                              pads, padding       has one
// AvgPool  value               the same            floating; the mean of what is in the window and
//                                                  not padding
// attrs: ksize ints [h, w]; strides ints [h, w]; pads dims [top, bottom, left, right], never
//        negative; padding text "SAME", "VALID" or "EXPLICIT". With "EXPLICIT" a window may hold
//        nothing but padding: -inf (the lowest integer) of max, NaN of avg.
#include "ops/arguments.h"
#include "ops/compose.h"
#include "ops/convolution.h"
#include "ops/cost.h"
#include "ops/evaluate.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

namespace graphc {

namespace {

bool inferPool(Infer &infer) {
  Shape value = infer.in(0);
  auto size = infer.intsAttr("ksize");
  Dim height, width;
  if (!infer.needRank(0, 4, "the input of a pooling") ||
      !windowPositions(infer, value[1], size[0], 0, height) ||
      !windowPositions(infer, value[2], size[1], 1, width))
    return false;
  infer.output(infer.dtype(0), {value[0], height, width, value[3]});
  return true;
}

bool inferMaxPool(Infer &infer) {
  return infer.needDType(isNumeric(infer.dtype(0)), "a numeric dtype") && inferPool(infer);
}
bool inferAvgPool(Infer &infer) {
  return infer.needDType(isFloating(infer.dtype(0)), "a floating dtype") && inferPool(infer);
}

template <bool Max>
bool evaluatePool(Evaluate &e) {
  const Array &in = *e.inputs[0];
  Array &out = e.outputs[0];
  auto size = e.op.intsAttr("ksize"), strides = e.op.intsAttr("strides");
  auto pads = e.dims("pads");
  int64_t channels = out.dims[3];
  return computeAs(in.dtype, [&](auto zero) {
    using C = decltype(zero);
    C start = 0;
    if (Max && std::is_floating_point_v<C>)
      start = -std::numeric_limits<C>::infinity();
    else if (Max && isSignedInteger(in.dtype))
      start = C(-(uint64_t(1) << (dtypeSize(in.dtype) * 8 - 1)));
    for (int64_t i = 0, count = out.elements(); i < count; ++i) {
      int64_t c = i % channels, x = i / channels % out.dims[2];
      int64_t y = i / channels / out.dims[2] % out.dims[1],
              n = i / channels / out.dims[2] / out.dims[1];
      C result = start;
      int64_t seen = 0;
      // Only what is inside the input: a window may be far larger.
      int64_t top = y * strides[0] - pads[0], left = x * strides[1] - pads[2];
      for (int64_t row = std::max<int64_t>(top, 0); row < std::min(top + size[0], in.dims[1]);
           ++row)
        for (int64_t column = std::max<int64_t>(left, 0);
             column < std::min(left + size[1], in.dims[2]); ++column) {
          C element = load<C>(in, ((n * in.dims[1] + row) * in.dims[2] + column) * channels + c);
          ++seen;
          if (!Max)
            result += element;
          else if (!(result != result) && !(element <= result))
            result = element; // larger, or NaN
        }
      store(out, i, Max ? result : C(result / C(seen)));
    }
    return true;
  });
}

/// An operation of its own (pool_grad.cpp), which of max_pool reads input and output again.
template <bool Max>
bool poolGradient(OpBuilder &b, const Operation &op, std::span<Tensor *const> given,
                  std::span<Tensor *> gives) {
  std::vector<Attr> attrs;
  for (auto name : {"ksize", "strides", "padding", "pads"})
    if (const Attr *attr = op.attr(name)) attrs.push_back(*attr);
  if (!Max) attrs.push_back(dimsAttr("orig_input_shape", op.inputs[0]->shape.dims()));
  std::vector<Tensor *> inputs{given[0]};
  if (Max) inputs = {op.inputs[0], &op.outputs[0], given[0]};
  auto *made = b.make(*findOp(Max ? "MaxPoolGrad" : "AvgPoolGrad"), "", inputs, attrs);
  gives[0] = made ? made->output() : nullptr;
  return made != nullptr;
}

/// One for each element of a window, those in the padding too.
void poolCost(const Operation &op, Cost &cost) {
  cost.flops = op.output()->shape.elements() * windowSize(op);
}

constexpr OpDef ops[] = {
    {.type = "MaxPool",
     .infer = inferMaxPool,
     .evaluate = evaluatePool<true>,
     .gradient = poolGradient<true>,
     .cost = poolCost},
    {.type = "AvgPool",
     .infer = inferAvgPool,
     .evaluate = evaluatePool<false>,
     .gradient = poolGradient<false>,
     .cost = poolCost},
};

Tensor *buildPool(Call &call) {
  const Arg *valueArg = eitherArgument(call, "value", "input");
  if (!valueArg) return nullptr;
  for (auto name : {"ksize", "strides", "padding"})
    if (!call.given(name))
      return call.fail(Code::WrongArguments,
                       fmt::format("{} needs the argument '{}'", call.function.name, name));
  if (valueArg->kind == Arg::None)
    return call.fail(Code::WrongArguments,
                     fmt::format("{} needs the argument 'value'", call.function.name));
  Tensor *value = valueArg->tensor;
  if (value->shape.hasRank() && value->shape.rank() != 4)
    return call.fail(Code::OperandShapes,
                     fmt::format("the input of {} must have rank 4, not shape {}",
                                 call.function.name, toString(value->shape)),
                     "value");
  std::vector<int64_t> size, strides;
  bool failed = false, first = wantsNCHW(call, failed);
  if (failed || (first && !rankKnown(call, value, "value")) ||
      !spatialArgument(call, "ksize", size, first) ||
      !spatialArgument(call, "strides", strides, first))
    return nullptr;
  if (first) value = channelsLast(call, value);
  std::vector<Attr> attrs{intsAttr("ksize", call.keep(size)),
                          intsAttr("strides", call.keep(strides))};
  if (value->shape.hasRank()) {
    Window window;
    for (int i = 0; i < 2; ++i) {
      window.size[i] = size[size_t(i)];
      window.strides[i] = strides[size_t(i)];
    }
    if (!paddingArgument(call, value->shape, window, first)) return nullptr;
    attrs.push_back(textAttr("padding", window.padding));
    attrs.push_back(dimsAttr("pads", call.graph.arena.copy(std::span<const Dim>(window.pads))));
  }
  std::vector<Tensor *> inputs{value};
  return finishImages(call, call.function.def->op, inputs, attrs, first);
}

#define POOL(name)                                                                                 \
  name "(value: T? = None, ksize: ints? = None, strides: ints? = None, padding: padding? = None, " \
       "data_format: str? = \"NHWC\", name: str? = None, input: T? = None)"
#define POOL_DOC                                                                                   \
  "\nShapes: value (n, h, w, c), result (n, h', w', c). `ksize` and `strides` are one number, "    \
  "[h, "                                                                                           \
  "w] or [1, h, w, 1]. padding is \"SAME\" (⌈h/stride⌉ rows, an odd row of padding at the end), "  \
  "\"VALID\" (none) or [[0, 0], [top, bottom], [left, right], [0, 0]]. `input` is another name "   \
  "of `value`. With data_format \"NCHW\" value and result are (n, c, h, w), and lists of four "    \
  "are "                                                                                           \
  "in that order."

constexpr FunctionDef functions[] = {
    {POOL("max_pool"), "MaxPool", "MaxPool",
     "The largest element in a window that moves over images." POOL_DOC
     "\nAny numeric dtype. NaN where the window has one.",
     buildPool},
    {POOL("avg_pool"), "AvgPool", "AvgPool",
     "The mean of a window that moves over images; padding is not counted." POOL_DOC
     "\nFloating dtypes.",
     buildPool, "avg_pool2d"},
};

} // namespace

std::span<const OpDef> poolOps() { return ops; }
std::span<const FunctionDef> poolFunctions() { return functions; }

} // namespace graphc
