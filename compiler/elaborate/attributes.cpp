// object.name: methods, and what tensors, variables, scopes, shapes and files have.
#include "elaborate/interpreter.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

namespace {

/// The methods by type and name: "list.append" is the method `append` of a list.
const NativeDef *findMethod(std::string_view type, std::string_view name) {
  static const auto table = [] {
    std::unordered_map<std::string_view, std::unordered_map<std::string_view, const NativeDef *>>
        made;
    for (auto defs : {textMethods(), listMethods(), objectMethods(), trainMethods()})
      for (const auto &def : defs) {
        size_t dot = def.name().find('.');
        made[def.name().substr(0, dot)].emplace(def.name().substr(dot + 1), &def);
      }
    return made;
  }();
  auto methods = table.find(type);
  if (methods == table.end()) return nullptr;
  auto found = methods->second.find(name);
  return found == methods->second.end() ? nullptr : found->second;
}

std::vector<std::string_view> methodsOf(std::string_view type) {
  std::vector<std::string_view> names;
  for (auto defs : {textMethods(), listMethods(), objectMethods(), trainMethods()})
    for (const auto &def : defs)
      if (def.name().starts_with(type) && def.name().substr(type.size()).starts_with('.'))
        names.push_back(def.name().substr(type.size() + 1));
  return names;
}

/// What an object has besides methods, to suggest from.
std::vector<std::string_view> attributesOf(const Value &object) {
  if (object.isDType())
    return {"name", "base_dtype", "size", "is_floating", "is_integer", "is_unsigned", "is_bool"};
  if (!object.isObject()) return {};
  switch (object.asObject()->kind) {
  case ObjectKind::Tensor:
  case ObjectKind::Partitioned:
    return {"name", "dtype", "shape", "op"};
  case ObjectKind::Variable:
    return {"name", "dtype", "shape", "op", "trainable", "constraint", "initial_value"};
  case ObjectKind::Operation:
    return {"name", "type", "inputs", "outputs", "control_inputs"};
  case ObjectKind::TensorShape:
    return {"ndims", "dims"};
  case ObjectKind::Scope:
    return {"name",        "original_name_scope", "reuse",      "initializer", "regularizer",
            "partitioner", "custom_getter",       "constraint", "dtype"};
  case ObjectKind::Template:
    return {
        "name", "func", "variable_scope", "variables", "trainable_variables", "global_variables"};
  case ObjectKind::Initializer: {
    std::vector<std::string_view> names;
    for (const auto &[key, value] : object.as<InitializerObject>()->settings) names.push_back(key);
    return names;
  }
  case ObjectKind::Record: {
    std::vector<std::string_view> names;
    for (const auto &[key, value] : object.as<RecordObject>()->fields) names.push_back(key);
    return names;
  }
  case ObjectKind::Tuple:
    return object.as<TupleObject>()->names;
  default:
    return {};
  }
}

} // namespace

