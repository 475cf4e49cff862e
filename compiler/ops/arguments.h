// Arguments that many functions take. All report what is wrong and give null or false then.
#pragma once

#include "ops/op.h"

namespace graphc {

/// The argument under its name or its old name; E0103 where both are given. One of kind None if
/// neither is.
const Arg *eitherArgument(Call &call, std::string_view name, std::string_view oldName);

/// E0302 unless the dtype of `x`, which is the argument, is a floating one.
bool needFloating(Call &call, const Tensor *x, std::string_view argument);

/// An axis in [-rank, rank) to [0, rank), else E0303.
bool axisArgument(Call &call, std::string_view name, int rank, int64_t &axis);

/// Axes to reduce, ascending and in [0, rank): all of them for None. E0303 for one that is out
/// of range or twice there. None at all where the rank is unknown.
bool axesArgument(Call &call, const Arg &arg, std::string_view name, Shape shape,
                  std::vector<int64_t> &axes);

/// Strides, window sizes or dilations of height and width, from one number, [h, w] or
/// [1, h, w, 1]: two numbers that are at least 1, else E0303.
/// With the channels first, four numbers are [1, 1, h, w].
bool spatialArgument(Call &call, std::string_view name, std::vector<int64_t> &values,
                     bool channelsFirst = false);

/// How a window is moved over height and width.
struct Window {
  Dim size[2];             // before dilation
  int64_t strides[2] = {}; // at least 1
  int64_t dilations[2] = {1, 1};
  std::string_view padding; // "SAME", "VALID" or "EXPLICIT"
  Dim pads[4];              // top, bottom, left, right
};

/// Fills `padding` and `pads` from the argument "padding" for an input (N, H, W, C): SAME gives
/// ceil(size/stride) positions, with an odd row or column at the end. Of an explicit padding the
/// channels come second where `channelsFirst`.
bool paddingArgument(Call &call, Shape input, Window &window, bool channelsFirst = false);

/// How many positions a window has along one of two spatial axes, of which `size` is what the
/// input has there; E0303 if it is too large.
bool windowPositions(Infer &infer, Dim size, Dim window, int axis, Dim &into);

} // namespace graphc
