#include "lower/emit_expr.h"

#include "lower/math.h"

#include <limits>
#include <llvm/IR/Intrinsics.h>

namespace graphc::lower {

using llvm::Value;

namespace {

unsigned lanesOf(Value *value) {
  auto *vector = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
  return vector ? vector->getNumElements() : 1;
}

bool isNarrowFloat(DType dtype) { return dtype == DType::Float16 || dtype == DType::BFloat16; }
bool isSigned(DType dtype) { return isSignedInteger(dtype); }

Value *constantOf(Value *like, int64_t value) {
  return llvm::ConstantInt::get(like->getType(), value, true);
}

/// NaN comes through; of equal ones the second.
Value *emitExtreme(llvm::IRBuilder<> &b, DType dtype, bool largest, Value *x, Value *y) {
  if (!isFloating(dtype)) {
    if (dtype == DType::Bool) return largest ? b.CreateOr(x, y) : b.CreateAnd(x, y);
    auto predicate = isSigned(dtype) ? llvm::CmpInst::ICMP_SGT : llvm::CmpInst::ICMP_UGT;
    Value *greater = b.CreateICmp(predicate, x, y);
    return largest ? b.CreateSelect(greater, x, y) : b.CreateSelect(greater, y, x);
  }
  auto isNumber = [](Value *v) {
    auto *constant = llvm::dyn_cast<llvm::Constant>(v);
    if (!constant) return false;
    if (constant->getType()->isVectorTy()) constant = constant->getSplatValue();
    auto *number = llvm::dyn_cast_or_null<llvm::ConstantFP>(constant);
    return number && !number->isNaN();
  };
  if (isNumber(x)) std::swap(x, y);
  // Unordered: true where x is NaN (y is not, or the second test decides).
  Value *first = largest ? b.CreateFCmpUGT(x, y) : b.CreateFCmpULT(x, y);
  Value *result = b.CreateSelect(first, x, y);
  if (isNumber(y)) return result;
  return b.CreateSelect(b.CreateFCmpUNO(y, y), y, result);
}

/// Quotient or remainder of integers, toward minus infinity or zero. Neither a divisor of 0 (any
/// result) nor the lowest number by -1 (wraps) may trap.
Value *emitIntegerDivision(llvm::IRBuilder<> &b, ExprKind kind, DType dtype, Value *x, Value *y) {
  bool quotient = kind == ExprKind::FloorDiv || kind == ExprKind::TruncDiv;
  bool floor = kind == ExprKind::FloorDiv || kind == ExprKind::FloorMod;
  Value *zero = constantOf(y, 0), *one = constantOf(y, 1);
  Value *divisor = b.CreateSelect(b.CreateICmpEQ(y, zero), one, y);
  if (!isSigned(dtype)) return quotient ? b.CreateUDiv(x, divisor) : b.CreateURem(x, divisor);
  Value *negative = b.CreateICmpEQ(y, constantOf(y, -1));
  divisor = b.CreateSelect(negative, one, divisor);
  Value *q = b.CreateSDiv(x, divisor);
  Value *r = b.CreateSub(x, b.CreateMul(q, divisor));
  if (floor) {
    Value *adjust =
        b.CreateAnd(b.CreateICmpNE(r, zero), b.CreateICmpSLT(b.CreateXor(r, divisor), zero));
    q = b.CreateSub(q, b.CreateZExt(adjust, q->getType()));
    r = b.CreateAdd(r, b.CreateSelect(adjust, divisor, zero));
  }
  return quotient ? b.CreateSelect(negative, b.CreateNeg(x), q) : r;
}

/// x^y of integers by squaring, wrapping; negative powers as integer division gives them.
Value *emitIntegerPower(EmitContext &ctx, DType dtype, Value *x, Value *y) {
  auto &b = ctx.b;
  auto *type = x->getType()->getScalarType();
  std::string name = "graphc.ipow." + std::string(dtypeName(dtype));
  auto *function = ctx.module.getFunction(name);
  if (!function) {
    function = llvm::Function::Create(llvm::FunctionType::get(type, {type, type}, false),
                                      llvm::Function::InternalLinkage, name, ctx.module);
    function->addFnAttr(llvm::Attribute::NoUnwind);
    llvm::IRBuilder<> f(llvm::BasicBlock::Create(ctx.context, "entry", function));
    auto *loop = llvm::BasicBlock::Create(ctx.context, "loop", function);
    auto *done = llvm::BasicBlock::Create(ctx.context, "done", function);
    Value *base = function->getArg(0), *power = function->getArg(1);
    auto *one = llvm::ConstantInt::get(type, 1), *zero = llvm::ConstantInt::get(type, 0);
    if (isSigned(dtype)) {
      auto *below = llvm::BasicBlock::Create(ctx.context, "below", function);
      auto *positive = llvm::BasicBlock::Create(ctx.context, "positive", function);
      f.CreateCondBr(f.CreateICmpSLT(power, zero), below, positive);
      f.SetInsertPoint(below);
      auto *minusOne = llvm::ConstantInt::get(type, -1, true);
      Value *odd = f.CreateICmpNE(f.CreateAnd(power, one), zero);
      Value *ofMinusOne = f.CreateSelect(odd, minusOne, one);
      f.CreateRet(f.CreateSelect(f.CreateICmpEQ(base, one), one,
                                 f.CreateSelect(f.CreateICmpEQ(base, minusOne), ofMinusOne, zero)));
      f.SetInsertPoint(positive);
    }
    auto *before = f.GetInsertBlock();
    f.CreateBr(loop);
    f.SetInsertPoint(loop);
    auto *result = f.CreatePHI(type, 2), *square = f.CreatePHI(type, 2),
         *left = f.CreatePHI(type, 2);
    Value *bit = f.CreateICmpNE(f.CreateAnd(left, one), zero);
    Value *next = f.CreateSelect(bit, f.CreateMul(result, square), result);
    Value *nextSquare = f.CreateMul(square, square);
    Value *nextLeft = f.CreateLShr(left, one);
    result->addIncoming(one, before), result->addIncoming(next, loop);
    square->addIncoming(base, before), square->addIncoming(nextSquare, loop);
    left->addIncoming(power, before), left->addIncoming(nextLeft, loop);
    f.CreateCondBr(f.CreateICmpEQ(nextLeft, zero), done, loop);
    f.SetInsertPoint(done);
    f.CreateRet(next);
  }
  unsigned lanes = lanesOf(x);
  if (lanes == 1) return b.CreateCall(function, {x, y});
  Value *result = llvm::PoisonValue::get(x->getType());
  for (unsigned i = 0; i < lanes; ++i)
    result = b.CreateInsertElement(
        result,
        b.CreateCall(function, {b.CreateExtractElement(x, i), b.CreateExtractElement(y, i)}), i);
  return result;
}

} // namespace

unsigned ExprEmitter::lanesFor(const EmitContext &ctx, const Kernel &kernel) {
  unsigned lanes = ctx.lanes(DType::Float32);
  auto limit = [&](DType dtype) {
    if (dtype != DType::Invalid) lanes = std::min(lanes, ctx.lanes(dtype));
  };
  limit(kernel.store.dtype);
  limit(kernel.accumulator);
  for (auto &[load, access] : kernel.loads) limit(access.dtype);
  for (auto &[value, access] : kernel.further) limit(access.dtype);
  return lanes;
}

bool ExprEmitter::varies(const Expr *e) {
  auto known = varies_.find(e);
  if (known != varies_.end()) return known->second;
  bool result = false;
  if (vectorLoop < 0) {
    result = false;
  } else if (e->kind == ExprKind::Index) {
    result = kernel_.indexLoop.at(e->integer) == vectorLoop;
  } else if (e->kind == ExprKind::Acc) {
    result = lanes > 1;
  } else if (e->kind == ExprKind::Load) {
    const LinearIndex &at = kernel_.loads.at(e).at;
    result = !at.coefficients[vectorLoop].is(0);
    for (auto &[rest, factor] : at.rest) result |= varies(rest);
  } else {
    for (const Expr *arg : e->args) result |= varies(arg);
  }
  varies_[e] = result;
  return result;
}

void ExprEmitter::hoist(std::span<const Expr *const> roots) {
  // Only what is not under a reduction's own loops may be hoisted: the caller sees to it that all
  // loops but the vectorised one have their numbers.
  visitOnce(roots, [&](const Expr *e) {
    if (e->kind == ExprKind::Const || e->kind == ExprKind::Acc || varies(e)) return;
    emit(e);
  });
  hoisted_.insert(emitted_.begin(), emitted_.end());
  emitted_.clear();
}

Value *ExprEmitter::emit(const Expr *e) {
  if (auto known = hoisted_.find(e); known != hoisted_.end()) return known->second;
  if (auto known = emitted_.find(e); known != emitted_.end()) return known->second;
  Value *value = compute(e);
  emitted_[e] = value;
  return value;
}

Value *ExprEmitter::emitLanes(const Expr *e) {
  Value *value = emit(e);
  return lanesOf(value) == lanes ? value : ctx_.splat(value, lanes);
}

Value *ExprEmitter::indexLanes(int loop) {
  auto &b = ctx_.b;
  if (loop < 0) return ctx_.i64(0);
  if (loop != vectorLoop || lanes == 1) return loops[loop];
  std::vector<uint64_t> numbers(lanes);
  for (unsigned i = 0; i < lanes; ++i) numbers[i] = i;
  return b.CreateAdd(ctx_.splat(loops[loop], lanes),
                     llvm::ConstantDataVector::get(ctx_.context, numbers));
}

Value *ExprEmitter::offset(const LinearIndex &index) {
  auto &b = ctx_.b;
  Value *sum = ctx_.dim(index.constant);
  for (size_t k = 0; k < index.coefficients.size(); ++k) {
    if (index.coefficients[k].is(0)) continue;
    sum = b.CreateAdd(sum, b.CreateMul(loops[k], ctx_.dim(index.coefficients[k])));
  }
  for (auto &[rest, factor] : index.rest)
    if (!varies(rest)) sum = b.CreateAdd(sum, b.CreateMul(emit(rest), ctx_.dim(factor)));
  return sum;
}

Value *ExprEmitter::address(const Access &access) {
  return ctx_.element(access.dtype, ctx_.buffer(access.slot), offset(access.at));
}

Value *ExprEmitter::emitLoad(const Expr *e) {
  auto &b = ctx_.b;
  const Access &access = kernel_.loads.at(e);
  Value *base = ctx_.buffer(access.slot);
  Value *first = offset(access.at);
  if (!varies(e)) return ctx_.load(access.dtype, ctx_.element(access.dtype, base, first));
  bool linear = true;
  for (auto &[rest, factor] : access.at.rest) linear &= !varies(rest);
  Dim step = access.at.coefficients[vectorLoop];
  if (lanes == 1) {
    Value *at = first;
    for (auto &[rest, factor] : access.at.rest)
      if (varies(rest)) at = b.CreateAdd(at, b.CreateMul(emit(rest), ctx_.dim(factor)));
    return ctx_.load(access.dtype, ctx_.element(access.dtype, base, at));
  }
  if (linear && step.is(1))
    return ctx_.load(access.dtype, ctx_.element(access.dtype, base, first), lanes, mask);
  if (linear && step.is(-1) && !mask) {
    Value *lowest = b.CreateSub(first, ctx_.i64(lanes - 1));
    Value *loaded = b.CreateAlignedLoad(ctx_.memoryType(access.dtype, lanes),
                                        ctx_.element(access.dtype, base, lowest), llvm::Align(1));
    return ctx_.toRegister(access.dtype, b.CreateVectorReverse(loaded));
  }
  // Lane by lane.
  std::vector<uint64_t> numbers(lanes);
  for (unsigned i = 0; i < lanes; ++i) numbers[i] = i;
  Value *at = ctx_.splat(first, lanes);
  if (!step.is(0))
    at = b.CreateAdd(at, b.CreateMul(llvm::ConstantDataVector::get(ctx_.context, numbers),
                                     ctx_.splat(ctx_.dim(step), lanes)));
  for (auto &[rest, factor] : access.at.rest)
    if (varies(rest))
      at = b.CreateAdd(at, b.CreateMul(emit(rest), ctx_.splat(ctx_.dim(factor), lanes)));
  auto *type = ctx_.memoryType(access.dtype, lanes);
  if (mask || dtypeSize(access.dtype) >= 4) {
    Value *addresses = b.CreateGEP(ctx_.memoryType(access.dtype), base, at);
    Value *present =
        mask ? mask : llvm::ConstantInt::getTrue(llvm::FixedVectorType::get(b.getInt1Ty(), lanes));
    Value *gathered = b.CreateMaskedGather(type, addresses, llvm::Align(1), present,
                                           llvm::Constant::getNullValue(type));
    return ctx_.toRegister(access.dtype, gathered);
  }
  Value *result = llvm::PoisonValue::get(type);
  for (unsigned i = 0; i < lanes; ++i) {
    Value *address = ctx_.element(access.dtype, base, b.CreateExtractElement(at, i));
    result = b.CreateInsertElement(
        result, b.CreateAlignedLoad(ctx_.memoryType(access.dtype), address, llvm::Align(1)), i);
  }
  return ctx_.toRegister(access.dtype, result);
}

Value *ExprEmitter::emitCast(const Expr *e) {
  auto &b = ctx_.b;
  const Expr *from = e->args[0];
  Value *x = emit(from);
  unsigned n = lanesOf(x);
  DType to = e->dtype, source = from->dtype;
  auto *type = ctx_.registerType(to, n);
  if (to == DType::Bool)
    return isFloating(source) ? b.CreateFCmpUNE(x, llvm::Constant::getNullValue(x->getType()))
                              : b.CreateICmpNE(x, llvm::Constant::getNullValue(x->getType()));
  if (source == DType::Bool)
    return isFloating(to) ? b.CreateUIToFP(x, type) : b.CreateZExt(x, type);
  if (isFloating(source) && isFloating(to)) {
    if (isNarrowFloat(to) && source == DType::Float64) {
      // Rounded to odd first, so that rounding twice gives what rounding once would.
      auto *i32 = ctx_.memoryType(DType::Int32, n);
      auto constant = [&](int64_t v) { return llvm::ConstantInt::get(i32, v, true); };
      Value *near = b.CreateFPTrunc(x, type);
      Value *back = b.CreateFPExt(near, x->getType());
      Value *bits = b.CreateBitCast(near, i32);
      Value *even = b.CreateICmpEQ(b.CreateAnd(bits, constant(1)), constant(0));
      Value *fix = b.CreateAnd(even, b.CreateFCmpONE(back, x));
      Value *below = b.CreateFCmpOLT(b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, back),
                                     b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x));
      Value *odd = b.CreateAdd(bits, b.CreateSelect(below, constant(1), constant(-1)));
      x = b.CreateBitCast(b.CreateSelect(fix, odd, bits), type);
    } else {
      x = b.CreateFPCast(x, type);
    }
    return x;
  }
  if (isFloating(to)) {
    bool wide = isNarrowFloat(to) && dtypeSize(source) > 2;
    auto *first = wide ? ctx_.registerType(DType::Float64, n) : type;
    Value *made = isSigned(source) ? b.CreateSIToFP(x, first) : b.CreateUIToFP(x, first);
    return b.CreateFPCast(made, type);
  }
  if (!isFloating(source)) return b.CreateIntCast(x, type, isSigned(source));
  // What does not fit gives the nearest number, NaN 0.
  auto kind = isSigned(to) ? llvm::Intrinsic::fptosi_sat : llvm::Intrinsic::fptoui_sat;
  return b.CreateIntrinsic(kind, {type, x->getType()}, {x});
}

