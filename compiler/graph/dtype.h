// The element types of tensors and variables.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace graphc {

enum class DType : uint8_t {
  Invalid, // none given
  Float16,
  BFloat16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  UInt8,
  UInt16,
  UInt32,
  UInt64,
  Bool,
};

/// "float32"
std::string_view dtypeName(DType dtype);
std::optional<DType> dtypeFromName(std::string_view name);
/// Size of an element in bytes; a bool takes one.
int64_t dtypeSize(DType dtype);

inline bool isFloating(DType d) { return d >= DType::Float16 && d <= DType::Float64; }
inline bool isInteger(DType d) { return d >= DType::Int8 && d <= DType::UInt64; }
inline bool isSignedInteger(DType d) { return d >= DType::Int8 && d <= DType::Int64; }
inline bool isNumeric(DType d) { return isFloating(d) || isInteger(d); }

} // namespace graphc
