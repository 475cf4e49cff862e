#include "source/arena.h"

#include "source/huge_pages.h"

#include <new>

namespace graphc {

namespace {
constexpr size_t first = size_t(1) << 16;
constexpr size_t usual = size_t(1) << 20;
/// From here on whole huge pages are asked for.
constexpr size_t large = size_t(4) << 20;
} // namespace

void *Arena::allocateBlock(size_t size, size_t alignment) {
  size_t block = std::max(size + alignment, blocks_.empty() ? first : usual);
  void *made = nullptr;
  if (bytes_ >= large) {
    block = std::max(block, large);
    made = allocateHugePages(block);
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
