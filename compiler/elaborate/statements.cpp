// Statements. An error in one leaves poison where it should have left a value, and the next
// statement runs: as many mistakes as there are are found in one run.
#include "elaborate/interpreter.h"

#include <fmt/format.h>

namespace graphc {

Interpreter::Flow Interpreter::execBlock(Block body) {
  for (const auto *stmt : body) {
    Flow flow = exec(stmt);
    if (flow != Flow::Next || isStopped()) return flow;
  }
  return Flow::Next;
}

Interpreter::Flow Interpreter::exec(const Stmt *stmt) {
  if (!spend(1, span(stmt))) return Flow::Return;
  if (trace()) trace()->ran.insert(stmt);
  switch (stmt->kind) {
  case StmtKind::Assign: {
    const auto *assigned = stmt->as<AssignStmt>();
    Value value = eval(assigned->value);
    for (const auto *target : assigned->targets) assign(target, value);
    return Flow::Next;
  }
  case StmtKind::AugAssign:
    augmented(stmt->as<AugAssignStmt>());
    return Flow::Next;
  case StmtKind::Expr:
    eval(stmt->as<ExprStmt>()->value);
    return Flow::Next;
  case StmtKind::Def:
    execDef(stmt->as<DefStmt>());
    return Flow::Next;
  case StmtKind::Return: {
    const auto *value = stmt->as<ReturnStmt>()->value;
    frame_->result = value ? eval(value) : Value::none();
    return Flow::Return;
  }
  case StmtKind::With:
    return execWith(stmt->as<WithStmt>(), 0);
  case StmtKind::For:
    return execFor(stmt->as<ForStmt>());
  case StmtKind::If:
    return execIf(stmt->as<IfStmt>());
  case StmtKind::Pass:
    return Flow::Next;
  case StmtKind::Break:
    return Flow::Break;
  case StmtKind::Continue:
    return Flow::Continue;
  case StmtKind::Assert:
    return execAssert(stmt->as<AssertStmt>());
  case StmtKind::Import:
    execImport(stmt->as<ImportStmt>());
    return Flow::Next;
  case StmtKind::FromImport:
    execFromImport(stmt->as<FromImportStmt>());
    return Flow::Next;
  case StmtKind::Param:
    execParam(stmt->as<ParamStmt>());
    return Flow::Next;
  case StmtKind::Export:
    execExport(stmt->as<ExportStmt>());
    return Flow::Next;
  }
  return Flow::Next;
}

Value &Interpreter::slot(uint32_t depth, uint32_t index) {
  Env *env = frame_->env;
  while (depth--) env = env->parent;
  return env->slots[index];
}

/// What a block that can't be run would have bound is unknown, not undefined.
void Interpreter::poisonBlock(Block body) {
  scopes.expectGaps();
  for (const auto *stmt : body)
    forEachBoundName(*stmt, [&](uint32_t index) { slot(0, index) = Value::poison(); });
}

Interpreter::Flow Interpreter::execWith(const WithStmt *with, size_t item) {
  if (item == with->items.size()) return execBlock(with->body);
  const auto &entered = with->items[item];
  Value manager = eval(entered.context);
  if (isStopped()) return Flow::Return;
  Value bound = enterManager(manager, span(entered.context));
  if (entered.target) assign(entered.target, bound);
  Flow flow = execWith(with, item + 1);
  leaveManager(manager);
  return flow;
}

Interpreter::Flow Interpreter::execFor(const ForStmt *loop) {
  auto over = items(eval(loop->iterable), span(loop->iterable));
  if (!over) {
    if (isStopped()) return Flow::Return;
    assign(loop->target, Value::poison());
    poisonBlock(loop->body);
    return Flow::Next;
  }
  for (const auto &item : *over) {
    if (!spend(1, span(loop))) return Flow::Return;
    assign(loop->target, item);
    Flow flow = execBlock(loop->body);
    if (isStopped()) return Flow::Return;
    if (flow == Flow::Break) break;
    if (flow == Flow::Return) return flow;
  }
  return Flow::Next;
}

Interpreter::Flow Interpreter::execIf(const IfStmt *stmt) {
  for (const auto &branch : stmt->branches) {
    if (!branch.condition) return execBlock(branch.body);
    auto holds = truth(eval(branch.condition), span(branch.condition));
    if (isStopped()) return Flow::Return;
    if (!holds) {
      for (const auto &other : stmt->branches) poisonBlock(other.body);
      return Flow::Next;
    }
    if (*holds) return execBlock(branch.body);
  }
  return Flow::Next;
}

Interpreter::Flow Interpreter::execAssert(const AssertStmt *stmt) {
  Value condition = eval(stmt->condition);
  auto holds = truth(condition, span(stmt->condition));
  if (!holds || *holds || isStopped()) return Flow::Next;
  Value message = stmt->message ? eval(stmt->message) : Value::none();
  // What the standard library asserts is asked of its caller: the call ends there.
  bool standard = isStandard(span(stmt));
  Flow next = standard ? Flow::Return : Flow::Next;
  if (standard) {
    scopes.expectGaps();
    frame_->result = Value::poison();
  }
  if (message.isPoison()) return next;
  if (standard) {
    // "E0301 dense: …": the code is part of the message.
    auto text = str(message);
    auto code = codeFromNumber(std::string_view(text).substr(0, 5));
    error(code.value_or(Code::WrongArguments), span(stmt), code ? text.substr(6) : text);
    return next;
  }
  std::string text =
      stmt->message ? fmt::format("assertion failed: {}", str(message)) : "assertion failed";
  error(Code::AssertionFailed, span(stmt), std::move(text));
  return next;
}

void Interpreter::execDef(const DefStmt *def) {
  slot(0, def->slot) =
      makeFunction(symbols.text(def->name.name), def->parameters, def->info, span(def->name));
  if (auto *function = slot(0, def->slot).as<FunctionObject>()) function->body = def->body;
}

void Interpreter::assignItems(ExprList targets, const Value &value, Span where) {
  auto poisonAll = [&] {
    for (const auto *target : targets) {
      const auto *starred = target->dynAs<StarredExpr>();
      assign(starred ? starred->value : target, Value::poison());
    }
  };
  if (value.isPoison()) return poisonAll();
  auto given = items(value, where);
  if (!given) return poisonAll();
  size_t star = targets.size();
  for (size_t i = 0; i < targets.size(); ++i)
    if (targets[i]->kind == ExprKind::Starred) star = i;
  bool fits = star == targets.size() ? given->size() == targets.size()
                                     : given->size() + 1 >= targets.size();
  if (!fits) {
    error(Code::WrongType, where,
          fmt::format("{} values can't be unpacked into {}{} names", given->size(),
                      star == targets.size() ? "" : "at least ",
                      star == targets.size() ? targets.size() : targets.size() - 1));
    return poisonAll();
  }
  size_t next = 0;
  for (size_t i = 0; i < targets.size(); ++i) {
    if (i != star) {
      assign(targets[i], (*given)[next++]);
      continue;
    }
    size_t count = given->size() - (targets.size() - 1);
    assign(targets[i]->as<StarredExpr>()->value,
           heap.list({given->begin() + next, given->begin() + next + count}));
    next += count;
  }
}

void Interpreter::assign(const Expr *target, const Value &value) {
  switch (target->kind) {
  case ExprKind::Name: {
    const auto *name = target->as<NameExpr>();
    slot(name->depth, name->slot) = value;
    return;
  }
  case ExprKind::Tuple:
    return assignItems(target->as<TupleExpr>()->items, value, span(target));
  case ExprKind::List:
    return assignItems(target->as<ListExpr>()->items, value, span(target));
  case ExprKind::Index: {
    const auto *place = target->as<IndexExpr>();
    Value object = eval(place->object), index = eval(place->index);
    return assignItem(place, object, index, value);
  }
  default:
    return; // the parser lets nothing else through
  }
}

void Interpreter::assignItem(const IndexExpr *place, const Value &object, const Value &index,
                             const Value &value) {
  if (object.isPoison() || index.isPoison()) return;
  if (auto *list = object.as<ListObject>()) {
    if (!index.isIntegral()) {
      error(Code::WrongType, span(place),
            fmt::format("a list's index is an int, not {}", typeName(index)));
      return;
    }
    int64_t at = index.asInt() < 0 ? index.asInt() + int64_t(list->items.size()) : index.asInt();
    if (at < 0 || at >= int64_t(list->items.size())) {
      error(Code::IndexOutOfRange, span(place),
            fmt::format("index {} is out of range of a list of {}", index.asInt(),
                        list->items.size()));
      return;
    }
    list->items[at] = value;
    return;
  }
  if (auto *dict = object.as<DictObject>()) {
    if (index.is(ObjectKind::List) || index.is(ObjectKind::Dict)) {
      error(Code::WrongType, span(place->index),
            fmt::format("a {} can't be a key of a dict", typeName(index)));
      return;
    }
    for (auto &[key, item] : dict->items)
      if (equal(key, index)) {
        item = value;
        return;
      }
    if (!checkLength(dict->items.size() + 1, span(place))) return;
    heap.charge(2 * sizeof(Value));
    dict->items.push_back({index, value});
    return;
  }
  error(Code::WrongType, span(place), fmt::format("items of {} can't be assigned", someOf(object)));
}

void Interpreter::augmented(const AugAssignStmt *stmt) {
  // What stands in an item's brackets is evaluated once.
  const auto *place = stmt->target->dynAs<IndexExpr>();
  Value object = place ? eval(place->object) : Value::none();
  Value at = place ? eval(place->index) : Value::none();
  auto assignTo = [&](const Value &value) {
    return place ? assignItem(place, object, at, value) : assign(stmt->target, value);
  };
  Value old = !place                               ? eval(stmt->target)
              : object.isPoison() || at.isPoison() ? Value::poison()
                                                   : index(object, at, span(stmt->target));
  Value with = eval(stmt->value);
  if (old.isPoison() || with.isPoison()) return assignTo(Value::poison());
  // As in Python, `list += items` extends the list itself.
  if (auto *list = old.as<ListObject>(); list && stmt->op.op == BinaryOp::Add) {
    auto more = items(with, span(stmt->value));
    if (!more || !checkLength(list->items.size() + more->size(), span(stmt))) return;
    heap.charge(more->size() * sizeof(Value));
    list->items.insert(list->items.end(), more->begin(), more->end());
    return;
  }
  assignTo(binary(stmt->op.op, old, with, span(stmt)));
}

} // namespace graphc
