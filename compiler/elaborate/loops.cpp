// Loops that run in the generated code. scan, map_fn and the others are the standard library's, in
// the language; this is the function that they are made of.
#include "elaborate/interpreter.h"
#include "ops/body.h"

namespace graphc {

namespace {

/// The tensors of a list; false after an error.
bool tensorsOf(NativeCall &c, const Value &list, std::string_view what,
               std::vector<Tensor *> &into) {
  auto items = c.interpreter.items(list, c.span);
  if (!items) return false;
  for (const auto &item : *items) {
    if (item.isPoison()) return false;
    auto *tensor = c.interpreter.toTensor(item, DType::Invalid, c.span, Code::OperandDTypes, what);
    if (!tensor) return false;
    into.push_back(tensor);
  }
  return true;
}

Value listOf(NativeCall &c, Operation &op, size_t from, size_t count) {
  std::vector<Value> items;
  for (size_t i = 0; i < count; ++i)
    items.push_back(c.interpreter.heap.tensor(op.output(from + i)));
  return c.interpreter.heap.list(std::move(items));
}

/// __loop__(step, carried, elements, steps, reverse): a Scan. step(carried, elements, place) is
/// called once and gives the next carried values and what is stacked, both lists; so does this,
/// with the last carried values.
Value loop(NativeCall &c) {
  std::vector<Tensor *> initial, elements;
  if (!tensorsOf(c, c[1], "initializer", initial) || !tensorsOf(c, c[2], "elems", elements))
    return Value::poison();
  std::optional<Dim> steps;
  if (c[3].isInt() || c[3].isDimension()) steps = c[3].asDim();
  auto reverse = c.interpreter.truth(c[4], c.span);
  if (!reverse) return Value::poison();
  SilentHost host(c.interpreter, c.span);
  auto builder = c.interpreter.builder(host, c.span);
  // As TensorFlow's loops call what they give; "Scan" would number a scan within this one.
  auto name = c.interpreter.scopes.operationName("", "Exit", c.span);
  if (!name) return Value::poison();

  ScanMaker scan(builder, initial, elements, steps, *reverse);
  if (!scan.isOpen()) return Value::poison();
  std::vector<Value> carried, parts;
  for (size_t i = 0; i < initial.size(); ++i)
    carried.push_back(c.interpreter.heap.tensor(scan.carried(i)));
  for (size_t i = 0; i < elements.size(); ++i)
    parts.push_back(c.interpreter.heap.tensor(scan.element(i)));
  const Value args[] = {c.interpreter.heap.list(std::move(carried)),
                        c.interpreter.heap.list(std::move(parts)),
                        c.interpreter.heap.tensor(scan.place())};
  c.interpreter.beginBody();
  Value given = c.interpreter.callValue(c[0], {args, {}}, c.span);
  c.interpreter.endBody();
  const auto *both = itemsOf(given);
  std::vector<Tensor *> next, stacked;
  bool good = both && both->size() == 2 && tensorsOf(c, (*both)[0], "fn", next) &&
              tensorsOf(c, (*both)[1], "fn", stacked) && next.size() == initial.size();
  if (!good) return Value::poison();
  auto *op = scan.finish(*name, next, stacked);
  if (!op) return Value::poison();
  return c.interpreter.heap.tuple(
      {listOf(c, *op, 0, next.size()), listOf(c, *op, 2 * next.size(), stacked.size())});
}

constexpr NativeDef table[] = {
    {"__loop__(step, carried, elements, steps=None, reverse=False)", loop},
};

} // namespace

std::span<const NativeDef> loopFunctions() { return table; }

} // namespace graphc
