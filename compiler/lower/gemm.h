// Matrix products: out[…, m, n] = Σ_k A[…, m, k] B[…, k, n], float32 and float64.
//
// A product is cut into blocks of the output (see MatMulPlan), which are the pieces that threads
// share out; within a block, k is cut into runs so that a panel of B stays in the first cache. For
// every element of the output the products are added in the order of k within a run and the runs in
// order; neither depends on the number of threads.
#pragma once

#include "lower/emit.h"

namespace graphc::lower {

struct MatMulSpec {
  DType dtype = DType::Float32;
  int a = 0, b = 0, out = 0;       // buffers
  std::vector<Dim> batchA, batchB; // dimensions before the last two; they broadcast as NumPy's do
  Dim m, n, k;                     // of the product, after transposing
  bool transposeA = false, transposeB = false; // A is [k, m] in memory; B is [n, k]
  int packedB = -1; // buffer that emitPackMatMul has filled; B itself is then not read
  int workspace =
      -1; // buffer of matMulWorkspaceBytes, 64-byte aligned; unused where packedB is given
  Epilogue epilogue; // indices: batch…, row, column
};

/// Bytes of a packed copy of B, worth making where B stays the same from call to call; 0 where
/// B as it is does as well, or its dimensions are not known.
int64_t matMulPackedBytes(const Target &target, const MatMulSpec &spec);
/// Fills buffer `destination` (64-byte aligned) with the packed copy of the B in buffer `source`.
void emitPackMatMul(EmitContext &ctx, const MatMulSpec &spec, int source, int destination);
/// Bytes of workspace that emitMatMul needs when there is no packed copy; 0 where none.
Dim matMulWorkspaceBytes(const Target &target, const MatMulSpec &spec);
/// Emits the product.
void emitMatMul(EmitContext &ctx, const MatMulSpec &spec);

} // namespace graphc::lower
