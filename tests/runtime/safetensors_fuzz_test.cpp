// Mutations of good files, the same ones at every run: whatever stands in the file, the reader
// answers, and what it accepts can be read.
#include "support.h"

#include <cstring>
#include <random>
#include <sys/mman.h>

using namespace graphrt_test;

namespace {

using Random = std::mt19937_64;

size_t below(Random &random, size_t limit) { return limit ? random() % limit : 0; }

void mutate(Random &random, std::string &bytes, const std::string &other) {
  static const char *const words[] = {
      "{",    "}",     "[",      "]",         ",",       ":",     "\"",
      "\\u",  "-1",    "1.5",    "NaN",       "1e9",     "null",  "9223372036854775807",
      "0",    "00",    "\"a\"",  "\"dtype\"", "[0,0]",   "true",  "18446744073709551616",
      "\xff", "\\",    "\"F4\"", "\"shape\"", "\"F64\"", "\x01",  "\"__metadata__\":{}",
      " ",    "[[[[[", "{{{{{",  "\xc0\x80",  "\\ud800", "[9,1]", "\"data_offsets\""};
  size_t at = below(random, bytes.size());
  switch (random() % 9) {
  case 0:
    if (!bytes.empty()) bytes[at] = static_cast<char>(random());
    break;
  case 1:
    if (!bytes.empty()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    break;
  case 2:
    bytes.insert(at, words[below(random, std::size(words))]);
    break;
  case 3:
    bytes.erase(at, 1 + below(random, 8));
    break;
  case 4:
    bytes.resize(at);
    break;
  case 5: { // a number becomes another one
    size_t digit = bytes.find_first_of("0123456789", at);
    if (digit != std::string::npos) bytes[digit] = static_cast<char>('0' + random() % 10);
    break;
  }
  case 6: { // a piece is doubled
    std::string piece = bytes.substr(at, below(random, 60));
    bytes.insert(below(random, bytes.size()), piece);
    break;
  }
  case 7: { // a piece of another file
    size_t from = below(random, other.size());
    bytes.insert(at, other.substr(from, below(random, 80)));
    break;
  }
  case 8: { // the length fits again, so that the header is reached
    if (bytes.size() < 8) break;
    size_t brace = bytes.rfind('}');
    uint64_t length = brace == std::string::npos || brace < 8 ? bytes.size() - 8 : brace - 7;
    std::memcpy(bytes.data(), &length, 8);
    break;
  }
  }
}

void fixLength(std::string &bytes) {
  if (bytes.size() < 8) return;
  size_t brace = bytes.rfind("}}");
  uint64_t length = brace == std::string::npos || brace < 8 ? bytes.size() - 8 : brace - 6;
  std::memcpy(bytes.data(), &length, 8);
}

} // namespace

TEST(SafetensorsFuzz, MutatedFiles) {
  Folder folder;
  std::string seedPath = folder / "seed";
  // In memory: thousands of files on a disk would take a minute.
  int descriptor = memfd_create("mutated", MFD_CLOEXEC);
  ASSERT_GE(descriptor, 0);
  std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  ASSERT_EQ(graphrt_save(make().get(), seedPath.c_str()), GRAPHRT_OK);
  std::vector<std::string> seeds = {
      readFile(seedPath),
      fileOf(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", 24),
      fileOf(R"({"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]},)"
             R"("y\u00e9":{"dtype":"BOOL","shape":[0],"data_offsets":[1,1]},)"
             R"("z":{"dtype":"F4","shape":[2,2],"data_offsets":[1,3]}})",
             3),
      fileOf(R"({"__metadata__":{"seed":"1","counter":"2","interface":"1"}})", 0)};
  Instance model = make();
  ASSERT_EQ(graphrt_load(model.get(), seedPath.c_str()), GRAPHRT_OK);
  auto before = get<uint8_t>(model, "w", 24);
  Random random(20240229);
  int64_t accepted = 0, refused = 0, loaded = 0;
  std::vector<uint8_t> data;
  for (int round = 0; round < 60000; ++round) {
    std::string bytes = seeds[below(random, seeds.size())];
    size_t changes = 1 + below(random, 4);
    for (size_t i = 0; i < changes; ++i) mutate(random, bytes, seeds[below(random, seeds.size())]);
    if (random() % 2) fixLength(bytes);
    ASSERT_EQ(pwrite(descriptor, bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    ASSERT_EQ(ftruncate(descriptor, static_cast<off_t>(bytes.size())), 0);
    graphrt_safetensors *file = nullptr;
    graphrt_status status = graphrt_safetensors_open(path.c_str(), nullptr, &file);
    if (status != GRAPHRT_OK) {
      ASSERT_EQ(status, GRAPHRT_BAD_CHECKPOINT) << graphrt_message();
      ASSERT_EQ(file, nullptr);
      ++refused;
    } else {
      ++accepted;
      for (int64_t i = 0; i < graphrt_safetensors_count(file); ++i) {
        const graphrt_safetensor *t = graphrt_safetensors_at(file, i);
        ASSERT_LE(t->offset + t->bytes, bytes.size());
        data.resize(t->bytes + 1);
        ASSERT_EQ(graphrt_safetensors_read(file, t, 0, data.data(), t->bytes), GRAPHRT_OK);
        ASSERT_EQ(graphrt_safetensors_find(file, t->name), t);
      }
    }
    graphrt_safetensors_close(file);
    if (round % 5 == 0) {
      status = graphrt_load(model.get(), path.c_str());
      if (status == GRAPHRT_OK) {
        ++loaded;
        before = get<uint8_t>(model, "w", 24);
      } else {
        ASSERT_EQ(status, GRAPHRT_BAD_CHECKPOINT);
        ASSERT_EQ(get<uint8_t>(model, "w", 24), before);
      }
    }
  }
  close(descriptor);
  // The mutations reach both sides of every check only if some files stay good.
  EXPECT_GT(accepted, 1000);
  EXPECT_GT(refused, 30000);
  EXPECT_GT(loaded, 30);
}
