// Numbers as the dtypes hold them: 16-bit floats, wrapping integers.
#pragma once

#include <cmath>
#include <cstdint>

namespace graphc {

/// The value of 1 sign bit, `exponentBits` and `mantissaBits` (binary16: 5, 10; bfloat16: 8, 7).
inline double valueOf16(uint16_t bits, int exponentBits, int mantissaBits) {
  int exponent = (bits >> mantissaBits) & ((1 << exponentBits) - 1);
  int mantissa = bits & ((1 << mantissaBits) - 1);
  int bias = (1 << (exponentBits - 1)) - 1;
  double magnitude;
  if (exponent == (1 << exponentBits) - 1)
    magnitude = mantissa ? NAN : INFINITY;
  else if (exponent == 0)
    magnitude = std::ldexp(mantissa, 1 - bias - mantissaBits);
  else
    magnitude = std::ldexp(mantissa | (1 << mantissaBits), exponent - bias - mantissaBits);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/// The nearest such number, ties to even.
inline uint16_t roundTo16(double value, int exponentBits, int mantissaBits) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  int bias = (1 << (exponentBits - 1)) - 1;
  uint16_t infinity = ((1 << exponentBits) - 1) << mantissaBits;
  if (std::isnan(value)) return sign | infinity | (1 << (mantissaBits - 1));
  double magnitude = std::fabs(value);
  if (std::isinf(value)) return sign | infinity;
  if (magnitude == 0) return sign;
  int exponent = 0;
  std::frexp(magnitude, &exponent); // magnitude = [0.5, 1) * 2^exponent
  int power = exponent - 1 < 1 - bias ? 1 - bias : exponent - 1;
  // In units of the last place; a carry into the next power of two needs no case of its own
  // because exponent and mantissa lie side by side.
  auto units = int64_t(std::nearbyint(std::ldexp(magnitude, mantissaBits - power)));
  int64_t bits = units + (int64_t(power + bias - 1) << mantissaBits);
  return bits >= infinity ? sign | infinity : sign | uint16_t(bits);
}

inline double halfToDouble(uint16_t bits) { return valueOf16(bits, 5, 10); }
inline double bfloat16ToDouble(uint16_t bits) { return valueOf16(bits, 8, 7); }
inline uint16_t halfFromDouble(double value) { return roundTo16(value, 5, 10); }
inline uint16_t bfloat16FromDouble(double value) { return roundTo16(value, 8, 7); }

/// Toward zero, then modulo 2^64; what is not finite gives 0.
inline int64_t wrapToInt64(double value) {
  if (!std::isfinite(value)) return 0;
  value = std::trunc(value);
  if (value >= -0x1p63 && value < 0x1p63) return int64_t(value);
  value = std::fmod(value, 0x1p64);
  if (value < 0) value += 0x1p64;
  return int64_t(uint64_t(value));
}

inline int64_t wrapAdd(int64_t a, int64_t b) { return int64_t(uint64_t(a) + uint64_t(b)); }
inline int64_t wrapSub(int64_t a, int64_t b) { return int64_t(uint64_t(a) - uint64_t(b)); }
inline int64_t wrapMul(int64_t a, int64_t b) { return int64_t(uint64_t(a) * uint64_t(b)); }
inline uint64_t wrapAdd(uint64_t a, uint64_t b) { return a + b; }
inline uint64_t wrapSub(uint64_t a, uint64_t b) { return a - b; }
inline uint64_t wrapMul(uint64_t a, uint64_t b) { return a * b; }
inline double wrapAdd(double a, double b) { return a + b; }
inline double wrapSub(double a, double b) { return a - b; }
inline double wrapMul(double a, double b) { return a * b; }

} // namespace graphc
