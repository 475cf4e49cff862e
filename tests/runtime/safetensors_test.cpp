// The reader against files that are wrong in one way each, and the writer against the reader.
#include "support.h"

#include <cstring>

using namespace graphrt_test;

namespace {

std::string message() { return graphrt_message(); }

graphrt_status openBytes(const Folder &folder, const std::string &bytes,
                         graphrt_safetensors **file) {
  std::string path = folder / "file";
  writeFile(path, bytes);
  return graphrt_safetensors_open(path.c_str(), nullptr, file);
}

const std::string good = R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})";

// A tensor's entry.
std::string tensor(const std::string &name, const std::string &dtype, const std::string &shape,
                   const std::string &offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
         offsets + "}";
}

struct Bad {
  const char *what;
  std::string header;
  size_t data;
  const char *expected;
};

const std::vector<Bad> &badHeaders() {
  static const std::vector<Bad> all = {
      {"empty header", "", 0, "expected '{'"},
      {"leading space", " " + good, 24, "expected '{'"},
      {"array", "[]", 0, "expected '{'"},
      {"number", "1", 0, "expected '{'"},
      {"no end", R"({"a")", 0, "expected ':'"},
      {"only brace", "{", 0, "expected a tensor's name"},
      {"trailing comma", R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},})", 1,
       "expected a tensor's name"},
      {"trailing garbage", good + "x", 24, "behind the end"},
      {"trailing zero byte", good + std::string(1, '\0'), 24, "behind the end"},
      {"second object", good + good, 24, "behind the end"},
      {"name no string", "{1:2}", 0, "expected a tensor's name"},
      {"entry no object", R"({"a":[]})", 0, "tensor 'a': expected '{'"},
      {"entry null", R"({"a":null})", 0, "tensor 'a': expected '{'"},
      {"entry empty", R"({"a":{}})", 0, "tensor 'a': expected dtype"},
      {"deep nesting", R"({"a":)" + std::string(100000, '{'), 0, "tensor 'a': expected dtype"},
      {"deep arrays", R"({"a":{"shape":)" + std::string(100000, '['), 0,
       "tensor 'a': expected an integer"},
      {"dtype missing", R"({"a":{"shape":[],"data_offsets":[0,1]}})", 1, "'a': dtype, shape or"},
      {"shape missing", R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1, "'a': dtype, shape or"},
      {"offsets missing", R"({"a":{"dtype":"U8","shape":[]}})", 1, "'a': dtype, shape or"},
      {"unknown field", R"({"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":1}})", 1,
       "'a': a field that is none"},
      {"field twice", R"({"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}})", 1,
       "'a': a field stands twice"},
      {"dtype unknown", "{" + tensor("a", "F31", "[]", "[0,4]") + "}", 4, "'a': a dtype that"},
      {"dtype lower case", "{" + tensor("a", "f32", "[]", "[0,4]") + "}", 4, "'a': a dtype that"},
      {"dtype empty", "{" + tensor("a", "", "[]", "[0,4]") + "}", 4, "'a': a dtype that"},
      {"dtype no string", R"({"a":{"dtype":1}})", 0, "'a': expected '\"'"},
      {"shape negative", "{" + tensor("a", "U8", "[-1]", "[0,1]") + "}", 1,
       "'a': expected an integer from 0 up"},
      {"shape fraction", "{" + tensor("a", "U8", "[1.5]", "[0,1]") + "}", 1,
       "'a': a number that is no integer"},
      {"shape fraction of nothing", "{" + tensor("a", "U8", "[1.0]", "[0,1]") + "}", 1,
       "'a': a number that is no integer"},
      {"shape exponent", "{" + tensor("a", "U8", "[1e0]", "[0,1]") + "}", 1,
       "'a': a number that is no integer"},
      {"shape NaN", "{" + tensor("a", "U8", "[NaN]", "[0,1]") + "}", 1, "'a': expected an integer"},
      {"shape infinity", "{" + tensor("a", "U8", "[Infinity]", "[0,1]") + "}", 1,
       "'a': expected an integer"},
      {"shape null", "{" + tensor("a", "U8", "[null]", "[0,1]") + "}", 1,
       "'a': expected an integer"},
      {"shape string", "{" + tensor("a", "U8", "[\"1\"]", "[0,1]") + "}", 1,
       "'a': expected an integer"},
      {"shape hexadecimal", "{" + tensor("a", "U8", "[0x1]", "[0,1]") + "}", 1,
       "'a': expected ']'"},
      {"shape with plus", "{" + tensor("a", "U8", "[+1]", "[0,1]") + "}", 1,
       "'a': expected an integer"},
      {"shape leading zero", "{" + tensor("a", "U8", "[01]", "[0,1]") + "}", 1,
       "'a': a number that begins with 0"},
      {"shape trailing comma", "{" + tensor("a", "U8", "[1,]", "[0,1]") + "}", 1,
       "'a': expected an integer"},
      {"shape number too large", "{" + tensor("a", "U8", "[9223372036854775808]", "[0,1]") + "}", 1,
       "'a': a number that is too large"},
      {"shape of very many digits",
       "{" + tensor("a", "U8", "[" + std::string(5000, '9') + "]", "[0,1]") + "}", 1,
       "'a': a number that is too large"},
      {"shape product overflows", "{" + tensor("a", "U8", "[4294967296,4294967296]", "[0,0]") + "}",
       0, "'a': a shape whose size overflows"},
      {"shape bytes overflow", "{" + tensor("a", "F64", "[1152921504606846976]", "[0,0]") + "}", 0,
       "'a': a shape whose size overflows"},
      {"shape not array", "{" + tensor("a", "U8", "3", "[0,3]") + "}", 3, "'a': expected '['"},
      {"shape of 65 dimensions",
       "{" +
           tensor(
               "a", "U8",
               [] {
                 std::string s = "[1";
                 for (int i = 1; i < 65; ++i) s += ",1";
                 return s + "]";
               }(),
               "[0,1]") +
           "}",
       1, "'a': a shape of too many dimensions"},
      {"half a byte", "{" + tensor("a", "F4", "[3]", "[0,1]") + "}", 1,
       "'a': a size that is no whole number of bytes"},
      {"one offset", "{" + tensor("a", "U8", "[1]", "[0]") + "}", 1, "'a': expected ','"},
      {"three offsets", "{" + tensor("a", "U8", "[1]", "[0,1,2]") + "}", 1, "'a': expected ']'"},
      {"offsets reversed", "{" + tensor("a", "U8", "[1]", "[1,0]") + "}", 1,
       "'a': data_offsets that end before they begin"},
      {"offsets negative", "{" + tensor("a", "U8", "[1]", "[-1,0]") + "}", 1,
       "'a': expected an integer from 0 up"},
      {"offsets too short", "{" + tensor("a", "U8", "[3]", "[0,2]") + "}", 2,
       "'a': data_offsets that do not fit"},
      {"offsets too long", "{" + tensor("a", "F32", "[3]", "[0,13]") + "}", 13,
       "'a': data_offsets that do not fit"},
      {"behind the end", "{" + tensor("a", "U8", "[5]", "[0,5]") + "}", 4,
       "'a' ends behind the end"},
      {"far behind the end",
       "{" + tensor("a", "U8", "[1]", "[9223372036854775806,9223372036854775807]") + "}", 4,
       "'a' ends behind the end"},
      {"begins behind the end", "{" + tensor("a", "U8", "[0]", "[9,9]") + "}", 4,
       "'a' ends behind the end"},
      {"overlap",
       "{" + tensor("a", "U8", "[4]", "[0,4]") + "," + tensor("b", "U8", "[4]", "[2,6]") + "}", 6,
       "tensor 'b' overlaps tensor 'a'"},
      {"the same span twice",
       "{" + tensor("a", "U8", "[4]", "[0,4]") + "," + tensor("b", "U8", "[4]", "[0,4]") + "}", 4,
       "tensor 'b' overlaps tensor 'a'"},
      {"gap",
       "{" + tensor("a", "U8", "[2]", "[0,2]") + "," + tensor("b", "U8", "[2]", "[4,6]") + "}", 6,
       "2 bytes before tensor 'b' belong to none"},
      {"gap at the beginning", "{" + tensor("a", "U8", "[2]", "[2,4]") + "}", 4,
       "2 bytes before tensor 'a' belong to none"},
      {"gap at the end", "{" + tensor("a", "U8", "[2]", "[0,2]") + "}", 5,
       "3 bytes behind tensor 'a' belong to none"},
      {"data of nobody", "{}", 3, "3 bytes of data belong to no tensor"},
      {"name twice",
       "{" + tensor("a", "U8", "[2]", "[0,2]") + "," + tensor("a", "U8", "[2]", "[2,4]") + "}", 4,
       "tensor 'a': it stands twice"},
      {"name twice by escape",
       "{" + tensor("a", "U8", "[2]", "[0,2]") + "," + tensor("\\u0061", "U8", "[2]", "[2,4]") +
           "}",
       4, "tensor 'a': it stands twice"},
      {"metadata twice", R"({"__metadata__":{},"__metadata__":{}})", 0,
       "__metadata__ stands twice"},
      {"metadata no object", R"({"__metadata__":1})", 0, "expected '{'"},
      {"metadata number", R"({"__metadata__":{"a":1}})", 0, "expected a string in __metadata__"},
      {"metadata nested", R"({"__metadata__":{"a":{"b":"c"}}})", 0,
       "expected a string in __metadata__"},
      {"metadata key twice", R"({"__metadata__":{"a":"b","a":"b"}})", 0,
       "a key of __metadata__ stands twice"},
      {"name without end", R"({"abc)", 0, "a string that does not end"},
      {"name that ends in a backslash", R"({"abc\)", 0, "bad escape"},
      {"unknown escape", R"({"\x41":1})", 0, "bad escape"},
      {"short escape", R"({"\u12)", 0, "bad escape"},
      {"escape without digits", R"({"\u00zz":1})", 0, "bad escape"},
      {"escaped zero", R"({"a\u0000b":1})", 0, "bad escape"},
      {"lone surrogate", R"({"\ud800":1})", 0, "bad escape"},
      {"reversed surrogates", R"({"\udc00\ud800":1})", 0, "bad escape"},
      {"surrogate and letter", R"({"\ud800\u0041":1})", 0, "bad escape"},
      {"zero byte in name", std::string("{\"a\0b\":1}", 9), 0, "control character"},
      {"newline in name", "{\"a\nb\":1}", 0, "control character"},
      {"broken UTF-8", "{\"\xff\":1}", 0, "not UTF-8"},
      {"overlong UTF-8", "{\"\xc0\x80\":1}", 0, "not UTF-8"},
      {"overlong UTF-8 of three", "{\"\xe0\x80\x80\":1}", 0, "not UTF-8"},
      {"overlong UTF-8 of four", "{\"\xf0\x80\x80\x80\":1}", 0, "not UTF-8"},
      {"short UTF-8", "{\"\xe2\x82", 0, "not UTF-8"},
      {"UTF-8 surrogate", "{\"\xed\xa0\x80\":1}", 0, "not UTF-8"},
      {"UTF-8 beyond Unicode", "{\"\xf4\x90\x80\x80\":1}", 0, "not UTF-8"},
      {"comment", "{/**/}", 0, "expected a tensor's name"},
      {"single quotes", "{'a':1}", 0, "expected a tensor's name"},
      {"byte order mark", "\xef\xbb\xbf" + good, 24, "expected '{'"},
  };
  return all;
}

} // namespace

