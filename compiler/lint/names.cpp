#include "lint/names.h"

#include "elaborate/resolve.h"
#include "syntax/walk.h"

namespace graphc {

namespace {

class Collector {
public:
  Collector(const Module &module, Names &names) : module_(module), names_(names) {}

  void run() {
    scopes_.emplace_back();
    for (const auto *stmt : module_.body) statement(*stmt);
    close();
  }

private:
  /// What one function (or the file) binds, by slot.
  struct Scope {
    std::unordered_map<uint32_t, std::vector<size_t>> bindings;
    std::unordered_set<uint32_t> read;
  };

  void close() {
    for (auto &[slot, places] : scopes_.back().bindings)
      for (size_t place : places) names_.bound[place].read = scopes_.back().read.contains(slot);
    scopes_.pop_back();
  }

  BoundName &bind(BoundName::Kind kind, Symbol name, uint32_t slot, Span span, const Stmt *stmt) {
    auto &places = scopes_.back().bindings[slot];
    auto &made = names_.bound.emplace_back();
    made.kind = kind;
    made.name = name;
    made.span = span;
    made.top = scopes_.size() == 1;
    made.first = places.empty();
    made.stmt = stmt;
    places.push_back(names_.bound.size() - 1);
    return made;
  }

  void target(const Expr &e, BoundName::Kind kind, const Stmt *stmt,
              const WithItem *item = nullptr) {
    auto unpack = [&](ExprList items) {
      for (const auto *inner : items)
        target(*inner, kind == BoundName::Loop ? kind : BoundName::Unpacked, stmt);
    };
    switch (e.kind) {
    case ExprKind::Name:
      if (const auto *name = e.as<NameExpr>(); name->depth == 0)
        bind(kind, name->name, name->slot, module_.span(e), stmt).item = item;
      return;
    case ExprKind::Tuple:
      return unpack(e.as<TupleExpr>()->items);
    case ExprKind::List:
      return unpack(e.as<ListExpr>()->items);
    case ExprKind::Starred:
      return target(*e.as<StarredExpr>()->value, BoundName::Unpacked, stmt);
    default:
      return expression(e);
    }
  }

  void parameters(List<Parameter> parameters) {
    for (uint32_t i = 0; i < parameters.size(); ++i)
      bind(BoundName::Parameter, parameters[i].name.name, i, module_.span(parameters[i].name),
           nullptr);
  }

  void expression(const Expr &e) {
    auto visit = [&](const Expr &child) { expression(child); };
    if (const auto *name = e.dynAs<NameExpr>()) {
      if (name->depth == builtinDepth) names_.libraryReads.insert(name->name);
      if (name->depth < scopes_.size())
        scopes_[scopes_.size() - 1 - name->depth].read.insert(name->slot);
    } else if (const auto *lambda = e.dynAs<LambdaExpr>()) {
      walk::defaults(lambda->parameters, visit);
      scopes_.emplace_back();
      parameters(lambda->parameters);
      expression(*lambda->body);
      close();
    } else if (const auto *c = e.dynAs<ComprehensionExpr>()) {
      // The first iterable is evaluated outside.
      expression(*c->clauses[0].iterable);
      scopes_.emplace_back();
      for (size_t i = 0; i < c->clauses.size(); ++i) {
        if (i) expression(*c->clauses[i].iterable);
        target(*c->clauses[i].target, BoundName::Loop, nullptr);
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
    case StmtKind::Assign:
      expression(*s.as<AssignStmt>()->value);
      for (const auto *to : s.as<AssignStmt>()->targets) target(*to, BoundName::Assigned, &s);
      return;
    case StmtKind::AugAssign:
      // It reads what it changes.
      expression(*s.as<AugAssignStmt>()->target);
      return expression(*s.as<AugAssignStmt>()->value);
    case StmtKind::Def: {
      const auto *def = s.as<DefStmt>();
      walk::defaults(def->parameters, [&](const Expr &e) { expression(e); });
      bind(BoundName::Def, def->name.name, def->slot, module_.span(def->name), &s);
      scopes_.emplace_back();
      parameters(def->parameters);
      block(def->body);
      return close();
    }
    case StmtKind::With:
      for (const auto &item : s.as<WithStmt>()->items) {
        expression(*item.context);
        if (item.target) target(*item.target, BoundName::With, &s, &item);
      }
      return block(s.as<WithStmt>()->body);
    case StmtKind::For:
      expression(*s.as<ForStmt>()->iterable);
      target(*s.as<ForStmt>()->target, BoundName::Loop, &s);
      return block(s.as<ForStmt>()->body);
    case StmtKind::Import: {
      const auto *import = s.as<ImportStmt>();
      if (import->slot == ~0u) return;
      Symbol name = import->alias           ? import->alias.name
                    : import->source.isFile ? Symbol()
                                            : import->source.dotted[0].name;
      bind(BoundName::Import, name, import->slot, module_.span(s), &s);
      return;
    }
    case StmtKind::FromImport:
      for (const auto &name : s.as<FromImportStmt>()->names) {
        uint32_t end = name.alias ? name.alias.end : name.name.end;
        bind(BoundName::Import, name.alias ? name.alias.name : name.name.name, name.slot,
             module_.span(name.name.begin, end), &s);
      }
      return;
    case StmtKind::Param:
      expression(*s.as<ParamStmt>()->value);
      bind(BoundName::Param, s.as<ParamStmt>()->name.name, s.as<ParamStmt>()->slot,
           module_.span(s.as<ParamStmt>()->name), &s);
      return;
    case StmtKind::Export:
      names_.hasExport = true;
      [[fallthrough]];
    default:
      forEachChild(
          s, [&](const Expr &e) { expression(e); }, [&](const Stmt &inner) { statement(inner); });
    }
  }

  const Module &module_;
  Names &names_;
  std::vector<Scope> scopes_;
};

} // namespace

Names::Names(const Module &module) { Collector(module, *this).run(); }

} // namespace graphc
