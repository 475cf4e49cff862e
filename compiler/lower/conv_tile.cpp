#include "lower/conv_tile.h"

#include "lower/microkernel.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

constexpr int64_t widestFilter = 7;
constexpr size_t mostRuns = 3;

class ConvTileEmitter {
public:
  ConvTileEmitter(EmitContext &ctx, const ConvTileShape &shape, llvm::Function *function)
      : ctx_(ctx), b_(ctx.b), shape_(shape), function_(function), lanes_(ctx.lanes(shape.dtype)),
        vector_(ctx.registerType(shape.dtype, lanes_)) {}

  void emit() {
    Values state(sums(), llvm::Constant::getNullValue(vector_));
    state.push_back(function_->getArg(0));
    state.push_back(function_->getArg(2));
    state = ctx_.loop(ctx_.i64(0), function_->getArg(3), ctx_.i64(1), state,
                      [&](Value *, const Values &row) {
                        input_ = row[sums()];
                        filter_ = row[sums() + 1];
                        Values next(row.begin(), row.begin() + sums());
                        next = isShifted() ? overChannels(next, -1) : overTaps(next);
                        next.push_back(at(input_, function_->getArg(1)));
                        int64_t taps = shape_.filterWidth * shape_.channels;
                        next.push_back(at(filter_, ctx_.i64(taps * shape_.filterStride)));
                        return next;
                      });
    llvm::Align align(lanes_ * dtypeSize(shape_.dtype));
    for (unsigned i = 0; i < sums(); ++i)
      b_.CreateAlignedStore(state[i], at(function_->getArg(4), ctx_.i64(int64_t(i) * lanes_)),
                            align);
    b_.CreateRetVoid();
  }

private:
  unsigned sums() const { return shape_.pixels * shape_.vectors; }
  Value *at(Value *base, Value *index) { return ctx_.element(shape_.dtype, base, index); }

  /// Whether all taps of a row of the filter are held in registers, so that an element of the input
  /// is read once for all the pixels that see it.
  bool isShifted() const {
    auto taps = unsigned(shape_.filterWidth);
    unsigned elements = (shape_.pixels + taps - 1 + taps - 1) / taps;
    unsigned spare = ctx_.target.fma ? 0 : 1;
    return shape_.vectors == 1 &&
           shape_.pixels + taps + elements + spare <= ctx_.target.vectorRegisters;
  }

  Values overTaps(Values state) {
    for (int64_t tap = 0; tap < shape_.filterWidth; ++tap) state = overChannels(state, tap);
    return state;
  }

  /// One tap, or (-1) all of them at a time.
  Values overChannels(const Values &state, int64_t tap) {
    if (shape_.channels == 1) return channel(ctx_.i64(0), state, tap);
    return ctx_.loop(ctx_.i64(0), ctx_.i64(shape_.channels), ctx_.i64(1), state,
                     [&](Value *c, const Values &current) { return channel(c, current, tap); });
  }

  Values channel(Value *c, Values state, int64_t tap) {
    int64_t span = int64_t(shape_.pixels) + shape_.filterWidth - 1;
    if (tap >= 0) {
      Values right = taps(c, tap);
      for (int64_t p = tap; p < tap + int64_t(shape_.pixels); ++p)
        if (p >= shape_.left && p < span - shape_.right) add(state, element(c, p), p, tap, right);
      return state;
    }
    std::vector<Values> rows;
    for (int64_t j = 0; j < shape_.filterWidth; ++j) rows.push_back(taps(c, j));
    // Every filterWidth-th pixel, then the ones beside: those change other sums each.
    for (int64_t first = 0; first < shape_.filterWidth; ++first)
      for (int64_t p = first; p < span; p += shape_.filterWidth) {
        if (p < shape_.left || p >= span - shape_.right) continue;
        Value *left = element(c, p);
        for (int64_t j = 0; j < shape_.filterWidth; ++j) add(state, left, p, j, rows[size_t(j)]);
      }
    return state;
  }

