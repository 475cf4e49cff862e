// What an operation is, and what a library function is. One operation is described in one
// place: its shape and dtype rule, its reference evaluation, its gradient, and the functions
// that users make it with. See docs/contributing.md for how to add one.
#pragma once

#include "graph/graph.h"
#include "source/diagnostics.h"

#include <optional>

namespace graphc {

class OpBuilder;
class Call;

// Shape and dtype rules -----------------------------------------------------------------------

/// What an inference rule reads and fills. A rule returns false after `fail`.
class Infer {
  Room<4 * sizeof(Tensor)> room_; // enough for the outputs of most operations

public:
  Infer(Graph &graph, std::span<Tensor *const> inputs, std::span<const Attr> attrs)
      : graph(graph), inputs(inputs), attrs(attrs) {}

  Graph &graph;
  std::span<Tensor *const> inputs;
  std::span<const Attr> attrs;
  std::string_view type; // of the operation, for messages
  std::pmr::vector<Tensor> outputs{&room_};
  std::vector<DimCheck> checks;

  // The first thing that was wrong.
  std::optional<Code> failure;
  std::string message;
  int failedInput = -1; // which input it is about, -1: the call

  /// Always false, so that a rule can `return infer.fail(…)`.
  bool fail(Code code, std::string what, int input = -1);

  void output(DType dtype, Shape shape) { outputs.push_back({nullptr, 0, dtype, shape, nullptr}); }
  void output(DType dtype, const std::vector<Dim> &dims) { output(dtype, shape(dims)); }
  Shape shape(const std::vector<Dim> &dims) { return graph.makeShape(dims); }

  const Attr *attr(std::string_view name) const;
  int64_t intAttr(std::string_view name, int64_t otherwise = 0) const;
  bool boolAttr(std::string_view name, bool otherwise = false) const;
  std::string_view textAttr(std::string_view name, std::string_view otherwise = "") const;
  std::span<const int64_t> intsAttr(std::string_view name) const;
  std::span<const Dim> dimsAttr(std::string_view name) const;
  double floatAttr(std::string_view name, double otherwise = 0) const;
  DType typeAttr(std::string_view name, DType otherwise = DType::Invalid) const;

  DType dtype(size_t input) const { return inputs[input]->dtype; }
  Shape in(size_t input) const { return inputs[input]->shape; }
  /// E0302 unless all inputs from `first` on have one dtype.
  bool sameDTypes(size_t first = 0);
  /// E0302 "Exp needs a floating dtype, not int32" unless `holds`, which `needs` says in words
  /// ("a floating dtype").
  bool needDType(bool holds, std::string_view needs, size_t input = 0);
  /// E0301 unless the input's rank is `rank` (`what`: "the filter of conv2d").
  bool needRank(size_t input, int rank, std::string_view what);
  /// Notes that `left >= right` must hold when run; known and not so: `fail`s with E0303.
  bool atLeast(Dim left, Dim right, std::string_view what);

  /// Two dimensions that must agree. Known and different: E0301 with `what` ("the inner
  /// dimensions of matmul"). Where one is known at run time only, a check is recorded. `into`
  /// gets the better known of both.
  bool unify(Dim a, Dim b, Dim &into, std::string_view what);
  /// NumPy's broadcasting; a run-time dimension must equal what it meets,
  /// unless that is a known 1. E0301 where it can't be. Where a rank is unknown, so is the result.
  bool broadcast(Shape a, Shape b, Shape &into);
  /// Axis in [-rank, rank) to [0, rank), else E0303.
  bool normalizeAxis(int64_t axis, int rank, int &into, std::string_view what = "axis");
  /// The contents of an integer input as dimensions: from a literal or from `shape(x)` and the
  /// like. Null where they are not known at compile time.
  const SymbolicValue *symbolic(size_t input);
  const SymbolicValue *makeSymbolic(bool scalar, const std::vector<Dim> &elements);
};

using InferFn = bool (*)(Infer &);

// Reference evaluation ------------------------------------------------------------------------

/// A tensor with contents, for the reference evaluation. Layout as in Literal.
struct Array {
  DType dtype = DType::Invalid;
  std::vector<int64_t> dims;
  std::vector<std::byte> bytes;

