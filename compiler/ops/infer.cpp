// What inference rules share.
#include "ops/op.h"

#include <fmt/format.h>

namespace graphc {

bool Infer::fail(Code code, std::string what, int input) {
  if (!failure) {
    failure = code;
    message = std::move(what);
    failedInput = input;
  }
  return false;
}

const Attr *Infer::attr(std::string_view name) const {
  for (const auto &a : attrs)
    if (a.name == name) return &a;
  return nullptr;
}
int64_t Infer::intAttr(std::string_view name, int64_t otherwise) const {
  const Attr *a = attr(name);
  return a && a->kind == Attr::Int ? a->i : otherwise;
}
double Infer::floatAttr(std::string_view name, double otherwise) const {
  const Attr *a = attr(name);
  return a && a->kind == Attr::Float ? a->f : otherwise;
}
bool Infer::boolAttr(std::string_view name, bool otherwise) const {
  const Attr *a = attr(name);
  return a && a->kind == Attr::Bool ? a->b : otherwise;
}
std::string_view Infer::textAttr(std::string_view name, std::string_view otherwise) const {
  const Attr *a = attr(name);
  return a && a->kind == Attr::Text ? a->text : otherwise;
}
std::span<const int64_t> Infer::intsAttr(std::string_view name) const {
  const Attr *a = attr(name);
  return a && a->kind == Attr::Ints ? a->ints : std::span<const int64_t>();
}
std::span<const Dim> Infer::dimsAttr(std::string_view name) const {
  const Attr *a = attr(name);
  return a && a->kind == Attr::Dims ? a->dims : std::span<const Dim>();
}
DType Infer::typeAttr(std::string_view name, DType otherwise) const {
  const Attr *a = attr(name);
  return a && a->kind == Attr::Type ? a->dtype : otherwise;
}

bool Infer::sameDTypes(size_t first) {
  for (size_t i = first + 1; i < inputs.size(); ++i)
    if (dtype(i) != dtype(first))
      return fail(Code::OperandDTypes, fmt::format("operands have dtypes {} and {}",
                                                   dtypeName(dtype(first)), dtypeName(dtype(i))));
  return true;
}

bool Infer::needDType(bool holds, std::string_view needs, size_t input) {
  if (holds) return true;
  return fail(Code::OperandDTypes,
              fmt::format("{} needs {}, not {}", type, needs, dtypeName(dtype(input))), int(input));
}

bool Infer::needRank(size_t input, int rank, std::string_view what) {
  if (!in(input).hasRank() || in(input).rank() == rank) return true;
  return fail(Code::OperandShapes,
              fmt::format("{} must have rank {}, not shape {}", what, rank, toString(in(input))),
              int(input));
}

bool Infer::atLeast(Dim left, Dim right, std::string_view what) {
  Dim gap = left - right;
  if (gap.isStatic() && !gap.isOverflow()) {
    if (gap.value >= 0) return true;
    return fail(Code::AttributeRange,
                fmt::format("{}: {} is less than {}", what, toString(left), toString(right)));
  }
  checks.push_back({DimCheck::AtLeast, left, right, graph.arena.copy(what)});
  return true;
}

bool Infer::unify(Dim a, Dim b, Dim &into, std::string_view what) {
  into = a.isStatic() ? a : b.isStatic() ? b : a;
  if (a == b) return true;
  Dim gap = a - b;
  if (gap.isStatic())
    return fail(Code::OperandShapes,
                fmt::format("{} differ: {} and {}", what, toString(a), toString(b)));
  checks.push_back({DimCheck::Equal, a, b, graph.arena.copy(what)});
  return true;
}

bool Infer::broadcast(Shape a, Shape b, Shape &into) {
  if (!a.hasRank() || !b.hasRank()) {
    into = Shape::unknown();
    return true;
  }
  if (a.rank() == 0 || b.rank() == 0 || sameShape(a, b)) {
    into = a.rank() == 0 ? b : a;
    return true;
  }
  int rank = std::max(a.rank(), b.rank());
  std::vector<Dim> dims(rank);
  for (int i = 0; i < rank; ++i) {
    int inA = i - (rank - a.rank()), inB = i - (rank - b.rank());
    Dim x = inA < 0 ? Dim(1) : a[inA], y = inB < 0 ? Dim(1) : b[inB];
    if (x == y || y.is(1)) {
      dims[i] = x;
      continue;
    }
    if (x.is(1)) {
      dims[i] = y;
      continue;
    }
    if ((x - y).isStatic())
      return fail(Code::OperandShapes,
                  fmt::format("shapes {} and {} do not broadcast: {} against {}", toString(a),
                              toString(b), toString(x), toString(y)));
    dims[i] = x.isStatic() ? x : y.isStatic() ? y : x;
    auto what = fmt::format("dimension {} of {} and dimension {} of {}", inA, toString(a), inB,
                            toString(b));
    checks.push_back({DimCheck::Equal, x, y, graph.arena.copy(what)});
  }
  into = graph.makeShape(dims);
  return true;
}

bool Infer::normalizeAxis(int64_t axis, int rank, int &into, std::string_view what) {
  if (axis < -rank || axis >= rank)
    return fail(Code::AttributeRange,
                rank == 0 ? fmt::format("{} {} is out of range: a scalar has no axes", what, axis)
                          : fmt::format("{} {} is out of range [{}, {})", what, axis, -rank, rank));
  into = int(axis < 0 ? axis + rank : axis);
  return true;
}

const SymbolicValue *Infer::makeSymbolic(bool scalar, const std::vector<Dim> &elements) {
  return graph.arena.make<SymbolicValue>(SymbolicValue{scalar, graph.arena.copy(elements)});
}

const SymbolicValue *Infer::symbolic(size_t input) {
  Tensor *tensor = inputs[input];
  if (tensor->value) return tensor->value;
  if (!tensor->op || tensor->op->type != "Const" || !isInteger(tensor->dtype)) return nullptr;
  const Literal *literal = tensor->op->literalAttr("value");
  // Shapes are short; a long vector is data.
  if (!literal || literal->dims.size() > 1 || literal->elements() > 64) return nullptr;
  std::vector<Dim> elements;
  Array array{literal->dtype, {literal->dims.begin(), literal->dims.end()}, {}};
  array.bytes.assign(literal->bytes.begin(), literal->bytes.end());
  for (int64_t i = 0; i < literal->elements(); ++i) elements.push_back(Dim(array.integer(i)));
  tensor->value = makeSymbolic(literal->dims.empty(), elements);
  return tensor->value;
}

} // namespace graphc
