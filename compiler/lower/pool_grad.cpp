#include "lower/pool.h"

#include <llvm/IR/Intrinsics.h>

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

/// Where the input's elements are like the window's result, and none before was.
Value *firstLargest(EmitContext &ctx, Value *x, Value *result, Value *done) {
  auto &b = ctx.b;
  Value *same = b.CreateFCmpOEQ(x, result);
  Value *both = b.CreateAnd(b.CreateFCmpUNO(x, x), b.CreateFCmpUNO(result, result));
  return b.CreateAnd(b.CreateOr(same, both), b.CreateNot(done));
}

Value *nothingDone(EmitContext &ctx, unsigned lanes) {
  llvm::Type *type = ctx.b.getInt1Ty();
  if (lanes > 1) type = llvm::FixedVectorType::get(type, lanes);
  return llvm::Constant::getNullValue(type);
}

/// Emits the derivative of max_pool image by image, some channels at a time: windows that overlap
/// add up in a fixed order.
class MaxPoolGradEmitter {
public:
  MaxPoolGradEmitter(EmitContext &ctx, const PoolSpec &spec)
      : ctx_(ctx), b_(ctx.b), spec_(spec), lanes_(ctx.lanes(spec.dtype)),
        stored_(spec.epilogue.stored == DType::Invalid ? spec.dtype : spec.epilogue.stored) {
    const Dim sizes[] = {spec.height, spec.width}, outs[] = {spec.outHeight, spec.outWidth};
    const Dim pads[] = {spec.padTop, spec.padLeft};
    const int64_t windows[] = {spec.windowHeight, spec.windowWidth};
    const int64_t strides[] = {spec.strideHeight, spec.strideWidth};
    for (int i = 0; i < 2; ++i) {
      apart_ &= strides[i] >= windows[i];
      bool known = pads[i].is(0) && sizes[i].isStatic() && outs[i].isStatic();
      inside_[i] = known && (outs[i].value - 1) * strides[i] + windows[i] <= sizes[i].value;
    }
  }

  void emit() {
    int64_t block = 4 * int64_t(lanes_);
    auto blocks = [&] {
      return b_.CreateUDiv(b_.CreateAdd(ctx_.dim(spec_.channels), i64(block - 1)), i64(block));
    };
    Value *tasks = b_.CreateMul(ctx_.dim(spec_.batch), blocks());
    ctx_.parallel(tasks, i64(1), {}, [&](Value *begin, Value *end, Value *, const Values &) {
      ctx_.loop(begin, end, i64(1), [&](Value *task) {
        Value *count = blocks(), *channels = ctx_.dim(spec_.channels);
        first_ = b_.CreateMul(b_.CreateURem(task, count), i64(block));
        Value *behind = b_.CreateAdd(first_, i64(block));
        behind_ = ctx_.least(behind, channels);
        image(b_.CreateUDiv(task, count));
      });
    });
  }

private:
  Value *i64(int64_t value) { return ctx_.i64(value); }

  void image(Value *batch) {
    Value *height = ctx_.dim(spec_.height), *width = ctx_.dim(spec_.width);
    Value *pixels = b_.CreateMul(height, width);
    Value *base = b_.CreateMul(batch, pixels);
    if (!windowsTile(spec_))
      ctx_.loop(i64(0), pixels, i64(1), [&](Value *pixel) {
        overChannels([&](Value *channel, unsigned lanes, Value *mask) {
          auto *zero = llvm::Constant::getNullValue(ctx_.registerType(spec_.dtype, lanes));
          ctx_.store(spec_.dtype, zero, at(spec_.out, b_.CreateAdd(base, pixel), channel), mask);
        });
      });
    Value *outHeight = ctx_.dim(spec_.outHeight), *outWidth = ctx_.dim(spec_.outWidth);
    ctx_.loop(i64(0), outHeight, i64(1), [&](Value *y) {
      Value *rows[2];
      Value *top = clip(0, y, spec_.strideHeight, spec_.padTop, height, spec_.windowHeight, rows);
      ctx_.loop(i64(0), outWidth, i64(1), [&](Value *x) {
        Value *columns[2];
        Value *left =
            clip(1, x, spec_.strideWidth, spec_.padLeft, width, spec_.windowWidth, columns);
        Value *out = b_.CreateMul(b_.CreateAdd(b_.CreateMul(batch, outHeight), y), outWidth);
        out = b_.CreateAdd(out, x);
        overChannels([&](Value *channel, unsigned lanes, Value *mask) {
          Value *result = ctx_.load(spec_.dtype, at(spec_.output, out, channel), lanes, mask);
          Value *grad = ctx_.load(spec_.dtype, at(spec_.grad, out, channel), lanes, mask);
          auto tap = [&](Value *row, Value *column, Value *done) {
            Value *pixel = b_.CreateAdd(base, b_.CreateMul(b_.CreateAdd(top, row), width));
            pixel = b_.CreateAdd(pixel, b_.CreateAdd(left, column));
            Value *value = ctx_.load(spec_.dtype, at(spec_.input, pixel, channel), lanes, mask);
            Value *take = firstLargest(ctx_, value, result, done);
            auto *zero = llvm::Constant::getNullValue(grad->getType());
            Value *given = b_.CreateSelect(take, grad, zero);
            if (spec_.epilogue) {
              Values indices = {batch, b_.CreateAdd(top, row), b_.CreateAdd(left, column), channel};
              given = spec_.epilogue.apply(ctx_, given, indices, mask);
            }
            Value *place = at(spec_.out, pixel, channel);
            if (!apart_) given = b_.CreateFAdd(ctx_.load(stored_, place, lanes, mask), given);
            ctx_.store(stored_, given, place, mask);
            return b_.CreateOr(done, take);
          };
          ctx_.loop(rows[0], rows[1], i64(1), {nothingDone(ctx_, lanes)},
                    [&](Value *row, const Values &before) {
                      return ctx_.loop(columns[0], columns[1], i64(1), before,
                                       [&](Value *column, const Values &done) {
                                         return Values{tap(row, column, done[0])};
                                       });
                    });
        });
      });
    });
  }

