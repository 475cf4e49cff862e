// Scan as a loop: the program of its steps, and where that keeps what it needs.
#pragma once

#include "lower/plan.h"

namespace graphc::lower {

/// What a node of kind Loop runs. Its operands are the initial values of what is carried, the
/// elements, what is captured; the body's inputs are the place of the step's elements, then the
/// same. The body's outputs are the next carried values, then what is stacked.
struct LoopSpec {
  std::unique_ptr<Program> body;
  Dim steps;
  bool reverse = false;
  size_t carried = 0, elements = 0;
  /// Of each result of the loop (last…, before…, stacked…) the node; null where nobody reads it.
  std::vector<Node *> results;

  size_t stacked() const { return results.size() - 2 * carried; }
};

/// A loop's part of the workspace: blocks one after another, in this order.
struct LoopPlan {
  Plan plan;               // of one step, within the last blocks
  std::vector<Dim> blocks; // bytes: the place, two for each carried value, `packs`, the step's own
  std::vector<const Node *> packs; // whose second operand is packed once for all steps
  Dim bytes() const;
};

/// Bytes of a block, rounded up so that what follows is aligned.
Dim blockBytes(Dim bytes);

/// Takes from the loop's body what nobody reads.
void dropUnreadResults(Node &loop);

} // namespace graphc::lower
