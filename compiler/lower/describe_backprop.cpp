// The derivatives of convolutions and poolings.
#include "lower/conv_places.h"
#include "lower/describe_places.h"

namespace graphc::lower {

namespace {

constexpr int64_t mostPhases = 16;

/// What a convolution and its derivatives go by.
struct Conv {
  int64_t strides[2], dilations[2];
  Dim pads[4];
  int64_t groups;

  explicit Conv(const Operation &op) : groups(op.intAttr("groups", 1)) {
    for (size_t i = 0; i < 2; ++i) {
      strides[i] = op.intsAttr("strides")[i];
      dilations[i] = op.intsAttr("dilations")[i];
    }
    for (size_t i = 0; i < 4; ++i) pads[i] = op.dimsAttr("pads")[i];
  }
};

/// Fills in the windows that `grad` has come through, if it has, and if all sizes are known that
/// convolutions of places want to know: then a product with each value is less work than one with
/// each element.
PooledGrad *comesPooled(Describer &d, Node *grad, Conv2DSpec &spec) {
  for (Dim size : {spec.height, spec.width, spec.channels, spec.filterHeight, spec.filterWidth,
                   spec.outHeight, spec.outWidth, spec.outChannels})
    if (!size.isStatic() || size.value < 1) return nullptr;
  bool plain = spec.padTop.isStatic() && spec.padLeft.isStatic() && spec.dilationHeight == 1 &&
               spec.dilationWidth == 1 && spec.filterChannels == spec.channels;
  PooledGrad *pooled = plain ? pooledGrad(d, grad) : nullptr;
  if (!pooled) return nullptr;
  const PoolSpec &pool = pooled->pool;
  spec.windows = {pool.outHeight.value, pool.outWidth.value, pool.windowHeight, pool.windowWidth,
                  pool.strideHeight,    pool.strideWidth,    pool.padTop.value, pool.padLeft.value};
  return placesPay(spec, pool.height.value, pool.width.value) ? pooled : nullptr;
}

// By the input ----------------------------------------------------------------------------------

/// The derivative by the input is a convolution too, of what comes back from the output with the
/// filter turned around, its channels swapped.
class InputBackprop {
public:
  InputBackprop(Describer &d, bool depthwise)
      : d_(d), depthwise_(depthwise), conv_(d.op), filter_(d.computable(d.inputs[0])),
        out_(d.computable(d.inputs[1])), shape_(d.shape()) {}

  Node *describe() {
    if (conv_.strides[0] == 1 && conv_.strides[1] == 1) return whole(out_);
    if (hasPhases()) return phases();
    return whole(spread());
  }

private:
  /// Rows (or columns) of the turned filter: tap i of the result is tap first + step·(count - 1 -
  /// i) of the filter.
  struct Taps {
    Dim first, count;
    int64_t step = 1;
  };

  Node *turned(const Taps &rows, const Taps &columns) {
    auto &e = d_.e;
    auto tap = [&](const Taps &taps, const Expr *i) {
      Dim last = taps.first + Dim(taps.step) * (taps.count - 1);
      return e.sub(e.dim(last), e.mul(i, e.i64(taps.step)));
    };
    const Expr *i = tap(rows, e.index(0)), *j = tap(columns, e.index(1));
    const Expr *o = e.index(2), *c = e.index(3);
    Dim channels = shape_[3], each = filter_->shape[3];
    if (depthwise_ && each.is(1))
      return d_.pointwise(filter_->dtype, {rows.count, columns.count, channels, Dim(1)},
                          e.load(filter_, {i, j, o, e.i64(0)}));
    if (depthwise_) {
      std::vector<Dim> shape = {rows.count, columns.count, each, channels};
      return d_.pointwise(filter_->dtype, shape, e.load(filter_, {i, j, c, o}));
    }
    if (conv_.groups > 1) {
      each = floorDiv(each, Dim(conv_.groups));
      const Expr *perGroup = e.dim(filter_->shape[2]);
      const Expr *group = e.make(ExprKind::FloorDiv, c, perGroup);
      o = e.add(e.mul(group, e.dim(each)), o);
      c = e.make(ExprKind::FloorMod, c, perGroup);
    }
    std::vector<Dim> shape = {rows.count, columns.count, each, channels};
    return d_.pointwise(filter_->dtype, shape, e.load(filter_, {i, j, c, o}));
  }

