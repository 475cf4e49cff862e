// Whole graphs, made by hand: placeholders, variables, updates, exports, and calls of them by the
// reference interpreter.
#pragma once

#include "ops/effects.h"
#include "ops_harness.h"

namespace graphc {

struct ModelHarness : OpsHarness {
  using Numbers = std::vector<double>;

  Tensor *input(std::string_view name, std::vector<Dim> dims, DType dtype = DType::Float32) {
    std::vector<Attr> attrs{typeAttr("dtype", dtype), dimsAttr("shape", graph.arena.copy(dims))};
    return builder().make(*findOp("Placeholder"), *takeName(name), {}, attrs)->output();
  }
  Tensor *constant(Numbers numbers, std::vector<Dim> dims, DType dtype = DType::Float32) {
    Array made = array(dtype, numbers, graph.makeShape(dims));
    return builder().constant(graph.makeLiteral(dtype, made.dims, made.bytes));
  }
  Tensor *constant(double number, DType dtype = DType::Float32) {
    return constant(Numbers{number}, std::vector<Dim>{}, dtype);
  }

  Variable *variable(std::string_view name, Tensor *initial) {
    auto *v = graph.adopt(new Variable);
    v->name = v->opName = name;
    v->dtype = initial->dtype;
    v->shape = initial->shape;
    v->initialValue = initial;
    v->index = uint32_t(graph.variables.size());
    graph.variables.push_back(v);
    return v;
  }
  Tensor *read(Variable *v, std::vector<Operation *> after = {}) {
    OpBuilder b(graph, *this, {}, nullptr, after);
    return readVariable(b, v);
  }
  Tensor *update(std::string_view type, Variable *v, Tensor *value,
                 std::vector<Operation *> after = {}) {
    OpBuilder b(graph, *this, {}, nullptr, after);
    return updateVariable(b, type, *takeName(type), v, value);
  }
  Tensor *op(std::string_view type, std::vector<Tensor *> inputs, std::vector<Attr> attrs = {},
             std::vector<Operation *> after = {}) {
    OpBuilder b(graph, *this, {}, nullptr, after);
    auto *made = b.make(*findOp(type), *takeName(type), inputs, attrs);
    return made ? made->output() : nullptr;
  }

  void exportOf(std::string name, std::vector<Tensor *> inputs, std::vector<Tensor *> outputs,
                std::vector<Operation *> effects = {}) {
    Export made;
    made.name = std::move(name);
    for (auto *tensor : inputs) made.inputs.push_back({std::string(tensor->op->name), tensor, {}});
    for (size_t k = 0; k < outputs.size(); ++k)
      made.outputs.push_back({"out" + std::to_string(k), outputs[k], {}});
    made.effects = std::move(effects);
    made.updates = updatedBy(neededBy(made));
    graph.exports.push_back(std::move(made));
  }
  const Export &exported(std::string_view name) {
    for (const auto &e : graph.exports)
      if (e.name == name) return e;
    ADD_FAILURE() << "no export " << name;
    return graph.exports.front();
  }

  static Array arrayOf(std::vector<int64_t> dims, const Numbers &numbers,
                       DType dtype = DType::Float32) {
    Array made;
    made.reset(dtype, std::move(dims));
    EXPECT_EQ(made.elements(), int64_t(numbers.size()));
    for (size_t k = 0; k < numbers.size(); ++k) made.setNumber(int64_t(k), numbers[k]);
    return made;
  }
  static Numbers numbersOf(const Array &array) {
    Numbers all;
    for (int64_t k = 0; k < array.elements(); ++k) all.push_back(array.number(k));
    return all;
  }
};

struct ModelTest : testing::Test, ModelHarness {
  using ModelHarness::error;
};

} // namespace graphc
