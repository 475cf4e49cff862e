// Reductions of many elements to few, which are cut into blocks for threads: against the
// interpreter, and bit for bit the same for every number of threads.
#include "../support/definition.h"

#include <random>

namespace graphc {
namespace {

Array numbers(DType dtype, const std::vector<int64_t> &dims) {
  Array made;
  made.reset(dtype, dims);
  std::mt19937_64 generator(1);
  std::uniform_real_distribution<double> uniform(-1, 1);
  for (int64_t i = 0; i < made.elements(); ++i)
    made.setNumber(i, dtype == DType::Bool ? double(generator() % 1000 != 0)
                      : isFloating(dtype)  ? uniform(generator)
                                           : double(generator() % 100));
  return made;
}

/// `values`: what is computed of x, separated by commas.
void check(const std::string &dtype, const std::string &shape, const std::vector<int64_t> &dims,
           const std::vector<std::string> &values, const char *processor = "native",
           Tolerance tolerance = {1e-5, 1e-4}) {
  std::string text =
      fmt::format("x = placeholder({}, [{}], name=\"x\")\nexport f(x=x) -> (", dtype, shape);
  for (size_t i = 0; i < values.size(); ++i)
    text += fmt::format("{}y{}={}", i ? ", " : "", i, values[i]);
  text += ")\n";
  Definition definition(text);
  ASSERT_EQ(definition.why, "") << text;
  std::vector<Array> inputs = {numbers(*dtypeFromName(dtype), dims)};
  GraphInterpreter interpreter(definition.graph(), 7);
  std::string error;
  ASSERT_TRUE(interpreter.initialize(error)) << error;
  std::vector<Array> want, first;
  ASSERT_TRUE(interpreter.call(definition.graph().exports[0], inputs, want, error)) << error;
  CompiledGraph compiled(definition.graph(), processor);
  ASSERT_TRUE(compiled) << compiled.why;
  for (int threads : {1, 2, 3, 8}) {
    auto *instance = compiled.instance(threads);
    ASSERT_TRUE(instance) << compiled.why;
    std::vector<Array> got;
    ASSERT_TRUE(compiled.call(instance, 0, inputs, got)) << compiled.why;
    if (first.empty()) first = got;
    for (size_t i = 0; i < want.size(); ++i) {
      EXPECT_EQ(difference(got[i], want[i], tolerance), "") << values[i] << " of " << text;
      EXPECT_EQ(got[i].bytes, first[i].bytes) << values[i] << " with " << threads << " threads";
    }
  }
}

const std::vector<std::string> numeric = {"reduce_sum(x)", "reduce_max(x)", "reduce_min(x)",
                                          "reduce_mean(x)", "argmax(x, 0)"};

TEST(Blocks, OfOneAxis) {
  for (const char *processor : {"native", "x86-64", "x86-64-v3"}) {
    check("float32", "200003", {200003}, numeric, processor);
    check("float64", "131072", {131072}, numeric, processor, {1e-11, 1e-11});
    check("int32", "100000", {100000}, numeric, processor);
  }
  check("float16", "70000", {70000}, {"reduce_max(x)", "reduce_mean(x)"}, "native", {1e-3, 1e-3});
  check("uint8", "300000", {300000}, {"reduce_sum(x)", "reduce_min(x)"});
  check("bool", "300000", {300000}, {"reduce_any(x)", "reduce_all(x)"});
}

TEST(Blocks, WithSizesOfTheCall) {
  for (int64_t size : {0, 1, 63, 1000, 100001}) {
    check("float32", "None", {size}, {"reduce_sum(x)", "reduce_sum(square(x) + 1.0)"});
    check("float32", "None, 5", {size, 5},
          {"reduce_sum(x)", "reduce_sum(x, 0)", "reduce_max(x, 0)"});
    check("float32", "3, None", {3, size}, {"reduce_sum(x)", "reduce_sum(x, 1)"});
  }
}

TEST(Blocks, AcrossChannels) {
  const char *const processors[] = {"native", "x86-64", "x86-64-v3"};
  int turn = 0;
  for (int64_t channels : {1, 3, 16, 37, 96, 200})
    check("float32", fmt::format("9, 20, 30, {}", channels), {9, 20, 30, channels},
          {"reduce_sum(x, [0, 1, 2])", "reduce_mean(tanh(x), [0, 1, 2])", "reduce_max(x, [0, 2])",
           "reduce_sum(x, [0, 3])"},
          processors[turn++ % 3]);
}

TEST(Blocks, OfAxesApart) {
  check("float32", "40, 6, 700", {40, 6, 700},
        {"reduce_sum(x, [0, 2])", "reduce_prod(x * 0.001 + 1.0, [0, 2])", "reduce_sum(x, [1, 2])"});
  check("float64", "2, 3, 40000", {2, 3, 40000}, {"reduce_sum(x, [0, 2])", "reduce_sum(x, 2)"});
  check("float32", "5, 60000", {5, 60000},
        {"reduce_sum(x, 1)", "reduce_mean(x, 1, keepdims=True)", "reduce_sum(transpose(x), 0)"});
}

} // namespace
} // namespace graphc
