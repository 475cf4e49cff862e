// What the grammar's actions call: takes tokens from the lexer, builds the tree, reports.
#pragma once

#include "syntax/lexer.h"

namespace graphc {

/// Thrown through the generated parser to end a statement whose error is reported.
struct StatementFailed {};

/// How strongly operators bind; 0 is the bottom of an expression, or a lambda.
enum Strength : uint8_t {
  Weakest = 0,
  ConditionalStrength,
  OrStrength,
  AndStrength,
  NotStrength,
  ComparisonStrength,
  BitOrStrength,
  BitXorStrength,
  BitAndStrength,
  ShiftStrength,
  SumStrength,
  ProductStrength,
  SignStrength,
  PowerStrength,
};

/// Builds the tree of one file. The methods stand in the order of the grammar; each is an
/// action right after the token or rule that it is about, and reads `last()`.
///
/// Expressions are on a stack of values, binary operators wait on a stack of operators until
/// a weaker one comes. Errors in a statement leave it out; one is reported per statement.
class AstBuilder {
public:
  AstBuilder(const SourceManager &sources, FileId file, Symbols &symbols, Arena &arena,
             Diagnostics &diagnostics);

  // Tokens.
  const Token &current() const { return tokens_[now_]; }
  const Token &last() const { return tokens_[now_ ^ 1]; }
  void advance();
  /// No alternative of the grammar begins with the current token, or, if it is not End,
  /// `expected` should have come. Throws.
  [[noreturn]] void unexpected(TokenKind expected = TokenKind::End);
  const Module *finish();

  // Statements.
  void beginStatement();
  void endStatement();
  void recover();
  void beginStrayBlock();
  void endStrayBlock();
  void foreignStatement();
  void strayElse();
  void strayToken();
  void semicolon();
  void beginAssign();
  void assignTarget();
  void endAssign();
  void augTarget();
  void endAugAssign();
  void annotation();
  void endAnnotatedAssign(bool hasValue);
  void exprStatement();
  void beginReturn();
  void returnValue(bool given);
  void pass();
  void breakOrContinue();
  void assertStatement(bool hasMessage);
  void beginSource();
  void fileSource();
  void relativeImport();
  void dottedName();
  void endDotted();
  void importStatement(bool hasAlias);
  void beginFrom();
  void importStar();
  void importedName();
  void importedAlias();
  void endFrom();
  void paramName();
  void endParam();
  void exportName();
  void exportItemName();
  void exportItem(bool named);
  void exportInputs();
  void endExport();
  void beginIf();
  void beginElif();
  void beginElse();
  void condition();
  void endBranch();
  void endIf();
  void beginFor();
  void forTarget();
  void forIterable();
  void endFor();
  void beginWith();
  void withItem(bool hasTarget);
  void withHeader();
  void endWith();
  void defName();
  void defHeader();
  void endDef();
  void parameter(ParameterKind kind);
  void parameterDefault();
  void bareStar();
  void slashParameter();
  void beginBlock();
  void endBlock();

