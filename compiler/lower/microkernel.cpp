#include "lower/microkernel.h"

#include <llvm/IR/Intrinsics.h>

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

int64_t constantOr(Value *value, int64_t otherwise) {
  auto *constant = llvm::dyn_cast<llvm::ConstantInt>(value);
  return constant ? constant->getSExtValue() : otherwise;
}

class TileEmitter {
public:
  TileEmitter(EmitContext &ctx, const Tile &tile)
      : ctx_(ctx), b_(ctx.b), tile_(tile), lanes_(ctx.lanes(tile.dtype)),
        vector_(ctx.registerType(tile.dtype, lanes_)), scalar_(ctx.registerType(tile.dtype, 1)) {}

  void emit() {
    // Carried through the loops: the sums, then the address of B, then those of A.
    Values state;
    for (unsigned r = 0; r < tile_.rows; ++r)
      for (unsigned v = 0; v < tile_.vectors; ++v)
        state.push_back(tile_.initial ? tile_.initial(r, v)
                                      : llvm::Constant::getNullValue(vector_));
    state.push_back(tile_.b);
    if (tile_.aRows.empty())
      state.push_back(tile_.a);
    else
      state.insert(state.end(), tile_.aRows.begin(), tile_.aRows.end());
    state = loops(0, std::move(state));
    state.resize(sums());
    tile_.finish(state);
  }

private:
  unsigned sums() const { return tile_.rows * tile_.vectors; }

  Value *advance(Value *address, Value *elements) {
    return ctx_.element(tile_.dtype, address, elements);
  }

  Values loops(size_t level, Values state) {
    if (level == tile_.outer.size()) return innermost(std::move(state));
    const TileLoop &loop = tile_.outer[level];
    if (constantOr(loop.count, 0) == 1) return loops(level + 1, std::move(state));
    return ctx_.loop(ctx_.i64(0), loop.count, ctx_.i64(1), state,
                     [&](Value *, const Values &current) {
                       Values next = loops(level + 1, current);
                       next[sums()] = advance(current[sums()], loop.bStep);
                       for (size_t i = sums() + 1; i < next.size(); ++i)
                         next[i] = advance(current[i], loop.aStep);
                       return next;
                     });
  }

  /// Turns of the loop over k written out one after another: enough that the loop's own
  /// instructions do not show.
  unsigned unroll() const { return sums() >= 16 ? 2 : sums() >= 6 ? 4 : 8; }

  Values innermost(Values state) {
    int64_t known = constantOr(tile_.k, -1);
    unsigned turns = unroll();
    if (known >= 0 && known <= 2 * turns) return steps(state, known);
    Value *whole = b_.CreateAnd(tile_.k, ctx_.i64(-int64_t(turns)));
    state = ctx_.loop(ctx_.i64(0), whole, ctx_.i64(turns), state,
                      [&](Value *, const Values &current) { return steps(current, turns); });
    if (known >= 0) return steps(state, known % turns);
    return ctx_.loop(whole, tile_.k, ctx_.i64(1), state,
                     [&](Value *, const Values &current) { return steps(current, 1); });
  }

  /// How far `k` turns of the innermost loop move in A.
  Value *aOffset(unsigned k) {
    return tile_.aStep ? b_.CreateMul(tile_.aStep, ctx_.i64(k)) : ctx_.i64(k);
  }

  /// `count` turns of the innermost loop.
  Values steps(Values state, unsigned count) {
    if (count == 0) return state;
    for (unsigned k = 0; k < count; ++k) step(state, k);
    state[sums()] = advance(state[sums()], b_.CreateMul(tile_.bRowStride, ctx_.i64(count)));
    for (size_t i = sums() + 1; i < state.size(); ++i) state[i] = advance(state[i], aOffset(count));
    return state;
  }