Value *ExprEmitter::emitUnary(const Expr *e, Value *x) {
  auto &b = ctx_.b;
  DType dtype = e->args[0]->dtype;
  bool floating = isFloating(dtype);
  auto *zero = llvm::Constant::getNullValue(x->getType());
  switch (e->kind) {
  case ExprKind::Neg:
    return floating ? b.CreateFNeg(x) : b.CreateNeg(x);
  case ExprKind::Abs:
    if (floating) return b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x);
    if (!isSigned(dtype)) return x;
    return b.CreateSelect(b.CreateICmpSLT(x, zero), b.CreateNeg(x), x);
  case ExprKind::Sign:
    if (floating) {
      Value *below =
          b.CreateSelect(b.CreateFCmpOLT(x, zero), llvm::ConstantFP::get(x->getType(), -1), x);
      return b.CreateSelect(b.CreateFCmpOGT(x, zero), llvm::ConstantFP::get(x->getType(), 1),
                            below);
    }
    if (!isSigned(dtype)) return b.CreateZExt(b.CreateICmpNE(x, zero), x->getType());
    return b.CreateSub(b.CreateZExt(b.CreateICmpSGT(x, zero), x->getType()),
                       b.CreateZExt(b.CreateICmpSLT(x, zero), x->getType()));
  case ExprKind::Not:
    return b.CreateNot(x);
  case ExprKind::IsNan:
    return b.CreateFCmpUNO(x, x);
  case ExprKind::IsInf:
    return b.CreateFCmpOEQ(b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x),
                           llvm::ConstantFP::getInfinity(x->getType()));
  case ExprKind::IsFinite:
    return b.CreateFCmpOLT(b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x),
                           llvm::ConstantFP::getInfinity(x->getType()));
  case ExprKind::Floor:
  case ExprKind::Ceil:
  case ExprKind::Round:
    if (!floating) return x;
    [[fallthrough]];
  default:
    return emitMath(ctx_, e->kind, x);
  }
}

