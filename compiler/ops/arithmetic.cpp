#include "ops/tables.h"

namespace graphc {

std::span<const OpDef> arithmeticOps() { return {}; }
std::span<const FunctionDef> arithmeticFunctions() { return {}; }

} // namespace graphc
