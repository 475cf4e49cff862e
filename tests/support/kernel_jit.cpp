#include "support/kernel_jit.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <graphrt/abi.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/IRReader/IRReader.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/SourceMgr.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>
#include <thread>

namespace graphc::testing {

namespace {

template <typename T>
T check(llvm::Expected<T> value) {
  if (value) return std::move(*value);
  std::fprintf(stderr, "%s\n", llvm::toString(value.takeError()).c_str());
  std::abort();
}
void check(llvm::Error error) {
  if (!error) return;
  std::fprintf(stderr, "%s\n", llvm::toString(std::move(error)).c_str());
  std::abort();
}

/// What kernels reach through their graphrt_call pointer.
struct Call {
  graphrt_call call = {};
  int64_t scratchBytes = 0;
};

thread_local void *currentScratch = nullptr;

uint8_t *scratchOf(std::vector<uint8_t> &memory, int64_t bytes) {
  // A guard behind the end shows writes that go too far.
  memory.assign(bytes + 256, 0xa5);
  auto at = (reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64;
  return reinterpret_cast<uint8_t *>(at);
}

void checkGuard(const uint8_t *scratch, int64_t bytes) {
  for (int64_t i = bytes; i < bytes + 128; ++i)
    if (scratch[i] != 0xa5) {
      std::fprintf(stderr, "a kernel wrote behind its scratch memory\n");
      std::abort();
    }
}

void parallel(graphrt_call *call, graphrt_piece_fn fn, void *context, int64_t n, int64_t grain) {
  auto *own = reinterpret_cast<Call *>(call);
  std::atomic<int64_t> next = 0;
  auto work = [&](void *scratch) {
    void *outer = currentScratch;
    currentScratch = scratch;
    for (;;) {
      int64_t begin = next.fetch_add(grain);
      if (begin >= n) break;
      fn(context, begin, std::min(begin + grain, n), scratch);
    }
    currentScratch = outer;
  };
  if (currentScratch) return work(currentScratch);
  // Kept from call to call, as the runtime keeps it.
  static thread_local std::vector<std::vector<uint8_t>> memories;
  static thread_local int64_t size = -1;
  static thread_local std::vector<uint8_t *> scratch;
  if (size != own->scratchBytes || scratch.size() < size_t(call->threads)) {
    size = own->scratchBytes;
    memories.assign(call->threads, {});
    scratch.clear();
    for (auto &memory : memories) scratch.push_back(scratchOf(memory, size));
  }
  std::vector<std::thread> threads;
  for (int i = 1; i < call->threads; ++i) threads.emplace_back([&, at = scratch[i]] { work(at); });
  work(scratch[0]);
  for (std::thread &thread : threads) thread.join();
  for (int i = 0; i < call->threads; ++i) checkGuard(scratch[i], size);
}

void initializeLlvm() {
  static bool done = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
    return true;
  }();
  (void)done;
}

/// void entry(call, ptr *buffers, i64 *dims), which calls the kernel.
void addEntry(llvm::Module &module, llvm::Function *kernel, int buffers, int dims) {
  llvm::IRBuilder<> b(module.getContext());
  auto *type =
      llvm::FunctionType::get(b.getVoidTy(), {b.getPtrTy(), b.getPtrTy(), b.getPtrTy()}, false);
  auto *entry = llvm::Function::Create(type, llvm::Function::ExternalLinkage, "entry", module);
  b.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "", entry));
  std::vector<llvm::Value *> arguments = {entry->getArg(0)};
  for (int i = 0; i < buffers; ++i)
    arguments.push_back(
        b.CreateLoad(b.getPtrTy(), b.CreateConstGEP1_64(b.getPtrTy(), entry->getArg(1), i)));
  for (int i = 0; i < dims; ++i)
    arguments.push_back(
        b.CreateLoad(b.getInt64Ty(), b.CreateConstGEP1_64(b.getInt64Ty(), entry->getArg(2), i)));
  b.CreateCall(kernel, arguments);
  b.CreateRetVoid();
}

void optimize(llvm::Module &module, llvm::TargetMachine &machine, int level) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  auto optimization = level >= 3   ? llvm::OptimizationLevel::O3
                      : level == 2 ? llvm::OptimizationLevel::O2
                                   : llvm::OptimizationLevel::O1;
  builder.buildPerModuleDefaultPipeline(optimization).run(module, modules);
}

} // namespace

