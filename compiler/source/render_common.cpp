#include "source/render.h"

#include <filesystem>

namespace graphc {

ShownPlace placeOf(const SourceManager &sources, Span span) {
  if (!span.valid() || span.file >= sources.size()) return {};
  const SourceFile &file = sources.file(span.file);
  return {file.path(), file.lineColumn(span.begin),
          file.lineColumn(std::max(span.begin, span.end))};
}

std::string relativePath(const std::string &path) {
  std::string_view rest = path;
  std::error_code failed;
  if (rest.starts_with('/')) {
    std::string here = std::filesystem::current_path(failed).string();
    if (!failed && here != "/" && rest.size() > here.size() && rest.starts_with(here) &&
        rest[here.size()] == '/')
      rest.remove_prefix(here.size() + 1);
  }
  while (rest.starts_with("./") && rest.size() > 2) rest.remove_prefix(2);
  return std::string(rest);
}

std::string summaryLine(const Diagnostics &diagnostics) {
  size_t counts[3] = {};
  for (const Diagnostic &d : diagnostics.all()) ++counts[size_t(d.severity)];
  std::string line;
  for (auto severity : {Severity::Error, Severity::Warning, Severity::Info}) {
    size_t count = counts[size_t(severity)];
    if (count == 0) continue;
    if (!line.empty()) line += ", ";
    line += fmt::format("{} {}", count, severityName(severity));
    if (count != 1 && severity != Severity::Info) line += 's';
  }
  return line;
}

std::string render(const Diagnostics &diagnostics, const RenderOptions &options) {
  switch (options.format) {
  case DiagnosticFormat::Text:
    return renderText(diagnostics, options);
  case DiagnosticFormat::Json:
    return renderJson(diagnostics);
  case DiagnosticFormat::Sarif:
    return renderSarif(diagnostics, options);
  case DiagnosticFormat::GitHub:
    return renderGitHub(diagnostics);
  case DiagnosticFormat::JUnit:
    return renderJUnit(diagnostics);
  }
  return {};
}

} // namespace graphc
