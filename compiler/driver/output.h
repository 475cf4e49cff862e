// Files that are written whole or not at all, and all of them or none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace graphc {

/// Collects what a command writes. Everything is written under temporary names beside the final
/// ones; only when all of that has worked do the files get their names.
class OutputSet {
public:
  OutputSet() = default;
  OutputSet(const OutputSet &) = delete;
  ~OutputSet(); // removes what was not committed

  /// False, with the reason in `why`, if the file can't be written.
  bool add(const std::string &path, std::string_view bytes, bool executable, std::string &why);
  /// A name beside `path` for a file that somebody else writes; part of the set from then on.
  bool reserve(const std::string &path, std::string &temporary, std::string &why);
  /// Gives all files their names. False, with the reason in `why`, if one can't be given.
  bool commit(std::string &why);

private:
  struct File {
    std::string temporary, path;
    bool direct = false; // a device or pipe: written as it is, at commit
    std::string bytes;
  };
  bool open(const std::string &path, File &file, int &descriptor, bool executable,
            std::string &why);

  std::vector<File> files_;
};

/// Makes a folder and those above it. False, with the reason in `why`, if that fails.
bool makeFolders(const std::string &path, std::string &why);

} // namespace graphc
