// A convolution's derivative by its filter, as products of matrices: for each row i of the filter,
// rows (j, c) of the result, columns o, and k runs over the output's pixels. Neighbouring (j, c)
// lie side by side in the input, so that tiles read it where it is. With dilated columns or groups,
// that holds for the channels of one tap alone.
#include "lower/conv.h"
#include "lower/microkernel.h"
#include "lower/panels.h"

#include <algorithm>

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

constexpr int64_t blockRows = 96;           // rows of the result in a task
constexpr int64_t blockColumns = 128;       // columns
constexpr int64_t wantedTasks = 16;         // worth cutting the images into slices for
constexpr int64_t sliceProducts = 1 << 19;  // multiplications that are worth being a task
constexpr int64_t packedElements = 1 << 16; // of an image's panels at most, where they are copied
constexpr int64_t slicedElements = 1 << 20; // of the result, in all slices together

struct Rows {
  bool merged; // the taps of a row of the filter with one another
  Dim count;   // of a unit
  Dim units;   // rows, or taps, of all groups
};

Dim groupsOf(const Conv2DSpec &spec) {
  bool empty = spec.channels.is(0) || spec.filterChannels.is(0);
  return empty ? Dim(1) : floorDiv(spec.channels, spec.filterChannels);
}

Rows rowsOf(const Conv2DSpec &spec) {
  Dim groups = groupsOf(spec);
  if (spec.dilationWidth == 1 && groups.is(1))
    return {true, spec.filterWidth * spec.filterChannels, spec.filterHeight};
  return {false, spec.filterChannels, spec.filterHeight * spec.filterWidth * groups};
}

class BackpropFilterEmitter {
public:
  BackpropFilterEmitter(EmitContext &ctx, const Conv2DSpec &spec)
      : ctx_(ctx), b_(ctx.b), spec_(spec), rows_(rowsOf(spec)),
        layout_(panelLayout(ctx.target, spec.dtype, 1, floorDiv(spec.outChannels, groupsOf(spec)))),
        lanes_(layout_.lanes), width_(layout_.width()) {
    unsigned most = tileRows(ctx.target, layout_.vectors);
    heights_ = tileHeights(most);
    if (rows_.count.isStatic() && rows_.count.value > 0) {
      RowTiling tiling = tileRowsEvenly(rows_.count.value, most);
      heights_ = {tiling.rows};
      if (tiling.lastRows != tiling.rows) heights_.push_back(tiling.lastRows);
      for (unsigned group = 4; group > 1 && group_ == 1 && tiling.tiles == 1; group /= 2) {
        unsigned vectors = group * layout_.vectors;
        if (layout_.n.isStatic() && layout_.n.value < group * width_) continue;
        if (vectors <= 8 && tiling.rows <= tileRows(ctx.target, vectors)) group_ = group;
      }
    }
    blockHeight_ = std::max<int64_t>(1, blockRows / heights_[0]) * heights_[0];
    blockPanels_ = std::max<int64_t>(group_, blockColumns / width_);
    // Several panels side by side lie a power of two apart as often as not, where they push each
    // other out of the first cache: an image's are copied for all the tiles that read them.
    layout_.k = spec.outHeight * spec.outWidth;
    bool manyTiles = rows_.count.isStatic() && rows_.count.value > 2 * int64_t(heights_[0]);
    bool manyPanels = layout_.n.isStatic() && layout_.n.value > width_;
    packs_ = manyTiles && manyPanels && layout_.k.isStatic() &&
             layout_.k.value * blockPanels_ * width_ <= packedElements;
  }

