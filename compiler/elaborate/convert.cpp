// From values of the language to what operations take: tensors, literals, dimensions, dtypes.
#include "elaborate/interpreter.h"
#include "ops/effects.h"

#include <cmath>
#include <fmt/format.h>
#include <limits>

namespace graphc {

bool Interpreter::isTensorLike(const Value &value) const {
  return value.is(ObjectKind::Tensor) || value.is(ObjectKind::Variable) ||
         value.is(ObjectKind::Partitioned);
}

Operation *Interpreter::toOperation(const Value &value) const {
  if (auto *o = value.as<OperationObject>()) return o->op;
  if (auto *t = value.as<TensorObject>()) return t->tensor->op;
  return nullptr;
}

void Interpreter::beginBody() {
  controls_.push_back({});
  controlsIds_.push_back(0);
}

void Interpreter::endBody() {
  controls_.pop_back();
  controlsIds_.pop_back();
}

Tensor *Interpreter::readVariable(Variable *variable) {
  // Within control_dependencies a variable is read after them; elsewhere one read serves all.
  if (variable->index >= reads_.size()) reads_.resize(variable->index + 1);
  if (const auto &known = reads_[variable->index];
      known.second && known.first == controlsIds_.back())
    return known.second;
  SilentHost host(*this, variable->span);
  auto make = builder(host, variable->span);
  auto *read = graphc::readVariable(make, variable);
  reads_[variable->index] = {controlsIds_.back(), read};
  return read;
}

namespace {

constexpr int maxNested = 64; // ranks beyond this are no tensor

/// What a nested list of numbers holds: its shape and the kinds of its elements.
struct Scan {
  std::vector<int64_t> dims;
  bool anyFloat = false, anyInt = false, anyBool = false, anyTensor = false, anyDimension = false;
  uint64_t count = 0;
  const Value *odd = nullptr; // what is no number
  bool ragged = false, poison = false;
  uint64_t limit = 0; // elements allowed; more is too long
  bool tooLong() const { return count > limit; }
};

void scan(const Value &value, size_t level, Scan &into, bool first) {
  if (into.odd || into.ragged || into.poison || into.tooLong()) return;
  const auto *items = itemsOf(value);
  std::vector<Value> dims;
  if (auto *shape = value.as<ShapeObject>(); shape && shape->shape.hasRank()) {
    for (Dim d : shape->shape) dims.push_back(Value::dimension(d));
    items = &dims;
  }
  if (items) {
    if (level >= maxNested) {
      into.ragged = true;
      return;
    }
    if (first && level == into.dims.size())
      into.dims.push_back(int64_t(items->size()));
    else if (level >= into.dims.size() || into.dims[level] != int64_t(items->size())) {
      into.ragged = true;
      return;
    }
    for (size_t i = 0; i < items->size(); ++i) scan((*items)[i], level + 1, into, first && i == 0);
    return;
  }
  if (value.isPoison())
    into.poison = true;
  else if (value.isBool())
    into.anyBool = true;
  else if (value.isInt())
    into.anyInt = true;
  else if (value.isFloat())
    into.anyFloat = true;
  else if (value.isDimension())
    into.anyDimension = true;
  else if (value.is(ObjectKind::Tensor) || value.is(ObjectKind::Variable) ||
           value.is(ObjectKind::Partitioned))
    into.anyTensor = true;
  else
    into.odd = &value;
  if (level != into.dims.size() && !into.anyTensor) into.ragged = true;
  ++into.count;
}

template <typename Visit>
void eachNumber(const Value &value, const Visit &visit) {
  if (const auto *items = itemsOf(value)) {
    for (const auto &item : *items) eachNumber(item, visit);
  } else if (auto *shape = value.as<ShapeObject>()) {
    for (Dim d : shape->shape) visit(Value::dimension(d));
  } else {
    visit(value);
  }
}

/// Whether a dtype can hold a literal: integers in its range, floats only in floating types,
/// booleans only in bool.
bool holds(DType dtype, const Value &value) {
  if (dtype == DType::Bool) return value.isBool();
  if (value.isBool()) return false;
  if (isFloating(dtype)) return value.isNumber();
  if (!value.isInt()) return false;
  int64_t v = value.asInt();
  switch (dtype) {
  case DType::Int8:
    return v >= -128 && v <= 127;
  case DType::Int16:
    return v >= -32768 && v <= 32767;
  case DType::Int32:
    return v >= std::numeric_limits<int32_t>::min() && v <= std::numeric_limits<int32_t>::max();
  case DType::Int64:
    return true;
  case DType::UInt8:
    return v >= 0 && v <= 255;
  case DType::UInt16:
    return v >= 0 && v <= 65535;
  case DType::UInt32:
    return v >= 0 && v <= int64_t(std::numeric_limits<uint32_t>::max());
  case DType::UInt64:
    return v >= 0;
  default:
    return false;
  }
}

} // namespace

const Literal *Interpreter::toLiteral(const Value &value, DType wanted, Span where, Code misfit,
                                      std::string_view argument, bool asWritten) {
  Scan found;
  found.limit = options.limits.listLength;
  scan(value, 0, found, true);
  if (found.tooLong()) {
    checkLength(found.count, where);
    return nullptr;
  }
  auto named = [&] {
    return argument.empty() ? std::string("a tensor") : fmt::format("'{}'", argument);
  };
  if (found.poison) return nullptr;
  if (found.odd) {
    fail(Code::WrongType, where,
         fmt::format("{} can't be made of {}", named(), someOf(*found.odd)));
    return nullptr;
  }
  if (found.ragged) {
    fail(Code::WrongType, where,
         fmt::format("{} can't be made of lists of different lengths", named()));
    return nullptr;
  }
  if (found.anyTensor || found.anyDimension) return nullptr; // the caller packs
  DType dtype = wanted;
  if (dtype == DType::Invalid) {
    // As TensorFlow: a list that holds a float is float32, one of integers int32.
    if (found.anyBool && (found.anyInt || found.anyFloat)) {
      fail(Code::WrongType, where,
           fmt::format("{} can't be made of bools and numbers together", named()));
      return nullptr;
    }
    if (asWritten && !found.anyBool)
      dtype = found.anyInt && !found.anyFloat ? DType::Int64 : DType::Float64;
    else
      dtype = found.anyFloat  ? DType::Float32
              : found.anyInt  ? DType::Int32
              : found.anyBool ? DType::Bool
                              : DType::Float32;
  }
  Array array;
  array.reset(dtype, found.dims);
  if (!spend(found.count / 8, where)) return nullptr;
  heap.charge(array.bytes.size());
  int64_t next = 0;
  bool good = true;
  eachNumber(value, [&](const Value &v) {
    if (!good) return;
    if (!holds(dtype, v)) {
      std::string why = dtype == DType::Int32 && wanted == DType::Invalid
                            ? fmt::format("{} is too large for int32: give dtype=int64", str(v))
                            : fmt::format("{} can't be held by {}", str(v), dtypeName(dtype));
      fail(misfit, where, argument.empty() ? why : fmt::format("'{}': {}", argument, why));
      good = false;
      return;
    }
    if (v.isIntegral())
      array.setInteger(next++, v.asInt());
    else
      array.setNumber(next++, v.asFloat());
  });
  return good ? graph.makeLiteral(dtype, array.dims, array.bytes) : nullptr;
}

Tensor *Interpreter::toTensor(const Value &value, DType wanted, Span where) {
  return toTensor(value, wanted, where, Code::SharedDType, "");
}

Tensor *Interpreter::toTensor(const Value &value, DType wanted, Span where, Code misfit,
                              std::string_view argument) {
  if (value.isPoison()) return nullptr;
  Tensor *tensor = nullptr;
  if (auto *t = value.as<TensorObject>())
    tensor = t->tensor;
  else if (auto *v = value.as<VariableObject>())
    tensor = readVariable(v->variable);
  else if (auto *p = value.as<PartitionedObject>())
    tensor = readPartitioned(p, where);
  if (tensor) {
    if (wanted == DType::Invalid || tensor->dtype == wanted) return tensor;
    std::string what = fmt::format("a tensor of {} where {} is wanted", dtypeName(tensor->dtype),
                                   dtypeName(wanted));
    fail(misfit, where, argument.empty() ? what : fmt::format("'{}': {}", argument, what),
         "cast(x, dtype) converts");
    return nullptr;
  }
  if (isTensorLike(value)) return nullptr; // reading it failed and was reported
  SilentHost host(*this, where);
  auto make = builder(host, where);
  Scan found;
  found.limit = options.limits.listLength;
  scan(value, 0, found, true);
  if (value.isDimension() || (found.anyDimension && !found.odd && !found.ragged && !found.poison)) {
    // Dimensions known at run time only are integers that follow from shapes.
    if (found.dims.size() > 1) {
      fail(Code::WrongType, where, "dimensions make a scalar or a vector, no higher tensor");
      return nullptr;
    }
    auto dims = toDims(value, where, argument);
    if (!dims) return nullptr;
    DType dtype = wanted == DType::Invalid ? DType::Int32 : wanted;
    if (!isInteger(dtype)) {
      Tensor *whole =
          make.op("Dims", {},
                  {dimsAttr("value", make.keep(*dims)), boolAttr("scalar", found.dims.empty()),
                   typeAttr("dtype", DType::Int64)});
      return whole ? make.op("Cast", {whole}, {typeAttr("dtype", dtype)}) : nullptr;
    }
    return make.op("Dims", {},
                   {dimsAttr("value", make.keep(*dims)), boolAttr("scalar", found.dims.empty()),
                    typeAttr("dtype", dtype)});
  }
  if (found.anyTensor && !found.odd && !found.poison) {
    // A list that holds tensors is packed, as TensorFlow does.
    const auto *items = itemsOf(value);
    DType dtype = wanted;
    std::function<void(const Value &)> look = [&](const Value &v) {
      if (const auto *inner = itemsOf(v))
        for (const auto &item : *inner) look(item);
      else if (dtype == DType::Invalid)
        dtype = dtypeOf(v);
    };
    look(value);
    std::vector<Tensor *> parts;
    for (const auto &item : *items) {
      parts.push_back(toTensor(item, dtype, where,
                               misfit == Code::SharedDType ? misfit : Code::OperandDTypes,
                               argument));
      if (!parts.back()) return nullptr;
    }
    Attr axis = intAttr("axis", 0);
    auto *op = make.make(*findOp("Pack"), "", parts, {&axis, 1});
    return op ? op->output() : nullptr;
  }
  const Literal *literal = toLiteral(value, wanted, where, misfit, argument);
  return literal ? make.constant(literal) : nullptr;
}

std::optional<AskedShape> Interpreter::toShape(const Value &value, Span where) {
  if (value.isPoison()) return std::nullopt;
  AskedShape made;
  if (auto *shape = value.as<ShapeObject>()) {
    if (!shape->shape.hasRank()) {
      fail(Code::WrongType, where, "a shape of unknown rank is no variable's shape");
      return std::nullopt;
    }
    for (Dim d : shape->shape) made.push_back(d.isStatic() ? std::optional(d.value) : std::nullopt);
    return made;
  }
  std::vector<Value> single;
  const auto *items = itemsOf(value);
  if (!items && (value.isInt() || value.isDimension())) {
    single = {value};
    items = &single;
  }
  if (!items && isTensorLike(value)) {
    auto dims = toDims(value, where, "shape");
    if (!dims) return std::nullopt;
    for (Dim d : *dims) made.push_back(d.isStatic() ? std::optional(d.value) : std::nullopt);
    return made;
  }
  if (!items) {
    fail(Code::WrongType, where, fmt::format("a shape is a list of ints, not {}", typeName(value)));
    return std::nullopt;
  }
  for (const auto &item : *items) {
    if (item.isPoison()) return std::nullopt;
    if (item.isNone() || item.isDimension()) {
      made.push_back(std::nullopt);
    } else if (item.isInt()) {
      if (item.asInt() < 0) {
        fail(Code::AttributeRange, where,
             fmt::format("a dimension is not negative, as {} is", item.asInt()));
        return std::nullopt;
      }
      made.push_back(item.asInt());
    } else {
      fail(Code::WrongType, where,
           fmt::format("a dimension is an int or None, not {}", typeName(item)));
      return std::nullopt;
    }
  }
  return made;
}

std::optional<std::vector<Dim>> Interpreter::toDims(const Value &value, Span where,
                                                    std::string_view argument, bool *scalar) {
  auto wrong = [&](std::string message, std::string help = "") {
    fail(Code::WrongType, where, std::move(message), std::move(help));
    return std::nullopt;
  };
  if (scalar) *scalar = false;
  if (value.isPoison()) return std::nullopt;
  if (value.isInt() || value.isDimension()) {
    if (scalar) *scalar = true;
    return std::vector<Dim>{value.asDim()};
  }
  if (auto *shape = value.as<ShapeObject>()) {
    if (!shape->shape.hasRank())
      return wrong(fmt::format("'{}': the shape's rank is not known", argument));
    return std::vector<Dim>(shape->shape.begin(), shape->shape.end());
  }
  if (isTensorLike(value)) {
    Tensor *tensor = toTensor(value, DType::Invalid, where, Code::OperandDTypes, argument);
    if (!tensor) return std::nullopt;
    if (!isInteger(tensor->dtype))
      return wrong(
          fmt::format("'{}' is made of integers, not {}", argument, dtypeName(tensor->dtype)));
    Tensor *inputs[] = {tensor};
    Infer infer(graph, inputs, {});
    if (const auto *known = infer.symbolic(0)) {
      if (scalar) *scalar = known->scalar;
      return std::vector<Dim>(known->elements.begin(), known->elements.end());
    }
    return wrong(fmt::format("'{}' depends on data, which is not known when the code is generated",
                             argument),
                 "it may be made of ints, of x.shape and shape(x), and of arithmetic on them");
  }
  const auto *items = itemsOf(value);
  if (!items)
    return wrong(fmt::format("'{}' is a list of ints, not {}", argument, typeName(value)));
  std::vector<Dim> dims;
  for (const auto &item : *items) {
    if (item.isPoison()) return std::nullopt;
    if (item.isInt() || item.isDimension()) {
      dims.push_back(item.asDim());
    } else if (isTensorLike(item)) {
      auto one = toDims(item, where, argument);
      if (!one) return std::nullopt;
      if (one->size() != 1) return wrong(fmt::format("'{}' holds scalars, no vectors", argument));
      dims.push_back((*one)[0]);
    } else if (item.isFloat() && item.asFloat() == std::floor(item.asFloat()) &&
               std::fabs(item.asFloat()) < 1e15) {
      return wrong(fmt::format("'{}' holds ints, not the float {}", argument, str(item)),
                   "divide ints with //");
    } else {
      return wrong(fmt::format("'{}' holds ints, not {}", argument, typeName(item)));
    }
  }
  return dims;
}

std::optional<DType> Interpreter::toDType(const Value &value, Span where) {
  if (value.isPoison()) return std::nullopt;
  if (value.isNone()) return DType::Invalid;
  if (value.isDType()) return value.asDType();
  if (auto *text = value.as<TextObject>()) {
    if (auto dtype = dtypeFromName(text->text)) return dtype;
    fail(Code::WrongType, where, fmt::format("'{}' is no dtype", text->text));
    return std::nullopt;
  }
  // `bool`, `int` and `float` name both a builtin and a dtype.
  if (auto *native = value.as<NativeObject>()) {
    if (native->def->name() == "bool") return DType::Bool;
    if (native->def->name() == "int") return DType::Int64;
    if (native->def->name() == "float") return DType::Float64;
  }
  fail(Code::WrongType, where, fmt::format("a dtype is wanted here, not {}", typeName(value)));
  return std::nullopt;
}

Tensor *Interpreter::readPartitioned(PartitionedObject *object, Span where) {
  auto *whole = object->whole;
  std::vector<Tensor *> parts;
  for (auto *part : whole->parts) parts.push_back(readVariable(part));
  SilentHost host(*this, where);
  auto make = builder(host, where);
  Tensor *joined = parts[0];
  if (parts.size() > 1) {
    ScopeRules::NameScopeSwitch within(scopes,
                                       heap.copy(fmt::format("{}/ConcatPartitions", whole->name)));
    auto name = scopes.operationName("", "concat", where);
    if (!name) return nullptr;
    Attr axis = intAttr("axis", whole->axis);
    auto *op = make.make(*findOp("ConcatV2"), *name, parts, {&axis, 1});
    if (!op) return nullptr;
    joined = op->output();
  }
  ScopeRules::NameScopeSwitch root(scopes, "");
  auto name = scopes.operationName("", whole->name, where);
  if (!name) return nullptr;
  auto *op = make.make(*findOp("Identity"), *name, {&joined, 1}, {});
  return op ? op->output() : nullptr;
}

Tensor *Interpreter::slice(Tensor *tensor, const std::vector<int64_t> &begin,
                           const std::vector<int64_t> &size, Span where) {
  std::vector<Value> from, extent;
  for (int64_t b : begin) from.push_back(Value::integer(b));
  for (int64_t s : size) extent.push_back(Value::integer(s));
  Value made =
      callLibrary("slice", {heap.tensor(tensor), heap.list(from), heap.list(extent)}, where);
  auto *object = made.as<TensorObject>();
  return object ? object->tensor : nullptr;
}

} // namespace graphc
