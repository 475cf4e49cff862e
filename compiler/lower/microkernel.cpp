#include "lower/microkernel.h"

#include <llvm/IR/CFG.h>

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

// The order of a tile function's arguments.
enum Argument {
  A,
  AStride,
  B,
  BStride,
  PanelStride,
  Columns,
  K,
  OuterCount,
  OuterA,
  OuterB,
  InnerCount,
  InnerA,
  InnerB,
  Sums,
  Resume,
  ArgumentCount
};

/// Rows of A whose addresses are made from one register and the stride's multiples that x86's
/// addressing knows.
constexpr unsigned rowsPerBase = 3;

class TileEmitter {
public:
  TileEmitter(EmitContext &ctx, const TileShape &shape, llvm::Function *function)
      : ctx_(ctx), b_(ctx.b), shape_(shape), function_(function), lanes_(ctx.lanes(shape.dtype)),
        vector_(ctx.registerType(shape.dtype, lanes_)), scalar_(ctx.registerType(shape.dtype, 1)) {}

  void emit() {
    if (shape_.masked)
      for (unsigned v = 0; v < shape_.vectors; ++v)
        masks_.push_back(ctx_.firstLanes(
            lanes_, b_.CreateSub(argument(Columns), ctx_.i64(int64_t(v) * lanes_))));
    // Carried through the loops: the sums, then the address of B, then those of A.
    Values state = beginning();
    state.push_back(argument(B));
    unsigned bases =
        shape_.left == TileShape::Rows ? (shape_.rows + rowsPerBase - 1) / rowsPerBase : 1;
    for (unsigned i = 0; i < bases; ++i)
      state.push_back(advance(argument(A),
                              i == 0 ? ctx_.i64(0)
                                     : b_.CreateMul(argument(AStride), ctx_.i64(i * rowsPerBase))));
    if (shape_.loops)
      state = loop(argument(OuterCount), argument(OuterA), argument(OuterB), state,
                   [&](const Values &turn) {
                     return loop(argument(InnerCount), argument(InnerA), argument(InnerB), turn,
                                 [&](const Values &inner) { return overK(inner); });
                   });
    else
      state = overK(state);
    for (unsigned i = 0; i < sums(); ++i)
      b_.CreateAlignedStore(state[i], sumAddress(i), vectorAlign());
    b_.CreateRetVoid();
  }

private:
  Value *argument(Argument which) const { return function_->getArg(which); }
  unsigned sums() const { return shape_.rows * shape_.vectors; }
  llvm::Align vectorAlign() const { return llvm::Align(lanes_ * dtypeSize(shape_.dtype)); }
  Value *advance(Value *address, Value *elements) {
    return ctx_.element(shape_.dtype, address, elements);
  }
  Value *sumAddress(unsigned i) { return advance(argument(Sums), ctx_.i64(int64_t(i) * lanes_)); }

  /// The sums' first values.
  Values beginning() {
    auto *from = b_.GetInsertBlock();
    auto *load = llvm::BasicBlock::Create(ctx_.context, "resume", function_);
    auto *start = llvm::BasicBlock::Create(ctx_.context, "start", function_);
    b_.CreateCondBr(argument(Resume), load, start);
    b_.SetInsertPoint(load);
    Values before;
    for (unsigned i = 0; i < sums(); ++i)
      before.push_back(b_.CreateAlignedLoad(vector_, sumAddress(i), vectorAlign()));
    b_.CreateBr(start);
    b_.SetInsertPoint(start);
    Values first;
    for (unsigned i = 0; i < sums(); ++i) {
      auto *phi = b_.CreatePHI(vector_, 2);
      phi->addIncoming(llvm::Constant::getNullValue(vector_), from);
      phi->addIncoming(before[i], load);
      first.push_back(phi);
    }
    return first;
  }

