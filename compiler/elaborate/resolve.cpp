#include "elaborate/resolve.h"

#include "source/paths.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <set>
#include <unordered_map>

namespace graphc {

namespace {

class Resolver {
public:
  Resolver(const Module &module, const Symbols &symbols, Library &library, Diagnostics &diagnostics,
           std::vector<std::unique_ptr<FunctionInfo>> &infos)
      : module_(module), symbols_(symbols), library_(library), diagnostics_(diagnostics),
        infos_(infos) {}

  FunctionInfo *run() {
    auto *info = open();
    bindBlock(module_.body);
    // What stands in statements that could not be parsed may be meant to be defined there.
    for (const auto &name : module_.lostNames) bind(name);
    block(module_.body);
    close();
    return info;
  }

private:
  FunctionInfo *open() {
    infos_.push_back(std::make_unique<FunctionInfo>());
    auto *made = infos_.back().get();
    made->parent = current_;
    return current_ = made;
  }
  void close() { current_ = current_->parent; }

  uint32_t bind(Symbol name) {
    auto [at, isNew] = current_->slots.try_emplace(name, uint32_t(current_->names.size()));
    if (isNew) current_->names.push_back(name);
    return at->second;
  }

  // What a block binds, before its names are looked up: in Python a name that is assigned
  // anywhere in a function is the function's own.
  void bindTarget(const Expr *target) {
    switch (target->kind) {
    case ExprKind::Name:
      bind(target->as<NameExpr>()->name);
      break;
    case ExprKind::Tuple:
      for (const auto *item : target->as<TupleExpr>()->items) bindTarget(item);
      break;
    case ExprKind::List:
      for (const auto *item : target->as<ListExpr>()->items) bindTarget(item);
      break;
    case ExprKind::Starred:
      bindTarget(target->as<StarredExpr>()->value);
      break;
    default:
      break;
    }
  }

  void bindBlock(Block body) {
    std::unordered_map<Symbol, const DefStmt *> defined;
    for (const auto *stmt : body) {
      switch (stmt->kind) {
      case StmtKind::Assign:
        for (const auto *target : stmt->as<AssignStmt>()->targets) bindTarget(target);
        break;
      case StmtKind::AugAssign:
        bindTarget(stmt->as<AugAssignStmt>()->target);
        break;
      case StmtKind::Def: {
        const auto *def = stmt->as<DefStmt>();
        // Rule: two defs of one name in one block are an error.
        auto [at, isNew] = defined.try_emplace(def->name.name, def);
        if (!isNew) {
          auto &error =
              diagnostics_.error(Code::Duplicate, module_.span(def->name),
                                 fmt::format("function '{}' is defined twice in this block",
                                             symbols_.text(def->name.name)));
          error.notes.push_back({"first defined here", module_.span(at->second->name)});
        }
        def->slot = bind(def->name.name);
        break;
      }
      case StmtKind::With:
        for (const auto &item : stmt->as<WithStmt>()->items)
          if (item.target) bindTarget(item.target);
        bindBlock(stmt->as<WithStmt>()->body);
        break;
      case StmtKind::For:
        bindTarget(stmt->as<ForStmt>()->target);
        bindBlock(stmt->as<ForStmt>()->body);
        break;
      case StmtKind::If:
        for (const auto &branch : stmt->as<IfStmt>()->branches) bindBlock(branch.body);
        break;
      case StmtKind::Import: {
        const auto *import = stmt->as<ImportStmt>();
        if (import->alias)
          import->slot = bind(import->alias.name);
        else if (!import->source.isFile && !import->source.dotted.empty())
          import->slot = bind(import->source.dotted[0].name);
        // "lib/layers.graph" without `as` binds `layers`, if that is a name.
        else if (Symbol stem = symbols_.find(fileStem(import->source.path)))
          import->slot = bind(stem);
        break;
      }
      case StmtKind::FromImport:
        for (const auto &name : stmt->as<FromImportStmt>()->names)
          name.slot = bind(name.alias ? name.alias.name : name.name.name);
        break;
      case StmtKind::Param: {
        const auto *param = stmt->as<ParamStmt>();
        param->slot = bind(param->name.name);
        break;
      }
      default:
        break;
      }
    }
  }

