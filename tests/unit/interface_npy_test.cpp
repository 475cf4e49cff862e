#include "interface/npy.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>

using namespace graphc;

namespace {

std::string path() { return testing::TempDir() + "graphc_npy_test.npy"; }

std::optional<Array> readBytes(const std::string &bytes, std::string &why) {
  std::ofstream(path(), std::ios::binary) << bytes;
  return readNpy(path(), why);
}

/// A file with this header text, unpadded.
std::string file(std::string header, std::string data, char version = 1) {
  std::string out("\x93NUMPY");
  out += version;
  out += '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) out += char(header.size() >> 8 * i & 0xFF);
  return out + header + data;
}

std::string refusal(const std::string &bytes) {
  std::string why;
  EXPECT_FALSE(readBytes(bytes, why).has_value()) << bytes;
  return why;
}

std::string floats(std::initializer_list<float> values) {
  std::string out(values.size() * 4, '\0');
  std::memcpy(out.data(), std::data(values), out.size());
  return out;
}

TEST(Npy, WhatIsWrittenIsRead) {
  for (DType dtype : {DType::Float16, DType::BFloat16, DType::Float32, DType::Float64, DType::Int8,
                      DType::Int16, DType::Int32, DType::Int64, DType::UInt8, DType::UInt16,
                      DType::UInt32, DType::UInt64, DType::Bool}) {
    for (std::vector<int64_t> dims :
         {std::vector<int64_t>{}, {3}, {2, 3}, {2, 0, 3}, {1, 2, 1, 4}}) {
      Array array;
      array.dtype = dtype;
      array.dims = dims;
      int64_t size = dtypeSize(dtype);
      for (int64_t dim : dims) size *= dim;
      array.bytes.resize(size);
      for (size_t i = 0; i < array.bytes.size(); ++i)
        array.bytes[i] = std::byte(dtype == DType::Bool ? i % 2 : i * 7);
      std::string bytes = npyBytes(dtype, array.dims, array.bytes);
      EXPECT_EQ((bytes.size() - array.bytes.size()) % 64, 0u);
      std::string why;
      auto got = readBytes(bytes, why);
      ASSERT_TRUE(got) << why;
      EXPECT_EQ(got->dtype, dtype);
      EXPECT_EQ(got->dims, array.dims);
      EXPECT_EQ(got->bytes, array.bytes);
    }
  }
}

TEST(Npy, FortranOrderIsTurned) {
  std::string why;
  // [[1, 2, 3], [4, 5, 6]] by columns.
  auto got = readBytes(file("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }",
                            floats({1, 4, 2, 5, 3, 6})),
                       why);
  ASSERT_TRUE(got) << why;
  EXPECT_EQ(got->dims, (std::vector<int64_t>{2, 3}));
  for (int i = 0; i < 6; ++i) EXPECT_EQ(got->as<float>()[i], i + 1);
}

TEST(Npy, BigEndianIsTurned) {
  std::string why;
  std::string data("\x3F\x80\x00\x00\x40\x00\x00\x00", 8);
  auto got = readBytes(file("{'descr': '>f4', 'fortran_order': False, 'shape': (2,)}", data), why);
  ASSERT_TRUE(got) << why;
  EXPECT_EQ(got->as<float>()[0], 1.0f);
  EXPECT_EQ(got->as<float>()[1], 2.0f);
}

TEST(Npy, EveryVersionAndOrderOfKeys) {
  std::string why;
  for (char version : {1, 2, 3}) {
    auto got = readBytes(
        file("{\"shape\": (1, ), 'fortran_order': False, 'descr': '|u1'}  \n", "a", version), why);
    ASSERT_TRUE(got) << why;
    EXPECT_EQ(got->bytes[0], std::byte('a'));
  }
}

TEST(Npy, AnyByteButZeroIsTrue) {
  std::string why;
  auto got = readBytes(
      file("{'descr':'|b1','fortran_order':False,'shape':(3,)}", std::string("\x00\x01\xFF", 3)),
      why);
  ASSERT_TRUE(got) << why;
  EXPECT_EQ(got->bytes, (std::vector{std::byte(0), std::byte(1), std::byte(1)}));
}

TEST(Npy, BrokenAndHostileFilesAreRefused) {
  auto header = [](const char *descr, const char *shape) {
    return std::string("{'descr': '") + descr + "', 'fortran_order': False, 'shape': " + shape +
           "}";
  };
  EXPECT_EQ(refusal(""), "is not a .npy file");
  EXPECT_EQ(refusal("PK\003\004 zip archive"), "is not a .npy file");
  EXPECT_EQ(refusal(file("x", "", 9)), "has version 9 of the .npy format; 1 to 3 are known");
  EXPECT_EQ(refusal(std::string("\x93NUMPY\x01\x00\xFF\xFFshort", 15)),
            "has a header that is cut off");
  EXPECT_EQ(refusal(std::string("\x93NUMPY\x02\x00\xFF\xFF\xFF\x7F", 12)),
            "claims a header of 2147483647 bytes");
  std::string malformed = "has a header that is malformed, or describes no plain array";
  for (std::string bad :
       {std::string(""), std::string("{}"), std::string("{'descr': '<f4'}"), header("<f4", "(2,"),
        header("<f4", "(-1,)"), header("<f4", "(99999999999999999999,)"), header("<f4", "(2 3)"),
        header("<f4", "3"), header("<f4", "(2,)") + "x",
        std::string("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}"),
        std::string("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}"),
        std::string("{'descr': '<f4', 'fortran_order': maybe, 'shape': (2,)}"),
        std::string("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': '1'}")})
    EXPECT_EQ(refusal(file(bad, floats({1, 2}))), malformed) << bad;
  std::string many = "(";
  for (int i = 0; i < 65; ++i) many += "1,";
  EXPECT_EQ(refusal(file(header("<f4", (many + ")").c_str()), floats({1}))), malformed);
  EXPECT_EQ(refusal(file(header("|O", "(2,)"), "")),
            "holds elements of type '|O', which no dtype here is");
  EXPECT_EQ(refusal(file(header("<c8", "(2,)"), "")),
            "holds elements of type '<c8', which no dtype here is");
  EXPECT_EQ(refusal(file(header("<f4", "(4294967296, 4294967296)"), "")),
            "claims a shape whose size overflows");
  EXPECT_EQ(refusal(file(header("<f4", "(1000000000000,)"), "abc")),
            "is cut off: its header promises 4000000000000 bytes of data");
  EXPECT_EQ(refusal(file(header("<f4", "(1,)"), floats({1, 2}))),
            "goes on after the 4 bytes of data that its header promises");
  std::string why;
  EXPECT_FALSE(readNpy("/nonexistent.npy", why));
  EXPECT_EQ(why, "can't be read: No such file or directory");
  EXPECT_FALSE(readNpy("/", why));
  EXPECT_EQ(why, "can't be read: Is a directory");
  // An empty array may claim what it likes in its other dimensions.
  EXPECT_TRUE(readBytes(file(header("<f4", "(0, 4294967296, 4294967296)"), ""), why)) << why;
}

TEST(Npy, EveryCutOfAFileIsRefused) {
  std::string whole =
      file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}", floats({1, 2, 3, 4}));
  for (size_t size = 0; size < whole.size(); ++size) {
    std::string why;
    EXPECT_FALSE(readBytes(whole.substr(0, size), why)) << size;
  }
}

} // namespace
