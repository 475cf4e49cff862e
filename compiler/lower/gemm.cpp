#include "lower/gemm.h"

#include "lower/microkernel.h"
#include "lower/panels.h"

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

// Sizes of blocks, found by measuring on processors with 1 to 2 MB of second-level cache.
constexpr int64_t runElements = 320;   // turns of k for which a panel of B stays in the first cache
constexpr int64_t blockRows = 128;     // rows of a task: what A's block takes of the second cache
constexpr int64_t blockColumns = 512;  // columns of a task at most
constexpr int64_t packedColumns = 256; // ... and at least, where A is packed for them
constexpr int64_t taskProducts = 1 << 20; // multiplications that are worth being a task

struct Plan {
  PanelLayout layout;
  bool foldBatch = false; // A's batch dimensions are part of its rows
  Dim rows;               // of the product that is emitted
  std::vector<Dim> batch; // dimensions of the loop outside
  bool packB = false;     // into the workspace, at each call
  bool panels = false;    // B is read as panels
  bool packA = false;
  bool cutK = false;      // into runs
  RowTiling tiling;       // where the rows are known
  unsigned tileRows = 1;  // of full tiles
  int64_t blockTiles = 1; // full tiles in a block
  int64_t maxPanels = 1;  // in a block
};

Dim productOf(const std::vector<Dim> &dims) {
  Dim product = 1;
  for (Dim d : dims) product = product * d;
  return product;
}

std::vector<Dim> broadcastBatch(const MatMulSpec &spec) {
  size_t rank = std::max(spec.batchA.size(), spec.batchB.size());
  std::vector<Dim> out(rank, Dim(1));
  auto meet = [&](const std::vector<Dim> &dims) {
    for (size_t i = 0; i < dims.size(); ++i) {
      Dim &d = out[rank - dims.size() + i];
      // Of a known number and one known at run time only, which are equal, the known one.
      if (d.is(1) || (!d.isStatic() && dims[i].isStatic() && !dims[i].is(1))) d = dims[i];
    }
  };
  meet(spec.batchA);
  meet(spec.batchB);
  return out;
}

Plan makePlan(const Target &target, const MatMulSpec &spec) {
  Plan plan;
  plan.layout = panelLayout(target, spec.dtype, spec.k, spec.n);
  plan.batch = broadcastBatch(spec);
  bool oneB = std::all_of(spec.batchB.begin(), spec.batchB.end(), [](Dim d) { return d.is(1); });
  plan.foldBatch = oneB && !spec.transposeA && !spec.batchA.empty();
  plan.rows = plan.foldBatch ? productOf(plan.batch) * spec.m : spec.m;

  unsigned maxRows = tileRows(target, plan.layout.vectors);
  plan.tileRows = maxRows;
  bool oneTile = false;
  if (plan.rows.isStatic() && plan.rows.value > 0) {
    plan.tiling = tileRowsEvenly(plan.rows.value, maxRows);
    plan.tileRows = plan.tiling.rows;
    oneTile = plan.tiling.tiles == 1;
  }

  // Packing B at each call costs about as much as three tiles' reading of it where it lies.
  bool fewRows = plan.rows.isStatic() && plan.rows.value <= 3 * int64_t(maxRows);
  bool onePanel = spec.n.isStatic() && spec.n.value <= plan.layout.width();
  plan.panels = spec.packedB >= 0 || spec.transposeB || !(fewRows || onePanel);
  plan.packB = plan.panels && spec.packedB < 0;

  // Rows of A are read where they lie, unless so many of them begin a power of two apart that
  // they push each other out of the first cache.
  bool manyPanels = !spec.n.isStatic() || spec.n.value > 4 * plan.layout.width();
  int64_t rowBytes = spec.k.isStatic() ? spec.k.value * dtypeSize(spec.dtype) : 0;
  bool apart = rowBytes && rowBytes % 2048 != 0 && rowBytes <= 8192;
  plan.packA = !spec.transposeA && !oneTile && manyPanels && !apart && plan.tileRows > 2;
  plan.cutK = !oneTile && !(spec.k.isStatic() && spec.k.value <= runElements * 3 / 2) && !onePanel;

  int64_t tiles = std::max<int64_t>(1, blockRows / plan.tileRows);
  if (plan.tiling.tiles) {
    int64_t full =
        plan.tiling.lastRows == plan.tiling.rows ? plan.tiling.tiles : plan.tiling.tiles - 1;
    full = std::max<int64_t>(full, 1);
    int64_t blocks = (full + tiles - 1) / tiles;
    tiles = (full + blocks - 1) / blocks;
  }
  plan.blockTiles = tiles;
  plan.maxPanels = std::max<int64_t>(1, blockColumns / plan.layout.width());
  return plan;
}