  // Expressions.
  void comma();
  void beginList();
  void endList();
  void starred();
  void dropExpr() { values_.pop_back(); }
  void deeper();
  void shallower() { --depth_; }
  void closeTargets();
  void close();
  void beginExpr();
  void binary();
  void endExpr();
  void prefix();
  void beginLambda();
  void endLambdaHeader();
  void name();
  void literal();
  void beginStrings();
  void string();
  void endStrings();
  void open();
  void closeGroup();
  void closeList();
  void closeDict();
  void foreignExpr();
  void attribute();
  void beginCall();
  void endCall();
  void beginIndex();
  void indexComma();
  void endIndex();
  void groupAs();
  void groupTarget();
  void groupComma();
  void generator();
  void listComprehension();
  void dictComprehension();
  void dictEntry();
  void setItem();
  void dictUnpack();
  void beginComprehension();
  void compTarget();
  void compIterable();
  void compCondition();
  void compClause();
  void keywordName();
  void keywordArgument();
  void argumentGenerator();
  void positionalArgument();
  void unpackArgument(ArgumentKind kind);
  void sliceWithoutLower();
  void beginSlice();
  void sliceUpper();
  void sliceStep();
  void endSlice();
  void fstringText();
  void fstringOpen();
  void fstringValue();
  void fstringEqual();
  void fstringConversion();
  void fstringFormat();
  void endFstringFormat();
  void fstringClose();

private:
  /// An expression with the parentheses around it.
  struct Value {
    Expr *expr;
    uint32_t begin, end;
  };
  /// A waiting operator. Strength 0 is the bottom of an expression.
  struct Operator {
    uint8_t strength;
    TokenKind kind;
    uint32_t begin, end;
    List<Parameter> parameters; // of a lambda
  };
  /// How the statement before in the same block fared.
  enum class Sibling : uint8_t { Fine, Failed, Foreign };
  struct DefHeader {
    Identifier name;
    List<Parameter> parameters;
  };
  struct OpenBlock {
    Block body;
    uint32_t headerEnd;
  };
  /// An open bracket, list, call or statement header: what was on the stacks before it.
  struct Frame {
    uint32_t begin;
    uint32_t values, items;
    bool comma = false, generator = false, comprehension = false;
    uint8_t stars = 0;                // of parameters: 1 after a `*`, 2 if no name came since
    bool upper = false, step = false; // of a slice
  };
  /// What the statement that is being parsed is in.
  struct Context {
    bool inFunction = false, inLoop = false, nested = false;
    bool unknown = false; // under a header that failed: `return`, `break` may be right
    bool foreign = false; // under what is not of the language: more of it goes without saying
    bool dropped = false; // its statements are parsed for their errors alone
  };
  /// What is to be as it was when a statement fails.
  struct Mark {
    Token first;
    Context context;
    uint32_t depth = 0, indentation = 0;
    uint32_t values, operators, frames, statements, blocks, branches, arguments, parameters,
        entries, clauses, parts, fields, names, imported, exports, withItems, defs;
    bool bad = false; // of the statement around it
    Sibling sibling = Sibling::Fine;
  };

  // builder.cpp
  Diagnostic &error(Code code, uint32_t begin, uint32_t end, std::string message);
  Diagnostic &error(Code code, const Expr *at, std::string message) {
    return error(code, at->begin, at->end, std::move(message));
  }
  Diagnostic &error(Code code, const Token &at, std::string message) {
    return error(code, at.begin, at.end, std::move(message));
  }
  [[noreturn]] void fail() { throw StatementFailed(); }
  void skip(const Mark &mark);
  void lose(uint32_t begin, uint32_t end);
  bool looksLikeStatement(uint32_t begin, uint32_t indentation) const;
  bool firstOnLine(uint32_t offset, uint32_t &lineBegin) const;
  uint32_t lineOf(uint32_t offset) const;

  // errors.cpp
  bool unclosedBracket();
  bool printStatement();
  std::string keywordMeant() const;
  TokenKind wantedAfterOperand() const;
  std::string found(const Token &token) const;
  std::string describeExpected(TokenKind expected, std::string &help);

