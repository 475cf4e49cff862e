// The count of steps that training has made: TensorFlow 1.15, python/training/training_util.py.
#include "elaborate/interpreter.h"
#include "elaborate/train.h"

#include <fmt/format.h>

namespace graphc {

namespace {

/// Rule: it is the member of the collection "global_step", else what is called "global_step". None
/// where there is neither; poison after an error.
Value findGlobalStep(NativeCall &c) {
  auto &scopes = c.interpreter.scopes;
  std::string why;
  auto members = scopes.collection("global_step", std::nullopt, why).value_or(std::vector<Value>());
  if (members.size() > 1)
    return c.interpreter.fail(Code::WrongType, c.span,
                              "the collection 'global_step' has more than one member");
  Value found = members.empty() ? Value::none() : members[0];
  if (found.isNone())
    for (auto *variable : scopes.variables())
      if (variable->variable->opName == "global_step") found = Value::object(variable);
  if (found.isNone() || found.isPoison()) return found;
  if (auto *variable = found.as<VariableObject>()) {
    auto *v = variable->variable;
    if (!isInteger(v->dtype) || v->shape.rank() != 0)
      return c.interpreter.fail(Code::WrongType, c.span,
                                fmt::format("the global step is an integer scalar, and {} is {} {}",
                                            v->opName, dtypeName(v->dtype), toString(v->shape)));
  }
  return found;
}

Value makeGlobalStep(NativeCall &c) {
  auto &heap = c.interpreter.heap;
  auto *zeros = heap.make<InitializerObject>();
  zeros->name = "zeros_initializer";
  VariableRequest request;
  request.name = "global_step";
  request.shape = heap.list({});
  request.dtype = DType::Int64;
  request.explicitDType = true;
  request.initializer = Value::object(zeros);
  request.trainable = Value::boolean(false);
  request.collections = heap.list({heap.ownedText("variables"), heap.ownedText("global_step")});
  request.span = c.span;
  return c.interpreter.scopes.getVariable(request);
}

Value getGlobalStep(NativeCall &c) { return findGlobalStep(c); }

Value getOrCreate(NativeCall &c) {
  Value found = findGlobalStep(c);
  return found.isNone() ? makeGlobalStep(c) : found;
}

Value create(NativeCall &c) {
  Value found = findGlobalStep(c);
  if (found.isNone()) return makeGlobalStep(c);
  if (found.isPoison()) return found;
  auto &made = c.interpreter.error(
      Code::VariableExists, c.span,
      "Variable global_step already exists, disallowed. Did you mean to set reuse=True or "
      "reuse=AUTO_REUSE in variable_scope?");
  if (auto *variable = found.as<VariableObject>())
    made.notes.insert(made.notes.begin(), {"originally defined here", variable->variable->span});
  made.help = "get_or_create_global_step() gives the one that is there";
  return Value::poison();
}

constexpr NativeDef table[] = {
    {"get_global_step(graph=None)", getGlobalStep},
    {"create_global_step(graph=None)", create},
    {"get_or_create_global_step(graph=None)", getOrCreate},
};

} // namespace

std::span<const NativeDef> globalStepFunctions() { return table; }

} // namespace graphc
