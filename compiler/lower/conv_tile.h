// The register tile of a convolution whose row of output pixels is known: neighbouring pixels that
// see one row of the filter see the same pixels of the input, and which taps lie beside the image
// is known for each of them.
#pragma once

#include "lower/conv.h"

namespace graphc::lower {

struct ConvTileShape {
  DType dtype = DType::Float32;
  unsigned pixels = 1;  // of the output, neighbours of a row
  unsigned vectors = 1; // of output channels
  int64_t channels = 1; // of the input
  int64_t filterWidth = 1;
  int64_t filterStride = 1; // elements from one input channel of the filter to the next
  // Of the pixels + filterWidth - 1 pixels of the input below the tile, the first and last ones
  // that lie beside the image. Their products are left out.
  int64_t left = 0, right = 0;
};

struct ConvTileArguments {
  llvm::Value *input = nullptr;   // the first of those pixels, in the row below the first tap
  llvm::Value *rowStep = nullptr; // elements to the row below the next one
  llvm::Value *filter = nullptr;  // the first tap's first vector
  llvm::Value *taps = nullptr;    // rows of the filter
  llvm::Value *sums = nullptr;    // pixels * vectors vectors, aligned to vectors
};

/// Calls the tile's function, which the module's kernels share. Products are added row by row of
/// the filter; within a row in an order that the shape decides.
void callConvTile(EmitContext &ctx, const ConvTileShape &shape, const ConvTileArguments &arguments);

/// Tiles [0, outWidth) of a row with the same shape one after another.
struct ConvTileRun {
  int64_t first = 0; // output pixel
  int64_t count = 1; // tiles
  unsigned pixels = 1;
  int64_t left = 0, right = 0; // as in ConvTileShape
};
/// The row's tiles of at most `pixels` pixels, in order; empty where the convolution is not one
/// that such tiles compute, or has too many kinds of them.
std::vector<ConvTileRun> convTileRuns(const Conv2DSpec &spec, unsigned pixels);

} // namespace graphc::lower
