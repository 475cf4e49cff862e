// Indexing as in x[1:3, ..., None, -1], which elaboration reads from the definition.
#pragma once

#include "ops/op.h"

#include <optional>

namespace graphc {

/// One item between the brackets.
struct IndexItem {
  enum Kind : uint8_t { At, Range, NewAxis, Ellipsis } kind = Range;
  std::optional<Dim> begin; // At: the index
  std::optional<Dim> end;
  int64_t step = 1;
};

/// The attributes of the StridedSlice that `items` mean for `x`; false after an error was
/// reported. As in Python: bounds are clamped, negative ones count from the end; E0107 for an
/// index out of range or more items than axes, E0303 for a step of 0. A bound that depends on
/// run-time dimensions counts from the end only where it can't be positive.
bool indexAttrs(OpBuilder &builder, const Tensor *x, std::span<const IndexItem> items,
                std::vector<Attr> &attrs);

/// x[items], as an operation that takes the name "strided_slice". Null after an error.
Tensor *indexTensor(OpBuilder &builder, Tensor *x, std::span<const IndexItem> items);

} // namespace graphc
