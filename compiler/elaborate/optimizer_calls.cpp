// Optimizers as definitions call them: constructors, minimize, compute_gradients,
// apply_gradients, and what asks for their variables. Behaviour and names: TensorFlow 1.15,
// python/training/optimizer.py and slot_creator.py.
#include "elaborate/gradients.h"
#include "elaborate/optimizer.h"
#include "elaborate/train.h"
#include "ops/effects.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

namespace {

// Constructors ----------------------------------------------------------------------------------

bool inRange(RangeDef::Range range, double number) {
  return range == RangeDef::Positive      ? number > 0
         : range == RangeDef::NotNegative ? number >= 0
                                          : number <= 0;
}

/// A scalar that formulas are calculated with: a number, a floating tensor, or a function that
/// gives one.
bool settleScalar(NativeCall &c, std::string_view name, Value &value) {
  if (c.interpreter.isCallable(value)) value = c.interpreter.call(value, {}, {}, c.span);
  if (value.isPoison()) return false;
  if (value.isNumber() && !value.isBool()) return true;
  if (!c.interpreter.isTensorLike(value)) {
    wrongType(c, fmt::format("{}(): '{}' is a number or a tensor, not {}", c.def.name(), name,
                             typeName(value)));
    return false;
  }
  Tensor *tensor = c.interpreter.toTensor(value, DType::Invalid, c.span);
  if (!tensor) return false;
  if (!isFloating(tensor->dtype)) {
    c.interpreter.fail(Code::OperandDTypes, c.span,
                       fmt::format("{}(): '{}' needs a floating dtype, not {}", c.def.name(), name,
                                   dtypeName(tensor->dtype)));
    return false;
  }
  if (tensor->shape.hasRank() && tensor->shape.rank() == 0) return true;
  c.interpreter.fail(Code::OperandShapes, c.span,
                     fmt::format("{}(): '{}' is a scalar, not of shape {}", c.def.name(), name,
                                 toString(tensor->shape)));
  return false;
}

bool settle(NativeCall &c, const OptimizerDef &def, std::string_view name, Value &value) {
  auto among = [&](auto names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (name == "name" || name == "accum_name" || name == "linear_name") {
    if (value.is(ObjectKind::Text) || (value.isNone() && name != "name")) return true;
    wrongType(c, fmt::format("{}(): '{}' is a str, not {}", c.def.name(), name, typeName(value)));
    return false;
  }
  if (among(def.flags) || name == "use_locking") {
    if (value.isBool()) return true;
    wrongType(c, fmt::format("{}(): '{}' is a bool, not {}", c.def.name(), name, typeName(value)));
    return false;
  }
  bool fixed = std::any_of(def.slots.begin(), def.slots.end(),
                           [&](auto &s) { return s.initialSetting == name; });
  if (fixed && !value.isNumber()) {
    wrongType(c,
              fmt::format("{}(): '{}' is a number, not {}", c.def.name(), name, typeName(value)));
    return false;
  }
  if (!settleScalar(c, name, value)) return false;
  for (const auto &range : def.ranges)
    if (range.setting == name && value.isNumber() && !inRange(range.range, value.asFloat())) {
      constexpr std::string_view words[] = {"above 0", "not negative", "not positive"};
      c.interpreter.fail(Code::AttributeRange, c.span,
                         fmt::format("{}(): '{}' must be {}, and {} is not", c.def.name(), name,
                                     words[range.range], str(value)));
      return false;
    }
  return true;
}

Value makeOptimizer(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  auto all = optimizers();
  const auto &def = *std::find_if(all.begin(), all.end(), [&](auto &o) {
    return o.signature.substr(0, o.signature.find('(')) == c.def.name();
  });
  auto *made = c.interpreter.heap.make<OptimizerObject>();
  made->def = &def;
  // The names of the parameters stand in the signature.
  auto text = c.def.signature.substr(c.def.signature.find('(') + 1);
  text.remove_suffix(1);
  for (Value value : c.args) {
    size_t comma = text.find(',');
    auto name = text.substr(0, std::min(comma, text.find('=')));
    while (name.starts_with(' ')) name.remove_prefix(1);
    if (!settle(c, def, name, value)) return Value::poison();
    if (name == "name") made->name = value.as<TextObject>()->text;
    made->settings.push_back({name, value});
    text = comma == text.npos ? std::string_view() : text.substr(comma + 1);
  }
  return Value::object(made);
}

Value settingOf(const OptimizerObject &optimizer, std::string_view name) {
  for (const auto &[key, value] : optimizer.settings)
    if (key == name) return value;
  return Value::none();
}

// Variables -------------------------------------------------------------------------------------

/// The initial value of a slot: `shape` filled with a number, made whatever is waited for.
Tensor *filled(Interpreter &in, DType dtype, Shape shape, double number, Span span) {
  SilentHost host(in, span);
  auto at = in.place(span);
  OpBuilder make(in.graph, host, at.span, at.caller, {});
  Tensor *scalar = make.constant(dtype, number);
  return make.op("Fill", {scalar}, {dimsAttr("shape", shape.dims())});
}

std::string_view fillName(double number) {
  return number == 0 ? "zeros" : number == 1 ? "ones" : "constant";
}

/// Makes what the optimizer keeps for these variables and is not there yet. Rule: the powers come
/// first, then the slots of each variable.
bool createSlots(Interpreter &in, OptimizerObject &optimizer,
                 const std::vector<VariableObject *> &variables, Span span) {
  const auto &def = *optimizer.def;
  bool anyDouble = std::any_of(variables.begin(), variables.end(),
                               [](auto *v) { return v->variable->dtype == DType::Float64; });
  for (auto setting : def.powers) {
    auto &power = optimizer.powers[setting];
    if (power) continue;
    DType dtype = anyDouble ? DType::Float64 : DType::Float32;
    Value start = settingOf(optimizer, setting);
    if (!start.isNumber()) {
      in.fail(Code::WrongType, span,
              fmt::format("'{}' of {} is a number known at compile time: its power begins with it",
                          setting, optimizer.name));
      return false;
    }
    Value made =
        in.scopes.makeSlot(fmt::format("{}_power", setting),
                           filled(in, dtype, in.graph.makeShape({}), start.asFloat(), span),
                           "constant", Variable::Slot, span);
    if (!(power = made.as<VariableObject>())) return false;
  }
  std::vector<const PartitionedVariable *> wholes;
  for (auto *variable : variables)
    for (const auto &slot : def.slots) {
      if (!slot.onlyIf.empty() && !isTrue(settingOf(optimizer, slot.onlyIf))) continue;
      auto &known = optimizer.slots[{slot.name, variable->variable}];
      if (known) continue;
      double initial = slot.initialSetting.empty()
                           ? slot.initial
                           : settingOf(optimizer, slot.initialSetting).asFloat();
      std::string_view name = optimizer.name;
      if (!slot.nameSetting.empty())
        if (auto *given = settingOf(optimizer, slot.nameSetting).as<TextObject>())
          name = given->text;
      auto *served = variable->variable;
      Value made = in.scopes.makeSlot(fmt::format("{}/{}", served->opName, name),
                                      filled(in, served->dtype, served->shape, initial, span),
                                      fillName(initial), Variable::Slot, span);
      if (!(known = made.as<VariableObject>())) return false;
      if (served->whole && std::find(wholes.begin(), wholes.end(), served->whole) == wholes.end())
        wholes.push_back(served->whole);
    }
  for (const auto *whole : wholes)
    for (const auto &slot : def.slots) {
      std::vector<Variable *> parts;
      for (const auto *part : whole->parts)
        if (auto found = optimizer.slots.find({slot.name, part}); found != optimizer.slots.end())
          parts.push_back(found->second->variable);
      if (parts.size() == whole->parts.size() && !parts[0]->whole)
        in.scopes.joinSlots(*whole, parts);
    }
  return true;
}

/// The variables in a value: one, or lists of them; those of a partitioned one are its parts.
bool collectVariables(NativeCall &c, const Value &value, std::vector<Value> &into, int depth = 0) {
  if (value.isPoison()) return false;
  if (value.is(ObjectKind::Variable)) {
    into.push_back(value);
    return true;
  }
  if (auto *whole = value.as<PartitionedObject>()) {
    into.insert(into.end(), whole->parts.begin(), whole->parts.end());
    return true;
  }
  const auto *items = itemsOf(value);
  if (items && depth < 64)
    return std::all_of(items->begin(), items->end(),
                       [&](auto &v) { return collectVariables(c, v, into, depth + 1); });
  wrongType(c, fmt::format("var_list is made of variables, not of {}", someOf(value)));
  return false;
}

// Applying gradients ----------------------------------------------------------------------------

struct Pair {
  Tensor *gradient = nullptr; // null: None
  VariableObject *variable = nullptr;
};

bool toPair(NativeCall &c, Tensor *gradient, const Value &variable, std::vector<Pair> &into) {
  auto *object = variable.as<VariableObject>();
  auto *v = object->variable;
  if (gradient) {
    if (!isFloating(v->dtype)) {
      c.interpreter.fail(Code::OperandDTypes, c.span,
                         fmt::format("the variable {} of dtype {} can't be trained: a floating "
                                     "dtype is needed",
                                     v->opName, dtypeName(v->dtype)));
      return false;
    }
    bool fits = !gradient->shape.hasRank() || gradient->shape.rank() == v->shape.rank();
    for (int i = 0; fits && gradient->shape.hasRank() && i < v->shape.rank(); ++i)
      fits = !gradient->shape[i].isStatic() || gradient->shape[i].is(v->shape[i].value);
    if (!fits) {
      c.interpreter.fail(Code::OperandShapes, c.span,
                         fmt::format("a gradient of shape {} for the variable {} of shape {}",
                                     toString(gradient->shape), v->opName, toString(v->shape)));
      return false;
    }
  }
  into.push_back({gradient, object});
  return true;
}

std::optional<std::vector<Pair>> toPairs(NativeCall &c, const Value &value) {
  auto items = c.interpreter.items(value, c.span);
  if (!items) return std::nullopt;
  std::vector<Pair> pairs;
  for (const auto &item : *items) {
    const auto *pair = itemsOf(item);
    if (item.isPoison()) return std::nullopt;
    bool well = pair && pair->size() == 2 && (*pair)[1].is(ObjectKind::Variable);
    if (pair && std::any_of(pair->begin(), pair->end(), [](auto &v) { return v.isPoison(); }))
      return std::nullopt;
    if (!well) {
      wrongType(c, "grads_and_vars is a list of pairs (gradient, variable)",
                "compute_gradients(loss) gives one");
      return std::nullopt;
    }
    const Value &gradient = (*pair)[0];
    auto *variable = (*pair)[1].as<VariableObject>()->variable;
    Tensor *tensor = nullptr;
    if (!gradient.isNone() && !(tensor = c.interpreter.toTensor(gradient, variable->dtype, c.span,
                                                                Code::OperandDTypes, "gradient")))
      return std::nullopt;
    if (!toPair(c, tensor, (*pair)[1], pairs)) return std::nullopt;
  }
  if (pairs.empty()) {
    c.interpreter.fail(Code::WrongArguments, c.span, "there is no variable to apply gradients to");
    return std::nullopt;
  }
  return pairs;
}

/// Multiplies the powers that the optimizer keeps, for the next step.
bool updatePowers(Interpreter &in, OpBuilder &builder, const OptimizerObject &optimizer, Span span,
                  std::vector<Operation *> &updates) {
  for (auto setting : optimizer.def->powers) {
    auto *power = optimizer.powers.at(setting)->variable;
    Term next = Term(builder, in.readVariable(power)) * settingOf(optimizer, setting).asFloat();
    auto name = in.scopes.operationName("", "Assign", span);
    Tensor *made =
        name && next ? updateVariable(builder, "Assign", *name, power, next.tensor) : nullptr;
    if (!made) return false;
    updates.push_back(made->op);
  }
  return true;
}

Value applyPairs(NativeCall &c, OptimizerObject &optimizer, std::vector<Pair> pairs,
                 const Value &globalStep, const Value &name) {
  auto &in = c.interpreter;
  if (!name.isNone() && !name.is(ObjectKind::Text))
    return wrongType(c, fmt::format("name is a str, not {}", typeName(name)));
  auto *step = globalStep.as<VariableObject>();
  if (!step && !globalStep.isNone())
    return wrongType(c, fmt::format("global_step is a variable, not {}", someOf(globalStep)),
                     "get_or_create_global_step() makes one");
  if (step && !isNumeric(step->variable->dtype))
    return in.fail(
        Code::OperandDTypes, c.span,
        fmt::format("global_step is a number, not of dtype {}", dtypeName(step->variable->dtype)));
  std::erase_if(pairs, [](auto &p) { return !p.gradient; });
  if (pairs.empty())
    return in.fail(Code::NoGradient, c.span, "no variable has a gradient",
                   "the loss depends on none of them, or every way from them to it ends");
  std::vector<VariableObject *> variables;
  for (auto &pair : pairs) variables.push_back(pair.variable);
  if (!createSlots(in, optimizer, variables, c.span)) return Value::poison();

  OpenNameScope scope(in, name, optimizer.name, c.span);
  if (!scope) return Value::poison();
  SilentHost host(in, c.span);
  OpBuilder builder = in.builder(host, c.span);
  std::vector<Operation *> updates;
  for (auto &pair : pairs) {
    OpenNameScope within(in, Value::none(),
                         fmt::format("update_{}", pair.variable->variable->opName), c.span);
    if (!within) return Value::poison();
    UpdateStep made(in, builder, optimizer, *pair.variable, pair.gradient);
    optimizer.def->update(made);
    if (made.failed) return Value::poison();
    updates.insert(updates.end(), made.updates.begin(), made.updates.end());
  }
  if (!updatePowers(in, builder, optimizer, c.span, updates)) return Value::poison();

  // The step is named after its scope; it has run when all updates have and, where there is a
  // count of steps, that has been increased after them.
  auto done =
      in.scopes.operationName(step ? std::string_view("update") : scope.bound(), "", c.span);
  if (!done) return Value::poison();
  Operation *last = makeNoOp(builder, *done, updates);
  if (step && last) {
    auto counted = in.scopes.operationName(scope.bound(), "", c.span);
    if (!counted) return Value::poison();
    std::vector<Operation *> after(in.controls().begin(), in.controls().end());
    after.push_back(last);
    auto at = in.place(c.span);
    OpBuilder counting(in.graph, host, at.span, at.caller, after);
    Tensor *made = updateVariable(counting, "AssignAdd", *counted, step->variable,
                                  counting.constant(step->variable->dtype, 1));
    last = made ? made->op : nullptr;
  }
  Value operation = in.heap.operation(last);
  if (last) in.scopes.addToCollection("train_op", operation);
  return operation;
}

/// The pairs of compute_gradients: of each variable the gradient of the loss. Nullopt after an
/// error.
std::optional<std::vector<Pair>> computePairs(NativeCall &c, const Value &lossValue,
                                              const Value &varList, const Value &gateGradients,
                                              const Value &gradLoss) {
  auto &in = c.interpreter;
  if (!gateGradients.isInt() || gateGradients.asInt() < 0 || gateGradients.asInt() > 2) {
    in.fail(Code::AttributeRange, c.span,
            "gate_gradients is GATE_NONE, GATE_OP or GATE_GRAPH of the optimizer");
    return std::nullopt;
  }
  Value called = lossValue;
  if (in.isCallable(lossValue)) called = in.call(lossValue, {}, {}, c.span);
  if (called.isPoison()) return std::nullopt;
  if (!in.isTensorLike(called)) {
    wrongType(c, fmt::format("the loss is a tensor, not {}", someOf(called)));
    return std::nullopt;
  }
  Tensor *loss = in.toTensor(called, DType::Invalid, c.span);
  if (!loss) return std::nullopt;
  if (!isFloating(loss->dtype)) {
    in.fail(Code::OperandDTypes, c.span,
            fmt::format("the loss needs a floating dtype, not {}", dtypeName(loss->dtype)));
    return std::nullopt;
  }
  std::vector<Value> variables;
  std::string why;
  if (varList.isNone())
    variables = in.scopes.collection("trainable_variables", std::nullopt, why).value_or(variables);
  else if (!collectVariables(c, varList, variables))
    return std::nullopt;
  if (variables.empty()) {
    if (!varList.isNone())
      in.fail(Code::WrongArguments, c.span, "var_list holds no variable");
    else if (!in.scopes.hasGaps())
      in.fail(Code::WrongArguments, c.span, "there is no variable to train",
              "the definition has no trainable variable so far");
    return std::nullopt;
  }
  std::vector<GradientTarget> targets;
  for (const auto &v : variables) {
    if (!v.is(ObjectKind::Variable)) return std::nullopt;
    targets.push_back(v.as<VariableObject>()->variable);
  }
  GradientOptions options;
  options.gated = true;
  Tensor *given = nullptr;
  if (!gradLoss.isNone()) {
    if (!(given = in.toTensor(gradLoss, loss->dtype, c.span, Code::OperandDTypes, "grad_loss")))
      return std::nullopt;
    options.gradYs = {&given, 1};
  }
  auto gradients = buildGradients(in, c.span, {&loss, 1}, targets, options);
  if (!gradients) return std::nullopt;
  std::vector<Pair> pairs;
  for (size_t i = 0; i < variables.size(); ++i)
    if (!toPair(c, (*gradients)[i], variables[i], pairs)) return std::nullopt;
  return pairs;
}

Value computeGradients(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  auto pairs = computePairs(c, c[1], c[2], c[3], c[6]);
  if (!pairs) return Value::poison();
  std::vector<Value> values;
  auto &heap = c.interpreter.heap;
  for (auto &pair : *pairs)
    values.push_back(heap.tuple({pair.gradient ? heap.tensor(pair.gradient) : Value::none(),
                                 Value::object(pair.variable)}));
  return heap.list(std::move(values));
}

Value minimize(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  auto pairs = computePairs(c, c[1], c[3], c[4], c[8]);
  if (!pairs) return Value::poison();
  return applyPairs(c, *c[0].as<OptimizerObject>(), std::move(*pairs), c[2], c[7]);
}

Value applyGradients(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  auto pairs = toPairs(c, c[1]);
  if (!pairs) return Value::poison();
  return applyPairs(c, *c[0].as<OptimizerObject>(), std::move(*pairs), c[2], c[3]);
}

// What asks for the optimizer's variables -------------------------------------------------------

Value getSlot(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  auto *variable = c[1].as<VariableObject>();
  auto *name = c[2].as<TextObject>();
  if (!variable)
    return wrongType(c, fmt::format("get_slot() is asked about a variable, not {}", someOf(c[1])));
  if (!name) return wrongType(c, fmt::format("a slot's name is a str, not {}", someOf(c[2])));
  auto &slots = c[0].as<OptimizerObject>()->slots;
  auto found = slots.find({name->text, variable->variable});
  return found == slots.end() ? Value::none() : Value::object(found->second);
}

Value getSlotNames(NativeCall &c) {
  // The slots are sorted by their names.
  std::vector<Value> names;
  std::string_view last;
  for (const auto &[key, variable] : c[0].as<OptimizerObject>()->slots)
    if (key.first != last) names.push_back(c.interpreter.heap.ownedText(last = key.first));
  return c.interpreter.heap.list(std::move(names));
}

Value getName(NativeCall &c) {
  return c.interpreter.heap.ownedText(c[0].as<OptimizerObject>()->name);
}

Value optimizerVariables(NativeCall &c) {
  std::vector<VariableObject *> made;
  auto *optimizer = c[0].as<OptimizerObject>();
  for (const auto &[key, variable] : optimizer->slots) made.push_back(variable);
  for (const auto &[key, variable] : optimizer->powers) made.push_back(variable);
  std::sort(made.begin(), made.end(), [](auto *a, auto *b) {
    return fmt::format("{}:0", a->variable->opName) < fmt::format("{}:0", b->variable->opName);
  });
  std::vector<Value> values;
  for (auto *variable : made) values.push_back(Value::object(variable));
  return c.interpreter.heap.list(std::move(values));
}

constexpr NativeDef methods[] = {
    {"Optimizer.minimize(self, loss, global_step=None, var_list=None, gate_gradients=1, "
     "aggregation_method=None, colocate_gradients_with_ops=False, name=None, grad_loss=None)",
     minimize},
    {"Optimizer.compute_gradients(self, loss, var_list=None, gate_gradients=1, "
     "aggregation_method=None, colocate_gradients_with_ops=False, grad_loss=None)",
     computeGradients},
    {"Optimizer.apply_gradients(self, grads_and_vars, global_step=None, name=None)",
     applyGradients},
    {"Optimizer.get_slot(self, var, name)", getSlot},
    {"Optimizer.get_slot_names(self)", getSlotNames},
    {"Optimizer.get_name(self)", getName},
    {"Optimizer.variables(self)", optimizerVariables},
};

} // namespace

std::span<const NativeDef> optimizerFunctions() {
  static const auto all = [] {
    std::vector<NativeDef> made;
    for (const auto &def : optimizers()) made.push_back({def.signature, makeOptimizer});
    return made;
  }();
  return all;
}

std::span<const NativeDef> optimizerMethods() { return methods; }

} // namespace graphc
