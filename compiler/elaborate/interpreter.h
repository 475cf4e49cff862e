// Runs a definition: statements, expressions, calls. One object for one run.
#pragma once

#include "elaborate/elaborate.h"
#include "elaborate/native.h"
#include "elaborate/resolve.h"
#include "elaborate/scope_rules.h"
#include "elaborate/scratch.h"
#include "elaborate/trace.h"
#include "elaborate/value.h"
#include "ops/op.h"
#include "syntax/parser.h"

#include <map>
#include <memory>
#include <set>
#include <tsl/robin_map.h>
#include <unordered_map>

namespace graphc {

struct IndexItem;

/// What must live as long as the graph: names and spans point into it.
struct Workspace {
  Symbols symbols;
  Arena trees;
  std::vector<std::unique_ptr<FunctionInfo>> infos;
};

class Interpreter final : public ScopeHost, public Library {
public:
  Interpreter(SourceManager &sources, const ElaborateOptions &options, Diagnostics &diagnostics,
              Elaborated &result, Workspace &workspace);

  /// Runs the definition named on the command line.
  void run(const std::string &path);

  // -- Errors
  /// At `span`, in the function that is running; the calls that led there become notes.
  Diagnostic &error(Code code, Span span, std::string message) override;
  /// The same, as the value of the expression in error.
  Value fail(Code code, Span span, std::string message, std::string help = "");
  bool isStopped() const { return stopped_ || unwinding_; }

  // -- Budget
  /// False when the limit is passed (E0007 was reported and the run ends).
  bool spend(uint64_t steps, Span span);
  bool checkLength(uint64_t length, Span span);

  // -- Expressions and calls
  Value eval(const Expr *e);
  Value callValue(const Value &function, const CallArgs &args, Span span);
  Value binary(BinaryOp op, const Value &left, const Value &right, Span span);
  Value unary(UnaryOp op, const Value &operand, Span span);
  Value compare(CompareOp op, const Value &left, const Value &right, Span span);
  Value attribute(const Value &object, std::string_view name, Span span);
  Value index(const Value &object, const Value &index, Span span);
  /// Truth of a compile-time value; nullopt after an error (E0104 of tensors) or for poison.
  std::optional<bool> truth(const Value &value, Span span);
  /// The items of anything that can be looped over; nullopt after an error or for poison.
  std::optional<std::vector<Value>> items(const Value &value, Span span);
  bool isCallable(const Value &value) const;

  // -- Graph
  /// Calls a function of the table of operations.
  Value callLibrary(const Function &function, const CallArgs &args, Span span);
  Value callLibrary(std::string_view name, std::initializer_list<Value> positional, Span span,
                    std::initializer_list<std::pair<std::string_view, Value>> keywords = {});
  Tensor *toTensor(const Value &value, DType wanted, Span span) override;
  /// `misfit`: the code where a literal can't be held by `wanted`; `argument`: whose value it is.
  Tensor *toTensor(const Value &value, DType wanted, Span span, Code misfit,
                   std::string_view argument);
  /// Null after an error. `asWritten`: integers as int64, floats as float64.
  const Literal *toLiteral(const Value &value, DType wanted, Span span, Code misfit,
                           std::string_view argument, bool asWritten = false);
  std::optional<AskedShape> toShape(const Value &value, Span span) override;
  /// Dimensions for an operation: ints, run-time dimensions, -1. `scalar` tells one number.
  std::optional<std::vector<Dim>> toDims(const Value &value, Span span, std::string_view argument,
                                         bool *scalar = nullptr);
  std::optional<DType> toDType(const Value &value, Span span);
  Tensor *readVariable(Variable *variable);
  Value indexed(const Value &object, const std::vector<IndexItem> &items, Span span);
  Tensor *readPartitioned(PartitionedObject *whole, Span span);
  /// What stands for a tensor: a tensor, a variable, a partitioned variable.
  bool isTensorLike(const Value &value) const;
  Value assign(std::string_view type, Variable *variable, const Value &value, std::string_view name,
               Span span);
  /// Writes rows of a variable: `type` is TensorScatterUpdate, …Add or …Sub. The default name is
  /// TensorFlow's, ScatterUpdate and so on.
  Value scatter(std::string_view type, Variable *variable, const Value &indices,
                const Value &updates, std::string_view name, Span span);
  Value group(const std::vector<Operation *> &after, std::string_view name, Span span);
  /// `byDefault` unset: a placeholder without a default.
  Value placeholder(DType dtype, const Value &shape, const Value &byDefault, std::string_view name,
                    Span span);
  std::span<Operation *const> controls() const { return controls_.back(); }
  /// Between these, what is made waits for nothing that is open here: a loop's body, whose loop
  /// waits in its stead.
  void beginBody();
  void endBody();
  Operation *toOperation(const Value &value) const; // null: not one
  Value wrapResults(const Function &function, Call &call, Tensor *made);
  const NativeSignature &signatureOf(const NativeDef &def);

