// Python's builtin functions, on compile-time values; where an argument is a tensor, the operation
// of that name.
#include "elaborate/interpreter.h"
#include "elaborate/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

namespace graphc {

namespace {

bool anyTensor(const NativeCall &c, std::span<const Value> values) {
  return std::any_of(values.begin(), values.end(),
                     [&](const Value &v) { return c.interpreter.isTensorLike(v); });
}

Value builtinPrint(NativeCall &c) {
  std::string separator = " ", line;
  if (auto *text = c[0].as<TextObject>()) separator = text->text;
  bool poison = false;
  for (size_t i = 0; i < c.rest.size(); ++i) {
    poison |= c.rest[i].isPoison();
    line += (i ? separator : "") + str(c.rest[i]);
  }
  if (auto *end = c[1].as<TextObject>()) {
    line += end->text;
    if (line.ends_with('\n')) line.pop_back();
  }
  if (!poison) c.interpreter.print(line);
  return Value::none();
}

Value builtinLen(NativeCall &c) {
  const Value &v = c[0];
  if (v.isPoison()) return v;
  if (auto *text = v.as<TextObject>())
    return Value::integer(int64_t(text->ascii ? text->text.size() : codePoints(text->text)));
  if (auto *list = v.as<ListObject>()) return Value::integer(int64_t(list->items.size()));
  if (auto *tuple = v.as<TupleObject>()) return Value::integer(int64_t(tuple->items.size()));
  if (auto *dict = v.as<DictObject>()) return Value::integer(int64_t(dict->items.size()));
  if (auto *whole = v.as<PartitionedObject>()) return Value::integer(int64_t(whole->parts.size()));
  if (auto *shape = v.as<ShapeObject>()) {
    if (!shape->shape.hasRank()) return wrongType(c, "a shape of unknown rank has no length");
    return Value::integer(shape->shape.rank());
  }
  return wrongType(c, fmt::format("{} has no len()", someOf(v)),
                   c.interpreter.isTensorLike(v) ? "x.shape[0] is its first dimension" : "");
}

Value builtinRange(NativeCall &c) {
  if (anyTensor(c, c.rest) || !c.keywords.empty())
    return c.interpreter.callLibrary(*findFunction("range"), {c.rest, c.keywords}, c.span);
  if (c.rest.empty() || c.rest.size() > 3)
    return c.interpreter.fail(Code::WrongArguments, c.span, "range() takes one to three arguments");
  for (const auto &v : c.rest) {
    if (v.isPoison()) return v;
    if (!v.isIntegral())
      return wrongType(c, fmt::format("range() takes ints, not {}", typeName(v)),
                       v.isDimension()
                           ? "the dimension is known at run time only: tf.range(n) is the operation"
                           : "tf.range is the operation");
  }
  int64_t begin = c.rest.size() > 1 ? c.rest[0].asInt() : 0;
  int64_t end = c.rest.size() > 1 ? c.rest[1].asInt() : c.rest[0].asInt();
  int64_t step = c.rest.size() > 2 ? c.rest[2].asInt() : 1;
  if (step == 0) return c.interpreter.fail(Code::AttributeRange, c.span, "range()'s step is not 0");
  __int128 distance = __int128(end) - begin;
  __int128 count = step > 0 ? (distance + step - 1) / step : (-distance - step - 1) / -step;
  if ((step > 0 && distance <= 0) || (step < 0 && distance >= 0)) count = 0;
  uint64_t limit = c.interpreter.options.limits.listLength;
  if (!c.interpreter.checkLength(count > __int128(limit) ? limit + 1 : uint64_t(count), c.span))
    return Value::poison();
  if (!c.interpreter.spend(uint64_t(count) / 16, c.span)) return Value::poison();
  std::vector<Value> items;
  items.reserve(size_t(count));
  for (int64_t i = 0, at = begin; i < int64_t(count); ++i) {
    items.push_back(Value::integer(at));
    if (i + 1 < int64_t(count)) at += step;
  }
  return c.interpreter.heap.list(std::move(items));
}

Value builtinEnumerate(NativeCall &c) {
  auto items = c.interpreter.items(c[0], c.span);
  if (!items) return Value::poison();
  if (!c[1].isInt()) return wrongType(c, "enumerate()'s start is an int");
  std::vector<Value> made;
  for (size_t i = 0; i < items->size(); ++i) {
    Value at = c.interpreter.binary(BinaryOp::Add, c[1], Value::integer(int64_t(i)), c.span);
    made.push_back(c.interpreter.heap.tuple({at, (*items)[i]}));
  }
  return c.interpreter.heap.list(std::move(made));
}

Value builtinZip(NativeCall &c) {
  std::vector<std::vector<Value>> lists;
  size_t length = SIZE_MAX;
  for (const auto &v : c.rest) {
    auto items = c.interpreter.items(v, c.span);
    if (!items) return Value::poison();
    length = std::min(length, items->size());
    lists.push_back(std::move(*items));
  }
  std::vector<Value> made;
  for (size_t i = 0; !lists.empty() && i < length; ++i) {
    std::vector<Value> tuple;
    for (const auto &list : lists) tuple.push_back(list[i]);
    made.push_back(c.interpreter.heap.tuple(std::move(tuple)));
  }
  return c.interpreter.heap.list(std::move(made));
}

Value builtinStr(NativeCall &c) {
  if (c[0].isPoison()) return c[0];
  return c.interpreter.heap.text(str(c[0]));
}
Value builtinRepr(NativeCall &c) {
  if (c[0].isPoison()) return c[0];
  return c.interpreter.heap.text(repr(c[0]));
}

std::string_view stripped(std::string_view text) {
  auto blank = [](char ch) { return ch == ' ' || (ch >= '\t' && ch <= '\r'); };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

Value builtinInt(NativeCall &c) {
  const Value &v = c[0];
  if (v.isPoison() || v.isDimension()) return v;
  if (v.isIntegral()) return Value::integer(v.asInt());
  if (v.isFloat()) {
    double whole = std::trunc(v.asFloat());
    if (!(whole >= -9223372036854775808.0 && whole < 9223372036854775808.0))
      return c.interpreter.fail(Code::Arithmetic, c.span,
                                fmt::format("{} is no 64-bit int", str(v)));
    return Value::integer(int64_t(whole));
  }
  if (auto *text = v.as<TextObject>()) {
    auto digits = stripped(text->text);
    int64_t value = 0;
    auto from = digits.starts_with('+') ? digits.substr(1) : digits;
    auto [end, error] = std::from_chars(from.data(), from.data() + from.size(), value);
    bool twoSigns = from.size() < digits.size() && from.starts_with('-');
    if (error == std::errc::result_out_of_range && end == from.data() + from.size())
      return c.interpreter.fail(Code::Arithmetic, c.span,
                                fmt::format("{} is no 64-bit int", digits));
    if (!twoSigns && error == std::errc() && end == from.data() + from.size() && !from.empty())
      return Value::integer(value);
    return wrongType(c, fmt::format("{} is no int", repr(v)));
  }
  return wrongType(c, fmt::format("int() takes a number or a str, not {}", typeName(v)),
                   c.interpreter.isTensorLike(v) ? "cast(x, int32) is the operation" : "");
}

Value builtinFloat(NativeCall &c) {
  const Value &v = c[0];
  if (v.isPoison()) return v;
  if (v.isNumber()) return Value::number(v.asFloat());
  if (auto *text = v.as<TextObject>()) {
    std::string digits(stripped(text->text));
    char *end = nullptr;
    double value = std::strtod(digits.c_str(), &end);
    bool hex = digits.find_first_of("xX") != std::string::npos;
    if (!digits.empty() && !hex && end == digits.c_str() + digits.size())
      return Value::number(value);
    return wrongType(c, fmt::format("{} is no float", repr(v)));
  }
  return wrongType(c, fmt::format("float() takes a number or a str, not {}", typeName(v)),
                   c.interpreter.isTensorLike(v) ? "cast(x, float32) is the operation" : "");
}

Value builtinBool(NativeCall &c) {
  auto holds = c.interpreter.truth(c[0], c.span);
  return holds ? Value::boolean(*holds) : Value::poison();
}

Value builtinList(NativeCall &c) {
  if (c[0].isUnset()) return c.interpreter.heap.list({});
  auto items = c.interpreter.items(c[0], c.span);
  return items ? c.interpreter.heap.list(std::move(*items)) : Value::poison();
}

Value builtinTuple(NativeCall &c) {
  if (c[0].isUnset()) return c.interpreter.heap.tuple({});
  auto items = c.interpreter.items(c[0], c.span);
  return items ? c.interpreter.heap.tuple(std::move(*items)) : Value::poison();
}

Value builtinDict(NativeCall &c) {
  auto *dict = c.interpreter.heap.make<DictObject>();
  auto put = [&](const Value &key, const Value &value) {
    for (auto &[known, item] : dict->items)
      if (equal(known, key)) {
        item = value;
        return;
      }
    dict->items.push_back({key, value});
  };
  if (!c[0].isUnset()) {
    if (auto *from = c[0].as<DictObject>()) {
      dict->items = from->items;
    } else {
      auto pairs = c.interpreter.items(c[0], c.span);
      if (!pairs) return Value::poison();
      for (const auto &pair : *pairs) {
        auto both = c.interpreter.items(pair, c.span);
        if (!both) return Value::poison();
        if (both->size() != 2) return wrongType(c, "dict() takes pairs");
        if ((*both)[0].isPoison()) return Value::poison();
        put((*both)[0], (*both)[1]);
      }
    }
  }
  for (const auto &[name, value] : c.keywords)
    put(c.interpreter.heap.ownedText(c.interpreter.symbols.text(name)), value);
  return Value::object(dict);
}

/// min() and max() of numbers; of tensors the operations minimum and maximum.
Value extreme(NativeCall &c, CompareOp better, std::string_view operation) {
  if (anyTensor(c, c.rest) && c.rest.size() >= 2) {
    Value result = c.rest[0];
    for (size_t i = 1; i < c.rest.size(); ++i)
      result = c.interpreter.callLibrary(operation, {result, c.rest[i]}, c.span);
    return result;
  }
  std::vector<Value> values(c.rest.begin(), c.rest.end());
  if (values.size() == 1) {
    if (c.interpreter.isTensorLike(values[0]) && !values[0].is(ObjectKind::Partitioned))
      return wrongType(c, fmt::format("{}() of a tensor: reduce_{}(x) is the operation",
                                      c.def.name(), c.def.name()));
    auto items = c.interpreter.items(values[0], c.span);
    if (!items) return Value::poison();
    values = std::move(*items);
  }
  if (values.empty()) {
    if (!c[1].isUnset()) return c[1];
    return wrongType(c, fmt::format("{}() of nothing", c.def.name()));
  }
  auto keyOf = [&](const Value &v) {
    return c[0].isNone() ? v : c.interpreter.call(c[0], {v}, {}, c.span);
  };
  Value best = values[0], bestKey = keyOf(values[0]);
  for (size_t i = 1; i < values.size(); ++i) {
    Value key = keyOf(values[i]);
    if ((key.isDimension() || bestKey.isDimension()) && (key.isDimension() || key.isIntegral())) {
      Dim d = better == CompareOp::Lt ? min(bestKey.asDim(), key.asDim())
                                      : max(bestKey.asDim(), key.asDim());
      best = bestKey = Value::dimension(d);
      continue;
    }
    Value wins = c.interpreter.compare(better, key, bestKey, c.span);
    if (wins.isPoison()) return wins;
    if (wins.asBool()) best = values[i], bestKey = key;
  }
  return best;
}
Value builtinMin(NativeCall &c) { return extreme(c, CompareOp::Lt, "minimum"); }
Value builtinMax(NativeCall &c) { return extreme(c, CompareOp::Gt, "maximum"); }

Value builtinSum(NativeCall &c) {
  if (c.interpreter.isTensorLike(c[0]) && !c[0].is(ObjectKind::Partitioned))
    return wrongType(c, "sum() adds the items of a list: reduce_sum(x) is the operation");
  auto items = c.interpreter.items(c[0], c.span);
  if (!items) return Value::poison();
  Value total = c[1];
  for (const auto &item : *items) total = c.interpreter.binary(BinaryOp::Add, total, item, c.span);
  return total;
}

Value builtinAbs(NativeCall &c) {
  const Value &v = c[0];
  if (v.isPoison()) return v;
  if (v.isIntegral())
    return v.asInt() < 0 ? c.interpreter.unary(UnaryOp::Minus, v, c.span)
                         : Value::integer(v.asInt());
  if (v.isFloat()) return Value::number(std::fabs(v.asFloat()));
  if (c.interpreter.isTensorLike(v)) return c.interpreter.callLibrary("abs", {v, c[1]}, c.span);
  return wrongType(c, fmt::format("abs() takes a number, not {}", typeName(v)));
}

Value builtinRound(NativeCall &c) {
  const Value &v = c[0];
  if (v.isPoison()) return v;
  if (c.interpreter.isTensorLike(v)) return c.interpreter.callLibrary("round", {v}, c.span);
  if (!v.isNumber())
    return wrongType(c, fmt::format("round() takes a number, not {}", typeName(v)));
  if (c[1].isNone()) {
    if (v.isIntegral()) return Value::integer(v.asInt());
    double whole = std::nearbyint(v.asFloat()); // half to even, as Python's
    if (!(whole >= -9223372036854775808.0 && whole < 9223372036854775808.0))
      return c.interpreter.fail(Code::Arithmetic, c.span,
                                fmt::format("{} is no 64-bit int", str(v)));
    return Value::integer(int64_t(whole));
  }
  if (!c[1].isInt()) return wrongType(c, "round()'s digits are an int");
  int64_t digits = c[1].asInt();
  if (v.isIntegral() && digits >= 0) return Value::integer(v.asInt());
  if (digits > 300 || digits < -300) return digits > 0 ? v : Value::number(0.0);
  // Through the decimal text, as Python rounds.
  double rounded = digits >= 0
                       ? std::strtod(fmt::format("{:.{}f}", v.asFloat(), digits).c_str(), nullptr)
                       : std::nearbyint(v.asFloat() / std::pow(10.0, double(-digits))) *
                             std::pow(10.0, double(-digits));
  return v.isIntegral() ? Value::integer(int64_t(rounded)) : Value::number(rounded);
}

Value builtinSorted(NativeCall &c) {
  auto items = c.interpreter.items(c[0], c.span);
  if (!items) return Value::poison();
  auto reverse = c.interpreter.truth(c[2], c.span);
  if (!reverse) return Value::poison();
  std::vector<std::pair<Value, Value>> keyed;
  for (const auto &item : *items)
    keyed.push_back({c[1].isNone() ? item : c.interpreter.call(c[1], {item}, {}, c.span), item});
  bool poison = false;
  std::stable_sort(keyed.begin(), keyed.end(), [&](auto &a, auto &b) {
    if (poison) return false;
    Value less = c.interpreter.compare(CompareOp::Lt, *reverse ? b.first : a.first,
                                       *reverse ? a.first : b.first, c.span);
    poison |= less.isPoison() || !less.isBool();
    return !poison && less.asBool();
  });
  if (poison) return Value::poison();
  std::vector<Value> made;
  for (auto &[key, item] : keyed) made.push_back(item);
  return c.interpreter.heap.list(std::move(made));
}

Value builtinReversed(NativeCall &c) {
  auto items = c.interpreter.items(c[0], c.span);
  if (!items) return Value::poison();
  std::reverse(items->begin(), items->end());
  return c.interpreter.heap.list(std::move(*items));
}

bool isInstance(NativeCall &c, const Value &v, const Value &type, bool &known) {
  std::string_view name;
  if (auto *t = type.as<TypeObject>())
    name = t->name;
  else if (auto *n = type.as<NativeObject>())
    name = n->def->name();
  else if (type.isDType())
    name = type.asDType() == DType::Bool ? "bool" : "";
  if (auto *tuple = type.as<TupleObject>())
    return std::any_of(tuple->items.begin(), tuple->items.end(),
                       [&](auto &t) { return isInstance(c, v, t, known); });
  known &= !name.empty();
  auto own = typeName(v);
  return own == name || (name == "int" && own == "bool");
}

Value builtinIsinstance(NativeCall &c) {
  if (c[0].isPoison() || c[1].isPoison()) return Value::poison();
  bool known = true;
  bool is = isInstance(c, c[0], c[1], known);
  if (!known) return wrongType(c, "isinstance() takes a type or a tuple of types");
  return Value::boolean(is);
}

Value builtinType(NativeCall &c) {
  if (c[0].isPoison()) return c[0];
  auto *made = c.interpreter.heap.make<TypeObject>();
  made->name = typeName(c[0]);
  return Value::object(made);
}

Value builtinAny(NativeCall &c) {
  auto items = c.interpreter.items(c[0], c.span);
  if (!items) return Value::poison();
  for (const auto &item : *items) {
    auto holds = c.interpreter.truth(item, c.span);
    if (!holds) return Value::poison();
    if (*holds) return Value::boolean(true);
  }
  return Value::boolean(false);
}

Value builtinAll(NativeCall &c) {
  auto items = c.interpreter.items(c[0], c.span);
  if (!items) return Value::poison();
  for (const auto &item : *items) {
    auto holds = c.interpreter.truth(item, c.span);
    if (!holds) return Value::poison();
    if (!*holds) return Value::boolean(false);
  }
  return Value::boolean(true);
}

Value builtinMap(NativeCall &c) {
  auto items = c.interpreter.items(c[1], c.span);
  if (!items) return Value::poison();
  std::vector<Value> made;
  for (const auto &item : *items) made.push_back(c.interpreter.call(c[0], {item}, {}, c.span));
  return c.interpreter.heap.list(std::move(made));
}

constexpr NativeDef table[] = {
    {"print(*values, sep=None, end=None)", builtinPrint},
    {"len(value)", builtinLen},
    {"range(*bounds, **kwargs)", builtinRange},
    {"enumerate(items, start=0)", builtinEnumerate},
    {"zip(*lists)", builtinZip},
    {"str(value='')", builtinStr},
    {"repr(value)", builtinRepr},
    {"int(value=0)", builtinInt},
    {"float(value=0)", builtinFloat},
    {"bool(value=False)", builtinBool},
    {"list(items=<unset>)", builtinList},
    {"tuple(items=<unset>)", builtinTuple},
    {"dict(items=<unset>, **kwargs)", builtinDict},
    {"min(*values, key=None, default=<unset>)", builtinMin},
    {"max(*values, key=None, default=<unset>)", builtinMax},
    {"sum(items, start=0)", builtinSum},
    {"abs(value, name=None)", builtinAbs},
    {"round(value, ndigits=None)", builtinRound},
    {"sorted(items, *, key=None, reverse=False)", builtinSorted},
    {"reversed(items)", builtinReversed},
    {"isinstance(value, types)", builtinIsinstance},
    {"type(value)", builtinType},
    {"any(items)", builtinAny},
    {"all(items)", builtinAll},
    {"map(function, items)", builtinMap},
};

} // namespace

std::span<const NativeDef> pythonBuiltins() { return table; }

} // namespace graphc
