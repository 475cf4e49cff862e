// What `graphc inspect` shows of a graph.
#pragma once

#include "graph/graph.h"
#include "source/source.h"

#include <string>

namespace graphc {

/// A tensor as `inspect` and exports name it: its operation's name ("split:1" for a second
/// output), for a variable's value the variable's place. "" for a literal.
std::string tensorName(const Tensor &tensor);

/// What is shown beside, or as text instead of, the lists.
struct InspectOptions {
  bool sharing = false;                              // which calls share which variables
  bool cost = false;                                 // what operations, scopes and exports take
  std::vector<std::pair<std::string, int64_t>> dims; // values of run-time dimensions, for the cost
};

/// One JSON object; `file` is the definition as it was named.
std::string inspectJson(const Graph &graph, const SourceManager &sources, std::string_view file,
                        const InspectOptions &options = {});
/// The same as tables for people.
std::string inspectText(const Graph &graph, const SourceManager &sources,
                        const InspectOptions &options = {});

} // namespace graphc
