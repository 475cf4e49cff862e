#include "ops/tables.h"

namespace graphc {

std::span<const OpDef> reduceOps() { return {}; }
std::span<const FunctionDef> reduceFunctions() { return {}; }

} // namespace graphc