Value *ExprEmitter::emitBinary(const Expr *e, Value *x, Value *y) {
  auto &b = ctx_.b;
  DType dtype = e->args[0]->dtype;
  bool floating = isFloating(dtype);
  switch (e->kind) {
  case ExprKind::Add:
    return floating ? b.CreateFAdd(x, y) : b.CreateAdd(x, y);
  case ExprKind::Sub:
    return floating ? b.CreateFSub(x, y) : b.CreateSub(x, y);
  case ExprKind::Mul:
    return floating ? b.CreateFMul(x, y) : b.CreateMul(x, y);
  case ExprKind::Div:
    return b.CreateFDiv(x, y);
  case ExprKind::FloorDiv:
  case ExprKind::FloorMod:
  case ExprKind::TruncDiv:
  case ExprKind::TruncMod:
    if (!floating) return emitIntegerDivision(b, e->kind, dtype, x, y);
    if (e->kind == ExprKind::FloorDiv)
      return b.CreateUnaryIntrinsic(llvm::Intrinsic::floor, b.CreateFDiv(x, y));
    if (e->kind == ExprKind::TruncDiv)
      return b.CreateUnaryIntrinsic(llvm::Intrinsic::trunc, b.CreateFDiv(x, y));
    {
      Value *r = b.CreateFRem(x, y);
      if (e->kind == ExprKind::TruncMod) return r;
      auto *zero = llvm::Constant::getNullValue(x->getType());
      Value *differs = b.CreateICmpNE(b.CreateFCmpOLT(r, zero), b.CreateFCmpOLT(y, zero));
      Value *adjust = b.CreateAnd(b.CreateFCmpUNE(r, zero), differs);
      return b.CreateSelect(adjust, b.CreateFAdd(r, y), r);
    }
  case ExprKind::Pow:
    return floating ? emitPow(ctx_, x, y) : emitIntegerPower(ctx_, dtype, x, y);
  case ExprKind::Atan2:
    return emitAtan2(ctx_, x, y);
  case ExprKind::Max:
  case ExprKind::Min:
    return emitExtreme(b, dtype, e->kind == ExprKind::Max, x, y);
  case ExprKind::Eq:
    return floating ? b.CreateFCmpOEQ(x, y) : b.CreateICmpEQ(x, y);
  case ExprKind::Ne:
    return floating ? b.CreateFCmpUNE(x, y) : b.CreateICmpNE(x, y);
  case ExprKind::Lt:
    return floating ? b.CreateFCmpOLT(x, y)
                    : (isSigned(dtype) ? b.CreateICmpSLT(x, y) : b.CreateICmpULT(x, y));
  case ExprKind::Le:
    return floating ? b.CreateFCmpOLE(x, y)
                    : (isSigned(dtype) ? b.CreateICmpSLE(x, y) : b.CreateICmpULE(x, y));
  case ExprKind::And:
    return b.CreateAnd(x, y);
  case ExprKind::Or:
    return b.CreateOr(x, y);
  case ExprKind::Shl:
    return b.CreateShl(x, y);
  case ExprKind::Shr:
    return isSigned(dtype) ? b.CreateAShr(x, y) : b.CreateLShr(x, y);
  default:
    return b.CreateXor(x, y);
  }
}

