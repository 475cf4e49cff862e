// Random numbers against published vectors and against the distributions they claim to have.
#include "support.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

using namespace graphrt_test;

namespace {

constexpr int64_t many = 200000;

template <typename T>
std::vector<T> draw(int32_t kind, int32_t dtype, int64_t n, double a, double b, uint64_t op = 5) {
  graphrt_random_state state{1234, 0, op, 9};
  std::vector<T> values(static_cast<size_t>(n));
  graphrt_random_at(&state, kind, dtype, values.data(), 0, n, a, b);
  return values;
}

template <typename T>
std::pair<double, double> meanAndVariance(const std::vector<T> &values) {
  double mean = 0, variance = 0;
  for (T v : values) mean += static_cast<double>(v);
  mean /= static_cast<double>(values.size());
  for (T v : values) variance += std::pow(static_cast<double>(v) - mean, 2);
  return {mean, variance / static_cast<double>(values.size())};
}

// Kolmogorov's statistic, times √n: beyond 1.95 with probability 0.001.
template <typename T>
double kolmogorov(std::vector<T> values, const std::function<double(double)> &distribution) {
  std::sort(values.begin(), values.end());
  double n = static_cast<double>(values.size()), largest = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    double expected = distribution(static_cast<double>(values[i]));
    largest = std::max({largest, std::abs(expected - static_cast<double>(i) / n),
                        std::abs(expected - static_cast<double>(i + 1) / n)});
  }
  return largest * std::sqrt(n);
}

double normalCdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

} // namespace

