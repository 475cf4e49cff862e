// Calls of the table's functions: arguments bound to a signature, converted to what operations
// take, and the operation named as TensorFlow names it.
#include "elaborate/interpreter.h"
#include "ops/effects.h"
#include "ops/indexing.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

/// Gives the call's operation its name.
class NamingHost : public OpHost {
public:
  NamingHost(Interpreter &interpreter, Span span, std::string_view given)
      : interpreter_(interpreter), span_(span), given_(given) {}

  std::optional<std::string_view> takeName(std::string_view defaultName) override {
    if (taken_) return taken_;
    return taken_ = interpreter_.scopes.operationName(given_, defaultName, span_);
  }
  void error(Code code, std::string message, std::string_view argument) override {
    if (!argument.empty() && message.find(argument) == std::string::npos)
      message += fmt::format(" (argument '{}')", argument);
    interpreter_.error(code, span_, std::move(message));
  }

private:
  Interpreter &interpreter_;
  Span span_;
  std::string_view given_;
  std::optional<std::string_view> taken_;
};

namespace {

/// The dtype of the first tensor in a value, lists looked into.
DType tensorDType(const Interpreter &interpreter, const Value &value, int depth = 0) {
  if (interpreter.isTensorLike(value)) return dtypeOf(value);
  if (const auto *items = itemsOf(value); items && depth < 64)
    for (const auto &item : *items)
      if (DType found = tensorDType(interpreter, item, depth + 1); found != DType::Invalid)
        return found;
  return DType::Invalid;
}

bool holdsFloat(const Value &value, int depth = 0) {
  if (value.isFloat()) return true;
  const auto *items = itemsOf(value);
  return items && depth < 64 &&
         std::any_of(
             items->begin(), items->end(), [&](auto &v) { return holdsFloat(v, depth + 1); });
}

bool holdsPartitioned(const Value &value) {
  if (value.is(ObjectKind::Partitioned)) return true;
  const auto *items = itemsOf(value);
  return items && std::any_of(items->begin(), items->end(),
                              [](auto &v) { return v.is(ObjectKind::Partitioned); });
}

} // namespace

Value Interpreter::callLibrary(std::string_view name, std::initializer_list<Value> positional,
                               Span where,
                               std::initializer_list<std::pair<std::string_view, Value>> keywords) {
  const Function *function = findFunction(name);
  if (!function) return fail(Code::Undefined, where, fmt::format("the library has no '{}'", name));
  std::vector<Keyword> byName;
  for (const auto &[key, value] : keywords) byName.push_back({symbols.intern(key), value});
  return callLibrary(*function, {{positional.begin(), positional.size()}, byName}, where);
}