  void emit() {
    // Tasks: slices times units times blocks of rows times blocks of panels.
    Value *rowBlocks = ctx_.ceilDivide(ctx_.dim(rows_.count), i64(blockHeight_));
    Value *panelBlocks = ctx_.ceilDivide(ctx_.dim(layout_.panels()), i64(blockPanels_));
    Value *tasks = b_.CreateMul(b_.CreateMul(rowBlocks, panelBlocks), ctx_.dim(rows_.units));
    tasks = b_.CreateMul(tasks, i64(spec_.slices));
    int64_t room = blockHeight_ * blockPanels_ * width_;
    if (packs_) room += layout_.k.value * blockPanels_ * width_;
    ctx_.needScratch(room * dtypeSize(spec_.dtype));
    ctx_.parallel(tasks, i64(1), {}, [&](Value *begin, Value *end, Value *scratch, const Values &) {
      scratch_ = scratch;
      Value *rowBlocks = ctx_.ceilDivide(ctx_.dim(rows_.count), i64(blockHeight_));
      Value *panelBlocks = ctx_.ceilDivide(ctx_.dim(layout_.panels()), i64(blockPanels_));
      ctx_.loop(begin, end, i64(1), [&](Value *task) {
        Value *rowBlock = b_.CreateURem(task, rowBlocks);
        task = b_.CreateUDiv(task, rowBlocks);
        Value *panelBlock = b_.CreateURem(task, panelBlocks);
        task = b_.CreateUDiv(task, panelBlocks);
        Value *units = ctx_.dim(rows_.units);
        emitTask(b_.CreateUDiv(task, units), b_.CreateURem(task, units), rowBlock, panelBlock);
      });
    });
  }

private:
  Value *i64(int64_t value) { return ctx_.i64(value); }
  Value *element(Value *base, Value *index) { return ctx_.element(spec_.dtype, base, index); }

  void emitTask(Value *slice, Value *unit, Value *rowBlock, Value *panelBlock) {
    slice_ = slice;
    Value *channels = ctx_.dim(spec_.channels), *width = ctx_.dim(spec_.width);
    // The unit's place in the filter: row i, and where taps are units of their own, column j of
    // group g.
    Value *row = unit, *tap = i64(0), *group = i64(0);
    if (!rows_.merged) {
      Value *groups = ctx_.dim(groupsOf(spec_)), *filterWidth = ctx_.dim(spec_.filterWidth);
      group = b_.CreateURem(unit, groups);
      row = b_.CreateUDiv(unit, groups);
      tap = b_.CreateURem(row, filterWidth);
      row = b_.CreateUDiv(row, filterWidth);
    }
    filterRow_ = row;
    filterColumn_ = tap;
    groupColumn_ = b_.CreateMul(group, ctx_.dim(layout_.n));
    Value *pixel = b_.CreateMul(b_.CreateMul(row, i64(spec_.dilationHeight)), width);
    pixel = b_.CreateAdd(pixel, b_.CreateMul(tap, i64(spec_.dilationWidth)));
    firstInput_ = b_.CreateAdd(b_.CreateMul(pixel, channels),
                               b_.CreateMul(group, ctx_.dim(spec_.filterChannels)));
    rowBegin_ = b_.CreateMul(rowBlock, i64(blockHeight_));
    rowEnd_ = ctx_.least(b_.CreateAdd(rowBegin_, i64(blockHeight_)), ctx_.dim(rows_.count));
    panelBegin_ = b_.CreateMul(panelBlock, i64(blockPanels_));
    panelEnd_ =
        ctx_.least(b_.CreateAdd(panelBegin_, i64(blockPanels_)), ctx_.dim(layout_.panels()));

    // A share of the images; at least one turn, if of nothing, so that there are sums.
    Value *batch = ctx_.dim(spec_.batch);
    auto share = [&](Value *of) {
      return b_.CreateUDiv(b_.CreateMul(of, batch), i64(spec_.slices));
    };
    Value *begin = share(slice), *end = share(b_.CreateAdd(slice, i64(1)));
    ctx_.loop(begin, ctx_.most(end, b_.CreateAdd(begin, i64(1))), i64(1), [&](Value *image) {
      Value *rows =
          b_.CreateSelect(b_.CreateICmpSLT(image, end), ctx_.dim(spec_.outHeight), i64(0));
      Value *resume = b_.CreateICmpNE(image, begin);
      if (packs_) ctx_.ifThen(b_.CreateICmpSLT(image, end), [&] { pack(image); });
      overTiles([&](Value *panel, unsigned panels, Value *columns, Value *row, unsigned height) {
        products(image, rows, resume, panel, panels, columns, row, height);
      });
    });
    overTiles(nullptr);
  }

  using Tile = std::function<void(Value *panel, unsigned panels, Value *columns, Value *row,
                                  unsigned height)>;

