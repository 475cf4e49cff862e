// The reserved words.
#pragma once

#include <string_view>

namespace graphc {

/// Those of Python that a definition has no use for, too; not `param` and `export`, which are names
/// elsewhere.
bool isKeyword(std::string_view word);
/// Whether a text could be a name of a definition: letters, digits, `_`, no digit first, no
/// keyword.
bool isPlainName(std::string_view text);

} // namespace graphc
