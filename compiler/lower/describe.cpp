#include "lower/describe.h"

#include <map>

namespace graphc::lower {

const Expr *Describer::broadcast(Node *node, const Indices &at) {
  Indices mine;
  size_t skipped = at.size() - node->shape.size();
  for (size_t i = 0; i < node->shape.size(); ++i)
    mine.push_back(node->shape[i].is(1) ? e.i64(0) : at[skipped + i]);
  return e.load(node, mine);
}

Node *Describer::add(Node node) {
  node.op = &op;
  return program.add(std::move(node));
}

Node *Describer::pointwise(DType dtype, std::vector<Dim> shape, const Expr *value) {
  Node node;
  node.kind = Node::Pointwise;
  node.dtype = dtype;
  node.shape = std::move(shape);
  node.value = e.cast(dtype, value);
  return add(std::move(node));
}

Node *Describer::computable(Node *node) {
  if (wideType(node->dtype) == node->dtype) return node;
  return pointwise(wideType(node->dtype), node->shape,
                   wide(e.load(node, indices(node->shape.size()))));
}

Node Describer::contraction(Node::Kind kind, DType dtype, std::vector<Dim> shape,
                            std::vector<Node *> operands) {
  Node node;
  node.kind = kind;
  node.dtype = dtype;
  node.accumulator = operands[0]->dtype;
  node.shape = std::move(shape);
  node.operands = std::move(operands);
  if (node.accumulator != dtype) node.post = e.cast(dtype, e.acc(node.accumulator));
  return node;
}

Node *Describer::reduce(DType dtype, std::vector<Dim> shape, std::vector<Dim> reduced,
                        Combiner combiner, const Expr *value, const Expr *post) {
  Node node;
  node.kind = Node::Reduce;
  node.dtype = dtype;
  node.shape = std::move(shape);
  node.reduced = std::move(reduced);
  node.combiner = combiner;
  node.value = value;
  node.accumulator = value->dtype;
  DType result = combiner >= Combiner::ArgMax ? DType::Int64 : value->dtype;
  if (!post && result != dtype) post = e.acc(result);
  if (post) node.post = e.cast(dtype, post);
  return add(std::move(node));
}

void Describer::failIf(const std::vector<Dim> &shape, const Expr *condition, std::string message) {
  if (condition->isInteger(0)) return;
  Node node;
  node.kind = Node::Check;
  node.shape = shape;
  node.value = condition;
  node.message = std::move(message);
  add(std::move(node));
}

void Describer::checkIndex(const std::vector<Dim> &shape, const Expr *index, const Expr *limit) {
  Node node;
  node.kind = Node::Check;
  node.shape = shape;
  node.value = index;
  node.limit = limit;
  node.message = name();
  add(std::move(node));
}

Tap tapOf(Describer &d, const Expr *out, const Expr *window, int64_t stride, int64_t dilation,
          Dim pad, Dim size) {
  const Expr *at = d.e.sub(
      d.e.add(d.e.mul(out, d.e.i64(stride)), d.e.mul(window, d.e.i64(dilation))), d.e.dim(pad));
  const Expr *inside = d.e.both(d.e.le(d.e.i64(0), at), d.e.lt(at, d.e.dim(size)));
  const Expr *last = d.e.max(d.e.sub(d.e.dim(size), d.e.i64(1)), d.e.i64(0));
  return {inside, d.e.max(d.e.min(at, last), d.e.i64(0))};
}

DescribeFn findDescription(std::string_view type) {
  static const std::map<std::string_view, DescribeFn> table = [] {
    std::map<std::string_view, DescribeFn> all;
    for (auto list : {elementwiseDescriptions(), movementDescriptions(), reductionDescriptions(),
                      contractionDescriptions(), backpropDescriptions(), lineDescriptions(),
                      sourceDescriptions()})
      for (const Description &d : list) all.emplace(d.type, d.describe);
    return all;
  }();
  auto at = table.find(type);
  return at == table.end() ? nullptr : at->second;
}

} // namespace graphc::lower
