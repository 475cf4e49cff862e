#include "elaborate/value.h"

#include "elaborate/native.h"
#include "elaborate/text.h"
#include "ops/op.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

Heap::~Heap() {
  for (auto [object, destroy] : destroyed_) destroy(object);
}

Value Heap::text(std::string_view text) { return ownedText(copy(text)); }

Value Heap::ownedText(std::string_view text) {
  auto *made = make<TextObject>();
  made->text = text;
  made->ascii = std::all_of(text.begin(), text.end(), [](char c) { return c >= 0; });
  return Value::object(made);
}

Value Heap::list(std::vector<Value> items) {
  auto *made = make<ListObject>();
  made->items = std::move(items);
  bytes_ += made->items.size() * sizeof(Value);
  return Value::object(made);
}

Value Heap::tuple(std::vector<Value> items) {
  auto *made = make<TupleObject>();
  made->items = std::move(items);
  bytes_ += made->items.size() * sizeof(Value);
  return Value::object(made);
}

Value Heap::tensor(Tensor *t) {
  if (!t) return Value::poison();
  auto *made = make<TensorObject>();
  made->tensor = t;
  return Value::object(made);
}

Value Heap::operation(Operation *op) {
  if (!op) return Value::poison();
  auto *made = make<OperationObject>();
  made->op = op;
  return Value::object(made);
}

Value Heap::shape(Shape shape) {
  auto *made = make<ShapeObject>();
  made->shape = shape;
  return Value::object(made);
}

Env *Heap::makeEnv(uint32_t size, Env *parent) {
  Env *env = nullptr;
  if (size < freeEnvs_.size() && !freeEnvs_[size].empty()) {
    env = freeEnvs_[size].back();
    freeEnvs_[size].pop_back();
  } else {
    env = arena_.make<Env>();
    env->slots =
        static_cast<Value *>(arena_.allocate(sizeof(Value) * std::max(size, 1u), alignof(Value)));
    env->size = size;
    bytes_ += sizeof(Env) + size * sizeof(Value);
  }
  env->parent = parent;
  for (uint32_t i = 0; i < size; ++i) env->slots[i] = Value::unset();
  return env;
}

void Heap::release(Env *env) {
  if (env->size >= 256) return;
  if (freeEnvs_.size() <= env->size) freeEnvs_.resize(env->size + 1);
  freeEnvs_[env->size].push_back(env);
}

std::string withArticle(std::string_view type) {
  bool vowel = !type.empty() && std::string_view("aeiouAEIO").find(type[0]) != type.npos;
  return fmt::format("{} {}", vowel ? "an" : "a", type);
}

const std::vector<Value> *itemsOf(const Value &value) {
  if (auto *list = value.as<ListObject>()) return &list->items;
  if (auto *tuple = value.as<TupleObject>()) return &tuple->items;
  return nullptr;
}

DType dtypeOf(const Value &value) {
  if (auto *t = value.as<TensorObject>()) return t->tensor->dtype;
  if (auto *v = value.as<VariableObject>()) return v->variable->dtype;
  if (auto *p = value.as<PartitionedObject>()) return p->whole->dtype;
  return DType::Invalid;
}

bool isFunction(const Value &value) {
  if (!value.isObject()) return false;
  switch (value.asObject()->kind) {
  case ObjectKind::Function:
  case ObjectKind::Native:
  case ObjectKind::Library:
  case ObjectKind::Method:
  case ObjectKind::Partial:
  case ObjectKind::Initializer:
  case ObjectKind::Template:
  case ObjectKind::Record:
    return true;
  default:
    return false;
  }
}

