// Calls: binding of arguments, functions of the definition, of this room and of the table.
#include "elaborate/interpreter.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

namespace graphc {

bool Interpreter::isCallable(const Value &value) const {
  return value.isDType() || value.is(ObjectKind::Type) || isFunction(value);
}

/// The arguments of a call with `*list` or `**dict`.
struct Interpreter::Spread {
  std::vector<Value> positional;
  std::vector<Keyword> keywords;
};

Value Interpreter::evalCall(const CallExpr *e) {
  Value callee = eval(e->callee);
  if (callee.isPoison()) {
    scopes.expectGaps(); // whatever it would have made
    return callee;
  }
  Scratch::Frame frame(scratch);
  size_t positional = 0, keywords = 0;
  for (const auto &argument : e->arguments) {
    positional += argument.kind == ArgumentKind::Positional;
    keywords += argument.kind == ArgumentKind::Keyword;
  }
  CallArgs args;
  Spread spread;
  if (positional + keywords == e->arguments.size()) {
    auto byPosition = frame.take<Value>(positional);
    auto byName = frame.take<Keyword>(keywords);
    args = {byPosition, byName};
    auto *nextPositional = byPosition.data();
    auto *nextKeyword = byName.data();
    for (const auto &argument : e->arguments) {
      Value value = eval(argument.value);
      if (argument.kind == ArgumentKind::Positional)
        *nextPositional++ = value;
      else
        *nextKeyword++ = {argument.keyword.name, value};
    }
  } else {
    if (!evalSpread(e, spread)) return Value::poison();
    args = {spread.positional, spread.keywords};
  }
  if (isStopped() || !spend(1, span(e))) return Value::poison();
  return callValue(callee, args, span(e));
}

/// False after an error, or where an argument is in error.
bool Interpreter::evalSpread(const CallExpr *e, Spread &into) {
  for (const auto &argument : e->arguments) {
    Value value = eval(argument.value);
    Span at{frame_->module->file, argument.begin, argument.end};
    switch (argument.kind) {
    case ArgumentKind::Positional:
      into.positional.push_back(value);
      break;
    case ArgumentKind::Keyword:
      into.keywords.push_back({argument.keyword.name, value});
      break;
    case ArgumentKind::Args: {
      auto more = items(value, at);
      if (!more) {
        scopes.expectGaps();
        return false;
      }
      into.positional.insert(into.positional.end(), more->begin(), more->end());
      break;
    }
    case ArgumentKind::KwArgs: {
      auto *dict = value.as<DictObject>();
      if (!dict) {
        scopes.expectGaps();
        if (!value.isPoison())
          error(Code::WrongType, at, fmt::format("** wants a dict, not {}", typeName(value)));
        return false;
      }
      for (const auto &[key, item] : dict->items) {
        auto *name = key.as<TextObject>();
        if (!name) {
          error(Code::WrongType, at, fmt::format("keywords are str, not {}", typeName(key)));
          return false;
        }
        Symbol symbol = symbols.intern(name->text);
        if (std::any_of(into.keywords.begin(), into.keywords.end(),
                        [&](auto &k) { return k.first == symbol; })) {
          error(Code::Duplicate, span(e), fmt::format("keyword '{}' is given twice", name->text));
          return false;
        }
        into.keywords.push_back({symbol, item});
      }
      break;
    }
    }
  }
  return true;
}

Value Interpreter::callValue(const Value &function, const CallArgs &args, Span where) {
  if (function.isPoison()) return function;
  // `tf.bool(x)`-like conversions of compile-time values.
  if (function.isDType()) {
    if (args.positional.size() == 1 && args.keywords.empty() && isTensorLike(args.positional[0]))
      return callLibrary("cast", {args.positional[0], function}, where);
    return fail(Code::WrongType, where,
                fmt::format("a dtype is not a function; cast(x, {}) converts",
                            dtypeName(function.asDType())));
  }
  if (!function.isObject())
    return fail(Code::WrongType, where, fmt::format("{} can't be called", someOf(function)));
  switch (function.asObject()->kind) {
  case ObjectKind::Function:
    return callFunction(*function.as<FunctionObject>(), args, where);
  case ObjectKind::Native:
    return callNative(*function.as<NativeObject>()->def, nullptr, args, where);
  case ObjectKind::Method: {
    auto *method = function.as<MethodObject>();
    return callNative(*method->def, &method->self, args, where);
  }
  case ObjectKind::Library:
    return callLibrary(*function.as<LibraryObject>()->function, args, where);
  case ObjectKind::Type: {
    Value constructor = libraryValue(function.as<TypeObject>()->name);
    if (constructor.is(ObjectKind::Native)) return callValue(constructor, args, where);
    return fail(
        Code::WrongType, where,
        fmt::format("a {} can't be made by calling its type", function.as<TypeObject>()->name));
  }
  case ObjectKind::Partial: {
    auto *partial = function.as<PartialObject>();
    auto positional = partial->positional;
    positional.insert(positional.end(), args.positional.begin(), args.positional.end());
    auto keywords = partial->keywords;
    for (const auto &given : args.keywords) {
      // What the call gives wins, as with functools.partial.
      auto known = std::find_if(keywords.begin(), keywords.end(),
                                [&](auto &k) { return k.first == given.first; });
      if (known != keywords.end())
        known->second = given.second;
      else
        keywords.push_back(given);
    }
    return callValue(partial->function, {positional, keywords}, where);
  }
  case ObjectKind::Record:
    return callValue(function.as<RecordObject>()->function, args, where);
  case ObjectKind::Template:
    return callTemplate(*function.as<TemplateObject>(), args, where);
  case ObjectKind::Initializer: {
    auto *setting = function.as<InitializerObject>();
    Value self = Value::object(setting);
    static const NativeDef *caller =
        &*std::find_if(objectMethods().begin(), objectMethods().end(),
                       [](auto &d) { return d.name() == "Initializer.__call__"; });
    return callNative(*caller, &self, args, where);
  }
  default:
    return fail(Code::WrongType, where, fmt::format("{} can't be called", someOf(function)));
  }
}

Value Interpreter::callFunction(FunctionObject &function, const CallArgs &args, Span where) {
  auto parameters = function.parameters;
  auto wrong = [&](std::string message, std::string help = "") {
    auto &error = this->error(Code::WrongArguments, where, std::move(message));
    error.notes.insert(error.notes.begin(),
                       {fmt::format("'{}' is defined here", function.name), function.span});
    error.help = std::move(help);
    scopes.expectGaps();
    return Value::poison();
  };
  if (callDepth_ >= options.limits.callDepth) {
    error(Code::CallsTooDeep, where,
          fmt::format("calls are nested more than {} deep", options.limits.callDepth))
        .help = "does the function call itself without an end?";
    unwinding_ = true;
    scopes.expectGaps();
    return Value::poison();
  }

  Env *env = heap.makeEnv(function.info->names.size(), function.closure);
  // Parameters are bound first when a function is resolved, so parameter i is slot i.
  size_t next = 0, at = 0;
  size_t rest = parameters.size(), keywordRest = parameters.size();
  for (; at < parameters.size(); ++at) {
    if (parameters[at].kind == ParameterKind::Args) rest = at;
    if (parameters[at].kind == ParameterKind::KwArgs) keywordRest = at;
    if (parameters[at].kind == ParameterKind::Normal && next < args.positional.size())
      env->slots[at] = args.positional[next++];
  }
  if (next < args.positional.size()) {
    if (rest == parameters.size())
      return wrong(fmt::format("{}() takes {} positional arguments, but {} are given",
                               function.name, next, args.positional.size()));
    env->slots[rest] =
        heap.tuple({args.positional.begin() + std::ptrdiff_t(next), args.positional.end()});
  } else if (rest != parameters.size()) {
    env->slots[rest] = heap.tuple({});
  }
  DictObject *others = nullptr;
  if (keywordRest != parameters.size()) {
    others = heap.make<DictObject>();
    env->slots[keywordRest] = Value::object(others);
  }
  for (const auto &[name, value] : args.keywords) {
    size_t found = parameters.size();
    for (size_t i = 0; i < parameters.size(); ++i)
      if (parameters[i].name.name == name && (parameters[i].kind == ParameterKind::Normal ||
                                              parameters[i].kind == ParameterKind::KeywordOnly))
        found = i;
    if (found != parameters.size()) {
      if (!env->slots[found].isUnset())
        return wrong(
            fmt::format("{}() gets two values for '{}'", function.name, symbols.text(name)));
      env->slots[found] = value;
    } else if (others) {
      others->items.push_back({heap.ownedText(symbols.text(name)), value});
    } else {
      std::vector<std::string_view> known;
      for (const auto &p : parameters) known.push_back(symbols.text(p.name.name));
      auto near = nearestName(symbols.text(name), known);
      return wrong(fmt::format("{}() has no parameter '{}'", function.name, symbols.text(name)),
                   near ? fmt::format("did you mean '{}'?", *near) : "");
    }
  }
  std::string missing;
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (!env->slots[i].isUnset()) continue;
    env->slots[i] = function.defaults[i];
    if (env->slots[i].isUnset())
      missing +=
          fmt::format("{}'{}'", missing.empty() ? "" : ", ", symbols.text(parameters[i].name.name));
  }
  if (!missing.empty())
    return wrong(fmt::format("{}() needs a value for {}", function.name, missing));

