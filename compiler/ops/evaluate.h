// What reference evaluations share. They compute floating types in double and round once at
// the end, signed integers and bools in int64, unsigned ones in uint64; storing wraps.
#pragma once

#include "ops/op.h"

namespace graphc {

template <typename C>
C load(const Array &from, int64_t i) {
  if constexpr (std::is_floating_point_v<C>)
    return from.number(i);
  else
    return C(from.integer(i));
}

template <typename C>
void store(Array &to, int64_t i, C value) {
  if constexpr (std::is_floating_point_v<C>)
    to.setNumber(i, value);
  else
    to.setInteger(i, int64_t(value));
}

/// All elements, in the type to compute in.
template <typename C>
std::vector<C> loadAll(const Array &from) {
  std::vector<C> values(size_t(from.elements()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = load<C>(from, int64_t(i));
  return values;
}

/// Calls `f(C())` with the type C to compute in.
template <typename F>
bool computeAs(DType dtype, F f) {
  if (isFloating(dtype)) return f(double());
  if (isInteger(dtype) && !isSignedInteger(dtype)) return f(uint64_t());
  return f(int64_t());
}

/// For every element of a tensor of `to` dims the element of one of `from` dims that
/// broadcasting puts there.
std::vector<int64_t> broadcastIndex(const std::vector<int64_t> &from,
                                    const std::vector<int64_t> &to);

/// output = F()(input), element by element.
template <typename F>
bool evaluateUnary(Evaluate &e) {
  return computeAs(e.inputs[0]->dtype, [&](auto zero) {
    using C = decltype(zero);
    for (int64_t i = 0, n = e.outputs[0].elements(); i < n; ++i)
      store(e.outputs[0], i, F()(load<C>(*e.inputs[0], i)));
    return true;
  });
}

/// The same for operations of floating types alone.
template <typename F>
bool evaluateUnaryFloat(Evaluate &e) {
  for (int64_t i = 0, n = e.outputs[0].elements(); i < n; ++i)
    e.outputs[0].setNumber(i, F()(e.inputs[0]->number(i)));
  return true;
}

/// output = F()(left, right), broadcast.
template <typename F>
bool evaluateBinary(Evaluate &e) {
  auto left = broadcastIndex(e.inputs[0]->dims, e.outputs[0].dims);
  auto right = broadcastIndex(e.inputs[1]->dims, e.outputs[0].dims);
  return computeAs(e.inputs[0]->dtype, [&](auto zero) {
    using C = decltype(zero);
    for (size_t i = 0; i < left.size(); ++i)
      store(e.outputs[0], int64_t(i),
            F()(load<C>(*e.inputs[0], left[i]), load<C>(*e.inputs[1], right[i])));
    return true;
  });
}

/// Rounds to what the floating type holds.
double roundTo(DType dtype, double value);

// Rules that many operations have.

bool inferUnaryFloat(Infer &infer);    // one floating input, output like it
bool inferUnaryNumeric(Infer &infer);  // one numeric input, output like it
bool inferBinaryNumeric(Infer &infer); // two numeric inputs of one dtype, broadcast
bool inferBinaryFloat(Infer &infer);   // two floating inputs of one dtype, broadcast

/// How many elements dimensions hold.
inline int64_t product(std::span<const int64_t> dims) {
  int64_t n = 1;
  for (int64_t d : dims) n *= d;
  return n;
}

} // namespace graphc
