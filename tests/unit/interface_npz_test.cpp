#include "interface/arrays.h"
#include "interface/npz.h"

#include <fstream>
#include <gtest/gtest.h>

using namespace graphc;

namespace {

std::string path() { return testing::TempDir() + "graphc_npz_test.npz"; }

Array numbers(std::vector<float> values) {
  Array array;
  array.reset(DType::Float32, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) array.as<float>()[i] = values[i];
  return array;
}

std::string fileBytes() {
  std::ifstream in(path(), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Npz, WhatIsWrittenIsRead) {
  Array a = numbers({1, 2, 3}), b = numbers({}), c = numbers({-4});
  c.dims = {};
  std::string why;
  ASSERT_TRUE(writeNpz(path(), {{"layer/a", &a}, {"b", &b}, {"c", &c}}, why)) << why;
  std::string first = fileBytes();
  ASSERT_TRUE(writeNpz(path(), {{"layer/a", &a}, {"b", &b}, {"c", &c}}, why)) << why;
  EXPECT_EQ(fileBytes(), first);
  auto npz = Npz::open(path(), why);
  ASSERT_TRUE(npz) << why;
  EXPECT_EQ(npz->names(), (std::vector<std::string>{"layer/a", "b", "c"}));
  const Array *expected[] = {&a, &b, &c};
  for (size_t i : {size_t(2), size_t(0), size_t(1), size_t(0)}) { // in any order, again
    auto got = npz->read(i, why);
    ASSERT_TRUE(got) << why;
    EXPECT_EQ(got->dims, expected[i]->dims);
    EXPECT_EQ(got->bytes, expected[i]->bytes);
  }
}

TEST(Npz, MembersByName) {
  Array a = numbers({1, 2}), b = numbers({3});
  std::string why;
  ASSERT_TRUE(writeNpz(path(), {{"alpha", &a}, {"beta", &b}}, why)) << why;
  auto got = readArray(path() + ":beta", why);
  ASSERT_TRUE(got) << why;
  EXPECT_EQ(got->bytes, b.bytes);
  EXPECT_FALSE(readArray(path() + ":gamma", why));
  EXPECT_EQ(why, "holds no array 'gamma'");
  EXPECT_FALSE(readArray(path() + ":betta", why));
  EXPECT_EQ(why, "holds no array 'betta'; did you mean 'beta'?");
  EXPECT_FALSE(readArray(path(), why));
  EXPECT_EQ(why, "holds 2 arrays; name one: " + path() + ":alpha");
  ASSERT_TRUE(writeNpz(path(), {{"only", &b}}, why)) << why;
  EXPECT_TRUE(readArray(path(), why)) << why;
}

TEST(Npz, NoCutOrFlippedByteIsReadAsSomethingElse) {
  Array a = numbers({1, 2, 3, 4, 5});
  std::string why;
  ASSERT_TRUE(writeNpz(path(), {{"a", &a}}, why)) << why;
  std::string whole = fileBytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    std::ofstream(path(), std::ios::binary) << whole.substr(0, size);
    auto got = readArray(path(), why);
    // Of the end's record, the last bytes say nothing about the members.
    if (!got) continue;
    EXPECT_GE(size, whole.size() - 4);
    EXPECT_EQ(got->bytes, a.bytes);
  }
  // Nothing that differs comes out: the checksum guards the data.
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string flipped = whole;
    flipped[at] ^= 0x10;
    std::ofstream(path(), std::ios::binary) << flipped;
    auto got = readArray(path(), why);
    if (!got) continue;
    EXPECT_EQ(got->bytes, a.bytes) << at;
  }
}

TEST(Npz, OtherFilesAreRefused) {
  std::string why;
  EXPECT_FALSE(Npz::open("/nonexistent.npz", why));
  EXPECT_EQ(why, "can't be read: No such file or directory");
  EXPECT_FALSE(Npz::open(testing::TempDir(), why));
  EXPECT_EQ(why, "is not a zip file, or is one that is damaged");
  std::ofstream(path(), std::ios::binary) << "PK\x03\x04 and nothing more";
  EXPECT_FALSE(Npz::open(path(), why));
  EXPECT_EQ(why, "is not a zip file, or is one that is damaged");
  Array a = numbers({1});
  EXPECT_FALSE(writeNpz(path(), {{"", &a}}, why));
  EXPECT_FALSE(writeNpz(path(), {{std::string(5000, 'x'), &a}}, why));
  EXPECT_FALSE(writeNpz("/nonexistent/x.npz", {{"a", &a}}, why));
}

} // namespace