  Values taps(Value *c, int64_t tap) {
    Values out;
    Value *row = b_.CreateMul(b_.CreateAdd(c, ctx_.i64(tap * shape_.channels)),
                              ctx_.i64(shape_.filterStride));
    for (unsigned v = 0; v < shape_.vectors; ++v)
      out.push_back(ctx_.load(
          shape_.dtype, at(filter_, b_.CreateAdd(row, ctx_.i64(int64_t(v) * lanes_))), lanes_));
    return out;
  }

  /// The input's element of pixel p, in all lanes.
  Value *element(Value *c, int64_t p) {
    Value *address = at(input_, b_.CreateAdd(c, ctx_.i64(p * shape_.channels)));
    return ctx_.splat(ctx_.load(shape_.dtype, address), lanes_);
  }

  /// Adds to the output's pixel that sees pixel p through the tap, if it is of the tile.
  void add(Values &state, Value *left, int64_t p, int64_t tap, const Values &right) {
    int64_t x = p - tap;
    if (x < 0 || x >= int64_t(shape_.pixels)) return;
    for (unsigned v = 0; v < shape_.vectors; ++v) {
      Value *&sum = state[size_t(x) * shape_.vectors + v];
      sum = ctx_.multiplyAdd(left, right[v], sum);
    }
  }

  EmitContext &ctx_;
  llvm::IRBuilder<> &b_;
  const ConvTileShape &shape_;
  llvm::Function *function_;
  unsigned lanes_;
  llvm::Type *vector_;
  Value *input_ = nullptr, *filter_ = nullptr; // of a row of the filter
};

} // namespace

void callConvTile(EmitContext &ctx, const ConvTileShape &shape,
                  const ConvTileArguments &arguments) {
  std::string name =
      fmt::format("conv_tile_f{}_{}x{}_{}x{}x{}_{}_{}{}", dtypeSize(shape.dtype) * 8, shape.pixels,
                  shape.vectors * ctx.lanes(shape.dtype), shape.filterWidth, shape.channels,
                  shape.filterStride, shape.left, shape.right, ctx.target.suffix);
  llvm::Function *function = ctx.module.getFunction(name);
  if (!function) {
    llvm::Type *i64 = ctx.b.getInt64Ty(), *pointer = ctx.b.getPtrTy();
    auto point = beginShared(ctx, name, {pointer, i64, pointer, i64, pointer}, function);
    for (unsigned i : {0U, 2U, 4U}) {
      function->addParamAttr(i, llvm::Attribute::NoCapture);
      function->addParamAttr(i, llvm::Attribute::NoAlias);
    }
    ConvTileEmitter(ctx, shape, function).emit();
    ctx.b.restoreIP(point);
  }
  ctx.b.CreateCall(function, {arguments.input, arguments.rowStep, arguments.filter, arguments.taps,
                              arguments.sums});
}

std::vector<ConvTileRun> convTileRuns(const Conv2DSpec &spec, unsigned pixels) {
  bool known = spec.width.isStatic() && spec.outWidth.isStatic() && spec.padLeft.isStatic() &&
               spec.filterWidth.isStatic() && spec.channels.isStatic() &&
               spec.outChannels.isStatic() && spec.filterChannels == spec.channels;
  if (!known || spec.strideWidth != 1 || spec.dilationWidth != 1) return {};
  int64_t filter = spec.filterWidth.value, width = spec.width.value;
  if (filter < 2 || filter > widestFilter || spec.outWidth.value < 1 || width < 1 ||
      spec.channels.value < 1)
    return {};
  std::vector<ConvTileRun> runs;
  for (int64_t x = 0; x < spec.outWidth.value; x += pixels) {
    ConvTileRun run;
    run.first = x;
    run.pixels = unsigned(std::min<int64_t>(pixels, spec.outWidth.value - x));
    int64_t begin = x - spec.padLeft.value, end = begin + run.pixels + filter - 1;
    run.left = std::clamp<int64_t>(-begin, 0, end - begin);
    run.right = std::clamp<int64_t>(end - width, 0, end - begin - run.left);
    bool like = !runs.empty() && runs.back().pixels == run.pixels && runs.back().left == run.left &&
                runs.back().right == run.right;
    if (like)
      ++runs.back().count;
    else
      runs.push_back(run);
    if (runs.size() > mostRuns) return {};
  }
  return runs;
}

} // namespace graphc::lower
