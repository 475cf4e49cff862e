// The builder's actions of statements.
#include "syntax/builder.h"

#include <algorithm>

namespace graphc {

// Blocks --------------------------------------------------------------------------------

void AstBuilder::header(const char *what) { header_ = what; }

void AstBuilder::beginBlock() {
  if (group_) error(Code::Syntax, groupAs_, "'as' may stand in a 'with' or an import only");
  group_ = nullptr;
  pushFrame(last().end, statements_.size());
  deeper();
  context_.nested = true;
  sibling_ = Sibling::Fine;
  simpleBegin_ = current().begin;
}

void AstBuilder::endBlock() {
  Frame frame = popFrame();
  shallower();
  blocks_.push_back({take(statements_, frame.items), frame.begin});
}

/// An indented block that no header opens, or whose header failed.
void AstBuilder::beginStrayBlock() {
  Sibling before = marks_.back().sibling;
  if (before == Sibling::Fine) {
    uint32_t begin = 0;
    firstOnLine(current().begin, begin);
    error(Code::Indentation, begin, current().begin, "unexpected indentation").help =
        "indent the line as the one before";
  } else {
    context_.unknown = true;
    context_.foreign |= before == Sibling::Foreign;
    bad_ = true;
  }
  context_.nested = context_.dropped = true;
  deeper();
}

void AstBuilder::endStrayBlock() {
  Sibling before = marks_.back().sibling;
  leaveStatement(Mark(marks_.back()),
                 before == Sibling::Foreign ? Sibling::Foreign : Sibling::Failed);
}

void AstBuilder::strayElse() {
  const char *word = last().kind == TokenKind::StrayElse ? "else" : "elif";
  bool afterFor = statements_.size() > (frames_.empty() ? 0 : frames_.back().items) &&
                  statements_.back()->kind == StmtKind::For;
  foreignFailure_ = marks_.back().sibling == Sibling::Foreign;
  if (marks_.back().sibling != Sibling::Fine)
    bad_ = true;
  else if (afterFor)
    error(Code::Syntax, last(), "'for' has no 'else' here");
  else
    error(Code::Syntax, last(), fmt::format("'{}' without 'if'", word));
  fail();
}

void AstBuilder::semicolon() {
  if (current().kind == TokenKind::Semicolon) unexpected();
  simpleBegin_ = current().begin;
}

// Assignments ---------------------------------------------------------------------------

void AstBuilder::checkTarget(const Expr *target) {
  switch (target->kind) {
  case ExprKind::Name:
  case ExprKind::Index:
    return;
  case ExprKind::Tuple:
  case ExprKind::List: {
    const ExprList &items = target->kind == ExprKind::Tuple ? target->as<TupleExpr>()->items
                                                            : target->as<ListExpr>()->items;
    bool starred = false;
    for (const Expr *item : items) {
      if (item->kind == ExprKind::Starred) {
        if (starred) error(Code::Syntax, item, "a second starred target");
        starred = true;
        item = item->as<StarredExpr>()->value;
      }
      checkTarget(item);
    }
    return;
  }
  case ExprKind::Attribute:
    bad_ |= context_.foreign; // of a class, as a rule
    error(Code::Syntax, target, "cannot assign to an attribute").help =
        "what a definition makes is changed by calling its methods";
    return;
  case ExprKind::Call:
    error(Code::Syntax, target, "cannot assign to a call").help = "'==' compares";
    return;
  case ExprKind::None:
  case ExprKind::Bool:
  case ExprKind::Ellipsis:
    error(Code::Syntax, target,
          fmt::format("cannot assign to {}", sources_.text({file_, target->begin, target->end})));
    return;
  case ExprKind::Int:
  case ExprKind::Float:
  case ExprKind::String:
  case ExprKind::FString:
  case ExprKind::Dict:
    error(Code::Syntax, target, "cannot assign to a literal");
    return;
  case ExprKind::Starred:
    error(Code::Syntax, target, "a starred target stands in a list or tuple only");
    return;
  default:
    error(Code::Syntax, target, "cannot assign to an expression").help = "'==' compares";
  }
}

void AstBuilder::beginAssign() { pushFrame(values_.back().begin); }

void AstBuilder::assignTarget() { checkTarget(values_.back().expr); }

void AstBuilder::endAssign() {
  Frame frame = popFrame();
  auto *made = add<AssignStmt>(frame.begin);
  made->value = pop();
  made->targets = takeValues(frame.values - 1);
}

void AstBuilder::augTarget() {
  const Expr *target = values_.back().expr;
  if (target->kind == ExprKind::Tuple || target->kind == ExprKind::List)
    error(Code::Syntax, target, "this assignment takes one target alone");
  checkTarget(target);
  augOperator_ = {BinaryOp(last().integer), last().begin, last().end};
}

void AstBuilder::endAugAssign() {
  auto *made = add<AugAssignStmt>(values_[values_.size() - 2].begin);
  made->op = augOperator_;
  made->value = pop();
  made->target = pop();
}

/// `x: int = 1` is taken for `x = 1`.
void AstBuilder::annotation() {
  auto kind = values_.back().expr->kind;
  bool fits = kind == ExprKind::Name || kind == ExprKind::Index || kind == ExprKind::Attribute;
  if (fits && current().kind != TokenKind::Newline) return;
  auto meant = keywordMeant();
  error(Code::Syntax, last(), "unexpected ':'").help =
      meant.empty() ? "" : fmt::format("did you mean '{}'?", meant);
  fail();
}

void AstBuilder::endAnnotatedAssign(bool hasValue) {
  uint32_t begin = values_[values_.size() - 1 - hasValue].begin;
  if (!hasValue) {
    values_.pop_back();
    add<PassStmt>(begin);
    return;
  }
  auto *made = add<AssignStmt>(begin);
  made->value = pop();
  checkTarget(values_.back().expr);
  made->targets = takeValues(values_.size() - 1);
}

// Simple statements ---------------------------------------------------------------------

void AstBuilder::exprStatement() {
  auto *made = add<ExprStmt>(values_.back().begin);
  made->value = pop();
}

void AstBuilder::beginReturn() {
  if (!context_.inFunction && !context_.unknown)
    error(Code::Syntax, last(), "'return' outside a function");
}

void AstBuilder::returnValue(bool given) {
  auto *made = add<ReturnStmt>(simpleBegin_);
  if (given) made->value = pop();
}

void AstBuilder::pass() { add<PassStmt>(simpleBegin_); }

void AstBuilder::breakOrContinue() {
  bool isBreak = last().kind == TokenKind::Break;
  if (!context_.inLoop && !context_.unknown)
    error(Code::Syntax, last(), fmt::format("{} outside a loop", tokenText(last().kind)));
  isBreak ? void(add<BreakStmt>(simpleBegin_)) : void(add<ContinueStmt>(simpleBegin_));
}

void AstBuilder::assertStatement(bool hasMessage) {
  auto *made = add<AssertStmt>(simpleBegin_);
  if (hasMessage) made->message = pop();
  made->condition = pop();
}

// Compound statements -------------------------------------------------------------------

void AstBuilder::beginIf() {
  pushFrame(last().begin, branches_.size());
  branches_.push_back({nullptr, {}, last().begin, 0});
  headerWord_ = last();
  header("the condition of 'if'");
}

void AstBuilder::beginElif() {
  branches_.push_back({nullptr, {}, last().begin, 0});
  headerWord_ = last();
  header("the condition of 'elif'");
}

void AstBuilder::beginElse() {
  branches_.push_back({nullptr, {}, last().begin, 0});
  headerWord_ = last();
  header("'else'");
}

void AstBuilder::condition() { branches_.back().condition = pop(); }

void AstBuilder::endBranch() {
  branches_.back().body = blocks_.back().body;
  branches_.back().headerEnd = blocks_.back().headerEnd;
  blocks_.pop_back();
  Token &next = tokens_[now_];
  if (next.kind == TokenKind::StrayElif) next.kind = TokenKind::Elif;
  if (next.kind == TokenKind::StrayElse) next.kind = TokenKind::Else;
}

/// Where a block's statement ends.
static uint32_t blockEnd(Block body, uint32_t headerEnd) {
  return body.empty() ? headerEnd : body.back()->end;
}

void AstBuilder::endIf() {
  Frame frame = popFrame();
  auto *made = add<IfStmt>(frame.begin);
  made->branches = take(branches_, frame.items);
  made->end = blockEnd(made->branches.back().body, made->branches.back().headerEnd);
  // A second `else`, or an `elif` after it, has no `if` any more.
  Token &next = tokens_[now_];
  if (next.kind == TokenKind::Elif) next.kind = TokenKind::StrayElif;
  if (next.kind == TokenKind::Else) next.kind = TokenKind::StrayElse;
}

void AstBuilder::beginFor() {
  pushFrame(last().begin);
  headerWord_ = last();
  header("the list of 'for'");
}

void AstBuilder::forTarget() { checkTarget(values_.back().expr); }
void AstBuilder::forIterable() { context_.inLoop = true; }

void AstBuilder::endFor() {
  Frame frame = popFrame();
  auto *made = add<ForStmt>(frame.begin);
  made->iterable = pop();
  made->target = pop();
  made->body = blocks_.back().body;
  made->headerEnd = blocks_.back().headerEnd;
  made->end = blockEnd(made->body, made->headerEnd);
  blocks_.pop_back();
}

void AstBuilder::beginWith() {
  pushFrame(last().begin, withItems_.size());
  headerWord_ = last();
  header("the items of 'with'");
}

void AstBuilder::withItem(bool hasTarget) {
  const Expr *target = hasTarget ? pop() : nullptr;
  if (target) checkTarget(target);
  const Expr *context = pop();
  // Parentheses may stand around all the items.
  if (context == group_ && !target) {
    withItems_.insert(withItems_.end(), groupItems_.begin(), groupItems_.end());
    group_ = nullptr;
    groupItems_.clear();
  } else if (!target && context->kind == ExprKind::Tuple && context->parenthesised) {
    for (const Expr *item : context->as<TupleExpr>()->items) withItems_.push_back({item, nullptr});
  } else {
    withItems_.push_back({context, target});
  }
}

void AstBuilder::withHeader() {
  if (withItems_.size() == frames_.back().items)
    error(Code::Syntax, headerWord_, "'with' without an item");
}

void AstBuilder::endWith() {
  Frame frame = popFrame();
  auto *made = add<WithStmt>(frame.begin);
  made->items = take(withItems_, frame.items);
  made->body = blocks_.back().body;
  made->headerEnd = blocks_.back().headerEnd;
  made->end = blockEnd(made->body, made->headerEnd);
  blocks_.pop_back();
}

void AstBuilder::defName() {
  headerWord_ = first();
  header("the parameters of 'def'");
  names_.push_back(identifier());
  pushFrame(first().begin, parameters_.size());
}

void AstBuilder::parameter(ParameterKind kind) {
  Frame &frame = frames_.back();
  bool closed =
      parameters_.size() > frame.items && parameters_.back().kind == ParameterKind::KwArgs;
  if (closed) error(Code::Syntax, last(), "a parameter after '**'");
  if (kind == ParameterKind::Args && frame.stars > 0)
    error(Code::Syntax, last(), "a second '*' among the parameters");
  if (kind == ParameterKind::KwArgs && frame.stars == 2)
    error(Code::Syntax, last(), "a bare '*' without a parameter after it");
  if (kind == ParameterKind::Normal && frame.stars > 0) kind = ParameterKind::KeywordOnly;
  if (kind != ParameterKind::Normal) frame.stars = 1;
  parameters_.push_back({identifier(), kind, nullptr});
}

void AstBuilder::parameterDefault() { parameters_.back().defaultValue = pop(); }

void AstBuilder::bareStar() {
  Frame &frame = frames_.back();
  if (frame.stars > 0) error(Code::Syntax, last(), "a second '*' among the parameters");
  frame.stars = 2;
}

/// Positional-only parameters are taken for ordinary ones.
void AstBuilder::slashParameter() {
  Frame &frame = frames_.back();
  if (frame.stars > 0 || parameters_.size() == frame.items)
    error(Code::Syntax, last(), "'/' stands after a parameter and before '*' only");
}

void AstBuilder::checkParameters(List<Parameter> parameters) {
  bool defaults = false;
  std::vector<Identifier> names;
  for (const Parameter &parameter : parameters) {
    names.push_back(parameter.name);
    if (parameter.kind != ParameterKind::Normal) continue;
    if (parameter.defaultValue)
      defaults = true;
    else if (defaults)
      error(Code::Syntax, parameter.name.begin, parameter.name.end,
            "a parameter without a default after one that has a default");
  }
  reportDuplicate(std::move(names), "parameter");
}

/// Reports the first name, by its place, that stands a second time.
void AstBuilder::reportDuplicate(std::vector<Identifier> names, const char *what) {
  if (names.size() < 2) return;
  std::sort(names.begin(), names.end(), [](const Identifier &a, const Identifier &b) {
    return a.name != b.name ? a.name < b.name : a.begin < b.begin;
  });
  const Identifier *again = nullptr, *original = nullptr;
  for (size_t i = 1; i < names.size(); ++i)
    if (names[i].name == names[i - 1].name && (!again || names[i].begin < again->begin)) {
      again = &names[i];
      original = &names[i - 1];
    }
  if (!again || bad_) return;
  error(Code::Duplicate, again->begin, again->end,
        fmt::format("duplicate {} '{}'", what, symbols_.text(again->name)))
      .notes.push_back({"first given here", {file_, original->begin, original->end}});
}

void AstBuilder::defHeader() {
  Frame frame = popFrame();
  if (frame.stars == 2) error(Code::Syntax, last(), "a bare '*' without a parameter after it");
  auto parameters = take(parameters_, frame.items);
  checkParameters(parameters);
  defs_.push_back({names_.back(), parameters});
  names_.pop_back();
  header("the parameters of 'def'");
  headerWord_ = first();
  context_.inFunction = true;
  context_.inLoop = context_.unknown = false;
}

void AstBuilder::endDef() {
  auto *made = add<DefStmt>(first().begin);
  made->name = defs_.back().name;
  made->parameters = defs_.back().parameters;
  defs_.pop_back();
  made->body = blocks_.back().body;
  made->headerEnd = blocks_.back().headerEnd;
  made->end = blockEnd(made->body, made->headerEnd);
  blocks_.pop_back();
  if (made->body.empty()) return;
  if (auto *first = made->body[0]->dynAs<ExprStmt>())
    if (auto *text = first->value->dynAs<StringExpr>()) made->docstring = text->value;
}

} // namespace graphc
