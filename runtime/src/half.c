// Conversions of the 16-bit floating types, by bits.
#include "internal.h"

#include <string.h>

static uint32_t bits_of_f32(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float f32_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

float graphrt_f16_to_f32(uint16_t bits) {
  uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
  uint32_t exponent = bits >> 10 & 0x1f;
  uint32_t fraction = bits & 0x3ff;
  if (exponent == 0x1f) return f32_of_bits(sign | 0x7f800000 | fraction << 13);
  if (exponent == 0) {
    // Zero or subnormal: fraction · 2^-24, exact in float.
    float magnitude = (float)fraction * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  return f32_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

// Drops the lowest `count` bits (1 to 63) of a magnitude, rounding to nearest, ties to even.
static uint64_t round_off(uint64_t magnitude, int count) {
  uint64_t kept = magnitude >> count;
  uint64_t rest = magnitude & ((UINT64_C(1) << count) - 1);
  uint64_t half = UINT64_C(1) << (count - 1);
  return kept + (rest > half || (rest == half && (kept & 1)));
}

// From a binary format with `fraction_bits` and the exponent's bias to float16.
static uint16_t to_f16(uint64_t bits, int fraction_bits, int exponent_bits) {
  int bias = (1 << (exponent_bits - 1)) - 1;
  uint16_t sign = (uint16_t)((bits >> (fraction_bits + exponent_bits) & 1) << 15);
  int exponent = (int)(bits >> fraction_bits & ((UINT64_C(1) << exponent_bits) - 1));
  uint64_t fraction = bits & ((UINT64_C(1) << fraction_bits) - 1);
  if (exponent == (1 << exponent_bits) - 1) {
    if (!fraction) return sign | 0x7c00;
    return (uint16_t)(sign | 0x7e00 | (fraction >> (fraction_bits - 10)));
  }
  int target = exponent - bias + 15;
  if (target >= 31) return sign | 0x7c00;
  uint64_t magnitude = fraction | UINT64_C(1) << fraction_bits;
  if (target <= 0) {
    // Subnormal: the leading one moves into the fraction. Also what is too small for one.
    int drop = fraction_bits - 10 + 1 - target;
    if (exponent == 0 || drop > fraction_bits + 2) return sign;
    return (uint16_t)(sign | round_off(magnitude, drop));
  }
  // A carry out of the fraction raises the exponent, up to infinity: the fields are adjacent.
  uint64_t rounded = round_off(magnitude, fraction_bits - 10) - 0x400;
  return (uint16_t)(sign | (((uint64_t)target << 10) + rounded));
}

uint16_t graphrt_f32_to_f16(float value) { return to_f16(bits_of_f32(value), 23, 8); }

uint16_t graphrt_f64_to_f16(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return to_f16(bits, 52, 11);
}

float graphrt_bf16_to_f32(uint16_t bits) { return f32_of_bits((uint32_t)bits << 16); }

uint16_t graphrt_f32_to_bf16(float value) {
  uint32_t bits = bits_of_f32(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)round_off(bits, 16);
}
