#include "lower/body.h"

#include "lower/sizes.h"

#include <cstddef>
#include <graphrt/abi.h>

namespace graphc::lower {

using llvm::Value;

llvm::GlobalVariable *ModuleData::literal(const Node &node) {
  std::string bytes(reinterpret_cast<const char *>(node.bytes.data()), node.bytes.size());
  auto &made = literals_[bytes];
  if (made) return made;
  auto *contents = llvm::ConstantDataArray::getRaw(bytes, bytes.size(),
                                                   llvm::Type::getInt8Ty(module.getContext()));
  made = new llvm::GlobalVariable(module, contents->getType(), true,
                                  llvm::GlobalValue::InternalLinkage, contents,
                                  "graphc.literal" + std::to_string(literals_.size() - 1));
  made->setAlignment(llvm::Align(64));
  return made;
}

llvm::GlobalVariable *ModuleData::nothing() {
  if (nothing_) return nothing_;
  auto *type = llvm::ArrayType::get(llvm::Type::getInt8Ty(module.getContext()), 64);
  nothing_ = new llvm::GlobalVariable(module, type, true, llvm::GlobalValue::InternalLinkage,
                                      llvm::Constant::getNullValue(type), "graphc.nothing");
  nothing_->setAlignment(llvm::Align(64));
  return nothing_;
}

int PackTable::indexOf(const PackRequest &request) {
  for (size_t i = 0; i < entries.size(); ++i)
    if (entries[i].request.source->variable == request.source->variable &&
        entries[i].request.key == request.key)
      return i;
  Entry entry;
  entry.request = request;
  entry.offset = bytes;
  bytes += (request.bytes + 63) / 64 * 64;
  entries.push_back(std::move(entry));
  return entries.size() - 1;
}

namespace {

/// A member of graphrt_call: one of the pointers that it begins with, `offset` being its place on
/// the machine that runs this.
Value *member(llvm::IRBuilder<> &b, const llvm::Module &module, Value *call, size_t offset) {
  size_t place = offset / sizeof(void *) * module.getDataLayout().getPointerSize();
  return b.CreateLoad(b.getPtrTy(), b.CreateConstGEP1_64(b.getInt8Ty(), call, place));
}

/// Where a variable lies, out of the table graphrt_call.variables.
Value *variableIn(llvm::IRBuilder<> &b, Value *table, const Variable &variable) {
  return b.CreateLoad(b.getPtrTy(), b.CreateConstGEP1_64(b.getPtrTy(), table, variable.index));
}

class BodyEmitter {
public:
  BodyEmitter(ModuleData &data, Program &program, const InterfaceFunction *function,
              Kernels &kernels, PackTable &packs, const std::string &name)
      : data_(data), program_(program), function_(function), kernels_(kernels), packs_(packs),
        name_(name) {}

  BodyCode emit() {
    for (const Update &update : program_.updates) updated_.insert(update.variable);
    Plan plan = makePlan(
        program_, [&](const Node &node) { return kernels_.scratchBytes(node, mayPack(node)); });
    std::vector<const DimSymbol *> symbols;
    if (function_)
      for (const InterfaceDim &dim : function_->dims) symbols.push_back(dim.symbol);
    EmitContext ctx(data_.module, kernels_.target(), name_ + ".steps", 0, symbols);
    ctx_ = &ctx;
    plan_ = &plan;
    auto &b = ctx.b;
    variables_ = member(b, data_.module, ctx.call(), offsetof(graphrt_call, variables));
    workspace_ = member(b, data_.module, ctx.call(), offsetof(graphrt_call, workspace));
    packed_ = member(b, data_.module, ctx.call(), offsetof(graphrt_call, packed));
    inputs_ = member(b, data_.module, ctx.call(), offsetof(graphrt_call, inputs));
    outputs_ = member(b, data_.module, ctx.call(), offsetof(graphrt_call, outputs));
    placeSlots();
    for (const Step &step : plan.steps) emitStep(step);
    // Nothing fails any more.
    for (auto &[variable, place] : plan.commits)
      copy(variableAddress(variable), address(place), bytesOf(*variable));
    auto *steps = ctx.finish();
    code_.body = emitEntry(steps, symbols.size());
    code_.workspaceBytes = plan.fixedBytes;
    if (function_)
      code_.workspace = emitWorkspaceSize(data_.module, name_ + ".workspace", *function_, plan);
    return std::move(code_);
  }

private:
  /// A variable that this call itself changes is packed anew each time anyway: where the emitter
  /// can do without, it packs within the call.
  bool mayPack(const Node &node) const {
    if (node.kind != Node::MatMul && node.kind != Node::Conv2D) return false;
    if (!function_) return false;
    Node *source = storageOf(node.operands[1]);
    if (!source->variable) return false;
    return node.kind == Node::Conv2D || !updated_.contains(source->variable);
  }

