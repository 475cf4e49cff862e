#include "lower/panels.h"

#include "lower/microkernel.h"
#include "lower/square.h"

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

/// Reads `sources.size()` rows (at most `lanes`) of `lanes` elements from column `at` on and gives
/// the columns.
Values loadTransposed(EmitContext &ctx, DType dtype, const Values &sources, Value *at) {
  unsigned lanes = ctx.lanes(dtype);
  Values square;
  for (Value *source : sources)
    square.push_back(ctx.load(dtype, ctx.element(dtype, source, at), lanes));
  square.resize(lanes, llvm::Constant::getNullValue(ctx.registerType(dtype, lanes)));
  if (lanes > 1) turnSquare(ctx, square);
  return square;
}

/// destination[k * step + i] = sources[i][k] for k in [0, count). May write up to a vector further.
void packTransposed(EmitContext &ctx, DType dtype, const Values &sources, Value *count,
                    Value *destination, Value *step) {
  auto &b = ctx.b;
  unsigned lanes = ctx.lanes(dtype);
  Value *whole = b.CreateAnd(count, ctx.i64(-int64_t(lanes)));
  ctx.loop(ctx.i64(0), whole, ctx.i64(lanes), [&](Value *k) {
    std::vector<Values> groups;
    for (size_t first = 0; first < sources.size(); first += lanes) {
      size_t last = std::min<size_t>(first + lanes, sources.size());
      groups.push_back(
          loadTransposed(ctx, dtype, Values(sources.begin() + first, sources.begin() + last), k));
    }
    // In ascending order: what one store writes too much, the next one overwrites.
    for (unsigned j = 0; j < lanes; ++j)
      for (size_t g = 0; g < groups.size(); ++g) {
        Value *at = b.CreateMul(b.CreateAdd(k, ctx.i64(j)), step);
        at = b.CreateAdd(at, ctx.i64(g * lanes));
        ctx.store(dtype, groups[g][j], ctx.element(dtype, destination, at));
      }
  });
  keepRolled(ctx);
  ctx.loop(whole, count, ctx.i64(1), [&](Value *k) {
    for (size_t i = 0; i < sources.size(); ++i) {
      Value *at = b.CreateAdd(b.CreateMul(k, step), ctx.i64(i));
      ctx.store(dtype, ctx.load(dtype, ctx.element(dtype, sources[i], k)),
                ctx.element(dtype, destination, at));
    }
  });
  keepRolled(ctx);
}

} // namespace

unsigned PanelLayout::tailVectors() const {
  if (!n.isStatic()) return vectors;
  return (n.value % width() + lanes - 1) / lanes;
}

Dim PanelLayout::elements() const {
  return n.isStatic() ? k * (ceilDiv(n, int(lanes)) * Dim(int(lanes)))
                      : k * (panels() * Dim(width()));
}

PanelLayout panelLayout(const Target &target, DType dtype, Dim k, Dim n) {
  PanelLayout layout;
  layout.dtype = dtype;
  layout.lanes = std::max<unsigned>(1, target.vectorBytes / dtypeSize(dtype));
  layout.vectors = n.isStatic() && n.value <= layout.lanes ? 1 : 2;
  layout.k = k;
  layout.n = n;
  return layout;
}

void forPanels(EmitContext &ctx, const PanelLayout &layout, Value *begin, Value *end,
               unsigned group, Value *grouped,
               const std::function<void(Value *panel, unsigned panels, Value *columns)> &body) {
  auto &b = ctx.b;
  Value *full = ctx.dim(layout.fullPanels());
  Value *fullEnd = ctx.least(end, full);
  if (group > 1) {
    Value *count = b.CreateSub(fullEnd, begin);
    count = ctx.most(count, ctx.i64(0));
    if (grouped) count = b.CreateSelect(grouped, count, ctx.i64(0));
    Value *whole = b.CreateMul(b.CreateUDiv(count, ctx.i64(group)), ctx.i64(group));
    whole = b.CreateAdd(begin, whole);
    ctx.loop(begin, whole, ctx.i64(group), [&](Value *panel) { body(panel, group, nullptr); });
    begin = whole;
  }
  if (!layout.fullPanels().is(0))
    ctx.loop(begin, fullEnd, ctx.i64(1), [&](Value *panel) { body(panel, 1, nullptr); });
  if (!layout.tailVectors()) return;
  ctx.ifThen(b.CreateICmpSGT(end, full), [&] {
    Value *before = b.CreateMul(full, ctx.i64(layout.width()));
    body(full, 1, b.CreateSub(ctx.dim(layout.n), before));
  });
}

