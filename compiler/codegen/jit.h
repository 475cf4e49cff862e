// Running an object in memory.
#pragma once

#include "codegen/codegen.h"

namespace graphc {

/// Loads the object and finds the model in it. Null, with the reason in `why`, on failure.
std::unique_ptr<CompiledModel> loadObject(const std::string &object, const std::string &modelSymbol,
                                          std::string &why);

} // namespace graphc
