#include "ops/evaluate.h"

#include "ops/numbers.h"

namespace graphc {

std::vector<int64_t> broadcastIndex(const std::vector<int64_t> &from,
                                    const std::vector<int64_t> &to) {
  int64_t count = 1;
  for (int64_t d : to) count *= d;
  std::vector<int64_t> index(static_cast<size_t>(count));
  size_t missing = to.size() - from.size();
  std::vector<int64_t> strides(to.size(), 0);
  int64_t stride = 1;
  for (size_t i = from.size(); i-- > 0;) {
    strides[i + missing] = from[i] == 1 ? 0 : stride;
    stride *= from[i];
  }
  std::vector<int64_t> at(to.size(), 0);
  int64_t offset = 0;
  for (auto &entry : index) {
    entry = offset;
    for (size_t axis = to.size(); axis-- > 0;) {
      offset += strides[axis];
      if (++at[axis] < to[axis]) break;
      offset -= strides[axis] * to[axis];
      at[axis] = 0;
    }
  }
  return index;
}

double roundTo(DType dtype, double value) {
  switch (dtype) {
  case DType::Float16:
    return halfToDouble(halfFromDouble(value));
  case DType::BFloat16:
    return bfloat16ToDouble(bfloat16FromDouble(value));
  case DType::Float32:
    return float(value);
  default:
    return value;
  }
}

bool inferUnaryFloat(Infer &infer) {
  if (!infer.needDType(isFloating(infer.dtype(0)), "a floating dtype")) return false;
  infer.output(infer.dtype(0), infer.in(0));
  return true;
}

bool inferUnaryNumeric(Infer &infer) {
  if (!infer.needDType(isNumeric(infer.dtype(0)), "a numeric dtype")) return false;
  infer.output(infer.dtype(0), infer.in(0));
  return true;
}

bool inferBinaryNumeric(Infer &infer) {
  Shape shape;
  if (!infer.sameDTypes() || !infer.needDType(isNumeric(infer.dtype(0)), "a numeric dtype") ||
      !infer.broadcast(infer.in(0), infer.in(1), shape))
    return false;
  infer.output(infer.dtype(0), shape);
  return true;
}

bool inferBinaryFloat(Infer &infer) {
  return infer.needDType(isFloating(infer.dtype(0)), "a floating dtype") &&
         inferBinaryNumeric(infer);
}

} // namespace graphc
