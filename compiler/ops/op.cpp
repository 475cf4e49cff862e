#include "ops/op.h"

#include "ops/numbers.h"

#include <cassert>

namespace graphc {

int64_t Array::elements() const {
  int64_t n = 1;
  for (int64_t d : dims) n *= d;
  return n;
}

void Array::reset(DType type, std::vector<int64_t> shape) {
  dtype = type;
  dims = std::move(shape);
  bytes.assign(size_t(elements() * dtypeSize(type)), std::byte(0));
}

double Array::number(int64_t i) const {
  switch (dtype) {
  case DType::Float16:
    return halfToDouble(as<uint16_t>()[i]);
  case DType::BFloat16:
    return bfloat16ToDouble(as<uint16_t>()[i]);
  case DType::Float32:
    return as<float>()[i];
  case DType::Float64:
    return as<double>()[i];
  case DType::UInt64:
    return double(as<uint64_t>()[i]);
  default:
    return double(integer(i));
  }
}

void Array::setNumber(int64_t i, double value) {
  switch (dtype) {
  case DType::Float16:
    as<uint16_t>()[i] = halfFromDouble(value);
    break;
  case DType::BFloat16:
    as<uint16_t>()[i] = bfloat16FromDouble(value);
    break;
  case DType::Float32:
    as<float>()[i] = float(value);
    break;
  case DType::Float64:
    as<double>()[i] = value;
    break;
  case DType::Bool:
    as<uint8_t>()[i] = value != 0;
    break;
  default:
    setInteger(i, wrapToInt64(value));
  }
}

int64_t Array::integer(int64_t i) const {
  switch (dtype) {
  case DType::Int8:
    return as<int8_t>()[i];
  case DType::Int16:
    return as<int16_t>()[i];
  case DType::Int32:
    return as<int32_t>()[i];
  case DType::Int64:
  case DType::UInt64:
    return as<int64_t>()[i];
  case DType::UInt8:
  case DType::Bool:
    return as<uint8_t>()[i];
  case DType::UInt16:
    return as<uint16_t>()[i];
  case DType::UInt32:
    return as<uint32_t>()[i];
  default:
    return wrapToInt64(number(i));
  }
}

void Array::setInteger(int64_t i, int64_t value) {
  switch (dtype) {
  case DType::Int8:
  case DType::UInt8:
    as<uint8_t>()[i] = uint8_t(value);
    break;
  case DType::Int16:
  case DType::UInt16:
    as<uint16_t>()[i] = uint16_t(value);
    break;
  case DType::Int32:
  case DType::UInt32:
    as<uint32_t>()[i] = uint32_t(value);
    break;
  case DType::Int64:
  case DType::UInt64:
    as<int64_t>()[i] = value;
    break;
  case DType::Bool:
    as<uint8_t>()[i] = value != 0;
    break;
  default:
    setNumber(i, double(value));
  }
}

std::vector<int64_t> Evaluate::dims(std::string_view attr) const {
  std::vector<int64_t> values;
  for (Dim d : op.dimsAttr(attr)) {
    auto value = graphc::evaluate(d, symbols);
    assert(value && "a run-time dimension that leaves int64 is found before anything runs");
    values.push_back(value.value_or(0));
  }
  return values;
}

} // namespace graphc
