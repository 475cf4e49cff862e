// What gradients of operations are written with. All pass null through, which stands for an error
// that was reported.
#pragma once

#include "ops/op.h"

namespace graphc {

/// One gradient being made: the operation, what comes from its outputs, what goes to its inputs.
/// A gradient function may be written as one over this, with `deriveBy`.
struct Derive {
  OpBuilder &b;
  const Operation &op;
  std::span<Tensor *const> dy; // null: nothing comes
  std::span<Tensor *> dx;      // to fill; null: nothing goes on

  Tensor *g() const { return dy[0]; } // of an operation with one output
  Tensor *x(size_t i = 0) const { return op.inputs[i]; }
  Tensor *y(size_t i = 0) const { return &op.outputs[i]; }
  DType dtype() const { return op.outputs[0].dtype; }

  Tensor *number(double value) const { return b.constant(op.outputs[0].dtype, value); }
  Tensor *add(Tensor *l, Tensor *r) const { return b.op("Add", {l, r}); }
  Tensor *sub(Tensor *l, Tensor *r) const { return b.op("Sub", {l, r}); }
  Tensor *mul(Tensor *l, Tensor *r) const { return b.op("Mul", {l, r}); }
  Tensor *mul(double l, Tensor *r) const { return b.op("Mul", {number(l), r}); }
  Tensor *div(Tensor *l, Tensor *r) const { return b.op("RealDiv", {l, r}); }
  Tensor *neg(Tensor *t) const { return b.op("Neg", {t}); }
  Tensor *square(Tensor *t) const { return b.op("Square", {t}); }
  Tensor *unary(std::string_view type, Tensor *t) const { return b.op(type, {t}); }
  Tensor *binary(std::string_view type, Tensor *l, Tensor *r) const { return b.op(type, {l, r}); }
  Tensor *select(Tensor *condition, Tensor *l, Tensor *r) const {
    return b.op("Select", {condition, l, r});
  }
  Tensor *sum(Tensor *t, const std::vector<int64_t> &axes, bool keepdims) const;
  Tensor *reshape(Tensor *t, Shape shape) const;
  Tensor *reshape(Tensor *t, const std::vector<Dim> &dims) const;
  Tensor *broadcast(Tensor *t, Shape shape) const;
  Tensor *transpose(Tensor *t, const std::vector<int64_t> &perm) const;
  /// `size` elements from `begin` on along every axis.
  Tensor *slice(Tensor *t, const std::vector<Dim> &begin, const std::vector<Dim> &size) const;
  Tensor *reverse(Tensor *t, int64_t axis) const;
  /// Zeros put around a tensor.
  Tensor *pad(Tensor *t, const std::vector<Dim> &before, const std::vector<Dim> &after) const;
  /// dy[i], or zeros of that output's shape.
  Tensor *gradOrZeros(size_t i) const;

  /// `t`, made here, waits for the operation itself.
  void waitFor(Tensor *t) const;

  /// Adds up what broadcasting repeated: `t` of the output's shape becomes one of input i's.
  Tensor *unbroadcast(Tensor *t, size_t i) const;
  /// dx[i] is `t`, which has the output's shape.
  void to(size_t i, Tensor *t) const { dx[i] = unbroadcast(t, i); }
};

/// A tensor of `like`'s dtype and shape, whose rank is known, with `value` everywhere.
Tensor *filled(OpBuilder &b, const Tensor *like, double value);
/// Sums `t` to a shape that broadcasts to its own.
Tensor *sumTo(OpBuilder &b, Tensor *t, Shape to);
/// The product of these dimensions of a shape as a scalar of the floating dtype.
Tensor *countOf(OpBuilder &b, Shape shape, std::span<const int64_t> axes, DType dtype);

/// A gradient function that is written over Derive.
template <void (*Body)(Derive &)>
bool deriveBy(OpBuilder &b, const Operation &op, std::span<Tensor *const> dy,
              std::span<Tensor *> dx) {
  Derive d{b, op, dy, dx};
  Body(d);
  return true;
}

} // namespace graphc
