// get_variable and Variable: who makes a variable, who shares one, and who may not.
#include "elaborate/native.h"
#include "elaborate/scope_rules.h"
#include "ops/body.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

namespace {

bool fullyKnown(const AskedShape &shape) {
  for (const auto &d : shape)
    if (!d) return false;
  return true;
}

std::string toString(const AskedShape &shape) {
  std::string out;
  for (size_t i = 0; i < shape.size(); ++i)
    out += (i ? ", " : "") + (shape[i] ? std::to_string(*shape[i]) : "?");
  return "(" + out + (shape.size() == 1 ? ",)" : ")");
}

bool compatible(const AskedShape &asked, Shape found) {
  if (!found.hasRank()) return true;
  if (asked.size() != size_t(found.rank())) return false;
  for (size_t i = 0; i < asked.size(); ++i)
    if (asked[i] && found[i].isStatic() && found[i].value != *asked[i]) return false;
  return true;
}

bool anyPoison(const VariableRequest &r) {
  for (const Value *v : {&r.shape, &r.initializer, &r.regularizer, &r.partitioner, &r.constraint,
                         &r.customGetter, &r.collections, &r.reuse, &r.trainable})
    if (v->isPoison()) return true;
  return false;
}

std::string_view initializerName(const Value &initializer) {
  if (auto *setting = initializer.as<InitializerObject>()) {
    auto name = setting->name;
    constexpr std::string_view suffix = "_initializer";
    if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
    return name;
  }
  if (auto *function = initializer.as<FunctionObject>()) return function->name;
  return "value";
}

} // namespace

/// Rule: a number, a list, a tensor or a variable is the initial value itself; anything else is
/// called for it.
bool ScopeRules::initializerIsValue(const Value &initializer) const {
  return !initializer.isNone() && !isFunction(initializer);
}

/// Rule: the key is the variable scope's name, "/", name. Name scopes play no part. What is not
/// given is the scope's: regularizer, partitioner, custom getter, reuse, initializer, constraint,
/// dtype.
Value ScopeRules::getVariable(VariableRequest request) {
  if (openPoisoned_) return Value::poison();
  if (!scope_->name.empty()) request.name = heap_.joined({scope_->name, "/", request.name});
  auto inherit = [](Value &given, const Value &scopes) {
    if (given.isNone()) given = scopes;
  };
  inherit(request.regularizer, scope_->regularizer);
  inherit(request.partitioner, scope_->partitioner);
  inherit(request.customGetter, scope_->customGetter);
  inherit(request.initializer, scope_->initializer);
  inherit(request.constraint, scope_->constraint);
  inherit(request.reuse, scope_->reuse);
  if (request.dtype == DType::Invalid && scope_->dtype.isDType())
    request.dtype = scope_->dtype.asDType();
  if (trace_) traceAsked(request);
  NameScopeSwitch root(*this, "");
  if (request.customGetter.isNone()) return getVariableByKey(request);
  if (request.customGetter.isPoison()) return poisoned(request);

  // Rule: a custom getter is called in place of get_variable, with the whole key as its name and
  // a getter that makes or finds the variable.
  auto *getter = heap_.make<NativeObject>();
  getter->def = &trueGetter();
  auto *bound = heap_.make<PartialObject>();
  bound->function = Value::object(getter);
  // Whether a dtype was given is not to be seen in what the getter passes on.
  Value passed = Value::dtype(request.dtype == DType::Invalid ? DType::Float32 : request.dtype);
  // 0: no dtype was given; 1: by the scope; 2: in the call.
  int64_t dtypeGiven = request.explicitDType ? 2 : request.dtype != DType::Invalid ? 1 : 0;
  bound->positional = {Value::integer(dtypeGiven), Value::boolean(request.trainableGiven)};
  std::vector<std::pair<std::string_view, Value>> keywords = {
      {"getter", Value::object(bound)},
      {"name", heap_.ownedText(request.name)},
      {"shape", request.shape},
      {"dtype", passed},
      {"initializer", request.initializer},
      {"regularizer", request.regularizer},
      {"reuse", request.reuse},
      {"trainable", request.trainable},
      {"collections", request.collections},
      {"caching_device", Value::none()},
      {"partitioner", request.partitioner},
      {"validate_shape", Value::boolean(request.validateShape)},
      {"use_resource", Value::none()},
      {"synchronization", Value::none()},
      {"aggregation", Value::none()},
  };
  if (host_.takesKeyword(request.customGetter, "constraint"))
    keywords.push_back({"constraint", request.constraint});
  return host_.call(request.customGetter, {}, keywords, request.span);
}

