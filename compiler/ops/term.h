// Formulas as they are written: arithmetic on terms makes operations without names.
#pragma once

#include "ops/op.h"

namespace graphc {

/// A tensor in a formula. A number that meets one takes its dtype. A term without a tensor stands
/// for an error that was reported; whatever is made of it has none either.
struct Term {
  OpBuilder *builder = nullptr;
  Tensor *tensor = nullptr;

  Term() = default;
  Term(OpBuilder &b, Tensor *t) : builder(&b), tensor(t) {}

  explicit operator bool() const { return tensor != nullptr; }
  DType dtype() const { return tensor->dtype; }
  Term make(std::string_view type, std::initializer_list<Tensor *> inputs,
            std::initializer_list<Attr> attrs = {}) const {
    return {*builder, builder->op(type, inputs, attrs)};
  }
  /// A scalar of this term's dtype.
  Term number(double value) const {
    return {*builder, tensor ? builder->constant(tensor->dtype, value) : nullptr};
  }
  Term cast(DType dtype) const {
    if (!tensor || tensor->dtype == dtype) return *this;
    return make("Cast", {tensor}, {typeAttr("dtype", dtype)});
  }
};

#define GRAPHC_TERM_BINARY(function, type)                                                         \
  inline Term function(const Term &a, const Term &b) {                                             \
    return a.make(type, {a.tensor, b.tensor});                                                     \
  }                                                                                                \
  inline Term function(const Term &a, double b) { return function(a, a.number(b)); }               \
  inline Term function(double a, const Term &b) { return function(b.number(a), b); }
GRAPHC_TERM_BINARY(operator+, "Add")
GRAPHC_TERM_BINARY(operator-, "Sub")
GRAPHC_TERM_BINARY(operator*, "Mul")
GRAPHC_TERM_BINARY(operator/, "RealDiv")
GRAPHC_TERM_BINARY(pow, "Pow")
GRAPHC_TERM_BINARY(maximum, "Maximum")
GRAPHC_TERM_BINARY(minimum, "Minimum")
GRAPHC_TERM_BINARY(greater, "Greater")
GRAPHC_TERM_BINARY(lessEqual, "LessEqual")
GRAPHC_TERM_BINARY(equal, "Equal")
#undef GRAPHC_TERM_BINARY

#define GRAPHC_TERM_UNARY(function, type)                                                          \
  inline Term function(const Term &x) { return x.make(type, {x.tensor}); }
GRAPHC_TERM_UNARY(operator-, "Neg")
GRAPHC_TERM_UNARY(abs, "Abs")
GRAPHC_TERM_UNARY(sign, "Sign")
GRAPHC_TERM_UNARY(square, "Square")
GRAPHC_TERM_UNARY(sqrt, "Sqrt")
GRAPHC_TERM_UNARY(rsqrt, "Rsqrt")
GRAPHC_TERM_UNARY(exp, "Exp")
GRAPHC_TERM_UNARY(cos, "Cos")
GRAPHC_TERM_UNARY(floor, "Floor")
GRAPHC_TERM_UNARY(ceil, "Ceil")
GRAPHC_TERM_UNARY(isFinite, "IsFinite")
#undef GRAPHC_TERM_UNARY

inline Term select(const Term &condition, const Term &x, const Term &y) {
  return x.make("Select", {condition.tensor, x.tensor, y.tensor});
}

} // namespace graphc
