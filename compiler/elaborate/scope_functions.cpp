// variable_scope, get_variable, Variable, collections, make_template: what definitions call to
// open scopes and make variables. The rules themselves are in scope_rules.
#include "elaborate/interpreter.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

namespace {

Value poisonManager(NativeCall &c) {
  auto *manager = c.interpreter.heap.make<ManagerObject>();
  manager->poisoned = true;
  return Value::object(manager);
}

/// A str that may be None; false after an error.
bool optionalText(NativeCall &c, size_t i, std::string_view what) {
  if (c[i].isNone() || c[i].is(ObjectKind::Text)) return true;
  wrongType(c, fmt::format("{} is a str, not {}", what, typeName(c[i])));
  return false;
}

bool isReuse(const Value &v) { return v.isNone() || v.isBool() || v.isAutoReuse(); }

Value variableScope(NativeCall &c) {
  if (anyPoison(c)) return poisonManager(c);
  auto *manager = c.interpreter.heap.make<ManagerObject>();
  manager->type = ManagerObject::VariableScope;
  manager->nameOrScope = c[0];
  manager->defaultName = c[1];
  manager->values = c[2];
  manager->initializer = c[3];
  manager->regularizer = c[4];
  manager->partitioner = c[5];
  manager->customGetter = c[6];
  manager->reuse = c[7];
  manager->constraint = c[9];
  manager->auxiliary = c[10];
  if (!isReuse(c[7])) {
    wrongType(c, fmt::format("reuse is True, False, None or AUTO_REUSE, not {}", typeName(c[7])));
    return poisonManager(c);
  }
  // Rule: False inherits, as None does.
  manager->reuseFalse = isFalse(c[7]);
  if (manager->reuseFalse) manager->reuse = Value::none();
  if (!c[10].isNone() && !c[10].isBool()) {
    wrongType(c, fmt::format("auxiliary_name_scope is True or False, not {}", typeName(c[10])));
    return poisonManager(c);
  }
  auto dtype = c.interpreter.toDType(c[8], c.span);
  if (!dtype) return poisonManager(c);
  manager->dtype = *dtype == DType::Invalid ? Value::none() : Value::dtype(*dtype);
  // A custom getter is looked at where it is called.
  for (size_t i : {4, 5})
    if (!c[i].isNone() && !c.interpreter.isCallable(c[i])) {
      constexpr std::string_view names[] = {"regularizer", "partitioner"};
      wrongType(c, fmt::format("{} is a function, not {}", names[i - 4], typeName(c[i])));
      return poisonManager(c);
    }
  if (!c.interpreter.scopes.checkVariableScope(*manager, c.span)) return poisonManager(c);
  return Value::object(manager);
}

Value nameScope(NativeCall &c) {
  if (anyPoison(c)) return poisonManager(c);
  auto *manager = c.interpreter.heap.make<ManagerObject>();
  manager->type = ManagerObject::NameScope;
  if (!optionalText(c, 1, "default_name")) return poisonManager(c);
  manager->nameOrScope = c[0];
  manager->defaultName = c[1];
  manager->values = c[2];
  return Value::object(manager);
}

Value controlDependencies(NativeCall &c) {
  if (anyPoison(c)) return poisonManager(c);
  auto *manager = c.interpreter.heap.make<ManagerObject>();
  manager->type = ManagerObject::Controls;
  if (c[0].isNone()) {
    manager->clearsControls = true;
    return Value::object(manager);
  }
  auto items = c.interpreter.items(c[0], c.span);
  if (!items) return poisonManager(c);
  for (const auto &item : *items) {
    if (item.isPoison()) return poisonManager(c);
    if (item.is(ObjectKind::Variable) || item.is(ObjectKind::Partitioned)) continue; // always there
    auto *op = c.interpreter.toOperation(item);
    if (!op) {
      wrongType(c, fmt::format("control_dependencies() takes operations and tensors, not {}",
                               typeName(item)));
      return poisonManager(c);
    }
    if (op->type != "VariableV2") manager->controls.push_back(op);
  }
  return Value::object(manager);
}

/// The parts of a request that a get_variable and a true getter have in common.
bool fillRequest(NativeCall &c, VariableRequest &r, const Value &name, const Value &dtype,
                 const Value &trainable) {
  auto *text = name.as<TextObject>();
  if (!text) {
    wrongType(c, fmt::format("a variable's name is a str, not {}", typeName(name)));
    return false;
  }
  r.name = text->text;
  r.span = c.span;
  auto known = c.interpreter.toDType(dtype, c.span);
  if (!known) return false;
  r.dtype = *known;
  r.explicitDType = r.dtype != DType::Invalid;
  r.trainable = trainable.isNone() ? Value::boolean(true) : trainable;
  r.trainableGiven = !trainable.isNone();
  if (!r.trainable.isBool()) {
    wrongType(c, fmt::format("trainable is True or False, not {}", typeName(trainable)));
    return false;
  }
  return true;
}

Value getVariable(NativeCall &c) {
  if (c[0].isPoison()) {
    c.interpreter.scopes.expectGaps();
    return Value::poison();
  }
  VariableRequest r;
  Value dtype = c[2].isPoison() ? Value::none() : c[2];
  Value trainable = c[5].isPoison() ? Value::none() : c[5];
  r.shape = c[1];
  r.initializer = c[3];
  r.regularizer = c[4];
  r.collections = c[6];
  r.partitioner = c[7];
  r.constraint = c[8];
  r.customGetter = c[9];
  if (c[2].isPoison() || c[5].isPoison()) r.shape = Value::poison();
  if (!fillRequest(c, r, c[0], dtype, trainable)) {
    c.interpreter.scopes.expectGaps();
    return Value::poison();
  }
  for (const auto &[value, what] :
       {std::pair(&c[4], "regularizer"), {&c[7], "partitioner"}, {&c[8], "constraint"}})
    if (!value->isNone() && !value->isPoison() && !c.interpreter.isCallable(*value)) {
      wrongType(c, fmt::format("{} is a function, not {}", what, typeName(*value)));
      r.shape = Value::poison(); // asked for, but not known how
    }
  return c.interpreter.scopes.getVariable(r);
}

Value getLocalVariable(NativeCall &c) {
  std::vector<Value> keys;
  if (!c[6].isNone()) {
    auto given = c.interpreter.items(c[6], c.span);
    if (!given) return Value::poison();
    keys = std::move(*given);
  }
  keys.push_back(c.interpreter.heap.ownedText("local_variables"));
  c.args[6] = c.interpreter.heap.list(std::move(keys));
  c.args[5] = Value::boolean(false);
  return getVariable(c);
}

Value trueGetterCall(NativeCall &c) {
  if (c[2].isPoison()) {
    c.interpreter.scopes.expectGaps();
    return Value::poison();
  }
  VariableRequest r;
  r.shape = c[3];
  r.initializer = c[5];
  r.regularizer = c[6];
  r.reuse = c[7];
  r.collections = c[9];
  r.partitioner = c[11];
  r.constraint = c[14];
  if (!isReuse(r.reuse) && !r.reuse.isPoison())
    return wrongType(
        c, fmt::format("reuse is True, False, None or AUTO_REUSE, not {}", typeName(r.reuse)));
  if (!fillRequest(c, r, c[2], c[4], c[8])) return Value::poison();
  // The float32 that a getter is shown where no dtype was given is still none.
  int64_t given = c[0].isInt() ? c[0].asInt() : 2;
  if (given == 0 && r.dtype == DType::Float32) r.dtype = DType::Invalid;
  // That of the scope, passed on, is no dtype that the call asked for.
  if (given < 2) r.explicitDType = false;
  r.trainableGiven = isTrue(c[1]);
  return c.interpreter.scopes.getVariableByKey(r);
}
constexpr NativeDef trueGetterDef = {
    "getter(dtype_given, trainable_given, name, shape=None, dtype=None, initializer=None, "
    "regularizer=None, "
    "reuse=None, "
    "trainable=None, collections=None, caching_device=None, partitioner=None, validate_shape=True, "
    "use_resource=None, constraint=None, synchronization=None, aggregation=None)",
    trueGetterCall};

Value chainedGetterCall(NativeCall &c) {
  // Within the inner getter, `getter` is the outer one with the true getter.
  auto *outer = c.interpreter.heap.make<PartialObject>();
  outer->function = c[1];
  outer->positional = {c[2]};
  std::vector<Value> positional = {Value::object(outer)};
  positional.insert(positional.end(), c.rest.begin(), c.rest.end());
  return c.interpreter.callValue(c[0], {positional, c.keywords}, c.span);
}
constexpr NativeDef chainedGetterDef = {"custom_getter(inner, outer, getter, *args, **kwargs)",
                                        chainedGetterCall};

Value makeVariable(NativeCall &c) {
  if (anyPoison(c)) {
    c.interpreter.scopes.expectGaps();
    return Value::poison();
  }
  if (!optionalText(c, 2, "name")) return Value::poison();
  auto *text = c[2].as<TextObject>();
  auto dtype = c.interpreter.toDType(c[3], c.span);
  if (!dtype) return Value::poison();
  if (!c[1].isBool() && !c[1].isNone())
    return wrongType(c, fmt::format("trainable is True or False, not {}", typeName(c[1])));
  if (c[0].isNone())
    return c.interpreter.fail(Code::WrongArguments, c.span, "Variable() needs an initial value");
  auto &scopes = c.interpreter.scopes;
  bool named = text && !text->text.empty();
  std::string_view asked = named && c.interpreter.trace() ? scopes.fullName(text->text) : "";
  bool underReuse = isTrue(scopes.currentScope()->reuse);
  Value made = scopes.makeVariable(c[0], *dtype, named ? text->text : "Variable",
                                   c[1].isNone() || c[1].asBool(), c[4],
                                   !c[5].isBool() || c[5].asBool(), c.span);
  auto *variable = made.as<VariableObject>();
  if (variable) variable->constraint = c[6];
  if (variable && c.interpreter.trace())
    c.interpreter.trace()->plain.push_back({variable->variable, asked, underReuse});
  return made;
}

Value getVariableScope(NativeCall &c) { return Value::object(c.interpreter.scopes.currentScope()); }

Value collectionOf(NativeCall &c, std::string_view key, const Value &scope) {
  std::optional<std::string_view> pattern;
  if (auto *text = scope.as<TextObject>()) pattern = text->text;
  if (scope.isPoison()) return scope;
  if (!pattern && !scope.isNone())
    return wrongType(c, fmt::format("scope is a str, not {}", typeName(scope)));
  std::string why;
  auto members = c.interpreter.scopes.collection(key, pattern, why);
  if (!members)
    return c.interpreter.fail(Code::AttributeRange, c.span,
                              fmt::format("'{}' is no regular expression: {}", *pattern, why));
  if (c.interpreter.trace() && pattern)
    c.interpreter.scopes.traceCollection(*pattern, *members, c.span);
  return c.interpreter.heap.list(std::move(*members));
}

Value trainableVariables(NativeCall &c) { return collectionOf(c, "trainable_variables", c[0]); }
Value globalVariables(NativeCall &c) { return collectionOf(c, "variables", c[0]); }
Value localVariables(NativeCall &c) { return collectionOf(c, "local_variables", c[0]); }
Value modelVariables(NativeCall &c) { return collectionOf(c, "model_variables", c[0]); }

Value movingAverageVariables(NativeCall &c) {
  return collectionOf(c, "moving_average_variables", c[0]);
}

Value getCollection(NativeCall &c) {
  auto *key = c[0].as<TextObject>();
  if (!key) {
    if (c[0].isPoison()) return c[0];
    return wrongType(c, fmt::format("a collection's key is a str, not {}", typeName(c[0])));
  }
  return collectionOf(c, key->text, c[1]);
}

Value addToCollection(NativeCall &c) {
  auto *key = c[0].as<TextObject>();
  if (!key) {
    if (c[0].isPoison()) return c[0];
    return wrongType(c, fmt::format("a collection's key is a str, not {}", typeName(c[0])));
  }
  c.interpreter.scopes.addToCollection(key->text, c[1]);
  return Value::none();
}

Value addToCollections(NativeCall &c) {
  if (c[0].is(ObjectKind::Text)) return addToCollection(c);
  auto keys = c.interpreter.items(c[0], c.span);
  if (!keys) return Value::poison();
  for (const auto &key : *keys)
    if (auto *text = key.as<TextObject>()) c.interpreter.scopes.addToCollection(text->text, c[1]);
  return Value::none();
}

Value makeTemplate(NativeCall &c) {
  if (anyPoison(c)) return Value::poison();
  if (!c[0].is(ObjectKind::Text))
    return wrongType(c, fmt::format("a template's name is a str, not {}", typeName(c[0])));
  if (!c.interpreter.isCallable(c[1]))
    return wrongType(c, fmt::format("a template is made of a function, not {}", typeName(c[1])));
  if (!optionalText(c, 3, "unique_name_")) return Value::poison();
  auto now = c.interpreter.truth(c[2], c.span);
  if (!now) return Value::poison();
  auto *made = c.interpreter.heap.make<TemplateObject>();
  made->name = c[0];
  made->function = c[1];
  made->uniqueName = c[3];
  made->customGetter = c[4];
  made->keywords.assign(c.keywords.begin(), c.keywords.end());
  if (*now) {
    // Rule: made ahead, the variable scope is taken where make_template stands, and no name scope.
    auto &scopes = c.interpreter.scopes;
    auto *manager = c.interpreter.heap.make<ManagerObject>();
    manager->type = ManagerObject::VariableScope;
    manager->pure = true;
    manager->nameOrScope =
        c[3].isNone()
            ? c.interpreter.heap.ownedText(scopes.uniqueScopeName(c[0].as<TextObject>()->text))
            : c[3];
    manager->customGetter = c[4];
    Value bound;
    if (!scopes.enter(*manager, c.span, bound)) return Value::poison();
    scopes.leave();
    made->scope = bound;
  }
  return Value::object(made);
}

constexpr NativeDef table[] = {
    {"variable_scope(name_or_scope, default_name=None, values=None, initializer=None, "
     "regularizer=None, "
     "partitioner=None, custom_getter=None, reuse=None, dtype=None, constraint=None, "
     "auxiliary_name_scope=None, *, "
     "caching_device=None, use_resource=None)",
     variableScope},
    {"name_scope(name=None, default_name=None, values=None)", nameScope},
    {"control_dependencies(control_inputs)", controlDependencies},
    {"get_variable(name, shape=None, dtype=None, initializer=None, regularizer=None, "
     "trainable=None, "
     "collections=None, partitioner=None, constraint=None, custom_getter=None, "
     "validate_shape=True, *, "
     "caching_device=None, use_resource=None, synchronization=None, aggregation=None)",
     getVariable},
    {"get_local_variable(name, shape=None, dtype=None, initializer=None, regularizer=None, "
     "trainable=False, "
     "collections=None, partitioner=None, constraint=None, custom_getter=None, "
     "validate_shape=True, *, "
     "caching_device=None, use_resource=None, synchronization=None, aggregation=None)",
     getLocalVariable},
    {"Variable(initial_value, trainable=True, name=None, dtype=None, collections=None, "
     "validate_shape=True, *, "
     "constraint=None, caching_device=None, expected_shape=None, use_resource=None, "
     "synchronization=None, "
     "aggregation=None, shape=None)",
     makeVariable},
    {"get_variable_scope()", getVariableScope},
    {"trainable_variables(scope=None)", trainableVariables},
    {"global_variables(scope=None)", globalVariables},
    {"all_variables(scope=None)", globalVariables},
    {"local_variables(scope=None)", localVariables},
    {"model_variables(scope=None)", modelVariables},
    {"moving_average_variables(scope=None)", movingAverageVariables},
    {"get_collection(key, scope=None)", getCollection},
    {"get_collection_ref(key, scope=None)", getCollection},
    {"add_to_collection(name, value)", addToCollection},
    {"add_to_collections(names, value)", addToCollections},
    {"make_template(name_, func_, create_scope_now_=False, unique_name_=None, custom_getter_=None, "
     "**kwargs)",
     makeTemplate},
};

} // namespace