Value ScopeRules::poisoned(const VariableRequest &request) {
  if (!store_.contains(request.name)) poisonedKeys_.insert(heap_.copy(request.name));
  return Value::poison();
}

Value ScopeRules::getVariableByKey(VariableRequest request) {
  if (anyPoison(request)) return poisoned(request);
  if (poisonedKeys_.contains(request.name)) return Value::poison();
  bool scalar = false;
  if (auto *list = request.shape.as<ListObject>()) scalar = list->items.empty();
  if (auto *tuple = request.shape.as<TupleObject>()) scalar = tuple->items.empty();
  if (auto *shape = request.shape.as<ShapeObject>()) scalar = shape->shape.rank() == 0;
  // Rule: a partitioner cuts all but scalars.
  if (!request.partitioner.isNone() && !scalar) return getPartitioned(request);
  request.partitioner = Value::none();
  // Rule: a partitioned variable is found without a partitioner only under reuse=True.
  if (isTrue(request.reuse) && partitioned_.contains(request.name)) return getPartitioned(request);
  // Rule: else it is no unpartitioned variable of that name.
  if (auto part = firstParts_.find(request.name); part != firstParts_.end()) {
    auto &error =
        host_.error(Code::PartitionedOtherwise, request.span,
                    fmt::format("no partitioner was given, but a partitioned variable {} exists",
                                request.name));
    error.notes.insert(error.notes.begin(),
                       {"its first part was made here", part->second->variable->span});
    return Value::poison();
  }
  return getSingle(request);
}

void ScopeRules::existsError(const VariableRequest &request, const Variable *first) {
  auto &error = host_.error(
      Code::VariableExists, request.span,
      fmt::format("Variable {} already exists, disallowed. Did you mean to set reuse=True "
                  "or reuse=AUTO_REUSE in variable_scope?",
                  request.name));
  if (first) error.notes.insert(error.notes.begin(), {"originally defined here", first->span});
  error.help =
      "share it with reuse=True (or scope.reuse_variables()) around the second use, or give this "
      "one a variable_scope of its own";
}

void ScopeRules::missingError(const VariableRequest &request) {
  // What was to be made where a mistake was reported is not missing for a reason of its own.
  if (gaps_) return;
  auto &error = host_.error(
      Code::VariableMissing, request.span,
      fmt::format(
          "Variable {} does not exist, or was not created with get_variable(). Did you mean to set "
          "reuse=AUTO_REUSE in variable_scope?",
          request.name));
  std::vector<std::string_view> known;
  for (const auto *made : made_) {
    if (made->variable->kind == Variable::Plain && made->variable->opName == request.name) {
      error.notes.insert(
          error.notes.begin(),
          {"this Variable has the name, but Variable() is never shared: use get_variable",
           made->variable->span});
      return;
    }
    if (made->variable->kind == Variable::Slot && made->variable->opName == request.name) {
      error.notes.insert(error.notes.begin(),
                         {"this variable of an optimizer has the name, but no reuse concerns it",
                          made->variable->span});
      return;
    }
    if (made->variable->kind == Variable::GetVariable) known.push_back(made->variable->name);
  }
  if (auto near = nearestName(request.name, known)) {
    error.help = fmt::format("did you mean '{}'?", *near);
    if (auto found = store_.find(*near); found != store_.end())
      error.notes.insert(error.notes.begin(), {fmt::format("'{}' was defined here", *near),
                                               found->second->variable->span});
  }
}

Value ScopeRules::getSingle(VariableRequest &request) {
  std::optional<AskedShape> shape;
  if (!request.shape.isNone()) {
    shape = host_.toShape(request.shape, request.span);
    if (!shape) return poisoned(request);
  }
  // Rule: an initial value has a shape already, so none may be given; also when sharing.
  if (initializerIsValue(request.initializer) && shape) {
    host_
        .error(Code::ConstantWithShape, request.span,
               fmt::format("the initializer of {} is a constant, so no shape may be given",
                           request.name))
        .help = "leave out shape, or use constant_initializer(value)";
    return poisoned(request);
  }
  auto known = store_.find(request.name);
  if (known != store_.end()) {
    // Rule: without reuse a name is made once.
    if (isFalse(request.reuse)) {
      existsError(request, known->second->variable);
      return Value::poison();
    }
    return share(known->second, request, shape ? &*shape : nullptr);
  }
  // Rule: under reuse=True nothing is made.
  if (isTrue(request.reuse)) {
    missingError(request);
    return Value::poison();
  }
  return create(request, shape ? &*shape : nullptr);
}

