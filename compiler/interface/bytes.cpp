#include "interface/bytes.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

namespace graphc {

bool ByteSource::read(void *into, int64_t count) {
  auto *to = static_cast<char *>(into);
  auto held = std::min(count, static_cast<int64_t>(ahead_.size()));
  std::copy_n(ahead_.data(), held, to);
  ahead_.erase(0, static_cast<size_t>(held));
  while (held < count) {
    int64_t got = readSome(to + held, count - held);
    if (got <= 0) return false;
    held += got;
  }
  return true;
}

std::string ByteSource::peek(int64_t count) {
  char buffer[64];
  count = std::min(count, static_cast<int64_t>(sizeof buffer));
  while (static_cast<int64_t>(ahead_.size()) < count) {
    int64_t got = readSome(buffer, count - static_cast<int64_t>(ahead_.size()));
    if (got <= 0) break;
    ahead_.append(buffer, static_cast<size_t>(got));
  }
  return ahead_.substr(0, static_cast<size_t>(count));
}

bool ByteSource::atEnd() { return peek(1).empty(); }

namespace {

/// zlib reads what is not gzipped as it is.
class GzipSource : public ByteSource {
public:
  GzipSource(gzFile file, int64_t size) : file_(file), size_(gzdirect(file) ? size : -1) {}
  ~GzipSource() override { gzclose(file_); }
  int64_t size() const override { return size_; }

protected:
  int64_t readSome(void *into, int64_t count) override {
    constexpr int64_t most = 1 << 24;
    int got = gzread(file_, into, static_cast<unsigned>(std::min(count, most)));
    if (got > 0) return got;
    int code = Z_OK;
    gzerror(file_, &code);
    if (code == Z_ERRNO)
      failure_ = fmt::format("can't be read: {}", std::strerror(errno));
    else if (code == Z_BUF_ERROR)
      failure_ = "holds gzip data that is cut off";
    else if (code != Z_OK && code != Z_STREAM_END)
      failure_ = "holds gzip data that is damaged";
    return failure_.empty() ? 0 : -1;
  }

private:
  gzFile file_;
  int64_t size_;
};

} // namespace

std::unique_ptr<ByteSource> openBytes(const std::string &path, std::string &why) {
  auto failed = [&](int error) {
    why = fmt::format("can't be read: {}", std::strerror(error));
    return nullptr;
  };
  int descriptor = path == "-" ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return failed(errno);
  struct stat info;
  bool known = fstat(descriptor, &info) == 0;
  if (known && S_ISDIR(info.st_mode)) {
    close(descriptor);
    return failed(EISDIR);
  }
  gzFile file = gzdopen(descriptor, "rb");
  if (!file) {
    close(descriptor);
    return failed(ENOMEM);
  }
  gzbuffer(file, 1 << 17);
  return std::make_unique<GzipSource>(file, known && S_ISREG(info.st_mode) ? info.st_size : -1);
}

int64_t machineMemory() {
  static const int64_t memory = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
  return memory;
}

} // namespace graphc
