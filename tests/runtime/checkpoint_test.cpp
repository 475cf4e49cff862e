// Saving and loading an instance's variables.
#include "support.h"

#include <csignal>
#include <cstring>
#include <sys/resource.h>
#include <sys/stat.h>

using namespace graphrt_test;

namespace {

std::string message() { return graphrt_message(); }

struct Source {
  std::string name;
  int32_t dtype;
  std::vector<int64_t> dims;
  std::vector<uint8_t> data;
};

template <typename T>
std::vector<uint8_t> bytesOf(const std::vector<T> &values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// What a checkpoint of the sample holds.
std::vector<Source> complete() {
  return {
      {"w", GRAPHRT_FLOAT32, {3, 2}, bytesOf<float>({1, 2, 3, 4, 5, 6})},
      {"b_1", GRAPHRT_FLOAT32, {2}, bytesOf<float>({10, 20})},
      {"w/Adam", GRAPHRT_FLOAT32, {3, 2}, bytesOf<float>({9, 9, 9, 9, 9, 9})},
      {"step", GRAPHRT_INT64, {}, bytesOf<int64_t>({123})},
      {"emb", GRAPHRT_FLOAT32, {3, 3}, bytesOf<float>({8, 7, 6, 5, 4, 3, 2, 1, 0})},
      {"col", GRAPHRT_INT32, {2, 3}, bytesOf<int32_t>({5, 4, 3, 2, 1, 0})},
  };
}

void write(const std::string &path, const std::vector<Source> &sources,
           std::vector<graphrt_metadata> metadata = {}) {
  std::vector<graphrt_safetensor_source> tensors;
  tensors.reserve(sources.size());
  for (auto &s : sources)
    tensors.push_back({s.name.c_str(), s.dtype, static_cast<int32_t>(s.dims.size()), s.dims.data(),
                       s.data.data()});
  ASSERT_EQ(graphrt_safetensors_write(path.c_str(), tensors.data(),
                                      static_cast<int64_t>(tensors.size()), metadata.data(),
                                      static_cast<int64_t>(metadata.size()), nullptr),
            GRAPHRT_OK)
      << graphrt_message();
}

std::vector<std::vector<uint8_t>> everything(const Instance &m) {
  return {get<uint8_t>(m, "w", 24),   get<uint8_t>(m, "b", 8),    get<uint8_t>(m, "w/Adam", 24),
          get<uint8_t>(m, "step", 8), get<uint8_t>(m, "emb", 36), get<uint8_t>(m, "col", 24)};
}

graphrt_instance_info info(const Instance &m) {
  graphrt_instance_info i{};
  i.struct_size = sizeof i;
  EXPECT_EQ(graphrt_get_info(m.get(), &i), GRAPHRT_OK);
  return i;
}

} // namespace

TEST(Checkpoint, RoundTrip) {
  Folder folder;
  std::string path = folder / "a.safetensors";
  graphrt_config c = config();
  c.seed = 99;
  Instance a = make(&c);
  float u[4], v[8];
  ASSERT_EQ(train(a, {1, 2, 3}), GRAPHRT_OK);
  ASSERT_EQ(call(a, SAMPLE_NOISE, {4}, {}, {u, v}), GRAPHRT_OK);
  ASSERT_EQ(graphrt_save(a.get(), path.c_str()), GRAPHRT_OK) << graphrt_message();

  Instance b = make();
  EXPECT_NE(everything(a), everything(b));
  ASSERT_EQ(graphrt_load(b.get(), path.c_str()), GRAPHRT_OK) << graphrt_message();
  EXPECT_EQ(message(), "");
  EXPECT_EQ(everything(a), everything(b));
  EXPECT_EQ(info(b).seed, 99u);
  EXPECT_EQ(info(b).counter, 2u);
  // The random numbers go on where they were.
  float u2[4];
  ASSERT_EQ(call(a, SAMPLE_NOISE, {4}, {}, {u, v}), GRAPHRT_OK);
  ASSERT_EQ(call(b, SAMPLE_NOISE, {4}, {}, {u2, v}), GRAPHRT_OK);
  EXPECT_EQ(std::memcmp(u, u2, sizeof u), 0);

  c = config();
  c.checkpoint = path.c_str();
  Instance fromFile = make(&c);
  EXPECT_EQ(everything(a), everything(fromFile));
  EXPECT_EQ(info(fromFile).seed, 99u);
  c.seed = 5; // asked for
  EXPECT_EQ(info(make(&c)).seed, 5u);
  EXPECT_EQ(info(make(&c)).counter, 1u);
}

TEST(Checkpoint, LoadRemakesPackedCopies) {
  Folder folder;
  std::string path = folder / "a";
  write(path, complete());
  Instance m = make(), s = share(m);
  std::vector<float> x = {1, 0, 0}, y(2);
  ASSERT_EQ(call(m, SAMPLE_PREDICT, {1}, {x.data()}, {y.data()}), GRAPHRT_OK);
  ASSERT_EQ(graphrt_load(s.get(), path.c_str()), GRAPHRT_OK);
  ASSERT_EQ(call(m, SAMPLE_PREDICT, {1}, {x.data()}, {y.data()}), GRAPHRT_OK);
  EXPECT_EQ(y, (std::vector<float>{11, 22}));
}

TEST(Checkpoint, SameValuesSameBytes) {
  Folder folder;
  std::string first = folder / "1", second = folder / "2", third = folder / "3";
  Instance a = make();
  ASSERT_EQ(graphrt_save(a.get(), first.c_str()), GRAPHRT_OK);
  ASSERT_EQ(graphrt_save(a.get(), second.c_str()), GRAPHRT_OK);
  graphrt_config c = config();
  c.checkpoint = first.c_str();
  Instance b = make(&c);
  ASSERT_EQ(graphrt_save(b.get(), third.c_str()), GRAPHRT_OK);
  EXPECT_EQ(readFile(first), readFile(second));
  EXPECT_EQ(readFile(first), readFile(third));
  EXPECT_EQ(folder.files(), 3u);
}

TEST(Checkpoint, HoldsPlacesWholesAndMetadata) {
  Folder folder;
  std::string path = folder / "a";
  ASSERT_EQ(graphrt_save(make().get(), path.c_str()), GRAPHRT_OK);
  graphrt_safetensors *file = nullptr;
  ASSERT_EQ(graphrt_safetensors_open(path.c_str(), nullptr, &file), GRAPHRT_OK);
  std::vector<std::string> names;
  for (int64_t i = 0; i < graphrt_safetensors_count(file); ++i)
    names.emplace_back(graphrt_safetensors_at(file, i)->name);
  EXPECT_EQ(names, (std::vector<std::string>{"b_1", "col", "emb", "step", "w", "w/Adam"}));
  const graphrt_safetensor *col = graphrt_safetensors_find(file, "col");
  int32_t values[6];
  ASSERT_EQ(graphrt_safetensors_read(file, col, 0, values, sizeof values), GRAPHRT_OK);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(values[i], i);
  EXPECT_STREQ(graphrt_safetensors_metadata(file, "seed"), "77");
  EXPECT_STREQ(graphrt_safetensors_metadata(file, "counter"), "1");
  EXPECT_STREQ(graphrt_safetensors_metadata(file, "interface"), "1");
  for (int64_t i = 0; i < graphrt_safetensors_count(file); ++i) {
    auto *t = graphrt_safetensors_at(file, i);
    EXPECT_EQ(t->offset % graphrt_dtype_size(t->dtype), 0u) << t->name;
  }
  graphrt_safetensors_close(file);
}

TEST(Checkpoint, MetadataOfTheCaller) {
  Folder folder;
  std::string path = folder / "a.safetensors";
  Instance m = make();
  const graphrt_metadata mine[] = {{"epoch", "3"}, {"note", "gr\xc3\xb6\xc3\x9f"}};
  ASSERT_EQ(graphrt_save_with_metadata(m.get(), path.c_str(), mine, 2), GRAPHRT_OK) << message();
  graphrt_safetensors *file = nullptr;
  ASSERT_EQ(graphrt_safetensors_open(path.c_str(), nullptr, &file), GRAPHRT_OK) << message();
  EXPECT_STREQ(graphrt_safetensors_metadata(file, "epoch"), "3");
  EXPECT_STREQ(graphrt_safetensors_metadata(file, "note"), "gr\xc3\xb6\xc3\x9f");
  EXPECT_NE(graphrt_safetensors_metadata(file, "seed"), nullptr);
  EXPECT_EQ(graphrt_safetensors_metadata_count(file), 5);
  graphrt_safetensors_close(file);
  EXPECT_EQ(graphrt_load(m.get(), path.c_str()), GRAPHRT_OK) << message();

  // What stands there is kept where the metadata is none.
  auto before = std::filesystem::file_size(path);
  const graphrt_metadata own[] = {{"seed", "3"}}, twice[] = {{"a", "1"}, {"a", "2"}},
                         bytes[] = {{"a", "\xff"}};
  for (auto [metadata, count] : {std::pair(own, 1), std::pair(twice, 2), std::pair(bytes, 1)})
    EXPECT_EQ(graphrt_save_with_metadata(m.get(), path.c_str(), metadata, count),
              GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(graphrt_save_with_metadata(m.get(), path.c_str(), nullptr, 1),
            GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(std::filesystem::file_size(path), before);
}

TEST(Checkpoint, SurplusIsCountedSlotsMayBeAbsent) {
  Folder folder;
  std::string path = folder / "a";
  auto sources = complete();
  sources.erase(sources.begin() + 2);
  sources.push_back({"other", GRAPHRT_UINT8, {3}, {1, 2, 3}});
  sources.push_back({"emb/part_0", GRAPHRT_FLOAT32, {0}, {}});
  write(path, sources, {{"seed", "not ours"}});
  Instance m = make();
  ASSERT_EQ(train(m, {3, 3, 3}), GRAPHRT_OK);
  ASSERT_EQ(graphrt_load(m.get(), path.c_str()), GRAPHRT_OK) << graphrt_message();
  EXPECT_EQ(message(), "2 tensors of the file belong to no variable of sample");
  EXPECT_EQ(get<float>(m, "w/Adam", 6), std::vector<float>(6, 3.0f)); // kept
  EXPECT_EQ(get<float>(m, "b", 2), (std::vector<float>{10, 20}));
  EXPECT_EQ(get<float>(m, "emb/part_1", 3), (std::vector<float>{2, 1, 0}));
  EXPECT_EQ(get<int32_t>(m, "col/part_0", 2), (std::vector<int32_t>{5, 2}));
  EXPECT_EQ(stepOf(m), 123);
  EXPECT_EQ(info(m).seed, 77u); // the metadata was not the runtime's
  graphrt_config c = config();
  c.checkpoint = path.c_str();
  EXPECT_EQ(get<float>(make(&c), "w/Adam", 6), std::vector<float>(6, 0.125f)); // initial
}

TEST(Checkpoint, WhatDoesNotFitIsRefusedAndNothingChanges) {
  Folder folder;
  std::string path = folder / "a";
  Instance m = make();
  auto before = everything(m);
  auto refused = [&](const std::vector<Source> &sources, const std::string &expected) {
    write(path, sources);
    EXPECT_EQ(graphrt_load(m.get(), path.c_str()), GRAPHRT_BAD_CHECKPOINT);
    EXPECT_NE(message().find(expected), std::string::npos) << message();
    EXPECT_NE(message().find(path), std::string::npos) << message();
    EXPECT_EQ(everything(m), before);
    graphrt_config c = config();
    c.checkpoint = path.c_str();
    graphrt_instance *out = nullptr;
    EXPECT_EQ(graphrt_create(&sample_desc, &c, &out), GRAPHRT_BAD_CHECKPOINT);
    EXPECT_EQ(out, nullptr);
  };
  auto sources = complete();
  sources.pop_back();
  refused(sources, "tensor 'col' is missing");
  sources.pop_back();
  refused(sources, "tensor 'emb' is missing, and 1 more");
  sources = complete();
  sources[1].name = "b"; // its place is b_1
  refused(sources, "tensor 'b_1' is missing");
  sources = complete();
  sources[0].dims = {2, 3};
  refused(sources, "tensor 'w' has shape [2, 3]; [3, 2] is needed");
  sources[0].dims = {6};
  refused(sources, "tensor 'w' has shape [6]; [3, 2] is needed");
  sources = complete();
  sources[3].dims = {1};
  refused(sources, "tensor 'step' has shape [1]; [] is needed");
  sources = complete();
  sources[0].dtype = GRAPHRT_INT32;
  refused(sources, "tensor 'w' has dtype int32; float32 is needed");
  sources = complete();
  sources[2].dims = {6}; // a slot may be absent, but not wrong
  refused(sources, "tensor 'w/Adam' has shape [6]");
}

TEST(Checkpoint, FilesThatCannotBeRead) {
  Folder folder;
  Instance m = make();
  auto before = everything(m);
  EXPECT_EQ(graphrt_load(m.get(), (folder / "none").c_str()), GRAPHRT_IO_ERROR);
  EXPECT_NE(message().find("No such file"), std::string::npos) << message();
  EXPECT_EQ(graphrt_load(m.get(), (folder / ".").c_str()), GRAPHRT_IO_ERROR);
  std::string pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(graphrt_load(m.get(), pipe.c_str()), GRAPHRT_IO_ERROR); // and does not wait
  EXPECT_EQ(graphrt_load(m.get(), nullptr), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(graphrt_load(nullptr, "x"), GRAPHRT_INVALID_ARGUMENT);
  writeFile(folder / "short", "abc");
  EXPECT_EQ(graphrt_load(m.get(), (folder / "short").c_str()), GRAPHRT_BAD_CHECKPOINT);
  EXPECT_EQ(everything(m), before);
}

TEST(Checkpoint, FilesThatCannotBeWritten) {
  Folder folder;
  Instance m = make();
  EXPECT_EQ(graphrt_save(m.get(), (folder / "none/a").c_str()), GRAPHRT_IO_ERROR);
  EXPECT_NE(message().find("none/a"), std::string::npos);
  EXPECT_EQ(graphrt_save(m.get(), "/dev/null"), GRAPHRT_IO_ERROR); // not replaced by a file
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  std::filesystem::create_directory(folder / "folder");
  EXPECT_EQ(graphrt_save(m.get(), (folder / "folder").c_str()), GRAPHRT_IO_ERROR);
  EXPECT_EQ(graphrt_save(m.get(), ""), GRAPHRT_IO_ERROR);
  EXPECT_EQ(graphrt_save(m.get(), nullptr), GRAPHRT_INVALID_ARGUMENT);
  EXPECT_EQ(folder.files(), 1u);
  // A disk that is full: what was there stays, and nothing is left beside it.
  if (std::filesystem::exists("/dev/full")) {
    std::string path = folder / "a";
    writeFile(path, "old");
    rlimit unlimited{}, small{};
    getrlimit(RLIMIT_FSIZE, &unlimited);
    small = unlimited;
    small.rlim_cur = 100;
    auto handler = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    EXPECT_EQ(graphrt_save(m.get(), path.c_str()), GRAPHRT_IO_ERROR);
    setrlimit(RLIMIT_FSIZE, &unlimited);
    signal(SIGXFSZ, handler);
    EXPECT_EQ(readFile(path), "old");
    EXPECT_EQ(folder.files(), 2u);
  }
}

TEST(Checkpoint, LinksAndPermissionsStay) {
  Folder folder;
  Instance m = make();
  std::string target = folder / "target", link = folder / "link";
  writeFile(target, "old");
  ASSERT_EQ(chmod(target.c_str(), 0640), 0);
  std::filesystem::create_symlink("target", link);
  ASSERT_EQ(graphrt_save(m.get(), link.c_str()), GRAPHRT_OK) << graphrt_message();
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_GT(std::filesystem::file_size(target), 100u);
  struct stat information{};
  ASSERT_EQ(stat(target.c_str(), &information), 0);
  EXPECT_EQ(information.st_mode & 07777, 0640u);
  std::string longest = folder / std::string(255, 'n');
  EXPECT_EQ(graphrt_save(m.get(), longest.c_str()), GRAPHRT_OK) << graphrt_message();
}

TEST(Checkpoint, RelativePath) {
  Folder folder;
  Instance m = make();
  auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder / ".");
  EXPECT_EQ(graphrt_save(m.get(), "plain"), GRAPHRT_OK) << graphrt_message();
  EXPECT_EQ(graphrt_load(m.get(), "plain"), GRAPHRT_OK) << graphrt_message();
  std::filesystem::current_path(before);
  EXPECT_EQ(folder.files(), 1u);
}

TEST(Frozen, LoadAndSetRefuseSaveWrites) {
  Folder folder;
  std::string path = folder / "a";
  Instance m = make(nullptr, sample_frozen_desc);
  EXPECT_EQ(get<float>(m, "b", 2), (std::vector<float>{7, 8}));
  ASSERT_EQ(graphrt_save(m.get(), path.c_str()), GRAPHRT_OK);
  Instance thawed = make();
  ASSERT_EQ(graphrt_load(thawed.get(), path.c_str()), GRAPHRT_OK);
  EXPECT_EQ(get<float>(thawed, "b", 2), (std::vector<float>{7, 8}));
  EXPECT_EQ(graphrt_load(m.get(), path.c_str()), GRAPHRT_FROZEN);
  float b[2] = {};
  EXPECT_EQ(graphrt_set(m.get(), "b", b, sizeof b), GRAPHRT_FROZEN);
  graphrt_config c = config();
  c.checkpoint = path.c_str();
  graphrt_instance *out = nullptr;
  EXPECT_EQ(graphrt_create(&sample_frozen_desc, &c, &out), GRAPHRT_FROZEN);
}
