#include "lower/describe.h"

#include <algorithm>

namespace graphc::lower {

namespace {

/// Operand `i` at the output's place, in the type that is computed in.
const Expr *operand(Describer &d, size_t i) {
  return d.wide(d.broadcast(d.inputs[i], d.indices(d.op.outputs[0].shape.rank())));
}

template <ExprKind kind>
bool unary(Describer &d) {
  return d.give(d.e.make(kind, operand(d, 0)));
}

template <ExprKind kind>
bool binary(Describer &d) {
  return d.give(d.e.make(kind, operand(d, 0), operand(d, 1)));
}

/// x > y is y < x.
template <ExprKind kind>
bool swapped(Describer &d) {
  return d.give(d.e.make(kind, operand(d, 1), operand(d, 0)));
}

/// The call fails where an element of the input is bad, unless none of them is used.
template <typename Bad>
void failForElement(Describer &d, Node *input, const char *message, Bad bad) {
  const Expr *element = d.e.load(input, d.indices(input->shape.size()));
  const Expr *used = d.e.lt(d.e.i64(0), d.e.dim(d.op.outputs[0].shape.elements()));
  d.failIf(input->shape, d.e.both(used, bad(element)), d.name() + message);
}

/// Of floating numbers the quotient is rounded to the dtype before it is floored.
const Expr *floorQuotient(Describer &d, const Expr *x, const Expr *y) {
  if (!isFloating(x->dtype)) return d.e.make(ExprKind::FloorDiv, x, y);
  const Expr *quotient = d.e.cast(d.dtype(), d.e.make(ExprKind::Div, x, y));
  return d.e.make(ExprKind::Floor, d.wide(quotient));
}

template <ExprKind kind>
bool division(Describer &d) {
  const Expr *divisor = operand(d, 1);
  if (!isFloating(divisor->dtype))
    failForElement(d, d.inputs[1], ": division by zero", [&](const Expr *element) {
      return d.e.make(ExprKind::Eq, element, d.e.integer(element->dtype, 0));
    });
  if (kind == ExprKind::FloorDiv) return d.give(floorQuotient(d, operand(d, 0), divisor));
  return binary<kind>(d);
}

bool power(Describer &d) {
  if (isSignedInteger(d.inputs[1]->dtype))
    failForElement(d, d.inputs[1], ": an integer to a negative power", [&](const Expr *element) {
      return d.e.lt(element, d.e.integer(element->dtype, 0));
    });
  return binary<ExprKind::Pow>(d);
}

template <ExprKind kind>
bool truncated(Describer &d) {
  failForElement(d, d.inputs[1], ": division by zero", [&](const Expr *element) {
    return d.e.make(ExprKind::Eq, element, d.e.integer(element->dtype, 0));
  });
  return binary<kind>(d);
}

template <ExprKind kind>
bool shift(Describer &d) {
  const Expr *x = operand(d, 0), *by = operand(d, 1);
  by = d.e.max(by, d.e.integer(by->dtype, 0));
  by = d.e.min(by, d.e.integer(by->dtype, dtypeSize(by->dtype) * 8 - 1));
  return d.give(d.e.make(kind, x, by));
}

bool invert(Describer &d) {
  const Expr *x = operand(d, 0);
  return d.give(d.e.make(ExprKind::Xor, x, d.e.integer(x->dtype, -1)));
}

bool square(Describer &d) {
  const Expr *x = operand(d, 0);
  return d.give(d.e.mul(x, x));
}

bool squaredDifference(Describer &d) {
  const Expr *gap = d.e.sub(operand(d, 0), operand(d, 1));
  return d.give(d.e.mul(gap, gap));
}

/// Zeros with one piece over them, as gradients of slices and gathers are.
bool isMostlyZeros(const Node *node) {
  return node->kind == Node::Pieces && node->pieces.size() == 2 &&
         node->pieces[0].value->isConst() && node->pieces[0].dims == node->shape &&
         (node->pieces[0].value->number == 0 && node->pieces[0].value->integer == 0);
}

/// What is zeros but for a piece is not added as a whole: each piece is added in its place.
bool addPieces(Describer &d) {
  auto zeros = [](const Node *input) { return isMostlyZeros(input); };
  if (std::count_if(d.inputs.begin(), d.inputs.end(), zeros) < 2 ||
      Describer::wideType(d.dtype()) != d.dtype())
    return false;
  Node node;
  node.kind = Node::Pieces;
  node.dtype = d.dtype();
  node.shape = d.shape();
  const Expr *sum = nullptr;
  for (size_t i = 0; i < d.inputs.size(); ++i)
    if (!isMostlyZeros(d.inputs[i])) sum = sum ? d.e.add(sum, operand(d, i)) : operand(d, i);
  if (!sum) sum = d.e.number(d.dtype(), 0);
  node.pieces.push_back({node.shape, sum, d.indices(node.shape.size())});
  for (const Node *input : d.inputs)
    if (isMostlyZeros(input)) {
      node.pieces.push_back(input->pieces[1]);
      node.pieces.back().adds = true;
    }
  d.outputs[0] = d.add(std::move(node));
  return true;
}

bool addN(Describer &d) {
  if (addPieces(d)) return true;
  const Expr *sum = operand(d, 0);
  for (size_t i = 1; i < d.inputs.size(); ++i) sum = d.e.add(sum, operand(d, i));
  return d.give(sum);
}

bool reciprocal(Describer &d) {
  const Expr *x = operand(d, 0);
  return d.give(d.e.make(ExprKind::Div, d.e.number(x->dtype, 1), x));
}

bool select(Describer &d) {
  Indices at = d.indices(d.op.outputs[0].shape.rank());
  return d.give(d.e.select(d.broadcast(d.inputs[0], at), d.broadcast(d.inputs[1], at),
                           d.broadcast(d.inputs[2], at)));
}

bool cast(Describer &d) {
  return d.give(d.e.cast(d.dtype(), d.broadcast(d.inputs[0], d.indices(d.shape().size()))));
}

// Activations: written so that NaN comes through.

bool relu(Describer &d) {
  const Expr *x = operand(d, 0), *zero = d.e.integer(x->dtype, 0);
  return d.give(d.e.select(d.e.lt(x, zero), zero, x));
}

bool relu6(Describer &d) {
  const Expr *x = operand(d, 0), *zero = d.e.integer(x->dtype, 0), *six = d.e.integer(x->dtype, 6);
  return d.give(d.e.select(d.e.lt(x, zero), zero, d.e.select(d.e.lt(six, x), six, x)));
}

/// x, and `below` where it is negative.
bool belowZero(Describer &d, const Expr *x, const Expr *below) {
  return d.give(d.e.select(d.e.lt(x, d.e.number(x->dtype, 0)), below, x));
}

bool leakyRelu(Describer &d) {
  const Expr *x = operand(d, 0);
  return belowZero(d, x, d.e.mul(x, d.e.number(x->dtype, d.op.floatAttr("alpha", 0.2))));
}

bool elu(Describer &d) {
  const Expr *x = operand(d, 0);
  return belowZero(d, x, d.e.make(ExprKind::Expm1, x));
}

// The constants: Klambauer et al., "Self-Normalizing Neural Networks", 2017, equation 14.
bool selu(Describer &d) {
  constexpr double scale = 1.0507009873554804934193349852946;
  constexpr double alpha = 1.6732632423543772848170429916717;
  const Expr *x = operand(d, 0);
  const Expr *below = d.e.mul(d.e.number(x->dtype, scale * alpha), d.e.make(ExprKind::Expm1, x));
  const Expr *above = d.e.mul(d.e.number(x->dtype, scale), x);
  return d.give(d.e.select(d.e.lt(x, d.e.number(x->dtype, 0)), below, above));
}

bool gelu(Describer &d) {
  const Expr *x = operand(d, 0);
  const Expr *scaled = d.e.mul(x, d.e.number(x->dtype, -0.70710678118654752440));
  const Expr *half = d.e.mul(x, d.e.number(x->dtype, 0.5));
  return d.give(d.e.mul(half, d.e.make(ExprKind::Erfc, scaled)));
}

bool softsign(Describer &d) {
  const Expr *x = operand(d, 0);
  const Expr *under = d.e.add(d.e.make(ExprKind::Abs, x), d.e.number(x->dtype, 1));
  return d.give(d.e.make(ExprKind::Div, x, under));
}

constexpr Description table[] = {
    {"Add", binary<ExprKind::Add>},
    {"Sub", binary<ExprKind::Sub>},
    {"Mul", binary<ExprKind::Mul>},
    {"RealDiv", binary<ExprKind::Div>},
    {"FloorDiv", division<ExprKind::FloorDiv>},
    {"FloorMod", division<ExprKind::FloorMod>},
    {"Pow", power},
    {"Maximum", binary<ExprKind::Max>},
    {"Minimum", binary<ExprKind::Min>},
    {"SquaredDifference", squaredDifference},
    {"BitwiseAnd", binary<ExprKind::And>},
    {"BitwiseOr", binary<ExprKind::Or>},
    {"BitwiseXor", binary<ExprKind::Xor>},
    {"LeftShift", shift<ExprKind::Shl>},
    {"RightShift", shift<ExprKind::Shr>},
    {"Invert", invert},
    {"TruncateDiv", truncated<ExprKind::TruncDiv>},
    {"TruncateMod", truncated<ExprKind::TruncMod>},
    {"AddN", addN},
    {"BiasAdd", binary<ExprKind::Add>},
    {"Neg", unary<ExprKind::Neg>},
    {"Abs", unary<ExprKind::Abs>},
    {"Sign", unary<ExprKind::Sign>},
    {"Square", square},
    {"Sqrt", unary<ExprKind::Sqrt>},
    {"Rsqrt", unary<ExprKind::Rsqrt>},
    {"Exp", unary<ExprKind::Exp>},
    {"Expm1", unary<ExprKind::Expm1>},
    {"Log", unary<ExprKind::Log>},
    {"Log1p", unary<ExprKind::Log1p>},
    {"Tanh", unary<ExprKind::Tanh>},
    {"Sigmoid", unary<ExprKind::Sigmoid>},
    {"Sin", unary<ExprKind::Sin>},
    {"Cos", unary<ExprKind::Cos>},
    {"Tan", unary<ExprKind::Tan>},
    {"Asin", unary<ExprKind::Asin>},
    {"Acos", unary<ExprKind::Acos>},
    {"Atan", unary<ExprKind::Atan>},
    {"Atan2", binary<ExprKind::Atan2>},
    {"Sinh", unary<ExprKind::Sinh>},
    {"Cosh", unary<ExprKind::Cosh>},
    {"Asinh", unary<ExprKind::Asinh>},
    {"Acosh", unary<ExprKind::Acosh>},
    {"Atanh", unary<ExprKind::Atanh>},
    {"Floor", unary<ExprKind::Floor>},
    {"Ceil", unary<ExprKind::Ceil>},
    {"Round", unary<ExprKind::Round>},
    {"Reciprocal", reciprocal},
    {"Erf", unary<ExprKind::Erf>},
    {"Erfc", unary<ExprKind::Erfc>},
    {"IsNan", unary<ExprKind::IsNan>},
    {"IsInf", unary<ExprKind::IsInf>},
    {"IsFinite", unary<ExprKind::IsFinite>},
    {"Relu", relu},
    {"Relu6", relu6},
    {"LeakyRelu", leakyRelu},
    {"Elu", elu},
    {"Selu", selu},
    {"Gelu", gelu},
    {"Softplus", unary<ExprKind::Softplus>},
    {"Softsign", softsign},
    {"Equal", binary<ExprKind::Eq>},
    {"NotEqual", binary<ExprKind::Ne>},
    {"Less", binary<ExprKind::Lt>},
    {"LessEqual", binary<ExprKind::Le>},
    {"Greater", swapped<ExprKind::Lt>},
    {"GreaterEqual", swapped<ExprKind::Le>},
    {"LogicalAnd", binary<ExprKind::And>},
    {"LogicalOr", binary<ExprKind::Or>},
    {"LogicalNot", unary<ExprKind::Not>},
    {"Select", select},
    {"Cast", cast},
};

} // namespace

std::span<const Description> elementwiseDescriptions() { return table; }

} // namespace graphc::lower
