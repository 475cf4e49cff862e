// Which value of a variable an operation sees.
//
// Within one call, reads and updates are ordered by data and control dependencies alone. An
// operation that reads a variable (ReadVariable, and AssignAdd and AssignSub, which add to it) sees
// the last update that comes before it in that order; where none does, the value from before the
// call. Updates that nothing orders are E0404, so "the last" is well defined.
#pragma once

#include "graph/graph.h"

#include <unordered_map>
#include <utility>
#include <vector>

namespace graphc {

struct VariableOrder {
  /// For every ReadVariable, Assign, AssignAdd and AssignSub: the update of its variable that comes
  /// last before it; null: the value from before the call.
  std::unordered_map<const Operation *, const Operation *> sees;
  /// The updates of every variable, in order: the last one's result is committed.
  std::vector<std::pair<const Variable *, std::vector<const Operation *>>> updates;
  /// Two updates of one variable that nothing orders, if there are any.
  std::vector<std::pair<const Operation *, const Operation *>> unordered;
};

/// `operations` is what one call runs, inputs before users (`neededBy`).
VariableOrder orderVariables(const std::vector<Operation *> &operations);

} // namespace graphc
