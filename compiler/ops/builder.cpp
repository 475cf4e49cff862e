#include "ops/body.h"
#include "ops/numbers.h"
#include "ops/op.h"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>

namespace graphc {

namespace {
/// E0303 for a shape that has a negative dimension or whose bytes int64 can't count.
std::optional<std::string> badShape(const Tensor &tensor) {
  if (!tensor.shape.hasRank()) return std::nullopt;
  for (Dim d : tensor.shape.dims())
    if (d.isStatic() && d.value < 0 && !d.isOverflow())
      return fmt::format("shape {} has a negative dimension", toString(tensor.shape));
  // Run-time dimensions count as 1: multiplying them out symbolically could take long, and what
  // they are is checked when run.
  Dim bytes(dtypeSize(tensor.dtype));
  bool overflows = false, empty = false;
  for (Dim d : tensor.shape.dims()) {
    if (!d.isStatic()) continue;
    overflows |= d.isOverflow();
    empty |= d.is(0);
    bytes = bytes * d;
  }
  if (overflows || (bytes.isOverflow() && !empty))
    return fmt::format("shape {} of {} is too large", toString(tensor.shape),
                       dtypeName(tensor.dtype));
  return std::nullopt;
}

/// The name of the parameter whose argument `tensor` is; empty if it is none.
std::string_view parameterOf(const Function *function, std::span<const Arg> args,
                             const Tensor *tensor) {
  if (!function) return {};
  for (size_t i = 0; i < args.size(); ++i) {
    const auto &many = args[i].tensors;
    if (args[i].tensor == tensor || std::find(many.begin(), many.end(), tensor) != many.end())
      return function->parameters[i].name;
  }
  return {};
}
} // namespace

Tensor *OpBuilder::fail(Code code, std::string message, std::string_view argument) {
  host.error(code, std::move(message), argument);
  return nullptr;
}

Operation *OpBuilder::make(const OpDef &def, std::string_view name, std::span<Tensor *const> inputs,
                           std::span<const Attr> attrs) {
  bool unknownRank = false;
  const Body *here = graph.open.empty() ? nullptr : graph.open.back();
  std::vector<Tensor *> seen; // where one is of another body
  for (size_t k = 0; k < inputs.size(); ++k) {
    if (!inputs[k]) return nullptr; // its making failed and was reported
    unknownRank |= !inputs[k]->shape.hasRank();
    if (inputs[k]->op->within == here) continue;
    if (seen.empty()) seen.assign(inputs.begin(), inputs.end());
    seen[k] = visible(graph, inputs[k]);
    if (!seen[k]) {
      failInvisible(*this, *inputs[k]);
      return nullptr;
    }
  }
  if (!seen.empty()) inputs = seen;
  if (here && def.type.starts_with("Placeholder")) {
    fail(Code::WrongType, "a placeholder can't be made within the function of a loop");
    return nullptr;
  }
  Infer infer(graph, inputs, attrs);
  infer.type = def.type;
  if (unknownRank && !def.anyRank) {
    infer.output(inputs[0]->dtype, Shape::unknown());
  } else if (!def.infer(infer)) {
    assert(infer.failure && "a rule that returns false says why");
    auto argument = infer.failedInput < 0 ? std::string_view()
                                          : parameterOf(calledFunction_, calledArgs_,
                                                        inputs[size_t(infer.failedInput)]);
    host.error(infer.failure.value_or(Code::OperandShapes), std::move(infer.message), argument);
    return nullptr;
  }
  for (const auto &output : infer.outputs)
    if (auto why = badShape(output)) {
      host.error(Code::AttributeRange, std::move(*why), "");
      return nullptr;
    }
  auto *op = graph.addOperation(&def, def.type, name, inputs, attrs, infer.outputs, span, caller);
  for (auto &check : infer.checks) check.message = graph.arena.copy(check.message);
  op->checks = graph.arena.copy(infer.checks);
  // An unnamed constant is an operand of something that waits itself.
  bool waits = !(name.empty() && inputs.empty() && (def.type == "Const" || def.type == "Dims"));
  if (waits) wait(*op);
  return op;
}

void OpBuilder::wait(Operation &op) {
  bool allHere = std::all_of(controls.begin(), controls.end(),
                             [&](auto *control) { return control->within == op.within; });
  if (allHere) {
    op.controlInputs = graph.arena.copy(controls);
    return;
  }
  // What is around a body has run before the loop begins.
  std::vector<Operation *> mine;
  for (auto *control : controls) {
    if (control->within == op.within) mine.push_back(control);
    for (auto *body : graph.open)
      if (control->within == body->outer) body->controls.push_back(control);
  }
  op.controlInputs = graph.arena.copy(mine);
}

Tensor *OpBuilder::op(std::string_view type, std::initializer_list<Tensor *> inputs,
                      std::initializer_list<Attr> attrs) {
  const OpDef *def = findOp(type);
  assert(def && "no such operation in the tables");
  auto *made = make(*def, "", std::span(inputs.begin(), inputs.size()),
                    std::span(attrs.begin(), attrs.size()));
  return made ? made->output() : nullptr;
}

Tensor *OpBuilder::constant(const Literal *literal) {
  return op("Const", {}, {literalAttr("value", literal)});
}

Tensor *OpBuilder::constant(DType dtype, double value) {
  Array array;
  array.reset(dtype, {});
  array.setNumber(0, value);
  return constant(graph.makeLiteral(dtype, {}, array.bytes));
}

Tensor *OpBuilder::constant(std::span<const int64_t> values, DType dtype) {
  Array array;
  array.reset(dtype, {int64_t(values.size())});
  for (size_t i = 0; i < values.size(); ++i) array.setInteger(int64_t(i), values[i]);
  return constant(graph.makeLiteral(dtype, array.dims, array.bytes));
}

const Arg &Call::arg(std::string_view name) const {
  for (size_t i = 0; i < function.parameters.size(); ++i)
    if (function.parameters[i].name == name) return args[i];
  assert(false && "no such parameter in the signature");
  static const Arg none;
  return none;
}

Tensor *Call::named(std::string_view type, std::span<Tensor *const> inputs,
                    std::span<const Attr> attrs) {
  const OpDef *def = findOp(type);
  assert(def && "no such operation in the tables");
  if (std::find(inputs.begin(), inputs.end(), nullptr) != inputs.end()) return nullptr;
  auto name = host.takeName(function.def->defaultName);
  if (!name) return nullptr;
  made = make(*def, *name, inputs, attrs);
  return made && !made->outputs.empty() ? made->output() : nullptr;
}

Tensor *Call::named(std::string_view type, std::initializer_list<Tensor *> inputs,
                    std::initializer_list<Attr> attrs) {
  return named(type, std::span(inputs.begin(), inputs.size()),
               std::span(attrs.begin(), attrs.size()));
}

Tensor *Call::build() {
  if (function.def->build) return function.def->build(*this);
  Room<1024> room;
  std::pmr::vector<Tensor *> inputs(&room);
  std::pmr::vector<Attr> attrs(&room);
  inputs.reserve(args.size());
  attrs.reserve(args.size());
  for (size_t i = 0; i < args.size(); ++i) {
    const auto &parameter = function.parameters[i];
    const Arg &arg = args[i];
    if (parameter.kind == FunctionParameter::Any || i == function.nameAt) continue;
    switch (arg.kind) {
    case Arg::None:
      break;
    case Arg::Tensor:
      inputs.push_back(arg.tensor);
      break;
    case Arg::Tensors:
      inputs.insert(inputs.end(), arg.tensors.begin(), arg.tensors.end());
      break;
    case Arg::Int:
      attrs.push_back(intAttr(parameter.name, arg.i));
      break;
    case Arg::Float:
      attrs.push_back(floatAttr(parameter.name, arg.f));
      break;
    case Arg::Bool:
      attrs.push_back(boolAttr(parameter.name, arg.i != 0));
      break;
    case Arg::Text:
      attrs.push_back(textAttr(parameter.name, graph.arena.copy(arg.text)));
      break;
    case Arg::Type:
      attrs.push_back(typeAttr(parameter.name, arg.dtype));
      break;
    case Arg::Ints:
      attrs.push_back(intsAttr(parameter.name, arg.ints));
      break;
    case Arg::Dims:
      attrs.push_back(dimsAttr(parameter.name, arg.dims));
      break;
    case Arg::Literal:
      attrs.push_back(literalAttr(parameter.name, arg.literal));
      break;
    }
  }
  return named(function.def->op, inputs, attrs);
}

} // namespace graphc