/// Emits one product; lives while its pieces are emitted.
class MatMulEmitter {
public:
  MatMulEmitter(EmitContext &ctx, const MatMulSpec &spec)
      : ctx_(ctx), b_(ctx.b), spec_(spec), plan_(makePlan(ctx.target, spec)),
        lanes_(plan_.layout.lanes), width_(plan_.layout.width()) {}

  void emit() {
    if (plan_.packB) packB();
    Value *rows = ctx_.dim(plan_.rows), *panels = ctx_.dim(plan_.layout.panels());
    Value *blockRowsValue = i64(plan_.blockTiles * plan_.tileRows);
    Value *rowBlocks = ceilDivide(rows, blockRowsValue);
    Value *columnPanels = panelsPerTask(rows, panels);
    Value *columnBlocks = ceilDivide(panels, columnPanels);
    Value *batches = plan_.foldBatch ? i64(1) : ctx_.dim(productOf(plan_.batch));
    Value *tasks = b_.CreateMul(b_.CreateMul(rowBlocks, columnBlocks), batches);
    Values outside = {rowBlocks, columnBlocks, columnPanels};
    ctx_.parallel(tasks, i64(1), outside,
                  [&](Value *begin, Value *end, Value *scratch, const Values &captured) {
                    // Constants stay constants in the piece.
                    auto inside = [&](int i) {
                      return llvm::isa<llvm::ConstantInt>(outside[i]) ? outside[i] : captured[i];
                    };
                    scratch_ = scratch;
                    rowBlocks_ = inside(0);
                    columnPanels_ = inside(2);
                    ctx_.loop(begin, end, i64(1), [&](Value *task) {
                      Value *rest = b_.CreateUDiv(task, rowBlocks_);
                      emitTask(b_.CreateURem(task, rowBlocks_), b_.CreateURem(rest, inside(1)),
                               b_.CreateUDiv(rest, inside(1)));
                    });
                  });
  }

private:
  Value *i64(int64_t value) { return ctx_.i64(value); }
  Value *ceilDivide(Value *x, Value *y) {
    return b_.CreateUDiv(b_.CreateAdd(x, b_.CreateSub(y, i64(1))), y);
  }
  Value *least(Value *x, Value *y) { return b_.CreateSelect(b_.CreateICmpSLT(x, y), x, y); }
  Value *most(Value *x, Value *y) { return b_.CreateSelect(b_.CreateICmpSGT(x, y), x, y); }
  Value *element(Value *base, Value *index) { return ctx_.element(spec_.dtype, base, index); }

  /// So many panels that a task has taskProducts multiplications.
  Value *panelsPerTask(Value *rows, Value *panels) {
    int64_t fewest = plan_.packA ? std::max<int64_t>(1, packedColumns / width_) : 1;
    Value *height = least(rows, i64(plan_.blockTiles * plan_.tileRows));
    Value *products = b_.CreateMul(b_.CreateMul(height, ctx_.dim(spec_.k)), i64(width_));
    Value *wanted = ceilDivide(i64(taskProducts), most(products, i64(1)));
    Value *most1 = least(most(panels, i64(1)), i64(plan_.maxPanels));
    return least(most(wanted, i64(fewest)), most1);
  }

