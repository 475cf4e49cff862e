// C++20 over graphrt.h, header only: results that carry an error or a value, for the classes that
// the compiler writes. Nothing here throws but std::bad_alloc where an error's text is copied.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <graphrt/graphrt.h>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <version>

#ifdef __cpp_lib_mdspan
#include <array>
#include <mdspan>
#define GRAPHRT_HAS_VIEWS
#endif

namespace graphrt {

/// Why a call failed.
struct Error {
  graphrt_status status = GRAPHRT_INTERNAL;
  std::string message;
};

/// A value or an error, in the manner of C++23's std::expected. Reading the one that is not there
/// is a mistake of the program (an assertion).
template <typename T>
class [[nodiscard]] Result {
public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const { return held_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T &value() & { return *std::get_if<0>(&held_); }
  const T &value() const & { return *std::get_if<0>(&held_); }
  T &&value() && { return std::move(*std::get_if<0>(&held_)); }
  T &operator*() & { return value(); }
  const T &operator*() const & { return value(); }
  T &&operator*() && { return std::move(*this).value(); }
  T *operator->() { return &value(); }
  const T *operator->() const { return &value(); }
  const Error &error() const {
    assert(!has_value());
    return *std::get_if<1>(&held_);
  }

private:
  std::variant<T, Error> held_;
};

template <>
class [[nodiscard]] Result<void> {
public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool has_value() const { return !error_; }
  explicit operator bool() const { return has_value(); }
  const Error &error() const {
    assert(!has_value());
    return *error_;
  }

private:
  std::optional<Error> error_;
};

/// What a call's status means; the message is that of this thread's last call.
inline Result<void> result(graphrt_status status) {
  if (status == GRAPHRT_OK) return {};
  return Error{status, graphrt_message()};
}

/// Whether a buffer of `given` elements has exactly the shape `dims`.
inline Result<void> checkSize(const char *name, std::size_t given,
                              std::initializer_list<std::int64_t> dims) {
  std::uint64_t expected = 1;
  bool fits = true, empty = false;
  for (std::int64_t dim : dims) {
    if (dim < 0) return Error{GRAPHRT_BAD_SHAPE, std::string(name) + ": a dimension is negative"};
    empty |= dim == 0;
    if (dim != 0 && expected > UINT64_MAX / static_cast<std::uint64_t>(dim))
      fits = false;
    else if (dim != 0)
      expected *= static_cast<std::uint64_t>(dim);
  }
  if (empty) expected = 0, fits = true;
  if (fits && expected == given) return {};
  std::string text =
      std::string(name) + ": " + std::to_string(given) + " elements were given; its shape (";
  bool first = true;
  for (std::int64_t dim : dims) {
    text += (first ? "" : ", ") + std::to_string(dim);
    first = false;
  }
  text += ") has ";
  text += fits ? std::to_string(expected) : std::string("more than fit in memory");
  return Error{GRAPHRT_BAD_SHAPE, text};
}

#ifdef GRAPHRT_HAS_VIEWS
/// An array with its shape, as exports take and give it: dense and row-major.
template <typename T, std::size_t Rank>
using View = std::mdspan<T, std::dextents<std::size_t, Rank>>;

/// Whether an array has exactly the shape `dims`.
template <typename Array>
Result<void> checkExtents(const char *name, const Array &view,
                          const std::array<std::int64_t, Array::rank()> &dims) {
  bool same = true;
  std::string given, wanted;
  for (std::size_t axis = 0; axis < Array::rank(); ++axis) {
    same &= std::cmp_equal(view.extent(axis), dims[axis]);
    given += (axis ? ", " : "") + std::to_string(view.extent(axis));
    wanted += (axis ? ", " : "") + std::to_string(dims[axis]);
  }
  if (same) return {};
  return Error{GRAPHRT_BAD_SHAPE,
               std::string(name) + ": the array has shape (" + given + "), not (" + wanted + ")"};
}
#endif

} // namespace graphrt
