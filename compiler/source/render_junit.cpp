// JUnit's XML as build servers read it: a failed case for each finding, a passed one for
// each file without any.
#include "source/render.h"
#include "source/width.h"

#include <set>

namespace graphc {

namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    char32_t point = nextCodePoint(text, at);
    switch (point) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\'':
      out += "&apos;";
      break;
    case '\n':
      out += "&#10;";
      break;
    case '\r':
      out += "&#13;";
      break;
    case '\t':
      out += "&#9;";
      break;
    default:
      // XML 1.0 has no way at all to write the other control characters.
      if (point < 0x20 || point == 0xFFFE || point == 0xFFFF) point = U'\uFFFD';
      appendUtf8(out, point);
    }
  }
  return out;
}

} // namespace

std::string renderJUnit(const Diagnostics &diagnostics) {
  const SourceManager &sources = diagnostics.sources();
  std::string cases;
  std::set<FileId> withFindings;
  size_t failures = 0, count = 0;
  for (const Diagnostic &d : diagnostics.all()) {
    Place place = placeOf(sources, d.span);
    if (d.span.valid()) withFindings.insert(d.span.file);
    std::string where = d.span.valid() ? sources.location(d.span) : "graphc";
    std::string body =
        fmt::format("{}: {}[{}]: {}\n", where, severityName(d.severity), d.code, d.message);
    for (const Note &note : d.notes)
      body += fmt::format("{}: note: {}\n", sources.location(note.span), note.message);
    if (!d.help.empty()) body += fmt::format("help: {}\n", d.help);
    ++count;
    cases += fmt::format(
        "    <testcase classname=\"{}\" name=\"{}\">\n",
        escaped(place.file.empty() ? "graphc" : place.file),
        escaped(fmt::format("{} at {}:{}", d.code, place.begin.line, place.begin.column)));
    if (d.severity == Severity::Info) {
      cases += fmt::format("      <system-out>{}</system-out>\n", escaped(body));
    } else {
      ++failures;
      cases += fmt::format("      <failure type=\"{}\" message=\"{}\">{}</failure>\n",
                           escaped(d.code), escaped(d.message), escaped(body));
    }
    cases += "    </testcase>\n";
  }
  for (FileId file = 0; file < sources.size(); ++file) {
    if (withFindings.contains(file)) continue;
    ++count;
    cases += fmt::format("    <testcase classname=\"{}\" name=\"check\"/>\n",
                         escaped(sources.file(file).path()));
  }
  return fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<testsuites tests=\"{0}\" failures=\"{1}\">\n"
                     "  <testsuite name=\"graphc\" tests=\"{0}\" failures=\"{1}\">\n"
                     "{2}"
                     "  </testsuite>\n"
                     "</testsuites>\n",
                     count, failures, cases);
}

} // namespace graphc