namespace {

/// The body of the function that packs panels [begin, end) of B; `tail` is the number of vectors of
/// a last panel that is not full.
class PanelPacker {
public:
  PanelPacker(EmitContext &ctx, DType dtype, unsigned vectors, llvm::Function *function)
      : ctx_(ctx), b_(ctx.b), dtype_(dtype), vectors_(vectors), lanes_(ctx.lanes(dtype)) {
    auto argument = [&](int i) { return function->getArg(i); };
    source_ = argument(0);
    stride_ = argument(1);
    destination_ = argument(2);
    k_ = argument(3);
    n_ = argument(4);
    tail_ = argument(5);
    begin_ = argument(6);
    end_ = argument(7);
  }

  void emit(bool rowMajor) {
    int64_t width = int64_t(vectors_) * lanes_;
    Value *full = b_.CreateSDiv(n_, ctx_.i64(width));
    Value *fullEnd = ctx_.least(end_, full);
    ctx_.loop(begin_, fullEnd, ctx_.i64(1), [&](Value *panel) {
      Value *column = b_.CreateMul(panel, ctx_.i64(width));
      if (rowMajor)
        copyRows(column, ctx_.i64(0), vectors_, ctx_.i64(width), false);
      else
        ctx_.loop(ctx_.i64(0), ctx_.i64(vectors_), ctx_.i64(1),
                  [&](Value *v) { copyColumns(column, v, ctx_.i64(width)); });
    });
    Value *rest = b_.CreateICmpSLT(full, end_);
    ctx_.ifThen(b_.CreateAnd(rest, b_.CreateICmpSGT(n_, b_.CreateMul(full, ctx_.i64(width)))), [&] {
      Value *column = b_.CreateMul(full, ctx_.i64(width));
      Value *tailWidth = b_.CreateMul(tail_, ctx_.i64(lanes_));
      ctx_.loop(ctx_.i64(0), tail_, ctx_.i64(1), [&](Value *v) {
        if (rowMajor)
          copyRows(column, v, 1, tailWidth, true);
        else
          copyColumns(column, v, tailWidth);
      });
    });
  }

private:
  /// Vectors [v, v + count) of the panel whose first column is `column`, whose rows are `width`
  /// wide.
  void copyRows(Value *column, Value *v, unsigned count, Value *width, bool masked) {
    Value *inPanel = b_.CreateMul(v, ctx_.i64(lanes_));
    Value *first = b_.CreateAdd(column, inPanel);
    Value *from = ctx_.element(dtype_, source_, first);
    Value *to = ctx_.element(dtype_, destination_, b_.CreateAdd(b_.CreateMul(column, k_), inPanel));
    Value *mask = masked ? ctx_.firstLanes(lanes_, b_.CreateSub(n_, first)) : nullptr;
    ctx_.loop(ctx_.i64(0), k_, ctx_.i64(1), [&](Value *i) {
      Value *row = ctx_.element(dtype_, from, b_.CreateMul(i, stride_));
      Value *line = ctx_.element(dtype_, to, b_.CreateMul(i, width));
      for (unsigned u = 0; u < count; ++u) {
        Value *at = ctx_.i64(int64_t(u) * lanes_);
        Value *value = ctx_.load(dtype_, ctx_.element(dtype_, row, at), lanes_, mask);
        ctx_.store(dtype_, value, ctx_.element(dtype_, line, at));
      }
    });
    keepRolled(ctx_);
  }

