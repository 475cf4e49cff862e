// What `graphc inspect` shows of a graph.
#pragma once

#include "graph/graph.h"
#include "source/source.h"

#include <string>

namespace graphc {

/// A tensor as `inspect` and exports name it: its operation's name ("split:1" for a second
/// output), for a variable's value the variable's place. "" for a literal.
std::string tensorName(const Tensor &tensor);

/// One JSON object; `file` is the definition as it was named.
std::string inspectJson(const Graph &graph, const SourceManager &sources, std::string_view file);
/// The same as tables for people.
std::string inspectText(const Graph &graph, const SourceManager &sources);

} // namespace graphc
