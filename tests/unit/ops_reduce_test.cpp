// Reductions, softmax, cross-entropies and norms.
#include "ops_harness.h"

#include <limits>

namespace graphc {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using V = std::vector<double>;

struct Reduce : OpsTest {
  Tensor *reduce(std::string_view name, Tensor *x, std::vector<Dim> axes, bool keepdims = false) {
    return call(name, {{"input_tensor", x}, {"axis", axes}, {"keepdims", keepdims}});
  }
};

TEST_F(Reduce, AxesAndShapes) {
  Tensor *x = of({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, {2, 3, 2});
  EXPECT_EQ(numbers(call("reduce_sum", x)), V{78});
  EXPECT_EQ(numbers(reduce("reduce_sum", x, {0})), (V{8, 10, 12, 14, 16, 18}));
  EXPECT_EQ(numbers(reduce("reduce_sum", x, {1})), (V{9, 12, 27, 30}));
  EXPECT_EQ(numbers(reduce("reduce_sum", x, {-1})), (V{3, 7, 11, 15, 19, 23}));
  EXPECT_EQ(numbers(reduce("reduce_sum", x, {2, 0})), (V{18, 26, 34}));
  EXPECT_EQ(numbers(reduce("reduce_sum", x, {})), numbers(x));
  EXPECT_EQ(toString(reduce("reduce_sum", x, {1}, true)->shape), "(2, 1, 2)");
  EXPECT_EQ(toString(reduce("reduce_sum", x, {0, 2})->shape), "(3,)");
  Tensor *old =
      call("reduce_mean", {{"input_tensor", x}, {"reduction_indices", 1}, {"keep_dims", true}});
  EXPECT_EQ(toString(old->shape), "(2, 1, 2)");
  auto axes = old->op->intsAttr("axes");
  EXPECT_EQ(std::vector<int64_t>(axes.begin(), axes.end()), std::vector<int64_t>{1});
  EXPECT_EQ(toString(reduce("reduce_max", placeholder(DType::Float32, {dim("N"), 3}), {1})->shape),
            "(N,)");
  EXPECT_EQ(toString(call("reduce_sum", unknownRank(DType::Float32))->shape), "<unknown>");
}

TEST_F(Reduce, Kinds) {
  Tensor *x = of({3, -1, 4, -1, 5, 9}, {2, 3});
  expectNear(numbers(reduce("reduce_mean", x, {1})), {2, 4.3333333}, 1e-6);
  EXPECT_EQ(numbers(reduce("reduce_max", x, {1})), (V{4, 9}));
  EXPECT_EQ(numbers(reduce("reduce_min", x, {1})), (V{-1, -1}));
  EXPECT_EQ(numbers(reduce("reduce_prod", x, {0})), (V{-3, -5, 36}));
  Tensor *b = of(DType::Bool, {1, 0, 0, 0, 1, 1}, {3, 2});
  EXPECT_EQ(numbers(reduce("reduce_any", b, {1})), (V{1, 0, 1}));
  EXPECT_EQ(numbers(reduce("reduce_all", b, {1})), (V{0, 0, 1}));
  expectNear(numbers(call("reduce_max", of({1, nan, 3}))), {nan});
  expectNear(numbers(call("reduce_min", of({nan, 1, 3}))), {nan});
}

TEST_F(Reduce, Integers) {
  Tensor *x = of(DType::Int32, {2147483647, 1, 5});
  EXPECT_EQ(numbers(call("reduce_sum", x)), V{-2147483643});
  EXPECT_EQ(numbers(call("reduce_mean", of(DType::Int32, {7, 8, 9, 9}))), V{8});
  EXPECT_EQ(numbers(call("reduce_mean", of(DType::Int32, {-7, 0}))), V{-3});
  EXPECT_EQ(numbers(call("reduce_prod", of(DType::UInt8, {16, 17}))), V{16});
  EXPECT_EQ(numbers(call("reduce_max", of(DType::Int8, {-128, -3}))), V{-3});
}

TEST_F(Reduce, OfNothing) {
  Tensor *x = of(V{}, {0, 2});
  EXPECT_EQ(numbers(reduce("reduce_sum", x, {0})), (V{0, 0}));
  EXPECT_EQ(numbers(reduce("reduce_prod", x, {0})), (V{1, 1}));
  expectNear(numbers(reduce("reduce_mean", x, {0})), {nan, nan});
  EXPECT_EQ(numbers(reduce("reduce_max", x, {0})), (V{-inf, -inf}));
  EXPECT_EQ(numbers(reduce("reduce_min", x, {0})), (V{inf, inf}));
  EXPECT_EQ(numbers(reduce("reduce_sum", x, {1})), V{});
  EXPECT_EQ(numbers(call("reduce_max", of(DType::Int32, {}))), V{-2147483648});
  EXPECT_EQ(numbers(call("reduce_min", of(DType::Int32, {}))), V{2147483647});
  EXPECT_EQ(numbers(call("reduce_min", of(DType::UInt8, {}))), V{255});
  EXPECT_EQ(numbers(call("reduce_max", of(DType::UInt8, {}))), V{0});
  EXPECT_EQ(numbers(call("reduce_all", of(DType::Bool, {}))), V{1});
  EXPECT_EQ(numbers(call("reduce_any", of(DType::Bool, {}))), V{0});
}

TEST_F(Reduce, LogSumExp) {
  // log(e^1 + e^2 + e^3) and, shifted by 1000, what overflows otherwise.
  Tensor *x = of(DType::Float64, {1, 2, 3, 1001, 1002, 1003}, {2, 3});
  expectNear(numbers(reduce("reduce_logsumexp", x, {1})), {3.4076059644443806, 1003.4076059644444},
             1e-15);
  EXPECT_EQ(toString(reduce("reduce_logsumexp", x, {1}, true)->shape), "(2, 1)");
  EXPECT_EQ(numbers(call("reduce_logsumexp", of({-inf, -inf}))), V{-inf});
  EXPECT_EQ(numbers(call("reduce_logsumexp", of({inf, 0}))), V{inf});
}

TEST_F(Reduce, ArgMax) {
  Tensor *x = of({1, 5, 5, 7, 2, 7}, {2, 3});
  auto arg = [&](std::string_view name, Tensor *of, int axis) {
    return call(name, {{"input", of}, {"axis", axis}});
  };
  EXPECT_EQ(numbers(arg("argmax", x, 1)), (V{1, 0}));
  EXPECT_EQ(numbers(arg("argmin", x, 1)), (V{0, 1}));
  EXPECT_EQ(numbers(call("argmax", x)), (V{1, 0, 1})); // axis 0
  EXPECT_EQ(numbers(arg("argmax", of({nan, 1, 2}), 0)), V{2});
  EXPECT_EQ(numbers(arg("argmax", of({nan, nan}), 0)), V{0});
  EXPECT_EQ(numbers(arg("argmax", of({-inf, -inf}), -1)), V{0});
  EXPECT_EQ(numbers(arg("argmax", of(DType::Int8, {-128, -128, -127}), 0)), V{2});
  EXPECT_EQ(call("argmax", x)->dtype, DType::Int64);
  EXPECT_EQ(call("argmax", {{"input", x}, {"output_type", DType::Int32}})->dtype, DType::Int32);
  EXPECT_EQ(call("argmax", {{"input", x}, {"dimension", 1}})->op->intAttr("axis"), 1);
  EXPECT_EQ(call("argmax", unknownRank(DType::Float32))->dtype, DType::Int64);
  // What a run-time axis holds is checked when run.
  Tensor *later = arg("argmax", placeholder(DType::Float32, {2, dim("N")}), 1);
  ASSERT_EQ(later->op->checks.size(), 1u);
  EXPECT_EQ(later->op->checks[0].kind, DimCheck::AtLeast);

  EXPECT_EQ(arg("argmax", of(V{}, {3, 0}), 1), nullptr);
  EXPECT_EQ(error(),
            "E0303: axis 1 of shape (3, 0) is empty: it has no largest or smallest element");
  EXPECT_EQ(call("argmax", {{"input", x}, {"output_type", DType::Int8}}), nullptr);
  EXPECT_EQ(error(), "E0303: output_type must be int32 or int64, not int8");
}

TEST_F(Reduce, WhatIsRefused) {
  Tensor *x = of({1, 2}, {1, 2});
  EXPECT_EQ(reduce("reduce_sum", x, {2}), nullptr);
  EXPECT_EQ(error(), "E0303 axis: axis 2 is out of range [-2, 2)");
  EXPECT_EQ(reduce("reduce_sum", x, {0, -2}), nullptr);
  EXPECT_EQ(error(), "E0303 axis: axis names axis 0 twice");
  EXPECT_EQ(reduce("reduce_sum", of({1}, {}), {0}), nullptr);
  EXPECT_EQ(error(), "E0303 axis: axis 0 is out of range: a scalar has no axes");
  EXPECT_EQ(call("reduce_sum", {{"input_tensor", x}, {"axis", 0}, {"reduction_indices", 1}}),
            nullptr);
  EXPECT_EQ(error(),
            "E0103 reduction_indices: reduction_indices is an old name of axis: give one of both");
  EXPECT_EQ(call("reduce_sum", of(DType::Bool, {1})), nullptr);
  EXPECT_EQ(error(), "E0302 input_tensor: Sum needs a numeric dtype, not bool");
  EXPECT_EQ(call("reduce_any", x), nullptr);
  EXPECT_EQ(error(), "E0302 input_tensor: Any needs bool, not float32");
}

// Expected values: e^x / Σ e^x in Python.
TEST_F(Reduce, Softmax) {
  Tensor *x = of(DType::Float64, {1, 2, 3, 1000, 1000, 1001}, {2, 3});
  V rows{0.09003057317038046, 0.24472847105479767, 0.6652409557748219,
         0.21194155761708547, 0.21194155761708547, 0.5761168847658291};
  expectNear(numbers(call("softmax", x)), rows, 1e-14);
  V logs;
  for (double p : rows) logs.push_back(std::log(p));
  expectNear(numbers(call("log_softmax", x)), logs, 1e-14);
  Tensor *columns =
      call("softmax", {{"logits", of(DType::Float64, {0, 5, 1, 5}, {2, 2})}, {"axis", 0}});
  expectNear(numbers(columns), {0.2689414213699951, 0.5, 0.7310585786300049, 0.5}, 1e-14);
  EXPECT_EQ(columns->op->intAttr("axis", 9), 0);
  EXPECT_EQ(call("softmax", x)->op->intAttr("axis"), 1);
  EXPECT_EQ(numbers(call("softmax", of(V{}, {0, 3}))), V{});
  EXPECT_EQ(call("softmax", of({1}, {})), nullptr);
  EXPECT_EQ(error(), "E0301 logits: logits need an axis of classes, but are a scalar");
  EXPECT_EQ(call("softmax", of(DType::Int32, {1})), nullptr);
  EXPECT_EQ(error(), "E0302 logits: Softmax needs a floating dtype, not int32");
  EXPECT_EQ(call("softmax", {{"logits", x}, {"axis", 2}}), nullptr);
  EXPECT_EQ(error(), "E0303 axis: axis 2 is out of range [-2, 2)");
}

TEST_F(Reduce, CrossEntropies) {
  Tensor *logits = of(DType::Float64, {1, 2, 3, 3, 1, 0}, {2, 3});
  Tensor *labels = of(DType::Float64, {0, 0, 1, 0.5, 0.5, 0}, {2, 3});
  // Row 1: -log softmax[2] = 0.40760596…; row 2: logsumexp = 3.16984602…, minus 3 and minus 1.
  V want{0.40760596444438, 0.5 * (3.169846019556286 - 3) + 0.5 * (3.169846019556286 - 1)};
  auto both = [&](const char *name) {
    return call(name, {{"labels", labels}, {"logits", logits}});
  };
  expectNear(numbers(both("softmax_cross_entropy_with_logits")), want, 1e-13);
  expectNear(numbers(both("softmax_cross_entropy_with_logits_v2")), want, 1e-13);
  EXPECT_EQ(both("softmax_cross_entropy_with_logits")->op->name,
            "softmax_cross_entropy_with_logits_sg_1");
  EXPECT_EQ(both("softmax_cross_entropy_with_logits_v2")->op->name,
            "softmax_cross_entropy_with_logits_1");

  auto sparse = [&](Tensor *classes) {
    return call("sparse_softmax_cross_entropy_with_logits",
                {{"labels", classes}, {"logits", logits}});
  };
  expectNear(numbers(sparse(of(DType::Int64, {2, 0}))), {0.40760596444438, 0.169846019556286},
             1e-13);
  sparse(of(DType::Int32, {2, 0}));
  numbers(sparse(of(DType::Int32, {2, 3})));
  EXPECT_EQ(runError, "SparseSoftmaxCrossEntropyWithLogits_2: label 3 is out of range [0, 3)");

  // Against -z log σ(x) - (1 - z) log(1 - σ(x)), and where that overflows.
  Tensor *x = of(DType::Float64, {0, 2, -3, 1000, -1000}),
         *z = of(DType::Float64, {1, 0, 0.5, 1, 1});
  Tensor *loss = call("sigmoid_cross_entropy_with_logits", {{"labels", z}, {"logits", x}});
  expectNear(numbers(loss), {0.6931471805599453, 2.1269280110429727, 1.5485873515737421, 0, 1000},
             1e-14);
  EXPECT_EQ(loss->op->name, "logistic_loss");
}

TEST_F(Reduce, CrossEntropiesThatDoNotFit) {
  Tensor *logits = of({1, 2, 3, 4}, {2, 2});
  auto sparse = "sparse_softmax_cross_entropy_with_logits";
  EXPECT_EQ(call(sparse, {{"labels", of(DType::Int32, {1, 2, 3})}, {"logits", logits}}), nullptr);
  EXPECT_EQ(error(),
            "E0301 labels: labels have shape (3,), which is not logits' (2, 2) without its "
            "last dimension");
  EXPECT_EQ(call(sparse, {{"labels", of({1, 1})}, {"logits", logits}}), nullptr);
  EXPECT_EQ(error(), "E0302 labels: SparseSoftmaxCrossEntropyWithLogits needs labels of int32 or "
                     "int64, not float32");
  EXPECT_EQ(call(sparse, {{"labels", of(DType::Int32, {1})}}), nullptr);
  EXPECT_EQ(error(), "E0103: sparse_softmax_cross_entropy_with_logits needs the argument 'logits'");
  EXPECT_EQ(call(sparse, {{"_sentinel", logits}, {"labels", logits}}), nullptr);
  EXPECT_EQ(error(), "E0103 _sentinel: sparse_softmax_cross_entropy_with_logits takes labels and "
                     "logits by name: labels=…, logits=…");
  auto dense = "softmax_cross_entropy_with_logits_v2";
  EXPECT_EQ(call(dense, {{"labels", of({1, 1})}, {"logits", logits}}), nullptr);
  EXPECT_EQ(error(), "E0301: logits have shape (2, 2), labels (2,)");
  auto sigmoid = "sigmoid_cross_entropy_with_logits";
  EXPECT_EQ(call(sigmoid, {{"labels", of({1, 1})}, {"logits", logits}}), nullptr);
  EXPECT_EQ(error(), "E0301: logits have shape (2, 2), labels (2,)");
}

TEST_F(Reduce, Norms) {
  EXPECT_EQ(numbers(call("l2_loss", of({3, 4}))), V{12.5});
  Tensor *unit = call("l2_normalize", {{"x", of({3, 4, 0, 0}, {2, 2})}, {"axis", 1}});
  expectNear(numbers(unit), {0.6, 0.8, 0, 0}, 1e-6);
  call("moments", {{"x", of({1, 3, 5, 9}, {2, 2})}, {"axes", 0}});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(numbers(results[0]), (V{3, 6}));
  EXPECT_EQ(numbers(results[1]), (V{4, 9}));
  EXPECT_EQ(results[0]->op->name, "moments/Squeeze");
  EXPECT_EQ(results[1]->op->name, "moments/Squeeze_1");
  call("moments", {{"x", of({1, 3}, {2, 1})}, {"axes", 0}, {"keep_dims", true}});
  EXPECT_EQ(toString(results[1]->shape), "(1, 1)");
  EXPECT_EQ(results[1]->op->name, "moments_1/variance");
}

} // namespace
} // namespace graphc
