// How UTF-8 text stands on a terminal: code points and the columns they take.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace graphc {

/// The code point at `text[at]`, and moves `at` behind it. A byte that begins no valid
/// sequence gives U+FFFD and counts as one.
char32_t nextCodePoint(std::string_view text, size_t &at);

/// Columns that a code point takes: 0 for combining marks, 2 for wide East Asian ones and
/// most emoji, else 1.
int displayWidth(char32_t point);

/// Appends a code point in UTF-8.
void appendUtf8(std::string &out, char32_t point);

/// The text with every byte that is not valid UTF-8 replaced by U+FFFD.
std::string validUtf8(std::string_view text);

} // namespace graphc
