// Bodies: graphs within the graph, which Scan runs for every step. While a body is open, the
// operations that are made are its own. What they use of the surroundings becomes a parameter of it
// and an input of the Scan ("captured") by itself: OpBuilder::make sees to it.
//
//   type       inputs                attributes                     outputs
//   Scan       initial…, elements…,  carried int, elements int,     last…, before…,
//              captured…             steps dims [1], reverse bool   stacked…
//   Parameter                        dtype, shape dims              its value
//
// Of n steps, step t has the elements at place k = t, or n - 1 - t in reverse. The body's
// parameters are k, the carried values (`initial` at the first step), the elements at k along the
// first dimension, and what is captured; its results are the next carried values and what is
// stacked. `last` are the carried values after the last step, `before` those before each step, at
// its k along a new first dimension, `stacked` what the steps gave, likewise.
#pragma once

#include "ops/op.h"

namespace graphc {

/// Opens a body, for the first time or again; closes it when it ends.
class OpenBody {
public:
  OpenBody(Graph &graph, Body &body);
  ~OpenBody();
  OpenBody(const OpenBody &) = delete;

private:
  Graph &graph_;
};

/// As long as it lives, operations are made in the graph itself, whatever bodies are open: reads of
/// variables, initial values.
class OutsideBodies {
public:
  explicit OutsideBodies(Graph &graph);
  ~OutsideBodies();
  OutsideBodies(const OutsideBodies &) = delete;

private:
  Graph &graph_;
  std::vector<Body *> open_;
};

/// The tensor as what is open now sees it: itself or a parameter, which is made where there is
/// none yet. Null if it is part of a body that is closed.
Tensor *visible(Graph &graph, Tensor *tensor);
/// The same without making anything: null where the body does not use it.
Tensor *seenAs(Graph &graph, Tensor *tensor);
/// E0104 for a tensor that is not visible. Always null.
Tensor *failInvisible(OpBuilder &builder, const Tensor &tensor);

/// Makes one Scan: opens its body, and closes it when it is finished or given up.
class ScanMaker {
public:
  /// `steps`: where there are no elements. Errors are reported and make `open` false: E0301 for
  /// elements without a first dimension or of different sizes, for unknown ranks.
  ScanMaker(OpBuilder &builder, std::vector<Tensor *> initial, std::vector<Tensor *> elements,
            std::optional<Dim> steps, bool reverse);

  bool isOpen() const { return bool(open_); }
  Tensor *place() const { return body_->parameters[0]->output(); } // k, an int32
  Tensor *carried(size_t i) const { return body_->parameters[1 + i]->output(); }
  Tensor *element(size_t i) const { return body_->parameters[1 + initial_.size() + i]->output(); }
  Body &body() { return *body_; }

  /// Closes the body, which gives these, and makes the operation. E0301, E0302 where `carried` does
  /// not fit the initial values; null then.
  Operation *finish(std::string_view name, std::span<Tensor *const> carried,
                    std::span<Tensor *const> stacked);

private:
  bool fits(const Tensor &next, const Tensor &first);

  OpBuilder &builder_;
  std::vector<Tensor *> initial_, elements_;
  Dim steps_;
  bool reverse_;
  Body *body_ = nullptr;
  std::vector<DimCheck> checks_;
  std::unique_ptr<OpenBody> open_;
};

/// What a Scan consists of, by its attributes.
struct ScanParts {
  explicit ScanParts(const Operation &op);

  const Operation &op;
  size_t carried, elements, captured, stacked;

  Tensor *initial(size_t i) const { return op.inputs[i]; }
  Tensor *element(size_t i) const { return op.inputs[carried + i]; }
  Tensor *capture(size_t i) const { return op.inputs[carried + elements + i]; }
  const Operation *carriedParameter(size_t i) const { return op.body->parameters[1 + i]; }
  const Operation *elementParameter(size_t i) const { return op.body->parameters[1 + carried + i]; }
  const Operation *capturedParameter(size_t i) const {
    return op.body->parameters[1 + carried + elements + i];
  }
  Tensor *next(size_t i) const { return op.body->results[i]; }
  Tensor *give(size_t i) const { return op.body->results[carried + i]; }
  size_t lastAt(size_t i) const { return i; }
  size_t beforeAt(size_t i) const { return carried + i; }
  size_t stackedAt(size_t i) const { return 2 * carried + i; }
  Dim steps() const { return op.dimsAttr("steps")[0]; }
  bool reverse() const { return op.boolAttr("reverse"); }
};

/// Whether a step's result of this operation is dear enough to be kept for the way back.
bool isDear(const Operation &op);
/// Makes a tensor of a Scan's body one of what it stacks, if it isn't one; it must be a result of
/// an operation that isDear. Gives the place among what is stacked.
size_t stackToo(Graph &graph, Operation &scan, Tensor *tensor);

/// Copies the operations of a body into what is open now, without names. `as` says what stands for
/// the outputs of its parameters, and gets what stands for all others.
void copyOperations(Graph &graph, const Body &from,
                    std::unordered_map<const Tensor *, Tensor *> &as);

/// The gradient of Scan: a Scan the other way round, whose steps compute anew what the step made
/// (from what was carried before it; what isDear is kept) and go back through it. What flows to
/// captured tensors adds up from step to step.
bool scanGradient(OpBuilder &builder, const Operation &op, std::span<Tensor *const> dy,
                  std::span<Tensor *> dx);

/// Whether the operation, or one in its body, draws random numbers.
bool drawsNumbers(const Operation &op);
/// Whether the operation, or one in its body, can fail when run (see mayFail).
bool anyMayFail(const Operation &op);
/// What an operation that draws as `number` draws from at place `place` of a Scan. Generated code
/// computes the same.
uint64_t numberAtPlace(uint64_t number, uint64_t place);
constexpr uint64_t placeFactors[] = {0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB};

} // namespace graphc
