// Copies of a product's operands in the order in which tiles read them.
//
// B, [k, n], is cut into panels of `vectors` vector registers; a panel holds its columns of row 0,
// then of row 1 and so on, and the panels follow one another. A last panel that is not full is as
// wide as its columns need, in whole vectors, where n is known, else as wide as the others; what
// it has beside B's columns is never looked at.
// A, cut into tiles of some rows, holds for each tile its elements of column 0, then of column 1 …
#pragma once

#include "lower/emit.h"

namespace graphc::lower {

struct PanelLayout {
  DType dtype = DType::Float32;
  unsigned lanes = 1;   // of a vector
  unsigned vectors = 1; // of a full panel
  Dim k, n;

  int64_t width() const { return int64_t(lanes) * vectors; }
  /// Full panels, and vectors of the last one if that is not full (0: there is none). Of a
  /// run-time n, it may be there.
  Dim fullPanels() const { return floorDiv(n, width()); }
  Dim panels() const { return ceilDiv(n, width()); }
  unsigned tailVectors() const;
  /// Elements of the whole copy.
  Dim elements() const;
};

/// The layout of B for products with any number of rows.
PanelLayout panelLayout(const Target &target, DType dtype, Dim k, Dim n);

/// Emits loops over panels [begin, end): body(panel, panels, columns), for `group` panels at a time
/// as long as there are as many full ones (and `grouped`, an i1, holds; null: always), then for
/// each full one, then for the last one, which has `columns` columns (else null).
void forPanels(
    EmitContext &ctx, const PanelLayout &layout, llvm::Value *begin, llvm::Value *end,
    unsigned group, llvm::Value *grouped,
    const std::function<void(llvm::Value *panel, unsigned panels, llvm::Value *columns)> &body);

/// Emits a copy of elements [begin, end) from `source` (null: zeros) to `destination`. `whole`:
/// they are known to be whole vectors.
void copyRun(EmitContext &ctx, DType dtype, llvm::Value *source, llvm::Value *destination,
             llvm::Value *begin, llvm::Value *end, bool whole);

/// Calls the function, shared by the module's kernels, that packs panels [begin, end). Element (k,
/// n) of B is at source + k * stride + n, or (transposed) source + n * stride + k, elements.
void callPackPanels(EmitContext &ctx, const PanelLayout &layout, llvm::Value *source,
                    bool transposed, llvm::Value *stride, llvm::Value *destination,
                    llvm::Value *begin, llvm::Value *end);

/// Calls the function that packs a tile of `rows` rows and `k` columns of row-major A from `source`
/// on, whose rows are `stride` elements apart. It writes up to a vector behind the tile's end.
void callPackTile(EmitContext &ctx, DType dtype, unsigned rows, llvm::Value *k, llvm::Value *source,
                  llvm::Value *stride, llvm::Value *destination);

} // namespace graphc::lower
