// Lints definitions: runs each with every set of params it is to be linted with, and merges what is
// found.
#pragma once

#include "lint/config.h"
#include "lint/context.h"

namespace graphc {

/// One definition to lint.
struct LintJob {
  std::string path; // "-": standard input
  std::shared_ptr<const LintConfig> config;
  /// Whether all definitions that the configuration is for are linted with this one, so that a
  /// param that it names and that none of them has is a slip.
  bool searched = false;
};

struct LintOptions {
  Defines defines; // of the command line: they win over a configuration's
  Limits limits;
  std::optional<Severity> failOn; // wins over a configuration's
  /// Texts that stand for files, by path.
  std::map<std::string, std::string> texts;
};

/// One definition run with one set of params.
struct LintRun {
  std::string path;
  Defines defines;
  std::vector<std::string> files; // that it read
};

/// What was found in all of them.
struct LintReport {
  SourceManager sources;
  std::vector<Finding> findings; // errors too, and what is suppressed; by file, line, column
  std::vector<LintRun> runs;
  std::string printed; // what print() said
  std::vector<std::string> usageErrors;
  bool unreadable = false; // a file that was to be linted could not be read
};

/// `fails` of each finding says whether it is at or above the threshold.
std::unique_ptr<LintReport> lint(const std::vector<LintJob> &jobs, const LintOptions &options);

/// The graph as `inspect` shows it, less places in the text. Nullopt: there are errors.
std::optional<std::string> graphSignature(const LintRun &run, const LintOptions &options);

} // namespace graphc
