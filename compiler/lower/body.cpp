#include "lower/body.h"

#include "lower/loop.h"
#include "lower/sizes.h"
#include "ops/body.h"

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
    Plan plan = makePlan(program_, [&](const Node &node) { return scratchBytes(node); });
    std::vector<const DimSymbol *> symbols;
    if (function_)
      for (const InterfaceDim &dim : function_->dims) symbols.push_back(dim.symbol);
    EmitContext ctx(data_.module, kernels_.target(), name_ + ".steps", 0, symbols);
    ctx_ = &ctx;
    Level level{program_, plan, nullptr, nullptr, {}, {}, {}, {}, {}};
    level_ = &level;
    auto &b = ctx.b;
    variables_ = member(b, data_.module, ctx.call(), offsetof(graphrt_call, variables));
    level.workspace = member(b, data_.module, ctx.call(), offsetof(graphrt_call, workspace));
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
  /// What is emitted: the program itself, or the step of a loop.
  struct Level {
    Program &program;
    const Plan &plan;
    Level *around = nullptr;
    Value *workspace = nullptr;
    std::vector<Value *> inputs, outputs; // of a step; those of the program are the caller's
    std::vector<Value *> slots;
    std::unordered_map<const Node *, Value *> packs; // made before the loop
    std::vector<Value *> places;                     // of the loops' steps, outermost first
  };

  Dim scratchBytes(const Node &node) {
    if (node.kind != Node::Loop) return kernels_.scratchBytes(node, mayPack(node));
    auto [at, made] = loops_.try_emplace(&node);
    if (made) at->second = planLoop(node);
    return at->second.bytes();
  }

  LoopPlan planLoop(const Node &node) {
    const LoopSpec &spec = *node.loop;
    LoopPlan loop;
    auto bytesOfNode = [](const Node *of) { return of->elements() * Dim(dtypeSize(of->dtype)); };
    loop.blocks.push_back(Dim(4));
    for (size_t i = 0; i < spec.carried; ++i)
      for (int twice = 0; twice < 2; ++twice) loop.blocks.push_back(bytesOfNode(node.operands[i]));
    for (const auto &inner : spec.body->nodes) {
      if (inner->dead || (inner->kind != Node::MatMul && inner->kind != Node::Conv2D)) continue;
      const Node *source = storageOf(inner->operands[1]);
      bool same =
          source->kind == Node::Input && size_t(source->number) > spec.carried + spec.elements;
      if (!same || mayPack(*inner)) continue;
      auto request = kernels_.packOf(*inner);
      if (!request) continue;
      packedBefore_.insert(inner.get());
      loop.packs.push_back(inner.get());
      loop.blocks.push_back(Dim(request->bytes));
    }
    loop.plan = makePlan(*spec.body, [&](const Node &inner) { return scratchBytes(inner); });
    loop.blocks.push_back(Dim(loop.plan.fixedBytes));
    for (const auto &sizes : loop.plan.slots) {
      Dim largest(0);
      for (Dim size : sizes) largest = max(largest, size);
      loop.blocks.push_back(largest);
    }
    return loop;
  }

  /// A variable that this call itself changes is packed anew each time anyway: where the emitter
  /// can do without, it packs within the call.
  bool mayPack(const Node &node) const {
    if (node.kind != Node::MatMul && node.kind != Node::Conv2D) return false;
    if (packedBefore_.contains(&node)) return true;
    if (!function_) return false;
    Node *source = storageOf(node.operands[1]);
    if (!source->variable) return false;
    return node.kind == Node::Conv2D || !updated_.contains(source->variable);
  }

  /// Blocks whose size is known at run time only lie one after another.
  void placeSlots() {
    auto &b = ctx_->b;
    Value *at = ctx_->i64(level_->plan.fixedBytes);
    for (const auto &sizes : level_->plan.slots) {
      level_->slots.push_back(b.CreateGEP(b.getInt8Ty(), level_->workspace, at));
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
      return offsetFrom(level_->workspace, place.offset);
    case Place::Slot:
      return level_->slots[place.number];
    case Place::Input:
      return level_->around ? level_->inputs[place.number] : callersBuffer(inputs_, place.number);
    case Place::Output:
      return level_->around ? level_->outputs[place.number] : callersBuffer(outputs_, place.number);
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
      copy(address(step.to), address(level_->plan.place(step.from)), bytesOf(*step.from));
      return;
    }
    Node *node = step.node;
    if (node->kind == Node::Loop) {
      emitLoop(*node);
      return;
    }
    if (node->kind == Node::Random) {
      draw(*node);
      return;
    }
    bool pack = mayPack(*node);
    for (const KernelCall &call : kernels_.calls(level_->program.exprs, node, pack))
      emitCall(*node, call);
    if (node->kind == Node::Check) stopIfFailed();
  }

  void emitCall(const Node &node, const KernelCall &call) {
    auto &b = ctx_->b;
    std::vector<Value *> args = {ctx_->call()};
    for (size_t slot = 0; slot < call.operands.size(); ++slot) {
      if (int(slot) == call.packed && level_->packs.contains(&node)) {
        args.push_back(level_->packs.at(&node));
      } else if (int(slot) == call.packed) {
        int index = packs_.indexOf(*kernels_.packOf(node));
        auto &entry = packs_.entries[index];
        if (!entry.function) entry.function = kernels_.packFunction(node);
        code_.laneBytes = std::max(code_.laneBytes, kernels_.laneBytes(entry.function));
        if (std::find(code_.packs.begin(), code_.packs.end(), index) == code_.packs.end())
          code_.packs.push_back(index);
        args.push_back(offsetFrom(packed_, entry.offset));
      } else if (int(slot) == call.scratch) {
        args.push_back(address(level_->plan.scratch.at(&node)));
      } else if (Node *operand = call.operands[slot]) {
        args.push_back(address(level_->plan.place(operand)));
      } else {
        args.push_back(address(level_->plan.places.at(&node)));
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

  /// Runs the body's program for every step. What is carried goes from one buffer to another, the
  /// first of which is the initial value; elements and stacked results are rows of their tensors.
  void emitLoop(const Node &node) {
    auto &b = ctx_->b;
    const LoopSpec &spec = *node.loop;
    const LoopPlan &loop = loops_.at(&node);
    std::vector<Value *> blocks;
    Value *at = address(level_->plan.scratch.at(&node));
    for (Dim block : loop.blocks) {
      blocks.push_back(at);
      at = b.CreateGEP(b.getInt8Ty(), at, ctx_->dim(blockBytes(block)));
    }
    Level step{*spec.body, loop.plan, level_, nullptr, {}, {}, {}, {}, level_->places};
    size_t next = 1 + 2 * spec.carried;
    for (const Node *packed : loop.packs) packBefore(node, *packed, blocks[next++], step);
    step.workspace = blocks[next++];
    step.slots.assign(blocks.begin() + next, blocks.end());

    std::vector<Value *> operands, results;
    for (Node *operand : node.operands) operands.push_back(address(level_->plan.place(operand)));
    for (Node *result : spec.results)
      results.push_back(result ? address(level_->plan.places.at(result)) : nullptr);
    EmitContext::Values buffers; // read, written, and written next
    for (size_t i = 0; i < spec.carried; ++i)
      buffers.insert(buffers.end(), {operands[i], blocks[1 + 2 * i], blocks[2 + 2 * i]});
    Value *steps = ctx_->dim(spec.steps);
    buffers = ctx_->loop(
        ctx_->i64(0), steps, ctx_->i64(1), buffers, [&](Value *t, const EmitContext::Values &now) {
          Value *place = spec.reverse ? b.CreateSub(b.CreateSub(steps, ctx_->i64(1)), t) : t;
          auto rowOf = [&](Value *base, const Node *row) {
            return b.CreateGEP(b.getInt8Ty(), base, b.CreateMul(place, bytesOf(*row)));
          };
          const auto &inner = spec.body->nodes; // the first are the inputs
          b.CreateStore(b.CreateTrunc(place, b.getInt32Ty()), blocks[0]);
          step.places.push_back(place);
          step.inputs = {blocks[0]};
          for (size_t i = 0; i < spec.carried; ++i) {
            step.inputs.push_back(now[3 * i]);
            step.outputs.push_back(now[3 * i + 1]);
            if (Value *before = results[spec.carried + i])
              copy(rowOf(before, inner[1 + i].get()), now[3 * i], bytesOf(*inner[1 + i]));
          }
          for (size_t i = 0; i < spec.elements; ++i)
            step.inputs.push_back(
                rowOf(operands[spec.carried + i], inner[1 + spec.carried + i].get()));
          for (size_t i = spec.carried + spec.elements; i < operands.size(); ++i)
            step.inputs.push_back(operands[i]);
          for (size_t i = 0; i < spec.stacked(); ++i)
            if (Value *base = results[2 * spec.carried + i])
              step.outputs.push_back(rowOf(base, spec.body->outputs[step.outputs.size()]));
          level_ = &step;
          for (const Step &each : loop.plan.steps) emitStep(each);
          level_ = step.around;
          EmitContext::Values then;
          for (size_t i = 0; i < spec.carried; ++i)
            then.insert(then.end(), {now[3 * i + 1], now[3 * i + 2], now[3 * i + 1]});
          return then;
        });
    for (size_t i = 0; i < spec.carried; ++i)
      if (results[i]) copy(results[i], buffers[3 * i], bytesOf(*node.operands[i]));
  }

  /// An operand that is the same at every step is packed once.
  void packBefore(const Node &loop, const Node &packed, Value *to, Level &step) {
    int captured = storageOf(packed.operands[1])->number - 1;
    auto *function = kernels_.packFunction(packed);
    code_.laneBytes = std::max(code_.laneBytes, kernels_.laneBytes(function));
    Value *from = address(level_->plan.place(loop.operands[captured]));
    ctx_->b.CreateCall(function, {ctx_->call(), from, to});
    step.packs[&packed] = to;
  }

  /// What numberAtPlace (ops/body.h) computes, for each loop around.
  Value *numberHere(uint64_t number) {
    auto &b = ctx_->b;
    Value *z = ctx_->i64(int64_t(number));
    auto mix = [&](int shift) { z = b.CreateXor(z, b.CreateLShr(z, ctx_->i64(shift))); };
    auto factor = [&](int i) { return ctx_->i64(int64_t(placeFactors[i])); };
    for (Value *place : level_->places) {
      z = b.CreateAdd(z, b.CreateMul(b.CreateAdd(place, ctx_->i64(1)), factor(0)));
      mix(30);
      z = b.CreateMul(z, factor(1));
      mix(27);
      z = b.CreateMul(z, factor(2));
      mix(31);
    }
    return z;
  }

  void draw(const Node &node) {
    auto &b = ctx_->b;
    Value *out = address(level_->plan.places.at(&node));
    Value *count = ctx_->dim(node.elements());
    Value *op = numberHere(node.random.op);
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
  Level *level_ = nullptr;
  std::unordered_map<const Node *, LoopPlan> loops_;
  std::unordered_set<const Node *> packedBefore_;
  Value *variables_ = nullptr, *packed_ = nullptr;
  Value *inputs_ = nullptr, *outputs_ = nullptr;
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
