#include "lower/build.h"

#include "lower/describe.h"
#include "lower/loop.h"
#include "ops/body.h"
#include "ops/op.h"
#include "ops/order.h"

namespace graphc::lower {

namespace {

std::vector<Dim> dimsOf(Shape shape) { return {shape.begin(), shape.end()}; }

class Builder {
public:
  Builder(const FrozenVariables &frozen, Diagnostics &diagnostics)
      : program_(std::make_unique<Program>()), frozen_(frozen), diagnostics_(diagnostics) {
    for (auto &[variable, bytes] : frozen) frozenBytes_[bytes.data()] = variable;
  }

  std::unique_ptr<Program> exported(const InterfaceFunction &function) {
    auto needed = neededBy(*function.exported);
    order_ = orderVariables(needed);
    for (auto &[first, second] : order_.unordered) {
      auto &d = diagnostics_.error(
          Code::TwoUpdates, second->span,
          fmt::format("two updates of variable {} that nothing orders", second->variable->opName));
      d.notes.push_back({"the other one", first->span});
      failed_ = true;
    }
    for (size_t i = 0; i < function.inputs.size(); ++i) {
      const Tensor *tensor = function.inputs[i].tensor;
      if (!needRank(*tensor)) continue;
      Node node;
      node.kind = Node::Input;
      node.dtype = tensor->dtype;
      node.shape = dimsOf(tensor->shape);
      node.number = i;
      node.op = tensor->op;
      // The same placeholder may come in under two names; the first one counts.
      tensors_.emplace(tensor, program_->add(std::move(node)));
    }
    for (const Operation *op : needed) describe(*op);
    if (failed_) return nullptr;
    for (const InterfaceBuffer &output : function.outputs)
      program_->outputs.push_back(tensors_.at(output.tensor));
    for (auto &[variable, updates] : order_.updates)
      program_->updates.push_back({variable, tensors_.at(updates.back()->output())});
    return std::move(program_);
  }

  std::unique_ptr<Program> initializer(const Graph &graph) {
    initializes_ = program_->initializes = true;
    for (const Operation *op : neededByInitialValues(graph)) describe(*op);
    for (const graphc::Variable *variable : graph.variables) {
      if (!variable->initialValue || frozen_.contains(variable)) continue;
      if (failed_) break;
      program_->updates.push_back({variable, tensors_.at(variable->initialValue)});
    }
    if (failed_) return nullptr;
    return std::move(program_);
  }

  /// The program of one step. `around`: the nodes that the inputs are outside.
  std::unique_ptr<Program> body(const ScanParts &parts, const std::vector<Node *> &around) {
    const Body &body = *parts.op.body;
    size_t firstCaptured = 1 + parts.carried + parts.elements;
    for (size_t i = 0; i < body.parameters.size(); ++i) {
      const Tensor *tensor = body.parameters[i]->output();
      if (!needRank(*tensor)) return nullptr;
      Node *outside = i < firstCaptured ? nullptr : around[i - 1];
      Node node;
      node.kind = Node::Input;
      node.dtype = tensor->dtype;
      node.shape = dimsOf(tensor->shape);
      node.number = int(i);
      node.op = body.parameters[i];
      if (outside && outside->kind == Node::Literal) {
        node.kind = Node::Literal;
        node.bytes = outside->bytes;
      }
      // What is kept packed of a variable serves within the loop too.
      if (outside) node.variable = storageOf(outside)->variable;
      if (outside && outside->kind == Node::Pointwise && outside->value->isConst()) {
        node.kind = Node::Pointwise;
        const Expr *value = outside->value;
        node.value = value->isIntegerOrBool()
                         ? program_->exprs.integer(value->dtype, value->integer)
                         : program_->exprs.number(value->dtype, value->number);
      }
      tensors_.emplace(tensor, program_->add(std::move(node)));
    }
    for (const Operation *op : body.operations) describe(*op);
    if (failed_) return nullptr;
    for (const Tensor *result : body.results) program_->outputs.push_back(tensors_.at(result));
    return std::move(program_);
  }

private:
  bool needRank(const Tensor &tensor) {
    if (tensor.shape.hasRank()) return true;
    diagnostics_.error(Code::AttributeRange, tensor.op->span,
                       fmt::format("{} has a shape of unknown rank, which can't be compiled",
                                   tensor.op->name.empty() ? tensor.op->type : tensor.op->name));
    failed_ = true;
    return false;
  }

  Node *variableNode(const graphc::Variable *variable) {
    auto known = variables_.find(variable);
    if (known != variables_.end()) return known->second;
    Node *made;
    if (auto frozen = frozen_.find(variable); frozen != frozen_.end()) {
      made =
          literalNode(*program_, nullptr, variable->dtype, dimsOf(variable->shape), frozen->second);
      made->variable = variable;
    } else {
      Node node;
      node.kind = Node::Variable;
      node.dtype = variable->dtype;
      node.shape = dimsOf(variable->shape);
      node.variable = variable;
      made = program_->add(std::move(node));
    }
    variables_.emplace(variable, made);
    return made;
  }

  /// The value that a read or update finds.
  Node *seen(const Operation &op) {
    if (initializes_) {
      const Tensor *value = op.variable->initialValue;
      if (!value || frozen_.contains(op.variable)) return variableNode(op.variable);
      if (!tensors_.contains(value)) {
        // Its initial value comes later in the order of creation.
        for (const Operation *before : neededFor(*value->op)) describe(*before);
      }
      auto known = tensors_.find(value);
      return known == tensors_.end() ? nullptr : known->second;
    }
    auto at = order_.sees.find(&op);
    const Operation *update = at == order_.sees.end() ? nullptr : at->second;
    return update ? tensors_.at(update->output()) : variableNode(op.variable);
  }

