// The register tile: the innermost part of matrix products and convolutions. It computes a block of
// `rows` x (`vectors` vector registers) sums of products, all of them held in registers while the
// loop over k runs (the outer-product form of Goto and van de Geijn, "Anatomy of High-Performance
// Matrix Multiplication", TOMS 2008).
#pragma once

#include "lower/emit.h"

namespace graphc::lower {

/// An outer loop around the tile's loop over k: a convolution's rows and columns of the filter.
struct TileLoop {
  llvm::Value *count;
  llvm::Value *aStep; // elements that A and B advance by on each turn
  llvm::Value *bStep;
};

struct Tile {
  DType dtype = DType::Float32;
  unsigned rows = 1;
  unsigned vectors = 1;

  // A: its element (row r, k) is at a + r * aRowStride + k * aStep, or, where `aRows` is given (one
  // address for each row), at aRows[r] + k * aStep. Elements, not bytes.
  llvm::Value *a = nullptr;
  int64_t aRowStride = 0;
  std::vector<llvm::Value *> aRows;
  llvm::Value *aStep = nullptr; // null: 1

  // B: vector v of row k is at b + k * bRowStride + v * lanes + (v / panelVectors) * panelGap.
  llvm::Value *b = nullptr;
  llvm::Value *bRowStride = nullptr;
  unsigned panelVectors = 0; // 0: all vectors lie side by side
  llvm::Value *panelGap =
      nullptr;         // elements between the end of one panel's first row and the next's
  unsigned bAlign = 1; // bytes
  std::vector<llvm::Value *> bMasks; // for each vector; null: read all lanes. Empty: all null

  std::vector<TileLoop> outer; // outermost first
  llvm::Value *k = nullptr;    // turns of the innermost loop

  /// What a sum begins with, by row and vector. Empty: 0.
  std::function<llvm::Value *(unsigned row, unsigned vector)> initial;
  /// Takes the sums, row by row.
  std::function<void(const EmitContext::Values &sums)> finish;
};

/// Emits the tile at the builder's place. For every sum, products are added in the order of k, from
/// the outermost loop's first turn on; fused where the target has llvm.fma as an instruction.
void emitTile(EmitContext &ctx, const Tile &tile);

/// The most rows of a tile of `vectors` vectors that leave no sum out of the target's registers.
unsigned tileRows(const Target &target, unsigned vectors);
/// The width of tile, in vectors, that does best for `rows` rows (0: many) and `columns` vectors.
unsigned tileVectors(const Target &target, int64_t rows, int64_t columns);

/// `count` rows cut into tiles of nearly equal height: all have `rows` rows but the last, which has
/// `lastRows`.
struct RowTiling {
  int64_t tiles = 0;
  unsigned rows = 0;
  unsigned lastRows = 0;
};
RowTiling tileRowsEvenly(int64_t count, unsigned maxRows);

} // namespace graphc::lower
