// What stands around a tensor.
//
//   type         inputs     attributes                              output
//   Pad          x, value   before dims, after dims (one an axis)   `value`, a scalar, around x
//   MirrorPad    x          before, after; mode text: REFLECT or    x mirrored at its edges,
//                           SYMMETRIC                               without or with the edge
#include "ops/derive.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <algorithm>
#include <cctype>

namespace graphc {

namespace {
using std::string;
using std::vector;

bool inferPadding(Infer &i, vector<Dim> &dims) {
  Shape x = i.in(0);
  auto before = i.dimsAttr("before"), after = i.dimsAttr("after");
  for (int a = 0; a < x.rank(); ++a) {
    for (Dim d : {before[size_t(a)], after[size_t(a)]})
      if (!needAtLeast(i, d, Dim(0), Code::AttributeRange,
                       fmt::format("padding {} is negative", toString(d)),
                       fmt::format("a padding of axis {} and 0", a)))
        return false;
    dims.push_back(before[size_t(a)] + x[a] + after[size_t(a)]);
  }
  return true;
}

bool inferPad(Infer &i) {
  if (!i.sameDTypes() || !i.needRank(1, 0, "constant_values")) return false;
  vector<Dim> dims;
  if (!inferPadding(i, dims)) return false;
  i.output(i.dtype(0), dims);
  return true;
}

bool evaluatePad(Evaluate &e) {
  auto &out = e.outputs[0];
  for (int64_t k = 0, n = out.elements(); k < n; ++k) copyElement(*e.inputs[1], 0, out, k);
  auto steps = rowMajorStrides(out.dims);
  auto before = e.dims("before");
  int64_t base = 0;
  for (size_t a = 0; a < steps.size(); ++a) base += before[a] * steps[a];
  copyTo(*e.inputs[0], out, base, steps);
  return true;
}

bool inferMirrorPad(Infer &i) {
  vector<Dim> dims;
  if (!inferPadding(i, dims)) return false;
  bool reflect = i.textAttr("mode") == "REFLECT";
  Shape x = i.in(0);
  for (int a = 0; a < x.rank(); ++a)
    for (Dim d : {i.dimsAttr("before")[size_t(a)], i.dimsAttr("after")[size_t(a)]}) {
      // REFLECT leaves the edge itself out, so it has one element less to give.
      Dim most = reflect ? x[a] - Dim(1) : x[a];
      if (d.is(0)) continue;
      if (!needAtLeast(i, most, d, Code::AttributeRange,
                       fmt::format("padding {} is more than mode {} finds in dimension {} of {}",
                                   toString(d), i.textAttr("mode"), a, toString(x)),
                       fmt::format("what can be mirrored of dimension {} of {} and its padding", a,
                                   toString(x))))
        return false;
    }
  i.output(i.dtype(0), dims);
  return true;
}

bool evaluateMirrorPad(Evaluate &e) {
  auto &in = *e.inputs[0];
  auto &out = e.outputs[0];
  auto before = e.dims("before");
  auto inSteps = rowMajorStrides(in.dims), outSteps = rowMajorStrides(out.dims);
  bool reflect = e.op.textAttr("mode") == "REFLECT";
  for (int64_t k = 0, n = out.elements(); k < n; ++k) {
    int64_t from = 0;
    for (size_t a = 0; a < out.dims.size(); ++a) {
      int64_t at = k / outSteps[a] % out.dims[a] - before[a], size = in.dims[a];
      if (at < 0) at = reflect ? -at : -1 - at;
      if (at >= size) at = reflect ? 2 * size - 2 - at : 2 * size - 1 - at;
      from += at * inSteps[a];
    }
    copyElement(in, from, out, k);
  }
  return true;
}

Tensor *buildPad(Call &c) {
  Tensor *x = c.tensor("tensor");
  if (!rankKnown(c, x, "tensor")) return nullptr;
  string mode(c.text("mode"));
  std::transform(mode.begin(), mode.end(), mode.begin(),
                 [](unsigned char ch) { return char(std::toupper(ch)); });
  const Literal *paddings = c.arg("paddings").literal;
  int64_t rank = x->shape.rank();
  bool fits = paddings->dims.size() == 2 && paddings->dims[0] == rank && paddings->dims[1] == 2;
  if (rank == 0 && paddings->elements() == 0) fits = true;
  if (!fits)
    return c.fail(
        Code::OperandShapes,
        fmt::format("paddings must be a list of [before, after] for each of the {} axes of "
                    "{}",
                    rank, toString(x->shape)),
        "paddings");
  if (!isInteger(paddings->dtype))
    return c.fail(Code::OperandDTypes,
                  fmt::format("paddings must be integers, not {}", dtypeName(paddings->dtype)),
                  "paddings");
  Array numbers{paddings->dtype, {}, {paddings->bytes.begin(), paddings->bytes.end()}};
  vector<Dim> before, after;
  for (int64_t a = 0; a < rank; ++a) {
    before.push_back(Dim(numbers.integer(2 * a)));
    after.push_back(Dim(numbers.integer(2 * a + 1)));
  }
  auto beforeAttr = dimsAttr("before", c.keep(before)),
       afterAttr = dimsAttr("after", c.keep(after));
  vector<Tensor *> inputs{x};
  vector<Attr> attrs{beforeAttr, afterAttr};
  std::string_view type = "Pad", name = "Pad";
  if (mode == "CONSTANT") {
    Tensor *value = c.tensor("constant_values");
    const Literal *literal = value->op->literalAttr("value");
    bool zero = literal && value->op->name.empty() &&
                std::all_of(literal->bytes.begin(), literal->bytes.end(),
                            [](std::byte b) { return b == std::byte(0); });
    if (!zero) name = "PadV2"; // as in TensorFlow, which has two operations
    inputs.push_back(value);
  } else if (mode == "REFLECT" || mode == "SYMMETRIC") {
    type = name = "MirrorPad";
    attrs.push_back(textAttr("mode", c.graph.arena.copy(mode)));
  } else {
    return c.fail(Code::AttributeRange,
                  fmt::format("mode '{}' is none of CONSTANT, REFLECT, SYMMETRIC", c.text("mode")),
                  "mode");
  }
  auto taken = c.host.takeName(name);
  if (!taken) return nullptr;
  c.made = c.make(*findOp(type), *taken, inputs, attrs);
  return c.made ? c.made->output() : nullptr;
}

// Gradients -------------------------------------------------------------------------------------

void padGradient(Derive &d) {
  Shape x = d.x()->shape;
  auto before = dimsOf(d.op.dimsAttr("before"));
  d.dx[0] = d.slice(d.g(), before, dimsOf(x.dims()));
  // What the padding itself gets is the rest.
  d.dx[1] = d.sub(sumTo(d.b, d.g(), Shape::scalar()), sumTo(d.b, d.dx[0], Shape::scalar()));
}

/// What was mirrored is turned back, axis by axis, and added where it came from.
void mirrorPadGradient(Derive &d) {
  Shape x = d.x()->shape;
  Dim edge = d.op.textAttr("mode") == "REFLECT" ? Dim(1) : Dim(0);
  Tensor *t = d.g();
  for (int a = 0; a < x.rank() && t; ++a) {
    Dim before = d.op.dimsAttr("before")[size_t(a)], after = d.op.dimsAttr("after")[size_t(a)];
    auto whole = dimsOf(t->shape.dims());
    auto piece = [&](Dim begin, Dim size) {
      vector<Dim> from(whole.size(), Dim(0)), sizes = whole;
      from[size_t(a)] = begin;
      sizes[size_t(a)] = size;
      return d.slice(t, from, sizes);
    };
    auto placed = [&](Tensor *mirrored, Dim at, Dim rest) {
      vector<Dim> front(whole.size(), Dim(0)), back = front;
      front[size_t(a)] = at;
      back[size_t(a)] = rest;
      return d.pad(mirrored ? d.reverse(mirrored, a) : nullptr, front, back);
    };
    vector<Tensor *> parts{piece(before, x[a])};
    if (!before.is(0)) parts.push_back(placed(piece(Dim(0), before), edge, x[a] - before - edge));
    if (!after.is(0))
      parts.push_back(placed(piece(before + x[a], after), x[a] - after - edge, edge));
    if (parts.size() > 1) {
      auto *sum = d.b.make(*findOp("AddN"), "", parts, {});
      t = sum ? sum->output() : nullptr;
    }
  }
  d.dx[0] = t;
}

constexpr OpDef ops[] = {
    {.type = "Pad", .infer = inferPad, .evaluate = evaluatePad, .gradient = deriveBy<padGradient>},
    {.type = "MirrorPad",
     .infer = inferMirrorPad,
     .evaluate = evaluateMirrorPad,
     .gradient = deriveBy<mirrorPadGradient>},
};

constexpr FunctionDef functions[] = {
    {.signature = "pad(tensor: T, paddings: literal, mode: str = \"CONSTANT\", name: str? = None, "
                  "constant_values: T = 0)",
     .defaultName = "Pad",
     .op = "Pad",
     .doc = "Adds paddings[i][0] elements before and paddings[i][1] after along axis i.\n"
            "`mode` CONSTANT: they are `constant_values`, a scalar. REFLECT: the tensor mirrored "
            "at its edge without the edge itself; SYMMETRIC: with it.",
     .build = buildPad},
};
} // namespace

std::span<const OpDef> paddingOps() { return ops; }
std::span<const FunctionDef> paddingFunctions() { return functions; }

} // namespace graphc
