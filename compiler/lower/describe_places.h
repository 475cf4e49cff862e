// What comes back through a max_pool has one element a window and channel that is not 0. Where a
// convolution's output went through it (by way of an activation, if any), the derivatives of the
// convolution are described in terms of these elements' values and places alone; the tensor with
// all the zeros is then not made, unless somebody else wants it.
#pragma once

#include "lower/describe.h"

namespace graphc::lower {

/// What `grad` (of an image, NHWC) is in terms of the windows that it came through, or null.
PooledGrad *pooledGrad(Describer &d, Node *grad);
/// Its places, uint8, of the shape of the values.
Node *placesOf(Describer &d, PooledGrad &grad);

} // namespace graphc::lower
