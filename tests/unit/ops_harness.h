// Calls library functions as elaboration does, and runs what they made with the reference
// evaluations.
#pragma once

#include "ops/interpret.h"
#include "ops/signature.h"

#include <cmath>
#include <gtest/gtest.h>
#include <map>

namespace graphc {

using Sizes = std::vector<int64_t>;

class OpsHarness : public OpHost {
public:
  Graph graph;
  std::vector<std::string> errors; // "E0301 argument: message"; without an argument "E0301: …"
  std::map<std::string, int64_t> symbols;
  std::map<const Tensor *, Array> values;
  std::string runError;

  std::optional<std::string_view> takeName(std::string_view name) override {
    int count = taken_[std::string(name)]++;
    return graph.arena.copy(std::string(name) + (count ? "_" + std::to_string(count) : ""));
  }
  void error(Code code, std::string message, std::string_view argument) override {
    errors.push_back(std::string(codeNumber(code)) +
                     (argument.empty() ? "" : " " + std::string(argument)) + ": " + message);
  }
  OpBuilder builder() { return OpBuilder(graph, *this, {}, nullptr, {}); }
  /// The only error there was; forgotten.
  std::string error() {
    std::string only = errors.size() == 1 ? errors[0] : std::to_string(errors.size()) + " errors";
    errors.clear();
    return only;
  }

  Dim dim(std::string_view name) { return graph.dims.named(name); }

  // Of cases: sizes that are known, or dimensions that any call may give another size.
  bool runTime = false;
  Dim d(int64_t size) {
    if (!runTime || size == 1) return Dim(size);
    auto name = "n" + std::to_string(size);
    symbols[name] = size;
    return graph.dims.named(name);
  }
  std::vector<Dim> ds(const Sizes &sizes) {
    std::vector<Dim> dims;
    for (int64_t size : sizes) dims.push_back(d(size));
    return dims;
  }
  Attr dimsOf(std::string_view name, std::vector<Dim> dims) {
    return dimsAttr(name, graph.arena.copy(dims));
  }
  Attr intsOf(std::string_view name, std::vector<int64_t> values) {
    return intsAttr(name, graph.arena.copy(values));
  }

  // Tensors.
  Tensor *placeholder(DType dtype, std::vector<Dim> dims) {
    std::vector<Attr> attrs{typeAttr("dtype", dtype), dimsAttr("shape", graph.arena.copy(dims))};
    return builder().make(*findOp("Placeholder"), "p", {}, attrs)->output();
  }
  Tensor *unknownRank(DType dtype) {
    std::vector<Attr> attrs{typeAttr("dtype", dtype)};
    return builder().make(*findOp("Placeholder"), "p", {}, attrs)->output();
  }
  /// A placeholder that holds `numbers`; as many dimensions as given, else a vector.
  Tensor *of(DType dtype, std::vector<double> numbers, std::vector<Dim> dims = {Dim(-1)}) {
    if (dims.size() == 1 && dims[0].is(-1)) dims = {Dim(int64_t(numbers.size()))};
    Tensor *made = placeholder(dtype, dims);
    values[made] = array(dtype, numbers, made->shape);
    return made;
  }
  Tensor *of(std::vector<double> numbers, std::vector<Dim> dims = {Dim(-1)}) {
    return of(DType::Float32, std::move(numbers), std::move(dims));
  }
  Array array(DType dtype, const std::vector<double> &numbers, Shape shape) {
    Array made;
    made.reset(dtype, known(shape));
    EXPECT_EQ(made.elements(), int64_t(numbers.size()));
    for (size_t i = 0; i < numbers.size(); ++i) made.setNumber(int64_t(i), numbers[i]);
    return made;
  }

  // Arguments.
  struct Given {
    std::string_view name;
    Arg arg; // its lists stand beside it
    std::vector<Tensor *> tensors;
    std::vector<int64_t> ints;
    std::vector<Dim> dims;

    Given(std::string_view n, Tensor *tensor) : name(n) {
      arg.kind = Arg::Tensor;
      arg.tensor = tensor;
    }
    Given(std::string_view n, std::vector<Tensor *> list) : name(n), tensors(std::move(list)) {
      arg.kind = Arg::Tensors;
    }
    Given(std::string_view n, int value) : name(n), ints{value}, dims{Dim(value)} {
      arg.kind = Arg::Int;
      arg.i = value;
      arg.f = value;
      arg.scalar = true;
    }
    Given(std::string_view n, bool value) : name(n) {
      arg.kind = Arg::Bool;
      arg.i = value;
    }
    Given(std::string_view n, double value) : name(n) {
      arg.kind = Arg::Float;
      arg.f = value;
    }
    Given(std::string_view n, const char *text) : name(n) {
      arg.kind = Arg::Text;
      arg.text = text;
    }
    Given(std::string_view n, DType dtype) : name(n) {
      arg.kind = Arg::Type;
      arg.dtype = dtype;
    }
    Given(std::string_view n, const Literal *literal) : name(n) {
      arg.kind = Arg::Literal;
      arg.literal = literal;
    }
    Given(std::string_view n, std::vector<Dim> list) : name(n), dims(std::move(list)) {
      arg.kind = Arg::Ints;
      for (Dim d : dims) ints.push_back(d.value);
    }
  };

