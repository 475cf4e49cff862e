#include "ops/tables.h"

namespace graphc {

std::span<const OpDef> poolOps() { return {}; }
std::span<const FunctionDef> poolFunctions() { return {}; }

} // namespace graphc
