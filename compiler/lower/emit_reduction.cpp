#include "lower/microkernel.h"
#include "lower/schedule.h"

#include <bit>

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

constexpr int64_t sumBlock = 128;
constexpr int64_t wholeVectors = 64; // elements

class ReductionEmitter {
public:
  ReductionEmitter(EmitContext &ctx, const Kernel &kernel)
      : ctx_(ctx), kernel_(kernel), schedule_(scheduleOf(ctx, kernel)), b_(ctx.b) {}

  void emit() {
    if (schedule_.blocks > 1) {
      emitBlocks();
      return;
    }
    emitShared(ctx_, kernel_, schedule_, [&](std::vector<Value *> loops, Value *begin, Value *end) {
      loops_ = std::move(loops);
      reduce(begin, end);
    });
  }

private:
  void reduce(Value *begin, Value *end) {
    if (schedule_.alongReduction)
      along();
    else if (schedule_.vectorLoop >= 0)
      across(begin, end);
    else
      single(loops_);
  }

  /// Each block by itself, shared out to threads, then their results in order.
  void emitBlocks() {
    int64_t blocks = schedule_.blocks;
    Dim outputs(1), rest(1);
    for (size_t k = 0; k < kernel_.loops.size(); ++k) {
      Dim &product = int(k) < kernel_.outer ? outputs : rest;
      product = product * kernel_.loops[k];
    }
    auto *room = ctx_.local(llvm::ArrayType::get(ctx_.memoryType(kernel_.accumulator),
                                                 uint64_t(blocks * outputs.value)));
    room->setAlignment(llvm::Align(64));
    auto all = [&] {
      bool vectors = schedule_.vectorLoop >= 0 && !schedule_.alongReduction;
      loops_.assign(kernel_.loops.size(), nullptr);
      emitNest(ctx_, kernel_, 0, vectors ? kernel_.outer - 1 : kernel_.outer, loops_, [&] {
        reduce(ctx_.i64(0),
               vectors ? ctx_.dim(kernel_.loops[size_t(schedule_.vectorLoop)]) : nullptr);
      });
    };
    // As many blocks at a time as are worth a thread, where that is known at run time only.
    Value *grain = ctx_.i64(1);
    if (!rest.isStatic()) {
      Value *work =
          b_.CreateMul(ctx_.dim(max(rest, Dim(1))), ctx_.i64(outputs.value * elementCost(kernel_)));
      grain = b_.CreateSDiv(ctx_.i64(pieceWork * blocks), work);
      grain = clamp(grain, ctx_.i64(1), ctx_.i64(blocks));
    }
    ctx_.parallel(ctx_.i64(blocks), grain, {room},
                  [&](Value *begin, Value *end, Value *, const Values &captured) {
                    ctx_.loop(begin, end, ctx_.i64(1), [&](Value *block) {
                      Value *length = ctx_.dim(kernel_.loops[size_t(kernel_.outer)]);
                      Value *each = blockLength(length);
                      results_ = ctx_.element(kernel_.accumulator, captured[0],
                                              b_.CreateMul(block, ctx_.i64(outputs.value)));
                      from_ = clamp(b_.CreateMul(block, each), ctx_.i64(0), length);
                      to_ = clamp(b_.CreateAdd(from_, each), ctx_.i64(0), length);
                      all();
                    });
                  });
    // The results of an output's blocks lie `outputs` apart.
    from_ = to_ = nullptr;
    results_ = room;
    combines_ = outputs.value;
    all();
  }

  /// Of the first reduced loop, if it has `length` turns. Whole vectors, where it runs along them.
  Value *blockLength(Value *length) {
    auto roundUp = [&](Value *x, int64_t by) {
      return b_.CreateUDiv(b_.CreateAdd(x, ctx_.i64(by - 1)), ctx_.i64(by));
    };
    Value *each = roundUp(length, schedule_.blocks);
    if (schedule_.vectorLoop != kernel_.outer) return each;
    return b_.CreateMul(roundUp(each, wholeVectors), ctx_.i64(wholeVectors));
  }

  Value *clamp(Value *x, Value *least, Value *most) {
    return ctx_.least(ctx_.most(x, least), most);
  }

