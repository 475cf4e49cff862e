// Operators on compile-time values as Python has them; on tensors they make operations.
#include "elaborate/interpreter.h"
#include "elaborate/text.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace graphc {

namespace {

std::string_view symbolOf(BinaryOp op) {
  switch (op) {
  case BinaryOp::Add:
    return "+";
  case BinaryOp::Sub:
    return "-";
  case BinaryOp::Mul:
    return "*";
  case BinaryOp::Div:
    return "/";
  case BinaryOp::FloorDiv:
    return "//";
  case BinaryOp::Mod:
    return "%";
  case BinaryOp::Pow:
    return "**";
  case BinaryOp::MatMul:
    return "@";
  case BinaryOp::BitAnd:
    return "&";
  case BinaryOp::BitOr:
    return "|";
  case BinaryOp::BitXor:
    return "^";
  case BinaryOp::ShiftLeft:
    return "<<";
  case BinaryOp::ShiftRight:
    return ">>";
  }
  return "?";
}

/// The table's function for an operator on tensors; empty: none.
std::string_view functionOf(BinaryOp op) {
  switch (op) {
  case BinaryOp::Add:
    return "__add__";
  case BinaryOp::Sub:
    return "__sub__";
  case BinaryOp::Mul:
    return "__mul__";
  case BinaryOp::Div:
    return "__truediv__";
  case BinaryOp::FloorDiv:
    return "__floordiv__";
  case BinaryOp::Mod:
    return "__mod__";
  case BinaryOp::Pow:
    return "__pow__";
  case BinaryOp::MatMul:
    return "__matmul__";
  case BinaryOp::BitAnd:
    return "__and__";
  case BinaryOp::BitOr:
    return "__or__";
  case BinaryOp::BitXor:
    return "__xor__";
  default:
    return "";
  }
}

int64_t floorDivide(int64_t a, int64_t b) {
  int64_t q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

/// As Python has it: what a % b leaves is taken off first, so that 1.0 // 0.1 is 9.0.
double floorDivide(double a, double b) {
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 && (rest < 0) != (b < 0)) quotient -= 1;
  if (quotient == 0) return std::copysign(0.0, a / b);
  double whole = std::floor(quotient);
  return quotient - whole > 0.5 ? whole + 1 : whole;
}

} // namespace

Value Interpreter::integerArithmetic(BinaryOp op, int64_t a, int64_t b, Span where) {
  auto overflow = [&] {
    return fail(Code::Arithmetic, where,
                fmt::format("{} {} {} leaves 64 bits", a, symbolOf(op), b));
  };
  auto byZero = [&] { return fail(Code::Arithmetic, where, "division by zero"); };
  int64_t out;
  switch (op) {
  case BinaryOp::Add:
    return __builtin_add_overflow(a, b, &out) ? overflow() : Value::integer(out);
  case BinaryOp::Sub:
    return __builtin_sub_overflow(a, b, &out) ? overflow() : Value::integer(out);
  case BinaryOp::Mul:
    return __builtin_mul_overflow(a, b, &out) ? overflow() : Value::integer(out);
  case BinaryOp::Div:
    // Rounded once: a long double holds every int.
    return b == 0
               ? byZero()
               : Value::number(double(static_cast<long double>(a) / static_cast<long double>(b)));
  case BinaryOp::FloorDiv:
    if (b == 0) return byZero();
    if (b == -1)
      return __builtin_sub_overflow(int64_t(0), a, &out) ? overflow() : Value::integer(out);
    return Value::integer(floorDivide(a, b));
  case BinaryOp::Mod:
    if (b == 0) return byZero();
    return Value::integer(b == -1 ? 0 : a - floorDivide(a, b) * b);
  case BinaryOp::Pow: {
    if (b < 0) return floatArithmetic(op, double(a), double(b), where);
    int64_t result = 1, base = a;
    for (int64_t n = b;;) {
      if (n & 1)
        if (__builtin_mul_overflow(result, base, &result)) return overflow();
      if (!(n >>= 1)) break;
      if (__builtin_mul_overflow(base, base, &base)) {
        // 0, 1 and -1 have every power.
        if (a == 0 || a == 1) return Value::integer(a);
        return overflow();
      }
    }
    return Value::integer(result);
  }
  case BinaryOp::BitAnd:
    return Value::integer(a & b);
  case BinaryOp::BitOr:
    return Value::integer(a | b);
  case BinaryOp::BitXor:
    return Value::integer(a ^ b);
  case BinaryOp::ShiftLeft:
    if (b < 0) return fail(Code::Arithmetic, where, "negative shift count");
    if (a == 0) return Value::integer(0);
    if (b > 62 || __builtin_mul_overflow(a, int64_t(1) << b, &out)) return overflow();
    return Value::integer(out);
  case BinaryOp::ShiftRight:
    if (b < 0) return fail(Code::Arithmetic, where, "negative shift count");
    return Value::integer(a >> std::min<int64_t>(b, 63));
  case BinaryOp::MatMul:
    break;
  }
  return fail(Code::WrongType, where,
              fmt::format("operator {} is not defined on ints", symbolOf(op)));
}

