// placeholder, dim, assign, group, cond …, and the methods of tensors, variables, shapes, scopes.
#include "elaborate/interpreter.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

extern const NativeDef settingMethods[2];

namespace {

/// A `name=`; nullopt after an error.
std::optional<std::string_view> nameOf(NativeCall &c, const Value &value) {
  if (value.isNone()) return std::string_view();
  if (auto *text = value.as<TextObject>()) return text->text;
  wrongType(c, fmt::format("name is a str, not {}", typeName(value)));
  return std::nullopt;
}

Value placeholder(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  auto dtype = c.interpreter.toDType(c[0], c.span);
  auto name = nameOf(c, c[2]);
  if (!dtype || !name) return Value::poison();
  if (*dtype == DType::Invalid) return wrongType(c, "a placeholder needs a dtype");
  return c.interpreter.placeholder(*dtype, c[1], Value::unset(), *name, c.span);
}

Value placeholderWithDefault(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  auto name = nameOf(c, c[2]);
  if (!name) return Value::poison();
  return c.interpreter.placeholder(DType::Invalid, c[1], c[0], *name, c.span);
}

Value dim(NativeCall &c) {
  auto *text = c[0].as<TextObject>();
  if (!text)
    return c[0].isPoison()
               ? c[0]
               : wrongType(c, fmt::format("a dimension's name is a str, not {}", typeName(c[0])));
  auto letter = [](char ch) {
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
  };
  bool valid = !text->text.empty() && letter(text->text[0]) &&
               std::all_of(text->text.begin(), text->text.end(),
                           [&](char ch) { return letter(ch) || (ch >= '0' && ch <= '9'); });
  if (!valid)
    return c.interpreter.fail(
        Code::AttributeRange, c.span, fmt::format("'{}' can't name a dimension", text->text),
        "it becomes a parameter of the generated functions: letters, digits and _");
  return Value::dimension(c.interpreter.graph.dims.named(text->text));
}

Value assignTo(NativeCall &c, std::string_view type, const Value &ref, const Value &value,
               const Value &nameValue) {
  if (ref.isPoison() || value.isPoison()) return Value::poison();
  auto name = nameOf(c, nameValue);
  if (!name) return Value::poison();
  if (auto *variable = ref.as<VariableObject>())
    return c.interpreter.assign(type, variable->variable, value, *name, c.span);
  if (auto *whole = ref.as<PartitionedObject>()) {
    // Each part takes its slice; the result is the list of them.
    Tensor *tensor =
        c.interpreter.toTensor(value, whole->whole->dtype, c.span, Code::OperandDTypes, "value");
    if (!tensor) return Value::poison();
    if (!sameShape(tensor->shape, whole->whole->shape))
      return c.interpreter.fail(Code::OperandShapes, c.span,
                                fmt::format("a value of shape {} for a variable of shape {}",
                                            toString(tensor->shape),
                                            toString(whole->whole->shape)));
    std::vector<Value> results;
    for (const auto &part : whole->parts) {
      auto *v = part.as<VariableObject>()->variable;
      std::vector<int64_t> begin(size_t(whole->whole->shape.rank()), 0), size;
      begin[size_t(whole->whole->axis)] = v->offset;
      for (Dim d : v->shape) size.push_back(d.value);
      Tensor *slice = c.interpreter.slice(tensor, begin, size, c.span);
      if (!slice) return Value::poison();
      results.push_back(
          c.interpreter.assign(type, v, c.interpreter.heap.tensor(slice), *name, c.span));
    }
    return c.interpreter.heap.list(std::move(results));
  }
  return wrongType(c, fmt::format("{}() writes a variable, not {}", c.def.name(), someOf(ref)));
}

/// scatter_update(ref, indices, updates, …): rows of a variable.
Value scatterTo(NativeCall &c, std::string_view type) {
  auto name = nameOf(c, c[4]);
  if (!name || anyPoison(c)) return Value::poison();
  auto *variable = c[0].as<VariableObject>();
  if (!variable)
    return wrongType(c, fmt::format("{}() writes a variable, not {}", c.def.name(), someOf(c[0])));
  return c.interpreter.scatter(type, variable->variable, c[1], c[2], *name, c.span);
}
Value scatterUpdate(NativeCall &c) { return scatterTo(c, "TensorScatterUpdate"); }
Value scatterAdd(NativeCall &c) { return scatterTo(c, "TensorScatterAdd"); }
Value scatterSub(NativeCall &c) { return scatterTo(c, "TensorScatterSub"); }

Value assignFunction(NativeCall &c) { return assignTo(c, "Assign", c[0], c[1], c[4]); }
Value assignAddFunction(NativeCall &c) { return assignTo(c, "AssignAdd", c[0], c[1], c[3]); }
Value assignSubFunction(NativeCall &c) { return assignTo(c, "AssignSub", c[0], c[1], c[3]); }
Value assignMethod(NativeCall &c) { return assignTo(c, "Assign", c[0], c[1], c[3]); }
Value assignAddMethod(NativeCall &c) { return assignTo(c, "AssignAdd", c[0], c[1], c[3]); }
Value assignSubMethod(NativeCall &c) { return assignTo(c, "AssignSub", c[0], c[1], c[3]); }

Value group(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  auto name = nameOf(c, c[0]);
  if (!name) return Value::poison();
  std::vector<Operation *> after;
  std::function<bool(const Value &)> add = [&](const Value &v) {
    if (v.isPoison()) return false;
    if (v.isNone() || v.is(ObjectKind::Variable)) return true;
    if (auto *op = c.interpreter.toOperation(v)) {
      if (op->type != "VariableV2") after.push_back(op);
      return true;
    }
    if (v.is(ObjectKind::List) || v.is(ObjectKind::Tuple)) {
      auto items = c.interpreter.items(v, c.span);
      return items && std::all_of(items->begin(), items->end(), add);
    }
    wrongType(c, fmt::format("group() takes operations and tensors, not {}", typeName(v)));
    return false;
  };
  for (const auto &v : c.rest)
    if (!add(v)) return Value::poison();
  return c.interpreter.group(after, *name, c.span);
}

/// `cond(pred, f, g)` of a compile-time bool.
Value cond(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  Value f = c[1].isNone() ? c[4] : c[1], g = c[2].isNone() ? c[5] : c[2];
  if (c.interpreter.isTensorLike(c[0]))
    return wrongType(c, "cond() chooses at compile time, and a tensor's value is not known then",
                     "compute both and choose with where(pred, x, y); scan(fn, x) goes over x");
  auto holds = c.interpreter.truth(c[0], c.span);
  if (!holds) return Value::poison();
  return c.interpreter.call(*holds ? f : g, {}, {}, c.span);
}

Value convertToTensor(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  auto dtype = c.interpreter.toDType(c[1], c.span);
  if (!dtype) return Value::poison();
  if (c.interpreter.isTensorLike(c[0]))
    return c.interpreter.heap.tensor(
        c.interpreter.toTensor(c[0], *dtype, c.span, Code::OperandDTypes, "value"));
  return c.interpreter.callLibrary(
      "constant", {c[0]}, c.span,
      {{"dtype", *dtype == DType::Invalid ? Value::none() : Value::dtype(*dtype)}, {"name", c[2]}});
}

/// The dimensions that are listed; a None becomes a dimension of its own.
std::optional<std::vector<Dim>> dimensions(NativeCall &c, const Value &listed,
                                           std::string_view placeholder) {
  auto items = c.interpreter.items(listed, c.span);
  if (!items) return std::nullopt;
  std::vector<Dim> dims;
  for (const auto &d : *items) {
    if (d.isNone())
      dims.push_back(c.interpreter.graph.dims.anonymous(placeholder, int(dims.size())));
    else if (d.isInt() || d.isDimension())
      dims.push_back(d.asDim());
    else {
      wrongType(c, fmt::format("a dimension is an int or None, not {}", typeName(d)));
      return std::nullopt;
    }
  }
  return dims;
}

Value tensorShape(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  if (c[0].isNone()) return c.interpreter.heap.shape(Shape::unknown());
  if (c[0].is(ObjectKind::TensorShape)) return c[0];
  auto dims = dimensions(c, c[0], "");
  return dims ? c.interpreter.heap.shape(c.interpreter.graph.makeShape(*dims)) : Value::poison();
}

Value asDType(NativeCall &c) {
  auto dtype = c.interpreter.toDType(c[0], c.span);
  return dtype ? *dtype == DType::Invalid ? Value::none() : Value::dtype(*dtype) : Value::poison();
}

Value setRandomSeed(NativeCall &c) {
  if (!c[0].isInt())
    return c[0].isPoison() ? c[0]
                           : wrongType(c, fmt::format("a seed is an int, not {}", typeName(c[0])));
  c.interpreter.graph.seed = uint64_t(c[0].asInt());
  return Value::none();
}

constexpr NativeDef table[] = {
    {"placeholder(dtype, shape=None, name=None)", placeholder},
    {"placeholder_with_default(input, shape, name=None)", placeholderWithDefault},
    {"dim(name)", dim},
    {"assign(ref, value, validate_shape=None, use_locking=None, name=None)", assignFunction},
    {"assign_add(ref, value, use_locking=None, name=None)", assignAddFunction},
    {"assign_sub(ref, value, use_locking=None, name=None)", assignSubFunction},
    {"scatter_update(ref, indices, updates, use_locking=True, name=None)", scatterUpdate},
    {"scatter_add(ref, indices, updates, use_locking=False, name=None)", scatterAdd},
    {"scatter_sub(ref, indices, updates, use_locking=False, name=None)", scatterSub},
    {"group(*inputs, name=None)", group},
    {"cond(pred, true_fn=None, false_fn=None, strict=False, fn1=None, fn2=None, name=None)", cond},
    {"convert_to_tensor(value, dtype=None, name=None, preferred_dtype=None)", convertToTensor},
    {"TensorShape(dims)", tensorShape},
    {"as_dtype(type_value)", asDType},
    {"set_random_seed(seed)", setRandomSeed},
};

// Methods ---------------------------------------------------------------------------------------

Value readValue(NativeCall &c) {
  return c.interpreter.callLibrary("identity", {c[0]}, c.span,
                                   {{"name", c.interpreter.heap.ownedText("read")}});
}

Value currentValue(NativeCall &c) {
  return c.interpreter.heap.tensor(c.interpreter.readVariable(c[0].as<VariableObject>()->variable));
}

Value initializedValue(NativeCall &c) {
  return c.interpreter.heap.tensor(c[0].as<VariableObject>()->variable->initialValue);
}

Value getShape(NativeCall &c) { return c.interpreter.attribute(c[0], "shape", c.span); }

Value setShape(NativeCall &c) {
  auto *tensor = c[0].as<TensorObject>()->tensor;
  auto *given = c[1].as<ShapeObject>();
  if (c[1].isNone() || (given && !given->shape.hasRank())) return Value::none();
  auto asked = c.interpreter.toShape(c[1], c.span);
  if (!asked) return Value::poison();
  bool fits = !tensor->shape.hasRank() || size_t(tensor->shape.rank()) == asked->size();
  for (size_t i = 0; fits && tensor->shape.hasRank() && i < asked->size(); ++i)
    fits =
        !(*asked)[i] || !tensor->shape[int(i)].isStatic() || tensor->shape[int(i)].is(*(*asked)[i]);
  if (!fits)
    return c.interpreter.fail(Code::OperandShapes, c.span,
                              fmt::format("the tensor's shape is {}", toString(tensor->shape)));
  // What was made of it before goes on without a rank.
  auto *op = tensor->op;
  if (tensor->shape.hasRank() || op->type != "Placeholder") return Value::none();
  auto dims = dimensions(c, c[1], op->name);
  if (!dims) return Value::poison();
  auto &graph = c.interpreter.graph;
  tensor->shape = graph.makeShape(*dims);
  std::vector<Attr> attrs(op->attrs.begin(), op->attrs.end());
  attrs.push_back(dimsAttr("shape", tensor->shape.dims()));
  op->attrs = graph.arena.copy(attrs);
  return Value::none();
}

Value asList(NativeCall &c) {
  auto *shape = c[0].as<ShapeObject>();
  if (!shape->shape.hasRank()) return wrongType(c, "a shape of unknown rank has no list");
  auto items = c.interpreter.items(c[0], c.span);
  return items ? c.interpreter.heap.list(std::move(*items)) : Value::poison();
}

Value isFullyDefined(NativeCall &c) {
  return Value::boolean(c[0].as<ShapeObject>()->shape.isStatic());
}

Value numElements(NativeCall &c) {
  Shape shape = c[0].as<ShapeObject>()->shape;
  if (!shape.isStatic()) return Value::none();
  Dim n = shape.elements();
  if (n.isOverflow())
    return c.interpreter.fail(Code::Arithmetic, c.span, "the number of elements leaves 64 bits");
  return Value::integer(n.value);
}

Value shapeConcatenate(NativeCall &c) {
  auto other = c.interpreter.toDims(c[1], c.span, "other");
  Shape shape = c[0].as<ShapeObject>()->shape;
  if (!other) return Value::poison();
  std::vector<Dim> dims(shape.begin(), shape.end());
  dims.insert(dims.end(), other->begin(), other->end());
  return c.interpreter.heap.shape(c.interpreter.graph.makeShape(dims));
}

Value isCompatible(NativeCall &c) {
  Shape shape = c[0].as<ShapeObject>()->shape;
  auto asked = c.interpreter.toShape(c[1], c.span);
  if (!asked) return Value::poison();
  bool fits = !shape.hasRank() || size_t(shape.rank()) == asked->size();
  for (size_t i = 0; fits && shape.hasRank() && i < asked->size(); ++i)
    fits = !(*asked)[i] || !shape[int(i)].isStatic() || shape[int(i)].is(*(*asked)[i]);
  return Value::boolean(fits);
}

Value asTensor(NativeCall &c) {
  return c.interpreter.heap.tensor(
      c.interpreter.readPartitioned(c[0].as<PartitionedObject>(), c.span));
}

// Variable scopes.
ScopeObject *scope(NativeCall &c) { return c[0].as<ScopeObject>(); }

Value reuseVariables(NativeCall &c) {
  scope(c)->reuse = Value::boolean(true);
  return Value::none();
}
Value setInitializer(NativeCall &c) {
  scope(c)->initializer = c[1];
  return Value::none();
}
Value setRegularizer(NativeCall &c) {
  scope(c)->regularizer = c[1];
  return Value::none();
}
Value setPartitioner(NativeCall &c) {
  scope(c)->partitioner = c[1];
  return Value::none();
}
Value setCustomGetter(NativeCall &c) {
  scope(c)->customGetter = c[1];
  return Value::none();
}
Value setDType(NativeCall &c) {
  auto dtype = c.interpreter.toDType(c[1], c.span);
  if (dtype) scope(c)->dtype = *dtype == DType::Invalid ? Value::none() : Value::dtype(*dtype);
  return Value::none();
}

/// Rule: a scope's own members are those whose name begins with its name and a slash.
Value scopeCollection(NativeCall &c, std::string_view key) {
  std::string why, prefix = scope(c)->name.empty() ? "" : fmt::format("{}/", scope(c)->name);
  auto members = c.interpreter.scopes.collection(key, prefix, why);
  if (!members)
    return c.interpreter.fail(Code::AttributeRange, c.span,
                              fmt::format("'{}' is no regular expression: {}", prefix, why));
  return c.interpreter.heap.list(std::move(*members));
}
Value scopeGetCollection(NativeCall &c) {
  auto *key = c[1].as<TextObject>();
  if (!key) return c[1].isPoison() ? c[1] : wrongType(c, "a collection's key is a str");
  return scopeCollection(c, key->text);
}
Value scopeTrainable(NativeCall &c) { return scopeCollection(c, "trainable_variables"); }
Value scopeGlobal(NativeCall &c) { return scopeCollection(c, "variables"); }
Value scopeLocal(NativeCall &c) { return scopeCollection(c, "local_variables"); }

constexpr NativeDef methods[] = {
    {"Variable.assign(self, value, use_locking=False, name=None, read_value=True)", assignMethod},
    {"Variable.assign_add(self, delta, use_locking=False, name=None, read_value=True)",
     assignAddMethod},
    {"Variable.assign_sub(self, delta, use_locking=False, name=None, read_value=True)",
     assignSubMethod},
    {"Variable.read_value(self)", readValue},
    {"Variable.value(self)", currentValue},
    {"Variable.initialized_value(self)", initializedValue},
    {"Variable.get_shape(self)", getShape},
    {"PartitionedVariable.assign(self, value, use_locking=False, name=None, read_value=True)",
     assignMethod},
    {"PartitionedVariable.assign_add(self, delta, use_locking=False, name=None, read_value=True)",
     assignAddMethod},
    {"PartitionedVariable.assign_sub(self, delta, use_locking=False, name=None, read_value=True)",
     assignSubMethod},
    {"PartitionedVariable.as_tensor(self)", asTensor},
    {"PartitionedVariable.get_shape(self)", getShape},
    {"Tensor.get_shape(self)", getShape},
    {"Tensor.set_shape(self, shape)", setShape},
    {"TensorShape.as_list(self)", asList},
    {"TensorShape.is_fully_defined(self)", isFullyDefined},
    {"TensorShape.num_elements(self)", numElements},
    {"TensorShape.concatenate(self, other)", shapeConcatenate},
    {"TensorShape.is_compatible_with(self, other)", isCompatible},
    {"VariableScope.reuse_variables(self)", reuseVariables},
    {"VariableScope.set_initializer(self, initializer)", setInitializer},
    {"VariableScope.set_regularizer(self, regularizer)", setRegularizer},
    {"VariableScope.set_partitioner(self, partitioner)", setPartitioner},
    {"VariableScope.set_custom_getter(self, custom_getter)", setCustomGetter},
    {"VariableScope.set_dtype(self, dtype)", setDType},
    {"VariableScope.get_collection(self, name)", scopeGetCollection},
    {"VariableScope.trainable_variables(self)", scopeTrainable},
    {"VariableScope.global_variables(self)", scopeGlobal},
    {"VariableScope.local_variables(self)", scopeLocal},
};

} // namespace

std::span<const NativeDef> graphFunctions() { return table; }

std::span<const NativeDef> objectMethods() {
  static const std::vector<NativeDef> all = [] {
    std::vector<NativeDef> made(std::begin(methods), std::end(methods));
    made.insert(made.end(), std::begin(settingMethods), std::end(settingMethods));
    return made;
  }();
  return all;
}

} // namespace graphc
