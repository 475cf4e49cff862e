// Two versions of a definition, compared the way a release is judged: what breaks is an error,
// what is only different is information.
#pragma once

#include "interface/plan.h"

#include <string>
#include <utility>
#include <vector>

namespace graphc {

/// What `compare…` finds, as it stands in diagnostics: "D0101".
struct Difference {
  std::string_view code, summary;
};
const std::vector<Difference> &allDifferences();

/// Names under which tensors are saved: (before, after).
using Renames = std::vector<std::pair<std::string, std::string>>;

/// Would a checkpoint of `before` load? Reports variables added, removed, renamed, and of another
/// shape or dtype, and returns the renames. Renamed is what is gone and what is new of the same
/// shape and dtype at the same place among the variables that stayed.
Renames compareWeights(const Graph &before, const Graph &after, Diagnostics &diagnostics);

/// Would a program that uses `before` link and work? Reports exports, their inputs and outputs.
void compareSource(const ModelInterface &before, const ModelInterface &after,
                   Diagnostics &diagnostics);

/// Does it compute the same? Reports, for each variable and for each output and effect of an
/// export, the first operation on the way from its end that differs. Variables of `renames` are the
/// same.
void compareNumerics(const Graph &before, const Graph &after, const Renames &renames,
                     Diagnostics &diagnostics);

} // namespace graphc