  // B ---------------------------------------------------------------------------------------

  Value *bStrideK() { return spec_.transposeB ? i64(1) : ctx_.dim(spec_.n); }
  Value *bStrideN() { return spec_.transposeB ? ctx_.dim(spec_.k) : i64(1); }
  Value *bElements() { return b_.CreateMul(ctx_.dim(spec_.k), ctx_.dim(spec_.n)); }

  void packB() {
    Value *panels = ctx_.dim(plan_.layout.panels());
    Value *all = b_.CreateMul(panels, ctx_.dim(productOf(spec_.batchB)));
    Value *perTask =
        ceilDivide(i64(1 << 16), most(b_.CreateMul(ctx_.dim(spec_.k), i64(width_)), i64(1)));
    ctx_.parallel(all, perTask, {}, [&](Value *begin, Value *end, Value *, const Values &) {
      Value *panels = ctx_.dim(plan_.layout.panels());
      ctx_.loop(begin, end, i64(1), [&](Value *task) {
        Value *batch = b_.CreateUDiv(task, panels);
        Value *panel = b_.CreateURem(task, panels);
        Value *from = element(ctx_.buffer(spec_.b), b_.CreateMul(batch, bElements()));
        Value *to = element(ctx_.buffer(spec_.workspace),
                            b_.CreateMul(batch, ctx_.dim(plan_.layout.elements())));
        emitPackPanels(ctx_, plan_.layout, from, bStrideK(), bStrideN(), to, panel,
                       b_.CreateAdd(panel, i64(1)));
      });
    });
  }

  // One block of the output -----------------------------------------------------------------

  /// The indices of batch element `batch`, and its place in an operand with dimensions `dims`.
  Value *batchOffset(const std::vector<Dim> &dims) {
    Value *offset = i64(0);
    for (size_t i = 0; i < dims.size(); ++i) {
      offset = b_.CreateMul(offset, ctx_.dim(dims[i]));
      if (!dims[i].is(1))
        offset = b_.CreateAdd(offset, batchIndices_[plan_.batch.size() - dims.size() + i]);
    }
    return offset;
  }

  void emitTask(Value *rowBlock, Value *columnBlock, Value *batch) {
    rows_ = ctx_.dim(plan_.rows);
    columns_ = ctx_.dim(spec_.n);
    k_ = ctx_.dim(spec_.k);
    fullPanels_ = ctx_.dim(plan_.layout.fullPanels());
    batchIndices_ = splitIndex(batch);
    batch_ = batch;
    Value *a = ctx_.buffer(spec_.a), *bBase;
    if (plan_.panels) {
      bBase = ctx_.buffer(spec_.packedB >= 0 ? spec_.packedB : spec_.workspace);
      if (!plan_.foldBatch)
        bBase = element(bBase,
                        b_.CreateMul(batchOffset(spec_.batchB), ctx_.dim(plan_.layout.elements())));
    } else {
      bBase = ctx_.buffer(spec_.b);
      if (!plan_.foldBatch)
        bBase = element(bBase, b_.CreateMul(batchOffset(spec_.batchB), bElements()));
    }
    if (!plan_.foldBatch)
      a = element(a, b_.CreateMul(batchOffset(spec_.batchA), b_.CreateMul(rows_, k_)));
    a_ = a;
    bBase_ = bBase;

    panelBegin_ = b_.CreateMul(columnBlock, columnPanels_);
    panelEnd_ = least(b_.CreateAdd(panelBegin_, columnPanels_), ctx_.dim(plan_.layout.panels()));
    Value *fullTiles = b_.CreateUDiv(rows_, i64(plan_.tileRows));
    tileBegin_ = b_.CreateMul(rowBlock, i64(plan_.blockTiles));
    tileEnd_ = least(b_.CreateAdd(tileBegin_, i64(plan_.blockTiles)), fullTiles);

    if (plan_.rows.isStatic() ? plan_.rows.value >= plan_.tileRows : true) fullRows();
    Value *rest = b_.CreateURem(rows_, i64(plan_.tileRows));
    Value *last = b_.CreateICmpEQ(b_.CreateAdd(rowBlock, i64(1)), rowBlocks_);
    Value *firstRow = b_.CreateMul(fullTiles, i64(plan_.tileRows));
    if (plan_.rows.isStatic()) {
      if (unsigned height = plan_.rows.value % plan_.tileRows)
        ctx_.ifThen(last, [&] { lastRows(height, firstRow, nullptr); });
    } else {
      ctx_.ifThen(b_.CreateAnd(last, b_.CreateICmpSGT(rest, i64(0))),
                  [&] { lastRowsOf(plan_.tileRows, firstRow, rest); });
    }
  }

