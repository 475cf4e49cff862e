// What operations cost. A rule stands beside the operation's others, as `OpDef::cost`; here is what
// several of them share.
#pragma once

#include "ops/op.h"

namespace graphc {

/// What one run of the operation takes. Nothing where a rank that it hangs on is unknown.
std::optional<Cost> costOf(const Operation &op);

/// The bytes of a tensor of known rank.
Dim bytesOf(const Tensor &tensor);
/// The elements of a window: of an operation with the attribute `ksize`.
Dim windowSize(const Operation &op);

// Rules (see CostFn).

/// What takes no time: another view of the same bytes, or what is known before anything runs.
void costsNothing(const Operation &op, Cost &cost);
/// An elementwise operation that computes nothing.
void onlyMoves(const Operation &op, Cost &cost);
/// Takes parts of the first operand: of that, only what it gives is read.
void partCost(const Operation &op, Cost &cost);
void onePerInputElement(const Operation &op, Cost &cost); // of the first operand
void onePerOutputElement(const Operation &op, Cost &cost);

} // namespace graphc
