// Matrix products, convolutions and pooling: for float32 and float64 they have emitters of their
// own; for other dtypes they are reductions like any other.
#include "lower/describe.h"

#include <limits>

namespace graphc::lower {

namespace {

bool hasEmitter(DType dtype) { return dtype == DType::Float32 || dtype == DType::Float64; }

Node contraction(Describer &d, Node::Kind kind) {
  Node node;
  node.kind = kind;
  node.dtype = d.dtype();
  node.accumulator = d.dtype();
  node.shape = d.shape();
  node.operands = d.inputs;
  return node;
}

bool matMul(Describer &d) {
  Node *a = d.inputs[0], *b = d.inputs[1];
  bool transposeA = d.op.boolAttr("transpose_a"), transposeB = d.op.boolAttr("transpose_b");
  std::vector<Dim> shape = d.shape();
  size_t rank = shape.size(), rankA = a->shape.size();
  Dim k = a->shape[rankA - (transposeA ? 2 : 1)];
  if (hasEmitter(d.dtype())) {
    Node node = contraction(d, Node::MatMul);
    MatMulSpec &spec = node.matmul;
    spec.dtype = d.dtype();
    spec.batchA.assign(a->shape.begin(), a->shape.end() - 2);
    spec.batchB.assign(b->shape.begin(), b->shape.end() - 2);
    spec.m = shape[rank - 2];
    spec.n = shape[rank - 1];
    spec.k = k;
    spec.transposeA = transposeA;
    spec.transposeB = transposeB;
    d.outputs[0] = d.add(std::move(node));
    return true;
  }
  const Expr *row = d.e.index(rank - 2), *column = d.e.index(rank - 1), *inner = d.e.index(rank);
  auto element = [&](Node *x, const Expr *first, const Expr *second) {
    Indices at = d.indices(rank - 2);
    at.push_back(first);
    at.push_back(second);
    // Only the batch dimensions broadcast.
    Indices mine;
    size_t skipped = rank - x->shape.size();
    for (size_t i = 0; i < x->shape.size(); ++i)
      mine.push_back(i + 2 < x->shape.size() && x->shape[i].is(1) ? d.e.i64(0) : at[skipped + i]);
    return d.wide(d.e.load(x, mine));
  };
  const Expr *left = transposeA ? element(a, inner, row) : element(a, row, inner);
  const Expr *right = transposeB ? element(b, column, inner) : element(b, inner, column);
  d.outputs[0] = d.reduce(d.dtype(), shape, {k}, Combiner::Sum, d.e.mul(left, right), nullptr);
  return true;
}

/// A tap of a window: which row (or column) of the input it falls on, whether that is inside, and
/// the nearest that is.
struct Tap {
  const Expr *inside;
  const Expr *at;
};

Tap tap(Describer &d, const Expr *out, const Expr *window, int64_t stride, int64_t dilation,
        Dim pad, Dim size) {
  const Expr *at = d.e.sub(
      d.e.add(d.e.mul(out, d.e.i64(stride)), d.e.mul(window, d.e.i64(dilation))), d.e.dim(pad));
  const Expr *inside = d.e.both(d.e.le(d.e.i64(0), at), d.e.lt(at, d.e.dim(size)));
  const Expr *last = d.e.max(d.e.sub(d.e.dim(size), d.e.i64(1)), d.e.i64(0));
  return {inside, d.e.max(d.e.min(at, last), d.e.i64(0))};
}

struct ConvAttrs {
  std::span<const int64_t> strides, dilations;
  std::span<const Dim> pads;
  explicit ConvAttrs(const Operation &op)
      : strides(op.intsAttr("strides")), dilations(op.intsAttr("dilations")),
        pads(op.dimsAttr("pads")) {}
};

Conv2DSpec convSpec(Describer &d, const ConvAttrs &attrs) {
  Conv2DSpec spec;
  auto &input = d.inputs[0]->shape, &filter = d.inputs[1]->shape;
  auto out = d.shape();
  spec.dtype = d.dtype();
  spec.batch = input[0];
  spec.height = input[1];
  spec.width = input[2];
  spec.channels = input[3];
  spec.filterHeight = filter[0];
  spec.filterWidth = filter[1];
  spec.filterChannels = filter[2];
  spec.outHeight = out[1];
  spec.outWidth = out[2];
  spec.outChannels = out[3];
  spec.strideHeight = attrs.strides[0];
  spec.strideWidth = attrs.strides[1];
  spec.dilationHeight = attrs.dilations[0];
  spec.dilationWidth = attrs.dilations[1];
  spec.padTop = attrs.pads[0];
  spec.padLeft = attrs.pads[2];
  return spec;
}

template <bool depthwise>
bool convolution(Describer &d) {
  Node *input = d.inputs[0], *filter = d.inputs[1];
  ConvAttrs attrs(d.op);
  if (hasEmitter(d.dtype())) {
    Node node = contraction(d, depthwise ? Node::Depthwise : Node::Conv2D);
    node.conv = convSpec(d, attrs);
    d.outputs[0] = d.add(std::move(node));
    return true;
  }
  const Expr *n = d.e.index(0), *y = d.e.index(1), *x = d.e.index(2), *o = d.e.index(3);
  const Expr *i = d.e.index(4), *j = d.e.index(5);
  Tap row = tap(d, y, i, attrs.strides[0], attrs.dilations[0], attrs.pads[0], input->shape[1]);
  Tap column = tap(d, x, j, attrs.strides[1], attrs.dilations[1], attrs.pads[2], input->shape[2]);
  std::vector<Dim> reduced = {filter->shape[0], filter->shape[1]};
  const Expr *from, *weight;
  if (depthwise) {
    const Expr *multiplier = d.e.dim(filter->shape[3]);
    from = d.e.make(ExprKind::FloorDiv, o, multiplier);
    weight = d.e.load(filter, {i, j, from, d.e.make(ExprKind::FloorMod, o, multiplier)});
  } else {
    reduced.push_back(filter->shape[2]);
    const Expr *c = d.e.index(6);
    from = c;
    int64_t groups = d.op.intAttr("groups", 1);
    if (groups > 1) {
      Dim each = floorDiv(filter->shape[3], Dim(groups));
      const Expr *group = d.e.make(ExprKind::FloorDiv, o, d.e.dim(each));
      from = d.e.add(d.e.mul(group, d.e.dim(filter->shape[2])), c);
    }
    weight = d.e.load(filter, {i, j, c, o});
  }
  const Expr *image = d.wide(d.e.load(input, {n, row.at, column.at, from}));
  const Expr *product = d.e.mul(image, d.wide(weight));
  const Expr *value =
      d.e.select(d.e.both(row.inside, column.inside), product, d.e.number(product->dtype, 0));
  d.outputs[0] = d.reduce(d.dtype(), d.shape(), reduced, Combiner::Sum, value, nullptr);
  return true;
}

template <bool largest>
bool pool(Describer &d) {
  Node *input = d.inputs[0];
  auto size = d.op.intsAttr("ksize"), strides = d.op.intsAttr("strides");
  auto pads = d.op.dimsAttr("pads");
  auto out = d.shape();
  if (hasEmitter(d.dtype())) {
    Node node = contraction(d, largest ? Node::MaxPool : Node::AvgPool);
    PoolSpec &spec = node.pool;
    spec.dtype = d.dtype();
    spec.batch = input->shape[0];
    spec.height = input->shape[1];
    spec.width = input->shape[2];
    spec.channels = input->shape[3];
    spec.outHeight = out[1];
    spec.outWidth = out[2];
    spec.windowHeight = size[0];
    spec.windowWidth = size[1];
    spec.strideHeight = strides[0];
    spec.strideWidth = strides[1];
    spec.padTop = pads[0];
    spec.padLeft = pads[2];
    d.outputs[0] = d.add(std::move(node));
    return true;
  }
  const Expr *y = d.e.index(1), *x = d.e.index(2);
  Tap row = tap(d, y, d.e.index(4), strides[0], 1, pads[0], input->shape[1]);
  Tap column = tap(d, x, d.e.index(5), strides[1], 1, pads[2], input->shape[2]);
  const Expr *element = d.wide(d.e.load(input, {d.e.index(0), row.at, column.at, d.e.index(3)}));
  DType type = element->dtype;
  const Expr *inside = d.e.both(row.inside, column.inside);
  std::vector<Dim> reduced = {Dim(size[0]), Dim(size[1])};
  if (largest) {
    const Expr *nothing;
    int64_t bits = dtypeSize(type) * 8;
    if (isFloating(type))
      nothing = d.e.number(type, -std::numeric_limits<double>::infinity());
    else
      nothing = d.e.integer(type, isSignedInteger(type) ? int64_t(uint64_t(-1) << (bits - 1)) : 0);
    d.outputs[0] = d.reduce(d.dtype(), out, reduced, Combiner::Max,
                            d.e.select(inside, element, nothing), nullptr);
    return true;
  }
  // How many rows and columns of the window lie inside.
  auto count = [&](const Expr *at, int axis, Dim pad, Dim length) {
    const Expr *begin = d.e.sub(d.e.mul(at, d.e.i64(strides[axis])), d.e.dim(pad));
    const Expr *end = d.e.min(d.e.add(begin, d.e.i64(size[axis])), d.e.dim(length));
    return d.e.max(d.e.sub(end, d.e.max(begin, d.e.i64(0))), d.e.i64(0));
  };
  const Expr *all =
      d.e.mul(count(y, 0, pads[0], input->shape[1]), count(x, 1, pads[2], input->shape[2]));
  const Expr *post = d.e.make(ExprKind::Div, d.e.acc(type), d.e.cast(type, all));
  d.outputs[0] = d.reduce(d.dtype(), out, reduced, Combiner::Sum,
                          d.e.select(inside, element, d.e.number(type, 0)), post);
  return true;
}

constexpr Description table[] = {
    {"MatMul", matMul},
    {"Conv2D", convolution<false>},
    {"DepthwiseConv2dNative", convolution<true>},
    {"MaxPool", pool<true>},
    {"AvgPool", pool<false>},
};

} // namespace

std::span<const Description> contractionDescriptions() { return table; }

} // namespace graphc::lower