TEST(Safetensors, HostileHeadersAreRefusedWithTheTensorsName) {
  Folder folder;
  for (const Bad &bad : badHeaders()) {
    graphrt_safetensors *file = nullptr;
    EXPECT_EQ(openBytes(folder, fileOf(bad.header, bad.data), &file), GRAPHRT_BAD_CHECKPOINT)
        << bad.what;
    EXPECT_EQ(file, nullptr);
    EXPECT_NE(message().find(bad.expected), std::string::npos) << bad.what << ": " << message();
    graphrt_safetensors_close(file);
  }
  EXPECT_GE(badHeaders().size(), 75u);
}

TEST(Safetensors, HostileLengths) {
  Folder folder;
  auto lengthOf = [](uint64_t length) {
    return std::string(reinterpret_cast<const char *>(&length), 8);
  };
  struct {
    std::string bytes;
    const char *expected;
  } const cases[] = {
      {"", "too short"},
      {"1234567", "too short"},
      {lengthOf(1), "longer than the file"},
      {lengthOf(100000000) + "{}", "longer than the file"},
      {lengthOf(100000001) + "{}", "too long"},
      {lengthOf(UINT64_MAX) + "{}", "too long"},
      {lengthOf(UINT64_MAX - 7) + "{}", "too long"},
      {lengthOf(uint64_t{1} << 63) + "{}", "too long"},
      {lengthOf(3) + "{}", "longer than the file"},
      {lengthOf(1) + "{}", "expected a tensor's name"},
  };
  for (auto &c : cases) {
    graphrt_safetensors *file = nullptr;
    EXPECT_EQ(openBytes(folder, c.bytes, &file), GRAPHRT_BAD_CHECKPOINT);
    EXPECT_NE(message().find(c.expected), std::string::npos) << message();
  }
}

