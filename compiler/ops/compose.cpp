#include "ops/compose.h"

namespace graphc {

Tensor *castTo(OpBuilder &b, Tensor *x, DType dtype) {
  if (!x || x->dtype == dtype) return x;
  return b.op("Cast", {x}, {typeAttr("dtype", dtype)});
}

Tensor *reshapeTo(OpBuilder &b, Tensor *x, const std::vector<Dim> &dims) {
  if (!x) return nullptr;
  return b.op("Reshape", {x}, {dimsAttr("shape", b.keep(dims))});
}

} // namespace graphc
