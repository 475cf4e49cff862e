// The graph that elaboration leaves behind: operations, variables and exports. All of it
// lives in the graph's arena; pointers stay good as long as the graph does.
#pragma once

#include "graph/shape.h"
#include "source/arena.h"
#include "source/source.h"

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace graphc {

struct OpDef; // ops/op.h
struct Operation;
struct Variable;
struct Body;

/// A tensor's contents known at compile time: dense, row-major, host byte order; a bool is one
/// byte, 0 or 1; float16 and bfloat16 are their 16 bits.
struct Literal {
  DType dtype = DType::Invalid;
  std::span<const int64_t> dims;
  std::span<const std::byte> bytes;

  int64_t elements() const {
    int64_t n = 1;
    for (int64_t d : dims) n *= d;
    return n;
  }
  template <typename T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T *>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

/// The contents of an integer scalar or vector as functions of dimensions: what `shape(x)`
/// and arithmetic on it give, so that `reshape(x, [shape(x)[0], -1])` is understood.
struct SymbolicValue {
  bool scalar = false;
  std::span<const Dim> elements;
};

/// One result of an operation.
struct Tensor {
  Operation *op = nullptr;
  uint32_t index = 0;
  DType dtype = DType::Invalid;
  Shape shape;
  const SymbolicValue *value = nullptr; // null: contents not known as dimensions
};

struct Attr {
  enum Kind : uint8_t { None, Int, Float, Bool, Text, Type, Ints, Dims, Tensor };
  std::string_view name;
  Kind kind = None;
  union { // what the kind says
    int64_t i;
    double f;
    bool b;
    DType dtype;
    const Literal *literal; // Tensor
    std::string_view text;
    std::span<const int64_t> ints;
    std::span<const Dim> dims;
  };

  Attr() : i(0) {}
};

Attr intAttr(std::string_view name, int64_t value);
Attr floatAttr(std::string_view name, double value);
Attr boolAttr(std::string_view name, bool value);
Attr textAttr(std::string_view name, std::string_view value); // `value` in the arena or static
Attr typeAttr(std::string_view name, DType value);
Attr intsAttr(std::string_view name, std::span<const int64_t> value); // in the arena
Attr dimsAttr(std::string_view name, std::span<const Dim> value);     // in the arena
Attr literalAttr(std::string_view name, const Literal *value);

/// A call that led to an operation or error: "in conv_relu, called at …".
struct CallSite {
  std::string_view function;
  Span span; // the call
  const CallSite *caller = nullptr;
};

/// What must hold of run-time dimensions before the operation may run.
struct DimCheck {
  enum Kind : uint8_t { Equal, AtLeast } kind = Equal;
  Dim left, right;          // left == right, or left >= right
  std::string_view message; // "dimension 1 of the left operand and dimension 0 of the right"
};

struct Operation {
  // What walks through the graph look at stands together.
  const OpDef *def = nullptr;
  uint32_t id = 0;              // order of creation, within its body
  Variable *variable = nullptr; // what ReadVariable, Assign, AssignAdd, … read or write
  std::span<Tensor *> inputs;
  std::span<Operation *> controlInputs;
  std::string_view type; // TensorFlow's: "Conv2D"
  std::string_view
      name; // "scope/Conv2D"; empty for what takes no name: literals, reads of variables
  std::span<Attr> attrs;
  std::span<Tensor> outputs;
  std::span<DimCheck> checks;
  Span span;
  const CallSite *caller = nullptr;
  Body *body = nullptr;   // what Scan runs
  Body *within = nullptr; // the body that it is part of; null: the graph itself
  // Of what `gradients` made: the operation whose derivative it is a step of (null: it sums some
  // up), and the name scope of the gradients.
  const Operation *derivativeOf = nullptr;
  std::string_view gradientScope;

  Tensor *output(size_t i = 0) { return &outputs[i]; }
  const Tensor *output(size_t i = 0) const { return &outputs[i]; }
  const Attr *attr(std::string_view attrName) const;
  int64_t intAttr(std::string_view attrName, int64_t otherwise = 0) const;
  double floatAttr(std::string_view attrName, double otherwise = 0) const;
  bool boolAttr(std::string_view attrName, bool otherwise = false) const;
  std::string_view textAttr(std::string_view attrName, std::string_view otherwise = "") const;
  std::span<const int64_t> intsAttr(std::string_view attrName) const;
  std::span<const Dim> dimsAttr(std::string_view attrName) const;
  DType typeAttr(std::string_view attrName, DType otherwise = DType::Invalid) const;
  const Literal *literalAttr(std::string_view attrName) const;
};

/// A graph within the graph: what an operation runs for every step (ops/body.h makes them). Of what
/// is around it, it sees its parameters alone, which get the values of the operation's inputs.
struct Body {
  std::vector<Operation *> operations; // in order of creation
  /// Of type Parameter: the number of the step's elements (an int32), then one for each input.
  std::vector<Operation *> parameters;
  std::vector<Tensor *> results;
  Body *outer = nullptr; // that its operation is part of; null: the graph itself

  // While it is open:
  std::vector<Tensor *> captured;                      // what the last parameters stand for
  std::unordered_map<const Tensor *, Tensor *> seenAs; // that, and the parameters' outputs
  std::vector<Operation *> controls;                   // of the surroundings, that it waits for
};

/// A variable cut in parts along one axis; saved and loaded as one tensor.
struct PartitionedVariable {
  std::string_view name;
  Shape shape;
  DType dtype = DType::Invalid;
  std::span<const int64_t> partitions; // slices per axis; at most one is not 1
  std::span<Variable *> parts;
  int axis = 0;
};

/// Where something stands, and the calls that led there.
struct Place {
  Span span;
  const CallSite *caller = nullptr;
};

struct Variable {
  enum Kind : uint8_t { GetVariable, Plain /* Variable(...) */, Slot /* an optimizer's */ };
  std::string_view name;   // the key under which it is shared
  std::string_view opName; // its place in the graph, under which it is saved
  DType dtype = DType::Invalid;
  Shape shape; // static
  Kind kind = GetVariable;
  bool trainable = true;
  std::string_view initializer;   // "constant", "glorot_uniform", … or "tensor"
  Tensor *initialValue = nullptr; // computed when an instance is created
  Span span;
  const CallSite *caller = nullptr;
  std::vector<Place> sharedAt;                // where it was asked for again, in order
  const PartitionedVariable *whole = nullptr; // of which it is a part
  int64_t offset = 0;                         // where the part begins on the whole's axis
  uint32_t index = 0;                         // order of creation
};

/// A named end of an export. For an effect (an operation without `=`) `tensor` is null.
struct ExportEnd {
  std::string name;
  Tensor *tensor = nullptr;
  Span span;
};

struct Export {
  std::string name;
  Span span;
  std::vector<ExportEnd> inputs; // placeholders
  std::vector<ExportEnd> outputs;
  std::vector<Operation *> effects; // operations run for what they do, in the order listed
  std::vector<Variable *> updates;  // updatedBy(what a call runs)
};

class Graph {
public:
  Graph() = default;
  Graph(const Graph &) = delete;

  Arena arena;
  DimContext dims;
  /// In order of creation, anonymous ones too. While a body is open, these are the body's.
  std::vector<Operation *> operations;
  std::vector<Variable *> variables; // in order of creation
  std::vector<PartitionedVariable *> partitioned;
  std::vector<Export> exports;
  std::vector<std::string> nameScopes; // in order of first opening, without the slash
  /// By key: names of members, in the arena.
  std::vector<std::pair<std::string, std::vector<std::string_view>>> collections;
  uint64_t seed = 0;        // graph-level seed of random operations
  uint64_t made = 0;        // operations added so far, in bodies too
  uint64_t updatesMade = 0; // of them, those that change a variable
  std::vector<Body *> open; // the bodies that are open, outermost first

  /// Adds an operation with outputs of these types; spans are copied into the arena.
  Operation *addOperation(const OpDef *def, std::string_view type, std::string_view name,
                          std::span<Tensor *const> inputs, std::span<const Attr> attrs,
                          std::span<const Tensor> outputs, Span span, const CallSite *caller);
  /// Takes over a variable made with `new` (it is not yet one of `variables`).
  Variable *adopt(Variable *made) { return owned_.emplace_back(made).get(); }
  Body *makeBody() { return bodies_.emplace_back(std::make_unique<Body>()).get(); }
  Shape makeShape(std::span<const Dim> dims);
  const Literal *makeLiteral(DType dtype, std::span<const int64_t> dims,
                             std::span<const std::byte> bytes);

private:
  std::vector<std::unique_ptr<Variable>> owned_;
  std::vector<std::unique_ptr<Body>> bodies_;
};

/// Calls `visit` for every one of the operations, and for those in their bodies.
template <typename Operations, typename Visit>
void forEachOperation(const Operations &operations, const Visit &visit) {
  for (auto *op : operations) {
    visit(op);
    if (op->body) forEachOperation(op->body->operations, visit);
  }
}

/// The operations that the export's outputs and effects need, inputs before users, in order of
/// creation where nothing else orders them.
std::vector<Operation *> neededBy(const Export &exported);
/// The same for the initial values of all variables.
std::vector<Operation *> neededByInitialValues(const Graph &graph);

/// The variables that these operations write, in order of creation.
std::vector<Variable *> updatedBy(const std::vector<Operation *> &operations);
bool writesVariable(const Operation &op);
bool readsVariable(const Operation &op);

/// What is broken in the graph's own rules ("%3 uses %7, which comes later"), empty if nothing.
/// Run after every pass in builds with assertions.
std::vector<std::string> verify(const Graph &graph);

/// The graph as text: one line an operation, `%4 = Conv2D(%1, %3) {padding="SAME"} : float32 (1,
/// 28, 28, 32)  "conv1/Conv2D"`.
std::string print(const Graph &graph);

} // namespace graphc
