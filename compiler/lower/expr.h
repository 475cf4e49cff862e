// Scalar expressions: what one element of a tensor is, as a function of its indices.
#pragma once

#include "graph/graph.h"

#include <deque>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

namespace graphc::lower {

struct Node;

enum class ExprKind : uint8_t {
  // Leaves
  Const,    // a number of the dtype
  Index,    // the value of iteration index `integer`; int64
  DimValue, // the value of `dim`; int64
  Load,     // the element of `node` at indices `args`
  Acc,      // what a reduction or contraction has accumulated
  // One operand
  Cast, // to the dtype; from floating to integer toward zero, to the nearest that fits, NaN to 0
  Neg,
  Abs,
  Sign,
  Floor,
  Ceil,
  Round, // half to even
  Sqrt,
  Rsqrt,
  Exp,
  Expm1,
  Log,
  Log1p,
  Tanh,
  Sigmoid,
  Softplus,
  Erf,
  Erfc,
  Sin,
  Cos,
  Tan,
  Asin,
  Acos,
  Atan,
  Sinh,
  Cosh,
  Asinh,
  Acosh,
  Atanh,
  Lgamma,
  Not, // bool
  IsNan,
  IsInf,
  IsFinite,
  // Two operands
  Add,
  Sub,
  Mul,
  Div,      // floating
  FloorDiv, // toward minus infinity; what is divided by an integer 0 is any value
  FloorMod, // sign of the divisor
  TruncDiv,
  TruncMod,
  Pow,
  Atan2,
  Max, // NaN comes through
  Min,
  Eq,
  Ne,
  Lt,
  Le,
  And, // bool, or bits
  Or,
  Xor,
  Shl, // by [0, bits)
  Shr, // of signed dtypes the sign comes in
  // Three
  Select, // args[0] ? args[1] : args[2]
};

/// Interned: equal pointers are equal expressions.
struct Expr {
  ExprKind kind = ExprKind::Const;
  DType dtype = DType::Invalid;
  uint32_t id = 0; // order of making
  std::vector<const Expr *> args;
  int64_t integer = 0; // Const of an integer or bool; Index
  double number = 0;   // Const of a floating type
  Dim dim;
  Node *node = nullptr;

  Expr() = default;
  Expr(ExprKind kind, DType dtype) : kind(kind), dtype(dtype) {}

  bool isConst() const { return kind == ExprKind::Const; }
  bool isInteger(int64_t v) const { return isConst() && isIntegerOrBool() && integer == v; }
  bool isIntegerOrBool() const { return graphc::isInteger(dtype) || dtype == DType::Bool; }
};

using Indices = std::vector<const Expr *>;

class ExprPool {
public:
  // The numbers of a constant: of any dtype.
  const Expr *number(DType dtype, double value);
  const Expr *integer(DType dtype, int64_t value);
  const Expr *i64(int64_t value) { return integer(DType::Int64, value); }
  const Expr *boolean(bool value) { return integer(DType::Bool, value); }
  const Expr *index(int k);
  const Expr *dim(Dim d);
  const Expr *load(Node *node, Indices indices);
  const Expr *acc(DType dtype);

  /// The dtype of results: that of the (last) operand; bool of comparisons.
  const Expr *make(ExprKind kind, const Expr *a);
  const Expr *make(ExprKind kind, const Expr *a, const Expr *b);
  const Expr *select(const Expr *condition, const Expr *a, const Expr *b);
  const Expr *cast(DType dtype, const Expr *a);

  const Expr *add(const Expr *a, const Expr *b) { return make(ExprKind::Add, a, b); }
  const Expr *sub(const Expr *a, const Expr *b) { return make(ExprKind::Sub, a, b); }
  const Expr *mul(const Expr *a, const Expr *b) { return make(ExprKind::Mul, a, b); }
  const Expr *min(const Expr *a, const Expr *b) { return make(ExprKind::Min, a, b); }
  const Expr *max(const Expr *a, const Expr *b) { return make(ExprKind::Max, a, b); }
  const Expr *lt(const Expr *a, const Expr *b) { return make(ExprKind::Lt, a, b); }
  const Expr *le(const Expr *a, const Expr *b) { return make(ExprKind::Le, a, b); }
  const Expr *both(const Expr *a, const Expr *b) { return make(ExprKind::And, a, b); }

  /// The expression with leaves replaced: `leaf` gives the new expression of an Index, Load
  /// (whose indices are replaced already) or Acc, or null to keep it.
  const Expr *rewrite(const Expr *expr, const std::function<const Expr *(const Expr *)> &leaf);
  /// Index k replaced by indices[k].
  const Expr *at(const Expr *expr, std::span<const Expr *const> indices);

private:
  const Expr *intern(Expr expr);
  const Expr *foldInteger(ExprKind kind, const Expr *a, const Expr *b);
  std::deque<Expr> exprs_;
  std::unordered_multimap<size_t, const Expr *> byHash_;
};

/// Calls `visit` once for every distinct expression in `root`, operands first.
void visitOnce(std::span<const Expr *const> roots, const std::function<void(const Expr *)> &visit);

} // namespace graphc::lower
