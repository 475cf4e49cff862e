#include "interface/location.h"

#include <dlfcn.h>
#include <filesystem>

namespace graphc {

std::string libraryFolder() {
  static const char here = 0;
  Dl_info info;
  if (dladdr(&here, &info) == 0 || !info.dli_fname) return ".";
  std::string path = info.dli_fname;
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string runtimeLibrary(const std::string &name) {
  std::error_code failed;
  for (const std::string &folder : {libraryFolder(), libraryFolder() + "/.."})
    if (auto path = std::filesystem::path(folder) / name; std::filesystem::exists(path, failed))
      return path.string();
  return "";
}

} // namespace graphc
