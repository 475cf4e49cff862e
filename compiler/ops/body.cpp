#include "ops/body.h"

#include "ops/cost.h"
#include "ops/tables.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

namespace {
void enter(Graph &graph, Body &body) {
  graph.open.push_back(&body);
  std::swap(graph.operations, body.operations);
}

void leave(Graph &graph) {
  std::swap(graph.operations, graph.open.back()->operations);
  graph.open.pop_back();
}

Operation *addParameter(Graph &graph, Body &body, const Tensor &like, Span span,
                        const CallSite *caller) {
  Attr attrs[] = {typeAttr("dtype", like.dtype), dimsAttr("shape", like.shape.dims())};
  Tensor output{nullptr, 0, like.dtype, like.shape, like.value};
  auto *made = graph.addOperation(findOp("Parameter"), "Parameter", "", {}, attrs, {&output, 1},
                                  span, caller);
  body.parameters.push_back(made);
  return made;
}

/// The depth of what the tensor is part of: 0 the graph, 1 the outermost open body, … Nothing if
/// that is closed.
std::optional<size_t> depthOf(const Graph &graph, const Tensor &tensor) {
  if (!tensor.op->within) return 0;
  auto at = std::find(graph.open.begin(), graph.open.end(), tensor.op->within);
  if (at == graph.open.end()) return std::nullopt;
  return size_t(at - graph.open.begin()) + 1;
}

/// A constant is made again rather than handed in, so that what it is stays known. One that may be
/// differentiated by is handed in.
bool isCopied(const Operation &op) {
  return op.type == "Const" && (op.name.empty() || !isFloating(op.outputs[0].dtype));
}

/// Room behind the outputs for all that stackToo may be asked for, so that those that are there
/// stay where they are.
void reserveOutputs(Graph &graph, Operation &op) {
  std::vector<Tensor> room(op.outputs.begin(), op.outputs.end());
  for (const auto *inner : op.body->operations)
    if (isDear(*inner)) room.emplace_back();
  auto kept = graph.arena.copy(room);
  for (auto &output : kept) output.op = &op;
  op.outputs = kept.first(op.outputs.size());
}

/// The parameter of open body `depth` - 1 that a tensor of what is around it is.
Tensor *capture(Graph &graph, size_t depth, Tensor *tensor) {
  Body &body = *graph.open[depth - 1];
  auto &known = body.seenAs[tensor];
  if (known) return known;
  // Made in its own list, whatever bodies are open within.
  std::vector<Body *> inner;
  while (graph.open.size() > depth) {
    inner.push_back(graph.open.back());
    leave(graph);
  }
  const auto &op = *tensor->op;
  if (isCopied(op)) {
    known = graph.addOperation(op.def, op.type, "", {}, op.attrs, op.outputs, op.span, op.caller)
                ->output();
  } else {
    known = addParameter(graph, body, *tensor, op.span, op.caller)->output();
    body.captured.push_back(tensor);
  }
  for (; !inner.empty(); inner.pop_back()) enter(graph, *inner.back());
  return known;
}
} // namespace

OpenBody::OpenBody(Graph &graph, Body &body) : graph_(graph) { enter(graph, body); }
OpenBody::~OpenBody() { leave(graph_); }

OutsideBodies::OutsideBodies(Graph &graph) : graph_(graph), open_(graph.open) {
  while (!graph.open.empty()) leave(graph);
}
OutsideBodies::~OutsideBodies() {
  for (auto *body : open_) enter(graph_, *body);
}

Tensor *visible(Graph &graph, Tensor *tensor) {
  auto depth = depthOf(graph, *tensor);
  if (!depth) return nullptr;
  for (size_t d = *depth + 1; d <= graph.open.size(); ++d) tensor = capture(graph, d, tensor);
  return tensor;
}