Value Interpreter::floatArithmetic(BinaryOp op, double a, double b, Span where) {
  auto byZero = [&] { return fail(Code::Arithmetic, where, "division by zero"); };
  switch (op) {
  case BinaryOp::Add:
    return Value::number(a + b);
  case BinaryOp::Sub:
    return Value::number(a - b);
  case BinaryOp::Mul:
    return Value::number(a * b);
  case BinaryOp::Div:
    return b == 0 ? byZero() : Value::number(a / b);
  case BinaryOp::FloorDiv:
    if (b == 0) return byZero();
    return Value::number(floorDivide(a, b));
  case BinaryOp::Mod: {
    if (b == 0) return byZero();
    double rest = std::fmod(a, b);
    if (rest == 0) return Value::number(std::copysign(0.0, b));
    if ((rest < 0) != (b < 0)) rest += b;
    return Value::number(rest);
  }
  case BinaryOp::Pow: {
    if (a == 0 && b < 0)
      return fail(Code::Arithmetic, where, "0.0 can't be raised to a negative power");
    double power = std::pow(a, b);
    if (std::isnan(power) && !std::isnan(a) && !std::isnan(b))
      return fail(Code::Arithmetic, where, "a negative number has no real fractional power");
    if (std::isinf(power) && std::isfinite(a) && std::isfinite(b))
      return fail(Code::Arithmetic, where, "the power is too large for a float");
    return Value::number(power);
  }
  default:
    return fail(Code::WrongType, where,
                fmt::format("operator {} is not defined on floats", symbolOf(op)));
  }
}

Value Interpreter::binary(BinaryOp op, const Value &a, const Value &b, Span where) {
  if (a.isPoison() || b.isPoison()) return Value::poison();
  if (a.isIntegral() && b.isIntegral()) {
    if (a.isBool() && b.isBool() &&
        (op == BinaryOp::BitAnd || op == BinaryOp::BitOr || op == BinaryOp::BitXor))
      return Value::boolean(integerArithmetic(op, a.asInt(), b.asInt(), where).asInt() != 0);
    return integerArithmetic(op, a.asInt(), b.asInt(), where);
  }
  if (a.isNumber() && b.isNumber()) return floatArithmetic(op, a.asFloat(), b.asFloat(), where);
  if (isTensorLike(a) || isTensorLike(b)) {
    // `"..." % tensor` is formatting.
    bool formats = op == BinaryOp::Mod && a.is(ObjectKind::Text);
    auto name = functionOf(op);
    if (!formats && !name.empty()) return callLibrary(name, {a, b}, where);
  }
  return arithmetic(op, a, b, where);
}

