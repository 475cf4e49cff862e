// Which processors code is made for.
#pragma once

#include "codegen/codegen.h"
#include "lower/target.h"

#include <llvm/Target/TargetMachine.h>

namespace graphc {

struct TargetChoice {
  std::unique_ptr<llvm::TargetMachine> machine;
  std::vector<lower::Target> levels; // what kernels are emitted for, the lowest first
  std::string triple;
};

/// What the options ask for; nullopt, with the reason in `why`, where there is no such target or
/// processor.
std::optional<TargetChoice> chooseTarget(const CodegenOptions &options, std::string &why);

} // namespace graphc
