// The builder's actions of expressions: names, literals, brackets, comprehensions, calls.
#include "syntax/builder.h"

namespace graphc {

// Names and literals --------------------------------------------------------------------

void AstBuilder::name() {
  auto *made = node<NameExpr>(last().begin, last().end);
  made->name = last().symbol;
  push(made);
}

void AstBuilder::literal() {
  const Token &token = last();
  switch (token.kind) {
  case TokenKind::Int: {
    auto *made = node<IntExpr>(token.begin, token.end);
    made->value = token.integer;
    push(made);
    if (!token.halfOfMinimum) return;
    const Operator &top = operators_.back();
    minimum_ = made;
    if (top.strength != SignStrength || top.kind != TokenKind::Minus) checkMinimum();
    return;
  }
  case TokenKind::Float: {
    auto *made = node<FloatExpr>(token.begin, token.end);
    made->value = token.real;
    return push(made);
  }
  case TokenKind::None:
    return push(node<NoneExpr>(token.begin, token.end));
  case TokenKind::Ellipsis:
    return push(node<EllipsisExpr>(token.begin, token.end));
  default: {
    auto *made = node<BoolExpr>(token.begin, token.end);
    made->value = token.kind == TokenKind::True;
    return push(made);
  }
  }
}

/// 2^63 without a minus directly before it is too large.
void AstBuilder::checkMinimum() {
  if (!minimum_ || values_.back().expr != minimum_) return;
  error(Code::BadLiteral, minimum_, "the integer is too large for 64 bits");
  minimum_ = nullptr;
}

// Brackets ------------------------------------------------------------------------------

void AstBuilder::comma() {
  frames_.back().comma = true;
  if (current().kind == TokenKind::Comma) unexpected();
}

void AstBuilder::beginList() { pushFrame(current().begin); }

void AstBuilder::endList() {
  Frame frame = popFrame();
  if (!frame.comma) {
    if (values_.back().expr->kind == ExprKind::Starred)
      error(Code::Syntax, values_.back().expr, "a starred expression stands in a list only");
    return;
  }
  auto *made = node<TupleExpr>(values_[frame.values].begin, values_.back().end);
  made->items = takeValues(frame.values);
  heightOf(made, made->items);
  push(made);
}

void AstBuilder::starred() {
  Value value = values_.back();
  uint32_t star = value.begin == 0 ? 0 : uint32_t(lexer_.text().rfind('*', value.begin - 1));
  auto *made = node<StarredExpr>(star, value.end);
  made->value = value.expr;
  heightOf(made, value.expr);
  replace(made);
}

void AstBuilder::open() {
  pushFrame(last().begin, entries_.size());
  deeper();
}

void AstBuilder::closeTargets() {}

/// Of `(a, b)` or `[a, b]` among the targets of `for`.
void AstBuilder::close() {
  shallower();
  Frame frame = popFrame();
  bool opensList = lexer_.text()[frame.begin] == '[';
  if (opensList != (last().kind == TokenKind::RBracket)) unexpected();
  Expr *target = values_.back().expr;
  if (opensList) {
    auto *made = node<ListExpr>(frame.begin, last().end);
    bool several = target->kind == ExprKind::Tuple && !target->parenthesised;
    if (several) {
      values_.pop_back();
      made->items = target->as<TupleExpr>()->items;
    } else {
      made->items = takeValues(values_.size() - 1);
    }
    heightOf(made, made->items);
    return push(made);
  }
  if (target->kind == ExprKind::Tuple && !target->parenthesised) {
    target->begin = frame.begin;
    target->end = last().end;
  }
  target->parenthesised = true;
  values_.back().begin = frame.begin;
  values_.back().end = last().end;
}

void AstBuilder::groupAs() {
  if (!group_ && groupItems_.empty()) groupAs_ = last();
}

void AstBuilder::groupTarget() {
  Expr *target = pop();
  checkTarget(target);
  // The items before it in these parentheses have no target of their own.
  Frame &frame = frames_.back();
  for (size_t i = frame.values + groupItems_.size(); i + 1 < values_.size(); ++i)
    groupItems_.push_back({values_[i].expr, nullptr});
  groupItems_.push_back({values_.back().expr, target});
}

void AstBuilder::groupComma() { comma(); }

void AstBuilder::generator() {
  wrapComprehension(true);
  frames_.back().generator = true;
}

void AstBuilder::closeGroup() {
  shallower();
  Frame frame = popFrame();
  size_t count = values_.size() - frame.values;
  uint32_t begin = frame.begin, end = last().end;
  if (frame.generator) {
    error(Code::NotInDefinition, begin, end, "a generator is not part of a graph definition").help =
        "write a list: [… for … in …]";
    values_.back().expr->parenthesised = true;
    return;
  }
  bool items = !groupItems_.empty() && !group_;
  if (items)
    for (size_t i = frame.values + groupItems_.size(); i < values_.size(); ++i)
      groupItems_.push_back({values_[i].expr, nullptr});
  if (count == 1 && !frame.comma && !items) {
    Value &value = values_.back();
    if (value.expr->kind == ExprKind::Starred)
      error(Code::Syntax, value.expr, "a starred expression stands in a list only");
    value.expr->parenthesised = true;
    value.begin = begin;
    value.end = end;
    return;
  }
  auto *made = node<TupleExpr>(begin, end);
  made->parenthesised = true;
  made->items = takeValues(frame.values);
  heightOf(made, made->items);
  push(made);
  if (items) group_ = made;
}

void AstBuilder::listComprehension() {
  wrapComprehension(false);
  frames_.back().comprehension = true;
}

void AstBuilder::closeList() {
  shallower();
  Frame frame = popFrame();
  if (frame.comprehension) {
    Expr *made = values_.back().expr;
    made->begin = frame.begin;
    made->end = last().end;
    return replace(made);
  }
  auto *made = node<ListExpr>(frame.begin, last().end);
  made->items = takeValues(frame.values);
  heightOf(made, made->items);
  push(made);
}

void AstBuilder::dictEntry() {
  Expr *value = pop(), *key = pop();
  entries_.push_back({key, value});
}

void AstBuilder::dictUnpack() { entries_.push_back({nullptr, pop()}); }

void AstBuilder::setItem() {
  auto next = current().kind;
  bool isSet = last().kind == TokenKind::Star ||
               (entries_.size() == frames_.back().items &&
                (next == TokenKind::Comma || next == TokenKind::RBrace || next == TokenKind::For));
  if (!isSet) unexpected(TokenKind::Colon);
  error(Code::NotInDefinition, frames_.back().begin, last().end,
        "a set is not part of a graph definition")
      .help = "write a list: […]";
  fail();
}

void AstBuilder::dictComprehension() {
  error(Code::NotInDefinition, frames_.back().begin, last().end,
        "a dict comprehension is not part of a graph definition")
      .help = "begin with {} and add the items in a 'for'";
  fail();
}

void AstBuilder::closeDict() {
  shallower();
  Frame frame = popFrame();
  auto *made = node<DictExpr>(frame.begin, last().end);
  made->entries = take(entries_, frame.items);
  uint32_t height = 0;
  for (const DictEntry &entry : made->entries)
    height = std::max<uint32_t>({height, entry.key ? entry.key->height : 0u, entry.value->height});
  raise(made, height + 1);
  push(made);
}

// Comprehensions ------------------------------------------------------------------------

void AstBuilder::beginComprehension() {
  pushFrame(values_.back().begin, clauses_.size());
  if (values_.back().expr->kind == ExprKind::Starred)
    error(Code::Syntax, values_.back().expr, "a starred expression stands in a list only");
}

void AstBuilder::compTarget() { checkTarget(values_.back().expr); }
void AstBuilder::compIterable() {}
void AstBuilder::compCondition() {}

void AstBuilder::compClause() {
  size_t from = frames_.back().values;
  ComprehensionClause clause;
  clause.conditions = takeValues(from + 2);
  clause.iterable = pop();
  clause.target = pop();
  clauses_.push_back(clause);
}

/// The element and clauses just read become one expression.
void AstBuilder::wrapComprehension(bool generator) {
  Frame frame = popFrame();
  auto *made = node<ComprehensionExpr>(values_.back().begin, last().end);
  made->element = pop();
  made->clauses = take(clauses_, frame.items);
  made->generator = generator;
  uint32_t height = made->element->height;
  for (const ComprehensionClause &clause : made->clauses) {
    height = std::max<uint32_t>({height, clause.target->height, clause.iterable->height});
    for (const Expr *condition : clause.conditions)
      height = std::max<uint32_t>(height, condition->height);
  }
  raise(made, height + 1);
  push(made);
}

// Calls, attributes, indices ------------------------------------------------------------

void AstBuilder::attribute() {
  checkMinimum();
  Value object = values_.back();
  auto *made = node<AttributeExpr>(object.begin, last().end);
  made->object = object.expr;
  made->name = identifier();
  heightOf(made, object.expr);
  replace(made);
}

void AstBuilder::beginCall() {
  checkMinimum();
  pushFrame(last().begin, arguments_.size());
  deeper();
}

void AstBuilder::positionalArgument() {
  Value value = values_.back();
  values_.pop_back();
  arguments_.push_back({ArgumentKind::Positional, {}, value.expr, value.begin, value.end});
}

void AstBuilder::argumentGenerator() {
  wrapComprehension(true);
  positionalArgument();
  frames_.back().generator = true;
}

/// The name before `=`, which is read as an expression.
void AstBuilder::keywordName() {
  Value value = values_.back();
  values_.pop_back();
  auto *name = value.expr->dynAs<NameExpr>();
  if (!name || name->parenthesised) {
    error(Code::Syntax, value.begin, value.end, "what stands before '=' in a call is to be a name")
        .help = "'==' compares";
    fail();
  }
  names_.push_back({name->name, name->begin, name->end});
}

void AstBuilder::keywordArgument() {
  Value value = values_.back();
  values_.pop_back();
  Identifier name = names_.back();
  names_.pop_back();
  arguments_.push_back({ArgumentKind::Keyword, name, value.expr, name.begin, value.end});
}

void AstBuilder::unpackArgument(ArgumentKind kind) {
  Value value = values_.back();
  values_.pop_back();
  auto star = uint32_t(lexer_.text().rfind('*', value.begin - 1));
  if (kind == ArgumentKind::KwArgs) --star;
  arguments_.push_back({kind, {}, value.expr, star, value.end});
}

void AstBuilder::checkArguments(List<Argument> arguments) {
  bool keyword = false, unpacked = false;
  for (const Argument &argument : arguments) {
    if (argument.kind == ArgumentKind::Positional && (keyword || unpacked))
      error(Code::Syntax, argument.begin, argument.end,
            unpacked ? "a positional argument after '**'"
                     : "a positional argument after a keyword argument");
    if (argument.kind == ArgumentKind::Args && unpacked)
      error(Code::Syntax, argument.begin, argument.end, "'*' after '**' in a call");
    keyword |= argument.kind == ArgumentKind::Keyword;
    unpacked |= argument.kind == ArgumentKind::KwArgs;
  }
  if (!keyword) return;
  std::vector<Identifier> names;
  for (const Argument &argument : arguments)
    if (argument.kind == ArgumentKind::Keyword) names.push_back(argument.keyword);
  reportDuplicate(std::move(names), "argument");
}

void AstBuilder::endCall() {
  shallower();
  Frame frame = popFrame();
  Value callee = values_.back();
  auto *made = node<CallExpr>(callee.begin, last().end);
  made->callee = callee.expr;
  made->open = frame.begin;
  made->arguments = take(arguments_, frame.items);
  if (frame.generator && (made->arguments.size() > 1 || frame.comma))
    error(Code::Syntax, made->begin, made->end, "a generator among other arguments").help =
        "write a list: [… for … in …]";
  if (made->arguments.size() > 1) checkArguments(made->arguments);
  uint32_t height = callee.expr->height;
  for (const Argument &argument : made->arguments)
    height = std::max<uint32_t>(height, argument.value->height);
  raise(made, height + 1);
  replace(made);
}

void AstBuilder::beginIndex() {
  checkMinimum();
  pushFrame(last().begin);
  deeper();
}

void AstBuilder::indexComma() { comma(); }

void AstBuilder::endIndex() {
  shallower();
  Frame frame = popFrame();
  Expr *index;
  if (frame.comma) {
    auto *tuple = node<TupleExpr>(values_[frame.values].begin, values_.back().end);
    tuple->items = takeValues(frame.values);
    heightOf(tuple, tuple->items);
    index = tuple;
  } else {
    index = pop();
  }
  Value object = values_.back();
  auto *made = node<IndexExpr>(object.begin, last().end);
  made->object = object.expr;
  made->index = index;
  heightOf(made, object.expr, index);
  replace(made);
}

void AstBuilder::sliceWithoutLower() {
  values_.push_back({nullptr, current().begin, current().begin});
}

void AstBuilder::beginSlice() { pushFrame(values_.back().begin); }
void AstBuilder::sliceUpper() { frames_.back().upper = true; }
void AstBuilder::sliceStep() { frames_.back().step = true; }

void AstBuilder::endSlice() {
  Frame frame = popFrame();
  auto *made = node<SliceExpr>(frame.begin, last().end);
  if (frame.step) made->step = pop();
  if (frame.upper) made->upper = pop();
  made->lower = pop();
  heightOf(made, made->lower, made->upper, made->step);
  push(made);
}

} // namespace graphc
