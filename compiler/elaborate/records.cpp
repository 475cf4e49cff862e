// What the standard library makes its cells and their states of: values with attributes. The
// language has no classes, and these two functions are the standard library's own.
#include "elaborate/interpreter.h"

#include <fmt/format.h>

namespace graphc {

namespace {

/// __object__("GRUCell", step, state_size=…): an object with these attributes, called as `step` is.
Value makeObject(NativeCall &c) {
  auto *name = c[0].as<TextObject>();
  if (!name || c[1].isPoison()) return Value::poison();
  auto *made = c.interpreter.heap.make<RecordObject>();
  made->name = name->text;
  made->function = c[1];
  for (const auto &[symbol, value] : c.keywords)
    made->fields.push_back({c.interpreter.symbols.text(symbol), value});
  return Value::object(made);
}

/// __tuple__("LSTMStateTuple", [c, h], ["c", "h"]): a tuple whose items have names too. Given a
/// tuple in place of a name, one with that tuple's names.
Value makeTuple(NativeCall &c) {
  auto items = c.interpreter.items(c[1], c.span);
  if (!items) return Value::poison();
  Value made = c.interpreter.heap.tuple(std::move(*items));
  auto *tuple = made.as<TupleObject>();
  if (auto *name = c[0].as<TextObject>()) {
    auto names = c.interpreter.items(c[2], c.span);
    if (!names) return Value::poison();
    tuple->name = name->text;
    for (const auto &each : *names)
      if (auto *text = each.as<TextObject>()) tuple->names.push_back(text->text);
  } else if (auto *like = c[0].as<TupleObject>()) {
    tuple->name = like->name;
    tuple->names = like->names;
  }
  return made;
}

constexpr NativeDef table[] = {
    {"__object__(kind, call, **fields)", makeObject},
    {"__tuple__(like, items, names=None)", makeTuple},
};

} // namespace

std::span<const NativeDef> recordFunctions() { return table; }

} // namespace graphc
