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
  bool cutK = false;             // into runs
  unsigned tileRows = 1;         // of full tiles
  std::vector<unsigned> heights; // of tiles, full ones first
  int64_t blockTiles = 1;        // full tiles in a block
  int64_t maxPanels = 1;         // in a block
  unsigned group = 1;            // panels that a tile takes side by side ...
  unsigned groupRows = 0;        // ... where a block has at most as many rows; 0: always

  int64_t blockRows() const { return blockTiles * tileRows; }
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
  plan.heights = tileHeights(maxRows);
  bool oneTile = false;
  int64_t full = 0; // full tiles
  if (plan.rows.isStatic() && plan.rows.value > 0) {
    RowTiling tiling = tileRowsEvenly(plan.rows.value, maxRows);
    plan.tileRows = tiling.rows;
    plan.heights = {tiling.rows};
    if (tiling.lastRows != tiling.rows) plan.heights.push_back(tiling.lastRows);
    oneTile = tiling.tiles == 1;
    full = plan.rows.value / tiling.rows;
  }

  // Tiles of few rows take several panels side by side, so that enough sums are under way.
  for (unsigned group = 4; group > 1 && plan.group == 1; group /= 2) {
    unsigned vectors = group * plan.layout.vectors;
    unsigned highest = vectors <= 8 ? tileRows(target, vectors) : 0;
    if (spec.n.isStatic() && spec.n.value < group * plan.layout.width()) continue;
    if (!plan.rows.isStatic()) {
      plan.groupRows = highest;
      plan.group = highest ? group : 1;
    } else if (oneTile && plan.rows.value <= highest) {
      plan.group = group;
    }
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
  if (full) {
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
    Value *rowBlocks = ctx_.ceilDivide(rows, i64(plan_.blockRows()));
    Value *columnPanels = panelsPerTask(rows, panels);
    Value *columnBlocks = ctx_.ceilDivide(panels, columnPanels);
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
  Value *element(Value *base, Value *index) { return ctx_.element(spec_.dtype, base, index); }

  /// So many panels that a task has taskProducts multiplications.
  Value *panelsPerTask(Value *rows, Value *panels) {
    int64_t fewest = plan_.packA ? std::max<int64_t>(1, packedColumns / width_) : 1;
    Value *height = ctx_.least(rows, i64(plan_.blockRows()));
    Value *products = b_.CreateMul(b_.CreateMul(height, ctx_.dim(spec_.k)), i64(width_));
    Value *wanted = ctx_.ceilDivide(i64(taskProducts), ctx_.most(products, i64(1)));
    Value *most1 = ctx_.least(ctx_.most(panels, i64(1)), i64(plan_.maxPanels));
    return ctx_.least(ctx_.most(wanted, i64(fewest)), most1);
  }

  // B ---------------------------------------------------------------------------------------

  Value *bElements() { return b_.CreateMul(ctx_.dim(spec_.k), ctx_.dim(spec_.n)); }

  void packB() {
    Value *panels = ctx_.dim(plan_.layout.panels());
    Value *all = b_.CreateMul(panels, ctx_.dim(productOf(spec_.batchB)));
    Value *perTask = ctx_.ceilDivide(
        i64(1 << 16), ctx_.most(b_.CreateMul(ctx_.dim(spec_.k), i64(width_)), i64(1)));
    ctx_.parallel(all, perTask, {}, [&](Value *begin, Value *end, Value *, const Values &) {
      Value *panels = ctx_.dim(plan_.layout.panels());
      ctx_.loop(begin, end, i64(1), [&](Value *task) {
        Value *batch = b_.CreateUDiv(task, panels);
        Value *panel = b_.CreateURem(task, panels);
        Value *from = element(ctx_.buffer(spec_.b), b_.CreateMul(batch, bElements()));
        Value *to = element(ctx_.buffer(spec_.workspace),
                            b_.CreateMul(batch, ctx_.dim(plan_.layout.elements())));
        callPackPanels(ctx_, plan_.layout, from, spec_.transposeB,
                       ctx_.dim(spec_.transposeB ? spec_.k : spec_.n), to, panel,
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
    panelEnd_ =
        ctx_.least(b_.CreateAdd(panelBegin_, columnPanels_), ctx_.dim(plan_.layout.panels()));
    Value *blockHeight = i64(plan_.blockRows());
    rowBegin_ = b_.CreateMul(rowBlock, blockHeight);
    rowEnd_ = ctx_.least(b_.CreateAdd(rowBegin_, blockHeight), rows_);
    if (!plan_.cutK) {
      run(i64(0), k_, nullptr, nullptr);
      return;
    }
    Value *length = i64(runElements);
    Value *runs = ctx_.most(ctx_.ceilDivide(k_, length), i64(1));
    ctx_.loop(i64(0), runs, i64(1), [&](Value *turn) {
      Value *from = b_.CreateMul(turn, length);
      Value *count = ctx_.least(b_.CreateSub(k_, from), length);
      run(from, count, b_.CreateICmpNE(turn, i64(0)),
          b_.CreateICmpEQ(b_.CreateAdd(turn, i64(1)), runs));
    });
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

  /// One run of k over the block; `resume` and `last` are null where it is the only one.
  void run(Value *from, Value *count, Value *resume, Value *last) {
    int64_t packedElements = 0;
    if (plan_.packA) {
      // Without runs, k is known.
      int64_t longest = plan_.cutK ? runElements : spec_.k.value;
      packedElements = (plan_.blockRows() * longest + lanes_ + 15) / 16 * 16;
    }
    int64_t sumElements = plan_.cutK ? plan_.blockRows() * plan_.maxPanels * width_ : 0;
    if (packedElements + sumElements)
      ctx_.needScratch((packedElements + sumElements) * dtypeSize(spec_.dtype));
    if (plan_.cutK)
      sums_ = element(scratch_, i64(packedElements));
    else if (!sums_)
      sums_ = localSums();

    if (plan_.packA)
      forTiles(
          ctx_, rowBegin_, rowEnd_, plan_.heights,
          [&](Value *row, unsigned height) {
            if (height != plan_.tileRows) return;
            callPackTile(ctx_, spec_.dtype, height, count, addressA(row, from), k_,
                         packedTile(row, count));
          },
          nullptr);

    Value *few = plan_.groupRows
                     ? b_.CreateICmpSLE(b_.CreateSub(rowEnd_, rowBegin_), i64(plan_.groupRows))
                     : nullptr;
    std::vector<unsigned> low = plan_.heights;
    if (plan_.groupRows)
      std::erase_if(low, [&](unsigned height) { return height > plan_.groupRows; });
    forPanels(ctx_, plan_.layout, panelBegin_, panelEnd_, plan_.group, few,
              [&](Value *panel, unsigned panels, Value *columns) {
                tiles(panel, panels, columns, panels > 1 ? low : plan_.heights, from, count, resume,
                      last);
              });
  }

  /// Room for one tile's sums on the stack.
  Value *localSums() {
    unsigned vectors = plan_.tileRows * plan_.layout.vectors;
    for (unsigned height : plan_.heights)
      if (!plan_.groupRows || height <= plan_.groupRows)
        vectors = std::max(vectors, height * plan_.layout.vectors * plan_.group);
    auto *room = ctx_.local(llvm::ArrayType::get(ctx_.registerType(spec_.dtype, lanes_), vectors));
    room->setAlignment(llvm::Align(64));
    return room;
  }

  Value *packedTile(Value *row, Value *count) {
    return element(scratch_, b_.CreateMul(b_.CreateSub(row, rowBegin_), count));
  }

  /// The block's rows with `panels` panels from `panel` on, of the last of which only `columns`
  /// columns are there (null: all).
  void tiles(Value *panel, unsigned panels, Value *columns, const std::vector<unsigned> &heights,
             Value *from, Value *count, Value *resume, Value *last) {
    TileShape shape;
    shape.dtype = spec_.dtype;
    shape.panelVectors = columns ? plan_.layout.tailVectors() : plan_.layout.vectors;
    shape.vectors = shape.panelVectors * panels;
    shape.packedB = plan_.panels;
    shape.masked = columns && !plan_.panels && !wholeVectors();
    TileArguments arguments;
    arguments.k = count;
    arguments.columns = columns;
    arguments.resume = resume;
    Value *column = b_.CreateMul(panel, i64(width_));
    if (plan_.panels) {
      Value *inPanel = b_.CreateMul(from, i64(int64_t(shape.panelVectors) * lanes_));
      arguments.b = element(bBase_, b_.CreateAdd(b_.CreateMul(column, k_), inPanel));
      arguments.panelStride = b_.CreateMul(k_, i64(width_));
    } else {
      arguments.b = element(bBase_, b_.CreateAdd(b_.CreateMul(from, columns_), column));
      arguments.bStride = columns_;
      shape.panelVectors = shape.vectors;
    }
    auto sumsOf = [&](Value *row) {
      if (!plan_.cutK) return sums_;
      Value *place = b_.CreateMul(b_.CreateSub(panel, panelBegin_), i64(plan_.blockRows()));
      place = b_.CreateAdd(place, b_.CreateMul(b_.CreateSub(row, rowBegin_), i64(panels)));
      return element(sums_, b_.CreateMul(place, i64(width_)));
    };
    forTiles(
        ctx_, rowBegin_, rowEnd_, heights,
        [&](Value *row, unsigned height) {
          shape.rows = height;
          shape.left = spec_.transposeA ? TileShape::Columns : TileShape::Rows;
          arguments.a = addressA(row, from);
          arguments.aStride = spec_.transposeA ? rows_ : k_;
          if (plan_.packA && height == plan_.tileRows) {
            shape.left = TileShape::Packed;
            arguments.a = packedTile(row, count);
          }
          arguments.sums = sumsOf(row);
          callTile(ctx_, shape, arguments);
        },
        [&](Value *row, Value *height) {
          auto write = [&] {
            forSums(ctx_, spec_.dtype, sumsOf(row), height, shape.vectors, columns,
                    [&](Value *r, Value *c, Value *sum, Value *mask) {
                      storeVector(sum, b_.CreateAdd(row, r), b_.CreateAdd(column, c), mask);
                    });
          };
          if (last)
            ctx_.ifThen(last, write);
          else
            write();
        });
  }

  bool wholeVectors() const { return spec_.n.isStatic() && spec_.n.value % lanes_ == 0; }

  Value *addressA(Value *row, Value *k) {
    Value *index = spec_.transposeA ? b_.CreateAdd(b_.CreateMul(k, rows_), row)
                                    : b_.CreateAdd(b_.CreateMul(row, k_), k);
    return element(a_, index);
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
  Value *rows_ = nullptr, *columns_ = nullptr, *k_ = nullptr;
  Value *a_ = nullptr, *bBase_ = nullptr, *batch_ = nullptr;
  Value *panelBegin_ = nullptr, *panelEnd_ = nullptr, *rowBegin_ = nullptr, *rowEnd_ = nullptr;
  Value *sums_ = nullptr;
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
  Value *stride = spec.transposeB ? k : n;
  ctx.loop(ctx.i64(0), ctx.dim(productOf(spec.batchB)), ctx.i64(1), [&](Value *batch) {
    Value *from =
        ctx.element(spec.dtype, ctx.buffer(source), ctx.b.CreateMul(batch, ctx.b.CreateMul(k, n)));
    Value *to = ctx.element(spec.dtype, ctx.buffer(destination),
                            ctx.b.CreateMul(batch, ctx.dim(layout.elements())));
    callPackPanels(ctx, layout, from, spec.transposeB, stride, to, ctx.i64(0),
                   ctx.dim(layout.panels()));
  });
}

Dim matMulWorkspaceBytes(const Target &target, const MatMulSpec &spec) {
  Plan plan = makePlan(target, spec);
  if (!plan.packB) return 0;
  return productOf(spec.batchB) * plan.layout.elements() * Dim(dtypeSize(spec.dtype));
}

void emitMatMul(EmitContext &ctx, const MatMulSpec &spec) { MatMulEmitter(ctx, spec).emit(); }

} // namespace graphc::lower
