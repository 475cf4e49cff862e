// The derivatives of a convolution whose output a max_pool reads. Of a window of the pooling, only
// one element a channel gets something back: it is known by its value and its place within the
// window, and products with the others, which are 0, are left out. Both emitters go from window to
// window, for one output channel at a time, whose sums or filter stay in registers meanwhile.
#pragma once

#include "lower/conv.h"

namespace graphc::lower {

/// As emitConv2D, of an image that is 0 but for one element a window and channel: `input` holds the
/// values, [batch, windows.rows, windows.columns, channels], `places` where they are (uint8, row ·
/// windows.width + column of the window). Stride 1, no dilation, no groups; all sizes but the batch
/// are known.
void emitConv2DOfPlaces(EmitContext &ctx, const Conv2DSpec &spec);

/// As emitConv2DBackpropFilter, with "filter" given like that, but the input is padded here, and
/// the output is [slices, outChannels, filterHeight, filterWidth, filterChannels] (of one slice
/// without the first dimension), without an epilogue. No dilation, no groups; all sizes but the
/// batch are known.
void emitConv2DBackpropFilterOfPlaces(EmitContext &ctx, const Conv2DSpec &spec);
int64_t backpropFilterOfPlacesSlices(const Conv2DSpec &spec);

/// Known: that is less work than to go through all elements.
bool placesPay(const Conv2DSpec &spec, int64_t height, int64_t width);

// For the two emitters -------------------------------------------------------------------------

/// Registers that sums, or taps of the filter, may take up.
unsigned placesRegisters(const Target &target);

/// A constant table: how many elements behind the window's first one each place is, where a row has
/// `line` elements and the next column is `step` elements away.
llvm::Value *placesTable(EmitContext &ctx, const PoolWindows &windows, int64_t line, int64_t step);

/// What walks over windows: all of `rows` rows of them, of one channel.
struct WindowWalk {
  llvm::Value *base = nullptr; // the first window's first element
  llvm::Value *values = nullptr, *places = nullptr;
  llvm::Value *rows = nullptr;
  llvm::Value *table = nullptr;
  int64_t rowStep = 0, columnStep = 0; // elements from one window to the next
  int64_t columns = 0;                 // windows in a row
  int64_t channels = 0;                // elements from one value to the next
  unsigned outs = 1;                   // neighbouring channels that are taken at a time
};

/// Begins a function for a tile: base, values, places, rows, what it keeps in registers, the table.
/// `walk` gets all of these but the tile's own, which is the function's argument `tileOwn`.
llvm::IRBuilderBase::InsertPoint beginTile(EmitContext &ctx, const std::string &name,
                                           llvm::Function *&function, WindowWalk &walk);
constexpr unsigned tileOwn = 4;

/// Emits the walk. body(out, element, value, state): of channel `out` of those, the address of the
/// window's element, its value as a scalar; gives the new state. Returns the last one.
using WindowBody = std::function<EmitContext::Values(
    unsigned out, llvm::Value *element, llvm::Value *value, EmitContext::Values state)>;
EmitContext::Values walkWindows(EmitContext &ctx, DType dtype, const WindowWalk &walk,
                                EmitContext::Values state, const WindowBody &body);

} // namespace graphc::lower
