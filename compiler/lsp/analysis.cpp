#include "lsp/analysis.h"

#include "source/paths.h"
#include "syntax/walk.h"

#include <algorithm>
#include <filesystem>

namespace graphc {

namespace fs = std::filesystem;

namespace {

/// Descends to what is around an offset.
class Finder {
public:
  Finder(uint32_t offset, ExprKind kind) : offset_(offset), kind_(kind) {}

  void expression(const Expr &e) {
    // Parentheses stand outside an expression's span, and what is in them is around the offset all
    // the same: only a child that holds it is entered.
    bool around = e.begin <= offset_ && offset_ <= e.end;
    if (around && e.kind == kind_) found = &e;
    if (around) forEachChild(e, [&](const Expr &child) { expression(child); });
  }
  void statement(const Stmt &s) {
    if (offset_ < s.begin || offset_ > s.end) return;
    forEachChild(
        s, [&](const Expr &e) { expression(e); }, [&](const Stmt &inner) { statement(inner); });
  }

  const Expr *found = nullptr;

private:
  uint32_t offset_;
  ExprKind kind_;
};

} // namespace

Analysis::Analysis(const std::string &path, const TextReader &read) {
  ElaborateOptions how;
  how.read = read;
  how.trace = &trace_;
  how.print = [](std::string_view) {};
  elaborated_ = elaborate(sources_, path, how, diagnostics_);
  for (const Module *module : trace_.modules)
    if (sources_.file(module->file).path() == path) module_ = module;
  if (module_) names_ = std::make_unique<Occurrences>(*module_);
}

const Expr *Analysis::innermost(uint32_t offset, ExprKind kind) const {
  Finder finder(offset, kind);
  for (const Stmt *stmt : module_->body) finder.statement(*stmt);
  return finder.found;
}

const Module *Analysis::imported(const ImportSource &source) const {
  if (!source.isFile) return nullptr;
  std::string path(source.path);
  if (!path.starts_with("std/") && !fs::path(path).is_absolute())
    path = (fs::path(file().path()).parent_path() / path).lexically_normal().string();
  for (const Module *module : trace_.modules) {
    const std::string &known = sources_.file(module->file).path();
    if (known == path || canonicalPath(known) == canonicalPath(path)) return module;
  }
  return nullptr;
}

Span Analysis::topBinding(const Module &module, std::string_view name) const {
  Occurrences names(module);
  for (const Occurrence *o : names.visible(UINT32_MAX))
    if (text(o->name) == name) return {module.file, o->begin, o->end};
  return {};
}

std::vector<const Variable *> Analysis::variablesAt(const Expr &call) const {
  Span span = module_->span(call);
  std::vector<const Variable *> out;
  for (const Variable *v : graph().variables) {
    bool here = v->span == span || std::any_of(v->sharedAt.begin(), v->sharedAt.end(),
                                               [&](const Place &p) { return p.span == span; });
    if (here) out.push_back(v);
  }
  return out;
}

std::vector<const Operation *> Analysis::operationsAt(const Expr &call) const {
  Span span = module_->span(call);
  std::vector<const Operation *> out;
  forEachOperation(graph().operations, [&](const Operation *op) {
    if (op->span == span && !op->name.empty()) out.push_back(op);
  });
  return out;
}

std::pair<size_t, size_t> Analysis::madeWithin(const Expr &call) const {
  Span span = module_->span(call);
  auto within = [&](const CallSite *site) {
    for (; site; site = site->caller)
      if (site->span == span) return true;
    return false;
  };
  std::pair<size_t, size_t> counts;
  forEachOperation(graph().operations, [&](const Operation *op) {
    counts.first += !op->name.empty() && within(op->caller);
  });
  for (const Variable *v : graph().variables) counts.second += within(v->caller);
  return counts;
}

} // namespace graphc
