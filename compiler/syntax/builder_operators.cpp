// The builder's actions of operators: what binds how strongly, chains, conditionals, lambda.
#include "syntax/builder.h"

namespace graphc {

namespace {

Strength strengthOf(TokenKind kind) {
  switch (kind) {
  case TokenKind::If:
  case TokenKind::Else:
    return ConditionalStrength;
  case TokenKind::Or:
    return OrStrength;
  case TokenKind::And:
    return AndStrength;
  case TokenKind::Bar:
    return BitOrStrength;
  case TokenKind::Caret:
    return BitXorStrength;
  case TokenKind::Ampersand:
    return BitAndStrength;
  case TokenKind::ShiftLeft:
  case TokenKind::ShiftRight:
    return ShiftStrength;
  case TokenKind::Plus:
  case TokenKind::Minus:
    return SumStrength;
  case TokenKind::Star:
  case TokenKind::Slash:
  case TokenKind::DoubleSlash:
  case TokenKind::Percent:
  case TokenKind::At:
    return ProductStrength;
  case TokenKind::DoubleStar:
    return PowerStrength;
  default:
    return ComparisonStrength;
  }
}

BinaryOp binaryOp(TokenKind kind) {
  switch (kind) {
  case TokenKind::Bar:
    return BinaryOp::BitOr;
  case TokenKind::Caret:
    return BinaryOp::BitXor;
  case TokenKind::Ampersand:
    return BinaryOp::BitAnd;
  case TokenKind::ShiftLeft:
    return BinaryOp::ShiftLeft;
  case TokenKind::ShiftRight:
    return BinaryOp::ShiftRight;
  case TokenKind::Plus:
    return BinaryOp::Add;
  case TokenKind::Minus:
    return BinaryOp::Sub;
  case TokenKind::Star:
    return BinaryOp::Mul;
  case TokenKind::Slash:
    return BinaryOp::Div;
  case TokenKind::DoubleSlash:
    return BinaryOp::FloorDiv;
  case TokenKind::Percent:
    return BinaryOp::Mod;
  case TokenKind::At:
    return BinaryOp::MatMul;
  default:
    return BinaryOp::Pow;
  }
}

CompareOp compareOp(TokenKind kind) {
  switch (kind) {
  case TokenKind::Equal:
    return CompareOp::Eq;
  case TokenKind::NotEqual:
    return CompareOp::Ne;
  case TokenKind::Less:
    return CompareOp::Lt;
  case TokenKind::LessEqual:
    return CompareOp::Le;
  case TokenKind::Greater:
    return CompareOp::Gt;
  case TokenKind::GreaterEqual:
    return CompareOp::Ge;
  case TokenKind::Is:
    return CompareOp::Is;
  case TokenKind::IsNot:
    return CompareOp::IsNot;
  case TokenKind::In:
    return CompareOp::In;
  default:
    return CompareOp::NotIn;
  }
}

} // namespace

// Operators -----------------------------------------------------------------------------

void AstBuilder::beginExpr() { operators_.push_back({Weakest, TokenKind::End, 0, 0, {}}); }

void AstBuilder::prefix() {
  bool isNot = last().kind == TokenKind::Not;
  if (isNot && operators_.back().strength > NotStrength)
    error(Code::Syntax, last(), "'not' after an operator that binds more strongly").help =
        "put 'not' and its operand in parentheses";
  operators_.push_back(
      {uint8_t(isNot ? NotStrength : SignStrength), last().kind, last().begin, last().end, {}});
}

void AstBuilder::binary() {
  TokenKind kind = last().kind;
  Strength strength = strengthOf(kind);
  if (kind == TokenKind::Walrus) {
    error(Code::NotInDefinition, last(), "':=' is not part of a graph definition").help =
        "assign in a statement of its own before this one";
    fail();
  }
  if (kind == TokenKind::DoubleStar) checkMinimum();
  reduceTo(strength);
  Operator &top = operators_.back();
  bool opened = top.strength == ConditionalStrength && top.kind == TokenKind::If;
  if (kind == TokenKind::Else) {
    if (!opened) {
      error(Code::Syntax, last(), "'else' without 'if'").help = "as a statement it begins a line";
      fail();
    }
    top.kind = TokenKind::Else;
    return;
  }
  if (kind == TokenKind::If && opened) {
    error(Code::Syntax, last(), "a second 'if' before 'else'").help =
        "put the inner conditional in parentheses";
    fail();
  }
  operators_.push_back({strength, kind, last().begin, last().end, {}});
}

/// Applies the operators that bind more strongly than `strength`.
void AstBuilder::reduceTo(uint8_t strength) {
  while (operators_.back().strength > strength) reduceTop();
}

void AstBuilder::reduceTop() {
  const Operator &top = operators_.back();
  if (top.strength == NotStrength || top.strength == SignStrength) return reducePrefix();
  if (top.strength == ConditionalStrength) return reduceConditional();
  reduceChain();
}

void AstBuilder::endExpr() {
  if (operators_.back().kind != TokenKind::End) {
    while (operators_.back().kind != TokenKind::End)
      operators_.back().kind == TokenKind::Lambda ? reduceLambda() : reduceTop();
  }
  operators_.pop_back();
}

void AstBuilder::reducePrefix() {
  Operator op = operators_.back();
  operators_.pop_back();
  Value operand = values_.back();
  if (operand.expr == minimum_ && op.kind == TokenKind::Minus) {
    minimum_ = nullptr;
    operand.expr->begin = op.begin;
    return replace(operand.expr);
  }
  auto *made = node<UnaryExpr>(op.begin, operand.end);
  made->op = op.kind == TokenKind::Minus  ? UnaryOp::Minus
             : op.kind == TokenKind::Plus ? UnaryOp::Plus
             : op.kind == TokenKind::Not  ? UnaryOp::Not
                                          : UnaryOp::Invert;
  made->opBegin = op.begin;
  made->opEnd = op.end;
  made->operand = operand.expr;
  heightOf(made, operand.expr);
  replace(made);
}

/// Applies all operators of equal strength on the top, as one node; `**` alone is taken one
/// by one, from the right.
void AstBuilder::reduceChain() {
  uint8_t strength = operators_.back().strength;
  size_t from = operators_.size() - 1;
  while (strength != PowerStrength && operators_[from - 1].strength == strength) --from;
  size_t count = operators_.size() - from, firstValue = values_.size() - count - 1;
  uint32_t begin = values_[firstValue].begin, end = values_.back().end;
  const Operator *ops = &operators_[from];
  auto taken = [&]<class Op, class Convert>(Op *, Convert convert) {
    auto *to = static_cast<Op *>(arena_.allocate(count * sizeof(Op), alignof(Op)));
    for (size_t i = 0; i < count; ++i) to[i] = Op{convert(ops[i].kind), ops[i].begin, ops[i].end};
    return List<Op>(to, count);
  };
  Expr *made;
  if (strength == OrStrength || strength == AndStrength) {
    auto *logical = node<LogicalExpr>(begin, end);
    logical->isAnd = strength == AndStrength;
    logical->operands = takeValues(firstValue);
    heightOf(logical, logical->operands);
    made = logical;
  } else if (strength == ComparisonStrength) {
    auto *compare = node<CompareExpr>(begin, end);
    compare->operators = taken(static_cast<CompareOperator *>(nullptr), compareOp);
    compare->operands = takeValues(firstValue);
    heightOf(compare, compare->operands);
    made = compare;
  } else {
    auto *binary = node<BinaryExpr>(begin, end);
    binary->operators = taken(static_cast<BinaryOperator *>(nullptr), binaryOp);
    binary->operands = takeValues(firstValue);
    heightOf(binary, binary->operands);
    made = binary;
  }
  operators_.resize(from);
  push(made);
}

void AstBuilder::reduceConditional() {
  if (operators_.back().kind == TokenKind::If) {
    error(Code::Syntax, current().kind == TokenKind::Newline ? last() : current(),
          fmt::format("expected 'else' after 'if', found {}", found(current())))
        .help = "a conditional is written A if CONDITION else B";
    fail();
  }
  operators_.pop_back();
  uint32_t end = values_.back().end;
  auto *made = arena_.make<ConditionalExpr>();
  made->elseValue = pop();
  made->condition = pop();
  made->begin = values_.back().begin;
  made->end = end;
  made->thenValue = pop();
  heightOf(made, made->thenValue, made->condition, made->elseValue);
  push(made);
}

void AstBuilder::beginLambda() {
  const Operator &top = operators_.back();
  bool weak = top.strength == Weakest || top.kind == TokenKind::Else;
  if (!weak)
    error(Code::Syntax, last(), "a lambda after an operator").help = "put it in parentheses";
  operators_.push_back({Weakest, TokenKind::Lambda, last().begin, last().end, {}});
  pushFrame(last().begin, parameters_.size());
  deeper();
}

void AstBuilder::endLambdaHeader() {
  shallower();
  Frame frame = popFrame();
  if (frame.stars == 2) error(Code::Syntax, last(), "a bare '*' without a parameter after it");
  auto parameters = take(parameters_, frame.items);
  checkParameters(parameters);
  operators_.back().parameters = parameters;
}

void AstBuilder::reduceLambda() {
  Operator op = operators_.back();
  operators_.pop_back();
  auto *made = node<LambdaExpr>(op.begin, values_.back().end);
  made->parameters = op.parameters;
  made->body = pop();
  uint32_t height = made->body->height;
  for (const Parameter &parameter : made->parameters)
    if (parameter.defaultValue) height = std::max<uint32_t>(height, parameter.defaultValue->height);
  raise(made, height + 1);
  push(made);
}

} // namespace graphc
