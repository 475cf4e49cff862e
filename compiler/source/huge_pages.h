// Large pieces of memory in huge pages: of a large definition's time, a tenth went into getting its
// memory in pages of 4 KiB, and more into finding them again.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace graphc {

constexpr size_t hugePageSize = size_t(1) << 21;

/// At least `size` bytes in whole huge pages, where the system grants them; `size` becomes what
/// there is. Ends with std::free. Throws std::bad_alloc.
void *allocateHugePages(size_t &size);

/// For containers that get large.
template <typename T>
struct HugePageAllocator {
  using value_type = T;
  HugePageAllocator() = default;
  template <typename U>
  HugePageAllocator(const HugePageAllocator<U> &) {} // NOLINT(google-explicit-constructor)

  T *allocate(size_t count) {
    size_t size = count * sizeof(T);
    void *made = size >= hugePageSize ? allocateHugePages(size) : std::malloc(size);
    if (!made) throw std::bad_alloc();
    return static_cast<T *>(made);
  }
  void deallocate(T *at, size_t) noexcept { std::free(at); }
  friend bool operator==(const HugePageAllocator &, const HugePageAllocator &) { return true; }
};

} // namespace graphc