  // -- ScopeHost
  Value call(const Value &function, const std::vector<Value> &positional,
             const std::vector<std::pair<std::string_view, Value>> &keywords, Span span) override;
  Value initialValueOf(const InitializerObject &initializer, const std::vector<Dim> &shape,
                       DType dtype, Span span, const std::vector<Dim> *whole) override;
  bool takesKeyword(const Value &function, std::string_view name) override;
  bool takesNothing(const Value &function) override;
  Tensor *slice(Tensor *tensor, const std::vector<int64_t> &begin, const std::vector<int64_t> &size,
                Span span) override;
  Place place(Span span) override;

  // -- Library
  bool has(Symbol name) override;
  std::vector<std::string_view> names() override;
  std::string_view notHere(std::string_view name) override;
  bool checkNamespacePath(const std::vector<std::string_view> &path, Span span) override;
  /// The value of a library name, Unset if there is none.
  Value libraryValue(std::string_view name);
  Value namespaceMember(std::string_view space, std::string_view name);

  // -- Managers and templates
  Value callTemplate(TemplateObject &made, const CallArgs &args, Span span);
  Value enterManager(const Value &manager, Span span); // unset: not entered
  void leaveManager(const Value &manager);

  SourceManager &sources;
  const ElaborateOptions &options;
  Diagnostics &diagnostics;
  Graph &graph;
  Symbols &symbols;
  Heap heap;
  Scratch scratch;
  ScopeRules scopes;

  Trace *trace() const { return options.trace; }
  void print(std::string_view line) {
    if (options.print) options.print(line);
  }
  OpBuilder builder(OpHost &host, Span span) {
    auto at = place(span);
    return OpBuilder(graph, host, at.span, at.caller, controls());
  }

private:
  enum class Flow : uint8_t { Next, Break, Continue, Return };
  struct Frame {
    const Module *module = nullptr;
    const FunctionInfo *info = nullptr;
    Env *env = nullptr;
    const CallSite *site = nullptr;
    Value result;
  };

  const CallSite *callSite() const { return frame_ ? frame_->site : nullptr; }
  bool isStandard(Span span) const {
    return span.valid() && span.file < standard_.size() && standard_[span.file];
  }
  Span span(const Expr *e) const { return {frame_->module->file, e->begin, e->end}; }
  Span span(const Stmt *s) const { return {frame_->module->file, s->begin, s->end}; }
  Span span(const Identifier &n) const { return {frame_->module->file, n.begin, n.end}; }

  // statements.cpp
  Flow execBlock(Block body);
  Flow exec(const Stmt *stmt);
  Flow execWith(const WithStmt *with, size_t item);
  Flow execFor(const ForStmt *loop);
  Flow execIf(const IfStmt *branches);
  Flow execAssert(const AssertStmt *stmt);
  void execDef(const DefStmt *def);
  void assignItem(const IndexExpr *place, const Value &object, const Value &index,
                  const Value &value);
  void assign(const Expr *target, const Value &value);
  void assignItems(ExprList targets, const Value &value, Span where);
  void augmented(const AugAssignStmt *stmt);
  void poisonBlock(Block body);
  Value &slot(uint32_t depth, uint32_t index);