  /// Of loop k: those of the block, if it is cut.
  Value *firstOf(int k) { return k == kernel_.outer && from_ ? from_ : ctx_.i64(0); }
  Value *behind(int k) {
    return k == kernel_.outer && to_ ? to_ : ctx_.dim(kernel_.loops[size_t(k)]);
  }

  /// Where a block's result for the emitter's output is.
  Value *resultPlace(const ExprEmitter &emitter) {
    Value *at = ctx_.i64(0);
    for (int k = 0; k < kernel_.outer; ++k)
      at = b_.CreateAdd(b_.CreateMul(at, ctx_.dim(kernel_.loops[size_t(k)])),
                        emitter.loops[size_t(k)]);
    return ctx_.element(kernel_.accumulator, results_, at);
  }

  /// The blocks' results for the emitter's output, combined.
  Value *ofBlocks(ExprEmitter &emitter) {
    Value *place = resultPlace(emitter);
    Values sum = ctx_.loop(ctx_.i64(0), ctx_.i64(schedule_.blocks), ctx_.i64(1),
                           {start(emitter.lanes)}, [&](Value *block, const Values &so) {
                             Value *at = ctx_.element(kernel_.accumulator, place,
                                                      b_.CreateMul(block, ctx_.i64(combines_)));
                             Value *more =
                                 ctx_.load(kernel_.accumulator, at, emitter.lanes, emitter.mask);
                             return Values{combine(so[0], more)};
                           });
    keepRolled(ctx_);
    return sum[0];
  }

  bool isArgument() const { return kernel_.combiner >= Combiner::ArgMax; }

  Value *start(unsigned lanes) {
    return ctx_.splat(combinerIdentity(ctx_, kernel_.combiner, kernel_.accumulator), lanes);
  }
  Value *combine(Value *x, Value *y) {
    return emitCombine(ctx_, kernel_.combiner, kernel_.accumulator, x, y);
  }

  /// Number of the element among those that are reduced together.
  Value *position(const std::vector<Value *> &loops) {
    Value *at = ctx_.i64(0);
    for (size_t k = kernel_.outer; k < kernel_.loops.size(); ++k)
      at = b_.CreateAdd(b_.CreateMul(at, ctx_.dim(kernel_.loops[k])), loops[k]);
    return at;
  }

  /// The reduction's loops [from, end) around `body`, with values that are handed on.
  Values nest(int from, int end, std::vector<Value *> &loops, const Values &initial,
              const std::function<Values(const Values &)> &body) {
    if (from == end) return body(initial);
    Value *length = behind(from);
    auto turns = [&](Value *begin, Value *last, const Values &first) {
      return ctx_.loop(begin, last, ctx_.i64(1), first, [&](Value *i, const Values &values) {
        loops[from] = i;
        return nest(from + 1, end, loops, values, body);
      });
    };
    Dim known = kernel_.loops[from];
    bool sum = kernel_.combiner == Combiner::Sum && isFloating(kernel_.accumulator);
    if (!sum || from + 1 != end || (known.isStatic() && known.value <= 2 * sumBlock))
      return turns(firstOf(from), length, initial);
    // Long sums in blocks: what is lost by rounding grows with their length.
    return ctx_.loop(firstOf(from), length, ctx_.i64(sumBlock), initial,
                     [&](Value *begin, const Values &totals) {
                       Value *rest = b_.CreateSub(length, begin);
                       Value *count = ctx_.least(rest, ctx_.i64(sumBlock));
                       Values zeros;
                       for (Value *total : totals)
                         zeros.push_back(llvm::Constant::getNullValue(total->getType()));
                       Values sums = turns(begin, b_.CreateAdd(begin, count), zeros);
                       for (size_t i = 0; i < sums.size(); ++i)
                         sums[i] = combine(totals[i], sums[i]);
                       return sums;
                     });
  }

  void store(ExprEmitter &emitter, Value *acc) {
    emitter.startTurn();
    if (results_ && !combines_) {
      ctx_.store(kernel_.accumulator, acc, resultPlace(emitter), emitter.mask);
      return;
    }
    emitter.acc = acc;
    Value *value = kernel_.post ? emitter.emitLanes(kernel_.post) : acc;
    ctx_.store(kernel_.store.dtype, value, emitter.address(kernel_.store), emitter.mask);
  }

