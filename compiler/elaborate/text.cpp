#include "elaborate/text.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace graphc {

std::string floatText(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string quotedText(std::string_view text) {
  char quote = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
  std::string out(1, quote);
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else if (byte < 0x20 || byte == 0x7F)
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out += quote;
}

size_t codePoints(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

size_t byteOffset(std::string_view text, size_t index) {
  size_t at = 0;
  for (; at < text.size(); ++at) {
    if ((text[at] & 0xC0) == 0x80) continue;
    if (index-- == 0) return at;
  }
  return at;
}

namespace {

constexpr int maxWidth = 1'000'000; // no format needs more, and memory is not for the asking

struct Spec {
  std::string fill = " ";
  char align = 0, sign = '-', type = 0;
  bool alternate = false, zero = false;
  char comma = 0; // what groups of three digits are set apart by
  int width = 0, precision = -1;
};

bool readNumber(std::string_view text, size_t &at, int &into) {
  int64_t n = 0;
  bool any = false;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9' && n <= maxWidth) {
    n = n * 10 + (text[at++] - '0');
    any = true;
  }
  into = int(std::min<int64_t>(n, maxWidth));
  return any;
}

std::string pad(std::string body, const Spec &spec, char defaultAlign) {
  size_t length = codePoints(body);
  if (length >= size_t(spec.width)) return body;
  size_t missing = spec.width - length;
  char align = spec.align ? spec.align : defaultAlign;
  auto times = [&](size_t n) {
    std::string out;
    while (n--) out += spec.fill;
    return out;
  };
  if (align == '<') return body + times(missing);
  if (align == '^') return times(missing / 2) + body + times(missing - missing / 2);
  if (align == '=') {
    size_t head = !body.empty() && (body[0] == '-' || body[0] == '+' || body[0] == ' ') ? 1 : 0;
    if (body.size() > head + 1 && body[head] == '0' && std::isalpha(body[head + 1])) head += 2;
    return body.substr(0, head) + times(missing) + body.substr(head);
  }
  return times(missing) + body;
}

/// Groups of three digits; zeros that fill up to `width` are grouped with them.
std::string grouped(std::string digits, const Spec &spec, size_t width) {
  size_t end = digits.find_first_not_of("0123456789");
  if (end == std::string::npos) end = digits.size();
  size_t rest = digits.size() - end;
  size_t zeros = 0;
  if (spec.zero && spec.align == '=' && spec.fill == "0" && end)
    while (end + zeros + (end + zeros - 1) / 3 + rest < width) ++zeros;
  digits.insert(0, zeros, '0');
  end += zeros;
  std::string out;
  for (size_t at = 0; at < end; ++at) {
    if (at && (end - at) % 3 == 0) out += spec.comma;
    out += digits[at];
  }
  return out + digits.substr(end);
}
/// What of the width is left for digits beside a sign.
size_t digitsWidth(const Spec &spec, bool negative) {
  size_t sign = negative || spec.sign != '-';
  return size_t(spec.width) > sign ? spec.width - sign : 0;
}

std::string signOf(bool negative, char sign) {
  if (negative) return "-";
  return sign == '+' ? "+" : sign == ' ' ? " " : "";
}

std::string integerBody(int64_t value, const Spec &spec) {
  uint64_t magnitude = value < 0 ? 0 - uint64_t(value) : uint64_t(value);
  std::string digits, prefix;
  switch (spec.type) {
  case 'x':
    digits = fmt::format("{:x}", magnitude), prefix = "0x";
    break;
  case 'X':
    digits = fmt::format("{:X}", magnitude), prefix = "0X";
    break;
  case 'o':
    digits = fmt::format("{:o}", magnitude), prefix = "0o";
    break;
  case 'b':
    digits = fmt::format("{:b}", magnitude), prefix = "0b";
    break;
  default:
    digits = fmt::format("{}", magnitude);
  }
  // %.5d: at least so many digits. Only `%` lets a precision through.
  if (spec.precision > 0 && digits.size() < size_t(spec.precision))
    digits.insert(0, spec.precision - digits.size(), '0');
  if (spec.comma) digits = grouped(digits, spec, digitsWidth(spec, value < 0));
  return signOf(value < 0, spec.sign) + (spec.alternate ? prefix : "") + digits;
}

/// A precision without a type: as `g`, but with a digit behind the point, and with an exponent
/// where that digit would go beyond the precision.
std::string shortText(double magnitude, int precision) {
  std::string text = fmt::format("{:.{}e}", magnitude, precision - 1);
  size_t e = text.find('e');
  if (std::stoi(text.substr(e + 1)) == precision - 1) {
    std::string head = text.substr(0, e);
    if (head.find('.') != head.npos) {
      head.erase(head.find_last_not_of('0') + 1);
      if (head.ends_with('.')) head.pop_back();
    }
    return head + text.substr(e);
  }
  text = fmt::format("{:.{}g}", magnitude, precision);
  return text.find_first_of(".e") == text.npos ? text + ".0" : text;
}

std::string floatBody(double value, const Spec &spec) {
  bool negative = std::signbit(value) && !std::isnan(value);
  double magnitude = std::fabs(value);
  bool upper = spec.type == 'E' || spec.type == 'F' || spec.type == 'G';
  std::string digits;
  if (!std::isfinite(value)) {
    digits = std::isnan(value) ? "nan" : "inf";
  } else {
    int precision = spec.precision;
    char type = spec.type ? std::tolower(spec.type) : 0;
    switch (type) {
    case 'f':
      digits = fmt::format("{:.{}f}", magnitude, precision < 0 ? 6 : precision);
      break;
    case 'e':
      digits = fmt::format("{:.{}e}", magnitude, precision < 0 ? 6 : precision);
      break;
    case '%':
      digits = fmt::format("{:.{}f}", magnitude * 100, precision < 0 ? 6 : precision) + "%";
      break;
    case 'g':
      digits = fmt::format("{:.{}g}", magnitude, precision < 0 ? 6 : std::max(precision, 1));
      break;
    default:
      digits = precision < 0 ? floatText(magnitude) : shortText(magnitude, std::max(precision, 1));
    }
  }
  if (upper) std::transform(digits.begin(), digits.end(), digits.begin(), ::toupper);
  if (spec.comma && std::isfinite(value))
    digits = grouped(digits, spec, digitsWidth(spec, negative));
  return signOf(negative, spec.sign) + digits;
}

} // namespace

std::optional<std::string> formatValue(const Value &value, std::string_view text,
                                       FormatError &error) {
  if (text.empty()) return str(value);
  auto bad = [&](std::string why) {
    error = {Code::WrongType, std::move(why)};
    return std::nullopt;
  };
  Spec spec;
  size_t at = 0;
  auto isAlign = [](char c) { return c == '<' || c == '>' || c == '^' || c == '='; };
  size_t first = byteOffset(text, 1);
  if (first < text.size() && isAlign(text[first])) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    at = first + 1;
  } else if (isAlign(text[0])) {
    spec.align = text[at++];
  }
  auto take = [&](char c) { return at < text.size() && text[at] == c ? (++at, true) : false; };
  bool signGiven = at < text.size() && (text[at] == '+' || text[at] == '-' || text[at] == ' ');
  if (signGiven) spec.sign = text[at++];
  spec.alternate = take('#');
  if (take('0')) {
    spec.zero = true;
    if (!spec.align) spec.fill = "0", spec.align = '=';
  }
  readNumber(text, at, spec.width);
  if (take(','))
    spec.comma = ',';
  else if (take('_'))
    spec.comma = '_';
  if (take('.') && !readNumber(text, at, spec.precision))
    return bad("format specifier missing precision");
  if (at < text.size()) spec.type = text[at++];
  if (at != text.size()) return bad(fmt::format("invalid format specifier '{}'", text));
  std::string_view types = "dbxXoeEfFgG%";
  if (value.isNumber()) {
    if (!spec.type || types.find(spec.type) != types.npos) {
      bool integral = value.isIntegral() &&
                      (!spec.type || std::string_view("dbxXo").find(spec.type) != types.npos);
      if (integral) {
        if (spec.precision >= 0) return bad("precision not allowed in integer format specifier");
        return pad(integerBody(value.asInt(), spec), spec, '>');
      }
      if (spec.type && std::string_view("dbxXo").find(spec.type) != types.npos)
        return bad(fmt::format("unknown format code '{}' for object of type 'float'", spec.type));
      spec.precision = std::min(spec.precision, 1000);
      return pad(floatBody(value.asFloat(), spec), spec, '>');
    }
    return bad(fmt::format("unknown format code '{}' for object of type '{}'", spec.type,
                           typeName(value)));
  }
  if (!value.is(ObjectKind::Text))
    return bad(fmt::format("'{}' can't format {}: make a str of it first", text, someOf(value)));
  if (spec.type && spec.type != 's')
    return bad(fmt::format("unknown format code '{}' for object of type '{}'", spec.type,
                           typeName(value)));
  if (spec.comma || spec.alternate || signGiven)
    return bad(fmt::format("'{}' is for numbers, and this is a str", text));
  if (spec.align == '=' && !spec.zero)
    return bad("'=' alignment not allowed in string format specifier");
  if (spec.zero && spec.align == '=') spec.align = '<';
  std::string body = str(value);
  if (spec.precision >= 0) body = body.substr(0, byteOffset(body, spec.precision));
  return pad(body, spec, '<');
}