  /// `image` under the turned filter, with stride 1.
  Node *convolve(Node *image, const Taps &rows, const Taps &columns, Dim padTop, Dim padLeft,
                 Dim height, Dim width, DType dtype) {
    Node *filter = turned(rows, columns);
    bool plain = depthwise_ && filter_->shape[3].is(1);
    Node node = d_.contraction(plain ? Node::Depthwise : Node::Conv2D, dtype,
                               {shape_[0], height, width, shape_[3]}, {image, filter});
    Conv2DSpec &spec = node.conv;
    spec.dtype = image->dtype;
    spec.batch = shape_[0];
    spec.height = image->shape[1];
    spec.width = image->shape[2];
    spec.channels = image->shape[3];
    spec.filterHeight = rows.count;
    spec.filterWidth = columns.count;
    spec.filterChannels = filter->shape[2];
    spec.outHeight = height;
    spec.outWidth = width;
    spec.outChannels = shape_[3];
    spec.dilationHeight = rows.step == 1 ? conv_.dilations[0] : 1;
    spec.dilationWidth = columns.step == 1 ? conv_.dilations[1] : 1;
    spec.padTop = padTop;
    spec.padLeft = padLeft;
    bool vectors = shape_[3].isStatic() && shape_[3].value % 4 == 0;
    PooledGrad *pooled = nullptr;
    if (!depthwise_ && vectors && image == out_ && node.accumulator == image->dtype)
      pooled = comesPooled(d_, out_, spec);
    if (pooled) {
      node.kind = Node::Conv2DPlaces;
      node.operands = {pooled->value, filter, placesOf(d_, *pooled)};
    }
    return d_.add(std::move(node));
  }

  Node *whole(Node *image) {
    Taps taps[2];
    Dim pads[2];
    for (int i = 0; i < 2; ++i) {
      taps[i] = {Dim(0), filter_->shape[size_t(i)], 1};
      pads[i] = (taps[i].count - 1) * Dim(conv_.dilations[i]) - conv_.pads[2 * i];
    }
    return convolve(image, taps[0], taps[1], pads[0], pads[1], shape_[1], shape_[2], d_.dtype());
  }

  /// What comes back from the output, with zeros where the stride jumps.
  Node *spread() {
    auto &e = d_.e;
    Indices at = d_.indices(4);
    std::vector<Dim> shape = out_->shape;
    const Expr *there = e.boolean(true);
    for (size_t i = 0; i < 2; ++i) {
      int64_t stride = conv_.strides[i];
      if (stride == 1) continue;
      Dim &size = shape[i + 1];
      size = max((size - 1) * Dim(stride) + 1, 0);
      const Expr *rest = e.make(ExprKind::FloorMod, at[i + 1], e.i64(stride));
      there = e.both(there, e.make(ExprKind::Eq, rest, e.i64(0)));
      at[i + 1] = e.make(ExprKind::FloorDiv, at[i + 1], e.i64(stride));
    }
    const Expr *value = e.select(there, e.load(out_, at), e.number(out_->dtype, 0));
    return d_.pointwise(out_->dtype, shape, value);
  }

  bool hasPhases() const {
    if (conv_.strides[0] * conv_.strides[1] > mostPhases) return false;
    for (size_t i = 0; i < 2; ++i)
      if (conv_.dilations[i] != 1 || !conv_.pads[2 * i].isStatic() || !filter_->shape[i].isStatic())
        return false;
    return true;
  }