  /// An element of the output, or `lanes` of them, each summed up one by one.
  void column(ExprEmitter &emitter, int count) {
    std::vector<Value *> base = emitter.loops;
    auto shifted = [&](int u) {
      if (schedule_.vectorLoop >= 0)
        emitter.loops[schedule_.vectorLoop] =
            b_.CreateAdd(base[schedule_.vectorLoop], ctx_.i64(int64_t(u) * emitter.lanes));
    };
    if (combines_) {
      for (int u = 0; u < count; ++u) {
        shifted(u);
        store(emitter, ofBlocks(emitter));
      }
      emitter.loops = base;
      return;
    }
    Values initial;
    for (int u = 0; u < count; ++u) {
      initial.push_back(start(emitter.lanes));
      if (isArgument()) initial.push_back(ctx_.splat(ctx_.i64(0), emitter.lanes));
    }
    std::vector<Value *> loops = emitter.loops;
    Values results =
        nest(kernel_.outer, kernel_.loops.size(), loops, initial, [&](const Values &values) {
          Values next = values;
          for (int u = 0; u < count; ++u) {
            emitter.startTurn();
            emitter.loops = loops;
            shifted(u);
            Value *value = emitter.emitLanes(kernel_.value);
            if (!isArgument()) {
              next[u] = combine(values[u], value);
              continue;
            }
            Value *best = values[2 * u], *at = values[2 * u + 1];
            Value *here = ctx_.splat(position(loops), emitter.lanes);
            Value *better = isBetter(value, best);
            next[2 * u] = b_.CreateSelect(better, value, best);
            next[2 * u + 1] = b_.CreateSelect(better, here, at);
          }
          return next;
        });
    for (int u = 0; u < count; ++u) {
      emitter.loops = base;
      shifted(u);
      store(emitter, isArgument() ? results[2 * u + 1] : results[u]);
    }
    emitter.loops = base;
  }

  Value *isBetter(Value *value, Value *best) {
    bool largest = kernel_.combiner == Combiner::ArgMax;
    DType dtype = kernel_.value->dtype;
    if (isFloating(dtype))
      return largest ? b_.CreateFCmpOGT(value, best) : b_.CreateFCmpOLT(value, best);
    if (isSignedInteger(dtype))
      return largest ? b_.CreateICmpSGT(value, best) : b_.CreateICmpSLT(value, best);
    return largest ? b_.CreateICmpUGT(value, best) : b_.CreateICmpULT(value, best);
  }

  void single(const std::vector<Value *> &loops) {
    ExprEmitter emitter(ctx_, kernel_);
    emitter.loops = loops;
    column(emitter, 1);
  }

  /// Vectors along the output's last dimension.
  void across(Value *begin, Value *end) {
    int64_t lanes = schedule_.lanes, block = lanes * schedule_.unroll;
    ExprEmitter vector(ctx_, kernel_);
    vector.loops = loops_;
    vector.vectorLoop = schedule_.vectorLoop;
    vector.lanes = lanes;
    Value *at = begin;
    auto whole = [&](int64_t step) {
      Value *length = b_.CreateSub(end, at);
      Value *last = b_.CreateAdd(at, b_.CreateAnd(length, ctx_.i64(-step)));
      ctx_.loop(at, last, ctx_.i64(step), [&](Value *i) {
        vector.loops[schedule_.vectorLoop] = i;
        column(vector, step / lanes);
      });
      at = last;
    };
    if (schedule_.unroll > 1) whole(block);
    whole(lanes);
    auto *rest = llvm::dyn_cast<llvm::ConstantInt>(b_.CreateSub(end, at));
    if (rest && rest->isZero()) return;
    if (schedule_.masks) {
      ctx_.ifThen(b_.CreateICmpSLT(at, end), [&] {
        vector.mask = ctx_.firstLanes(lanes, b_.CreateSub(end, at));
        vector.loops[schedule_.vectorLoop] = at;
        column(vector, 1);
      });
    } else {
      ctx_.loop(at, end, ctx_.i64(1), [&](Value *i) {
        std::vector<Value *> loops = loops_;
        loops[schedule_.vectorLoop] = i;
        int vectorLoop = schedule_.vectorLoop;
        schedule_.vectorLoop = -1;
        single(loops);
        schedule_.vectorLoop = vectorLoop;
      });
    }
  }

