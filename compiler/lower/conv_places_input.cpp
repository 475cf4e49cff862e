// A convolution of places, which its derivative by the input is: each value is spread over the
// output's pixels that see it. For one input channel at a time, whose taps of the filter stay in
// registers, all windows add to a copy of the output with a margin around it, some rows at a time,
// small enough for the first cache.
#include "lower/conv_places.h"
#include "lower/panels.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

constexpr int64_t outputBytes = 24 << 10; // of the copy

class Conv2DOfPlacesEmitter {
public:
  Conv2DOfPlacesEmitter(EmitContext &ctx, const Conv2DSpec &spec)
      : ctx_(ctx), b_(ctx.b), spec_(spec), w_(spec.windows), ins_(spec.channels.value),
        channels_(spec.outChannels.value), rows_(spec.filterHeight.value),
        columns_(spec.filterWidth.value), lanes_(ctx.lanes(spec.dtype)) {
    while (channels_ % lanes_ != 0) lanes_ /= 2;
    int64_t most = placesRegisters(ctx.target), taps = rows_ * columns_;
    int64_t all = channels_ / lanes_;
    for (int64_t vectors = 2; vectors <= all && vectors * taps <= most; ++vectors)
      if (all % vectors == 0) vectors_ = vectors;
    int64_t groups = (taps * vectors_ + most - 1) / most;
    group_ = (taps + groups - 1) / groups;
    pixel_ = vectors_ * lanes_;
    top_ = spec.padTop.value - (rows_ - 1) - w_.padTop;
    left_ = spec.padLeft.value - (columns_ - 1) - w_.padLeft;
    line_ = std::max((w_.columns - 1) * w_.strideWidth + w_.width + columns_ - 1,
                     spec.outWidth.value - left_) *
            pixel_;
    int64_t covered = spec.outHeight.value - top_; // rows from the copy's first to the last wanted
    band_ = 1;
    while (band_ * w_.strideHeight < covered && lines(band_ + 1) * line_ * bytes() <= outputBytes)
      ++band_;
    bands_ = (covered + band_ * w_.strideHeight - 1) / (band_ * w_.strideHeight);
  }

  void emit() {
    int64_t blocks = channels_ / pixel_;
    ctx_.needScratch(lines(band_) * line_ * bytes());
    Value *tasks = b_.CreateMul(ctx_.dim(spec_.batch), i64(blocks));
    ctx_.parallel(tasks, i64(1), {}, [&](Value *begin, Value *end, Value *scratch, const Values &) {
      sums_ = scratch;
      table_ = placesTable(ctx_, w_, line_, pixel_);
      ctx_.loop(begin, end, i64(1), [&](Value *task) {
        image_ = b_.CreateUDiv(task, i64(blocks));
        channel_ = b_.CreateMul(b_.CreateURem(task, i64(blocks)), i64(pixel_));
        zero(i64(0), i64(lines(band_) * line_));
        ctx_.loop(i64(0), i64(bands_), i64(1), [&](Value *band) { overBand(band); });
      });
    });
  }

private:
  Value *i64(int64_t value) { return ctx_.i64(value); }
  int64_t bytes() const { return dtypeSize(spec_.dtype); }
  Value *element(Value *base, Value *index) { return ctx_.element(spec_.dtype, base, index); }
  /// Rows of the copy that `rows` rows of windows add to, or that are done with them.
  int64_t lines(int64_t rows) const {
    return std::max((rows - 1) * w_.strideHeight + w_.height + rows_ - 1, rows * w_.strideHeight);
  }
  void zero(Value *begin, Value *end) {
    bool whole = line_ % int64_t(ctx_.lanes(spec_.dtype)) == 0;
    copyRun(ctx_, spec_.dtype, nullptr, sums_, begin, end, whole);
  }

  void overBand(Value *band) {
    Value *row = b_.CreateMul(band, i64(band_));
    // Behind the last windows there may be rows of the output that see none.
    Value *rows = ctx_.most(ctx_.least(b_.CreateSub(i64(w_.rows), row), i64(band_)), i64(0));
    Value *window = b_.CreateAdd(b_.CreateMul(image_, i64(w_.rows)), row);
    Value *at = b_.CreateMul(window, i64(w_.columns * ins_));
    int64_t taps = rows_ * columns_;
    for (int64_t tap = 0; tap < taps; tap += group_) {
      auto *function = tileFunction(tap, std::min(tap + group_, taps));
      ctx_.loop(i64(0), i64(ins_), i64(1), [&](Value *in) {
        Value *place = b_.CreateAdd(at, in);
        Value *from = b_.CreateAdd(b_.CreateMul(in, i64(channels_)), channel_);
        b_.CreateCall(function, {sums_, element(ctx_.buffer(spec_.input), place),
                                 ctx_.element(DType::UInt8, ctx_.buffer(spec_.places), place), rows,
                                 element(ctx_.buffer(spec_.filter), from), table_});
      });
    }
    int64_t done = band_ * w_.strideHeight;
    Value *first = b_.CreateAdd(b_.CreateMul(band, i64(done)), i64(top_));
    write(first, ctx_.least(b_.CreateAdd(first, i64(done)), i64(spec_.outHeight.value)));
    if (bands_ == 1) return;
    // What the next windows add to as well.
    int64_t kept = (lines(band_) - done) * line_;
    bool whole = line_ % int64_t(ctx_.lanes(spec_.dtype)) == 0;
    if (kept > 0)
      copyRun(ctx_, spec_.dtype, element(sums_, i64(done * line_)), sums_, i64(0), i64(kept),
              whole);
    zero(i64(kept), i64(lines(band_) * line_));
  }

