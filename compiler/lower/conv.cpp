#include "lower/conv.h"

#include "lower/conv_tile.h"
#include "lower/gemm.h"
#include "lower/microkernel.h"
#include "lower/panels.h"

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

constexpr int64_t taskProducts = 1 << 21; // multiplications that are worth being a task

struct Plan {
  Dim groups;
  PanelLayout layout;            // of one group's filter, [height * width * channels, outChannels]
  bool direct = false;           // sizes are known: tiles of several pixels
  std::vector<unsigned> heights; // of tiles: pixels of a row
  unsigned group = 1;            // panels that a tile takes side by side
  int64_t edgeElements = 0;      // of a copy of the input below a tile
  std::vector<ConvTileRun> runs; // of a row's tiles, where their places are known
  bool splitChannels = false;    // tasks are panels of all rows, not rows with all panels
};

Plan makePlan(const Target &target, const Conv2DSpec &spec) {
  Plan plan;
  bool empty = spec.channels.is(0) || spec.filterChannels.is(0);
  plan.groups = empty ? Dim(1) : floorDiv(spec.channels, spec.filterChannels);
  Dim depth = spec.filterHeight * spec.filterWidth * spec.filterChannels;
  plan.layout = panelLayout(target, spec.dtype, depth, floorDiv(spec.outChannels, plan.groups));
  plan.direct =
      spec.filterHeight.isStatic() && spec.filterWidth.isStatic() && spec.channels.isStatic();
  if (!plan.direct) {
    plan.heights = {1};
    return plan;
  }
  unsigned maxRows = tileRows(target, plan.layout.vectors);
  plan.heights = tileHeights(maxRows);
  if (spec.outWidth.isStatic() && spec.outWidth.value > 0) {
    RowTiling tiling = tileRowsEvenly(spec.outWidth.value, maxRows);
    plan.heights = {tiling.rows};
    if (tiling.lastRows != tiling.rows) plan.heights.push_back(tiling.lastRows);
    for (unsigned group = 4; group > 1 && plan.group == 1 && tiling.tiles == 1; group /= 2) {
      unsigned vectors = group * plan.layout.vectors;
      Dim n = plan.layout.n;
      if (n.isStatic() && n.value < group * plan.layout.width()) continue;
      if (vectors <= 8 && tiling.rows <= tileRows(target, vectors)) plan.group = group;
    }
  }
  if (plan.groups.is(1) && plan.group == 1) plan.runs = convTileRuns(spec, plan.heights[0]);
  int64_t span = (plan.heights[0] - 1) * spec.strideWidth +
                 (spec.filterWidth.value - 1) * spec.dilationWidth + 1;
  plan.edgeElements = spec.filterHeight.value * span * spec.channels.value;
  Dim image = spec.height * spec.width * spec.channels;
  Dim filter = depth * spec.outChannels;
  plan.splitChannels = image.isStatic() && filter.isStatic() && filter.value > image.value;
  return plan;
}

/// The product that a convolution with a 1x1 filter is, if it is one.
bool asMatMul(const Conv2DSpec &spec) {
  return spec.filterHeight.is(1) && spec.filterWidth.is(1) && spec.strideHeight == 1 &&
         spec.strideWidth == 1 && spec.padTop.is(0) && spec.padLeft.is(0) &&
         spec.outHeight == spec.height && spec.outWidth == spec.width &&
         spec.filterChannels == spec.channels;
}

MatMulSpec matMulOf(const Conv2DSpec &spec) {
  MatMulSpec product;
  product.dtype = spec.dtype;
  product.a = spec.input;
  product.b = spec.filter;
  product.out = spec.out;
  product.batchA = {spec.batch, spec.height};
  product.m = spec.width;
  product.n = spec.outChannels;
  product.k = spec.channels;
  product.packedB = spec.packedFilter;
  product.epilogue = spec.epilogue;
  return product;
}

class Conv2DEmitter {
public:
  Conv2DEmitter(EmitContext &ctx, const Conv2DSpec &spec)
      : ctx_(ctx), b_(ctx.b), spec_(spec), plan_(makePlan(ctx.target, spec)),
        lanes_(plan_.layout.lanes), width_(plan_.layout.width()) {}

