#include "driver/output.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace graphc {

namespace {

std::string reason(const std::string &path) {
  return fmt::format("can't write '{}': {}", path, std::strerror(errno));
}

bool writeAll(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

/// Where a link leads, whether or not something is there yet. Empty: to what has no path, as
/// /dev/stdout does where that is a pipe, or a file that was deleted.
std::string linkedPath(const std::string &path) {
  namespace fs = std::filesystem;
  std::error_code failed;
  auto real = fs::canonical(path, failed);
  if (!failed) return real.string();
  struct stat info;
  if (stat(path.c_str(), &info) == 0) return "";
  fs::path end = path;
  for (int links = 0; links < 40; ++links) {
    auto next = fs::read_symlink(end, failed);
    if (failed) break;
    end = end.parent_path() / next;
  }
  return end.string();
}

} // namespace

OutputSet::~OutputSet() {
  for (const File &file : files_)
    if (!file.direct) unlink(file.temporary.c_str());
}

bool OutputSet::open(const std::string &path, File &file, int &descriptor, bool executable,
                     std::string &why) {
  file.path = path;
  descriptor = -1;
  struct stat info;
  if (lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode)) {
    // A link keeps pointing where it does: what it points to is replaced.
    file.path = linkedPath(path);
    if (file.path.empty()) {
      file.path = path;
      file.direct = true;
      return true;
    }
  }
  bool exists = stat(file.path.c_str(), &info) == 0;
  if (exists && !S_ISREG(info.st_mode)) {
    if (S_ISDIR(info.st_mode)) {
      errno = EISDIR;
      why = reason(path);
      return false;
    }
    file.direct = true;
    return true;
  }
  file.temporary = file.path + ".XXXXXX";
  descriptor = mkstemp(file.temporary.data());
  if (descriptor < 0) {
    why = reason(path);
    return false;
  }
  mode_t mask = umask(0);
  umask(mask);
  mode_t mode = (executable ? 0777 : 0666) & ~mask;
  if (exists) mode = (info.st_mode & 0777) | (executable ? mode : 0); // who may read it, may still
  fchmod(descriptor, mode);
  return true;
}

bool OutputSet::add(const std::string &path, std::string_view bytes, bool executable,
                    std::string &why) {
  File file;
  int descriptor = -1;
  if (!open(path, file, descriptor, executable, why)) return false;
  if (file.direct) {
    file.bytes = bytes;
    files_.push_back(std::move(file));
    return true;
  }
  files_.push_back(file);
  bool fine = writeAll(descriptor, bytes);
  if (!fine) why = reason(path);
  if (close(descriptor) != 0 && fine) {
    why = reason(path);
    fine = false;
  }
  return fine;
}

bool OutputSet::reserve(const std::string &path, std::string &temporary, std::string &why) {
  File file;
  int descriptor = -1;
  if (!open(path, file, descriptor, false, why)) return false;
  temporary = file.direct ? file.path : file.temporary;
  if (descriptor >= 0) close(descriptor);
  files_.push_back(std::move(file));
  return true;
}

bool OutputSet::commit(std::string &why) {
  for (const File &file : files_) {
    if (file.direct) {
      int descriptor = ::open(file.path.c_str(), O_WRONLY | O_CLOEXEC);
      bool fine = descriptor >= 0 && writeAll(descriptor, file.bytes);
      if (!fine) why = reason(file.path);
      if (descriptor >= 0) close(descriptor);
      if (!fine) return false;
    } else if (std::rename(file.temporary.c_str(), file.path.c_str()) != 0) {
      why = reason(file.path);
      return false;
    }
  }
  files_.clear();
  return true;
}

bool makeFolders(const std::string &path, std::string &why) {
  std::error_code failed;
  std::filesystem::create_directories(path, failed);
  if (!failed && std::filesystem::is_directory(path)) return true;
  why = fmt::format("can't make the folder '{}': {}", path,
                    failed ? failed.message() : std::strerror(ENOTDIR));
  return false;
}

} // namespace graphc