  // expressions.cpp
  Value evalName(const NameExpr *e);
  Value evalFString(const FStringExpr *e);
  Value evalFString(List<FStringPart> parts, std::string &into);
  Value evalCall(const CallExpr *e);
  struct Spread;
  bool evalSpread(const CallExpr *e, Spread &into);
  Value evalComprehension(const ComprehensionExpr *e);
  bool comprehend(const ComprehensionExpr *e, size_t clause, std::vector<Value> &into);
  Value evalLambda(const LambdaExpr *e);
  std::optional<std::vector<Value>> evalItems(ExprList items);
  Value makeFunction(std::string_view name, List<Parameter> parameters, const FunctionInfo *info,
                     Span at);

  // calls.cpp
  Value callFunction(FunctionObject &function, const CallArgs &args, Span span);
  Value callNative(const NativeDef &def, const Value *self, const CallArgs &args, Span span);
  /// A parameter's default: as an argument, and as a value where it is a tensor.
  struct Default {
    Arg arg;
    Value value;
  };
  const std::vector<Default> &defaultsOf(const Function &function);

  // operators.cpp
  Value arithmetic(BinaryOp op, const Value &a, const Value &b, Span span);
  Value integerArithmetic(BinaryOp op, int64_t a, int64_t b, Span span);
  Value floatArithmetic(BinaryOp op, double a, double b, Span span);
  Value tensorIndex(const Value &object, const Value &index, Span span);

  // imports.cpp, exports.cpp
  Value importFile(std::string_view path, Span span);
  Value importStandard(std::string_view path, Span span);
  Value runImported(const std::string &key, const std::string &shown, std::string text, Span at,
                    bool standard);
  Value standardName(std::string_view file, std::string_view name);
  Value runFile(FileId file, const std::string &path);
  void importForeign(const ImportStmt *stmt);
  void execImport(const ImportStmt *stmt);
  void execFromImport(const FromImportStmt *stmt);
  void execParam(const ParamStmt *stmt);
  void execExport(const ExportStmt *stmt);
  std::optional<Value> parseDefine(std::string_view text, const Value &otherwise);
  void finish();

  Elaborated &result_;
  Workspace &workspace_;
  Frame *frame_ = nullptr;
  uint64_t steps_ = 0;
  uint32_t callDepth_ = 0;
  bool stopped_ = false;   // a limit was passed: everything ends
  bool unwinding_ = false; // calls nested too deep: the statement at top level ends
  uintptr_t stackEnd_ = 0; // calls below this address would run out of stack

  int withinForeign_ = 0; // in the body of a `with` of something that was in error
  std::vector<std::vector<Operation *>> controls_{1};
  uint64_t controlsId_ = 0;
  std::vector<uint64_t> controlsIds_{0};
  std::vector<std::pair<uint64_t, Tensor *>> reads_; // by the variable's index
  std::vector<Operation *> placeholders_;            // that have no default
  tsl::robin_map<const NativeDef *, std::unique_ptr<NativeSignature>> signatures_;
  tsl::robin_map<const Function *, std::unique_ptr<std::vector<Default>>> defaults_;
  std::vector<Value> library_; // by symbol: unset where not looked up
  std::vector<int8_t> known_;  // by symbol: 0 not looked up, 1 there, -1 not
  std::unordered_map<std::string_view, Value> libraryValues_;

  struct ImportedFile {
    Value module; // unset while it runs
    Span at;
  };
  std::map<std::string, ImportedFile> imported_; // by resolved path
  std::vector<std::string> importing_;           // open imports, for cycles
  std::string stem_;                             // of the file that runs, for -D STEM.NAME
  bool isMain_ = true;
  std::vector<bool> standard_;           // by file: of the standard library
  const CallSite *failedCall_ = nullptr; // the last call of the standard library with an error
  Diagnostic repeated_;                  // where further ones of that call go
  std::set<std::string> usedDefines_;
  std::set<std::string> exportNames_;
};

/// Makes operations on the way, which take no name.
class SilentHost : public OpHost {
public:
  SilentHost(Interpreter &interpreter, Span span) : interpreter_(interpreter), span_(span) {}
  std::optional<std::string_view> takeName(std::string_view) override { return std::string_view(); }
  void error(Code code, std::string message, std::string_view) override {
    interpreter_.error(code, span_, std::move(message));
  }

private:
  Interpreter &interpreter_;
  Span span_;
};

} // namespace graphc
