#include "source/paths.h"

#include <filesystem>

namespace graphc {

std::string canonicalPath(const std::string &path) {
  std::error_code failed;
  auto known = std::filesystem::weakly_canonical(path, failed);
  return failed ? path : known.string();
}

std::string_view fileStem(std::string_view path) {
  auto stem = path.substr(path.rfind('/') + 1);
  if (stem.ends_with(".graph")) stem.remove_suffix(6);
  return stem;
}

} // namespace graphc