  Values splitIndex(Value *index) {
    Values indices(plan_.batch.size());
    for (size_t i = indices.size(); i-- > 0;) {
      if (i == 0) {
        indices[i] = index;
      } else {
        Value *size = ctx_.dim(plan_.batch[i]);
        indices[i] = b_.CreateURem(index, size);
        index = b_.CreateUDiv(index, size);
      }
    }
    return indices;
  }

  /// The block's full tiles, k cut into runs.
  void fullRows() {
    if (!plan_.cutK) {
      run(i64(0), k_, nullptr, nullptr);
      return;
    }
    Value *length = i64(runElements);
    Value *runs = most(ceilDivide(k_, length), i64(1));
    ctx_.loop(i64(0), runs, i64(1), [&](Value *turn) {
      Value *from = b_.CreateMul(turn, length);
      Value *count = least(b_.CreateSub(k_, from), length);
      run(from, count, b_.CreateICmpEQ(turn, i64(0)),
          b_.CreateICmpEQ(b_.CreateAdd(turn, i64(1)), runs));
    });
  }

  /// One run of k; first and last are null where it is the only one.
  void run(Value *from, Value *count, Value *first, Value *last) {
    unsigned height = plan_.tileRows;
    int64_t tileElements = int64_t(height) * width_;
    int64_t packedElements = 0;
    if (plan_.packA) {
      // Without runs, k is known.
      int64_t most = plan_.cutK ? runElements : spec_.k.value;
      packedElements = (plan_.blockTiles * height * most + lanes_ + 15) / 16 * 16;
    }
    int64_t sumElements = plan_.cutK ? plan_.blockTiles * plan_.maxPanels * tileElements : 0;
    if (packedElements + sumElements)
      ctx_.needScratch((packedElements + sumElements) * dtypeSize(spec_.dtype));
    Value *sums = plan_.cutK ? element(scratch_, i64(packedElements)) : nullptr;

    if (plan_.packA)
      ctx_.loop(tileBegin_, tileEnd_, i64(1), [&](Value *tile) {
        Value *row = b_.CreateMul(tile, i64(height));
        Value *source = element(a_, b_.CreateAdd(b_.CreateMul(row, k_), from));
        Value *at = b_.CreateMul(b_.CreateSub(tile, tileBegin_), b_.CreateMul(count, i64(height)));
        emitPackRows(ctx_, spec_.dtype, height, count, source, k_, element(scratch_, at));
      });

    forPanels(panelGroup(height), [&](Value *panel, unsigned panels, bool tail) {
      ctx_.loop(tileBegin_, tileEnd_, i64(1), [&](Value *tile) {
        Tile t = tileOn(height, panels, panel, tail, from, count);
        Value *row = b_.CreateMul(tile, i64(height));
        Value *index = b_.CreateSub(tile, tileBegin_);
        if (plan_.packA) {
          t.a = element(scratch_, b_.CreateMul(index, b_.CreateMul(count, i64(height))));
          t.aRowStride = 1;
          t.aStep = i64(height);
        } else {
          setRows(t, row, from, nullptr);
        }
        Value *held = nullptr;
        if (plan_.cutK) {
          Value *place = b_.CreateMul(b_.CreateSub(panel, panelBegin_), i64(plan_.blockTiles));
          held = element(sums, b_.CreateMul(b_.CreateAdd(place, index), i64(tileElements)));
        }
        auto place = [&](unsigned i) { return element(held, i64(int64_t(i) * lanes_)); };
        auto *vector = ctx_.registerType(spec_.dtype, lanes_);
        auto *zero = llvm::Constant::getNullValue(vector);
        if (held)
          t.initial = [&](unsigned r, unsigned v) -> Value * {
            Value *before = b_.CreateAlignedLoad(vector, place(r * t.vectors + v), align());
            return b_.CreateSelect(first, zero, before);
          };
        t.finish = [&](const Values &values) {
          auto write = [&] { store(t, values, row, nullptr, panel, tail); };
          if (!held) return write();
          ctx_.ifThenElse(last, write, [&] {
            for (size_t i = 0; i < values.size(); ++i)
              b_.CreateAlignedStore(values[i], place(i), align());
          });
        };
        emitTile(ctx_, t);
      });
    });
  }

