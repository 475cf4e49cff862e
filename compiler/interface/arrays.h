// Arrays in files of any format that is read: told by what the file holds, not by its name.
#pragma once

#include "ops/op.h"

#include <optional>
#include <string>

namespace graphc {

/// Reads one array: a .npy or IDX file, plain or gzipped ("-" is standard input), or a member of a
/// .npz file, given as FILE.npz:MEMBER, or as FILE.npz where there is only one. nullopt, with the
/// reason in `why`, which goes on after the file's name ("is cut off: …").
std::optional<Array> readArray(const std::string &file, std::string &why);

} // namespace graphc