std::string_view typeName(const Value &value) {
  switch (value.kind()) {
  case Value::Unset:
  case Value::Poison:
    return "unknown";
  case Value::None:
    return "NoneType";
  case Value::Ellipsis:
    return "ellipsis";
  case Value::Bool:
    return "bool";
  case Value::Int:
    return "int";
  case Value::Float:
    return "float";
  case Value::Type:
    return "DType";
  case Value::Dimension:
    return "Dimension";
  case Value::Reuse:
    return "_ReuseMode";
  case Value::Obj:
    break;
  }
  switch (value.asObject()->kind) {
  case ObjectKind::Text:
    return "str";
  case ObjectKind::List:
    return "list";
  case ObjectKind::Tuple:
    return "tuple";
  case ObjectKind::Dict:
    return "dict";
  case ObjectKind::Function:
  case ObjectKind::Native:
  case ObjectKind::Library:
  case ObjectKind::Partial:
    return "function";
  case ObjectKind::Method:
    return "method";
  case ObjectKind::File:
  case ObjectKind::Namespace:
    return "module";
  case ObjectKind::Type:
    return "type";
  case ObjectKind::Tensor:
    return "Tensor";
  case ObjectKind::Variable:
    return "Variable";
  case ObjectKind::Partitioned:
    return "PartitionedVariable";
  case ObjectKind::Operation:
    return "Operation";
  case ObjectKind::TensorShape:
    return "TensorShape";
  case ObjectKind::Scope:
    return "VariableScope";
  case ObjectKind::Manager:
    return "context manager";
  case ObjectKind::Initializer:
    return "initializer";
  case ObjectKind::Template:
    return "Template";
  case ObjectKind::Record:
    return value.as<RecordObject>()->name;
  case ObjectKind::Slice:
    return "slice";
  case ObjectKind::Optimizer:
    return "Optimizer";
  case ObjectKind::MovingAverage:
    return "ExponentialMovingAverage";
  }
  return "object";
}

