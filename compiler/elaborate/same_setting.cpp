// Whether two initializers, regularizers or constraints ask for the same.
#include "elaborate/native.h"
#include "elaborate/resolve.h"
#include "elaborate/scope_rules.h"
#include "graph/same.h"
#include "syntax/walk.h"

#include <algorithm>
#include <functional>

namespace graphc {

namespace {

constexpr int maxCompared = 64; // deep

/// What tells apart operations that draw numbers says nothing of what is drawn.
bool isSeed(const Attr &attr) { return attr.name.starts_with("seed") || attr.name == "key"; }

/// Whether two tensors are computed alike. The same statement, run for each of two towers, makes
/// an initial value of its own for each.
bool sameTensor(const Tensor *a, const Tensor *b, int depth) {
  if (a == b) return true;
  if (depth > maxCompared || a->index != b->index || a->op->type != b->op->type ||
      a->op->variable != b->op->variable || a->op->inputs.size() != b->op->inputs.size() ||
      a->op->attrs.size() != b->op->attrs.size() || a->op->inputs.size() > maxCompared)
    return false;
  if (a->op->type.starts_with("Placeholder")) return false;
  for (size_t i = 0; i < a->op->attrs.size(); ++i)
    if (!isSeed(a->op->attrs[i]) &&
        !sameAttr(a->op->attrs[i], b->op->attrs[i], std::equal_to<double>(), std::equal_to<Dim>()))
      return false;
  for (size_t i = 0; i < a->op->inputs.size(); ++i)
    if (!sameTensor(a->op->inputs[i], b->op->inputs[i], depth + 1 + int(i > 0) * 8)) return false;
  return true;
}

/// The names of outer functions that a function's text reads, as (functions outwards, slot).
class FreeNames {
public:
  void expr(const Expr &e, uint32_t within) {
    if (const auto *name = e.dynAs<NameExpr>()) {
      if (name->depth < builtinDepth && name->depth > within)
        found.insert({name->depth - within - 1, name->slot});
      return;
    }
    bool opens = e.kind == ExprKind::Lambda || e.kind == ExprKind::Comprehension;
    forEachChild(e, [&](const Expr &child) { expr(child, within + opens); });
  }
  void stmt(const Stmt &s, uint32_t within) {
    bool opens = s.kind == StmtKind::Def;
    forEachChild(
        s, [&](const Expr &child) { expr(child, within); },
        [&](const Stmt &child) { stmt(child, within + opens); });
  }
  std::set<std::pair<uint32_t, uint32_t>> found;
};

/// The same text, with the same values of the names around it.
bool sameFunction(const FunctionObject &a, const FunctionObject &b, int depth) {
  if (a.info != b.info || depth > maxCompared) return false;
  for (size_t i = 0; i < a.defaults.size(); ++i)
    if (!sameSetting(a.defaults[i], b.defaults[i], depth + 1)) return false;
  FreeNames names;
  for (const auto *stmt : a.body) names.stmt(*stmt, 0);
  if (a.expression) names.expr(*a.expression, 0);
  for (auto [outwards, slot] : names.found) {
    const Env *x = a.closure, *y = b.closure;
    for (uint32_t i = 0; i < outwards && x && y; ++i) x = x->parent, y = y->parent;
    if (!x || !y || x == y) continue;
    if (!sameSetting(x->slots[slot], y->slots[slot], depth + 1)) return false;
  }
  return true;
}

/// Functions of TensorFlow that make the same initializer.
std::string_view commonName(const InitializerObject &setting) {
  auto name = setting.name;
  if (name == "xavier_initializer")
    return isFalse(setting.setting("uniform")) ? "glorot_normal" : "glorot_uniform";
  if (name.ends_with("_initializer")) name.remove_suffix(12);
  return name;
}

bool sameInitializer(const InitializerObject &a, const InitializerObject &b, int depth) {
  if (commonName(a) != commonName(b)) return false;
  for (const auto &[key, value] : a.settings) {
    if (key == "seed" || key == "scope" || key == "uniform" || key == "verify_shape") continue;
    Value other = b.setting(key);
    if (key == "dtype" && (value.isNone() || other.isNone())) continue;
    if (!sameSetting(value, other, depth + 1)) return false;
  }
  return true;
}

} // namespace

bool sameSetting(const Value &a, const Value &b, int depth) {
  if (a.same(b)) return true;
  if (depth > maxCompared) return false;
  if (const auto *x = a.as<TensorObject>())
    if (const auto *y = b.as<TensorObject>()) return sameTensor(x->tensor, y->tensor, depth);
  if (const auto *x = a.as<FunctionObject>())
    if (const auto *y = b.as<FunctionObject>()) return sameFunction(*x, *y, depth);
  if (const auto *x = a.as<InitializerObject>())
    if (const auto *y = b.as<InitializerObject>()) return sameInitializer(*x, *y, depth);
  if (const auto *x = a.as<PartialObject>())
    if (const auto *y = b.as<PartialObject>())
      return sameSetting(x->function, y->function, depth + 1) &&
             std::equal(x->positional.begin(), x->positional.end(), y->positional.begin(),
                        y->positional.end(),
                        [&](auto &m, auto &n) { return sameSetting(m, n, depth + 1); }) &&
             std::equal(x->keywords.begin(), x->keywords.end(), y->keywords.begin(),
                        y->keywords.end(), [&](auto &m, auto &n) {
                          return m.first == n.first && sameSetting(m.second, n.second, depth + 1);
                        });
  const auto *items = itemsOf(a), *others = itemsOf(b);
  if (items && others)
    return std::equal(items->begin(), items->end(), others->begin(), others->end(),
                      [&](auto &m, auto &n) { return sameSetting(m, n, depth + 1); });
  return equal(a, b);
}

} // namespace graphc
