#include "codegen/codegen.h"

#include "codegen/backend.h"
#include "codegen/jit.h"
#include "codegen/sizes.h"
#include "codegen/targets.h"
#include "interface/location.h"
#include "lower/module.h"

#include <algorithm>
#include <llvm/IR/LLVMContext.h>
#include <llvm/Transforms/Utils/Cloning.h>
#include <optional>

namespace graphc {

namespace {

/// A module with the context that it lives in.
struct Lowered {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  TargetChoice target;
};

/// The plan of the interface with what the passes have left of the graph.
ModelInterface renewed(const Graph &graph, const ModelInterface &planned) {
  ModelInterface model = planned;
  for (size_t i = 0; i < model.functions.size(); ++i) {
    InterfaceFunction &function = model.functions[i];
    const Export &exported = graph.exports[i];
    function.exported = &exported;
    for (size_t k = 0; k < function.inputs.size(); ++k)
      function.inputs[k].tensor = exported.inputs[k].tensor;
    size_t next = 0;
    for (const ExportEnd &end : exported.outputs)
      if (end.tensor) function.outputs[next++].tensor = end.tensor;
  }
  return model;
}

/// From the graph to an optimized module.
std::optional<Lowered> lowerGraph(Graph &graph, const ModelInterface &model,
                                  const CodegenOptions &options, Diagnostics &diagnostics,
                                  std::string &why) {
  auto target = chooseTarget(options, why);
  if (!target) return std::nullopt;
  Lowered lowered;
  lowered.target = std::move(*target);
  lowered.context = std::make_unique<llvm::LLVMContext>();
  lower::ModuleOptions how;
  how.targets = lowered.target.levels;
  how.triple = lowered.target.triple;
  how.dataLayout = lowered.target.machine->createDataLayout().getStringRepresentation();
  how.producer = "graphc " GRAPHC_VERSION;
  how.sourceName = options.sourceName;
  if (options.frozen)
    for (const Variable *variable : graph.variables)
      if (auto at = options.frozen->find(variable->opName); at != options.frozen->end())
        how.frozen[variable] = at->second->bytes;
  lowered.module =
      lower::emitModule(*lowered.context, graph, renewed(graph, model), how, diagnostics);
  if (!lowered.module) return std::nullopt;
  optimizeModule(*lowered.module, *lowered.target.machine, options.level);
  return lowered;
}

bool emitFiles(Graph &graph, const ModelInterface &model, const CodegenOptions &options,
               const std::vector<Emit> &kinds, std::vector<EmittedFile> &files,
               Diagnostics &diagnostics, std::string &why) {
  auto lowered = lowerGraph(graph, model, options, diagnostics, why);
  if (!lowered) return false;
  auto &module = *lowered->module;
  auto &machine = *lowered->target.machine;
  auto wants = [&](Emit kind) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  };
  std::vector<EmittedFile> made;
  const std::string &name = model.name;
  if ((wants(Emit::Shared) || wants(Emit::Exe)) && !options.target.empty()) {
    why = "shared libraries and programs are made for this machine only; for another, link the "
          "object there";
    return false;
  }
  if (wants(Emit::LlvmIr)) made.push_back({Emit::LlvmIr, name + ".ll", textOf(module)});
  if (wants(Emit::Bitcode)) made.push_back({Emit::Bitcode, name + ".bc", bitcodeOf(module)});
  bool objects = wants(Emit::Object) || wants(Emit::Static) || wants(Emit::Shared) ||
                 wants(Emit::Exe) || options.sizes;
  if (wants(Emit::Asm)) {
    // Code generation changes the module.
    auto copy = objects ? llvm::CloneModule(module) : nullptr;
    made.push_back({Emit::Asm, name + ".s", assemblyOf(copy ? *copy : module, machine)});
  }
  if (objects) {
    llvm::StringMap<size_t> functions;
    if (options.sizes) functions = levelsOfFunctions(module, lowered->target.levels);
    std::string object = objectOf(module, machine);
    if (object.empty()) {
      why = "no object files can be made for target " + lowered->target.triple;
      return false;
    }
    if (options.sizes)
      *options.sizes = sizesOf(object, functions, lowered->target.levels, options.cpu);
    // Visual Studio's tools know files by other names.
    bool msvc = machine.getTargetTriple().isWindowsMSVCEnvironment();
    std::string objectName = name + (msvc ? ".obj" : ".o");
    if (wants(Emit::Static)) {
      EmittedFile file{Emit::Static, msvc ? name + ".lib" : "lib" + name + ".a", ""};
      if (!archiveOf(objectName, object, machine.getTargetTriple(), file.bytes, why)) return false;
      made.push_back(std::move(file));
    }
    if (wants(Emit::Shared)) {
      EmittedFile file{Emit::Shared, "lib" + name + ".so", "", true};
      if (!sharedLibraryOf(name, object, file.bytes, why)) return false;
      made.push_back(std::move(file));
    }
    if (wants(Emit::Exe)) {
      EmittedFile file{Emit::Exe, name, "", true};
      std::string main = mainObjectOf(model.functionSymbol("model"), machine);
      if (!programOf(name, object, main, machine.getTargetTriple(), file.bytes, why)) return false;
      made.push_back(std::move(file));
    }
    if (wants(Emit::Object)) made.push_back({Emit::Object, objectName, std::move(object)});
  }
  for (auto &file : made) files.push_back(std::move(file));
  return true;
}

std::unique_ptr<CompiledModel> compileInMemory(Graph &graph, const ModelInterface &model,
                                               const CodegenOptions &options,
                                               Diagnostics &diagnostics, std::string &why) {
  auto lowered = lowerGraph(graph, model, options, diagnostics, why);
  if (!lowered) return nullptr;
  std::string object = objectOf(*lowered->module, *lowered->target.machine);
  return loadObject(object, model.functionSymbol("model"), why);
}

constexpr Codegen table = {emitFiles, compileInMemory, graphrt_message};

} // namespace

} // namespace graphc

extern "C" __attribute__((visibility("default"))) const graphc::Codegen *graphc_codegen() {
  return &graphc::table;
}
