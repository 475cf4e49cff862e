// What initializers and random operations draw: their distributions, and how they repeat. All of it
// by compiled instances.
#include "../support/definition.h"

#include <algorithm>
#include <functional>

namespace graphc {
namespace {

struct Moments {
  double mean = 0, variance = 0, lowest = INFINITY, highest = -INFINITY;
};

Moments momentsOf(const std::vector<double> &x) {
  Moments m;
  for (double v : x) {
    m.mean += v / double(x.size());
    m.lowest = std::min(m.lowest, v);
    m.highest = std::max(m.highest, v);
  }
  for (double v : x) m.variance += (v - m.mean) * (v - m.mean) / double(x.size());
  return m;
}

std::vector<double> numbersOf(const Array &array) {
  std::vector<double> all;
  for (int64_t i = 0; i < array.elements(); ++i) all.push_back(array.number(i));
  return all;
}

/// The largest distance between the distribution of a sample and `cdf` (Kolmogorov, Smirnov).
double distance(std::vector<double> x, const std::function<double(double)> &cdf) {
  std::sort(x.begin(), x.end());
  double most = 0, n = double(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    double want = cdf(x[i]);
    most = std::max({most, std::fabs(want - double(i) / n), std::fabs(double(i + 1) / n - want)});
  }
  return most;
}

double normalCdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

struct Distribution {
  enum Kind { Uniform, Normal, Truncated } kind;
  double a, b; // bounds, or mean and deviation before truncation