Tensor *seenAs(Graph &graph, Tensor *tensor) {
  auto depth = depthOf(graph, *tensor);
  if (!depth) return nullptr;
  for (size_t d = *depth; tensor && d < graph.open.size(); ++d) {
    auto at = graph.open[d]->seenAs.find(tensor);
    tensor = at == graph.open[d]->seenAs.end() ? nullptr : at->second;
  }
  return tensor;
}

Tensor *failInvisible(OpBuilder &builder, const Tensor &tensor) {
  const auto &op = *tensor.op;
  return builder.fail(
      Code::WrongType,
      fmt::format("the tensor {} is made anew at each step of a loop: outside of the function that "
                  "makes it, it has no value; let the function give it back",
                  op.name.empty() ? fmt::format("of an operation {}", op.type)
                                  : fmt::format("'{}'", op.name)));
}

ScanParts::ScanParts(const Operation &op)
    : op(op), carried(size_t(op.intAttr("carried"))), elements(size_t(op.intAttr("elements"))),
      captured(op.inputs.size() - carried - elements), stacked(op.body->results.size() - carried) {}

ScanMaker::ScanMaker(OpBuilder &builder, std::vector<Tensor *> initial,
                     std::vector<Tensor *> elements, std::optional<Dim> steps, bool reverse)
    : builder_(builder), initial_(std::move(initial)), elements_(std::move(elements)),
      reverse_(reverse) {
  auto &graph = builder.graph;
  for (auto *list : {&initial_, &elements_})
    for (auto *&tensor : *list) {
      auto *seen = visible(graph, tensor);
      if (!seen) {
        failInvisible(builder, *tensor);
        return;
      }
      tensor = seen;
      bool fits = tensor->shape.hasRank() && (list == &initial_ || tensor->shape.rank() > 0);
      if (!fits) {
        builder.fail(Code::OperandShapes,
                     list == &initial_
                         ? "the rank of a value that is carried from step to step must be known"
                         : fmt::format("elements have a first dimension, unlike shape {}",
                                       toString(tensor->shape)));
        return;
      }
    }
  for (auto *tensor : elements_) {
    Dim size = tensor->shape[0];
    if (!steps) steps = size;
    Dim gap = size - *steps;
    if (gap.is(0)) continue;
    if (gap.isStatic()) {
      builder.fail(Code::OperandShapes,
                   fmt::format("the elements have one first dimension, not {} and {}",
                               toString(*steps), toString(size)));
      return;
    }
    checks_.push_back({DimCheck::Equal, *steps, size, "the first dimensions of the elements"});
    if (size.isStatic()) steps = size;
  }
  steps_ = steps.value_or(Dim(0));

  body_ = graph.makeBody();
  body_->outer = graph.open.empty() ? nullptr : graph.open.back();
  open_ = std::make_unique<OpenBody>(graph, *body_);
  Tensor place{nullptr, 0, DType::Int32, Shape::scalar(), nullptr};
  addParameter(graph, *body_, place, builder.span, builder.caller);
  for (const auto *tensor : initial_) {
    Tensor like{nullptr, 0, tensor->dtype, tensor->shape, nullptr};
    addParameter(graph, *body_, like, builder.span, builder.caller);
  }
  for (const auto *tensor : elements_) {
    Tensor like{nullptr, 0, tensor->dtype, Shape(tensor->shape.dims().subspan(1)), nullptr};
    addParameter(graph, *body_, like, builder.span, builder.caller);
  }
}

bool ScanMaker::fits(const Tensor &next, const Tensor &first) {
  if (next.dtype != first.dtype) {
    builder_.fail(Code::OperandDTypes,
                  fmt::format("a step gives dtype {} for a carried value of {}",
                              dtypeName(next.dtype), dtypeName(first.dtype)));
    return false;
  }
  bool same = next.shape.hasRank() && next.shape.rank() == first.shape.rank();
  for (int a = 0; same && a < first.shape.rank(); ++a) {
    Dim gap = next.shape[a] - first.shape[a];
    if (gap.is(0)) continue;
    same = !gap.isStatic();
    checks_.push_back({DimCheck::Equal, first.shape[a], next.shape[a],
                       "a carried value and what a step makes of it"});
  }
  if (!same)
    builder_.fail(Code::OperandShapes,
                  fmt::format("a step gives shape {} for a carried value of shape {}",
                              toString(next.shape), toString(first.shape)));
  return same;
}

