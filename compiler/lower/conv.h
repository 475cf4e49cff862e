// Convolutions of images, NHWC: conv2d as a direct, register-tiled product (rows of a tile are
// neighbouring output pixels, k runs over the filter's taps and input channels), depthwise
// convolutions with channels as vectors.
//
// Padding counts as zeros. Products with them are left out above and below the image; to the left
// and right they are left out or added, as the tile has it. (It only shows where a filter is not
// finite.)
#pragma once

#include "lower/emit.h"

namespace graphc::lower {

/// The windows of a max_pool, each inside of it or partly beside the image.
struct PoolWindows {
  int64_t rows = 0, columns = 0; // windows of an image
  int64_t height = 1, width = 1; // of a window
  int64_t strideHeight = 1, strideWidth = 1;
  int64_t padTop = 0, padLeft = 0;
  bool operator==(const PoolWindows &) const = default;
};

struct Conv2DSpec {
  DType dtype = DType::Float32;
  int input = 0, filter = 0, out = 0; // buffers
  Dim batch, height, width, channels; // input [batch, height, width, channels]
  // Filter [filterHeight, filterWidth, channels / groups, outChannels]; for a depthwise
  // convolution [filterHeight, filterWidth, channels, multiplier], outChannels their product.
  Dim filterHeight, filterWidth, filterChannels, outChannels;
  Dim outHeight, outWidth;
  int64_t strideHeight = 1, strideWidth = 1;
  int64_t dilationHeight = 1, dilationWidth = 1;
  Dim padTop, padLeft; // what is padded at the other ends follows from the output's size
  int packedFilter =
      -1;             // buffer that emitPackConv2D has filled; the filter itself is then not read
  int64_t slices = 1; // of the derivative by the filter
  Epilogue epilogue;  // indices: batch, y, x, channel; of the derivative: its output's
  // Where what comes back from the output has come through a max_pool (conv_places.h):
  PoolWindows windows;
  int places = 0; // buffer
};

/// As for MatMul. 0 where the filter as it is does as well.
int64_t conv2DPackedBytes(const Target &target, const Conv2DSpec &spec);
void emitPackConv2D(EmitContext &ctx, const Conv2DSpec &spec, int source, int destination);
void emitConv2D(EmitContext &ctx, const Conv2DSpec &spec);

/// A convolution's derivative by its filter: out[i, j, c, o] = Σ input[n, y·stride + i·dilation,
/// x·… + j·…, g·filterChannels + c] · filter[n, y, x, o], where "filter" is what comes back from
/// the output, [batch, outHeight, outWidth, outChannels], and g the group of o. There is no
/// padding: the input holds all that is read. With several slices the output has one more dimension
/// in front, and each slice the sum over a share of the images: [slices, filterHeight, …].
void emitConv2DBackpropFilter(EmitContext &ctx, const Conv2DSpec &spec);
/// How many slices give threads enough to do: a matter of sizes alone.
int64_t backpropFilterSlices(const Conv2DSpec &spec);

/// float32 and float64, no packing.
void emitDepthwiseConv2D(EmitContext &ctx, const Conv2DSpec &spec);

} // namespace graphc::lower
