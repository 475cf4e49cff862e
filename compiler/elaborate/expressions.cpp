// Expressions.
#include "elaborate/interpreter.h"
#include "elaborate/text.h"

#include <fmt/format.h>

namespace graphc {

Value Interpreter::eval(const Expr *e) {
  char here;
  if (reinterpret_cast<uintptr_t>(&here) < stackEnd_) {
    if (!stopped_) error(Code::NestedTooDeep, span(e), "nested too deep");
    stopped_ = true;
  }
  if (isStopped()) return Value::poison();
  switch (e->kind) {
  case ExprKind::None:
    return Value::none();
  case ExprKind::Bool:
    return Value::boolean(e->as<BoolExpr>()->value);
  case ExprKind::Int:
    return Value::integer(e->as<IntExpr>()->value);
  case ExprKind::Float:
    return Value::number(e->as<FloatExpr>()->value);
  case ExprKind::String:
    return heap.ownedText(e->as<StringExpr>()->value);
  case ExprKind::FString:
    return evalFString(e->as<FStringExpr>());
  case ExprKind::Ellipsis:
    return Value::ellipsis();
  case ExprKind::Name:
    return evalName(e->as<NameExpr>());
  case ExprKind::List: {
    auto made = evalItems(e->as<ListExpr>()->items);
    return made ? heap.list(std::move(*made)) : Value::poison();
  }
  case ExprKind::Tuple: {
    auto made = evalItems(e->as<TupleExpr>()->items);
    return made ? heap.tuple(std::move(*made)) : Value::poison();
  }
  case ExprKind::Dict: {
    auto *dict = heap.make<DictObject>();
    auto put = [&](const Value &key, const Value &value) {
      for (auto &[known, item] : dict->items)
        if (equal(known, key)) {
          item = value;
          return;
        }
      heap.charge(2 * sizeof(Value));
      dict->items.push_back({key, value});
    };
    for (const auto &entry : e->as<DictExpr>()->entries) {
      Value value = eval(entry.value);
      if (!entry.key) {
        auto *other = value.as<DictObject>();
        if (!other) {
          if (value.isPoison()) return value;
          return fail(Code::WrongType, span(entry.value),
                      fmt::format("** wants a dict, not {}", typeName(value)));
        }
        auto copied = other->items;
        for (const auto &[k, v] : copied) put(k, v);
        continue;
      }
      Value key = eval(entry.key);
      if (key.isPoison()) return key;
      if (key.is(ObjectKind::List) || key.is(ObjectKind::Dict))
        return fail(Code::WrongType, span(entry.key),
                    fmt::format("a {} can't be a key of a dict", typeName(key)));
      put(key, value);
    }
    return Value::object(dict);
  }
  case ExprKind::Comprehension:
    return evalComprehension(e->as<ComprehensionExpr>());
  case ExprKind::Unary: {
    const auto *u = e->as<UnaryExpr>();
    Value operand = eval(u->operand);
    if (operand.isPoison()) return operand;
    if (u->op == UnaryOp::Not) {
      auto holds = truth(operand, span(u->operand));
      return holds ? Value::boolean(!*holds) : Value::poison();
    }
    return unary(u->op, operand, span(e));
  }
  case ExprKind::Binary: {
    const auto *b = e->as<BinaryExpr>();
    Value left = eval(b->operands[0]);
    for (size_t i = 0; i < b->operators.size(); ++i) {
      Value right = eval(b->operands[i + 1]);
      left = binary(b->operators[i].op, left, right,
                    {frame_->module->file, e->begin, b->operands[i + 1]->end});
    }
    return left;
  }
  case ExprKind::Compare: {
    const auto *c = e->as<CompareExpr>();
    Value left = eval(c->operands[0]);
    for (size_t i = 0; i < c->operators.size(); ++i) {
      Value right = eval(c->operands[i + 1]);
      Value result = compare(c->operators[i].op, left, right, span(e));
      if (i + 1 == c->operators.size()) return result;
      auto holds = truth(result, span(e));
      if (!holds) return Value::poison();
      if (!*holds) return result;
      left = right;
    }
    return left;
  }
  case ExprKind::Logical: {
    const auto *l = e->as<LogicalExpr>();
    Value value;
    for (size_t i = 0; i < l->operands.size(); ++i) {
      value = eval(l->operands[i]);
      if (value.isPoison() || i + 1 == l->operands.size()) break;
      auto holds = truth(value, span(l->operands[i]));
      if (!holds) return Value::poison();
      if (*holds != l->isAnd) break;
    }
    return value;
  }
  case ExprKind::Conditional: {
    const auto *c = e->as<ConditionalExpr>();
    auto holds = truth(eval(c->condition), span(c->condition));
    if (!holds) return Value::poison();
    return eval(*holds ? c->thenValue : c->elseValue);
  }
  case ExprKind::Lambda:
    return evalLambda(e->as<LambdaExpr>());
  case ExprKind::Call:
    return evalCall(e->as<CallExpr>());
  case ExprKind::Attribute: {
    const auto *a = e->as<AttributeExpr>();
    Value object = eval(a->object);
    if (object.isPoison()) return object;
    return attribute(object, symbols.text(a->name.name), span(e));
  }
  case ExprKind::Index: {
    const auto *i = e->as<IndexExpr>();
    Value object = eval(i->object), at = eval(i->index);
    if (object.isPoison() || at.isPoison()) return Value::poison();
    return index(object, at, span(e));
  }
  case ExprKind::Slice: {
    const auto *s = e->as<SliceExpr>();
    auto *made = heap.make<SliceObject>();
    if (s->lower) made->lower = eval(s->lower);
    if (s->upper) made->upper = eval(s->upper);
    if (s->step) made->step = eval(s->step);
    if (made->lower.isPoison() || made->upper.isPoison() || made->step.isPoison())
      return Value::poison();
    return Value::object(made);
  }
  case ExprKind::Starred:
    return Value::poison(); // only within lists, which unpack it
  }
  return Value::poison();
}

Value Interpreter::evalName(const NameExpr *e) {
  if (e->depth == undefinedDepth) {
    scopes.expectGaps();
    return Value::poison();
  }
  if (e->depth != builtinDepth) {
    Value &value = slot(e->depth, e->slot);
    if (!value.isUnset()) return value;
    // As in Python, a name of the file that is not yet assigned lets the library's through.
    auto text = symbols.text(e->name);
    Env *env = frame_->env;
    for (uint32_t i = 0; i < e->depth; ++i) env = env->parent;
    if (!env->parent)
      if (Value known = libraryValue(text); !known.isUnset()) return known;
    if (scopes.hasGaps()) return Value::poison();
    Value failed =
        fail(Code::Undefined, span(e), fmt::format("name '{}' is not assigned yet", text));
    scopes.expectGaps();
    return failed;
  }
  if (e->slot >= library_.size()) library_.resize(symbols.size() + 1, Value::unset());
  if (!library_[e->slot].isUnset()) return library_[e->slot];
  // Finding it may run a file of the standard library, which looks up names of its own.
  Value found = libraryValue(symbols.text(e->name));
  return library_[e->slot] = found;
}

std::optional<std::vector<Value>> Interpreter::evalItems(ExprList exprs) {
  std::vector<Value> made;
  made.reserve(exprs.size());
  for (const auto *e : exprs) {
    if (const auto *starred = e->dynAs<StarredExpr>()) {
      auto more = items(eval(starred->value), span(starred->value));
      if (!more) return std::nullopt;
      made.insert(made.end(), more->begin(), more->end());
    } else {
      made.push_back(eval(e));
    }
  }
  if (isStopped()) return std::nullopt;
  return made;
}

Value Interpreter::evalFString(const FStringExpr *e) {
  std::string text;
  Value failed = evalFString(e->parts, text);
  if (failed.isPoison()) return failed;
  if (!checkLength(text.size(), span(e))) return Value::poison();
  return heap.text(text);
}

Value Interpreter::evalFString(List<FStringPart> parts, std::string &into) {
  for (const auto &part : parts) {
    if (!part.value) {
      into += part.text;
      continue;
    }
    Value value = eval(part.value);
    if (value.isPoison()) return value;
    std::string spec;
    if (part.hasFormat)
      if (Value failed = evalFString(part.format, spec); failed.isPoison()) return failed;
    if (part.conversion) {
      std::string body = part.conversion == 's' ? str(value) : repr(value);
      value = heap.text(body);
    }
    FormatError problem;
    auto text = formatValue(value, spec, problem);
    if (!text)
      return fail(problem.code, {frame_->module->file, part.begin, part.end}, problem.message);
    into += *text;
    if (!checkLength(into.size(), {frame_->module->file, part.begin, part.end}))
      return Value::poison();
  }
  return Value::none();
}

Value Interpreter::evalComprehension(const ComprehensionExpr *e) {
  // The first iterable is evaluated outside, as in Python.
  auto first = items(eval(e->clauses[0].iterable), span(e->clauses[0].iterable));
  if (!first) {
    scopes.expectGaps();
    return Value::poison();
  }
  Env *outer = frame_->env;
  frame_->env = heap.makeEnv(e->info->names.size(), outer);
  std::vector<Value> made;
  const auto &clause = e->clauses[0];
  bool good = true;
  for (const auto &item : *first) {
    if (!(good = spend(1, span(e)))) break;
    assign(clause.target, item);
    bool keep = true;
    for (const auto *condition : clause.conditions) {
      auto holds = truth(eval(condition), span(condition));
      if (!holds) good = false;
      if (!holds || !*holds) {
        keep = false;
        break;
      }
    }
    if (!good) break;
    if (keep && !comprehend(e, 1, made)) {
      good = false;
      break;
    }
  }
  if (!e->info->hasInner) heap.release(frame_->env);
  frame_->env = outer;
  if (!good || isStopped()) return Value::poison();
  return heap.list(std::move(made));
}

bool Interpreter::comprehend(const ComprehensionExpr *e, size_t at, std::vector<Value> &into) {
  if (at == e->clauses.size()) {
    if (!checkLength(into.size() + 1, span(e))) return false;
    into.push_back(eval(e->element));
    return !isStopped();
  }
  const auto &clause = e->clauses[at];
  auto over = items(eval(clause.iterable), span(clause.iterable));
  if (!over) return false;
  for (const auto &item : *over) {
    if (!spend(1, span(e))) return false;
    assign(clause.target, item);
    bool keep = true;
    for (const auto *condition : clause.conditions) {
      auto holds = truth(eval(condition), span(condition));
      if (!holds) return false;
      if (!*holds) {
        keep = false;
        break;
      }
    }
    if (keep && !comprehend(e, at + 1, into)) return false;
  }
  return true;
}

Value Interpreter::makeFunction(std::string_view name, List<Parameter> parameters,
                                const FunctionInfo *info, Span at) {
  auto *made = heap.make<FunctionObject>();
  made->name = name;
  made->module = frame_->module;
  made->info = info;
  made->parameters = parameters;
  made->closure = frame_->env;
  made->span = at;
  for (const auto &p : parameters)
    made->defaults.push_back(p.defaultValue ? eval(p.defaultValue) : Value::unset());
  heap.charge(made->defaults.size() * sizeof(Value));
  return Value::object(made);
}

Value Interpreter::evalLambda(const LambdaExpr *e) {
  Value made = makeFunction("<lambda>", e->parameters, e->info, span(e));
  made.as<FunctionObject>()->expression = e->body;
  return made;
}

std::optional<bool> Interpreter::truth(const Value &value, Span where) {
  switch (value.kind()) {
  case Value::Unset:
  case Value::Poison:
    return std::nullopt;
  case Value::None:
    return false;
  case Value::Ellipsis:
  case Value::Type:
  case Value::Reuse:
    return true;
  case Value::Bool:
  case Value::Int:
    return value.asInt() != 0;
  case Value::Float:
    return value.asFloat() != 0;
  case Value::Dimension:
    fail(Code::WrongType, where, "a dimension known at run time only has no truth at compile time",
         "compare it with `is None`");
    return std::nullopt;
  case Value::Obj:
    break;
  }
  switch (value.asObject()->kind) {
  case ObjectKind::Text:
    return !value.as<TextObject>()->text.empty();
  case ObjectKind::List:
    return !value.as<ListObject>()->items.empty();
  case ObjectKind::Tuple:
    return !value.as<TupleObject>()->items.empty();
  case ObjectKind::Dict:
    return !value.as<DictObject>()->items.empty();
  case ObjectKind::TensorShape:
    return value.as<ShapeObject>()->shape.rank() != 0;
  case ObjectKind::Tensor:
    fail(Code::WrongType, where, "a tensor has no truth at compile time",
         "choose between values with where(condition, x, y), loop with scan(…)");
    return std::nullopt;
  default:
    return true;
  }
}

std::optional<std::vector<Value>> Interpreter::items(const Value &value, Span where) {
  if (value.isPoison()) return std::nullopt;
  if (auto *list = value.as<ListObject>()) return list->items;
  if (auto *tuple = value.as<TupleObject>()) return tuple->items;
  std::vector<Value> made;
  if (auto *dict = value.as<DictObject>()) {
    for (const auto &[key, item] : dict->items) made.push_back(key);
    return made;
  }
  if (auto *text = value.as<TextObject>()) {
    for (size_t at = 0; at < text->text.size();) {
      size_t next = at + 1;
      while (next < text->text.size() && (text->text[next] & 0xC0) == 0x80) ++next;
      made.push_back(heap.ownedText(text->text.substr(at, next - at)));
      at = next;
    }
    return made;
  }
  if (auto *shape = value.as<ShapeObject>()) {
    if (!shape->shape.hasRank()) {
      fail(Code::WrongType, where, "a shape of unknown rank can't be looped over");
      return std::nullopt;
    }
    for (Dim d : shape->shape) made.push_back(Value::dimension(d));
    return made;
  }
  if (auto *whole = value.as<PartitionedObject>()) return whole->parts;
  if (value.is(ObjectKind::Tensor) || value.is(ObjectKind::Variable)) {
    fail(Code::WrongType, where,
         fmt::format("{} can't be looped over at compile time", someOf(value)),
         "unstack(x) gives a list of its slices; scan(fn, x) goes over them");
    return std::nullopt;
  }
  fail(Code::WrongType, where, fmt::format("{} can't be looped over", someOf(value)));
  return std::nullopt;
}

} // namespace graphc