Operation *ScanMaker::finish(std::string_view name, std::span<Tensor *const> carried,
                             std::span<Tensor *const> stacked) {
  auto &graph = builder_.graph;
  std::vector<Tensor> last, each, before;
  auto stack = [&](const Tensor &tensor) {
    std::vector<Dim> dims{steps_};
    dims.insert(dims.end(), tensor.shape.begin(), tensor.shape.end());
    return Tensor{nullptr, 0, tensor.dtype, graph.makeShape(dims), nullptr};
  };
  for (auto list : {carried, stacked})
    for (auto *tensor : list) {
      auto *seen = tensor ? visible(graph, tensor) : nullptr;
      if (!seen) {
        if (tensor) failInvisible(builder_, *tensor);
        return nullptr;
      }
      body_->results.push_back(seen);
    }
  for (size_t i = 0; i < carried.size(); ++i) {
    const Tensor &first = *initial_[i];
    if (!fits(*body_->results[i], first)) return nullptr;
    last.push_back({nullptr, 0, first.dtype, first.shape, nullptr});
    before.push_back(stack(first));
  }
  for (size_t i = carried.size(); i < body_->results.size(); ++i) {
    const Tensor &given = *body_->results[i];
    if (!given.shape.hasRank()) {
      builder_.fail(Code::OperandShapes, "the rank of what a step gives must be known");
      return nullptr;
    }
    each.push_back(stack(given));
  }
  open_.reset();
  std::vector<Tensor *> inputs(initial_);
  inputs.insert(inputs.end(), elements_.begin(), elements_.end());
  inputs.insert(inputs.end(), body_->captured.begin(), body_->captured.end());
  std::vector<Tensor> outputs(std::move(last));
  outputs.insert(outputs.end(), before.begin(), before.end());
  outputs.insert(outputs.end(), each.begin(), each.end());
  Attr attrs[] = {
      intAttr("carried", int64_t(initial_.size())), intAttr("elements", int64_t(elements_.size())),
      dimsAttr("steps", graph.arena.copy(std::vector<Dim>{steps_})), boolAttr("reverse", reverse_)};
  auto *op = graph.addOperation(findOp("Scan"), "Scan", name, inputs, attrs, outputs, builder_.span,
                                builder_.caller);
  op->body = body_;
  reserveOutputs(graph, *op);
  op->checks = graph.arena.copy(checks_);
  std::vector<Operation *> controls;
  auto wait = [&](Operation *control) {
    if (control->within == op->within &&
        std::find(controls.begin(), controls.end(), control) == controls.end())
      controls.push_back(control);
  };
  for (auto *control : builder_.controls) wait(control);
  for (auto *control : body_->controls) wait(control);
  op->controlInputs = graph.arena.copy(controls);
  return op;
}

bool isDear(const Operation &op) {
  return (op.type == "MatMul" || op.type == "BatchMatMulV2" || op.type == "Conv2D" ||
          op.type == "Conv2DBackpropInput") &&
         isFloating(op.outputs[0].dtype) && op.outputs[0].shape.hasRank();
}

size_t stackToo(Graph &graph, Operation &scan, Tensor *tensor) {
  ScanParts parts(scan);
  for (size_t i = 0; i < parts.stacked; ++i)
    if (parts.give(i) == tensor) return i;
  std::vector<Dim> dims{parts.steps()};
  dims.insert(dims.end(), tensor->shape.begin(), tensor->shape.end());
  auto count = uint32_t(scan.outputs.size());
  scan.outputs = {scan.outputs.data(), count + 1};
  scan.outputs[count] = {&scan, count, tensor->dtype, graph.makeShape(dims), nullptr};
  scan.body->results.push_back(tensor);
  return parts.stacked;
}

