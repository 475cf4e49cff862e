// The tables of operations and functions, one pair a file, in the order of docs/operations.md.
#pragma once

#include "ops/op.h"

// TABLE(prefix, title): prefixOps() and prefixFunctions().
#define GRAPHC_OPERATION_TABLES(TABLE)                                                             \
  TABLE(constants, "Constants, placeholders and shapes")                                           \
  TABLE(range, "Ranges and unit matrices")                                                         \
  TABLE(array, "Shaping and casting")                                                              \
  TABLE(joining, "Joining, cutting and repeating")                                                 \
  TABLE(padding, "Padding")                                                                        \
  TABLE(indexing, "Indexing")                                                                      \
  TABLE(scatter, "Scattering")                                                                     \
  TABLE(scatterNd, "Gathering and scattering by several indices")                                  \
  TABLE(arithmetic, "Arithmetic")                                                                  \
  TABLE(bitwise, "Bits of integers")                                                               \
  TABLE(elementary, "Elementary functions")                                                        \
  TABLE(activation, "Activations")                                                                 \
  TABLE(compare, "Comparison, logic and selection")                                                \
  TABLE(reduce, "Reductions")                                                                      \
  TABLE(scan, "Running sums, largest elements")                                                    \
  TABLE(matmul, "Matrix products")                                                                 \
  TABLE(matrices, "Matrices and sequences")                                                        \
  TABLE(einsum, "Products along axes")                                                             \
  TABLE(conv, "Convolution")                                                                       \
  TABLE(convBackprop, "Convolution backwards")                                                     \
  TABLE(pool, "Pooling")                                                                           \
  TABLE(poolGrad, "Pooling backwards")                                                             \
  TABLE(image, "Images")                                                                           \
  TABLE(normalization, "Normalization")                                                            \
  TABLE(softmax, "Softmax")                                                                        \
  TABLE(losses, "Losses and norms")                                                                \
  TABLE(random, "Random numbers")                                                                  \
  TABLE(state, "Variables")                                                                        \
  TABLE(control, "Control")                                                                        \
  TABLE(body, "Loops")

namespace graphc {

#define GRAPHC_DECLARE(prefix, title)                                                              \
  std::span<const OpDef> prefix##Ops();                                                            \
  std::span<const FunctionDef> prefix##Functions();
GRAPHC_OPERATION_TABLES(GRAPHC_DECLARE)
#undef GRAPHC_DECLARE

struct OperationTable {
  std::string_view title;
  std::span<const OpDef> (*ops)();
  std::span<const FunctionDef> (*functions)();
};
std::span<const OperationTable> operationTables();

} // namespace graphc