  double cdf(double x) const {
    if (kind == Uniform) return std::clamp((x - a) / (b - a), 0.0, 1.0);
    double z = (x - a) / b;
    if (kind == Normal) return normalCdf(z);
    double cut = normalCdf(-2);
    return std::clamp((normalCdf(z) - cut) / (1 - 2 * cut), 0.0, 1.0);
  }
  double mean() const { return kind == Uniform ? (a + b) / 2 : a; }
  double variance() const {
    if (kind == Uniform) return (b - a) * (b - a) / 12;
    return kind == Normal ? b * b : b * b * 0.7737413035;
  }
  double lowest() const { return kind == Uniform ? a : kind == Normal ? -INFINITY : a - 2 * b; }
  double highest() const { return kind == Uniform ? b : kind == Normal ? INFINITY : a + 2 * b; }
};

/// A normal distribution cut at two deviations whose variance is 1 / n.
Distribution truncatedOf(double n) {
  return {Distribution::Truncated, 0, std::sqrt(1 / n) / 0.87962566103423978};
}
Distribution uniformOf(double n) {
  return {Distribution::Uniform, -std::sqrt(3 / n), std::sqrt(3 / n)};
}

struct Case {
  std::string initializer;
  Distribution distribution; // of the shape [5, 4, 20, 60]: 400 inputs, 1200 outputs
};

const Case cases[] = {
    {"random_uniform_initializer(-1.0, 3.0)", {Distribution::Uniform, -1, 3}},
    {"random_normal_initializer(2.0, 0.5)", {Distribution::Normal, 2, 0.5}},
    {"truncated_normal_initializer(-1.0, 0.3)", {Distribution::Truncated, -1, 0.3}},
    {"variance_scaling_initializer()", truncatedOf(400)},
    {"variance_scaling_initializer(3.0, mode=\"fan_out\", distribution=\"uniform\")",
     uniformOf(400)},
    {"variance_scaling_initializer(2.0, \"fan_avg\", \"untruncated_normal\")",
     {Distribution::Normal, 0, 0.05}},
    {"glorot_uniform_initializer()", uniformOf(800)},
    {"glorot_normal_initializer()", truncatedOf(800)},
    {"he_uniform()", uniformOf(200)},
    {"he_normal()", truncatedOf(200)},
    {"lecun_uniform()", uniformOf(400)},
    {"lecun_normal()", truncatedOf(400)},
    {"uniform_unit_scaling_initializer(1.5)", uniformOf(400 / 2.25)},
    {"tf.initializers.glorot_uniform()", uniformOf(800)},
    {"tf.initializers.variance_scaling(scale=2.0)", truncatedOf(200)},
    {"None", uniformOf(800)},
};

TEST(Initializers, DrawFromTheirDistributions) {
  std::string text;
  for (size_t i = 0; i < std::size(cases); ++i)
    text +=
        fmt::format("export f{}() -> (v=get_variable(\"v{}\", [5, 4, 20, 60], initializer={}))\n",
                    i, i, cases[i].initializer);
  Definition model(text, {}, 11);
  ASSERT_EQ(model.why, "");
  auto *instance = model.compiled().instance(2);
  for (size_t i = 0; i < std::size(cases); ++i) {
    SCOPED_TRACE(cases[i].initializer);
    const auto &want = cases[i].distribution;
    auto x = numbersOf(model.call(instance, fmt::format("f{}", i))[0]);
    ASSERT_EQ(x.size(), 24000U);
    auto got = momentsOf(x);
    double deviation = std::sqrt(want.variance());
    // Five standard errors: of the mean 1/√n, of the variance at most √2/√n.
    EXPECT_NEAR(got.mean, want.mean(), 5 * deviation / std::sqrt(24000.0));
    EXPECT_NEAR(got.variance, want.variance(), 5 * want.variance() * std::sqrt(2 / 24000.0));
    EXPECT_GE(got.lowest, want.lowest() - 1e-6);
    EXPECT_LE(got.highest, want.highest() + 1e-6);
    EXPECT_GT(got.highest - got.lowest, 3.3 * deviation);
    // Exceeded by chance once in a million (Kolmogorov's distribution).
    EXPECT_LT(distance(x, [&](double v) { return want.cdf(v); }), 2.7 / std::sqrt(24000.0));
  }
}

TEST(Initializers, GiveWhatTheyAreToldTo) {
  Definition model("def v(name, shape, initializer, dtype=float32):\n"
                   "    return get_variable(name, shape, dtype, initializer)\n"
                   "export f() -> (z=v(\"z\", [2, 3], zeros_initializer()),\n"
                   "               o=v(\"o\", [2], ones_initializer(), int32),\n"
                   "               c=v(\"c\", [2], constant_initializer([2.5, -1.0]), float64),\n"
                   "               i=v(\"i\", [2, 3], identity_initializer(gain=2.0)))\n");
  ASSERT_EQ(model.why, "");
  auto got = model.call(model.compiled().instance(1), "f");
  EXPECT_EQ(numbersOf(got[0]), std::vector<double>(6, 0));
  EXPECT_EQ(numbersOf(got[1]), (std::vector<double>{1, 1}));
  EXPECT_EQ(numbersOf(got[2]), (std::vector<double>{2.5, -1}));
  EXPECT_EQ(numbersOf(got[3]), (std::vector<double>{2, 0, 0, 0, 2, 0}));
}

TEST(Initializers, OrthogonalMatricesAreOrthogonal) {
  struct Matrix {
    std::string shape;
    int64_t rows, columns;
  };
  const Matrix matrices[] = {{"[40, 40]", 40, 40},
                             {"[3, 4, 5, 9]", 60, 9},
                             {"[6, 50]", 6, 50},
                             {"[1, 1]", 1, 1},
                             {"[128, 127]", 128, 127}};
  for (const auto &m : matrices) {
    SCOPED_TRACE(m.shape);
    Definition model(fmt::format("w = get_variable(\"w\", {}, initializer="
                                 "orthogonal_initializer(gain=3.0))\nexport f() -> (w=w)\n",
                                 m.shape));
    ASSERT_EQ(model.why, "");
    auto w = numbersOf(model.call(model.compiled().instance(1), "f")[0]);
    // Along the shorter side the vectors are of length 3 and perpendicular.
    bool wide = m.rows < m.columns;
    int64_t count = std::min(m.rows, m.columns), length = std::max(m.rows, m.columns);
    auto at = [&](int64_t vector, int64_t k) {
      return w[size_t(wide ? vector * m.columns + k : k * m.columns + vector)];
    };
    for (int64_t i = 0; i < count; ++i)
      for (int64_t j = 0; j <= i; ++j) {
        double product = 0;
        for (int64_t k = 0; k < length; ++k) product += at(i, k) * at(j, k);
        ASSERT_NEAR(product, i == j ? 9 : 0, 1e-4) << i << ", " << j;
      }
  }
}

TEST(Initializers, OrthogonalMatricesPointEverywhere) {
  // The square of one element of a random orthogonal matrix of two rows is arcsine distributed.
  std::string text, outputs;
  for (int i = 0; i < 200; ++i)
    text += fmt::format(
        "v{} = get_variable(\"v{}\", [2, 2], initializer=orthogonal_initializer())\n", i, i);
  for (int i = 0; i < 200; ++i) outputs += fmt::format("{}v{}", i ? ", " : "", i);
  Definition model(text + "export f() -> (all=stack([" + outputs + "]))\n", {}, 5);
  ASSERT_EQ(model.why, "");
  auto all = numbersOf(model.call(model.compiled().instance(1), "f")[0]);
  std::vector<double> squares;
  int turns = 0;
  for (size_t i = 0; i < 800; i += 4) {
    squares.push_back(all[i] * all[i]);
    turns += all[i] * all[i + 3] - all[i + 1] * all[i + 2] > 0;
  }
  auto arcsine = [](double x) { return 2 / M_PI * std::asin(std::sqrt(std::clamp(x, 0.0, 1.0))); };
  EXPECT_LT(distance(squares, arcsine), 2.7 / std::sqrt(200.0));
  EXPECT_GT(turns, 60); // half are rotations, half reflections
  EXPECT_LT(turns, 140);
}

const char *const drawing =
    "x = placeholder(float32, [300, 400], name=\"x\")\n"
    "rate = placeholder_with_default(0.25, [], name=\"rate\")\n"
    "w = get_variable(\"w\", [300, 400], initializer=ones_initializer())\n"
    "kept = dropout(x * w, rate=rate)\n"
    "g, h = gradients(kept, [x, w])\n"
    "half = dropout(x, keep_prob=0.5, noise_shape=[None, 1])\n"
    "export f(x=x) -> (kept=kept, g=g, h=h)\n"
    "export some(x=x, rate=rate) -> (kept=kept)\n"
    "export half(x=x) -> (half=half)\n"
    "export all(x=x) -> (a=dropout(x, 1.0), b=dropout(x, rate=0))\n"
    "export u() -> (u=random_uniform([1000]), n=random_normal([1000], mean=1.0, stddev=0.1))\n";

TEST(Dropout, KeepsTheSameForwardsAndBackwards) {
  Definition model(drawing, {}, 3);
  ASSERT_EQ(model.why, "");
  auto *instance = model.compiled().instance(2);
  Array x = arrayOf(DType::Float32, {300, 400}, std::vector<double>(120000, 2));
  auto got = model.call(instance, "f", {x});
  int64_t kept = 0;
  for (int64_t i = 0; i < 120000; ++i) {
    double y = got[0].number(i);
    ASSERT_TRUE(y == 0 || std::fabs(y - 2 / 0.75) < 1e-6) << y;
    ASSERT_FLOAT_EQ(float(got[1].number(i)), float(y / 2)) << i;
    ASSERT_FLOAT_EQ(float(got[2].number(i)), float(y)) << i;
    kept += y != 0;
  }
  EXPECT_NEAR(double(kept) / 120000, 0.75, 5 * std::sqrt(0.75 * 0.25 / 120000));
  // Each call draws anew; about 0.75² + 0.25² of the elements agree.
  auto next = model.call(instance, "f", {x});
  int64_t same = 0;
  for (int64_t i = 0; i < 120000; ++i) same += (next[0].number(i) == 0) == (got[0].number(i) == 0);
  EXPECT_NEAR(double(same) / 120000, 0.625, 0.01);

  auto some = model.call(instance, "some", {x, arrayOf(DType::Float32, {}, {0.9})});
  auto moments = momentsOf(numbersOf(some[0]));
  EXPECT_NEAR(moments.highest, 20, 1e-4);
  EXPECT_NEAR(moments.mean, 2, 0.1);
  auto half = model.call(instance, "half", {x})[0];
  int64_t rows = 0;
  for (int64_t r = 0; r < 300; ++r) {
    for (int64_t k = 0; k < 400; ++k) ASSERT_EQ(half.number(r * 400 + k), half.number(r * 400));
    rows += half.number(r * 400) != 0;
  }
  EXPECT_NEAR(double(rows), 150, 45);
  for (const auto &all : model.call(instance, "all", {x})) EXPECT_EQ(difference(all, x, {}), "");
}

TEST(RandomNumbers, ArePureFunctionsOfSeedAndCall) {
  Definition model(drawing, {}, 3), other(drawing, {}, 4);
  ASSERT_EQ(model.why, "");
  Array x = arrayOf(DType::Float32, {300, 400}, std::vector<double>(120000, 1));
  auto run = [&](Definition &d, int threads) {
    std::vector<Array> all;
    auto *instance = d.compiled().instance(threads);
    for (int i = 0; i < 3; ++i) {
      for (auto &out : d.call(instance, "f", {x})) all.push_back(out);
      for (auto &out : d.call(instance, "u")) all.push_back(out);
    }
    return all;
  };
  auto one = run(model, 1), four = run(model, 4), another = run(other, 1);
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].bytes, four[i].bytes) << i;
    EXPECT_NE(one[i].bytes, another[i].bytes) << i;
  }
  auto n = momentsOf(numbersOf(one[4]));
  EXPECT_NEAR(n.mean, 1, 0.02);
  EXPECT_NEAR(n.variance, 0.01, 0.0025);
}

