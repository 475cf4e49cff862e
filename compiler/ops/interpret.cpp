#include "ops/interpret.h"

#include "graphrt/abi.h"
#include "ops/body.h"
#include "ops/numbers.h"

#include <algorithm>
#include <fmt/format.h>
#include <new>

namespace graphc {

namespace {
std::string toString(std::span<const int64_t> dims) {
  std::string text = "(";
  for (size_t a = 0; a < dims.size(); ++a) text += (a ? ", " : "") + std::to_string(dims[a]);
  return text + (dims.size() == 1 ? ",)" : ")");
}

std::string_view labelOf(const Operation &op) { return op.name.empty() ? op.type : op.name; }

bool isRandom(const Operation &op) {
  return op.type == "random_uniform" || op.type == "random_normal" || op.type == "truncated_normal";
}

/// Sets dtype and dimensions of a result; false where it is too large.
bool prepare(const Operation &op, const Tensor &tensor, const SymbolValues &symbols, Array &array,
             std::string &error, int64_t maxBytes) {
  if (!tensor.shape.hasRank()) {
    error = fmt::format("{}: the rank of the result is not known", labelOf(op));
    return false;
  }
  std::vector<int64_t> dims;
  bool empty = false;
  int64_t bytes = dtypeSize(tensor.dtype);
  bool fits = true;
  for (Dim d : tensor.shape) {
    auto value = evaluate(d, symbols);
    if (!value || *value < 0) {
      error = fmt::format("{}: dimension {} is {}", labelOf(op), graphc::toString(d),
                          value ? std::to_string(*value) : "too large");
      return false;
    }
    dims.push_back(*value);
    empty |= *value == 0;
    fits = fits && !__builtin_mul_overflow(bytes, *value, &bytes);
  }
  if (!empty && (!fits || bytes > maxBytes)) {
    error = fmt::format("{}: a result of shape {} is too large", labelOf(op), toString(dims));
    return false;
  }
  array.reset(tensor.dtype, std::move(dims));
  return true;
}
} // namespace

Array arrayOf(const Literal &literal) {
  return {literal.dtype,
          {literal.dims.begin(), literal.dims.end()},
          {literal.bytes.begin(), literal.bytes.end()}};
}

const Literal *literalOf(Graph &graph, const Array &array) {
  return graph.makeLiteral(array.dtype, array.dims, array.bytes);
}

bool evaluateOperation(const Operation &op, std::span<const Array *const> inputs,
                       const SymbolValues &symbols, std::vector<Array> &outputs, std::string &error,
                       int64_t maxBytes) {
  if (!op.def->evaluate) {
    error = fmt::format("{}: {} has no evaluation", labelOf(op), op.type);
    return false;
  }
  outputs.assign(op.outputs.size(), {});
  for (size_t k = 0; k < outputs.size(); ++k)
    if (!prepare(op, op.outputs[k], symbols, outputs[k], error, maxBytes)) return false;
  Evaluate evaluation{op, inputs, outputs, symbols, {}};
  if (op.def->evaluate(evaluation)) return true;
  error = fmt::format("{}: {}", labelOf(op), evaluation.error);
  return false;
}

GraphInterpreter::GraphInterpreter(const Graph &graph, uint64_t seed)
    : graph_(graph), seed_(seed ? seed : graph.seed), values_(graph.variables.size()) {}

/// One run of a list of operations.
struct GraphRun {
  GraphInterpreter &self;
  std::string &error;
  uint64_t counter = 0;
  std::vector<std::optional<int64_t>> symbols; // by DimSymbol::id
  SymbolValues symbolValues = [this](const DimSymbol &s) { return symbols[s.id].value_or(0); };

  struct Result {
    std::vector<std::shared_ptr<const Array>> outputs;
    size_t uses = 0; // that are still to come
  };
  std::unordered_map<const Operation *, Result> results;
  std::unordered_map<const Tensor *, const Array *> fed;
  VariableOrder order;
  std::vector<uint64_t> places; // of the steps that run, outermost first
  /// While the initializers run: the variables that have their value.
  const std::vector<bool> *initialized = nullptr;

  GraphRun(GraphInterpreter &interpreter, std::string &why)
      : self(interpreter), error(why), symbols(interpreter.graph_.dims.symbols().size()) {}

  bool fail(std::string what) {
    error = std::move(what);
    return false;
  }

  std::string dimName(Dim d, const DimSymbol *symbol) {
    return symbol && symbol->name.empty() ? "the dimension" : graphc::toString(d);
  }