  int64_t elements() const;
  /// Sets dtype and dims and makes all elements 0.
  void reset(DType type, std::vector<int64_t> shape);
  template <typename T>
  T *as() {
    return reinterpret_cast<T *>(bytes.data());
  }
  template <typename T>
  const T *as() const {
    return reinterpret_cast<const T *>(bytes.data());
  }
  /// Element `i` as double, whatever the dtype.
  double number(int64_t i) const;
  /// Rounds to the dtype: floats to nearest even, integers toward zero and then wrap; what is
  /// not finite becomes 0 as an integer. A bool is whether the value is not 0.
  void setNumber(int64_t i, double value);
  /// Element `i` of an integer or bool array (the bits of a uint64).
  int64_t integer(int64_t i) const;
  void setInteger(int64_t i, int64_t value); // wraps; a bool is whether it is not 0
};

/// What an evaluation reads and fills. Outputs come with dtype and dims set from the graph's
/// shapes and all elements 0. Slow and obvious is what it should be: it is what compiled code
/// is compared with.
struct Evaluate {
  const Operation &op;
  std::span<const Array *const> inputs;
  std::span<Array> outputs;
  const std::function<int64_t(const DimSymbol &)> &symbols;
  std::string error; // what went wrong ("index 7 is out of range [0, 5)")

