// In which order the nodes of a program are computed, and where each of them lies in memory.
#pragma once

#include "lower/program.h"
#include "lower/target.h"

namespace graphc::lower {

/// Where a stored node lies.
struct Place {
  enum Kind : uint8_t { None, Workspace, Slot, Input, Output, Variable, Literal } kind = None;
  int64_t offset = 0; // Workspace: from its beginning
  int number = 0;     // Slot, Input, Output
  const graphc::Variable *variable = nullptr;
  const Node *literal = nullptr;
};

struct Step {
  Node *node = nullptr; // to be computed; null: a copy
  Node *from = nullptr; // of a copy: the storage that is read ...
  Place to;             // ... and where it goes
};

struct Plan {
  std::vector<Step> steps;
  std::unordered_map<const Node *, Place> places;
  std::unordered_map<const Node *, Place> scratch; // workspace that a step alone needs
  /// Copied at the end, when nothing can fail any more.
  std::vector<std::pair<const graphc::Variable *, Place>> commits;
  int64_t fixedBytes = 0; // the workspace's part of known size
  /// Then one after another, each as large as the largest of these.
  std::vector<std::vector<Dim>> slots;

  const Place &place(Node *node) const { return places.at(storageOf(node)); }
};

/// `scratchBytes` gives the workspace that a node needs while it is computed.
Plan makePlan(const Program &program, const std::function<Dim(const Node &)> &scratchBytes);

} // namespace graphc::lower
