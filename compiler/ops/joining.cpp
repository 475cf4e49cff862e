// Operations that join, cut and repeat tensors.
//
//   type         inputs     attributes                              outputs
//   ConcatV2     x, y, …    axis int (in [0, r))                    one after the other
//   Pack         x, y, …    axis int (in [0, r])                    joined along a new axis
//   Unpack       x          axis int (in [0, r)), num int           num outputs, the axis gone
//   Split        x          axis int (in [0, r)), size_splits dims  one output for each size
//   Tile         x          multiples dims (one an axis)            out[i] = x[i mod size]
//   BroadcastTo  x          shape dims                              NumPy's broadcasting
//
// r is x's rank. The pass "canonicalize" (transform/), which runs at every level, rewrites Pack and
// Unpack as Reshape and ConcatV2 or Split, and Tile as Reshape and BroadcastTo, so that generated
// code needs no kernels for them.
#include "ops/derive.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <algorithm>

namespace graphc {

namespace {
using std::vector;

// ConcatV2, Pack ---------------------------------------------------------------------------------

bool inferConcat(Infer &i) {
  int axis = int(i.intAttr("axis"));
  for (size_t k = 0; k < i.inputs.size(); ++k)
    if (!needKnownRank(i, k)) return false;
  if (!i.sameDTypes()) return false;
  vector<Dim> dims(i.in(0).begin(), i.in(0).end());
  for (size_t k = 1; k < i.inputs.size(); ++k) {
    Shape x = i.in(k);
    if (x.rank() != int(dims.size()))
      return i.fail(Code::OperandShapes,
                    fmt::format("cannot concatenate {} and {}: their ranks differ",
                                toString(i.in(0)), toString(x)));
    for (int a = 0; a < x.rank(); ++a) {
      if (a == axis) {
        dims[size_t(a)] = dims[size_t(a)] + x[a];
      } else if (!needEqual(
                     i, dims[size_t(a)], x[a],
                     fmt::format("cannot concatenate {} and {} along axis {}: dimension {} is "
                                 "{} and {}",
                                 toString(i.in(0)), toString(x), axis, a, toString(dims[size_t(a)]),
                                 toString(x[a])),
                     fmt::format("dimension {} of {} and of {}, which are concatenated", a,
                                 toString(i.in(0)), toString(x)))) {
        return false;
      } else if (x[a].isStatic()) {
        dims[size_t(a)] = x[a];
      }
    }
  }
  i.output(i.dtype(0), dims);
  vector<const SymbolicValue *> values;
  if (dims.size() == 1 && allSymbolic(i, values)) {
    vector<Dim> all;
    for (const auto *v : values) all.insert(all.end(), v->elements.begin(), v->elements.end());
    setSymbolic(i, false, all);
  }
  return true;
}

/// The product of the dimensions from `begin` to `end`.
int64_t product(const vector<int64_t> &dims, size_t begin, size_t end) {
  int64_t n = 1;
  for (size_t a = begin; a < end; ++a) n *= dims[a];
  return n;
}

/// Rows of `width(k)` elements of each input, in turn: what concatenation and stacking are once
/// axes are merged.
bool interleave(Evaluate &e, size_t axis) {
  auto &out = e.outputs[0];
  int64_t outer = product(out.dims, 0, axis), at = 0;
  for (int64_t row = 0; row < outer; ++row)
    for (const auto *in : e.inputs) {
      int64_t width = in->elements() / outer;
      copyElement(*in, row * width, out, at, width);
      at += width;
    }
  return true;
}

bool evaluateJoin(Evaluate &e) { return interleave(e, size_t(e.op.intAttr("axis"))); }

Tensor *buildConcat(Call &c) {
  auto values = c.tensors("values");
  if (values.empty())
    return c.fail(Code::WrongArguments, "concat needs at least one tensor", "values");
  int64_t axis = c.integer("axis");
  Shape first = values[0]->shape;
  for (const auto *v : values)
    if (!rankKnown(c, v, "values")) return nullptr;
  if (first.rank() == 0)
    return c.fail(Code::OperandShapes, "scalars cannot be concatenated; stack joins them",
                  "values");
  if (!normalizeAxis(c, axis, first.rank(), "axis")) return nullptr;
  return c.named("ConcatV2", values, vector<Attr>{intAttr("axis", axis)});
}

bool inferPack(Infer &i) {
  for (size_t k = 0; k < i.inputs.size(); ++k)
    if (!needKnownRank(i, k)) return false;
  if (!i.sameDTypes()) return false;
  vector<Dim> dims(i.in(0).begin(), i.in(0).end());
  for (size_t k = 1; k < i.inputs.size(); ++k) {
    Shape x = i.in(k);
    auto message =
        fmt::format("cannot stack {} and {}: shapes differ", toString(i.in(0)), toString(x));
    if (x.rank() != int(dims.size())) return i.fail(Code::OperandShapes, message);
    for (int a = 0; a < x.rank(); ++a) {
      if (!needEqual(i, dims[size_t(a)], x[a], message,
                     fmt::format("dimension {} of {} and of {}, which are stacked", a,
                                 toString(i.in(0)), toString(x))))
        return false;
      if (x[a].isStatic()) dims[size_t(a)] = x[a];
    }
  }
  dims.insert(dims.begin() + i.intAttr("axis"), Dim(int64_t(i.inputs.size())));
  i.output(i.dtype(0), dims);
  vector<const SymbolicValue *> values;
  if (dims.size() == 1 && allSymbolic(i, values)) {
    vector<Dim> all;
    for (const auto *v : values) all.push_back(v->elements[0]);
    setSymbolic(i, false, all);
  }
  return true;
}

Tensor *buildStack(Call &c) {
  auto values = c.tensors("values");
  if (values.empty())
    return c.fail(Code::WrongArguments, "stack needs at least one tensor", "values");
  for (const auto *v : values)
    if (!rankKnown(c, v, "values")) return nullptr;
  int64_t axis = c.integer("axis");
  if (!normalizeAxis(c, axis, values[0]->shape.rank() + 1, "axis")) return nullptr;
  return c.named("Pack", values, vector<Attr>{intAttr("axis", axis)});
}

// Unpack, Split ----------------------------------------------------------------------------------

bool inferUnpack(Infer &i) {
  if (!needKnownRank(i)) return false;
  int axis = int(i.intAttr("axis"));
  int64_t num = i.intAttr("num");
  Shape x = i.in(0);
  if (!needEqual(
          i, x[axis], Dim(num),
          fmt::format("axis {} of {} has not the size {} = num", axis, toString(x), num),
          fmt::format("dimension {} of {}, which is unstacked, and {}", axis, toString(x), num), 0))
    return false;
  vector<const SymbolicValue *> values;
  bool known = x.rank() == 1 && allSymbolic(i, values);
  int64_t only = axis;
  for (int64_t k = 0; k < num; ++k) {
    i.output(i.dtype(0), withoutAxes(i, x, {&only, 1}));
    if (known) setSymbolic(i, true, {values[0]->elements[size_t(k)]});
  }
  return true;
}

/// The inverse of `interleave`.
bool evaluateCut(Evaluate &e) {
  size_t axis = size_t(e.op.intAttr("axis"));
  const auto &in = *e.inputs[0];
  int64_t outer = product(in.dims, 0, axis), at = 0;
  for (int64_t row = 0; row < outer; ++row)
    for (auto &out : e.outputs) {
      int64_t width = out.elements() / outer;
      copyElement(in, at, out, row * width, width);
      at += width;
    }
  return true;
}

/// More outputs than this are a mistake, or would be better served by one tensor.
constexpr int64_t maxPieces = 65536;

Tensor *buildUnstack(Call &c) {
  Tensor *x = c.tensor("value");
  if (!rankKnown(c, x, "value")) return nullptr;
  int64_t axis = c.integer("axis");
  if (!normalizeAxis(c, axis, x->shape.rank(), "axis")) return nullptr;
  Dim size = x->shape[int(axis)];
  if (!c.given("num") && !size.isStatic())
    return c.fail(
        Code::AttributeRange,
        fmt::format("dimension {} of {} is known at run time only: say with num= how many "
                    "tensors there are",
                    axis, toString(x->shape)),
        "num");
  int64_t num = c.given("num") ? c.integer("num") : size.value;
  if (num < 0 || num > maxPieces)
    return c.fail(Code::AttributeRange,
                  fmt::format("{} tensors are not in [0, {}]", num, maxPieces), "num");
  return c.named("Unpack", {x}, {intAttr("axis", axis), intAttr("num", num)});
}

bool inferSplit(Infer &i) {
  if (!needKnownRank(i)) return false;
  int axis = int(i.intAttr("axis"));
  Shape x = i.in(0);
  auto sizes = i.dimsAttr("size_splits");
  Dim sum(0);
  for (Dim size : sizes) {
    if (!needAtLeast(i, size, Dim(0), Code::AttributeRange,
                     fmt::format("size {} of a piece is negative", toString(size)),
                     "the size of a piece and 0"))
      return false;
    sum = sum + size;
  }
  if (!needEqual(i, x[axis], sum,
                 fmt::format("the pieces' sizes add up to {}, dimension {} of {} is {}",
                             toString(sum), axis, toString(x), toString(x[axis])),
                 fmt::format("dimension {} of {}, which is split, and the sum of the pieces", axis,
                             toString(x)),
                 0))
    return false;
  vector<const SymbolicValue *> values;
  bool known = x.rank() == 1 && allSymbolic(i, values);
  int64_t at = 0;
  for (Dim size : sizes) {
    vector<Dim> dims(x.begin(), x.end());
    dims[size_t(axis)] = size;
    i.output(i.dtype(0), dims);
    known &= size.isStatic();
    if (!known) continue;
    auto part = values[0]->elements.subspan(size_t(at), size_t(size.value));
    setSymbolic(i, false, {part.begin(), part.end()});
    at += size.value;
  }
  return true;
}

Tensor *buildSplit(Call &c) {
  Tensor *x = c.tensor("value");
  if (!rankKnown(c, x, "value")) return nullptr;
  int64_t axis = c.integer("axis");
  if (!normalizeAxis(c, axis, x->shape.rank(), "axis")) return nullptr;
  Dim all = x->shape[int(axis)];
  auto sizes = dimsOf(c.dims("num_or_size_splits"));
  std::string_view parameter = "num_or_size_splits";
  if (c.arg(parameter).scalar) {
    if (!sizes[0].isStatic() || sizes[0].value < 1 || sizes[0].value > maxPieces)
      return c.fail(Code::AttributeRange,
                    fmt::format("{} pieces are not in [1, {}]", toString(sizes[0]), maxPieces),
                    parameter);
    int64_t count = sizes[0].value;
    if (all.isStatic() && all.value % count != 0)
      return c.fail(
          Code::OperandShapes,
          fmt::format("dimension {} of {} does not divide by {}", axis, toString(x->shape), count),
          parameter);
    sizes.assign(size_t(count), floorDiv(all, Dim(count)));
  } else {
    if (sizes.size() > size_t(maxPieces))
      return c.fail(Code::AttributeRange,
                    fmt::format("{} pieces are not in [1, {}]", sizes.size(), maxPieces),
                    parameter);
    int open = -1;
    Dim rest = all;
    for (size_t k = 0; k < sizes.size(); ++k) {
      if (!sizes[k].is(-1)) {
        rest = rest - sizes[k];
      } else if (open >= 0) {
        return c.fail(Code::AttributeRange, "only one size may be -1", parameter);
      } else {
        open = int(k);
      }
    }
    if (open >= 0) sizes[size_t(open)] = rest;
  }
  if (c.given("num") && c.integer("num") != int64_t(sizes.size()))
    return c.fail(Code::AttributeRange,
                  fmt::format("num is {}, but there are {} pieces", c.integer("num"), sizes.size()),
                  "num");
  return c.named("Split", {x}, {intAttr("axis", axis), dimsAttr("size_splits", c.keep(sizes))});
}

// Tile, BroadcastTo -----------------------------------------------------------------------------

bool inferTile(Infer &i) {
  Shape x = i.in(0);
  auto multiples = i.dimsAttr("multiples");
  if (int(multiples.size()) != x.rank())
    return i.fail(Code::OperandShapes, fmt::format("{} multiples for the {} axes of {}",
                                                   multiples.size(), x.rank(), toString(x)));
  vector<Dim> dims;
  for (int a = 0; a < x.rank(); ++a) {
    if (!needAtLeast(i, multiples[size_t(a)], Dim(0), Code::AttributeRange,
                     fmt::format("multiple {} is negative", toString(multiples[size_t(a)])),
                     fmt::format("multiple {} of tile and 0", a)))
      return false;
    dims.push_back(x[a] * multiples[size_t(a)]);
  }
  i.output(i.dtype(0), dims);
  return true;
}

bool evaluateTile(Evaluate &e) {
  // Each axis of the result is two: which copy, which element of it.
  auto &in = *e.inputs[0];
  auto strides = rowMajorStrides(in.dims);
  auto multiples = e.dims("multiples");
  vector<int64_t> dims, steps;
  for (size_t a = 0; a < in.dims.size(); ++a) {
    dims.insert(dims.end(), {multiples[a], in.dims[a]});
    steps.insert(steps.end(), {0, strides[a]});
  }
  auto &out = e.outputs[0];
  std::swap(dims, out.dims);
  copyFrom(in, 0, steps, out);
  std::swap(dims, out.dims);
  return true;
}

bool inferBroadcastTo(Infer &i) {
  Shape x = i.in(0);
  auto dims = i.dimsAttr("shape");
  Shape to = i.shape({dims.begin(), dims.end()});
  int added = to.rank() - x.rank();
  if (added < 0)
    return i.fail(Code::OperandShapes,
                  fmt::format("{} does not broadcast to {}", toString(x), toString(to)), 0);
  for (int a = 0; a < x.rank(); ++a)
    if (!x[a].is(1) &&
        !needEqual(i, x[a], to[a + added],
                   fmt::format("{} does not broadcast to {}", toString(x), toString(to)),
                   fmt::format("dimension {} of {} and dimension {} of {}", a, toString(x),
                               a + added, toString(to)),
                   0))
      return false;
  i.output(i.dtype(0), to);
  return true;
}

bool evaluateBroadcastTo(Evaluate &e) {
  auto &in = *e.inputs[0];
  auto strides = rowMajorStrides(in.dims);
  vector<int64_t> steps(e.outputs[0].dims.size(), 0);
  size_t added = steps.size() - in.dims.size();
  for (size_t a = 0; a < in.dims.size(); ++a) steps[a + added] = in.dims[a] == 1 ? 0 : strides[a];
  copyFrom(in, 0, steps, e.outputs[0]);
  return true;
}

// Gradients -------------------------------------------------------------------------------------

void concatGradient(Derive &d) {
  size_t axis = size_t(d.op.intAttr("axis"));
  vector<Dim> sizes;
  for (size_t i = 0; i < d.op.inputs.size(); ++i) sizes.push_back(d.x(i)->shape[int(axis)]);
  auto *split = d.b.make(
      *findOp("Split"), "", d.dy,
      vector<Attr>{intAttr("axis", int64_t(axis)), dimsAttr("size_splits", d.b.keep(sizes))});
  for (size_t i = 0; split && i < d.dx.size(); ++i) d.dx[i] = split->output(i);
}

void packGradient(Derive &d) {
  auto *unpack = d.b.make(
      *findOp("Unpack"), "", d.dy,
      vector<Attr>{intAttr("axis", d.op.intAttr("axis")), intAttr("num", int64_t(d.dx.size()))});
  for (size_t i = 0; unpack && i < d.dx.size(); ++i) d.dx[i] = unpack->output(i);
}

/// Of what cuts: the derivatives of the pieces joined, with zeros for pieces that nothing used.
template <bool Stacked>
void cutGradient(Derive &d) {
  vector<Tensor *> parts;
  for (size_t i = 0; i < d.dy.size(); ++i) parts.push_back(d.gradOrZeros(i));
  auto *joined = d.b.make(*findOp(Stacked ? "Pack" : "ConcatV2"), "", parts,
                          vector<Attr>{intAttr("axis", d.op.intAttr("axis"))});
  d.dx[0] = joined ? joined->output() : nullptr;
}

void tileGradient(Derive &d) {
  // Each axis as two: which copy, which element of it.
  auto multiples = d.op.dimsAttr("multiples");
  vector<Dim> apart;
  vector<int64_t> copies;
  for (int a = 0; a < d.x()->shape.rank(); ++a) {
    if (!multiples[size_t(a)].is(1)) {
      copies.push_back(int64_t(apart.size()));
      apart.push_back(multiples[size_t(a)]);
    }
    apart.push_back(d.x()->shape[a]);
  }
  d.dx[0] = d.sum(d.reshape(d.g(), apart), copies, false);
}

void broadcastToGradient(Derive &d) { d.to(0, d.g()); }

constexpr OpDef ops[] = {
    {.type = "ConcatV2",
     .infer = inferConcat,
     .evaluate = evaluateJoin,
     .gradient = deriveBy<concatGradient>,
     .anyRank = true},
    {.type = "Pack",
     .infer = inferPack,
     .evaluate = evaluateJoin,
     .gradient = deriveBy<packGradient>,
     .anyRank = true},
    {.type = "Unpack",
     .infer = inferUnpack,
     .evaluate = evaluateCut,
     .gradient = deriveBy<cutGradient<true>>,
     .anyRank = true},
    {.type = "Split",
     .infer = inferSplit,
     .evaluate = evaluateCut,
     .gradient = deriveBy<cutGradient<false>>,
     .anyRank = true},
    {.type = "Tile",
     .infer = inferTile,
     .evaluate = evaluateTile,
     .gradient = deriveBy<tileGradient>},
    {.type = "BroadcastTo",
     .infer = inferBroadcastTo,
     .evaluate = evaluateBroadcastTo,
     .gradient = deriveBy<broadcastToGradient>},
};

constexpr FunctionDef functions[] = {
    {.signature = "concat(values: [T], axis: int)",
     .defaultName = "concat",
     .op = "ConcatV2",
     .doc = "The tensors one after the other along `axis`.\n"
            "All other dimensions must be equal.",
     .build = buildConcat},
    {.signature = "split(value: tensor, num_or_size_splits: shape, axis: int = 0, "
                  "num: int? = None)",
     .defaultName = "split",
     .op = "Split",
     .doc = "Cuts a tensor along `axis`, into a number of equal pieces or pieces of given sizes.\n"
            "One size may be -1: what is left. Gives a list.",
     .build = buildSplit,
     .result = FunctionDef::List},
    {.signature = "stack(values: [T], axis: int = 0)",
     .defaultName = "stack",
     .op = "Pack",
     .doc = "Joins tensors of one shape along a new axis `axis`.",
     .build = buildStack},
    {.signature = "unstack(value: tensor, num: int? = None, axis: int = 0)",
     .defaultName = "unstack",
     .op = "Unpack",
     .doc = "Takes a tensor apart along `axis`, which is gone from the pieces.\n"
            "`num` is needed where the dimension is known at run time only. Gives a list.",
     .build = buildUnstack,
     .result = FunctionDef::List},
    {.signature = "tile(input: tensor, multiples: shape)",
     .defaultName = "Tile",
     .op = "Tile",
     .doc = "Repeats `input` multiples[i] times along axis i.\n"
            "`multiples` has one number for every axis; 0 gives an empty tensor."},
    {.signature = "broadcast_to(input: tensor, shape: shape)",
     .defaultName = "BroadcastTo",
     .op = "BroadcastTo",
     .doc = "Repeats `input` to fill `shape`, by NumPy's rules of broadcasting."},
};
} // namespace

std::span<const OpDef> joiningOps() { return ops; }
std::span<const FunctionDef> joiningFunctions() { return functions; }

} // namespace graphc
