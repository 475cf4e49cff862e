// Between the protocol's places and the compiler's: URIs and paths, UTF-16 columns and bytes.
#pragma once

#include "lsp/connection.h"
#include "source/source.h"

#include <string>

namespace graphc {

/// The path of a "file:" URI; "" for another scheme.
std::string pathFromUri(std::string_view uri);
std::string uriFromPath(std::string_view path);

/// Line from 0 and UTF-16 code units, as the protocol counts. A place behind a line's end, or
/// behind the text, is that end.
uint32_t offsetOf(const SourceFile &file, const Json &position);
Json positionOf(const SourceFile &file, uint32_t offset);
Json rangeOf(const SourceFile &file, uint32_t begin, uint32_t end);

} // namespace graphc
