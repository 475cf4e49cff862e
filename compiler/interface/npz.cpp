#include "interface/npz.h"

#include "interface/npy.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <minizip/unzip.h>
#include <minizip/zip.h>
#include <set>
#include <sys/stat.h>
#include <zlib.h>

namespace graphc {

struct Npz::Position {
  unz64_file_pos place;
  int64_t bytes; // unpacked, as the archive says
};

namespace {

constexpr std::string_view suffix = ".npy";
constexpr size_t longestName = 4096;

/// The member that is open now.
class MemberSource : public ByteSource {
public:
  explicit MemberSource(unzFile file) : file_(file) {}
  int64_t size() const override { return -1; }

protected:
  int64_t readSome(void *into, int64_t count) override {
    constexpr int64_t most = 1 << 24;
    int got = unzReadCurrentFile(file_, into, static_cast<unsigned>(std::min(count, most)));
    if (got < 0) failure_ = "holds zip data that is damaged";
    return got;
  }

private:
  unzFile file_;
};

} // namespace

bool isZip(std::string_view start) {
  return start.starts_with("PK\x03\x04") || start.starts_with("PK\x05\x06");
}

std::unique_ptr<Npz> Npz::open(const std::string &path, std::string &why) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    why = fmt::format("can't be read: {}", std::strerror(errno));
    return nullptr;
  }
  std::unique_ptr<Npz> npz(new Npz);
  if (S_ISREG(info.st_mode)) npz->file_ = unzOpen64(path.c_str());
  if (!npz->file_) {
    why = "is not a zip file, or is one that is damaged";
    return nullptr;
  }
  return npz->list(why) ? std::move(npz) : nullptr;
}

Npz::~Npz() {
  if (file_) unzClose(file_);
}

bool Npz::list(std::string &why) {
  std::set<std::string> seen;
  int status = unzGoToFirstFile(file_);
  for (; status == UNZ_OK; status = unzGoToNextFile(file_)) {
    unz_file_info64 info;
    std::string name(longestName, '\0');
    Position position{};
    if (unzGetCurrentFileInfo64(file_, &info, name.data(), longestName, nullptr, 0, nullptr, 0) !=
            UNZ_OK ||
        unzGetFilePos64(file_, &position.place) != UNZ_OK) {
      status = UNZ_BADZIPFILE;
      break;
    }
    if (info.size_filename >= longestName) {
      why = fmt::format("holds a member whose name is {} bytes long", info.size_filename);
      return false;
    }
    name.resize(info.size_filename);
    if (!name.ends_with(suffix) || name.size() == suffix.size() ||
        name.find('\0') != std::string::npos) {
      why = fmt::format("holds '{}', which is no array", name);
      return false;
    }
    name.resize(name.size() - suffix.size());
    if (!seen.insert(name).second) {
      why = fmt::format("holds '{}' twice", name);
      return false;
    }
    position.bytes = static_cast<int64_t>(
        std::min<uint64_t>(info.uncompressed_size, static_cast<uint64_t>(INT64_MAX)));
    names_.push_back(std::move(name));
    positions_.push_back(position);
  }
  if (status == UNZ_END_OF_LIST_OF_FILE) return true;
  why = "is not a zip file, or is one that is damaged";
  return false;
}

std::optional<Array> Npz::read(size_t index, std::string &why) {
  auto failed = [&](std::string_view reason) {
    why = fmt::format("member '{}' {}", names_[index], reason);
    return std::nullopt;
  };
  Position &position = positions_[index];
  if (position.bytes > machineMemory()) return failed("is larger than this machine's memory");
  if (unzGoToFilePos64(file_, &position.place) != UNZ_OK || unzOpenCurrentFile(file_) != UNZ_OK)
    return failed("is packed or encrypted in a way that is not read here");
  MemberSource source(file_);
  std::string reason;
  auto array = readNpy(source, reason);
  bool damaged = unzCloseCurrentFile(file_) != UNZ_OK;
  if (!array) return failed(reason);
  if (damaged) return failed("holds zip data that is damaged");
  return array;
}

namespace {

bool writePieces(zipFile file, const void *data, size_t bytes) {
  const auto *from = static_cast<const char *>(data);
  constexpr size_t most = 1 << 30;
  while (bytes) {
    auto now = std::min(bytes, most);
    if (zipWriteInFileInZip(file, from, static_cast<unsigned>(now)) != ZIP_OK) return false;
    from += now;
    bytes -= now;
  }
  return true;
}

bool writeMember(zipFile file, const NamedArray &member) {
  const Array &array = *member.array;
  std::string header = npyBytes(array.dtype, array.dims, {});
  zip_fileinfo info{};
  info.tmz_date = {0, 0, 0, 1, 0, 1980};
  // NumPy marks members of unknown size so, too; it costs a few bytes.
  int large = array.bytes.size() + header.size() > 0xFFFF0000u;
  if (zipOpenNewFileInZip64(file, (member.name + std::string(suffix)).c_str(), &info, nullptr, 0,
                            nullptr, 0, nullptr, 0, 0, large) != ZIP_OK)
    return false;
  bool fine = writePieces(file, header.data(), header.size()) &&
              writePieces(file, array.bytes.data(), array.bytes.size());
  return zipCloseFileInZip(file) == ZIP_OK && fine;
}

} // namespace

bool writeNpz(const std::string &path, const std::vector<NamedArray> &arrays, std::string &why) {
  for (const NamedArray &member : arrays)
    if (member.name.empty() || member.name.size() + suffix.size() >= longestName) {
      why = fmt::format("'{}' is no name for a member of an archive", member.name);
      return false;
    }
  errno = 0;
  zipFile file = zipOpen64(path.c_str(), APPEND_STATUS_CREATE);
  bool fine = file;
  for (const NamedArray &member : arrays) fine = fine && writeMember(file, member);
  if (file) fine = zipClose(file, nullptr) == ZIP_OK && fine;
  if (!fine) why = errno ? std::strerror(errno) : "the archive can't be written";
  return fine;
}

} // namespace graphc
