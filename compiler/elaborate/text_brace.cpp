// str.format and the fields of f-strings.
#include "elaborate/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

std::optional<std::string>
braceFormat(std::string_view format, std::span<const Value> positional,
            const std::vector<std::pair<std::string_view, Value>> &keywords, FormatError &error) {
  std::string out;
  size_t automatic = 0;
  bool counted = false, numbered = false;
  auto lookup = [&](std::string_view field, Value &into) {
    // NAME or NUMBER, then [INDEX] parts.
    size_t end = field.find_first_of(".[");
    auto head = field.substr(0, end);
    if (head.empty() || std::all_of(head.begin(), head.end(), ::isdigit)) {
      size_t index = automatic;
      (head.empty() ? counted : numbered) = true;
      if (counted && numbered) {
        error = {Code::WrongType, "fields are counted or numbered, not both"};
        return false;
      }
      if (head.empty())
        ++automatic;
      else
        index = head.size() > 9 ? size_t(-1) : std::stoul(std::string(head));
      if (index >= positional.size()) {
        error = {Code::IndexOutOfRange, "replacement index out of range for positional arguments"};
        return false;
      }
      into = positional[index];
    } else {
      auto found =
          std::find_if(keywords.begin(), keywords.end(), [&](auto &k) { return k.first == head; });
      if (found == keywords.end()) {
        error = {Code::IndexOutOfRange, fmt::format("no argument is called '{}'", head)};
        return false;
      }
      into = found->second;
    }
    while (end != field.npos && end < field.size()) {
      if (field[end] != '[') {
        error = {Code::WrongType,
                 "attributes in a format field are not supported: pass the value itself"};
        return false;
      }
      size_t close = field.find(']', end);
      auto index = field.substr(end + 1, close - end - 1);
      const std::vector<Value> *items = nullptr;
      if (auto *l = into.as<ListObject>()) items = &l->items;
      if (auto *t = into.as<TupleObject>()) items = &t->items;
      bool numeric =
          !index.empty() && index.size() < 10 && std::all_of(index.begin(), index.end(), ::isdigit);
      if (close == field.npos || !items || !numeric ||
          std::stoul(std::string(index)) >= items->size()) {
        error = {Code::IndexOutOfRange, fmt::format("bad index in format field '{}'", field)};
        return false;
      }
      into = (*items)[std::stoul(std::string(index))];
      end = close + 1;
    }
    return true;
  };
  for (size_t at = 0; at < format.size();) {
    char c = format[at];
    if ((c == '{' || c == '}') && at + 1 < format.size() && format[at + 1] == c) {
      out += c;
      at += 2;
      continue;
    }
    if (c == '}') {
      error = {Code::WrongType, "single '}' encountered in format string"};
      return std::nullopt;
    }
    if (c != '{') {
      out += c;
      ++at;
      continue;
    }
    size_t level = 1, end = at + 1;
    while (end < format.size() && level) {
      if (format[end] == '{') ++level;
      if (format[end] == '}') --level;
      ++end;
    }
    if (level) {
      error = {Code::WrongType, "single '{' encountered in format string"};
      return std::nullopt;
    }
    auto field = format.substr(at + 1, end - at - 2);
    at = end;
    std::string spec;
    char conversion = 0;
    size_t colon = field.find(':');
    if (colon != field.npos) {
      spec = field.substr(colon + 1);
      field = field.substr(0, colon);
    }
    if (size_t bang = field.find('!'); bang != field.npos) {
      conversion = bang + 1 < field.size() ? field[bang + 1] : 0;
      field = field.substr(0, bang);
    }
    Value value;
    if (!lookup(field, value)) return std::nullopt;
    if (value.isPoison()) return std::nullopt;
    if (spec.find('{') != spec.npos) {
      if (field.size() > format.size()) return std::nullopt;
      std::string inner;
      for (size_t i = 0; i < spec.size();) {
        if (spec[i] != '{') {
          inner += spec[i++];
          continue;
        }
        size_t close = spec.find('}', i);
        Value part;
        if (!lookup(std::string_view(spec).substr(i + 1, close - i - 1), part)) return std::nullopt;
        inner += str(part);
        i = close + 1;
      }
      spec = inner;
    }
    if (conversion) {
      std::string body = conversion == 's' ? str(value) : repr(value);
      TextObject text;
      text.text = body;
      auto formatted = formatValue(Value::object(&text), spec, error);
      if (!formatted) return std::nullopt;
      out += *formatted;
      continue;
    }
    auto formatted = formatValue(value, spec, error);
    if (!formatted) return std::nullopt;
    out += *formatted;
  }
  return out;
}

} // namespace graphc
