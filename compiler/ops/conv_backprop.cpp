// The derivatives of convolutions, which are linear in each of their operands. NHWC.
//
// type                                 inputs                       output
// Conv2DBackpropInput                  filter, out_backprop         the shape input_sizes
// Conv2DBackpropFilter                 input, out_backprop          the shape filter_sizes
// DepthwiseConv2dNativeBackpropInput   filter, out_backprop         the shape input_sizes
// DepthwiseConv2dNativeBackpropFilter  input, out_backprop          the shape filter_sizes
// attrs: those of the convolution (conv.cpp); input_sizes or filter_sizes dims: what is not among
//        the inputs.
// With out = conv(input, filter), and g what a scalar changes by as out does:
// input'[p] = Σ filter[q]·g[o] and filter'[q] = Σ input[p]·g[o], over all products
// input[p]·filter[q] that out[o] sums up.
#include "ops/compose.h"
#include "ops/convolution.h"
#include "ops/cost.h"
#include "ops/tables.h"

#include <fmt/format.h>

namespace graphc {

namespace {

// Rules ---------------------------------------------------------------------------------------

/// That out_backprop, input 1, is of the shape that the convolution of these gives.
bool fitsOutput(Infer &infer, Shape input, Shape filter, bool depthwise) {
  if (!infer.sameDTypes() || !infer.needDType(isFloating(infer.dtype(0)), "a floating dtype"))
    return false;
  for (Shape shape : {input, filter})
    if (shape.rank() != 4)
      return infer.fail(Code::OperandShapes, fmt::format("{} works on 4 dimensions, not shape {}",
                                                         infer.type, toString(shape)));
  Shape out = infer.in(1);
  Dim groups(infer.intAttr("groups", 1)), height, width, same;
  std::string end =
      fmt::format(" of {}'s out_backprop and of what the convolution gives", infer.type);
  return infer.needRank(1, 4, fmt::format("the out_backprop of {}", infer.type)) &&
         infer.unify(input[3], depthwise ? filter[2] : filter[2] * groups, same,
                     fmt::format("the channels of {}'s input and filter", infer.type)) &&
         windowPositions(infer, input[1], filter[0], 0, height) &&
         windowPositions(infer, input[2], filter[1], 1, width) &&
         infer.unify(out[0], input[0], same, "the batch sizes" + end) &&
         infer.unify(out[1], height, same, "the heights" + end) &&
         infer.unify(out[2], width, same, "the widths" + end) &&
         infer.unify(out[3], depthwise ? filter[2] * filter[3] : filter[3], same,
                     "the channels" + end);
}

template <bool depthwise>
bool inferInput(Infer &infer) {
  if (!infer.needRank(0, 4, fmt::format("the filter of {}", infer.type))) return false;
  auto sizes = infer.dimsAttr("input_sizes");
  std::vector<Dim> dims(sizes.begin(), sizes.end());
  if (!fitsOutput(infer, infer.shape(dims), infer.in(0), depthwise)) return false;
  infer.output(infer.dtype(0), dims);
  return true;
}

template <bool depthwise>
bool inferFilter(Infer &infer) {
  if (!infer.needRank(0, 4, fmt::format("the input of {}", infer.type))) return false;
  auto sizes = infer.dimsAttr("filter_sizes");
  std::vector<Dim> dims(sizes.begin(), sizes.end());
  if (!fitsOutput(infer, infer.in(0), infer.shape(dims), depthwise)) return false;
  infer.output(infer.dtype(0), dims);
  return true;
}

// Evaluation ----------------------------------------------------------------------------------

template <bool depthwise>
bool evaluateInput(Evaluate &e) {
  const Array &filter = *e.inputs[0], &out = *e.inputs[1];
  auto weights = loadAll<double>(filter), given = loadAll<double>(out);
  std::vector<double> sums(size_t(e.outputs[0].elements()), 0);
  overProducts(e, depthwise, e.outputs[0].dims, filter.dims, out.dims,
               [&](int64_t to, int64_t from, int64_t at) {
                 sums[size_t(from)] += weights[size_t(at)] * given[size_t(to)];
               });
  for (size_t i = 0; i < sums.size(); ++i) e.outputs[0].setNumber(int64_t(i), sums[i]);
  return true;
}

template <bool depthwise>
bool evaluateFilter(Evaluate &e) {
  const Array &input = *e.inputs[0], &out = *e.inputs[1];
  auto image = loadAll<double>(input), given = loadAll<double>(out);
  std::vector<double> sums(size_t(e.outputs[0].elements()), 0);
  overProducts(e, depthwise, input.dims, e.outputs[0].dims, out.dims,
               [&](int64_t to, int64_t from, int64_t at) {
                 sums[size_t(at)] += image[size_t(from)] * given[size_t(to)];
               });
  for (size_t i = 0; i < sums.size(); ++i) e.outputs[0].setNumber(int64_t(i), sums[i]);
  return true;
}

// Derivatives ---------------------------------------------------------------------------------

Tensor *make(OpBuilder &b, std::string_view type, Tensor *left, Tensor *right,
             const std::vector<Attr> &attrs) {
  std::vector<Tensor *> inputs{left, right};
  auto *made = b.make(*findOp(type), "", inputs, attrs);
  return made ? made->output() : nullptr;
}

/// Of filter and out_backprop, where what is given is like the convolution's input.
template <bool depthwise>
bool inputGradient(OpBuilder &b, const Operation &op, std::span<Tensor *const> given,
                   std::span<Tensor *> gives) {
  gives[0] = make(b, depthwise ? "DepthwiseConv2dNativeBackpropFilter" : "Conv2DBackpropFilter",
                  given[0], op.inputs[1],
                  sharedConvAttrs(op, {dimsAttr("filter_sizes", op.inputs[0]->shape.dims())}));
  gives[1] = make(b, depthwise ? "DepthwiseConv2dNative" : "Conv2D", given[0], op.inputs[0],
                  sharedConvAttrs(op));
  return gives[0] && gives[1];
}

/// Of input and out_backprop, where what is given is like the filter.
template <bool depthwise>
bool filterGradient(OpBuilder &b, const Operation &op, std::span<Tensor *const> given,
                    std::span<Tensor *> gives) {
  gives[0] = make(b, depthwise ? "DepthwiseConv2dNativeBackpropInput" : "Conv2DBackpropInput",
                  given[0], op.inputs[1],
                  sharedConvAttrs(op, {dimsAttr("input_sizes", op.inputs[0]->shape.dims())}));
  gives[1] = make(b, depthwise ? "DepthwiseConv2dNative" : "Conv2D", op.inputs[0], given[0],
                  sharedConvAttrs(op));
  return gives[0] && gives[1];
}

// The products are those of the convolution.
template <bool depthwise>
void inputCost(const Operation &op, Cost &cost) {
  cost.flops = convFlops(op.inputs[1]->shape, op.inputs[0]->shape, depthwise);
}
template <bool depthwise>
void filterCost(const Operation &op, Cost &cost) {
  cost.flops = convFlops(op.inputs[1]->shape, op.output()->shape, depthwise);
}

constexpr OpDef ops[] = {
    {.type = "Conv2DBackpropInput",
     .infer = inferInput<false>,
     .evaluate = evaluateInput<false>,
     .gradient = inputGradient<false>,
     .cost = inputCost<false>},
    {.type = "Conv2DBackpropFilter",
     .infer = inferFilter<false>,
     .evaluate = evaluateFilter<false>,
     .gradient = filterGradient<false>,
     .cost = filterCost<false>},
    {.type = "DepthwiseConv2dNativeBackpropInput",
     .infer = inferInput<true>,
     .evaluate = evaluateInput<true>,
     .gradient = inputGradient<true>,
     .cost = inputCost<true>},
    {.type = "DepthwiseConv2dNativeBackpropFilter",
     .infer = inferFilter<true>,
     .evaluate = evaluateFilter<true>,
     .gradient = filterGradient<true>,
     .cost = filterCost<true>},
};

// Functions -----------------------------------------------------------------------------------

/// Sizes that the caller gives in place of a tensor: four dimensions. `images`: in the order of
/// data_format; `shape` has the channels last.
bool sizesArgument(Call &call, std::string_view name, bool images, Shape &shape) {
  auto dims = call.dims(name);
  bool fits = dims.size() == 4, failed = false;
  for (Dim d : dims) fits &= !(d.isStatic() && d.value < 0);
  shape = call.graph.makeShape(dims);
  if (fits) {
    if (!images || !wantsNCHW(call, failed)) return !failed;
    shape = call.graph.makeShape(std::vector<Dim>{dims[0], dims[2], dims[3], dims[1]});
    return true;
  }
  call.fail(Code::AttributeRange,
            fmt::format("{} must be four dimensions, none negative, not {}", name, toString(shape)),
            name);
  return false;
}

/// The rest is the same for all: by the input, the sizes are those of `sizes`. Of the tensors,
/// images are in the order of data_format; `input` has the channels last.
Tensor *finish(Call &call, std::string_view type, Tensor *left, Tensor *out, Shape input,
               Shape filter, std::string_view sizes, bool byInput) {
  bool depthwise = type.starts_with("Depthwise");
  bool failed = false, first = wantsNCHW(call, failed);
  if (failed) return nullptr;
  if (first) {
    out = channelsLast(call, out);
    if (!byInput) left = channelsLast(call, left);
    if (!out || !left) return nullptr;
    if (!byInput) input = left->shape;
  }
  std::vector<Attr> attrs;
  if (!convAttrs(call, input, filter, "dilations", attrs, first)) return nullptr;
  if (!depthwise) {
    int64_t groups = convGroups(call, input, filter);
    if (groups == 0) return nullptr;
    attrs.push_back(intAttr("groups", groups));
  }
  attrs.push_back(dimsAttr(sizes, call.graph.arena.copy((byInput ? input : filter).dims())));
  std::vector<Tensor *> inputs{left, out};
  return finishImages(call, type, inputs, attrs, first && byInput);
}

/// The argument must be there, be a tensor and have rank 4.
Tensor *operand(Call &call, std::string_view name, std::string_view oldName = "") {
  const Arg *arg = oldName.empty() ? &call.arg(name) : eitherArgument(call, name, oldName);
  if (!arg) return nullptr;
  auto what = call.function.name;
  if (arg->kind == Arg::None)
    return call.fail(Code::WrongArguments, fmt::format("{} needs the argument '{}'", what, name));
  if (!needRank4(call, arg->tensor, fmt::format("the {} of {}", name, what), name)) return nullptr;
  if (arg->tensor->shape.hasRank()) return arg->tensor;
  return call.fail(Code::OperandShapes,
                   fmt::format("the {} of {} must have a known rank", name, what), name);
}

bool needGiven(Call &call, std::initializer_list<std::string_view> names) {
  for (auto name : names)
    if (!call.given(name)) {
      call.fail(Code::WrongArguments,
                fmt::format("{} needs the argument '{}'", call.function.name, name));
      return false;
    }
  return true;
}

Tensor *buildInput(Call &call) {
  bool native = call.function.name == "depthwise_conv2d_native_backprop_input";
  Tensor *filter = operand(call, "filter", native ? "" : "filters");
  Tensor *out = filter ? operand(call, "out_backprop") : nullptr;
  Shape sizes;
  if (!out || !needGiven(call, {"strides", "padding"}) ||
      !sizesArgument(call, "input_sizes", true, sizes))
    return nullptr;
  return finish(call, call.function.def->op, filter, out, sizes, filter->shape, "input_sizes",
                true);
}

Tensor *buildFilter(Call &call) {
  Tensor *input = operand(call, "input");
  Tensor *out = input ? operand(call, "out_backprop") : nullptr;
  Shape sizes;
  if (!out || !sizesArgument(call, "filter_sizes", false, sizes)) return nullptr;
  return finish(call, call.function.def->op, input, out, input->shape, sizes, "filter_sizes",
                false);
}

Tensor *buildTranspose(Call &call) {
  if (!needGiven(call, {"output_shape", "strides"})) return nullptr;
  Tensor *value = operand(call, "value", "input");
  Tensor *filter = value ? operand(call, "filter", "filters") : nullptr;
  Shape sizes;
  if (!filter || !sizesArgument(call, "output_shape", true, sizes)) return nullptr;
  return finish(call, "Conv2DBackpropInput", filter, value, sizes, filter->shape, "input_sizes",
                true);
}

#define BACKPROP_DOC                                                                               \
  "\n`strides`, `padding` and `dilations` are the convolution's. Floating dtypes. With "           \
  "data_format "                                                                                   \
  "\"NCHW\" images are (n, c, h, w), and lists of four, sizes too, are in that order."

constexpr FunctionDef functions[] = {
    {"conv2d_transpose(value: T? = None, filter: T? = None, output_shape: shape? = None, strides: "
     "ints? = None, padding: padding = \"SAME\", data_format: str? = \"NHWC\", name: str? = None, "
     "input: T? = None, filters: T? = None, dilations: ints? = None)",
     "conv2d_transpose", "Conv2DBackpropInput",
     "The transpose of conv2d: what its derivative by the input is.\nShapes: value (n, h', w', "
     "oc), "
     "filter (kh, kw, c, oc), result `output_shape`, which conv2d takes to value's shape; its "
     "batch "
     "size may be known at run time only. `input` and `filters` are other names of `value` and "
     "`filter`." BACKPROP_DOC,
     buildTranspose},
    {"conv2d_backprop_input(input_sizes: shape, filter: T? = None, out_backprop: T? = None, "
     "strides: ints? = None, padding: padding? = None, use_cudnn_on_gpu: any = True, data_format: "
     "str? = \"NHWC\", dilations: ints? = [1, 1, 1, 1], name: str? = None, filters: T? = None)",
     "Conv2DBackpropInput", "Conv2DBackpropInput",
     "The derivative of conv2d by its input.\nShapes: filter (kh, kw, ic, oc), out_backprop (n, "
     "h', "
     "w', oc), result `input_sizes`, (n, h, w, c)." BACKPROP_DOC
     "\nFormula: out[p] = Σ filter[q]·out_backprop[o], over all products input[p]·filter[q] that "
     "conv2d sums up in [o].",
     buildInput},
    {"conv2d_backprop_filter(input: T, filter_sizes: shape, out_backprop: T, strides: ints, "
     "padding: padding, use_cudnn_on_gpu: any = True, data_format: str? = \"NHWC\", dilations: "
     "ints? = [1, 1, 1, 1])",
     "Conv2DBackpropFilter", "Conv2DBackpropFilter",
     "The derivative of conv2d by its filter.\nShapes: input (n, h, w, c), out_backprop (n, h', "
     "w', "
     "oc), result `filter_sizes`, (kh, kw, ic, oc)." BACKPROP_DOC
     "\nFormula: out[q] = Σ input[p]·out_backprop[o], over all products input[p]·filter[q] that "
     "conv2d sums up in [o].",
     buildFilter},
    {"depthwise_conv2d_native_backprop_input(input_sizes: shape, filter: T, out_backprop: T, "
     "strides: ints, padding: padding, data_format: str? = \"NHWC\", dilations: ints? = [1, 1, 1, "
     "1])",
     "DepthwiseConv2dNativeBackpropInput", "DepthwiseConv2dNativeBackpropInput",
     "The derivative of depthwise_conv2d by its input.\nShapes: filter (kh, kw, c, m), "
     "out_backprop "
     "(n, h', w', c·m), result `input_sizes`, (n, h, w, c)." BACKPROP_DOC,
     buildInput},
    {"depthwise_conv2d_native_backprop_filter(input: T, filter_sizes: shape, out_backprop: T, "
     "strides: ints, padding: padding, data_format: str? = \"NHWC\", dilations: ints? = [1, 1, 1, "
     "1])",
     "DepthwiseConv2dNativeBackpropFilter", "DepthwiseConv2dNativeBackpropFilter",
     "The derivative of depthwise_conv2d by its filter.\nShapes: input (n, h, w, c), out_backprop "
     "(n, h', w', c·m), result `filter_sizes`, (kh, kw, c, m)." BACKPROP_DOC,
     buildFilter},
};

} // namespace

std::span<const OpDef> convBackpropOps() { return ops; }
std::span<const FunctionDef> convBackpropFunctions() { return functions; }

} // namespace graphc
