#include "source/huge_pages.h"

#include <sys/mman.h>

namespace graphc {

void *allocateHugePages(size_t &size) {
  size = (size + hugePageSize - 1) / hugePageSize * hugePageSize;
  void *made = std::aligned_alloc(hugePageSize, size);
  if (!made) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  madvise(made, size, MADV_HUGEPAGE); // where refused, it is slower
#endif
  return made;
}

} // namespace graphc
