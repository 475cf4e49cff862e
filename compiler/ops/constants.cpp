#include "ops/tables.h"

namespace graphc {

std::span<const OpDef> constantsOps() { return {}; }
std::span<const FunctionDef> constantsFunctions() { return {}; }

} // namespace graphc
