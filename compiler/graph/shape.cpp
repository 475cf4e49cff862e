#include "graph/shape.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <tuple>

namespace graphc {

namespace {
constexpr int64_t lowest = std::numeric_limits<int64_t>::min();

bool add(int64_t a, int64_t b, int64_t &out) { return !__builtin_add_overflow(a, b, &out); }
bool multiply(int64_t a, int64_t b, int64_t &out) { return !__builtin_mul_overflow(a, b, &out); }

int64_t floorDivide(int64_t a, int64_t b) {
  int64_t q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}
} // namespace

// The lowest int64 is no dimension and no size, so it can stand for "too large".
Dim Dim::overflow() { return Dim(lowest); }

struct DimContext::Table {
  using Key = std::tuple<int, std::vector<std::pair<int64_t, uint32_t>>, std::vector<int64_t>>;
  std::map<Key, std::unique_ptr<DimExpr>> made;
  std::vector<std::unique_ptr<DimExpr>> symbols;
  std::map<std::string, const DimExpr *, std::less<>> named;
  uint32_t nextId = 0;
};

DimContext::DimContext() : table_(std::make_unique<Table>()) {}
DimContext::~DimContext() = default;

Dim DimContext::makeSymbol(DimSymbol symbol) {
  symbol.id = symbols_.size();
  symbols_.push_back(std::make_unique<DimSymbol>(std::move(symbol)));
  auto expr = std::make_unique<DimExpr>();
  expr->kind = DimExpr::Symbol;
  expr->id = table_->nextId++;
  expr->context = this;
  expr->symbol = symbols_.back().get();
  table_->symbols.push_back(std::move(expr));
  return Dim(table_->symbols.back().get());
}

Dim DimContext::named(std::string_view name) {
  auto known = table_->named.find(name);
  if (known != table_->named.end()) return Dim(known->second);
  Dim made = makeSymbol({std::string(name), "", 0, 0});
  table_->named.emplace(name, made.expr);
  return made;
}

Dim DimContext::anonymous(std::string_view placeholder, int axis) {
  return makeSymbol({"", std::string(placeholder), axis, 0});
}

/// Sums as a list of terms and a constant; builds the interned form.
struct DimBuilder {
  struct Linear {
    std::vector<DimTerm> terms;
    int64_t constant = 0;
    bool overflow = false;
  };

  static Linear linear(Dim d) {
    if (d.isOverflow()) return {{}, 0, true};
    if (d.isStatic()) return {{}, d.value, false};
    if (d.expr->kind == DimExpr::Sum) return {d.expr->terms, d.expr->constant, false};
    return {{{1, d.expr}}, 0, false};
  }

  static void addScaled(Linear &to, const Linear &from, int64_t factor) {
    to.overflow |= from.overflow;
    int64_t scaled;
    if (!multiply(from.constant, factor, scaled) || !add(to.constant, scaled, to.constant))
      to.overflow = true;
    for (const auto &term : from.terms) {
      if (!multiply(term.factor, factor, scaled)) {
        to.overflow = true;
        return;
      }
      auto at = std::lower_bound(to.terms.begin(), to.terms.end(), term,
                                 [](auto &a, auto &b) { return a.atom->id < b.atom->id; });
      if (at != to.terms.end() && at->atom == term.atom) {
        if (!add(at->factor, scaled, at->factor)) to.overflow = true;
        if (at->factor == 0) to.terms.erase(at);
      } else if (scaled != 0) {
        to.terms.insert(at, {scaled, term.atom});
      }
    }
  }

  static Dim intern(DimContext &context, DimExpr expr) {
    DimContext::Table::Key key;
    std::get<0>(key) = expr.kind;
    for (const auto &term : expr.terms) std::get<1>(key).push_back({term.factor, term.atom->id});
    auto &rest = std::get<2>(key);
    rest.push_back(expr.constant);
    for (const auto *factor : expr.factors) rest.push_back(factor->id);
    for (Dim side : {expr.left, expr.right}) {
      rest.push_back(side.expr ? 1 : 0);
      rest.push_back(side.expr ? side.expr->id : side.value);
    }
    auto &slot = context.table_->made[key];
    if (!slot) {
      expr.id = context.table_->nextId++;
      expr.context = &context;
      slot = std::make_unique<DimExpr>(std::move(expr));
    }
    return Dim(slot.get());
  }