Value Interpreter::attribute(const Value &object, std::string_view name, Span where) {
  if (object.isPoison()) return object;
  auto type = typeName(object);

  if (auto *space = object.as<NamespaceObject>()) {
    Value member = namespaceMember(space->name, name);
    if (trace() && !member.isUnset() && member.same(libraryValue(name)))
      trace()->plainSpellings.push_back({where, symbols.text(symbols.intern(name))});
    if (!member.isUnset()) return member;
    checkNamespacePath({space->name, name}, where);
    scopes.expectGaps();
    return Value::poison();
  }
  if (auto *file = object.as<FileObject>()) {
    if (trace()) trace()->namesRead.emplace(file->path, name);
    Symbol symbol = symbols.find(name);
    if (auto found = file->names.find(symbol); symbol && found != file->names.end()) {
      Value value = file->globals->slots[found->second];
      if (!value.isUnset()) return value;
    }
    scopes.expectGaps();
    if (file->broken) return Value::poison();
    std::vector<std::string_view> attributes;
    for (const auto &[known, index] : file->names) attributes.push_back(symbols.text(known));
    auto near = nearestName(name, attributes);
    return fail(Code::Undefined, where, fmt::format("'{}' has no name '{}'", file->path, name),
                near ? fmt::format("did you mean '{}'?", *near) : "");
  }

  auto method = [&]() -> Value {
    const auto *def = findMethod(type, name);
    if (!def) return Value::unset();
    auto *made = heap.make<MethodObject>();
    made->self = object;
    made->def = def;
    return Value::object(made);
  };

  // What has a dtype and a shape.
  auto common = [&](std::string_view tensorName, DType dtype, Shape shape, Operation *op) -> Value {
    if (name == "name") return heap.text(tensorName);
    if (name == "dtype") return Value::dtype(dtype);
    if (name == "shape") return heap.shape(shape);
    if (name == "op" && op) return heap.operation(op);
    return Value::unset();
  };
  Value found = Value::unset();
  if (auto *t = object.as<TensorObject>()) {
    auto *op = t->tensor->op;
    found =
        common(op->name.empty() ? std::string() : fmt::format("{}:{}", op->name, t->tensor->index),
               t->tensor->dtype, t->tensor->shape, op);
    if (name == "value_index") found = Value::integer(t->tensor->index);
    if (name == "graph") return Value::none();
  } else if (auto *v = object.as<VariableObject>()) {
    auto *variable = v->variable;
    found =
        common(fmt::format("{}:0", variable->opName), variable->dtype, variable->shape, nullptr);
    if (name == "op") {
      // The variable's node, as an operation that can be named and waited for.
      auto *node = graph.arena.make<Operation>();
      node->type = "VariableV2";
      node->name = variable->opName;
      node->variable = variable;
      found = heap.operation(node);
    }
    if (name == "trainable") found = Value::boolean(variable->trainable);
    if (name == "constraint") found = v->constraint;
    if (name == "initial_value") found = v->initialValue;
  } else if (auto *p = object.as<PartitionedObject>()) {
    found = common(p->whole->name, p->whole->dtype, p->whole->shape, nullptr);
  } else if (auto *o = object.as<OperationObject>()) {
    if (name == "name") found = heap.ownedText(o->op->name);
    if (name == "type") found = heap.ownedText(o->op->type);
    if (name == "outputs") {
      std::vector<Value> outputs;
      for (auto &output : o->op->outputs) outputs.push_back(heap.tensor(&output));
      found = heap.list(std::move(outputs));
    }
    if (name == "inputs") {
      std::vector<Value> inputs;
      for (auto *input : o->op->inputs) inputs.push_back(heap.tensor(input));
      found = heap.list(std::move(inputs));
    }
    if (name == "control_inputs") {
      std::vector<Value> inputs;
      for (auto *input : o->op->controlInputs) inputs.push_back(heap.operation(input));
      found = heap.list(std::move(inputs));
    }
  } else if (auto *s = object.as<ShapeObject>()) {
    if (name == "ndims" || name == "rank")
      found = s->shape.hasRank() ? Value::integer(s->shape.rank()) : Value::none();
    if (name == "dims") {
      auto dims = items(object, where);
      found = dims ? heap.list(std::move(*dims)) : Value::poison();
    }
  } else if (auto *s = object.as<ScopeObject>()) {
    if (name == "name") found = heap.ownedText(s->name);
    if (name == "original_name_scope") found = heap.ownedText(s->originalNameScope);
    if (name == "reuse") found = s->reuse;
    if (name == "initializer") found = s->initializer;
    if (name == "regularizer") found = s->regularizer;
    if (name == "partitioner") found = s->partitioner;
    if (name == "custom_getter") found = s->customGetter;
    if (name == "constraint") found = s->constraint;
    if (name == "dtype") found = s->dtype.isNone() ? Value::dtype(DType::Float32) : s->dtype;
  } else if (auto *t = object.as<TemplateObject>()) {
    auto *scope = t->scope.as<ScopeObject>();
    if (name == "name") found = t->name;
    if (name == "func") found = t->function;
    if (name == "variable_scope" || name == "var_scope") found = t->scope;
    if (name == "variable_scope_name") {
      found = scope
                  ? heap.text(scope->name.empty() ? std::string() : fmt::format("{}/", scope->name))
                  : Value::none();
    }
    auto members = [&](std::string_view key) {
      if (!scope || !t->completed) return std::vector<Value>();
      std::string why;
      auto all = scopes.collection(
          key, scope->name.empty() ? std::string() : fmt::format("{}/", scope->name), why);
      return all ? *all : std::vector<Value>();
    };
    if (name == "trainable_variables" || name == "trainable_weights")
      found = heap.list(members("trainable_variables"));
    if (name == "global_variables") found = heap.list(members("variables"));
    if (name == "local_variables") found = heap.list(members("local_variables"));
    if (name == "variables" || name == "weights") {
      auto all = members("variables"), local = members("local_variables");
      all.insert(all.end(), local.begin(), local.end());
      found = heap.list(std::move(all));
    }
    if (name == "non_trainable_variables" || name == "non_trainable_weights") {
      auto trainable = members("trainable_variables"), all = members("variables");
      std::erase_if(all, [&](const Value &v) {
        return std::any_of(trainable.begin(), trainable.end(), [&](auto &t) { return t.same(v); });
      });
      found = heap.list(std::move(all));
    }
  } else if (object.is(ObjectKind::Optimizer)) {
    // What gate_gradients says; generated code has no gates.
    if (name == "GATE_NONE") found = Value::integer(0);
    if (name == "GATE_OP") found = Value::integer(1);
    if (name == "GATE_GRAPH") found = Value::integer(2);
  } else if (auto *m = object.as<MovingAverageObject>()) {
    if (name == "name") found = heap.ownedText(m->name);
  } else if (auto *i = object.as<InitializerObject>()) {
    found = Value::unset();
    for (const auto &[key, value] : i->settings) {
      if (key == name) found = value;
    }
  } else if (auto *r = object.as<RecordObject>()) {
    for (const auto &[key, value] : r->fields)
      if (key == name) found = value;
  } else if (auto *t = object.as<TupleObject>()) {
    for (size_t i = 0; i < t->names.size() && i < t->items.size(); ++i)
      if (t->names[i] == name) found = t->items[i];
  } else if (object.isInt() || object.isDimension()) {
    // x.shape[0].value, as TensorFlow 1 definitions write it.
    if (name == "value") found = object.isInt() ? object : Value::none();
  } else if (object.isDType()) {
    DType dtype = object.asDType();
    if (name == "name") found = heap.ownedText(dtypeName(dtype));
    if (name == "base_dtype") found = object;
    if (name == "size") found = Value::integer(dtypeSize(dtype));
    if (name == "is_floating") found = Value::boolean(isFloating(dtype));
    if (name == "is_integer") found = Value::boolean(isInteger(dtype));
    if (name == "is_unsigned") found = Value::boolean(isInteger(dtype) && !isSignedInteger(dtype));
    if (name == "is_bool") found = Value::boolean(dtype == DType::Bool);
  } else if (auto *f = object.as<FunctionObject>()) {
    if (name == "__name__") found = heap.ownedText(f->name);
  } else if (auto *t = object.as<TypeObject>()) {
    if (name == "__name__") found = heap.ownedText(t->name);
  }
  if (!found.isUnset()) return found;

  if (found = method(); !found.isUnset()) return found;
  auto attributes = attributesOf(object);
  for (auto method : methodsOf(type)) attributes.push_back(method);
  std::string_view instead;
  if (isTensorLike(object) && (name == "eval" || name == "numpy"))
    instead =
        "a definition has no values: make an export that gives the tensor, and `graphc run` it";
  if (object.is(ObjectKind::Operation) && name == "run")
    instead = "list the operation in an export's outputs: it is run when the export is called";
  if (object.is(ObjectKind::Variable) && (name == "eval" || name == "load"))
    instead = "a definition has no values: save and load checkpoints with the generated code";
  if (!instead.empty()) {
    scopes.expectGaps();
    return fail(Code::NotInDefinition, where,
                fmt::format("'{}' is not part of a graph definition", name), std::string(instead));
  }
  auto near = nearestName(name, attributes);
  scopes.expectGaps();
  return fail(Code::Undefined, where,
              fmt::format("{} has no attribute '{}'", withArticle(type), name),
              near ? fmt::format("did you mean '{}'?", *near) : "");
}

} // namespace graphc
