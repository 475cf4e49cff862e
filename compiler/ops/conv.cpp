#include "ops/tables.h"

namespace graphc {

std::span<const OpDef> convOps() { return {}; }
std::span<const FunctionDef> convFunctions() { return {}; }

} // namespace graphc
