// The gradient of Scan.
#include "ops/body.h"
#include "ops/derive.h"
#include "ops/gradient.h"

#include <fmt/format.h>

namespace graphc {

namespace {
/// Why the steps can't be differentiated; reported.
bool failInside(OpBuilder &builder, const Gradients &gradients) {
  if (gradients.failure == Gradients::None) return true;
  if (!gradients.at) return false; // reported
  const auto &at = *gradients.at;
  builder.fail(
      Code::NoGradient,
      fmt::format("{} within a loop has no gradient{}",
                  at.name.empty() ? fmt::format("the operation {}", at.type)
                                  : fmt::format("the operation '{}' ({})", at.name, at.type),
                  gradients.failure == Gradients::UnknownRank ? ": it needs shapes of known rank"
                                                              : ""));
  return false;
}
} // namespace

bool scanGradient(OpBuilder &builder, const Operation &op, std::span<Tensor *const> dy,
                  std::span<Tensor *> dx) {
  ScanParts parts(op);
  auto *mutableOp = const_cast<Operation *>(&op);
  // What is carried back: the derivatives of the carried values, and the sums for what is captured.
  std::vector<Tensor *> initial;
  std::vector<size_t> carriedBack, summed;
  auto carry = [&](Tensor *first) {
    initial.push_back(first);
    return first != nullptr;
  };
  for (size_t i = 0; i < parts.carried; ++i) {
    if (!isFloating(parts.initial(i)->dtype)) continue;
    carriedBack.push_back(i);
    Tensor *last = dy[parts.lastAt(i)];
    if (!carry(last ? last : filled(builder, parts.initial(i), 0))) return false;
  }
  for (size_t i = 0; i < parts.captured; ++i) {
    const Tensor *captured = parts.capture(i);
    if (!isFloating(captured->dtype) || !captured->shape.hasRank()) continue;
    summed.push_back(i);
    if (!carry(filled(builder, captured, 0))) return false;
  }
  // The elements: what was carried before each step, the elements then, and what comes from
  // outside.
  std::vector<Tensor *> elements;
  for (size_t i = 0; i < parts.carried; ++i)
    elements.push_back(mutableOp->output(parts.beforeAt(i)));
  for (size_t i = 0; i < parts.elements; ++i) elements.push_back(parts.element(i));
  std::vector<size_t> stacked; // where something comes from
  std::vector<size_t> beforeElement(parts.carried, 0);
  for (size_t i = 0; i < parts.stacked; ++i)
    if (dy[parts.stackedAt(i)]) {
      stacked.push_back(i);
      elements.push_back(dy[parts.stackedAt(i)]);
    }
  for (size_t i = 0; i < parts.carried; ++i)
    if (dy[parts.beforeAt(i)]) {
      beforeElement[i] = elements.size();
      elements.push_back(dy[parts.beforeAt(i)]);
    }
  size_t firstStacked = parts.carried + parts.elements;
  // Results that are dear are kept rather than computed once more.
  std::vector<Tensor *> dear;
  size_t firstDear = elements.size();
  for (auto *inner : op.body->operations)
    if (isDear(*inner)) {
      dear.push_back(inner->output());
      elements.push_back(
          mutableOp->output(parts.stackedAt(stackToo(builder.graph, *mutableOp, inner->output()))));
    }

  ScanMaker scan(builder, initial, elements, parts.steps(), !parts.reverse());
  if (!scan.isOpen()) return false;
  auto &graph = builder.graph;
  // The step once more.
  std::unordered_map<const Tensor *, Tensor *> as;
  as[op.body->parameters[0]->output()] = scan.place();
  for (size_t i = 0; i < parts.carried; ++i)
    as[parts.carriedParameter(i)->output()] = scan.element(i);
  for (size_t i = 0; i < parts.elements; ++i)
    as[parts.elementParameter(i)->output()] = scan.element(parts.carried + i);
  for (size_t i = 0; i < parts.captured; ++i)
    as[parts.capturedParameter(i)->output()] = visible(graph, parts.capture(i));
  copyOperations(graph, *op.body, as);

  std::vector<Tensor *> ys, gradYs;
  for (size_t k = 0; k < carriedBack.size(); ++k) {
    ys.push_back(as.at(parts.next(carriedBack[k])));
    gradYs.push_back(scan.carried(k));
  }
  for (size_t k = 0; k < stacked.size(); ++k) {
    ys.push_back(as.at(parts.give(stacked[k])));
    gradYs.push_back(scan.element(firstStacked + k));
  }
  std::vector<GradientTarget> xs;
  std::vector<size_t> floatElements;
  for (size_t i : carriedBack) xs.emplace_back(scan.element(i));
  for (size_t i : summed) xs.emplace_back(as.at(parts.capturedParameter(i)->output()));
  for (size_t i = 0; i < parts.elements; ++i)
    if (isFloating(parts.element(i)->dtype)) {
      floatElements.push_back(i);
      xs.emplace_back(scan.element(parts.carried + i));
    }
  auto gradients = differentiate(builder, {ys, xs, gradYs, {}, UINT64_MAX});
  if (!failInside(builder, gradients)) return false;

  std::vector<Tensor *> next, given;
  size_t at = 0;
  auto sum = [&](Tensor *a, Tensor *b) { return a && b ? builder.op("Add", {a, b}) : a ? a : b; };
  for (size_t i : carriedBack) {
    Tensor *from = beforeElement[i] ? scan.element(beforeElement[i]) : nullptr;
    Tensor *all = sum(gradients.of[at++], from);
    if (!all) all = filled(builder, parts.initial(i), 0);
    if (!all) return false;
    next.push_back(all);
  }
  std::vector<bool> flows;
  for (size_t k = 0; k < summed.size(); ++k) {
    Tensor *comes = gradients.of[at++];
    flows.push_back(comes != nullptr);
    next.push_back(sum(scan.carried(carriedBack.size() + k), comes));
    if (!next.back()) return false;
  }
  std::vector<size_t> elementsBack;
  for (size_t i : floatElements) {
    Tensor *comes = gradients.of[at++];
    if (!comes) continue;
    elementsBack.push_back(i);
    given.push_back(comes);
  }
  for (size_t k = 0; k < dear.size(); ++k) {
    Tensor *again = as.at(dear[k]), *kept = scan.element(firstDear + k);
    auto replace = [&](Tensor *&tensor) {
      if (tensor == again) tensor = kept;
    };
    for (auto *inner : graph.operations)
      for (auto *&input : inner->inputs) replace(input);
    for (auto *&tensor : next) replace(tensor);
    for (auto *&tensor : given) replace(tensor);
  }
  auto *made = scan.finish("", next, given);
  if (!made) return false;
  for (size_t k = 0; k < carriedBack.size(); ++k) dx[carriedBack[k]] = made->output(k);
  for (size_t k = 0; k < elementsBack.size(); ++k)
    dx[parts.carried + elementsBack[k]] = made->output(2 * next.size() + k);
  for (size_t k = 0; k < summed.size(); ++k)
    if (flows[k])
      dx[parts.carried + parts.elements + summed[k]] = made->output(carriedBack.size() + k);
  return true;
}

} // namespace graphc
