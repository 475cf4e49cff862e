#include "elaborate/gradients.h"

#include "ops/derive.h"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_map>

namespace graphc {

namespace {

/// A gradY must have its y's dtype and shape.
bool fits(Interpreter &interpreter, Span where, const Tensor &y, const Tensor &grad) {
  if (y.dtype != grad.dtype) {
    interpreter.fail(
        Code::OperandDTypes, where,
        fmt::format("a grad_y of {} for a y of {}", dtypeName(grad.dtype), dtypeName(y.dtype)),
        "cast(x, dtype) converts");
    return false;
  }
  bool same = true;
  if (y.shape.hasRank() && grad.shape.hasRank()) {
    same = y.shape.rank() == grad.shape.rank();
    for (int a = 0; same && a < y.shape.rank(); ++a) {
      Dim gap = y.shape[a] - grad.shape[a];
      same = !gap.isStatic() || gap.is(0);
    }
  }
  if (!same)
    interpreter.fail(Code::OperandShapes, where,
                     fmt::format("a grad_y of shape {} for a y of shape {}", toString(grad.shape),
                                 toString(y.shape)));
  return same;
}

/// "the operation 'conv1/MaxPool' (MaxPool)"
std::string described(const Operation &op) {
  return op.name.empty() ? fmt::format("the operation {}", op.type)
                         : fmt::format("the operation '{}' ({})", op.name, op.type);
}

void report(Interpreter &interpreter, Span where, const Gradients &gradients) {
  if (gradients.failure == Gradients::TooMany) {
    interpreter.error(Code::LimitPassed, where,
                      fmt::format("the graph has more than {} operations",
                                  interpreter.options.limits.operations));
    return;
  }
  if (!gradients.at) return;
  const auto &op = *gradients.at;
  bool rank = gradients.failure == Gradients::UnknownRank;
  auto &made = interpreter.error(
      Code::NoGradient, where,
      rank ? fmt::format("no gradient of {}: it needs shapes of known rank", described(op))
           : fmt::format("{} on the way from ys to xs has no gradient", described(op)));
  made.help = rank ? "give the placeholder a shape; dimensions in it may be None"
                   : "stop_gradient(x) says that nothing is to flow through it";
  if (op.span.valid()) made.notes.push_back({"the operation is made here", op.span});
}

/// What TensorFlow 1.15 calls the operation that gives the derivative by an input of this one.
std::string lastStep(const Operation &of, size_t input, const Operation &made) {
  struct Row {
    std::string_view type, steps; // one for each input that has a derivative, or one for all
  };
  constexpr Row rows[] = {
      {"MatMul", "MatMul MatMul_1"},
      {"BiasAdd", "BiasAdd BiasAddGrad"},
      {"Add", "Reshape Reshape_1"},
      {"Sub", "Reshape Reshape_1"},
      {"Mul", "Reshape Reshape_1"},
      {"RealDiv", "Reshape Reshape_1"},
      {"Pow", "Reshape Reshape_1"},
      {"Maximum", "Reshape Reshape_1"},
      {"Minimum", "Reshape Reshape_1"},
      {"SquaredDifference", "Reshape Neg"},
      {"Select", "Select Select Select_1"},
      {"ConcatV2", "Slice Slice_1 Slice_2 Slice_3"},
      {"Square", "Mul_1"},
      {"Sqrt", "SqrtGrad"},
      {"Rsqrt", "RsqrtGrad"},
      {"Reciprocal", "ReciprocalGrad"},
      {"Exp", "mul"},
      {"Log", "mul"},
      {"Log1p", "mul"},
      {"Sin", "mul"},
      {"Cos", "mul"},
      {"Abs", "mul"},
      {"Tanh", "TanhGrad"},
      {"Sigmoid", "SigmoidGrad"},
      {"Relu", "ReluGrad"},
      {"Relu6", "Relu6Grad"},
      {"Elu", "EluGrad"},
      {"Selu", "SeluGrad"},
      {"LeakyRelu", "LeakyReluGrad"},
      {"Softplus", "SoftplusGrad"},
      {"Softsign", "SoftsignGrad"},
      {"Softmax", "mul_1"},
      {"LogSoftmax", "sub"},
      {"SoftmaxCrossEntropyWithLogits", "mul"},
      {"SparseSoftmaxCrossEntropyWithLogits", "mul"},
      {"Sum", "Tile"},
      {"Mean", "truediv"},
      {"Max", "mul"},
      {"Min", "mul"},
      {"Squeeze", "Reshape"},
      {"ExpandDims", "Reshape"},
      {"Transpose", "transpose"},
      {"Pack", "unstack"},
      {"Unpack", "stack"},
      {"Split", "concat"},
      {"Pad", "Slice"},
      {"Slice", "Pad"},
      {"Tile", "Sum"},
  };
  // Operands of one known shape need no summing up.
  bool alike = of.inputs.size() == 2 && sameShape(of.inputs[0]->shape, of.inputs[1]->shape) &&
               of.inputs[0]->shape.isStatic();
  if (alike && of.type == "Mul") return input == 0 ? "Mul" : "Mul_1";
  if (alike && of.type == "Sub") return std::string(made.type);
  for (const auto &[type, steps] : rows) {
    if (type != of.type) continue;
    std::string_view rest = steps;
    for (size_t i = 0; i < input && rest.find(' ') != std::string_view::npos; ++i)
      rest.remove_prefix(rest.find(' ') + 1);
    return std::string(rest.substr(0, rest.find(' ')));
  }
  return std::string(made.type);
}

/// In TensorFlow an optimizer's derivatives of an operation by several inputs wait for one another.
bool isGated(const Operation &of) {
  size_t floating = 0;
  for (const auto *input : of.inputs) floating += isFloating(input->dtype);
  return floating > 1 && !of.body;
}

/// Names what the call made and gives away: in the scope of the operation that it is a derivative
/// of, as TensorFlow does.
bool nameResults(Interpreter &interpreter, Span where, const Gradients &gradients, bool gated) {
  std::string scope(interpreter.scopes.nameScope());
  std::unordered_map<uint32_t, uint32_t> inputs(gradients.inputs.begin(), gradients.inputs.end());
  for (auto *result : gradients.of) {
    if (!result || result->op->id < gradients.first || !result->op->name.empty()) continue;
    std::string within = scope;
    // A scalar's derivative by itself is a literal here.
    std::string step(result->op->type == "Const" ? "Fill" : result->op->type);
    if (const auto *origin = gradients.origin(result->op)) {
      within = fmt::format("{}{}{}_grad", scope, scope.empty() ? "" : "/",
                           origin->name.empty() ? origin->type : origin->name);
      auto input = inputs.find(result->op->id);
      size_t number = input == inputs.end() ? 0 : input->second;
      if (gated && isGated(*origin)) {
        within += "/tuple";
        step = number ? fmt::format("control_dependency_{}", number) : "control_dependency";
      } else {
        step = lastStep(*origin, number, *result->op);
      }
    }
    ScopeRules::NameScopeSwitch inner(interpreter.scopes, interpreter.heap.copy(within));
    auto name = interpreter.scopes.operationName("", step, where);
    if (!name) return false;
    result->op->name = *name;
  }
  return true;
}

} // namespace

std::optional<std::vector<Tensor *>> buildGradients(Interpreter &interpreter, Span where,
                                                    std::span<Tensor *const> ys,
                                                    std::span<const GradientTarget> xs,
                                                    const GradientOptions &options) {
  for (size_t k = 0; k < options.gradYs.size(); ++k)
    if (options.gradYs[k] && !fits(interpreter, where, *ys[k], *options.gradYs[k]))
      return std::nullopt;
  ManagerObject scope;
  scope.type = ManagerObject::NameScope;
  scope.nameOrScope =
      interpreter.heap.text(options.name.empty() ? std::string_view("gradients") : options.name);
  Value bound;
  if (!interpreter.scopes.enter(scope, where, bound)) return std::nullopt;
  SilentHost host(interpreter, where);
  auto builder = interpreter.builder(host, where);
  size_t errors = interpreter.diagnostics.errorCount();
  uint64_t before = interpreter.graph.made;
  GradientRequest request{ys, xs, options.gradYs, options.stops,
                          interpreter.options.limits.operations};
  auto gradients = differentiate(builder, request);
  uint64_t made = interpreter.graph.made - before;
  bool good = interpreter.spend(made, where) && interpreter.diagnostics.errorCount() == errors;
  if (good && gradients.failure != Gradients::None) {
    report(interpreter, where, gradients);
    good = false;
  }
  if (good) {
    std::string_view within = interpreter.graph.arena.copy(interpreter.scopes.nameScope());
    for (size_t i = gradients.first; i < interpreter.graph.operations.size(); ++i) {
      auto *op = interpreter.graph.operations[i];
      op->derivativeOf = gradients.origin(op);
      op->gradientScope = within;
    }
  }
  if (auto *trace = interpreter.trace())
    for (const auto *y : ys) trace->differentiated.insert(y->op);
  good = good && nameResults(interpreter, where, gradients, options.gated);
  interpreter.scopes.leave();
  if (!good) return std::nullopt;
  return std::move(gradients.of);
}

Tensor *joinPartGradients(Interpreter &interpreter, Span where, const PartitionedVariable &whole,
                          std::span<Tensor *const> parts) {
  if (std::all_of(parts.begin(), parts.end(), [](auto *part) { return !part; })) return nullptr;
  if (parts.size() == 1) return parts[0];
  SilentHost host(interpreter, where);
  auto builder = interpreter.builder(host, where);
  std::vector<Tensor *> joined;
  for (size_t k = 0; k < parts.size(); ++k) {
    Tensor like{nullptr, 0, whole.dtype, whole.parts[k]->shape, nullptr};
    joined.push_back(parts[k] ? parts[k] : filled(builder, &like, 0));
  }
  Attr axis = intAttr("axis", whole.axis);
  auto name = interpreter.scopes.operationName("", "concat", where);
  if (!name) return nullptr;
  auto *op = builder.make(*findOp("ConcatV2"), *name, joined, {&axis, 1});
  return op ? op->output() : nullptr;
}

namespace {

/// A value as a list of them: itself, or what a list or tuple holds.
std::vector<Value> listed(const Value &value) {
  const auto *items = itemsOf(value);
  return items ? *items : std::vector<Value>{value};
}

/// The tensors of a list of tensors and variables; None stands for null where it may. False after
/// an error.
bool tensorsOf(NativeCall &c, const Value &value, std::string_view what, bool noneAllowed,
               std::vector<Tensor *> &into) {
  for (const auto &item : listed(value)) {
    if (item.isPoison()) return false;
    if (item.isNone() && noneAllowed) {
      into.push_back(nullptr);
      continue;
    }
    if (!c.interpreter.isTensorLike(item)) {
      wrongType(c, fmt::format("{} are tensors or variables, not {}", what, typeName(item)));
      return false;
    }
    auto *tensor = c.interpreter.toTensor(item, DType::Invalid, c.span, Code::OperandDTypes, what);
    if (!tensor) return false;
    into.push_back(tensor);
  }
  return true;
}

/// What is differentiated by, of one of the xs: a partitioned variable is all its parts.
bool targetsOf(NativeCall &c, const Value &x, std::vector<GradientTarget> &into) {
  if (auto *tensor = x.as<TensorObject>()) {
    into.emplace_back(tensor->tensor);
  } else if (auto *variable = x.as<VariableObject>()) {
    into.emplace_back(variable->variable);
  } else if (auto *whole = x.as<PartitionedObject>()) {
    for (auto *part : whole->whole->parts) into.emplace_back(part);
  } else {
    if (!x.isPoison())
      wrongType(c, fmt::format("xs are tensors or variables, not {}", typeName(x)));
    return false;
  }
  return true;
}

/// gradients(…, unconnected_gradients='zero'): zeros of x's shape instead of None.
Tensor *zerosLike(NativeCall &c, const Value &x) {
  Tensor like;
  if (auto *tensor = x.as<TensorObject>()) {
    like = *tensor->tensor;
  } else if (auto *variable = x.as<VariableObject>()) {
    like.dtype = variable->variable->dtype;
    like.shape = variable->variable->shape;
  } else if (auto *whole = x.as<PartitionedObject>()) {
    like.dtype = whole->whole->dtype;
    like.shape = whole->whole->shape;
  }
  if (!like.shape.hasRank()) {
    wrongType(c, "zeros for an x of unknown rank have no shape");
    return nullptr;
  }
  auto name = c.interpreter.scopes.operationName("", "zeros_like", c.span);
  if (!name) return nullptr;
  SilentHost host(c.interpreter, c.span);
  auto builder = c.interpreter.builder(host, c.span);
  Tensor *zeros = filled(builder, &like, 0);
  if (zeros) zeros->op->name = *name;
  return zeros;
}

Value gradients(NativeCall &c) {
  for (const auto &arg : c.args)
    if (arg.isPoison()) return arg;
  std::vector<Tensor *> ys, gradYs, stops;
  std::vector<Value> xs = listed(c[1]);
  if (!tensorsOf(c, c[0], "ys", false, ys)) return Value::poison();
  if (!c[2].isNone() && !tensorsOf(c, c[2], "grad_ys", true, gradYs)) return Value::poison();
  if (!gradYs.empty() && gradYs.size() != ys.size())
    return c.interpreter.fail(
        Code::WrongArguments, c.span,
        fmt::format("there are {} ys and {} grad_ys", ys.size(), gradYs.size()));
  if (!c[7].isNone() && !tensorsOf(c, c[7], "stop_gradients", false, stops)) return Value::poison();
  auto *unconnected = c[8].as<TextObject>();
  if (!unconnected || (unconnected->text != "none" && unconnected->text != "zero"))
    return c.interpreter.fail(Code::AttributeRange, c.span,
                              "unconnected_gradients is \"none\" or \"zero\"");
  auto *name = c[3].as<TextObject>();
  if (!name && !c[3].isNone())
    return wrongType(c, fmt::format("name is a str, not {}", typeName(c[3])));
  std::vector<GradientTarget> targets;
  for (const auto &x : xs)
    if (!targetsOf(c, x, targets)) return Value::poison();
  auto gated = c.interpreter.truth(c[5], c.span);
  if (!gated) return Value::poison();
  GradientOptions options{gradYs, stops, name ? name->text : "", *gated};
  auto made = buildGradients(c.interpreter, c.span, ys, targets, options);
  if (!made) return Value::poison();
  std::vector<Value> results;
  size_t next = 0;
  for (const auto &x : xs) {
    Tensor *grad = nullptr;
    if (auto *partitioned = x.as<PartitionedObject>()) {
      const auto &whole = *partitioned->whole;
      grad = joinPartGradients(c.interpreter, c.span, whole,
                               std::span(*made).subspan(next, whole.parts.size()));
      next += whole.parts.size();
    } else {
      grad = (*made)[next++];
    }
    if (!grad && unconnected->text == "zero") {
      grad = zerosLike(c, x);
      if (!grad) return Value::poison();
    }
    results.push_back(grad ? c.interpreter.heap.tensor(grad) : Value::none());
  }
  return c.interpreter.heap.list(std::move(results));
}

constexpr NativeDef table[] = {
    {"gradients(ys, xs, grad_ys=None, name='gradients', colocate_gradients_with_ops=False, "
     "gate_gradients=False, aggregation_method=None, stop_gradients=None, "
     "unconnected_gradients='none')",
     gradients},
};

} // namespace

std::span<const NativeDef> gradientFunctions() { return table; }

} // namespace graphc
