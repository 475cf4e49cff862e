// Which definitions a command is about: files, folders to search, standard input.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace graphc {

struct FoundFiles {
  std::vector<std::string> files; // each once; what was named first comes first, a folder's sorted
  std::vector<std::string> problems; // of what can't be read: "can't read 'x': Permission denied"
};

/// The files named, and the `*.graph` files in and under the folders named. Hidden folders are
/// passed over; links to folders are followed once. `excluded` is asked about what is found in
/// folders: the real folder, and the name in it.
using Excluded = std::function<bool(const std::string &folder, const std::string &name)>;
FoundFiles findDefinitions(const std::vector<std::string> &paths, const Excluded &excluded = {});

} // namespace graphc
