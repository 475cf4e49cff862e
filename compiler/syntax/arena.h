// A bump arena: memory that is handed out in pieces and given back all at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace graphc {

/// Holds what lives as long as a compilation (syntax trees above all). Destructors are
/// never run, so only trivially destructible types go in.
class Arena {
public:
  Arena() = default;
  Arena(const Arena &) = delete;
  Arena &operator=(const Arena &) = delete;

  void *allocate(size_t size, size_t alignment) {
    uintptr_t at = (next_ + alignment - 1) & ~uintptr_t(alignment - 1);
    if (at + size > end_ || next_ == 0) {
      grow(size + alignment);
      at = (next_ + alignment - 1) & ~uintptr_t(alignment - 1);
    }
    next_ = at + size;
    return reinterpret_cast<void *>(at);
  }

  template <class T, class... Args>
  T *make(Args &&...args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
  }

  /// A copy of `count` items.
  template <class T>
  std::span<T> copy(const T *items, size_t count) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (count == 0) return {};
    auto *to = static_cast<T *>(allocate(sizeof(T) * count, alignof(T)));
    std::memcpy(static_cast<void *>(to), items, sizeof(T) * count);
    return {to, count};
  }

  std::string_view copy(std::string_view text) {
    auto kept = copy(text.data(), text.size());
    return {kept.data(), kept.size()};
  }

  /// Bytes taken from the system.
  size_t bytes() const { return bytes_; }

private:
  void grow(size_t atLeast) {
    size_t size = blocks_.empty() ? (size_t(64) << 10) : (size_t(1) << 20);
    if (size < atLeast) size = atLeast;
    blocks_.push_back(std::unique_ptr<std::byte[]>(new std::byte[size]));
    next_ = reinterpret_cast<uintptr_t>(blocks_.back().get());
    end_ = next_ + size;
    bytes_ += size;
  }

  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  uintptr_t next_ = 0, end_ = 0;
  size_t bytes_ = 0;
};

} // namespace graphc