Value Interpreter::arithmetic(BinaryOp op, const Value &a, const Value &b, Span where) {
  auto *leftText = a.as<TextObject>();
  auto *rightText = b.as<TextObject>();
  if (op == BinaryOp::Mod && leftText) {
    if (auto *tuple = b.as<TupleObject>())
      for (const auto &item : tuple->items)
        if (item.isPoison()) return item;
    FormatError problem;
    auto text = percentFormat(leftText->text, b, problem);
    if (!text) return fail(problem.code, where, problem.message);
    return checkLength(text->size(), where) ? heap.text(*text) : Value::poison();
  }
  if (op == BinaryOp::Add && leftText && rightText) {
    if (!checkLength(leftText->text.size() + rightText->text.size(), where)) return Value::poison();
    return heap.text(fmt::format("{}{}", leftText->text, rightText->text));
  }
  auto *leftList = a.as<ListObject>();
  auto *rightList = b.as<ListObject>();
  auto *leftTuple = a.as<TupleObject>();
  auto *rightTuple = b.as<TupleObject>();
  if (op == BinaryOp::Add && ((leftList && rightList) || (leftTuple && rightTuple))) {
    auto joined = leftList ? leftList->items : leftTuple->items;
    const auto &more = rightList ? rightList->items : rightTuple->items;
    if (!checkLength(joined.size() + more.size(), where)) return Value::poison();
    joined.insert(joined.end(), more.begin(), more.end());
    return leftList ? heap.list(std::move(joined)) : heap.tuple(std::move(joined));
  }
  if (op == BinaryOp::Mul && (a.isIntegral() || b.isIntegral())) {
    const Value &sequence = a.isIntegral() ? b : a;
    int64_t times = std::max<int64_t>((a.isIntegral() ? a : b).asInt(), 0);
    auto *text = sequence.as<TextObject>();
    auto *list = sequence.as<ListObject>();
    auto *tuple = sequence.as<TupleObject>();
    if (text || list || tuple) {
      uint64_t length = text ? text->text.size() : list ? list->items.size() : tuple->items.size();
      if (length && uint64_t(times) > options.limits.listLength / length) {
        checkLength(options.limits.listLength + 1, where);
        return Value::poison();
      }
      if (!spend(length * times / 16, where)) return Value::poison();
      if (text) {
        std::string out;
        for (int64_t i = 0; i < times; ++i) out += text->text;
        return heap.text(out);
      }
      std::vector<Value> out;
      for (int64_t i = 0; i < times; ++i) {
        const auto &from = list ? list->items : tuple->items;
        out.insert(out.end(), from.begin(), from.end());
      }
      return list ? heap.list(std::move(out)) : heap.tuple(std::move(out));
    }
  }
  // Dimensions known at run time only calculate as integers.
  if ((a.isDimension() || a.isIntegral()) && (b.isDimension() || b.isIntegral())) {
    Dim x = a.asDim(), y = b.asDim();
    if ((op == BinaryOp::FloorDiv || op == BinaryOp::Mod) && y.is(0))
      return fail(Code::Arithmetic, where, "division by zero");
    Dim made = Dim::overflow();
    switch (op) {
    case BinaryOp::Add:
      made = x + y;
      break;
    case BinaryOp::Sub:
      made = x - y;
      break;
    case BinaryOp::Mul:
      made = x * y;
      break;
    case BinaryOp::FloorDiv:
      made = floorDiv(x, y);
      break;
    case BinaryOp::Mod:
      made = mod(x, y);
      break;
    default:
      return fail(Code::WrongType, where,
                  fmt::format("operator {} is not defined on dimensions known at run time only",
                              symbolOf(op)),
                  op == BinaryOp::Div ? "// divides dimensions" : "");
    }
    if (made.isOverflow()) return fail(Code::Arithmetic, where, "the dimension leaves 64 bits");
    return Value::dimension(made);
  }
  // A shape and a list make a shape's list.
  if (op == BinaryOp::Add && (a.is(ObjectKind::TensorShape) || b.is(ObjectKind::TensorShape))) {
    auto left = items(a, where), right = items(b, where);
    if (!left || !right) return Value::poison();
    left->insert(left->end(), right->begin(), right->end());
    return heap.list(std::move(*left));
  }
  return fail(Code::WrongType, where,
              fmt::format("operator {} is not defined on {} and {}", symbolOf(op), typeName(a),
                          typeName(b)));
}

Value Interpreter::unary(UnaryOp op, const Value &operand, Span where) {
  if (operand.isPoison()) return operand;
  switch (op) {
  case UnaryOp::Plus:
    if (operand.isNumber()) return operand.isBool() ? Value::integer(operand.asInt()) : operand;
    if (isTensorLike(operand)) return operand;
    break;
  case UnaryOp::Minus:
    if (operand.isIntegral()) return integerArithmetic(BinaryOp::Sub, 0, operand.asInt(), where);
    if (operand.isFloat()) return Value::number(-operand.asFloat());
    if (operand.isDimension()) return arithmetic(BinaryOp::Mul, operand, Value::integer(-1), where);
    if (isTensorLike(operand)) return callLibrary("__neg__", {operand}, where);
    break;
  case UnaryOp::Invert:
    if (operand.isIntegral()) return Value::integer(~operand.asInt());
    if (isTensorLike(operand)) return callLibrary("__invert__", {operand}, where);
    break;
  case UnaryOp::Not:
    break;
  }
  return fail(Code::WrongType, where,
              fmt::format("operator {} is not defined on {}",
                          op == UnaryOp::Minus  ? "-"
                          : op == UnaryOp::Plus ? "+"
                                                : "~",
                          typeName(operand)));
}

