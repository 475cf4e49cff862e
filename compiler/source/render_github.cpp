// Workflow commands of GitHub Actions, which become annotations of a change.
#include "source/render.h"
#include "source/width.h"

namespace graphc {

namespace {

/// What ends a command or looks like an escape is escaped; in properties also what parts them.
std::string escaped(std::string_view text, bool property) {
  std::string out;
  for (char c : validUtf8(text)) {
    if (c == '%')
      out += "%25";
    else if (c == '\r')
      out += "%0D";
    else if (c == '\n')
      out += "%0A";
    else if (property && c == ':')
      out += "%3A";
    else if (property && c == ',')
      out += "%2C";
    else
      out += c;
  }
  return out;
}

std::string_view commandOf(Severity severity) {
  return severity == Severity::Error     ? "error"
         : severity == Severity::Warning ? "warning"
                                         : "notice";
}

} // namespace

std::string renderGitHub(const Diagnostics &diagnostics) {
  const SourceManager &sources = diagnostics.sources();
  std::string out;
  for (const Diagnostic &d : diagnostics.all()) {
    out += fmt::format("::{} ", commandOf(d.severity));
    if (d.span.valid()) {
      ShownPlace place = placeOf(sources, d.span);
      out +=
          fmt::format("file={},line={}", escaped(relativePath(place.file), true), place.begin.line);
      // Columns are understood only where the annotation is one line.
      if (place.begin.line == place.end.line)
        out += fmt::format(",col={},endLine={},endColumn={}", place.begin.column, place.end.line,
                           place.end.column);
      else
        out += fmt::format(",endLine={}", place.end.line);
      out += ',';
    }
    std::string message = d.message;
    for (const Note &note : d.notes) {
      message += "\nnote: " + note.message;
      if (note.span.valid()) message += fmt::format(" ({})", sources.location(note.span));
    }
    if (!d.help.empty()) message += "\nhelp: " + d.help;
    out += fmt::format("title={}::{}\n", escaped(d.code, true), escaped(message, false));
  }
  return out;
}

} // namespace graphc