  void emit() {
    // Tasks: images times groups times runs of rows times runs of panels.
    Value *rows = ctx_.dim(spec_.outHeight), *panels = ctx_.dim(plan_.layout.panels());
    Value *products = b_.CreateMul(ctx_.dim(spec_.outWidth), ctx_.dim(plan_.layout.k));
    Value *perPart =
        plan_.splitChannels ? b_.CreateMul(rows, i64(width_)) : ctx_.dim(plan_.layout.n);
    products = ctx_.most(b_.CreateMul(products, perPart), i64(1));
    Value *parts = plan_.splitChannels ? panels : rows;
    Value *run = ctx_.most(ctx_.least(ctx_.ceilDivide(i64(taskProducts), products), parts), i64(1));
    Value *runs = ctx_.ceilDivide(parts, run);
    Value *images = b_.CreateMul(ctx_.dim(spec_.batch), ctx_.dim(plan_.groups));
    Values outside = {run, runs};
    ctx_.parallel(b_.CreateMul(images, runs), i64(1), outside,
                  [&](Value *begin, Value *end, Value *scratch, const Values &captured) {
                    auto inside = [&](int i) {
                      return llvm::isa<llvm::ConstantInt>(outside[i]) ? outside[i] : captured[i];
                    };
                    beginPiece(scratch);
                    ctx_.loop(begin, end, i64(1), [&](Value *task) {
                      Value *image = b_.CreateUDiv(task, inside(1));
                      Value *first = b_.CreateMul(b_.CreateURem(task, inside(1)), inside(0));
                      Value *parts = plan_.splitChannels ? ctx_.dim(plan_.layout.panels())
                                                         : ctx_.dim(spec_.outHeight);
                      Value *behind = ctx_.least(b_.CreateAdd(first, inside(0)), parts);
                      Value *groups = ctx_.dim(plan_.groups);
                      emitTask(b_.CreateUDiv(image, groups), b_.CreateURem(image, groups), first,
                               behind);
                    });
                  });
  }

private:
  Value *i64(int64_t value) { return ctx_.i64(value); }
  Value *element(Value *base, Value *index) { return ctx_.element(spec_.dtype, base, index); }

  void beginPiece(Value *scratch) {
    scratch_ = scratch;
    batch_ = group_ = nullptr;
    height_ = ctx_.dim(spec_.height);
    imageWidth_ = ctx_.dim(spec_.width);
    channels_ = ctx_.dim(spec_.channels);
    filterHeight_ = ctx_.dim(spec_.filterHeight);
    filterWidth_ = ctx_.dim(spec_.filterWidth);
    depth_ = ctx_.dim(spec_.filterChannels);
    outChannels_ = ctx_.dim(spec_.outChannels);
    outWidth_ = ctx_.dim(spec_.outWidth);
    padLeft_ = ctx_.dim(spec_.padLeft);
    int64_t vectors = int64_t(plan_.heights[0]) * plan_.layout.vectors * plan_.group;
    auto *room = ctx_.local(llvm::ArrayType::get(ctx_.registerType(spec_.dtype, lanes_), vectors));
    room->setAlignment(llvm::Align(64));
    sums_ = room;
  }

  void emitTask(Value *batch, Value *group, Value *first, Value *behind) {
    batch_ = batch;
    group_ = group;
    Value *rowBegin = plan_.splitChannels ? i64(0) : first;
    Value *rowEnd = plan_.splitChannels ? ctx_.dim(spec_.outHeight) : behind;
    Value *panelBegin = plan_.splitChannels ? first : i64(0);
    Value *panelEnd = plan_.splitChannels ? behind : ctx_.dim(plan_.layout.panels());
    forPanels(ctx_, plan_.layout, panelBegin, panelEnd, plan_.group, nullptr,
              [&](Value *panel, unsigned panels, Value *columns) {
                ctx_.loop(rowBegin, rowEnd, i64(1),
                          [&](Value *y) { emitRow(y, panel, panels, columns); });
              });
  }

