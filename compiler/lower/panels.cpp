#include "lower/panels.h"

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

/// The transpose of a square of as many vectors as they have lanes, a power of two: swaps blocks of
/// 1, 2, 4 … elements across the diagonal.
void transpose(EmitContext &ctx, Values &rows) {
  unsigned n = rows.size();
  for (unsigned s = 1; s < n; s *= 2) {
    std::vector<int> low(n), high(n);
    for (unsigned j = 0; j < n; ++j) {
      low[j] = j & s ? n + j - s : j;
      high[j] = j & s ? n + j : j + s;
    }
    for (unsigned i = 0; i < n; ++i) {
      if (i & s) continue;
      Value *first = rows[i], *second = rows[i + s];
      rows[i] = ctx.b.CreateShuffleVector(first, second, low);
      rows[i + s] = ctx.b.CreateShuffleVector(first, second, high);
    }
  }
}

/// Reads `sources.size()` rows (at most `lanes`) of `lanes` elements from column `at` on and gives
/// the columns.
Values loadTransposed(EmitContext &ctx, DType dtype, const Values &sources, Value *at) {
  unsigned lanes = ctx.lanes(dtype);
  Values square;
  for (Value *source : sources)
    square.push_back(ctx.load(dtype, ctx.element(dtype, source, at), lanes));
  square.resize(lanes, llvm::Constant::getNullValue(ctx.registerType(dtype, lanes)));
  if (lanes > 1) transpose(ctx, square);
  return square;
}

/// destination[k * step + i] = sources[i][k] for k in [0, count). May write up to a vector further.
void packTransposed(EmitContext &ctx, DType dtype, const Values &sources, Value *count,
                    Value *destination, unsigned step) {
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
        Value *at = b.CreateMul(b.CreateAdd(k, ctx.i64(j)), ctx.i64(step));
        at = b.CreateAdd(at, ctx.i64(g * lanes));
        ctx.store(dtype, groups[g][j], ctx.element(dtype, destination, at));
      }
  });
  ctx.loop(whole, count, ctx.i64(1), [&](Value *k) {
    for (size_t i = 0; i < sources.size(); ++i) {
      Value *at = b.CreateAdd(b.CreateMul(k, ctx.i64(step)), ctx.i64(i));
      ctx.store(dtype, ctx.load(dtype, ctx.element(dtype, sources[i], k)),
                ctx.element(dtype, destination, at));
    }
  });
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
  Value *fullEnd = b.CreateSelect(b.CreateICmpSLT(end, full), end, full);
  if (group > 1) {
    Value *count = b.CreateSub(fullEnd, begin);
    count = b.CreateSelect(b.CreateICmpSGT(count, ctx.i64(0)), count, ctx.i64(0));
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

void emitPackPanels(EmitContext &ctx, const PanelLayout &layout, Value *source, Value *strideK,
                    Value *strideN, Value *destination, Value *begin, Value *end) {
  auto &b = ctx.b;
  Value *k = ctx.dim(layout.k), *n = ctx.dim(layout.n);
  auto *unit = llvm::dyn_cast<llvm::ConstantInt>(strideN);
  bool rowMajor = unit && unit->isOne();
  unsigned lanes = layout.lanes;

  auto pack = [&](Value *panel, unsigned vectors, bool tail) {
    Value *column = b.CreateMul(panel, ctx.i64(layout.width()));
    Value *target = ctx.element(layout.dtype, destination, b.CreateMul(column, k));
    Value *left = b.CreateSub(n, column);
    if (rowMajor) {
      Values masks(vectors, nullptr);
      for (unsigned v = 0; tail && v < vectors; ++v)
        masks[v] = ctx.firstLanes(lanes, b.CreateSub(left, ctx.i64(v * lanes)));
      Value *from = ctx.element(layout.dtype, source, column);
      ctx.loop(ctx.i64(0), k, ctx.i64(1), [&](Value *i) {
        Value *row = ctx.element(layout.dtype, from, b.CreateMul(i, strideK));
        Value *to = ctx.element(layout.dtype, target, b.CreateMul(i, ctx.i64(vectors * lanes)));
        for (unsigned v = 0; v < vectors; ++v) {
          Value *at = ctx.i64(v * lanes);
          Value *value =
              ctx.load(layout.dtype, ctx.element(layout.dtype, row, at), lanes, masks[v]);
          ctx.store(layout.dtype, value, ctx.element(layout.dtype, to, at));
        }
      });
      return;
    }
    // B's columns lie in memory one after another. Beyond the last one, that is taken again.
    for (unsigned v = 0; v < vectors; ++v) {
      Values columns;
      for (unsigned i = 0; i < lanes; ++i) {
        Value *c = b.CreateAdd(column, ctx.i64(v * lanes + i));
        if (tail) {
          Value *last = b.CreateSub(n, ctx.i64(1));
          c = b.CreateSelect(b.CreateICmpSLT(c, n), c, last);
        }
        columns.push_back(ctx.element(layout.dtype, source, b.CreateMul(c, strideN)));
      }
      packTransposed(ctx, layout.dtype, columns, k,
                     ctx.element(layout.dtype, target, ctx.i64(v * lanes)), vectors * lanes);
    }
  };
  forPanels(ctx, layout, begin, end, 1, nullptr, [&](Value *panel, unsigned, Value *columns) {
    pack(panel, columns ? layout.tailVectors() : layout.vectors, columns != nullptr);
  });
}

void callPackRows(EmitContext &ctx, DType dtype, unsigned rows, Value *k, Value *source,
                  Value *stride, Value *destination) {
  std::string name = dtype == DType::Float64 ? "pack_f64_" : "pack_f32_";
  name += std::to_string(rows) + ctx.target.suffix;
  llvm::Function *function = ctx.module.getFunction(name);
  if (!function) {
    llvm::Type *i64 = ctx.b.getInt64Ty(), *pointer = ctx.b.getPtrTy();
    auto *type = llvm::FunctionType::get(ctx.b.getVoidTy(), {i64, pointer, i64, pointer}, false);
    function = llvm::Function::Create(type, llvm::Function::InternalLinkage, name, ctx.module);
    auto *caller = ctx.b.GetInsertBlock()->getParent();
    function->setAttributes(
        llvm::AttributeList::get(ctx.context, caller->getAttributes().getFnAttrs(), {}, {}));
    function->addFnAttr(llvm::Attribute::NoInline);
    auto point = ctx.b.saveIP();
    ctx.b.SetInsertPoint(llvm::BasicBlock::Create(ctx.context, "entry", function));
    Values sources;
    for (unsigned r = 0; r < rows; ++r)
      sources.push_back(ctx.element(dtype, function->getArg(1),
                                    ctx.b.CreateMul(function->getArg(2), ctx.i64(r))));
    packTransposed(ctx, dtype, sources, function->getArg(0), function->getArg(3), rows);
    ctx.b.CreateRetVoid();
    ctx.b.restoreIP(point);
  }
  ctx.b.CreateCall(function, {k, source, stride, destination});
}

} // namespace graphc::lower
