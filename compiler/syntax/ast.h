// The syntax tree of a definition. Nodes live in an Arena and are never freed one by one;
// lists are spans over arena memory; text is a view of the source or of arena memory.
//
// Every node has the bytes that it covers, [begin, end). `Module::span(node)` makes a Span.
//
// How deep a tree can be: the parser refuses (E0006) blocks and brackets nested deeper than
// `maxNesting` (counted together) and expressions higher than `maxExprHeight`, so that a
// recursive walk needs no guard of its own. Long chains (`a + b + c …`, `a and b …`,
// `elif …`) are lists and not deep.
//
// Fields marked `mutable` are for name resolution in `elaborate`, which fills them.
#pragma once

#include "source/source.h"
#include "syntax/symbols.h"

#include <cassert>
#include <span>

namespace graphc {

constexpr uint32_t maxNesting = 200;
constexpr uint32_t maxExprHeight = 500;

struct Expr;
struct Stmt;
struct FunctionInfo; // of elaborate: what resolution knows of a function, lambda, comprehension

template <class T>
using List = std::span<T const>;
using ExprList = List<const Expr *>;
using Block = List<const Stmt *>;

/// A name where it is written. No symbol: it is not there.
struct Identifier {
  Symbol name;
  uint32_t begin = 0, end = 0;

  explicit operator bool() const { return bool(name); }
};

// Expressions ---------------------------------------------------------------------------

enum class ExprKind : uint8_t {
  None,
  Bool,
  Int,
  Float,
  String,
  FString,
  Ellipsis,
  Name,
  List,
  Tuple,
  Dict,
  Comprehension,
  Unary,
  Binary,
  Compare,
  Logical,
  Conditional,
  Lambda,
  Call,
  Attribute,
  Index,
  Slice,
  Starred,
};

struct Expr {
  ExprKind kind;
  bool parenthesised = false; // stands in parentheses of its own, which the span leaves out
  uint16_t height = 1;        // of the tree under it
  uint32_t begin = 0, end = 0;

  explicit Expr(ExprKind kind) : kind(kind) {}

