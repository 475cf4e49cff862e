// Functions of run-time dimensions that generated code offers the runtime: the size of the
// workspace, what must hold of dimensions, the outputs' shapes.
#pragma once

#include "interface/plan.h"
#include "lower/plan.h"

#include <llvm/IR/Module.h>

namespace graphc::lower {

/// `int64_t workspace(const int64_t *dims)`; null where the size is known: `plan.fixedBytes`.
llvm::Function *emitWorkspaceSize(llvm::Module &module, const std::string &name,
                                  const InterfaceFunction &function, const Plan &plan);

/// `int64_t check(const int64_t *dims)` and what it finds fault with; null where any dimensions
/// fit.
llvm::Function *emitCheck(llvm::Module &module, const std::string &name,
                          const InterfaceFunction &function, std::vector<std::string> &constraints);

/// `void shapes(const int64_t *dims, int64_t *out)`; null where no output has a dimension that is
/// neither known nor one of the parameters.
llvm::Function *emitShapes(llvm::Module &module, const std::string &name,
                           const InterfaceFunction &function);

} // namespace graphc::lower
