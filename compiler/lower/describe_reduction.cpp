#include "lower/describe_places.h"

#include <algorithm>

namespace graphc::lower {

namespace {

/// How an input is walked through where axes of it are reduced: the indices of its elements over
/// those of the output, then those of the reduced axes.
struct Walk {
  Indices at;
  std::vector<Dim> reduced;
  Dim count = Dim(1);
};

Walk walk(Describer &d, Node *input, std::span<const int64_t> axes, bool keepdims) {
  Walk w;
  size_t kept = 0, next = 0;
  size_t rank = keepdims ? input->shape.size() : input->shape.size() - axes.size();
  for (size_t i = 0; i < input->shape.size(); ++i) {
    if (next < axes.size() && axes[next] == int64_t(i)) {
      w.at.push_back(d.e.index(rank + next++));
      w.reduced.push_back(input->shape[i]);
      w.count = w.count * input->shape[i];
      kept += keepdims;
    } else {
      w.at.push_back(d.e.index(kept++));
    }
  }
  return w;
}

/// A dimension as a number of a floating type.
const Expr *asNumber(Describer &d, DType dtype, Dim dim) {
  return dim.isStatic() ? d.e.number(dtype, double(dim.value)) : d.e.cast(dtype, d.e.dim(dim));
}

/// Of a sum over all pixels of what came through a max_pool: its values alone.
Node *withoutZeros(Describer &d, Node *input, std::span<const int64_t> axes) {
  auto has = [&](int64_t axis) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); };
  if (input->shape.size() != 4 || !isFloating(input->dtype) || !has(1) || !has(2)) return input;
  PooledGrad *pooled = pooledGrad(d, input);
  if (!pooled) return input;
  const PoolSpec &pool = pooled->pool;
  bool fewer = pool.outHeight.value * pool.outWidth.value < pool.height.value * pool.width.value;
  return fewer ? pooled->value : input;
}

template <Combiner combiner>
bool reduction(Describer &d) {
  auto axes = d.op.intsAttr("axes");
  Node *input = d.inputs[0];
  if (combiner == Combiner::Sum) input = withoutZeros(d, input, axes);
  Walk w = walk(d, input, axes, d.op.boolAttr("keepdims"));
  d.outputs[0] =
      d.reduce(d.dtype(), d.shape(), w.reduced, combiner, d.wide(d.e.load(input, w.at)), nullptr);
  return true;
}

bool mean(Describer &d) {
  Walk w = walk(d, d.inputs[0], d.op.intsAttr("axes"), d.op.boolAttr("keepdims"));
  const Expr *value = d.wide(d.e.load(d.inputs[0], w.at));
  const Expr *sum = d.e.acc(value->dtype), *post;
  if (isFloating(value->dtype)) {
    post = d.e.make(ExprKind::Div, sum, asNumber(d, value->dtype, w.count));
  } else {
    // The count may not fit the dtype.
    DType type = isSignedInteger(value->dtype) ? DType::Int64 : DType::UInt64;
    const Expr *count = d.e.cast(type, d.e.dim(w.count));
    const Expr *zero = d.e.integer(type, 0);
    const Expr *quotient = d.e.make(ExprKind::TruncDiv, d.e.cast(type, sum), count);
    post = d.e.select(d.e.make(ExprKind::Eq, count, zero), zero, quotient);
  }
  d.outputs[0] = d.reduce(d.dtype(), d.shape(), w.reduced, Combiner::Sum, value, post);
  return true;
}

template <Combiner combiner>
bool argument(Describer &d) {
  int64_t axis = d.op.intAttr("axis");
  Walk w = walk(d, d.inputs[0], {&axis, 1}, false);
  d.outputs[0] = d.reduce(d.dtype(), d.shape(), w.reduced, combiner,
                          d.wide(d.e.load(d.inputs[0], w.at)), nullptr);
  return true;
}

// Softmax ---------------------------------------------------------------------------------------

/// What softmax and the cross-entropies have in common, along one axis of `logits`.
struct Lines {
  Node *largest = nullptr; // without the axis
  Node *sum = nullptr;     // Σ e^(x - largest), likewise
  Walk w;

  /// x - largest where x's indices are `at`.
  const Expr *shifted(Describer &d, Node *logits, const Indices &at, size_t axis) const {
    Indices line = at;
    line.erase(line.begin() + axis);
    return d.e.sub(d.wide(d.e.load(logits, at)), d.e.load(largest, line));
  }
  const Expr *logSum(Describer &d, const Indices &line) const {
    return d.e.make(ExprKind::Log, d.e.load(sum, line));
  }
};

