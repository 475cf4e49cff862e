// Random graphs give the same to the bit before and after the passes: outputs, variables, the
// number of draws, and whether a call fails.
#include "random_graph.h"
#include "transform/passes.h"

namespace graphc {
namespace {
class RandomGraphs : public testing::TestWithParam<int> {};

TEST_P(RandomGraphs, GiveTheSameAfterThePasses) {
  constexpr int each = 60;
  int ran = 0;
  for (int k = 0; k < each; ++k) {
    auto seed = uint32_t(GetParam() * each + k);
    RandomGraph model(seed);
    model.make(seed % 2 != 0);
    std::vector<std::vector<Array>> given;
    for (int64_t n : {0, 1, 2, 3}) given.push_back(model.contents(n));

    struct Outcome {
      std::vector<Array> outputs;
      std::vector<Array> variables;
      bool succeeded;
      std::string why;
      uint64_t counter;
    };
    auto play = [&] {
      GraphInterpreter run(model.graph, 7);
      std::vector<Outcome> all;
      std::string why;
      EXPECT_TRUE(run.initialize(why)) << why;
      for (const auto &inputs : given) {
        Outcome outcome;
        outcome.succeeded = run.call(model.exported("f"), inputs, outcome.outputs, outcome.why);
        for (const auto *v : model.graph.variables) outcome.variables.push_back(run.value(*v));
        outcome.counter = run.counter();
        all.push_back(std::move(outcome));
      }
      return all;
    };
    auto before = play();
    std::string text = print(model.graph);
    PassOptions options;
    options.verifyEachPass = true;
    ASSERT_EQ(runPasses(model.graph, options), std::vector<std::string>{}) << "seed " << seed;
    auto now = play();
    for (size_t call = 0; call < given.size(); ++call) {
      auto say = [&] {
        return fmt::format("seed {}, call {}: '{}' against '{}'\n{}\nbecame\n{}", seed, call,
                           before[call].why, now[call].why, text, print(model.graph));
      };
      ASSERT_EQ(before[call].succeeded, now[call].succeeded) << say();
      ASSERT_EQ(before[call].counter, now[call].counter) << say();
      for (size_t v = 0; v < before[call].variables.size(); ++v)
        ASSERT_TRUE(same(before[call].variables[v], now[call].variables[v])) << say();
      if (!before[call].succeeded) continue;
      ++ran;
      for (size_t out = 0; out < before[call].outputs.size(); ++out) {
        ASSERT_TRUE(same(before[call].outputs[out], now[call].outputs[out]))
            << "output " << out << " " << say();
      }
    }
  }
  EXPECT_GT(ran, each / 2) << "too few graphs run to say anything";
}
INSTANTIATE_TEST_SUITE_P(Seeds, RandomGraphs, testing::Range(0, 8));

} // namespace
} // namespace graphc
