// Whether two things of a graph, or of two graphs, hold the same.
#pragma once

#include "graph/graph.h"

#include <algorithm>

namespace graphc {

/// Dtype, dimensions and every bit.
bool sameLiteral(const Literal &a, const Literal &b);

/// Name, kind and contents. How floats and dimensions are compared is the caller's: whether -0 is
/// 0, and whether the dimensions are of one graph.
template <class SameFloat, class SameDim>
bool sameAttr(const Attr &a, const Attr &b, SameFloat sameFloat, SameDim sameDim) {
  if (a.name != b.name || a.kind != b.kind) return false;
  switch (a.kind) {
  case Attr::None:
    return true;
  case Attr::Int:
    return a.i == b.i;
  case Attr::Float:
    return sameFloat(a.f, b.f);
  case Attr::Bool:
    return a.b == b.b;
  case Attr::Text:
    return a.text == b.text;
  case Attr::Type:
    return a.dtype == b.dtype;
  case Attr::Ints:
    return std::equal(a.ints.begin(), a.ints.end(), b.ints.begin(), b.ints.end());
  case Attr::Dims:
    return std::equal(a.dims.begin(), a.dims.end(), b.dims.begin(), b.dims.end(), sameDim);
  case Attr::Tensor:
    return sameLiteral(*a.literal, *b.literal);
  }
  return false;
}

} // namespace graphc
