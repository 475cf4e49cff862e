// Python's text forms: numbers, quoting, the three ways of formatting, code points.
#pragma once

#include "elaborate/value.h"
#include "source/diagnostics.h"

#include <optional>

namespace graphc {

/// repr() of a float: "1.0", "1e-05", "inf".
std::string floatText(double value);
/// repr() of a str: 'it' or "it's".
std::string quotedText(std::string_view text);

/// What went wrong in a format, with its code.
struct FormatError {
  Code code = Code::WrongType;
  std::string message;
};

/// `value` in a format specification ("5d", ".3f", ">8"); nullopt: `error` says why.
std::optional<std::string> formatValue(const Value &value, std::string_view spec,
                                       FormatError &error);
/// `format % args`.
std::optional<std::string> percentFormat(std::string_view format, const Value &args,
                                         FormatError &error);
/// `format.format(...)`.
std::optional<std::string>
braceFormat(std::string_view format, std::span<const Value> positional,
            const std::vector<std::pair<std::string_view, Value>> &keywords, FormatError &error);

size_t codePoints(std::string_view text);
/// The byte where code point `index` begins.
size_t byteOffset(std::string_view text, size_t index);

} // namespace graphc