Value Interpreter::callLibrary(const Function &function, const CallArgs &given, Span where) {
  const auto &parameters = function.parameters;
  size_t count = parameters.size();
  bool listsName = function.nameAt < count;
  auto wrong = [&](std::string message, std::string help = "") {
    scopes.expectGaps();
    return fail(Code::WrongArguments, where, std::move(message), std::move(help));
  };

  // Bind.
  Scratch::Frame frame(scratch);
  auto values = frame.take<Value>(count, Value::unset());
  Value nameValue = Value::none();
  size_t next = 0;
  for (size_t k = 0; k < given.positional.size(); ++k) {
    const auto &value = given.positional[k];
    while (next < count && parameters[next].keywordOnly) ++next;
    if (next < count && parameters[next].variadic) {
      auto rest = given.positional.begin() + std::ptrdiff_t(k);
      // One list stands for its items.
      bool list = k + 1 == given.positional.size() && itemsOf(value);
      values[next] = list ? value : heap.tuple({rest, given.positional.end()});
      for (auto at = rest; at != given.positional.end(); ++at)
        if (at->isPoison()) return *at;
      break;
    }
    if (next < count)
      values[next++] = value;
    else if (next == count && !listsName)
      nameValue = value, ++next;
    else
      return wrong(fmt::format("{}() takes {} positional arguments, but {} are given",
                               function.name, count + !listsName, given.positional.size()));
  }
  for (const auto &[symbol, value] : given.keywords) {
    auto name = symbols.text(symbol);
    if (name == "name" && !listsName) {
      nameValue = value;
      continue;
    }
    size_t at = 0;
    while (at < count && parameters[at].name != name) ++at;
    if (at == count) {
      std::vector<std::string_view> known;
      for (const auto &p : parameters) known.push_back(p.name);
      auto near = nearestName(name, known);
      return wrong(fmt::format("{}() has no parameter '{}'", function.name, name),
                   near ? fmt::format("did you mean '{}'?", *near) : "");
    }
    if (!values[at].isUnset())
      return wrong(fmt::format("{}() gets two values for '{}'", function.name, name));
    values[at] = value;
  }
  std::string missing;
  for (size_t i = 0; i < count; ++i)
    if (values[i].isUnset() && !parameters[i].hasDefault)
      missing += fmt::format("{}'{}'", missing.empty() ? "" : ", ", parameters[i].name);
  if (!missing.empty())
    return wrong(fmt::format("{}() needs a value for {}", function.name, missing));
  for (size_t i = 0; i < count; ++i) {
    if (values[i].isPoison()) return values[i];
    if (i == function.nameAt && !values[i].isUnset()) nameValue = values[i];
  }
  if (nameValue.isPoison()) return nameValue;
  std::string_view name;
  if (auto *text = nameValue.as<TextObject>())
    name = text->text;
  else if (!nameValue.isNone())
    return fail(Code::WrongType, where, fmt::format("name is a str, not {}", typeName(nameValue)));
  if (graph.made >= options.limits.operations) {
    error(Code::LimitPassed, where,
          fmt::format("the graph has more than {} operations", options.limits.operations));
    stopped_ = true;
    return Value::poison();
  }

  NamingHost host(*this, where, name);
  // A partitioned variable is joined after the operation that uses it has taken its name.
  if (std::any_of(values.begin(), values.end(), holdsPartitioned))
    if (!host.takeName(function.def->defaultName)) return Value::poison();

  // The dtype that each letter stands for: that of the first tensor among its arguments, else of
  // its literals.
  DType letters[26] = {};
  for (int pass = 0; pass < 2; ++pass)
    for (size_t i = 0; i < count; ++i) {
      if (!parameters[i].typeVariable || values[i].isUnset()) continue;
      DType &letter = letters[parameters[i].typeVariable - 'A'];
      if (letter != DType::Invalid) continue;
      if (pass == 0)
        letter = tensorDType(*this, values[i]);
      else if (holdsFloat(values[i]))
        letter = DType::Float32;
    }

  const auto &defaults = defaultsOf(function);
  auto args = frame.take<Arg>(count);
  for (size_t i = 0; i < count; ++i) {
    const auto &p = parameters[i];
    Arg &arg = args[i];
    Value value = values[i];
    if (p.kind == FunctionParameter::Any || i == function.nameAt) continue;
    bool tensorKind = p.kind == FunctionParameter::Tensor || p.kind == FunctionParameter::Tensors ||
                      p.kind == FunctionParameter::Literal;
    if (value.isUnset()) {
      if (!tensorKind || p.defaultText == "None") {
        arg = defaults[i].arg;
        continue;
      }
      value = defaults[i].value;
    }
    if (value.isNone()) {
      if (p.optional) continue;
      return fail(Code::WrongType, where,
                  fmt::format("{}(): '{}' can't be None", function.name, p.name));
    }
    auto wants = [&](std::string_view what) {
      return fail(
          Code::WrongType, where,
          fmt::format("{}(): '{}' is {}, not {}", function.name, p.name, what, typeName(value)));
    };
    switch (p.kind) {
    case FunctionParameter::Tensor: {
      DType wanted = p.fixed;
      if (p.typeVariable) wanted = letters[p.typeVariable - 'A'];
      arg.kind = Arg::Tensor;
      arg.tensor = toTensor(value, wanted, where, Code::OperandDTypes, p.name);
      if (!arg.tensor) return Value::poison();
      if (p.typeVariable) letters[p.typeVariable - 'A'] = arg.tensor->dtype;
      break;
    }
    case FunctionParameter::Tensors: {
      const auto *items = itemsOf(value);
      std::vector<Value> parts;
      if (auto *whole = value.as<PartitionedObject>()) {
        parts = whole->parts;
        items = &parts;
      }
      if (!items && isTensorLike(value)) {
        parts = {value};
        items = &parts;
      }
      if (!items) return wants("a list of tensors");
      arg.kind = Arg::Tensors;
      std::vector<Tensor *> tensors;
      for (const auto &item : *items) {
        DType wanted = p.typeVariable ? letters[p.typeVariable - 'A'] : p.fixed;
        Tensor *tensor = toTensor(item, wanted, where, Code::OperandDTypes, p.name);
        if (!tensor) return Value::poison();
        if (p.typeVariable) letters[p.typeVariable - 'A'] = tensor->dtype;
        tensors.push_back(tensor);
      }
      arg.tensors = graph.arena.copy(tensors);
      break;
    }
    case FunctionParameter::Int: {
      if (!value.isIntegral()) {
        auto dims = isTensorLike(value) ? toDims(value, where, p.name) : std::nullopt;
        if (isTensorLike(value) && !dims) return Value::poison();
        if (!dims || dims->size() != 1 || !(*dims)[0].isStatic()) return wants("an int");
        value = Value::integer((*dims)[0].value);
      }
      arg.kind = Arg::Int;
      arg.i = value.asInt();
      break;
    }
    case FunctionParameter::Float:
      if (!value.isNumber()) return wants("a number");
      arg.kind = Arg::Float;
      arg.f = value.asFloat();
      break;
    case FunctionParameter::Bool:
      if (!value.isIntegral()) return wants("a bool");
      arg.kind = Arg::Bool;
      arg.i = value.asInt() != 0;
      break;
    case FunctionParameter::Text: {
      auto *text = value.as<TextObject>();
      if (!text) return wants("a str");
      arg.kind = Arg::Text;
      arg.text = text->text;
      break;
    }
    case FunctionParameter::Type: {
      auto dtype = toDType(value, where);
      if (!dtype) return Value::poison();
      arg.kind = Arg::Type;
      arg.dtype = *dtype;
      break;
    }
    case FunctionParameter::Ints: {
      if (value.isBool()) return wants("a list of ints");
      auto dims = toDims(value, where, p.name, &arg.scalar);
      if (!dims) return Value::poison();
      arg.kind = Arg::Ints;
      std::vector<int64_t> numbers;
      for (Dim d : *dims) {
        if (!d.isStatic())
          return fail(Code::WrongType, where,
                      fmt::format("{}(): '{}' must be known at compile time, and {} is not",
                                  function.name, p.name, toString(d)));
        numbers.push_back(d.value);
      }
      arg.ints = graph.arena.copy(numbers);
      break;
    }
    case FunctionParameter::Shape: {
      auto dims = toDims(value, where, p.name, &arg.scalar);
      if (!dims) return Value::poison();
      arg.kind = Arg::Dims;
      arg.dims = graph.arena.copy(*dims);
      break;
    }
    case FunctionParameter::Padding:
      if (auto *text = value.as<TextObject>()) {
        arg.kind = Arg::Text;
        arg.text = text->text;
        break;
      }
      [[fallthrough]];
    case FunctionParameter::Literal: {
      if (auto *tensor = value.as<TensorObject>();
          tensor && tensor->tensor->op->literalAttr("value")) {
        arg.kind = Arg::Literal;
        arg.literal = tensor->tensor->op->literalAttr("value");
        break;
      }
      if (isTensorLike(value)) return wants("a number or a list of numbers, known at compile time");
      arg.kind = Arg::Literal;
      size_t before = diagnostics.errorCount();
      arg.literal = toLiteral(value, DType::Invalid, where, Code::OperandDTypes, p.name, true);
      if (!arg.literal)
        return diagnostics.errorCount() == before ? wants("known at compile time")
                                                  : Value::poison();
      break;
    }
    case FunctionParameter::Any:
      break;
    }
  }
  if (trace() && function.name.find("cross_entropy") != std::string_view::npos)
    for (size_t i = 0; i < count; ++i)
      if (parameters[i].name == "logits" && args[i].tensor)
        trace()->crossEntropies.push_back({{where, callSite()}, function.name, args[i].tensor});
  Call call(builder(host, where), function, args);
  Tensor *made = call.build();
  return wrapResults(function, call, made);
}