const NativeDef &trueGetter() { return trueGetterDef; }
const NativeDef &chainedGetter() { return chainedGetterDef; }
std::span<const NativeDef> scopeFunctions() { return table; }

// Managers --------------------------------------------------------------------------------------

Value Interpreter::enterManager(const Value &value, Span where) {
  auto *manager = value.as<ManagerObject>();
  if (!manager || manager->poisoned) {
    if (!value.isPoison() && !manager) {
      auto &made = error(Code::WrongType, where,
                         fmt::format("{} can't be entered with `with`", someOf(value)));
      if (value.is(ObjectKind::Scope)) made.help = "write `with variable_scope(scope):`";
    }
    withinForeign_ += !manager;
    scopes.enterNothing();
    scopes.expectGaps();
    return Value::poison();
  }
  if (manager->type == ManagerObject::Controls) {
    auto open = manager->clearsControls ? std::vector<Operation *>() : controls_.back();
    for (auto *op : manager->controls)
      if (std::find(open.begin(), open.end(), op) == open.end()) open.push_back(op);
    controls_.push_back(std::move(open));
    controlsIds_.push_back(controls_.back().empty() ? 0 : ++controlsId_);
    return Value::none();
  }
  Value bound;
  if (scopes.enter(*manager, where, bound)) return bound;
  manager->poisoned = true;
  scopes.enterNothing();
  scopes.expectGaps();
  return Value::poison();
}

