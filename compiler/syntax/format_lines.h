// A file's tokens and comments as the formatter takes them: statement by statement.
#pragma once

#include "syntax/token.h"

#include <string>
#include <vector>

namespace graphc {

/// A token, an f-string as a whole, or a comment within brackets.
struct FormatItem {
  TokenKind kind = TokenKind::End;
  bool comment = false;
  bool backslash = false; // a line joined by `\` ends before it
  uint32_t breaks = 0;    // ends of line between the item before it and it
  uint32_t begin = 0, end = 0;
  std::string text; // as it is written
};

/// One statement, the header of one, or a comment on a line of its own.
struct FormatLine {
  uint32_t level = 0;      // of blocks
  uint32_t blanks = 0;     // empty lines before it
  bool comment = false;    // `items` is that comment alone
  bool splits = false;     // stood on the line of the one before: `a; b`, `if x: a`
  bool opensBlock = false; // a header whose block follows
  std::vector<FormatItem> items;
  std::string trailing; // comment behind it
};

/// The lines of a text that parses.
std::vector<FormatLine> formatLines(const SourceManager &sources, FileId file);

} // namespace graphc
