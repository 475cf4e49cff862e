// Parts of tensors.
//
//   type          inputs            attributes                     output
//   StridedSlice  x                 begin dims, size dims,         out[…i…] = x[…begin +
//   i*stride…];
//                                   strides ints (one an axis of   then the axes in `shrink` (of
//                                   x); shrink ints (axes of x);   size 1) are dropped and axes of
//                                   newaxis ints (axes of the      size 1 put in at `newaxis`
//                                   output)
//   Slice         x                 begin dims, size dims          the same with strides of 1
//   GatherV2      params, indices   axis int, batch_dims int       rows of `params` along `axis`;
//                                                                  fails on an index out of range
//   OneHot        indices, on, off  depth dims (one), axis int     `on` where the new axis' index
//   is
//                                                                  indices[…], `off` elsewhere
//
// Everything is normalised when the operation is made: begin is the first element taken, so it lies
// in x wherever size is not 0; shrink and newaxis are sorted. The pass "canonicalize" (transform/),
// which runs at every level, rewrites Slice as StridedSlice.
#include "ops/indexing.h"

#include "ops/cost.h"
#include "ops/derive.h"
#include "ops/evaluate.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <algorithm>
#include <limits>

namespace graphc {

namespace {
using std::vector;

// StridedSlice, Slice ----------------------------------------------------------------------------

bool contains(std::span<const int64_t> list, int64_t what) {
  return std::find(list.begin(), list.end(), what) != list.end();
}

bool inferStridedSlice(Infer &i) {
  Shape x = i.in(0);
  auto begin = i.dimsAttr("begin"), size = i.dimsAttr("size");
  auto strides = i.intsAttr("strides"), shrink = i.intsAttr("shrink");
  vector<Dim> dims;
  for (int a = 0; a < x.rank(); ++a) {
    if (!contains(shrink, a)) {
      dims.push_back(size[size_t(a)]);
      continue;
    }
    auto what = fmt::format("dimension {} of {} and what its index needs", a, toString(x));
    auto message = fmt::format("index {} is out of range for dimension {} of {}",
                               toString(begin[size_t(a)]), a, toString(x));
    if (!needAtLeast(i, begin[size_t(a)], Dim(0), Code::IndexOutOfRange, message, what, 0) ||
        !needAtLeast(i, x[a], begin[size_t(a)] + Dim(1), Code::IndexOutOfRange, message, what, 0))
      return false;
  }
  for (int64_t at : i.intsAttr("newaxis")) dims.insert(dims.begin() + at, Dim(1));
  i.output(i.dtype(0), dims);

  vector<const SymbolicValue *> values;
  if (x.rank() != 1 || dims.size() > 1 || !size[0].isStatic() || !begin[0].isStatic() ||
      !allSymbolic(i, values))
    return true;
  vector<Dim> taken;
  for (int64_t k = 0; k < size[0].value; ++k)
    taken.push_back(values[0]->elements[size_t(begin[0].value + k * strides[0])]);
  setSymbolic(i, dims.empty(), taken);
  return true;
}

bool evaluateStridedSlice(Evaluate &e) {
  const auto &in = *e.inputs[0];
  auto steps = rowMajorStrides(in.dims);
  auto begin = e.dims("begin"), size = e.dims("size");
  auto strides = e.op.intsAttr("strides");
  int64_t base = 0;
  for (size_t a = 0; a < steps.size(); ++a) {
    base += begin[a] * steps[a];
    if (!strides.empty()) steps[a] *= strides[a];
  }
  // Before axes are dropped and put in: they have size 1 and change no order.
  std::swap(size, e.outputs[0].dims);
  copyFrom(in, base, steps, e.outputs[0]);
  std::swap(size, e.outputs[0].dims);
  return true;
}

bool inferSlice(Infer &i) {
  Shape x = i.in(0);
  auto begin = i.dimsAttr("begin"), size = i.dimsAttr("size");
  vector<Dim> dims(size.begin(), size.end());
  for (int a = 0; a < x.rank(); ++a) {
    auto message =
        fmt::format("a slice of {} elements from {} is not in dimension {} of {}",
                    toString(size[size_t(a)]), toString(begin[size_t(a)]), a, toString(x));
    auto what = [&](std::string_view part) {
      return fmt::format("{} of the slice of dimension {} of {}", part, a, toString(x));
    };
    if (!needAtLeast(i, begin[size_t(a)], Dim(0), Code::AttributeRange, message,
                     what("the beginning and 0")) ||
        !needAtLeast(i, size[size_t(a)], Dim(0), Code::AttributeRange, message,
                     what("the size and 0")) ||
        !needAtLeast(i, x[a], begin[size_t(a)] + size[size_t(a)], Code::AttributeRange, message,
                     what("the dimension and the end")))
      return false;
  }
  i.output(i.dtype(0), dims);
  vector<const SymbolicValue *> values;
  if (x.rank() == 1 && size[0].isStatic() && begin[0].isStatic() && allSymbolic(i, values)) {
    auto part = values[0]->elements.subspan(size_t(begin[0].value), size_t(size[0].value));
    setSymbolic(i, false, {part.begin(), part.end()});
  }
  return true;
}

Tensor *buildSlice(Call &c) {
  Tensor *x = c.tensor("input_");
  if (!rankKnown(c, x, "input_")) return nullptr;
  auto begin = c.dims("begin");
  auto size = dimsOf(c.dims("size"));
  for (std::string_view parameter : {"begin", "size"})
    if (int(c.dims(parameter).size()) != x->shape.rank())
      return c.fail(Code::OperandShapes,
                    fmt::format("{} has {} numbers for the {} axes of {}", parameter,
                                c.dims(parameter).size(), x->shape.rank(), toString(x->shape)),
                    parameter);
  for (size_t a = 0; a < size.size(); ++a)
    if (size[a].is(-1)) size[a] = x->shape[int(a)] - begin[a];
  return c.named("Slice", {x}, {dimsAttr("begin", begin), dimsAttr("size", c.keep(size))});
}

bool countsFromEnd(Dim bound) {
  return bound.isStatic() ? bound.value < 0 : knownNonNegative(bound * Dim(-1));
}

/// A bound as Python reads it: negative ones count from the end. Then `low` at least.
Dim fromEnd(Dim bound, Dim size, Dim low) {
  if (countsFromEnd(bound)) bound = bound + size;
  return knownNonNegative(bound - low) ? bound : max(bound, low);
}

/// Begin and number of the elements that begin:end:step takes of `size`.
void normalizeRange(const IndexItem &item, Dim size, Dim &begin, Dim &count) {
  int64_t step = item.step;
  if (step > 0) {
    begin = item.begin ? fromEnd(*item.begin, size, Dim(0)) : Dim(0);
    Dim gap;
    if (!item.end && item.begin && item.begin->isStatic() && item.begin->value < 0) {
      gap = min(*item.begin * Dim(-1), size); // the last ones
    } else {
      // A beginning past the end makes the gap negative, which is clamped below.
      Dim end = item.end ? fromEnd(*item.end, size, Dim(0)) : size;
      gap = (item.end && !countsFromEnd(*item.end) ? min(end, size) : end) - begin;
    }
    count = clampToZero(ceilDiv(gap, Dim(step)));
  } else {
    Dim last = size - Dim(1);
    begin = item.begin ? min(fromEnd(*item.begin, size, Dim(-1)), last) : last;
    Dim end = item.end ? fromEnd(*item.end, size, Dim(-1)) : Dim(-1);
    // -step overflows for the lowest number, which takes one element like any that is large.
    int64_t back =
        step < -std::numeric_limits<int64_t>::max() ? std::numeric_limits<int64_t>::max() : -step;
    count = clampToZero(ceilDiv(begin - end, Dim(back)));
  }
  if (count.is(0)) begin = Dim(0);
}

bool indexError(OpBuilder &b, Code code, std::string message) {
  b.fail(code, std::move(message));
  return false;
}

Tensor *buildStridedSlice(Call &c) {
  Tensor *x = c.tensor("input_");
  auto begin = c.dims("begin"), end = c.dims("end");
  auto given = c.ints("strides");
  vector<int64_t> strides(given.begin(), given.end());
  if (!c.given("strides")) strides.assign(begin.size(), 1);
  if (begin.size() != end.size() || begin.size() != strides.size())
    return c.fail(Code::OperandShapes, "begin, end and strides must be equally long");
  vector<IndexItem> items;
  for (size_t k = 0; k < begin.size(); ++k) {
    auto has = [&](std::string_view mask) { return k < 63 && (c.integer(mask) >> k & 1) != 0; };
    IndexItem item;
    if (has("ellipsis_mask")) {
      item.kind = IndexItem::Ellipsis;
    } else if (has("new_axis_mask")) {
      item.kind = IndexItem::NewAxis;
    } else if (has("shrink_axis_mask")) {
      item.kind = IndexItem::At;
      item.begin = begin[k];
    } else {
      if (!has("begin_mask")) item.begin = begin[k];
      if (!has("end_mask")) item.end = end[k];
      item.step = strides[k];
    }
    items.push_back(item);
  }
  vector<Attr> attrs;
  if (!indexAttrs(c, x, items, attrs)) return nullptr;
  return c.named("StridedSlice", vector<Tensor *>{x}, attrs);
}

// GatherV2 ---------------------------------------------------------------------------------------

bool isIndex(DType dtype) { return dtype == DType::Int32 || dtype == DType::Int64; }

bool inferGather(Infer &i) {
  if (!i.needDType(isIndex(i.dtype(1)), "int32 or int64 indices", 1)) return false;
  Shape params = i.in(0), indices = i.in(1);
  int axis = int(i.intAttr("axis")), batch = int(i.intAttr("batch_dims"));
  vector<Dim> dims(params.begin(), params.begin() + axis);
  for (int a = 0; a < batch; ++a) {
    auto what =
        fmt::format("batch dimension {} of {} and of {}", a, toString(params), toString(indices));
    if (!i.unify(params[a], indices[a], dims[size_t(a)], what)) return false;
  }
  dims.insert(dims.end(), indices.begin() + batch, indices.end());
  dims.insert(dims.end(), params.begin() + axis + 1, params.end());
  i.output(i.dtype(0), dims);

  vector<const SymbolicValue *> values;
  if (params.rank() != 1 || dims.size() > 1 || !allSymbolic(i, values)) return true;
  vector<Dim> taken;
  for (Dim d : values[1]->elements) {
    if (!d.isStatic() || d.value < 0 || d.value >= int64_t(values[0]->elements.size())) return true;
    taken.push_back(values[0]->elements[size_t(d.value)]);
  }
  setSymbolic(i, dims.empty(), taken);
  return true;
}

bool evaluateGather(Evaluate &e) {
  const auto &params = *e.inputs[0], &indices = *e.inputs[1];
  size_t axis = size_t(e.op.intAttr("axis")), batch = size_t(e.op.intAttr("batch_dims"));
  // params is (batches, outer, limit, inner), indices (batches, each), the output (batches, outer,
  // each, inner).
  std::span<const int64_t> p(params.dims), n(indices.dims);
  int64_t batches = product(p.first(batch)), outer = product(p.subspan(batch, axis - batch));
  int64_t limit = p[axis], inner = product(p.subspan(axis + 1)), each = product(n.subspan(batch));
  for (int64_t k = 0; k < indices.elements(); ++k)
    if (int64_t index = indices.integer(k); index < 0 || index >= limit)
      return e.fail(fmt::format("indices[{}] = {} is not in [0, {})", k, index, limit));
  int64_t to = 0;
  for (int64_t b = 0; b < batches; ++b)
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t k = 0; k < each; ++k, to += inner)
        copyElement(params, ((b * outer + o) * limit + indices.integer(b * each + k)) * inner,
                    e.outputs[0], to, inner);
  return true;
}

Tensor *buildGather(Call &c) {
  Tensor *params = c.tensor("params"), *indices = c.tensor("indices");
  if (!rankKnown(c, params, "params") || !rankKnown(c, indices, "indices")) return nullptr;
  int64_t batch = c.integer("batch_dims");
  if (batch < 0) batch += indices->shape.rank();
  if (batch < 0 || batch > indices->shape.rank() || batch >= params->shape.rank())
    if (!(batch == 0 && params->shape.rank() == 0))
      return c.fail(Code::AttributeRange,
                    fmt::format("batch_dims {} does not fit {} and {}", c.integer("batch_dims"),
                                toString(params->shape), toString(indices->shape)),
                    "batch_dims");
  int64_t axis = c.given("axis") ? c.integer("axis") : batch;
  if (!normalizeAxis(c, axis, params->shape.rank(), c.given("axis") ? "axis" : "params"))
    return nullptr;
  if (axis < batch)
    return c.fail(Code::AttributeRange,
                  fmt::format("axis {} is one of the {} batch dimensions", axis, batch), "axis");
  return c.named("GatherV2", {params, indices},
                 {intAttr("axis", axis), intAttr("batch_dims", batch)});
}

// OneHot -----------------------------------------------------------------------------------------

bool inferOneHot(Infer &i) {
  if (!i.needDType(isIndex(i.dtype(0)) || i.dtype(0) == DType::UInt8,
                   "int32, int64 or uint8 indices"))
    return false;
  if (!i.sameDTypes(1)) return false;
  for (size_t k : {1, 2})
    if (!i.needRank(k, 0, "on_value and off_value")) return false;
  Dim depth = i.dimsAttr("depth")[0];
  if (!needAtLeast(i, depth, Dim(0), Code::AttributeRange,
                   fmt::format("depth {} is negative", toString(depth)), "the depth and 0"))
    return false;
  i.output(i.dtype(1), withAxis(i, i.in(0), int(i.intAttr("axis")), depth));
  return true;
}

bool evaluateOneHot(Evaluate &e) {
  const auto &indices = *e.inputs[0];
  auto &out = e.outputs[0];
  size_t axis = size_t(e.op.intAttr("axis"));
  int64_t depth = out.dims[axis];
  int64_t inner = product(std::span<const int64_t>(out.dims).subspan(axis + 1));
  for (int64_t k = 0, n = out.elements(); k < n; ++k) {
    int64_t row = k / (depth * inner), at = k / inner % depth, column = k % inner;
    bool hot = indices.integer(row * inner + column) == at;
    copyElement(*e.inputs[hot ? 1 : 2], 0, out, k);
  }
  return true;
}

Tensor *buildOneHot(Call &c) {
  Tensor *indices = c.tensor("indices"), *on = c.tensor("on_value"), *off = c.tensor("off_value");
  if (!rankKnown(c, indices, "indices")) return nullptr;
  if (c.dims("depth").size() != 1) return c.fail(Code::WrongType, "depth is one number", "depth");
  int64_t rank = indices->shape.rank(), axis = c.given("axis") ? c.integer("axis") : -1;
  if (!normalizeAxis(c, axis, rank + 1, "axis")) return nullptr;
  DType dtype = on ? on->dtype : off ? off->dtype : DType::Float32;
  if (c.given("dtype")) {
    for (const auto *value : {on, off})
      if (value && value->dtype != c.dtype("dtype"))
        return c.fail(Code::OperandDTypes,
                      fmt::format("{} has dtype {}, not {}", value == on ? "on_value" : "off_value",
                                  dtypeName(value->dtype), dtypeName(c.dtype("dtype"))),
                      value == on ? "on_value" : "off_value");
    dtype = c.dtype("dtype");
  }
  if (!on) on = c.constant(dtype, 1);
  if (!off) off = c.constant(dtype, 0);
  return c.named("OneHot", {indices, on, off},
                 {dimsAttr("depth", c.dims("depth")), intAttr("axis", axis)});
}

// Gradients --------------------------------------------------------------------------------------

/// Zeros where nothing was taken.
void sliceGradient(Derive &d) {
  auto size = d.op.dimsAttr("size");
  auto strides = d.op.intsAttr("strides");
  vector<int64_t> ones(size.size(), 1);
  d.dx[0] = d.b.op("StridedSliceGrad", {d.reshape(d.g(), Shape(size))},
                   {dimsAttr("shape", d.x()->shape.dims()),
                    dimsAttr("begin", d.op.dimsAttr("begin")), dimsAttr("size", size),
                    intsAttr("strides", strides.empty() ? d.b.keep(ones) : strides)});
}

void gatherGradient(Derive &d) {
  d.dx[0] = d.b.op("GatherV2Grad", {d.g(), d.x(1)},
                   {dimsAttr("shape", d.x()->shape.dims()), intAttr("axis", d.op.intAttr("axis")),
                    intAttr("batch_dims", d.op.intAttr("batch_dims"))});
}

void oneHotGradient(Derive &d) {
  auto hot = [&](double on, double off) {
    return d.b.op(
        "OneHot", {d.x(0), d.number(on), d.number(off)},
        {dimsAttr("depth", d.op.dimsAttr("depth")), intAttr("axis", d.op.intAttr("axis"))});
  };
  d.dx[1] = sumTo(d.b, d.mul(d.g(), hot(1, 0)), Shape::scalar());
  d.dx[2] = sumTo(d.b, d.mul(d.g(), hot(0, 1)), Shape::scalar());
}

constexpr OpDef ops[] = {
    {.type = "StridedSlice",
     .infer = inferStridedSlice,
     .evaluate = evaluateStridedSlice,
     .gradient = deriveBy<sliceGradient>,
     .cost = partCost},
    {.type = "Slice",
     .infer = inferSlice,
     .evaluate = evaluateStridedSlice,
     .gradient = deriveBy<sliceGradient>,
     .cost = partCost},
    {.type = "GatherV2",
     .infer = inferGather,
     .evaluate = evaluateGather,
     .gradient = deriveBy<gatherGradient>,
     .mayFail = true,
     .cost = partCost},
    {.type = "OneHot",
     .infer = inferOneHot,
     .evaluate = evaluateOneHot,
     .gradient = deriveBy<oneHotGradient>},
};

constexpr FunctionDef functions[] = {
    {.signature = "slice(input_: tensor, begin: shape, size: shape)",
     .defaultName = "Slice",
     .op = "Slice",
     .doc = "size[i] elements from begin[i] on along every axis i; -1: up to the end.",
     .build = buildSlice},
    {.signature = "strided_slice(input_: tensor, begin: shape, end: shape, strides: ints? = None, "
                  "begin_mask: int = 0, end_mask: int = 0, ellipsis_mask: int = 0, "
                  "new_axis_mask: int = 0, shrink_axis_mask: int = 0, var: any = None)",
     .defaultName = "StridedSlice",
     .op = "StridedSlice",
     .doc =
         "What x[begin:end:stride, …] gives, with one number for every item.\n"
         "Bit i of a mask: item i has no beginning, no end, is `...`, is a new axis, is a single "
         "index.",
     .build = buildStridedSlice},
    {.signature = "gather(params: tensor, indices: tensor, validate_indices: any = None, "
                  "name: str? = None, axis: int? = None, batch_dims: int = 0)",
     .defaultName = "GatherV2",
     .op = "GatherV2",
     .doc = "The slices of `params` along `axis` that `indices` name.\n"
            "Shape: params.shape[:axis] + indices.shape[batch_dims:] + params.shape[axis + 1:]. "
            "`axis` is `batch_dims` unless given. An index out of range makes the call fail.",
     .build = buildGather},
    {.signature = "one_hot(indices: tensor, depth: shape, on_value: tensor? = None, "
                  "off_value: tensor? = None, axis: int? = None, dtype: dtype? = None)",
     .defaultName = "one_hot",
     .op = "OneHot",
     .doc =
         "A new axis of size `depth` (the last, or `axis`), `on_value` at the index, `off_value` "
         "elsewhere.\n"
         "They are 1 and 0 of `dtype`, float32, unless given. An index out of range gives "
         "`off_value` everywhere.",
     .build = buildOneHot},
};
} // namespace

