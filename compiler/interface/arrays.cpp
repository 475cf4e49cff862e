#include "interface/arrays.h"

#include "interface/idx.h"
#include "interface/npy.h"
#include "interface/npz.h"
#include "source/diagnostics.h"

#include <algorithm>
#include <unistd.h>

namespace graphc {

namespace {

std::optional<Array> readMember(const std::string &path, const std::string &member,
                                std::string &why) {
  auto npz = Npz::open(path, why);
  if (!npz) return std::nullopt;
  const std::vector<std::string> &names = npz->names();
  if (member.empty()) {
    if (names.size() == 1) return npz->read(0, why);
    why = names.empty()
              ? "holds no arrays"
              : fmt::format("holds {} arrays; name one: {}:{}", names.size(), path, names[0]);
    return std::nullopt;
  }
  auto found = std::find(names.begin(), names.end(), member);
  if (found != names.end()) return npz->read(found - names.begin(), why);
  auto nearest = nearestName(member, {names.begin(), names.end()});
  why = fmt::format("holds no array '{}'{}", member,
                    nearest ? fmt::format("; did you mean '{}'?", *nearest) : "");
  return std::nullopt;
}

} // namespace

std::optional<Array> readArray(const std::string &file, std::string &why) {
  std::string path = file, member;
  // A colon may be part of a file's name.
  size_t colon = file.rfind(':');
  if (colon != std::string::npos && access(file.c_str(), F_OK) != 0 &&
      access(file.substr(0, colon).c_str(), F_OK) == 0) {
    path = file.substr(0, colon);
    member = file.substr(colon + 1);
  }
  auto bytes = openBytes(path, why);
  if (!bytes) return std::nullopt;
  std::string start = bytes->peek(8);
  if (isZip(start)) return readMember(path, member, why);
  if (!member.empty()) {
    why = fmt::format("is not a .npz file, so it has no member '{}'", member);
    return std::nullopt;
  }
  if (isNpy(start)) return readNpy(*bytes, why);
  if (isIdx(start)) return readIdx(*bytes, why);
  why = bytes->failure().empty() ? "is not a .npy, .npz or IDX file" : bytes->failure();
  return std::nullopt;
}

} // namespace graphc
