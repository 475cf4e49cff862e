// The syntax tree as indented text, for tests and for looking at.
#pragma once

#include "syntax/ast.h"

#include <string>

namespace graphc {

struct DumpOptions {
  bool spans = true; // "@begin-end" in bytes after every node
};

/// One node a line, each child indented by two blanks more.
std::string dump(const Module &module, const Symbols &symbols, DumpOptions options = {});

} // namespace graphc