  /// Row y = stride·q + phase of the input meets only every stride-th row of the filter: rows of
  /// one phase are a convolution of their own with stride 1.
  Node *phases() {
    auto &e = d_.e;
    Node all;
    all.kind = Node::Pieces;
    all.dtype = d_.dtype();
    all.shape = shape_;
    struct Phase {
      Taps taps;
      Dim pad, size;
    };
    std::vector<Phase> axes[2];
    for (int i = 0; i < 2; ++i) {
      int64_t stride = conv_.strides[i], size = filter_->shape[size_t(i)].value;
      for (int64_t phase = 0; phase < stride; ++phase) {
        int64_t reach = phase + conv_.pads[2 * i].value;
        int64_t first = reach % stride,
                count = std::max<int64_t>(0, (size - first + stride - 1) / stride);
        Dim length = ceilDiv(shape_[size_t(i) + 1] - phase, stride);
        axes[i].push_back(
            {{Dim(first), Dim(count), stride}, Dim(count - 1 - reach / stride), length});
      }
    }
    for (size_t row = 0; row < axes[0].size(); ++row)
      for (size_t column = 0; column < axes[1].size(); ++column) {
        const Phase &y = axes[0][row], &x = axes[1][column];
        Piece piece;
        piece.dims = {shape_[0], y.size, x.size, shape_[3]};
        if (y.taps.count.is(0) || x.taps.count.is(0))
          piece.value = e.number(d_.dtype(), 0);
        else
          piece.value =
              e.load(convolve(out_, y.taps, x.taps, y.pad, x.pad, y.size, x.size, d_.dtype()),
                     d_.indices(4));
        auto place = [&](int k, int64_t stride, size_t phase) {
          return e.add(e.mul(e.index(k), e.i64(stride)), e.i64(int64_t(phase)));
        };
        piece.place = {e.index(0), place(1, conv_.strides[0], row),
                       place(2, conv_.strides[1], column), e.index(3)};
        all.pieces.push_back(std::move(piece));
      }
    return d_.add(std::move(all));
  }

