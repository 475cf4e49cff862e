#include "source/arena.h"

#include <new>
#include <sys/mman.h>

namespace graphc {

namespace {
constexpr size_t first = size_t(1) << 16;
constexpr size_t usual = size_t(1) << 20;
constexpr size_t hugePage = size_t(1) << 21;
/// From here on whole huge pages are asked for: of a large definition's time, a tenth went into
/// getting its memory in pages of 4 KiB.
constexpr size_t large = size_t(4) << 20;
} // namespace

void *Arena::allocateBlock(size_t size, size_t alignment) {
  size_t block = std::max(size + alignment, blocks_.empty() ? first : usual);
  void *made = nullptr;
  if (bytes_ >= large) {
    block = (std::max(block, large) + hugePage - 1) / hugePage * hugePage;
    made = std::aligned_alloc(hugePage, block);
#ifdef MADV_HUGEPAGE
    if (made) madvise(made, block, MADV_HUGEPAGE); // where refused, it is slower
#endif
  } else {
    made = std::malloc(block);
  }
  if (!made) throw std::bad_alloc();
  blocks_.emplace_back(made);
  bytes_ += block;
  next_ = reinterpret_cast<uintptr_t>(made);
  end_ = next_ + block;
  return allocate(size, alignment);
}

} // namespace graphc
