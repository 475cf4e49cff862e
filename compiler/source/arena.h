// A bump allocator: what is made in it lives as long as it does; nothing is freed alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <memory_resource>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace graphc {

class Arena {
public:
  Arena() = default;
  Arena(const Arena &) = delete;
  Arena &operator=(const Arena &) = delete;

  void *allocate(size_t size, size_t alignment) {
    auto at = (next_ + alignment - 1) & ~uintptr_t(alignment - 1);
    if (at + size > end_) return allocateBlock(size, alignment);
    next_ = at + size;
    return reinterpret_cast<void *>(at);
  }

  /// Makes a T that needs no destructor.
  template <typename T, typename... Args>
  T *make(Args &&...args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
  }

  /// A copy of `items` that lives in the arena.
  template <typename T>
  std::span<T> copy(std::span<const T> items) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (items.empty()) return {};
    auto *to = static_cast<T *>(allocate(items.size_bytes(), alignof(T)));
    std::memcpy(static_cast<void *>(to), static_cast<const void *>(items.data()),
                items.size_bytes());
    return {to, items.size()};
  }
  template <typename T>
  std::span<T> copy(const std::vector<T> &items) {
    return copy(std::span<const T>(items));
  }
  template <typename T>
  std::span<T> copy(const T *items, size_t count) {
    return copy(std::span<const T>(items, count));
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    auto *to = static_cast<char *>(allocate(text.size(), 1));
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }

  /// The parts, one after another.
  std::string_view joined(std::initializer_list<std::string_view> parts) {
    size_t size = 0;
    for (auto part : parts) size += part.size();
    auto *to = static_cast<char *>(allocate(size, 1)), *next = to;
    for (auto part : parts) next = std::copy(part.begin(), part.end(), next);
    return {to, size};
  }

  size_t bytes() const { return bytes_; }

private:
  struct Free {
    void operator()(void *block) const { std::free(block); }
  };
  void *allocateBlock(size_t size, size_t alignment);

  uintptr_t next_ = 0;
  uintptr_t end_ = 0;
  size_t bytes_ = 0;
  std::vector<std::unique_ptr<void, Free>> blocks_;
};

/// Memory of its own, mostly on the stack, for containers that are mostly small; nothing is freed
/// alone.
template <size_t Size>
class Room : public std::pmr::monotonic_buffer_resource {
public:
  Room() : std::pmr::monotonic_buffer_resource(bytes_, Size) {}

private:
  alignas(std::max_align_t) std::byte bytes_[Size];
};

} // namespace graphc
