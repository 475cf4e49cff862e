#include "lint/edit.h"

namespace graphc {

Span argumentWithComma(FileId file, const CallExpr &call, size_t index) {
  const auto &arguments = call.arguments;
  // The first one goes with what parts it from the second, any other with what stands before it.
  if (index > 0) return {file, arguments[index - 1].end, arguments[index].end};
  if (arguments.size() > 1) return {file, arguments[0].begin, arguments[1].begin};
  return {file, arguments[0].begin, arguments[0].end};
}

Span wholeLines(std::string_view text, FileId file, uint32_t begin, uint32_t end) {
  auto isBlank = [](char c) { return c == ' ' || c == '\t' || c == '\f'; };
  uint32_t first = begin, last = end;
  while (first > 0 && isBlank(text[first - 1])) --first;
  while (last < text.size() && isBlank(text[last])) ++last;
  bool startsLine = first == 0 || text[first - 1] == '\n' || text[first - 1] == '\r';
  bool endsLine = last == text.size() || text[last] == '\n' || text[last] == '\r';
  if (!endsLine) return {file, begin, end};
  if (!startsLine) return {file, first, last};
  if (last < text.size() && text[last] == '\r') ++last;
  if (last < text.size() && text[last] == '\n') ++last;
  return {file, first, last};
}

} // namespace graphc
