#include "interface/arrays.h"
#include "interface/idx.h"

#include <fstream>
#include <gtest/gtest.h>
#include <zlib.h>

using namespace graphc;

namespace {

std::string path() { return testing::TempDir() + "graphc_idx_test.idx"; }

std::optional<Array> readBytes(const std::string &bytes, std::string &why) {
  std::ofstream(path(), std::ios::binary) << bytes;
  return readArray(path(), why);
}

std::string refusal(const std::string &bytes) {
  std::string why;
  EXPECT_FALSE(readBytes(bytes, why).has_value());
  return why;
}

/// A header of this type and these dimensions.
std::string header(int type, std::vector<uint32_t> dims) {
  std::string out{'\0', '\0', char(type), char(dims.size())};
  for (uint32_t dim : dims)
    for (int shift = 24; shift >= 0; shift -= 8) out += char(dim >> shift & 0xFF);
  return out;
}

std::string gzipped(const std::string &bytes) {
  gzFile file = gzopen(path().c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
  std::ifstream in(path(), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(Idx, EveryType) {
  struct Case {
    int type;
    std::string data;
    DType dtype;
    double first, second;
  };
  for (const Case &c :
       {Case{0x08, std::string("\x07\xff", 2), DType::UInt8, 7, 255},
        Case{0x09, std::string("\x07\xff", 2), DType::Int8, 7, -1},
        Case{0x0B, std::string("\x01\x02\xff\xfe", 4), DType::Int16, 258, -2},
        Case{0x0C, std::string("\0\0\1\0\xff\xff\xff\xff", 8), DType::Int32, 256, -1},
        Case{0x0D, std::string("\x3f\x80\0\0\xc0\0\0\0", 8), DType::Float32, 1, -2},
        Case{0x0E, std::string("\x3f\xf0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0", 16), DType::Float64, 1,
             -2}}) {
    std::string bytes = header(c.type, {2, 1}) + c.data;
    for (const std::string &file : {bytes, gzipped(bytes)}) {
      std::string why;
      auto got = readBytes(file, why);
      ASSERT_TRUE(got) << why;
      EXPECT_EQ(got->dtype, c.dtype);
      EXPECT_EQ(got->dims, (std::vector<int64_t>{2, 1}));
      EXPECT_EQ(got->number(0), c.first);
      EXPECT_EQ(got->number(1), c.second);
    }
  }
}

TEST(Idx, BrokenAndHostileFilesAreRefused) {
  std::string unknown = "is not a .npy, .npz or IDX file";
  EXPECT_EQ(refusal(""), unknown);
  EXPECT_EQ(refusal(header(0x0A, {1}) + "a"), unknown);
  EXPECT_EQ(refusal(header(0x08, {})), unknown);
  EXPECT_EQ(refusal(header(0x08, {3}) + "ab"), "is cut off: its header promises 3 bytes of data");
  EXPECT_EQ(refusal(header(0x08, {3}) + "abcd"),
            "goes on after the 3 bytes of data that its header promises");
  EXPECT_EQ(refusal(header(0x08, {~0u, ~0u, ~0u})), "claims a shape whose size overflows");
  EXPECT_EQ(refusal(header(0x0E, {1u << 30, 1000}) + "abc"),
            "is cut off: its header promises 8589934592000 bytes of data");
  // 255 dimensions are promised, none is there.
  EXPECT_EQ(refusal(std::string("\0\0\x08\xff", 4)), "has a header that is cut off");
  std::string why;
  EXPECT_TRUE(readBytes(header(0x08, {0, 28}), why)) << why;
}

TEST(Idx, GzipThatIsCutDamagedOrPromisesTooMuch) {
  std::string data(5000, '\0');
  for (size_t i = 0; i < data.size(); ++i) data[i] = char(i * i % 251);
  std::string whole = gzipped(header(0x08, {5000}) + data);
  for (size_t size : {size_t(20), whole.size() / 2, whole.size() - 1})
    EXPECT_EQ(refusal(whole.substr(0, size)), "holds gzip data that is cut off") << size;
  std::string damaged = whole;
  damaged[whole.size() - 6] ^= 1; // of the checksum
  EXPECT_EQ(refusal(damaged), "holds gzip data that is damaged");
  EXPECT_EQ(refusal(gzipped(header(0x0E, {~0u, 1u << 20}))),
            "promises 36028797010575360 bytes of data: more than this machine's memory");
}

} // namespace