  /// The operation and what it needs that has not been described yet, inputs first.
  std::vector<const Operation *> neededFor(const Operation &op) {
    std::vector<const Operation *> order, stack = {&op};
    std::unordered_set<const Operation *> done, open;
    while (!stack.empty()) {
      const Operation *top = stack.back();
      if (done.contains(top)) {
        stack.pop_back();
        continue;
      }
      if (open.insert(top).second) {
        for (const Tensor *input : top->inputs)
          if (!done.contains(input->op)) stack.push_back(input->op);
        continue;
      }
      done.insert(top);
      order.push_back(top);
      stack.pop_back();
    }
    return order;
  }

  void describe(const Operation &op) {
    if (!described_.insert(&op).second) return;
    for (const Tensor &output : op.outputs)
      if (!needRank(output)) return;
    if (failed_) return;
    if (op.type == "Placeholder") return; // an input, or E0402 was reported
    if (op.type == "PlaceholderWithDefault") {
      // Where it is no input, it is its default.
      if (!tensors_.contains(op.output())) tensors_.emplace(op.output(), input(op, 0));
      return;
    }
    if (op.variable) {
      if (Node *node = onVariable(op)) tensors_.emplace(op.output(), node);
      return;
    }
    if (op.type == "Parameter") return; // an input of the body
    std::vector<Node *> inputs;
    for (size_t i = 0; i < op.inputs.size(); ++i) {
      inputs.push_back(input(op, i));
      if (!inputs.back()) return;
    }
    if (op.body) {
      describeLoop(op, std::move(inputs));
      return;
    }
    DescribeFn describeOp = findDescription(op.type);
    Describer describer(*program_, op, std::move(inputs));
    if (!describeOp || !describeOp(describer)) {
      auto &d = diagnostics_.error(
          Code::OperandDTypes, op.span,
          fmt::format("operation {} can't be compiled yet{}", op.type,
                      op.outputs.empty() ? ""
                                         : fmt::format(" for {}", dtypeName(op.outputs[0].dtype))));
      (void)d;
      failed_ = true;
      return;
    }
    for (size_t i = 0; i < op.outputs.size(); ++i) {
      Node *made = describer.outputs[i];
      if (made->kind == Node::Literal)
        if (auto known = frozenBytes_.find(made->bytes.data()); known != frozenBytes_.end())
          made->variable = known->second;
      tensors_.emplace(&op.outputs[i], made);
    }
  }

  void describeLoop(const Operation &op, std::vector<Node *> inputs) {
    ScanParts parts(op);
    auto spec = std::make_shared<LoopSpec>();
    spec->steps = parts.steps();
    spec->reverse = parts.reverse();
    spec->carried = parts.carried;
    spec->elements = parts.elements;
    spec->body = Builder(frozen_, diagnostics_).body(parts, inputs);
    if (!spec->body) {
      failed_ = true;
      return;
    }
    Node node;
    node.kind = Node::Loop;
    node.op = &op;
    node.operands = std::move(inputs);
    node.loop = spec;
    Node *loop = program_->add(std::move(node));
    for (const Tensor &output : op.outputs) {
      Node result;
      result.kind = Node::LoopResult;
      result.dtype = output.dtype;
      result.shape = dimsOf(output.shape);
      result.operands = {loop};
      result.number = int(output.index);
      result.op = &op;
      spec->results.push_back(program_->add(std::move(result)));
      tensors_.emplace(&output, spec->results.back());
    }
  }

  Node *input(const Operation &op, size_t i) {
    auto known = tensors_.find(op.inputs[i]);
    if (known != tensors_.end()) return known->second;
    failed_ = true; // something before it was in error
    return nullptr;
  }

  Node *onVariable(const Operation &op) {
    Node *before = op.type == "Assign" ? nullptr : seen(op);
    if (op.type != "Assign" && !before) {
      failed_ = true;
      return nullptr;
    }
    if (op.type == "ReadVariable") return before;
    Node *value = input(op, 0);
    if (!value) return nullptr;
    // What is computed anyway is the variable's new value as it is.
    bool computed = value->kind > Node::Literal && storageOf(value)->kind > Node::Alias;
    if (op.type == "Assign" && computed && value->dtype == op.variable->dtype &&
        value->shape == dimsOf(op.variable->shape))
      return value;
    Describer d(*program_, op, {value});
    Indices at = d.indices(value->shape.size());
    const Expr *next = d.wide(d.e.load(value, at));
    if (op.type != "Assign") {
      const Expr *old = d.wide(d.e.load(before, at));
      next = op.type == "AssignAdd" ? d.e.add(old, next) : d.e.sub(old, next);
    }
    return d.pointwise(op.variable->dtype, dimsOf(op.variable->shape), next);
  }

  std::unique_ptr<Program> program_;
  const FrozenVariables &frozen_;
  Diagnostics &diagnostics_;
  std::unordered_map<const std::byte *, const graphc::Variable *> frozenBytes_;
  VariableOrder order_;
  std::unordered_map<const Tensor *, Node *> tensors_;
  std::unordered_map<const graphc::Variable *, Node *> variables_;
  std::unordered_set<const Operation *> described_;
  bool initializes_ = false;
  bool failed_ = false;
};

} // namespace

std::unique_ptr<Program> buildExport(const InterfaceFunction &function,
                                     const FrozenVariables &frozen, Diagnostics &diagnostics) {
  return Builder(frozen, diagnostics).exported(function);
}

std::unique_ptr<Program> buildInitializer(const Graph &graph, const FrozenVariables &frozen,
                                          Diagnostics &diagnostics) {
  return Builder(frozen, diagnostics).initializer(graph);
}

} // namespace graphc::lower
