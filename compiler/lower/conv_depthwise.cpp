#include "lower/conv.h"
#include "lower/window.h"

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

void emitDepthwiseConv2D(EmitContext &ctx, const Conv2DSpec &spec) {
  auto &b = ctx.b;
  WindowSpec window;
  window.batch = spec.batch;
  window.outHeight = spec.outHeight;
  window.outWidth = spec.outWidth;
  window.outChannels = spec.outChannels;
  window.height = spec.height;
  window.width = spec.width;
  window.windowHeight = spec.filterHeight;
  window.windowWidth = spec.filterWidth;
  window.strideHeight = spec.strideHeight;
  window.strideWidth = spec.strideWidth;
  window.dilationHeight = spec.dilationHeight;
  window.dilationWidth = spec.dilationWidth;
  window.padTop = spec.padTop;
  window.padLeft = spec.padLeft;
  auto element = [&](int slot, Value *at) { return ctx.element(spec.dtype, ctx.buffer(slot), at); };
  forWindows(
      ctx, window, ctx.lanes(spec.dtype), [&](const WindowPlace &place, const ChannelRun &run) {
        Value *channels = ctx.dim(spec.channels), *outChannels = ctx.dim(spec.outChannels);
        Value *width = ctx.dim(spec.width), *filterWidth = ctx.dim(spec.filterWidth);
        auto *type = ctx.registerType(spec.dtype, run.lanes);

        // The input's channels of the run: output channel o reads channel o / multiplier.
        bool plain = spec.channels == spec.outChannels;
        Values sources; // of each vector: a number, or a vector of them
        for (unsigned v = 0; v < run.vectors; ++v) {
          Value *channel = b.CreateAdd(run.channel, ctx.i64(int64_t(v) * run.lanes));
          if (!plain) {
            Value *multiplier = b.CreateUDiv(outChannels, channels);
            if (run.lanes > 1) {
              std::vector<uint64_t> numbers(run.lanes);
              for (unsigned i = 0; i < run.lanes; ++i) numbers[i] = i;
              channel = b.CreateAdd(ctx.splat(channel, run.lanes),
                                    llvm::ConstantDataVector::get(ctx.context, numbers));
              multiplier = ctx.splat(multiplier, run.lanes);
            }
            channel = b.CreateUDiv(channel, multiplier);
          }
          sources.push_back(channel);
        }
        auto input = [&](Value *pixel, unsigned v) -> Value * {
          Value *base = element(spec.input, b.CreateMul(pixel, channels));
          if (plain || run.lanes == 1)
            return ctx.load(spec.dtype, ctx.element(spec.dtype, base, sources[v]), run.lanes,
                            run.mask);
          return b.CreateMaskedGather(type, ctx.element(spec.dtype, base, sources[v]),
                                      llvm::Align(1), run.mask, llvm::Constant::getNullValue(type));
        };

        Value *image = b.CreateMul(place.batch, ctx.dim(spec.height));
        auto add = [&](Value *r, Value *c, Values sums) {
          Value *row = b.CreateAdd(place.top, b.CreateMul(r, ctx.i64(spec.dilationHeight)));
          Value *column = b.CreateAdd(place.left, b.CreateMul(c, ctx.i64(spec.dilationWidth)));
          Value *pixel = b.CreateAdd(b.CreateMul(b.CreateAdd(image, row), width), column);
          Value *tap = b.CreateAdd(b.CreateMul(r, filterWidth), c);
          Value *weights = b.CreateAdd(b.CreateMul(tap, outChannels), run.channel);
          for (unsigned v = 0; v < run.vectors; ++v) {
            Value *at = b.CreateAdd(weights, ctx.i64(int64_t(v) * run.lanes));
            Value *weight = ctx.load(spec.dtype, element(spec.filter, at), run.lanes, run.mask);
            Value *x = input(pixel, v);
            sums[v] = ctx.multiplyAdd(x, weight, sums[v]);
          }
          return sums;
        };
        Values first(run.vectors, llvm::Constant::getNullValue(type));
        Values sums = ctx.loop(
            place.rowBegin, place.rowEnd, ctx.i64(1), first, [&](Value *r, const Values &soFar) {
              return ctx.loop(place.columnBegin, place.columnEnd, ctx.i64(1), soFar,
                              [&](Value *c, const Values &values) { return add(r, c, values); });
            });
        Value *pixel = b.CreateMul(place.batch, ctx.dim(spec.outHeight));
        pixel = b.CreateMul(b.CreateAdd(pixel, place.y), ctx.dim(spec.outWidth));
        pixel = b.CreateAdd(pixel, place.x);
        for (unsigned v = 0; v < run.vectors; ++v) {
          Value *value = sums[v];
          Value *channel = b.CreateAdd(run.channel, ctx.i64(int64_t(v) * run.lanes));
          DType stored = spec.dtype;
          if (spec.epilogue) {
            value =
                spec.epilogue.apply(ctx, value, {place.batch, place.y, place.x, channel}, run.mask);
            if (spec.epilogue.stored != DType::Invalid) stored = spec.epilogue.stored;
          }
          Value *at = b.CreateAdd(b.CreateMul(pixel, outChannels), channel);
          ctx.store(stored, value, ctx.element(stored, ctx.buffer(spec.out), at), run.mask);
        }
      });
}

} // namespace graphc::lower
