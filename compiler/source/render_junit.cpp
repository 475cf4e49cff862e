// JUnit's XML as build servers read it: a failed case for each finding, a passed one for
// each file without any.
#include "source/render.h"
#include "source/xml.h"

#include <set>

namespace graphc {

std::string renderJUnit(const Diagnostics &diagnostics) {
  const SourceManager &sources = diagnostics.sources();
  std::string cases;
  std::set<FileId> withFindings;
  size_t failures = 0, count = 0;
  for (const Diagnostic &d : diagnostics.all()) {
    ShownPlace place = placeOf(sources, d.span);
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
        escapedXml(place.file.empty() ? "graphc" : place.file),
        escapedXml(fmt::format("{} at {}:{}", d.code, place.begin.line, place.begin.column)));
    if (d.severity == Severity::Info) {
      cases += fmt::format("      <system-out>{}</system-out>\n", escapedXml(body));
    } else {
      ++failures;
      cases += fmt::format("      <failure type=\"{}\" message=\"{}\">{}</failure>\n",
                           escapedXml(d.code), escapedXml(d.message), escapedXml(body));
    }
    cases += "    </testcase>\n";
  }
  for (FileId file = 0; file < sources.size(); ++file) {
    if (withFindings.contains(file)) continue;
    ++count;
    cases += fmt::format("    <testcase classname=\"{}\" name=\"check\"/>\n",
                         escapedXml(sources.file(file).path()));
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
