// Kernels that only move elements, from where they lie in one order to where they lie in another:
// squares of a vector's width are loaded, turned in registers and stored.
#include "lower/schedule.h"
#include "lower/square.h"

namespace graphc::lower {

using llvm::Value;

int transposedLoop(const Kernel &kernel) {
  int inner = int(kernel.loops.size()) - 1;
  if (kernel.form != Kernel::Elementwise || inner < 1 || kernel.value->kind != ExprKind::Load)
    return -1;
  const LinearIndex &at = kernel.loads.at(kernel.value).at;
  const LinearIndex &to = kernel.store.at;
  if (!at.rest.empty() || !to.rest.empty() || !to.coefficients[inner].is(1)) return -1;
  if (at.coefficients[inner].is(0) || at.coefficients[inner].is(1) || at.coefficients[inner].is(-1))
    return -1;
  for (int k = inner; k-- > 0;)
    if (at.coefficients[k].is(1)) return k;
  return -1;
}

void emitTranspose(EmitContext &ctx, const Kernel &kernel, int across) {
  auto &b = ctx.b;
  int inner = int(kernel.loops.size()) - 1;
  const Access &from = kernel.loads.at(kernel.value);
  DType dtype = kernel.store.dtype;
  unsigned width = std::min<unsigned>(ctx.lanes(DType::Float32), ctx.target.vectorBytes / 4);
  width = std::min<unsigned>(width, ctx.lanes(dtype));
  for (int loop : {inner, across})
    while (width > 1 && kernel.loops[loop].isStatic() && kernel.loops[loop].value < width)
      width /= 2;
  width = squareSide(ctx.target, dtypeSize(dtype), width);
  int64_t n = width;

  // All loops but those two, and strips of the one that the input lies along, are shared out.
  std::vector<int> others;
  for (int k = 0; k < inner; ++k)
    if (k != across) others.push_back(k);
  Value *length = ctx.dim(kernel.loops[across]), *columns = ctx.dim(kernel.loops[inner]);
  Value *strips = b.CreateSDiv(b.CreateAdd(length, ctx.i64(n - 1)), ctx.i64(n));
  Value *pieces = strips;
  for (int k : others) pieces = b.CreateMul(pieces, ctx.dim(kernel.loops[k]));
  Value *work = b.CreateMul(columns, ctx.i64(n));
  work = ctx.most(work, ctx.i64(1));
  Value *grain = b.CreateSDiv(ctx.i64(pieceWork), work);
  grain = ctx.most(grain, ctx.i64(1));
  ctx.parallel(
      pieces, grain, {strips},
      [&](Value *begin, Value *end, Value *, const EmitContext::Values &captured) {
        Value *count = captured[0], *rows = ctx.dim(kernel.loops[across]);
        Value *width = ctx.dim(kernel.loops[inner]);
        ctx.loop(begin, end, ctx.i64(1), [&](Value *piece) {
          ExprEmitter emitter(ctx, kernel);
          Value *rest = b.CreateUDiv(piece, count);
          Value *first = b.CreateMul(b.CreateSub(piece, b.CreateMul(rest, count)), ctx.i64(n));
          for (size_t i = others.size(); i-- > 0;) {
            Value *size = ctx.dim(kernel.loops[others[i]]);
            Value *quotient = b.CreateUDiv(rest, size);
            emitter.loops[others[i]] = b.CreateSub(rest, b.CreateMul(quotient, size));
            rest = quotient;
          }
          auto place = [&](const Access &access, Value *row, Value *column) {
            emitter.loops[across] = row;
            emitter.loops[inner] = column;
            return ctx.element(access.dtype, ctx.buffer(access.slot), emitter.offset(access.at));
          };
          auto one = [&](Value *row, Value *column) {
            Value *memory = b.CreateAlignedLoad(ctx.memoryType(dtype), place(from, row, column),
                                                llvm::Align(1));
            b.CreateAlignedStore(memory, place(kernel.store, row, column), llvm::Align(1));
          };
          Value *left = b.CreateSub(rows, first);
          auto singly = [&](Value *from) {
            Value *last = b.CreateAdd(first, ctx.least(left, ctx.i64(n)));
            ctx.loop(from, width, ctx.i64(1), [&](Value *column) {
              ctx.loop(first, last, ctx.i64(1), [&](Value *row) { one(row, column); });
            });
          };
          ctx.ifThenElse(
              b.CreateICmpSGE(left, ctx.i64(n)),
              [&] {
                Value *whole = b.CreateAnd(width, ctx.i64(-n));
                ctx.loop(ctx.i64(0), whole, ctx.i64(n), [&](Value *column) {
                  std::vector<Value *> square;
                  for (int64_t k = 0; k < n; ++k)
                    square.push_back(b.CreateAlignedLoad(
                        ctx.memoryType(dtype, n),
                        place(from, first, b.CreateAdd(column, ctx.i64(k))), llvm::Align(1)));
                  turnSquare(ctx, square);
                  for (int64_t k = 0; k < n; ++k)
                    b.CreateAlignedStore(
                        square[k], place(kernel.store, b.CreateAdd(first, ctx.i64(k)), column),
                        llvm::Align(1));
                });
                singly(whole);
              },
              [&] { singly(ctx.i64(0)); });
        });
      });
}

} // namespace graphc::lower