  llvm::Align align() const { return llvm::Align(lanes_ * dtypeSize(spec_.dtype)); }

  /// The rows below the last full tile, which are `height`, or, where `count` is given, that many
  /// of them: their panels once more, k in one go.
  void lastRows(unsigned height, Value *firstRow, Value *count) {
    forPanels(panelGroup(height), [&](Value *panel, unsigned panels, bool tail) {
      Tile t = tileOn(height, panels, panel, tail, i64(0), k_);
      setRows(t, firstRow, i64(0), count);
      t.finish = [&](const Values &values) { store(t, values, firstRow, count, panel, tail); };
      emitTile(ctx_, t);
    });
  }

  /// The same for a number of rows known at run time, 1 … height - 1 at most: the lowest tile of
  /// some heights that takes them.
  void lastRowsOf(unsigned height, Value *firstRow, Value *count) {
    if (height <= 1) return lastRows(1, firstRow, nullptr);
    unsigned half = (height + 1) / 2;
    if (half == height) return lastRows(height, firstRow, count);
    ctx_.ifThenElse(
        b_.CreateICmpSGT(count, i64(half)), [&] { lastRows(height, firstRow, count); },
        [&] { lastRowsOf(half, firstRow, count); });
  }

  /// How many panels side by side a tile of few rows takes.
  unsigned panelGroup(unsigned height) const {
    unsigned vectors = plan_.layout.vectors;
    for (unsigned group = 4; group > 1; group /= 2) {
      if (height > tileRows(ctx_.target, group * vectors) || group * vectors > 8) continue;
      if (spec_.n.isStatic() && spec_.n.value < group * width_) continue;
      return group;
    }
    return 1;
  }

  /// Goes over the block's panels, `group` at a time as long as there are as many full ones.
  void forPanels(unsigned group,
                 const std::function<void(Value *panel, unsigned panels, bool tail)> &body) {
    Dim full = plan_.layout.fullPanels();
    Value *end = least(panelEnd_, fullPanels_);
    Value *begin = panelBegin_;
    if (group > 1) {
      Value *whole = b_.CreateMul(b_.CreateUDiv(most(b_.CreateSub(end, begin), i64(0)), i64(group)),
                                  i64(group));
      whole = b_.CreateAdd(begin, whole);
      ctx_.loop(begin, whole, i64(group), [&](Value *panel) { body(panel, group, false); });
      begin = whole;
    }
    if (!full.is(0)) ctx_.loop(begin, end, i64(1), [&](Value *panel) { body(panel, 1, false); });
    if (!plan_.layout.tailVectors()) return;
    // The block ends with the panel that is not full where it has more than the full ones.
    ctx_.ifThen(b_.CreateICmpSGT(panelEnd_, fullPanels_), [&] { body(fullPanels_, 1, true); });
  }