  auto *site = graph.arena.make<CallSite>();
  site->function = function.name;
  site->span = where;
  site->caller = callSite();
  Frame frame{function.module, function.info, env, site, Value::none()};
  Frame *outer = frame_;
  frame_ = &frame;
  ++callDepth_;
  if (function.expression)
    frame.result = eval(function.expression);
  else
    execBlock(function.body);
  --callDepth_;
  frame_ = outer;
  if (!function.info->hasInner) heap.release(env);
  return isStopped() ? Value::poison() : frame.result;
}

// Functions of this room ------------------------------------------------------------------------

const NativeSignature &Interpreter::signatureOf(const NativeDef &def) {
  auto &there = signatures_[&def];
  if (there) return *there;
  there = std::make_unique<NativeSignature>();
  NativeSignature &made = *there;
  auto text = def.signature.substr(def.signature.find('(') + 1);
  text.remove_suffix(1);
  bool keywordOnly = false;
  while (!text.empty()) {
    size_t comma = text.find(',');
    auto part = text.substr(0, comma);
    text = comma == text.npos ? std::string_view() : text.substr(comma + 1);
    while (part.starts_with(' ')) part.remove_prefix(1);
    if (part.starts_with("**")) {
      made.hasKeywords = true;
      continue;
    }
    if (part.starts_with('*')) {
      made.hasRest = part.size() > 1;
      keywordOnly = true;
      continue;
    }
    NativeParameter parameter;
    size_t equals = part.find('=');
    parameter.name = part.substr(0, equals);
    parameter.symbol = symbols.intern(parameter.name);
    parameter.required = equals == part.npos;
    if (!parameter.required) {
      auto value = part.substr(equals + 1);
      int64_t integer = 0;
      if (value == "<unset>")
        parameter.defaultValue = Value::unset();
      else if (value == "None")
        parameter.defaultValue = Value::none();
      else if (value == "True" || value == "False")
        parameter.defaultValue = Value::boolean(value == "True");
      else if (value.starts_with('\''))
        parameter.defaultValue = heap.ownedText(value.substr(1, value.size() - 2));
      else if (value.find_first_of(".e") == value.npos &&
               std::from_chars(value.data(), value.data() + value.size(), integer).ec ==
                   std::errc())
        parameter.defaultValue = Value::integer(integer);
      else
        parameter.defaultValue = Value::number(std::strtod(std::string(value).c_str(), nullptr));
    }
    if (!keywordOnly) ++made.positional;
    made.parameters.push_back(parameter);
  }
  return made;
}