/// Rule: what is given, in the call or by the scope, must agree; what is not given is not
/// compared.
Value ScopeRules::share(VariableObject *found, const VariableRequest &request,
                        const AskedShape *shape) {
  auto *variable = found->variable;
  auto complain = [&](Code code, std::string message) {
    auto &error = host_.error(code, request.span, std::move(message));
    error.notes.insert(error.notes.begin(), {"originally defined here", variable->span});
    return Value::poison();
  };
  if (shape && !compatible(*shape, variable->shape))
    return complain(
        Code::SharedShape,
        fmt::format("Trying to share variable {}, but specified shape {} and found shape {}",
                    request.name, toString(*shape), graphc::toString(variable->shape)));
  if (request.dtype != DType::Invalid && request.dtype != variable->dtype)
    return complain(
        Code::SharedDType,
        fmt::format("Trying to share variable {}, but specified dtype {} and found dtype {}",
                    request.name, dtypeName(request.dtype), dtypeName(variable->dtype)));
  DType initial = dtypeOf(request.initializer);
  if (request.explicitDType && initial != DType::Invalid && initial != request.dtype)
    return complain(Code::SharedDType,
                    fmt::format("the initializer of {} has dtype {}, but dtype {} is asked for",
                                request.name, dtypeName(initial), dtypeName(request.dtype)));
  variable->sharedAt.push_back(host_.place(request.span));
  if (trace_) traceShared(*found, request);
  return Value::object(found);
}

/// Calls for a value of the shape, or without any where the value comes with its own.
Value ScopeRules::callInitializer(const Value &initializer, const VariableRequest &request,
                                  const AskedShape *shape, DType dtype) {
  if (auto *own = initializer.as<InitializerObject>(); own && shape && own->isInitializer()) {
    std::vector<Dim> dims, whole;
    for (const auto &d : *shape) dims.emplace_back(*d);
    if (request.fullShape) whole.assign(request.fullShape->begin(), request.fullShape->end());
    return host_.initialValueOf(*own, dims, dtype, request.span,
                                request.fullShape ? &whole : nullptr);
  }
  std::vector<Value> positional;
  std::vector<std::pair<std::string_view, Value>> keywords;
  if (shape) {
    std::vector<Value> dims;
    for (const auto &d : *shape) dims.push_back(Value::integer(*d));
    positional.push_back(heap_.list(std::move(dims)));
    keywords.push_back({"dtype", Value::dtype(dtype)});
    if (host_.takesKeyword(initializer, "partition_info")) {
      Value info = Value::none();
      if (request.fullShape) {
        auto *settings = heap_.make<InitializerObject>();
        settings->name = "partition_info";
        std::vector<Value> full, offset;
        for (int64_t d : *request.fullShape) full.push_back(Value::integer(d));
        for (int64_t d : *request.offset) offset.push_back(Value::integer(d));
        settings->settings = {{"full_shape", heap_.list(full)}, {"var_offset", heap_.list(offset)}};
        info = Value::object(settings);
      }
      keywords.push_back({"partition_info", info});
    }
  }
  return host_.call(initializer, positional, keywords, request.span);
}

/// The initial value of a new variable, its operations under the variable's own name; null after
/// an error. `shape` is null where the value comes with its own.
Tensor *ScopeRules::initialValueOf(VariableRequest &request, const AskedShape *shape,
                                   std::string_view opName) {
  NameScopeSwitch within(*this, heap_.joined({opName, "/Initializer"}));
  if (initializerIsValue(request.initializer)) {
    DType own = dtypeOf(request.initializer);
    return host_.toTensor(request.initializer, own != DType::Invalid ? own : request.dtype,
                          request.span);
  }
  DType dtype = request.dtype;
  if (dtype == DType::Invalid) dtype = DType::Float32;
  Value initializer = request.initializer;
  if (initializer.isNone()) {
    // Rule: without an initializer glorot_uniform for floating types, zeros for the others.
    auto *made = heap_.make<InitializerObject>();
    made->name = isFloating(dtype) ? "glorot_uniform_initializer" : "zeros_initializer";
    initializer = request.initializer = Value::object(made);
  }
  // Rule: an initializer's name alone stands for one with its defaults.
  if (auto *native = initializer.as<NativeObject>();
      native && native->def->name().ends_with("_initializer")) {
    initializer = request.initializer = host_.call(initializer, {}, {}, request.span);
    if (initializer.isPoison()) return nullptr;
  }
  Value made = callInitializer(initializer, request, shape, dtype);
  if (made.isPoison()) return nullptr;
  // Rule: a value that came with its own shape keeps its dtype, unless the call asks for one.
  bool keeps = !shape && !request.explicitDType && dtypeOf(made) != DType::Invalid;
  DType wanted = shape ? dtype : keeps ? dtypeOf(made) : request.dtype;
  return host_.toTensor(made, wanted, request.span);
}

