// What a lint rule is: one file that defines one Rule, and its line in the list of rules.cpp.
// docs/contributing.md says how to add one.
#pragma once

#include "lint/context.h"

namespace graphc {

struct Rule {
  std::string_view code, name;
  std::string_view summary; // what it finds, for lists and SARIF
  Severity severity = Severity::Warning;
  bool on = true; // unless a configuration says otherwise
  /// What must hold for what the rule says to be true.
  enum Needs : uint8_t {
    Nothing, // what happened, happened: also where there are errors
    Whole,   // no errors: what is missing may have been lost to one
    Exports, // no errors, and an export
  } needs = Nothing;
  /// Looks at the text of the file alone, whether or not it was run.
  bool textual = false;
  void (*run)(LintContext &) = nullptr;
};

/// Every rule, by code.
const std::vector<const Rule *> &allRules();
/// By code; null: there is none.
const Rule *findRule(std::string_view code);

} // namespace graphc
