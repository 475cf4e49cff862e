#include "ops/tables.h"

namespace graphc {

std::span<const OpDef> controlOps() { return {}; }
std::span<const FunctionDef> controlFunctions() { return {}; }

} // namespace graphc