  /// Gives the symbols in an input's shape their values. Those that are symbols alone come first,
  /// so that expressions of them can be checked.
  bool bind(const Export &exported, std::span<const Array> inputs) {
    struct Source {
      const ExportEnd *end;
      int axis;
    };
    std::vector<Source> sources(symbols.size(), Source{nullptr, 0});
    for (size_t k = 0; k < inputs.size(); ++k) {
      const auto &end = exported.inputs[k];
      const auto &shape = end.tensor->shape;
      if (inputs[k].dtype != end.tensor->dtype)
        return fail(fmt::format("input '{}' has dtype {}, not {}", end.name,
                                dtypeName(inputs[k].dtype), dtypeName(end.tensor->dtype)));
      if (!shape.hasRank()) return fail(fmt::format("input '{}' has no known rank", end.name));
      if (int(inputs[k].dims.size()) != shape.rank())
        return fail(fmt::format("input '{}' has shape {}, but rank {} is needed", end.name,
                                toString(inputs[k].dims), shape.rank()));
      for (int a = 0; a < shape.rank(); ++a) {
        int64_t size = inputs[k].dims[size_t(a)];
        if (size < 0) return fail(fmt::format("input '{}' has a negative dimension", end.name));
        if (shape[a].isStatic() || shape[a].expr->kind != DimExpr::Symbol) continue;
        auto id = shape[a].expr->symbol->id;
        if (symbols[id] && *symbols[id] != size)
          return fail(
              fmt::format("dimension {} of input '{}' is {}, but {} is {} in dimension {} of "
                          "input '{}'",
                          a, end.name, size, dimName(shape[a], shape[a].expr->symbol), *symbols[id],
                          sources[id].axis, sources[id].end->name));
        symbols[id] = size;
        sources[id] = {&end, a};
      }
    }
    for (size_t k = 0; k < inputs.size(); ++k) {
      const auto &end = exported.inputs[k];
      for (int a = 0; a < end.tensor->shape.rank(); ++a) {
        Dim d = end.tensor->shape[a];
        auto value = evaluate(d, symbolValues);
        if (!value || *value != inputs[k].dims[size_t(a)])
          return fail(fmt::format(
              "dimension {} of input '{}' is {}, not {}", a, end.name, inputs[k].dims[size_t(a)],
              d.isStatic() ? graphc::toString(d)
                           : fmt::format("{} = {}", graphc::toString(d),
                                         value ? std::to_string(*value) : "too large")));
      }
      fed[end.tensor] = &inputs[k];
    }
    return true;
  }

  /// The run-time dimensions of a placeholder that has its default are the default's.
  bool bindDefault(const Operation &op, const Array &value) {
    Shape shape = op.outputs[0].shape;
    for (int a = 0; a < shape.rank(); ++a) {
      if (!shape[a].isStatic() && shape[a].expr->kind == DimExpr::Symbol) {
        auto &known = symbols[shape[a].expr->symbol->id];
        if (!known) known = value.dims[size_t(a)];
      }
      if (evaluate(shape[a], symbolValues) != value.dims[size_t(a)])
        return fail(fmt::format("{}: dimension {} of the default is {}, not {}", labelOf(op), a,
                                value.dims[size_t(a)], graphc::toString(shape[a])));
    }
    return true;
  }

  bool checkDims(const Operation &op) {
    for (const auto &check : op.checks) {
      auto left = evaluate(check.left, symbolValues), right = evaluate(check.right, symbolValues);
      bool holds =
          left && right && (check.kind == DimCheck::Equal ? *left == *right : *left >= *right);
      if (holds) continue;
      auto say = [](std::optional<int64_t> v) { return v ? std::to_string(*v) : "too large"; };
      return fail(
          fmt::format("{}: {}: {} and {}", labelOf(op), check.message, say(left), say(right)));
    }
    return true;
  }

  const Array &input(const Operation &op, size_t k) {
    return *results[op.inputs[k]->op].outputs[op.inputs[k]->index];
  }

  void draw(const Operation &op, Array &out) {
    auto number = uint64_t(op.intAttr("number"));
    for (uint64_t place : places) number = numberAtPlace(number, place);
    graphrt_random_state state{self.seed_, 0, number, counter};
    auto dtype = int32_t(out.dtype); // numbered as the runtime does
    if (isInteger(out.dtype))
      graphrt_random_int_at(&state, dtype, out.bytes.data(), 0, out.elements(), op.intAttr("low"),
                            op.intAttr("high"));
    else
      graphrt_random_at(&state,
                        op.type == "random_uniform"  ? GRAPHRT_RANDOM_UNIFORM
                        : op.type == "random_normal" ? GRAPHRT_RANDOM_NORMAL
                                                     : GRAPHRT_RANDOM_TRUNCATED_NORMAL,
                        dtype, out.bytes.data(), 0, out.elements(), op.floatAttr("a"),
                        op.floatAttr("b"));
  }

