#include "graph/graph.h"

#include <algorithm>
#include <memory>

namespace graphc {

Attr intAttr(std::string_view name, int64_t value) {
  Attr a;
  a.name = name, a.kind = Attr::Int, a.i = value;
  return a;
}
Attr floatAttr(std::string_view name, double value) {
  Attr a;
  a.name = name, a.kind = Attr::Float, a.f = value;
  return a;
}
Attr boolAttr(std::string_view name, bool value) {
  Attr a;
  a.name = name, a.kind = Attr::Bool, a.b = value;
  return a;
}
Attr textAttr(std::string_view name, std::string_view value) {
  Attr a;
  a.name = name, a.kind = Attr::Text, std::construct_at(&a.text, value);
  return a;
}
Attr typeAttr(std::string_view name, DType value) {
  Attr a;
  a.name = name, a.kind = Attr::Type, a.dtype = value;
  return a;
}
Attr intsAttr(std::string_view name, std::span<const int64_t> value) {
  Attr a;
  a.name = name, a.kind = Attr::Ints, std::construct_at(&a.ints, value);
  return a;
}
Attr dimsAttr(std::string_view name, std::span<const Dim> value) {
  Attr a;
  a.name = name, a.kind = Attr::Dims, std::construct_at(&a.dims, value);
  return a;
}
Attr literalAttr(std::string_view name, const Literal *value) {
  Attr a;
  a.name = name, a.kind = Attr::Tensor, a.literal = value;
  return a;
}

const Attr *Operation::attr(std::string_view attrName) const {
  for (const auto &a : attrs)
    if (a.name == attrName) return &a;
  return nullptr;
}
int64_t Operation::intAttr(std::string_view attrName, int64_t otherwise) const {
  const Attr *a = attr(attrName);
  return a && a->kind == Attr::Int ? a->i : otherwise;
}
double Operation::floatAttr(std::string_view attrName, double otherwise) const {
  const Attr *a = attr(attrName);
  return a && a->kind == Attr::Float ? a->f : otherwise;
}
bool Operation::boolAttr(std::string_view attrName, bool otherwise) const {
  const Attr *a = attr(attrName);
  return a && a->kind == Attr::Bool ? a->b : otherwise;
}
std::string_view Operation::textAttr(std::string_view attrName, std::string_view otherwise) const {
  const Attr *a = attr(attrName);
  return a && a->kind == Attr::Text ? a->text : otherwise;
}
std::span<const int64_t> Operation::intsAttr(std::string_view attrName) const {
  const Attr *a = attr(attrName);
  return a && a->kind == Attr::Ints ? a->ints : std::span<const int64_t>();
}
std::span<const Dim> Operation::dimsAttr(std::string_view attrName) const {
  const Attr *a = attr(attrName);
  return a && a->kind == Attr::Dims ? a->dims : std::span<const Dim>();
}
DType Operation::typeAttr(std::string_view attrName, DType otherwise) const {
  const Attr *a = attr(attrName);
  return a && a->kind == Attr::Type ? a->dtype : otherwise;
}
const Literal *Operation::literalAttr(std::string_view attrName) const {
  const Attr *a = attr(attrName);
  return a && a->kind == Attr::Tensor ? a->literal : nullptr;
}

Operation *Graph::addOperation(const OpDef *def, std::string_view type, std::string_view name,
                               std::span<Tensor *const> inputs, std::span<const Attr> attrs,
                               std::span<const Tensor> outputs, Span span, const CallSite *caller) {
  auto *op = arena.make<Operation>();
  op->def = def;
  op->type = type;
  op->name = name;
  op->inputs = arena.copy(inputs);
  op->attrs = arena.copy(attrs);
  op->outputs = arena.copy(outputs);
  op->span = span;
  op->caller = caller;
  op->id = operations.size();
  op->within = open.empty() ? nullptr : open.back();
  ++made;
  for (uint32_t i = 0; i < op->outputs.size(); ++i) {
    op->outputs[i].op = op;
    op->outputs[i].index = i;
  }
  operations.push_back(op);
  return op;
}

Shape Graph::makeShape(std::span<const Dim> from) { return Shape(arena.copy(from)); }

const Literal *Graph::makeLiteral(DType dtype, std::span<const int64_t> shape,
                                  std::span<const std::byte> bytes) {
  auto *literal = arena.make<Literal>();
  literal->dtype = dtype;
  literal->dims = arena.copy(shape);
  // Aligned for every element type, so that `as<T>` may be used.
  auto *to = static_cast<std::byte *>(
      arena.allocate(std::max<size_t>(bytes.size(), 1), alignof(std::max_align_t)));
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  literal->bytes = {to, bytes.size()};
  return literal;
}

namespace {
// Inputs are made before their users, so the order of creation is a topological one. Operations are
// visited from the last one on: that is their order in memory, too.
class Collector {
public:
  void add(Operation *op) {
    if (op->id >= known_.size()) known_.resize(op->id + 1);
    if (known_[op->id]) return;
    known_[op->id] = op;
    end_ = std::max(end_, size_t(op->id) + 1);
    ++count_;
  }
  /// Those that were added and all that they need.
  std::vector<Operation *> collect() {
    while (end_ > 0) {
      const Operation *op = known_[--end_];
      if (!op) continue;
      for (auto *input : op->inputs) add(input->op);
      for (auto *before : op->controlInputs) add(before);
    }
    std::vector<Operation *> found;
    found.reserve(count_);
    for (auto *op : known_)
      if (op) found.push_back(op);
    return found;
  }

private:
  std::vector<Operation *> known_; // by id
  size_t end_ = 0;                 // what those from here on need was added
  size_t count_ = 0;
};
} // namespace

std::vector<Operation *> neededBy(const Export &exported) {
  Collector collector;
  for (const auto &output : exported.outputs)
    if (output.tensor) collector.add(output.tensor->op);
  for (auto *effect : exported.effects) collector.add(effect);
  return collector.collect();
}

std::vector<Operation *> neededByInitialValues(const Graph &graph) {
  Collector collector;
  for (const auto *variable : graph.variables)
    if (variable->initialValue) collector.add(variable->initialValue->op);
  return collector.collect();
}

std::vector<Variable *> updatedBy(const std::vector<Operation *> &operations) {
  std::vector<Variable *> updated;
  for (auto *op : operations)
    if (writesVariable(*op)) updated.push_back(op->variable);
  std::sort(updated.begin(), updated.end(), [](auto *a, auto *b) { return a->index < b->index; });
  updated.erase(std::unique(updated.begin(), updated.end()), updated.end());
  return updated;
}

bool readsVariable(const Operation &op) { return op.variable && op.type == "ReadVariable"; }
bool writesVariable(const Operation &op) { return op.variable && op.type != "ReadVariable"; }

} // namespace graphc
