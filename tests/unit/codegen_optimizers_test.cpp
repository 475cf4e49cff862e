// Twenty steps of every optimizer, compiled, against formulas written out in double precision.
#include "../support/definition.h"

#include <functional>
#include <random>

namespace graphc {
namespace {

/// What an optimizer keeps for one element.
struct Element {
  double w = 0, a = 0, b = 0, c = 0;
};
using Rule = std::function<void(Element &, double g, int step)>; // steps count from 1

struct Case {
  std::string name, constructor;
  Element start;
  Rule rule;
};

const Case cases[] = {
    {"GradientDescent",
     "GradientDescentOptimizer(0.1)",
     {},
     [](Element &e, double g, int) { e.w -= 0.1 * g; }},
    {"Momentum",
     "MomentumOptimizer(0.05, 0.9)",
     {},
     [](Element &e, double g, int) {
       e.a = 0.9 * e.a + g;
       e.w -= 0.05 * e.a;
     }},
    {"Nesterov",
     "MomentumOptimizer(0.05, momentum=0.8, use_nesterov=True)",
     {},
     [](Element &e, double g, int) {
       e.a = 0.8 * e.a + g;
       e.w -= 0.05 * (g + 0.8 * e.a);
     }},
    {"Adam",
     "AdamOptimizer()",
     {},
     [](Element &e, double g, int t) {
       e.a = 0.9 * e.a + 0.1 * g;
       e.b = 0.999 * e.b + 0.001 * g * g;
       double lr = 0.001 * std::sqrt(1 - std::pow(0.999, t)) / (1 - std::pow(0.9, t));
       e.w -= lr * e.a / (std::sqrt(e.b) + 1e-8);
     }},
    {"AdamOfOtherSettings",
     "AdamOptimizer(0.1, beta1=0.5, beta2=0.75, epsilon=0.01)",
     {},
     [](Element &e, double g, int t) {
       e.a = 0.5 * e.a + 0.5 * g;
       e.b = 0.75 * e.b + 0.25 * g * g;
       double lr = 0.1 * std::sqrt(1 - std::pow(0.75, t)) / (1 - std::pow(0.5, t));
       e.w -= lr * e.a / (std::sqrt(e.b) + 0.01);
     }},
    {"RMSProp",
     "RMSPropOptimizer(0.01)",
     {.a = 1},
     [](Element &e, double g, int) {
       e.a = 0.9 * e.a + 0.1 * g * g;
       e.w -= 0.01 * g / std::sqrt(e.a + 1e-10);
     }},
    {"RMSPropWithMomentum",
     "RMSPropOptimizer(0.01, decay=0.8, momentum=0.7, epsilon=0.001)",
     {.a = 1},
     [](Element &e, double g, int) {
       e.a = 0.8 * e.a + 0.2 * g * g;
       e.b = 0.7 * e.b + 0.01 * g / std::sqrt(e.a + 0.001);
       e.w -= e.b;
     }},
    {"RMSPropCentered",
     "RMSPropOptimizer(0.01, momentum=0.5, epsilon=0.01, centered=True)",
     {.a = 1},
     [](Element &e, double g, int) {
       e.a = 0.9 * e.a + 0.1 * g * g;
       e.c = 0.9 * e.c + 0.1 * g;
       e.b = 0.5 * e.b + 0.01 * g / std::sqrt(e.a - e.c * e.c + 0.01);
       e.w -= e.b;
     }},
    {"Adagrad",
     "AdagradOptimizer(0.1)",
     {.a = 0.1},
     [](Element &e, double g, int) {
       e.a += g * g;
       e.w -= 0.1 * g / std::sqrt(e.a);
     }},
    {"Adadelta",
     "AdadeltaOptimizer(0.5, rho=0.9, epsilon=1e-4)",
     {},
     [](Element &e, double g, int) {
       e.a = 0.9 * e.a + 0.1 * g * g;
       double d = std::sqrt(e.b + 1e-4) / std::sqrt(e.a + 1e-4) * g;
       e.b = 0.9 * e.b + 0.1 * d * d;
       e.w -= 0.5 * d;
     }},
    {"AdadeltaByDefault",
     "AdadeltaOptimizer()",
     {},
     [](Element &e, double g, int) {
       e.a = 0.95 * e.a + 0.05 * g * g;
       double d = std::sqrt(e.b + 1e-8) / std::sqrt(e.a + 1e-8) * g;
       e.b = 0.95 * e.b + 0.05 * d * d;
       e.w -= 0.001 * d;
     }},
    {"Ftrl",
     "FtrlOptimizer(0.1, l1_regularization_strength=0.05, l2_regularization_strength=0.02)",
     {.a = 0.1},
     [](Element &e, double g, int) {
       double a = e.a + g * g;
       e.b += g - (std::sqrt(a) - std::sqrt(e.a)) / 0.1 * e.w;
       double q = std::sqrt(a) / 0.1 + 2 * 0.02;
       e.w = std::fabs(e.b) > 0.05 ? (std::copysign(0.05, e.b) - e.b) / q : 0;
       e.a = a;
     }},
    {"FtrlOfAnotherPower",
     "FtrlOptimizer(0.1, learning_rate_power=-0.7, initial_accumulator_value=0.3, "
     "l1_regularization_strength=0.5, l2_shrinkage_regularization_strength=0.01)",
     {.a = 0.3},
     [](Element &e, double g, int) {
       double a = e.a + g * g;
       e.b += g + 2 * 0.01 * e.w - (std::pow(a, 0.7) - std::pow(e.a, 0.7)) / 0.1 * e.w;
       double q = std::pow(a, 0.7) / 0.1;
       e.w = std::fabs(e.b) > 0.5 ? (std::copysign(0.5, e.b) - e.b) / q : 0;
       e.a = a;
     }},
};

struct TrainsBy : testing::TestWithParam<std::tuple<Case, const char *>> {};

TEST_P(TrainsBy, TheFormula) {
  const auto &[optimizer, dtypeName] = GetParam();
  DType dtype = *dtypeFromName(dtypeName);
  Definition model("param d = \"float32\"\n"
                   "g = placeholder(d, [7, 5], name=\"g\")\n"
                   "w = get_variable(\"w\", [7, 5], dtype=d, initializer=zeros_initializer())\n"
                   "start = placeholder(d, [7, 5], name=\"start\")\n"
                   "train = tf.train." +
                       optimizer.constructor +
                       ".apply_gradients([(g, w)])\n"
                       "export set(start=start) -> (assign(w, start))\n"
                       "export train(g=g) -> (train)\n"
                       "export value() -> (w=w)\n",
                   {{"d", dtypeName}});
  ASSERT_EQ(model.why, "");
  auto *instance = model.compiled().instance(2);
  ASSERT_TRUE(instance);
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  std::vector<Element> expected(35, optimizer.start);
  std::vector<double> start, gradients(35);
  for (auto &e : expected) start.push_back(e.w = float(normal(random)));
  model.call(instance, "set", {arrayOf(dtype, {7, 5}, start)});
  for (int step = 1; step <= 20; ++step) {
    for (size_t i = 0; i < 35; ++i) {
      gradients[i] = float(normal(random)) * (i % 3 ? 1 : 0.01F);
      optimizer.rule(expected[i], gradients[i], step);
    }
    model.call(instance, "train", {arrayOf(dtype, {7, 5}, gradients)});
    std::vector<double> want;
    for (auto &e : expected) want.push_back(e.w);
    Tolerance tolerance = dtype == DType::Float64 ? Tolerance{1e-11, 1e-13} : Tolerance{1e-5, 2e-6};
    auto got = model.call(instance, "value");
    ASSERT_EQ(got.size(), 1U);
    ASSERT_EQ(difference(got[0], arrayOf(DType::Float64, {7, 5}, want), tolerance), "")
        << "after step " << step;
  }
}
INSTANTIATE_TEST_SUITE_P(Optimizers, TrainsBy,
                         testing::Combine(testing::ValuesIn(cases),
                                          testing::Values("float32", "float64")),
                         [](auto &test) {
                           return std::get<0>(test.param).name + std::get<1>(test.param);
                         });

TEST(Optimizers, TrainHalfPrecisionVariablesInSinglePrecision) {
  // 1 - beta2 would be 0.00098 in float16, and √v much off.
  Definition model("g = placeholder(float16, [2], name=\"g\")\n"
                   "w = get_variable(\"w\", [2], dtype=float16, initializer=zeros_initializer())\n"
                   "train = AdamOptimizer(0.5).apply_gradients([(g, w)])\n"
                   "export train(g=g) -> (train, w=w)\n"
                   "export value() -> (w=w)\n");
  ASSERT_EQ(model.why, "");
  auto *instance = model.compiled().instance(1);
  model.call(instance, "train", {arrayOf(DType::Float16, {2}, {1, -2})});
  auto got = model.call(instance, "value");
  EXPECT_NEAR(got[0].number(0), -0.5, 0.002);
  EXPECT_NEAR(got[0].number(1), 0.5, 0.002);
}

TEST(Optimizers, ApplyConstraintsAfterTheUpdate) {
  Definition model(
      "def positive(w):\n"
      "    return maximum(w, 0.0)\n"
      "g = placeholder(float32, [3], name=\"g\")\n"
      "w = get_variable(\"w\", [3], initializer=ones_initializer(), constraint=positive)\n"
      "train = GradientDescentOptimizer(1.0).apply_gradients([(g, w)])\n"
      "export train(g=g) -> (train)\n"
      "export value() -> (w=w)\n");
  ASSERT_EQ(model.why, "");
  auto *instance = model.compiled().instance(1);
  model.call(instance, "train", {arrayOf(DType::Float32, {3}, {0.25, 1, 3})});
  EXPECT_EQ(
      difference(model.call(instance, "value")[0], arrayOf(DType::Float32, {3}, {0.75, 0, 0}), {}),
      "");
}

TEST(Optimizers, ReadLearningRatesThatAreTensors) {
  // The rate follows the count of steps, which a step reads before it counts itself.
  Definition model(
      "g = placeholder(float32, [], name=\"g\")\n"
      "w = get_variable(\"w\", [], initializer=zeros_initializer())\n"
      "n = get_or_create_global_step()\n"
      "rate = 1.0 / (1.0 + cast(n, float32))\n"
      "step = GradientDescentOptimizer(rate).apply_gradients([(g, w)], global_step=n)\n"
      "export train(g=g) -> (step)\n"
      "export value() -> (w=w, n=n)\n");
  ASSERT_EQ(model.why, "");
  auto *instance = model.compiled().instance(1);
  double want = 0;
  for (int i = 0; i < 5; ++i) {
    model.call(instance, "train", {arrayOf(DType::Float32, {}, {1})});
    want -= 1.0 / (1 + i);
    auto got = model.call(instance, "value");
    EXPECT_NEAR(got[0].number(0), want, 1e-6);
    EXPECT_EQ(got[1].integer(0), i + 1);
  }
}

TEST(MovingAverages, FollowVariablesAndTensors) {
  Definition model(
      "x = placeholder(float32, [2], name=\"x\")\n"
      "w = get_variable(\"w\", [2], initializer=constant_initializer(3.0))\n"
      "t = x * 2.0\n"
      "ema = ExponentialMovingAverage(0.9)\n"
      "unbiased = ExponentialMovingAverage(0.9, zero_debias=True, name=\"unbiased\")\n"
      "counted = ExponentialMovingAverage(0.99, num_updates=placeholder_with_default(5, []), "
      "name=\"counted\")\n"
      "update = assign(w, x)\n"
      "with control_dependencies([update]):\n"
      "    all = group(ema.apply([w, t]), unbiased.apply([w, t]), counted.apply([w]))\n"
      "export step(x=x) -> (all)\n"
      "export value() -> (w=ema.average(w), t=ema.average(t), u=unbiased.average(t), "
      "v=unbiased.average(w), c=counted.average(w))\n");
  ASSERT_EQ(model.why, "");
  auto *instance = model.compiled().instance(1);
  double w = 3, t = 0, b = 0, c = 3;
  for (int i = 1; i <= 10; ++i) {
    double x = i * 0.5;
    model.call(instance, "step", {arrayOf(DType::Float32, {2}, {x, -x})});
    w = 0.9 * w + 0.1 * x;
    t = 0.9 * t + 0.1 * 2 * x;
    b = 0.9 * b + 0.1 * 2 * x;
    c = 0.4 * c + 0.6 * x; // min(0.99, 6 / 15)
    auto got = model.call(instance, "value");
    EXPECT_NEAR(got[0].number(0), w, 1e-5);
    EXPECT_NEAR(got[1].number(0), t, 1e-5);
    EXPECT_NEAR(got[1].number(1), -t, 1e-5);
    EXPECT_NEAR(got[2].number(0), b / (1 - std::pow(0.9, i)), 1e-5);
    EXPECT_NEAR(got[3].number(0), w, 1e-5);
    EXPECT_NEAR(got[4].number(0), c, 1e-5);
  }
}

TEST(Clipping, ByTheNormOfAll) {
  Definition model("x = placeholder(float32, [2], name=\"x\")\n"
                   "y = placeholder(float64, [], name=\"y\")\n"
                   "l, n = clip_by_global_norm([x, None, x * 2.0], 2.0)\n"
                   "assert l[1] is None and len(l) == 3\n"
                   "export f(x=x) -> (a=l[0], b=l[2], n=n, m=global_norm([x]))\n");
  ASSERT_EQ(model.why, "");
  auto *instance = model.compiled().instance(1);
  auto f = [&](double a, double b) {
    return model.call(instance, "f", {arrayOf(DType::Float32, {2}, {a, b})});
  };
  auto small = f(0.3, 0.4), large = f(3, -4), bad = f(INFINITY, 1);
  EXPECT_NEAR(small[0].number(1), 0.4, 1e-7);
  EXPECT_NEAR(small[2].number(0), std::sqrt(0.25 * 5), 1e-6);
  EXPECT_NEAR(small[3].number(0), 0.5, 1e-7);
  EXPECT_NEAR(large[0].number(0), 3 * 2 / std::sqrt(125.0), 1e-6);
  EXPECT_NEAR(large[1].number(1), -8 * 2 / std::sqrt(125.0), 1e-6);
  EXPECT_TRUE(std::isnan(bad[0].number(1)));
}

} // namespace
} // namespace graphc
