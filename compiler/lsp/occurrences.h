// Where the names of a file are bound and read.
#pragma once

#include "elaborate/resolve.h"
#include "syntax/ast.h"

#include <vector>

namespace graphc {

/// One place of a name. Equal `owner` and `slot`: the same name.
struct Occurrence {
  uint32_t begin = 0, end = 0;
  Symbol name;
  uint32_t owner = 0; // number of the function (or lambda, comprehension); 0: the file
  uint32_t slot = 0;
  bool binds = false;
  bool library = false;        // a name of the library: no owner
  const Stmt *stmt = nullptr;  // that binds it
  const Expr *value = nullptr; // what it is bound to, where that is one expression
};

class Occurrences {
public:
  explicit Occurrences(const Module &module);

  /// What stands at an offset, its end included; null: no name.
  const Occurrence *at(uint32_t offset) const;
  /// All places of the same name, in the order of the text.
  std::vector<const Occurrence *> same(const Occurrence &as) const;
  /// The first place that binds it; null: none (a name of the library).
  const Occurrence *binding(const Occurrence &of) const;
  /// The names that can be read at an offset, nearest first.
  std::vector<const Occurrence *> visible(uint32_t offset) const;

private:
  friend class OccurrenceCollector;
  struct Function {
    uint32_t begin = 0, end = 0; // where its names can be read
    uint32_t parent = 0;
  };
  std::vector<Occurrence> all_; // in the order of the text
  std::vector<Function> functions_;
};

} // namespace graphc
