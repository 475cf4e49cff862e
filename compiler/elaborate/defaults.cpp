// What the parameters of the table's functions are where a call leaves them out, read once from the
// signature.
#include "elaborate/interpreter.h"

#include <charconv>

namespace graphc {

namespace {
/// Of a parameter that takes no tensor.
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

/// Of a parameter that takes a tensor or a literal.
Value defaultValue(const FunctionParameter &p) {
  auto text = p.defaultText;
  int64_t integer = 0;
  if (text.find_first_of(".en") == text.npos &&
      std::from_chars(text.data(), text.data() + text.size(), integer).ec == std::errc())
    return Value::integer(integer);
  if (text == "True" || text == "False") return Value::boolean(text == "True");
  if (text == "None") return Value::none();
  return Value::number(std::strtod(std::string(text).c_str(), nullptr));
}

} // namespace

const std::vector<Interpreter::Default> &Interpreter::defaultsOf(const Function &function) {
  auto [at, isNew] = defaults_.try_emplace(&function);
  if (isNew)
    for (const auto &p : function.parameters) {
      auto &made = at->second.emplace_back();
      if (!p.hasDefault) continue;
      made.arg = defaultArg(graph.arena, p);
      made.value = defaultValue(p);
    }
  return at->second;
}

} // namespace graphc