  /// Blocks whose size is known at run time only lie one after another.
  void placeSlots() {
    auto &b = ctx_->b;
    Value *at = ctx_->i64(plan_->fixedBytes);
    for (const auto &sizes : plan_->slots) {
      slots_.push_back(b.CreateGEP(b.getInt8Ty(), workspace_, at));
      Value *largest = ctx_->i64(0);
      for (Dim size : sizes) {
        Value *bytes = ctx_->dim(size);
        largest = b.CreateSelect(b.CreateICmpSLT(largest, bytes), bytes, largest);
      }
      Value *rounded = b.CreateAnd(b.CreateAdd(largest, ctx_->i64(63)), ctx_->i64(-64));
      at = b.CreateAdd(at, rounded);
    }
  }

  Value *offsetFrom(Value *base, int64_t offset) {
    return ctx_->b.CreateConstGEP1_64(ctx_->b.getInt8Ty(), base, offset);
  }

  Value *variableAddress(const graphc::Variable *variable) {
    auto &known = variablePlaces_[variable];
    if (!known) known = variableIn(ctx_->b, variables_, *variable);
    return known;
  }

  /// The caller's pointer, which may be null if there are no elements.
  Value *callersBuffer(Value *list, int number) {
    auto &b = ctx_->b;
    auto &known = buffers_[{list, number}];
    if (known) return known;
    Value *given = b.CreateLoad(b.getPtrTy(), b.CreateConstGEP1_64(b.getPtrTy(), list, number));
    known = b.CreateSelect(b.CreateIsNull(given), data_.nothing(), given);
    return known;
  }

  Value *address(const Place &place) {
    switch (place.kind) {
    case Place::Workspace:
      return offsetFrom(workspace_, place.offset);
    case Place::Slot:
      return slots_[place.number];
    case Place::Input:
      return callersBuffer(inputs_, place.number);
    case Place::Output:
      return callersBuffer(outputs_, place.number);
    case Place::Variable:
      return variableAddress(place.variable);
    case Place::Literal:
      return data_.literal(*place.literal);
    case Place::None:
      break;
    }
    return data_.nothing();
  }

  Value *bytesOf(const Node &node) {
    return ctx_->dim(node.elements() * Dim(dtypeSize(node.dtype)));
  }
  Value *bytesOf(const graphc::Variable &variable) {
    return ctx_->dim(variable.shape.elements() * Dim(dtypeSize(variable.dtype)));
  }

  void copy(Value *to, Value *from, Value *bytes) {
    auto &b = ctx_->b;
    Value *size = b.CreateTrunc(bytes, b.getIntPtrTy(data_.module.getDataLayout()));
    b.CreateMemMove(to, llvm::Align(1), from, llvm::Align(1), size);
  }

  void emitStep(const Step &step) {
    if (!step.node) {
      copy(address(step.to), address(plan_->place(step.from)), bytesOf(*step.from));
      return;
    }
    Node *node = step.node;
    if (node->kind == Node::Random) {
      draw(*node);
      return;
    }
    bool pack = mayPack(*node);
    for (const KernelCall &call : kernels_.calls(program_.exprs, node, pack)) emitCall(*node, call);
    if (node->kind == Node::Check) stopIfFailed();
  }

  void emitCall(const Node &node, const KernelCall &call) {
    auto &b = ctx_->b;
    std::vector<Value *> args = {ctx_->call()};
    for (size_t slot = 0; slot < call.operands.size(); ++slot) {
      if (int(slot) == call.packed) {
        int index = packs_.indexOf(*kernels_.packOf(node));
        auto &entry = packs_.entries[index];
        if (!entry.function) entry.function = kernels_.packFunction(node);
        code_.laneBytes = std::max(code_.laneBytes, kernels_.laneBytes(entry.function));
        if (std::find(code_.packs.begin(), code_.packs.end(), index) == code_.packs.end())
          code_.packs.push_back(index);
        args.push_back(offsetFrom(packed_, entry.offset));
      } else if (int(slot) == call.scratch) {
        args.push_back(address(plan_->scratch.at(&node)));
      } else if (Node *operand = call.operands[slot]) {
        args.push_back(address(plan_->place(operand)));
      } else {
        args.push_back(address(plan_->places.at(&node)));
      }
    }
    for (const DimSymbol *symbol : call.symbols) args.push_back(symbolValue(symbol));
    b.CreateCall(call.function, args);
    code_.laneBytes = std::max(code_.laneBytes, kernels_.laneBytes(call.function));
  }

  Value *symbolValue(const DimSymbol *symbol) {
    for (size_t i = 0; i < function_->dims.size(); ++i)
      if (function_->dims[i].symbol == symbol)
        return ctx_->b.GetInsertBlock()->getParent()->getArg(1 + i);
    return ctx_->i64(0);
  }