void Interpreter::leaveManager(const Value &value) {
  auto *manager = value.as<ManagerObject>();
  withinForeign_ -= !manager;
  if (manager && !manager->poisoned && manager->type == ManagerObject::Controls) {
    controls_.pop_back();
    controlsIds_.pop_back();
    return;
  }
  scopes.leave();
}

/// Rule: a template makes its variables at its first call and shares them at every later one;
/// each call opens a name scope of the template's name.
Value Interpreter::callTemplate(TemplateObject &made, const CallArgs &args, Span where) {
  std::vector<Keyword> keywords(args.keywords.begin(), args.keywords.end());
  for (const auto &given : made.keywords)
    if (std::none_of(keywords.begin(), keywords.end(),
                     [&](auto &k) { return k.first == given.first; }))
      keywords.push_back(given);
  auto *manager = heap.make<ManagerObject>();
  manager->type = ManagerObject::VariableScope;
  bool later = made.called;
  if (!made.scope.isNone()) {
    manager->nameOrScope = made.scope;
    manager->auxiliary = Value::boolean(true);
    if (later) manager->reuse = Value::boolean(true);
  } else {
    manager->nameOrScope = made.uniqueName;
    manager->defaultName = made.name;
    manager->customGetter = made.customGetter;
  }
  Value bound;
  if (!scopes.enter(*manager, where, bound)) {
    scopes.expectGaps();
    return Value::poison();
  }
  if (made.scope.isNone()) made.scope = bound;
  made.called = true;
  bool counts = made.completed;
  if (counts) scopes.beginLaterTemplateCall();
  Value result = callValue(made.function, {args.positional, keywords}, where);
  if (counts) scopes.endLaterTemplateCall();
  made.completed = true;
  scopes.leave();
  return result;
}

} // namespace graphc
