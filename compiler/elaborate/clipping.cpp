// Norms and clipping of lists of tensors, in which None stands for what has no gradient. Formulas
// and names: TensorFlow 1.15, python/ops/clip_ops.py.
#include "elaborate/interpreter.h"
#include "elaborate/optimizer.h"
#include "elaborate/train.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

namespace {

/// The tensors of a list; null for None. Nullopt after an error.
std::optional<std::vector<Tensor *>> tensorsOf(NativeCall &c, const Value &value) {
  const auto *items = itemsOf(value);
  if (!items) {
    if (!value.isPoison())
      c.interpreter.fail(Code::WrongType, c.span,
                         fmt::format("t_list is a list of tensors, not {}", someOf(value)));
    return std::nullopt;
  }
  std::vector<Tensor *> tensors;
  for (const auto &item : *items) {
    if (item.isNone()) {
      tensors.push_back(nullptr);
      continue;
    }
    Tensor *tensor =
        c.interpreter.toTensor(item, DType::Invalid, c.span, Code::OperandDTypes, "t_list");
    if (!tensor) return std::nullopt;
    if (!isFloating(tensor->dtype)) {
      c.interpreter.fail(Code::OperandDTypes, c.span,
                         fmt::format("{}() needs floating dtypes, not {}", c.def.name(),
                                     dtypeName(tensor->dtype)));
      return std::nullopt;
    }
    tensors.push_back(tensor);
  }
  return tensors;
}

/// An operation named in the scope that is open.
Term named(NativeCall &c, OpBuilder &builder, std::string_view type, std::string_view name,
           std::initializer_list<Tensor *> inputs) {
  auto full = c.interpreter.scopes.operationName("", name, c.span);
  if (!full) return {builder, nullptr};
  auto *op = builder.make(*findOp(type), *full, std::span(inputs.begin(), inputs.size()), {});
  return {builder, op ? op->output() : nullptr};
}

/// √(Σ |t|²), named "global_norm/global_norm"; a term without a tensor after an error.
Term globalNorm(NativeCall &c, OpBuilder &builder, const std::vector<Tensor *> &tensors,
                const Value &name) {
  OpenNameScope scope(c.interpreter, name, "global_norm", c.span);
  if (!scope) return {builder, nullptr};
  Term sum;
  for (auto *tensor : tensors) {
    if (!tensor) continue;
    std::vector<int64_t> axes;
    for (int i = 0; i < tensor->shape.rank(); ++i) axes.push_back(i);
    Term part(builder,
              builder.op("Sum", {builder.op("Square", {tensor})},
                         {intsAttr("axes", builder.keep(axes)), boolAttr("keepdims", false)}));
    sum = sum.builder ? sum + part : part;
  }
  if (!sum.builder) {
    c.interpreter.fail(Code::WrongArguments, c.span,
                       fmt::format("{}(): t_list holds no tensor", c.def.name()));
    return {builder, nullptr};
  }
  return named(c, builder, "Sqrt", "global_norm", {sum.tensor});
}

Value norm(NativeCall &c) {
  auto tensors = tensorsOf(c, c[0]);
  if (!tensors || c[1].isPoison()) return Value::poison();
  SilentHost host(c.interpreter, c.span);
  OpBuilder builder = c.interpreter.builder(host, c.span);
  return c.interpreter.heap.tensor(globalNorm(c, builder, *tensors, c[1]).tensor);
}

/// t·clip_norm·min(1 / norm, 1 / clip_norm), NaN where the norm is not finite; and the norm.
Value clip(NativeCall &c) {
  auto &in = c.interpreter;
  auto tensors = tensorsOf(c, c[0]);
  if (!tensors || c[1].isPoison() || c[2].isPoison() || c[3].isPoison()) return Value::poison();
  SilentHost host(in, c.span);
  OpBuilder builder = in.builder(host, c.span);
  DType dtype = DType::Float32;
  for (auto *tensor : *tensors)
    if (tensor) dtype = tensor->dtype;
  Term norm(builder, c[2].isNone()
                         ? globalNorm(c, builder, *tensors, Value::none()).tensor
                         : in.toTensor(c[2], in.isTensorLike(c[2]) ? DType::Invalid : dtype, c.span,
                                       Code::OperandDTypes, "use_norm"));
  if (!norm) return Value::poison();
  OpenNameScope scope(in, c[3], "clip_by_global_norm", c.span);
  if (!scope) return Value::poison();
  Term limit(builder, in.toTensor(c[1], in.isTensorLike(c[1]) ? DType::Invalid : norm.dtype(),
                                  c.span, Code::OperandDTypes, "clip_norm"));
  if (!limit) return Value::poison();
  // The difference is 0 where the norm is finite, else NaN.
  Term scale = limit * minimum(1 / norm, 1 / limit) + (norm - norm);
  if (!scale) return Value::poison();
  std::vector<Value> clipped;
  for (size_t i = 0; i < tensors->size(); ++i) {
    Tensor *tensor = (*tensors)[i];
    if (!tensor) {
      clipped.push_back(Value::none());
      continue;
    }
    Term part = named(c, builder, "Mul", fmt::format("clip_by_global_norm/_{}", i),
                      {tensor, scale.cast(tensor->dtype).tensor});
    if (!part) return Value::poison();
    clipped.push_back(in.heap.tensor(part.tensor));
  }
  return in.heap.tuple({in.heap.list(std::move(clipped)), in.heap.tensor(norm.tensor)});
}

constexpr NativeDef table[] = {
    {"global_norm(t_list, name=None)", norm},
    {"clip_by_global_norm(t_list, clip_norm, use_norm=None, name=None)", clip},
};

} // namespace

std::span<const NativeDef> clippingFunctions() { return table; }

std::span<const NativeDef> trainFunctions() {
  static const auto all = [] {
    std::vector<NativeDef> made;
    for (auto defs : {optimizerFunctions(), movingAverageFunctions(), globalStepFunctions(),
                      clippingFunctions()})
      made.insert(made.end(), defs.begin(), defs.end());
    return made;
  }();
  return all;
}

std::span<const NativeDef> trainMethods() {
  static const auto all = [] {
    std::vector<NativeDef> made;
    for (auto defs : {optimizerMethods(), movingAverageMethods()})
      made.insert(made.end(), defs.begin(), defs.end());
    return made;
  }();
  return all;
}

} // namespace graphc
