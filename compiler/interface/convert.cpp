#include "interface/convert.h"

#include "ops/numbers.h"

#include <cstring>
#include <limits>

namespace graphc {

namespace {

struct Half {
  uint16_t bits;
  explicit operator double() const { return halfToDouble(bits); }
  static Half from(double value) { return {halfFromDouble(value)}; }
};
struct BFloat {
  uint16_t bits;
  explicit operator double() const { return bfloat16ToDouble(bits); }
  static BFloat from(double value) { return {bfloat16FromDouble(value)}; }
};

/// Calls `body` with a value of the C++ type that holds a dtype's elements.
template <typename Body>
void withType(DType dtype, Body body) {
  switch (dtype) {
  case DType::Float16:
    return body(Half{});
  case DType::BFloat16:
    return body(BFloat{});
  case DType::Float32:
    return body(float{});
  case DType::Float64:
    return body(double{});
  case DType::Int8:
    return body(int8_t{});
  case DType::Int16:
    return body(int16_t{});
  case DType::Int32:
    return body(int32_t{});
  case DType::Int64:
    return body(int64_t{});
  case DType::UInt8:
  case DType::Bool:
    return body(uint8_t{});
  case DType::UInt16:
    return body(uint16_t{});
  case DType::UInt32:
    return body(uint32_t{});
  case DType::UInt64:
    return body(uint64_t{});
  case DType::Invalid:
    return;
  }
}

template <typename To>
To fromDouble(double value) {
  if constexpr (std::is_arithmetic_v<To>)
    return static_cast<To>(value);
  else
    return To::from(value);
}

/// The least and greatest value of an integer dtype.
void rangeOf(DType dtype, int64_t &least, uint64_t &greatest) {
  withType(dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_integral_v<T>) {
      least = static_cast<int64_t>(std::numeric_limits<T>::min());
      greatest = static_cast<uint64_t>(std::numeric_limits<T>::max());
    }
  });
  if (dtype == DType::Bool) greatest = 1;
}

} // namespace

std::string conversionProblem(const Array &array, DType to) {
  if (isFloating(to) || array.dtype == to) return "";
  if (isFloating(array.dtype))
    return fmt::format("holds {}, which is not made {}", dtypeName(array.dtype), dtypeName(to));
  int64_t least = 0;
  uint64_t greatest = 0;
  rangeOf(to, least, greatest);
  for (int64_t i = 0, n = array.elements(); i < n; ++i) {
    int64_t value = array.integer(i);
    bool large = array.dtype == DType::UInt64 && value < 0;
    if (large ? static_cast<uint64_t>(value) > greatest
              : value < least || (value > 0 && static_cast<uint64_t>(value) > greatest))
      return fmt::format("holds {}, which is no {}",
                         large ? fmt::format("{}", static_cast<uint64_t>(value))
                               : fmt::format("{}", value),
                         dtypeName(to));
  }
  return "";
}

void convertElements(DType from, const std::byte *source, DType to, std::byte *target,
                     int64_t count, double scale) {
  if (count == 0) return;
  if (from == to && scale == 1) {
    std::memcpy(target, source, static_cast<size_t>(count * dtypeSize(from)));
    return;
  }
  withType(from, [&](auto sourceZero) {
    withType(to, [&](auto targetZero) {
      using From = decltype(sourceZero);
      using To = decltype(targetZero);
      const auto *in = reinterpret_cast<const From *>(source);
      auto *out = reinterpret_cast<To *>(target);
      for (int64_t i = 0; i < count; ++i)
        if constexpr (std::is_integral_v<From> && std::is_integral_v<To>)
          out[i] = static_cast<To>(in[i]);
        else
          out[i] = fromDouble<To>(static_cast<double>(in[i]) * scale);
    });
  });
}

} // namespace graphc