  /// An attribute of dimensions with its run-time ones put in.
  std::vector<int64_t> dims(std::string_view attr) const;
  bool fail(std::string what) {
    error = std::move(what);
    return false;
  }
};

using EvaluateFn = bool (*)(Evaluate &);

/// Makes the derivatives of the inputs from those of the outputs (null: zero). A null result
/// means that none flows to that input.
using GradientFn = bool (*)(OpBuilder &, const Operation &,
                            std::span<Tensor *const> outputGradients,
                            std::span<Tensor *> inputGradients);

// Cost ----------------------------------------------------------------------------------------

/// What running an operation once takes. FLOPs are arithmetic on elements, of any dtype: a product
/// and a sum are two, a call of exp, a comparison or a drawn number is one. Bytes are those of its
/// operands and results, as though each were read from memory and written to it.
struct Cost {
  Dim flops, bytes;
};

/// Corrects what is assumed of an operation without a rule: one FLOP for each element of the first
/// result if it is elementwise, else none; the bytes of all operands and results. All ranks are
/// known when it is called. See ops/cost.h.
using CostFn = void (*)(const Operation &op, Cost &cost);

// Operations and functions --------------------------------------------------------------------

struct OpDef {
  std::string_view type; // TensorFlow's name of the operation: "Conv2D"
  InferFn infer = nullptr;
  EvaluateFn evaluate = nullptr; // null: what reads or writes variables, or draws numbers
  GradientFn gradient = nullptr;
  bool elementwise = false; // every output element depends on the inputs' elements at its place
  bool stateful = false;    // may not be merged, moved across updates, or folded
  bool mayFail = false;     // can fail when run (an index from data, division of integers by 0)
  bool failsOnIntegersOnly = false; // what `mayFail` says is so for integer inputs alone
  /// The rule copes with inputs of unknown rank. Else it isn't asked about them: the operation
  /// has one output of the first input's dtype and of unknown rank.
  bool anyRank = false;
  CostFn cost = nullptr; // null: what `CostFn` says
};

/// Makes a function's operations. The default (null) is one operation of type `op` whose inputs
/// are the tensor parameters and whose attributes are the other ones, None left out.
/// Returns null after an error was reported.
using BuildFn = Tensor *(*)(Call &);

/// A function of the library, as users call it.
///
/// `signature` lists the parameters as Python would, with kinds:
///   x: T          a tensor; parameters of one letter have one dtype, and literals take it
///   x: tensor     a tensor of any dtype of its own (literals: int32, float32, bool)
///   x: float32    a tensor of that dtype (any dtype's name; literals are made so)
///   xs: [T]       a list of tensors; `[tensor]` with dtypes of their own; `*xs` takes all further
///                 positional arguments
///   n: int, a: float, b: bool, s: str, t: dtype      compile-time values
///   ns: ints      a list of ints, or one int
///   shape: shape  dimensions: ints, run-time dimensions, -1, or an integer tensor whose contents
///                 are known as such
///   v: literal    a compile-time (nested) number list, or number, given as written: int64, float64
///                 or bool (a constant's own dtype where it is a constant tensor)
///   p: padding    a str, or a nested list of ints (given as Text or Literal)
///   _: any        accepted and ignored
/// A kind that ends in `?` may be None. `=` gives the default, also "None". `*` separates
/// keyword-only ones. `name` is the last parameter and not listed, except where others follow
/// it: `name: str? = None`.
/// "conv2d(input: T, filter: T, strides: ints, padding: str, …)"
struct FunctionDef {
  std::string_view signature;
  std::string_view defaultName; // "Conv2D"
  std::string_view op;          // type of the operation that takes the name
  std::string_view doc; // first line a sentence; then shapes, dtypes, formula and its source
  BuildFn build = nullptr;
  std::string_view aliases = ""; // other names, separated by blanks
  /// What a call gives: one tensor; a list or tuple of all outputs of the operation made (or of
  /// `Call::results` where that is filled); an operation (`group`, `no_op`).
  enum Result : uint8_t { One, List, Tuple, Effect } result = One;
};

/// A parameter, parsed from a signature.
struct FunctionParameter {
  enum Kind : uint8_t {
    Tensor,
    Tensors,
    Int,
    Float,
    Bool,
    Text,
    Type,
    Ints,
    Shape,
    Literal,
    Padding,
    Any
  };
  std::string_view name;
  Kind kind = Any;
  char typeVariable = 0;        // 'T' for one letter; 0: of its own or fixed
  DType fixed = DType::Invalid; // of `x: float32`
  bool optional = false;        // may be None
  bool hasDefault = false;
  bool keywordOnly = false;
  bool variadic = false;        // of `*xs: [tensor]`: takes all further positional arguments
  std::string_view defaultText; // as written
};

struct Function {
  const FunctionDef *def = nullptr;
  std::string_view name;
  std::vector<FunctionParameter> parameters;
  size_t nameAt = SIZE_MAX; // which parameter `name` is, where it is listed
};

/// An argument, bound to a parameter and converted to its kind. What it points to lives as long as
/// the graph (text: as the call), so that attributes may have it as it is.
struct Arg {
  enum Kind : uint8_t { None, Tensor, Tensors, Int, Float, Bool, Text, Type, Ints, Dims, Literal };
  Kind kind = None;
  graphc::Tensor *tensor = nullptr;
  std::span<graphc::Tensor *const> tensors;
  int64_t i = 0; // Int, Bool
  double f = 0;
  std::string_view text;
  DType dtype = DType::Invalid;
  std::span<const int64_t> ints;
  std::span<const Dim> dims;
  bool scalar = false; // Ints, Dims: given as one number
  const graphc::Literal *literal = nullptr;
};

/// What the builder needs of who calls: naming and where to complain.
class OpHost {
public:
  virtual ~OpHost() = default;
  /// The full, unique name for the operation that the call makes. Null: an error was reported.
  virtual std::optional<std::string_view> takeName(std::string_view defaultName) = 0;
  /// `argument`: the parameter's name, empty for the call as a whole.
  virtual void error(Code code, std::string message, std::string_view argument) = 0;
};

/// Makes operations: runs their rules, reports what does not fit.
class OpBuilder {
public:
  OpBuilder(Graph &graph, OpHost &host, Span span, const CallSite *caller,
            std::span<Operation *const> controls)
      : graph(graph), host(host), span(span), caller(caller), controls(controls) {}

