// Initializers, regularizers and partitioners: functions of the library that are made with
// settings and called later. Formulas: TensorFlow 1.15, init_ops and partitioned_variables.
#include "elaborate/interpreter.h"
#include "ops/effects.h"
#include "ops/term.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace graphc {

namespace {

/// Keeps what a setting function was called with.
Value setting(NativeCall &c) {
  auto *made = c.interpreter.heap.make<InitializerObject>();
  made->name = c.def.name();
  const auto &parameters = c.interpreter.signatureOf(c.def).parameters;
  made->settings.reserve(parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (c.args[i].isPoison()) return c.args[i];
    made->settings.push_back({parameters[i].name, c.args[i]});
  }
  return Value::object(made);
}

Value noRegularizer(NativeCall &) { return Value::none(); }

constexpr NativeDef table[] = {
    {"zeros_initializer(dtype=None)", setting},
    {"ones_initializer(dtype=None)", setting},
    {"constant_initializer(value=0, dtype=None, verify_shape=False)", setting},
    {"random_uniform_initializer(minval=0, maxval=None, seed=None, dtype=None)", setting},
    {"random_normal_initializer(mean=0.0, stddev=1.0, seed=None, dtype=None)", setting},
    {"truncated_normal_initializer(mean=0.0, stddev=1.0, seed=None, dtype=None)", setting},
    {"uniform_unit_scaling_initializer(factor=1.0, seed=None, dtype=None)", setting},
    {"variance_scaling_initializer(scale=1.0, mode='fan_in', distribution='truncated_normal', "
     "seed=None, dtype=None)",
     setting},
    {"glorot_uniform_initializer(seed=None, dtype=None)", setting},
    {"glorot_normal_initializer(seed=None, dtype=None)", setting},
    {"xavier_initializer(uniform=True, seed=None, dtype=None)", setting},
    {"he_normal_initializer(seed=None)", setting},
    {"he_uniform_initializer(seed=None)", setting},
    {"lecun_normal_initializer(seed=None)", setting},
    {"lecun_uniform_initializer(seed=None)", setting},
    {"he_normal(seed=None)", setting},
    {"he_uniform(seed=None)", setting},
    {"lecun_normal(seed=None)", setting},
    {"lecun_uniform(seed=None)", setting},
    {"identity_initializer(gain=1.0, dtype=None)", setting},
    {"orthogonal_initializer(gain=1.0, seed=None, dtype=None)", setting},
    {"l1_regularizer(scale, scope=None)", setting},
    {"l2_regularizer(scale, scope=None)", setting},
    {"fixed_size_partitioner(num_shards, axis=0)", setting},
    {"variable_axis_size_partitioner(max_shard_bytes, axis=0, bytes_per_string_element=16, "
     "max_shards=None)",
     setting},
    {"min_max_variable_partitioner(max_partitions=1, axis=0, min_slice_size=262144, "
     "bytes_per_string_element=16)",
     setting},
    {"no_regularizer(weights=None)", noRegularizer},
};

struct Fans {
  double in = 1, out = 1;
};
/// The numbers of inputs and outputs of a weight tensor; a kernel's spatial dimensions count as
/// its receptive field.
Fans fansOf(const std::vector<int64_t> &shape) {
  size_t rank = shape.size();
  if (rank == 0) return {1, 1};
  if (rank == 1) return {double(shape[0]), double(shape[0])};
  double field = 1;
  for (size_t i = 0; i + 2 < rank; ++i) field *= double(shape[i]);
  return {field * double(shape[rank - 2]), field * double(shape[rank - 1])};
}

/// Columns of length 1, perpendicular to each other, or where there are more columns than rows,
/// such rows: (rows, columns), uniform among all of them. `normal` is normally distributed and of
/// the same shape, or of the transposed one that has more rows than columns.
///
/// Source: the polar factor A·(Aᵀ·A)^-½ of a normal matrix is uniform, as the Q of its QR
/// decomposition with positive diagonal is that TensorFlow takes (Chikuse, "Statistics on special
/// manifolds", 2003). It is found by X ← 3/2·X - 1/2·X·Xᵀ·X, which takes every singular value below
/// √3 to 1, small ones by 3/2 each time (Björck and Bowie, 1971).
Tensor *polarFactor(OpBuilder &make, Tensor *normal) {
  double m = double(normal->shape[0].value), n = double(normal->shape[1].value);
  if (m == 0 || n == 0) return normal;
  double largest = std::sqrt(m) + std::sqrt(n);
  double smallest = std::max((std::sqrt(m) - std::sqrt(n)) / 2, 1e-5 / std::sqrt(m));
  int steps = int(std::ceil(std::log(largest / smallest) / std::log(1.5))) + 6;
  Term x = Term(make, normal) / largest;
  for (int i = 0; i < steps; ++i) {
    Term square = x.make("MatMul", {x.tensor, x.tensor}, {boolAttr("transpose_a", true)});
    x = x * 1.5 - x.make("MatMul", {x.tensor, square.tensor}) * 0.5;
  }
  return x.tensor;
}

/// The standard deviation of a normal distribution cut at two standard deviations.
constexpr double truncatedDeviation = 0.87962566103423978;

} // namespace