  /// The first output, or null after an error.
  Tensor *call(std::string_view name, std::vector<Given> given) {
    const Function *function = findFunction(name);
    EXPECT_TRUE(function) << name;
    if (!function) return nullptr;
    std::vector<Arg> args;
    for (const auto &parameter : function->parameters) {
      Arg arg;
      if (hasDefaultArg(parameter)) arg = defaultArg(graph.arena, parameter);
      for (const auto &one : given)
        if (one.name == parameter.name) {
          arg = one.arg;
          arg.tensors = graph.arena.copy(one.tensors);
          arg.ints = graph.arena.copy(one.ints);
          arg.dims = graph.arena.copy(one.dims);
          arg = fit(arg, parameter.kind);
        }
      args.push_back(arg);
    }
    for (const auto &one : given) {
      bool known = false;
      for (const auto &parameter : function->parameters) known |= parameter.name == one.name;
      EXPECT_TRUE(known) << name << " has no parameter " << one.name;
    }
    Call made(builder(), *function, args);
    Tensor *result = made.build();
    results = made.results;
    EXPECT_EQ(result == nullptr, !errors.empty());
    return result;
  }
  Tensor *call(std::string_view name, Tensor *x) {
    return call(name, {{findFunction(name)->parameters[0].name, x}});
  }
  Tensor *call(std::string_view name, Tensor *x, Tensor *y) {
    const auto &parameters = findFunction(name)->parameters;
    return call(name, {{parameters[0].name, x}, {parameters[1].name, y}});
  }
  std::vector<Tensor *> results; // of the last call

  // Running.
  const Array &run(const Tensor *tensor) {
    if (auto known = values.find(tensor); known != values.end()) return known->second;
    const Operation &op = *tensor->op;
    std::vector<const Array *> inputs;
    for (const auto *input : op.inputs) {
      run(input);
      inputs.push_back(&values.at(input));
    }
    std::vector<Array> outputs;
    bool ran = evaluateOperation(
        op, inputs, [&](const DimSymbol &s) { return symbols.at(s.name); }, outputs, runError);
    outputs.resize(op.outputs.size());
    EXPECT_TRUE(ran || !runError.empty());
    for (size_t i = 0; i < outputs.size(); ++i) values[op.output(i)] = std::move(outputs[i]);
    return values.at(tensor);
  }
  std::vector<double> numbers(const Tensor *tensor) {
    std::vector<double> all;
    if (!tensor) return all;
    const Array &result = run(tensor);
    EXPECT_EQ(result.dtype, tensor->dtype);
    for (int64_t i = 0; i < result.elements(); ++i) all.push_back(result.number(i));
    return all;
  }
  std::vector<int64_t> known(Shape shape) {
    std::vector<int64_t> dims;
    for (Dim d : shape.dims())
      dims.push_back(*evaluate(d, [&](const DimSymbol &s) { return symbols.at(s.name); }));
    return dims;
  }

private:
  /// Those of dimensions come from the cases.
  static bool hasDefaultArg(const FunctionParameter &parameter) {
    using P = FunctionParameter;
    for (auto kind : {P::Any, P::Tensor, P::Tensors, P::Shape, P::Literal})
      if (parameter.kind == kind) return false;
    return parameter.hasDefault;
  }
  static Arg fit(Arg arg, FunctionParameter::Kind kind) {
    if (arg.kind == Arg::Int && kind == FunctionParameter::Ints) arg.kind = Arg::Ints;
    if (arg.kind == Arg::Int && kind == FunctionParameter::Shape) arg.kind = Arg::Dims;
    if (arg.kind == Arg::Int && kind == FunctionParameter::Float) arg.kind = Arg::Float;
    if (arg.kind == Arg::Ints && kind == FunctionParameter::Shape) arg.kind = Arg::Dims;
    return arg;
  }
  std::map<std::string, int> taken_;
};

struct OpsTest : testing::Test, OpsHarness {
  using OpsHarness::error;
};

/// Equal, or both NaN, or within `tolerance` relative to 1.
inline void expectNear(const std::vector<double> &got, const std::vector<double> &want,
                       double tolerance = 0) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(want[i])) {
      EXPECT_TRUE(std::isnan(got[i])) << "element " << i << " is " << got[i];
    } else if (std::isinf(want[i]) || tolerance == 0) {
      EXPECT_EQ(got[i], want[i]) << "element " << i;
    } else {
      EXPECT_NEAR(got[i], want[i], tolerance * std::max(1.0, std::fabs(want[i])))
          << "element " << i;
    }
  }
}

} // namespace graphc
