// W0305. A name of the definition that hides one of the library: from there on `shape(x)` calls a
// list.
#include "lint/names.h"
#include "lint/rule.h"

namespace graphc {

namespace {

bool isTensorflow(const LintContext &lint, const BoundName &name) {
  const ImportSource *source = nullptr;
  if (const auto *import = name.stmt ? name.stmt->dynAs<ImportStmt>() : nullptr)
    source = &import->source;
  if (const auto *from = name.stmt ? name.stmt->dynAs<FromImportStmt>() : nullptr)
    source = &from->source;
  return source && !source->isFile && !source->dotted.empty() &&
         lint.text(source->dotted[0].name) == "tensorflow";
}

void run(LintContext &lint) {
  const auto &names = lint.names();
  for (const auto &name : names.bound) {
    if (!name.first || !name.name || !lint.trace.libraryNames.contains(name.name)) continue;
    // Parameters and loops reach no further than their few lines: there only where the file uses
    // the library's name, too.
    bool local = name.kind == BoundName::Parameter || name.kind == BoundName::Loop;
    if (local && !names.libraryReads.contains(name.name)) continue;
    if (name.kind == BoundName::Import && isTensorflow(lint, name)) continue;
    lint.report(name.span, fmt::format("'{}' hides the library's name", lint.text(name.name)))
        .help = "give it another name";
  }
}

} // namespace

extern const Rule shadowed;
const Rule shadowed = {.code = "W0305",
                       .name = "shadowed",
                       .summary = "a name that hides a library name",
                       .severity = Severity::Info,
                       .textual = true,
                       .run = run};

} // namespace graphc
