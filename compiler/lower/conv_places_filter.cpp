// A convolution's derivative by its filter, from places: rows (j, c) of a row i of the filter lie
// side by side in the input, and are the lanes. Of one output channel, all of them are sums in
// registers, to which each window adds its value times the part of the input that its element sees.
// The image is copied with its padding first, a band of windows at a time, small enough for the
// first cache.
#include "lower/conv_places.h"
#include "lower/panels.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

constexpr int64_t blockChannels = 16;       // output channels of a task
constexpr int64_t wantedTasks = 16;         // as long as there are images enough
constexpr int64_t sliceProducts = 1 << 17;  // multiplications that are worth being a task
constexpr int64_t slicedElements = 1 << 20; // of the result, in all slices together
constexpr int64_t imageBytes = 24 << 10;    // of a band

class FilterOfPlacesEmitter {
public:
  FilterOfPlacesEmitter(EmitContext &ctx, const Conv2DSpec &spec)
      : ctx_(ctx), b_(ctx.b), spec_(spec), w_(spec.windows), channels_(spec.channels.value),
        outs_(spec.outChannels.value), rows_(spec.filterHeight.value),
        run_(spec.filterWidth.value * channels_), lanes_(ctx.lanes(spec.dtype)) {
    while (lanes_ > 1 && lanes_ / 2 >= run_) lanes_ /= 2;
    vectors_ = (run_ + lanes_ - 1) / lanes_;
    int64_t all = rows_ * vectors_, most = placesRegisters(ctx.target);
    int64_t tiles = (all + most - 1) / most;
    tile_ = (all + tiles - 1) / tiles;
    // Few sums: those of several channels, so that additions need not wait for one another.
    for (unsigned group : {4U, 2U})
      if (group_ == 1 && group * all <= most && outs_ >= group) group_ = group;
    line_ = (((w_.columns - 1) * w_.strideWidth + w_.width - 1) * spec.strideWidth +
             spec.filterWidth.value) *
            channels_;
    band_ = 1;
    while (band_ < w_.rows && lines(band_ + 1) * line_ * bytes() <= imageBytes) ++band_;
    int64_t sums = std::min(blockChannels, outs_) * all * lanes_;
    image_ = (sums + 15) / 16 * 16;
  }

  void emit() {
    int64_t blocks = (outs_ + blockChannels - 1) / blockChannels;
    // Behind the last line a vector may begin that is not full.
    int64_t elements = image_ + lines(band_) * line_ + ctx_.lanes(spec_.dtype);
    ctx_.needScratch(elements * bytes());
    auto task = [&](Value *number, Value *scratch) {
      slice_ = b_.CreateUDiv(number, i64(blocks));
      first_ = b_.CreateMul(b_.CreateURem(number, i64(blocks)), i64(blockChannels));
      count_ = ctx_.least(b_.CreateSub(i64(outs_), first_), i64(blockChannels));
      sums_ = scratch;
      zero(element(scratch, i64(image_ + lines(band_) * line_)), i64(ctx_.lanes(spec_.dtype)));
      zero(scratch, b_.CreateMul(count_, i64(perChannel())));
      Value *batch = ctx_.dim(spec_.batch);
      auto share = [&](Value *of) {
        return b_.CreateUDiv(b_.CreateMul(of, batch), i64(spec_.slices));
      };
      ctx_.loop(share(slice_), share(b_.CreateAdd(slice_, i64(1))), i64(1),
                [&](Value *image) { overBands(image); });
      write();
    };
    ctx_.parallel(i64(spec_.slices * blocks), i64(1), {},
                  [&](Value *begin, Value *end, Value *scratch, const Values &) {
                    table_ = placesTable(ctx_, w_, spec_.strideHeight * line_,
                                         spec_.strideWidth * channels_);
                    ctx_.loop(begin, end, i64(1), [&](Value *number) { task(number, scratch); });
                  });
  }

private:
  Value *i64(int64_t value) { return ctx_.i64(value); }
  int64_t bytes() const { return dtypeSize(spec_.dtype); }
  Value *element(Value *base, Value *index) { return ctx_.element(spec_.dtype, base, index); }
  /// Elements of the sums of an output channel.
  int64_t perChannel() const { return rows_ * vectors_ * lanes_; }
  /// Of the input, below `rows` rows of windows.
  int64_t lines(int64_t rows) const {
    return ((rows - 1) * w_.strideHeight + w_.height - 1) * spec_.strideHeight + rows_;
  }
  void zero(Value *at, Value *count) {
    copyRun(ctx_, spec_.dtype, nullptr, at, i64(0), count, false);
  }