  Value *loadB(Value *row, unsigned v) {
    Value *at = ctx_.i64(int64_t(v) * lanes_);
    if (tile_.panelVectors && v / tile_.panelVectors)
      at = b_.CreateAdd(at, b_.CreateMul(tile_.panelGap, ctx_.i64(v / tile_.panelVectors)));
    Value *address = advance(row, at);
    Value *mask = tile_.bMasks.empty() ? nullptr : tile_.bMasks[v];
    if (mask)
      return b_.CreateMaskedLoad(vector_, address, llvm::Align(tile_.bAlign), mask,
                                 llvm::Constant::getNullValue(vector_));
    return b_.CreateAlignedLoad(vector_, address, llvm::Align(tile_.bAlign));
  }

  void step(Values &state, unsigned k) {
    Value *row = advance(state[sums()], b_.CreateMul(tile_.bRowStride, ctx_.i64(k)));
    Values right;
    for (unsigned v = 0; v < tile_.vectors; ++v) right.push_back(loadB(row, v));
    bool ownRows = !tile_.aRows.empty();
    for (unsigned r = 0; r < tile_.rows; ++r) {
      Value *base = state[sums() + 1 + (ownRows ? r : 0)];
      Value *address =
          advance(advance(base, aOffset(k)), ctx_.i64(ownRows ? 0 : tile_.aRowStride * r));
      Value *element = b_.CreateAlignedLoad(scalar_, address, llvm::Align(1));
      Value *left = ctx_.splat(element, lanes_);
      for (unsigned v = 0; v < tile_.vectors; ++v) {
        Value *&sum = state[r * tile_.vectors + v];
        sum = multiplyAdd(left, right[v], sum);
      }
    }
  }

  Value *multiplyAdd(Value *x, Value *y, Value *sum) {
    if (ctx_.target.fma) return b_.CreateIntrinsic(llvm::Intrinsic::fma, {vector_}, {x, y, sum});
    return b_.CreateFAdd(sum, b_.CreateFMul(x, y));
  }

  EmitContext &ctx_;
  llvm::IRBuilder<> &b_;
  const Tile &tile_;
  unsigned lanes_;
  llvm::Type *vector_;
  llvm::Type *scalar_;
};

} // namespace

void emitTile(EmitContext &ctx, const Tile &tile) { TileEmitter(ctx, tile).emit(); }

unsigned tileRows(const Target &target, unsigned vectors) {
  // Registers beside the sums: the vectors of B's row and one or two that hold elements of A. With
  // 16 registers, a processor without fused multiply-add needs one more for the product.
  if (target.vectorRegisters >= 32) {
    static constexpr unsigned rows[] = {0, 14, 14, 8, 6, 4, 4, 3, 3};
    return vectors <= 8 ? rows[vectors] : 1;
  }
  if (target.fma) {
    static constexpr unsigned rows[] = {0, 8, 6, 4, 2, 2, 1, 1, 1};
    return vectors <= 8 ? rows[vectors] : 1;
  }
  static constexpr unsigned rows[] = {0, 6, 4, 3, 2, 1, 1, 1, 1};
  return vectors <= 8 ? rows[vectors] : 1;
}

unsigned tileVectors(const Target &target, int64_t rows, int64_t columns) {
  unsigned widest = std::min<int64_t>(std::max<int64_t>(columns, 1), 8);
  if (rows == 0) return std::min(widest, 2u);
  // The widest tile that still takes all rows at once.
  for (unsigned vectors = widest; vectors > 2; --vectors)
    if (rows <= tileRows(target, vectors)) return vectors;
  return std::min(widest, 2u);
}

RowTiling tileRowsEvenly(int64_t count, unsigned maxRows) {
  RowTiling tiling;
  if (count <= 0) return tiling;
  tiling.tiles = (count + maxRows - 1) / maxRows;
  tiling.rows = (count + tiling.tiles - 1) / tiling.tiles;
  // Rounding up may leave the last tiles without rows.
  tiling.tiles = (count + tiling.rows - 1) / tiling.rows;
  tiling.lastRows = count - (tiling.tiles - 1) * tiling.rows;
  return tiling;
}

} // namespace graphc::lower
