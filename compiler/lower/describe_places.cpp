#include "lower/describe_places.h"

#include <algorithm>
#include <cmath>

namespace graphc::lower {

namespace {

constexpr int deepest = 3;             // pointwise nodes that are looked through
constexpr int64_t mostPlaces = 1 << 8; // of a window: they are uint8

/// Of a tensor, the element that is computed itself.
bool isIdentity(const Expr *load) {
  for (size_t i = 0; i < load->args.size(); ++i) {
    const Expr *at = load->args[i];
    bool same = at->kind == ExprKind::Index && at->integer == int64_t(i);
    if (!same && !(at->isInteger(0) && load->node->shape[i].is(1))) return false;
  }
  return true;
}

/// The expression with the values of pointwise nodes in place of their loads, but not of `input`.
const Expr *expanded(ExprPool &e, const Expr *expr, const Node *input, int depth) {
  return e.rewrite(expr, [&](const Expr *leaf) -> const Expr * {
    if (leaf->kind != ExprKind::Load || leaf->node == input) return nullptr;
    if (leaf->node->kind != Node::Pointwise || depth == 0) return nullptr;
    return expanded(e, e.at(leaf->node->value, leaf->args), input, depth - 1);
  });
}

bool isFinite(const Expr *e) { return e->isConst() && std::isfinite(e->number); }

/// Whether the value is 0 wherever the elements of `zero` are, whatever the others are.
bool staysZero(const Expr *e, const Node *zero) {
  switch (e->kind) {
  case ExprKind::Const:
    return e->number == 0;
  case ExprKind::Load:
    return e->node == zero;
  case ExprKind::Neg:
    return staysZero(e->args[0], zero);
  case ExprKind::Select:
    return staysZero(e->args[1], zero) && staysZero(e->args[2], zero);
  case ExprKind::Mul: // by what may be infinite it would be NaN
    return (isFinite(e->args[0]) && staysZero(e->args[1], zero)) ||
           (isFinite(e->args[1]) && staysZero(e->args[0], zero));
  default:
    return false;
  }
}

/// Whether the value depends on where it is otherwise than through loads.
bool namesIndices(const Expr *e) {
  if (e->kind == ExprKind::Load) return false;
  if (e->kind == ExprKind::Index) return true;
  return std::any_of(e->args.begin(), e->args.end(), namesIndices);
}

bool sizesKnown(const PoolSpec &pool) {
  for (Dim size : {pool.height, pool.width, pool.channels, pool.outHeight, pool.outWidth})
    if (!size.isStatic() || size.value < 1) return false;
  return pool.padTop.isStatic() && pool.padLeft.isStatic();
}

/// The derivative of max_pool that the node passes on element by element, if it does.
Node *derivativeIn(Node *grad) {
  if (grad->kind == Node::MaxPoolGrad) return grad;
  if (grad->kind != Node::Pointwise) return nullptr;
  Node *found = nullptr;
  visitOnce({&grad->value, 1}, [&](const Expr *e) {
    if (e->kind == ExprKind::Load && e->node->kind == Node::MaxPoolGrad) found = e->node;
  });
  return found;
}

PooledGrad find(Describer &d, Node *grad) {
  Node *derivative = derivativeIn(grad);
  if (!derivative || derivative->shape != grad->shape || derivative->dtype != grad->dtype)
    return {};
  Node *input = derivative->operands[0], *output = derivative->operands[1];
  Node *given = derivative->operands[2];
  const PoolSpec &pool = derivative->pool;
  bool known = output->kind == Node::MaxPool && output->operands[0] == input && !output->post &&
               pool.sameWindows(output->pool) && sizesKnown(pool) && !derivative->post &&
               pool.windowHeight * pool.windowWidth <= mostPlaces;
  if (!known) return {};
  PooledGrad result;
  result.input = input;
  result.pool = pool;
  if (grad == derivative) {
    result.value = given;
    return result;
  }
  const Expr *value = expanded(d.e, grad->value, input, deepest);
  bool good = staysZero(value, derivative);
  visitOnce({&value, 1}, [&](const Expr *e) {
    if (e->kind == ExprKind::Load)
      good &= (e->node == derivative || e->node == input) && isIdentity(e);
  });
  if (!good || namesIndices(value)) return {};
  // Where the window's largest element is, the input is what the output is.
  value = d.e.rewrite(value, [&](const Expr *leaf) -> const Expr * {
    if (leaf->kind != ExprKind::Load) return nullptr;
    return d.e.load(leaf->node == input ? output : given, leaf->args);
  });
  result.value = d.pointwise(grad->dtype, output->shape, value);
  return result;
}

} // namespace

PooledGrad *pooledGrad(Describer &d, Node *grad) {
  auto [at, made] = d.program.pooledGrads.try_emplace(grad);
  if (made) at->second = find(d, grad);
  return at->second.value ? &at->second : nullptr;
}

Node *placesOf(Describer &d, PooledGrad &grad) {
  if (grad.places) return grad.places;
  Node node;
  node.kind = Node::MaxPoolPlaces;
  node.dtype = DType::UInt8;
  node.shape = grad.value->shape;
  node.operands = {grad.input};
  node.accumulator = grad.input->dtype;
  node.pool = grad.pool;
  grad.places = d.add(std::move(node));
  return grad.places;
}

} // namespace graphc::lower
