// Diagnostics: what is wrong, where, and what else to look at. Nothing throws; rooms
// report here and go on or give up by returning null or false.
#pragma once

#include "source/source.h"

#include <fmt/format.h>
#include <unordered_set>

namespace graphc {

enum class Code : uint8_t {
#define CODE(number, name, what) name,
#include "source/codes.def"
#undef CODE
};

/// "E0201"
std::string_view codeNumber(Code code);
/// "the variable already exists"
std::string_view codeSummary(Code code);
std::optional<Code> codeFromNumber(std::string_view number);
const std::vector<Code> &allCodes();

enum class Severity : uint8_t { Error, Warning, Info };
std::string_view severityName(Severity severity);

/// A second place that explains the first: "originally defined here", a call on the way.
struct Note {
  std::string message;
  Span span;
};

/// A replacement of text that a finding proposes.
struct Fix {
  std::string message;
  Span span;
  std::string replacement;
  bool safe = false; // leaves the graph as it was
};

struct Diagnostic {
  std::string code; // "E0201", or a lint rule's "W0203"
  Severity severity = Severity::Error;
  std::string message;
  Span span;
  std::vector<Note> notes;
  std::string help; // one line, may be empty
  std::vector<Fix> fixes;
};

/// The diagnostics of one run, in the order of their making.
class Diagnostics {
public:
  explicit Diagnostics(const SourceManager &sources) : sources_(sources) {}

  /// Adds an error and returns it, so that notes and help can be added to it. The
  /// reference holds until the next report. The same error at the same place is kept once.
  Diagnostic &error(Code code, Span span, std::string message);
  void add(Diagnostic diagnostic);

  bool hasErrors() const { return errorCount_ != 0; }
  size_t errorCount() const { return errorCount_; }
  const std::vector<Diagnostic> &all() const { return all_; }
  std::vector<Diagnostic> &all() { return all_; }
  const SourceManager &sources() const { return sources_; }

private:
  const SourceManager &sources_;
  std::vector<Diagnostic> all_;
  std::unordered_set<std::string> reported_; // code, span and message of every error
  Diagnostic repeated_;                      // where further words on a repeated error go
  size_t errorCount_ = 0;
};

/// Reads the file named on a command line ("-": standard input). One that can't be read, isn't
/// UTF-8 or is larger than 2 GB is E0004 or E0007, and there is no id.
std::optional<FileId> readSource(SourceManager &sources, const std::string &path,
                                 Diagnostics &diagnostics, const FileReader &read = readFile);

enum class DiagnosticFormat : uint8_t { Text, Json, Sarif, GitHub, JUnit };

/// A lint rule, for formats that declare what can be found.
struct RuleInfo {
  std::string_view code, name, summary;
  Severity severity = Severity::Warning;
  bool on = true;
};

/// A finding that a comment in the source suppresses, with the reason given there.
struct SuppressedDiagnostic {
  Diagnostic finding;
  std::string reason;
};

struct RenderOptions {
  DiagnosticFormat format = DiagnosticFormat::Text;
  bool color = false;
  std::string note;                             // added to the summary line of text
  std::vector<RuleInfo> rules;                  // SARIF declares them beside the errors
  std::vector<SuppressedDiagnostic> suppressed; // SARIF lists them
  bool successful = true;                       // false: something could not be looked at
};

/// The whole list in one of the formats, ready to be written.
std::string render(const Diagnostics &diagnostics, const RenderOptions &options);

} // namespace graphc
