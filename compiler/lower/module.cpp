#include "lower/module.h"

#include "lower/body.h"
#include "lower/bundle.h"
#include "lower/constants.h"
#include "lower/fuse.h"
#include "lower/sizes.h"

#include <graphrt/abi.h>
#include <llvm/TargetParser/Triple.h>

namespace graphc::lower {

using llvm::Value;

namespace {

using Constants = std::vector<llvm::Constant *>;

class ModuleEmitter {
public:
  ModuleEmitter(llvm::LLVMContext &context, const Graph &graph, const ModelInterface &model,
                const ModuleOptions &options, Diagnostics &diagnostics)
      : graph_(graph), model_(model), options_(options), diagnostics_(diagnostics),
        module_(std::make_unique<llvm::Module>(model.name, context)), data_(*module_), c_(*module_),
        b_(context) {
    module_->setTargetTriple(options.triple);
    module_->setDataLayout(options.dataLayout);
    module_->setSourceFileName(options.sourceName);
    if (llvm::Triple(options.triple).isWasm()) return; // modules are linked once, as a whole
    module_->setPICLevel(llvm::PICLevel::BigPIC);
    module_->setPIELevel(llvm::PIELevel::Large);
  }

  std::unique_ptr<llvm::Module> emit() {
    layOutVariables();
    // Reported for all exports at once, before any code is made.
    for (const InterfaceFunction &function : model_.functions)
      programs_.push_back(buildExport(function, options_.frozen, diagnostics_));
    initializer_ = buildInitializer(graph_, options_.frozen, diagnostics_);
    if (!initializer_) return nullptr;
    for (auto &program : programs_)
      if (!program) return nullptr;
    for (auto &program : programs_) arrange(*program);
    arrange(*initializer_);
    declareEntries();
    auto *variants = emitVariants();
    auto *checks = emitChecks();
    emitDescription(variants, checks);
    emitEntries();
    return std::move(module_);
  }

private:
  static void arrange(Program &program) {
    fuse(program);
    bundle(program);
  }

  void layOutVariables() {
    for (const Variable *variable : graph_.variables) {
      if (options_.frozen.contains(variable)) continue;
      variableOffsets_[variable] = variableBytes_;
      int64_t bytes = variable->shape.elements().value * dtypeSize(variable->dtype);
      variableBytes_ += (std::max<int64_t>(bytes, 1) + 63) / 64 * 64;
    }
  }

  // Code ------------------------------------------------------------------------------------------

  llvm::Constant *exportCode(const BodyCode &code) {
    return ConstantData::structure({code.body, c_.null(), c_.orNull(code.workspace),
                                    c_.i64(code.workspaceBytes), c_.i64(code.laneBytes),
                                    c_.smallIntegers(code.packs, "graphc.packs"),
                                    c_.i64(int64_t(code.packs.size()))});
  }

  llvm::Constant *emitVariants() {
    // Initial values are computed once: by the code for the lowest level, whatever the processor.
    llvm::Constant *init = c_.null();
    Constants variants;
    for (const Target &target : options_.targets) {
      Kernels kernels(*module_, target);
      PackTable packs;
      if (variants.empty() && !initializer_->updates.empty()) {
        PackTable none;
        BodyCode code = emitBody(data_, *initializer_, nullptr, kernels, none, "graphc.init");
        init = c_.array({exportCode(code)}, "graphc.initializer");
      }
      Constants exports;
      for (size_t i = 0; i < programs_.size(); ++i) {
        const InterfaceFunction &function = model_.functions[i];
        std::string name = "graphc." + function.exported->name + target.suffix;
        BodyCode code = emitBody(data_, *programs_[i], &function, kernels, packs, name);
        exports.push_back(exportCode(code));
      }
      Constants packEntries;
      for (size_t i = 0; i < packs.entries.size(); ++i) {
        const auto &entry = packs.entries[i];
        std::string name = "graphc.repack" + std::to_string(i) + target.suffix;
        auto *function = emitPackEntry(data_, entry, name);
        std::vector<int> sources = {int(entry.request.source->variable->index)};
        packEntries.push_back(ConstantData::structure(
            {c_.i64(entry.offset), c_.i64((entry.request.bytes + 63) / 64 * 64),
             c_.smallIntegers(sources, "graphc.packed"), c_.i64(1), function}));
      }
      variants.push_back(
          ConstantData::structure({c_.i32(target.level), c_.i32(int64_t(packs.entries.size())),
                                   c_.array(packEntries, "graphc.packs"), c_.i64(packs.bytes),
                                   c_.array(exports, "graphc.exports"), init}));
    }
    return c_.array(variants, "graphc.variants");
  }

