// Steps that functions made of several operations share. All pass null through, which stands
// for an error that was reported.
#pragma once

#include "ops/op.h"

namespace graphc {

/// `x` itself where it has the dtype.
Tensor *castTo(OpBuilder &b, Tensor *x, DType dtype);
/// `x` with dimensions of 1 put in: the shape is `dims`, whose elements are those of `x`.
Tensor *reshapeTo(OpBuilder &b, Tensor *x, const std::vector<Dim> &dims);

} // namespace graphc
