// Derivatives of a graph, backwards from its results (reverse-mode differentiation). What each
// operation adds to it stands beside its other rules, as `OpDef::gradient`; what several of those
// share is in ops/derive.h.
#pragma once

#include "ops/op.h"

namespace graphc {

/// What is differentiated by: a tensor, or a variable, whose reads count together.
struct GradientTarget {
  Tensor *tensor = nullptr;
  const Variable *variable = nullptr;

  GradientTarget(Tensor *t) : tensor(t) {}
  GradientTarget(const Variable *v) : variable(v) {}
};

struct GradientRequest {
  std::span<Tensor *const> ys;
  std::span<const GradientTarget> xs;
  /// What is multiplied with the derivatives of each y, of its shape; null (or none at all): ones.
  std::span<Tensor *const> gradYs;
  /// Taken as constants.
  std::span<Tensor *const> stops;
  /// The graph may have so many operations, no more.
  uint64_t maxOperations = UINT64_MAX;
};

struct Gradients {
  enum Failure : uint8_t {
    None,
    NoGradient,  // `at`, which lies on the way, has none
    UnknownRank, // `at` has one, but of what the rank must be known
    TooMany,     // the limit of operations is passed
    Reported     // an error was reported while operations were made
  } failure = None;
  const Operation *at = nullptr;

  /// For each x the sum over all ys of gradY · ∂y/∂x, of x's shape and dtype. Null where no y
  /// depends on it, or only through what has no derivative: integers, bools, `stop_gradient`.
  std::vector<Tensor *> of;
  /// The operation on whose behalf `op` was made; null: none, or `op` was there before.
  const Operation *origin(const Operation *op) const;
  uint32_t first = 0;                                       // operations from this id on were made
  std::vector<std::pair<uint32_t, const Operation *>> made; // from which id on, for which
  /// Of operations with several inputs: the number of an operation that was made, and the input
  /// whose derivative it gives.
  std::vector<std::pair<uint32_t, uint32_t>> inputs;
};

/// Makes the operations that compute the derivatives. They take no names.
Gradients differentiate(OpBuilder &builder, const GradientRequest &request);

/// The gradient of operations through which nothing flows: what is constant almost everywhere,
/// and updates of variables.
bool noGradient(OpBuilder &, const Operation &, std::span<Tensor *const>, std::span<Tensor *>);

} // namespace graphc