  llvm::Constant *emitChecks() {
    Constants checks;
    for (const InterfaceFunction &function : model_.functions) {
      std::vector<std::string> constraints;
      std::string name = "graphc." + function.exported->name;
      auto *check = emitCheck(*module_, name + ".check", function, constraints);
      auto *shapes = emitShapes(*module_, name + ".shapes", function);
      checks.push_back(ConstantData::structure({c_.orNull(check), c_.orNull(shapes),
                                                c_.texts(constraints, "graphc.constraints"),
                                                c_.i64(int64_t(constraints.size()))}));
    }
    return c_.array(checks, "graphc.checks");
  }

  // The description -------------------------------------------------------------------------------

  static int64_t dimCode(Dim dim, const InterfaceFunction *function) {
    if (dim.isStatic()) return dim.value;
    if (function && dim.expr->kind == DimExpr::Symbol)
      if (int index = function->dimIndex(*dim.expr->symbol); index >= 0) return -1 - index;
    return GRAPHRT_DIM_COMPUTED;
  }

  llvm::Constant *dims(Shape shape, const InterfaceFunction *function) {
    std::vector<int64_t> codes;
    for (Dim d : shape) codes.push_back(dimCode(d, function));
    return c_.integers(codes, "graphc.dims");
  }

  llvm::Constant *tensors(const std::vector<InterfaceBuffer> &buffers,
                          const InterfaceFunction &function) {
    Constants infos;
    for (const InterfaceBuffer &buffer : buffers)
      infos.push_back(ConstantData::structure(
          {c_.text(buffer.name), c_.i32(int64_t(buffer.tensor->dtype)),
           c_.i32(buffer.tensor->shape.rank()), dims(buffer.tensor->shape, &function)}));
    return c_.array(infos, "graphc.tensors");
  }

  llvm::Constant *variableInfos() {
    Constants infos;
    for (const Variable *v : graph_.variables) {
      uint32_t flags = (v->trainable ? GRAPHRT_VARIABLE_TRAINABLE : 0) |
                       (v->kind == Variable::Slot ? GRAPHRT_VARIABLE_SLOT : 0) |
                       (options_.frozen.contains(v) ? GRAPHRT_VARIABLE_FROZEN : 0);
      infos.push_back(ConstantData::structure(
          {c_.text(std::string(v->name)), c_.text(std::string(v->opName)),
           c_.i32(int64_t(v->dtype)), c_.i32(v->shape.rank()), dims(v->shape, nullptr),
           v->whole ? c_.text(std::string(v->whole->name)) : c_.null(), c_.i32(flags), c_.i32(0)}));
    }
    return c_.array(infos, "graphc.variables");
  }

  llvm::Constant *variablePlaces() {
    Constants places;
    for (const Variable *v : graph_.variables) {
      llvm::Constant *frozen = c_.null();
      int64_t offset = 0;
      if (auto at = options_.frozen.find(v); at != options_.frozen.end()) {
        Node node;
        node.bytes = at->second;
        frozen = at->second.empty() ? data_.nothing() : data_.literal(node);
      } else {
        offset = variableOffsets_.at(v);
      }
      places.push_back(ConstantData::structure(
          {c_.i64(offset), frozen, v->whole ? dims(v->whole->shape, nullptr) : c_.null(),
           c_.i64(v->whole ? v->whole->axis : 0), c_.i64(v->whole ? v->offset : 0)}));
    }
    return c_.array(places, "graphc.places");
  }

  llvm::Constant *exportInfos() {
    Constants infos;
    for (size_t i = 0; i < model_.functions.size(); ++i) {
      const InterfaceFunction &function = model_.functions[i];
      std::vector<std::string> dimNames;
      for (const InterfaceDim &dim : function.dims) dimNames.push_back(dim.name);
      std::vector<int> updates;
      for (const Variable *v : function.exported->updates) updates.push_back(int(v->index));
      uint32_t flags = updates.empty() ? 0 : GRAPHRT_EXPORT_UPDATES;
      if (programs_[i]->drawsNumbers()) flags |= GRAPHRT_EXPORT_RANDOM;
      infos.push_back(ConstantData::structure(
          {c_.text(function.exported->name), c_.texts(dimNames, "graphc.dimnames"),
           tensors(function.inputs, function), tensors(function.outputs, function),
           c_.smallIntegers(updates, "graphc.updates"), c_.i32(int64_t(dimNames.size())),
           c_.i32(int64_t(function.inputs.size())), c_.i32(int64_t(function.outputs.size())),
           c_.i32(int64_t(updates.size())), c_.i32(flags), c_.i32(0)}));
    }
    return c_.array(infos, "graphc.exportinfos");
  }