std::vector<lower::Target> targetsHere() {
  std::vector<lower::Target> targets;
#if defined(__x86_64__)
  lower::Target v1, v3, v4;
  v1.cpu = "x86-64";
  v3.cpu = "x86-64-v3";
  v3.suffix = "_v3";
  v3.vectorBytes = 32;
  v3.fma = v3.masks = true;
  v4 = v3;
  v4.cpu = "x86-64-v4";
  v4.suffix = "_v4";
  v4.vectorBytes = 64;
  v4.vectorRegisters = 32;
  v4.operands = true;
  targets.push_back(v1);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) targets.push_back(v3);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    targets.push_back(v4);
#else
  lower::Target host;
  host.cpu = llvm::sys::getHostCPUName().str();
  host.vectorRegisters = 32;
  host.fma = true;
  targets.push_back(host);
#endif
  return targets;
}

struct Kernel::Jit {
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

Kernel::Kernel(const lower::Target &target, int buffers, int dims,
               const std::function<Built(llvm::Module &)> &build, int level)
    : target_(target) {
  initializeLlvm();
  auto start = std::chrono::steady_clock::now();
  auto machine = check(llvm::orc::JITTargetMachineBuilder::detectHost());
  machine.setCPU(target.cpu);
  machine.getFeatures() = llvm::SubtargetFeatures(target.features);
  machine.setCodeGenOptLevel(level >= 3 ? llvm::CodeGenOptLevel::Aggressive
                                        : llvm::CodeGenOptLevel::Default);
  machine.setRelocationModel(llvm::Reloc::PIC_);
  auto targetMachine = check(machine.createTargetMachine());

  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = std::make_unique<llvm::Module>("kernel", *context);
  module->setDataLayout(targetMachine->createDataLayout());
  module->setTargetTriple(targetMachine->getTargetTriple().str());
  Built built = build(*module);
  scratchBytes_ = built.scratchBytes;
  addEntry(*module, built.function, buffers, dims);
  std::string problems;
  llvm::raw_string_ostream out(problems);
  if (llvm::verifyModule(*module, &out)) {
    std::fprintf(stderr, "%s\n", problems.c_str());
    std::abort();
  }
  optimize(*module, *targetMachine, level);
  llvm::raw_string_ostream text(ir_);
  module->print(text, nullptr);

  jit_ = std::make_unique<Jit>();
  jit_->jit = check(llvm::orc::LLJITBuilder().setJITTargetMachineBuilder(machine).create());
  auto &library = jit_->jit->getMainJITDylib();
  llvm::orc::SymbolMap symbols;
  symbols[jit_->jit->mangleAndIntern("graphrt_parallel")] = {
      llvm::orc::ExecutorAddr::fromPtr(&parallel), llvm::JITSymbolFlags::Exported};
  check(library.define(llvm::orc::absoluteSymbols(symbols)));
  library.addGenerator(check(llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      jit_->jit->getDataLayout().getGlobalPrefix())));
  check(jit_->jit->addIRModule(llvm::orc::ThreadSafeModule(std::move(module), std::move(context))));
  entry_ = check(jit_->jit->lookup("entry")).toPtr<void *>();
  compileSeconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Kernel::~Kernel() = default;

void Kernel::operator()(const std::vector<const void *> &buffers, const std::vector<int64_t> &dims,
                        int threads) const {
  Call call;
  call.call.threads = threads;
  call.scratchBytes = scratchBytes_;
  auto *run = reinterpret_cast<void (*)(void *, const void *const *, const int64_t *)>(entry_);
  run(&call, buffers.data(), dims.data());
}

std::string Kernel::assembly() const {
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  auto module = llvm::parseIR(llvm::MemoryBufferRef(ir_, "kernel"), diagnostic, context);
  auto machine = check(llvm::orc::JITTargetMachineBuilder::detectHost());
  machine.setCPU(target_.cpu);
  machine.getFeatures() = llvm::SubtargetFeatures(target_.features);
  machine.setCodeGenOptLevel(llvm::CodeGenOptLevel::Aggressive);
  auto targetMachine = check(machine.createTargetMachine());
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream out(text);
  llvm::legacy::PassManager passes;
  targetMachine->addPassesToEmitFile(passes, out, nullptr, llvm::CodeGenFileType::AssemblyFile);
  passes.run(*module);
  return std::string(text);
}

} // namespace graphc::testing