Lines lines(Describer &d, Node *logits, size_t axis) {
  Lines l;
  int64_t axes[] = {int64_t(axis)};
  l.w = walk(d, logits, axes, false);
  std::vector<Dim> shape = logits->shape;
  shape.erase(shape.begin() + axis);
  DType type = Describer::wideType(logits->dtype);
  l.largest =
      d.reduce(type, shape, l.w.reduced, Combiner::Max, d.wide(d.e.load(logits, l.w.at)), nullptr);
  l.sum = d.reduce(type, shape, l.w.reduced, Combiner::Sum,
                   d.e.make(ExprKind::Exp, l.shifted(d, logits, l.w.at, axis)), nullptr);
  return l;
}

bool softmax(Describer &d) {
  Node *logits = d.inputs[0];
  auto axis = size_t(d.op.intAttr("axis"));
  // e^(x - largest) is kept: it is needed for the sum and for the result.
  std::vector<Dim> shape = logits->shape;
  shape.erase(shape.begin() + axis);
  int64_t axes[] = {int64_t(axis)};
  Walk w = walk(d, logits, axes, false);
  DType type = Describer::wideType(logits->dtype);
  Lines l;
  l.largest =
      d.reduce(type, shape, w.reduced, Combiner::Max, d.wide(d.e.load(logits, w.at)), nullptr);
  Indices at = d.indices(logits->shape.size());
  Node *powers =
      d.pointwise(type, logits->shape, d.e.make(ExprKind::Exp, l.shifted(d, logits, at, axis)));
  l.sum = d.reduce(type, shape, w.reduced, Combiner::Sum, d.e.load(powers, w.at), nullptr);
  Indices line = at;
  line.erase(line.begin() + axis);
  return d.give(d.e.make(ExprKind::Div, d.e.load(powers, at), d.e.load(l.sum, line)));
}

bool logSoftmax(Describer &d) {
  Node *logits = d.inputs[0];
  auto axis = size_t(d.op.intAttr("axis"));
  Lines l = lines(d, logits, axis);
  Indices at = d.indices(logits->shape.size());
  Indices line = at;
  line.erase(line.begin() + axis);
  return d.give(d.e.sub(l.shifted(d, logits, at, axis), l.logSum(d, line)));
}

/// Σ labels (log Σ e^(x - m) - (x - m))
bool crossEntropy(Describer &d) {
  Node *logits = d.inputs[0], *labels = d.inputs[1];
  auto axis = size_t(d.op.intAttr("axis"));
  Lines l = lines(d, logits, axis);
  Indices line = l.w.at;
  line.erase(line.begin() + axis);
  // The logarithm once a line, not once an element.
  DType type = Describer::wideType(logits->dtype);
  Node *logs = d.pointwise(type, l.sum->shape, l.logSum(d, d.indices(l.sum->shape.size())));
  const Expr *loss = d.e.sub(d.e.load(logs, line), l.shifted(d, logits, l.w.at, axis));
  const Expr *value = d.e.mul(d.wide(d.e.load(labels, l.w.at)), loss);
  d.outputs[0] = d.reduce(d.dtype(), d.shape(), l.w.reduced, Combiner::Sum, value, nullptr);
  return true;
}

bool sparseCrossEntropy(Describer &d) {
  Node *logits = d.inputs[0], *labels = d.inputs[1];
  size_t axis = logits->shape.size() - 1;
  Indices line = d.indices(axis);
  const Expr *label = d.e.cast(DType::Int64, d.e.load(labels, line));
  d.checkIndex(labels->shape, label, d.e.dim(logits->shape[axis]));
  Lines l = lines(d, logits, axis);
  Indices at = line;
  at.push_back(label);
  return d.give(d.e.sub(l.logSum(d, line), l.shifted(d, logits, at, axis)));
}

constexpr Description table[] = {
    {"Sum", reduction<Combiner::Sum>},
    {"Prod", reduction<Combiner::Prod>},
    {"Max", reduction<Combiner::Max>},
    {"Min", reduction<Combiner::Min>},
    {"Any", reduction<Combiner::Any>},
    {"All", reduction<Combiner::All>},
    {"Mean", mean},
    {"ArgMax", argument<Combiner::ArgMax>},
    {"ArgMin", argument<Combiner::ArgMin>},
    {"Softmax", softmax},
    {"LogSoftmax", logSoftmax},
    {"SoftmaxCrossEntropyWithLogits", crossEntropy},
    {"SparseSoftmaxCrossEntropyWithLogits", sparseCrossEntropy},
};

} // namespace

std::span<const Description> reductionDescriptions() { return table; }

} // namespace graphc::lower
