#include "ops/tables.h"

namespace graphc {

std::span<const OpDef> stateOps() { return {}; }
std::span<const FunctionDef> stateFunctions() { return {}; }

} // namespace graphc
