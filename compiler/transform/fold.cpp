// Computes what depends on constants alone, with the operations' reference evaluations, and what is
// known as dimensions. Large results and expensive operations are left to the generated code:
// constants should make it neither larger nor slower to make.
#include "ops/interpret.h"
#include "transform/passes.h"
#include "transform/rewrite.h"

#include <algorithm>

namespace graphc {

namespace {
/// A result of more bytes is kept only if it is no larger than what it is made of.
constexpr int64_t maxBytes = 64 << 10;
/// Elements in and out, multiplied: what a matrix product of constants costs at most.
constexpr int64_t maxWork = int64_t(1) << 28;

bool staticAttrs(const Operation &op) {
  return std::all_of(op.attrs.begin(), op.attrs.end(), [](const Attr &attr) {
    return attr.kind != Attr::Dims ||
           std::all_of(attr.dims.begin(), attr.dims.end(), [](Dim d) { return d.isStatic(); });
  });
}

/// Bytes of a static shape; nullopt where it isn't one.
std::optional<int64_t> bytesOf(const Tensor &tensor) {
  if (!tensor.shape.isStatic()) return std::nullopt;
  Dim bytes = tensor.shape.elements() * Dim(dtypeSize(tensor.dtype));
  return bytes.isOverflow() ? std::nullopt : std::optional(bytes.value);
}

bool worthFolding(const Operation &op) {
  if (op.def->stateful || !op.def->evaluate || !op.controlInputs.empty() || !op.checks.empty())
    return false;
  // These say shortly what as a constant would be long.
  if (op.type == "Const" || op.type == "Fill" || op.outputs.empty() || !staticAttrs(op))
    return false;
  if (op.inputs.empty() && op.type != "Dims") return false;
  int64_t in = 0, out = 0;
  for (const auto *input : op.inputs) {
    const auto *literal = constantOf(input);
    if (!literal) return false;
    in += int64_t(literal->bytes.size());
  }
  for (const auto &output : op.outputs) {
    auto bytes = bytesOf(output);
    if (!bytes || *bytes > std::max(maxBytes, in)) return false;
    out += *bytes;
  }
  if (out > std::max(maxBytes, in)) return false;
  return op.def->elementwise || (in / 4 + 1) <= maxWork / (out / 4 + 1);
}

int64_t noSymbol(const DimSymbol &) { return 0; }

/// The operation's outputs as constants; empty where its evaluation fails, which it then does
/// whenever it runs.
std::vector<Tensor *> evaluated(Rewriter &rewriter, Operation *op) {
  std::vector<Array> inputs, outputs;
  for (const auto *input : op->inputs) inputs.push_back(arrayOf(*constantOf(input)));
  std::vector<const Array *> pointers;
  for (const auto &input : inputs) pointers.push_back(&input);
  std::string error;
  if (!evaluateOperation(*op, pointers, noSymbol, outputs, error)) return {};
  auto builder = rewriter.builderAt(*op);
  std::vector<Tensor *> by;
  for (const auto &output : outputs)
    by.push_back(builder.constant(literalOf(rewriter.graph, output)));
  return by;
}

/// The one output's contents are known as dimensions.
Tensor *asDims(Rewriter &rewriter, Operation *op) {
  const auto *value = op->outputs[0].value;
  auto builder = rewriter.builderAt(*op);
  return builder.op("Dims", {},
                    {dimsAttr("value", value->elements), typeAttr("dtype", op->outputs[0].dtype),
                     boolAttr("scalar", value->scalar)});
}
} // namespace

bool fold(Graph &graph) {
  Rewriter rewriter(graph);
  Effects effects;
  return rewriter.run([&](Operation *op) {
    if (worthFolding(*op)) {
      auto by = evaluated(rewriter, op);
      if (!by.empty()) return rewriter.replace(op, by);
    }
    effects.see(op);
    bool known = op->outputs.size() == 1 && op->outputs[0].value && op->def->evaluate &&
                 op->type != "Const" && op->type != "Dims" && op->controlInputs.empty() &&
                 !effects.of(op);
    if (!known) return false;
    Tensor *by = asDims(rewriter, op);
    if (!by || !interchangeable(op->outputs[0], *by)) return false;
    // All known now: a constant.
    if (worthFolding(*by->op)) {
      auto constant = evaluated(rewriter, by->op);
      if (!constant.empty()) return rewriter.replace(op, constant);
    }
    return rewriter.replace(op, by);
  });
}

} // namespace graphc