  bool readOrWrite(const Operation &op, Result &result) {
    const auto *seen = order.sees[&op];
    if (!seen && initialized && !(*initialized)[op.variable->index])
      return fail(fmt::format("{}: variable {} is read before it has its initial value",
                              labelOf(op), op.variable->opName));
    const Array &old = seen ? *results[seen].outputs[0] : self.values_[op.variable->index];
    auto value = std::make_shared<Array>(op.inputs.empty() ? old : input(op, 0));
    double sign = op.type == "AssignAdd" ? 1 : op.type == "AssignSub" ? -1 : 0;
    for (int64_t k = 0, n = sign != 0 ? value->elements() : 0; k < n; ++k) {
      if (value->dtype == DType::Float32)
        value->as<float>()[k] = old.as<float>()[k] + float(sign) * value->as<float>()[k];
      else if (isFloating(value->dtype))
        value->setNumber(k, old.number(k) + sign * value->number(k));
      else
        value->setInteger(k, wrapAdd(old.integer(k), wrapMul(int64_t(sign), value->integer(k))));
    }
    result.outputs.push_back(std::move(value));
    return true;
  }

  bool runOne(const Operation &op) {
    Result &result = results[&op];
    if (!checkDims(op)) return false;
    if (op.variable) return readOrWrite(op, result);
    if (!op.outputs.empty()) {
      if (auto at = fed.find(op.output()); at != fed.end()) {
        result.outputs.push_back(std::make_shared<Array>(*at->second));
        return true;
      }
    }
    if (op.type == "Placeholder")
      return fail(fmt::format("{} is needed, but is no input", labelOf(op)));
    if (op.type == "PlaceholderWithDefault") {
      result.outputs.push_back(results[op.inputs[0]->op].outputs[op.inputs[0]->index]);
      return !op.outputs[0].shape.hasRank() || bindDefault(op, *result.outputs[0]);
    }
    if (op.body) return runScan(op, result);
    if (op.type == "Parameter") return true; // set by runScan
    std::vector<Array> outputs;
    if (isRandom(op)) {
      outputs.resize(1);
      if (!prepare(op, op.outputs[0], symbolValues, outputs[0], error, int64_t(1) << 40))
        return false;
      draw(op, outputs[0]);
    } else {
      std::vector<const Array *> inputs;
      for (size_t k = 0; k < op.inputs.size(); ++k) inputs.push_back(&input(op, k));
      if (!evaluateOperation(op, inputs, symbolValues, outputs, error)) return false;
    }
    for (auto &output : outputs)
      result.outputs.push_back(std::make_shared<Array>(std::move(output)));
    return true;
  }

  void give(const Operation *parameter, std::shared_ptr<const Array> value) {
    results[parameter].outputs = {std::move(value)};
  }

  // The part of a stacked array that belongs to a place.
  static size_t rowBytes(const Array &stacked) {
    return stacked.dims[0] > 0 ? stacked.bytes.size() / size_t(stacked.dims[0]) : 0;
  }
  static void setRow(Array &stacked, int64_t place, const Array &row) {
    std::copy(row.bytes.begin(), row.bytes.end(),
              stacked.bytes.begin() + int64_t(rowBytes(stacked)) * place);
  }
  static std::shared_ptr<const Array> rowOf(const Array &stacked, int64_t place) {
    Array row;
    row.dtype = stacked.dtype;
    row.dims.assign(stacked.dims.begin() + 1, stacked.dims.end());
    auto from = stacked.bytes.begin() + int64_t(rowBytes(stacked)) * place;
    row.bytes.assign(from, from + int64_t(rowBytes(stacked)));
    return std::make_shared<Array>(std::move(row));
  }

