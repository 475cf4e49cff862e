#include "ops/arguments.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

const Arg *eitherArgument(Call &call, std::string_view name, std::string_view oldName) {
  if (!call.given(oldName)) return &call.arg(name);
  if (!call.given(name)) return &call.arg(oldName);
  call.fail(Code::WrongArguments,
            fmt::format("{} is an old name of {}: give one of both", oldName, name), oldName);
  return nullptr;
}

bool needFloating(Call &call, const Tensor *x, std::string_view argument) {
  if (isFloating(x->dtype)) return true;
  call.fail(
      Code::OperandDTypes,
      fmt::format("{} needs a floating dtype, not {}", call.function.name, dtypeName(x->dtype)),
      argument);
  return false;
}

bool axisArgument(Call &call, std::string_view name, int rank, int64_t &axis) {
  if (axis < -rank || axis >= rank) {
    call.fail(Code::AttributeRange,
              rank == 0 ? fmt::format("{} {} is out of range: a scalar has no axes", name, axis)
                        : fmt::format("{} {} is out of range [{}, {})", name, axis, -rank, rank),
              name);
    return false;
  }
  if (axis < 0) axis += rank;
  return true;
}

bool axesArgument(Call &call, const Arg &arg, std::string_view name, Shape shape,
                  std::vector<int64_t> &axes) {
  axes.clear();
  if (!shape.hasRank()) return true;
  if (arg.kind == Arg::None) {
    for (int i = 0; i < shape.rank(); ++i) axes.push_back(i);
    return true;
  }
  for (int64_t axis : arg.ints) {
    if (!axisArgument(call, name, shape.rank(), axis)) return false;
    axes.push_back(axis);
  }
  std::sort(axes.begin(), axes.end());
  auto twice = std::adjacent_find(axes.begin(), axes.end());
  if (twice == axes.end()) return true;
  call.fail(Code::AttributeRange, fmt::format("{} names axis {} twice", name, *twice), name);
  return false;
}

bool spatialArgument(Call &call, std::string_view name, std::vector<int64_t> &values,
                     bool channelsFirst) {
  auto given = call.ints(name);
  values.assign(given.begin(), given.end());
  if (values.size() == 1) values.push_back(values[0]);
  if (values.size() == 4) {
    size_t first = channelsFirst ? 2 : 1;
    if (values[0] != 1 || values[channelsFirst ? 1 : 3] != 1) {
      call.fail(Code::AttributeRange,
                fmt::format("{} of batch and channels must be 1: {}", name,
                            channelsFirst ? "[1, 1, height, width]" : "[1, height, width, 1]"),
                name);
      return false;
    }
    values = {values[first], values[first + 1]};
  }
  if (values.size() != 2) {
    call.fail(Code::AttributeRange,
              fmt::format("{} must be one number, [height, width] or [1, height, width, 1]", name),
              name);
    return false;
  }
  // The limit keeps what follows in int64.
  constexpr int64_t limit = int64_t(1) << 31;
  for (int64_t value : values)
    if (value < 1 || value >= limit) {
      call.fail(Code::AttributeRange,
                fmt::format("{} must be at least 1{}, not {}", name,
                            value < 1 ? "" : " and less than 2**31", value),
                name);
      return false;
    }
  return true;
}

namespace {
bool explicitPads(Call &call, const Literal &literal, Window &window, bool channelsFirst) {
  bool fits = literal.dims.size() == 2 && literal.dims[0] == 4 && literal.dims[1] == 2 &&
              isInteger(literal.dtype);
  Array array{literal.dtype, {literal.dims.begin(), literal.dims.end()}, {}};
  array.bytes.assign(literal.bytes.begin(), literal.bytes.end());
  for (int64_t i = 0; fits && i < 8; ++i) {
    int64_t pad = array.integer(i);
    int64_t place = i - (channelsFirst ? 4 : 2); // among top, bottom, left and right
    bool spatial = place >= 0 && place < 4;
    fits = spatial ? pad >= 0 && pad < int64_t(1) << 31 : pad == 0;
    if (spatial) window.pads[place] = pad;
  }
  if (fits) return true;
  call.fail(Code::AttributeRange,
            channelsFirst
                ? "padding must be [[0, 0], [0, 0], [top, bottom], [left, right]], none negative"
                : "padding must be [[0, 0], [top, bottom], [left, right], [0, 0]], none negative",
            "padding");
  return false;
}
} // namespace

bool paddingArgument(Call &call, Shape input, Window &window, bool channelsFirst) {
  const Arg &arg = call.arg("padding");
  if (arg.kind == Arg::Literal) {
    window.padding = "EXPLICIT";
    return explicitPads(call, *arg.literal, window, channelsFirst);
  }
  if (arg.text != "SAME" && arg.text != "VALID") {
    call.fail(Code::AttributeRange,
              fmt::format("padding must be \"SAME\" or \"VALID\", not \"{}\"", arg.text),
              "padding");
    return false;
  }
  window.padding = arg.text == "SAME" ? "SAME" : "VALID";
  for (size_t i = 0; i < 2 && window.padding == "SAME"; ++i) {
    Dim size = input[i + 1], stride = window.strides[i];
    Dim reach = (window.size[i] - 1) * Dim(window.dilations[i]) + 1;
    Dim total = max((ceilDiv(size, stride) - 1) * stride + reach - size, 0);
    if (total.isOverflow()) {
      call.fail(Code::AttributeRange, "the window is too large", "padding");
      return false;
    }
    window.pads[2 * i] = floorDiv(total, 2);
    window.pads[2 * i + 1] = total - window.pads[2 * i];
  }
  return true;
}

bool windowPositions(Infer &infer, Dim size, Dim window, int axis, Dim &into) {
  Dim stride = infer.intsAttr("strides")[size_t(axis)];
  if (infer.textAttr("padding") == "SAME") {
    into = ceilDiv(size, stride);
    return true;
  }
  auto dilations = infer.intsAttr("dilations");
  Dim reach = dilations.empty() ? window : (window - 1) * Dim(dilations[size_t(axis)]) + 1;
  auto pads = infer.dimsAttr("pads").subspan(size_t(axis) * 2, 2);
  Dim padded = size + pads[0] + pads[1];
  // One stride short of the window is the last size that gives no position instead of a
  // negative number of them.
  Dim gap = padded - reach + stride;
  const char *which = axis == 0 ? "height" : "width";
  if (gap.isStatic() && gap.value < 0)
    return infer.fail(Code::AttributeRange,
                      fmt::format("the window's {} {} is larger than the input's, {}{}", which,
                                  toString(reach), toString(padded),
                                  padded == size ? "" : " with padding"),
                      0);
  if (!gap.isStatic() &&
      !infer.atLeast(padded, reach - stride,
                     fmt::format("the {} of {}'s input with padding", which, infer.type)))
    return false;
  into = floorDiv(padded - reach, stride) + 1;
  return true;
}

} // namespace graphc
