#include "lower/schedule.h"

#include <algorithm>
#include <bit>

namespace graphc::lower {

using llvm::Value;

int64_t elementCost(const Kernel &kernel) {
  int64_t cost = 1;
  std::vector<const Expr *> roots = {kernel.value, kernel.post};
  for (auto &[value, access] : kernel.further) roots.push_back(value);
  cost += int64_t(kernel.further.size());
  visitOnce(roots, [&](const Expr *e) {
    if (e->kind >= ExprKind::Exp && e->kind <= ExprKind::Lgamma)
      cost += 8;
    else if (e->kind == ExprKind::Pow || e->kind == ExprKind::Atan2)
      cost += 16;
    else if (e->kind == ExprKind::Load)
      cost += 1;
  });
  return std::max<int64_t>(1, cost / 2);
}

namespace {

Dim productOf(const std::vector<Dim> &loops, size_t from, size_t to) {
  Dim product(1);
  for (size_t i = from; i < to; ++i) product = product * loops[i];
  return product;
}

/// Whether what is read through indices lies elsewhere in each turn of `loop`.
bool restDependsOn(const Kernel &kernel, const LinearIndex &at, int loop) {
  bool found = false;
  for (auto &[rest, factor] : at.rest)
    visitOnce({&rest, 1}, [&](const Expr *e) {
      if (e->kind == ExprKind::Index && kernel.indexLoop.at(e->integer) == loop) found = true;
    });
  return found;
}

/// Whether two turns of the loops may store in one place.
bool mayMeet(const Kernel &kernel) {
  auto &steps = kernel.store.at.coefficients;
  return !kernel.store.at.rest.empty() ||
         std::any_of(steps.begin(), steps.end(), [](Dim step) { return step.is(0); });
}

/// Loads that would have to be gathered lane by lane if `loop` ran along the lanes.
int gathersAlong(const Kernel &kernel, int loop) {
  int gathers = 0;
  for (auto &[load, access] : kernel.loads) {
    Dim step = access.at.coefficients[loop];
    bool gathered = !step.is(0) && !step.is(1) && !step.is(-1);
    gathers += gathered || restDependsOn(kernel, access.at, loop);
  }
  return gathers;
}

/// Lanes for a loop of this length: no wider than it is, where the rest goes one by one.
unsigned fitLanes(unsigned lanes, Dim length, bool masks) {
  if (!length.isStatic() || length.value >= lanes) return lanes;
  if (length.value <= 1) return 1;
  return masks ? std::bit_ceil(uint64_t(length.value)) : std::bit_floor(uint64_t(length.value));
}

constexpr int64_t enoughPieces = 8;
constexpr int64_t mostBlocks = 64;
constexpr int64_t unknownBlocks = 16;    // where sizes are known at run time only
constexpr int64_t blocksBytes = 1 << 14; // of the blocks' results, which lie on the stack

/// Schedule::blocks of a reduction of which all else is known.
int64_t blocksOf(const Kernel &kernel, const Schedule &schedule) {
  size_t outer = size_t(kernel.outer), all = kernel.loops.size();
  if (outer == all || kernel.combiner >= Combiner::ArgMax) return 1;
  Dim outputs = productOf(kernel.loops, 0, outer);
  if (!outputs.isStatic() || outputs.value < 1) return 1;
  int64_t pieces = 1;
  if (schedule.parallelLoops == 0)
    pieces = (kernel.loops[outer - 1].value + 63) / 64;
  else if (schedule.parallelLoops > 0)
    pieces = productOf(kernel.loops, 0, size_t(schedule.parallelLoops)).value;
  if (pieces >= enoughPieces) return 1;
  int64_t size = std::max<int64_t>(4, dtypeSize(kernel.accumulator));
  int64_t blocks = std::min(mostBlocks, blocksBytes / size / outputs.value);
  Dim length = kernel.loops[outer], work = productOf(kernel.loops, 0, all);
  if (length.isStatic()) blocks = std::min(blocks, length.value);
  if (!work.isStatic() || work.isOverflow()) return std::clamp<int64_t>(blocks, 1, unknownBlocks);
  return std::max<int64_t>(1, std::min(blocks, work.value / (pieceWork / elementCost(kernel))));
}

/// All but the blocks.
Schedule shareOut(const EmitContext &ctx, const Kernel &kernel) {
  Schedule schedule;
  int all = kernel.loops.size(), outer = kernel.outer;
  bool reduction = kernel.form == Kernel::Reduction;
  unsigned lanes = ExprEmitter::lanesFor(ctx, kernel);
  schedule.masks = ctx.target.masks;
  if (reduction && all > outer) {
    int inner = all - 1;
    int along = gathersAlong(kernel, inner), across = outer ? gathersAlong(kernel, outer - 1) : 0;
    bool argument = kernel.combiner >= Combiner::ArgMax;
    // Along the output's last dimension if that reads better, else along the reduced one.
    Dim outerLength = outer ? kernel.loops[outer - 1] : Dim(1);
    bool shortOuter = outerLength.isStatic() && outerLength.value < 4;
    if (outer && (across < along || (argument && across <= along)) && !shortOuter) {
      schedule.vectorLoop = outer - 1;
    } else if (!argument) {
      schedule.vectorLoop = inner;
      schedule.alongReduction = true;
    }
  } else if (outer && kernel.store.at.coefficients[outer - 1].is(1) &&
             !restDependsOn(kernel, kernel.store.at, outer - 1)) {
    schedule.vectorLoop = outer - 1; // else the results lie apart: one by one
  }
  if (schedule.vectorLoop >= 0) {
    Dim length = kernel.loops[schedule.vectorLoop];
    schedule.lanes = fitLanes(lanes, length, schedule.masks);
    // What a result is rounded to must not hang on where a piece ends: one by one where the
    // numbers come out alike anyway, which they do.
    if (schedule.alongReduction)
      schedule.unroll = !length.isStatic() || length.value >= 4 * int64_t(schedule.lanes) ? 4 : 1;
    else if (reduction && length.isStatic() && length.value >= int64_t(schedule.lanes))
      schedule.unroll = int(
          std::bit_floor(uint64_t(std::min<int64_t>(4, length.value / int64_t(schedule.lanes)))));
  }
  if (schedule.lanes == 1 && !schedule.alongReduction) schedule.vectorLoop = -1;

  // Threads: over the output's loops, those before the vector loop if it is one of them.
  Dim work = productOf(kernel.loops, 0, all);
  int64_t cost = elementCost(kernel);
  if (outer == 0 || (work.isStatic() && work.value <= pieceWork / cost)) return schedule;
  if ((kernel.adds || kernel.inOrder) && mayMeet(kernel)) {
    // Threads must not meet in one place, and the order of what is added to it is to stay: they
    // share the vector loop, along which places differ.
    if (schedule.vectorLoop >= 0) schedule.parallelLoops = 0;
    return schedule;
  }
  int shareable = schedule.alongReduction || schedule.vectorLoop < 0 ? outer : outer - 1;
  int64_t known = 1;
  int count = 0;
  while (count < shareable && known < 64) {
    known *= kernel.loops[count].isStatic() ? std::max<int64_t>(kernel.loops[count].value, 1) : 64;
    ++count;
  }
  schedule.parallelLoops = known < 4 && shareable < outer && count == shareable ? 0 : count;
  // Cutting the vector loop is only done where it is the only loop of the output.
  if (schedule.parallelLoops == 0 && outer != 1) schedule.parallelLoops = count ? count : -1;
  return schedule;
}

} // namespace

Schedule scheduleOf(const EmitContext &ctx, const Kernel &kernel) {
  Schedule schedule = shareOut(ctx, kernel);
  if (kernel.form == Kernel::Reduction) schedule.blocks = blocksOf(kernel, schedule);
  return schedule;
}

void emitNest(EmitContext &ctx, const Kernel &kernel, int from, int to, std::vector<Value *> &loops,
              const std::function<void()> &body) {
  if (from == to) {
    body();
    return;
  }
  ctx.loop(ctx.i64(0), ctx.dim(kernel.loops[from]), ctx.i64(1), [&](Value *i) {
    loops[from] = i;
    emitNest(ctx, kernel, from + 1, to, loops, body);
  });
}

void emitShared(EmitContext &ctx, const Kernel &kernel, const Schedule &schedule,
                const std::function<void(std::vector<Value *>, Value *, Value *)> &body) {
  auto &b = ctx.b;
  int outer = kernel.outer, shared = schedule.parallelLoops;
  bool vectorOuter = schedule.vectorLoop >= 0 && !schedule.alongReduction;
  int nested = vectorOuter ? outer - 1 : outer; // loops that run one by one
  auto lengthOf = [&] {
    return vectorOuter ? ctx.dim(kernel.loops[schedule.vectorLoop]) : ctx.i64(1);
  };
  std::vector<Value *> loops(kernel.loops.size());
  if (shared < 0) {
    emitNest(ctx, kernel, 0, nested, loops, [&] { body(loops, ctx.i64(0), lengthOf()); });
    return;
  }
  int64_t cost = elementCost(kernel);
  if (shared == 0) { // the vector loop is cut
    Dim inside = productOf(kernel.loops, outer, kernel.loops.size()) *
                 productOf(kernel.loops, 0, size_t(nested));
    Value *grain;
    int64_t block = 64;
    if (inside.isStatic()) {
      int64_t each = std::max<int64_t>(1, inside.value) * cost;
      grain = ctx.i64(std::max<int64_t>(1, pieceWork / each / block) * block);
    } else {
      Value *each = b.CreateMul(ctx.dim(max(inside, Dim(1))), ctx.i64(cost * block));
      Value *blocks = b.CreateSDiv(ctx.i64(pieceWork), each);
      blocks = ctx.most(blocks, ctx.i64(1));
      grain = b.CreateMul(blocks, ctx.i64(block));
    }
    ctx.parallel(ctx.dim(kernel.loops[size_t(outer - 1)]), grain, {},
                 [&](Value *begin, Value *end, Value *, const EmitContext::Values &) {
                   emitNest(ctx, kernel, 0, nested, loops, [&] { body(loops, begin, end); });
                 });
    return;
  }
  Dim rest = productOf(kernel.loops, shared, kernel.loops.size());
  Value *grain;
  if (rest.isStatic()) {
    int64_t each = std::max<int64_t>(1, rest.value);
    grain = ctx.i64(std::max<int64_t>(1, pieceWork / cost / each));
  } else {
    Value *each = ctx.dim(max(rest, Dim(1)));
    Value *count = b.CreateSDiv(ctx.i64(pieceWork / cost), each);
    grain = ctx.most(count, ctx.i64(1));
  }
  Value *n = ctx.dim(productOf(kernel.loops, 0, shared));
  ctx.parallel(n, grain, {}, [&](Value *begin, Value *end, Value *, const EmitContext::Values &) {
    ctx.loop(begin, end, ctx.i64(1), [&](Value *at) {
      for (int k = shared; k-- > 0;) {
        if (k == 0) {
          loops[0] = at;
          break;
        }
        Value *length = ctx.dim(kernel.loops[k]);
        Value *quotient = b.CreateUDiv(at, length);
        loops[k] = b.CreateSub(at, b.CreateMul(quotient, length));
        at = quotient;
      }
      emitNest(ctx, kernel, shared, nested, loops, [&] { body(loops, ctx.i64(0), lengthOf()); });
    });
  });
}

} // namespace graphc::lower