Value wrongType(NativeCall &c, std::string message, std::string help) {
  return c.interpreter.fail(Code::WrongType, c.span, std::move(message), std::move(help));
}

bool anyPoison(const NativeCall &c) {
  auto poison = [](const Value &v) { return v.isPoison(); };
  return std::any_of(c.args.begin(), c.args.end(), poison) ||
         std::any_of(c.rest.begin(), c.rest.end(), poison);
}

Value Interpreter::callNative(const NativeDef &def, const Value *self, const CallArgs &args,
                              Span where) {
  const auto &signature = signatureOf(def);
  Scratch::Frame frame(scratch);
  size_t count = signature.parameters.size();
  NativeCall call{*this, def, where, frame.take<Value>(count, Value::unset()), {}, {}};
  auto shown = def.name().substr(def.name().find('.') + 1);
  auto wrong = [&](std::string message, std::string help = "") {
    scopes.expectGaps();
    return fail(Code::WrongArguments, where, std::move(message), std::move(help));
  };
  uint64_t given = 0; // by parameter; no signature has more than 64
  auto isGiven = [&](size_t i) { return (given >> i & 1) != 0; };
  size_t next = 0;
  if (self) call.args[next] = *self, given |= uint64_t(1) << next++;
  size_t first = next;
  size_t bound = std::min(args.positional.size(), signature.positional - first);
  for (const auto &value : args.positional.first(bound))
    call.args[next] = value, given |= uint64_t(1) << next++;
  call.rest = args.positional.subspan(bound);
  if (!call.rest.empty() && !signature.hasRest)
    return wrong(fmt::format("{}() takes {} positional arguments, but {} are given", shown, bound,
                             args.positional.size()));
  auto others = frame.take<Keyword>(signature.hasKeywords ? args.keywords.size() : 0);
  size_t othersGiven = 0;
  for (const auto &[name, value] : args.keywords) {
    size_t at = 0;
    while (at < count && signature.parameters[at].symbol != name) ++at;
    if (at < count && !(self && at == 0)) {
      if (isGiven(at))
        return wrong(fmt::format("{}() gets two values for '{}'", shown, symbols.text(name)));
      call.args[at] = value;
      given |= uint64_t(1) << at;
    } else if (signature.hasKeywords) {
      others[othersGiven++] = {name, value};
    } else {
      std::vector<std::string_view> known;
      for (const auto &p : signature.parameters) known.push_back(p.name);
      auto near = nearestName(symbols.text(name), known);
      return wrong(fmt::format("{}() has no parameter '{}'", shown, symbols.text(name)),
                   near ? fmt::format("did you mean '{}'?", *near) : "");
    }
  }
  std::string missing;
  for (size_t i = 0; i < count; ++i) {
    if (isGiven(i)) continue;
    if (signature.parameters[i].required)
      missing += fmt::format("{}'{}'", missing.empty() ? "" : ", ", signature.parameters[i].name);
    call.args[i] = signature.parameters[i].defaultValue;
  }
  if (!missing.empty()) return wrong(fmt::format("{}() needs a value for {}", shown, missing));
  call.keywords = others.first(othersGiven);
  return def.function(call);
}

