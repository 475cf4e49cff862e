#include "ops/tables.h"

namespace graphc {

std::span<const OpDef> arrayOps() { return {}; }
std::span<const FunctionDef> arrayFunctions() { return {}; }

} // namespace graphc