void copyOperations(Graph &graph, const Body &from,
                    std::unordered_map<const Tensor *, Tensor *> &as) {
  std::unordered_map<const Operation *, Operation *> made;
  for (const auto *op : from.operations) {
    if (op->type == "Parameter") continue;
    std::vector<Tensor *> inputs;
    for (const auto *input : op->inputs) inputs.push_back(as.at(input));
    auto *copy = graph.addOperation(op->def, op->type, "", inputs, op->attrs, op->outputs, op->span,
                                    op->caller);
    copy->checks = op->checks;
    std::vector<Operation *> controls;
    for (const auto *control : op->controlInputs)
      if (auto at = made.find(control); at != made.end()) controls.push_back(at->second);
    copy->controlInputs = graph.arena.copy(controls);
    if (op->body) {
      copy->body = graph.makeBody();
      copy->body->outer = copy->within;
      std::unordered_map<const Tensor *, Tensor *> inner;
      OpenBody open(graph, *copy->body);
      for (const auto *parameter : op->body->parameters)
        inner[parameter->output()] = addParameter(graph, *copy->body, *parameter->output(),
                                                  parameter->span, parameter->caller)
                                         ->output();
      copyOperations(graph, *op->body, inner);
      for (const auto *result : op->body->results) copy->body->results.push_back(inner.at(result));
    }
    if (op->body) reserveOutputs(graph, *copy);
    made[op] = copy;
    for (size_t i = 0; i < op->outputs.size(); ++i) as[&op->outputs[i]] = copy->output(i);
  }
}

bool drawsNumbers(const Operation &op) {
  if (op.type == "random_uniform" || op.type == "random_normal" || op.type == "truncated_normal")
    return true;
  return op.body && std::any_of(op.body->operations.begin(), op.body->operations.end(),
                                [](auto *inner) { return drawsNumbers(*inner); });
}

bool anyMayFail(const Operation &op) {
  if (mayFail(op)) return true;
  return op.body && std::any_of(op.body->operations.begin(), op.body->operations.end(),
                                [](auto *inner) { return anyMayFail(*inner); });
}

uint64_t numberAtPlace(uint64_t number, uint64_t place) {
  // SplitMix64 (Steele, Lea, Flood): one step from the number and the place.
  uint64_t z = number + (place + 1) * placeFactors[0];
  z = (z ^ (z >> 30)) * placeFactors[1];
  z = (z ^ (z >> 27)) * placeFactors[2];
  return z ^ (z >> 31);
}

namespace {
bool inferParameter(Infer &i) {
  auto dims = i.dimsAttr("shape");
  i.output(i.typeAttr("dtype"), std::vector<Dim>(dims.begin(), dims.end()));
  return true;
}

bool inferScan(Infer &i) { return i.fail(Code::WrongArguments, "a Scan is made with its body"); }

/// That of its steps.
void scanCost(const Operation &op, Cost &cost) {
  cost = {};
  for (const auto *inner : op.body->operations)
    if (auto step = costOf(*inner)) {
      cost.flops = cost.flops + step->flops;
      cost.bytes = cost.bytes + step->bytes;
    }
  Dim steps = op.dimsAttr("steps")[0];
  cost.flops = cost.flops * steps;
  cost.bytes = cost.bytes * steps;
}

constexpr OpDef ops[] = {
    {.type = "Parameter", .infer = inferParameter, .cost = costsNothing},
    {.type = "Scan",
     .infer = inferScan,
     .gradient = scanGradient,
     .stateful = true,
     .cost = scanCost},
};
} // namespace

std::span<const OpDef> bodyOps() { return ops; }
std::span<const FunctionDef> bodyFunctions() { return {}; }

} // namespace graphc
