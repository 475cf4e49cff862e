#include "ops/tables.h"

namespace graphc {

std::span<const OpDef> indexingOps() { return {}; }
std::span<const FunctionDef> indexingFunctions() { return {}; }

} // namespace graphc
