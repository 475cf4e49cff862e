// W0307. Formulas that are right on paper and give inf or NaN in floating numbers: the logarithm of
// a probability that rounds to 0, exp that overflows, a variance that comes out negative.
#include "lint/rule.h"

namespace graphc {

namespace {

const Operation *input(const Operation &op, size_t i = 0) {
  const Operation *in = i < op.inputs.size() ? op.inputs[i]->op : nullptr;
  while (in && (in->type == "Identity" || in->type == "Reshape") && !in->inputs.empty())
    in = in->inputs[0]->op;
  return in;
}

bool isOne(const Operation *op) {
  const Literal *literal = op ? op->literalAttr("value") : nullptr;
  if (!literal || literal->elements() != 1) return false;
  if (literal->dtype == DType::Float32) return literal->as<float>()[0] == 1;
  if (literal->dtype == DType::Float64) return literal->as<double>()[0] == 1;
  if (literal->dtype == DType::Float16) return literal->as<uint16_t>()[0] == 0x3C00;
  return literal->dtype == DType::BFloat16 && literal->as<uint16_t>()[0] == 0x3F80;
}

bool is(const Operation *op, std::string_view type) { return op && op->type == type; }

/// What is squared: square(x), x * x, x ** 2; else null.
const Tensor *squared(const Operation *op) {
  if (is(op, "Square")) return op->inputs[0];
  if (is(op, "Mul") && op->inputs[0] == op->inputs[1]) return op->inputs[0];
  if (!is(op, "Pow")) return nullptr;
  const Literal *power = op->inputs[1]->op->literalAttr("value");
  bool two = power && power->elements() == 1 && power->dtype == DType::Float32 &&
             power->as<float>()[0] == 2;
  return two ? op->inputs[0] : nullptr;
}

struct Stable {
  std::string_view what, instead;
};

Stable ofLog(const Operation &log) {
  const Operation *of = input(log);
  if (is(of, "Softmax")) return {"log(softmax(x))", "log_softmax(x)"};
  if (is(of, "Sigmoid")) return {"log(sigmoid(x))", "log_sigmoid(x)"};
  if (is(of, "Sub") && isOne(input(*of)) && is(input(*of, 1), "Sigmoid"))
    return {"log(1 - sigmoid(x))", "log_sigmoid(-x)"};
  if (is(of, "Sub") && isOne(input(*of)) && is(input(*of, 1), "Softmax")) return {};
  if (is(of, "Sum") && is(input(*of), "Exp"))
    return {"log(reduce_sum(exp(x)))", "reduce_logsumexp(x)"};
  if (is(of, "Add") || is(of, "AddV2"))
    for (size_t i : {0, 1})
      if (isOne(input(*of, i)) && is(input(*of, 1 - i), "Exp"))
        return {"log(1 + exp(x))", "softplus(x)"};
  return {};
}

/// mean(x²) - mean(x)²
bool isNaiveVariance(const Operation *op) {
  if (!is(op, "Sub")) return false;
  const Operation *first = input(*op), *second = input(*op, 1);
  const Tensor *squaredMean = second ? squared(second) : nullptr;
  if (!is(first, "Mean") || !squaredMean || !is(squaredMean->op, "Mean")) return false;
  const Tensor *x = squared(input(*first));
  return x && x == squaredMean->op->inputs[0];
}

void run(LintContext &lint) {
  forEachOperation(lint.graph.operations, [&](const Operation *op) {
    if (op->name.empty()) return; // a step within a function of the library
    Stable stable;
    std::string_view why = "rounds to log(0) or overflows";
    if (op->type == "Log") stable = ofLog(*op);
    if (op->type == "Log1p" && is(input(*op), "Exp")) stable = {"log1p(exp(x))", "softplus(x)"};
    if (op->type == "Sqrt" && isNaiveVariance(input(*op))) {
      stable = {"sqrt(mean(x²) - mean(x)²)", "sqrt(moments(x, axes)[1])"};
      why = "can come out as the root of a negative number";
    }
    if (stable.what.empty()) return;
    auto &found = lint.report(LintContext::placeOf(*op),
                              fmt::format("{} {} in floating numbers", stable.what, why));
    found.help = fmt::format("use {}", stable.instead);
  });
}

} // namespace

extern const Rule unstable;
const Rule unstable = {.code = "W0307",
                       .name = "unstable",
                       .summary = "a formula that overflows or loses its digits, where a stable "
                                  "operation exists",
                       .run = run};

} // namespace graphc
