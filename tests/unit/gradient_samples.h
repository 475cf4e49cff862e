// Operations with inputs made up, whose gradients are compared with central differences in float64
// of the reference evaluations.
#pragma once

#include "ops/gradient.h"
#include "ops_harness.h"

#include <algorithm>
#include <random>

namespace graphc {

enum class Data {
  Any,      // away from 0, where many functions have a corner
  Positive, // in [0.5, 2]
  Unit,     // in (-0.9, 0.9), away from 0
  Distinct, // apart from one another
  AboveOne, // in [1.5, 3]
};

class Samples : public OpsHarness {
public:
  Samples(std::string_view type, bool atRunTime) : type_(type) { runTime = atRunTime; }

  Tensor *in(const Sizes &sizes, Data data = Data::Any) {
    int64_t n = 1;
    for (int64_t size : sizes) n *= size;
    std::vector<double> numbers;
    for (int64_t k = 0; k < n; ++k) numbers.push_back(number(data, k));
    if (data == Data::Distinct) std::shuffle(numbers.begin(), numbers.end(), random_);
    return given(DType::Float64, sizes, numbers);
  }
  /// Integers in [0, limit), of which some come twice.
  Tensor *index(const Sizes &sizes, int64_t limit) {
    int64_t n = 1;
    for (int64_t size : sizes) n *= size;
    std::vector<double> numbers;
    for (int64_t k = 0; k < n; ++k)
      numbers.push_back(double(std::uniform_int_distribution<int64_t>(0, limit - 1)(random_)));
    return given(DType::Int32, sizes, numbers);
  }
  /// Rows of several indices, of whose number the operation must know: the last dimension.
  Tensor *places(const Sizes &sizes, int64_t limit) {
    Tensor *numbers = index(sizes, limit);
    auto dims = ds(sizes);
    dims.back() = Dim(sizes.back());
    Tensor *made = placeholder(DType::Int32, dims);
    given_[made] = given_.at(numbers);
    return made;
  }
  Tensor *flags(const Sizes &sizes) {
    Tensor *numbers = index(sizes, 2);
    Array flags;
    flags.reset(DType::Bool, sizes);
    for (int64_t k = 0; k < flags.elements(); ++k)
      flags.setInteger(k, given_.at(numbers).integer(k));
    Tensor *made = placeholder(DType::Bool, ds(sizes));
    given_[made] = flags;
    return made;
  }
  Tensor *given(DType dtype, const Sizes &sizes, const std::vector<double> &numbers) {
    Tensor *made = placeholder(dtype, ds(sizes));
    given_[made] = array(dtype, numbers, made->shape);
    return made;
  }

  /// A sample: its gradient is checked at once. `order`: how many times it is differentiated.
  void add(const std::vector<Tensor *> &inputs, const std::vector<Attr> &attrs = {},
           int order = 2) {
    auto b = builder();
    auto *op = b.make(*findOp(type_), *takeName(type_), inputs, attrs);
    ASSERT_TRUE(op) << type_ << ": " << (errors.empty() ? "" : errors.back());
    ++count_;
    std::vector<Tensor *> ys, xs;
    for (auto &output : op->outputs)
      if (isFloating(output.dtype)) ys.push_back(&output);
    for (auto *input : inputs)
      if (isFloating(input->dtype) && given_.contains(input) &&
          std::find(xs.begin(), xs.end(), input) == xs.end())
        xs.push_back(input);
    check(ys, xs, order,
          std::string(type_) + " sample " + std::to_string(count_) +
              (runTime ? ", run-time dimensions" : ""));
  }
  int count() const { return count_; }
  /// An operand that follows from others.
  Tensor *computed(std::string_view type, const std::vector<Tensor *> &inputs,
                   const std::vector<Attr> &attrs) {
    auto *op = builder().make(*findOp(type), "computed", inputs, attrs);
    return op ? op->output() : nullptr;
  }

private:
  double number(Data data, int64_t k) {
    auto uniform = [&](double low, double high) {
      return std::uniform_real_distribution<double>(low, high)(random_);
    };
    double sign = uniform(0, 1) < 0.5 ? -1 : 1;
    switch (data) {
    case Data::Positive:
      return uniform(0.5, 2);
    case Data::AboveOne:
      return uniform(1.5, 3);
    case Data::Unit:
      return sign * uniform(0.1, 0.9);
    case Data::Distinct:
      return 0.3 * double(k) - 1.1 + uniform(0, 0.1);
    case Data::Any:
      break;
    }
    return sign * uniform(0.1, 2.5);
  }

