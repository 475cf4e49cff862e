// The reserved words.
#pragma once

#include <span>
#include <string_view>

namespace graphc {

/// Every one, those of Python that a definition has no use for too; not `param` and `export`, which
/// are names elsewhere.
std::span<const std::string_view> keywords();
bool isKeyword(std::string_view word);

} // namespace graphc
