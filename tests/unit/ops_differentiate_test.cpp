// Differentiating graphs: what adds up, what ends the way, what is an error; and of operations'
// gradients what central differences (ops_gradient_test.cpp) can't tell.
#include "ops/gradient.h"
#include "ops_harness.h"

#include <algorithm>

namespace graphc {
namespace {

struct Gradient : OpsTest {
  Gradients derive(std::vector<Tensor *> ys, std::vector<GradientTarget> xs,
                   std::vector<Tensor *> stops = {}) {
    auto b = builder();
    return differentiate(b, {ys, xs, {}, stops});
  }
  std::vector<double> slope(Tensor *y, Tensor *x) { return numbers(derive({y}, {x}).of[0]); }
};

TEST_F(Gradient, TiesShareEvenly) {
  Tensor *x = of(DType::Float64, {1, 3, 3, 2, 2, 2}, {2, 3});
  EXPECT_EQ(slope(call("reduce_max", {{"input_tensor", x}, {"axis", 1}}), x),
            (std::vector<double>{0, 0.5, 0.5, 1.0 / 3, 1.0 / 3, 1.0 / 3}));
  EXPECT_EQ(slope(call("reduce_min", {{"input_tensor", x}, {"axis", 0}}), x),
            (std::vector<double>{1, 0, 0, 0, 1, 1}));
  // Of two operands the first counts.
  Tensor *a = of(DType::Float64, {1, 2}), *b = of(DType::Float64, {1, 3});
  Tensor *largest = call("maximum", a, b);
  EXPECT_EQ(slope(largest, a), (std::vector<double>{1, 0}));
  EXPECT_EQ(slope(largest, b), (std::vector<double>{0, 1}));
}

TEST_F(Gradient, StaysFiniteAtTheEdges) {
  Tensor *zero = of(DType::Float64, {0, 0});
  EXPECT_EQ(slope(call("relu", zero), zero), (std::vector<double>{0, 0}));
  EXPECT_EQ(slope(call("abs", zero), zero), (std::vector<double>{0, 0}));
  Tensor *y = of(DType::Float64, {0, 2});
  Tensor *power = call("pow", zero, y);
  EXPECT_EQ(slope(power, zero), (std::vector<double>{0, 0}));
  EXPECT_EQ(slope(power, y), (std::vector<double>{0, 0}));
  // Logits far apart: the losses' own formula.
  Tensor *logits = of(DType::Float64, {1000, -1000, 0}, {1, 3});
  Tensor *labels = of(DType::Int32, {1});
  Tensor *loss =
      call("sparse_softmax_cross_entropy_with_logits", {{"labels", labels}, {"logits", logits}});
  EXPECT_EQ(slope(loss, logits), (std::vector<double>{1, -1, 0}));
  Tensor *z = of(DType::Float64, {1000, -1000, 0}), *one = of(DType::Float64, {0, 1, 1});
  loss = call("sigmoid_cross_entropy_with_logits", {{"labels", one}, {"logits", z}});
  EXPECT_EQ(slope(loss, z), (std::vector<double>{1, -1, -0.5}));
}

TEST_F(Gradient, WaitsForTheCheckOfSparseLabels) {
  Tensor *logits = of(DType::Float64, {1, 2, 3, 4}, {2, 2});
  Tensor *loss = call("sparse_softmax_cross_entropy_with_logits",
                      {{"labels", of(DType::Int32, {0, 2})}, {"logits", logits}});
  Tensor *grad = derive({loss}, {logits}).of[0];
  Export exported;
  exported.outputs.push_back({"grad", grad, {}});
  auto needed = neededBy(exported);
  EXPECT_NE(std::find(needed.begin(), needed.end(), loss->op), needed.end());
}

TEST_F(Gradient, AddsUpOverSeveralWays) {
  Tensor *x = of(DType::Float64, {3});
  Tensor *square = call("multiply", x, x);
  Tensor *y = call("add", square, call("multiply", square, x)); // x² + x³
  EXPECT_EQ(slope(y, x), (std::vector<double>{6 + 27}));
  auto both = derive({y, square}, {x, square});
  EXPECT_EQ(numbers(both.of[0]), (std::vector<double>{6 + 27 + 6}));
  EXPECT_EQ(numbers(both.of[1]), (std::vector<double>{1 + 3 + 1}));
  // With respect to a step on the way only, and with it taken as a constant.
  EXPECT_EQ(numbers(derive({y}, {x}, {square}).of[0]), (std::vector<double>{9}));
  // Three times.
  Tensor *first = derive({y}, {x}).of[0], *second = derive({first}, {x}).of[0];
  EXPECT_EQ(slope(second, x), (std::vector<double>{6}));
}

TEST_F(Gradient, MakesNothingThatIsNotAskedFor) {
  Tensor *x = of(DType::Float64, {3}), *other = of(DType::Float64, {4});
  Tensor *y = call("sin", x);
  size_t before = graph.operations.size();
  auto none = derive({y}, {other});
  EXPECT_EQ(none.of[0], nullptr);
  EXPECT_EQ(graph.operations.size(), before);
}

TEST_F(Gradient, NamesTheOperationThatHasNone) {
  // One that has none, whatever the table says.
  static OpDef odd = *findOp("Exp");
  odd.type = "Odd";
  odd.gradient = nullptr;
  Tensor *x = of(DType::Float64, {3});
  auto b = builder();
  auto *op = b.make(odd, "odd", std::vector<Tensor *>{x}, {});
  auto result = derive({op->output()}, {x});
  EXPECT_EQ(result.failure, Gradients::NoGradient);
  EXPECT_EQ(result.at, op);
  // Beside the way it does not matter.
  Tensor *z = of(DType::Float64, {1});
  EXPECT_EQ(slope(call("multiply", op->output(), z), z).size(), 1u);
  // Ranks are needed where something may have been repeated.
  Tensor *any = unknownRank(DType::Float64);
  EXPECT_EQ(derive({call("add", any, x)}, {x}).failure, Gradients::UnknownRank);
}

TEST_F(Gradient, StopsAtTheLimit) {
  Tensor *x = of(DType::Float64, {0.5}), *y = x;
  for (int k = 0; k < 50; ++k) y = call("sin", y);
  auto b = builder();
  std::vector<Tensor *> ys{y};
  std::vector<GradientTarget> xs{x};
  auto result = differentiate(b, {ys, xs, {}, {}, graph.operations.size() + 20});
  EXPECT_EQ(result.failure, Gradients::TooMany);
}

} // namespace
} // namespace graphc