TEST(Safetensors, MessagesHoldNoControlCharacters) {
  Folder folder;
  graphrt_safetensors *file = nullptr;
  std::string name = R"(evil\u001b[31m\u009b\n)" + std::string(3000, 'x');
  EXPECT_EQ(openBytes(folder, fileOf("{\"" + name + "\":1}", 0), &file), GRAPHRT_BAD_CHECKPOINT);
  EXPECT_NE(message().find("tensor 'evil?[31m??xxx"), std::string::npos) << message();
  EXPECT_LT(message().size(), 400u);
  for (char c : message()) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
}

TEST(Safetensors, ReadsWhatIsAllowed) {
  Folder folder;
  graphrt_safetensors *file = nullptr;
  std::string header =
      "{ \"b\\u00e9\\ud83d\\ude00\\n\" :\t{\"shape\":[ 2 , 2 ],\r\n\"dtype\":\"I16\","
      "\"data_offsets\":[1,9]},"
      R"("__metadata__":{"z":"1","a":"\"\\\/"},)"
      R"("empty":{"dtype":"F64","shape":[0,9223372036854775807],"data_offsets":[0,0]},)"
      R"("f8":{"dtype":"F8_E4M3","shape":[],"data_offsets":[0,1]}})"
      "   ";
  ASSERT_EQ(openBytes(folder, fileOf(header, 9), &file), GRAPHRT_OK) << message();
  EXPECT_EQ(graphrt_safetensors_count(file), 3);
  const graphrt_safetensor *b = graphrt_safetensors_find(file, "b\xc3\xa9\xf0\x9f\x98\x80\n");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->dtype, GRAPHRT_INT16);
  EXPECT_EQ(b->rank, 2);
  EXPECT_EQ(b->dims[1], 2);
  uint8_t bytes[8];
  ASSERT_EQ(graphrt_safetensors_read(file, b, 2, bytes, 6), GRAPHRT_OK);
  EXPECT_EQ(bytes[0], 3);
  EXPECT_EQ(graphrt_safetensors_read(file, b, 2, bytes, 7), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(graphrt_safetensors_read(file, b, UINT64_MAX, bytes, 2), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(graphrt_safetensors_find(file, "f8")->dtype, 0);
  EXPECT_STREQ(graphrt_safetensors_find(file, "f8")->dtype_name, "F8_E4M3");
  EXPECT_EQ(graphrt_safetensors_find(file, "none"), nullptr);
  EXPECT_EQ(graphrt_safetensors_metadata_count(file), 2);
  EXPECT_STREQ(graphrt_safetensors_metadata(file, "a"), "\"\\/");
  const char *value = nullptr;
  EXPECT_STREQ(graphrt_safetensors_metadata_at(file, 1, &value), "z");
  EXPECT_STREQ(value, "1");
  EXPECT_EQ(graphrt_safetensors_at(file, 3), nullptr);
  EXPECT_EQ(graphrt_safetensors_at(file, -1), nullptr);
  graphrt_safetensors_close(file);
  ASSERT_EQ(openBytes(folder, fileOf("{}", 0), &file), GRAPHRT_OK) << message();
  EXPECT_EQ(graphrt_safetensors_count(file), 0);
  graphrt_safetensors_close(file);
  graphrt_safetensors_close(nullptr);
}

TEST(Safetensors, AFileCutShortAfterOpening) {
  Folder folder;
  graphrt_safetensors *file = nullptr;
  ASSERT_EQ(openBytes(folder, fileOf(good, 24), &file), GRAPHRT_OK);
  std::filesystem::resize_file(folder / "file", 70);
  uint8_t bytes[24];
  EXPECT_EQ(graphrt_safetensors_read(file, graphrt_safetensors_at(file, 0), 0, bytes, 24),
            GRAPHRT_IO_ERROR);
  EXPECT_NE(message().find("tensor 'a': the file has become shorter"), std::string::npos);
  graphrt_safetensors_close(file);
}

TEST(Safetensors, WriterIsDeterministicAndReadable) {
  Folder folder;
  const int64_t two[] = {2}, none[] = {0, 5};
  const double d[] = {1.5, -2.5};
  const uint8_t u[] = {7, 8};
  const float f = 3.25f;
  graphrt_safetensor_source tensors[] = {
      {"z\"\\\x01", GRAPHRT_UINT8, 1, two, u},
      {"empty", GRAPHRT_FLOAT32, 2, none, nullptr},
      {"scalar", GRAPHRT_FLOAT32, 0, nullptr, &f},
      {"\xc3\xa9", GRAPHRT_FLOAT64, 1, two, d},
  };
  graphrt_metadata metadata[] = {{"k", "v\n"}};
  std::string a = folder / "a", b = folder / "b";
  ASSERT_EQ(graphrt_safetensors_write(a.c_str(), tensors, 4, metadata, 1, nullptr), GRAPHRT_OK);
  std::swap(tensors[0], tensors[3]);
  std::swap(tensors[1], tensors[2]);
  ASSERT_EQ(graphrt_safetensors_write(b.c_str(), tensors, 4, metadata, 1, nullptr), GRAPHRT_OK);
  EXPECT_EQ(readFile(a), readFile(b));
  graphrt_safetensors *file = nullptr;
  ASSERT_EQ(graphrt_safetensors_open(a.c_str(), nullptr, &file), GRAPHRT_OK) << message();
  double readBack[2];
  const graphrt_safetensor *t = graphrt_safetensors_find(file, "\xc3\xa9");
  ASSERT_NE(t, nullptr);
  EXPECT_EQ(t->offset % 8, 0u);
  ASSERT_EQ(graphrt_safetensors_read(file, t, 0, readBack, 16), GRAPHRT_OK);
  EXPECT_EQ(std::memcmp(readBack, d, 16), 0);
  EXPECT_NE(graphrt_safetensors_find(file, "z\"\\\x01"), nullptr);
  EXPECT_STREQ(graphrt_safetensors_metadata(file, "k"), "v\n");
  graphrt_safetensors_close(file);
  ASSERT_EQ(graphrt_safetensors_write(a.c_str(), nullptr, 0, nullptr, 0, nullptr), GRAPHRT_OK);
  EXPECT_EQ(readFile(a), fileOf("{}      ", 0));
}

TEST(Safetensors, WriterRefusesNonsense) {
  Folder folder;
  std::string path = folder / "a";
  const int64_t two[] = {2}, negative[] = {-1}, huge[] = {INT64_MAX, 2};
  const uint8_t data[8] = {};
  auto write = [&](std::vector<graphrt_safetensor_source> t) {
    return graphrt_safetensors_write(path.c_str(), t.data(), static_cast<int64_t>(t.size()),
                                     nullptr, 0, nullptr);
  };
  EXPECT_EQ(write({{nullptr, GRAPHRT_UINT8, 1, two, data}}), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(write({{"\xff", GRAPHRT_UINT8, 1, two, data}}), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(write({{"__metadata__", GRAPHRT_UINT8, 1, two, data}}), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(write({{"a", 0, 1, two, data}}), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(write({{"a", GRAPHRT_UINT8, 1, negative, data}}), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(write({{"a", GRAPHRT_UINT8, 2, huge, data}}), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(write({{"a", GRAPHRT_UINT8, 1, two, nullptr}}), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(write({{"a", GRAPHRT_UINT8, -1, two, data}}), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(write({{"a", GRAPHRT_UINT8, 1, two, data}, {"a", GRAPHRT_INT16, 1, two, data}}),
            GRAPHRT_INVALID_ARGUMENT);
  EXPECT_NE(message().find("tensor 'a' stands twice"), std::string::npos);
  graphrt_metadata twice[] = {{"k", "1"}, {"k", "2"}};
  EXPECT_EQ(graphrt_safetensors_write(path.c_str(), nullptr, 0, twice, 2, nullptr),
            GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(graphrt_safetensors_write(nullptr, nullptr, 0, nullptr, 0, nullptr),
            GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(folder.files(), 0u);
}

TEST(Safetensors, ManyTensors) {
  Folder folder;
  std::string path = folder / "many";
  std::vector<std::string> names;
  std::vector<graphrt_safetensor_source> tensors;
  const int64_t one[] = {1};
  std::vector<int32_t> values(20000);
  for (size_t i = 0; i < values.size(); ++i) {
    names.push_back("scope_" + std::to_string(i % 97) + "/v" + std::to_string(i));
    values[i] = static_cast<int32_t>(i);
  }
  for (size_t i = 0; i < values.size(); ++i)
    tensors.push_back({names[i].c_str(), GRAPHRT_INT32, 1, one, &values[i]});
  ASSERT_EQ(graphrt_safetensors_write(path.c_str(), tensors.data(), 20000, nullptr, 0, nullptr),
            GRAPHRT_OK);
  graphrt_safetensors *file = nullptr;
  ASSERT_EQ(graphrt_safetensors_open(path.c_str(), nullptr, &file), GRAPHRT_OK) << message();
  for (size_t i = 0; i < values.size(); i += 37) {
    const graphrt_safetensor *t = graphrt_safetensors_find(file, names[i].c_str());
    ASSERT_NE(t, nullptr);
    int32_t value = -1;
    ASSERT_EQ(graphrt_safetensors_read(file, t, 0, &value, 4), GRAPHRT_OK);
    EXPECT_EQ(value, values[i]);
  }
  graphrt_safetensors_close(file);
}