  Values loop(Value *count, Value *aStep, Value *bStep, const Values &initial,
              const std::function<Values(const Values &)> &body) {
    return ctx_.loop(ctx_.i64(0), count, ctx_.i64(1), initial, [&](Value *, const Values &current) {
      Values next = body(current);
      next[sums()] = advance(current[sums()], bStep);
      for (size_t i = sums() + 1; i < next.size(); ++i) next[i] = advance(current[i], aStep);
      return next;
    });
  }

  Values overK(Values state) {
    unsigned turns = unroll();
    Value *k = argument(K), *whole = b_.CreateAnd(k, ctx_.i64(-int64_t(turns)));
    state = ctx_.loop(ctx_.i64(0), whole, ctx_.i64(turns), state,
                      [&](Value *, const Values &current) { return steps(current, turns); });
    if (turns == 1) return state;
    return ctx_.loop(whole, k, ctx_.i64(1), state,
                     [&](Value *, const Values &current) { return steps(current, 1); });
  }

  /// Turns written out one after another: enough that the loop's own instructions do not show, but
  /// not where the next turn's loads, moved up, would push sums out of the registers.
  unsigned unroll() const {
    if (sums() + 2 * shape_.vectors + 3 > ctx_.target.vectorRegisters) return 1;
    return sums() >= 12 ? 2 : sums() >= 6 ? 4 : 8;
  }

  /// How far `k` turns of the innermost loop move in A and in B.
  Value *aOffset(unsigned k) {
    if (shape_.left == TileShape::Columns) return b_.CreateMul(argument(AStride), ctx_.i64(k));
    return ctx_.i64(shape_.left == TileShape::Packed ? k * shape_.rows : k);
  }
  Value *bOffset(unsigned k) {
    if (shape_.packedB) return ctx_.i64(int64_t(k) * shape_.panelVectors * lanes_);
    return b_.CreateMul(argument(BStride), ctx_.i64(k));
  }

  Values steps(Values state, unsigned count) {
    for (unsigned k = 0; k < count; ++k) step(state, k);
    state[sums()] = advance(state[sums()], bOffset(count));
    for (size_t i = sums() + 1; i < state.size(); ++i) state[i] = advance(state[i], aOffset(count));
    return state;
  }

  Value *loadB(Value *row, unsigned v) {
    Value *at = ctx_.i64(int64_t(v % shape_.panelVectors) * lanes_);
    if (unsigned panel = v / shape_.panelVectors)
      at = b_.CreateAdd(at, b_.CreateMul(argument(PanelStride), ctx_.i64(panel)));
    llvm::Align align = shape_.packedB ? vectorAlign() : llvm::Align(1);
    Value *address = advance(row, at);
    if (shape_.masked)
      return b_.CreateMaskedLoad(vector_, address, align, masks_[v],
                                 llvm::Constant::getNullValue(vector_));
    return b_.CreateAlignedLoad(vector_, address, align);
  }

  void step(Values &state, unsigned k) {
    Value *row = advance(state[sums()], bOffset(k));
    Values right;
    for (unsigned v = 0; v < shape_.vectors; ++v) right.push_back(loadB(row, v));
    for (unsigned r = 0; r < shape_.rows; ++r) {
      Value *address;
      if (shape_.left == TileShape::Rows) {
        address = advance(state[sums() + 1 + r / rowsPerBase], aOffset(k));
        if (unsigned beyond = r % rowsPerBase)
          address = advance(address, b_.CreateMul(argument(AStride), ctx_.i64(beyond)));
      } else {
        address = advance(advance(state[sums() + 1], aOffset(k)), ctx_.i64(r));
      }
      Value *element = b_.CreateAlignedLoad(scalar_, address, llvm::Align(1));
      Value *left = ctx_.splat(element, lanes_);
      for (unsigned v = 0; v < shape_.vectors; ++v) {
        Value *&sum = state[r * shape_.vectors + v];
        sum = ctx_.multiplyAdd(left, right[v], sum);
      }
    }
  }

  EmitContext &ctx_;
  llvm::IRBuilder<> &b_;
  const TileShape &shape_;
  llvm::Function *function_;
  unsigned lanes_;
  llvm::Type *vector_;
  llvm::Type *scalar_;
  Values masks_;
};