  template <class T>
  const T *as() const {
    assert(kind == T::Kind);
    return static_cast<const T *>(this);
  }
  /// Null if it is of another kind.
  template <class T>
  const T *dynAs() const {
    return kind == T::Kind ? static_cast<const T *>(this) : nullptr;
  }
};

template <ExprKind K>
struct ExprOf : Expr {
  static constexpr ExprKind Kind = K;
  ExprOf() : Expr(K) {}
};

struct NoneExpr : ExprOf<ExprKind::None> {};
struct EllipsisExpr : ExprOf<ExprKind::Ellipsis> {};

struct BoolExpr : ExprOf<ExprKind::Bool> {
  bool value = false;
};

/// `-9223372036854775808` is one literal; every other minus is a UnaryExpr.
struct IntExpr : ExprOf<ExprKind::Int> {
  int64_t value = 0;
};

struct FloatExpr : ExprOf<ExprKind::Float> {
  double value = 0;
};

/// Escapes decoded, adjacent literals joined. UTF-8; may hold NUL.
struct StringExpr : ExprOf<ExprKind::String> {
  std::string_view value;
};

struct FStringPart {
  std::string_view text; // where `value` is null
  const Expr *value = nullptr;
  char conversion = 0;         // 'r', 's' or 'a' after `!`; 0: none
  bool hasFormat = false;      // there is a `:`
  List<FStringPart> format;    // its parts, one text part as a rule
  uint32_t begin = 0, end = 0; // with the braces
};

/// `{x=}` comes as the text "x=" and the value with conversion 'r'.
struct FStringExpr : ExprOf<ExprKind::FString> {
  List<FStringPart> parts;
};

struct NameExpr : ExprOf<ExprKind::Name> {
  Symbol name;
  mutable uint32_t depth = ~0u; // filled by elaborate's resolver: functions to go outwards
  mutable uint32_t slot = ~0u;  // filled by elaborate's resolver: place among its names
};

struct ListExpr : ExprOf<ExprKind::List> {
  ExprList items; // may hold StarredExpr
};

struct TupleExpr : ExprOf<ExprKind::Tuple> {
  ExprList items; // may hold StarredExpr
};

struct DictEntry {
  const Expr *key = nullptr; // null: `**value`
  const Expr *value = nullptr;
};

struct DictExpr : ExprOf<ExprKind::Dict> {
  List<DictEntry> entries;
};

struct ComprehensionClause {
  const Expr *target = nullptr; // as of an assignment
  const Expr *iterable = nullptr;
  ExprList conditions;
};

/// `[element for …]`, or `f(element for …)`, which means the same here.
struct ComprehensionExpr : ExprOf<ExprKind::Comprehension> {
  const Expr *element = nullptr;
  List<ComprehensionClause> clauses;    // outermost first
  bool generator = false;               // written without brackets
  mutable FunctionInfo *info = nullptr; // filled by elaborate's resolver
};

enum class UnaryOp : uint8_t { Plus, Minus, Not, Invert };

struct UnaryExpr : ExprOf<ExprKind::Unary> {
  UnaryOp op = UnaryOp::Plus;
  uint32_t opBegin = 0, opEnd = 0;
  const Expr *operand = nullptr;
};

enum class BinaryOp : uint8_t {
  Add,
  Sub,
  Mul,
  Div,
  FloorDiv,
  Mod,
  Pow,
  MatMul,
  BitAnd,
  BitOr,
  BitXor,
  ShiftLeft,
  ShiftRight
};

struct BinaryOperator {
  BinaryOp op;
  uint32_t begin = 0, end = 0;
};

/// Operators of one precedence, left to right: ((operands[0] operators[0] operands[1])
/// operators[1] operands[2]) …; `**` always has exactly two operands.
struct BinaryExpr : ExprOf<ExprKind::Binary> {
  ExprList operands;
  List<BinaryOperator> operators; // one less
};

enum class CompareOp : uint8_t { Eq, Ne, Lt, Le, Gt, Ge, Is, IsNot, In, NotIn };

struct CompareOperator {
  CompareOp op;
  uint32_t begin = 0, end = 0;
};

/// `a < b <= c`: each operand is evaluated once, and no further one after a false pair.
struct CompareExpr : ExprOf<ExprKind::Compare> {
  ExprList operands;
  List<CompareOperator> operators; // one less
};

/// `a and b and c`, or with `or`. The value is that of the operand that decided.
struct LogicalExpr : ExprOf<ExprKind::Logical> {
  bool isAnd = false;
  ExprList operands;
};

struct ConditionalExpr : ExprOf<ExprKind::Conditional> {
  const Expr *thenValue = nullptr;
  const Expr *condition = nullptr;
  const Expr *elseValue = nullptr;
};

enum class ParameterKind : uint8_t { Normal, Args, KeywordOnly, KwArgs };

/// In the order Normal…, Args, KeywordOnly…, KwArgs. A bare `*` is not listed.
struct Parameter {
  Identifier name;
  ParameterKind kind = ParameterKind::Normal;
  const Expr *defaultValue = nullptr;
};

struct LambdaExpr : ExprOf<ExprKind::Lambda> {
  List<Parameter> parameters;
  const Expr *body = nullptr;
  mutable FunctionInfo *info = nullptr; // filled by elaborate's resolver
};

enum class ArgumentKind : uint8_t { Positional, Keyword, Args, KwArgs };

struct Argument {
  ArgumentKind kind = ArgumentKind::Positional;
  Identifier keyword; // of `keyword=value`
  const Expr *value = nullptr;
  uint32_t begin = 0, end = 0;
};

struct CallExpr : ExprOf<ExprKind::Call> {
  const Expr *callee = nullptr;
  List<Argument> arguments;
  uint32_t open = 0; // where the `(` is
};

struct AttributeExpr : ExprOf<ExprKind::Attribute> {
  const Expr *object = nullptr;
  Identifier name;
};

/// `object[index]`. `a[1, :, ...]` has a TupleExpr as its index, whose items (as `index`
/// itself) may be SliceExpr.
struct IndexExpr : ExprOf<ExprKind::Index> {
  const Expr *object = nullptr;
  const Expr *index = nullptr;
};

/// `lower:upper:step`, each null where it is left out. Only within IndexExpr.
struct SliceExpr : ExprOf<ExprKind::Slice> {
  const Expr *lower = nullptr;
  const Expr *upper = nullptr;
  const Expr *step = nullptr;
};

/// `*value` in a list, a tuple or a target.
struct StarredExpr : ExprOf<ExprKind::Starred> {
  const Expr *value = nullptr;
};

// Statements ----------------------------------------------------------------------------

enum class StmtKind : uint8_t {
  Assign,
  AugAssign,
  Expr,
  Def,
  Return,
  With,
  For,
  If,
  Pass,
  Break,
  Continue,
  Assert,
  Import,
  FromImport,
  Param,
  Export,
};

struct Stmt {
  StmtKind kind;
  uint32_t begin = 0, end = 0; // without the end of line; of blocks too

  explicit Stmt(StmtKind kind) : kind(kind) {}

