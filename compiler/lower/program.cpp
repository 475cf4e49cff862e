#include "lower/loop.h"

#include <fmt/format.h>

namespace graphc::lower {

const Expr *ExprPool::load(Node *node, Indices indices) {
  // A literal's only number, and what is the same everywhere, needs no memory.
  if (node->kind == Node::Pointwise && node->value->isConst()) return node->value;
  Expr e(ExprKind::Load, node->dtype);
  e.args = std::move(indices);
  e.node = node;
  return intern(std::move(e));
}

Node *Program::add(Node node) {
  node.id = nodes.size();
  nodes.push_back(std::make_unique<Node>(std::move(node)));
  return nodes.back().get();
}

bool Program::mayFail() const {
  for (const auto &node : nodes)
    if (node->kind == Node::Check ||
        (node->kind == Node::Loop && !node->dead && node->loop->body->mayFail()))
      return true;
  return false;
}

bool Program::drawsNumbers() const {
  for (const auto &node : nodes)
    if (!node->dead && (node->kind == Node::Random ||
                        (node->kind == Node::Loop && node->loop->body->drawsNumbers())))
      return true;
  return false;
}

std::vector<const Expr *> expressionsOf(const Node &node) {
  std::vector<const Expr *> all;
  if (node.value) all.push_back(node.value);
  if (node.limit) all.push_back(node.limit);
  if (node.post) all.push_back(node.post);
  for (const Piece &piece : node.pieces) {
    all.push_back(piece.value);
    all.insert(all.end(), piece.place.begin(), piece.place.end());
  }
  return all;
}

void replaceExpressions(Node &node, const std::function<const Expr *(const Expr *)> &replace) {
  if (node.value) node.value = replace(node.value);
  if (node.limit) node.limit = replace(node.limit);
  if (node.post) node.post = replace(node.post);
  for (Piece &piece : node.pieces) {
    piece.value = replace(piece.value);
    for (const Expr *&index : piece.place) index = replace(index);
  }
}

Node *storageOf(Node *node) {
  while (node->kind == Node::Alias) node = node->operands[0];
  return node;
}

static const char *const kindNames[] = {
    "const",    "index",    "dim",      "load",  "acc",   "cast",  "neg",   "abs",      "sign",
    "floor",    "ceil",     "round",    "sqrt",  "rsqrt", "exp",   "expm1", "log",      "log1p",
    "tanh",     "sigmoid",  "softplus", "erf",   "erfc",  "sin",   "cos",   "tan",      "asin",
    "acos",     "atan",     "sinh",     "cosh",  "asinh", "acosh", "atanh", "lgamma",   "not",
    "isnan",    "isinf",    "isfinite", "add",   "sub",   "mul",   "div",   "floordiv", "floormod",
    "truncdiv", "truncmod", "pow",      "atan2", "max",   "min",   "eq",    "ne",       "lt",
    "le",       "and",      "or",       "xor",   "shl",   "shr",   "select"};

std::string print(const Expr *e) {
  switch (e->kind) {
  case ExprKind::Const:
    return e->isIntegerOrBool() ? fmt::format("{}", e->integer) : fmt::format("{:g}", e->number);
  case ExprKind::Index:
    return fmt::format("i{}", e->integer);
  case ExprKind::DimValue:
    return toString(e->dim);
  default:
    break;
  }
  std::string text = kindNames[size_t(e->kind)];
  if (e->kind == ExprKind::Load) text = fmt::format("%{}", e->node->id);
  if (e->kind == ExprKind::Cast) text = dtypeName(e->dtype);
  text += e->kind == ExprKind::Load ? "[" : "(";
  for (size_t i = 0; i < e->args.size(); ++i) text += (i ? ", " : "") + print(e->args[i]);
  return text + (e->kind == ExprKind::Load ? "]" : ")");
}

std::string print(const Program &program) {
  static const char *const names[] = {"input",
                                      "variable",
                                      "literal",
                                      "alias",
                                      "pointwise",
                                      "reduce",
                                      "pieces",
                                      "check",
                                      "sequence",
                                      "matmul",
                                      "conv2d",
                                      "depthwise",
                                      "maxpool",
                                      "avgpool",
                                      "convfilter",
                                      "maxpoolgrad",
                                      "maxpoolgradgrad",
                                      "conv2dplaces",
                                      "convfilterplaces",
                                      "maxpoolplaces",
                                      "scan",
                                      "topk",
                                      "random",
                                      "loop",
                                      "loopresult"};
  std::string text;
  for (const auto &node : program.nodes) {
    if (node->dead) continue;
    text += fmt::format("%{} {} {} (", node->id, names[node->kind], dtypeName(node->dtype));
    for (Dim d : node->shape) text += toString(d) + ",";
    text += ")";
    for (const Node *operand : node->operands) text += fmt::format(" %{}", operand->id);
    if (node->value) text += " = " + print(node->value);
    if (node->post) text += " then " + print(node->post);
    for (const Piece &piece : node->pieces) text += " piece " + print(piece.value);
    for (const Node *other : node->together) text += fmt::format(" with %{}", other->id);
    text += node->stored ? " stored\n" : "\n";
    if (node->kind == Node::Loop) text += "{\n" + print(*node->loop->body) + "}\n";
  }
  return text;
}

} // namespace graphc::lower
