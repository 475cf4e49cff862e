// Kernels compiled in memory and called with plain pointers, without a model around them: for the
// tests of the kernels and for the benchmarks. Does the runtime's part (pieces, scratch memory)
// itself.
#pragma once

#include "lower/target.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace llvm {
class Function;
class Module;
} // namespace llvm

namespace graphc::testing {

/// The processor levels that kernels are emitted for and that this machine has, lowest first.
std::vector<lower::Target> targetsHere();

class Kernel {
public:
  /// `build` emits the kernel's function, of `buffers` buffers and `dims` run-time dimensions, into
  /// the module, and gives it and the bytes of scratch memory that it asks for. Ends the process
  /// with a message where the module is not valid. `level`: as in -O3.
  struct Built {
    llvm::Function *function;
    int64_t scratchBytes;
  };
  Kernel(const lower::Target &target, int buffers, int dims,
         const std::function<Built(llvm::Module &)> &build, int level = 1);
  ~Kernel();

  /// Runs it with the buffers and dimensions.
  void operator()(const std::vector<const void *> &buffers, const std::vector<int64_t> &dims = {},
                  int threads = 1) const;
  double compileSeconds() const { return compileSeconds_; }
  /// The optimised LLVM IR and the assembly, for looking at.
  const std::string &ir() const { return ir_; }
  std::string assembly() const;

private:
  struct Jit;
  std::unique_ptr<Jit> jit_;
  void *entry_ = nullptr;
  int64_t scratchBytes_ = 0;
  double compileSeconds_ = 0;
  std::string ir_;
  lower::Target target_;
};

} // namespace graphc::testing