namespace {

/// Lists that hold each other can stand for more text than there is memory.
constexpr size_t maxPrinted = 4 << 20;

std::string joined(const std::vector<Value> &items) {
  std::string out;
  for (const auto &item : items) {
    if (out.size() > maxPrinted) return out + ", …";
    out += (out.empty() ? "" : ", ") + repr(item);
  }
  return out;
}

/// Deep lists are legal (appended in a loop), so printing them is bounded, as Python's is.
thread_local int depth = 0;
thread_local uint64_t visits = 0; // within the outermost call
struct Deeper {
  Deeper() {
    if (depth++ == 0) visits = 0;
    ++visits;
  }
  ~Deeper() { --depth; }
};
constexpr uint64_t maxVisits = 20'000'000;
constexpr int maxPrintedDepth = 200;

std::string_view className(std::string_view type) {
  if (type == "Tensor") return "tensorflow.python.framework.ops.Tensor";
  if (type == "Operation") return "tensorflow.python.framework.ops.Operation";
  if (type == "Variable") return "tensorflow.python.ops.variables.RefVariable";
  if (type == "PartitionedVariable") return "tensorflow.python.ops.variables.PartitionedVariable";
  if (type == "TensorShape") return "tensorflow.python.framework.tensor_shape.TensorShape";
  if (type == "Dimension") return "tensorflow.python.framework.tensor_shape.Dimension";
  if (type == "DType") return "tensorflow.python.framework.dtypes.DType";
  if (type == "VariableScope") return "tensorflow.python.ops.variable_scope.VariableScope";
  if (type == "Template") return "tensorflow.python.ops.template.Template";
  return type;
}

std::string tensorName(const Tensor *t) {
  return t->op->name.empty() ? "" : fmt::format("{}:{}", t->op->name, t->index);
}

std::string objectText(const Object *object, bool quote) {
  Value value = Value::object(const_cast<Object *>(object));
  switch (object->kind) {
  case ObjectKind::Text:
    return quote ? quotedText(value.as<TextObject>()->text)
                 : std::string(value.as<TextObject>()->text);
  case ObjectKind::List:
    return "[" + joined(value.as<ListObject>()->items) + "]";
  case ObjectKind::Tuple: {
    const auto *tuple = value.as<TupleObject>();
    const auto &items = tuple->items;
    if (tuple->names.size() == items.size() && !items.empty()) {
      std::string out;
      for (size_t i = 0; i < items.size(); ++i)
        out += fmt::format("{}{}={}", i ? ", " : "", tuple->names[i], repr(items[i]));
      return fmt::format("{}({})", tuple->name, out);
    }
    return "(" + joined(items) + (items.size() == 1 ? ",)" : ")");
  }
  case ObjectKind::Dict: {
    std::string out;
    for (const auto &[key, item] : value.as<DictObject>()->items)
      out += (out.empty() ? "" : ", ") + repr(key) + ": " + repr(item);
    return "{" + out + "}";
  }
  case ObjectKind::Function:
    return fmt::format("<function {}>", value.as<FunctionObject>()->name);
  case ObjectKind::Native:
    return fmt::format("<function {}>", value.as<NativeObject>()->def->name());
  case ObjectKind::Library:
    return fmt::format("<function {}>", value.as<LibraryObject>()->function->name);
  case ObjectKind::Partial:
    return "<function " + str(value.as<PartialObject>()->function) + ">";
  case ObjectKind::Method:
    return fmt::format("<method {}>", value.as<MethodObject>()->def->name());
  case ObjectKind::File:
    return fmt::format("<module '{}'>", value.as<FileObject>()->path);
  case ObjectKind::Namespace:
    return fmt::format("<module '{}'>", value.as<NamespaceObject>()->name);
  case ObjectKind::Type:
    return fmt::format("<class '{}'>", className(value.as<TypeObject>()->name));
  case ObjectKind::Tensor: {
    const auto *t = value.as<TensorObject>()->tensor;
    if (quote)
      return fmt::format("<tf.Tensor '{}' shape={} dtype={}>", tensorName(t), toString(t->shape),
                         dtypeName(t->dtype));
    if (!t->shape.hasRank())
      return fmt::format("Tensor(\"{}\", dtype={})", tensorName(t), dtypeName(t->dtype));
    return fmt::format("Tensor(\"{}\", shape={}, dtype={})", tensorName(t), toString(t->shape),
                       dtypeName(t->dtype));
  }
  case ObjectKind::Operation: {
    const auto *op = value.as<OperationObject>()->op;
    return fmt::format("<tf.Operation '{}' type={}>", op->name, op->type);
  }
  case ObjectKind::Variable: {
    const auto *v = value.as<VariableObject>()->variable;
    return fmt::format("<tf.Variable '{}:0' shape={} dtype={}_ref>", v->opName, toString(v->shape),
                       dtypeName(v->dtype));
  }
  case ObjectKind::Partitioned: {
    const auto *v = value.as<PartitionedObject>()->whole;
    return fmt::format("<tf.PartitionedVariable '{}' shape={} dtype={} parts={}>", v->name,
                       toString(v->shape), dtypeName(v->dtype), v->parts.size());
  }
  case ObjectKind::TensorShape: {
    Shape shape = value.as<ShapeObject>()->shape;
    if (!quote) return toString(shape);
    if (!shape.hasRank()) return "TensorShape(None)";
    std::string out;
    for (Dim d : shape)
      out += (out.empty() ? "" : ", ") +
             fmt::format("Dimension({})", d.isStatic() ? toString(d) : "None");
    return "TensorShape([" + out + "])";
  }
  case ObjectKind::Scope:
    return fmt::format("<VariableScope '{}'>", value.as<ScopeObject>()->name);
  case ObjectKind::Manager:
    return "<context manager>";
  case ObjectKind::Initializer:
    return fmt::format("<{}>", value.as<InitializerObject>()->name);
  case ObjectKind::Template:
    return fmt::format("<Template {}>", repr(value.as<TemplateObject>()->name));
  case ObjectKind::Record:
    return fmt::format("<{}>", value.as<RecordObject>()->name);
  case ObjectKind::Slice: {
    const auto *s = value.as<SliceObject>();
    return fmt::format("slice({}, {}, {})", repr(s->lower), repr(s->upper), repr(s->step));
  }
  case ObjectKind::Optimizer:
    return fmt::format("<optimizer '{}'>", value.as<OptimizerObject>()->name);
  case ObjectKind::MovingAverage:
    return fmt::format("<ExponentialMovingAverage '{}'>", value.as<MovingAverageObject>()->name);
  }
  return "<object>";
}

std::string text(const Value &value, bool quote) {
  switch (value.kind()) {
  case Value::Unset:
  case Value::Poison:
    return "<unknown>";
  case Value::None:
    return "None";
  case Value::Ellipsis:
    return "Ellipsis";
  case Value::Bool:
    return value.asBool() ? "True" : "False";
  case Value::Int:
    return std::to_string(value.asInt());
  case Value::Float:
    return floatText(value.asFloat());
  case Value::Type:
    return quote ? fmt::format("tf.{}", dtypeName(value.asDType()))
                 : fmt::format("<dtype: '{}'>", dtypeName(value.asDType()));
  case Value::Dimension: {
    // As in shape.as_list(): a dimension without a name is None.
    std::string shown = toString(value.asDim());
    return quote && shown == "?" ? "None" : shown;
  }
  case Value::Reuse:
    return quote ? "<_ReuseMode.AUTO_REUSE: 1>" : "_ReuseMode.AUTO_REUSE";
  case Value::Obj:
    break;
  }
  Deeper deeper;
  if (depth > maxPrintedDepth || visits > maxVisits) return "…";
  return objectText(value.asObject(), quote);
}

bool equalItems(const std::vector<Value> &a, const std::vector<Value> &b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Value &x, const Value &y) { return equal(x, y); });
}