  static Dim fromLinear(DimContext &context, Linear sum) {
    if (sum.overflow) return Dim::overflow();
    if (sum.terms.empty()) return Dim(sum.constant);
    if (sum.terms.size() == 1 && sum.constant == 0 && sum.terms[0].factor == 1)
      return Dim(sum.terms[0].atom);
    DimExpr expr{};
    expr.kind = DimExpr::Sum;
    expr.terms = std::move(sum.terms);
    expr.constant = sum.constant;
    return intern(context, std::move(expr));
  }

  static Dim product(DimContext &context, const DimExpr *a, const DimExpr *b) {
    DimExpr expr{};
    expr.kind = DimExpr::Product;
    for (const auto *side : {a, b}) {
      if (side->kind == DimExpr::Product)
        expr.factors.insert(expr.factors.end(), side->factors.begin(), side->factors.end());
      else
        expr.factors.push_back(side);
    }
    std::sort(expr.factors.begin(), expr.factors.end(),
              [](auto *x, auto *y) { return x->id < y->id; });
    return intern(context, std::move(expr));
  }

  static Dim binary(DimExpr::Kind kind, Dim a, Dim b) {
    DimExpr expr{};
    expr.kind = kind;
    expr.left = a;
    expr.right = b;
    return intern(*(a.expr ? a.expr : b.expr)->context, std::move(expr));
  }
};

namespace {
DimContext &contextOf(Dim a, Dim b) { return *(a.expr ? a.expr : b.expr)->context; }
bool overflowed(Dim a, Dim b) { return a.isOverflow() || b.isOverflow(); }
} // namespace

Dim operator+(Dim a, Dim b) {
  if (overflowed(a, b)) return Dim::overflow();
  if (a.isStatic() && b.isStatic()) {
    int64_t sum;
    return add(a.value, b.value, sum) ? Dim(sum) : Dim::overflow();
  }
  auto sum = DimBuilder::linear(a);
  DimBuilder::addScaled(sum, DimBuilder::linear(b), 1);
  return DimBuilder::fromLinear(contextOf(a, b), std::move(sum));
}

Dim operator-(Dim a, Dim b) { return a + b * Dim(-1); }

Dim operator*(Dim a, Dim b) {
  if (overflowed(a, b)) return Dim::overflow();
  if (a.isStatic() && b.isStatic()) {
    int64_t product;
    return multiply(a.value, b.value, product) ? Dim(product) : Dim::overflow();
  }
  auto &context = contextOf(a, b);
  auto left = DimBuilder::linear(a), right = DimBuilder::linear(b);
  // Products of many sums are kept as they are: multiplied out they would grow without bound.
  constexpr size_t maxTerms = 64;
  if (left.terms.size() * right.terms.size() > maxTerms)
    return DimBuilder::product(context, a.expr, b.expr);
  DimBuilder::Linear sum;
  DimBuilder::addScaled(sum, {right.terms, 0, right.overflow}, left.constant);
  DimBuilder::addScaled(sum, {left.terms, 0, left.overflow}, right.constant);
  if (!multiply(left.constant, right.constant, sum.constant)) sum.overflow = true;
  for (const auto &x : left.terms)
    for (const auto &y : right.terms) {
      int64_t factor;
      if (!multiply(x.factor, y.factor, factor)) return Dim::overflow();
      DimBuilder::addScaled(sum, {{{1, DimBuilder::product(context, x.atom, y.atom).expr}}, 0},
                            factor);
    }
  return DimBuilder::fromLinear(context, std::move(sum));
}

Dim floorDiv(Dim a, Dim b) {
  if (overflowed(a, b)) return Dim::overflow();
  if (b.is(1)) return a;
  if (a.isStatic() && b.isStatic()) {
    if (b.value == 0 || (a.value == lowest && b.value == -1)) return Dim::overflow();
    return Dim(floorDivide(a.value, b.value));
  }
  if (a == b) return Dim(1); // a dimension that is divided by is not 0 when called
  if (b.is(-1)) return a * b;
  if (b.isStatic()) {
    // Terms that the divisor divides leave the quotient: (4*N + 3) // 2 = 2*N + 3 // 2.
    auto all = DimBuilder::linear(a);
    DimBuilder::Linear whole, rest;
    for (const auto &term : all.terms)
      if (term.factor % b.value == 0)
        whole.terms.push_back({term.factor / b.value, term.atom});
      else
        rest.terms.push_back(term);
    whole.constant = floorDivide(all.constant, b.value);
    rest.constant = all.constant - whole.constant * b.value;
    auto &context = *a.expr->context;
    if (rest.terms.empty()) return DimBuilder::fromLinear(context, whole);
    Dim divided = DimBuilder::binary(DimExpr::FloorDiv, DimBuilder::fromLinear(context, rest), b);
    return DimBuilder::fromLinear(context, whole) + divided;
  }
  // 6*N*M // (2*M) = 3*N, as reshapes ask: what divides every term leaves both sides.
  if (auto divisor = DimBuilder::linear(b);
      !a.isStatic() && divisor.constant == 0 && divisor.terms.size() == 1) {
    auto factorsOf = [](const DimExpr *atom) {
      return atom->kind == DimExpr::Product ? atom->factors : std::vector{atom};
    };
    auto all = DimBuilder::linear(a);
    auto take = factorsOf(divisor.terms[0].atom);
    bool divides = all.constant == 0;
    Dim quotient(0);
    for (const auto &term : all.terms) {
      auto have = factorsOf(term.atom);
      for (const auto *factor : take) {
        auto at = std::find(have.begin(), have.end(), factor);
        divides = divides && at != have.end();
        if (!divides) break;
        have.erase(at);
      }
      if (!divides) break;
      Dim part(term.factor);
      for (const auto *factor : have) part = part * Dim(factor);
      quotient = quotient + part;
    }
    if (divides) return floorDiv(quotient, Dim(divisor.terms[0].factor));
  }
  return DimBuilder::binary(DimExpr::FloorDiv, a, b);
}

Dim ceilDiv(Dim a, Dim b) {
  // ceil(a/b) = -floor(-a/b)
  return floorDiv(a * Dim(-1), b) * Dim(-1);
}

Dim mod(Dim a, Dim b) {
  if (overflowed(a, b)) return Dim::overflow();
  if (a.isStatic() && b.isStatic()) {
    if (b.value == 0) return Dim::overflow();
    return Dim(b.value == -1 ? 0 : a.value - floorDivide(a.value, b.value) * b.value);
  }
  if (a == b || b.is(1)) return Dim(0);
  return a - floorDiv(a, b) * b;
}

Dim min(Dim a, Dim b) {
  if (overflowed(a, b)) return Dim::overflow();
  if (a == b) return a;
  if (a.isStatic() && b.isStatic()) return Dim(std::min(a.value, b.value));
  Dim gap = a - b;
  if (gap.isStatic() && !gap.isOverflow()) return gap.value <= 0 ? a : b;
  if (b.expr && (!a.expr || b.expr->id < a.expr->id)) std::swap(a, b);
  return DimBuilder::binary(DimExpr::Min, a, b);
}

Dim max(Dim a, Dim b) {
  if (overflowed(a, b)) return Dim::overflow();
  if (a == b) return a;
  if (a.isStatic() && b.isStatic()) return Dim(std::max(a.value, b.value));
  Dim gap = a - b;
  if (gap.isStatic() && !gap.isOverflow()) return gap.value >= 0 ? a : b;
  if (b.expr && (!a.expr || b.expr->id < a.expr->id)) std::swap(a, b);
  return DimBuilder::binary(DimExpr::Max, a, b);
}

std::string toString(Dim dim, const std::function<std::string(const DimSymbol &)> &nameOf) {
  if (dim.isStatic()) return dim.isOverflow() ? "overflow" : std::to_string(dim.value);
  const auto &e = *dim.expr;
  auto side = [&](Dim d) {
    std::string text = toString(d, nameOf);
    return d.expr && d.expr->kind == DimExpr::Sum ? "(" + text + ")" : text;
  };
  switch (e.kind) {
  case DimExpr::Symbol:
    return nameOf(*e.symbol);
  case DimExpr::Product: {
    std::string text;
    for (const auto *factor : e.factors) text += (text.empty() ? "" : "*") + side(Dim(factor));
    return text;
  }
  case DimExpr::Sum: {
    std::string text;
    for (const auto &term : e.terms) {
      text += text.empty() ? (term.factor < 0 ? "-" : "") : (term.factor < 0 ? " - " : " + ");
      if (term.factor != 1 && term.factor != -1)
        text += std::to_string(term.factor < 0 ? -term.factor : term.factor) + "*";
      text += toString(Dim(term.atom), nameOf);
    }
    if (e.constant != 0)
      text += (e.constant < 0 ? " - " : " + ") + std::to_string(std::abs(e.constant));
    return text;
  }
  case DimExpr::FloorDiv:
    return side(e.left) + "//" + side(e.right);
  case DimExpr::Mod:
    return side(e.left) + "%" + side(e.right);
  case DimExpr::Min:
    return "min(" + toString(e.left, nameOf) + ", " + toString(e.right, nameOf) + ")";
  case DimExpr::Max:
    return "max(" + toString(e.left, nameOf) + ", " + toString(e.right, nameOf) + ")";
  }
  return "?";
}

std::string toString(Dim dim) {
  return toString(dim, [](const DimSymbol &s) { return s.name.empty() ? "?" : s.name; });
}

Dim substitute(Dim dim, const std::function<std::optional<int64_t>(const DimSymbol &)> &symbol) {
  if (dim.isStatic()) return dim;
  const auto &e = *dim.expr;
  switch (e.kind) {
  case DimExpr::Symbol: {
    auto value = symbol(*e.symbol);
    return value ? Dim(*value) : dim;
  }
  case DimExpr::Product: {
    Dim product(1);
    for (const auto *factor : e.factors) product = product * substitute(Dim(factor), symbol);
    return product;
  }
  case DimExpr::Sum: {
    Dim sum(e.constant);
    for (const auto &term : e.terms)
      sum = sum + Dim(term.factor) * substitute(Dim(term.atom), symbol);
    return sum;
  }
  default:
    break;
  }
  Dim left = substitute(e.left, symbol), right = substitute(e.right, symbol);
  if (e.kind == DimExpr::Min) return min(left, right);
  if (e.kind == DimExpr::Max) return max(left, right);
  if (right.is(0)) return Dim::overflow();
  return e.kind == DimExpr::FloorDiv ? floorDiv(left, right) : mod(left, right);
}

std::optional<int64_t> evaluate(Dim dim, const std::function<int64_t(const DimSymbol &)> &symbol) {
  if (dim.isStatic()) return dim.isOverflow() ? std::nullopt : std::optional(dim.value);
  const auto &e = *dim.expr;
  switch (e.kind) {
  case DimExpr::Symbol:
    return symbol(*e.symbol);
  case DimExpr::Product: {
    int64_t product = 1;
    for (const auto *factor : e.factors) {
      auto value = evaluate(Dim(factor), symbol);
      if (!value || !multiply(product, *value, product)) return std::nullopt;
    }
    return product;
  }
  case DimExpr::Sum: {
    int64_t sum = e.constant;
    for (const auto &term : e.terms) {
      auto value = evaluate(Dim(term.atom), symbol);
      int64_t scaled;
      if (!value || !multiply(*value, term.factor, scaled) || !add(sum, scaled, sum))
        return std::nullopt;
    }
    return sum;
  }
  default:
    break;
  }
  auto left = evaluate(e.left, symbol), right = evaluate(e.right, symbol);
  if (!left || !right) return std::nullopt;
  if (e.kind == DimExpr::Min) return std::min(*left, *right);
  if (e.kind == DimExpr::Max) return std::max(*left, *right);
  if (*right == 0 || (*left == lowest && *right == -1)) return std::nullopt;
  int64_t quotient = floorDivide(*left, *right);
  return e.kind == DimExpr::FloorDiv ? quotient : *left - quotient * *right;
}

void forEachSymbol(Dim dim, const std::function<void(const DimSymbol &)> &visit) {
  if (dim.isStatic()) return;
  const auto &e = *dim.expr;
  if (e.symbol) visit(*e.symbol);
  for (const auto &term : e.terms) forEachSymbol(Dim(term.atom), visit);
  for (const auto *factor : e.factors) forEachSymbol(Dim(factor), visit);
  forEachSymbol(e.left, visit);
  forEachSymbol(e.right, visit);
}

bool Shape::isStatic() const {
  return hasRank() && std::all_of(begin(), end(), [](Dim d) { return d.isStatic(); });
}

Dim Shape::elements() const {
  // A dimension of 0 makes the product 0 whatever the others are.
  if (std::any_of(begin(), end(), [](Dim d) { return d.is(0); })) return Dim(0);
  Dim product(1);
  for (Dim d : dims()) product = product * d;
  return product;
}

bool sameShape(Shape a, Shape b) {
  return a.rankOr == b.rankOr && std::equal(a.begin(), a.end(), b.begin());
}

std::string toString(Shape shape) {
  if (!shape.hasRank()) return "<unknown>";
  std::string text = "(";
  for (int i = 0; i < shape.rank(); ++i) {
    bool named = true; // what a None goes into has no name either
    forEachSymbol(shape[i], [&](const DimSymbol &s) { named = named && !s.name.empty(); });
    text += (i ? ", " : "") + (named ? toString(shape[i]) : "?");
  }
  if (shape.rank() == 1) text += ",";
  return text + ")";
}

} // namespace graphc
