// Running graphs with the operations' reference evaluations: slow, obvious, and what compiled code
// is compared with. Folding of constants uses it too.
#pragma once

#include "ops/op.h"
#include "ops/order.h"

#include <memory>
#include <unordered_map>

namespace graphc {

/// Gives the values of run-time dimensions.
using SymbolValues = std::function<int64_t(const DimSymbol &)>;

/// Runs one operation that has an evaluation. False where it fails, or where a result is larger
/// than `maxBytes`; `error` says why.
bool evaluateOperation(const Operation &op, std::span<const Array *const> inputs,
                       const SymbolValues &symbols, std::vector<Array> &outputs, std::string &error,
                       int64_t maxBytes = int64_t(1) << 40);

/// A literal as an array, and an array as a literal of the graph.
Array arrayOf(const Literal &literal);
const Literal *literalOf(Graph &graph, const Array &array);

/// An instance of a definition: its variables, seed and counter, as the runtime's instances have
/// them. Not for several threads at once.
class GraphInterpreter {
public:
  /// `seed` 0 means the definition's own. `graph` must outlive the interpreter.
  explicit GraphInterpreter(const Graph &graph, uint64_t seed = 0);

  /// Gives every variable its initial value. Must come first.
  bool initialize(std::string &error);

  /// Runs an export. `inputs` stand in the order of its inputs, `outputs` in that of its outputs. A
  /// call that fails has changed nothing but `outputs`; `error` says why, and of inputs which one.
  bool call(const Export &exported, std::span<const Array> inputs, std::vector<Array> &outputs,
            std::string &error);

  /// The variable's value now; of its dtype and shape.
  Array &value(const Variable &variable) { return values_[variable.index]; }
  const Array &value(const Variable &variable) const { return values_[variable.index]; }

  uint64_t seed() const { return seed_; }
  /// The number of the last call that drew random numbers.
  uint64_t counter() const { return counter_; }
  void setRandom(uint64_t seed, uint64_t counter) { seed_ = seed, counter_ = counter; }

private:
  friend struct GraphRun;

  const Graph &graph_;
  uint64_t seed_;
  uint64_t counter_ = 0;
  std::vector<Array> values_; // by the variables' index
};

} // namespace graphc
