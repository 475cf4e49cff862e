#include "codegen/jit.h"

#include <graphrt/abi.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/Support/MemoryBuffer.h>

namespace graphc {

namespace {

class LoadedModel : public CompiledModel {
public:
  LoadedModel(std::unique_ptr<llvm::orc::LLJIT> jit, const graphrt_model *model)
      : jit_(std::move(jit)), model_(model) {}
  const graphrt_model *model() const override { return model_; }

private:
  std::unique_ptr<llvm::orc::LLJIT> jit_;
  const graphrt_model *model_;
};

} // namespace

std::unique_ptr<CompiledModel> loadObject(const std::string &object, const std::string &modelSymbol,
                                          std::string &why) {
  using namespace llvm::orc;
  auto failed = [&](llvm::Error error) {
    why = "the code can't be loaded: " + llvm::toString(std::move(error));
    return nullptr;
  };
  auto made = LLJITBuilder().create();
  if (!made) return failed(made.takeError());
  auto jit = std::move(*made);
  auto &library = jit->getMainJITDylib();
  SymbolMap symbols;
  for (const graphrt_symbol *symbol = graphrt_symbols(); symbol->name; ++symbol)
    symbols[jit->mangleAndIntern(symbol->name)] = {ExecutorAddr::fromPtr(symbol->address),
                                                   llvm::JITSymbolFlags::Exported};
  if (auto error = library.define(absoluteSymbols(std::move(symbols))))
    return failed(std::move(error));
  // The C library's mathematics and memory functions.
  auto process =
      DynamicLibrarySearchGenerator::GetForCurrentProcess(jit->getDataLayout().getGlobalPrefix());
  if (!process) return failed(process.takeError());
  library.addGenerator(std::move(*process));
  if (auto error = jit->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(object, "graphc")))
    return failed(std::move(error));
  auto entry = jit->lookup(modelSymbol);
  if (!entry) return failed(entry.takeError());
  const graphrt_model *model = entry->toPtr<const graphrt_model *()>()();
  return std::make_unique<LoadedModel>(std::move(jit), model);
}

} // namespace graphc
