// W0306. A cross-entropy that takes logits applies softmax (or sigmoid) itself. Fed with
// probabilities it trains all the same, slowly and to a worse end, and nothing complains.
#include "lint/rule.h"

namespace graphc {

namespace {

bool isPassedThrough(const Operation &op) {
  return op.type == "Identity" || op.type == "Reshape" || op.type == "Squeeze" ||
         op.type == "ExpandDims";
}

void run(LintContext &lint) {
  for (const auto &entropy : lint.trace.crossEntropies) {
    const Operation *op = lint.maker(*entropy.logits);
    while (isPassedThrough(*op) && !op->inputs.empty()) op = lint.maker(*op->inputs[0]);
    if (op->type != "Softmax" && op->type != "Sigmoid") continue;
    std::string_view name = op->type == "Softmax" ? "softmax" : "sigmoid";
    auto &found =
        lint.report(entropy.place, fmt::format("{} takes logits, but is given the result of {}",
                                               entropy.function, name));
    found.notes.push_back(
        {fmt::format("{} is applied here", name), lint.userPlace(LintContext::placeOf(*op))});
    found.help = fmt::format("give it what {} is given", name);
  }
}

} // namespace

extern const Rule doubleSoftmax;
const Rule doubleSoftmax = {.code = "W0306",
                            .name = "double-softmax",
                            .summary = "probabilities given to a cross-entropy that takes logits",
                            .run = run};

} // namespace graphc
