// What the rules of several operations share: run-time conditions on dimensions, contents that
// are known as dimensions, walking over elements.
#pragma once

#include "ops/op.h"

#include <cstring>
#include <fmt/format.h>
#include <string>

namespace graphc {

/// A list of dimensions of one's own, to be changed.
inline std::vector<Dim> dimsOf(std::span<const Dim> dims) { return {dims.begin(), dims.end()}; }

/// The dimension is never negative, whatever the run-time dimensions are.
bool knownNonNegative(Dim dim);
/// max(dim, 0), without the max where it does nothing.
Dim clampToZero(Dim dim);

/// The input's rank must be known; E0301 otherwise.
bool needKnownRank(Infer &infer, size_t input = 0);
/// Both must be equal: `message` and E0301 where they never are, a check (`what`: "X and Y") where
/// that depends on run-time dimensions.
bool needEqual(Infer &infer, Dim left, Dim right, const std::string &message, std::string_view what,
               int input = -1);
/// left >= right, likewise; `code` says what kind of mistake it is.
bool needAtLeast(Infer &infer, Dim left, Dim right, Code code, const std::string &message,
                 std::string_view what, int input = -1);

/// Gives the output (default: the last one) contents known as dimensions, if every element can
/// be one of its dtype.
void setSymbolic(Infer &infer, bool scalar, const std::vector<Dim> &elements);
/// The contents of all inputs are known as dimensions, and are few enough to be followed.
bool allSymbolic(Infer &infer, std::vector<const SymbolicValue *> &values);
/// Contents of `a op b` for integer scalars and vectors, with broadcasting; sets the last output.
/// Does nothing where they are not known. For the rules of elementwise operations.
void symbolicBinary(Infer &infer, Dim (*op)(Dim, Dim));
/// The contents of a reduction of an integer vector to a scalar, e.g. the product of a shape.
void symbolicReduce(Infer &infer, Dim start, Dim (*op)(Dim, Dim));

/// An output that has the input's elements in the same order keeps its known contents.
void keepSymbolic(Infer &infer);

/// The shape with axes (in [0, rank)) removed, respectively one put in before `axis`.
Shape withoutAxes(Infer &infer, Shape shape, std::span<const int64_t> axes);
Shape withAxis(Infer &infer, Shape shape, int axis, Dim size);

// For functions that need to know their operand before they can make an operation of it; an
// error was reported where they return false.

/// E0301 for an operand of unknown rank.
bool rankKnown(Call &call, const Tensor *x, std::string_view parameter);
/// Axis in [-rank, rank) to [0, rank), else E0303.
bool normalizeAxis(Call &call, int64_t &axis, int64_t rank, std::string_view parameter);
/// The same for several, sorted; E0303 for one given twice.
bool normalizeAxes(Call &call, std::span<const int64_t> given, int64_t rank,
                   std::string_view parameter, std::vector<int64_t> &into);

/// Longer vectors are data and are not followed as dimensions.
constexpr size_t maxSymbolicElements = 64;

// Elements ------------------------------------------------------------------------------------

/// Distance between neighbours along each axis, in elements, row-major.
std::vector<int64_t> rowMajorStrides(std::span<const int64_t> dims);
/// out[i] = in[base + sum of i[a] * steps[a]] for every index i of `out`.
void copyFrom(const Array &in, int64_t base, std::span<const int64_t> steps, Array &out);
/// out[base + sum of i[a] * steps[a]] = in[i] for every index i of `in`.
void copyTo(const Array &in, Array &out, int64_t base, std::span<const int64_t> steps);
inline void copyElement(const Array &in, int64_t from, Array &out, int64_t to, int64_t count = 1) {
  int64_t size = dtypeSize(in.dtype);
  if (count > 0)
    std::memcpy(out.bytes.data() + to * size, in.bytes.data() + from * size, size_t(count * size));
}

/// Calls `visit` with a value of the C++ type that holds elements of `dtype`. Not for float16 and
/// bfloat16, which have none.
template <typename Visit>
bool visitType(DType dtype, Visit visit) {
  switch (dtype) {
  case DType::Float32:
    visit(float());
    return true;
  case DType::Float64:
    visit(double());
    return true;
  case DType::Int8:
    visit(int8_t());
    return true;
  case DType::Int16:
    visit(int16_t());
    return true;
  case DType::Int32:
    visit(int32_t());
    return true;
  case DType::Int64:
    visit(int64_t());
    return true;
  case DType::UInt8:
    visit(uint8_t());
    return true;
  case DType::UInt16:
    visit(uint16_t());
    return true;
  case DType::UInt32:
    visit(uint32_t());
    return true;
  case DType::UInt64:
    visit(uint64_t());
    return true;
  case DType::Bool:
    visit(bool());
    return true;
  default:
    return false;
  }
}

/// Elements of `from` as elements of `to.dtype`: floating types round to nearest, to integers
/// toward zero with what is out of range giving the nearest and NaN 0; integers wrap; bool is
/// `!= 0`. Both have as many elements.
void castElements(const Array &from, Array &to);

} // namespace graphc