Value *ExprEmitter::compute(const Expr *e) {
  auto &b = ctx_.b;
  switch (e->kind) {
  case ExprKind::Const: {
    auto *type = ctx_.registerType(e->dtype);
    if (isFloating(e->dtype)) {
      Value *value = llvm::ConstantFP::get(type, e->number);
      return isNarrowFloat(e->dtype) ? ctx_.toRegister(e->dtype, ctx_.toMemory(e->dtype, value))
                                     : value;
    }
    return llvm::ConstantInt::get(type, e->integer, true);
  }
  case ExprKind::Index:
    return indexLanes(kernel_.indexLoop.at(e->integer));
  case ExprKind::DimValue:
    return ctx_.dim(e->dim);
  case ExprKind::Acc:
    return acc;
  case ExprKind::Load:
    return emitLoad(e);
  default:
    break;
  }
  Value *value;
  if (e->kind == ExprKind::Cast) {
    value = emitCast(e);
  } else {
    std::vector<Value *> args;
    bool vector = varies(e) && lanes > 1;
    for (const Expr *arg : e->args) args.push_back(vector ? emitLanes(arg) : emit(arg));
    if (e->kind == ExprKind::Select) return b.CreateSelect(args[0], args[1], args[2]);
    value = args.size() == 1 ? emitUnary(e, args[0]) : emitBinary(e, args[0], args[1]);
  }
  // What is computed as float32 is rounded to what the type can hold.
  if (isNarrowFloat(e->dtype)) value = ctx_.toRegister(e->dtype, ctx_.toMemory(e->dtype, value));
  return value;
}

