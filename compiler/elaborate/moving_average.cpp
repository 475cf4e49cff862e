// ExponentialMovingAverage: averages of variables and tensors, kept in variables of their own.
// Behaviour, names and formulas: TensorFlow 1.15, python/training/moving_averages.py.
#include "elaborate/interpreter.h"
#include "elaborate/optimizer.h"
#include "elaborate/train.h"
#include "ops/effects.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

namespace {

Value makeAverage(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  auto isScalar = [&](const Value &v) {
    return (v.isNumber() && !v.isBool()) || c.interpreter.isTensorLike(v);
  };
  if (!isScalar(c[0]))
    return wrongType(c, fmt::format("decay is a number or a tensor, not {}", typeName(c[0])));
  if (!c[1].isNone() && !isScalar(c[1]))
    return wrongType(c, fmt::format("num_updates is a number or a tensor, not {}", typeName(c[1])));
  if (!c[2].isBool())
    return wrongType(c, fmt::format("zero_debias is a bool, not {}", typeName(c[2])));
  auto *name = c[3].as<TextObject>();
  if (!name) return wrongType(c, fmt::format("name is a str, not {}", typeName(c[3])));
  auto *made = c.interpreter.heap.make<MovingAverageObject>();
  made->decay = c[0];
  made->numUpdates = c[1];
  made->zeroDebias = c[2].asBool();
  made->name = name->text;
  return Value::object(made);
}

/// By what an average is found: the variable, or the tensor.
const void *keyOf(const Value &value) {
  if (auto *v = value.as<VariableObject>()) return v->variable;
  if (auto *t = value.as<TensorObject>()) return t->tensor;
  return nullptr;
}

std::string_view nameOf(const Value &value) {
  if (auto *v = value.as<VariableObject>()) return v->variable->opName;
  return value.as<TensorObject>()->tensor->op->name;
}

/// A variable beside the definition's. It must be in checkpoints, unlike an optimizer's slots: who
/// asks for averages wants no others.
VariableObject *variableOf(NativeCall &c, std::string_view name, Tensor *initial,
                           std::string_view initializer) {
  return c.interpreter.scopes.makeSlot(name, initial, initializer, Variable::Plain, c.span)
      .as<VariableObject>();
}

Tensor *zeros(NativeCall &c, DType dtype, Shape shape) {
  SilentHost host(c.interpreter, c.span);
  auto at = c.interpreter.place(c.span);
  OpBuilder make(c.interpreter.graph, host, at.span, at.caller, {});
  return make.op("Fill", {make.constant(dtype, 0)}, {dimsAttr("shape", shape.dims())});
}

bool createAverage(NativeCall &c, MovingAverageObject &self, const Value &value) {
  auto &average = self.averages[keyOf(value)];
  if (average.average) return true;
  auto name = fmt::format("{}/{}", nameOf(value), self.name);
  if (auto *v = value.as<VariableObject>()) {
    // Rule: the average of a variable begins as the variable does.
    average.average = variableOf(c, name, v->variable->initialValue, v->variable->initializer);
    if (average.average) c.interpreter.scopes.addToCollection("moving_average_variables", value);
  } else {
    // Rule: that of a tensor begins as 0; with zero_debias that is taken out again.
    auto *tensor = value.as<TensorObject>()->tensor;
    if (!tensor->shape.isStatic()) {
      c.interpreter.fail(Code::ShapeNotKnown, c.span,
                         fmt::format("the shape {} of {} is not fully known, as an average's is",
                                     toString(tensor->shape), nameOf(value)));
      return false;
    }
    average.average = variableOf(c, name, zeros(c, tensor->dtype, tensor->shape), "zeros");
    if (average.average && self.zeroDebias) {
      std::string made(average.average->variable->opName);
      average.biased =
          variableOf(c, made + "/biased", zeros(c, tensor->dtype, tensor->shape), "zeros");
      average.localStep =
          variableOf(c, made + "/local_step",
                     zeros(c, tensor->dtype, c.interpreter.graph.makeShape({})), "zeros");
    }
  }
  return average.average && (!average.biased || average.localStep);
}

/// The averages of all parts of a partitioned variable are one tensor in checkpoints.
void joinParts(NativeCall &c, MovingAverageObject &self, const std::vector<Value> &averaged) {
  for (const auto &value : averaged) {
    auto *v = value.as<VariableObject>();
    const auto *whole = v ? v->variable->whole : nullptr;
    if (!whole || whole->parts[0] != v->variable) continue;
    std::vector<Variable *> parts;
    for (const auto *part : whole->parts)
      if (auto found = self.averages.find(part); found != self.averages.end())
        parts.push_back(found->second.average->variable);
    if (parts.size() == whole->parts.size() && !parts[0]->whole)
      c.interpreter.scopes.joinSlots(*whole, parts);
  }
}

/// average ← average - (1 - decay)·(average - value)
/// zero_debias, Kingma and Ba 2015, section 3: b ← b - (1 - decay)·(b - value), n ← n + 1,
/// average ← b / (1 - decayⁿ)
bool updateAverage(NativeCall &c, OpBuilder &builder, const MovingAverageObject::Average &average,
                   const Value &value, const Term &decay, std::vector<Operation *> &updates) {
  auto &in = c.interpreter;
  auto read = [&](VariableObject *v) { return Term(builder, in.readVariable(v->variable)); };
  auto update = [&](std::string_view type, VariableObject *v, const Term &by,
                    std::string_view name = "") {
    Tensor *made = by ? updateVariable(builder, type, name, v->variable, by.tensor) : nullptr;
    if (made) updates.push_back(made->op);
    return made != nullptr;
  };
  Term now(builder, in.toTensor(value, DType::Invalid, c.span));
  Term rest = (1 - decay).cast(average.average->variable->dtype);
  Term delta = (read(average.average) - now) * rest;
  if (average.biased) {
    Term biased = read(average.biased), steps = read(average.localStep) + 1;
    biased = biased - (biased - now) * rest;
    if (!update("Assign", average.biased, biased) || !update("Assign", average.localStep, steps))
      return false;
    delta = read(average.average) - biased / (1 - pow(1 - rest, steps));
  }
  auto name = in.scopes.operationName("", "AssignMovingAvg", c.span);
  return name && update("AssignSub", average.average, delta, *name);
}

/// A scalar of float32, what decay is calculated in.
Term scalarOf(NativeCall &c, OpBuilder &builder, const Value &value) {
  if (value.isNumber()) return {builder, builder.constant(DType::Float32, value.asFloat())};
  return Term(builder, c.interpreter.toTensor(value, DType::Invalid, c.span)).cast(DType::Float32);
}

Value apply(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  auto &in = c.interpreter;
  auto &self = *c[0].as<MovingAverageObject>();
  std::vector<Value> averaged;
  std::string why;
  if (c[1].isNone()) {
    averaged = in.scopes.collection("trainable_variables", std::nullopt, why).value_or(averaged);
  } else {
    auto items = in.items(c[1], c.span);
    if (!items) return Value::poison();
    for (const auto &item : *items) {
      if (auto *whole = item.as<PartitionedObject>())
        averaged.insert(averaged.end(), whole->parts.begin(), whole->parts.end());
      else
        averaged.push_back(item);
    }
  }
  for (const auto &value : averaged) {
    if (value.isPoison()) return value;
    if (!keyOf(value))
      return wrongType(
          c, fmt::format("averages are of variables and tensors, not of {}", someOf(value)));
    if (!isFloating(dtypeOf(value)))
      return in.fail(Code::OperandDTypes, c.span,
                     fmt::format("averages need a floating dtype, not {} of {}",
                                 dtypeName(dtypeOf(value)), nameOf(value)));
    if (!createAverage(c, self, value)) return Value::poison();
  }
  joinParts(c, self, averaged);
  OpenNameScope scope(in, Value::none(), self.name, c.span);
  if (!scope) return Value::poison();
  SilentHost host(in, c.span);
  OpBuilder builder = in.builder(host, c.span);
  Term decay = scalarOf(c, builder, self.decay);
  if (!self.numUpdates.isNone()) {
    Term done = scalarOf(c, builder, self.numUpdates);
    decay = minimum(decay, (1 + done) / (10 + done));
  }
  if (!decay) return Value::poison();
  std::vector<Operation *> updates;
  for (const auto &value : averaged)
    if (!updateAverage(c, builder, self.averages.at(keyOf(value)), value, decay, updates))
      return Value::poison();
  auto name = in.scopes.operationName(scope.bound(), "", c.span);
  return name ? in.heap.operation(makeNoOp(builder, *name, updates)) : Value::poison();
}

Value average(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  auto &averages = c[0].as<MovingAverageObject>()->averages;
  if (auto *whole = c[1].as<PartitionedObject>()) {
    // The averages of the parts, in their order.
    std::vector<Value> parts;
    for (const auto &part : whole->parts)
      if (auto found = averages.find(keyOf(part)); found != averages.end())
        parts.push_back(Value::object(found->second.average));
    return parts.empty() ? Value::none() : c.interpreter.heap.list(std::move(parts));
  }
  auto found = averages.find(keyOf(c[1]));
  return found == averages.end() || !keyOf(c[1]) ? Value::none()
                                                 : Value::object(found->second.average);
}

Value averageName(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  auto &self = *c[0].as<MovingAverageObject>();
  if (!keyOf(c[1]))
    return wrongType(c,
                     fmt::format("averages are of variables and tensors, not of {}", someOf(c[1])));
  auto found = self.averages.find(keyOf(c[1]));
  return c.interpreter.heap.text(found == self.averages.end()
                                     ? fmt::format("{}/{}", nameOf(c[1]), self.name)
                                     : std::string(found->second.average->variable->opName));
}

constexpr NativeDef functions[] = {
    {"ExponentialMovingAverage(decay, num_updates=None, zero_debias=False, "
     "name='ExponentialMovingAverage')",
     makeAverage},
};
constexpr NativeDef methods[] = {
    {"ExponentialMovingAverage.apply(self, var_list=None)", apply},
    {"ExponentialMovingAverage.average(self, var)", average},
    {"ExponentialMovingAverage.average_name(self, var)", averageName},
};

} // namespace

std::span<const NativeDef> movingAverageFunctions() { return functions; }
std::span<const NativeDef> movingAverageMethods() { return methods; }

} // namespace graphc
