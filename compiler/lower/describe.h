// What each operation computes, as nodes of the lowered graph. One function for each type of
// operation, in describe_*.cpp; an operation without one is E0302 when it is to be compiled.
#pragma once

#include "lower/program.h"

#include <string_view>

namespace graphc::lower {

class Describer {
public:
  Describer(Program &program, const Operation &op, std::vector<Node *> inputs)
      : program(program), e(program.exprs), op(op), inputs(std::move(inputs)),
        outputs(op.outputs.size()) {}

  Program &program;
  ExprPool &e;
  const Operation &op;
  std::vector<Node *> inputs;
  std::vector<Node *> outputs; // to be filled in

  std::vector<Dim> shape(size_t output = 0) const {
    auto dims = op.outputs[output].shape.dims();
    return {dims.begin(), dims.end()};
  }
  DType dtype(size_t output = 0) const { return op.outputs[output].dtype; }
  /// As in messages: the operation's name, or its type.
  std::string name() const { return std::string(op.name.empty() ? op.type : op.name); }

  Indices indices(size_t rank) {
    Indices all;
    for (size_t i = 0; i < rank; ++i) all.push_back(e.index(i));
    return all;
  }
  /// The element of `node` at indices of a shape that it broadcasts to.
  const Expr *broadcast(Node *node, const Indices &at);
  /// The same as the type that is computed in: float32 for the 16-bit ones.
  const Expr *wide(const Expr *value) { return e.cast(wideType(value->dtype), value); }
  static DType wideType(DType dtype) {
    return dtype == DType::Float16 || dtype == DType::BFloat16 ? DType::Float32 : dtype;
  }

  Node *add(Node node);
  Node *pointwise(DType dtype, std::vector<Dim> shape, const Expr *value);
  /// The node itself, or for the 16-bit types a copy of it as float32: what the emitters of
  /// contractions read.
  Node *computable(Node *node);
  /// A contraction of `operands` (computable ones), which is stored as the dtype.
  Node contraction(Node::Kind kind, DType dtype, std::vector<Dim> shape,
                   std::vector<Node *> operands);
  /// The value is over the shape's indices, then those of `reduced`. `post` may be null.
  Node *reduce(DType dtype, std::vector<Dim> shape, std::vector<Dim> reduced, Combiner combiner,
               const Expr *value, const Expr *post);
  /// The call fails where the condition holds / the index is not in [0, limit), anywhere in
  /// `shape`.
  void failIf(const std::vector<Dim> &shape, const Expr *condition, std::string message);
  void checkIndex(const std::vector<Dim> &shape, const Expr *index, const Expr *limit);

  /// The only output, in the operation's shape and dtype.
  bool give(const Expr *value) {
    outputs[0] = pointwise(dtype(), shape(), value);
    return true;
  }
};

/// A tap of a window: which row (or column) of the input it falls on, whether that is inside, and
/// the nearest that is.
struct Tap {
  const Expr *inside;
  const Expr *at;
};
/// Of the window at `out`, the tap `window`.
Tap tapOf(Describer &d, const Expr *out, const Expr *window, int64_t stride, int64_t dilation,
          Dim pad, Dim size);

using DescribeFn = bool (*)(Describer &);

struct Description {
  std::string_view type;
  DescribeFn describe;
};

std::span<const Description> elementwiseDescriptions();
std::span<const Description> movementDescriptions();
std::span<const Description> reductionDescriptions();
std::span<const Description> contractionDescriptions();
std::span<const Description> backpropDescriptions();
std::span<const Description> lineDescriptions();
std::span<const Description> sourceDescriptions();

/// A tensor whose contents are known. `bytes` must outlive the program.
Node *literalNode(Program &program, const Operation *op, DType dtype, std::vector<Dim> shape,
                  std::span<const std::byte> bytes);

/// Null if the type is not lowered.
DescribeFn findDescription(std::string_view type);

} // namespace graphc::lower
