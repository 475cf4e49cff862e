// gradients(ys, xs): derivatives as part of a definition, with their names and errors.
#pragma once

#include "elaborate/interpreter.h"
#include "ops/gradient.h"

namespace graphc {

struct GradientOptions {
  /// One for each y, or none at all; null: ones. Checked against the ys' shapes and dtypes.
  std::span<Tensor *const> gradYs;
  std::span<Tensor *const> stops; // taken as constants
  std::string_view name;          // of the name scope; empty: "gradients"
  bool gated = false;             // as optimizers ask for them: it shows in names
};

/// For each x the operation that gives the sum over all ys of gradY · ∂y/∂x; null where no y
/// depends on it. A variable's gradient adds up over all of its reads. Results that had no name are
/// named in the scope ("gradients/dense/MatMul_grad/MatMul_1"), which is uniquified.
///
/// E0304 at `span` where an operation on the way has no gradient, with a note at that operation;
/// E0301 and E0302 where a gradY does not fit its y; nullopt then.
std::optional<std::vector<Tensor *>> buildGradients(Interpreter &interpreter, Span span,
                                                    std::span<Tensor *const> ys,
                                                    std::span<const GradientTarget> xs,
                                                    const GradientOptions &options = {});

/// The gradients of the parts of a partitioned variable joined to one of the whole's shape, zeros
/// where a part has none; null where all have none (and after an error).
Tensor *joinPartGradients(Interpreter &interpreter, Span span, const PartitionedVariable &whole,
                          std::span<Tensor *const> parts);

} // namespace graphc
