// W0304. A name that is bound and never read is often a slip: the next line reads another one.
#include "lint/names.h"
#include "lint/rule.h"

namespace graphc {

namespace {

/// ` as scope` of a `with` item.
Span asTarget(std::string_view text, const BoundName &name) {
  uint32_t begin = name.span.begin;
  size_t at = text.rfind("as", begin - 1);
  if (at == std::string_view::npos || at < name.item->context->end) return {};
  while (at > name.item->context->end && (text[at - 1] == ' ' || text[at - 1] == '\t')) --at;
  return {name.span.file, uint32_t(at), name.span.end};
}

void run(LintContext &lint) {
  bool hasExport = lint.names().hasExport;
  for (const auto &name : lint.names().bound) {
    if (name.read || !name.first || (name.top && !hasExport)) continue;
    // A parameter keeps a signature, a loop's name counts, an unpacked one keeps a place.
    bool counts = name.kind == BoundName::Assigned || name.kind == BoundName::With ||
                  name.kind == BoundName::Def || name.kind == BoundName::Param;
    auto text = lint.text(name.name);
    if (!counts || text.starts_with('_')) continue;
    auto &found = lint.report(name.span, fmt::format("'{}' is bound and never read", text));
    if (name.top) found.name = text;
    if (name.kind == BoundName::With && name.item)
      if (Span cut = asTarget(lint.sources.file(name.span.file).text(), name); cut.valid())
        found.fixes.push_back({fmt::format("remove 'as {}'", text), cut, "", true});
  }
}

} // namespace

extern const Rule unusedName;
const Rule unusedName = {.code = "W0304",
                         .name = "unused-name",
                         .summary = "a name bound and never read",
                         .severity = Severity::Info,
                         .needs = Rule::Whole,
                         .textual = true,
                         .run = run};

} // namespace graphc