std::span<const NativeDef> settingFunctions() { return table; }

Value Interpreter::initialValueOf(const InitializerObject &initializer,
                                  const std::vector<Dim> &shape, DType dtype, Span where,
                                  const std::vector<Dim> *whole) {
  for (Dim d : shape)
    if (!d.isStatic() || d.value < 0)
      return fail(Code::ShapeNotKnown, where, "an initializer's shape is fully known");
  auto name = initializer.name;
  SilentHost host(*this, where);
  // Initial values wait for nothing.
  auto at = place(where);
  OpBuilder make(graph, host, at.span, at.caller, {});
  auto number = [&](std::string_view key, double otherwise) {
    Value v = initializer.setting(key);
    return v.isNumber() ? v.asFloat() : otherwise;
  };
  for (auto key : {"mean", "stddev", "scale", "factor", "gain", "minval", "maxval"})
    if (Value v = initializer.setting(key); !v.isNone() && !v.isNumber() && !isTensorLike(v))
      return fail(Code::WrongType, where,
                  fmt::format("{}(): '{}' is a number, not {}", name, key, typeName(v)));
  auto fill = [&](double value) -> Value {
    Tensor *scalar = make.constant(dtype, value);
    return heap.tensor(make.op("Fill", {scalar}, {dimsAttr("shape", make.keep(shape))}));
  };
  auto floating = [&] {
    if (isFloating(dtype)) return true;
    fail(
        Code::SharedDType, where,
        fmt::format("{} gives floating values, and dtype {} is asked for", name, dtypeName(dtype)));
    return false;
  };
  // Numbers drawn for a variable hang on its place in the graph, not on what else is drawn.
  auto draw = [&](std::string_view type, double a, double b) -> Value {
    RandomDraw d;
    d.type = type;
    d.shape = shape;
    d.dtype = dtype;
    d.a = a;
    d.b = b;
    if (Value seed = initializer.setting("seed"); seed.isInt()) d.seed = seed.asInt();
    d.key = scopes.nameScope();
    return heap.tensor(drawRandom(make, "", d));
  };

  if (name == "zeros_initializer") return fill(0);
  if (name == "ones_initializer") return fill(1);
  if (name == "constant_initializer") {
    Value value = initializer.setting("value");
    if (isTensorLike(value))
      return fail(Code::WrongType, where, "constant_initializer() takes numbers, not a tensor");
    const Literal *literal = toLiteral(value, dtype, where, Code::SharedDType, "value");
    if (!literal) return Value::poison();
    if (literal->elements() == 1) {
      Array one;
      one.reset(dtype, {});
      one.bytes.assign(literal->bytes.begin(), literal->bytes.begin() + dtypeSize(dtype));
      Tensor *scalar = make.constant(graph.makeLiteral(dtype, {}, one.bytes));
      return heap.tensor(make.op("Fill", {scalar}, {dimsAttr("shape", make.keep(shape))}));
    }
    // Rule: a list that is too short is continued with its last number; too long is an error.
    std::vector<int64_t> dims;
    int64_t count = 1;
    for (Dim d : shape) {
      dims.push_back(d.value);
      if (__builtin_mul_overflow(count, d.value, &count)) count = INT64_MAX;
    }
    int64_t have = literal->elements();
    Value verify = initializer.setting("verify_shape");
    bool differs =
        !std::equal(dims.begin(), dims.end(), literal->dims.begin(), literal->dims.end());
    if (have > count || have == 0 || (verify.isBool() && verify.asBool() && differs))
      return fail(Code::SharedShape, where,
                  fmt::format("constant_initializer() has {} numbers for the shape {}", have,
                              toString(graph.makeShape(shape))));
    if (!spend(uint64_t(count) / 8, where)) return Value::poison();
    heap.charge(uint64_t(count) * dtypeSize(dtype));
    if (isStopped() || !checkLength(uint64_t(count), where)) return Value::poison();
    std::vector<std::byte> bytes(size_t(count) * size_t(dtypeSize(dtype)));
    size_t size = size_t(dtypeSize(dtype));
    for (int64_t i = 0; i < count; ++i)
      std::copy_n(literal->bytes.data() + size_t(std::min(i, have - 1)) * size, size,
                  bytes.data() + size_t(i) * size);
    return heap.tensor(make.constant(graph.makeLiteral(dtype, dims, bytes)));
  }
  if (name == "random_uniform_initializer") {
    double low = number("minval", 0);
    Value high = initializer.setting("maxval");
    if (isInteger(dtype)) {
      if (!high.isInt())
        return fail(Code::WrongArguments, where,
                    "random_uniform_initializer() of integers needs maxval");
      RandomDraw d;
      d.shape = shape;
      d.dtype = dtype;
      d.low = int64_t(low);
      d.high = high.asInt();
      if (Value seed = initializer.setting("seed"); seed.isInt()) d.seed = seed.asInt();
      d.key = scopes.nameScope();
      return heap.tensor(drawRandom(make, "", d));
    }
    if (!floating()) return Value::poison();
    return draw("random_uniform", low, high.isNumber() ? high.asFloat() : 1.0);
  }
  if (!floating()) return Value::poison();
  if (name == "random_normal_initializer")
    return draw("random_normal", number("mean", 0), number("stddev", 1));
  if (name == "truncated_normal_initializer")
    return draw("truncated_normal", number("mean", 0), number("stddev", 1));

  std::vector<int64_t> dims;
  for (Dim d : shape) dims.push_back(d.value);
  if (name == "identity_initializer") {
    if (dims.size() != 2)
      return fail(Code::AttributeRange, where, "identity_initializer() makes matrices only");
    std::vector<Value> size = {Value::integer(dims[0]), Value::integer(dims[1])};
    ScopeRules::NameScopeSwitch within(scopes, scopes.nameScope());
    Value eye = callLibrary("eye", {size[0], size[1]}, where, {{"dtype", Value::dtype(dtype)}});
    double gain = number("gain", 1);
    return gain == 1 ? eye : callLibrary("multiply", {eye, Value::number(gain)}, where);
  }
  if (name == "orthogonal_initializer") {
    if (dims.size() < 2)
      return fail(Code::AttributeRange, where,
                  "orthogonal_initializer() needs a shape of two dimensions or more");
    // The matrix is of all dimensions but the last, and the last.
    Dim rows(1), columns(dims.back());
    for (size_t i = 0; i + 1 < dims.size(); ++i) rows = rows * Dim(dims[i]);
    bool wide = rows.value < columns.value;
    RandomDraw d;
    d.type = "random_normal";
    d.shape = wide ? std::vector{columns, rows} : std::vector{rows, columns};
    d.dtype = dtype == DType::Float64 ? dtype : DType::Float32;
    if (Value seed = initializer.setting("seed"); seed.isInt()) d.seed = seed.asInt();
    d.key = scopes.nameScope();
    Term made(make, polarFactor(make, drawRandom(make, "", d)));
    if (wide) {
      static constexpr int64_t swapped[] = {1, 0};
      made = made.make("Transpose", {made.tensor}, {intsAttr("perm", swapped)});
    }
    made = made * number("gain", 1);
    return heap.tensor(
        make.op("Reshape", {made.cast(dtype).tensor}, {dimsAttr("shape", make.keep(shape))}));
  }
  if (name == "uniform_unit_scaling_initializer") {
    // Bounds ±√3·factor/√(product of all dimensions but the last).
    double size = 1;
    for (size_t i = 0; i + 1 < dims.size(); ++i) size *= double(dims[i]);
    double bound = std::sqrt(3 / std::max(size, 1.0)) * number("factor", 1);
    return draw("random_uniform", -bound, bound);
  }
  // Variance scaling: variance scale/n, n the fan that `mode` names.
  double scale = 1;
  std::string mode = "fan_in", distribution = "truncated_normal";
  auto text = [&](std::string_view key, std::string &into) {
    if (auto *t = initializer.setting(key).as<TextObject>()) into = t->text;
  };
  if (name == "variance_scaling_initializer") {
    scale = number("scale", 1);
    text("mode", mode);
    text("distribution", distribution);
    if (scale <= 0)
      return fail(Code::AttributeRange, where, "variance_scaling_initializer(): scale is above 0");
    if (mode != "fan_in" && mode != "fan_out" && mode != "fan_avg")
      return fail(Code::AttributeRange, where,
                  "variance_scaling_initializer(): mode is fan_in, fan_out or fan_avg");
    if (distribution == "normal") distribution = "truncated_normal";
    if (distribution != "uniform" && distribution != "truncated_normal" &&
        distribution != "untruncated_normal")
      return fail(Code::AttributeRange, where,
                  "variance_scaling_initializer(): distribution is uniform, truncated_normal or "
                  "untruncated_normal");
  } else if (name == "glorot_uniform_initializer") {
    mode = "fan_avg", distribution = "uniform";
  } else if (name == "glorot_normal_initializer") {
    mode = "fan_avg";
  } else if (name == "xavier_initializer") {
    mode = "fan_avg";
    Value uniform = initializer.setting("uniform");
    if (!uniform.isBool() || uniform.asBool()) distribution = "uniform";
  } else if (name.starts_with("he_")) {
    scale = 2;
    if (name.starts_with("he_uniform")) distribution = "uniform";
  } else if (name.starts_with("lecun_")) {
    if (name.starts_with("lecun_uniform")) distribution = "uniform";
  } else {
    return fail(Code::WrongType, where, fmt::format("{} is no initializer", name));
  }
  // A part of a partitioned variable is scaled as the whole is.
  if (whole) {
    dims.clear();
    for (Dim d : *whole) dims.push_back(d.value);
  }
  Fans fans = fansOf(dims);
  scale /= std::max(1.0, mode == "fan_in"    ? fans.in
                         : mode == "fan_out" ? fans.out
                                             : (fans.in + fans.out) / 2);
  if (distribution == "uniform") {
    double bound = std::sqrt(3 * scale);
    return draw("random_uniform", -bound, bound);
  }
  if (distribution == "untruncated_normal") return draw("random_normal", 0, std::sqrt(scale));
  return draw("truncated_normal", 0, std::sqrt(scale) / truncatedDeviation);
}