  /// Calls `tile` for the block's tiles; without it, stores their sums.
  void overTiles(const Tile &tile) {
    forPanels(ctx_, layout_, panelBegin_, panelEnd_, group_, nullptr,
              [&](Value *panel, unsigned panels, Value *columns) {
                unsigned vectors = (columns ? layout_.tailVectors() : layout_.vectors) * panels;
                forTiles(
                    ctx_, rowBegin_, rowEnd_, heights_,
                    [&](Value *row, unsigned height) {
                      if (tile) tile(panel, panels, columns, row, height);
                    },
                    [&](Value *row, Value *height) {
                      if (!tile) write(panel, panels, vectors, columns, row, height);
                    });
              });
  }

  Value *sums(Value *panel, unsigned panels, Value *row) {
    Value *place = b_.CreateMul(b_.CreateSub(panel, panelBegin_), i64(blockHeight_));
    place = b_.CreateAdd(place, b_.CreateMul(b_.CreateSub(row, rowBegin_), i64(panels)));
    return element(scratch_, b_.CreateMul(place, i64(width_)));
  }

  /// Elements of the pixels before an image's first, then of the group's channels.
  Value *firstGiven(Value *image) {
    Value *pixels = b_.CreateMul(ctx_.dim(spec_.outHeight), ctx_.dim(spec_.outWidth));
    Value *before = b_.CreateMul(b_.CreateMul(image, pixels), ctx_.dim(spec_.outChannels));
    return b_.CreateAdd(before, groupColumn_);
  }

  /// The place of panel number `panel`, as if all panels were copied.
  Value *packed(Value *panel) {
    Value *sums = i64(blockHeight_ * blockPanels_ * width_);
    Value *place = b_.CreateMul(b_.CreateSub(panel, panelBegin_), i64(layout_.k.value * width_));
    return element(scratch_, b_.CreateAdd(sums, place));
  }

  void pack(Value *image) {
    callPackPanels(ctx_, layout_, element(ctx_.buffer(spec_.filter), firstGiven(image)), false,
                   ctx_.dim(spec_.outChannels), packed(i64(0)), panelBegin_, panelEnd_);
  }

  /// Adds one image's products to a tile's sums.
  void products(Value *image, Value *rows, Value *resume, Value *panel, unsigned panels,
                Value *columns, Value *row, unsigned height) {
    Value *channels = ctx_.dim(spec_.channels), *width = ctx_.dim(spec_.width);
    Value *outChannels = ctx_.dim(spec_.outChannels), *outWidth = ctx_.dim(spec_.outWidth);
    TileShape shape;
    shape.dtype = spec_.dtype;
    shape.rows = height;
    shape.left = TileShape::Columns;
    shape.vectors = (columns ? layout_.tailVectors() : layout_.vectors) * panels;
    shape.panelVectors = shape.vectors;
    shape.masked = columns && !(layout_.n.isStatic() && layout_.n.value % lanes_ == 0);
    shape.loops = true;
    TileArguments arguments;
    Value *line = b_.CreateMul(width, channels);
    Value *at = b_.CreateMul(image, b_.CreateMul(ctx_.dim(spec_.height), line));
    at = b_.CreateAdd(b_.CreateAdd(at, firstInput_), row);
    arguments.a = element(ctx_.buffer(spec_.input), at);
    arguments.aStride = b_.CreateMul(channels, i64(spec_.strideWidth));
    Value *pixel = outChannels; // elements from one pixel of what is given to the next
    if (packs_) {
      shape.panelVectors = columns ? layout_.tailVectors() : layout_.vectors;
      shape.packedB = true;
      shape.masked = false;
      pixel = i64(int64_t(shape.panelVectors) * lanes_);
      arguments.b = packed(panel);
      arguments.panelStride = i64(layout_.k.value * width_);
    } else {
      Value *from = b_.CreateAdd(firstGiven(image), b_.CreateMul(panel, i64(width_)));
      arguments.b = element(ctx_.buffer(spec_.filter), from);
      arguments.bStride = outChannels;
      arguments.columns = columns;
    }
    Value *outLine = b_.CreateMul(outWidth, pixel);
    arguments.k = outWidth;
    arguments.outer = {rows, b_.CreateMul(line, i64(spec_.strideHeight)), outLine};
    arguments.inner = {i64(1), i64(0), i64(0)};
    // One turn of the inner loop is all of k: it advances by nothing, the outer one by a row.
    arguments.sums = sums(panel, panels, row);
    arguments.resume = resume;
    callTile(ctx_, shape, arguments);
  }