  /// One row of the output, one or some panels of channels.
  void emitRow(Value *y, Value *panel, unsigned panels, Value *columns) {
    // The filter's rows that lie in the image.
    Value *top = b_.CreateSub(b_.CreateMul(y, i64(spec_.strideHeight)), ctx_.dim(spec_.padTop));
    firstTap_ = ctx_.most(ctx_.ceilDivideSigned(b_.CreateNeg(top), spec_.dilationHeight), i64(0));
    Value *behind = ctx_.least(
        ctx_.ceilDivideSigned(b_.CreateSub(height_, top), spec_.dilationHeight), filterHeight_);
    taps_ = ctx_.most(b_.CreateSub(behind, firstTap_), i64(0));
    Value *firstRow = b_.CreateAdd(top, b_.CreateMul(firstTap_, i64(spec_.dilationHeight)));
    inputRow_ = element(ctx_.buffer(spec_.input),
                        b_.CreateMul(b_.CreateAdd(b_.CreateMul(batch_, height_), firstRow),
                                     b_.CreateMul(imageWidth_, channels_)));

    TileShape shape;
    shape.dtype = spec_.dtype;
    shape.loops = true;
    shape.panelVectors = columns ? plan_.layout.tailVectors() : plan_.layout.vectors;
    shape.vectors = shape.panelVectors * panels;
    shape.packedB = spec_.packedFilter >= 0;
    TileArguments arguments;
    arguments.sums = sums_;
    Value *column = b_.CreateMul(panel, i64(width_));
    Value *bStride; // elements from one k to the next
    if (shape.packedB) {
      bStride = i64(int64_t(shape.panelVectors) * lanes_);
      Value *k = ctx_.dim(plan_.layout.k);
      Value *at = b_.CreateAdd(b_.CreateMul(group_, ctx_.dim(plan_.layout.elements())),
                               b_.CreateMul(column, k));
      filter_ = element(ctx_.buffer(spec_.packedFilter), at);
      arguments.panelStride = b_.CreateMul(k, i64(width_));
    } else {
      bStride = arguments.bStride = outChannels_;
      Value *groupColumn = b_.CreateMul(group_, ctx_.dim(plan_.layout.n));
      filter_ = element(ctx_.buffer(spec_.filter), b_.CreateAdd(groupColumn, column));
      shape.panelVectors = shape.vectors;
      Dim n = plan_.layout.n;
      shape.masked = columns && !(n.isStatic() && n.value % lanes_ == 0);
      arguments.columns = columns;
    }
    auto storeSums = [&](Value *x, Value *height) {
      forSums(ctx_, spec_.dtype, sums_, height, shape.vectors, columns,
              [&](Value *r, Value *c, Value *sum, Value *mask) {
                store(sum, y, b_.CreateAdd(x, r), b_.CreateAdd(column, c), mask);
              });
    };
    auto *constantStride = llvm::dyn_cast<llvm::ConstantInt>(bStride);
    if (!plan_.runs.empty() && !shape.masked && constantStride) {
      for (const ConvTileRun &run : plan_.runs)
        emitRun(run, shape.vectors, constantStride->getSExtValue(), storeSums);
      return;
    }
    forTiles(
        ctx_, i64(0), outWidth_, plan_.heights,
        [&](Value *x, unsigned height) {
          shape.rows = height;
          arguments.aStride = b_.CreateMul(channels_, i64(spec_.strideWidth));
          if (plan_.direct)
            pixels(x, shape, arguments, bStride);
          else
            onePixel(x, shape, arguments, bStride);
        },
        storeSums);
  }

  /// The tiles of a run, whose places in the row are known.
  void emitRun(const ConvTileRun &run, unsigned vectors, int64_t filterStride,
               const std::function<void(Value *x, Value *height)> &storeSums) {
    ConvTileShape shape;
    shape.dtype = spec_.dtype;
    shape.pixels = run.pixels;
    shape.vectors = vectors;
    shape.channels = spec_.channels.value;
    shape.filterWidth = spec_.filterWidth.value;
    shape.filterStride = filterStride;
    shape.left = run.left;
    shape.right = run.right;
    Value *pixels = i64(run.pixels);
    auto tile = [&](Value *x) {
      Value *line = b_.CreateMul(imageWidth_, channels_);
      ConvTileArguments arguments;
      arguments.input = element(inputRow_, b_.CreateMul(b_.CreateSub(x, padLeft_), channels_));
      arguments.rowStep = b_.CreateMul(line, i64(spec_.dilationHeight));
      Value *tapRow = i64(shape.filterWidth * shape.channels * filterStride);
      arguments.filter = element(filter_, b_.CreateMul(firstTap_, tapRow));
      arguments.taps = taps_;
      arguments.sums = sums_;
      callConvTile(ctx_, shape, arguments);
      storeSums(x, pixels);
    };
    if (run.count == 1)
      tile(i64(run.first));
    else
      ctx_.loop(i64(run.first), i64(run.first + run.count * run.pixels), pixels, tile);
  }