// Reductions ----------------------------------------------------------------------------------

Value *emitCombine(EmitContext &ctx, Combiner combiner, DType dtype, Value *x, Value *y) {
  auto &b = ctx.b;
  bool floating = isFloating(dtype);
  switch (combiner) {
  case Combiner::Sum:
    return floating ? b.CreateFAdd(x, y) : b.CreateAdd(x, y);
  case Combiner::Prod:
    return floating ? b.CreateFMul(x, y) : b.CreateMul(x, y);
  case Combiner::Any:
    return b.CreateOr(x, y);
  case Combiner::All:
    return b.CreateAnd(x, y);
  case Combiner::Max:
    return emitExtreme(b, dtype, true, x, y);
  default:
    return emitExtreme(b, dtype, false, x, y);
  }
}

Value *combinerIdentity(EmitContext &ctx, Combiner combiner, DType dtype) {
  auto *type = ctx.registerType(dtype);
  unsigned bits = dtype == DType::Bool ? 1 : dtypeSize(dtype) * 8;
  auto lowest = [&](bool highest) -> Value * {
    if (isFloating(dtype)) return llvm::ConstantFP::getInfinity(type, !highest);
    if (dtype == DType::Bool) return ctx.b.getInt1(highest);
    if (isSigned(dtype))
      return llvm::ConstantInt::get(type, highest ? llvm::APInt::getSignedMaxValue(bits)
                                                  : llvm::APInt::getSignedMinValue(bits));
    return llvm::ConstantInt::get(type, highest ? llvm::APInt::getMaxValue(bits)
                                                : llvm::APInt::getMinValue(bits));
  };
  switch (combiner) {
  case Combiner::Prod:
    return isFloating(dtype) ? llvm::ConstantFP::get(type, 1)
                             : static_cast<Value *>(llvm::ConstantInt::get(type, 1));
  case Combiner::All:
    return ctx.b.getTrue();
  case Combiner::Max:
  case Combiner::ArgMax:
    return lowest(false);
  case Combiner::Min:
  case Combiner::ArgMin:
    return lowest(true);
  default:
    return llvm::Constant::getNullValue(type);
  }
}

} // namespace graphc::lower