Value ScopeRules::create(VariableRequest &request, const AskedShape *shape) {
  bool isValue = initializerIsValue(request.initializer);
  // Rule: an initial value's dtype is its own; one that is asked for explicitly must be the same.
  DType initial = isValue ? dtypeOf(request.initializer) : DType::Invalid;
  if (request.explicitDType && initial != DType::Invalid && initial != request.dtype) {
    host_.error(Code::SharedDType, request.span,
                fmt::format("the initializer of {} has dtype {}, but dtype {} is asked for",
                            request.name, dtypeName(initial), dtypeName(request.dtype)));
    return poisoned(request);
  }
  // Rule: a new variable's shape is fully known.
  bool known = shape && fullyKnown(*shape);
  bool callWithout = !isValue && !known && !request.initializer.isNone() &&
                     !request.initializer.is(ObjectKind::Initializer) &&
                     host_.takesNothing(request.initializer);
  if (!isValue && !known && !callWithout) {
    host_.error(Code::ShapeNotKnown, request.span,
                shape ? fmt::format("the shape {} of the new variable {} is not fully known",
                                    toString(*shape), request.name)
                      : fmt::format("the new variable {} needs a shape", request.name));
    return poisoned(request);
  }
  if (laterTemplateCalls_ && request.trainable.isBool() && request.trainable.asBool()) {
    host_.error(
        Code::TemplateVariable, request.span,
        fmt::format(
            "the trainable variable {} is made at a later call of a template, which only shares "
            "what its first call made",
            request.name));
    return poisoned(request);
  }
  if (!checkVariableName(request.name, request.span, ScopeNames::isValid(request.name, true)))
    return poisoned(request);
  auto opName = uniqueAtRoot(request.name);

  // Where a loop's body is open, the initial value is no part of it.
  OutsideBodies outside(graph_);
  Tensor *value = initialValueOf(request, known ? shape : nullptr, opName);
  if (!value) return poisoned(request);
  if (!value->shape.isStatic()) {
    host_.error(Code::ShapeNotKnown, request.span,
                fmt::format("the shape {} of the new variable {} is not fully known",
                            graphc::toString(value->shape), request.name));
    return poisoned(request);
  }

  auto *made = newVariable(request.name, opName, value, Variable::GetVariable, request.span);
  auto *variable = made->variable;
  variable->trainable = !request.trainable.isBool() || request.trainable.asBool();
  variable->initializer = isValue ? "value" : initializerName(request.initializer);
  made->constraint = request.constraint;
  made->initializer = request.initializer;
  made->regularizer = request.regularizer;
  made->collections = request.collections;
  made->scopeInitializer = scope_->initializer;
  made->scopeRegularizer = scope_->regularizer;
  made->scopeConstraint = scope_->constraint;
  if (trace_) trace_->made.push_back({variable, request.reuse.isAutoReuse(), scope_->numbered});
  if (!registerVariable(made, request.collections)) return poisoned(request);
  store_.emplace(variable->name, made);
  if (constexpr std::string_view first = "/part_0"; variable->name.ends_with(first))
    firstParts_.emplace(variable->name.substr(0, variable->name.size() - first.size()), made);

  // Rule: a regularizer is applied once, when the variable is made, under NAME/Regularizer/.
  if (!request.regularizer.isNone()) {
    NameScopeSwitch within(*this, heap_.copy(fmt::format("{}/Regularizer", request.name)));
    Value loss = host_.call(request.regularizer, {Value::object(made)}, {}, request.span);
    if (!loss.isNone() && !loss.isPoison()) addToCollection("regularization_losses", loss);
  }
  return Value::object(made);
}

} // namespace graphc