  bool runScan(const Operation &op, Result &result) {
    ScanParts parts(op);
    int64_t steps = evaluate(parts.steps(), symbolValues).value_or(0);
    std::vector<std::shared_ptr<const Array>> carried;
    std::vector<Array> outputs(op.outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i)
      if (!prepare(op, op.outputs[i], symbolValues, outputs[i], error, int64_t(1) << 40))
        return false;
    for (size_t i = 0; i < parts.carried; ++i)
      carried.push_back(results[op.inputs[i]->op].outputs[op.inputs[i]->index]);
    for (size_t i = 0; i < parts.captured; ++i) {
      const auto *from = parts.capture(i);
      give(parts.capturedParameter(i), results[from->op].outputs[from->index]);
    }
    for (int64_t t = 0; t < steps; ++t) {
      int64_t place = parts.reverse() ? steps - 1 - t : t;
      Array number;
      number.reset(DType::Int32, {});
      number.setInteger(0, place);
      give(op.body->parameters[0], std::make_shared<Array>(std::move(number)));
      for (size_t i = 0; i < parts.carried; ++i) {
        setRow(outputs[parts.beforeAt(i)], place, *carried[i]);
        give(parts.carriedParameter(i), carried[i]);
      }
      for (size_t i = 0; i < parts.elements; ++i)
        give(parts.elementParameter(i), rowOf(input(op, parts.carried + i), place));
      places.push_back(uint64_t(place));
      for (const auto *inner : op.body->operations)
        if (!runOne(*inner)) return false;
      places.pop_back();
      auto given = [&](const Tensor *tensor) { return results[tensor->op].outputs[tensor->index]; };
      for (size_t i = 0; i < parts.carried; ++i) carried[i] = given(parts.next(i));
      for (size_t i = 0; i < parts.stacked; ++i)
        setRow(outputs[parts.stackedAt(i)], place, *given(parts.give(i)));
      for (const auto *inner : op.body->operations)
        if (inner->type != "Parameter") results[inner].outputs.clear();
    }
    for (size_t i = 0; i < parts.carried; ++i) result.outputs.push_back(carried[i]);
    for (size_t i = parts.carried; i < outputs.size(); ++i)
      result.outputs.push_back(std::make_shared<Array>(std::move(outputs[i])));
    return true;
  }

  /// What is asked for again: by an operation, by a read that sees an update, as a result.
  void countUses(const std::vector<Operation *> &operations) {
    for (const auto *op : operations) {
      for (const auto *in : op->inputs) ++results[in->op].uses;
      if (op->variable)
        if (const auto *seen = order.sees[op]) ++results[seen].uses;
    }
  }

  void release(const Operation *op) {
    auto &result = results[op];
    if (--result.uses == 0) result.outputs.clear();
  }

  bool run(const std::vector<Operation *> &operations,
           const std::function<void(const Operation &)> &afterwards = {}) {
    try {
      for (const auto *op : operations) {
        if (!runOne(*op)) return false;
        if (afterwards) afterwards(*op);
        for (const auto *in : op->inputs) release(in->op);
        if (op->variable)
          if (const auto *seen = order.sees[op]) release(seen);
      }
    } catch (const std::bad_alloc &) {
      return fail("out of memory");
    }
    return true;
  }
};

bool GraphInterpreter::initialize(std::string &error) {
  auto operations = neededByInitialValues(graph_);
  GraphRun run(*this, error);
  std::vector<bool> initialized(values_.size(), false);
  std::unordered_map<const Operation *, std::vector<const Variable *>> initials;
  for (const auto *v : graph_.variables) {
    std::vector<int64_t> dims;
    for (Dim d : v->shape) dims.push_back(d.value);
    values_[v->index].reset(v->dtype, std::move(dims));
    if (v->initialValue)
      initials[v->initialValue->op].push_back(v);
    else
      initialized[v->index] = true;
  }
  run.initialized = &initialized;
  run.order = orderVariables(operations);
  run.countUses(operations);
  return run.run(operations, [&](const Operation &op) {
    auto at = initials.find(&op);
    if (at == initials.end()) return;
    for (const auto *v : at->second) {
      values_[v->index] = *run.results[&op].outputs[v->initialValue->index];
      initialized[v->index] = true;
    }
  });
}

bool GraphInterpreter::call(const Export &exported, std::span<const Array> inputs,
                            std::vector<Array> &outputs, std::string &error) {
  if (inputs.size() != exported.inputs.size()) {
    error = fmt::format("{} inputs, but {} takes {}", inputs.size(), exported.name,
                        exported.inputs.size());
    return false;
  }
  auto operations = neededBy(exported);
  GraphRun run(*this, error);
  if (!run.bind(exported, inputs)) return false;
  bool draws =
      std::any_of(operations.begin(), operations.end(), [](auto *op) { return drawsNumbers(*op); });
  run.counter = counter_ + (draws ? 1 : 0);
  run.order = orderVariables(operations);
  run.countUses(operations);
  for (const auto &end : exported.outputs)
    if (end.tensor) ++run.results[end.tensor->op].uses;
  for (const auto &[variable, updates] : run.order.updates) ++run.results[updates.back()].uses;
  if (!run.run(operations)) return false;

  outputs.clear();
  for (const auto &end : exported.outputs)
    if (end.tensor) outputs.push_back(*run.results[end.tensor->op].outputs[end.tensor->index]);
  for (const auto &[variable, updates] : run.order.updates)
    values_[variable->index] = *run.results[updates.back()].outputs[0];
  counter_ = run.counter;
  return true;
}

} // namespace graphc
