#include "lower/window.h"

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

constexpr int64_t taskElements = 1 << 16; // elements read that are worth being a task

/// The part of [0, count) for which 0 <= start + i * dilation < size.
void clip(EmitContext &ctx, Value *start, Value *size, Value *count, int64_t dilation,
          Value *&begin, Value *&end) {
  auto &b = ctx.b;
  begin = ctx.most(ctx.ceilDivideSigned(b.CreateNeg(start), dilation), ctx.i64(0));
  end = ctx.least(ctx.ceilDivideSigned(b.CreateSub(size, start), dilation), count);
}

} // namespace

void forWindows(EmitContext &ctx, const WindowSpec &spec, unsigned lanes,
                const std::function<void(const WindowPlace &, const ChannelRun &)> &body) {
  auto &b = ctx.b;
  Value *rows = b.CreateMul(ctx.dim(spec.batch), ctx.dim(spec.outHeight));
  Value *perRow = b.CreateMul(ctx.dim(spec.outWidth), ctx.dim(spec.outChannels));
  perRow = b.CreateMul(perRow, b.CreateMul(ctx.dim(spec.windowHeight), ctx.dim(spec.windowWidth)));
  perRow = ctx.most(perRow, ctx.i64(1));
  Value *grain = b.CreateAdd(b.CreateUDiv(ctx.i64(taskElements), perRow), ctx.i64(1));
  ctx.parallel(rows, grain, {}, [&](Value *begin, Value *end, Value *, const Values &) {
    Value *channels = ctx.dim(spec.outChannels);
    Value *outHeight = ctx.dim(spec.outHeight);
    Value *padTop = ctx.dim(spec.padTop), *padLeft = ctx.dim(spec.padLeft);
    Value *height = ctx.dim(spec.height), *width = ctx.dim(spec.width);
    Value *windowHeight = ctx.dim(spec.windowHeight), *windowWidth = ctx.dim(spec.windowWidth);
    Value *outWidth = ctx.dim(spec.outWidth);
    ctx.loop(begin, end, ctx.i64(1), [&](Value *row) {
      WindowPlace place = {};
      place.batch = b.CreateUDiv(row, outHeight);
      place.y = b.CreateURem(row, outHeight);
      place.top = b.CreateSub(b.CreateMul(place.y, ctx.i64(spec.strideHeight)), padTop);
      clip(ctx, place.top, height, windowHeight, spec.dilationHeight, place.rowBegin, place.rowEnd);
      ctx.loop(ctx.i64(0), outWidth, ctx.i64(1), [&](Value *x) {
        place.x = x;
        place.left = b.CreateSub(b.CreateMul(x, ctx.i64(spec.strideWidth)), padLeft);
        clip(ctx, place.left, width, windowWidth, spec.dilationWidth, place.columnBegin,
             place.columnEnd);
        Value *from = ctx.i64(0);
        auto runs = [&](unsigned vectors) {
          int64_t step = int64_t(vectors) * lanes;
          if (spec.outChannels.isStatic() && spec.outChannels.value < step) return;
          Value *left = b.CreateSub(channels, from);
          Value *to =
              b.CreateAdd(from, b.CreateMul(b.CreateUDiv(left, ctx.i64(step)), ctx.i64(step)));
          ctx.loop(from, to, ctx.i64(step),
                   [&](Value *channel) { body(place, {channel, vectors, lanes, nullptr}); });
          from = to;
        };
        runs(4);
        if (!spec.outChannels.isStatic() || spec.outChannels.value % (int64_t(4) * lanes) >= lanes)
          runs(1);
        if (spec.outChannels.isStatic() && spec.outChannels.value % lanes == 0) return;
        Value *left = b.CreateSub(channels, from);
        if (ctx.target.masks) {
          ctx.ifThen(b.CreateICmpSGT(left, ctx.i64(0)),
                     [&] { body(place, {from, 1, lanes, ctx.firstLanes(lanes, left)}); });
          return;
        }
        // Without masked loads, one by one.
        ctx.loop(from, channels, ctx.i64(1),
                 [&](Value *channel) { body(place, {channel, 1, 1, nullptr}); });
      });
    });
  });
}

} // namespace graphc::lower
