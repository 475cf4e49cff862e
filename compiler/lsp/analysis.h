// One open definition as it was last run, and what stands at its places.
#pragma once

#include "elaborate/elaborate.h"
#include "elaborate/trace.h"
#include "lsp/occurrences.h"

#include <functional>
#include <memory>

namespace graphc {

/// Reads texts that are open in the editor in place of files.
using TextReader =
    std::function<std::optional<std::string>(const std::string &path, std::string &why)>;

class Analysis {
public:
  /// Runs the definition. Errors are the linter's to report; what could be made is looked at.
  Analysis(const std::string &path, const TextReader &read);

  /// Null where the file could not be read.
  const Module *module() const { return module_; }
  const SourceFile &file() const { return sources_.file(module_->file); }
  const SourceManager &sources() const { return sources_; }
  const Occurrences &names() const { return *names_; }
  const Graph &graph() const { return elaborated_->graph; }
  std::string_view text(Symbol symbol) const { return trace_.symbols->text(symbol); }
  std::string_view text(uint32_t begin, uint32_t end) const {
    return file().text().substr(begin, end - begin);
  }

  /// The innermost expression of a kind around an offset; null: there is none.
  const Expr *innermost(uint32_t offset, ExprKind kind) const;
  /// What is imported by a statement of this file; null: not read.
  const Module *imported(const ImportSource &source) const;
  /// Where another file binds a name at top level.
  Span topBinding(const Module &module, std::string_view name) const;
  /// Variables that a call at a span made or shared.
  std::vector<const Variable *> variablesAt(const Expr &call) const;
  /// Operations that a call itself made.
  std::vector<const Operation *> operationsAt(const Expr &call) const;
  /// How many operations and variables were made within a call.
  std::pair<size_t, size_t> madeWithin(const Expr &call) const;

private:
  SourceManager sources_;
  Diagnostics diagnostics_{sources_};
  Trace trace_;
  std::unique_ptr<Elaborated> elaborated_;
  const Module *module_ = nullptr;
  std::unique_ptr<Occurrences> names_;
};

/// What the library says of one of its names, as Markdown; "" for what it has not.
std::string libraryDoc(std::string_view name);
/// Every name of the library that can be called.
std::vector<std::string_view> libraryNames();
/// The names of the parameters of a function of the library.
std::vector<std::string> libraryParameters(std::string_view name);

} // namespace graphc