  void block(Block body) {
    for (const auto *stmt : body) statement(stmt);
  }

  void statement(const Stmt *stmt) {
    switch (stmt->kind) {
    case StmtKind::Assign: {
      size_t before = foreignFound_;
      expr(stmt->as<AssignStmt>()->value);
      for (const auto *target : stmt->as<AssignStmt>()->targets) {
        if (const auto *name = target->dynAs<NameExpr>(); name && foreignFound_ != before)
          foreign_.insert(name->name);
        expr(target);
      }
      break;
    }
    case StmtKind::AugAssign:
      expr(stmt->as<AugAssignStmt>()->target);
      expr(stmt->as<AugAssignStmt>()->value);
      break;
    case StmtKind::Expr:
      expr(stmt->as<ExprStmt>()->value);
      break;
    case StmtKind::Def: {
      const auto *def = stmt->as<DefStmt>();
      defaults(def->parameters);
      markInner();
      def->info = open();
      parameters(def->parameters);
      bindBlock(def->body);
      block(def->body);
      close();
      break;
    }
    case StmtKind::Return:
      if (const auto *value = stmt->as<ReturnStmt>()->value) expr(value);
      break;
    case StmtKind::With: {
      // What is done within a session is part of the mistake of opening one.
      size_t before = foreignFound_;
      for (const auto &item : stmt->as<WithStmt>()->items) {
        expr(item.context);
        if (item.target) expr(item.target);
      }
      bool foreign = foreignFound_ != before;
      withinForeign_ += foreign;
      block(stmt->as<WithStmt>()->body);
      withinForeign_ -= foreign;
      break;
    }
    case StmtKind::For:
      expr(stmt->as<ForStmt>()->iterable);
      expr(stmt->as<ForStmt>()->target);
      block(stmt->as<ForStmt>()->body);
      break;
    case StmtKind::If:
      for (const auto &branch : stmt->as<IfStmt>()->branches) {
        if (branch.condition) expr(branch.condition);
        block(branch.body);
      }
      break;
    case StmtKind::Assert:
      expr(stmt->as<AssertStmt>()->condition);
      if (const auto *message = stmt->as<AssertStmt>()->message) expr(message);
      break;
    case StmtKind::Param:
      expr(stmt->as<ParamStmt>()->value);
      break;
    case StmtKind::Export:
      for (const auto &input : stmt->as<ExportStmt>()->inputs) expr(input.value);
      for (const auto &output : stmt->as<ExportStmt>()->outputs) expr(output.value);
      break;
    default:
      break;
    }
  }

  void defaults(List<Parameter> parameters) {
    for (const auto &p : parameters)
      if (p.defaultValue) expr(p.defaultValue);
  }
  void parameters(List<Parameter> parameters) {
    for (const auto &p : parameters) bind(p.name.name);
  }

  /// Whoever is open now may be seen by a function that outlives the call.
  void markInner() {
    for (auto *info = current_; info; info = info->parent) info->hasInner = true;
  }

  void list(ExprList items) {
    for (const auto *item : items) expr(item);
  }

