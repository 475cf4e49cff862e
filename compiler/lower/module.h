// The whole module of a definition: kernels, bodies, the description that the runtime reads, and
// the functions that programs call.
#pragma once

#include "interface/plan.h"
#include "lower/build.h"
#include "lower/target.h"

#include <llvm/IR/Module.h>

namespace graphc::lower {

struct ModuleOptions {
  std::vector<Target> targets; // the lowest level first
  FrozenVariables frozen;
  std::string triple, dataLayout;
  std::string producer; // "graphc 1.0.0"
  std::string sourceName;
};

/// Null after an error was reported.
std::unique_ptr<llvm::Module> emitModule(llvm::LLVMContext &context, const Graph &graph,
                                         const ModelInterface &model, const ModuleOptions &options,
                                         Diagnostics &diagnostics);

} // namespace graphc::lower