// The known answers that come with Random123.
TEST(Philox, KnownAnswers) {
  struct {
    uint32_t counter[4], key[2], expected[4];
  } const vectors[] = {
      {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
       {0xffffffff, 0xffffffff},
       {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
       {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
  };
  for (auto &v : vectors) {
    uint32_t out[4];
    graphrt_philox(v.counter, v.key, out);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(out[i], v.expected[i]);
  }
}

// The first uniform numbers follow from the generator as random.c's head says.
TEST(Random, FollowsFromPhilox) {
  graphrt_random_state state{0x123456789abcdef0, 3, 0x1122334455667788, 42};
  const uint32_t counter[4] = {0x55667788, 0x11223344, 3, 0}, key[2] = {0x9abcdef0, 0x12345678};
  uint32_t mixed[4], word[4];
  graphrt_philox(counter, key, mixed);
  const uint32_t second[4] = {1, 0, 42, 0};
  graphrt_philox(second, mixed, word);
  float values[8];
  graphrt_random_at(&state, GRAPHRT_RANDOM_UNIFORM, GRAPHRT_FLOAT32, values, 0, 8, 0, 1);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(values[4 + i], static_cast<float>(word[i] >> 9) / 8388608.0f);
}

// Every word of a long sequence against the generator run block by block, also where the index of
// the block passes 32 bits.
TEST(Random, EveryBlockIsTheGenerators) {
  graphrt_random_state state{99, 1, 2, 0xfedcba9876543210};
  const uint32_t counter[4] = {2, 0, 1, 0}, key[2] = {99, 0};
  uint32_t mixed[4];
  graphrt_philox(counter, key, mixed);
  std::vector<uint64_t> values(1000);
  for (uint64_t begin : {uint64_t{0}, uint64_t{0x1fffffff0}}) {
    // The whole range but its last number: nearly the words themselves.
    graphrt_random_int_at(&state, GRAPHRT_UINT64, values.data(), static_cast<int64_t>(begin), 1000,
                          0, -1);
    for (size_t i = 0; i < values.size(); ++i) {
      uint64_t block = (begin + i) / 2;
      const uint32_t at[4] = {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32),
                              0x76543210, 0xfedcba98};
      uint32_t word[4];
      graphrt_philox(at, mixed, word);
      size_t first = (begin + i) % 2 * 2;
      uint64_t bits = uint64_t{word[first + 1]} << 32 | word[first];
      ASSERT_TRUE(values[i] == bits || values[i] == bits - 1) << i;
    }
  }
}

TEST(Random, AnyPieceOfASequenceIsThatPiece) {
  graphrt_random_state state{7, 1, 2, 3};
  for (int32_t kind :
       {GRAPHRT_RANDOM_UNIFORM, GRAPHRT_RANDOM_NORMAL, GRAPHRT_RANDOM_TRUNCATED_NORMAL})
    for (int32_t dtype : {GRAPHRT_FLOAT32, GRAPHRT_FLOAT64, GRAPHRT_FLOAT16, GRAPHRT_BFLOAT16}) {
      size_t size = graphrt_dtype_size(dtype);
      std::vector<uint8_t> whole(500 * size), piece(500 * size);
      graphrt_random_at(&state, kind, dtype, whole.data(), 0, 500, 0, 1);
      for (int64_t begin : {0, 1, 3, 4, 17, 31, 32, 33, 250})
        for (int64_t n : {0, 1, 2, 5, 31, 32, 64, 200}) {
          graphrt_random_at(&state, kind, dtype, piece.data(), begin, n, 0, 1);
          EXPECT_EQ(std::memcmp(piece.data(), whole.data() + static_cast<size_t>(begin) * size,
                                static_cast<size_t>(n) * size),
                    0);
        }
    }
}

TEST(Random, SeedStreamOpAndCounterEachMatter) {
  graphrt_random_state base{1, 2, 3, 4};
  std::vector<std::vector<float>> all;
  for (int which = 0; which < 5; ++which) {
    graphrt_random_state s = base;
    if (which == 1) ++s.seed;
    if (which == 2) ++s.stream;
    if (which == 3) ++s.op;
    if (which == 4) ++s.counter;
    std::vector<float> values(64);
    graphrt_random_at(&s, GRAPHRT_RANDOM_UNIFORM, GRAPHRT_FLOAT32, values.data(), 0, 64, 0, 1);
    for (auto &other : all) EXPECT_NE(values, other);
    all.push_back(values);
  }
}

TEST(Distribution, Uniform) {
  auto floats = draw<float>(GRAPHRT_RANDOM_UNIFORM, GRAPHRT_FLOAT32, many, -2, 6);
  auto doubles = draw<double>(GRAPHRT_RANDOM_UNIFORM, GRAPHRT_FLOAT64, many, -2, 6);
  auto check = [](const auto &values) {
    auto [mean, variance] = meanAndVariance(values);
    EXPECT_NEAR(mean, 2.0, 0.02);
    EXPECT_NEAR(variance, 64.0 / 12, 0.05);
    for (auto v : values) ASSERT_TRUE(v >= -2 && v < 6);
    EXPECT_LT(kolmogorov(values, [](double x) { return (x + 2) / 8; }), 1.95);
  };
  check(floats);
  check(doubles);
}

TEST(Distribution, UniformNeverReachesItsEnd) {
  // A range so narrow that most of it rounds to the end.
  float low = 1.0f, high = std::nextafter(1.0f, 2.0f);
  for (float v : draw<float>(GRAPHRT_RANDOM_UNIFORM, GRAPHRT_FLOAT32, 1000, low, high))
    ASSERT_EQ(v, low);
  for (uint16_t v : draw<uint16_t>(GRAPHRT_RANDOM_UNIFORM, GRAPHRT_FLOAT16, many, -1, 3)) {
    float value = graphrt_f16_to_f32(v);
    ASSERT_TRUE(value >= -1 && value < 3) << value;
  }
  for (uint16_t v : draw<uint16_t>(GRAPHRT_RANDOM_UNIFORM, GRAPHRT_BFLOAT16, many, -3, 0)) {
    float value = graphrt_bf16_to_f32(v);
    ASSERT_TRUE(value >= -3 && value < 0) << value;
  }
}

TEST(Distribution, Normal) {
  auto check = [](const auto &values) {
    auto [mean, variance] = meanAndVariance(values);
    EXPECT_NEAR(mean, 3.0, 0.03);
    EXPECT_NEAR(variance, 4.0, 0.06);
    EXPECT_LT(kolmogorov(values, [](double x) { return normalCdf((x - 3) / 2); }), 1.95);
  };
  check(draw<float>(GRAPHRT_RANDOM_NORMAL, GRAPHRT_FLOAT32, many, 3, 2));
  check(draw<double>(GRAPHRT_RANDOM_NORMAL, GRAPHRT_FLOAT64, many, 3, 2));
}

TEST(Distribution, TruncatedNormal) {
  double inside = normalCdf(2) - normalCdf(-2);
  auto check = [&](const auto &values) {
    auto [mean, variance] = meanAndVariance(values);
    EXPECT_NEAR(mean, 0.0, 0.01);
    EXPECT_NEAR(variance, 0.7737, 0.01); // of a standard normal cut at ±2
    for (auto v : values) ASSERT_LT(std::abs(v), 2.0);
    EXPECT_LT(kolmogorov(values, [&](double x) { return (normalCdf(x) - normalCdf(-2)) / inside; }),
              1.95);
  };
  check(draw<float>(GRAPHRT_RANDOM_TRUNCATED_NORMAL, GRAPHRT_FLOAT32, many, 0, 1));
  check(draw<double>(GRAPHRT_RANDOM_TRUNCATED_NORMAL, GRAPHRT_FLOAT64, many, 0, 1));
}

TEST(Distribution, NeighboursAreUncorrelated) {
  auto values = draw<float>(GRAPHRT_RANDOM_NORMAL, GRAPHRT_FLOAT32, many, 0, 1);
  for (size_t lag : {1u, 2u, 3u, 4u, 32u}) {
    double sum = 0;
    for (size_t i = lag; i < values.size(); ++i)
      sum += static_cast<double>(values[i]) * static_cast<double>(values[i - lag]);
    EXPECT_LT(std::abs(sum) / std::sqrt(static_cast<double>(values.size())), 4.0) << lag;
  }
}

TEST(Integers, EvenOverTheirRange) {
  graphrt_random_state state{5, 0, 1, 1};
  std::vector<int32_t> values(60000);
  graphrt_random_int_at(&state, GRAPHRT_INT32, values.data(), 0, 60000, -2, 4);
  int counts[6] = {};
  for (int32_t v : values) {
    ASSERT_TRUE(v >= -2 && v < 4);
    ++counts[v + 2];
  }
  double chi = 0;
  for (int c : counts) chi += std::pow(c - 10000.0, 2) / 10000;
  EXPECT_LT(chi, 20.5); // 5 degrees of freedom, 0.001

  std::vector<int64_t> wide(1000);
  graphrt_random_int_at(&state, GRAPHRT_INT64, wide.data(), 0, 1000, INT64_MIN, INT64_MAX);
  EXPECT_LT(*std::min_element(wide.begin(), wide.end()), -INT64_MAX / 2);
  EXPECT_GT(*std::max_element(wide.begin(), wide.end()), INT64_MAX / 2);
  std::vector<uint64_t> beyond(1000);
  graphrt_random_int_at(&state, GRAPHRT_UINT64, beyond.data(), 0, 1000, INT64_MAX, -1);
  for (uint64_t v : beyond) ASSERT_GE(v, static_cast<uint64_t>(INT64_MAX));
  std::vector<uint8_t> bytes(1000), coins(1000);
  graphrt_random_int_at(&state, GRAPHRT_UINT8, bytes.data(), 0, 1000, 250, 256);
  for (uint8_t v : bytes) ASSERT_GE(v, 250);
  graphrt_random_int_at(&state, GRAPHRT_BOOL, coins.data(), 0, 1000, 0, 0);
  auto heads = std::count(coins.begin(), coins.end(), 1);
  EXPECT_EQ(heads + std::count(coins.begin(), coins.end(), 0), 1000);
  EXPECT_NEAR(static_cast<double>(heads), 500, 60);
  graphrt_random_int_at(&state, GRAPHRT_INT64, wide.data(), 0, 10, 3, 3); // an empty range
  EXPECT_EQ(wide[9], 3);
}

// ---- 16-bit types ----

TEST(Half, EveryValueComesBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    auto half = static_cast<uint16_t>(bits);
    float value = graphrt_f16_to_f32(half);
    float brain = graphrt_bf16_to_f32(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(graphrt_f16_to_f32(graphrt_f32_to_f16(value))));
    } else {
      EXPECT_EQ(graphrt_f32_to_f16(value), half);
      EXPECT_EQ(graphrt_f64_to_f16(static_cast<double>(value)), half);
    }
    if (std::isnan(brain)) {
      EXPECT_TRUE(std::isnan(graphrt_bf16_to_f32(graphrt_f32_to_bf16(brain))));
    } else {
      EXPECT_EQ(graphrt_f32_to_bf16(brain), half);
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  // Between each two neighbours: the middle goes to the even one, what is beside it to its side.
  for (uint32_t bits = 0; bits < 0x7bff; ++bits) {
    auto low = static_cast<uint16_t>(bits), high = static_cast<uint16_t>(bits + 1);
    float a = graphrt_f16_to_f32(low), b = graphrt_f16_to_f32(high), middle = (a + b) / 2;
    ASSERT_EQ(graphrt_f32_to_f16(middle), bits & 1 ? high : low) << bits;
    ASSERT_EQ(graphrt_f32_to_f16(std::nextafter(middle, a)), low);
    ASSERT_EQ(graphrt_f32_to_f16(std::nextafter(middle, b)), high);
    ASSERT_EQ(graphrt_f32_to_f16(-middle), (bits & 1 ? high : low) | 0x8000);
    ASSERT_EQ(graphrt_f64_to_f16(std::nextafter(static_cast<double>(middle), 1e9)), high);
  }
  EXPECT_EQ(graphrt_f32_to_f16(65519.0f), 0x7bff);
  EXPECT_EQ(graphrt_f32_to_f16(65520.0f), 0x7c00);
  EXPECT_EQ(graphrt_f32_to_f16(1e30f), 0x7c00);
  EXPECT_EQ(graphrt_f64_to_f16(-1e300), 0xfc00);
  EXPECT_EQ(graphrt_f32_to_f16(1e-30f), 0);
  EXPECT_EQ(graphrt_f64_to_f16(-1e-300), 0x8000);
  for (uint32_t bits = 0; bits < 0x7f7f; bits += 7) {
    auto low = static_cast<uint16_t>(bits), high = static_cast<uint16_t>(bits + 1);
    double a = graphrt_bf16_to_f32(low), b = graphrt_bf16_to_f32(high);
    auto middle = static_cast<float>((a + b) / 2);
    ASSERT_EQ(graphrt_f32_to_bf16(middle), bits & 1 ? high : low) << bits;
  }
}
