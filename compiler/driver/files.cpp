#include "driver/files.h"

#include "source/paths.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <set>

namespace graphc {

namespace fs = std::filesystem;

namespace {

struct Search {
  const Excluded &excluded;
  FoundFiles found;
  std::set<fs::path> folders; // real places, against links in loops
  std::set<std::string> files;

  void problem(const fs::path &path, const std::error_code &why) {
    found.problems.push_back(fmt::format("can't read '{}': {}", path.string(), why.message()));
  }

  void add(const fs::path &path) {
    if (files.insert(path == "-" ? "-" : canonicalPath(path.string())).second)
      found.files.push_back(path.string());
  }

  void folder(const fs::path &path) {
    std::error_code failed;
    fs::path real = fs::canonical(path, failed);
    if (!failed && !folders.insert(real).second) return;
    fs::directory_iterator next(path, failed);
    if (failed) return problem(path, failed);
    std::vector<fs::path> entries;
    for (; next != fs::directory_iterator(); next.increment(failed)) {
      if (failed) return problem(path, failed);
      entries.push_back(next->path());
    }
    std::sort(entries.begin(), entries.end());
    for (const fs::path &entry : entries) {
      // A link that leads nowhere is a problem only where a definition is expected. Pipes, sockets
      // and devices are no definitions.
      auto there = fs::status(entry, failed);
      if (fs::is_other(there)) continue;
      bool isFolder = fs::is_directory(there);
      std::string name = entry.filename().string();
      if (excluded && excluded(real.string(), name)) continue;
      if (isFolder && !name.starts_with("."))
        folder(path == "." ? fs::path(name) : entry);
      else if (!isFolder && entry.extension() == ".graph")
        add(path == "." ? fs::path(name) : entry);
    }
  }
};

} // namespace

FoundFiles findDefinitions(const std::vector<std::string> &paths, const Excluded &excluded) {
  Search search{excluded, {}, {}, {}};
  for (const std::string &path : paths) {
    std::error_code failed;
    if (path != "-" && fs::is_directory(path, failed))
      search.folder(path);
    else
      search.add(path);
  }
  return std::move(search.found);
}

} // namespace graphc
