#include "interface/convert.h"

#include <gtest/gtest.h>

using namespace graphc;

namespace {

constexpr DType all[] = {DType::Float16, DType::BFloat16, DType::Float32, DType::Float64,
                         DType::Int8,    DType::Int16,    DType::Int32,   DType::Int64,
                         DType::UInt8,   DType::UInt16,   DType::UInt32,  DType::UInt64,
                         DType::Bool};

Array made(DType dtype, std::vector<double> values) {
  Array array;
  array.reset(dtype, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) array.setNumber(static_cast<int64_t>(i), values[i]);
  return array;
}

Array converted(const Array &from, DType to, double scale = 1) {
  Array array;
  array.reset(to, from.dims);
  convertElements(from.dtype, from.bytes.data(), to, array.bytes.data(), from.elements(), scale);
  return array;
}

TEST(Convert, EveryPairOfTypes) {
  for (DType from : all)
    for (DType to : all) {
      Array source = made(from, {0, 1, 1});
      bool refused = isFloating(from) && !isFloating(to);
      EXPECT_EQ(!conversionProblem(source, to).empty(), refused)
          << dtypeName(from) << " to " << dtypeName(to);
      if (refused) continue;
      EXPECT_EQ(converted(source, to).bytes, made(to, {0, 1, 1}).bytes);
    }
}

TEST(Convert, IntegersMustBeOfTheRange) {
  EXPECT_EQ(conversionProblem(made(DType::Int64, {-1}), DType::UInt8),
            "holds -1, which is no uint8");
  EXPECT_EQ(conversionProblem(made(DType::Int32, {0, 256}), DType::UInt8),
            "holds 256, which is no uint8");
  EXPECT_EQ(conversionProblem(made(DType::UInt8, {255}), DType::Int8),
            "holds 255, which is no int8");
  EXPECT_EQ(conversionProblem(made(DType::UInt8, {2}), DType::Bool), "holds 2, which is no bool");
  EXPECT_EQ(conversionProblem(made(DType::Int64, {-128, 127}), DType::Int8), "");
  Array large = made(DType::UInt64, {0});
  large.setInteger(0, -1);
  EXPECT_EQ(conversionProblem(large, DType::Int64),
            "holds 18446744073709551615, which is no int64");
  EXPECT_EQ(conversionProblem(made(DType::Int64, {-1}), DType::UInt64),
            "holds -1, which is no uint64");
  EXPECT_EQ(conversionProblem(large, DType::UInt64), "");
}

TEST(Convert, FloatsAreScaledInDouble) {
  Array pixels = made(DType::UInt8, {0, 51, 255});
  Array shares = converted(pixels, DType::Float32, 1.0 / 255);
  for (int i : {0, 1, 2})
    EXPECT_EQ(shares.as<float>()[i], static_cast<float>(pixels.number(i) / 255)) << i;
  EXPECT_EQ(converted(made(DType::Float32, {3}), DType::Float32, 0.5).as<float>()[0], 1.5f);
}

} // namespace