  Tile tileOn(unsigned height, unsigned panels, Value *panel, bool tail, Value *from,
              Value *count) {
    Tile t;
    t.dtype = spec_.dtype;
    t.rows = height;
    unsigned vectors = tail ? plan_.layout.tailVectors() : plan_.layout.vectors;
    t.vectors = vectors * panels;
    t.k = count;
    Value *column = b_.CreateMul(panel, i64(width_));
    if (plan_.panels) {
      int64_t stride = int64_t(vectors) * lanes_;
      t.b = element(bBase_, b_.CreateMul(column, k_));
      t.b = element(t.b, b_.CreateMul(from, i64(stride)));
      t.bRowStride = i64(stride);
      t.bAlign = lanes_ * dtypeSize(spec_.dtype);
      t.panelVectors = vectors;
      t.panelGap = b_.CreateMul(b_.CreateSub(k_, i64(1)), i64(width_));
    } else {
      t.b = element(bBase_, b_.CreateAdd(b_.CreateMul(from, columns_), column));
      t.bRowStride = columns_;
      if (tail) t.bMasks = masks(t, panel);
    }
    return t;
  }

  /// Which lanes of the last panel's vectors are columns.
  Values masks(const Tile &t, Value *panel) {
    Values masks(t.vectors, nullptr);
    Value *left = b_.CreateSub(columns_, b_.CreateMul(panel, i64(width_)));
    for (unsigned v = 0; v < t.vectors; ++v)
      if (!spec_.n.isStatic() || int64_t(v + 1) * lanes_ > spec_.n.value % width_)
        masks[v] = ctx_.firstLanes(lanes_, b_.CreateSub(left, i64(int64_t(v) * lanes_)));
    return masks;
  }

  /// Lets the tile read A where it lies. Of `count` rows (null: all of the tile's) the last one
  /// stands in for those that are not there.
  void setRows(Tile &t, Value *row, Value *from, Value *count) {
    if (count || (!spec_.transposeA && !spec_.k.isStatic() && t.rows > 1)) {
      for (unsigned r = 0; r < t.rows; ++r) {
        Value *shift = i64(r);
        if (count && r)
          shift =
              b_.CreateSelect(b_.CreateICmpSLT(shift, count), shift, b_.CreateSub(count, i64(1)));
        t.aRows.push_back(addressA(b_.CreateAdd(row, shift), from));
      }
    } else {
      t.a = addressA(row, from);
      t.aRowStride = spec_.transposeA ? 1 : spec_.k.isStatic() ? spec_.k.value : 0;
    }
    if (spec_.transposeA) t.aStep = rows_;
  }

  Value *addressA(Value *row, Value *k) {
    Value *index = spec_.transposeA ? b_.CreateAdd(b_.CreateMul(k, rows_), row)
                                    : b_.CreateAdd(b_.CreateMul(row, k_), k);
    return element(a_, index);
  }

  /// Puts a tile's sums through the epilogue and into the output; of its rows, the first `count`
  /// (null: all).
  void store(const Tile &t, const Values &sums, Value *row, Value *count, Value *panel, bool tail) {
    Values columnMasks = tail ? masks(t, panel) : Values(t.vectors, nullptr);
    Value *column = b_.CreateMul(panel, i64(width_));
    for (unsigned r = 0; r < t.rows; ++r) {
      auto storeRow = [&] {
        Value *line = b_.CreateAdd(row, i64(r));
        for (unsigned v = 0; v < t.vectors; ++v)
          storeVector(sums[r * t.vectors + v], line, b_.CreateAdd(column, i64(int64_t(v) * lanes_)),
                      columnMasks[v]);
      };
      if (count && r)
        ctx_.ifThen(b_.CreateICmpSLT(i64(r), count), storeRow);
      else
        storeRow();
    }
  }

