#include "lower/pool.h"

#include <limits>

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

WindowSpec windowOf(const PoolSpec &spec) {
  WindowSpec window;
  window.batch = spec.batch;
  window.outHeight = spec.outHeight;
  window.outWidth = spec.outWidth;
  window.outChannels = spec.channels;
  window.height = spec.height;
  window.width = spec.width;
  window.windowHeight = spec.windowHeight;
  window.windowWidth = spec.windowWidth;
  window.strideHeight = spec.strideHeight;
  window.strideWidth = spec.strideWidth;
  window.padTop = spec.padTop;
  window.padLeft = spec.padLeft;
  return window;
}

void storePooled(EmitContext &ctx, const PoolSpec &spec, Value *value, const WindowPlace &place,
                 Value *pixel, Value *channel, Value *mask) {
  DType stored = spec.dtype;
  if (spec.epilogue) {
    value = spec.epilogue.apply(ctx, value, {place.batch, place.y, place.x, channel}, mask);
    if (spec.epilogue.stored != DType::Invalid) stored = spec.epilogue.stored;
  }
  Value *at = ctx.b.CreateAdd(ctx.b.CreateMul(pixel, ctx.dim(spec.channels)), channel);
  ctx.store(stored, value, ctx.element(stored, ctx.buffer(spec.out), at), mask);
}

namespace {

/// The least value of the type, as register form.
llvm::Constant *lowest(EmitContext &ctx, DType dtype, unsigned lanes) {
  auto *type = ctx.registerType(dtype, lanes);
  if (isFloating(dtype)) return llvm::ConstantFP::getInfinity(type, true);
  unsigned bits = dtypeSize(dtype) * 8;
  return llvm::ConstantInt::get(type, isSignedInteger(dtype) ? llvm::APInt::getSignedMinValue(bits)
                                                             : llvm::APInt::getZero(bits));
}

Value *larger(llvm::IRBuilder<> &b, DType dtype, Value *x, Value *so) {
  if (isFloating(dtype)) {
    // A NaN that was met stays: nothing is greater than it; a new one is taken.
    Value *take = b.CreateOr(b.CreateFCmpOGT(x, so), b.CreateFCmpUNO(x, x));
    return b.CreateSelect(take, x, so);
  }
  Value *take = isSignedInteger(dtype) ? b.CreateICmpSGT(x, so) : b.CreateICmpUGT(x, so);
  return b.CreateSelect(take, x, so);
}

/// Whether x, which larger() may take, is the first element to be as it is.
Value *isFirst(llvm::IRBuilder<> &b, DType dtype, Value *x, Value *so) {
  if (isFloating(dtype)) {
    Value *nan = b.CreateAnd(b.CreateFCmpUNO(x, x), b.CreateFCmpORD(so, so));
    return b.CreateOr(b.CreateFCmpOGT(x, so), nan);
  }
  return isSignedInteger(dtype) ? b.CreateICmpSGT(x, so) : b.CreateICmpUGT(x, so);
}

void emitPool(EmitContext &ctx, const PoolSpec &spec, bool maximum) {
  auto &b = ctx.b;
  forWindows(
      ctx, windowOf(spec), ctx.lanes(spec.dtype),
      [&](const WindowPlace &place, const ChannelRun &run) {
        Value *channels = ctx.dim(spec.channels), *width = ctx.dim(spec.width);
        Value *image = b.CreateMul(place.batch, ctx.dim(spec.height));
        auto *type = ctx.registerType(spec.dtype, run.lanes);
        Values first(run.vectors, maximum ? lowest(ctx, spec.dtype, run.lanes)
                                          : llvm::Constant::getNullValue(type));
        bool placed = spec.places >= 0;
        // A tap's number, in all lanes.
        auto number = [&](Value *r, Value *c) {
          Value *tap = b.CreateAdd(b.CreateMul(r, ctx.i64(spec.windowWidth)), c);
          return ctx.splat(b.CreateTrunc(tap, b.getInt32Ty()), run.lanes);
        };
        // Nothing is less than the least value: then it is the first tap's.
        if (placed) first.resize(2 * run.vectors, number(place.rowBegin, place.columnBegin));
        auto add = [&](Value *r, Value *c, Values so) {
          Value *row = b.CreateAdd(image, b.CreateAdd(place.top, r));
          Value *pixel = b.CreateAdd(b.CreateMul(row, width), b.CreateAdd(place.left, c));
          Value *at = b.CreateAdd(b.CreateMul(pixel, channels), run.channel);
          for (unsigned v = 0; v < run.vectors; ++v) {
            Value *here = b.CreateAdd(at, ctx.i64(int64_t(v) * run.lanes));
            Value *x = ctx.load(spec.dtype, ctx.element(spec.dtype, ctx.buffer(spec.input), here),
                                run.lanes, run.mask);
            if (placed) {
              Value *&known = so[run.vectors + v];
              known = b.CreateSelect(isFirst(b, spec.dtype, x, so[v]), number(r, c), known);
            }
            so[v] = maximum ? larger(b, spec.dtype, x, so[v]) : b.CreateFAdd(so[v], x);
          }
          return so;
        };
        Values result = ctx.loop(
            place.rowBegin, place.rowEnd, ctx.i64(1), first, [&](Value *r, const Values &soFar) {
              return ctx.loop(place.columnBegin, place.columnEnd, ctx.i64(1), soFar,
                              [&](Value *c, const Values &values) { return add(r, c, values); });
            });
        Value *pixel = b.CreateMul(place.batch, ctx.dim(spec.outHeight));
        pixel = b.CreateMul(b.CreateAdd(pixel, place.y), ctx.dim(spec.outWidth));
        pixel = b.CreateAdd(pixel, place.x);
        Value *count = nullptr;
        if (!maximum) {
          Value *elements = b.CreateMul(b.CreateSub(place.rowEnd, place.rowBegin),
                                        b.CreateSub(place.columnEnd, place.columnBegin));
          count = ctx.splat(b.CreateSIToFP(elements, ctx.registerType(spec.dtype)), run.lanes);
        }
        for (unsigned v = 0; v < run.vectors; ++v) {
          Value *value = maximum ? result[v] : b.CreateFDiv(result[v], count);
          Value *channel = b.CreateAdd(run.channel, ctx.i64(int64_t(v) * run.lanes));
          if (placed) {
            Value *at = b.CreateAdd(b.CreateMul(pixel, channels), channel);
            Value *bytes =
                b.CreateTrunc(result[run.vectors + v], ctx.memoryType(DType::UInt8, run.lanes));
            ctx.store(DType::UInt8, bytes, ctx.element(DType::UInt8, ctx.buffer(spec.places), at),
                      run.mask);
          }
          if (spec.out >= 0) storePooled(ctx, spec, value, place, pixel, channel, run.mask);
        }
      });
}

} // namespace

void emitMaxPool(EmitContext &ctx, const PoolSpec &spec) { emitPool(ctx, spec, true); }
void emitAvgPool(EmitContext &ctx, const PoolSpec &spec) { emitPool(ctx, spec, false); }

} // namespace graphc::lower