std::string nameOf(const EmitContext &ctx, const TileShape &shape) {
  std::string name = shape.dtype == DType::Float64 ? "tile_f64_" : "tile_f32_";
  name += std::to_string(shape.rows) + "x" + std::to_string(shape.vectors * ctx.lanes(shape.dtype));
  name += shape.left == TileShape::Rows ? "_r" : shape.left == TileShape::Columns ? "_c" : "_p";
  if (shape.packedB) name += "p";
  if (shape.masked) name += "m";
  if (shape.loops) name += "l";
  if (shape.panelVectors != shape.vectors) name += std::to_string(shape.panelVectors);
  return name + ctx.target.suffix;
}

llvm::Function *tileFunction(EmitContext &ctx, const TileShape &shape) {
  std::string name = nameOf(ctx, shape);
  if (llvm::Function *known = ctx.module.getFunction(name)) return known;
  llvm::Type *i64 = ctx.b.getInt64Ty(), *pointer = ctx.b.getPtrTy();
  std::vector<llvm::Type *> types(ArgumentCount, i64);
  types[A] = types[B] = types[Sums] = pointer;
  types[Resume] = ctx.b.getInt1Ty();
  llvm::Function *function = nullptr;
  auto point = beginShared(ctx, name, types, function);
  for (Argument argument : {A, B, Sums})
    function->addParamAttr(argument, llvm::Attribute::NoCapture);
  TileEmitter(ctx, shape, function).emit();
  ctx.b.restoreIP(point);
  return function;
}

} // namespace

void callTile(EmitContext &ctx, const TileShape &shape, const TileArguments &arguments) {
  llvm::Function *function = tileFunction(ctx, shape);
  Values values(ArgumentCount, nullptr);
  values[A] = arguments.a;
  values[AStride] = arguments.aStride;
  values[B] = arguments.b;
  values[BStride] = arguments.bStride;
  values[PanelStride] = arguments.panelStride;
  values[Columns] = arguments.columns;
  values[K] = arguments.k;
  values[OuterCount] = arguments.outer.count;
  values[OuterA] = arguments.outer.aStep;
  values[OuterB] = arguments.outer.bStep;
  values[InnerCount] = arguments.inner.count;
  values[InnerA] = arguments.inner.aStep;
  values[InnerB] = arguments.inner.bStep;
  values[Sums] = arguments.sums;
  values[Resume] = arguments.resume ? arguments.resume : ctx.b.getFalse();
  for (unsigned i = 0; i < ArgumentCount; ++i)
    if (!values[i]) values[i] = llvm::PoisonValue::get(function->getArg(i)->getType());
  ctx.b.CreateCall(function, values);
}

