// graphlint.toml: which rules are on, how severe they are, what is linted with which params.
#pragma once

#include "source/diagnostics.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace graphc {

using Defines = std::vector<std::pair<std::string, std::string>>;

struct LintConfig {
  std::string path;   // empty: there is none
  std::string folder; // of the file: what its globs are relative to
  /// By code: what differs from the rule's own.
  std::map<std::string, bool, std::less<>> on;
  std::map<std::string, Severity, std::less<>> severity;
  std::optional<Severity> failOn;
  std::vector<std::string> exclude; // globs
  std::vector<Defines> defines;     // each is a run
  /// Where these name each param first: "FILE:LINE:COLUMN".
  std::map<std::string, std::string, std::less<>> definePlaces;

  bool isOn(std::string_view code) const;
  /// `otherwise`: the rule's own.
  Severity severityOf(std::string_view code, Severity otherwise) const;
  /// Whether a file or folder (an absolute path) is left out of the search.
  bool excludes(const std::string &absolutePath) const;
};

/// Reads a configuration. Null, with "FILE:LINE:COLUMN: what is wrong" in `why`, where it can't be.
std::shared_ptr<const LintConfig> readLintConfig(const std::string &path, std::string &why);

/// "error", "warning" or "info".
std::optional<Severity> severityFromName(std::string_view name);

/// Whether a path matches a glob: * within a name, ** across folders, ? one character, [a-z] one of
/// several. A glob without a slash matches a name in any folder; one that matches a folder matches
/// all that is in it.
bool matchesGlob(std::string_view glob, std::string_view path);

/// Finds the configuration of files: graphlint.toml in the nearest folder upward.
class LintConfigs {
public:
  /// `given`: the one for all files; empty: the nearest.
  explicit LintConfigs(std::string given) : given_(std::move(given)) {}
  /// Of a folder (absolute). Null with `why` where it is broken.
  std::shared_ptr<const LintConfig> of(const std::string &folder, std::string &why);

private:
  std::shared_ptr<const LintConfig> read(const std::string &path, std::string &why);

  std::string given_;
  std::map<std::string, std::shared_ptr<const LintConfig>> byFolder_;
  std::map<std::string, std::pair<std::shared_ptr<const LintConfig>, std::string>> byPath_;
};

} // namespace graphc