/// A shape against a list, tuple or shape: unknown dimensions equal None.
bool equalShape(Shape shape, const Value &other) {
  if (auto *s = other.as<ShapeObject>()) return sameShape(shape, s->shape);
  const std::vector<Value> *items = nullptr;
  if (auto *list = other.as<ListObject>()) items = &list->items;
  if (auto *tuple = other.as<TupleObject>()) items = &tuple->items;
  if (!items || !shape.hasRank() || size_t(shape.rank()) != items->size()) return false;
  for (int i = 0; i < shape.rank(); ++i) {
    const Value &item = (*items)[i];
    if (item.isNone() ? shape[i].isStatic() : !equal(Value::dimension(shape[i]), item))
      return false;
  }
  return true;
}

} // namespace

std::string str(const Value &value) { return text(value, false); }
std::string repr(const Value &value) { return text(value, true); }

namespace {
/// The name of a Python type, which is a value (type(1)) or the function that makes one (int).
std::string_view typeMeant(const Value &value) {
  if (auto *t = value.as<TypeObject>()) return t->name;
  if (auto *n = value.as<NativeObject>()) return n->def->name();
  return value.isDType() && value.asDType() == DType::Bool ? "bool" : "";
}
} // namespace

bool equal(const Value &a, const Value &b) {
  if (a.isNumber() && b.isNumber()) {
    if (a.isIntegral() && b.isIntegral()) return a.asInt() == b.asInt();
    // Exact: a long double holds every int.
    auto exact = [](const Value &v) {
      return v.isIntegral() ? static_cast<long double>(v.asInt()) : v.asFloat();
    };
    return exact(a) == exact(b);
  }
  if (a.isDimension() && b.isNone()) return true; // a dimension known at run time only
  if (a.isNone() && b.isDimension()) return true;
  if (auto *text = b.as<TextObject>(); text && a.isDType())
    return dtypeName(a.asDType()) == text->text; // tf.float32 == "float32"
  if (auto *text = a.as<TextObject>(); text && b.isDType())
    return dtypeName(b.asDType()) == text->text;
  if (a.is(ObjectKind::Type) != b.is(ObjectKind::Type)) {
    auto type = typeMeant(a); // type(1) == int
    return !type.empty() && type == typeMeant(b);
  }
  if (auto *s = a.as<ShapeObject>()) return equalShape(s->shape, b);
  if (auto *s = b.as<ShapeObject>()) return equalShape(s->shape, a);
  if (!a.isObject() || !b.isObject()) return a.same(b);
  if (a.asObject() == b.asObject()) return true;
  if (a.asObject()->kind != b.asObject()->kind) return false;
  Deeper deeper;
  if (depth > maxPrintedDepth || visits > maxVisits) return false;
  switch (a.asObject()->kind) {
  case ObjectKind::Text:
    return a.as<TextObject>()->text == b.as<TextObject>()->text;
  case ObjectKind::List:
    return equalItems(a.as<ListObject>()->items, b.as<ListObject>()->items);
  case ObjectKind::Tuple:
    return equalItems(a.as<TupleObject>()->items, b.as<TupleObject>()->items);
  case ObjectKind::Dict: {
    const auto &x = a.as<DictObject>()->items, &y = b.as<DictObject>()->items;
    return x.size() == y.size() && std::all_of(x.begin(), x.end(), [&](const auto &entry) {
             return std::any_of(y.begin(), y.end(), [&](const auto &other) {
               return equal(entry.first, other.first) && equal(entry.second, other.second);
             });
           });
  }
  case ObjectKind::Tensor:
    return a.as<TensorObject>()->tensor == b.as<TensorObject>()->tensor;
  case ObjectKind::Operation:
    return a.as<OperationObject>()->op == b.as<OperationObject>()->op;
  case ObjectKind::Type:
    return a.as<TypeObject>()->name == b.as<TypeObject>()->name;
  case ObjectKind::Native:
    return a.as<NativeObject>()->def == b.as<NativeObject>()->def;
  case ObjectKind::Library:
    return a.as<LibraryObject>()->function == b.as<LibraryObject>()->function;
  default:
    return false;
  }
}

} // namespace graphc
