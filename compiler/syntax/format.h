// One style for all definitions: what `graphc fmt` writes.
#pragma once

#include "source/diagnostics.h"

#include <optional>
#include <string>

namespace graphc {

/// The file in the one style: four spaces a block, PEP 8's spacing, one statement a line, two
/// blank lines around the functions of a file. Comments, groups of lines, and where a bracket's
/// contents are cut into lines stay as they are. Formatting what comes out changes nothing.
///
/// Nullopt where the file does not parse; `diagnostics` says why.
std::optional<std::string> format(const SourceManager &sources, FileId file,
                                  Diagnostics &diagnostics);

} // namespace graphc
