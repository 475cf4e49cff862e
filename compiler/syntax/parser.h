// Source text to syntax tree.
#pragma once

#include "source/diagnostics.h"
#include "syntax/ast.h"

namespace graphc {

/// Parses a file. Never null: what could not be parsed (reported as E0001–E0003, E0006,
/// E0102 or E0109) is left out of the tree. Tree and decoded text live in `arena`, the rest
/// of the text in the file itself.
const Module *parse(const SourceManager &sources, FileId file, Symbols &symbols, Arena &arena,
                    Diagnostics &diagnostics);

/// A comment, from its `#` to the end of its line.
struct Comment {
  uint32_t begin = 0, end = 0;
  bool ownLine = false; // nothing but blanks before it
};

/// Every comment of a text in its order. Scans the text anew.
std::vector<Comment> comments(std::string_view text);

} // namespace graphc
