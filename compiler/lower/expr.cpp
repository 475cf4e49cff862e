#include "lower/expr.h"

#include <bit>
#include <unordered_set>

namespace graphc::lower {

const Expr *ExprPool::intern(Expr expr) {
  auto mix = [](size_t h, size_t v) { return (h ^ v) * 0x9e3779b97f4a7c15ull + (h >> 29); };
  size_t hash = mix(size_t(expr.kind), size_t(expr.dtype));
  hash = mix(hash, size_t(expr.integer));
  hash = mix(hash, std::bit_cast<uint64_t>(expr.number));
  hash = mix(hash, size_t(expr.dim.value));
  hash = mix(hash, std::bit_cast<size_t>(expr.dim.expr));
  hash = mix(hash, std::bit_cast<size_t>(expr.node));
  for (const Expr *arg : expr.args) hash = mix(hash, arg->id + 1);
  auto [at, end] = byHash_.equal_range(hash);
  for (; at != end; ++at) {
    const Expr &other = *at->second;
    if (other.kind == expr.kind && other.dtype == expr.dtype && other.integer == expr.integer &&
        std::bit_cast<uint64_t>(other.number) == std::bit_cast<uint64_t>(expr.number) &&
        other.dim == expr.dim && other.node == expr.node && other.args == expr.args)
      return &other;
  }
  expr.id = exprs_.size();
  exprs_.push_back(std::move(expr));
  byHash_.emplace(hash, &exprs_.back());
  return &exprs_.back();
}

/// The value as an integer of the dtype holds it, extended to 64 bits.
static int64_t wrap(DType dtype, int64_t value) {
  switch (dtype) {
  case DType::Bool:
    return value != 0;
  case DType::Int8:
    return int8_t(value);
  case DType::Int16:
    return int16_t(value);
  case DType::Int32:
    return int32_t(value);
  case DType::UInt8:
    return uint8_t(value);
  case DType::UInt16:
    return uint16_t(value);
  case DType::UInt32:
    return uint32_t(value);
  default:
    return value;
  }
}

const Expr *ExprPool::integer(DType dtype, int64_t value) {
  if (isFloating(dtype)) return number(dtype, double(value));
  Expr e(ExprKind::Const, dtype);
  e.integer = wrap(dtype, value);
  return intern(std::move(e));
}

const Expr *ExprPool::number(DType dtype, double value) {
  if (!isFloating(dtype)) return integer(dtype, int64_t(value));
  Expr e(ExprKind::Const, dtype);
  e.number = dtype == DType::Float64 ? value : double(float(value));
  return intern(std::move(e));
}

const Expr *ExprPool::index(int k) {
  Expr e(ExprKind::Index, DType::Int64);
  e.integer = k;
  return intern(std::move(e));
}

const Expr *ExprPool::dim(Dim d) {
  if (d.isStatic()) return i64(d.value);
  Expr e(ExprKind::DimValue, DType::Int64);
  e.dim = d;
  return intern(std::move(e));
}

const Expr *ExprPool::acc(DType dtype) { return intern(Expr(ExprKind::Acc, dtype)); }

static bool givesBool(ExprKind kind) {
  switch (kind) {
  case ExprKind::IsNan:
  case ExprKind::IsInf:
  case ExprKind::IsFinite:
  case ExprKind::Eq:
  case ExprKind::Ne:
  case ExprKind::Lt:
  case ExprKind::Le:
    return true;
  default:
    return false;
  }
}

const Expr *ExprPool::make(ExprKind kind, const Expr *a) {
  if (kind == ExprKind::Neg && a->isConst())
    return isFloating(a->dtype) ? number(a->dtype, -a->number)
                                : integer(a->dtype, int64_t(-uint64_t(a->integer)));
  if (kind == ExprKind::Not && a->isConst()) return boolean(!a->integer);
  Expr e(kind, givesBool(kind) ? DType::Bool : a->dtype);
  e.args = {a};
  return intern(std::move(e));
}

const Expr *ExprPool::foldInteger(ExprKind kind, const Expr *a, const Expr *b) {
  DType dtype = a->dtype;
  if (dtype == DType::UInt64) return nullptr; // the comparisons below are signed
  bool constants = a->isConst() && b->isConst();
  int64_t x = a->integer, y = b->integer;
  switch (kind) {
  case ExprKind::Add:
    if (constants) return integer(dtype, int64_t(uint64_t(x) + uint64_t(y)));
    if (a->isInteger(0)) return b;
    if (b->isInteger(0)) return a;
    break;
  case ExprKind::Sub:
    if (constants) return integer(dtype, int64_t(uint64_t(x) - uint64_t(y)));
    if (b->isInteger(0)) return a;
    break;
  case ExprKind::Mul:
    if (constants) return integer(dtype, int64_t(uint64_t(x) * uint64_t(y)));
    if (a->isInteger(1) || b->isInteger(0)) return b;
    if (b->isInteger(1) || a->isInteger(0)) return a;
    break;
  case ExprKind::FloorDiv:
    if (b->isInteger(1)) return a;
    if (constants && y > 0) return integer(dtype, x / y - (x % y < 0));
    break;
  case ExprKind::FloorMod:
    if (b->isInteger(1)) return integer(dtype, 0);
    if (constants && y > 0) return integer(dtype, x % y + (x % y < 0 ? y : 0));
    break;
  case ExprKind::Min:
    if (a == b) return a;
    if (constants) return x < y ? a : b;
    break;
  case ExprKind::Max:
    if (a == b) return a;
    if (constants) return x < y ? b : a;
    break;
  case ExprKind::Lt:
    if (constants) return boolean(x < y);
    break;
  case ExprKind::Le:
    if (constants) return boolean(x <= y);
    break;
  case ExprKind::Eq:
    if (a == b) return boolean(true);
    if (constants) return boolean(x == y);
    break;
  case ExprKind::Ne:
    if (constants) return boolean(x != y);
    break;
  case ExprKind::And:
    if (dtype == DType::Bool) {
      if (a->isInteger(1) || b->isInteger(0)) return b;
      if (b->isInteger(1) || a->isInteger(0)) return a;
    }
    break;
  case ExprKind::Or:
    if (dtype == DType::Bool) {
      if (a->isInteger(0) || b->isInteger(1)) return b;
      if (b->isInteger(0) || a->isInteger(1)) return a;
    }
    break;
  default:
    break;
  }
  return nullptr;
}

const Expr *ExprPool::make(ExprKind kind, const Expr *a, const Expr *b) {
  if (a->isIntegerOrBool())
    if (const Expr *folded = foldInteger(kind, a, b)) return folded;
  Expr e(kind, givesBool(kind) ? DType::Bool : b->dtype);
  e.args = {a, b};
  return intern(std::move(e));
}

const Expr *ExprPool::select(const Expr *condition, const Expr *a, const Expr *b) {
  if (condition->isConst()) return condition->integer ? a : b;
  if (a == b) return a;
  Expr e(ExprKind::Select, b->dtype);
  e.args = {condition, a, b};
  return intern(std::move(e));
}

const Expr *ExprPool::cast(DType dtype, const Expr *a) {
  if (a->dtype == dtype) return a;
  if (a->isConst() && a->isIntegerOrBool() && !isFloating(dtype)) return integer(dtype, a->integer);
  Expr e(ExprKind::Cast, dtype);
  e.args = {a};
  return intern(std::move(e));
}

const Expr *ExprPool::rewrite(const Expr *expr,
                              const std::function<const Expr *(const Expr *)> &leaf) {
  std::unordered_map<const Expr *, const Expr *> done;
  auto go = [&](auto &self, const Expr *e) -> const Expr * {
    auto known = done.find(e);
    if (known != done.end()) return known->second;
    const Expr *result = e;
    bool changed = false;
    Indices args;
    for (const Expr *arg : e->args) {
      args.push_back(self(self, arg));
      changed |= args.back() != arg;
    }
    if (e->kind == ExprKind::Select && changed)
      result = select(args[0], args[1], args[2]);
    else if (e->kind == ExprKind::Cast && changed)
      result = cast(e->dtype, args[0]);
    else if (e->kind == ExprKind::Load && changed)
      result = load(e->node, args);
    else if (changed)
      result = args.size() == 1 ? make(e->kind, args[0]) : make(e->kind, args[0], args[1]);
    if (result->kind == ExprKind::Index || result->kind == ExprKind::Acc ||
        result->kind == ExprKind::Load) {
      // An index that came out of the rewriting of another is not rewritten again.
      if (result->kind == e->kind)
        if (const Expr *replaced = leaf(result)) result = replaced;
    }
    done.emplace(e, result);
    return result;
  };
  return go(go, expr);
}

const Expr *ExprPool::at(const Expr *expr, std::span<const Expr *const> indices) {
  return rewrite(expr, [&](const Expr *leaf) -> const Expr * {
    return leaf->kind == ExprKind::Index ? indices[leaf->integer] : nullptr;
  });
}

void visitOnce(std::span<const Expr *const> roots, const std::function<void(const Expr *)> &visit) {
  std::unordered_set<const Expr *> seen;
  auto go = [&](auto &self, const Expr *e) -> void {
    if (!seen.insert(e).second) return;
    for (const Expr *arg : e->args) self(self, arg);
    visit(e);
  };
  for (const Expr *root : roots)
    if (root) go(go, root);
}

} // namespace graphc::lower
