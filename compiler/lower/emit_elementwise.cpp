#include "lower/schedule.h"

namespace graphc::lower {

using llvm::Value;

/// Computes the values of the emitter's place and stores them, or adds to what is there. All are
/// read before any is stored: an operand may lie where a result goes.
static void put(EmitContext &ctx, const Kernel &kernel, ExprEmitter &emitter) {
  auto valueOf = [&](const Expr *e) {
    return emitter.vectorLoop < 0 ? emitter.emit(e) : emitter.emitLanes(e);
  };
  DType dtype = kernel.store.dtype;
  std::vector<Value *> further;
  for (auto &[value, access] : kernel.further) further.push_back(valueOf(value));
  Value *value = valueOf(kernel.value);
  Value *address = emitter.address(kernel.store);
  if (kernel.adds) {
    Value *there = ctx.load(dtype, address, emitter.lanes, emitter.mask);
    value = emitCombine(ctx, Combiner::Sum, dtype, there, value);
  }
  ctx.store(dtype, value, address, emitter.mask);
  for (size_t i = 0; i < further.size(); ++i) {
    const Access &access = kernel.further[i].second;
    ctx.store(access.dtype, further[i], emitter.address(access), emitter.mask);
  }
}

void emitElementwise(EmitContext &ctx, const Kernel &kernel) {
  if (int across =
          kernel.adds || kernel.inOrder || !kernel.further.empty() ? -1 : transposedLoop(kernel);
      across >= 0) {
    emitTranspose(ctx, kernel, across);
    return;
  }
  Schedule schedule = scheduleOf(ctx, kernel);
  auto &b = ctx.b;
  emitShared(ctx, kernel, schedule, [&](std::vector<Value *> loops, Value *begin, Value *end) {
    ExprEmitter vector(ctx, kernel);
    vector.loops = loops;
    if (schedule.vectorLoop < 0) {
      put(ctx, kernel, vector);
      return;
    }
    auto turn = [&](ExprEmitter &emitter, Value *at) {
      emitter.startTurn();
      emitter.loops[schedule.vectorLoop] = at;
      put(ctx, kernel, emitter);
    };
    ctx.ifThen(b.CreateICmpSLT(begin, end), [&] {
      vector.vectorLoop = schedule.vectorLoop;
      vector.lanes = schedule.lanes;
      std::vector<const Expr *> roots{kernel.value};
      for (auto &[rest, factor] : kernel.store.at.rest) roots.push_back(rest);
      for (auto &[value, access] : kernel.further) roots.push_back(value);
      vector.hoist(roots);
      Value *lanes = ctx.i64(schedule.lanes);
      Value *length = b.CreateSub(end, begin);
      Value *whole = b.CreateAdd(begin, b.CreateAnd(length, ctx.i64(-int64_t(schedule.lanes))));
      ctx.loop(begin, whole, lanes, [&](Value *at) { turn(vector, at); });
      // Code that can't run is not emitted.
      auto *rest = llvm::dyn_cast<llvm::ConstantInt>(b.CreateSub(end, whole));
      if (rest && rest->isZero()) return;
      if (schedule.masks) {
        ctx.ifThen(b.CreateICmpSLT(whole, end), [&] {
          vector.mask = ctx.firstLanes(schedule.lanes, b.CreateSub(end, whole));
          turn(vector, whole);
          vector.mask = nullptr;
        });
      } else {
        ExprEmitter single(ctx, kernel);
        single.loops = loops;
        single.vectorLoop = schedule.vectorLoop;
        single.lanes = 1;
        ctx.loop(whole, end, ctx.i64(1), [&](Value *at) { turn(single, at); });
      }
    });
  });
}

void emitChecking(EmitContext &ctx, const Kernel &kernel) {
  auto &b = ctx.b;
  std::vector<Value *> loops(kernel.loops.size());
  emitNest(ctx, kernel, 0, kernel.loops.size(), loops, [&] {
    ExprEmitter emitter(ctx, kernel);
    emitter.loops = loops;
    Value *position = ctx.i64(0);
    for (size_t k = 0; k < loops.size(); ++k)
      position = b.CreateAdd(b.CreateMul(position, ctx.dim(kernel.loops[k])), loops[k]);
    Value *value = emitter.emit(kernel.value);
    if (!kernel.limit) {
      ctx.ifThen(value, [&] {
        auto fail = ctx.runtime("graphrt_fail", b.getInt32Ty(),
                                {b.getPtrTy(), b.getInt32Ty(), b.getInt64Ty(), b.getPtrTy()});
        b.CreateCall(fail, {ctx.call(), b.getInt32(4) /* GRAPHRT_OUT_OF_RANGE */, position,
                            ctx.text(kernel.message)});
      });
      return;
    }
    Value *limit = emitter.emit(kernel.limit);
    Value *outside = b.CreateICmpUGE(value, limit);
    ctx.ifThen(outside, [&] {
      auto fail =
          ctx.runtime("graphrt_fail_index", b.getInt32Ty(),
                      {b.getPtrTy(), b.getPtrTy(), b.getInt64Ty(), b.getInt64Ty(), b.getInt64Ty()});
      b.CreateCall(fail, {ctx.call(), ctx.text(kernel.message), position, value, limit});
    });
  });
}

/// Each number from the one before.
static void emitRecurrence(EmitContext &ctx, const Kernel &kernel) {
  ExprEmitter emitter(ctx, kernel);
  emitter.loops.assign(kernel.loops.size(), ctx.i64(0));
  Value *start = emitter.emit(kernel.value), *step = emitter.emit(kernel.limit);
  DType dtype = kernel.store.dtype;
  Value *length = kernel.loops.empty() ? ctx.i64(1) : ctx.dim(kernel.loops[0]);
  ctx.loop(ctx.i64(0), length, ctx.i64(1), {start}, [&](Value *i, const EmitContext::Values &at) {
    Value *address = ctx.element(dtype, ctx.buffer(kernel.store.slot), i);
    Value *memory = ctx.toMemory(dtype, at[0]);
    ctx.b.CreateAlignedStore(memory, address, llvm::Align(1));
    return EmitContext::Values{ctx.b.CreateFAdd(ctx.toRegister(dtype, memory), step)};
  });
}

void emitKernel(EmitContext &ctx, const Kernel &kernel) {
  switch (kernel.form) {
  case Kernel::Elementwise:
    emitElementwise(ctx, kernel);
    break;
  case Kernel::Reduction:
    emitReduction(ctx, kernel);
    break;
  case Kernel::Checking:
    emitChecking(ctx, kernel);
    break;
  case Kernel::Recurrence:
    emitRecurrence(ctx, kernel);
    break;
  }
}

} // namespace graphc::lower