  /// The function that adds a channel's values times the taps [begin, end) of the filter.
  llvm::Function *tileFunction(int64_t begin, int64_t end) {
    std::string name =
        fmt::format("places_input_f{}_{}x{}_{}x{}_{}to{}_of{}x{}x{}_{}_{}x{}{}", bytes() * 8,
                    lanes_, vectors_, rows_, columns_, begin, end, w_.columns, ins_, channels_,
                    line_, w_.strideHeight, w_.strideWidth, ctx_.target.suffix);
    llvm::Function *function = ctx_.module.getFunction(name);
    if (function) return function;
    WindowWalk walk;
    auto point = beginTile(ctx_, name, function, walk);
    Values filter;
    for (int64_t tap = begin; tap < end; ++tap)
      for (int64_t v = 0; v < vectors_; ++v) {
        Value *at = i64(tap * ins_ * channels_ + v * lanes_);
        filter.push_back(
            ctx_.load(spec_.dtype, element(function->getArg(tileOwn), at), unsigned(lanes_)));
      }
    walk.rowStep = w_.strideHeight * line_;
    walk.columnStep = w_.strideWidth * pixel_;
    walk.columns = w_.columns;
    walk.channels = ins_;
    walkWindows(
        ctx_, spec_.dtype, walk, {}, [&](unsigned, Value *seen, Value *value, const Values &) {
          Value *factor = ctx_.splat(value, unsigned(lanes_));
          for (int64_t tap = begin; tap < end; ++tap) {
            // The first tap's pixel is the last one to see it.
            int64_t row = rows_ - 1 - tap / columns_, column = columns_ - 1 - tap % columns_;
            for (int64_t v = 0; v < vectors_; ++v) {
              Value *at = element(seen, i64(row * line_ + column * pixel_ + v * lanes_));
              Value *sum = ctx_.load(spec_.dtype, at, unsigned(lanes_));
              Value *by = filter[size_t((tap - begin) * vectors_ + v)];
              ctx_.store(spec_.dtype, ctx_.multiplyAdd(factor, by, sum), at);
            }
          }
          return Values();
        });
    b_.CreateRetVoid();
    b_.restoreIP(point);
    return function;
  }

  /// Rows [begin, end) of the output, of which the copy's first is `begin`; those that there are.
  void write(Value *begin, Value *end) {
    DType stored = spec_.dtype;
    if (spec_.epilogue && spec_.epilogue.stored != DType::Invalid) stored = spec_.epilogue.stored;
    ctx_.loop(ctx_.most(begin, i64(0)), end, i64(1), [&](Value *y) {
      Value *line = b_.CreateMul(b_.CreateSub(y, begin), i64(line_));
      ctx_.loop(i64(0), i64(spec_.outWidth.value), i64(1), [&](Value *x) {
        Value *from = b_.CreateMul(b_.CreateSub(x, i64(left_)), i64(pixel_));
        from = b_.CreateAdd(line, from);
        Value *index = b_.CreateMul(image_, i64(spec_.outHeight.value));
        index = b_.CreateMul(b_.CreateAdd(index, y), i64(spec_.outWidth.value));
        index = b_.CreateMul(b_.CreateAdd(index, x), i64(channels_));
        for (int64_t v = 0; v < vectors_; ++v) {
          Value *sum = ctx_.load(spec_.dtype, element(sums_, b_.CreateAdd(from, i64(v * lanes_))),
                                 unsigned(lanes_));
          Value *channel = b_.CreateAdd(channel_, i64(v * lanes_));
          if (spec_.epilogue)
            sum = spec_.epilogue.apply(ctx_, sum, {image_, y, x, channel}, nullptr);
          Value *to = ctx_.element(stored, ctx_.buffer(spec_.out), b_.CreateAdd(index, channel));
          ctx_.store(stored, sum, to);
        }
      });
    });
  }

  EmitContext &ctx_;
  llvm::IRBuilder<> &b_;
  const Conv2DSpec &spec_;
  const PoolWindows &w_;
  int64_t ins_, channels_; // of the values, of the output
  int64_t rows_, columns_; // of the filter
  int64_t lanes_, vectors_ = 1;
  int64_t group_ = 1;          // taps that a tile holds
  int64_t pixel_ = 0;          // elements of a pixel of the copy
  int64_t line_ = 0;           // of a row of it
  int64_t top_ = 0, left_ = 0; // the output's pixel that it begins with
  int64_t band_ = 1;           // rows of windows that are taken at a time
  int64_t bands_ = 1;
  // Within a task:
  Value *sums_ = nullptr, *table_ = nullptr, *image_ = nullptr, *channel_ = nullptr;
};

} // namespace

void emitConv2DOfPlaces(EmitContext &ctx, const Conv2DSpec &spec) {
  Conv2DOfPlacesEmitter(ctx, spec).emit();
}

} // namespace graphc::lower