  void write(Value *panel, unsigned panels, unsigned vectors, Value *columns, Value *row,
             Value *height) {
    forSums(ctx_, spec_.dtype, sums(panel, panels, row), height, vectors, columns,
            [&](Value *r, Value *c, Value *sum, Value *mask) {
              Value *channel = b_.CreateAdd(groupColumn_, b_.CreateMul(panel, i64(width_)));
              store(sum, b_.CreateAdd(row, r), b_.CreateAdd(channel, c), mask);
            });
  }

  void store(Value *value, Value *row, Value *channel, Value *mask) {
    Value *depth = ctx_.dim(spec_.filterChannels);
    Value *column = filterColumn_, *c = row;
    if (rows_.merged) {
      column = b_.CreateUDiv(row, depth);
      c = b_.CreateURem(row, depth);
    }
    Value *index = b_.CreateMul(slice_, ctx_.dim(spec_.filterHeight));
    index = b_.CreateMul(b_.CreateAdd(index, filterRow_), ctx_.dim(spec_.filterWidth));
    index = b_.CreateMul(b_.CreateAdd(index, column), depth);
    index = b_.CreateMul(b_.CreateAdd(index, c), ctx_.dim(spec_.outChannels));
    index = b_.CreateAdd(index, channel);
    DType stored = spec_.dtype;
    if (spec_.epilogue) {
      Values indices = {filterRow_, column, c, channel};
      if (spec_.slices > 1) indices.insert(indices.begin(), slice_);
      value = spec_.epilogue.apply(ctx_, value, indices, mask);
      if (spec_.epilogue.stored != DType::Invalid) stored = spec_.epilogue.stored;
    }
    ctx_.store(stored, value, ctx_.element(stored, ctx_.buffer(spec_.out), index), mask);
  }

  EmitContext &ctx_;
  llvm::IRBuilder<> &b_;
  const Conv2DSpec &spec_;
  Rows rows_;
  PanelLayout layout_; // of the result's columns, of one group
  int64_t lanes_, width_;
  std::vector<unsigned> heights_;
  unsigned group_ = 1; // panels that a tile takes side by side
  int64_t blockHeight_ = 1, blockPanels_ = 1;
  bool packs_ = false; // the panels of an image, into scratch memory
  // Within a piece, and a task:
  Value *scratch_ = nullptr, *slice_ = nullptr;
  Value *filterRow_ = nullptr, *filterColumn_ = nullptr, *groupColumn_ = nullptr;
  Value *firstInput_ = nullptr;
  Value *rowBegin_ = nullptr, *rowEnd_ = nullptr, *panelBegin_ = nullptr, *panelEnd_ = nullptr;
};

} // namespace

int64_t backpropFilterSlices(const Conv2DSpec &spec) {
  Rows rows = rowsOf(spec);
  Dim columns = spec.outChannels;
  if (!rows.count.isStatic() || !rows.units.isStatic() || !columns.isStatic()) return 1;
  int64_t elements = std::max<int64_t>(1, rows.count.value * rows.units.value * columns.value);
  int64_t blocks = (rows.count.value + blockRows - 1) / blockRows * rows.units.value *
                   ((columns.value + blockColumns - 1) / blockColumns);
  int64_t slices = (wantedTasks + blocks - 1) / std::max<int64_t>(1, blocks);
  slices = std::min(slices, slicedElements / elements);
  if (spec.batch.isStatic()) {
    slices = std::min(slices, spec.batch.value);
    Dim products = spec.batch * spec.outHeight * spec.outWidth * Dim(elements);
    if (products.isStatic() && !products.isOverflow())
      slices = std::min(slices, products.value / sliceProducts);
  }
  return std::max<int64_t>(1, slices);
}

void emitConv2DBackpropFilter(EmitContext &ctx, const Conv2DSpec &spec) {
  BackpropFilterEmitter(ctx, spec).emit();
}

} // namespace graphc::lower
