// Steps that functions made of several operations share. All pass null through, which stands
// for an error that was reported.
#pragma once

#include "ops/op.h"

namespace graphc {

/// `x` itself where it has the dtype.
Tensor *castTo(OpBuilder &b, Tensor *x, DType dtype);
/// `x` with dimensions of 1 put in: the shape is `dims`, whose elements are those of `x`.
Tensor *reshapeTo(OpBuilder &b, Tensor *x, const std::vector<Dim> &dims);

/// `x` with its axes in another order: output axis i is x's axis perm[i].
Tensor *transposeTo(OpBuilder &b, Tensor *x, const std::vector<int64_t> &perm);
/// 0, 1, … size - 1 as a vector of the (integer or floating) dtype.
Tensor *countTo(OpBuilder &b, Dim size, DType dtype);
/// A dimension as a scalar.
Tensor *dimAs(OpBuilder &b, Dim dim, DType dtype);
/// Sums along axes, in [0, rank).
Tensor *sumOver(OpBuilder &b, Tensor *x, const std::vector<int64_t> &axes, bool keepdims);
Tensor *meanOver(OpBuilder &b, Tensor *x, const std::vector<int64_t> &axes, bool keepdims);

/// Makes an operation in the scope that a function's call is, as TensorFlow's do that consist of
/// several: `scope` is the name that was taken for the call. It becomes `Call::made`.
Tensor *inScope(Call &call, std::string_view scope, std::string_view name, std::string_view type,
                std::initializer_list<Tensor *> inputs, std::span<const Attr> attrs = {});

/// Whether data_format is "NCHW"; `failed` where it is neither that nor "NHWC", which is E0303.
bool wantsNCHW(Call &call, bool &failed);
/// An image batch (n, c, h, w) as (n, h, w, c), and back.
Tensor *channelsLast(OpBuilder &b, Tensor *x);
Tensor *channelsFirst(OpBuilder &b, Tensor *x);

} // namespace graphc
