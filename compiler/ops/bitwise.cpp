// Bits of integers, and division that rounds toward zero.
//
//   type                               inputs  output, broadcast
//   BitwiseAnd BitwiseOr BitwiseXor    x, y    integers of one dtype
//   LeftShift RightShift               x, y    x shifted by y bits; y below 0 counts as 0, what is
//                                              more than the dtype's bits as one bit less than
//                                              those are; of signed dtypes the sign comes in from
//                                              the left
//   Invert                             x       all bits turned
//   TruncateDiv TruncateMod            x, y    integers: the quotient rounded toward zero, and the
//                                              rest, which has x's sign
#include "ops/evaluate.h"
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <algorithm>

namespace graphc {

namespace {

bool inferBits(Infer &i) {
  if (!i.needDType(isInteger(i.dtype(0)), "an integer dtype")) return false;
  if (i.inputs.size() == 2) return inferBinaryNumeric(i);
  i.output(i.dtype(0), i.in(0));
  return true;
}

/// output = f(x, y) of int64, or of uint64 for unsigned dtypes.
template <typename F>
bool overBits(Evaluate &e, F f) {
  const Array &x = *e.inputs[0], &y = *e.inputs[e.inputs.size() - 1];
  auto left = broadcastIndex(x.dims, e.outputs[0].dims);
  auto right = broadcastIndex(y.dims, e.outputs[0].dims);
  for (size_t i = 0; i < left.size(); ++i) {
    int64_t a = x.integer(left[i]), b = y.integer(right[i]);
    bool fits = isSignedInteger(x.dtype) ? f(e, int64_t(i), a, b)
                                         : f(e, int64_t(i), uint64_t(a), uint64_t(b));
    if (!fits) return false;
  }
  return true;
}

template <typename F>
bool evaluateBits(Evaluate &e) {
  int64_t bits = dtypeSize(e.inputs[0]->dtype) * 8;
  return overBits(e, [&](Evaluate &to, int64_t i, auto a, auto b) {
    to.outputs[0].setInteger(i, int64_t(F()(a, b, bits)));
    return true;
  });
}

struct AndBits {
  auto operator()(auto a, auto b, int64_t) const { return a & b; }
};
struct OrBits {
  auto operator()(auto a, auto b, int64_t) const { return a | b; }
};
struct XorBits {
  auto operator()(auto a, auto b, int64_t) const { return a ^ b; }
};
struct TurnBits {
  auto operator()(auto a, auto, int64_t) const { return ~a; }
};
struct ShiftLeft {
  auto operator()(auto a, auto b, int64_t bits) const {
    using C = decltype(a);
    return C(uint64_t(a) << std::clamp(b, C(0), C(bits - 1)));
  }
};
struct ShiftRight {
  auto operator()(auto a, auto b, int64_t bits) const {
    using C = decltype(a);
    return C(a >> std::clamp(b, C(0), C(bits - 1)));
  }
};

template <bool Quotient>
bool evaluateTruncate(Evaluate &e) {
  return overBits(e, [](Evaluate &to, int64_t i, auto a, auto b) {
    using C = decltype(a);
    if (b == C(0)) return to.fail("division by zero");
    bool wraps = std::is_signed_v<C> && b == C(-1);
    C quotient = wraps ? C(uint64_t(0) - uint64_t(a)) : C(a / b);
    to.outputs[0].setInteger(i, int64_t(Quotient ? quotient : wraps ? C(0) : C(a % b)));
    return true;
  });
}

#define BITS(name, function)                                                                       \
  {.type = name,                                                                                   \
   .infer = inferBits,                                                                             \
   .evaluate = evaluateBits<function>,                                                             \
   .gradient = noGradient,                                                                         \
   .elementwise = true,                                                                            \
   .anyRank = true}

constexpr OpDef ops[] = {
    BITS("BitwiseAnd", AndBits),
    BITS("BitwiseOr", OrBits),
    BITS("BitwiseXor", XorBits),
    BITS("LeftShift", ShiftLeft),
    BITS("RightShift", ShiftRight),
    BITS("Invert", TurnBits),
    {.type = "TruncateDiv",
     .infer = inferBits,
     .evaluate = evaluateTruncate<true>,
     .gradient = noGradient,
     .elementwise = true,
     .mayFail = true,
     .anyRank = true},
    {.type = "TruncateMod",
     .infer = inferBits,
     .evaluate = evaluateTruncate<false>,
     .gradient = noGradient,
     .elementwise = true,
     .mayFail = true,
     .anyRank = true},
};
#undef BITS

#define BROADCAST "\nInteger dtypes; the shapes broadcast as NumPy's do."
#define DIVIDES BROADCAST " A division by 0 is an error when it is run."

constexpr FunctionDef functions[] = {
    {"bitwise_and(x: T, y: T)", "BitwiseAnd", "BitwiseAnd", "The bits that both have." BROADCAST},
    {"bitwise_or(x: T, y: T)", "BitwiseOr", "BitwiseOr", "The bits that either has." BROADCAST},
    {"bitwise_xor(x: T, y: T)", "BitwiseXor", "BitwiseXor",
     "The bits that one of both has." BROADCAST},
    {"left_shift(x: T, y: T)", "LeftShift", "LeftShift",
     "x's bits, y places to the left." BROADCAST
     "\nLess than 0 places are 0, more than the dtype has are one less than those."},
    {"right_shift(x: T, y: T)", "RightShift", "RightShift",
     "x's bits, y places to the right; of signed dtypes the sign comes in." BROADCAST
     "\nLess than 0 places are 0, more than the dtype has are one less than those."},
    {"invert(x: T)", "Invert", "Invert", "All bits turned.\nInteger dtypes."},
    {"truncatediv(x: T, y: T)", "TruncateDiv", "TruncateDiv",
     "Divides and rounds toward zero." DIVIDES},
    {"truncatemod(x: T, y: T)", "TruncateMod", "TruncateMod",
     "The rest of the division that rounds toward zero; it has x's sign." DIVIDES},
};

} // namespace

std::span<const OpDef> bitwiseOps() { return ops; }
std::span<const FunctionDef> bitwiseFunctions() { return functions; }

} // namespace graphc
