// Learning rates, clipping and tf.losses, compiled, against formulas written out in double
// precision.
#include "../support/definition.h"

#include <functional>
#include <random>

namespace graphc {
namespace {

struct Schedule {
  std::string call; // with the count of steps as n
  std::function<double(double n)> want;
};

double cosine(double x) { return (1 + std::cos(M_PI * x)) / 2; }

const Schedule schedules[] = {
    {"exponential_decay(0.1, n, 10, 0.5)", [](double n) { return 0.1 * std::pow(0.5, n / 10); }},
    {"exponential_decay(0.1, n, 10, 0.5, staircase=True)",
     [](double n) { return 0.1 * std::pow(0.5, std::floor(n / 10)); }},
    {"natural_exp_decay(0.1, n, 7, 0.3)", [](double n) { return 0.1 * std::exp(-0.3 * n / 7); }},
    {"natural_exp_decay(0.1, n, 7, 0.3, True)",
     [](double n) { return 0.1 * std::exp(-0.3 * std::floor(n / 7)); }},
    {"inverse_time_decay(0.1, n, 4, 0.5)", [](double n) { return 0.1 / (1 + 0.5 * n / 4); }},
    {"inverse_time_decay(0.1, n, 4, 0.5, staircase=True)",
     [](double n) { return 0.1 / (1 + 0.5 * std::floor(n / 4)); }},
    {"polynomial_decay(0.1, n, 20)",
     [](double n) { return 0.0999 * (1 - std::min(n, 20.0) / 20) + 0.0001; }},
    {"polynomial_decay(0.1, n, 20, end_learning_rate=0.01, power=0.5)",
     [](double n) { return 0.09 * std::sqrt(1 - std::min(n, 20.0) / 20) + 0.01; }},
    {"polynomial_decay(0.1, n, 20, 0.01, 2.0, cycle=True)",
     [](double n) {
       double steps = 20 * (n == 0 ? 1 : std::ceil(n / 20));
       return 0.09 * (1 - n / steps) * (1 - n / steps) + 0.01;
     }},
    {"cosine_decay(0.1, n, 25)", [](double n) { return 0.1 * cosine(std::min(n, 25.0) / 25); }},
    {"cosine_decay(0.1, n, 25, alpha=0.2)",
     [](double n) { return 0.1 * (0.8 * cosine(std::min(n, 25.0) / 25) + 0.2); }},
    {"cosine_decay_restarts(0.1, n, 10, t_mul=1.0, m_mul=0.5)",
     [](double n) {
       return 0.1 * std::pow(0.5, std::floor(n / 10)) * cosine(std::fmod(n, 10) / 10);
     }},
    {"cosine_decay_restarts(0.1, n, 10, t_mul=2.0)",
     [](double n) { // restarts at 10 and 30
       double begin = n >= 30 ? 30 : n >= 10 ? 10 : 0, length = n >= 30 ? 40 : n >= 10 ? 20 : 10;
       return 0.1 * cosine((n - begin) / length);
     }},
    {"linear_cosine_decay(0.1, n, 25)",
     [](double n) {
       double f = std::min(n, 25.0) / 25;
       return 0.1 * ((1 - f) * cosine(f) + 0.001);
     }},
    {"piecewise_constant(n, [10, 20], [1.0, 0.5, 0.1])",
     [](double n) { return n <= 10   ? 1
                           : n <= 20 ? 0.5
                                     : 0.1; }},
    {"piecewise_constant(n, [], [0.25])", [](double) { return 0.25; }},
};

TEST(Schedules, FollowTheCountOfSteps) {
  std::string text = "n = placeholder(int64, [], name=\"n\")\nexport rates(n=n) -> (";
  for (size_t i = 0; i < std::size(schedules); ++i)
    text += fmt::format("{}r{}={}", i ? ", " : "", i, schedules[i].call);
  Definition model(text + ")\n");
  ASSERT_EQ(model.why, "");
  auto *instance = model.compiled().instance(1);
  for (double n : {0, 1, 5, 9, 11, 19, 20, 21, 25, 29, 31, 49, 69}) {
    auto got = model.call(instance, "rates", {arrayOf(DType::Int64, {}, {n})});
    for (size_t i = 0; i < std::size(schedules); ++i)
      EXPECT_NEAR(got[i].number(0), schedules[i].want(n), 3e-7) << schedules[i].call << " at " << n;
  }
}

TEST(Clipping, ByTheNormOfOne) {
  Definition model("x = placeholder(float32, [2, 2], name=\"x\")\n"
                   "c = clip_by_norm(x, 2.0)\n"
                   "export f(x=x) -> (a=c, b=clip_by_norm(x, 2.0, axes=[1]), "
                   "c=clip_by_average_norm(x, 1.0), g=gradients(c, x)[0])\n");
  ASSERT_EQ(model.why, "");
  auto *instance = model.compiled().instance(1);
  auto got = model.call(instance, "f", {arrayOf(DType::Float32, {2, 2}, {3, 4, 0.5, 0})});
  double norm = std::sqrt(25.25);
  Tolerance close{1e-6, 1e-6};
  EXPECT_EQ(
      difference(got[0], arrayOf(DType::Float32, {2, 2}, {6 / norm, 8 / norm, 1 / norm, 0}), close),
      "");
  EXPECT_EQ(difference(got[1], arrayOf(DType::Float32, {2, 2}, {1.2, 1.6, 0.5, 0}), close), "");
  double average = std::min(4 / norm, 1.0);
  EXPECT_EQ(
      difference(got[2],
                 arrayOf(DType::Float32, {2, 2}, {3 * average, 4 * average, 0.5 * average, 0}),
                 close),
      "");
  auto zero = model.call(instance, "f", {arrayOf(DType::Float32, {2, 2}, {0, 0, 0, 0})});
  EXPECT_EQ(difference(zero[0], arrayOf(DType::Float32, {2, 2}, {0, 0, 0, 0}), {}), "");
  EXPECT_EQ(difference(zero[3], arrayOf(DType::Float32, {2, 2}, {1, 1, 1, 1}), close), "");
}

struct Loss {
  std::string call; // of labels y, predictions or logits p
  std::function<double(double y, double p)> want;
};

const Loss losses[] = {
    {"absolute_difference(y, p", [](double y, double p) { return std::fabs(p - y); }},
    {"mean_squared_error(y, p", [](double y, double p) { return (p - y) * (p - y); }},
    {"huber_loss(y, p, delta=0.25",
     [](double y, double p) {
       double e = std::fabs(p - y);
       return e <= 0.25 ? e * e / 2 : 0.25 * e - 0.25 * 0.25 / 2;
     }},
    {"log_loss(y, p",
     [](double y, double p) { return -y * std::log(p + 1e-7) - (1 - y) * std::log(1 - p + 1e-7); }},
    {"hinge_loss(y, p", [](double y, double p) { return std::max(0.0, 1 - (2 * y - 1) * p); }},
    {"sigmoid_cross_entropy(y, p",
     [](double y, double p) { return std::log1p(std::exp(-p)) + (1 - y) * p; }},
    {"sigmoid_cross_entropy(y, p, label_smoothing=0.1",
     [](double y, double p) {
       y = y * 0.9 + 0.05;
       return std::log1p(std::exp(-p)) + (1 - y) * p;
     }},
};

TEST(Losses, AreWeightedAndReduced) {
  // By element, with weights of a column, one of them 0.
  const std::pair<std::string, std::function<double(double, double, double)>> reductions[] = {
      {"SUM", [](double sum, double, double) { return sum; }},
      {"MEAN", [](double sum, double weights, double) { return sum / weights; }},
      {"SUM_OVER_BATCH_SIZE", [](double sum, double, double) { return sum / 12; }},
      {"SUM_BY_NONZERO_WEIGHTS", [](double sum, double, double present) { return sum / present; }}};
  std::mt19937 random(5);
  std::uniform_real_distribution<double> uniform(0.01, 0.99);
  std::vector<double> y, p, w = {2, 0, 0.5, 1};
  for (int i = 0; i < 12; ++i) {
    y.push_back(i % 2);
    p.push_back(float(uniform(random)));
  }
  std::string text = "y = placeholder(float32, [4, 3], name=\"y\")\n"
                     "p = placeholder(float32, [None, 3], name=\"p\")\n"
                     "w = placeholder(float32, [4, 1], name=\"w\")\n"
                     "export f(y=y, p=p, w=w) -> (";
  int count = 0;
  for (const auto &loss : losses) {
    text += fmt::format("{}r{}=tf.losses.{})", count ? ", " : "", count, loss.call);
    ++count;
    for (const auto &reduction : reductions)
      text += fmt::format(", r{}=tf.losses.{}, weights=w, reduction=tf.losses.Reduction.{})",
                          count++, loss.call, reduction.first);
  }
  Definition model(text + ")\n");
  ASSERT_EQ(model.why, "");
  auto got = model.call(model.compiled().instance(1), "f",
                        {arrayOf(DType::Float32, {4, 3}, y), arrayOf(DType::Float32, {4, 3}, p),
                         arrayOf(DType::Float32, {4, 1}, w)});
  size_t at = 0;
  for (const auto &loss : losses) {
    double plain = 0, sum = 0;
    for (size_t i = 0; i < 12; ++i) {
      plain += loss.want(y[i], p[i]) / 12;
      sum += w[i / 3] * loss.want(y[i], p[i]);
    }
    EXPECT_NEAR(got[at++].number(0), plain, 2e-6) << loss.call;
    for (const auto &reduction : reductions)
      EXPECT_NEAR(got[at++].number(0), reduction.second(sum, 3.5 * 3, 9), 1e-5)
          << loss.call << reduction.first;
  }
}

TEST(Losses, OfClasses) {
  Definition model(
      "l = placeholder(float32, [2, 3], name=\"l\")\n"
      "k = placeholder(int32, [2, 1], name=\"k\")\n"
      "one = one_hot(reshape(k, [2]), 3)\n"
      "a = tf.losses.sparse_softmax_cross_entropy(k, l)\n"
      "b = tf.losses.softmax_cross_entropy(one, l)\n"
      "c = tf.losses.softmax_cross_entropy(one, l, weights=[1.0, 0.0], label_smoothing=0.3)\n"
      "d = tf.losses.cosine_distance(one, l, axis=1)\n"
      "none = tf.losses.softmax_cross_entropy(one, l, weights=0.0)\n"
      "w = get_variable(\"w\", [2], initializer=constant_initializer(3.0), "
      "regularizer=tf.contrib.layers.l1_l2_regularizer(0.5, 0.25))\n"
      "assert len(tf.losses.get_losses()) == 5\n"
      "export f(l=l, k=k) -> (a=a, b=b, c=c, d=d, none=none, "
      "r=tf.losses.get_regularization_loss(), t=tf.losses.get_total_loss(), "
      "u=tf.losses.get_total_loss(add_regularization_losses=False))\n");
  ASSERT_EQ(model.why, "");
  std::vector<double> l = {1, 2, 0.5, -1, 0, 3};
  auto got =
      model.call(model.compiled().instance(1), "f",
                 {arrayOf(DType::Float32, {2, 3}, l), arrayOf(DType::Int32, {2, 1}, {1, 2})});
  auto logProbability = [&](size_t row, size_t k) {
    double total = 0;
    for (size_t i = 0; i < 3; ++i) total += std::exp(l[row * 3 + i]);
    return l[row * 3 + k] - std::log(total);
  };
  double a = -(logProbability(0, 1) + logProbability(1, 2)) / 2;
  double c =
      -(0.8 * logProbability(0, 1) + 0.1 * logProbability(0, 0) + 0.1 * logProbability(0, 2));
  double d = ((1 - 2.0) + (1 - 3.0)) / 2, r = 0.5 * 6 + 0.25 * 9;
  EXPECT_NEAR(got[0].number(0), a, 1e-6);
  EXPECT_NEAR(got[1].number(0), a, 1e-6);
  EXPECT_NEAR(got[2].number(0), c, 1e-6);
  EXPECT_NEAR(got[3].number(0), d, 1e-6);
  EXPECT_EQ(got[4].number(0), 0);
  EXPECT_NEAR(got[5].number(0), r, 1e-6);
  EXPECT_NEAR(got[6].number(0), 2 * a + c + d + r, 1e-5);
  EXPECT_NEAR(got[7].number(0), 2 * a + c + d, 1e-5);
}

} // namespace
} // namespace graphc
