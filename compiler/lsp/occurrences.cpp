#include "lsp/occurrences.h"

#include "syntax/walk.h"

#include <algorithm>
#include <set>

namespace graphc {

class OccurrenceCollector {
public:
  OccurrenceCollector(const Module &module, Occurrences &into) : module_(module), into_(into) {}

  void run() {
    into_.functions_.push_back({0, UINT32_MAX, 0});
    open_.push_back(0);
    for (const auto *stmt : module_.body) statement(*stmt);
    std::stable_sort(into_.all_.begin(), into_.all_.end(),
                     [](const Occurrence &a, const Occurrence &b) { return a.begin < b.begin; });
  }

private:
  void open(uint32_t begin, uint32_t end) {
    into_.functions_.push_back({begin, end, open_.back()});
    open_.push_back(uint32_t(into_.functions_.size() - 1));
  }
  void close() { open_.pop_back(); }

  Occurrence &add(Symbol name, uint32_t begin, uint32_t end, uint32_t depth, uint32_t slot) {
    auto &made = into_.all_.emplace_back();
    made.begin = begin;
    made.end = end;
    made.name = name;
    made.slot = slot;
    made.library = depth >= open_.size();
    if (!made.library) made.owner = open_[open_.size() - 1 - depth];
    return made;
  }

  void bind(const Identifier &name, uint32_t slot, const Stmt *stmt, const Expr *value = nullptr) {
    if (!name || slot == ~0u) return;
    auto &made = add(name.name, name.begin, name.end, 0, slot);
    made.binds = true;
    made.stmt = stmt;
    made.value = value;
  }

  void target(const Expr &e, const Stmt *stmt, const Expr *value) {
    auto each = [&](ExprList items) {
      for (const auto *item : items) target(*item, stmt, nullptr);
    };
    switch (e.kind) {
    case ExprKind::Name: {
      const auto *name = e.as<NameExpr>();
      auto &made = add(name->name, e.begin, e.end, name->depth, name->slot);
      made.binds = true;
      made.stmt = stmt;
      made.value = value;
      return;
    }
    case ExprKind::Tuple:
      return each(e.as<TupleExpr>()->items);
    case ExprKind::List:
      return each(e.as<ListExpr>()->items);
    case ExprKind::Starred:
      return target(*e.as<StarredExpr>()->value, stmt, nullptr);
    default:
      return expression(e);
    }
  }

  void parameters(List<Parameter> parameters, const Stmt *stmt) {
    for (uint32_t i = 0; i < parameters.size(); ++i) bind(parameters[i].name, i, stmt);
  }

  void expression(const Expr &e) {
    auto visit = [&](const Expr &child) { expression(child); };
    if (const auto *name = e.dynAs<NameExpr>()) {
      if (name->depth != undefinedDepth) add(name->name, e.begin, e.end, name->depth, name->slot);
    } else if (const auto *lambda = e.dynAs<LambdaExpr>()) {
      walk::defaults(lambda->parameters, visit);
      open(e.begin, e.end);
      parameters(lambda->parameters, nullptr);
      expression(*lambda->body);
      close();
    } else if (const auto *c = e.dynAs<ComprehensionExpr>()) {
      expression(*c->clauses[0].iterable); // evaluated outside
      open(e.begin, e.end);
      for (size_t i = 0; i < c->clauses.size(); ++i) {
        if (i) expression(*c->clauses[i].iterable);
        target(*c->clauses[i].target, nullptr, nullptr);
        walk::list(c->clauses[i].conditions, visit);
      }
      expression(*c->element);
      close();
    } else {
      forEachChild(e, visit);
    }
  }

  void block(Block body) {
    for (const auto *stmt : body) statement(*stmt);
  }

  void statement(const Stmt &s) {
    switch (s.kind) {
    case StmtKind::Assign: {
      const auto *assign = s.as<AssignStmt>();
      expression(*assign->value);
      for (const auto *to : assign->targets) target(*to, &s, assign->value);
      return;
    }
    case StmtKind::Def: {
      const auto *def = s.as<DefStmt>();
      walk::defaults(def->parameters, [&](const Expr &e) { expression(e); });
      bind(def->name, def->slot, &s);
      open(s.begin, s.end);
      parameters(def->parameters, &s);
      block(def->body);
      return close();
    }
    case StmtKind::With:
      for (const auto &item : s.as<WithStmt>()->items) {
        expression(*item.context);
        if (item.target) target(*item.target, &s, item.context);
      }
      return block(s.as<WithStmt>()->body);
    case StmtKind::For:
      expression(*s.as<ForStmt>()->iterable);
      target(*s.as<ForStmt>()->target, &s, nullptr);
      return block(s.as<ForStmt>()->body);
    case StmtKind::Import: {
      const auto *import = s.as<ImportStmt>();
      if (import->alias)
        bind(import->alias, import->slot, &s);
      else if (!import->source.isFile && !import->source.dotted.empty())
        bind(import->source.dotted[0], import->slot, &s);
      return;
    }
    case StmtKind::FromImport:
      for (const auto &name : s.as<FromImportStmt>()->names)
        bind(name.alias ? name.alias : name.name, name.slot, &s);
      return;
    case StmtKind::Param:
      expression(*s.as<ParamStmt>()->value);
      bind(s.as<ParamStmt>()->name, s.as<ParamStmt>()->slot, &s, s.as<ParamStmt>()->value);
      return;
    default:
      forEachChild(
          s, [&](const Expr &e) { expression(e); }, [&](const Stmt &inner) { statement(inner); });
    }
  }

  const Module &module_;
  Occurrences &into_;
  std::vector<uint32_t> open_; // functions around, outermost first
};

Occurrences::Occurrences(const Module &module) { OccurrenceCollector(module, *this).run(); }

const Occurrence *Occurrences::at(uint32_t offset) const {
  const Occurrence *touching = nullptr;
  for (const auto &o : all_) {
    if (o.begin <= offset && offset < o.end) return &o;
    if (o.end == offset) touching = &o;
  }
  return touching;
}

std::vector<const Occurrence *> Occurrences::same(const Occurrence &as) const {
  std::vector<const Occurrence *> out;
  for (const auto &o : all_)
    if (o.library == as.library &&
        (as.library ? o.name == as.name : o.owner == as.owner && o.slot == as.slot))
      out.push_back(&o);
  return out;
}

const Occurrence *Occurrences::binding(const Occurrence &of) const {
  if (of.library) return nullptr;
  for (const auto *o : same(of))
    if (o->binds) return o;
  return nullptr;
}

std::vector<const Occurrence *> Occurrences::visible(uint32_t offset) const {
  // The innermost function around the offset: functions come outermost first.
  uint32_t inner = 0;
  for (uint32_t i = 0; i < functions_.size(); ++i)
    if (functions_[i].begin <= offset && offset <= functions_[i].end) inner = i;
  std::vector<const Occurrence *> out;
  std::set<Symbol> seen;
  for (uint32_t function = inner;; function = functions_[function].parent) {
    for (const auto &o : all_)
      if (o.binds && !o.library && o.owner == function && seen.insert(o.name).second)
        out.push_back(&o);
    if (function == 0) return out;
  }
}

} // namespace graphc
