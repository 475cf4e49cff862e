// Which names a file binds, and which of them it reads.
#pragma once

#include "lint/context.h"

namespace graphc {

struct BoundName {
  enum Kind : uint8_t { Assigned, Unpacked, With, Loop, Def, Parameter, Import, Param } kind;
  Symbol name;
  Span span;          // of the name; of the statement where an import writes none
  bool top = false;   // of the file, not of a function
  bool read = false;  // by anyone in the file
  bool first = false; // the first binding of the name in its function
  const Stmt *stmt = nullptr;
  const WithItem *item = nullptr;
};

struct Names {
  explicit Names(const Module &module);
  std::vector<BoundName> bound;            // in the order of the text
  std::unordered_set<Symbol> libraryReads; // names of the library that are read by themselves
  bool hasExport = false;                  // an export stands in the file
};

} // namespace graphc