Value Interpreter::wrapResults(const Function &function, Call &call, Tensor *made) {
  switch (function.def->result) {
  case FunctionDef::One:
    return heap.tensor(made);
  case FunctionDef::Effect:
    return heap.operation(call.made);
  case FunctionDef::List:
  case FunctionDef::Tuple:
    break;
  }
  std::vector<Value> results;
  for (auto *result : call.results) results.push_back(heap.tensor(result));
  if (call.results.empty()) {
    auto *op = call.made ? call.made : made ? made->op : nullptr;
    if (!op) return Value::poison();
    for (auto &output : op->outputs) results.push_back(heap.tensor(&output));
  }
  return function.def->result == FunctionDef::List ? heap.list(std::move(results))
                                                   : heap.tuple(std::move(results));
}

Value Interpreter::indexed(const Value &object, const std::vector<IndexItem> &items, Span where) {
  NamingHost host(*this, where, "");
  if (object.is(ObjectKind::Partitioned) && !host.takeName("strided_slice")) return Value::poison();
  Tensor *tensor = toTensor(object, DType::Invalid, where, Code::OperandDTypes, "");
  if (!tensor) return Value::poison();
  auto make = builder(host, where);
  return heap.tensor(indexTensor(make, tensor, items));
}

Value Interpreter::assign(std::string_view type, Variable *variable, const Value &value,
                          std::string_view name, Span where) {
  NamingHost host(*this, where, name);
  if (holdsPartitioned(value) && !host.takeName(type)) return Value::poison();
  Tensor *tensor = toTensor(value, isTensorLike(value) ? DType::Invalid : variable->dtype, where,
                            Code::OperandDTypes, "value");
  if (!tensor) return Value::poison();
  auto full = host.takeName(type);
  if (!full) return Value::poison();
  auto make = builder(host, where);
  return heap.tensor(updateVariable(make, type, *full, variable, tensor));
}