  llvm::Function *runtime(const char *name, llvm::Type *result,
                          llvm::ArrayRef<llvm::Type *> parameters) {
    return llvm::cast<llvm::Function>(
        module_->getOrInsertFunction(name, llvm::FunctionType::get(result, parameters, false))
            .getCallee());
  }

  void emitDescription(llvm::Constant *variants, llvm::Constant *checks) {
    auto *ptr = b_.getPtrTy();
    auto *i32 = b_.getInt32Ty();
    auto *none = b_.getVoidTy();
    const auto &layout = module_->getDataLayout();
    auto *size = b_.getIntPtrTy(layout); // size_t
    llvm::Constant *variables = variableInfos(), *exports = exportInfos();
    auto modelOf = [&](int64_t bytes) {
      return ConstantData::structure(
          {c_.i64(bytes), c_.text(model_.name), c_.text(options_.producer), variables, exports,
           c_.i32(int64_t(graph_.variables.size())), c_.i32(int64_t(model_.functions.size())),
           entry("create"), runtime("graphrt_share", i32, {ptr, ptr}),
           runtime("graphrt_destroy", none, {ptr}), runtime("graphrt_load", i32, {ptr, ptr}),
           runtime("graphrt_save", i32, {ptr, ptr}),
           runtime("graphrt_call_export", i32, {ptr, i32, ptr, ptr, ptr}),
           runtime("graphrt_shapes", i32, {ptr, i32, ptr, ptr}),
           runtime("graphrt_get", i32, {ptr, ptr, ptr, size}),
           runtime("graphrt_set", i32, {ptr, ptr, ptr, size})});
    };
    // Its own size is the first of its members.
    int64_t modelBytes = int64_t(layout.getTypeAllocSize(modelOf(0)->getType()));
    llvm::Constant *modelInfo = modelOf(modelBytes);
    auto *interface = new llvm::GlobalVariable(
        *module_, i32, true, llvm::GlobalValue::ExternalLinkage, nullptr, "graphrt_interface_1");
    llvm::Constant *contents =
        ConstantData::structure({modelInfo, interface, variablePlaces(), checks, variants,
                                 c_.i64(int64_t(options_.targets.size())), c_.i64(variableBytes_),
                                 c_.i64(int64_t(graph_.seed))});
    auto *made =
        new llvm::GlobalVariable(*module_, contents->getType(), true,
                                 llvm::GlobalValue::InternalLinkage, contents, "graphc.model");
    description_->replaceAllUsesWith(made);
    description_->eraseFromParent();
    description_ = made;
  }

  // Entries ---------------------------------------------------------------------------------------

  llvm::Function *entry(const std::string &name) { return entries_.at(name); }

  llvm::Function *declare(const std::string &symbol, llvm::Type *result,
                          const std::vector<llvm::Type *> &parameters) {
    auto *function = llvm::Function::Create(llvm::FunctionType::get(result, parameters, false),
                                            llvm::Function::ExternalLinkage, symbol, *module_);
    function->addFnAttr(llvm::Attribute::NoUnwind);
    return function;
  }

  void declareEntries() {
    auto *ptr = b_.getPtrTy();
    auto *i32 = b_.getInt32Ty();
    auto *none = b_.getVoidTy();
    auto add = [&](const char *name, llvm::Type *result,
                   const std::vector<llvm::Type *> &parameters) {
      entries_[name] = declare(model_.functionSymbol(name), result, parameters);
    };
    add("create", i32, {ptr, ptr});
    add("share", i32, {ptr, ptr});
    add("load", i32, {ptr, ptr});
    add("save", i32, {ptr, ptr});
    add("destroy", none, {ptr});
    add("model", ptr, {});
    // Stands for the description until that is made.
    description_ =
        new llvm::GlobalVariable(*module_, b_.getInt8Ty(), true, llvm::GlobalValue::ExternalLinkage,
                                 nullptr, "graphc.description");
  }

