// Walks over the tree: what stands directly under a node, in the order of the text.
#pragma once

#include "syntax/ast.h"

namespace graphc {

namespace walk {
template <class F>
void parts(List<FStringPart> parts_, F &&visit) {
  for (const auto &part : parts_) {
    if (part.value) visit(*part.value);
    parts(part.format, visit);
  }
}
template <class F>
void defaults(List<Parameter> parameters, F &&visit) {
  for (const auto &p : parameters)
    if (p.defaultValue) visit(*p.defaultValue);
}
template <class F>
void list(ExprList items, F &&visit) {
  for (const auto *item : items) visit(*item);
}
} // namespace walk

/// Calls `visit(const Expr &)` with every expression directly under `e`. The defaults of a
/// lambda's parameters, which belong to the function around it, come with the rest.
template <class F>
void forEachChild(const Expr &e, F &&visit) {
  auto maybe = [&](const Expr *child) {
    if (child) visit(*child);
  };
  switch (e.kind) {
  case ExprKind::None:
  case ExprKind::Bool:
  case ExprKind::Int:
  case ExprKind::Float:
  case ExprKind::String:
  case ExprKind::Ellipsis:
  case ExprKind::Name:
    return;
  case ExprKind::FString:
    return walk::parts(e.as<FStringExpr>()->parts, visit);
  case ExprKind::List:
    return walk::list(e.as<ListExpr>()->items, visit);
  case ExprKind::Tuple:
    return walk::list(e.as<TupleExpr>()->items, visit);
  case ExprKind::Dict:
    for (const auto &entry : e.as<DictExpr>()->entries) {
      maybe(entry.key);
      maybe(entry.value);
    }
    return;
  case ExprKind::Comprehension: {
    const auto *c = e.as<ComprehensionExpr>();
    visit(*c->element);
    for (const auto &clause : c->clauses) {
      visit(*clause.target);
      visit(*clause.iterable);
      walk::list(clause.conditions, visit);
    }
    return;
  }
  case ExprKind::Unary:
    return visit(*e.as<UnaryExpr>()->operand);
  case ExprKind::Binary:
    return walk::list(e.as<BinaryExpr>()->operands, visit);
  case ExprKind::Compare:
    return walk::list(e.as<CompareExpr>()->operands, visit);
  case ExprKind::Logical:
    return walk::list(e.as<LogicalExpr>()->operands, visit);
  case ExprKind::Conditional: {
    const auto *c = e.as<ConditionalExpr>();
    visit(*c->thenValue);
    visit(*c->condition);
    return visit(*c->elseValue);
  }
  case ExprKind::Lambda:
    walk::defaults(e.as<LambdaExpr>()->parameters, visit);
    return visit(*e.as<LambdaExpr>()->body);
  case ExprKind::Call:
    visit(*e.as<CallExpr>()->callee);
    for (const auto &argument : e.as<CallExpr>()->arguments) visit(*argument.value);
    return;
  case ExprKind::Attribute:
    return visit(*e.as<AttributeExpr>()->object);
  case ExprKind::Index:
    visit(*e.as<IndexExpr>()->object);
    return visit(*e.as<IndexExpr>()->index);
  case ExprKind::Slice:
    maybe(e.as<SliceExpr>()->lower);
    maybe(e.as<SliceExpr>()->upper);
    maybe(e.as<SliceExpr>()->step);
    return;
  case ExprKind::Starred:
    return visit(*e.as<StarredExpr>()->value);
  }
}

/// Calls `onExpr(const Expr &)` and `onStmt(const Stmt &)` with what stands directly under `s`.
template <class E, class S>
void forEachChild(const Stmt &s, E &&onExpr, S &&onStmt) {
  auto maybe = [&](const Expr *child) {
    if (child) onExpr(*child);
  };
  auto block = [&](Block body) {
    for (const auto *inner : body) onStmt(*inner);
  };
  switch (s.kind) {
  case StmtKind::Assign:
    walk::list(s.as<AssignStmt>()->targets, onExpr);
    return onExpr(*s.as<AssignStmt>()->value);
  case StmtKind::AugAssign:
    onExpr(*s.as<AugAssignStmt>()->target);
    return onExpr(*s.as<AugAssignStmt>()->value);
  case StmtKind::Expr:
    return onExpr(*s.as<ExprStmt>()->value);
  case StmtKind::Def:
    walk::defaults(s.as<DefStmt>()->parameters, onExpr);
    return block(s.as<DefStmt>()->body);
  case StmtKind::Return:
    return maybe(s.as<ReturnStmt>()->value);
  case StmtKind::With:
    for (const auto &item : s.as<WithStmt>()->items) {
      onExpr(*item.context);
      maybe(item.target);
    }
    return block(s.as<WithStmt>()->body);
  case StmtKind::For:
    onExpr(*s.as<ForStmt>()->target);
    onExpr(*s.as<ForStmt>()->iterable);
    return block(s.as<ForStmt>()->body);
  case StmtKind::If:
    for (const auto &branch : s.as<IfStmt>()->branches) {
      maybe(branch.condition);
      block(branch.body);
    }
    return;
  case StmtKind::Assert:
    onExpr(*s.as<AssertStmt>()->condition);
    return maybe(s.as<AssertStmt>()->message);
  case StmtKind::Param:
    return onExpr(*s.as<ParamStmt>()->value);
  case StmtKind::Export:
    for (const auto &input : s.as<ExportStmt>()->inputs) onExpr(*input.value);
    for (const auto &output : s.as<ExportStmt>()->outputs) onExpr(*output.value);
    return;
  case StmtKind::Pass:
  case StmtKind::Break:
  case StmtKind::Continue:
  case StmtKind::Import:
  case StmtKind::FromImport:
    return;
  }
}

} // namespace graphc