std::optional<std::string> percentFormat(std::string_view format, const Value &args,
                                         FormatError &error) {
  auto bad = [&](std::string why) {
    error = {Code::WrongType, std::move(why)};
    return std::nullopt;
  };
  std::span<const Value> values(&args, 1);
  if (auto *tuple = args.as<TupleObject>()) values = tuple->items;
  size_t next = 0;
  bool usedMapping = false;
  std::string out;
  for (size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      out += format[at++];
      continue;
    }
    ++at;
    if (at < format.size() && format[at] == '%') {
      out += format[at++];
      continue;
    }
    const Value *named = nullptr;
    if (at < format.size() && format[at] == '(') {
      size_t close = format.find(')', at);
      auto *dict = args.as<DictObject>();
      if (close == format.npos || !dict) return bad("format requires a mapping");
      auto key = format.substr(at + 1, close - at - 1);
      for (const auto &[k, v] : dict->items)
        if (auto *t = k.as<TextObject>(); t && t->text == key) named = &v;
      if (!named) {
        error = {Code::IndexOutOfRange, fmt::format("key '{}' is not in the dict", key)};
        return std::nullopt;
      }
      usedMapping = true;
      at = close + 1;
    }
    Spec spec;
    spec.align = '>';
    bool left = false, zero = false;
    for (; at < format.size(); ++at) {
      char c = format[at];
      if (c == '-')
        left = true;
      else if (c == '0')
        zero = true;
      else if (c == '+' || c == ' ')
        spec.sign = spec.sign == '+' ? '+' : c;
      else if (c == '#')
        spec.alternate = true;
      else
        break;
    }
    auto star = [&](int &into) {
      if (at < format.size() && format[at] == '*') {
        ++at;
        if (next >= values.size() || !values[next].isIntegral()) return false;
        into = int(std::clamp<int64_t>(values[next++].asInt(), 0, maxWidth));
        return true;
      }
      readNumber(format, at, into);
      return true;
    };
    if (!star(spec.width)) return bad("* wants an int");
    if (at < format.size() && format[at] == '.') {
      ++at;
      spec.precision = 0;
      if (!star(spec.precision)) return bad("* wants an int");
    }
    if (at >= format.size()) return bad("incomplete format");
    char type = format[at++];
    if (!named && next >= values.size()) return bad("not enough arguments for format string");
    const Value &value = named ? *named : values[next++];
    if (left)
      spec.align = '<';
    else if (zero)
      spec.align = '=', spec.fill = "0";
    switch (type) {
    case 's':
    case 'r':
    case 'a': {
      std::string body = type == 's' ? str(value) : repr(value);
      if (spec.precision >= 0) body = body.substr(0, byteOffset(body, spec.precision));
      if (spec.align == '=') spec.align = '>', spec.fill = " ";
      out += pad(body, spec, '>');
      break;
    }
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o': {
      bool decimal = type == 'd' || type == 'i' || type == 'u';
      if (!value.isIntegral() && !(decimal && value.isFloat() && std::fabs(value.asFloat()) < 9e18))
        return bad(fmt::format("%{} format: {} is required, not {}", type,
                               decimal ? "a number" : "an integer", typeName(value)));
      spec.type = decimal ? 'd' : type;
      spec.precision = std::min(spec.precision, maxWidth);
      std::string body =
          integerBody(value.isFloat() ? int64_t(value.asFloat()) : value.asInt(), spec);
      out += pad(body, spec, '>');
      break;
    }
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
      if (!value.isNumber())
        return bad(fmt::format("%{} format: a number is required, not {}", type, typeName(value)));
      spec.type = type;
      spec.precision = std::min(spec.precision, 1000);
      out += pad(floatBody(value.asFloat(), spec), spec, '>');
      break;
    case 'c':
      if (value.isIntegral() && value.asInt() >= 0 && value.asInt() < 128)
        out += pad(std::string(1, char(value.asInt())), spec, '>');
      else if (auto *t = value.as<TextObject>(); t && codePoints(t->text) == 1)
        out += pad(std::string(t->text), spec, '>');
      else
        return bad("%c requires a character");
      break;
    default:
      return bad(fmt::format("unsupported format character '{}'", type));
    }
  }
  if (!usedMapping && next < values.size() && !args.as<DictObject>())
    return bad("not all arguments converted during string formatting");
  return out;
}

} // namespace graphc