  // Helpers of the actions.
  template <class T>
  T *node(uint32_t begin, uint32_t end) {
    T *made = arena_.make<T>();
    made->begin = begin;
    made->end = end;
    return made;
  }
  const Token &first() const { return marks_.back().first; }
  void push(Expr *expr) { values_.push_back({expr, expr->begin, expr->end}); }
  /// Puts `expr` in the place of the top value.
  void replace(Expr *expr) { values_.back() = {expr, expr->begin, expr->end}; }
  Expr *pop() {
    Expr *top = values_.back().expr;
    values_.pop_back();
    return top;
  }
  void raise(Expr *expr, uint32_t height);
  template <class... Parts>
  void heightOf(Expr *expr, const Parts *...parts) {
    uint32_t height = 0;
    ((height = std::max(height, parts ? uint32_t(parts->height) : 0u)), ...);
    raise(expr, height + 1);
  }
  void heightOf(Expr *expr, ExprList parts);
  ExprList takeValues(size_t from);
  template <class T>
  List<T> take(std::vector<T> &stack, size_t from) {
    List<T> taken = arena_.copy(stack.data() + from, stack.size() - from);
    stack.resize(from);
    return taken;
  }
  void pushFrame(uint32_t begin, size_t items = 0) {
    frames_.push_back({begin, uint32_t(values_.size()), uint32_t(items)});
  }
  Frame popFrame() {
    Frame top = frames_.back();
    frames_.pop_back();
    return top;
  }
  template <class T>
  T *add(uint32_t begin) {
    T *made = arena_.make<T>();
    made->begin = begin;
    made->end = last().end;
    statements_.push_back(made);
    return made;
  }
  Identifier identifier() const { return {last().symbol, last().begin, last().end}; }
  void checkTarget(const Expr *target);
  void header(const char *what);
  void leaveStatement(const Mark &mark, Sibling fared);
  void reduceTo(uint8_t strength);
  void reduceTop();
  void reducePrefix();
  void reduceChain();
  void reduceConditional();
  void reduceLambda();
  void checkMinimum();
  void wrapComprehension(bool generator);
  void checkArguments(List<Argument> arguments);
  void checkParameters(List<Parameter> parameters);
  void reportDuplicate(std::vector<Identifier> names, const char *what);
  void pushParts(uint32_t begin, uint32_t end, List<FStringPart> parts);

  const SourceManager &sources_;
  FileId file_;
  Symbols &symbols_;
  Arena &arena_;
  Diagnostics &diagnostics_;
  Lexer lexer_;
  size_t errorsBefore_;
  Token tokens_[2];
  uint8_t now_ = 0;

  Context context_;
  uint32_t depth_ = 0;
  bool bad_ = false; // the statement has an error
  Sibling sibling_ = Sibling::Fine;
  bool failedHere_ = false; // the current token is where to go on
  bool foreignFailure_ = false;
  bool tooDeep_ = false;             // what is indented under this is not looked at
  std::optional<uint32_t> resumeAt_; // the statement of an unclosed bracket ends before this
  uint32_t simpleBegin_ = 0;         // where the simple statement begins
  const char *header_ = "";          // "the condition of 'if'": what a ':' should follow
  Token headerWord_;                 // `if`, `else`, …
  Diagnostic unheard_;
  const Expr *minimum_ = nullptr; // 2^63, waiting for its minus
  const Expr *group_ = nullptr;   // parentheses with `as` in them
  Token groupAs_;                 // its first `as`
  std::vector<WithItem> groupItems_;
  BinaryOperator augOperator_{};
  ImportSource source_;
  Identifier alias_, exportName_, paramName_;
  List<ExportItem> exportInputs_;

  std::vector<Mark> marks_;
  std::vector<Value> values_;
  std::vector<Operator> operators_;
  std::vector<Frame> frames_;
  std::vector<const Stmt *> statements_;
  std::vector<OpenBlock> blocks_;
  std::vector<IfBranch> branches_;
  std::vector<Argument> arguments_;
  std::vector<Parameter> parameters_;
  std::vector<DictEntry> entries_;
  std::vector<ComprehensionClause> clauses_;
  std::vector<FStringPart> parts_;
  std::vector<Identifier> names_;
  std::vector<ImportedName> imported_;
  std::vector<ExportItem> exports_;
  std::vector<WithItem> withItems_;
  std::vector<DefHeader> defs_;
  std::vector<FStringPart> fields_; // begun, not yet closed
  std::vector<Symbol> lost_;
  bool complete_ = true;
};

} // namespace graphc
