// Files as a version of a git repository has them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace graphc {

/// Where a path's own part begins: behind "git:REV:" of a file in a version, else 0.
size_t pathStart(std::string_view path);

/// What `git:REV:PATH` holds, through the git program; PATH counts from the repository's top, or
/// with "./" from the current folder, as git reads it. On failure: nullopt, and `why` says the
/// reason in git's words.
std::optional<std::string> readGitFile(const std::string &path, std::string &why);

} // namespace graphc