  /// Vectors along the innermost reduced loop: `unroll` accumulators of `lanes`, then what is left,
  /// then the accumulators and their lanes combined two by two.
  void along() {
    int inner = schedule_.vectorLoop;
    int64_t lanes = schedule_.lanes, unroll = schedule_.unroll;
    bool onesLeft = !schedule_.masks && lanes > 1;
    ExprEmitter vector(ctx_, kernel_), one(ctx_, kernel_);
    vector.loops = one.loops = loops_;
    if (combines_) {
      store(one, ofBlocks(one));
      return;
    }
    vector.vectorLoop = one.vectorLoop = inner;
    vector.lanes = lanes;
    Values initial(unroll, start(lanes));
    if (onesLeft) initial.push_back(start(1));
    std::vector<Value *> loops = loops_;
    Values results = nest(kernel_.outer, inner, loops, initial, [&](const Values &values) {
      Value *length = behind(inner), *at = firstOf(inner);
      Values current = values;
      auto whole = [&](int64_t count) {
        Value *all = b_.CreateSub(length, at);
        Value *last = b_.CreateAdd(at, b_.CreateAnd(all, ctx_.i64(-lanes * count)));
        current = ctx_.loop(at, last, ctx_.i64(lanes * count), current,
                            [&](Value *i, const Values &before) {
                              Values next = before;
                              for (int64_t u = 0; u < count; ++u) {
                                vector.startTurn();
                                vector.loops = loops;
                                vector.loops[inner] = b_.CreateAdd(i, ctx_.i64(u * lanes));
                                next[u] = combine(before[u], vector.emitLanes(kernel_.value));
                              }
                              return next;
                            });
        at = last;
      };
      if (unroll > 1) whole(unroll);
      whole(1);
      auto *rest = llvm::dyn_cast<llvm::ConstantInt>(b_.CreateSub(length, at));
      if (rest && rest->isZero()) return current;
      if (schedule_.masks) {
        // At most one turn; the lanes beyond keep what they have.
        current =
            ctx_.loop(at, length, ctx_.i64(lanes), current, [&](Value *i, const Values &before) {
              Values next = before;
              vector.startTurn();
              vector.loops = loops;
              vector.loops[inner] = i;
              vector.mask = ctx_.firstLanes(lanes, b_.CreateSub(length, i));
              Value *more = combine(before[0], vector.emitLanes(kernel_.value));
              next[0] = lanes == 1 ? more : b_.CreateSelect(vector.mask, more, before[0]);
              vector.mask = nullptr;
              return next;
            });
      } else if (onesLeft) {
        current = ctx_.loop(at, length, ctx_.i64(1), current, [&](Value *i, const Values &before) {
          Values next = before;
          one.startTurn();
          one.loops = loops;
          one.loops[inner] = i;
          next[unroll] = combine(before[unroll], one.emit(kernel_.value));
          return next;
        });
      }
      return current;
    });
    for (int64_t step = 1; step < unroll; step *= 2)
      for (int64_t u = 0; u + step < unroll; u += 2 * step)
        results[u] = combine(results[u], results[u + step]);
    Value *acc = results[0];
    for (int64_t width = lanes; width > 1; width /= 2) {
      std::vector<int> low, high;
      for (int i = 0; i < width / 2; ++i) low.push_back(i), high.push_back(i + width / 2);
      acc = combine(b_.CreateShuffleVector(acc, low), b_.CreateShuffleVector(acc, high));
    }
    if (lanes > 1) acc = b_.CreateExtractElement(acc, uint64_t(0));
    if (onesLeft) acc = combine(acc, results[unroll]);
    ExprEmitter result(ctx_, kernel_);
    result.loops = loops_;
    store(result, acc);
  }

  EmitContext &ctx_;
  const Kernel &kernel_;
  Schedule schedule_;
  llvm::IRBuilder<> &b_;
  std::vector<Value *> loops_;
  // Of blocks:
  Value *from_ = nullptr, *to_ = nullptr; // turns of the first reduced loop
  Value *results_ = nullptr;              // the block's, or all of them
  int64_t combines_ = 0; // results are combined, that lie so many elements apart; else: are made
};

} // namespace

void emitReduction(EmitContext &ctx, const Kernel &kernel) { ReductionEmitter(ctx, kernel).emit(); }

} // namespace graphc::lower
