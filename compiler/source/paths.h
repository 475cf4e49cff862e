// Names of files.
#pragma once

#include <string>
#include <string_view>

namespace graphc {

/// The same for every path to one file: absolute, symbolic links followed. The path itself where
/// that can't be found out.
std::string canonicalPath(const std::string &path);
/// The file's name without folders and ".graph".
std::string_view fileStem(std::string_view path);

} // namespace graphc
