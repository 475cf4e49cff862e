#include "source/diagnostics.h"

#include <iterator>

namespace graphc {

namespace {
struct CodeEntry {
  std::string_view number, summary;
};
constexpr CodeEntry codeTable[] = {
#define CODE(number, name, what) {number, what},
#include "source/codes.def"
#undef CODE
};
} // namespace

std::string_view codeNumber(Code code) { return codeTable[size_t(code)].number; }
std::string_view codeSummary(Code code) { return codeTable[size_t(code)].summary; }

std::optional<Code> codeFromNumber(std::string_view number) {
  for (size_t i = 0; i < std::size(codeTable); ++i)
    if (codeTable[i].number == number) return Code(i);
  return std::nullopt;
}

const std::vector<Code> &allCodes() {
  static const std::vector<Code> codes = [] {
    std::vector<Code> all;
    for (size_t i = 0; i < std::size(codeTable); ++i) all.push_back(Code(i));
    return all;
  }();
  return codes;
}

std::string_view severityName(Severity severity) {
  return severity == Severity::Error ? "error" : severity == Severity::Warning ? "warning" : "info";
}

Diagnostic &Diagnostics::error(Code code, Span span, std::string message) {
  Diagnostic made;
  made.code = codeNumber(code);
  made.span = span;
  made.message = std::move(message);
  std::string key =
      fmt::format("{} {} {} {} {}", made.code, span.file, span.begin, span.end, made.message);
  if (!reported_.insert(std::move(key)).second) return repeated_ = std::move(made);
  ++errorCount_;
  all_.push_back(std::move(made));
  return all_.back();
}

void Diagnostics::add(Diagnostic diagnostic) {
  if (diagnostic.severity == Severity::Error) ++errorCount_;
  all_.push_back(std::move(diagnostic));
}

std::optional<FileId> readSource(SourceManager &sources, const std::string &path,
                                 Diagnostics &diagnostics, const FileReader &read) {
  std::string why;
  auto text = read(path, why);
  if (!text) {
    diagnostics.error(Code::UnreadableFile, {sources.add(path, ""), 0, 0},
                      fmt::format("'{}' can't be read: {}", path, why));
    return std::nullopt;
  }
  if (auto bad = firstInvalidUtf8(*text)) {
    // Shown up to the wrong byte.
    FileId id = sources.add(path, text->substr(0, *bad));
    diagnostics.error(Code::UnreadableFile, {id, uint32_t(*bad), uint32_t(*bad)},
                      fmt::format("'{}' is not UTF-8: byte {} is wrong", path, *bad + 1));
    return std::nullopt;
  }
  if (text->size() >= UINT32_MAX / 2) {
    diagnostics.error(Code::LimitPassed, {sources.add(path, ""), 0, 0},
                      fmt::format("'{}' is larger than 2 GB", path));
    return std::nullopt;
  }
  return sources.add(path, std::move(*text));
}

} // namespace graphc
