// W0303. What is imported and never read: a file that is run, with whatever it makes, for nothing.
#include "lint/edit.h"
#include "lint/names.h"
#include "lint/rule.h"

namespace graphc {

namespace {

/// tensorflow, and what Python 2 asks for: both do nothing here.
bool isCourtesy(const LintContext &lint, const ImportSource &source) {
  if (source.isFile || source.dotted.empty()) return false;
  auto root = lint.text(source.dotted[0].name);
  return root == "tensorflow" || root == "__future__";
}

/// The name in a `from` import, with the comma that parts it from the others.
Span importedName(const FromImportStmt &import, FileId file, Span name) {
  const auto &names = import.names;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].name.begin != name.begin) continue;
    if (i + 1 < names.size()) return {file, name.begin, names[i + 1].name.begin};
    const auto &before = names[i - 1];
    return {file, before.alias ? before.alias.end : before.name.end, name.end};
  }
  return name;
}

void run(LintContext &lint) {
  std::unordered_map<const Stmt *, size_t> unread;
  for (const auto &name : lint.names().bound)
    if (name.kind == BoundName::Import && !name.read) ++unread[name.stmt];
  for (const auto &name : lint.names().bound) {
    if (name.kind != BoundName::Import || name.read) continue;
    const auto *single = name.stmt->dynAs<ImportStmt>();
    const auto *from = name.stmt->dynAs<FromImportStmt>();
    const auto &source = single ? single->source : from->source;
    if (isCourtesy(lint, source)) continue;
    std::string shown = name.name       ? std::string(lint.text(name.name))
                        : source.isFile ? std::string(source.path)
                                        : "";
    auto &found = lint.report(name.span, fmt::format("'{}' is imported and never read", shown));
    found.name = lint.text(name.name);
    std::string_view text = lint.sources.file(name.span.file).text();
    bool whole = single || unread[name.stmt] == from->names.size();
    Span cut = whole ? wholeLines(text, name.span.file, name.stmt->begin, name.stmt->end)
                     : importedName(*from, name.span.file, name.span);
    found.fixes.push_back({"remove the import", cut, "", true});
  }
}

} // namespace

extern const Rule unusedImport;
const Rule unusedImport = {.code = "W0303",
                           .name = "unused-import",
                           .summary = "an import that nothing reads",
                           .needs = Rule::Whole,
                           .textual = true,
                           .run = run};

} // namespace graphc
