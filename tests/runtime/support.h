// What the tests of the runtime share.
#pragma once

#include "graphrt/graphrt.h"
#include "graphrt/safetensors.h"
#include "sample_model.h"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

namespace graphrt_test {

struct Destroy {
  void operator()(graphrt_instance *instance) const { graphrt_destroy(instance); }
};
using Instance = std::unique_ptr<graphrt_instance, Destroy>;

inline graphrt_config config() {
  graphrt_config c{};
  c.struct_size = sizeof c;
  return c;
}

inline Instance make(const graphrt_config *c = nullptr,
                     const graphrt_model_desc &desc = sample_desc) {
  graphrt_instance *instance = nullptr;
  EXPECT_EQ(graphrt_create(&desc, c, &instance), GRAPHRT_OK) << graphrt_message();
  return Instance(instance);
}

inline Instance share(const Instance &source) {
  graphrt_instance *instance = nullptr;
  EXPECT_EQ(graphrt_share(source.get(), &instance), GRAPHRT_OK) << graphrt_message();
  return Instance(instance);
}

template <typename T>
std::vector<T> get(const Instance &instance, const char *name, size_t count) {
  std::vector<T> values(count);
  EXPECT_EQ(graphrt_get(instance.get(), name, values.data(), count * sizeof(T)), GRAPHRT_OK)
      << graphrt_message();
  return values;
}

inline graphrt_status call(const Instance &instance, int32_t index, std::vector<int64_t> dims,
                           std::vector<const void *> inputs, std::vector<void *> outputs) {
  return graphrt_call_export(instance.get(), index, dims.data(), inputs.data(), outputs.data());
}

inline graphrt_status train(const Instance &instance, std::vector<float> x) {
  return call(instance, SAMPLE_TRAIN, {static_cast<int64_t>(x.size() / 3)}, {x.data()}, {});
}

inline int64_t stepOf(const Instance &instance) { return get<int64_t>(instance, "step", 1)[0]; }

// A folder that goes away with the test.
class Folder {
public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "graphrt-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder &) = delete;
  Folder &operator=(const Folder &) = delete;
  std::string operator/(const std::string &name) const { return (path_ / name).string(); }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

private:
  std::filesystem::path path_;
};

inline std::string readFile(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void writeFile(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// A safetensors file of this header and this many bytes of data.
inline std::string fileOf(const std::string &header, size_t data) {
  uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char *>(&length), 8);
  bytes += header;
  for (size_t i = 0; i < data; ++i) bytes += static_cast<char>(i);
  return bytes;
}

// Counts, and fails from the given allocation on (or only then).
struct Allocator {
  std::atomic<int64_t> calls{0}, live{0}, bytes{0};
  int64_t failAt = -1;
  bool failAfter = false;

  static void *allocate(void *user, size_t size, size_t alignment) {
    auto *self = static_cast<Allocator *>(user);
    int64_t number = self->calls++;
    if (number == self->failAt || (self->failAfter && self->failAt >= 0 && number > self->failAt))
      return nullptr;
    EXPECT_GT(size, 0u);
    void *block = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    ++self->live;
    self->bytes += static_cast<int64_t>(size);
    return block;
  }
  static void release(void *user, void *block, size_t size) {
    auto *self = static_cast<Allocator *>(user);
    EXPECT_NE(block, nullptr);
    --self->live;
    self->bytes -= static_cast<int64_t>(size);
    std::free(block);
  }
  void into(graphrt_config &c) {
    c.allocate = allocate;
    c.release = release;
    c.allocator_user = this;
  }
};

} // namespace graphrt_test
