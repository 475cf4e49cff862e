#include "ops/rules.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace graphc {

namespace {
/// As in ceil(N/2) = -(-N//2).
bool knownNonPositive(const DimExpr &e) {
  return e.kind == DimExpr::FloorDiv && knownNonNegative(e.left * Dim(-1)) &&
         knownNonNegative(e.right);
}
} // namespace

bool knownNonNegative(Dim dim) {
  if (dim.isStatic()) return dim.value >= 0;
  const auto &e = *dim.expr;
  switch (e.kind) {
  case DimExpr::Symbol:
    return true; // a size
  case DimExpr::Sum:
    return e.constant >= 0 && std::all_of(e.terms.begin(), e.terms.end(), [](const DimTerm &t) {
             return t.factor >= 0 ? knownNonNegative(Dim(t.atom)) : knownNonPositive(*t.atom);
           });
  case DimExpr::Product:
    return std::all_of(e.factors.begin(), e.factors.end(),
                       [](const DimExpr *f) { return knownNonNegative(Dim(f)); });
  case DimExpr::FloorDiv:
    return knownNonNegative(e.left) && knownNonNegative(e.right);
  case DimExpr::Mod:
    return knownNonNegative(e.right);
  case DimExpr::Min:
    return knownNonNegative(e.left) && knownNonNegative(e.right);
  case DimExpr::Max:
    return knownNonNegative(e.left) || knownNonNegative(e.right);
  }
  return false;
}

Dim clampToZero(Dim dim) { return knownNonNegative(dim) ? dim : max(dim, Dim(0)); }

bool needKnownRank(Infer &infer, size_t input) {
  if (infer.inputs[input]->shape.hasRank()) return true;
  return infer.fail(Code::OperandShapes, "the rank of the operand must be known", int(input));
}

bool needEqual(Infer &infer, Dim left, Dim right, const std::string &message, std::string_view what,
               int input) {
  if (left == right) return true;
  Dim gap = left - right;
  if (gap.isStatic()) return infer.fail(Code::OperandShapes, message, input);
  infer.checks.push_back({DimCheck::Equal, left, right, infer.graph.arena.copy(what)});
  return true;
}

bool needAtLeast(Infer &infer, Dim left, Dim right, Code code, const std::string &message,
                 std::string_view what, int input) {
  if (left == right) return true;
  Dim gap = left - right;
  if (gap.isStatic())
    return gap.value >= 0 && !gap.isOverflow() ? true : infer.fail(code, message, input);
  if (knownNonNegative(gap)) return true;
  infer.checks.push_back({DimCheck::AtLeast, left, right, infer.graph.arena.copy(what)});
  return true;
}

namespace {
bool fits(Dim dim, DType dtype) {
  if (!dim.isStatic()) return true;
  if (dim.isOverflow()) return false;
  return dtype == DType::Int64 || (dim.value >= std::numeric_limits<int32_t>::min() &&
                                   dim.value <= std::numeric_limits<int32_t>::max());
}
} // namespace

void setSymbolic(Infer &infer, bool scalar, const std::vector<Dim> &elements) {
  auto &output = infer.outputs.back();
  if (output.dtype != DType::Int32 && output.dtype != DType::Int64) return;
  if (elements.size() > maxSymbolicElements) return;
  for (Dim d : elements)
    if (!fits(d, output.dtype)) return;
  output.value = infer.makeSymbolic(scalar, elements);
}

bool allSymbolic(Infer &infer, std::vector<const SymbolicValue *> &values) {
  for (const auto *input : infer.inputs) {
    if (input->dtype != DType::Int32 && input->dtype != DType::Int64) return false;
    if (!input->shape.hasRank() || input->shape.rank() > 1) return false;
    if (input->shape.rank() == 1 &&
        !(input->shape[0].isStatic() && input->shape[0].value <= int64_t(maxSymbolicElements)))
      return false;
  }
  for (size_t i = 0; i < infer.inputs.size(); ++i) {
    const auto *value = infer.symbolic(i);
    if (!value) return false;
    values.push_back(value);
  }
  return true;
}

void symbolicBinary(Infer &infer, Dim (*op)(Dim, Dim)) {
  std::vector<const SymbolicValue *> values;
  if (infer.inputs.size() != 2 || !allSymbolic(infer, values)) return;
  auto a = values[0]->elements, b = values[1]->elements;
  bool scalar = values[0]->scalar && values[1]->scalar;
  if (a.size() != b.size() && a.size() != 1 && b.size() != 1) return;
  size_t n = a.size() == 1 ? b.size() : a.size();
  std::vector<Dim> result;
  for (size_t i = 0; i < n; ++i)
    result.push_back(op(a[a.size() == 1 ? 0 : i], b[b.size() == 1 ? 0 : i]));
  setSymbolic(infer, scalar, result);
}

void symbolicReduce(Infer &infer, Dim start, Dim (*op)(Dim, Dim)) {
  std::vector<const SymbolicValue *> values;
  if (infer.inputs.size() != 1 || !allSymbolic(infer, values)) return;
  Dim result = start;
  bool first = start.isOverflow(); // without a start: the first element
  for (Dim d : values[0]->elements) {
    result = first ? d : op(result, d);
    first = false;
  }
  if (!first) setSymbolic(infer, true, {result});
}

