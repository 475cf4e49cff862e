#include "codegen/backend.h"

#include <llvm/Bitcode/BitcodeWriter.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Object/ArchiveWriter.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/raw_ostream.h>

namespace graphc {

/// What is broken in a module is a fault of ours: it is not to be run.
static void verified([[maybe_unused]] const llvm::Module &module,
                     [[maybe_unused]] const char *when) {
#ifndef NDEBUG
  if (llvm::verifyModule(module, &llvm::errs()))
    llvm::report_fatal_error(llvm::Twine("the generated module is not well formed ") + when);
#endif
}

void optimizeModule(llvm::Module &module, llvm::TargetMachine &machine, int level) {
  verified(module, "before optimization");
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  // Vectors are explicit: what looks for more of them only costs time.
  llvm::PipelineTuningOptions tuning;
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopInterleaving = false;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  auto at = level == 0   ? llvm::OptimizationLevel::O0
            : level == 1 ? llvm::OptimizationLevel::O1
            : level == 2 ? llvm::OptimizationLevel::O2
                         : llvm::OptimizationLevel::O3;
  auto passes =
      level == 0 ? builder.buildO0DefaultPipeline(at) : builder.buildPerModuleDefaultPipeline(at);
  passes.run(module, modules);
  verified(module, "after optimization");
}

static std::string emitAs(llvm::Module &module, llvm::TargetMachine &machine,
                          llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type)) return {};
  passes.run(module);
  return {bytes.begin(), bytes.end()};
}

std::string objectOf(llvm::Module &module, llvm::TargetMachine &machine) {
  return emitAs(module, machine, llvm::CodeGenFileType::ObjectFile);
}

std::string mainObjectOf(const std::string &modelSymbol, llvm::TargetMachine &machine) {
  llvm::LLVMContext context;
  llvm::Module module("main", context);
  module.setTargetTriple(machine.getTargetTriple().str());
  module.setDataLayout(machine.createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);
  llvm::IRBuilder<> b(context);
  auto *i32 = b.getInt32Ty();
  auto *ptr = b.getPtrTy();
  auto function = [&](llvm::StringRef name, llvm::Type *result,
                      llvm::ArrayRef<llvm::Type *> parameters) {
    return llvm::Function::Create(llvm::FunctionType::get(result, parameters, false),
                                  llvm::Function::ExternalLinkage, name, module);
  };
  auto *model = function(modelSymbol, ptr, {});
  auto *run = function("graphrt_main", i32, {ptr, i32, ptr});
  auto *main = function("main", i32, {i32, ptr});
  b.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", main));
  b.CreateRet(b.CreateCall(run, {b.CreateCall(model), main->getArg(0), main->getArg(1)}));
  verified(module, "around main");
  return objectOf(module, machine);
}

std::string assemblyOf(llvm::Module &module, llvm::TargetMachine &machine) {
  return emitAs(module, machine, llvm::CodeGenFileType::AssemblyFile);
}

std::string textOf(const llvm::Module &module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, nullptr);
  return stream.str();
}

std::string bitcodeOf(const llvm::Module &module) {
  std::string bytes;
  llvm::raw_string_ostream stream(bytes);
  llvm::WriteBitcodeToFile(module, stream);
  return stream.str();
}

bool archiveOf(const std::string &member, const std::string &object, const llvm::Triple &triple,
               std::string &archive, std::string &why) {
  llvm::NewArchiveMember entry(llvm::MemoryBufferRef(object, member));
  // Names and times of the machine stay out.
  entry.ModTime = {};
  entry.UID = entry.GID = 0;
  entry.Perms = 0644;
  std::vector<llvm::NewArchiveMember> members;
  members.push_back(std::move(entry));
  auto kind = triple.isWindowsMSVCEnvironment() ? llvm::object::Archive::K_COFF
              : triple.isOSDarwin()             ? llvm::object::Archive::K_DARWIN
                                                : llvm::object::Archive::K_GNU;
  auto made =
      llvm::writeArchiveToBuffer(members, llvm::SymtabWritingMode::NormalSymtab, kind, true, false);
  if (!made) {
    why = llvm::toString(made.takeError());
    return false;
  }
  archive = (*made)->getBuffer().str();
  return true;
}

} // namespace graphc
