// Pooling of images, NHWC, with channels as vectors.
#pragma once

#include "lower/window.h"

namespace graphc::lower {

struct PoolSpec {
  DType dtype = DType::Float32;
  int input = 0, out = 0;             // buffers
  int output = 0, grad = 0;           // of the derivatives
  int places = -1;                    // of the largest elements within their windows, uint8
  Dim batch, height, width, channels; // of the input
  Dim outHeight, outWidth;
  int64_t windowHeight = 1, windowWidth = 1;
  int64_t strideHeight = 1, strideWidth = 1;
  Dim padTop, padLeft;
  Epilogue epilogue; // indices: batch, y, x, channel

  bool sameWindows(const PoolSpec &other) const {
    return windowHeight == other.windowHeight && windowWidth == other.windowWidth &&
           strideHeight == other.strideHeight && strideWidth == other.strideWidth &&
           padTop == other.padTop && padLeft == other.padLeft;
  }
};

/// The window that moves over the input.
WindowSpec windowOf(const PoolSpec &spec);
/// Stores one window's result, through the epilogue; `pixel` counts those of the output.
void storePooled(EmitContext &ctx, const PoolSpec &spec, llvm::Value *value,
                 const WindowPlace &place, llvm::Value *pixel, llvm::Value *channel,
                 llvm::Value *mask);

/// The largest element of each window; NaN where the window has one. Numeric dtypes. With `places`
/// also where it is, the first one if there are several: row · windowWidth + column of the window.
/// Without `out` (-1) only that.
void emitMaxPool(EmitContext &ctx, const PoolSpec &spec);
/// Known: the windows of a pooling cover the input, and no two of them have an element in common.
bool windowsTile(const PoolSpec &spec);
/// What comes back from each window's result goes to the first of its elements that is like that,
/// added up. An epilogue only where windowsTile(): its indices are the input's. Floating dtypes.
void emitMaxPoolGrad(EmitContext &ctx, const PoolSpec &spec);
/// Of each window the grad, which is like the input, at that element.
void emitMaxPoolGradGrad(EmitContext &ctx, const PoolSpec &spec);
/// The mean of the elements of each window that lie in the image. Floating dtypes.
void emitAvgPool(EmitContext &ctx, const PoolSpec &spec);

} // namespace graphc::lower
