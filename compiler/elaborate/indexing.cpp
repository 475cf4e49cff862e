// x[i], x[a:b], x[..., None, ::-1]: of lists, texts, dicts, shapes, and of tensors.
#include "ops/indexing.h"

#include "elaborate/interpreter.h"
#include "elaborate/text.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

namespace {

/// The places that a slice picks of `length`, as Python has it. Nullopt: a part is no int.
std::optional<std::vector<int64_t>> places(const SliceObject &slice, int64_t length,
                                           bool &zeroStep) {
  for (const Value *part : {&slice.lower, &slice.upper, &slice.step})
    if (!part->isNone() && !part->isIntegral()) return std::nullopt;
  int64_t step = slice.step.isNone() ? 1 : slice.step.asInt();
  zeroStep = step == 0;
  if (zeroStep) return std::vector<int64_t>();
  auto clamp = [&](const Value &v, int64_t otherwise) {
    if (v.isNone()) return otherwise;
    int64_t at = v.asInt();
    if (at < 0) at = at < -length ? -1 : at + length;
    if (v.asInt() < 0 && v.asInt() < -length) return step < 0 ? int64_t(-1) : int64_t(0);
    return std::min(at, step < 0 ? length - 1 : length);
  };
  int64_t begin = clamp(slice.lower, step < 0 ? length - 1 : 0);
  int64_t end = clamp(slice.upper, step < 0 ? -1 : length);
  std::vector<int64_t> picked;
  // The distance is at most `length`, so a large step ends the loop without an overflow.
  for (int64_t at = begin; step > 0 ? at < end : at > end;) {
    picked.push_back(at);
    if (__builtin_add_overflow(at, step, &at)) break;
  }
  return picked;
}

} // namespace

Value Interpreter::index(const Value &object, const Value &at, Span where) {
  if (isTensorLike(object)) return tensorIndex(object, at, where);
  if (auto *dict = object.as<DictObject>()) {
    for (const auto &[key, item] : dict->items)
      if (equal(key, at)) return item;
    std::vector<std::string_view> keys;
    for (const auto &[key, item] : dict->items)
      if (auto *text = key.as<TextObject>()) keys.push_back(text->text);
    auto *wanted = at.as<TextObject>();
    auto near = wanted ? nearestName(wanted->text, keys) : std::nullopt;
    return fail(Code::IndexOutOfRange, where, fmt::format("key {} is not in the dict", repr(at)),
                near ? fmt::format("did you mean '{}'?", *near) : "");
  }
  auto *list = object.as<ListObject>();
  auto *tuple = object.as<TupleObject>();
  auto *text = object.as<TextObject>();
  auto *shape = object.as<ShapeObject>();
  if (shape && !shape->shape.hasRank()) {
    if (at.is(ObjectKind::Slice)) return heap.shape(Shape::unknown());
    return Value::none();
  }
  if (!list && !tuple && !text && !shape)
    return fail(Code::WrongType, where, fmt::format("{} has no items", someOf(object)));
  int64_t length = list          ? int64_t(list->items.size())
                   : tuple       ? int64_t(tuple->items.size())
                   : shape       ? shape->shape.rank()
                   : text->ascii ? int64_t(text->text.size())
                                 : int64_t(codePoints(text->text));
  auto item = [&](int64_t i) -> Value {
    if (list) return list->items[i];
    if (tuple) return tuple->items[i];
    if (shape) return Value::dimension(shape->shape[int(i)]);
    size_t begin = text->ascii ? i : byteOffset(text->text, i);
    size_t end = text->ascii ? i + 1 : byteOffset(text->text, i + 1);
    return heap.ownedText(text->text.substr(begin, end - begin));
  };
  if (at.isIntegral()) {
    int64_t i = at.asInt() < 0 ? at.asInt() + length : at.asInt();
    if (i < 0 || i >= length)
      return fail(Code::IndexOutOfRange, where,
                  fmt::format("index {} is out of range of a {} of {}", at.asInt(),
                              typeName(object), length));
    return item(i);
  }
  auto *slice = at.as<SliceObject>();
  if (!slice)
    return fail(
        Code::WrongType, where,
        fmt::format("a {}'s index is an int or a slice, not {}", typeName(object), typeName(at)));
  bool zeroStep = false;
  auto picked = places(*slice, length, zeroStep);
  if (!picked) return fail(Code::WrongType, where, "the parts of a slice are ints or left out");
  if (zeroStep) return fail(Code::IndexOutOfRange, where, "a slice's step is not 0");
  if (!spend(picked->size() / 16, where)) return Value::poison();
  if (text) {
    std::string out;
    if (text->ascii)
      for (int64_t i : *picked) out += text->text[i];
    else
      for (int64_t i : *picked) out += item(i).as<TextObject>()->text;
    return heap.text(out);
  }
  if (shape) {
    std::vector<Dim> dims;
    for (int64_t i : *picked) dims.push_back(shape->shape[int(i)]);
    return heap.shape(graph.makeShape(dims));
  }
  std::vector<Value> items;
  for (int64_t i : *picked) items.push_back(item(i));
  return list ? heap.list(std::move(items)) : heap.tuple(std::move(items));
}

/// A tensor's index as the rules of indexing take it: what each entry is, its parts as dimensions.
Value Interpreter::tensorIndex(const Value &object, const Value &at, Span where) {
  std::vector<Value> entries;
  if (auto *tuple = at.as<TupleObject>())
    entries = tuple->items;
  else if (auto *list = at.as<ListObject>())
    entries = list->items;
  else
    entries = {at};

  auto dimension = [&](const Value &v) -> std::optional<Dim> {
    if (v.isIntegral() || v.isDimension()) return v.asDim();
    if (isTensorLike(v)) {
      // A scalar whose contents follow from shapes.
      auto dims = toDims(v, where, "index");
      if (dims && dims->size() == 1) return (*dims)[0];
      if (dims) fail(Code::WrongType, where, "a tensor's index is a scalar");
      return std::nullopt;
    }
    if (!v.isPoison())
      fail(Code::WrongType, where,
           fmt::format("a tensor's index is an int, a slice, `...` or None, not {}", typeName(v)));
    return std::nullopt;
  };
  std::vector<IndexItem> items;
  for (const auto &entry : entries) {
    IndexItem item;
    if (entry.isNone()) {
      item.kind = IndexItem::NewAxis;
    } else if (entry.kind() == Value::Ellipsis) {
      item.kind = IndexItem::Ellipsis;
    } else if (auto *slice = entry.as<SliceObject>()) {
      item.kind = IndexItem::Range;
      if (!slice->lower.isNone()) {
        if (!(item.begin = dimension(slice->lower))) return Value::poison();
      }
      if (!slice->upper.isNone()) {
        if (!(item.end = dimension(slice->upper))) return Value::poison();
      }
      if (!slice->step.isNone()) {
        if (!slice->step.isIntegral())
          return fail(Code::WrongType, where, "the step of a tensor's slice is an int");
        item.step = slice->step.asInt();
      }
    } else {
      item.kind = IndexItem::At;
      if (!(item.begin = dimension(entry))) return Value::poison();
    }
    items.push_back(item);
  }
  return indexed(object, items, where);
}

} // namespace graphc
