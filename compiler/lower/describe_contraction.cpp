// Matrix products, convolutions and pooling: for floating dtypes they have emitters of their own;
// for integers they are reductions like any other.
#include "lower/describe.h"

namespace graphc::lower {

namespace {

/// Computed by an emitter: all floating dtypes, the 16-bit ones as float32.
bool hasEmitter(DType dtype) { return isFloating(dtype); }

bool matMul(Describer &d) {
  Node *a = d.inputs[0], *b = d.inputs[1];
  bool transposeA = d.op.boolAttr("transpose_a"), transposeB = d.op.boolAttr("transpose_b");
  std::vector<Dim> shape = d.shape();
  size_t rank = shape.size(), rankA = a->shape.size();
  Dim k = a->shape[rankA - (transposeA ? 2 : 1)];
  if (hasEmitter(d.dtype())) {
    Node node = d.contraction(Node::MatMul, d.dtype(), shape, {d.computable(a), d.computable(b)});
    MatMulSpec &spec = node.matmul;
    spec.dtype = node.accumulator;
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

Conv2DSpec convSpec(Describer &d, DType dtype) {
  auto strides = d.op.intsAttr("strides"), dilations = d.op.intsAttr("dilations");
  auto pads = d.op.dimsAttr("pads");
  Conv2DSpec spec;
  auto &input = d.inputs[0]->shape, &filter = d.inputs[1]->shape;
  auto out = d.shape();
  spec.dtype = dtype;
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
  spec.strideHeight = strides[0];
  spec.strideWidth = strides[1];
  spec.dilationHeight = dilations[0];
  spec.dilationWidth = dilations[1];
  spec.padTop = pads[0];
  spec.padLeft = pads[2];
  return spec;
}

/// Floating dtypes are all that convolutions have.
template <bool depthwise>
bool convolution(Describer &d) {
  Node *input = d.computable(d.inputs[0]), *filter = d.computable(d.inputs[1]);
  Node node = d.contraction(depthwise ? Node::Depthwise : Node::Conv2D, d.dtype(), d.shape(),
                            {input, filter});
  node.conv = convSpec(d, node.accumulator);
  d.outputs[0] = d.add(std::move(node));
  return true;
}

template <bool largest>
bool pool(Describer &d) {
  Node *input = d.inputs[0];
  auto size = d.op.intsAttr("ksize"), strides = d.op.intsAttr("strides");
  auto pads = d.op.dimsAttr("pads");
  auto out = d.shape();
  if (hasEmitter(d.dtype())) {
    Node node = d.contraction(largest ? Node::MaxPool : Node::AvgPool, d.dtype(), out,
                              {d.computable(input)});
    PoolSpec &spec = node.pool;
    spec.dtype = node.accumulator;
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
  Tap row = tapOf(d, y, d.e.index(4), strides[0], 1, pads[0], input->shape[1]);
  Tap column = tapOf(d, x, d.e.index(5), strides[1], 1, pads[2], input->shape[2]);
  const Expr *element = d.wide(d.e.load(input, {d.e.index(0), row.at, column.at, d.e.index(3)}));
  DType type = element->dtype;
  const Expr *inside = d.e.both(row.inside, column.inside);
  std::vector<Dim> reduced = {Dim(size[0]), Dim(size[1])};
  // Of integers there is only the largest.
  int64_t bits = dtypeSize(type) * 8;
  const Expr *nothing =
      d.e.integer(type, isSignedInteger(type) ? int64_t(uint64_t(-1) << (bits - 1)) : 0);
  d.outputs[0] = d.reduce(d.dtype(), out, reduced, Combiner::Max,
                          d.e.select(inside, element, nothing), nullptr);
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
