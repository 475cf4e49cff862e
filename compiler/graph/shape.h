// Dimensions and shapes. A dimension is a number known now, or an expression over numbers
// known only when the generated code is called (`dim("N")`, `None` in a placeholder).
#pragma once

#include "graph/dtype.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace graphc {

class Arena;
struct DimExpr;

/// A whole number, known now (`expr` null) or a function of run-time dimensions. Expressions
/// are interned in canonical form (sums of products, sorted): equal pointers are equal
/// dimensions. A result that leaves int64 is `overflow()` and stays so.
struct Dim {
  int64_t value = 0;
  const DimExpr *expr = nullptr;

  Dim() = default;
  Dim(int64_t known) : value(known) {}
  Dim(int known) : value(known) {}
  explicit Dim(const DimExpr *e) : expr(e) {}

  bool isStatic() const { return !expr; }
  bool is(int64_t v) const { return !expr && value == v; }
  bool operator==(const Dim &) const = default;

  static Dim overflow();
  bool isOverflow() const { return *this == overflow(); }
};

Dim operator+(Dim a, Dim b);
Dim operator-(Dim a, Dim b);
Dim operator*(Dim a, Dim b);
Dim floorDiv(Dim a, Dim b); // rounds toward minus infinity; a static b must not be 0
Dim ceilDiv(Dim a, Dim b);
Dim mod(Dim a, Dim b); // sign of b, as Python's %
Dim min(Dim a, Dim b);
Dim max(Dim a, Dim b);

/// A run-time dimension as it was introduced.
struct DimSymbol {
  std::string name;        // of dim("N"); empty for a None
  std::string placeholder; // of a None: the operation's name, and
  int axis = 0;            // which of its dimensions
  uint32_t id = 0;
};

struct DimTerm {
  int64_t factor;
  const DimExpr *atom; // any kind but Sum
  bool operator==(const DimTerm &) const = default;
};

struct DimExpr {
  enum Kind : uint8_t { Symbol, Sum, Product, FloorDiv, Mod, Min, Max };
  Kind kind;
  uint32_t id; // order of making
  class DimContext *context;
  const DimSymbol *symbol = nullptr;    // Symbol
  std::vector<DimTerm> terms;           // Sum: terms by atom id ...
  int64_t constant = 0;                 // ... and what is added
  std::vector<const DimExpr *> factors; // Product: two or more, none a Sum
  Dim left, right;                      // FloorDiv, Mod, Min, Max
};

/// Owns the dimension expressions of a graph.
class DimContext {
public:
  DimContext();
  ~DimContext();
  /// The dimension `dim(name)`: the same for the same name.
  Dim named(std::string_view name);
  /// A dimension of its own: `None` in a placeholder.
  Dim anonymous(std::string_view placeholder, int axis);
  const std::vector<std::unique_ptr<DimSymbol>> &symbols() const { return symbols_; }

private:
  friend struct DimBuilder;
  Dim makeSymbol(DimSymbol symbol);
  std::vector<std::unique_ptr<DimSymbol>> symbols_;
  std::vector<const DimExpr *> symbolExprs_;
  struct Table;
  std::unique_ptr<Table> table_;
};

/// "4", "N", "2*N + 1"; `None`s print as "?".
std::string toString(Dim dim);
/// The same with names of the caller's for what has none.
std::string toString(Dim dim, const std::function<std::string(const DimSymbol &)> &nameOf);
/// The dimension with the symbols replaced that `symbol` knows a value of; overflow() where that
/// divides by 0.
Dim substitute(Dim dim, const std::function<std::optional<int64_t>(const DimSymbol &)> &symbol);
/// The dimension's value where `symbol` gives the values of symbols; nullopt on overflow or a
/// division by 0.
std::optional<int64_t> evaluate(Dim dim, const std::function<int64_t(const DimSymbol &)> &symbol);
/// Calls `visit` for every symbol that the dimension depends on.
void forEachSymbol(Dim dim, const std::function<void(const DimSymbol &)> &visit);

/// A view of dimensions that live in the graph's arena. Rank may be unknown (`placeholder`
/// without a shape).
struct Shape {
  const Dim *data = nullptr;
  int32_t rankOr = -1; // -1: unknown

  Shape() = default;
  explicit Shape(std::span<const Dim> dims) : data(dims.data()), rankOr(dims.size()) {}
  static Shape unknown() { return {}; }
  static Shape scalar() { return Shape(std::span<const Dim>()); }

  bool hasRank() const { return rankOr >= 0; }
  int rank() const { return rankOr; }
  Dim operator[](int i) const { return data[i]; }
  std::span<const Dim> dims() const { return {data, size_t(rankOr < 0 ? 0 : rankOr)}; }
  const Dim *begin() const { return data; }
  const Dim *end() const { return data + (rankOr < 0 ? 0 : rankOr); }
  /// Rank and every dimension known.
  bool isStatic() const;
  /// Product of the dimensions; overflow() where it leaves int64. Rank must be known.
  Dim elements() const;
};

bool sameShape(Shape a, Shape b);
/// As TensorFlow prints it: "(2, 3)", "(?, 784)", "()", "<unknown>".
std::string toString(Shape shape);

} // namespace graphc
