// Dimensions: canonical forms, and that they have the value of what they were made of.
#include "graph/shape.h"

#include <gtest/gtest.h>
#include <random>

namespace graphc {
namespace {

TEST(Dimensions, CanonicalForms) {
  DimContext context;
  Dim n = context.named("N"), m = context.named("M");
  EXPECT_EQ(n + m, m + n);
  EXPECT_EQ((n + Dim(1)) * (n - Dim(1)), n * n - Dim(1));
  EXPECT_EQ(floorDiv(n * m * Dim(6), m * Dim(2)), n * Dim(3));
  EXPECT_EQ(floorDiv(n * Dim(4), n * Dim(2)), Dim(2));
  EXPECT_EQ(floorDiv(n * Dim(3), n * Dim(2)), Dim(1));
  EXPECT_EQ(floorDiv(n * m + n * Dim(2), n), m + Dim(2));
  EXPECT_EQ(toString(floorDiv(n * Dim(4) + Dim(3), Dim(2))), "2*N + 1");
  EXPECT_EQ(toString(floorDiv(n * m + Dim(1), n)), "(N*M + 1)//N");
  EXPECT_EQ(n - n, Dim(0));
  EXPECT_EQ(max(n, n + Dim(2)), n + Dim(2));
  EXPECT_EQ(context.named("N"), n);
  EXPECT_TRUE((Dim(int64_t(1) << 62) * Dim(4)).isOverflow());
}

TEST(Dimensions, WhatANoneGoesIntoHasNoName) {
  DimContext context;
  Dim none = context.anonymous("x", 0), n = context.named("N");
  Dim dims[] = {none, none * Dim(2), n * Dim(2) + Dim(1), none + n, Dim(3)};
  EXPECT_EQ(toString(Shape(dims)), "(?, ?, 2*N + 1, ?, 3)");
}

// Random expressions against the same arithmetic on numbers. Run-time dimensions are at least 1
// here: a dimension that is divided by is.
TEST(Dimensions, RandomExpressionsHaveTheirValue) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    DimContext context;
    int64_t values[] = {int64_t(random() % 9) + 1, int64_t(random() % 5) + 1};
    auto symbol = [&](const DimSymbol &s) { return values[s.id]; };
    std::vector<std::pair<Dim, int64_t>> made = {{context.named("N"), values[0]},
                                                 {context.named("M"), values[1]}};
    for (int64_t k = -3; k <= 6; ++k) made.push_back({Dim(k), k});
    for (int step = 0; step < 8; ++step) {
      auto [a, x] = made[random() % made.size()];
      auto [b, y] = made[random() % made.size()];
      // Python's: toward minus infinity.
      auto quotient = [](int64_t p, int64_t q) {
        int64_t r = p / q;
        return p % q != 0 && (p < 0) != (q < 0) ? r - 1 : r;
      };
      switch (random() % 8) {
      case 0:
        made.push_back({a + b, x + y});
        break;
      case 1:
        made.push_back({a - b, x - y});
        break;
      case 2:
        if (std::abs(x) < 10000 && std::abs(y) < 10000) made.push_back({a * b, x * y});
        break;
      case 3:
        if (y > 0) made.push_back({floorDiv(a, b), quotient(x, y)});
        break;
      case 4:
        if (y > 0) made.push_back({ceilDiv(a, b), -quotient(-x, y)});
        break;
      case 5:
        if (y > 0) made.push_back({mod(a, b), x - quotient(x, y) * y});
        break;
      case 6:
        made.push_back({min(a, b), std::min(x, y)});
        break;
      default:
        made.push_back({max(a, b), std::max(x, y)});
      }
    }
    for (const auto &[dim, value] : made) {
      auto got = evaluate(dim, symbol);
      ASSERT_TRUE(got) << toString(dim);
      ASSERT_EQ(*got, value) << toString(dim) << " where N is " << values[0] << " and M "
                             << values[1];
      auto all = substitute(dim, [&](const DimSymbol &s) { return std::optional(symbol(s)); });
      ASSERT_TRUE(all.is(value)) << toString(dim) << " became " << toString(all);
      // One after the other.
      auto some = substitute(dim, [&](const DimSymbol &s) {
        return s.id == 0 ? std::optional(symbol(s)) : std::nullopt;
      });
      ASSERT_EQ(evaluate(some, symbol), value) << toString(dim) << " became " << toString(some);
    }
  }
}

} // namespace
} // namespace graphc
