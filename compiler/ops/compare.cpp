// Comparison, logic and selection. Inputs broadcast by NumPy's rule.
//
// type                                      inputs         output
// Equal NotEqual                            x y            bool; any one dtype
// Less LessEqual Greater GreaterEqual       x y            bool; numeric
// LogicalAnd LogicalOr                      x y            bool; bool inputs
// LogicalNot                                x              bool; bool input
// Select                                    condition x y  dtype of x; condition is bool. All three
//                                                          broadcast; functions have turned a
//                                                          vector that selects rows into a column
#include "ops/compose.h"
#include "ops/derive.h"
#include "ops/evaluate.h"
#include "ops/tables.h"

#include <cstring>
#include <fmt/format.h>

namespace graphc {

namespace {

bool inferCompare(Infer &infer) {
  Shape shape;
  if (!infer.sameDTypes() || !infer.broadcast(infer.in(0), infer.in(1), shape)) return false;
  infer.output(DType::Bool, shape);
  return true;
}

bool inferOrder(Infer &infer) {
  return infer.needDType(isNumeric(infer.dtype(0)), "a numeric dtype") && inferCompare(infer);
}

bool inferLogical(Infer &infer) {
  for (size_t i = 0; i < infer.inputs.size(); ++i)
    if (!infer.needDType(infer.dtype(i) == DType::Bool, "bool", i)) return false;
  Shape shape = infer.in(0);
  if (infer.inputs.size() == 2 && !infer.broadcast(infer.in(0), infer.in(1), shape)) return false;
  infer.output(DType::Bool, shape);
  return true;
}

bool inferSelect(Infer &infer) {
  Shape values, shape;
  if (!infer.needDType(infer.dtype(0) == DType::Bool, "a bool condition")) return false;
  if (!infer.sameDTypes(1) || !infer.broadcast(infer.in(1), infer.in(2), values) ||
      !infer.broadcast(infer.in(0), values, shape))
    return false;
  infer.output(infer.dtype(1), shape);
  return true;
}

struct EqualFn {
  bool operator()(auto a, auto b) const { return a == b; }
};
struct NotEqualFn {
  bool operator()(auto a, auto b) const { return a != b; }
};
struct LessFn {
  bool operator()(auto a, auto b) const { return a < b; }
};
struct LessEqualFn {
  bool operator()(auto a, auto b) const { return a <= b; }
};
struct GreaterFn {
  bool operator()(auto a, auto b) const { return a > b; }
};
struct GreaterEqualFn {
  bool operator()(auto a, auto b) const { return a >= b; }
};
struct AndFn {
  bool operator()(auto a, auto b) const { return a != 0 && b != 0; }
};
struct OrFn {
  bool operator()(auto a, auto b) const { return a != 0 || b != 0; }
};
struct NotFn {
  bool operator()(auto a) const { return a == 0; }
};

bool evaluateSelect(Evaluate &e) {
  Array &out = e.outputs[0];
  std::vector<int64_t> at[3];
  for (size_t k = 0; k < 3; ++k) at[k] = broadcastIndex(e.inputs[k]->dims, out.dims);
  auto size = size_t(dtypeSize(out.dtype));
  for (size_t i = 0; i < at[0].size(); ++i) {
    size_t from = e.inputs[0]->integer(at[0][i]) ? 1 : 2;
    std::memcpy(out.bytes.data() + i * size,
                e.inputs[from]->bytes.data() + size_t(at[from][i]) * size, size);
  }
  return true;
}

void selectGradient(Derive &d) {
  Tensor *zero = d.number(0);
  d.to(1, d.select(d.x(0), d.g(), zero));
  d.to(2, d.select(d.x(0), zero, d.g()));
}

constexpr OpDef ops[] = {
    {.type = "Equal",
     .infer = inferCompare,
     .evaluate = evaluateBinary<EqualFn>,
     .elementwise = true,
     .anyRank = true},
    {.type = "NotEqual",
     .infer = inferCompare,
     .evaluate = evaluateBinary<NotEqualFn>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Less",
     .infer = inferOrder,
     .evaluate = evaluateBinary<LessFn>,
     .elementwise = true,
     .anyRank = true},
    {.type = "LessEqual",
     .infer = inferOrder,
     .evaluate = evaluateBinary<LessEqualFn>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Greater",
     .infer = inferOrder,
     .evaluate = evaluateBinary<GreaterFn>,
     .elementwise = true,
     .anyRank = true},
    {.type = "GreaterEqual",
     .infer = inferOrder,
     .evaluate = evaluateBinary<GreaterEqualFn>,
     .elementwise = true,
     .anyRank = true},
    {.type = "LogicalAnd",
     .infer = inferLogical,
     .evaluate = evaluateBinary<AndFn>,
     .elementwise = true,
     .anyRank = true},
    {.type = "LogicalOr",
     .infer = inferLogical,
     .evaluate = evaluateBinary<OrFn>,
     .elementwise = true,
     .anyRank = true},
    {.type = "LogicalNot",
     .infer = inferLogical,
     .evaluate = evaluateUnary<NotFn>,
     .elementwise = true,
     .anyRank = true},
    {.type = "Select",
     .infer = inferSelect,
     .evaluate = evaluateSelect,
     .gradient = deriveBy<selectGradient>,
     .elementwise = true,
     .anyRank = true},
};

// Functions -----------------------------------------------------------------------------------

// x xor y = (x or y) and not (x and y), as TensorFlow composes it.
Tensor *buildXor(Call &call) {
  Tensor *x = call.tensor("x"), *y = call.tensor("y");
  Tensor *either = call.op("LogicalOr", {x, y});
  if (!either) return nullptr;
  Tensor *notBoth = call.op("LogicalNot", {call.op("LogicalAnd", {x, y})});
  return call.named("LogicalAnd", {either, notBoth});
}

/// Whether a vector condition selects whole rows of x and y, which have one shape.
bool selectsRows(Shape condition, Shape x, Shape y) {
  if (!condition.hasRank() || condition.rank() != 1 || !x.hasRank() || x.rank() < 2) return false;
  if (!y.hasRank() || y.rank() != x.rank()) return false;
  // Dimensions that may turn out to be equal are taken as such, and checked when run.
  auto mayEqual = [](Dim a, Dim b) { return a == b || !(a - b).isStatic(); };
  for (int i = 0; i < x.rank(); ++i)
    if (!mayEqual(x[i], y[i])) return false;
  return mayEqual(condition[0], x[0]);
}

Tensor *buildSelect(Call &call) {
  Tensor *condition = call.tensor("condition");
  if (!call.given("x") || !call.given("y"))
    return call.fail(Code::WrongType,
                     "where of a condition alone gives a tensor whose shape depends on data, "
                     "which compiled code can't hold; give x and y",
                     call.given("x")   ? "x"
                     : call.given("y") ? "y"
                                       : "condition");
  Tensor *x = call.tensor("x"), *y = call.tensor("y");
  if (selectsRows(condition->shape, x->shape, y->shape)) {
    std::vector<Dim> dims(size_t(x->shape.rank()), Dim(1));
    dims[0] = condition->shape[0];
    condition = reshapeTo(call, condition, dims);
  }
  return call.named("Select", {condition, x, y});
}

#define BROADCAST "\nThe shapes broadcast as NumPy's do; the result is bool."

constexpr FunctionDef functions[] = {
    {"equal(x: T, y: T)", "Equal", "Equal",
     "Whether elements are equal." BROADCAST
     "\nAny dtype. NaN equals nothing. `x == y` is another question: "
     "whether both are the same tensor."},
    {"not_equal(x: T, y: T)", "NotEqual", "NotEqual",
     "Whether elements differ." BROADCAST "\nAny dtype. NaN differs from everything."},
    {"less(x: T, y: T)", "Less", "Less",
     "Whether x < y." BROADCAST "\nAny numeric dtype. False where either is NaN.", nullptr,
     "__lt__"},
    {"less_equal(x: T, y: T)", "LessEqual", "LessEqual",
     "Whether x <= y." BROADCAST "\nAny numeric dtype. False where either is NaN.", nullptr,
     "__le__"},
    {"greater(x: T, y: T)", "Greater", "Greater",
     "Whether x > y." BROADCAST "\nAny numeric dtype. False where either is NaN.", nullptr,
     "__gt__"},
    {"greater_equal(x: T, y: T)", "GreaterEqual", "GreaterEqual",
     "Whether x >= y." BROADCAST "\nAny numeric dtype. False where either is NaN.", nullptr,
     "__ge__"},
    {"logical_and(x: T, y: T)", "LogicalAnd", "LogicalAnd",
     "Whether both hold." BROADCAST "\nBoth inputs are bool."},
    {"__and__(x: T, y: T)", "and", "LogicalAnd", "The operator `x & y` of bools." BROADCAST},
    {"logical_or(x: T, y: T)", "LogicalOr", "LogicalOr",
     "Whether either holds." BROADCAST "\nBoth inputs are bool."},
    {"__or__(x: T, y: T)", "or", "LogicalOr", "The operator `x | y` of bools." BROADCAST},
    {"logical_xor(x: T, y: T)", "LogicalXor", "LogicalAnd",
     "Whether one holds and the other doesn't." BROADCAST "\nBoth inputs are bool.", buildXor},
    {"__xor__(x: T, y: T)", "xor", "LogicalAnd", "The operator `x ^ y` of bools." BROADCAST,
     buildXor},
    {"logical_not(x: T)", "LogicalNot", "LogicalNot",
     "Whether x doesn't hold.\nA bool of x's shape.", nullptr, "__invert__"},
    {"where(condition: tensor, x: T? = None, y: T? = None)", "Select", "Select",
     "Takes from x where the condition holds, else from y.\nThe three shapes are equal; or the "
     "condition is a vector that selects rows of x and y, which have equal shapes; else the "
     "shapes broadcast as NumPy's do.\nThe condition is bool; x and y have one dtype, any.",
     buildSelect, "select"},
};

} // namespace

std::span<const OpDef> compareOps() { return ops; }
std::span<const FunctionDef> compareFunctions() { return functions; }

} // namespace graphc