void keepSymbolic(Infer &infer) {
  std::vector<const SymbolicValue *> values;
  auto &out = infer.outputs.back();
  if (!out.shape.hasRank() || out.shape.rank() > 1 || !allSymbolic(infer, values)) return;
  setSymbolic(infer, out.shape.rank() == 0,
              {values[0]->elements.begin(), values[0]->elements.end()});
}

Shape withoutAxes(Infer &infer, Shape shape, std::span<const int64_t> axes) {
  std::vector<Dim> dims;
  for (int a = 0; a < shape.rank(); ++a)
    if (std::find(axes.begin(), axes.end(), a) == axes.end()) dims.push_back(shape[a]);
  return infer.shape(dims);
}

Shape withAxis(Infer &infer, Shape shape, int axis, Dim size) {
  std::vector<Dim> dims(shape.begin(), shape.end());
  dims.insert(dims.begin() + axis, size);
  return infer.shape(dims);
}

bool rankKnown(Call &call, const Tensor *x, std::string_view parameter) {
  if (x->shape.hasRank()) return true;
  call.fail(Code::OperandShapes, "the rank of the operand must be known", parameter);
  return false;
}

bool normalizeAxis(Call &call, int64_t &axis, int64_t rank, std::string_view parameter) {
  if (axis < -rank || axis >= rank) {
    call.fail(Code::AttributeRange,
              rank == 0 ? fmt::format("axis {} is out of range: a scalar has no axes", axis)
                        : fmt::format("axis {} is out of range [{}, {})", axis, -rank, rank),
              parameter);
    return false;
  }
  axis += axis < 0 ? rank : 0;
  return true;
}

bool normalizeAxes(Call &call, std::span<const int64_t> given, int64_t rank,
                   std::string_view parameter, std::vector<int64_t> &into) {
  for (int64_t axis : given) {
    if (!normalizeAxis(call, axis, rank, parameter)) return false;
    into.push_back(axis);
  }
  std::sort(into.begin(), into.end());
  if (auto twice = std::adjacent_find(into.begin(), into.end()); twice != into.end()) {
    call.fail(Code::AttributeRange, fmt::format("axis {} is given twice", *twice), parameter);
    return false;
  }
  return true;
}

// Elements ------------------------------------------------------------------------------------

std::vector<int64_t> rowMajorStrides(std::span<const int64_t> dims) {
  std::vector<int64_t> strides(dims.size(), 1);
  for (size_t a = dims.size(); a-- > 1;) strides[a - 1] = strides[a] * dims[a];
  return strides;
}

namespace {
/// Calls visit(k, offset) for every index of `dims` in row-major order, where offset is base plus
/// the index times the steps.
template <typename Visit>
void walk(std::span<const int64_t> dims, int64_t base, std::span<const int64_t> steps,
          Visit visit) {
  int64_t n = 1;
  for (int64_t d : dims) n *= d;
  std::vector<int64_t> index(dims.size(), 0);
  int64_t at = base;
  for (int64_t k = 0; k < n; ++k) {
    visit(k, at);
    for (size_t a = dims.size(); a-- > 0;) {
      at += steps[a];
      if (++index[a] < dims[a]) break;
      at -= steps[a] * dims[a];
      index[a] = 0;
    }
  }
}
} // namespace

void copyFrom(const Array &in, int64_t base, std::span<const int64_t> steps, Array &out) {
  walk(out.dims, base, steps, [&](int64_t k, int64_t at) { copyElement(in, at, out, k); });
}

void copyTo(const Array &in, Array &out, int64_t base, std::span<const int64_t> steps) {
  walk(in.dims, base, steps, [&](int64_t k, int64_t at) { copyElement(in, k, out, at); });
}

namespace {
template <typename To, typename From>
To convert(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    using Limits = std::numeric_limits<To>;
    if (std::isnan(value)) return 0;
    // The bounds as floating-point numbers: 2^(bits) exactly, above the highest To.
    const From above = std::ldexp(From(1), Limits::digits);
    if (value >= above) return Limits::max();
    if (value <= From(Limits::min())) return Limits::min();
    return To(value);
  } else {
    return To(value);
  }
}

bool isSixteenBitFloat(DType d) { return d == DType::Float16 || d == DType::BFloat16; }
} // namespace

void castElements(const Array &from, Array &to) {
  int64_t n = from.elements();
  if (isSixteenBitFloat(from.dtype) || isSixteenBitFloat(to.dtype)) {
    // Every value of a 16-bit type is a double, and doubles round to it once.
    for (int64_t i = 0; i < n; ++i) {
      if (isSixteenBitFloat(to.dtype)) {
        to.setNumber(i, from.number(i));
        continue;
      }
      double value = from.number(i);
      visitType(to.dtype, [&](auto example) {
        using To = decltype(example);
        to.as<To>()[i] = convert<To>(value);
      });
    }
    return;
  }
  visitType(from.dtype, [&](auto fromExample) {
    using From = decltype(fromExample);
    visitType(to.dtype, [&](auto toExample) {
      using To = decltype(toExample);
      for (int64_t i = 0; i < n; ++i) to.as<To>()[i] = convert<To>(from.as<From>()[i]);
    });
  });
}

} // namespace graphc
