// Operations without a name are steps on the way to one that has one.
#pragma once

#include "graph/graph.h"

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace graphc {

/// Under which name each operation counts: its own; the name that the call took which made it; for
/// the steps of a derivative "gradients/conv1/Conv2D_grad". Empty where there is none.
class StepNames {
public:
  explicit StepNames(const Graph &graph);
  std::string_view of(const Operation &op) const { return names_[op.id]; }

private:
  std::string_view keep(std::string text) { return *made_.insert(std::move(text)).first; }

  std::vector<std::string_view> names_; // by the operation's id
  std::unordered_set<std::string> made_;
};

} // namespace graphc