  void overBands(Value *image) {
    Value *bands = i64((w_.rows + band_ - 1) / band_);
    ctx_.loop(i64(0), bands, i64(1), [&](Value *band) {
      Value *row = b_.CreateMul(band, i64(band_));
      Value *rows = ctx_.least(b_.CreateSub(i64(w_.rows), row), i64(band_));
      copyBand(image, row, rows);
      Value *window = b_.CreateAdd(b_.CreateMul(image, i64(w_.rows)), row);
      Value *at = b_.CreateMul(window, i64(w_.columns * outs_));
      overTiles(b_.CreateAdd(at, first_), rows);
    });
  }

  /// The input below windows of `rows` rows from `row` on, zeros where there is no image.
  void copyBand(Value *image, Value *row, Value *rows) {
    int64_t height = spec_.height.value, width = spec_.width.value * channels_;
    Value *top = b_.CreateMul(row, i64(w_.strideHeight * spec_.strideHeight));
    top = b_.CreateSub(top, i64(w_.padTop * spec_.strideHeight + spec_.padTop.value));
    Value *lines = b_.CreateMul(b_.CreateSub(rows, i64(1)), i64(w_.strideHeight));
    lines = b_.CreateMul(b_.CreateAdd(lines, i64(w_.height - 1)), i64(spec_.strideHeight));
    lines = b_.CreateAdd(lines, i64(rows_));
    int64_t left = (w_.padLeft * spec_.strideWidth + spec_.padLeft.value) * channels_;
    int64_t begin = std::min(left, line_);
    int64_t end = std::clamp(left + width, begin, line_);
    auto whole = [&](int64_t count) { return count % int64_t(ctx_.lanes(spec_.dtype)) == 0; };
    ctx_.loop(i64(0), lines, i64(1), [&](Value *line) {
      Value *y = b_.CreateAdd(top, line);
      Value *to = element(sums_, b_.CreateAdd(i64(image_), b_.CreateMul(line, i64(line_))));
      Value *inside = b_.CreateICmpULT(y, i64(height)); // unsigned: also not before the first
      ctx_.ifThenElse(
          inside,
          [&] {
            Value *from = b_.CreateAdd(b_.CreateMul(image, i64(height)), y);
            from = b_.CreateSub(b_.CreateMul(from, i64(width)), i64(left));
            from = element(ctx_.buffer(spec_.input), from);
            auto part = [&](Value *source, int64_t first, int64_t behind) {
              if (first < behind)
                copyRun(ctx_, spec_.dtype, source, to, i64(first), i64(behind),
                        whole(behind - first));
            };
            part(nullptr, 0, begin);
            part(from, begin, end);
            part(nullptr, end, line_);
          },
          [&] { zero(to, i64(line_)); });
    });
  }

  /// Adds what the windows of `rows` rows give; `at`: the first one's value.
  void overTiles(Value *at, Value *rows) {
    int64_t all = rows_ * vectors_;
    for (int64_t sum = 0; sum < all; sum += tile_) {
      int64_t end = std::min(sum + tile_, all);
      auto channels = [&](Value *begin, Value *behind, unsigned group) {
        ctx_.loop(begin, behind, i64(group), [&](Value *channel) {
          Value *place = b_.CreateAdd(at, channel);
          Value *sums = element(sums_, b_.CreateMul(channel, i64(perChannel())));
          ctx_.b.CreateCall(tileFunction(sum, end, group),
                            {element(sums_, i64(image_)), element(ctx_.buffer(spec_.filter), place),
                             ctx_.element(DType::UInt8, ctx_.buffer(spec_.places), place), rows,
                             sums, table_});
        });
      };
      if (group_ == 1) {
        channels(i64(0), count_, 1);
        continue;
      }
      Value *whole = b_.CreateAnd(count_, i64(-int64_t(group_)));
      channels(i64(0), whole, group_);
      if (outs_ % group_ != 0) channels(whole, count_, 1);
    }
  }

