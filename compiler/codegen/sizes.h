// How large the code for each processor level came out.
#pragma once

#include "codegen/codegen.h"
#include "lower/target.h"

#include <llvm/ADT/StringMap.h>
#include <llvm/IR/Module.h>

namespace graphc {

/// Which level each function of an optimized module is for: its place in `levels`, or, for what is
/// there once, levels.size(). Asked before code is generated.
llvm::StringMap<size_t> levelsOfFunctions(const llvm::Module &module,
                                          const std::vector<lower::Target> &levels);

/// The sizes of what `object` holds; `cpu` as in the options that it was made with.
CodeSizes sizesOf(const std::string &object, const llvm::StringMap<size_t> &functions,
                  const std::vector<lower::Target> &levels, const std::string &cpu);

} // namespace graphc