  void draw(const Node &node) {
    auto &b = ctx_->b;
    Value *out = address(plan_->places.at(&node));
    Value *count = ctx_->dim(node.elements());
    Value *op = ctx_->i64(int64_t(node.random.op));
    Value *dtype = b.getInt32(int(node.dtype));
    auto *i32 = b.getInt32Ty();
    auto *i64 = b.getInt64Ty();
    auto *ptr = b.getPtrTy();
    if (node.random.kind < 0) {
      auto callee =
          ctx_->runtime("graphrt_random_int", b.getVoidTy(), {ptr, i64, i32, ptr, i64, i64, i64});
      b.CreateCall(callee, {ctx_->call(), op, dtype, out, count, ctx_->i64(node.random.low),
                            ctx_->i64(node.random.high)});
      return;
    }
    auto *f64 = b.getDoubleTy();
    auto callee =
        ctx_->runtime("graphrt_random", b.getVoidTy(), {ptr, i64, i32, i32, ptr, i64, f64, f64});
    b.CreateCall(callee, {ctx_->call(), op, b.getInt32(node.random.kind), dtype, out, count,
                          llvm::ConstantFP::get(f64, node.random.a),
                          llvm::ConstantFP::get(f64, node.random.b)});
  }

  void stopIfFailed() {
    auto &b = ctx_->b;
    auto callee = ctx_->runtime("graphrt_call_status", b.getInt32Ty(), {b.getPtrTy()});
    Value *failed = b.CreateICmpNE(b.CreateCall(callee, {ctx_->call()}), b.getInt32(0));
    auto *function = b.GetInsertBlock()->getParent();
    auto *stop = llvm::BasicBlock::Create(ctx_->context, "stop", function);
    auto *go = llvm::BasicBlock::Create(ctx_->context, "go", function);
    b.CreateCondBr(failed, stop, go);
    b.SetInsertPoint(stop);
    b.CreateRetVoid();
    b.SetInsertPoint(go);
    // Pointers were loaded where they were first wanted: those stand before the branch.
  }

  /// What the runtime calls: unpacks the dimensions.
  llvm::Function *emitEntry(llvm::Function *steps, size_t dims) {
    llvm::IRBuilder<> b(data_.module.getContext());
    auto *type = llvm::FunctionType::get(b.getInt32Ty(), {b.getPtrTy()}, false);
    auto *entry =
        llvm::Function::Create(type, llvm::Function::InternalLinkage, name_, data_.module);
    entry->addFnAttr(llvm::Attribute::NoUnwind);
    b.SetInsertPoint(llvm::BasicBlock::Create(data_.module.getContext(), "entry", entry));
    Value *call = entry->getArg(0);
    std::vector<Value *> args = {call};
    if (dims) {
      Value *list = member(b, data_.module, call, offsetof(graphrt_call, dims));
      for (size_t i = 0; i < dims; ++i)
        args.push_back(b.CreateLoad(b.getInt64Ty(), b.CreateConstGEP1_64(b.getInt64Ty(), list, i)));
    }
    b.CreateCall(steps, args);
    if (program_.mayFail()) {
      auto callee = data_.module.getOrInsertFunction(
          "graphrt_call_status", llvm::FunctionType::get(b.getInt32Ty(), {b.getPtrTy()}, false));
      b.CreateRet(b.CreateCall(callee, {call}));
    } else {
      b.CreateRet(b.getInt32(0));
    }
    return entry;
  }

  ModuleData &data_;
  Program &program_;
  const InterfaceFunction *function_;
  Kernels &kernels_;
  PackTable &packs_;
  std::string name_;
  EmitContext *ctx_ = nullptr;
  Plan *plan_ = nullptr;
  Value *variables_ = nullptr, *workspace_ = nullptr, *packed_ = nullptr;
  Value *inputs_ = nullptr, *outputs_ = nullptr;
  std::vector<Value *> slots_;
  std::map<std::pair<Value *, int>, Value *> buffers_;
  std::unordered_map<const graphc::Variable *, Value *> variablePlaces_;
  std::unordered_set<const graphc::Variable *> updated_;
  BodyCode code_;
};

} // namespace

BodyCode emitBody(ModuleData &data, Program &program, const InterfaceFunction *function,
                  Kernels &kernels, PackTable &packs, const std::string &name) {
  return BodyEmitter(data, program, function, kernels, packs, name).emit();
}

llvm::Function *emitPackEntry(ModuleData &data, const PackTable::Entry &entry,
                              const std::string &name) {
  llvm::IRBuilder<> b(data.module.getContext());
  auto *type = llvm::FunctionType::get(b.getVoidTy(), {b.getPtrTy(), b.getPtrTy()}, false);
  auto *made = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, data.module);
  made->addFnAttr(llvm::Attribute::NoUnwind);
  b.SetInsertPoint(llvm::BasicBlock::Create(data.module.getContext(), "entry", made));
  Node *source = entry.request.source;
  Value *from;
  if (source->kind == Node::Literal) {
    from = data.literal(*source);
  } else {
    Value *table = member(b, data.module, made->getArg(0), offsetof(graphrt_call, variables));
    from = variableIn(b, table, *source->variable);
  }
  b.CreateCall(entry.function, {made->getArg(0), from, made->getArg(1)});
  b.CreateRetVoid();
  return made;
}

} // namespace graphc::lower