namespace {

Value partition(NativeCall &c, const InitializerObject &self, Value shapeValue, Value dtypeValue) {
  auto &in = c.interpreter;
  auto dims = in.toDims(shapeValue, c.span, "shape");
  auto dtype = in.toDType(dtypeValue, c.span);
  if (!dims || !dtype) return Value::poison();
  auto integer = [&](std::string_view key, int64_t otherwise) {
    Value v = self.setting(key);
    return v.isInt() ? v.asInt() : otherwise;
  };
  for (const auto &[key, value] : self.settings)
    if (!value.isInt() && !value.isNone())
      return in.fail(Code::WrongType, c.span,
                     fmt::format("{}(): '{}' is an int, not {}", self.name, key, typeName(value)));
  int64_t rank = int64_t(dims->size()), axis = integer("axis", 0);
  if (axis < 0 || axis >= rank)
    return in.fail(Code::AttributeRange, c.span,
                   fmt::format("{}(): axis {} of a shape of {} axes", self.name, axis, rank));
  for (Dim d : *dims)
    if (!d.isStatic())
      return in.fail(Code::ShapeNotKnown, c.span,
                     "the shape of a partitioned variable is fully known");
  int64_t along = (*dims)[size_t(axis)].value;
  double elements = 1;
  for (Dim d : *dims) elements *= double(d.value);
  double bytes = elements * double(dtypeSize(*dtype == DType::Invalid ? DType::Float32 : *dtype));
  int64_t parts = 1;
  if (self.name == "fixed_size_partitioner") {
    parts = integer("num_shards", 1);
    if (parts < 1)
      return in.fail(Code::AttributeRange, c.span,
                     "fixed_size_partitioner(): num_shards is at least 1");
    parts = std::min(parts, along);
  } else if (self.name == "variable_axis_size_partitioner") {
    int64_t most = integer("max_shard_bytes", 0);
    Value maxShards = self.setting("max_shards");
    if (most < 1 || (maxShards.isInt() && maxShards.asInt() < 1))
      return in.fail(
          Code::AttributeRange, c.span,
          "variable_axis_size_partitioner(): max_shard_bytes and max_shards are at least 1");
    double perSlice = bytes / double(std::max<int64_t>(along, 1));
    double slices = std::max(1.0, std::floor(double(most) / perSlice));
    parts = int64_t(std::ceil(double(along) / slices));
    if (maxShards.isInt()) parts = std::min(parts, maxShards.asInt());
  } else {
    int64_t most = integer("max_partitions", 1), least = integer("min_slice_size", 262144);
    if (most < 1 || least < 1)
      return in.fail(
          Code::AttributeRange, c.span,
          "min_max_variable_partitioner(): max_partitions and min_slice_size are at least 1");
    parts = std::min(along, std::min(most, int64_t(std::ceil(bytes / double(least)))));
  }
  std::vector<Value> answer(size_t(rank), Value::integer(1));
  answer[size_t(axis)] = Value::integer(std::max<int64_t>(parts, 1));
  return in.heap.list(std::move(answer));
}

Value callSetting(NativeCall &c) {
  auto &in = c.interpreter;
  auto *self = c[0].as<InitializerObject>();
  // Arguments by position: what is called for, then its dtype.
  Value first = c[1].isUnset() && !c.rest.empty() ? c.rest[0] : c[1];
  Value dtypeValue = c[2].isNone() && c.rest.size() > 1 ? c.rest[1] : c[2];
  if (first.isUnset())
    return in.fail(Code::WrongArguments, c.span,
                   fmt::format("a {} is called with a shape or a tensor", self->name));
  if (self->name.ends_with("partitioner")) return partition(c, *self, first, dtypeValue);
  if (self->name.ends_with("regularizer")) {
    Value scale = self->setting("scale");
    if (!scale.isNumber())
      return in.fail(Code::WrongType, c.span, fmt::format("{}(): scale is a number", self->name));
    if (scale.asFloat() < 0)
      return in.fail(Code::AttributeRange, c.span,
                     fmt::format("{}(): scale is not negative", self->name));
    if (scale.asFloat() == 0) return Value::none();
    bool squares = self->name == "l2_regularizer";
    Value sum;
    {
      ScopeRules::NameScopeSwitch within(in.scopes,
                                         in.heap.joined({in.scopes.nameScope(), "/", self->name}));
      sum = squares
                ? in.callLibrary("l2_loss", {first}, c.span)
                : in.callLibrary("reduce_sum", {in.callLibrary("abs", {first}, c.span)}, c.span);
    }
    return in.callLibrary("multiply", {scale, sum}, c.span,
                          {{"name", in.heap.ownedText(self->name)}});
  }
  auto shape = in.toDims(first, c.span, "shape");
  auto dtype = in.toDType(dtypeValue, c.span);
  if (!shape || !dtype) return Value::poison();
  DType wanted = *dtype;
  if (wanted == DType::Invalid) {
    auto own = in.toDType(self->setting("dtype"), c.span);
    if (!own) return Value::poison();
    wanted = *own == DType::Invalid ? DType::Float32 : *own;
  }
  std::optional<std::vector<Dim>> whole;
  if (auto *info = c[3].as<InitializerObject>()) {
    whole = in.toDims(info->setting("full_shape"), c.span, "full_shape");
    if (!whole) return Value::poison();
  }
  return in.initialValueOf(*self, *shape, wanted, c.span, whole ? &*whole : nullptr);
}

Value getConfig(NativeCall &c) {
  auto *dict = c.interpreter.heap.make<DictObject>();
  for (const auto &[key, value] : c[0].as<InitializerObject>()->settings)
    dict->items.push_back({c.interpreter.heap.ownedText(key), value});
  return Value::object(dict);
}

} // namespace

extern const NativeDef settingMethods[2];
const NativeDef settingMethods[2] = {
    {"Initializer.__call__(self, shape=<unset>, dtype=None, partition_info=None, *args)",
     callSetting},
    {"initializer.get_config(self)", getConfig},
};

} // namespace graphc
