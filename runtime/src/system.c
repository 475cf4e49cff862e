// What systems do in ways of their own: POSIX, and WASI, which has a part of it.
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__linux__)
#include <sched.h>
#endif
#if !defined(__wasi__)
#include <sys/mman.h>
#endif

int32_t graphrt_i_processors(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    int count = CPU_COUNT(&set);
    if (count > 0) return count;
  }
#endif
#if defined(__wasi__)
  return 1;
#else
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online < 1 ? 1 : online > 4096 ? 4096 : (int32_t)online;
#endif
}

void *graphrt_i_aligned(size_t size, size_t alignment) {
  // aligned_alloc wants a multiple of the alignment.
  size_t rounded = (size + alignment - 1) / alignment * alignment;
  return rounded < size ? NULL : aligned_alloc(alignment, rounded);
}

void graphrt_i_aligned_free(void *block) { free(block); }

int graphrt_i_open(const char *path, uint64_t *size, const char **why) {
  // Without O_NONBLOCK a named pipe would wait for its other end before it is refused.
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat information;
  *why = NULL;
  if (descriptor < 0) {
    *why = strerror(errno);
    return -1;
  }
  if (fstat(descriptor, &information) != 0) *why = strerror(errno);
  if (!*why && !S_ISREG(information.st_mode)) *why = "not a regular file";
  if (*why) {
    close(descriptor);
    return -1;
  }
  *size = (uint64_t)information.st_size;
  return descriptor;
}

bool graphrt_i_close(int descriptor) { return close(descriptor) == 0; }

int64_t graphrt_i_read_at(int descriptor, void *buffer, size_t bytes, uint64_t offset) {
  return pread(descriptor, buffer, bytes, (off_t)offset);
}

int64_t graphrt_i_write(int descriptor, const void *data, size_t bytes) {
  return write(descriptor, data, bytes);
}

int graphrt_i_create(const char *path) {
  return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
}

bool graphrt_i_finish(int descriptor, const char *like) {
#if defined(__wasi__)
  (void)like; // files have no modes
#else
  struct stat existing;
  if (like && stat(like, &existing) == 0) (void)fchmod(descriptor, existing.st_mode & 07777);
#endif
  return fsync(descriptor) == 0 || errno == EINVAL;
}

bool graphrt_i_replace(const char *from, const char *to) { return rename(from, to) == 0; }

void graphrt_i_remove(const char *path) { (void)unlink(path); }

bool graphrt_i_special(const char *path) {
  struct stat existing;
  return stat(path, &existing) == 0 && !S_ISREG(existing.st_mode);
}

void graphrt_i_sync_directory(const char *path) {
  int descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  (void)fsync(descriptor);
  close(descriptor);
}

const char *graphrt_i_resolve(const char *path, char resolved[GRAPHRT_PATH]) {
#if defined(__wasi__)
  (void)resolved;
  return path;
#else
  _Static_assert(GRAPHRT_PATH >= PATH_MAX, "realpath writes so much");
  return realpath(path, resolved) ? resolved : path;
#endif
}

uint32_t graphrt_i_process(void) {
#if defined(__wasi__)
  return 0;
#else
  return (uint32_t)getpid();
#endif
}

#if defined(__wasi__)
bool graphrt_i_map(int descriptor, uint64_t bytes, graphrt_mapping *mapping) {
  (void)descriptor;
  (void)bytes;
  (void)mapping;
  return false;
}

void graphrt_i_unmap(graphrt_mapping *mapping) { (void)mapping; }
#else
bool graphrt_i_map(int descriptor, uint64_t bytes, graphrt_mapping *mapping) {
  if (bytes == 0 || bytes > PTRDIFF_MAX) return false;
  int flags = MAP_PRIVATE;
#if defined(MAP_NORESERVE)
  // Pages that are never written need no room to be copied to.
  flags |= MAP_NORESERVE;
#endif
  void *pages = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, flags, descriptor, 0);
  if (pages == MAP_FAILED) return false;
  *mapping = (graphrt_mapping){pages, bytes};
  return true;
}

void graphrt_i_unmap(graphrt_mapping *mapping) {
  if (mapping->pages) munmap(mapping->pages, (size_t)mapping->bytes);
  *mapping = (graphrt_mapping){NULL, 0};
}
#endif