bool indexAttrs(OpBuilder &b, const Tensor *x, std::span<const IndexItem> items,
                vector<Attr> &attrs) {
  if (!x->shape.hasRank())
    return indexError(b, Code::OperandShapes, "the rank of what is indexed must be known");
  int rank = x->shape.rank(), axes = 0, ellipses = 0;
  for (const auto &item : items) {
    axes += item.kind == IndexItem::At || item.kind == IndexItem::Range;
    ellipses += item.kind == IndexItem::Ellipsis;
  }
  if (ellipses > 1) return indexError(b, Code::WrongArguments, "`...` may stand only once");
  if (axes > rank)
    return indexError(
        b, Code::IndexOutOfRange,
        fmt::format("{} indices for the {} axes of {}", axes, rank, toString(x->shape)));
  vector<Dim> begin, size;
  vector<int64_t> strides, shrink, newAxes;
  int64_t at = 0; // of the output
  auto all = [&](int count) {
    for (int k = 0; k < count; ++k, ++at) {
      size.push_back(x->shape[int(begin.size())]);
      begin.push_back(Dim(0));
      strides.push_back(1);
    }
  };
  for (const auto &item : items) {
    switch (item.kind) {
    case IndexItem::Ellipsis:
      all(rank - axes);
      break;
    case IndexItem::NewAxis:
      newAxes.push_back(at++);
      break;
    case IndexItem::At: {
      int axis = int(begin.size());
      Dim index = *item.begin;
      if (countsFromEnd(index)) index = index + x->shape[axis];
      Dim room = x->shape[axis] - Dim(1) - index;
      if ((index.isStatic() && index.value < 0) || (room.isStatic() && room.value < 0))
        return indexError(b, Code::IndexOutOfRange,
                          fmt::format("index {} is out of range for dimension {} of {}",
                                      toString(*item.begin), axis, toString(x->shape)));
      shrink.push_back(axis);
      begin.push_back(index);
      size.push_back(Dim(1));
      strides.push_back(1);
      break;
    }
    case IndexItem::Range: {
      if (item.step == 0) return indexError(b, Code::AttributeRange, "the step of a slice is 0");
      Dim first, count;
      normalizeRange(item, x->shape[int(begin.size())], first, count);
      begin.push_back(first);
      size.push_back(count);
      strides.push_back(item.step);
      ++at;
      break;
    }
    }
  }
  all(rank - int(begin.size()));
  attrs = {dimsAttr("begin", b.keep(begin)), dimsAttr("size", b.keep(size)),
           intsAttr("strides", b.keep(strides)), intsAttr("shrink", b.keep(shrink)),
           intsAttr("newaxis", b.keep(newAxes))};
  return true;
}

Tensor *indexTensor(OpBuilder &b, Tensor *x, std::span<const IndexItem> items) {
  vector<Attr> attrs;
  if (!indexAttrs(b, x, items, attrs)) return nullptr;
  auto name = b.host.takeName("strided_slice");
  if (!name) return nullptr;
  auto *op = b.make(*findOp("StridedSlice"), *name, {&x, 1}, attrs);
  return op ? op->output() : nullptr;
}

std::span<const OpDef> indexingOps() { return ops; }
std::span<const FunctionDef> indexingFunctions() { return functions; }

} // namespace graphc