TEST(RandomNumbers, GoOnFromACheckpoint) {
  Definition model(drawing, {}, 3);
  ASSERT_EQ(model.why, "");
  auto path =
      std::filesystem::temp_directory_path() / fmt::format("graphc-{}.safetensors", getpid());
  auto *first = model.compiled().instance(2);
  for (int i = 0; i < 5; ++i) model.call(first, "u");
  ASSERT_EQ(model.compiled().model().save(first, path.c_str()), GRAPHRT_OK);
  auto *second = model.compiled().instance(1);
  model.call(second, "u");
  ASSERT_EQ(model.compiled().model().load(second, path.c_str()), GRAPHRT_OK);
  std::filesystem::remove(path);
  for (int i = 0; i < 3; ++i) {
    auto want = model.call(first, "u"), got = model.call(second, "u");
    EXPECT_EQ(got[0].bytes, want[0].bytes) << i;
    EXPECT_EQ(got[1].bytes, want[1].bytes) << i;
  }
}

TEST(RandomNumbers, ShuffleRows) {
  Definition model("x = placeholder(float32, [None, 2], name=\"x\")\n"
                   "y = random_shuffle(x)\n"
                   "export f(x=x) -> (y=y, g=gradients(y * y, x)[0])\n",
                   {}, 2);
  ASSERT_EQ(model.why, "");
  auto *instance = model.compiled().instance(2);
  std::vector<double> rows;
  for (int i = 0; i < 5; ++i) rows.insert(rows.end(), {double(i), double(10 * i)});
  int counts[5][5] = {};
  for (int call = 0; call < 2000; ++call) {
    auto got = model.call(instance, "f", {arrayOf(DType::Float32, {5, 2}, rows)});
    int seen = 0;
    for (int64_t i = 0; i < 5; ++i) {
      auto row = int(got[0].number(2 * i));
      ASSERT_EQ(got[0].number(2 * i + 1), 10 * row);
      ASSERT_EQ(got[1].number(2 * i), 2 * double(i));
      seen |= 1 << row;
      ++counts[i][row];
    }
    ASSERT_EQ(seen, 31);
  }
  for (auto &places : counts)
    for (int count : places) EXPECT_NEAR(count, 400, 5 * std::sqrt(2000 * 0.16));
}

TEST(RandomNumbers, ClassesFollowTheirProbabilities) {
  Definition model("p = placeholder(float32, [2, 3], name=\"p\")\n"
                   "export f(p=p) -> (c=multinomial(log(p), 20000))\n",
                   {}, 9);
  ASSERT_EQ(model.why, "");
  auto got = model.call(model.compiled().instance(2), "f",
                        {arrayOf(DType::Float32, {2, 3}, {0.2, 0.5, 0.3, 0, 6, 2})});
  ASSERT_EQ(got[0].dims, (std::vector<int64_t>{2, 20000}));
  double counts[2][3] = {};
  for (int64_t i = 0; i < 40000; ++i) counts[i / 20000][got[0].integer(i)] += 1.0 / 20000;
  EXPECT_NEAR(counts[0][0], 0.2, 0.015);
  EXPECT_NEAR(counts[0][1], 0.5, 0.018);
  EXPECT_EQ(counts[1][0], 0);
  EXPECT_NEAR(counts[1][1], 0.75, 0.016);
}

} // namespace
} // namespace graphc
