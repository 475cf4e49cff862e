// The lowered graph of one export: what is computed, as tensors whose elements are expressions,
// reductions of expressions, or contractions that have emitters of their own. How it is computed
// is not said here.
#pragma once

#include "lower/conv.h"
#include "lower/expr.h"
#include "lower/gemm.h"
#include "lower/lines.h"
#include "lower/pool.h"

#include <memory>
#include <optional>
#include <string>

namespace graphc::lower {

enum class Combiner : uint8_t { Sum, Prod, Max, Min, Any, All, ArgMax, ArgMin };

/// A part of a tensor that is written on its own: elements at `place` for all of `dims`.
struct Piece {
  std::vector<Dim> dims;
  const Expr *value = nullptr; // over Index 0 … dims-1
  Indices place;               // an index expression for each dimension of the tensor
  bool adds = false;           // to what is there: places may come more than once
  bool inOrder = false;        // places may come more than once, and the last one counts
};

/// Random numbers that the runtime draws.
struct RandomSpec {
  uint64_t op = 0;
  int32_t kind = 0; // GRAPHRT_RANDOM_…; -1: integers
  double a = 0, b = 0;
  int64_t low = 0, high = 0;
};

struct LoopSpec; // lower/loop.h

/// A tensor of the lowered graph.
struct Node {
  enum Kind : uint8_t {
    Input,     // `number`: of the export
    Variable,  // its value before the call
    Literal,   // contents known
    Alias,     // `operands[0]` with another shape
    Pointwise, // `value` over Index 0 … rank-1
    Reduce,    // `combiner` over `reduced` of `value` over Index 0 … rank-1, then the reduced ones
    Pieces,    // `pieces`, one after another
    Check,     // no tensor: the call fails where `value` is not in [0, limit); without a limit,
               // where it holds (a bool)
    Sequence,  // a vector: `value`, then each the one before plus `limit`, rounded
    MatMul,    // operands: a, b
    Conv2D,    // operands: input, filter
    Depthwise,
    MaxPool, // operands: input
    AvgPool,
    ConvFilter,      // a convolution's derivative by its filter; operands: input, out_backprop
    MaxPoolGrad,     // operands: input, output, grad
    MaxPoolGradGrad, // the same
    Conv2DPlaces,    // Conv2D of what came through a max_pool; operands: values, filter, places
    // From here on nothing can be merged into them.
    ConvFilterPlaces, // ConvFilter of the same; operands: input, values, places
    MaxPoolPlaces,    // the places of a max_pool's largest elements; operands: input
    Scan,             // operands: input
    TopK,             // the places; operands: input
    Random,
    Loop,       // no tensor: runs `loop`
    LoopResult, // `number` of those of the loop operands[0]
  };
  Kind kind = Pointwise;
  DType dtype = DType::Invalid;
  std::vector<Dim> shape;
  uint32_t id = 0; // order of making; operands come first
  const Operation *op = nullptr;

  const Expr *value = nullptr;
  std::vector<Dim> reduced;
  Combiner combiner = Combiner::Sum;
  const Expr *post = nullptr; // of the results of a reduction or contraction, over Acc; null: Acc
  DType accumulator = DType::Invalid; // dtype of Acc
  std::vector<Piece> pieces;
  std::vector<Node *> operands;
  std::span<const std::byte> bytes; // Literal: in the graph's arena or the weights'
  const graphc::Variable *variable = nullptr;
  int number = 0;
  MatMulSpec matmul; // buffers and epilogue are filled in by the emitter
  Conv2DSpec conv;
  PoolSpec pool;
  LineSpec line;
  RandomSpec random;
  std::shared_ptr<LoopSpec> loop;
  // Check
  const Expr *limit = nullptr;
  std::string message;

  /// Pointwise: further nodes of the shape that are computed in the same kernel, in their order.
  /// Loads of one another that they hold are of the same element (see bundle.h). MaxPool: its
  /// places.
  std::vector<Node *> together;

  // Decided by fusion:
  bool stored = false; // has a place in memory
  bool dead = false;   // merged into another

  bool isContraction() const { return kind >= MatMul && kind <= TopK; }
  bool hasPost() const {
    // MaxPoolGrad may add to what it has stored.
    if (kind == MaxPoolGrad) return windowsTile(pool);
    return (isContraction() && kind < ConvFilterPlaces) || kind == Reduce;
  }
  Dim elements() const {
    Dim product(1);
    for (Dim d : shape)
      if (d.is(0)) return Dim(0);
    for (Dim d : shape) product = product * d;
    return product;
  }
};

struct Update {
  const graphc::Variable *variable = nullptr;
  Node *value = nullptr;
};

/// What comes back through a max_pool, as its windows have it (describe_places.h).
struct PooledGrad {
  Node *value = nullptr;  // of the pooling's output's shape; null: nothing of the kind
  Node *input = nullptr;  // of the pooling
  Node *places = nullptr; // when somebody has wanted them
  PoolSpec pool;
};

struct Program {
  ExprPool exprs;
  std::vector<std::unique_ptr<Node>> nodes; // operands before users
  std::vector<Node *> outputs;
  std::vector<Update> updates; // the last value of each variable that is updated
  bool initializes = false;    // the values go into variables that nothing has been in before
  std::unordered_map<const Node *, PooledGrad> pooledGrads; // of what has been asked for

  Node *add(Node node);
  bool mayFail() const;
  bool drawsNumbers() const;
};

/// The expressions of a node, through which it reads others.
std::vector<const Expr *> expressionsOf(const Node &node);
/// Replaces each of them.
void replaceExpressions(Node &node, const std::function<const Expr *(const Expr *)> &replace);
/// The tensor whose place in memory an alias has.
Node *storageOf(Node *node);
/// As text, for tests and for finding faults.
std::string print(const Program &program);
std::string print(const Expr *expr);

} // namespace graphc::lower