  /// A tile of neighbouring pixels of the row, with all columns of the filter: where some of them
  /// lie beside the image, in a copy with zeros there.
  void pixels(Value *x, const TileShape &shape, TileArguments arguments, Value *bStride) {
    Value *left = b_.CreateSub(b_.CreateMul(x, i64(spec_.strideWidth)), padLeft_);
    int64_t span = (shape.rows - 1) * spec_.strideWidth +
                   (spec_.filterWidth.value - 1) * spec_.dilationWidth + 1;
    Value *right = b_.CreateAdd(left, i64(span));
    Value *address = element(inputRow_, b_.CreateMul(left, channels_));
    Value *rowStep = b_.CreateMul(b_.CreateMul(imageWidth_, channels_), i64(spec_.dilationHeight));
    if (!inside()) {
      Value *beside =
          b_.CreateOr(b_.CreateICmpSLT(left, i64(0)), b_.CreateICmpSGT(right, imageWidth_));
      auto *from = b_.GetInsertBlock();
      llvm::BasicBlock *copied = nullptr;
      Value *copyStep = b_.CreateMul(channels_, i64(span));
      ctx_.ifThen(beside, [&] {
        copyEdge(left, right, span, rowStep);
        copied = b_.GetInsertBlock();
      });
      auto choose = [&](Value *direct, Value *copy) {
        auto *phi = b_.CreatePHI(direct->getType(), 2);
        phi->addIncoming(direct, from);
        phi->addIncoming(copy, copied);
        return phi;
      };
      address = choose(address, scratch_);
      rowStep = choose(rowStep, copyStep);
    }
    arguments.a = element(address, b_.CreateMul(group_, depth_));
    Value *tapRow = b_.CreateMul(filterWidth_, depth_); // k from one row of the filter to the next
    arguments.b = element(filter_, b_.CreateMul(b_.CreateMul(firstTap_, tapRow), bStride));
    arguments.outer = {taps_, rowStep, b_.CreateMul(tapRow, bStride)};
    if (spec_.dilationWidth == 1 && plan_.groups.is(1)) {
      // The row's pixels below the filter lie side by side.
      arguments.inner = {i64(1), i64(0), i64(0)};
      arguments.k = tapRow;
    } else {
      arguments.inner = {filterWidth_, b_.CreateMul(channels_, i64(spec_.dilationWidth)),
                         b_.CreateMul(depth_, bStride)};
      arguments.k = depth_;
    }
    callTile(ctx_, shape, arguments);
  }

  /// Known: no tap lies beside the image.
  bool inside() const {
    if (!spec_.padLeft.is(0) || !spec_.outWidth.isStatic() || !spec_.width.isStatic()) return false;
    return (spec_.outWidth.value - 1) * spec_.strideWidth +
               (spec_.filterWidth.value - 1) * spec_.dilationWidth <
           spec_.width.value;
  }

  /// Copies the input's pixels [left, right) of the rows that the filter's taps see to scratch
  /// memory; zeros where there is no image.
  void copyEdge(Value *left, Value *right, int64_t span, Value *rowStep) {
    ctx_.needScratch((plan_.edgeElements + lanes_) * dtypeSize(spec_.dtype));
    Value *first = ctx_.least(ctx_.most(left, i64(0)), right);
    Value *behind = ctx_.most(ctx_.least(right, imageWidth_), first);
    Value *zerosBefore = b_.CreateMul(b_.CreateSub(first, left), channels_);
    Value *copied = b_.CreateMul(b_.CreateSub(behind, left), channels_);
    Value *all = b_.CreateMul(i64(span), channels_);
    ctx_.loop(i64(0), taps_, i64(1), [&](Value *tap) {
      Value *to = element(scratch_, b_.CreateMul(tap, all));
      Value *from = element(
          inputRow_, b_.CreateAdd(b_.CreateMul(tap, rowStep), b_.CreateMul(left, channels_)));
      bool whole = spec_.channels.value % lanes_ == 0;
      auto part = [&](Value *begin, Value *end, bool zeros) {
        copyRun(ctx_, spec_.dtype, zeros ? nullptr : from, to, begin, end, whole);
      };
      part(i64(0), zerosBefore, true);
      part(zerosBefore, copied, false);
      part(copied, all, true);
    });
  }