Value Interpreter::scatter(std::string_view type, Variable *variable, const Value &indices,
                           const Value &updates, std::string_view name, Span where) {
  NamingHost host(*this, where, name);
  Tensor *at = toTensor(indices, DType::Invalid, where, Code::OperandDTypes, "indices");
  Tensor *rows = at ? toTensor(updates, isTensorLike(updates) ? DType::Invalid : variable->dtype,
                               where, Code::OperandDTypes, "updates")
                    : nullptr;
  if (!rows) return Value::poison();
  if (!at->shape.hasRank())
    return fail(Code::OperandShapes, where, "the rank of the indices must be known");
  auto full = host.takeName(type.substr(std::string_view("Tensor").size()));
  if (!full) return Value::poison();
  auto make = builder(host, where);
  Tensor *column = make.op("ExpandDims", {at}, {intAttr("axis", int64_t(at->shape.rank()))});
  Tensor *value = make.op(type, {readVariable(variable), column, rows});
  if (!value) return Value::poison();
  return heap.tensor(updateVariable(make, "Assign", *full, variable, value));
}

Value Interpreter::group(const std::vector<Operation *> &after, std::string_view name, Span where) {
  NamingHost host(*this, where, name);
  auto full = host.takeName("group_deps");
  if (!full) return Value::poison();
  auto make = builder(host, where);
  return heap.operation(makeNoOp(make, *full, after));
}

Value Interpreter::placeholder(DType dtype, const Value &shape, const Value &byDefault,
                               std::string_view name, Span where) {
  bool hasDefault = !byDefault.isUnset();
  NamingHost host(*this, where, name);
  auto full = host.takeName(hasDefault ? "PlaceholderWithDefault" : "Placeholder");
  if (!full) return Value::poison();
  Tensor *otherwise = nullptr;
  if (hasDefault) {
    otherwise = toTensor(byDefault, DType::Invalid, where, Code::OperandDTypes, "input");
    if (!otherwise) return Value::poison();
  }
  std::vector<Attr> attrs;
  if (!hasDefault) attrs.push_back(typeAttr("dtype", dtype));
  std::vector<Value> items;
  const auto *given = itemsOf(shape);
  if (auto *known = shape.as<ShapeObject>(); known && known->shape.hasRank()) {
    for (Dim d : known->shape) items.push_back(Value::dimension(d));
    given = &items;
  } else if (shape.isInt() || shape.isDimension()) {
    items = {shape};
    given = &items;
  }
  if (!given && !shape.isNone() && !shape.is(ObjectKind::TensorShape))
    return fail(Code::WrongType, where,
                fmt::format("a placeholder's shape is a list of ints, not {}", typeName(shape)));
  std::vector<Dim> dims;
  for (size_t i = 0; given && i < given->size(); ++i) {
    const Value &d = (*given)[i];
    if (d.isPoison()) return d;
    if (d.isNone())
      dims.push_back(graph.dims.anonymous(*full, int(i)));
    else if (d.isInt() && d.asInt() < 0)
      return fail(Code::AttributeRange, where,
                  fmt::format("a dimension is not negative, as {} is", d.asInt()),
                  "None is a dimension known at run time only");
    else if (d.isInt() || d.isDimension())
      dims.push_back(d.asDim());
    else
      return fail(Code::WrongType, where,
                  fmt::format("a dimension is an int, dim(…) or None, not {}", typeName(d)));
  }
  if (given) attrs.push_back(dimsAttr("shape", graph.arena.copy(dims)));
  // An input waits for nothing.
  auto at = place(where);
  OpBuilder make(graph, host, at.span, at.caller, {});
  std::vector<Tensor *> inputs;
  if (otherwise) inputs.push_back(otherwise);
  auto *op = make.make(*findOp(hasDefault ? "PlaceholderWithDefault" : "Placeholder"), *full,
                       inputs, attrs);
  if (!op) return Value::poison();
  if (!hasDefault) placeholders_.push_back(op);
  return heap.tensor(op->output());
}

} // namespace graphc
