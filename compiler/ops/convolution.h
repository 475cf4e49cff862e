// What convolutions and their derivatives have in common.
#pragma once

#include "ops/arguments.h"
#include "ops/evaluate.h"

namespace graphc {

/// E0301 unless the tensor has rank 4 (or an unknown one); `what`: "the input of conv2d".
bool needRank4(Call &call, const Tensor *tensor, std::string_view what, std::string_view argument);

/// Reads strides, padding and dilations (under `dilationsName`) for an input and a filter of these
/// shapes, either of which may be of unknown rank; `attrs` gets the attributes strides, dilations,
/// padding and pads. Shapes are (n, h, w, c); `channelsFirst` says how the caller counts axes.
bool convAttrs(Call &call, Shape input, Shape filter, std::string_view dilationsName,
               std::vector<Attr> &attrs, bool channelsFirst = false);

/// The same from strides and dilations, and the argument "padding".
bool windowAttrs(Call &call, Shape input, Shape filter, const std::vector<int64_t> &strides,
                 const std::vector<int64_t> &dilations, std::vector<Attr> &attrs,
                 bool channelsFirst = false);

/// Makes the operation that takes the call's name; where the channels come first, it is the one
/// that puts them there.
Tensor *finishImages(Call &call, std::string_view type, std::span<Tensor *const> inputs,
                     std::span<const Attr> attrs, bool channelsFirst);

/// How many groups the shapes of an input and a filter of conv2d mean; 0 after an error.
int64_t convGroups(Call &call, Shape input, Shape filter);

/// The attributes that a convolution and its derivatives share, then `more`.
std::vector<Attr> sharedConvAttrs(const Operation &op, std::initializer_list<Attr> more = {});

/// The FLOPs of a convolution with these shapes: two for each element of the output and place of
/// the filter that it sums up.
inline Dim convFlops(Shape output, Shape filter, bool depthwise) {
  return Dim(2) * output.elements() * filter[0] * filter[1] * (depthwise ? Dim(1) : filter[2]);
}

/// Calls `add(output position, input position, filter position)` for every pair of a window's
/// position in the image and a place in the window that is not padding. Positions count pixels:
/// elements divided by the channels.
template <typename Add>
void overWindows(Evaluate &e, std::span<const int64_t> in, std::span<const int64_t> filter,
                 std::span<const int64_t> out, Add add) {
  auto strides = e.op.intsAttr("strides"), dilations = e.op.intsAttr("dilations");
  auto pads = e.dims("pads");
  for (int64_t n = 0; n < out[0]; ++n)
    for (int64_t y = 0; y < out[1]; ++y)
      for (int64_t x = 0; x < out[2]; ++x)
        for (int64_t i = 0; i < filter[0]; ++i)
          for (int64_t j = 0; j < filter[1]; ++j) {
            int64_t row = y * strides[0] + i * dilations[0] - pads[0];
            int64_t column = x * strides[1] + j * dilations[1] - pads[2];
            if (row < 0 || row >= in[1] || column < 0 || column >= in[2]) continue;
            add((n * out[1] + y) * out[2] + x, (n * in[1] + row) * in[2] + column,
                i * filter[1] + j);
          }
}

/// The places of a convolution's products: calls `add(output element, input element, filter
/// element)` for each.
template <typename Add>
void overProducts(Evaluate &e, bool depthwise, std::span<const int64_t> in,
                  std::span<const int64_t> filter, std::span<const int64_t> out, Add add) {
  int64_t channels = in[3], perGroup = filter[2], last = filter[3];
  if (depthwise) {
    overWindows(e, in, filter, out, [&](int64_t to, int64_t from, int64_t at) {
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t j = 0; j < last; ++j)
          add((to * channels + c) * last + j, from * channels + c, (at * channels + c) * last + j);
    });
    return;
  }
  int64_t outputsPerGroup = perGroup == 0 || channels == 0 ? last : last / (channels / perGroup);
  overWindows(e, in, filter, out, [&](int64_t to, int64_t from, int64_t at) {
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t group = c / perGroup, o = group * outputsPerGroup;
           o < (group + 1) * outputsPerGroup; ++o)
        add(to * last + o, from * channels + c, (at * perGroup + c % perGroup) * last + o);
  });
}

} // namespace graphc