  /// A tile of one pixel, with the columns of the filter that lie in the image: needs no room whose
  /// size would have to be known.
  void onePixel(Value *x, const TileShape &shape, TileArguments arguments, Value *bStride) {
    Value *left = b_.CreateSub(b_.CreateMul(x, i64(spec_.strideWidth)), padLeft_);
    Value *first =
        ctx_.most(ctx_.ceilDivideSigned(b_.CreateNeg(left), spec_.dilationWidth), i64(0));
    Value *behind = ctx_.least(
        ctx_.ceilDivideSigned(b_.CreateSub(imageWidth_, left), spec_.dilationWidth), filterWidth_);
    Value *column = b_.CreateAdd(left, b_.CreateMul(first, i64(spec_.dilationWidth)));
    Value *at = b_.CreateAdd(b_.CreateMul(column, channels_), b_.CreateMul(group_, depth_));
    arguments.a = element(inputRow_, at);
    Value *tap = b_.CreateAdd(b_.CreateMul(firstTap_, filterWidth_), first);
    Value *tapStep = b_.CreateMul(depth_, bStride);
    arguments.b = element(filter_, b_.CreateMul(tap, tapStep));
    arguments.outer = {
        taps_, b_.CreateMul(b_.CreateMul(imageWidth_, channels_), i64(spec_.dilationHeight)),
        b_.CreateMul(filterWidth_, tapStep)};
    arguments.inner = {b_.CreateSub(behind, first),
                       b_.CreateMul(channels_, i64(spec_.dilationWidth)), tapStep};
    arguments.k = depth_;
    callTile(ctx_, shape, arguments);
  }

  void store(Value *value, Value *y, Value *x, Value *column, Value *mask) {
    Value *channel = b_.CreateAdd(b_.CreateMul(group_, ctx_.dim(plan_.layout.n)), column);
    Value *index = b_.CreateAdd(b_.CreateMul(batch_, ctx_.dim(spec_.outHeight)), y);
    index = b_.CreateAdd(b_.CreateMul(index, outWidth_), x);
    index = b_.CreateAdd(b_.CreateMul(index, outChannels_), channel);
    DType stored = spec_.dtype;
    if (spec_.epilogue) {
      value = spec_.epilogue.apply(ctx_, value, {batch_, y, x, channel}, mask);
      if (spec_.epilogue.stored != DType::Invalid) stored = spec_.epilogue.stored;
    }
    ctx_.store(stored, value, ctx_.element(stored, ctx_.buffer(spec_.out), index), mask);
  }

  EmitContext &ctx_;
  llvm::IRBuilder<> &b_;
  const Conv2DSpec &spec_;
  Plan plan_;
  int64_t lanes_, width_;
  // Within a piece:
  Value *scratch_ = nullptr, *sums_ = nullptr;
  Value *height_ = nullptr, *imageWidth_ = nullptr, *channels_ = nullptr, *padLeft_ = nullptr;
  Value *filterHeight_ = nullptr, *filterWidth_ = nullptr, *depth_ = nullptr;
  Value *outChannels_ = nullptr, *outWidth_ = nullptr;
  // Within a task, and a row:
  Value *batch_ = nullptr, *group_ = nullptr;
  Value *firstTap_ = nullptr, *taps_ = nullptr, *inputRow_ = nullptr, *filter_ = nullptr;
};

} // namespace

int64_t conv2DPackedBytes(const Target &target, const Conv2DSpec &spec) {
  if (asMatMul(spec)) return matMulPackedBytes(target, matMulOf(spec));
  Plan plan = makePlan(target, spec);
  Dim elements = plan.groups * plan.layout.elements();
  if (!elements.isStatic() || elements.isOverflow()) return 0;
  // One panel lies as packed already.
  if (plan.groups.is(1) && plan.layout.n.value <= plan.layout.width()) return 0;
  return elements.value * dtypeSize(spec.dtype);
}

void emitPackConv2D(EmitContext &ctx, const Conv2DSpec &spec, int source, int destination) {
  if (asMatMul(spec)) return emitPackMatMul(ctx, matMulOf(spec), source, destination);
  Plan plan = makePlan(ctx.target, spec);
  ctx.loop(ctx.i64(0), ctx.dim(plan.groups), ctx.i64(1), [&](Value *group) {
    Value *from =
        ctx.element(spec.dtype, ctx.buffer(source), ctx.b.CreateMul(group, ctx.dim(plan.layout.n)));
    Value *to = ctx.element(spec.dtype, ctx.buffer(destination),
                            ctx.b.CreateMul(group, ctx.dim(plan.layout.elements())));
    callPackPanels(ctx, plan.layout, from, false, ctx.dim(spec.outChannels), to, ctx.i64(0),
                   ctx.dim(plan.layout.panels()));
  });
}

void emitConv2D(EmitContext &ctx, const Conv2DSpec &spec) {
  if (asMatMul(spec)) {
    // Without a packed copy the filter would be packed at each call, into a workspace.
    MatMulSpec product = matMulOf(spec);
    if (matMulWorkspaceBytes(ctx.target, product).is(0)) return emitMatMul(ctx, product);
  }
  Conv2DEmitter(ctx, spec).emit();
}

} // namespace graphc::lower
