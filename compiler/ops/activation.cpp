#include "ops/tables.h"

namespace graphc {

std::span<const OpDef> activationOps() { return {}; }
std::span<const FunctionDef> activationFunctions() { return {}; }

} // namespace graphc
