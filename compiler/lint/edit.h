// Which bytes of the text a fix has to take away.
#pragma once

#include "lint/context.h"

namespace graphc {

/// An argument of a call with the comma that parts it from the others.
Span argumentWithComma(FileId file, const CallExpr &call, size_t index);

/// [begin, end) widened to the whole of its lines where nothing but blanks stands beside it, else
/// with the blanks before it.
Span wholeLines(std::string_view text, FileId file, uint32_t begin, uint32_t end);

} // namespace graphc
