// Convolution. Floating dtypes; NHWC.
//
// type                   inputs                            output
// Conv2D                 input (n, h, w, c)                (n, oh, ow, oc); groups = c / ic: output
//                        filter (kh, kw, ic, oc)           channels [g·oc/groups, …) see input
//                                                          channels [g·ic, (g + 1)·ic)
// DepthwiseConv2dNative  input (n, h, w, c)                (n, oh, ow, c·m): output channel
//                        filter (kh, kw, c, m)             i·m + j is input channel i under filter
//                                                          [:, :, i, j]
// attrs: strides ints [h, w]; dilations ints [h, w]; pads dims [top, bottom, left, right], never
//        negative; padding text "SAME", "VALID" or "EXPLICIT" (of which `pads` are the outcome);
//        groups int (Conv2D)
// output[y, x] = Σ filter[i, j] · input[y·stride + i·dilation - top, x·… + j·… - left], where what
// is outside the input is 0. Sums are formed in double here.
#include "ops/compose.h"
#include "ops/convolution.h"
#include "ops/cost.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <fmt/format.h>

namespace graphc {

namespace {

// Rules ---------------------------------------------------------------------------------------

bool inferConv(Infer &infer, Dim inputChannels, Dim outputChannels, const char *name) {
  if (!infer.sameDTypes() || !infer.needDType(isFloating(infer.dtype(0)), "a floating dtype"))
    return false;
  Shape input = infer.in(0), filter = infer.in(1);
  Dim channels, height, width;
  if (!infer.unify(input[3], inputChannels, channels,
                   fmt::format("the channels of {}'s input and filter", name)) ||
      !windowPositions(infer, input[1], filter[0], 0, height) ||
      !windowPositions(infer, input[2], filter[1], 1, width))
    return false;
  infer.output(infer.dtype(0), {input[0], height, width, outputChannels});
  return true;
}

bool inferConv2D(Infer &infer) {
  if (!infer.needRank(0, 4, "the input of conv2d") || !infer.needRank(1, 4, "the filter of conv2d"))
    return false;
  Shape filter = infer.in(1);
  return inferConv(infer, filter[2] * Dim(infer.intAttr("groups", 1)), filter[3], "conv2d");
}

bool inferDepthwise(Infer &infer) {
  if (!infer.needRank(0, 4, "the input of depthwise_conv2d") ||
      !infer.needRank(1, 4, "the filter of depthwise_conv2d"))
    return false;
  Shape filter = infer.in(1);
  return inferConv(infer, filter[2], filter[2] * filter[3], "depthwise_conv2d");
}

// Evaluation ----------------------------------------------------------------------------------

template <bool depthwise>
bool evaluateConv(Evaluate &e) {
  const Array &input = *e.inputs[0], &filter = *e.inputs[1];
  Array &out = e.outputs[0];
  auto image = loadAll<double>(input), weights = loadAll<double>(filter);
  std::vector<double> sums(size_t(out.elements()), 0);
  overProducts(e, depthwise, input.dims, filter.dims, out.dims,
               [&](int64_t to, int64_t from, int64_t at) {
                 sums[size_t(to)] += image[size_t(from)] * weights[size_t(at)];
               });
  for (size_t i = 0; i < sums.size(); ++i) out.setNumber(int64_t(i), sums[i]);
  return true;
}

// Derivatives ---------------------------------------------------------------------------------

/// By the input and by the filter: operations of their own (conv_backprop.cpp).
template <bool depthwise>
bool convGradient(OpBuilder &b, const Operation &op, std::span<Tensor *const> given,
                  std::span<Tensor *> gives) {
  Tensor *input = op.inputs[0], *filter = op.inputs[1];
  auto make = [&](std::string_view type, Tensor *left, Tensor *right, const char *sizes,
                  Shape shape) {
    std::vector<Tensor *> inputs{left, right};
    auto attrs = sharedConvAttrs(op, {dimsAttr(sizes, shape.dims())});
    auto *made = b.make(*findOp(type), "", inputs, attrs);
    return made ? made->output() : nullptr;
  };
  gives[0] = make(depthwise ? "DepthwiseConv2dNativeBackpropInput" : "Conv2DBackpropInput", filter,
                  given[0], "input_sizes", input->shape);
  gives[1] = make(depthwise ? "DepthwiseConv2dNativeBackpropFilter" : "Conv2DBackpropFilter", input,
                  given[0], "filter_sizes", filter->shape);
  return gives[0] && gives[1];
}

/// A product and a sum for each place of the filter, those over the padding too.
template <bool depthwise>
void convCost(const Operation &op, Cost &cost) {
  cost.flops = convFlops(op.output()->shape, op.inputs[1]->shape, depthwise);
}

constexpr OpDef ops[] = {
    {.type = "Conv2D",
     .infer = inferConv2D,
     .evaluate = evaluateConv<false>,
     .gradient = convGradient<false>,
     .cost = convCost<false>},
    {.type = "DepthwiseConv2dNative",
     .infer = inferDepthwise,
     .evaluate = evaluateConv<true>,
     .gradient = convGradient<true>,
     .cost = convCost<true>},
};

} // namespace

// Functions -----------------------------------------------------------------------------------

bool needRank4(Call &call, const Tensor *tensor, std::string_view what, std::string_view argument) {
  if (!tensor->shape.hasRank() || tensor->shape.rank() == 4) return true;
  call.fail(Code::OperandShapes,
            fmt::format("{} must have rank 4, not shape {}", what, toString(tensor->shape)),
            argument);
  return false;
}

bool convAttrs(Call &call, Shape input, Shape filter, std::string_view dilationsName,
               std::vector<Attr> &attrs, bool channelsFirst) {
  std::vector<int64_t> strides, dilations = {1, 1};
  if (!spatialArgument(call, "strides", strides, channelsFirst)) return false;
  if (call.given(dilationsName) && !spatialArgument(call, dilationsName, dilations, channelsFirst))
    return false;
  return windowAttrs(call, input, filter, strides, dilations, attrs, channelsFirst);
}

bool windowAttrs(Call &call, Shape input, Shape filter, const std::vector<int64_t> &strides,
                 const std::vector<int64_t> &dilations, std::vector<Attr> &attrs,
                 bool channelsFirst) {
  attrs.push_back(intsAttr("strides", call.keep(strides)));
  attrs.push_back(intsAttr("dilations", call.keep(dilations)));
  if (!input.hasRank() || !filter.hasRank()) return true;
  Window window;
  for (int i = 0; i < 2; ++i) {
    window.size[i] = filter[i];
    window.strides[i] = strides[size_t(i)];
    window.dilations[i] = dilations[size_t(i)];
    if (window.size[i].is(0)) {
      call.fail(Code::AttributeRange,
                fmt::format("the filter's shape {} has an empty window", toString(filter)));
      return false;
    }
  }
  if (!paddingArgument(call, input, window, channelsFirst)) return false;
  attrs.push_back(textAttr("padding", window.padding));
  attrs.push_back(dimsAttr("pads", call.graph.arena.copy(std::span<const Dim>(window.pads))));
  return true;
}

Tensor *finishImages(Call &call, std::string_view type, std::span<Tensor *const> inputs,
                     std::span<const Attr> attrs, bool channelsFirst) {
  if (!channelsFirst) return call.named(type, inputs, attrs);
  auto *made = call.make(*findOp(type), "", inputs, attrs);
  if (!made) return nullptr;
  std::vector<int64_t> perm{0, 3, 1, 2};
  return call.named("Transpose", {made->output()}, {intsAttr("perm", call.keep(perm))});
}

int64_t convGroups(Call &call, Shape input, Shape filter) {
  if (!input.hasRank() || !filter.hasRank()) return 1;
  Dim have = input[3], want = filter[2], outputs = filter[3];
  if (!have.isStatic() || !want.isStatic() || have == want) return 1;
  if (want.value == 0 || have.value == 0 || have.value % want.value != 0) {
    call.fail(Code::OperandShapes,
              fmt::format("the channels of conv2d's input and filter differ: {} and {}, in shapes "
                          "{} and {}",
                          have.value, want.value, toString(input), toString(filter)));
    return 0;
  }
  int64_t groups = have.value / want.value;
  if (outputs.isStatic() && outputs.value % groups == 0) return groups;
  call.fail(Code::OperandShapes,
            fmt::format("{} input channels and {} of the filter make {} groups, which do not "
                        "divide its {} output channels",
                        have.value, want.value, groups, toString(outputs)));
  return 0;
}

std::vector<Attr> sharedConvAttrs(const Operation &op, std::initializer_list<Attr> more) {
  std::vector<Attr> attrs;
  for (auto name : {"strides", "dilations", "padding", "pads", "groups"})
    if (const Attr *attr = op.attr(name)) attrs.push_back(*attr);
  attrs.insert(attrs.end(), more.begin(), more.end());
  return attrs;
}

namespace {

Tensor *buildConv2D(Call &call) {
  const Arg *filterArg = eitherArgument(call, "filter", "filters");
  if (!filterArg) return nullptr;
  for (auto missing :
       {filterArg->kind == Arg::None ? "filter" : "", call.given("strides") ? "" : "strides",
        call.given("padding") ? "" : "padding"})
    if (*missing)
      return call.fail(Code::WrongArguments,
                       fmt::format("conv2d needs the argument '{}'", missing));
  Tensor *input = call.tensor("input"), *filter = filterArg->tensor;
  std::vector<Attr> attrs;
  bool failed = false, first = wantsNCHW(call, failed);
  if (failed || !needRank4(call, input, "the input of conv2d", "input") ||
      !needRank4(call, filter, "the filter of conv2d", "filter") ||
      (first && !rankKnown(call, input, "input")))
    return nullptr;
  if (first) input = channelsLast(call, input);
  if (!convAttrs(call, input->shape, filter->shape, "dilations", attrs, first)) return nullptr;
  int64_t groups = convGroups(call, input->shape, filter->shape);
  if (groups == 0) return nullptr;
  attrs.push_back(intAttr("groups", groups));
  std::vector<Tensor *> inputs{input, filter};
  return finishImages(call, "Conv2D", inputs, attrs, first);
}

Tensor *buildDepthwise(Call &call) {
  Tensor *input = call.tensor("input"), *filter = call.tensor("filter");
  bool native = call.function.name == "depthwise_conv2d_native";
  std::string_view dilations = "dilations";
  if (!native) {
    if (!eitherArgument(call, "rate", "dilations")) return nullptr;
    if (call.given("rate")) dilations = "rate";
  }
  std::vector<Attr> attrs;
  bool failed = false, first = wantsNCHW(call, failed);
  if (failed || !needRank4(call, input, "the input of depthwise_conv2d", "input") ||
      !needRank4(call, filter, "the filter of depthwise_conv2d", "filter") ||
      (first && !rankKnown(call, input, "input")))
    return nullptr;
  if (first) input = channelsLast(call, input);
  if (!convAttrs(call, input->shape, filter->shape, dilations, attrs, first)) return nullptr;
  std::vector<Tensor *> inputs{input, filter};
  return finishImages(call, "DepthwiseConv2dNative", inputs, attrs, first);
}

#define WINDOW_DOC                                                                                 \
  "\n`strides` and dilations are one number, [h, w] or [1, h, w, 1]. padding is \"SAME\" "         \
  "(⌈h/stride⌉ rows, zeros around the input, an odd one at the end), \"VALID\" (none) or [[0, "    \
  "0], [top, bottom], [left, right], [0, 0]].\nFloating dtypes. With data_format \"NCHW\" input "  \
  "and result are (n, c, h, w), and lists of four are in that order."

constexpr FunctionDef functions[] = {
    {"conv2d(input: T, filter: T? = None, strides: ints? = None, padding: padding? = None, "
     "use_cudnn_on_gpu: any = True, data_format: str? = \"NHWC\", "
     "dilations: ints? = [1, 1, 1, 1], name: str? = None, filters: T? = None)",
     "Conv2D", "Conv2D",
     "Convolves images with a filter.\nShapes: input (n, h, w, c), filter (kh, kw, ic, oc), "
     "result (n, h', w', oc). c/ic groups: each ic input channels give their share of the output "
     "channels. `filters` is another name of `filter`." WINDOW_DOC
     "\nFormula: out[n, y, x, o] = Σ input[n, y·stride + i·dilation - top, x·stride + j·dilation "
     "- left, c]·filter[i, j, c, o].",
     buildConv2D},
    {"depthwise_conv2d(input: T, filter: T, strides: ints, padding: padding, "
     "rate: ints? = None, name: str? = None, data_format: str? = None, dilations: ints? = None)",
     "depthwise", "DepthwiseConv2dNative",
     "Convolves each channel with filters of its own.\nShapes: input (n, h, w, c), filter (kh, "
     "kw, c, m), result (n, h', w', c·m), of which channel i·m + j is input channel i under "
     "filter j. `dilations` is another name of `rate`." WINDOW_DOC,
     buildDepthwise},
    {"depthwise_conv2d_native(input: T, filter: T, strides: ints, padding: padding, "
     "data_format: str? = \"NHWC\", dilations: ints? = [1, 1, 1, 1])",
     "DepthwiseConv2dNative", "DepthwiseConv2dNative",
     "Convolves each channel with filters of its own.\nShapes: input (n, h, w, c), filter (kh, "
     "kw, c, m), result (n, h', w', c·m), of which channel i·m + j is input channel i under "
     "filter j." WINDOW_DOC,
     buildDepthwise},
};

} // namespace

std::span<const OpDef> convOps() { return ops; }
std::span<const FunctionDef> convFunctions() { return functions; }

} // namespace graphc