  /// Vector v of the panel, where B's columns lie in memory one after another. Beyond the last one,
  /// that is taken again.
  void copyColumns(Value *column, Value *v, Value *width) {
    Value *inPanel = b_.CreateMul(v, ctx_.i64(lanes_));
    Value *last = b_.CreateSub(n_, ctx_.i64(1));
    Values columns;
    for (unsigned i = 0; i < lanes_; ++i) {
      Value *c = b_.CreateAdd(b_.CreateAdd(column, inPanel), ctx_.i64(i));
      c = b_.CreateSelect(b_.CreateICmpSLT(c, n_), c, last);
      columns.push_back(ctx_.element(dtype_, source_, b_.CreateMul(c, stride_)));
    }
    Value *at = b_.CreateAdd(b_.CreateMul(column, k_), inPanel);
    packTransposed(ctx_, dtype_, columns, k_, ctx_.element(dtype_, destination_, at), width);
  }

  EmitContext &ctx_;
  llvm::IRBuilder<> &b_;
  DType dtype_;
  unsigned vectors_, lanes_;
  Value *source_, *stride_, *destination_, *k_, *n_, *tail_, *begin_, *end_;
};

const char *shortName(DType dtype) { return dtype == DType::Float64 ? "f64" : "f32"; }

} // namespace

void callPackPanels(EmitContext &ctx, const PanelLayout &layout, Value *source, bool transposed,
                    Value *stride, Value *destination, Value *begin, Value *end) {
  std::string name = std::string(transposed ? "pack_columns_" : "pack_rows_") +
                     shortName(layout.dtype) + "_" + std::to_string(layout.vectors) +
                     ctx.target.suffix;
  llvm::Function *function = ctx.module.getFunction(name);
  if (!function) {
    llvm::Type *i64 = ctx.b.getInt64Ty(), *pointer = ctx.b.getPtrTy();
    auto point = beginShared(ctx, name, {pointer, i64, pointer, i64, i64, i64, i64, i64}, function);
    PanelPacker(ctx, layout.dtype, layout.vectors, function).emit(!transposed);
    ctx.b.CreateRetVoid();
    ctx.b.restoreIP(point);
  }
  ctx.b.CreateCall(function, {source, stride, destination, ctx.dim(layout.k), ctx.dim(layout.n),
                              ctx.i64(layout.tailVectors()), begin, end});
}

void callPackTile(EmitContext &ctx, DType dtype, unsigned rows, Value *k, Value *source,
                  Value *stride, Value *destination) {
  std::string name =
      std::string("pack_tile_") + shortName(dtype) + "_" + std::to_string(rows) + ctx.target.suffix;
  llvm::Function *function = ctx.module.getFunction(name);
  if (!function) {
    llvm::Type *i64 = ctx.b.getInt64Ty(), *pointer = ctx.b.getPtrTy();
    auto point = beginShared(ctx, name, {i64, pointer, i64, pointer}, function);
    Values sources;
    for (unsigned r = 0; r < rows; ++r)
      sources.push_back(ctx.element(dtype, function->getArg(1),
                                    ctx.b.CreateMul(function->getArg(2), ctx.i64(r))));
    packTransposed(ctx, dtype, sources, function->getArg(0), function->getArg(3), ctx.i64(rows));
    ctx.b.CreateRetVoid();
    ctx.b.restoreIP(point);
  }
  ctx.b.CreateCall(function, {k, source, stride, destination});
}

void copyRun(EmitContext &ctx, DType dtype, Value *source, Value *destination, Value *begin,
             Value *end, bool whole) {
  auto &b = ctx.b;
  unsigned lanes = ctx.lanes(dtype);
  auto copy = [&](Value *i, unsigned count, Value *mask) {
    Value *value = source ? ctx.load(dtype, ctx.element(dtype, source, i), count, mask)
                          : llvm::Constant::getNullValue(ctx.registerType(dtype, count));
    ctx.store(dtype, value, ctx.element(dtype, destination, i), mask);
  };
  Value *vectorEnd = end;
  if (!whole)
    vectorEnd = b.CreateAdd(begin, b.CreateAnd(b.CreateSub(end, begin), ctx.i64(-int64_t(lanes))));
  ctx.loop(begin, vectorEnd, ctx.i64(lanes), [&](Value *i) { copy(i, lanes, nullptr); });
  if (whole || lanes == 1) return;
  if (ctx.target.masks)
    copy(vectorEnd, lanes, ctx.firstLanes(lanes, b.CreateSub(end, vectorEnd)));
  else
    ctx.loop(vectorEnd, end, ctx.i64(1), [&](Value *i) { copy(i, 1, nullptr); });
}

} // namespace graphc::lower
