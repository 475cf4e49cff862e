#include "lower/emit.h"

#include <llvm/IR/Verifier.h>

namespace graphc::lower {

using llvm::Value;

EmitContext::EmitContext(llvm::Module &module, const Target &target, const std::string &name,
                         int buffers, const std::vector<const DimSymbol *> &symbols)
    : module(module), context(module.getContext()), target(target), b(module.getContext()),
      symbols_(symbols) {
  std::vector<llvm::Type *> types(1 + buffers, b.getPtrTy());
  types.insert(types.end(), symbols.size(), b.getInt64Ty());
  auto *function = llvm::Function::Create(llvm::FunctionType::get(b.getVoidTy(), types, false),
                                          llvm::Function::InternalLinkage, name, module);
  setUpFunction(function);
  frame_.function = function;
  frame_.call = function->getArg(0);
  for (int i = 0; i < buffers; ++i) frame_.buffers.push_back(function->getArg(1 + i));
  for (size_t i = 0; i < symbols.size(); ++i)
    frame_.symbols.push_back(function->getArg(1 + buffers + i));
  openBody();
}

void EmitContext::setUpFunction(llvm::Function *function) {
  function->addFnAttr(llvm::Attribute::NoUnwind);
  function->addFnAttr(llvm::Attribute::NoInline); // one kernel, one function: quick to compile
  if (!target.cpu.empty()) function->addFnAttr("target-cpu", target.cpu);
  if (!target.features.empty()) function->addFnAttr("target-features", target.features);
  function->addFnAttr("prefer-vector-width", std::to_string(target.vectorBytes * 8));
  if (target.scale)
    function->addFnAttr(
        llvm::Attribute::getWithVScaleRangeArgs(context, target.scale, target.scale));
}

void EmitContext::openBody() {
  auto *entry = llvm::BasicBlock::Create(context, "entry", frame_.function);
  auto *body = llvm::BasicBlock::Create(context, "body", frame_.function);
  b.SetInsertPoint(entry);
  frame_.entryEnd = b.CreateBr(body);
  b.SetInsertPoint(body);
}

llvm::Function *EmitContext::finish() {
  b.CreateRetVoid();
  return frame_.function;
}

unsigned EmitContext::lanes(DType dtype) const {
  int64_t size = std::max<int64_t>(dtypeSize(dtype), 4);
  return std::max<unsigned>(1, target.vectorBytes / size);
}

static llvm::Type *vectorOf(llvm::Type *scalar, unsigned lanes) {
  return lanes == 1 ? scalar : llvm::FixedVectorType::get(scalar, lanes);
}

llvm::Type *EmitContext::memoryType(DType dtype, unsigned lanes) const {
  llvm::Type *scalar;
  if (dtype == DType::Float32)
    scalar = llvm::Type::getFloatTy(context);
  else if (dtype == DType::Float64)
    scalar = llvm::Type::getDoubleTy(context);
  else
    scalar = llvm::Type::getIntNTy(context, dtypeSize(dtype) * 8);
  return vectorOf(scalar, lanes);
}

llvm::Type *EmitContext::registerType(DType dtype, unsigned lanes) const {
  if (dtype == DType::Bool) return vectorOf(llvm::Type::getInt1Ty(context), lanes);
  if (dtype == DType::Float16 || dtype == DType::BFloat16)
    return vectorOf(llvm::Type::getFloatTy(context), lanes);
  return memoryType(dtype, lanes);
}

Value *EmitContext::dimIn(llvm::IRBuilder<> &at, Dim dim) {
  if (dim.isStatic()) return at.getInt64(dim.value);
  auto known = frame_.dims.find(dim.expr);
  if (known != frame_.dims.end()) return known->second;
  const DimExpr &e = *dim.expr;
  Value *value = nullptr;
  switch (e.kind) {
  case DimExpr::Symbol:
    for (size_t i = 0; i < symbols_.size(); ++i)
      if (symbols_[i] == e.symbol) value = frame_.symbols[i];
    assert(value && "a run-time dimension that the kernel was not given");
    break;
  case DimExpr::Sum:
    value = at.getInt64(e.constant);
    for (const DimTerm &term : e.terms) {
      Value *atom = dimIn(at, Dim(term.atom));
      value = at.CreateAdd(value, at.CreateMul(atom, at.getInt64(term.factor)));
    }
    break;
  case DimExpr::Product:
    value = at.getInt64(1);
    for (const DimExpr *factor : e.factors) value = at.CreateMul(value, dimIn(at, Dim(factor)));
    break;
  case DimExpr::FloorDiv:
  case DimExpr::Mod: {
    Value *left = dimIn(at, e.left), *right = dimIn(at, e.right);
    Value *remainder = at.CreateSRem(left, right);
    Value *odd = at.CreateAnd(at.CreateICmpNE(remainder, at.getInt64(0)),
                              at.CreateICmpSLT(at.CreateXor(remainder, right), at.getInt64(0)));
    if (e.kind == DimExpr::Mod)
      value = at.CreateAdd(remainder, at.CreateSelect(odd, right, at.getInt64(0)));
    else
      value = at.CreateSub(at.CreateSDiv(left, right), at.CreateZExt(odd, at.getInt64Ty()));
    break;
  }
  case DimExpr::Min:
  case DimExpr::Max: {
    Value *left = dimIn(at, e.left), *right = dimIn(at, e.right);
    Value *less = at.CreateICmpSLT(left, right);
    value = e.kind == DimExpr::Min ? at.CreateSelect(less, left, right)
                                   : at.CreateSelect(less, right, left);
    break;
  }
  }
  frame_.dims[dim.expr] = value;
  return value;
}

Value *EmitContext::dim(Dim dim) {
  if (dim.isStatic()) return i64(dim.value);
  llvm::IRBuilder<> entry(frame_.entryEnd);
  return dimIn(entry, dim);
}

llvm::AllocaInst *EmitContext::local(llvm::Type *type, Value *count) {
  llvm::IRBuilder<> entry(&frame_.function->getEntryBlock(),
                          frame_.function->getEntryBlock().begin());
  return entry.CreateAlloca(type, count);
}

// Memory --------------------------------------------------------------------------------------

Value *EmitContext::element(DType dtype, Value *base, Value *index) {
  return b.CreateGEP(memoryType(dtype), base, index);
}

Value *EmitContext::least(Value *x, Value *y) {
  return b.CreateSelect(b.CreateICmpSLT(x, y), x, y);
}
Value *EmitContext::most(Value *x, Value *y) { return b.CreateSelect(b.CreateICmpSGT(x, y), x, y); }

Value *EmitContext::ceilDivide(Value *x, Value *y) {
  return b.CreateUDiv(b.CreateAdd(x, b.CreateSub(y, i64(1))), y);
}
Value *EmitContext::ceilDivideSigned(Value *x, int64_t y) {
  if (y == 1) return x;
  Value *quotient = b.CreateSDiv(x, i64(y));
  Value *more = b.CreateICmpSGT(b.CreateSRem(x, i64(y)), i64(0));
  return b.CreateAdd(quotient, b.CreateZExt(more, b.getInt64Ty()));
}

Value *EmitContext::multiplyAdd(Value *x, Value *y, Value *sum) {
  if (target.fma) return b.CreateIntrinsic(llvm::Intrinsic::fma, {sum->getType()}, {x, y, sum});
  return b.CreateFAdd(sum, b.CreateFMul(x, y));
}

Value *EmitContext::splat(Value *scalar, unsigned lanes) {
  return lanes == 1 ? scalar : b.CreateVectorSplat(lanes, scalar);
}

/// The type with the element replaced: a vector stays one of as many lanes.
static llvm::Type *withElement(llvm::Type *like, llvm::Type *element) {
  if (auto *vector = llvm::dyn_cast<llvm::FixedVectorType>(like))
    return llvm::FixedVectorType::get(element, vector->getNumElements());
  return element;
}

static Value *halfToFloat(llvm::IRBuilder<> &b, Value *bits) {
  // The exponent and mantissa are moved in place; multiplying by 2^112 moves the exponent's bias
  // and makes denormals right at once. Infinity and NaN get the rest of their exponent.
  auto *i32 = withElement(bits->getType(), b.getInt32Ty());
  auto *f32 = withElement(bits->getType(), b.getFloatTy());
  auto constant = [&](uint32_t c) { return llvm::ConstantInt::get(i32, c); };
  Value *wide = b.CreateZExt(bits, i32);
  Value *sign = b.CreateShl(b.CreateAnd(wide, constant(0x8000)), constant(16));
  Value *magnitude = b.CreateShl(b.CreateAnd(wide, constant(0x7fff)), constant(13));
  Value *scaled =
      b.CreateFMul(b.CreateBitCast(magnitude, f32), b.CreateBitCast(constant(0x77800000), f32));
  Value *special = b.CreateOr(magnitude, constant(0x7f800000));
  Value *isSpecial = b.CreateICmpUGE(magnitude, constant(0x0f800000));
  Value *result = b.CreateSelect(isSpecial, special, b.CreateBitCast(scaled, i32));
  return b.CreateBitCast(b.CreateOr(result, sign), f32);
}

static Value *floatToHalf(llvm::IRBuilder<> &b, Value *value) {
  auto *i32 = withElement(value->getType(), b.getInt32Ty());
  auto *f32 = value->getType();
  auto constant = [&](uint32_t c) { return llvm::ConstantInt::get(i32, c); };
  Value *bits = b.CreateBitCast(value, i32);
  Value *sign = b.CreateAnd(bits, constant(0x80000000));
  Value *magnitude = b.CreateXor(bits, sign);
  // Below 2^-14: adding 0.5 puts the half's denormal into the mantissa's last bits, rounded.
  Value *half = b.CreateBitCast(constant(0x3f000000), f32);
  Value *small =
      b.CreateSub(b.CreateBitCast(b.CreateFAdd(b.CreateBitCast(magnitude, f32), half), i32),
                  constant(0x3f000000));
  // Normal: rounds to nearest even by adding, moves the bias (112 << 23).
  Value *odd = b.CreateAnd(b.CreateLShr(magnitude, constant(13)), constant(1));
  Value *normal = b.CreateLShr(
      b.CreateAdd(b.CreateSub(magnitude, constant(112u << 23)), b.CreateAdd(odd, constant(0xfff))),
      constant(13));
  Value *nan = b.CreateICmpUGT(magnitude, constant(0x7f800000));
  Value *large = b.CreateSelect(nan, constant(0x7e00), constant(0x7c00));
  Value *result = b.CreateSelect(b.CreateICmpULT(magnitude, constant(0x38800000)), small, normal);
  result = b.CreateSelect(b.CreateICmpUGE(magnitude, constant(0x477ff000)), large, result);
  result = b.CreateOr(result, b.CreateLShr(sign, constant(16)));
  return b.CreateTrunc(result, withElement(value->getType(), b.getInt16Ty()));
}

static Value *bfloatToFloat(llvm::IRBuilder<> &b, Value *bits) {
  auto *i32 = withElement(bits->getType(), b.getInt32Ty());
  Value *wide = b.CreateShl(b.CreateZExt(bits, i32), llvm::ConstantInt::get(i32, 16));
  return b.CreateBitCast(wide, withElement(bits->getType(), b.getFloatTy()));
}

static Value *floatToBfloat(llvm::IRBuilder<> &b, Value *value) {
  auto *i32 = withElement(value->getType(), b.getInt32Ty());
  auto constant = [&](uint32_t c) { return llvm::ConstantInt::get(i32, c); };
  Value *bits = b.CreateBitCast(value, i32);
  Value *odd = b.CreateAnd(b.CreateLShr(bits, constant(16)), constant(1));
  Value *rounded = b.CreateAdd(bits, b.CreateAdd(odd, constant(0x7fff)));
  Value *nan = b.CreateFCmpUNO(value, value);
  Value *result = b.CreateSelect(nan, b.CreateOr(bits, constant(0x400000)), rounded);
  result = b.CreateLShr(result, constant(16));
  return b.CreateTrunc(result, withElement(value->getType(), b.getInt16Ty()));
}

Value *EmitContext::toRegister(DType dtype, Value *memory) {
  switch (dtype) {
  case DType::Bool:
    return b.CreateICmpNE(memory, llvm::Constant::getNullValue(memory->getType()));
  case DType::Float16:
    return halfToFloat(b, memory);
  case DType::BFloat16:
    return bfloatToFloat(b, memory);
  default:
    return memory;
  }
}

Value *EmitContext::toMemory(DType dtype, Value *value) {
  switch (dtype) {
  case DType::Bool:
    return b.CreateZExt(value, withElement(value->getType(), b.getInt8Ty()));
  case DType::Float16:
    return floatToHalf(b, value);
  case DType::BFloat16:
    return floatToBfloat(b, value);
  default:
    return value;
  }
}

Value *EmitContext::load(DType dtype, Value *address, unsigned lanes, Value *mask) {
  auto *type = memoryType(dtype, lanes);
  Value *memory;
  if (mask)
    memory =
        b.CreateMaskedLoad(type, address, llvm::Align(1), mask, llvm::Constant::getNullValue(type));
  else
    memory = b.CreateAlignedLoad(type, address, llvm::Align(1));
  return toRegister(dtype, memory);
}

void EmitContext::store(DType dtype, Value *value, Value *address, Value *mask) {
  Value *memory = toMemory(dtype, value);
  if (mask)
    b.CreateMaskedStore(memory, address, llvm::Align(1), mask);
  else
    b.CreateAlignedStore(memory, address, llvm::Align(1));
}

Value *EmitContext::firstLanes(unsigned lanes, Value *count) {
  std::vector<uint32_t> numbers(lanes);
  for (unsigned i = 0; i < lanes; ++i) numbers[i] = i;
  // Counts beyond the lanes must not wrap around in 32 bits.
  Value *all = i64(lanes);
  count = least(count, all);
  Value *limit = splat(b.CreateTrunc(count, b.getInt32Ty()), lanes);
  return b.CreateICmpSLT(llvm::ConstantDataVector::get(context, numbers), limit);
}

// Control flow --------------------------------------------------------------------------------

void EmitContext::loop(Value *begin, Value *end, Value *step,
                       const std::function<void(Value *)> &body) {
  loop(begin, end, step, {}, [&](Value *i, const Values &) {
    body(i);
    return Values();
  });
}

EmitContext::Values EmitContext::loop(Value *begin, Value *end, Value *step, const Values &initial,
                                      const std::function<Values(Value *, const Values &)> &body) {
  auto *before = b.GetInsertBlock();
  auto *function = before->getParent();
  auto *turn = llvm::BasicBlock::Create(context, "loop", function);
  auto *after = llvm::BasicBlock::Create(context, "done", function);
  b.CreateCondBr(b.CreateICmpSLT(begin, end), turn, after);
  b.SetInsertPoint(turn);
  auto *i = b.CreatePHI(b.getInt64Ty(), 2);
  i->addIncoming(begin, before);
  std::vector<llvm::PHINode *> phis;
  Values current;
  for (Value *value : initial) {
    phis.push_back(b.CreatePHI(value->getType(), 2));
    phis.back()->addIncoming(value, before);
    current.push_back(phis.back());
  }
  Values next = body(i, current);
  auto *latch = b.GetInsertBlock();
  Value *following = b.CreateAdd(i, step, "", false, true);
  i->addIncoming(following, latch);
  for (size_t k = 0; k < phis.size(); ++k) phis[k]->addIncoming(next[k], latch);
  b.CreateCondBr(b.CreateICmpSLT(following, end), turn, after);
  b.SetInsertPoint(after);
  Values results;
  for (size_t k = 0; k < phis.size(); ++k) {
    auto *phi = b.CreatePHI(initial[k]->getType(), 2);
    phi->addIncoming(initial[k], before);
    phi->addIncoming(next[k], latch);
    results.push_back(phi);
  }
  return results;
}

void EmitContext::ifThen(Value *condition, const std::function<void()> &body) {
  ifThenElse(condition, body, nullptr);
}

void EmitContext::ifThenElse(Value *condition, const std::function<void()> &then,
                             const std::function<void()> &otherwise) {
  auto *function = b.GetInsertBlock()->getParent();
  auto *yes = llvm::BasicBlock::Create(context, "then", function);
  auto *no = otherwise ? llvm::BasicBlock::Create(context, "else", function) : nullptr;
  auto *after = llvm::BasicBlock::Create(context, "end", function);
  b.CreateCondBr(condition, yes, no ? no : after);
  b.SetInsertPoint(yes);
  then();
  b.CreateBr(after);
  if (no) {
    b.SetInsertPoint(no);
    otherwise();
    b.CreateBr(after);
  }
  b.SetInsertPoint(after);
}

void EmitContext::parallel(
    Value *n, Value *grain, const Values &captures,
    const std::function<void(Value *, Value *, Value *, const Values &)> &body) {
  // What the piece sees of this function travels in a structure on the stack.
  Values members = {frame_.call};
  members.insert(members.end(), frame_.buffers.begin(), frame_.buffers.end());
  members.insert(members.end(), frame_.symbols.begin(), frame_.symbols.end());
  members.insert(members.end(), captures.begin(), captures.end());
  std::vector<llvm::Type *> types;
  for (Value *member : members) types.push_back(member->getType());
  auto *structure = llvm::StructType::get(context, types);
  Value *packed = local(structure);
  for (size_t i = 0; i < members.size(); ++i)
    b.CreateStore(members[i], b.CreateStructGEP(structure, packed, i));

  auto *pieceType = llvm::FunctionType::get(
      b.getVoidTy(), {b.getPtrTy(), b.getInt64Ty(), b.getInt64Ty(), b.getPtrTy()}, false);
  auto *piece = llvm::Function::Create(
      pieceType, llvm::Function::InternalLinkage,
      frame_.function->getName() + ".piece" + llvm::Twine(pieces_++), module);
  setUpFunction(piece);

  Frame outer = std::move(frame_);
  auto outerPoint = b.saveIP();
  frame_ = Frame();
  frame_.function = piece;
  openBody();
  llvm::IRBuilder<> entry(frame_.entryEnd);
  Values inside;
  for (size_t i = 0; i < members.size(); ++i)
    inside.push_back(
        entry.CreateLoad(types[i], entry.CreateStructGEP(structure, piece->getArg(0), i)));
  auto at = inside.begin();
  frame_.call = *at++;
  frame_.buffers.assign(at, at + outer.buffers.size());
  at += outer.buffers.size();
  frame_.symbols.assign(at, at + outer.symbols.size());
  at += outer.symbols.size();
  int64_t scratchBefore = scratchBytes_;
  scratchBytes_ = 0;
  body(piece->getArg(1), piece->getArg(2), piece->getArg(3), Values(at, inside.end()));
  b.CreateRetVoid();
  bool usesScratch = scratchBytes_ != 0 || !piece->getArg(3)->use_empty();
  scratchBytes_ = std::max(scratchBytes_, scratchBefore);
  frame_ = std::move(outer);
  b.restoreIP(outerPoint);

  auto *knownN = llvm::dyn_cast<llvm::ConstantInt>(n);
  auto *knownGrain = llvm::dyn_cast<llvm::ConstantInt>(grain);
  if (!usesScratch && knownN && knownGrain &&
      knownN->getSExtValue() <= knownGrain->getSExtValue()) {
    if (knownN->getSExtValue() > 0)
      b.CreateCall(piece, {packed, i64(0), n, llvm::ConstantPointerNull::get(b.getPtrTy())});
    return;
  }
  auto callee = runtime("graphrt_parallel", b.getVoidTy(),
                        {b.getPtrTy(), b.getPtrTy(), b.getPtrTy(), b.getInt64Ty(), b.getInt64Ty()});
  b.CreateCall(callee, {frame_.call, piece, packed, n, grain});
}

// The runtime ---------------------------------------------------------------------------------

llvm::FunctionCallee EmitContext::runtime(const char *name, llvm::Type *result,
                                          llvm::ArrayRef<llvm::Type *> parameters) {
  return module.getOrInsertFunction(name, llvm::FunctionType::get(result, parameters, false));
}

Value *EmitContext::text(std::string_view text) {
  return b.CreateGlobalString(llvm::StringRef(text.data(), text.size()), "text", 0, &module);
}

llvm::IRBuilderBase::InsertPoint beginShared(EmitContext &ctx, const std::string &name,
                                             llvm::ArrayRef<llvm::Type *> types,
                                             llvm::Function *&function) {
  auto *type = llvm::FunctionType::get(ctx.b.getVoidTy(), types, false);
  function = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, ctx.module);
  auto *caller = ctx.b.GetInsertBlock()->getParent();
  function->setAttributes(
      llvm::AttributeList::get(ctx.context, caller->getAttributes().getFnAttrs(), {}, {}));
  function->addFnAttr(llvm::Attribute::NoInline);
  auto point = ctx.b.saveIP();
  ctx.b.SetInsertPoint(llvm::BasicBlock::Create(ctx.context, "entry", function));
  return point;
}

} // namespace graphc::lower
