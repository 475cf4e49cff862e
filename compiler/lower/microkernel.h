// The register tile: the innermost part of matrix products and convolutions. It computes a block of
// some rows by some vector registers of sums of products, all of them held in registers while the
// loop over k runs (the outer-product form of Goto and van de Geijn, "Anatomy of High-Performance
// Matrix Multiplication", TOMS 2008).
//
// A tile is a function of its own, emitted once for each shape and shared by all kernels of the
// module: what differs from kernel to kernel (sizes, strides, what is done to the sums) is
// arguments, or done by its caller.
#pragma once

#include "lower/emit.h"

namespace graphc::lower {

struct TileShape {
  DType dtype = DType::Float32;
  unsigned rows = 1;
  unsigned vectors = 1; // of all panels together

  /// Where A's element (row r, k) lies, in elements from `a`.
  enum Left : uint8_t {
    Rows,    // r * aStride + k
    Columns, // r + k * aStride
    Packed,  // r + k * rows
  } left = Rows;
  /// B's row k: vector v is at k * bStride + (v % panelVectors) * lanes + (v / panelVectors) *
  /// panelStride.
  unsigned panelVectors = 1;
  bool packedB = false; // bStride is panelVectors * lanes, and rows are aligned
  bool masked = false;  // only `columns` columns of B are there to be read
  bool loops = false;   // the loops around that over k
};

/// An outer loop around the tile's loop over k: a convolution's rows or columns of the filter.
struct TileLoop {
  llvm::Value *count = nullptr;
  llvm::Value *aStep = nullptr; // elements that A and B advance by on each turn
  llvm::Value *bStep = nullptr;
};

struct TileArguments {
  llvm::Value *a = nullptr;
  llvm::Value *aStride = nullptr; // null where the shape says it
  llvm::Value *b = nullptr;
  llvm::Value *bStride = nullptr;     // null where packedB
  llvm::Value *panelStride = nullptr; // null where there is one panel
  llvm::Value *columns = nullptr;     // null where not masked
  llvm::Value *k = nullptr;
  TileLoop outer, inner; // where the shape has loops
  /// The sums, rows * vectors vectors, aligned to vectors.
  llvm::Value *sums = nullptr;
  /// i1: the sums begin with what is there, else with 0. Null: with 0.
  llvm::Value *resume = nullptr;
};

/// Calls the tile's function. To every sum, products are added in the order of k, from the
/// outermost loop's first turn on; fused where the target has llvm.fma as an instruction.
void callTile(EmitContext &ctx, const TileShape &shape, const TileArguments &arguments);

/// The most rows of a tile of `vectors` vectors that leave no sum out of the target's registers.
unsigned tileRows(const Target &target, unsigned vectors);

/// `count` rows cut into tiles of nearly equal height: all have `rows` rows but the last, which has
/// `lastRows`.
struct RowTiling {
  int64_t tiles = 0;
  unsigned rows = 0;
  unsigned lastRows = 0;
};
RowTiling tileRowsEvenly(int64_t count, unsigned maxRows);

/// Heights of tiles that make up any number of rows, highest first, the last one 1.
std::vector<unsigned> tileHeights(unsigned maxRows);

/// Emits a loop over rows [begin, end) in tiles: body(row, height) for the highest tile that fits.
/// The heights descend and can make up every number of rows that occurs.
void forTiles(EmitContext &ctx, llvm::Value *begin, llvm::Value *end,
              const std::vector<unsigned> &heights,
              const std::function<void(llvm::Value *row, unsigned height)> &tile,
              const std::function<void(llvm::Value *row, llvm::Value *height)> &after);

/// Keeps LLVM from unrolling the loop that was emitted last, behind which the builder stands: it is
/// as wide as it should be, and more of it only takes time to compile.
void keepRolled(EmitContext &ctx);

/// Emits what is done with a tile's sums: for each of its `rows` (a Value) rows and its vectors,
/// store(row, column, sum, mask), row and column counted from the tile's first. Of the columns, the
/// first `columns` exist (null: all).
void forSums(EmitContext &ctx, DType dtype, llvm::Value *sums, llvm::Value *rows, unsigned vectors,
             llvm::Value *columns,
             const std::function<void(llvm::Value *row, llvm::Value *column, llvm::Value *sum,
                                      llvm::Value *mask)> &store);

} // namespace graphc::lower
