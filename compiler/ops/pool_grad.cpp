// The derivatives of pooling. NHWC.
//
// type             inputs                                    output
// MaxPoolGrad      orig_input, orig_output, grad (as         like orig_input: every window adds its
//                  orig_output)                              grad to the first of its elements that
//                                                            is the largest (NaN being that)
// MaxPoolGradGrad  orig_input, orig_output, grad (as         like orig_output: of every window the
//                  orig_input)                               grad at that element
// AvgPoolGrad      grad                                      the shape orig_input_shape: every
//                                                            window's grad, shared out evenly
// attrs: those of the pooling (pool.cpp); orig_input_shape dims
#include "ops/arguments.h"
#include "ops/cost.h"
#include "ops/evaluate.h"
#include "ops/tables.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

namespace {

/// That the shape `out` is what pooling one of shape `in` gives.
bool fitsPooled(Infer &infer, Shape in, Shape out) {
  auto size = infer.intsAttr("ksize");
  Dim height, width, same;
  std::string end = fmt::format(" of {}'s operands", infer.type);
  return windowPositions(infer, in[1], size[0], 0, height) &&
         windowPositions(infer, in[2], size[1], 1, width) &&
         infer.unify(in[0], out[0], same, "the batch sizes" + end) &&
         infer.unify(height, out[1], same, "the heights" + end) &&
         infer.unify(width, out[2], same, "the widths" + end) &&
         infer.unify(in[3], out[3], same, "the channels" + end);
}

bool inferMax(Infer &infer, int like) {
  for (size_t i = 0; i < 3; ++i)
    if (!infer.needRank(i, 4, fmt::format("an operand of {}", infer.type))) return false;
  if (!infer.sameDTypes() || !infer.needDType(isFloating(infer.dtype(0)), "a floating dtype") ||
      !fitsPooled(infer, infer.in(0), infer.in(1)))
    return false;
  Shape grad = infer.in(2), shape = infer.in(size_t(1 - like));
  for (int i = 0; i < 4; ++i)
    if (Dim same; !infer.unify(
            grad[i], shape[i], same,
            fmt::format("dimension {} of {}'s grad and what it belongs to", i, infer.type)))
      return false;
  infer.output(infer.dtype(0), infer.in(size_t(like)));
  return true;
}
bool inferMaxPoolGrad(Infer &infer) { return inferMax(infer, 0); }
bool inferMaxPoolGradGrad(Infer &infer) { return inferMax(infer, 1); }

bool inferAvgPoolGrad(Infer &infer) {
  if (!infer.needRank(0, 4, "the grad of AvgPoolGrad") ||
      !infer.needDType(isFloating(infer.dtype(0)), "a floating dtype"))
    return false;
  auto dims = infer.dimsAttr("orig_input_shape");
  Shape in = infer.shape({dims.begin(), dims.end()});
  if (in.rank() != 4)
    return infer.fail(Code::OperandShapes, "the original input of AvgPoolGrad must have rank 4");
  if (!fitsPooled(infer, in, infer.in(0))) return false;
  infer.output(infer.dtype(0), in);
  return true;
}

/// Calls `visit(window's element, rows' and columns' ranges in the image)` for all windows.
template <typename Visit>
void forWindows(Evaluate &e, const std::vector<int64_t> &in, const std::vector<int64_t> &out,
                Visit visit) {
  auto size = e.op.intsAttr("ksize"), strides = e.op.intsAttr("strides");
  auto pads = e.dims("pads");
  int64_t count = out[0] * out[1] * out[2] * out[3];
  for (int64_t i = 0; i < count; ++i) {
    int64_t c = i % out[3], x = i / out[3] % out[2], y = i / out[3] / out[2] % out[1];
    int64_t n = i / out[3] / out[2] / out[1];
    int64_t top = y * strides[0] - pads[0], left = x * strides[1] - pads[2];
    std::vector<int64_t> places;
    for (int64_t row = std::max<int64_t>(top, 0); row < std::min(top + size[0], in[1]); ++row)
      for (int64_t column = std::max<int64_t>(left, 0); column < std::min(left + size[1], in[2]);
           ++column)
        places.push_back(((n * in[1] + row) * in[2] + column) * in[3] + c);
    visit(i, places);
  }
}

/// Calls `visit(window, place)` with the place of each window's first largest element.
template <typename Visit>
void forLargest(Evaluate &e, Visit visit) {
  const Array &in = *e.inputs[0], &out = *e.inputs[1];
  forWindows(e, in.dims, out.dims, [&](int64_t window, const std::vector<int64_t> &places) {
    double largest = out.number(window);
    for (int64_t place : places) {
      double here = in.number(place);
      if (here != largest && !(here != here && largest != largest)) continue;
      visit(window, place);
      return;
    }
  });
}

bool evaluateMaxPoolGrad(Evaluate &e) {
  std::vector<double> sums(size_t(e.outputs[0].elements()), 0);
  forLargest(e, [&](int64_t window, int64_t place) {
    sums[size_t(place)] += e.inputs[2]->number(window);
  });
  for (size_t i = 0; i < sums.size(); ++i) e.outputs[0].setNumber(int64_t(i), sums[i]);
  return true;
}

bool evaluateMaxPoolGradGrad(Evaluate &e) {
  forLargest(e, [&](int64_t window, int64_t place) {
    e.outputs[0].setNumber(window, e.inputs[2]->number(place));
  });
  return true;
}

bool evaluateAvgPoolGrad(Evaluate &e) {
  std::vector<double> sums(size_t(e.outputs[0].elements()), 0);
  forWindows(e, e.outputs[0].dims, e.inputs[0]->dims,
             [&](int64_t window, const std::vector<int64_t> &places) {
               for (int64_t place : places)
                 sums[size_t(place)] += e.inputs[0]->number(window) / double(places.size());
             });
  for (size_t i = 0; i < sums.size(); ++i) e.outputs[0].setNumber(int64_t(i), sums[i]);
  return true;
}

// Derivatives: all are linear in grad. Where the largest element is does not change but at points.

Tensor *make(OpBuilder &b, std::string_view type, const Operation &op,
             std::initializer_list<Tensor *> inputs) {
  std::vector<Attr> attrs;
  for (auto name : {"ksize", "strides", "padding", "pads"})
    if (const Attr *attr = op.attr(name)) attrs.push_back(*attr);
  auto *made = b.make(*findOp(type), "", std::span(inputs.begin(), inputs.size()), attrs);
  return made ? made->output() : nullptr;
}

bool maxPoolGradGradient(OpBuilder &b, const Operation &op, std::span<Tensor *const> given,
                         std::span<Tensor *> gives) {
  gives[2] = make(b, op.type == "MaxPoolGrad" ? "MaxPoolGradGrad" : "MaxPoolGrad", op,
                  {op.inputs[0], op.inputs[1], given[0]});
  return gives[2] != nullptr;
}

bool avgPoolGradGradient(OpBuilder &b, const Operation &op, std::span<Tensor *const> given,
                         std::span<Tensor *> gives) {
  gives[0] = make(b, "AvgPool", op, {given[0]});
  return gives[0] != nullptr;
}

/// The windows are searched for their largest elements again.
void maxPoolGradCost(const Operation &op, Cost &cost) {
  cost.flops = op.inputs[1]->shape.elements() * windowSize(op);
}
void avgPoolGradCost(const Operation &op, Cost &cost) {
  cost.flops = op.inputs[0]->shape.elements() * windowSize(op);
}

constexpr OpDef ops[] = {
    {.type = "MaxPoolGrad",
     .infer = inferMaxPoolGrad,
     .evaluate = evaluateMaxPoolGrad,
     .gradient = maxPoolGradGradient,
     .cost = maxPoolGradCost},
    {.type = "MaxPoolGradGrad",
     .infer = inferMaxPoolGradGrad,
     .evaluate = evaluateMaxPoolGradGrad,
     .gradient = maxPoolGradGradient,
     .cost = maxPoolGradCost},
    {.type = "AvgPoolGrad",
     .infer = inferAvgPoolGrad,
     .evaluate = evaluateAvgPoolGrad,
     .gradient = avgPoolGradGradient,
     .cost = avgPoolGradCost},
};

} // namespace

std::span<const OpDef> poolGradOps() { return ops; }
std::span<const FunctionDef> poolGradFunctions() { return {}; }

} // namespace graphc
