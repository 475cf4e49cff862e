// Operations that are there for what they wait for.
//
//   type   inputs  attributes  outputs
//   NoOp                       none: has run when its control inputs have
#include "ops/effects.h"
#include "ops/tables.h"

#include <algorithm>

namespace graphc {

namespace {
bool inferNoOp(Infer &) { return true; }
bool evaluateNoOp(Evaluate &) { return true; }

constexpr OpDef ops[] = {
    {.type = "NoOp", .infer = inferNoOp, .evaluate = evaluateNoOp, .stateful = true},
};

constexpr FunctionDef functions[] = {
    {.signature = "no_op()",
     .defaultName = "NoOp",
     .op = "NoOp",
     .doc = "An operation that does nothing but wait for what `control_dependencies` names.",
     .result = FunctionDef::Effect},
};
} // namespace

Operation *makeNoOp(OpBuilder &builder, std::string_view name, std::span<Operation *const> after) {
  auto *op = builder.make(*findOp("NoOp"), name, {}, {});
  if (!op) return nullptr;
  std::vector<Operation *> all(op->controlInputs.begin(), op->controlInputs.end());
  for (auto *before : after)
    if (before->within == op->within && std::find(all.begin(), all.end(), before) == all.end())
      all.push_back(before);
  op->controlInputs = builder.graph.arena.copy(all);
  return op;
}

std::span<const OpDef> controlOps() { return ops; }
std::span<const FunctionDef> controlFunctions() { return functions; }

} // namespace graphc
