// What is computed by one kernel, or merged into another, gives what it gives alone.
#include "../support/definition.h"

#include <cmath>

namespace graphc {
namespace {

std::vector<double> numbers(int64_t count, double factor) {
  std::vector<double> all;
  for (int64_t i = 0; i < count; ++i)
    all.push_back(std::round(std::sin(double(i) * factor) * 64) / 16);
  return all;
}

TEST(Together, StepsOfAChain) {
  Definition model("x = placeholder(float32, [7, 7], name=\"x\")\n"
                   "a = x * 2.0\n"
                   "b = a + 1.0\n"
                   "c = b * a\n"
                   "d = c + transpose(a)\n"
                   "e = d - reduce_max(c) * b\n"
                   "export f(x=x) -> (a=a, b=b, c=c, d=d, e=e)\n");
  ASSERT_EQ(model.why, "");
  auto x = numbers(49, 1.7);
  for (int threads : {1, 2}) {
    auto *instance = model.compiled().instance(threads);
    auto got = model.call(instance, "f", {arrayOf(DType::Float32, {7, 7}, x)});
    double most = -1e9;
    for (double v : x) most = std::max(most, (v * 2 + 1) * v * 2);
    for (int64_t i = 0; i < 49; ++i) {
      double a = x[size_t(i)] * 2, b = a + 1, c = b * a;
      double d = c + x[size_t(i % 7 * 7 + i / 7)] * 2, e = d - most * b;
      EXPECT_EQ(got[0].number(i), a);
      EXPECT_EQ(got[1].number(i), b);
      EXPECT_EQ(got[2].number(i), c);
      EXPECT_EQ(got[3].number(i), d);
      EXPECT_EQ(got[4].number(i), e);
    }
  }
}

TEST(Together, UpdatesThatReadOneAnother) {
  // The second update reads the first's new value, the third what was there before both.
  Definition model("x = placeholder(float32, [3, 3], name=\"x\")\n"
                   "v = get_variable(\"v\", [3, 3], initializer=ones_initializer())\n"
                   "w = get_variable(\"w\", [3, 3], initializer=ones_initializer())\n"
                   "u = get_variable(\"u\", [3, 3], initializer=zeros_initializer())\n"
                   "old = transpose(v.read_value())\n"
                   "first = assign(v, v + x)\n"
                   "second = assign(w, w * first)\n"
                   "third = assign(u, u + old)\n"
                   "export step(x=x) -> (v=first, w=second, u=third)\n");
  ASSERT_EQ(model.why, "");
  auto x = numbers(9, 2.3);
  auto *instance = model.compiled().instance(2);
  std::vector<double> v(9, 1), w(9, 1), u(9, 0);
  for (int turn = 0; turn < 3; ++turn) {
    auto got = model.call(instance, "step", {arrayOf(DType::Float32, {3, 3}, x)});
    for (size_t i = 0; i < 9; ++i) u[i] += v[i % 3 * 3 + i / 3];
    for (size_t i = 0; i < 9; ++i) v[i] += x[i];
    for (size_t i = 0; i < 9; ++i) w[i] = float(w[i] * v[i]);
    for (int64_t i = 0; i < 9; ++i) {
      EXPECT_EQ(got[0].number(i), v[size_t(i)]) << turn;
      EXPECT_EQ(got[1].number(i), w[size_t(i)]) << turn;
      EXPECT_EQ(got[2].number(i), u[size_t(i)]) << turn;
    }
  }
}

TEST(Together, OneValueForTwoVariables) {
  Definition model("x = placeholder(float32, [5], name=\"x\")\n"
                   "v = get_variable(\"v\", [5], initializer=zeros_initializer())\n"
                   "w = get_variable(\"w\", [5], initializer=zeros_initializer())\n"
                   "y = x * 2.0 + v\n"
                   "export step(x=x) -> (y=y, v=assign(v, y), w=assign(w, y))\n"
                   "export look() -> (v=v + 0.0, w=w + 0.0)\n");
  ASSERT_EQ(model.why, "");
  auto x = numbers(5, 0.9);
  auto *instance = model.compiled().instance(1);
  for (int turn = 1; turn <= 2; ++turn) {
    auto got = model.call(instance, "step", {arrayOf(DType::Float32, {5}, x)});
    auto seen = model.call(instance, "look", {});
    for (int64_t i = 0; i < 5; ++i) {
      double want = x[size_t(i)] * 2 * turn;
      for (const Array &array : got) EXPECT_EQ(array.number(i), want);
      for (const Array &array : seen) EXPECT_EQ(array.number(i), want);
    }
  }
}

TEST(Together, WhatFollowsAPoolingBackwards) {
  for (int64_t channels : {3, 16, 21}) {
    Definition model(fmt::format("x = placeholder(float32, [2, 4, 6, {}], name=\"x\")\n"
                                 "p = max_pool(relu(x), [1, 2, 2, 1], [1, 2, 2, 1], \"VALID\")\n"
                                 "g = gradients(reduce_sum(square(p)), x)[0]\n"
                                 "export f(x=x) -> (g=g, sum=reduce_sum(g, axis=[0, 1, 2]))\n",
                                 channels));
    ASSERT_EQ(model.why, "");
    auto x = numbers(48 * channels, 1.1);
    auto *instance = model.compiled().instance(2);
    auto got = model.call(instance, "f", {arrayOf(DType::Float32, {2, 4, 6, channels}, x)});
    for (int64_t window = 0; window < 12; ++window)
      for (int64_t c = 0; c < channels; ++c) {
        int64_t y = window / 3 * 2, left = window % 3 * 2; // rows of both images count on
        int64_t best = -1;
        double most = 0;
        for (int64_t tap = 0; tap < 4; ++tap) {
          int64_t at = ((y + tap / 2) * 6 + left + tap % 2) * channels + c;
          double value = std::max(0.0, x[size_t(at)]);
          if (best < 0 || value > most) {
            best = at;
            most = value;
          }
        }
        for (int64_t tap = 0; tap < 4; ++tap) {
          int64_t at = ((y + tap / 2) * 6 + left + tap % 2) * channels + c;
          EXPECT_EQ(got[0].number(at), at == best && most > 0 ? 2 * most : 0) << at;
        }
      }
  }
}

} // namespace
} // namespace graphc
