// Making the operations that read and write variables, wait, or draw random numbers: what
// elaboration makes outside of library functions.
#pragma once

#include "ops/op.h"

#include <optional>

namespace graphc {

/// Reads the variable's value. Without a name, it takes none.
Tensor *readVariable(OpBuilder &builder, Variable *variable, std::string_view name = "");

/// `type` is Assign, AssignAdd or AssignSub. The output is the new value. E0301 and E0302 where
/// the value does not fit the variable; null then.
Tensor *updateVariable(OpBuilder &builder, std::string_view type, std::string_view name,
                       Variable *variable, Tensor *value);

/// An operation without outputs that has run when all of `after` have.
Operation *makeNoOp(OpBuilder &builder, std::string_view name,
                    std::span<Operation *const> after = {});

/// What a random operation draws from.
struct RandomDraw {
  std::string_view type = "random_uniform"; // or random_normal, truncated_normal
  std::vector<Dim> shape;
  DType dtype = DType::Float32;
  double a = 0, b = 1;       // [a, b), or mean and standard deviation
  int64_t low = 0, high = 0; // [low, high) of integer dtypes
  std::optional<int64_t> seed;
  /// Tells apart the operations that draw where `name` is empty: the variable's name, for
  /// instance. Equal keys give equal numbers.
  std::string_view key;
};
Tensor *drawRandom(OpBuilder &builder, std::string_view name, const RandomDraw &draw);

} // namespace graphc
