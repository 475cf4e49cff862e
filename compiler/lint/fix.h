// Fixes carried out: those that leave the graph as it was, or all.
#pragma once

#include "lint/lint.h"

namespace graphc {

struct FixResult {
  /// The new texts, by path, of the files that change.
  std::map<std::string, std::string> texts;
  size_t applied = 0;
};

/// Applies fixes to the files of `jobs`, round by round until there are no more: of two that
/// overlap the second waits for the next round. A safe fix is kept where every definition that
/// reads the file gives the same graph as before, an unsafe one (`unsafeToo`) where none has
/// errors. `options.texts` gets the new texts; the report that is returned is of these.
std::unique_ptr<LintReport> fixFindings(const std::vector<LintJob> &jobs, LintOptions &options,
                                        std::unique_ptr<LintReport> report, bool unsafeToo,
                                        FixResult &result);

/// How many findings have a fix that would be applied.
size_t countFixable(const std::vector<Finding> &findings, bool unsafeToo);

} // namespace graphc