  void check(const std::vector<Tensor *> &ys, std::vector<Tensor *> xs, int order,
             const std::string &what) {
    std::vector<Tensor *> gradYs;
    for (auto *y : ys) {
      std::vector<double> numbers;
      int64_t n = 1;
      for (int64_t size : known(y->shape)) n *= size;
      for (int64_t k = 0; k < n; ++k) numbers.push_back(number(Data::Any, k));
      Tensor *made = placeholder(DType::Float64, {y->shape.begin(), y->shape.end()});
      given_[made] = array(DType::Float64, numbers, made->shape);
      gradYs.push_back(made);
    }
    auto b = builder();
    std::vector<GradientTarget> targets(xs.begin(), xs.end());
    auto gradients = differentiate(b, {ys, targets, gradYs, {}});
    ASSERT_EQ(gradients.failure, Gradients::None)
        << what << ": " << (gradients.at ? gradients.at->type : "");
    ASSERT_TRUE(errors.empty()) << what << ": " << errors.back();
    std::vector<Tensor *> made;
    for (size_t i = 0; i < xs.size(); ++i) {
      Tensor *grad = gradients.of[i];
      auto want = differences(ys, gradYs, xs[i]);
      if (!grad) {
        for (double slope : want) EXPECT_NEAR(slope, 0, 1e-6) << what << ": none by input " << i;
        continue;
      }
      made.push_back(grad);
      ASSERT_EQ(grad->dtype, DType::Float64) << what;
      ASSERT_EQ(known(grad->shape), known(xs[i]->shape)) << what << " by input " << i;
      values = given_;
      SCOPED_TRACE(what + " by input " + std::to_string(i) + ", derivatives left " +
                   std::to_string(order));
      expectNear(numbers(grad), want, 2e-6);
      EXPECT_TRUE(runError.empty()) << runError;
    }
    if (order <= 1 || made.empty() || testing::Test::HasFailure()) return;
    xs.insert(xs.end(), gradYs.begin(), gradYs.end());
    check(made, xs, order - 1, what + ", twice");
  }

  double total(const std::vector<Tensor *> &ys, const std::vector<Tensor *> &gradYs) {
    values = given_;
    double sum = 0;
    for (size_t k = 0; k < ys.size(); ++k) {
      auto y = numbers(ys[k]), weight = numbers(gradYs[k]);
      for (size_t i = 0; i < y.size(); ++i) sum += y[i] * weight[i];
    }
    return sum;
  }

  std::vector<double> differences(const std::vector<Tensor *> &ys,
                                  const std::vector<Tensor *> &gradYs, Tensor *x) {
    std::vector<double> slopes;
    for (int64_t k = 0; k < given_.at(x).elements(); ++k) {
      double at = given_.at(x).number(k), step = 1e-5 * std::max(1.0, std::fabs(at));
      given_.at(x).setNumber(k, at + step);
      double above = total(ys, gradYs);
      given_.at(x).setNumber(k, at - step);
      double below = total(ys, gradYs);
      given_.at(x).setNumber(k, at);
      slopes.push_back((above - below) / (2 * step));
    }
    return slopes;
  }

  std::string_view type_;
  int count_ = 0;
  std::mt19937_64 random_{7};
  std::map<const Tensor *, Array> given_;
};

} // namespace graphc
