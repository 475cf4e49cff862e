#include "ops/signature.h"

#include <charconv>
#include <cstdlib>

namespace graphc {

namespace {
bool isBlank(char c) { return c == ' ' || c == '\n'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && isBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && isBlank(text.back())) text.remove_suffix(1);
  return text;
}

/// Takes the text up to the next comma outside brackets and quotes, and the comma.
std::string_view takeItem(std::string_view &text) {
  int depth = 0;
  char quote = 0;
  size_t i = 0;
  for (; i < text.size(); ++i) {
    char c = text[i];
    if (quote) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '(') {
      ++depth;
    } else if (c == ']' || c == ')') {
      --depth;
    } else if (c == ',' && depth == 0) {
      break;
    }
  }
  auto item = text.substr(0, i);
  text.remove_prefix(i < text.size() ? i + 1 : i);
  return trim(item);
}

bool parseElement(std::string_view kind, FunctionParameter &into) {
  if (kind == "tensor") return true;
  if (kind.size() == 1 && kind[0] >= 'A' && kind[0] <= 'Z') {
    into.typeVariable = kind[0];
    return true;
  }
  auto dtype = dtypeFromName(kind);
  if (dtype) into.fixed = *dtype;
  return dtype.has_value();
}

bool parseKind(std::string_view kind, FunctionParameter &into) {
  using P = FunctionParameter;
  static constexpr std::pair<std::string_view, P::Kind> values[] = {
      {"int", P::Int},         {"float", P::Float}, {"bool", P::Bool},   {"str", P::Text},
      {"dtype", P::Type},      {"ints", P::Ints},   {"shape", P::Shape}, {"literal", P::Literal},
      {"padding", P::Padding}, {"any", P::Any}};
  for (auto [text, value] : values)
    if (kind == text) {
      into.kind = value;
      return true;
    }
  if (kind.size() > 2 && kind.front() == '[' && kind.back() == ']') {
    into.kind = P::Tensors;
    return parseElement(kind.substr(1, kind.size() - 2), into);
  }
  into.kind = P::Tensor;
  return parseElement(kind, into);
}
} // namespace

std::string_view signatureName(std::string_view signature) {
  return trim(signature.substr(0, signature.find('(')));
}

bool parseSignature(const FunctionDef &def, Function &into, std::string &why) {
  auto text = trim(def.signature);
  auto open = text.find('(');
  if (open == std::string_view::npos || text.back() != ')') {
    why = "no parameter list";
    return false;
  }
  into.def = &def;
  into.name = signatureName(text);
  into.parameters.clear();
  auto list = trim(text.substr(open + 1, text.size() - open - 2));
  bool keywordOnly = false;
  while (!list.empty()) {
    auto item = takeItem(list);
    if (item == "*") {
      keywordOnly = true;
      continue;
    }
    auto colon = item.find(':');
    if (colon == std::string_view::npos) {
      why = "no kind in '" + std::string(item) + "'";
      return false;
    }
    FunctionParameter parameter;
    parameter.name = trim(item.substr(0, colon));
    parameter.variadic = parameter.name.starts_with('*');
    if (parameter.variadic) parameter.name.remove_prefix(1);
    parameter.keywordOnly = keywordOnly;
    keywordOnly |= parameter.variadic;
    auto kind = trim(item.substr(colon + 1));
    if (auto equals = kind.find('='); equals != std::string_view::npos) {
      parameter.hasDefault = true;
      parameter.defaultText = trim(kind.substr(equals + 1));
      kind = trim(kind.substr(0, equals));
    }
    if (!kind.empty() && kind.back() == '?') {
      parameter.optional = true;
      kind.remove_suffix(1);
    }
    if (parameter.name.empty() || !parseKind(kind, parameter) ||
        (parameter.hasDefault && parameter.defaultText.empty())) {
      why = "cannot read '" + std::string(item) + "'";
      return false;
    }
    if (parameter.name == "name") into.nameAt = into.parameters.size();
    into.parameters.push_back(parameter);
  }
  return true;
}

Arg defaultArg(Arena &arena, const FunctionParameter &p) {
  Arg into;
  auto keep = [&](const std::vector<int64_t> &numbers) {
    into.kind = p.kind == FunctionParameter::Shape ? Arg::Dims : Arg::Ints;
    into.ints = arena.copy(numbers);
    into.dims = arena.copy(std::vector<Dim>(numbers.begin(), numbers.end()));
  };
  auto text = p.defaultText;
  if (text == "None") return into;
  if (text == "True" || text == "False") {
    into.kind = Arg::Bool;
    into.i = text == "True";
    return into;
  }
  if (text.starts_with('"') || text.starts_with('\'')) {
    into.kind = Arg::Text;
    into.text = text.substr(1, text.size() - 2);
    return into;
  }
  if (auto dtype = dtypeFromName(text)) {
    into.kind = Arg::Type;
    into.dtype = *dtype;
    return into;
  }
  if (text.starts_with('[')) {
    std::vector<int64_t> numbers;
    for (size_t at = 1; at < text.size();) {
      int64_t value = 0;
      auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
      if (error == std::errc()) numbers.push_back(value);
      size_t comma = text.find(',', at);
      if (comma == text.npos) break;
      at = text.find_first_not_of(' ', comma + 1);
    }
    keep(numbers);
    return into;
  }
  double number = std::strtod(std::string(text).c_str(), nullptr);
  if (p.kind == FunctionParameter::Float) {
    into.kind = Arg::Float;
    into.f = number;
  } else if (p.kind == FunctionParameter::Ints || p.kind == FunctionParameter::Shape) {
    keep({int64_t(number)});
    into.scalar = true;
  } else {
    into.kind = Arg::Int;
    into.i = int64_t(number);
  }
  return into;
}

} // namespace graphc