  void expr(const Expr *e) {
    switch (e->kind) {
    case ExprKind::None:
    case ExprKind::Bool:
    case ExprKind::Int:
    case ExprKind::Float:
    case ExprKind::String:
    case ExprKind::Ellipsis:
      break;
    case ExprKind::FString:
      parts(e->as<FStringExpr>()->parts);
      break;
    case ExprKind::Name:
      name(e->as<NameExpr>());
      break;
    case ExprKind::List:
      list(e->as<ListExpr>()->items);
      break;
    case ExprKind::Tuple:
      list(e->as<TupleExpr>()->items);
      break;
    case ExprKind::Dict:
      for (const auto &entry : e->as<DictExpr>()->entries) {
        if (entry.key) expr(entry.key);
        expr(entry.value);
      }
      break;
    case ExprKind::Comprehension:
      comprehension(e->as<ComprehensionExpr>());
      break;
    case ExprKind::Unary:
      expr(e->as<UnaryExpr>()->operand);
      break;
    case ExprKind::Binary:
      list(e->as<BinaryExpr>()->operands);
      break;
    case ExprKind::Compare:
      list(e->as<CompareExpr>()->operands);
      break;
    case ExprKind::Logical:
      list(e->as<LogicalExpr>()->operands);
      break;
    case ExprKind::Conditional:
      expr(e->as<ConditionalExpr>()->condition);
      expr(e->as<ConditionalExpr>()->thenValue);
      expr(e->as<ConditionalExpr>()->elseValue);
      break;
    case ExprKind::Lambda: {
      const auto *lambda = e->as<LambdaExpr>();
      defaults(lambda->parameters);
      markInner();
      lambda->info = open();
      parameters(lambda->parameters);
      expr(lambda->body);
      close();
      break;
    }
    case ExprKind::Call: {
      const auto *call = e->as<CallExpr>();
      expr(call->callee);
      // sess.run(…): what it is given is part of the mistake of making `sess`.
      const Expr *root = call->callee;
      while (const auto *a = root->dynAs<AttributeExpr>()) root = a->object;
      const auto *name = root->dynAs<NameExpr>();
      bool foreign = name && root != call->callee && foreign_.contains(name->name);
      withinForeign_ += foreign;
      for (const auto &argument : call->arguments) expr(argument.value);
      withinForeign_ -= foreign;
      break;
    }
    case ExprKind::Attribute:
      attribute(e->as<AttributeExpr>());
      break;
    case ExprKind::Index:
      expr(e->as<IndexExpr>()->object);
      expr(e->as<IndexExpr>()->index);
      break;
    case ExprKind::Slice:
      for (const auto *part :
           {e->as<SliceExpr>()->lower, e->as<SliceExpr>()->upper, e->as<SliceExpr>()->step})
        if (part) expr(part);
      break;
    case ExprKind::Starred:
      expr(e->as<StarredExpr>()->value);
      break;
    }
  }

  void parts(List<FStringPart> parts_) {
    for (const auto &part : parts_) {
      if (part.value) expr(part.value);
      parts(part.format);
    }
  }

  void comprehension(const ComprehensionExpr *c) {
    expr(c->clauses[0].iterable); // of the first clause: outside
    c->info = open();
    c->info->comprehension = true;
    for (const auto &clause : c->clauses) bindTarget(clause.target);
    for (size_t i = 0; i < c->clauses.size(); ++i) {
      if (i) expr(c->clauses[i].iterable);
      expr(c->clauses[i].target);
      list(c->clauses[i].conditions);
    }
    expr(c->element);
    close();
  }

  void name(const NameExpr *n) {
    uint32_t depth = 0;
    for (auto *info = current_; info; info = info->parent, ++depth) {
      auto found = info->slots.find(n->name);
      if (found == info->slots.end()) continue;
      n->depth = depth;
      n->slot = found->second;
      return;
    }
    if (library_.has(n->name)) {
      n->depth = builtinDepth;
      n->slot = n->name.id;
      return;
    }
    n->depth = undefinedDepth;
    auto text = symbols_.text(n->name);
    if (auto instead = library_.notHere(text); !instead.empty()) {
      ++foreignFound_;
      if (withinForeign_) return;
      diagnostics_
          .error(Code::NotInDefinition, module_.span(*n),
                 fmt::format("'{}' is not part of a graph definition", text))
          .help = instead;
      return;
    }
    auto &error = diagnostics_.error(Code::Undefined, module_.span(*n),
                                     fmt::format("name '{}' is not defined", text));
    std::vector<std::string_view> candidates;
    for (auto *info = current_; info; info = info->parent)
      for (Symbol known : info->names) candidates.push_back(symbols_.text(known));
    for (auto known : library_.names()) candidates.push_back(known);
    if (auto near = nearestName(text, candidates))
      error.help = fmt::format("did you mean '{}'?", *near);
  }