// Calls made by the scope rules -----------------------------------------------------------------

Value Interpreter::call(const Value &function, const std::vector<Value> &positional,
                        const std::vector<std::pair<std::string_view, Value>> &keywords,
                        Span where) {
  if (!isCallable(function)) {
    if (function.isPoison()) return function;
    return fail(Code::WrongType, where,
                fmt::format("a function is wanted here, not {}", typeName(function)));
  }
  std::vector<Keyword> byName;
  for (const auto &[name, value] : keywords) byName.push_back({symbols.intern(name), value});
  return callValue(function, {positional, byName}, where);
}

bool Interpreter::takesKeyword(const Value &function, std::string_view name) {
  if (auto *f = function.as<FunctionObject>())
    return std::any_of(f->parameters.begin(), f->parameters.end(), [&](const Parameter &p) {
      return p.kind == ParameterKind::KwArgs ||
             (p.kind != ParameterKind::Args && symbols.text(p.name.name) == name);
    });
  if (auto *p = function.as<PartialObject>()) return takesKeyword(p->function, name);
  if (auto *n = function.as<NativeObject>()) {
    const auto &signature = signatureOf(*n->def);
    return signature.hasKeywords ||
           std::any_of(signature.parameters.begin(), signature.parameters.end(),
                       [&](auto &p) { return p.name == name; });
  }
  if (auto *l = function.as<LibraryObject>())
    return std::any_of(l->function->parameters.begin(), l->function->parameters.end(),
                       [&](auto &p) { return p.name == name; });
  return function.is(ObjectKind::Initializer);
}

bool Interpreter::takesNothing(const Value &function) {
  if (auto *f = function.as<FunctionObject>()) {
    for (size_t i = 0; i < f->parameters.size(); ++i) {
      bool needed = f->parameters[i].kind == ParameterKind::Normal ||
                    f->parameters[i].kind == ParameterKind::KeywordOnly;
      if (needed && f->defaults[i].isUnset()) return false;
    }
    return true;
  }
  if (auto *p = function.as<PartialObject>()) {
    auto *inner = p->function.as<FunctionObject>();
    return inner && p->positional.size() + p->keywords.size() >= inner->parameters.size();
  }
  return false;
}

} // namespace graphc