  template <class T>
  const T *as() const {
    assert(kind == T::Kind);
    return static_cast<const T *>(this);
  }
  template <class T>
  const T *dynAs() const {
    return kind == T::Kind ? static_cast<const T *>(this) : nullptr;
  }
};

template <StmtKind K>
struct StmtOf : Stmt {
  static constexpr StmtKind Kind = K;
  StmtOf() : Stmt(K) {}
};

/// `targets[0] = targets[1] = … = value`. A target is a NameExpr, an IndexExpr, or a
/// TupleExpr/ListExpr of targets, one of which may be starred.
struct AssignStmt : StmtOf<StmtKind::Assign> {
  ExprList targets;
  const Expr *value = nullptr;
};

/// The target is a NameExpr or an IndexExpr.
struct AugAssignStmt : StmtOf<StmtKind::AugAssign> {
  const Expr *target = nullptr;
  BinaryOperator op{};
  const Expr *value = nullptr;
};

struct ExprStmt : StmtOf<StmtKind::Expr> {
  const Expr *value = nullptr;
};

struct DefStmt : StmtOf<StmtKind::Def> {
  Identifier name;
  List<Parameter> parameters;
  Block body;
  std::string_view docstring;           // also body[0], an ExprStmt
  uint32_t headerEnd = 0;               // after the `:`
  mutable FunctionInfo *info = nullptr; // filled by elaborate's resolver
  mutable uint32_t slot = ~0u;          // filled by elaborate's resolver: of `name`
};

struct ReturnStmt : StmtOf<StmtKind::Return> {
  const Expr *value = nullptr; // null: None
};

struct WithItem {
  const Expr *context = nullptr;
  const Expr *target = nullptr; // of `as`, as of an assignment; null: none
};

struct WithStmt : StmtOf<StmtKind::With> {
  List<WithItem> items;
  Block body;
  uint32_t headerEnd = 0;
};

struct ForStmt : StmtOf<StmtKind::For> {
  const Expr *target = nullptr;
  const Expr *iterable = nullptr;
  Block body;
  uint32_t headerEnd = 0;
};

struct IfBranch {
  const Expr *condition = nullptr; // null: `else`
  Block body;
  uint32_t begin = 0, headerEnd = 0;
};

/// `if`, every `elif`, and `else` if there is one.
struct IfStmt : StmtOf<StmtKind::If> {
  List<IfBranch> branches;
};

struct PassStmt : StmtOf<StmtKind::Pass> {};
struct BreakStmt : StmtOf<StmtKind::Break> {};
struct ContinueStmt : StmtOf<StmtKind::Continue> {};

struct AssertStmt : StmtOf<StmtKind::Assert> {
  const Expr *condition = nullptr;
  const Expr *message = nullptr; // may be null
};

/// Where an import leads: a file of ours (`"layers.graph"`), or Python's `a.b.c`.
struct ImportSource {
  bool isFile = false;
  std::string_view path;   // of a file, decoded
  List<Identifier> dotted; // of Python's
  uint32_t begin = 0, end = 0;
};

/// `import SOURCE [as NAME]`. `import a, b` is two statements.
struct ImportStmt : StmtOf<StmtKind::Import> {
  ImportSource source;
  Identifier alias;            // may be missing
  mutable uint32_t slot = ~0u; // filled by elaborate's resolver
};

struct ImportedName {
  Identifier name;
  Identifier alias;            // may be missing
  mutable uint32_t slot = ~0u; // filled by elaborate's resolver
};

/// `from SOURCE import NAME [as NAME], …`
struct FromImportStmt : StmtOf<StmtKind::FromImport> {
  ImportSource source;
  List<ImportedName> names;
};

struct ParamStmt : StmtOf<StmtKind::Param> {
  Identifier name;
  const Expr *value = nullptr;
  mutable uint32_t slot = ~0u; // filled by elaborate's resolver
};

struct ExportItem {
  Identifier name; // of an output: missing where only the effect is wanted
  const Expr *value = nullptr;
};

struct ExportStmt : StmtOf<StmtKind::Export> {
  Identifier name;
  List<ExportItem> inputs;
  List<ExportItem> outputs;
};

// A file --------------------------------------------------------------------------------

struct Module {
  FileId file = noFile;
  Block body;
  std::string_view docstring;
  bool complete = true;   // nothing was left out
  List<Symbol> lostNames; // that stand in what was left out: they may be defined there

  Span span(const Expr &e) const { return {file, e.begin, e.end}; }
  Span span(const Stmt &s) const { return {file, s.begin, s.end}; }
  Span span(const Identifier &n) const { return {file, n.begin, n.end}; }
  Span span(uint32_t begin, uint32_t end) const { return {file, begin, end}; }
};

} // namespace graphc