namespace {
/// Less, equal or greater of values that have an order; nullopt: none.
std::optional<int> order(const Value &a, const Value &b, int depth = 0) {
  if (depth > 200) return std::nullopt;
  if (a.isNumber() && b.isNumber()) {
    if (a.isIntegral() && b.isIntegral()) return a.asInt() < b.asInt() ? -1 : a.asInt() > b.asInt();
    // Exact: a long double holds every int.
    long double x = a.isIntegral() ? static_cast<long double>(a.asInt()) : a.asFloat();
    long double y = b.isIntegral() ? static_cast<long double>(b.asInt()) : b.asFloat();
    return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2; // 2: not a number
  }
  if (auto *x = a.as<TextObject>())
    if (auto *y = b.as<TextObject>()) return x->text.compare(y->text) < 0 ? -1 : x->text != y->text;
  const std::vector<Value> *x = nullptr, *y = nullptr;
  if (a.is(ObjectKind::List) && b.is(ObjectKind::List))
    x = &a.as<ListObject>()->items, y = &b.as<ListObject>()->items;
  if (a.is(ObjectKind::Tuple) && b.is(ObjectKind::Tuple))
    x = &a.as<TupleObject>()->items, y = &b.as<TupleObject>()->items;
  if (!x) return std::nullopt;
  for (size_t i = 0; i < std::min(x->size(), y->size()); ++i) {
    if (equal((*x)[i], (*y)[i])) continue;
    return order((*x)[i], (*y)[i], depth + 1);
  }
  return x->size() < y->size() ? -1 : x->size() > y->size();
}

bool identical(const Value &a, const Value &b) {
  if (a.isNone() && b.isDimension()) return true;
  if (a.isDimension() && b.isNone()) return true;
  if (auto *x = a.as<TensorObject>()) {
    auto *y = b.as<TensorObject>();
    return y && x->tensor == y->tensor;
  }
  if (auto *x = a.as<OperationObject>()) {
    auto *y = b.as<OperationObject>();
    // A variable's node is made anew each time it is asked for.
    bool node = x->op->variable && x->op->type == "VariableV2";
    return y && (x->op == y->op ||
                 (node && y->op->type == x->op->type && y->op->variable == x->op->variable));
  }
  if (a.is(ObjectKind::Text) || a.is(ObjectKind::Native) || a.is(ObjectKind::Library) ||
      a.is(ObjectKind::Type) || b.is(ObjectKind::Type))
    return equal(a, b);
  return a.same(b);
}
} // namespace

Value Interpreter::compare(CompareOp op, const Value &a, const Value &b, Span where) {
  if (a.isPoison() || b.isPoison()) return Value::poison();
  switch (op) {
  case CompareOp::Is:
    return Value::boolean(identical(a, b));
  case CompareOp::IsNot:
    return Value::boolean(!identical(a, b));
  case CompareOp::Eq:
    return Value::boolean(equal(a, b));
  case CompareOp::Ne:
    return Value::boolean(!equal(a, b));
  case CompareOp::In:
  case CompareOp::NotIn: {
    bool found = false;
    if (auto *text = b.as<TextObject>()) {
      auto *part = a.as<TextObject>();
      if (!part)
        return fail(Code::WrongType, where,
                    fmt::format("'in' a str wants a str, not {}", typeName(a)));
      found = text->text.find(part->text) != text->text.npos;
    } else if (isTensorLike(b) && !b.is(ObjectKind::Partitioned)) {
      return fail(Code::WrongType, where, "'in' a tensor is not known at compile time");
    } else {
      auto all = items(b, where);
      if (!all) return Value::poison();
      if (!spend(all->size() / 8, where)) return Value::poison();
      found = std::any_of(all->begin(), all->end(), [&](const Value &v) { return equal(v, a); });
      if (!found && std::any_of(all->begin(), all->end(), [](auto &v) { return v.isPoison(); }))
        return Value::poison();
    }
    return Value::boolean(found == (op == CompareOp::In));
  }
  default:
    break;
  }
  if (isTensorLike(a) || isTensorLike(b)) {
    std::string_view name = op == CompareOp::Lt   ? "__lt__"
                            : op == CompareOp::Le ? "__le__"
                            : op == CompareOp::Gt ? "__gt__"
                                                  : "__ge__";
    // TensorFlow reflects a comparison whose left side is no tensor: 1 < x is x > 1.
    if (!isTensorLike(a)) {
      name = op == CompareOp::Lt   ? "__gt__"
             : op == CompareOp::Le ? "__ge__"
             : op == CompareOp::Gt ? "__lt__"
                                   : "__le__";
      return callLibrary(name, {b, a}, where);
    }
    return callLibrary(name, {a, b}, where);
  }
  auto result = order(a, b);
  if (!result) {
    if (a.isDimension() || b.isDimension())
      return fail(Code::WrongType, where,
                  "a dimension known at run time only can't be compared at compile time",
                  "compare it with `is None`");
    return fail(Code::WrongType, where,
                fmt::format("{} and {} have no order", typeName(a), typeName(b)));
  }
  switch (op) {
  case CompareOp::Lt:
    return Value::boolean(*result == -1);
  case CompareOp::Le:
    return Value::boolean(*result == -1 || *result == 0);
  case CompareOp::Gt:
    return Value::boolean(*result == 1);
  default:
    return Value::boolean(*result == 1 || *result == 0);
  }
}

} // namespace graphc