  /// The window's first row (or column), and which of its taps lie in the image.
  Value *clip(int axis, Value *place, int64_t stride, Dim pad, Value *size, int64_t window,
              Value *(&taps)[2]) {
    Value *start = b_.CreateSub(b_.CreateMul(place, i64(stride)), ctx_.dim(pad));
    taps[0] = i64(0);
    taps[1] = i64(window);
    if (inside_[axis]) return start;
    Value *before = b_.CreateNeg(start), *behind = b_.CreateSub(size, start);
    taps[0] = ctx_.most(before, i64(0));
    taps[1] = ctx_.least(behind, i64(window));
    return start;
  }

  Value *at(int slot, Value *pixel, Value *channel) {
    Value *index = b_.CreateAdd(b_.CreateMul(pixel, ctx_.dim(spec_.channels)), channel);
    return ctx_.element(slot == spec_.out ? stored_ : spec_.dtype, ctx_.buffer(slot), index);
  }

  /// The task's channels, a vector at a time.
  void overChannels(const std::function<void(Value *channel, unsigned lanes, Value *mask)> &body) {
    Value *count = b_.CreateSub(behind_, first_);
    Value *whole = b_.CreateAdd(first_, b_.CreateAnd(count, i64(-int64_t(lanes_))));
    ctx_.loop(first_, whole, i64(lanes_), [&](Value *c) { body(c, lanes_, nullptr); });
    if (lanes_ == 1 || (spec_.channels.isStatic() && spec_.channels.value % lanes_ == 0)) return;
    if (ctx_.target.masks) {
      Value *left = b_.CreateSub(behind_, whole);
      ctx_.ifThen(b_.CreateICmpSGT(left, i64(0)),
                  [&] { body(whole, lanes_, ctx_.firstLanes(lanes_, left)); });
      return;
    }
    ctx_.loop(whole, behind_, i64(1), [&](Value *c) { body(c, 1, nullptr); });
  }

  EmitContext &ctx_;
  llvm::IRBuilder<> &b_;
  const PoolSpec &spec_;
  unsigned lanes_;
  DType stored_;
  bool apart_ = true;                          // no two windows have an element in common
  bool inside_[2] = {};                        // known: windows lie in the image
  Value *first_ = nullptr, *behind_ = nullptr; // channels of a task
};

} // namespace

bool windowsTile(const PoolSpec &spec) {
  auto tile = [](Dim size, Dim out, Dim pad, int64_t window, int64_t stride) {
    return pad.is(0) && size.isStatic() && out.isStatic() && stride == window &&
           out.value * stride == size.value;
  };
  return tile(spec.height, spec.outHeight, spec.padTop, spec.windowHeight, spec.strideHeight) &&
         tile(spec.width, spec.outWidth, spec.padLeft, spec.windowWidth, spec.strideWidth);
}

void emitMaxPoolGrad(EmitContext &ctx, const PoolSpec &spec) {
  MaxPoolGradEmitter(ctx, spec).emit();
}

void emitMaxPoolGradGrad(EmitContext &ctx, const PoolSpec &spec) {
  auto &b = ctx.b;
  forWindows(ctx, windowOf(spec), ctx.lanes(spec.dtype),
             [&](const WindowPlace &place, const ChannelRun &run) {
               Value *channels = ctx.dim(spec.channels), *width = ctx.dim(spec.width);
               Value *image = b.CreateMul(place.batch, ctx.dim(spec.height));
               Value *pixel = b.CreateMul(place.batch, ctx.dim(spec.outHeight));
               pixel = b.CreateMul(b.CreateAdd(pixel, place.y), ctx.dim(spec.outWidth));
               pixel = b.CreateAdd(pixel, place.x);
               for (unsigned v = 0; v < run.vectors; ++v) {
                 Value *channel = b.CreateAdd(run.channel, ctx.i64(int64_t(v) * run.lanes));
                 auto load = [&](int slot, Value *where) {
                   Value *at = b.CreateAdd(b.CreateMul(where, channels), channel);
                   return ctx.load(spec.dtype, ctx.element(spec.dtype, ctx.buffer(slot), at),
                                   run.lanes, run.mask);
                 };
                 Value *result = load(spec.output, pixel);
                 auto tap = [&](Value *r, Value *c, const Values &before) {
                   Value *row = b.CreateAdd(image, b.CreateAdd(place.top, r));
                   Value *here = b.CreateAdd(b.CreateMul(row, width), b.CreateAdd(place.left, c));
                   Value *take = firstLargest(ctx, load(spec.input, here), result, before[0]);
                   return Values{b.CreateOr(before[0], take),
                                 b.CreateSelect(take, load(spec.grad, here), before[1])};
                 };
                 auto *zero = llvm::Constant::getNullValue(ctx.registerType(spec.dtype, run.lanes));
                 Values found = ctx.loop(
                     place.rowBegin, place.rowEnd, ctx.i64(1), {nothingDone(ctx, run.lanes), zero},
                     [&](Value *r, const Values &before) {
                       return ctx.loop(
                           place.columnBegin, place.columnEnd, ctx.i64(1), before,
                           [&](Value *c, const Values &values) { return tap(r, c, values); });
                     });
                 storePooled(ctx, spec, found[1], place, pixel, channel, run.mask);
               }
             });
}

} // namespace graphc::lower