  void storeVector(Value *value, Value *row, Value *column, Value *mask) {
    Value *line = plan_.foldBatch ? row : b_.CreateAdd(b_.CreateMul(batch_, rows_), row);
    Value *index = b_.CreateAdd(b_.CreateMul(line, columns_), column);
    DType stored = spec_.dtype;
    if (spec_.epilogue) {
      Values indices = batchIndices_;
      if (plan_.foldBatch) {
        Value *m = ctx_.dim(spec_.m);
        indices = splitIndex(b_.CreateUDiv(row, m));
        row = b_.CreateURem(row, m);
      }
      indices.push_back(row);
      indices.push_back(column);
      value = spec_.epilogue.apply(ctx_, value, indices, mask);
      if (spec_.epilogue.stored != DType::Invalid) stored = spec_.epilogue.stored;
    }
    ctx_.store(stored, value, ctx_.element(stored, ctx_.buffer(spec_.out), index), mask);
  }

  EmitContext &ctx_;
  llvm::IRBuilder<> &b_;
  const MatMulSpec &spec_;
  Plan plan_;
  int64_t lanes_, width_;
  // Within a piece:
  Value *scratch_ = nullptr, *rowBlocks_ = nullptr, *columnPanels_ = nullptr;
  // Within a task:
  Value *rows_ = nullptr, *columns_ = nullptr, *k_ = nullptr, *fullPanels_ = nullptr;
  Value *a_ = nullptr, *bBase_ = nullptr, *batch_ = nullptr;
  Value *panelBegin_ = nullptr, *panelEnd_ = nullptr, *tileBegin_ = nullptr, *tileEnd_ = nullptr;
  Values batchIndices_;
};

} // namespace

int64_t matMulPackedBytes(const Target &target, const MatMulSpec &spec) {
  Dim batch = productOf(spec.batchB);
  if (!spec.k.isStatic() || !spec.n.isStatic() || !batch.isStatic()) return 0;
  // A single row reads each element of B once, and a single panel lies as packed already.
  MatMulSpec packed = spec;
  packed.packedB = 0;
  Plan plan = makePlan(target, packed);
  bool oneRow = plan.rows.isStatic() && plan.rows.value <= 2;
  if (!spec.transposeB && (oneRow || spec.n.value <= plan.layout.width())) return 0;
  Dim elements = batch * plan.layout.elements();
  return elements.isOverflow() ? 0 : elements.value * dtypeSize(spec.dtype);
}

void emitPackMatMul(EmitContext &ctx, const MatMulSpec &spec, int source, int destination) {
  PanelLayout layout = panelLayout(ctx.target, spec.dtype, spec.k, spec.n);
  Value *k = ctx.dim(spec.k), *n = ctx.dim(spec.n);
  Value *strideK = spec.transposeB ? ctx.i64(1) : n;
  Value *strideN = spec.transposeB ? k : ctx.i64(1);
  ctx.loop(ctx.i64(0), ctx.dim(productOf(spec.batchB)), ctx.i64(1), [&](Value *batch) {
    Value *from =
        ctx.element(spec.dtype, ctx.buffer(source), ctx.b.CreateMul(batch, ctx.b.CreateMul(k, n)));
    Value *to = ctx.element(spec.dtype, ctx.buffer(destination),
                            ctx.b.CreateMul(batch, ctx.dim(layout.elements())));
    emitPackPanels(ctx, layout, from, strideK, strideN, to, ctx.i64(0), ctx.dim(layout.panels()));
  });
}

Dim matMulWorkspaceBytes(const Target &target, const MatMulSpec &spec) {
  Plan plan = makePlan(target, spec);
  if (!plan.packB) return 0;
  return productOf(spec.batchB) * plan.layout.elements() * Dim(dtypeSize(spec.dtype));
}

void emitMatMul(EmitContext &ctx, const MatMulSpec &spec) { MatMulEmitter(ctx, spec).emit(); }

} // namespace graphc::lower
