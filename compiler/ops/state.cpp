// Reading and writing variables.
//
//   type          inputs  attributes            output
//   ReadVariable          dtype, shape dims     the value
//   Assign        value   dtype, shape dims     the new value: `value`
//   AssignAdd     value   dtype, shape dims     the new value: old + `value`
//   AssignSub     value   dtype, shape dims     the new value: old - `value`
//
// `Operation::variable` is what they read or write; dtype and shape are the variable's. Which value
// a read sees, and which one AssignAdd adds to, is said in ops/order.h.
#include "ops/body.h"
#include "ops/cost.h"
#include "ops/effects.h"
#include "ops/gradient.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <cassert>

namespace graphc {

namespace {
Shape variableShape(Infer &i) {
  auto dims = i.dimsAttr("shape");
  return i.shape({dims.begin(), dims.end()});
}

bool inferRead(Infer &i) {
  i.output(i.typeAttr("dtype"), variableShape(i));
  return true;
}

bool inferAssign(Infer &i) {
  DType dtype = i.typeAttr("dtype");
  Shape shape = variableShape(i), value = i.in(0);
  if (i.dtype(0) != dtype)
    return i.fail(Code::OperandDTypes,
                  fmt::format("cannot assign a value of dtype {} to a variable of dtype {}",
                              dtypeName(i.dtype(0)), dtypeName(dtype)),
                  0);
  if (!needKnownRank(i)) return false;
  auto message = fmt::format("cannot assign a value of shape {} to a variable of shape {}",
                             toString(value), toString(shape));
  if (value.rank() != shape.rank()) return i.fail(Code::OperandShapes, message, 0);
  for (int a = 0; a < shape.rank(); ++a)
    if (!needEqual(i, value[a], shape[a], message,
                   fmt::format("dimension {} of the value {} and of the variable {}", a,
                               toString(value), toString(shape)),
                   0))
      return false;
  i.output(dtype, shape);
  return true;
}

bool inferArithmeticAssign(Infer &i) {
  if (i.typeAttr("dtype") == DType::Bool)
    return i.fail(Code::OperandDTypes, "a bool variable cannot be added to", 0);
  return inferAssign(i);
}

/// The variable is read and written; the value given is read.
void arithmeticAssignCost(const Operation &op, Cost &cost) {
  cost.flops = op.output()->shape.elements();
  cost.bytes = cost.bytes + bytesOf(*op.output());
}

constexpr OpDef ops[] = {
    {.type = "ReadVariable", .infer = inferRead, .stateful = true, .cost = costsNothing},
    {.type = "Assign",
     .infer = inferAssign,
     .gradient = noGradient,
     .stateful = true,
     .anyRank = true},
    {.type = "AssignAdd",
     .infer = inferArithmeticAssign,
     .gradient = noGradient,
     .stateful = true,
     .anyRank = true,
     .cost = arithmeticAssignCost},
    {.type = "AssignSub",
     .infer = inferArithmeticAssign,
     .gradient = noGradient,
     .stateful = true,
     .anyRank = true,
     .cost = arithmeticAssignCost},
};

Tensor *onVariable(OpBuilder &builder, std::string_view type, std::string_view name,
                   Variable *variable, std::span<Tensor *const> inputs) {
  const OpDef *def = findOp(type);
  assert(def && "no such operation in the tables");
  Attr attrs[] = {typeAttr("dtype", variable->dtype), dimsAttr("shape", variable->shape.dims())};
  auto *op = builder.make(*def, name, inputs, attrs);
  if (!op) return nullptr;
  op->variable = variable;
  return op->output();
}
} // namespace

Tensor *readVariable(OpBuilder &builder, Variable *variable, std::string_view name) {
  // No body updates variables: one read serves all steps.
  OutsideBodies outside(builder.graph);
  return onVariable(builder, "ReadVariable", name, variable, {});
}

Tensor *updateVariable(OpBuilder &builder, std::string_view type, std::string_view name,
                       Variable *variable, Tensor *value) {
  if (!builder.graph.open.empty())
    return builder.fail(Code::WrongType,
                        fmt::format("the function of a loop can't update variables, as it does {}; "
                                    "carry the value from step to step and assign the last one",
                                    variable->opName));
  Tensor *made = onVariable(builder, type, name, variable, {&value, 1});
  if (made) ++builder.graph.updatesMade;
  return made;
}

std::span<const OpDef> stateOps() { return ops; }
std::span<const FunctionDef> stateFunctions() { return {}; }

} // namespace graphc
