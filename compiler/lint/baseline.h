// A baseline: the findings that were there when a team began to lint. What is in it is not
// reported.
#pragma once

#include "lint/context.h"

#include <map>
#include <string>
#include <vector>

namespace graphc {

/// Names a finding in a way that lines inserted above or below it do not change: its code and the
/// words of its line.
std::string fingerprintOf(const SourceManager &sources, const Diagnostic &finding);

class Baseline {
public:
  /// False, with the reason in `why`, if the file can't be read or is no baseline.
  bool read(const std::string &path, std::string &why);
  /// Whether the finding is known; each entry of the baseline stands for one finding.
  bool takes(const SourceManager &sources, const Diagnostic &finding);

  /// The contents of a baseline file at `path`, to whose folder its paths are relative.
  static std::string write(const std::string &path, const SourceManager &sources,
                           const std::vector<Finding> &findings);

private:
  std::string folder_;
  std::map<std::string, uint64_t> counts_; // "file\ncode\nfingerprint"
};

} // namespace graphc
