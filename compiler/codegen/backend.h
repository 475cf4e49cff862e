// From an LLVM module to files.
#pragma once

#include <llvm/IR/Module.h>
#include <llvm/Target/TargetMachine.h>
#include <string>
#include <vector>

namespace graphc {

/// Runs LLVM's passes of that level. In builds with assertions the module is verified before and
/// after them.
void optimizeModule(llvm::Module &module, llvm::TargetMachine &machine, int level);

std::string objectOf(llvm::Module &module, llvm::TargetMachine &machine);
std::string assemblyOf(llvm::Module &module, llvm::TargetMachine &machine);
std::string textOf(const llvm::Module &module);
std::string bitcodeOf(const llvm::Module &module);

/// A static library with one member; the same bytes for the same object.
bool archiveOf(const std::string &member, const std::string &object, const llvm::Triple &triple,
               std::string &archive, std::string &why);

/// A shared library of the object and the runtime.
bool sharedLibraryOf(const std::string &name, const std::string &object, std::string &library,
                     std::string &why);

/// The object of `main`: hands what `modelSymbol` returns to graphrt_main (graphrt/main.h).
std::string mainObjectOf(const std::string &modelSymbol, llvm::TargetMachine &machine);

/// A program for this machine of both objects, the runtime and its graphrt_main. The C library's
/// development files are needed, a compiler is not.
bool programOf(const std::string &name, const std::string &object, const std::string &main,
               const llvm::Triple &triple, std::string &program, std::string &why);

} // namespace graphc
