// Methods of texts, lists, tuples and dicts.
#include "elaborate/interpreter.h"
#include "elaborate/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

namespace {

std::string_view self(NativeCall &c) { return c[0].as<TextObject>()->text; }
/// The argument as text; nullopt after an error.
std::optional<std::string_view> text(NativeCall &c, size_t i) {
  if (auto *t = c[i].as<TextObject>()) return t->text;
  if (!c[i].isPoison()) wrongType(c, fmt::format("a str is wanted here, not {}", typeName(c[i])));
  return std::nullopt;
}

/// startswith and endswith take one text or a tuple of them.
template <typename Test>
Value affix(NativeCall &c, const Test &test) {
  if (auto *tuple = c[1].as<TupleObject>()) {
    for (const auto &item : tuple->items)
      if (auto *t = item.as<TextObject>(); t && test(t->text)) return Value::boolean(true);
    return Value::boolean(false);
  }
  auto part = text(c, 1);
  return part ? Value::boolean(test(*part)) : Value::poison();
}
Value startsWith(NativeCall &c) {
  return affix(c, [&](std::string_view part) { return self(c).starts_with(part); });
}
Value endsWith(NativeCall &c) {
  return affix(c, [&](std::string_view part) { return self(c).ends_with(part); });
}

bool isBlank(char ch) { return ch == ' ' || (ch >= '\t' && ch <= '\r'); }

Value split(NativeCall &c) {
  std::vector<Value> parts;
  auto all = self(c);
  auto &heap = c.interpreter.heap;
  int64_t most = c[2].isIntegral() ? c[2].asInt() : -1;
  if (c[1].isNone()) {
    size_t at = 0;
    while (true) {
      while (at < all.size() && isBlank(all[at])) ++at;
      if (at == all.size()) break;
      size_t end = at;
      if (most >= 0 && int64_t(parts.size()) == most) {
        end = all.size();
        while (isBlank(all[end - 1])) --end;
        parts.push_back(heap.ownedText(all.substr(at, end - at)));
        break;
      }
      while (end < all.size() && !isBlank(all[end])) ++end;
      parts.push_back(heap.ownedText(all.substr(at, end - at)));
      at = end;
    }
    return heap.list(std::move(parts));
  }
  auto separator = text(c, 1);
  if (!separator) return Value::poison();
  if (separator->empty()) return wrongType(c, "an empty separator");
  size_t at = 0;
  while (most < 0 || int64_t(parts.size()) < most) {
    size_t end = all.find(*separator, at);
    if (end == all.npos) break;
    parts.push_back(heap.ownedText(all.substr(at, end - at)));
    at = end + separator->size();
  }
  parts.push_back(heap.ownedText(all.substr(at)));
  return heap.list(std::move(parts));
}

Value join(NativeCall &c) {
  auto items = c.interpreter.items(c[1], c.span);
  if (!items) return Value::poison();
  std::string out;
  for (size_t i = 0; i < items->size(); ++i) {
    auto *part = (*items)[i].as<TextObject>();
    if (!part) {
      if ((*items)[i].isPoison()) return Value::poison();
      return wrongType(c, fmt::format("join() takes a list of str, and item {} is {}", i,
                                      typeName((*items)[i])));
    }
    if (i) out += self(c);
    out += part->text;
    if (!c.interpreter.checkLength(out.size(), c.span)) return Value::poison();
  }
  return c.interpreter.heap.text(out);
}

Value mapped(NativeCall &c, int (*change)(int)) {
  std::string out(self(c));
  for (char &ch : out)
    if (ch >= 0) ch = char(change(ch));
  return c.interpreter.heap.text(out);
}
Value lower(NativeCall &c) { return mapped(c, std::tolower); }
Value upper(NativeCall &c) { return mapped(c, std::toupper); }

Value stripEnds(NativeCall &c, bool left, bool right) {
  auto all = self(c);
  std::optional<std::string_view> set;
  if (!c[1].isNone()) {
    set = text(c, 1);
    if (!set) return Value::poison();
  }
  auto drops = [&](char ch) { return set ? set->find(ch) != set->npos : isBlank(ch); };
  while (left && !all.empty() && drops(all.front())) all.remove_prefix(1);
  while (right && !all.empty() && drops(all.back())) all.remove_suffix(1);
  return c.interpreter.heap.ownedText(all);
}
Value strip(NativeCall &c) { return stripEnds(c, true, true); }
Value lstrip(NativeCall &c) { return stripEnds(c, true, false); }
Value rstrip(NativeCall &c) { return stripEnds(c, false, true); }

Value replace(NativeCall &c) {
  auto from = text(c, 1), to = text(c, 2);
  if (!from || !to) return Value::poison();
  int64_t most = c[3].isIntegral() ? c[3].asInt() : -1;
  auto all = self(c);
  std::string out;
  size_t at = 0;
  for (int64_t done = 0; most < 0 || done < most; ++done) {
    size_t found = from->empty() ? at : all.find(*from, at);
    if (found == all.npos || (from->empty() && found > all.size())) break;
    out += all.substr(at, found - at);
    out += *to;
    at = found + from->size();
    if (from->empty()) {
      // One whole UTF-8 sequence.
      do {
        if (at < all.size()) out += all[at];
        ++at;
      } while (at < all.size() && (all[at] & 0xC0) == 0x80);
      if (at > all.size()) break;
    }
    if (!c.interpreter.checkLength(out.size(), c.span)) return Value::poison();
  }
  if (at < all.size()) out += all.substr(at);
  return c.interpreter.heap.text(out);
}

Value format(NativeCall &c) {
  std::vector<std::pair<std::string_view, Value>> keywords;
  for (const auto &[name, value] : c.keywords)
    keywords.push_back({c.interpreter.symbols.text(name), value});
  for (const auto &v : c.rest)
    if (v.isPoison()) return v;
  FormatError problem;
  auto made = braceFormat(self(c), c.rest, keywords, problem);
  if (!made) {
    if (problem.message.empty()) return Value::poison();
    return c.interpreter.fail(problem.code, c.span, problem.message);
  }
  if (!c.interpreter.checkLength(made->size(), c.span)) return Value::poison();
  return c.interpreter.heap.text(*made);
}

Value find(NativeCall &c) {
  auto part = text(c, 1);
  if (!part) return Value::poison();
  size_t at = self(c).find(*part);
  return Value::integer(at == self(c).npos ? -1 : int64_t(codePoints(self(c).substr(0, at))));
}

Value countText(NativeCall &c) {
  auto part = text(c, 1);
  if (!part) return Value::poison();
  int64_t n = 0;
  for (size_t at = 0; !part->empty() && (at = self(c).find(*part, at)) != self(c).npos;
       at += part->size())
    ++n;
  return Value::integer(part->empty() ? int64_t(codePoints(self(c))) + 1 : n);
}

Value isDigit(NativeCall &c) {
  auto all = self(c);
  return Value::boolean(!all.empty() && std::all_of(all.begin(), all.end(), [](char ch) {
    return ch >= '0' && ch <= '9';
  }));
}

constexpr NativeDef textTable[] = {
    {"str.startswith(self, prefix)", startsWith},
    {"str.endswith(self, suffix)", endsWith},
    {"str.split(self, sep=None, maxsplit=-1)", split},
    {"str.join(self, items)", join},
    {"str.lower(self)", lower},
    {"str.upper(self)", upper},
    {"str.strip(self, chars=None)", strip},
    {"str.lstrip(self, chars=None)", lstrip},
    {"str.rstrip(self, chars=None)", rstrip},
    {"str.replace(self, old, new, count=-1)", replace},
    {"str.format(self, *args, **kwargs)", format},
    {"str.find(self, part)", find},
    {"str.count(self, part)", countText},
    {"str.isdigit(self)", isDigit},
};

// Lists, tuples ---------------------------------------------------------------------------------

std::vector<Value> &list(NativeCall &c) { return c[0].as<ListObject>()->items; }
const std::vector<Value> &sequence(NativeCall &c) {
  if (auto *l = c[0].as<ListObject>()) return l->items;
  return c[0].as<TupleObject>()->items;
}

bool grow(NativeCall &c, size_t by) {
  if (!c.interpreter.checkLength(list(c).size() + by, c.span)) return false;
  c.interpreter.heap.charge(by * sizeof(Value));
  return c.interpreter.spend(by / 16, c.span);
}

Value append(NativeCall &c) {
  if (grow(c, 1)) list(c).push_back(c[1]);
  return Value::none();
}

Value extend(NativeCall &c) {
  auto items = c.interpreter.items(c[1], c.span);
  if (!items) return Value::poison();
  if (grow(c, items->size())) list(c).insert(list(c).end(), items->begin(), items->end());
  return Value::none();
}

Value insert(NativeCall &c) {
  if (!c[1].isInt())
    return wrongType(c, fmt::format("insert()'s index is an int, not {}", typeName(c[1])));
  int64_t size = int64_t(list(c).size()), at = c[1].asInt();
  if (at < 0) at = std::max<int64_t>(at < -size ? 0 : at + size, 0);
  if (grow(c, 1)) list(c).insert(list(c).begin() + std::min(at, size), c[2]);
  return Value::none();
}

Value pop(NativeCall &c) {
  if (!c[1].isInt())
    return wrongType(c, fmt::format("pop()'s index is an int, not {}", typeName(c[1])));
  int64_t size = int64_t(list(c).size()), at = c[1].asInt();
  if (at < 0) at = at < -size ? -1 : at + size;
  if (at < 0 || at >= size)
    return c.interpreter.fail(
        Code::IndexOutOfRange, c.span,
        size ? fmt::format("index {} is out of range of a list of {}", c[1].asInt(), size)
             : "pop() of an empty list");
  Value out = list(c)[at];
  list(c).erase(list(c).begin() + at);
  return out;
}

/// Whether a search can't tell what it finds: for something unknown, or among such.
bool unknown(const std::vector<Value> &items, const Value &sought) {
  return sought.isPoison() ||
         std::any_of(items.begin(), items.end(), [](auto &v) { return v.isPoison(); });
}

Value indexOf(NativeCall &c) {
  const auto &items = sequence(c);
  if (unknown(items, c[1])) return Value::poison();
  for (size_t i = 0; i < items.size(); ++i)
    if (equal(items[i], c[1])) return Value::integer(int64_t(i));
  return c.interpreter.fail(Code::IndexOutOfRange, c.span,
                            fmt::format("{} is not in the {}", repr(c[1]), typeName(c[0])));
}

Value countOf(NativeCall &c) {
  const auto &items = sequence(c);
  if (unknown(items, c[1])) return Value::poison();
  return Value::integer(
      std::count_if(items.begin(), items.end(), [&](auto &v) { return equal(v, c[1]); }));
}

Value reverse(NativeCall &c) {
  std::reverse(list(c).begin(), list(c).end());
  return Value::none();
}

Value copyList(NativeCall &c) { return c.interpreter.heap.list(list(c)); }

Value clear(NativeCall &c) {
  list(c).clear();
  return Value::none();
}

Value remove(NativeCall &c) {
  if (unknown(list(c), c[1])) return Value::poison();
  for (size_t i = 0; i < list(c).size(); ++i)
    if (equal(list(c)[i], c[1])) {
      list(c).erase(list(c).begin() + int64_t(i));
      return Value::none();
    }
  return c.interpreter.fail(Code::IndexOutOfRange, c.span,
                            fmt::format("{} is not in the list", repr(c[1])));
}

// Dicts -----------------------------------------------------------------------------------------

std::vector<std::pair<Value, Value>> &dict(NativeCall &c) { return c[0].as<DictObject>()->items; }

Value get(NativeCall &c) {
  if (c[1].isPoison()) return c[1];
  for (const auto &[key, item] : dict(c))
    if (equal(key, c[1])) return item;
  return c[2];
}

Value keys(NativeCall &c) {
  std::vector<Value> made;
  for (const auto &entry : dict(c)) made.push_back(entry.first);
  return c.interpreter.heap.list(std::move(made));
}

Value values(NativeCall &c) {
  std::vector<Value> made;
  for (const auto &entry : dict(c)) made.push_back(entry.second);
  return c.interpreter.heap.list(std::move(made));
}

Value dictItems(NativeCall &c) {
  std::vector<Value> made;
  for (const auto &[key, value] : dict(c)) made.push_back(c.interpreter.heap.tuple({key, value}));
  return c.interpreter.heap.list(std::move(made));
}

void put(NativeCall &c, const Value &key, const Value &value) {
  for (auto &[known, item] : dict(c))
    if (equal(known, key)) {
      item = value;
      return;
    }
  c.interpreter.heap.charge(2 * sizeof(Value));
  dict(c).push_back({key, value});
}

Value update(NativeCall &c) {
  if (!c[1].isNone()) {
    auto *other = c[1].as<DictObject>();
    if (!other) {
      if (c[1].isPoison()) return c[1];
      return wrongType(c, fmt::format("update() takes a dict, not {}", typeName(c[1])));
    }
    auto copied = other->items;
    for (const auto &[key, value] : copied) put(c, key, value);
  }
  for (const auto &[name, value] : c.keywords)
    put(c, c.interpreter.heap.ownedText(c.interpreter.symbols.text(name)), value);
  return Value::none();
}

Value popKey(NativeCall &c) {
  if (c[1].isPoison()) return c[1];
  for (size_t i = 0; i < dict(c).size(); ++i)
    if (equal(dict(c)[i].first, c[1])) {
      Value out = dict(c)[i].second;
      dict(c).erase(dict(c).begin() + int64_t(i));
      return out;
    }
  if (!c[2].isUnset()) return c[2];
  return c.interpreter.fail(Code::IndexOutOfRange, c.span,
                            fmt::format("key {} is not in the dict", repr(c[1])));
}

Value setDefault(NativeCall &c) {
  if (c[1].isPoison()) return c[1];
  for (const auto &[key, item] : dict(c))
    if (equal(key, c[1])) return item;
  put(c, c[1], c[2]);
  return c[2];
}

Value copyDict(NativeCall &c) {
  auto *made = c.interpreter.heap.make<DictObject>();
  made->items = dict(c);
  return Value::object(made);
}

constexpr NativeDef listTable[] = {
    {"list.append(self, item)", append},
    {"list.extend(self, items)", extend},
    {"list.insert(self, index, item)", insert},
    {"list.pop(self, index=-1)", pop},
    {"list.index(self, item)", indexOf},
    {"list.count(self, item)", countOf},
    {"list.reverse(self)", reverse},
    {"list.copy(self)", copyList},
    {"list.clear(self)", clear},
    {"list.remove(self, item)", remove},
    {"tuple.index(self, item)", indexOf},
    {"tuple.count(self, item)", countOf},
    {"dict.get(self, key, default=None)", get},
    {"dict.keys(self)", keys},
    {"dict.values(self)", values},
    {"dict.items(self)", dictItems},
    {"dict.update(self, other=None, **kwargs)", update},
    {"dict.pop(self, key, default=<unset>)", popKey},
    {"dict.setdefault(self, key, default=None)", setDefault},
    {"dict.copy(self)", copyDict},
};

} // namespace

std::span<const NativeDef> textMethods() { return textTable; }
std::span<const NativeDef> listMethods() { return listTable; }

} // namespace graphc
