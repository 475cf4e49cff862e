// Operations that give the same elements another shape, order or dtype.
//
//   type         inputs  attributes                           output
//   Reshape      x       shape dims (no -1)                   x's elements in that shape
//   Squeeze      x       squeeze_dims ints (sorted, [0, r))   those axes, of size 1, gone
//   ExpandDims   x       axis int (in [0, r])                 an axis of size 1 before it
//   Transpose    x       perm ints (in [0, r))                output axis i is x's axis perm[i]
//   ReverseV2    x       axis ints (sorted, [0, r))           those axes backwards
//   Identity     x                                            x
//   StopGradient x                                            x
//   Cast         x       dtype                                castElements in rules.h says how
//
// r is x's rank. The pass "canonicalize" (transform/), which runs at every level, rewrites Squeeze
// and ExpandDims as Reshape, ReverseV2 as StridedSlice, and drops Identity and StopGradient
// (but for an Identity that waits for something), so that generated code needs no kernels for them.
#include "ops/cost.h"
#include "ops/derive.h"
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <algorithm>

namespace graphc {

namespace {
using std::string;
using std::vector;

bool evaluateView(Evaluate &e) {
  copyElement(*e.inputs[0], 0, e.outputs[0], 0, e.outputs[0].elements());
  return true;
}

// Reshape, Squeeze, ExpandDims ------------------------------------------------------------------

bool inferReshape(Infer &i) {
  vector<Dim> dims(i.dimsAttr("shape").begin(), i.dimsAttr("shape").end());
  for (Dim d : dims)
    if (d.isStatic() && d.value < 0)
      return i.fail(Code::AttributeRange, d.isOverflow()
                                              ? "the shape is too large"
                                              : fmt::format("{} is no dimension", toString(d)));
  Shape to = i.shape(dims), from = i.in(0);
  if (!from.hasRank()) {
    i.output(i.dtype(0), to);
    return true;
  }
  Dim have = from.elements(), want = to.elements();
  if (want.isOverflow())
    return i.fail(Code::AttributeRange, fmt::format("shape {} is too large", toString(to)));
  if (!needEqual(i, have, want,
                 fmt::format("cannot reshape {} to {}: {} elements against {}", toString(from),
                             toString(to), toString(have), toString(want)),
                 fmt::format("the sizes of {} and of {}, to which it is reshaped", toString(from),
                             toString(to)),
                 0))
    return false;
  i.output(i.dtype(0), to);
  keepSymbolic(i);
  return true;
}

/// Puts the size that follows from the others in place of -1.
bool resolveReshape(Call &c, const Tensor *x, vector<Dim> &dims) {
  int open = -1;
  Dim known(1);
  for (size_t a = 0; a < dims.size(); ++a) {
    if (!dims[a].is(-1)) {
      known = known * dims[a];
      continue;
    }
    if (open >= 0) {
      c.fail(Code::AttributeRange, "only one dimension of a shape may be -1", "shape");
      return false;
    }
    open = int(a);
  }
  if (open < 0) return true;
  if (!x->shape.hasRank()) {
    dims[size_t(open)] = c.graph.dims.anonymous("", open);
    return true;
  }
  if (known.isOverflow()) {
    c.fail(Code::AttributeRange, "the shape is too large", "shape");
    return false;
  }
  Dim all = x->shape.elements();
  if (known.is(0)) {
    c.fail(Code::OperandShapes, "-1 beside a dimension of 0 can be any number", "shape");
    return false;
  }
  Dim rest = floorDiv(all, known);
  if (all.isStatic() && known.isStatic() && !(rest * known == all)) {
    c.fail(
        Code::OperandShapes,
        fmt::format("cannot reshape {} with {} elements so that the other dimensions, {} in all, "
                    "divide them",
                    toString(x->shape), toString(all), toString(known)),
        "shape");
    return false;
  }
  dims[size_t(open)] = rest;
  return true;
}

Tensor *buildReshape(Call &c) {
  Tensor *x = c.tensor("tensor");
  auto dims = dimsOf(c.dims("shape"));
  if (c.arg("shape").scalar) dims.resize(1); // one number is a vector of one, as in TensorFlow
  if (!resolveReshape(c, x, dims)) return nullptr;
  return c.named("Reshape", {x}, {dimsAttr("shape", c.keep(dims))});
}

bool inferSqueeze(Infer &i) {
  Shape x = i.in(0);
  auto axes = i.intsAttr("squeeze_dims");
  for (int64_t axis : axes)
    if (!needEqual(
            i, x[int(axis)], Dim(1),
            fmt::format("cannot squeeze axis {} of {}: its size is not 1", axis, toString(x)),
            fmt::format("dimension {} of {}, which is squeezed, and 1", axis, toString(x)), 0))
      return false;
  i.output(i.dtype(0), withoutAxes(i, x, axes));
  keepSymbolic(i);
  return true;
}

Tensor *buildSqueeze(Call &c) {
  Tensor *x = c.tensor("input");
  if (c.given("axis") && c.given("squeeze_dims"))
    return c.fail(Code::WrongArguments, "axis and squeeze_dims mean the same; give one of them");
  if (!rankKnown(c, x, "input")) return nullptr;
  std::string_view parameter = c.given("axis") ? "axis" : "squeeze_dims";
  vector<int64_t> axes;
  if (c.given(parameter) && !c.ints(parameter).empty()) {
    if (!normalizeAxes(c, c.ints(parameter), x->shape.rank(), parameter, axes)) return nullptr;
  } else {
    for (int a = 0; a < x->shape.rank(); ++a) {
      if (x->shape[a].is(1)) axes.push_back(a);
      if (!x->shape[a].isStatic())
        return c.fail(Code::AttributeRange,
                      fmt::format("dimension {} of {} is known at run time only: say with axis= "
                                  "which axes to squeeze",
                                  a, toString(x->shape)),
                      "axis");
    }
  }
  return c.named("Squeeze", {x}, {intsAttr("squeeze_dims", c.keep(axes))});
}

bool inferExpandDims(Infer &i) {
  i.output(i.dtype(0), withAxis(i, i.in(0), int(i.intAttr("axis")), Dim(1)));
  keepSymbolic(i);
  return true;
}

Tensor *buildExpandDims(Call &c) {
  Tensor *x = c.tensor("input");
  if (c.given("axis") == c.given("dim"))
    return c.fail(Code::WrongArguments, c.given("dim")
                                            ? "axis and dim mean the same; give one of them"
                                            : "expand_dims needs an axis");
  if (!rankKnown(c, x, "input")) return nullptr;
  std::string_view parameter = c.given("axis") ? "axis" : "dim";
  int64_t axis = c.integer(parameter), rank = x->shape.rank();
  if (axis < -rank - 1 || axis > rank)
    return c.fail(Code::AttributeRange,
                  fmt::format("axis {} is out of range [{}, {})", axis, -rank - 1, rank + 1),
                  parameter);
  return c.named("ExpandDims", {x}, {intAttr("axis", axis < 0 ? axis + rank + 1 : axis)});
}

// Transpose, ReverseV2 --------------------------------------------------------------------------

bool inferTranspose(Infer &i) {
  vector<Dim> dims;
  for (int64_t axis : i.intsAttr("perm")) dims.push_back(i.in(0)[int(axis)]);
  i.output(i.dtype(0), dims);
  return true;
}

bool evaluateTranspose(Evaluate &e) {
  auto strides = rowMajorStrides(e.inputs[0]->dims);
  vector<int64_t> steps;
  for (int64_t axis : e.op.intsAttr("perm")) steps.push_back(strides[size_t(axis)]);
  copyFrom(*e.inputs[0], 0, steps, e.outputs[0]);
  return true;
}

Tensor *buildTranspose(Call &c) {
  Tensor *x = c.tensor("a");
  if (!rankKnown(c, x, "a")) return nullptr;
  int rank = x->shape.rank();
  vector<int64_t> perm;
  if (c.given("perm")) {
    auto given = c.ints("perm");
    perm.assign(given.begin(), given.end());
    if (int(perm.size()) != rank)
      return c.fail(Code::AttributeRange,
                    fmt::format("perm has {} axes, the operand {} has {}", perm.size(),
                                toString(x->shape), rank),
                    "perm");
    vector<int64_t> sorted;
    if (!normalizeAxes(c, perm, rank, "perm", sorted)) return nullptr;
    for (auto &axis : perm) axis += axis < 0 ? rank : 0;
  } else {
    for (int a = rank; a-- > 0;) perm.push_back(a);
  }
  return c.named("Transpose", {x}, {intsAttr("perm", c.keep(perm))});
}

Tensor *buildMatrixTranspose(Call &c) {
  Tensor *x = c.tensor("a");
  if (!rankKnown(c, x, "a")) return nullptr;
  int rank = x->shape.rank();
  if (rank < 2)
    return c.fail(
        Code::OperandShapes,
        fmt::format("a matrix has two dimensions or more, not shape {}", toString(x->shape)), "a");
  vector<int64_t> perm;
  for (int a = 0; a < rank; ++a) perm.push_back(a);
  std::swap(perm[size_t(rank) - 2], perm[size_t(rank) - 1]);
  // The name is that of a scope, in which the transposition has its own.
  auto name = c.host.takeName(c.function.def->defaultName);
  if (!name) return nullptr;
  c.made = c.make(*findOp("Transpose"), c.graph.arena.copy(string(*name) + "/transpose"),
                  vector<Tensor *>{x}, vector<Attr>{intsAttr("perm", c.keep(perm))});
  return c.made ? c.made->output() : nullptr;
}

bool inferReverse(Infer &i) {
  i.output(i.dtype(0), i.in(0));
  vector<const SymbolicValue *> values;
  if (i.intsAttr("axis").size() == 1 && allSymbolic(i, values))
    setSymbolic(i, false, {values[0]->elements.rbegin(), values[0]->elements.rend()});
  return true;
}

bool evaluateReverse(Evaluate &e) {
  auto &dims = e.inputs[0]->dims;
  auto steps = rowMajorStrides(dims);
  int64_t base = 0;
  for (int64_t axis : e.op.intsAttr("axis")) {
    base += (dims[size_t(axis)] - 1) * steps[size_t(axis)];
    steps[size_t(axis)] *= -1;
  }
  copyFrom(*e.inputs[0], base, steps, e.outputs[0]);
  return true;
}

Tensor *buildReverse(Call &c) {
  Tensor *x = c.tensor("tensor");
  vector<int64_t> axes;
  if (!rankKnown(c, x, "tensor") ||
      !normalizeAxes(c, c.ints("axis"), x->shape.rank(), "axis", axes))
    return nullptr;
  return c.named("ReverseV2", {x}, {intsAttr("axis", c.keep(axes))});
}

// Identity, StopGradient, Cast ------------------------------------------------------------------

bool inferIdentity(Infer &i) {
  i.output(i.dtype(0), i.in(0));
  if (i.in(0).hasRank()) keepSymbolic(i);
  return true;
}

bool inferCast(Infer &i) {
  i.output(i.typeAttr("dtype"), i.in(0));
  if (i.in(0).hasRank()) keepSymbolic(i);
  return true;
}

bool evaluateCast(Evaluate &e) {
  castElements(*e.inputs[0], e.outputs[0]);
  return true;
}

/// A cast to its own dtype is the tensor itself, but takes the name, as in TensorFlow, where it
/// opens the name scope first.
Tensor *castTo(Call &c, DType dtype) {
  Tensor *x = c.tensor("x");
  if (x->dtype == dtype) return c.host.takeName(c.function.def->defaultName) ? x : nullptr;
  return c.named("Cast", {x}, {typeAttr("dtype", dtype)});
}

Tensor *buildCast(Call &c) { return castTo(c, c.dtype("dtype")); }
template <DType dtype>
Tensor *buildCastTo(Call &c) {
  return castTo(c, dtype);
}

// Gradients -------------------------------------------------------------------------------------

void viewGradient(Derive &d) { d.dx[0] = d.reshape(d.g(), d.x()->shape); }
void transposeGradient(Derive &d) {
  auto perm = d.op.intsAttr("perm");
  vector<int64_t> back(perm.size());
  for (size_t a = 0; a < perm.size(); ++a) back[size_t(perm[a])] = int64_t(a);
  d.dx[0] = d.transpose(d.g(), back);
}
void reverseGradient(Derive &d) {
  d.dx[0] = d.b.op("ReverseV2", {d.g()}, {intsAttr("axis", d.op.intsAttr("axis"))});
}
void identityGradient(Derive &d) { d.dx[0] = d.g(); }
void castGradient(Derive &d) {
  if (isFloating(d.x()->dtype))
    d.dx[0] = d.b.op("Cast", {d.g()}, {typeAttr("dtype", d.x()->dtype)});
}

constexpr OpDef ops[] = {
    {.type = "Reshape",
     .infer = inferReshape,
     .evaluate = evaluateView,
     .gradient = deriveBy<viewGradient>,
     .anyRank = true,
     .cost = costsNothing},
    {.type = "Squeeze",
     .infer = inferSqueeze,
     .evaluate = evaluateView,
     .gradient = deriveBy<viewGradient>,
     .cost = costsNothing},
    {.type = "ExpandDims",
     .infer = inferExpandDims,
     .evaluate = evaluateView,
     .gradient = deriveBy<viewGradient>,
     .cost = costsNothing},
    {.type = "Transpose",
     .infer = inferTranspose,
     .evaluate = evaluateTranspose,
     .gradient = deriveBy<transposeGradient>},
    {.type = "ReverseV2",
     .infer = inferReverse,
     .evaluate = evaluateReverse,
     .gradient = deriveBy<reverseGradient>},
    {.type = "Identity",
     .infer = inferIdentity,
     .evaluate = evaluateView,
     .gradient = deriveBy<identityGradient>,
     .anyRank = true,
     .cost = costsNothing},
    {.type = "StopGradient",
     .infer = inferIdentity,
     .evaluate = evaluateView,
     .gradient = noGradient,
     .anyRank = true,
     .cost = costsNothing},
    {.type = "Cast",
     .infer = inferCast,
     .evaluate = evaluateCast,
     .gradient = deriveBy<castGradient>,
     .elementwise = true,
     .anyRank = true,
     .cost = onlyMoves},
};

constexpr FunctionDef functions[] = {
    {.signature = "reshape(tensor: tensor, shape: shape)",
     .defaultName = "Reshape",
     .op = "Reshape",
     .doc = "The same elements, in row-major order, in another shape.\n"
            "One dimension of `shape` may be -1: it follows from the others. The sizes must be "
            "equal (E0301); where they are known at run time only, that is checked by the call.",
     .build = buildReshape},
    {.signature = "squeeze(input: tensor, axis: ints? = None, name: str? = None, "
                  "squeeze_dims: ints? = None)",
     .defaultName = "Squeeze",
     .op = "Squeeze",
     .doc = "Removes axes of size 1: those in `axis`, or all.\n"
            "Without `axis` all dimensions must be known when the definition is compiled. "
            "`squeeze_dims` is an old name of `axis`.",
     .build = buildSqueeze},
    {.signature = "expand_dims(input: tensor, axis: int? = None, name: str? = None, "
                  "dim: int? = None)",
     .defaultName = "ExpandDims",
     .op = "ExpandDims",
     .doc = "Adds an axis of size 1 before axis `axis`, which lies in [-rank - 1, rank].\n"
            "`dim` is an old name of `axis`.",
     .build = buildExpandDims},
    {.signature = "transpose(a: tensor, perm: ints? = None, name: str? = None, "
                  "conjugate: any = False)",
     .defaultName = "transpose",
     .op = "Transpose",
     .doc = "Axis i of the result is axis perm[i] of `a`; without `perm` the axes are reversed.",
     .build = buildTranspose},
    {.signature = "matrix_transpose(a: tensor, name: str? = None, conjugate: any = False)",
     .defaultName = "matrix_transpose",
     .op = "Transpose",
     .doc = "Exchanges the last two axes.",
     .build = buildMatrixTranspose},
    {.signature = "reverse(tensor: tensor, axis: ints)",
     .defaultName = "ReverseV2",
     .op = "ReverseV2",
     .doc = "Reverses the order of the elements along the axes in `axis`.",
     .build = buildReverse,
     .aliases = "reverse_v2"},
    {.signature = "identity(input: tensor)",
     .defaultName = "Identity",
     .op = "Identity",
     .doc = "The tensor itself, as a new operation."},
    {.signature = "stop_gradient(input: tensor)",
     .defaultName = "StopGradient",
     .op = "StopGradient",
     .doc = "The tensor itself; no derivative flows through it."},
    {.signature = "cast(x: tensor, dtype: dtype)",
     .defaultName = "Cast",
     .op = "Cast",
     .doc = "The elements as another dtype; `x` itself if it has that already.\n"
            "Floating types round to nearest, ties to even. From floating to integer types the "
            "fraction is dropped, what is out of range gives the nearest number and NaN gives 0. "
            "Integers wrap. bool is True where the element is not 0.",
     .build = buildCast},
    {.signature = "to_float(x: tensor)",
     .defaultName = "ToFloat",
     .op = "Cast",
     .doc = "cast(x, float32).",
     .build = buildCastTo<DType::Float32>},
    {.signature = "to_double(x: tensor)",
     .defaultName = "ToDouble",
     .op = "Cast",
     .doc = "cast(x, float64).",
     .build = buildCastTo<DType::Float64>},
    {.signature = "to_int32(x: tensor)",
     .defaultName = "ToInt32",
     .op = "Cast",
     .doc = "cast(x, int32).",
     .build = buildCastTo<DType::Int32>},
    {.signature = "to_int64(x: tensor)",
     .defaultName = "ToInt64",
     .op = "Cast",
     .doc = "cast(x, int64).",
     .build = buildCastTo<DType::Int64>},
    {.signature = "to_bfloat16(x: tensor)",
     .defaultName = "ToBFloat16",
     .op = "Cast",
     .doc = "cast(x, bfloat16).",
     .build = buildCastTo<DType::BFloat16>},
};
} // namespace

std::span<const OpDef> arrayOps() { return ops; }
std::span<const FunctionDef> arrayFunctions() { return functions; }

} // namespace graphc
