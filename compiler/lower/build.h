// From the graph to the lowered graph of one export, or of the variables' initial values.
#pragma once

#include "interface/plan.h"
#include "lower/program.h"

namespace graphc::lower {

/// Variables that are compiled in as constants, and their bytes.
using FrozenVariables = std::unordered_map<const graphc::Variable *, std::span<const std::byte>>;

/// The program of an export. Null after an error was reported: an operation or dtype that is not
/// lowered (E0302), an unknown rank (E0303), updates that nothing orders (E0404).
std::unique_ptr<Program> buildExport(const InterfaceFunction &function,
                                     const FrozenVariables &frozen, Diagnostics &diagnostics);
/// The program that gives the variables their initial values.
std::unique_ptr<Program> buildInitializer(const Graph &graph, const FrozenVariables &frozen,
                                          Diagnostics &diagnostics);

} // namespace graphc::lower
