// What lowering needs to know of a processor.
#pragma once

#include <cstdint>
#include <string>

namespace graphc::lower {

/// A processor (or processor level) that kernels are emitted for.
struct Target {
  std::string cpu;           // LLVM's name: "x86-64-v3"
  std::string features;      // LLVM's feature string, may be empty
  std::string suffix;        // of symbols: "_v3"; empty for the baseline
  int32_t level = 0;         // GRAPHRT_CPU_…
  unsigned vectorBytes = 16; // of a vector register: 16, 32 or 64
  unsigned scale = 0;        // of scalable registers, which have just so many times 16 bytes; or 0
  unsigned vectorRegisters = 16;
  bool fma = false;      // llvm.fma is one instruction
  bool masks = false;    // masked loads and stores cost what plain ones do
  bool operands = false; // of arithmetic may lie in memory, one element for all lanes

  unsigned floats() const { return vectorBytes / 4; }
};

} // namespace graphc::lower
