// Checkpoints whose pages are used where they lie (GRAPHRT_MAP_CHECKPOINT).
#include "support.h"

#include <cstring>

using namespace graphrt_test;

namespace {

const char *const names[] = {"w", "b", "w/Adam", "step", "emb", "col"};
const size_t sizes[] = {24, 8, 24, 8, 36, 24};

std::vector<std::vector<uint8_t>> everything(const Instance &m) {
  std::vector<std::vector<uint8_t>> all;
  for (size_t i = 0; i < std::size(names); ++i) all.push_back(get<uint8_t>(m, names[i], sizes[i]));
  return all;
}

/// A checkpoint of an instance that was trained.
std::string checkpoint(const Folder &folder, const std::string &name, float x = 1) {
  std::string path = folder / name;
  Instance m = make();
  EXPECT_EQ(train(m, {x, 2, 3}), GRAPHRT_OK);
  EXPECT_EQ(graphrt_save(m.get(), path.c_str()), GRAPHRT_OK) << graphrt_message();
  return path;
}

Instance mapped(const std::string &path) {
  graphrt_config c = config();
  c.checkpoint = path.c_str();
  c.flags = GRAPHRT_MAP_CHECKPOINT;
  return make(&c);
}

Instance readFrom(const std::string &path) {
  graphrt_config c = config();
  c.checkpoint = path.c_str();
  return make(&c);
}

/// How many pieces of the file this process maps.
int mappings(const std::string &path) {
  std::ifstream maps("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find(path) != std::string::npos;
  return count;
}

} // namespace

TEST(Mapping, HasTheValuesOfTheFile) {
  Folder folder;
  std::string path = checkpoint(folder, "a.safetensors");
  Instance m = mapped(path);
  EXPECT_EQ(mappings(path), 1);
  EXPECT_EQ(everything(m), everything(readFrom(path)));
  Instance other = share(m);
  EXPECT_EQ(everything(other), everything(m));
  m.reset();
  EXPECT_EQ(mappings(path), 1); // the other one holds the variables
  other.reset();
  EXPECT_EQ(mappings(path), 0);
}

TEST(Mapping, WithoutTheFlagNothingIsMapped) {
  Folder folder;
  std::string path = checkpoint(folder, "a.safetensors");
  Instance m = readFrom(path);
  EXPECT_EQ(mappings(path), 0);
}

TEST(Mapping, UpdatesStayInTheProcess) {
  Folder folder;
  std::string path = checkpoint(folder, "a.safetensors");
  std::string before = readFile(path);
  Instance m = mapped(path), untouched = mapped(path), plain = readFrom(path);
  auto old = everything(untouched);
  ASSERT_EQ(train(m, {1, 2, 3}), GRAPHRT_OK);
  ASSERT_EQ(train(plain, {1, 2, 3}), GRAPHRT_OK);
  float b[2] = {7, 8};
  ASSERT_EQ(graphrt_set(m.get(), "b", b, sizeof b), GRAPHRT_OK);
  ASSERT_EQ(graphrt_set(plain.get(), "b", b, sizeof b), GRAPHRT_OK);
  EXPECT_EQ(everything(m), everything(plain));
  EXPECT_EQ(everything(untouched), old);
  EXPECT_EQ(readFile(path), before);
}

TEST(Mapping, SavesOverTheFileThatItMaps) {
  Folder folder;
  std::string path = checkpoint(folder, "a.safetensors");
  Instance m = mapped(path), old = mapped(path);
  auto values = everything(old);
  ASSERT_EQ(train(m, {1, 2, 3}), GRAPHRT_OK);
  ASSERT_EQ(graphrt_save(m.get(), path.c_str()), GRAPHRT_OK) << graphrt_message();
  EXPECT_EQ(everything(readFrom(path)), everything(m));
  EXPECT_EQ(everything(old), values); // the file that it maps has no name any more
}

TEST(Mapping, LoadTakesThePlaceOfWhatWasMapped) {
  Folder folder;
  std::string a = checkpoint(folder, "a.safetensors"), b = checkpoint(folder, "b.safetensors", 5);
  Instance m = mapped(a);
  ASSERT_EQ(graphrt_load(m.get(), b.c_str()), GRAPHRT_OK) << graphrt_message();
  EXPECT_EQ(mappings(a), 0);
  EXPECT_EQ(mappings(b), 1);
  EXPECT_EQ(everything(m), everything(readFrom(b)));
  // What fails leaves it as it was.
  writeFile(folder / "bad", "no checkpoint at all");
  EXPECT_NE(graphrt_load(m.get(), (folder / "bad").c_str()), GRAPHRT_OK);
  EXPECT_EQ(everything(m), everything(readFrom(b)));
}

TEST(Mapping, WhatTheFileLacksKeepsItsValues) {
  Folder folder;
  // Without the slot, which lies in memory then; and at odd places in the file.
  std::string path = folder / "a.safetensors";
  std::string header = R"({"w":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]},)"
                       R"("b_1":{"dtype":"F32","shape":[2],"data_offsets":[24,32]},)"
                       R"("step":{"dtype":"I64","shape":[],"data_offsets":[32,40]},)"
                       R"("emb":{"dtype":"F32","shape":[3,3],"data_offsets":[40,76]},)"
                       R"("col":{"dtype":"I32","shape":[2,3],"data_offsets":[76,100]}})";
  while (header.size() % 8 != 3) header += ' ';
  writeFile(path, fileOf(header, 100));
  Instance m = mapped(path), plain = readFrom(path);
  EXPECT_EQ(everything(m), everything(plain));
  EXPECT_EQ(get<float>(m, "w/Adam", 6), std::vector<float>(6, 0.125F));
  // Loading into an instance with another slot keeps that one.
  ASSERT_EQ(graphrt_load(m.get(), checkpoint(folder, "b.safetensors").c_str()), GRAPHRT_OK);
  auto slot = get<float>(m, "w/Adam", 6);
  ASSERT_EQ(graphrt_load(m.get(), path.c_str()), GRAPHRT_OK);
  EXPECT_EQ(get<float>(m, "w/Adam", 6), slot);
  EXPECT_NE(slot, std::vector<float>(6, 0.125F));
}

TEST(Mapping, AllocatesNothingForWhatIsMapped) {
  Folder folder;
  std::string path = checkpoint(folder, "a.safetensors");
  Allocator mapping, reading;
  int64_t held[2] = {};
  for (auto *allocator : {&mapping, &reading}) {
    graphrt_config c = config();
    c.checkpoint = path.c_str();
    c.threads = 1;
    allocator->into(c);
    if (allocator == &mapping) c.flags = GRAPHRT_MAP_CHECKPOINT;
    Instance m = make(&c);
    held[allocator == &mapping] = allocator->bytes;
  }
  // "col" is cut along its second axis and lies in memory; the six others are the file's.
  EXPECT_EQ(held[0] - held[1], 6 * 64);
  EXPECT_EQ(mapping.live, 0);
  EXPECT_EQ(reading.live, 0);
}

TEST(Mapping, RefusesFlagsItDoesNotKnow) {
  graphrt_config c = config();
  c.flags = 2;
  graphrt_instance *m = nullptr;
  EXPECT_EQ(graphrt_create(&sample_desc, &c, &m), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(m, nullptr);
  EXPECT_NE(std::string(graphrt_message()).find("flags"), std::string::npos);
}
