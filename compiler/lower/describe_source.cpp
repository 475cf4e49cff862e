// Where tensors come from: constants, dimensions, random numbers. Placeholders and variables are
// build.cpp's.
#include "lower/describe.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <graphrt/abi.h>

namespace graphc::lower {

namespace {

float halfValue(uint16_t bits) {
  int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  float magnitude = exponent == 31  ? (mantissa ? NAN : INFINITY)
                    : exponent == 0 ? std::ldexp(float(mantissa), -24)
                                    : std::ldexp(float(mantissa + 1024), exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

/// Element 0 as a constant expression.
const Expr *firstElement(ExprPool &e, DType dtype, const std::byte *bytes) {
  auto as = [&](auto example) {
    std::memcpy(&example, bytes, sizeof example);
    return example;
  };
  switch (dtype) {
  case DType::Float16:
    return e.number(dtype, halfValue(as(uint16_t())));
  case DType::BFloat16:
    return e.number(dtype, std::bit_cast<float>(uint32_t(as(uint16_t())) << 16));
  case DType::Float32:
    return e.number(dtype, as(float()));
  case DType::Float64:
    return e.number(dtype, as(double()));
  case DType::Int8:
    return e.integer(dtype, as(int8_t()));
  case DType::Int16:
    return e.integer(dtype, as(int16_t()));
  case DType::Int32:
    return e.integer(dtype, as(int32_t()));
  case DType::UInt8:
  case DType::Bool:
    return e.integer(dtype, as(uint8_t()));
  case DType::UInt16:
    return e.integer(dtype, as(uint16_t()));
  case DType::UInt32:
    return e.integer(dtype, as(uint32_t()));
  default:
    return e.integer(dtype, as(int64_t()));
  }
}

bool constant(Describer &d) {
  d.outputs[0] =
      literalNode(d.program, &d.op, d.dtype(), d.shape(), d.op.literalAttr("value")->bytes);
  return true;
}

/// Dimensions as the elements of a scalar or vector.
bool giveDims(Describer &d, std::span<const Dim> dims) {
  DType type = d.dtype();
  auto number = [&](Dim dim) {
    return isFloating(type) && dim.isStatic() ? d.e.number(type, double(dim.value))
                                              : d.e.cast(type, d.e.dim(dim));
  };
  if (d.shape().empty()) return d.give(number(dims[0]));
  const Expr *value = dims.empty() ? d.e.integer(type, 0) : number(dims.back());
  for (size_t i = dims.size(); i-- > 1;)
    value = d.e.select(d.e.lt(d.e.index(0), d.e.i64(i)), number(dims[i - 1]), value);
  return d.give(value);
}

bool dims(Describer &d) { return giveDims(d, d.op.dimsAttr("value")); }
bool shape(Describer &d) { return giveDims(d, d.inputs[0]->shape); }
bool size(Describer &d) {
  Dim all = d.inputs[0]->elements();
  return giveDims(d, {&all, 1});
}
bool rank(Describer &d) {
  Dim count(int64_t(d.inputs[0]->shape.size()));
  return giveDims(d, {&count, 1});
}

bool fill(Describer &d) { return d.give(d.e.load(d.inputs[0], {})); }

bool range(Describer &d) {
  const Expr *start = d.e.load(d.inputs[0], {}), *delta = d.e.load(d.inputs[1], {});
  if (isInteger(d.dtype()))
    return d.give(d.e.add(start, d.e.mul(d.e.cast(d.dtype(), d.e.index(0)), delta)));
  Node node;
  node.kind = Node::Sequence;
  node.dtype = d.dtype();
  node.shape = d.shape();
  node.value = start;
  node.limit = delta;
  d.outputs[0] = d.add(std::move(node));
  return true;
}

template <int32_t kind>
bool random(Describer &d) {
  Node node;
  node.kind = Node::Random;
  node.dtype = d.dtype();
  node.shape = d.shape();
  node.random.op = uint64_t(d.op.intAttr("number"));
  node.random.kind = isInteger(d.dtype()) ? -1 : kind;
  node.random.a = d.op.floatAttr("a");
  node.random.b = d.op.floatAttr("b");
  node.random.low = d.op.intAttr("low");
  node.random.high = d.op.intAttr("high");
  d.outputs[0] = d.add(std::move(node));
  return true;
}

bool nothing(Describer &) { return true; }

constexpr Description table[] = {
    {"Const", constant},
    {"Dims", dims},
    {"Shape", shape},
    {"Size", size},
    {"Rank", rank},
    {"Fill", fill},
    {"Range", range},
    {"random_uniform", random<GRAPHRT_RANDOM_UNIFORM>},
    {"random_normal", random<GRAPHRT_RANDOM_NORMAL>},
    {"truncated_normal", random<GRAPHRT_RANDOM_TRUNCATED_NORMAL>},
    {"NoOp", nothing},
};

} // namespace

Node *literalNode(Program &program, const Operation *op, DType dtype, std::vector<Dim> shape,
                  std::span<const std::byte> bytes) {
  Node node;
  node.op = op;
  node.dtype = dtype;
  node.shape = std::move(shape);
  size_t each = size_t(dtypeSize(dtype));
  bool same = !bytes.empty();
  for (size_t at = each; same && at < bytes.size(); at += each)
    same = std::memcmp(bytes.data(), bytes.data() + at, each) == 0;
  if (same) {
    node.kind = Node::Pointwise;
    node.value = firstElement(program.exprs, dtype, bytes.data());
    // A NaN's bits are kept only in memory.
    if (isFloating(dtype) && std::isnan(node.value->number)) same = false;
  }
  if (!same) {
    node.kind = Node::Literal;
    node.value = nullptr;
    node.bytes = bytes;
  }
  return program.add(std::move(node));
}

std::span<const Description> sourceDescriptions() { return table; }

} // namespace graphc::lower
