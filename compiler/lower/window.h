// What pooling and depthwise convolution have in common: a window that moves over an image, and
// channels as vectors.
#pragma once

#include "lower/emit.h"

namespace graphc::lower {

struct WindowSpec {
  Dim batch, outHeight, outWidth, outChannels;
  Dim height, width; // of the image
  Dim windowHeight, windowWidth;
  int64_t strideHeight = 1, strideWidth = 1;
  int64_t dilationHeight = 1, dilationWidth = 1;
  Dim padTop, padLeft;
};

/// One place of the window: of its taps, those in rows [rowBegin, rowEnd) and columns [columnBegin,
/// columnEnd) lie in the image. Tap (r, c) is in the image's row top + r * dilationHeight, column
/// left + c * dilationWidth.
struct WindowPlace {
  llvm::Value *batch, *y, *x;
  llvm::Value *top, *left;
  llvm::Value *rowBegin, *rowEnd, *columnBegin, *columnEnd;
};

/// `vectors` vectors of `lanes` channels each from `channel` on; all lanes exist where the mask is
/// null.
struct ChannelRun {
  llvm::Value *channel;
  unsigned vectors;
  unsigned lanes;
  llvm::Value *mask;
};

/// Calls the runtime for all places; body(place, run) for each place's channels, some vectors of
/// at most `lanes` lanes at a time. The body emits straight-line code and loops.
void forWindows(EmitContext &ctx, const WindowSpec &spec, unsigned lanes,
                const std::function<void(const WindowPlace &, const ChannelRun &)> &body);

} // namespace graphc::lower
