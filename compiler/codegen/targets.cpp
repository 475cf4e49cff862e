#include "codegen/targets.h"

#include <algorithm>
#include <fmt/format.h>
#include <graphrt/graphrt.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>

namespace graphc {

namespace {

void initializeTargets() {
  static bool done = [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmParsers();
    llvm::InitializeAllAsmPrinters();
    return true;
  }();
  (void)done;
}

std::unique_ptr<llvm::TargetMachine> machineFor(const llvm::Target &target,
                                                const std::string &triple, const std::string &cpu,
                                                const std::string &features, int level) {
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  options.FunctionSections = true;
  options.DataSections = true;
  // The calling convention of Linux distributions, whose processors have RV64GC.
  if (llvm::Triple(triple).isRISCV64()) options.MCOptions.ABIName = "lp64d";
  auto optimize = level == 0   ? llvm::CodeGenOptLevel::None
                  : level == 1 ? llvm::CodeGenOptLevel::Less
                  : level == 2 ? llvm::CodeGenOptLevel::Default
                               : llvm::CodeGenOptLevel::Aggressive;
  auto relocation = llvm::Triple(triple).isWasm() ? llvm::Reloc::Static : llvm::Reloc::PIC_;
  return std::unique_ptr<llvm::TargetMachine>(target.createTargetMachine(
      triple, cpu, features, options, relocation, std::nullopt, optimize));
}

/// Processors whose vectors have more than SVE's least 16 bytes: LLVM does not know how many.
unsigned scaleOf(const std::string &cpu) {
  if (cpu == "neoverse-v1" || cpu == "neoverse-512tvb") return 2;
  return cpu == "a64fx" ? 4 : 0;
}

/// Scalable vectors of just `scale` times 16 bytes: vectors of that width are then registers.
void setScale(lower::Target &target, unsigned scale) {
  target.scale = scale;
  target.vectorBytes = 16 * scale;
  target.level = scale == 4 ? GRAPHRT_CPU_AARCH64_SVE512 : GRAPHRT_CPU_AARCH64_SVE256;
  target.masks = true;
}

/// What kernels need to know of the processor that `machine` is for.
lower::Target describe(const llvm::TargetMachine &machine, const std::string &cpu,
                       const std::string &features, const std::string &suffix) {
  lower::Target target;
  target.cpu = cpu;
  target.features = features;
  target.suffix = suffix;
  const auto &info = *machine.getMCSubtargetInfo();
  auto arch = machine.getTargetTriple().getArch();
  auto has = [&](const char *feature) { return info.checkFeatures(feature); };
  if (arch == llvm::Triple::x86_64) {
    bool v3 = has("+avx2") && has("+fma") && has("+bmi2") && has("+f16c") && has("+lzcnt");
    bool v4 = v3 && has("+avx512f") && has("+avx512bw") && has("+avx512dq") && has("+avx512vl") &&
              has("+avx512cd");
    target.level = v4 ? GRAPHRT_CPU_X86_64_V4 : v3 ? GRAPHRT_CPU_X86_64_V3 : GRAPHRT_CPU_BASELINE;
    target.vectorBytes = v4 ? 64 : has("+avx2") ? 32 : 16;
    target.vectorRegisters = v4 ? 32 : 16;
    target.fma = has("+fma");
    target.masks = target.operands = v4;
  } else {
    target.level = GRAPHRT_CPU_BASELINE;
    target.vectorBytes = 16;
    // WebAssembly has as many values as code wants; engines place them in 16 registers on x86-64.
    target.vectorRegisters = arch == llvm::Triple::wasm32 ? 16 : 32;
    target.fma = arch == llvm::Triple::aarch64;
    unsigned scale = target.fma && has("+sve") ? scaleOf(cpu) : 0;
    if (scale) setScale(target, scale);
  }
  return target;
}

} // namespace

std::optional<TargetChoice> chooseTarget(const CodegenOptions &options, std::string &why) {
  initializeTargets();
  TargetChoice choice;
  std::string host = llvm::sys::getDefaultTargetTriple();
  choice.triple = options.target.empty() ? host : llvm::Triple::normalize(options.target);
  std::string error;
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(choice.triple, error);
  if (!target) {
    why = fmt::format("there is no target {}: {}", options.target, error);
    return std::nullopt;
  }
  llvm::Triple triple(choice.triple);
  bool wasm = triple.getArch() == llvm::Triple::wasm32;
  if ((!triple.isArch64Bit() && !wasm) || !triple.isLittleEndian()) {
    why = fmt::format("target {} is neither wasm32 nor one of 64 bits, little endian, as the "
                      "runtime needs",
                      choice.triple);
    return std::nullopt;
  }
  bool x86 = triple.getArch() == llvm::Triple::x86_64;
  std::string cpu = options.cpu, features;
  if (cpu == "native") {
    if (triple.getArch() != llvm::Triple(host).getArch()) {
      why = fmt::format("this machine's processor is not one of target {}", choice.triple);
      return std::nullopt;
    }
    cpu = llvm::sys::getHostCPUName().str();
    auto all = llvm::sys::getHostCPUFeatures();
    std::vector<std::string> sorted;
    for (const auto &feature : all)
      sorted.push_back((feature.second ? "+" : "-") + feature.first().str());
    std::sort(sorted.begin(), sorted.end());
    for (const auto &feature : sorted) features += (features.empty() ? "" : ",") + feature;
  }
  if (triple.isRISCV64() && features.empty()) features = "+m,+a,+f,+d,+c";
  if (wasm && cpu.empty()) features = "+simd128";
  std::string baseline = !cpu.empty() ? cpu : x86 ? "x86-64" : "generic";
  // Asked of a machine without a processor: LLVM itself would say it on standard error.
  auto any = machineFor(*target, choice.triple, "", features, options.level);
  if (!any) {
    why = fmt::format("no code can be made for target {}", choice.triple);
    return std::nullopt;
  }
  if (!any->getMCSubtargetInfo()->isCPUStringValid(baseline)) {
    why = fmt::format("target {} has no processor {}", choice.triple, options.cpu);
    return std::nullopt;
  }
  choice.machine = machineFor(*target, choice.triple, baseline, features, options.level);
  choice.levels.push_back(describe(*choice.machine, baseline, features, ""));
  if (cpu.empty() && x86)
    for (const char *level : {"v3", "v4"}) {
      std::string name = fmt::format("x86-64-{}", level);
      auto machine = machineFor(*target, choice.triple, name, "", options.level);
      choice.levels.push_back(describe(*machine, name, "", fmt::format("_{}", level)));
    }
  // Where there is a system to ask for the vectors' length.
  if (cpu.empty() && triple.isAArch64() && triple.isOSLinux())
    for (unsigned scale : {2, 4}) {
      lower::Target level = choice.levels.front();
      level.features = "+sve";
      level.suffix = fmt::format("_sve{}", scale * 128);
      setScale(level, scale);
      choice.levels.push_back(std::move(level));
    }
  return choice;
}

} // namespace graphc
