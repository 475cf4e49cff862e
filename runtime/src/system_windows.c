// What systems do in ways of their own: Windows.
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <malloc.h>
#include <string.h>
#include <sys/stat.h>

int32_t graphrt_i_processors(void) {
  DWORD_PTR own, all;
  if (GetProcessAffinityMask(GetCurrentProcess(), &own, &all) && own)
    return (int32_t)__builtin_popcountll(own);
  return 1;
}

uint32_t graphrt_i_process(void) { return GetCurrentProcessId(); }

void *graphrt_i_aligned(size_t size, size_t alignment) { return _aligned_malloc(size, alignment); }

void graphrt_i_aligned_free(void *block) { _aligned_free(block); }

// UTF-8 to what the system takes. False, with errno set, where it is none or too long.
static bool wide(const char *path, wchar_t out[GRAPHRT_PATH]) {
  if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, out, GRAPHRT_PATH) > 0)
    return true;
  errno = ENOENT;
  return false;
}

int graphrt_i_open(const char *path, uint64_t *size, const char **why) {
  wchar_t name[GRAPHRT_PATH];
  int descriptor = wide(path, name) ? _wopen(name, _O_RDONLY | _O_BINARY | _O_NOINHERIT) : -1;
  *why = NULL;
  if (descriptor < 0) {
    *why = strerror(errno);
    return -1;
  }
  struct _stat64 information;
  if (_fstat64(descriptor, &information) != 0)
    *why = strerror(errno);
  else if ((information.st_mode & _S_IFMT) != _S_IFREG)
    *why = "not a regular file";
  if (*why) {
    _close(descriptor);
    return -1;
  }
  *size = (uint64_t)information.st_size;
  return descriptor;
}

bool graphrt_i_close(int descriptor) { return _close(descriptor) == 0; }

int64_t graphrt_i_read_at(int descriptor, void *buffer, size_t bytes, uint64_t offset) {
  OVERLAPPED place = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
  DWORD got = 0;
  DWORD wanted = bytes < (1u << 30) ? (DWORD)bytes : 1u << 30;
  if (ReadFile((HANDLE)_get_osfhandle(descriptor), buffer, wanted, &got, &place)) return got;
  if (GetLastError() == ERROR_HANDLE_EOF) return 0;
  errno = EIO;
  return -1;
}

int64_t graphrt_i_write(int descriptor, const void *data, size_t bytes) {
  return _write(descriptor, data, bytes < (1u << 30) ? (unsigned)bytes : 1u << 30);
}

int graphrt_i_create(const char *path) {
  wchar_t name[GRAPHRT_PATH];
  if (!wide(path, name)) return -1;
  return _wopen(name, _O_WRONLY | _O_CREAT | _O_EXCL | _O_BINARY | _O_NOINHERIT,
                _S_IREAD | _S_IWRITE);
}

bool graphrt_i_finish(int descriptor, const char *like) {
  (void)like; // what may be done with a file is the folder's business
  return _commit(descriptor) == 0;
}

bool graphrt_i_replace(const char *from, const char *to) {
  wchar_t old[GRAPHRT_PATH], new[GRAPHRT_PATH];
  if (!wide(from, old) || !wide(to, new)) return false;
  if (MoveFileExW(old, new, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH)) return true;
  errno = EACCES;
  return false;
}

void graphrt_i_remove(const char *path) {
  wchar_t name[GRAPHRT_PATH];
  if (wide(path, name)) (void)_wunlink(name);
}

bool graphrt_i_special(const char *path) {
  wchar_t name[GRAPHRT_PATH];
  DWORD attributes = wide(path, name) ? GetFileAttributesW(name) : INVALID_FILE_ATTRIBUTES;
  return attributes != INVALID_FILE_ATTRIBUTES &&
         attributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_DEVICE);
}

void graphrt_i_sync_directory(const char *path) { (void)path; }

const char *graphrt_i_resolve(const char *path, char resolved[GRAPHRT_PATH]) {
  (void)resolved;
  return path;
}

bool graphrt_i_map(int descriptor, uint64_t bytes, graphrt_mapping *mapping) {
  if (bytes == 0 || bytes > PTRDIFF_MAX) return false;
  HANDLE file = (HANDLE)_get_osfhandle(descriptor);
  HANDLE section = CreateFileMappingW(file, NULL, PAGE_WRITECOPY, 0, 0, NULL);
  if (!section) return false;
  void *pages = MapViewOfFile(section, FILE_MAP_COPY, 0, 0, (SIZE_T)bytes);
  CloseHandle(section); // the view holds it
  if (!pages) return false;
  *mapping = (graphrt_mapping){pages, bytes};
  return true;
}

void graphrt_i_unmap(graphrt_mapping *mapping) {
  if (mapping->pages) UnmapViewOfFile(mapping->pages);
  *mapping = (graphrt_mapping){NULL, 0};
}