  /// `tf.nn.relu`: known before anything runs, too.
  void attribute(const AttributeExpr *a) {
    expr(a->object);
    const Expr *object = a->object;
    while (const auto *outer = object->dynAs<AttributeExpr>()) object = outer->object;
    const auto *root = object->dynAs<NameExpr>();
    if (!root || root->depth != builtinDepth) return;
    std::vector<std::string_view> path = {symbols_.text(a->name.name)};
    for (object = a->object; object != root; object = object->as<AttributeExpr>()->object)
      path.push_back(symbols_.text(object->as<AttributeExpr>()->name.name));
    path.push_back(symbols_.text(root->name));
    std::reverse(path.begin(), path.end());
    if (!library_.notHere(path.back()).empty()) {
      ++foreignFound_;
      if (withinForeign_) return;
    }
    library_.checkNamespacePath(path, module_.span(*a));
  }

  const Module &module_;
  const Symbols &symbols_;
  Library &library_;
  Diagnostics &diagnostics_;
  std::vector<std::unique_ptr<FunctionInfo>> &infos_;
  FunctionInfo *current_ = nullptr;
  size_t foreignFound_ = 0;  // names met that are not part of a definition
  int withinForeign_ = 0;    // in the body of a session, or what is given to one
  std::set<Symbol> foreign_; // names that stand for sessions and the like
};

void visitTarget(const Expr *target, const std::function<void(uint32_t)> &visit) {
  switch (target->kind) {
  case ExprKind::Name:
    visit(target->as<NameExpr>()->slot);
    break;
  case ExprKind::Tuple:
    for (const auto *item : target->as<TupleExpr>()->items) visitTarget(item, visit);
    break;
  case ExprKind::List:
    for (const auto *item : target->as<ListExpr>()->items) visitTarget(item, visit);
    break;
  case ExprKind::Starred:
    visitTarget(target->as<StarredExpr>()->value, visit);
    break;
  default:
    break;
  }
}

} // namespace

FunctionInfo *resolve(const Module &module, const Symbols &symbols, Library &library,
                      Diagnostics &diagnostics, std::vector<std::unique_ptr<FunctionInfo>> &infos) {
  return Resolver(module, symbols, library, diagnostics, infos).run();
}

void forEachBoundName(const Stmt &stmt, const std::function<void(uint32_t)> &visit) {
  auto block = [&](Block body) {
    for (const auto *inner : body) forEachBoundName(*inner, visit);
  };
  switch (stmt.kind) {
  case StmtKind::Assign:
    for (const auto *target : stmt.as<AssignStmt>()->targets) visitTarget(target, visit);
    break;
  case StmtKind::AugAssign:
    visitTarget(stmt.as<AugAssignStmt>()->target, visit);
    break;
  case StmtKind::With:
    for (const auto &item : stmt.as<WithStmt>()->items)
      if (item.target) visitTarget(item.target, visit);
    block(stmt.as<WithStmt>()->body);
    break;
  case StmtKind::For:
    visitTarget(stmt.as<ForStmt>()->target, visit);
    block(stmt.as<ForStmt>()->body);
    break;
  case StmtKind::If:
    for (const auto &branch : stmt.as<IfStmt>()->branches) block(branch.body);
    break;
  case StmtKind::Def:
    visit(stmt.as<DefStmt>()->slot);
    break;
  case StmtKind::Import:
    if (stmt.as<ImportStmt>()->slot != ~0u) visit(stmt.as<ImportStmt>()->slot);
    break;
  case StmtKind::FromImport:
    for (const auto &name : stmt.as<FromImportStmt>()->names) visit(name.slot);
    break;
  default:
    break;
  }
}

} // namespace graphc
