// What the parameters of the table's functions are where a call leaves them out, read once from the
// signature.
#include "elaborate/interpreter.h"
#include "ops/signature.h"

#include <charconv>

namespace graphc {

namespace {
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
  auto &there = defaults_[&function];
  if (there) return *there;
  there = std::make_unique<std::vector<Default>>();
  for (const auto &p : function.parameters) {
    auto &made = there->emplace_back();
    if (!p.hasDefault) continue;
    made.arg = defaultArg(graph.arena, p);
    made.value = defaultValue(p);
  }
  return *there;
}

} // namespace graphc
