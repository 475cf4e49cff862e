// `# graphc: ignore[W0203] reason`, `# graphc: ignore-file[W0204]`: findings that somebody looked
// at and means to keep.
#pragma once

#include "lint/context.h"

namespace graphc {

/// One comment that suppresses, or was meant to.
struct Suppression {
  struct Code {
    std::string text;
    Span span;
    bool used = false;
  };
  Span comment; // from its # on
  std::vector<Code> codes;
  std::string reason;
  bool wholeFile = false;
  std::string problem; // why it can suppress nothing
  // What it covers: findings that begin in these bytes.
  uint32_t begin = 0, end = 0;
  const Stmt *stmt = nullptr; // that it stands at; null: none
};

/// The suppressions of a file, in order.
std::vector<Suppression> suppressionsOf(const SourceManager &sources, const Module &module);

/// Marks the findings of `lint` that are suppressed. Returns the suppressions of the file that is
/// linted, each code marked as used or not.
std::vector<Suppression> applySuppressions(LintContext &lint);

/// W0309 for the codes of a suppression that nothing used; nullopt: all are used.
std::optional<Finding> unusedSuppressionOf(const SourceManager &sources,
                                           const Suppression &suppression);

/// Whether it could be seen whether the code is used: its rule was run, and so was the statement.
bool couldBeUsed(const LintContext &lint, const Suppression &suppression, std::string_view code);

} // namespace graphc
