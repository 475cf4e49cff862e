#include "lower/lines.h"

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

constexpr int64_t taskElements = 1 << 14; // elements that are worth being a task

Value *grainOf(EmitContext &ctx, Value *perLine) {
  auto &b = ctx.b;
  Value *grain = b.CreateUDiv(ctx.i64(taskElements), b.CreateAdd(perLine, ctx.i64(1)));
  return b.CreateAdd(grain, ctx.i64(1));
}

} // namespace

void emitScan(EmitContext &ctx, const LineSpec &spec) {
  auto &b = ctx.b;
  unsigned lanes = ctx.lanes(spec.dtype);
  // Neighbouring lines run side by side in a vector; few of them one by one.
  if (spec.inner.isStatic() && spec.inner.value < lanes) lanes = 1;
  bool floating = isFloating(spec.dtype);
  auto blocksOf = [&] {
    return b.CreateUDiv(b.CreateAdd(ctx.dim(spec.inner), ctx.i64(lanes - 1)), ctx.i64(lanes));
  };
  auto lines = [&](Value *outer, Value *column, unsigned width, Value *mask) {
    Value *size = ctx.dim(spec.size), *inner = ctx.dim(spec.inner);
    auto *type = ctx.registerType(spec.dtype, width);
    llvm::Constant *start = floating ? llvm::ConstantFP::get(type, spec.product ? 1 : 0)
                                     : llvm::ConstantInt::get(type, spec.product ? 1 : 0);
    ctx.loop(ctx.i64(0), size, ctx.i64(1), {start}, [&](Value *k, const Values &before) {
      Value *row = spec.reverse ? b.CreateSub(b.CreateSub(size, ctx.i64(1)), k) : k;
      row = b.CreateAdd(b.CreateMul(outer, size), row);
      Value *at = b.CreateAdd(b.CreateMul(row, inner), column);
      auto address = [&](int slot) { return ctx.element(spec.dtype, ctx.buffer(slot), at); };
      Value *x = ctx.load(spec.dtype, address(spec.input), width, mask), *sum = before[0];
      if (spec.recurrence) {
        // What lies before the first is no 0 that is multiplied: the factor may be infinite.
        Value *factor = ctx.load(spec.dtype, address(spec.factor), width, mask);
        sum = b.CreateFAdd(x, b.CreateFMul(factor, sum));
        sum = b.CreateSelect(b.CreateICmpEQ(k, ctx.i64(0)), x, sum);
      } else if (floating)
        sum = spec.product ? b.CreateFMul(sum, x) : b.CreateFAdd(sum, x);
      else
        sum = spec.product ? b.CreateMul(sum, x) : b.CreateAdd(sum, x);
      ctx.store(spec.dtype, spec.exclusive ? before[0] : sum, address(spec.out), mask);
      return Values{sum};
    });
  };
  Value *tasks = b.CreateMul(ctx.dim(spec.outer), blocksOf());
  Value *grain = grainOf(ctx, b.CreateMul(ctx.dim(spec.size), ctx.i64(lanes)));
  ctx.parallel(tasks, grain, {}, [&](Value *begin, Value *end, Value *, const Values &) {
    ctx.loop(begin, end, ctx.i64(1), [&](Value *task) {
      Value *blocks = blocksOf();
      Value *outer = b.CreateUDiv(task, blocks);
      Value *column = b.CreateMul(b.CreateURem(task, blocks), ctx.i64(lanes));
      if (lanes == 1) return lines(outer, column, 1, nullptr);
      Value *left = b.CreateSub(ctx.dim(spec.inner), column);
      ctx.ifThenElse(
          b.CreateICmpSGE(left, ctx.i64(lanes)), [&] { lines(outer, column, lanes, nullptr); },
          [&] {
            if (ctx.target.masks) return lines(outer, column, lanes, ctx.firstLanes(lanes, left));
            ctx.loop(ctx.i64(0), left, ctx.i64(1),
                     [&](Value *i) { lines(outer, b.CreateAdd(column, i), 1, nullptr); });
          });
    });
  });
}

void emitTopK(EmitContext &ctx, const LineSpec &spec) {
  auto &b = ctx.b;
  ctx.parallel(
      ctx.dim(spec.outer), grainOf(ctx, ctx.dim(spec.size)), {},
      [&](Value *begin, Value *end, Value *, const Values &) {
        Value *size = ctx.dim(spec.size), *most = ctx.dim(spec.count);
        auto place = [&](Value *list, Value *j) { return ctx.element(DType::Int32, list, j); };
        auto larger = [&](Value *x, Value *y) {
          if (isSignedInteger(spec.dtype)) return b.CreateICmpSGT(x, y);
          if (!isFloating(spec.dtype)) return b.CreateICmpUGT(x, y);
          Value *nan = b.CreateAnd(b.CreateFCmpUNO(x, x), b.CreateFCmpORD(y, y));
          return b.CreateOr(b.CreateFCmpOGT(x, y), nan);
        };
        ctx.loop(begin, end, ctx.i64(1), [&](Value *row) {
          Value *line = ctx.element(spec.dtype, ctx.buffer(spec.input), b.CreateMul(row, size));
          Value *list = place(ctx.buffer(spec.out), b.CreateMul(row, most));
          auto listed = [&](Value *j) { // the element whose place is number j of the list
            Value *at = b.CreateSExt(ctx.load(DType::Int32, place(list, j)), b.getInt64Ty());
            return ctx.load(spec.dtype, ctx.element(spec.dtype, line, at));
          };
          // Each element moves up the list past those that are smaller.
          Value *none = b.CreateICmpSLE(most, ctx.i64(0));
          Value *all = b.CreateSelect(none, ctx.i64(0), size);
          ctx.loop(ctx.i64(0), all, ctx.i64(1), [&](Value *i) {
            Value *x = ctx.load(spec.dtype, ctx.element(spec.dtype, line, i));
            Value *last = b.CreateSub(most, ctx.i64(1));
            Value *room = b.CreateICmpSLT(i, most); // the list is not full yet
            Value *from = b.CreateSelect(room, i, last);
            auto insert = [&] {
              auto *function = b.GetInsertBlock()->getParent();
              auto block = [&](const char *name) {
                return llvm::BasicBlock::Create(ctx.context, name, function);
              };
              auto *before = b.GetInsertBlock();
              auto *head = block("up"), *test = block("test"), *move = block("move"),
                   *put = block("put");
              b.CreateBr(head);
              b.SetInsertPoint(head);
              auto *j = b.CreatePHI(b.getInt64Ty(), 2);
              j->addIncoming(from, before);
              b.CreateCondBr(b.CreateICmpSGT(j, ctx.i64(0)), test, put);
              b.SetInsertPoint(test);
              Value *above = b.CreateSub(j, ctx.i64(1));
              b.CreateCondBr(larger(x, listed(above)), move, put);
              b.SetInsertPoint(move);
              ctx.store(DType::Int32, ctx.load(DType::Int32, place(list, above)), place(list, j));
              j->addIncoming(above, b.GetInsertBlock());
              b.CreateBr(head);
              b.SetInsertPoint(put);
              ctx.store(DType::Int32, b.CreateTrunc(i, b.getInt32Ty()), place(list, j));
            };
            ctx.ifThenElse(room, insert, [&] { ctx.ifThen(larger(x, listed(last)), insert); });
          });
        });
      });
}

} // namespace graphc::lower
