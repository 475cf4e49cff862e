// One step of an optimizer: reading what its formula needs, making its updates.
#include "elaborate/interpreter.h"
#include "elaborate/optimizer.h"
#include "ops/effects.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

OpenNameScope::OpenNameScope(Interpreter &interpreter, const Value &given,
                             std::string_view otherwise, Span span)
    : interpreter_(interpreter) {
  auto *manager = interpreter.heap.make<ManagerObject>();
  manager->nameOrScope = given;
  manager->defaultName = interpreter.heap.text(otherwise);
  Value bound;
  open_ = interpreter.scopes.enter(*manager, span, bound);
  if (auto *text = bound.as<TextObject>()) bound_ = text->text;
}

OpenNameScope::~OpenNameScope() {
  if (open_) interpreter_.scopes.leave();
}

DType UpdateStep::wideDType() const {
  return variable_.variable->dtype == DType::Float64 ? DType::Float64 : DType::Float32;
}

Term UpdateStep::wide(Tensor *tensor) { return Term(builder_, tensor).cast(wideDType()); }

Tensor *UpdateStep::narrow(const Term &value) {
  return value.cast(variable_.variable->dtype).tensor;
}

Term UpdateStep::value() { return wide(interpreter_.readVariable(variable_.variable)); }

Term UpdateStep::setting(std::string_view name) {
  for (const auto &[key, value] : optimizer_.settings) {
    if (key != name) continue;
    if (value.isNumber()) return {builder_, builder_.constant(wideDType(), value.asFloat())};
    return wide(interpreter_.toTensor(value, DType::Invalid, builder_.span));
  }
  return {builder_, nullptr};
}

Term UpdateStep::power(std::string_view setting) {
  auto found = optimizer_.powers.find(setting);
  if (found == optimizer_.powers.end()) return {builder_, nullptr};
  return wide(interpreter_.readVariable(found->second->variable));
}

bool UpdateStep::flag(std::string_view name) const {
  return std::any_of(optimizer_.settings.begin(), optimizer_.settings.end(),
                     [&](auto &s) { return s.first == name && isTrue(s.second); });
}

bool UpdateStep::is(std::string_view name, double number) const {
  return std::any_of(optimizer_.settings.begin(), optimizer_.settings.end(), [&](auto &s) {
    return s.first == name && s.second.isNumber() && s.second.asFloat() == number;
  });
}

Term UpdateStep::slot(std::string_view name) {
  auto found = optimizer_.slots.find({name, variable_.variable});
  if (found == optimizer_.slots.end()) return {builder_, nullptr};
  return wide(interpreter_.readVariable(found->second->variable));
}

void UpdateStep::update(std::string_view type, std::string_view name, VariableObject &target,
                        Tensor *value) {
  Tensor *made = value ? updateVariable(builder_, type, name, target.variable, value) : nullptr;
  if (made)
    updates.push_back(made->op);
  else
    failed = true;
}

Term UpdateStep::setSlot(std::string_view name, const Term &value) {
  update("Assign", "", *optimizer_.slots.at({name, variable_.variable}), narrow(value));
  return value;
}

void UpdateStep::subtract(const Term &delta) {
  // A constraint is asked about the value after the step.
  if (!variable_.constraint.isNone()) return assign(value() - delta);
  auto name = interpreter_.scopes.operationName("", fmt::format("Apply{}", optimizer_.def->name),
                                                builder_.span);
  Tensor *tensor = narrow(delta);
  if (name) update("AssignSub", *name, variable_, tensor);
  failed |= !name;
}

void UpdateStep::assign(const Term &value) {
  auto name = interpreter_.scopes.operationName("", fmt::format("Apply{}", optimizer_.def->name),
                                                builder_.span);
  Tensor *tensor = narrow(value);
  if (tensor && !variable_.constraint.isNone()) {
    Value constrained = interpreter_.call(variable_.constraint, {interpreter_.heap.tensor(tensor)},
                                          {}, builder_.span);
    tensor = interpreter_.toTensor(constrained, variable_.variable->dtype, builder_.span,
                                   Code::OperandDTypes, "constraint");
  }
  if (name) update("Assign", *name, variable_, tensor);
  failed |= !name;
}

} // namespace graphc