  /// The function that adds to sums [begin, end) of each of `group` channels.
  llvm::Function *tileFunction(int64_t begin, int64_t end, unsigned group) {
    std::string name =
        fmt::format("places_filter_f{}_{}x{}_{}to{}_{}_of{}x{}x{}_{}_{}_{}{}", bytes() * 8, lanes_,
                    vectors_, begin, end, group, w_.columns, outs_, line_, rows_, rowStep(),
                    columnStep(), ctx_.target.suffix);
    llvm::Function *function = ctx_.module.getFunction(name);
    if (function) return function;
    WindowWalk walk;
    auto point = beginTile(ctx_, name, function, walk);
    auto sumAt = [&](unsigned out, int64_t sum) {
      return element(function->getArg(tileOwn), i64(out * perChannel() + sum * lanes_));
    };
    Values sums;
    for (unsigned out = 0; out < group; ++out)
      for (int64_t sum = begin; sum < end; ++sum)
        sums.push_back(ctx_.load(spec_.dtype, sumAt(out, sum), unsigned(lanes_)));
    walk.rowStep = rowStep();
    walk.columnStep = columnStep();
    walk.columns = w_.columns;
    walk.channels = outs_;
    walk.outs = group;
    sums = walkWindows(ctx_, spec_.dtype, walk, std::move(sums),
                       [&](unsigned out, Value *seen, Value *value, Values now) {
                         Value *factor = ctx_.splat(value, unsigned(lanes_));
                         for (int64_t sum = begin; sum < end; ++sum) {
                           int64_t at = sum / vectors_ * line_ + sum % vectors_ * lanes_;
                           Value *input =
                               ctx_.load(spec_.dtype, element(seen, i64(at)), unsigned(lanes_));
                           Value *&so = now[size_t(out * (end - begin) + sum - begin)];
                           so = ctx_.multiplyAdd(input, factor, so);
                         }
                         return now;
                       });
    for (unsigned out = 0; out < group; ++out)
      for (int64_t sum = begin; sum < end; ++sum)
        ctx_.store(spec_.dtype, sums[size_t(out * (end - begin) + sum - begin)], sumAt(out, sum));
    b_.CreateRetVoid();
    b_.restoreIP(point);
    return function;
  }

  int64_t rowStep() const { return w_.strideHeight * spec_.strideHeight * line_; }
  int64_t columnStep() const { return w_.strideWidth * spec_.strideWidth * channels_; }

  void write() {
    Value *before = b_.CreateAdd(b_.CreateMul(slice_, i64(outs_)), first_);
    Value *to = element(ctx_.buffer(spec_.out), b_.CreateMul(before, i64(rows_ * run_)));
    Value *all = b_.CreateMul(count_, i64(rows_));
    if (run_ % lanes_ == 0) {
      bool whole = run_ % int64_t(ctx_.lanes(spec_.dtype)) == 0;
      copyRun(ctx_, spec_.dtype, sums_, to, i64(0), b_.CreateMul(all, i64(run_)), whole);
      return;
    }
    ctx_.loop(i64(0), all, i64(1), [&](Value *row) {
      copyRun(ctx_, spec_.dtype, element(sums_, b_.CreateMul(row, i64(vectors_ * lanes_))),
              element(to, b_.CreateMul(row, i64(run_))), i64(0), i64(run_), false);
    });
  }

  EmitContext &ctx_;
  llvm::IRBuilder<> &b_;
  const Conv2DSpec &spec_;
  const PoolWindows &w_;
  int64_t channels_, outs_, rows_;
  int64_t run_; // elements of a row of the filter, of one output channel
  int64_t lanes_, vectors_ = 1;
  int64_t tile_ = 1;   // sums of a channel that a tile holds
  unsigned group_ = 1; // channels of a tile
  int64_t line_ = 0;   // elements of a line of the copied image
  int64_t band_ = 1;   // rows of windows below which the image is copied at a time
  int64_t image_ = 0;  // where the copy begins in the scratch memory, behind the sums
  // Within a task:
  Value *slice_ = nullptr, *first_ = nullptr, *count_ = nullptr, *sums_ = nullptr;
  Value *table_ = nullptr;
};

} // namespace

int64_t backpropFilterOfPlacesSlices(const Conv2DSpec &spec) {
  int64_t taps = spec.filterHeight.value * spec.filterWidth.value * spec.channels.value;
  int64_t elements = std::max<int64_t>(1, taps * spec.outChannels.value);
  int64_t blocks = (spec.outChannels.value + blockChannels - 1) / blockChannels;
  int64_t slices = (wantedTasks + blocks - 1) / std::max<int64_t>(1, blocks);
  slices = std::min(slices, slicedElements / elements);
  if (spec.batch.isStatic()) {
    slices = std::min(slices, spec.batch.value);
    Dim products = spec.batch * Dim(spec.windows.rows) * Dim(spec.windows.columns) * Dim(elements);
    if (!products.isOverflow()) slices = std::min(slices, products.value / sliceProducts);
  }
  return std::max<int64_t>(1, slices);
}

void emitConv2DBackpropFilterOfPlaces(EmitContext &ctx, const Conv2DSpec &spec) {
  FilterOfPlacesEmitter(ctx, spec).emit();
}

} // namespace graphc::lower