  Describer &d_;
  bool depthwise_;
  Conv conv_;
  Node *filter_, *out_;
  std::vector<Dim> shape_;
};

template <bool depthwise>
bool byInput(Describer &d) {
  d.outputs[0] = InputBackprop(d, depthwise).describe();
  return true;
}

// By the filter ---------------------------------------------------------------------------------

/// The input with all that the filter's taps fall on, and nothing missing: itself where there is no
/// padding, else a copy with zeros around.
Node *padded(Describer &d, const Conv &conv, Node *input, Node *out, std::span<const Dim> filter) {
  bool itself = true;
  for (Dim pad : conv.pads) itself &= pad.is(0);
  if (itself) return input;
  Indices at = d.indices(4);
  std::vector<Dim> shape = input->shape;
  const Expr *inside = nullptr;
  for (int i = 0; i < 2; ++i) {
    auto axis = size_t(i + 1);
    shape[axis] = max((out->shape[axis] - 1) * Dim(conv.strides[i]) +
                          (filter[size_t(i)] - 1) * Dim(conv.dilations[i]) + 1,
                      0);
    Tap tap = tapOf(d, at[axis], d.e.i64(0), 1, 1, conv.pads[2 * i], input->shape[axis]);
    at[axis] = tap.at;
    inside = inside ? d.e.both(inside, tap.inside) : tap.inside;
  }
  return d.pointwise(input->dtype, shape,
                     d.e.select(inside, d.e.load(input, at), d.e.number(input->dtype, 0)));
}

/// The sum over slices, which are the first dimension of `made` if there are several.
Node *sumOfSlices(Describer &d, Node *made, int64_t slices, DType dtype,
                  const std::vector<Dim> &shape) {
  if (slices == 1) return made;
  Indices at = {d.e.index(4)};
  for (int i = 0; i < 4; ++i) at.push_back(d.e.index(i));
  return d.reduce(dtype, shape, {Dim(slices)}, Combiner::Sum, d.e.load(made, at), nullptr);
}

/// The convolution of `input` by a filter of this shape that has given what `out` comes back to,
/// without its padding.
Conv2DSpec specByFilter(const Conv &conv, const Node *input, const Node *out,
                        const std::vector<Dim> &shape) {
  Conv2DSpec spec;
  spec.dtype = input->dtype;
  spec.batch = input->shape[0];
  spec.height = input->shape[1];
  spec.width = input->shape[2];
  spec.channels = input->shape[3];
  spec.filterHeight = shape[0];
  spec.filterWidth = shape[1];
  spec.filterChannels = shape[2];
  spec.outChannels = shape[3];
  spec.outHeight = out->shape[1];
  spec.outWidth = out->shape[2];
  spec.strideHeight = conv.strides[0];
  spec.strideWidth = conv.strides[1];
  spec.dilationHeight = conv.dilations[0];
  spec.dilationWidth = conv.dilations[1];
  return spec;
}

/// The derivative by the filter where `out` came through a max_pool, or null.
Node *byFilterOfPlaces(Describer &d, const Conv &conv, Node *out) {
  Node *input = d.inputs[0];
  std::vector<Dim> shape = d.shape();
  if (input->dtype != out->dtype || d.dtype() != out->dtype) return nullptr;
  Conv2DSpec spec = specByFilter(conv, input, out, shape);
  spec.padTop = conv.pads[0];
  spec.padLeft = conv.pads[2];
  PooledGrad *pooled = comesPooled(d, out, spec);
  // Lanes are elements of a row of the filter.
  if (!pooled || spec.filterWidth.value * spec.channels.value < 4) return nullptr;
  spec.slices = backpropFilterOfPlacesSlices(spec);
  std::vector<Dim> turned = {shape[3], shape[0], shape[1], shape[2]}, sliced = turned;
  if (spec.slices > 1) sliced.insert(sliced.begin(), Dim(spec.slices));
  Node node = d.contraction(Node::ConvFilterPlaces, spec.dtype, sliced,
                            {input, pooled->value, placesOf(d, *pooled)});
  node.conv = spec;
  Node *sum = sumOfSlices(d, d.add(std::move(node)), spec.slices, spec.dtype, turned);
  return d.pointwise(d.dtype(), shape,
                     d.e.load(sum, {d.e.index(3), d.e.index(0), d.e.index(1), d.e.index(2)}));
}

bool convByFilter(Describer &d) {
  Conv conv(d.op);
  std::vector<Dim> shape = d.shape();
  Node *out = d.computable(d.inputs[1]);
  if (Node *made = byFilterOfPlaces(d, conv, out)) {
    d.outputs[0] = made;
    return true;
  }
  Node *input = padded(d, conv, d.computable(d.inputs[0]), out, shape);
  Conv2DSpec spec = specByFilter(conv, input, out, shape);
  spec.slices = backpropFilterSlices(spec);
  std::vector<Dim> sliced = shape;
  if (spec.slices > 1) sliced.insert(sliced.begin(), Dim(spec.slices));
  Node node = d.contraction(Node::ConvFilter, spec.slices > 1 ? spec.dtype : d.dtype(), sliced,
                            {input, out});
  node.conv = spec;
  d.outputs[0] = sumOfSlices(d, d.add(std::move(node)), spec.slices, d.dtype(), shape);
  return true;
}

bool depthwiseByFilter(Describer &d) {
  Conv conv(d.op);
  std::vector<Dim> shape = d.shape();
  auto &e = d.e;
  Node *out = d.inputs[1];
  Node *input = padded(d, conv, d.inputs[0], out, shape);
  const Expr *c = e.index(2), *n = e.index(4), *y = e.index(5), *x = e.index(6);
  auto place = [&](const Expr *at, const Expr *tap, int i) {
    return e.add(e.mul(at, e.i64(conv.strides[i])), e.mul(tap, e.i64(conv.dilations[i])));
  };
  const Expr *image = e.load(input, {n, place(y, e.index(0), 0), place(x, e.index(1), 1), c});
  const Expr *channel = shape[3].is(1) ? c : e.add(e.mul(c, e.dim(shape[3])), e.index(3));
  const Expr *value = e.mul(d.wide(image), d.wide(e.load(out, {n, y, x, channel})));
  d.outputs[0] = d.reduce(d.dtype(), shape, {out->shape[0], out->shape[1], out->shape[2]},
                          Combiner::Sum, value, nullptr);
  return true;
}

// Pooling ---------------------------------------------------------------------------------------

template <Node::Kind kind>
bool maxPoolGrad(Describer &d) {
  auto size = d.op.intsAttr("ksize"), strides = d.op.intsAttr("strides");
  auto pads = d.op.dimsAttr("pads");
  std::vector<Node *> operands;
  for (Node *input : d.inputs) operands.push_back(d.computable(input));
  // What MaxPoolGrad stores, it also adds to: it is not rounded on the way.
  DType stored = kind == Node::MaxPoolGrad ? operands[0]->dtype : d.dtype();
  Node node = d.contraction(kind, stored, d.shape(), operands);
  PoolSpec &spec = node.pool;
  auto &in = d.inputs[0]->shape, &out = d.inputs[1]->shape;
  spec.dtype = node.accumulator;
  spec.batch = in[0];
  spec.height = in[1];
  spec.width = in[2];
  spec.channels = in[3];
  spec.outHeight = out[1];
  spec.outWidth = out[2];
  spec.windowHeight = size[0];
  spec.windowWidth = size[1];
  spec.strideHeight = strides[0];
  spec.strideWidth = strides[1];
  spec.padTop = pads[0];
  spec.padLeft = pads[2];
  Node *made = d.add(std::move(node));
  if (stored != d.dtype()) return d.give(d.e.load(made, d.indices(4)));
  d.outputs[0] = made;
  return true;
}

/// Element y gets its share of every window that covers it: those from floor((y + pad)/stride) on
/// backwards.
bool avgPoolGrad(Describer &d) {
  auto &e = d.e;
  auto size = d.op.intsAttr("ksize"), strides = d.op.intsAttr("strides");
  auto pads = d.op.dimsAttr("pads");
  std::vector<Dim> shape = d.shape(), out = d.inputs[0]->shape;
  Indices at = d.indices(4);
  std::vector<Dim> windows;
  const Expr *covers = nullptr, *count = nullptr;
  for (size_t i = 0; i < 2; ++i) {
    const Expr *y = at[i + 1], *pad = e.dim(pads[2 * i]), *length = e.dim(shape[i + 1]);
    const Expr *window = e.make(ExprKind::FloorDiv, e.add(y, pad), e.i64(strides[i]));
    int64_t most = (size[i] + strides[i] - 1) / strides[i];
    if (most > 1) {
      window = e.sub(window, e.index(int(4 + windows.size())));
      windows.push_back(Dim(most));
    }
    const Expr *begin = e.sub(e.mul(window, e.i64(strides[i])), pad);
    const Expr *end = e.add(begin, e.i64(size[i]));
    const Expr *here =
        e.both(e.both(e.le(e.i64(0), window), e.lt(window, e.dim(out[i + 1]))), e.lt(y, end));
    const Expr *inside = e.sub(e.min(end, length), e.max(begin, e.i64(0)));
    covers = covers ? e.both(covers, here) : here;
    count = count ? e.mul(count, inside) : inside;
    const Expr *last = e.max(e.dim(out[i + 1] - 1), e.i64(0));
    at[i + 1] = e.max(e.min(window, last), e.i64(0));
  }
  const Expr *grad = d.wide(e.load(d.inputs[0], at));
  const Expr *share = e.make(ExprKind::Div, grad, e.cast(grad->dtype, count));
  const Expr *value = e.select(covers, share, e.number(grad->dtype, 0));
  if (windows.empty()) return d.give(value);
  d.outputs[0] = d.reduce(d.dtype(), shape, windows, Combiner::Sum, value, nullptr);
  return true;
}

constexpr Description table[] = {
    {"Conv2DBackpropInput", byInput<false>},
    {"Conv2DBackpropFilter", convByFilter},
    {"DepthwiseConv2dNativeBackpropInput", byInput<true>},
    {"DepthwiseConv2dNativeBackpropFilter", depthwiseByFilter},
    {"MaxPoolGrad", maxPoolGrad<Node::MaxPoolGrad>},
    {"MaxPoolGradGrad", maxPoolGrad<Node::MaxPoolGradGrad>},
    {"AvgPoolGrad", avgPoolGrad},
};

} // namespace

std::span<const Description> backpropDescriptions() { return table; }

} // namespace graphc::lower
