// Random graphs: compiled, they give what the interpreter gives; outputs, variables, and whether a
// call fails. Only operations that round once are drawn, so that it is the same to the bit.
#include "../support/compiled_model.h"
#include "random_graph.h"
#include "transform/passes.h"

namespace graphc {
namespace {

const std::set<std::string_view> exact = {
    "Add",     "Sub",        "Mul",        "RealDiv",    "FloorDiv",     "FloorMod",  "Maximum",
    "Minimum", "Neg",        "Abs",        "Sign",       "Square",       "Sqrt",      "Floor",
    "Ceil",    "Round",      "Reciprocal", "Relu",       "Relu6",        "IsNan",     "IsInf",
    "Equal",   "NotEqual",   "Less",       "LessEqual",  "Greater",      "LeakyRelu", "IsFinite",
    "Select",  "LogicalAnd", "LogicalOr",  "LogicalNot", "GreaterEqual", "Cast",      "BiasAdd"};

class CompiledRandomGraphs : public testing::TestWithParam<int> {};

TEST_P(CompiledRandomGraphs, GiveWhatTheInterpreterGives) {
  constexpr int each = 12;
  int ran = 0;
  for (int k = 0; k < each; ++k) {
    auto seed = uint32_t(GetParam() * each + k);
    RandomGraph model(seed, exact);
    model.make();
    // Names of the generated interface are of its own.
    auto &exported = model.graph.exports[0];
    for (size_t i = 0; i < exported.inputs.size(); ++i)
      exported.inputs[i].name = "in" + std::to_string(i);
    std::vector<std::vector<Array>> given;
    std::vector<int64_t> sizes = {3, 0, 1, 2, 3};
    for (int64_t n : sizes) given.push_back(model.contents(n));
    std::string text = print(model.graph);
    GraphInterpreter interpreter(model.graph, 7);
    std::string why;
    ASSERT_TRUE(interpreter.initialize(why)) << why;
    struct Outcome {
      bool succeeded;
      std::vector<Array> outputs, variables;
    };
    std::vector<Outcome> expected;
    for (const auto &inputs : given) {
      Outcome outcome;
      outcome.succeeded = interpreter.call(exported, inputs, outcome.outputs, why);
      for (const auto *v : model.graph.variables)
        outcome.variables.push_back(interpreter.value(*v));
      expected.push_back(std::move(outcome));
    }
    if (k % 2) {
      ASSERT_EQ(runPasses(model.graph), std::vector<std::string>{}) << "seed " << seed;
    }
    // "": all levels in one, of which create() takes one.
    static constexpr const char *processors[] = {"native", "x86-64", "x86-64-v3", ""};
    CompiledGraph compiled(model.graph, processors[k % 4], k % 3, 7);
    ASSERT_TRUE(compiled) << "seed " << seed << ": " << compiled.why << text;
    auto *instance = compiled.instance(2);
    ASSERT_TRUE(instance) << compiled.why;
    for (size_t call = 0; call < given.size(); ++call) {
      std::vector<Array> outputs;
      bool succeeded = compiled.call(instance, 0, given[call], outputs);
      auto say = [&] {
        return fmt::format("seed {}, call {}: {}\n{}", seed, call, compiled.why, text);
      };
      ASSERT_EQ(succeeded, expected[call].succeeded) << say();
      for (const auto *v : model.graph.variables) {
        Array value = expected[call].variables[v->index];
        const Array want = value;
        ASSERT_EQ(compiled.model().get(instance, std::string(v->name).c_str(), value.bytes.data(),
                                       value.bytes.size()),
                  GRAPHRT_OK);
        ASSERT_TRUE(same(value, want)) << v->name << " after " << say();
      }
      if (!succeeded) continue;
      ++ran;
      for (size_t out = 0; out < outputs.size(); ++out)
        ASSERT_TRUE(same(outputs[out], expected[call].outputs[out]))
            << "output " << out << ": " << difference(outputs[out], expected[call].outputs[out], {})
            << " " << say();
    }
  }
  EXPECT_GT(ran, each / 2) << "too few graphs run to say anything";
}
INSTANTIATE_TEST_SUITE_P(Seeds, CompiledRandomGraphs, testing::Range(0, 10));

} // namespace
} // namespace graphc
