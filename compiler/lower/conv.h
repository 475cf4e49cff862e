// Convolutions of images, NHWC: conv2d as a direct, register-tiled product (rows of a tile are
// neighbouring output pixels, k runs over the filter's taps and input channels), depthwise
// convolutions with channels as vectors.
//
// Padding counts as zeros: where a tap lies beside the image to the left or right its zero is
// multiplied and added, taps above and below are left out. (It only shows where a filter is not
// finite.)
#pragma once

#include "lower/emit.h"

namespace graphc::lower {

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
      -1;            // buffer that emitPackConv2D has filled; the filter itself is then not read
  Epilogue epilogue; // indices: batch, y, x, channel
};

/// As for MatMul. 0 where the filter as it is does as well.
int64_t conv2DPackedBytes(const Target &target, const Conv2DSpec &spec);
void emitPackConv2D(EmitContext &ctx, const Conv2DSpec &spec, int source, int destination);
void emitConv2D(EmitContext &ctx, const Conv2DSpec &spec);

/// float32 and float64, no packing.
void emitDepthwiseConv2D(EmitContext &ctx, const Conv2DSpec &spec);

} // namespace graphc::lower
