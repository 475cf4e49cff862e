#include "ops/tables.h"

namespace graphc {

std::span<const OpDef> elementaryOps() { return {}; }
std::span<const FunctionDef> elementaryFunctions() { return {}; }

} // namespace graphc