  Graph &graph;
  OpHost &host;
  Span span;
  const CallSite *caller;
  std::span<Operation *const> controls; // open control_dependencies

  /// An operation without a name: a step on the way.
  Tensor *op(std::string_view type, std::initializer_list<Tensor *> inputs,
             std::initializer_list<Attr> attrs = {});
  /// The general form; null after an error was reported.
  Operation *make(const OpDef &def, std::string_view name, std::span<Tensor *const> inputs,
                  std::span<const Attr> attrs);
  /// A constant without a name.
  Tensor *constant(const Literal *literal);
  Tensor *constant(DType dtype, double value); // a scalar
  Tensor *constant(std::span<const int64_t> values, DType dtype = DType::Int32);
  /// Attributes' contents must live in the arena.
  std::span<const int64_t> keep(const std::vector<int64_t> &values) {
    return graph.arena.copy(values);
  }
  std::span<const Dim> keep(const std::vector<Dim> &values) { return graph.arena.copy(values); }

  Tensor *fail(Code code, std::string message, std::string_view argument = "");

private:
  void wait(Operation &op);

protected:
  // Of the call on whose behalf operations are made: to find which argument an error is about.
  const Function *calledFunction_ = nullptr;
  std::span<const Arg> calledArgs_;
};

/// One call of a library function.
class Call : public OpBuilder {
public:
  Call(OpBuilder builder, const Function &function, std::span<const Arg> args)
      : OpBuilder(builder), function(function), args(args) {
    calledFunction_ = &function;
    calledArgs_ = args;
  }

  const Function &function;
  std::span<const Arg> args; // one for each parameter

  const Arg &arg(std::string_view name) const;
  bool given(std::string_view name) const { return arg(name).kind != Arg::None; }
  Tensor *tensor(std::string_view name) const { return arg(name).tensor; }
  std::span<Tensor *const> tensors(std::string_view name) const { return arg(name).tensors; }
  int64_t integer(std::string_view name) const { return arg(name).i; }
  double number(std::string_view name) const { return arg(name).f; }
  bool flag(std::string_view name) const { return arg(name).i != 0; }
  std::string_view text(std::string_view name) const { return arg(name).text; }
  DType dtype(std::string_view name) const { return arg(name).dtype; }
  std::span<const int64_t> ints(std::string_view name) const { return arg(name).ints; }
  std::span<const Dim> dims(std::string_view name) const { return arg(name).dims; }

  Operation *made = nullptr;     // that took the call's name
  std::vector<Tensor *> results; // of a list or tuple, where they are not one operation's outputs

  /// Makes the operation that takes the call's name, `made`. Its first output; null after an
  /// error, or where it has none.
  Tensor *named(std::string_view type, std::span<Tensor *const> inputs,
                std::span<const Attr> attrs);
  Tensor *named(std::string_view type, std::initializer_list<Tensor *> inputs,
                std::initializer_list<Attr> attrs = {});
  /// The default of BuildFn.
  Tensor *build();
};

// The tables ----------------------------------------------------------------------------------

/// Whether running the operation can fail.
inline bool mayFail(const Operation &op) {
  return op.def->mayFail &&
         !(op.def->failsOnIntegersOnly && !op.inputs.empty() && isFloating(op.inputs[0]->dtype));
}

const OpDef *findOp(std::string_view type);
/// By name or alias; operators as Python names them: "__add__", "__getitem__".
const Function *findFunction(std::string_view name);
std::vector<const OpDef *> allOps();
std::vector<const Function *> allFunctions();
} // namespace graphc