  void begin(llvm::Function *function) {
    b_.SetInsertPoint(llvm::BasicBlock::Create(module_->getContext(), "entry", function));
  }

  /// An entry that is a function of the runtime under another name.
  void forward(const char *name, const char *to) {
    auto *function = entry(name);
    begin(function);
    std::vector<llvm::Type *> parameters(function->arg_size(), b_.getPtrTy());
    std::vector<Value *> args;
    for (auto &arg : function->args()) args.push_back(&arg);
    auto *call = b_.CreateCall(runtime(to, function->getReturnType(), parameters), args);
    if (function->getReturnType()->isVoidTy())
      b_.CreateRetVoid();
    else
      b_.CreateRet(call);
  }

  void emitEntries() {
    auto *ptr = b_.getPtrTy();
    auto *i32 = b_.getInt32Ty();
    auto *create = entry("create");
    begin(create);
    b_.CreateRet(b_.CreateCall(runtime("graphrt_create", i32, {ptr, ptr, ptr}),
                               {description_, create->getArg(0), create->getArg(1)}));
    forward("share", "graphrt_share");
    forward("load", "graphrt_load");
    forward("save", "graphrt_save");
    forward("destroy", "graphrt_destroy");
    begin(entry("model"));
    b_.CreateRet(description_);
    for (size_t i = 0; i < model_.functions.size(); ++i) emitExportEntries(i);
  }

  Value *list(const std::vector<Value *> &values, llvm::Type *type) {
    if (values.empty()) return c_.null();
    Value *array = b_.CreateAlloca(type, b_.getInt32(uint32_t(values.size())));
    for (size_t i = 0; i < values.size(); ++i)
      b_.CreateStore(values[i], b_.CreateConstGEP1_64(type, array, i));
    return array;
  }

  void emitExportEntries(size_t index) {
    const InterfaceFunction &function = model_.functions[index];
    auto *ptr = b_.getPtrTy();
    auto *i32 = b_.getInt32Ty();
    auto *i64 = b_.getInt64Ty();
    std::vector<llvm::Type *> parameters = {ptr};
    parameters.insert(parameters.end(), function.dims.size(), i64);
    parameters.insert(parameters.end(), function.inputs.size() + function.outputs.size(), ptr);
    auto *made = declare(function.symbol, i32, parameters);
    begin(made);
    size_t next = 1;
    auto take = [&](size_t count) {
      std::vector<Value *> taken;
      while (count-- > 0) taken.push_back(made->getArg(next++));
      return taken;
    };
    Value *dims = list(take(function.dims.size()), i64);
    Value *inputs = list(take(function.inputs.size()), ptr);
    Value *outputs = list(take(function.outputs.size()), ptr);
    Value *number = b_.getInt32(uint32_t(index));
    b_.CreateRet(b_.CreateCall(runtime("graphrt_call_export", i32, {ptr, i32, ptr, ptr, ptr}),
                               {made->getArg(0), number, dims, inputs, outputs}));

    std::vector<llvm::Type *> shapeParameters(function.dims.size(), i64);
    shapeParameters.push_back(ptr);
    made = declare(function.shapesSymbol, i32, shapeParameters);
    begin(made);
    next = 0;
    dims = list(take(function.dims.size()), i64);
    b_.CreateRet(b_.CreateCall(runtime("graphrt_shapes", i32, {ptr, i32, ptr, ptr}),
                               {description_, number, dims, made->getArg(next)}));
  }

  const Graph &graph_;
  const ModelInterface &model_;
  const ModuleOptions &options_;
  Diagnostics &diagnostics_;
  std::unique_ptr<llvm::Module> module_;
  ModuleData data_;
  ConstantData c_;
  llvm::IRBuilder<> b_;
  std::vector<std::unique_ptr<Program>> programs_;
  std::unique_ptr<Program> initializer_;
  std::map<std::string, llvm::Function *> entries_;
  llvm::GlobalVariable *description_ = nullptr;
  std::unordered_map<const graphc::Variable *, int64_t> variableOffsets_;
  int64_t variableBytes_ = 0;
};

} // namespace

std::unique_ptr<llvm::Module> emitModule(llvm::LLVMContext &context, const Graph &graph,
                                         const ModelInterface &model, const ModuleOptions &options,
                                         Diagnostics &diagnostics) {
  return ModuleEmitter(context, graph, model, options, diagnostics).emit();
}

} // namespace graphc::lower