unsigned tileRows(const Target &target, unsigned vectors) {
  // Registers beside the sums: the vectors of B's row and one or two that hold elements of A. With
  // 16 registers, a processor without fused multiply-add needs one more for the product; where
  // instructions take an element of A from memory, none is needed for it.
  if (target.vectorRegisters >= 32 && !target.operands) {
    static constexpr unsigned rows[] = {0, 14, 12, 8, 6, 4, 4, 3, 2};
    return vectors <= 8 ? rows[vectors] : 1;
  }
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

std::vector<unsigned> tileHeights(unsigned maxRows) {
  std::vector<unsigned> heights = {maxRows};
  unsigned power = 1;
  while (power * 2 < maxRows) power *= 2;
  for (; power >= 1; power /= 2)
    if (power < maxRows) heights.push_back(power);
  return heights;
}

void forTiles(EmitContext &ctx, Value *begin, Value *end, const std::vector<unsigned> &heights,
              const std::function<void(Value *row, unsigned height)> &tile,
              const std::function<void(Value *row, Value *height)> &after) {
  auto &b = ctx.b;
  auto *function = b.GetInsertBlock()->getParent();
  auto block = [&](const char *name) {
    return llvm::BasicBlock::Create(ctx.context, name, function);
  };
  auto *before = b.GetInsertBlock();
  auto *head = block("tiles"), *body = block("tile"), *done = block("tiled"), *exit = block("end");
  b.CreateBr(head);
  b.SetInsertPoint(head);
  auto *row = b.CreatePHI(b.getInt64Ty(), 2);
  row->addIncoming(begin, before);
  Value *left = b.CreateSub(end, row);
  b.CreateCondBr(b.CreateICmpSGT(left, ctx.i64(0)), body, exit);
  b.SetInsertPoint(done);
  auto *height = b.CreatePHI(b.getInt64Ty(), heights.size());
  b.SetInsertPoint(body);
  for (size_t i = 0; i < heights.size(); ++i) {
    // The last height is the one that is left.
    llvm::BasicBlock *lower = nullptr;
    if (i + 1 < heights.size()) {
      auto *fits = block("fits");
      lower = block("lower");
      b.CreateCondBr(b.CreateICmpSGE(left, ctx.i64(heights[i])), fits, lower);
      b.SetInsertPoint(fits);
    }
    tile(row, heights[i]);
    height->addIncoming(ctx.i64(heights[i]), b.GetInsertBlock());
    b.CreateBr(done);
    if (lower) b.SetInsertPoint(lower);
  }
  b.SetInsertPoint(done);
  if (after) after(row, height);
  Value *next = b.CreateAdd(row, height);
  row->addIncoming(next, b.GetInsertBlock());
  b.CreateBr(head);
  b.SetInsertPoint(exit);
}

void keepRolled(EmitContext &ctx) {
  auto *after = ctx.b.GetInsertBlock();
  for (auto *block : llvm::predecessors(after)) {
    // The block before the loop and the loop's last one go to its first one, or on.
    auto *branch = llvm::dyn_cast<llvm::BranchInst>(block->getTerminator());
    if (!branch || !branch->isConditional() || branch->getSuccessor(1) != after) continue;
    auto *index = llvm::dyn_cast<llvm::PHINode>(&branch->getSuccessor(0)->front());
    if (!index || index->getIncomingBlock(1) != block) continue;
    auto *disable = llvm::MDNode::get(ctx.context,
                                      llvm::MDString::get(ctx.context, "llvm.loop.unroll.disable"));
    // A loop's description begins with itself.
    auto *description = llvm::MDNode::getDistinct(ctx.context, {nullptr, disable});
    description->replaceOperandWith(0, description);
    branch->setMetadata(llvm::LLVMContext::MD_loop, description);
  }
}

void forSums(EmitContext &ctx, DType dtype, Value *sums, Value *rows, unsigned vectors,
             Value *columns,
             const std::function<void(Value *row, Value *column, Value *sum, Value *mask)> &store) {
  auto &b = ctx.b;
  unsigned lanes = ctx.lanes(dtype);
  auto *vector = ctx.registerType(dtype, lanes);
  llvm::Align align(lanes * dtypeSize(dtype));
  auto *known = columns ? llvm::dyn_cast<llvm::ConstantInt>(columns) : nullptr;
  Values masks(vectors, nullptr);
  unsigned count = vectors;
  for (unsigned v = 0; columns && v < vectors; ++v) {
    int64_t begin = int64_t(v) * lanes;
    if (known && known->getSExtValue() >= begin + lanes) continue;
    if (known && known->getSExtValue() <= begin) {
      count = v;
      break;
    }
    masks[v] = ctx.firstLanes(lanes, b.CreateSub(columns, ctx.i64(begin)));
  }
  ctx.loop(ctx.i64(0), rows, ctx.i64(1), [&](Value *row) {
    Value *line = ctx.element(dtype, sums, b.CreateMul(row, ctx.i64(int64_t(vectors) * lanes)));
    for (unsigned v = 0; v < count; ++v) {
      Value *column = ctx.i64(int64_t(v) * lanes);
      Value *sum = b.CreateAlignedLoad(vector, ctx.element(dtype, line, column), align);
      store(row, column, sum, masks[v]);
    }
  });
  keepRolled(ctx);
}

} // namespace graphc::lower
