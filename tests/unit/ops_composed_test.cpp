// Functions that are made of several operations, and what runs along lines of a tensor: against
// small cases worked out by hand, and their errors.
#include "ops_harness.h"

#include <limits>

namespace graphc {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using V = std::vector<double>;
using D = std::vector<Dim>;

struct Composed : OpsTest {
  V counted(int64_t n) {
    V numbers;
    for (int64_t i = 0; i < n; ++i) numbers.push_back(double(i));
    return numbers;
  }
  Tensor *einsum(const char *equation, std::vector<Tensor *> inputs) {
    return call("einsum", {{"equation", equation}, {"inputs", std::move(inputs)}});
  }
};

TEST_F(Composed, Cumulative) {
  Tensor *x = of({1, 2, 3, 4, 5, 6}, {2, 3});
  auto run = [&](const char *name, int axis, bool exclusive, bool reverse) {
    return numbers(
        call(name, {{"x", x}, {"axis", axis}, {"exclusive", exclusive}, {"reverse", reverse}}));
  };
  EXPECT_EQ(run("cumsum", 1, false, false), (V{1, 3, 6, 4, 9, 15}));
  EXPECT_EQ(run("cumsum", -1, true, false), (V{0, 1, 3, 0, 4, 9}));
  EXPECT_EQ(run("cumsum", 0, false, true), (V{5, 7, 9, 4, 5, 6}));
  EXPECT_EQ(run("cumprod", 1, true, true), (V{6, 3, 1, 30, 6, 1}));
  EXPECT_EQ(numbers(call("cumsum", of(DType::Int8, {100, 100}))), (V{100, -56}));
  EXPECT_EQ(call("cumsum", {{"x", x}, {"axis", 2}}), nullptr);
  EXPECT_EQ(error(), "E0303 axis: axis 2 is out of range [-2, 2)");
}

TEST_F(Composed, TopK) {
  Tensor *x = of({1, 5, 3, 5, nan, 2, 9, 9}, {2, 4});
  Tensor *values = call("top_k", {{"input", x}, {"k", 2}});
  ASSERT_TRUE(values);
  EXPECT_EQ(values->op->name, "TopKV2");
  EXPECT_EQ(numbers(values->op->output(1)), (V{1, 3, 0, 2}));
  EXPECT_EQ(values->op->outputs[1].dtype, DType::Int32);
  expectNear(numbers(values), {5, 5, nan, 9});
  EXPECT_EQ(call("top_k", {{"input", x}, {"k", 5}}), nullptr);
  EXPECT_TRUE(error().starts_with("E0303: k 5 is more than the last dimension of (2, 4)"));
}

TEST_F(Composed, Einsum) {
  Tensor *a = of(counted(6), {2, 3}), *b = of(counted(12), {3, 4});
  EXPECT_EQ(numbers(einsum("ij,jk->ik", {a, b})), numbers(call("matmul", a, b)));
  EXPECT_EQ(numbers(einsum("ij, jk", {a, b})), numbers(call("matmul", a, b)));
  EXPECT_EQ(numbers(einsum("ij->ji", {a})), (V{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(numbers(einsum("ij->j", {a})), (V{3, 5, 7}));
  EXPECT_EQ(numbers(einsum("ij->", {a})), V{15});
  EXPECT_EQ(numbers(einsum("i,j->ij", {of({1, 2}), of({3, 4, 5})})), (V{3, 4, 5, 6, 8, 10}));
  EXPECT_EQ(numbers(einsum("ij,ij->i", {a, a})), (V{5, 50}));
  EXPECT_EQ(numbers(einsum("ij,jk,kl->il", {a, b, of({1, 1, 1, 1}, {4, 1})})), (V{98, 296}));
  // A batch, with the result's axes in another order; and with "...".
  Tensor *x = of(counted(12), {2, 3, 2}), *y = of(counted(8), {2, 2, 2});
  V product = numbers(call("matmul", x, y));
  EXPECT_EQ(numbers(einsum("bij,bjk->bik", {x, y})), product);
  EXPECT_EQ(numbers(einsum("...ij,...jk->...ik", {x, y})), product);
  V turned = numbers(einsum("bij,bjk->kbi", {x, y}));
  for (int bi = 0; bi < 6; ++bi)
    for (int k = 0; k < 2; ++k) EXPECT_EQ(turned[size_t(k * 6 + bi)], product[size_t(bi * 2 + k)]);
  EXPECT_EQ(einsum("ij,jk->ik", {a}), nullptr);
  EXPECT_EQ(error(), "E0303 equation: the equation \"ij,jk->ik\" has 2 operands, and einsum was "
                     "given 1");
  EXPECT_EQ(einsum("ii->i", {a}), nullptr);
  EXPECT_EQ(error(), "E0303 equation: the label 'i' stands twice in \"ii\": diagonals are not "
                     "supported");
  EXPECT_EQ(einsum("ij,jk->iz", {a, b}), nullptr);
  EXPECT_EQ(error(), "E0303 equation: the label 'z' of einsum's result is none of its operands'");
  EXPECT_EQ(einsum("ij,ik->jk", {a, b}), nullptr);
  EXPECT_EQ(error(), "E0301 inputs: einsum's label 'i' has sizes 2 and 3");
  EXPECT_EQ(einsum("ijk->i", {a}), nullptr);
  EXPECT_EQ(error(), "E0301 equation: \"ijk\" labels 3 axes, and the operand has 2");
  EXPECT_EQ(einsum("i1->i", {a}), nullptr);
  EXPECT_TRUE(error().starts_with("E0303 equation: '1' is no label of an axis"));
}

TEST_F(Composed, Resize) {
  Tensor *x = of({1, 2, 3, 4}, {1, 2, 2, 1});
  auto resize = [&](const char *name, D size, bool align, bool half) {
    return numbers(call(
        name,
        {{"images", x}, {"size", size}, {"align_corners", align}, {"half_pixel_centers", half}}));
  };
  // 1.15's places: row y of 4 lies at y/2.
  EXPECT_EQ(resize("resize_bilinear", {4, 4}, false, false),
            (V{1, 1.5, 2, 2, 2, 2.5, 3, 3, 3, 3.5, 4, 4, 3, 3.5, 4, 4}));
  EXPECT_EQ(resize("resize_bilinear", {3, 3}, true, false), (V{1, 1.5, 2, 2, 2.5, 3, 3, 3.5, 4}));
  EXPECT_EQ(resize("resize_bilinear", {1, 4}, false, true), (V{2, 2.25, 2.75, 3}));
  EXPECT_EQ(resize("resize_nearest_neighbor", {3, 4}, false, false),
            (V{1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4}));
  EXPECT_EQ(resize("resize_nearest_neighbor", {1, 3}, true, false), (V{1, 2, 2}));
  Tensor *bytes = of(DType::UInt8, {0, 255}, {1, 1, 2, 1});
  Tensor *wide = call("resize_bilinear", {{"images", bytes}, {"size", D{1, 4}}});
  EXPECT_EQ(wide->dtype, DType::Float32);
  EXPECT_EQ(numbers(wide), (V{0, 127.5, 255, 255}));
  Tensor *single = of({1, 2}, {1, 2, 1});
  Tensor *images = call("resize_images", {{"images", single}, {"size", D{1, 4}}});
  EXPECT_EQ(images->op->name, "resize/Squeeze");
  EXPECT_EQ(numbers(images), (V{1, 1.5, 2, 2}));
  EXPECT_EQ(call("resize_bilinear", {{"images", x}, {"size", D{0, 4}}}), nullptr);
  EXPECT_EQ(error(), "E0303: the new height 0 is not positive");
  EXPECT_EQ(call("resize_bilinear", {{"images", x}, {"size", D{4}}}), nullptr);
  EXPECT_EQ(error(), "E0303 size: size must be two dimensions, [height, width]");
  EXPECT_EQ(call("resize_images", {{"images", x}, {"size", D{4, 4}}, {"method", 2}}), nullptr);
  EXPECT_TRUE(error().starts_with("E0303 method"));
}

TEST_F(Composed, SpaceAndDepth) {
  Tensor *x = of(counted(16), {1, 4, 4, 1});
  Tensor *deep = call("space_to_depth", {{"input", x}, {"block_size", 2}});
  EXPECT_EQ(deep->op->name, "SpaceToDepth");
  EXPECT_EQ(numbers(deep), (V{0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15}));
  Tensor *back = call("depth_to_space", {{"input", deep}, {"block_size", 2}});
  EXPECT_EQ(numbers(back), counted(16));
  EXPECT_EQ(call("space_to_depth", {{"input", x}, {"block_size", 3}}), nullptr);
  EXPECT_EQ(error(), "E0301 input: 3 does not divide the height of (1, 4, 4, 1)");
}

TEST_F(Composed, BatchNorm) {
  Tensor *x = of({1, 10, 3, 30}, {1, 2, 1, 2});
  Tensor *one = of({1, 2}), *shift = of({0, 5});
  Tensor *y =
      call("fused_batch_norm", {{"x", x}, {"scale", one}, {"offset", shift}, {"epsilon", 1.0}});
  ASSERT_TRUE(y);
  EXPECT_EQ(y->op->name, "FusedBatchNormV3");
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(numbers(results[1]), (V{2, 20}));
  expectNear(numbers(results[2]), {2, 200}, 1e-6); // unbiased
  double a = 1 / std::sqrt(2.0), b = 20 / std::sqrt(101.0);
  expectNear(numbers(y), {-a, 5 - b, a, 5 + b}, 1e-6);
  Tensor *given = call("fused_batch_norm", {{"x", x},
                                            {"scale", one},
                                            {"offset", shift},
                                            {"mean", of({1, 10})},
                                            {"variance", of({3, 99})},
                                            {"epsilon", 1.0},
                                            {"is_training", false}});
  expectNear(numbers(given), {0, 5, 1, 9}, 1e-6);
  EXPECT_EQ(call("fused_batch_norm", {{"x", x}, {"scale", one}, {"offset", shift}, {"mean", one}}),
            nullptr);
  EXPECT_TRUE(error().starts_with("E0103 mean"));
  EXPECT_EQ(call("fused_batch_norm", {{"x", x}, {"scale", of({1, 2, 3})}, {"offset", shift}}),
            nullptr);
  EXPECT_EQ(error(), "E0301 scale: scale must have shape (2,), one number a channel, not (3,)");
}

TEST_F(Composed, LocalResponseNormalization) {
  Tensor *x = of({1, 2, 3}, {1, 1, 1, 3});
  Tensor *y = call("lrn", {{"input", x}, {"depth_radius", 1}, {"bias", 1.0}, {"beta", 1.0}});
  EXPECT_EQ(y->op->name, "LRN");
  expectNear(numbers(y), {1.0 / 6, 2.0 / 15, 3.0 / 14}, 1e-6);
}

TEST_F(Composed, ChannelsFirst) {
  V image = counted(2 * 3 * 4 * 5), weights = counted(3 * 3 * 3 * 2);
  Tensor *last = of(image, {2, 4, 5, 3}), *filter = of(weights, {3, 3, 3, 2});
  Tensor *first = call("transpose", {{"a", last}, {"perm", D{0, 3, 1, 2}}});
  auto turned = [&](Tensor *t) {
    return numbers(call("transpose", {{"a", t}, {"perm", D{0, 2, 3, 1}}}));
  };
  Tensor *a =
      call("conv2d",
           {{"input", last}, {"filter", filter}, {"strides", D{1, 1, 2, 1}}, {"padding", "SAME"}});
  Tensor *b = call("conv2d", {{"input", first},
                              {"filter", filter},
                              {"strides", D{1, 1, 1, 2}},
                              {"padding", "SAME"},
                              {"data_format", "NCHW"}});
  EXPECT_EQ(b->op->name, "Conv2D_1");
  EXPECT_EQ(turned(b), numbers(a));
  Tensor *c =
      call("max_pool", {{"value", last}, {"ksize", 2}, {"strides", 2}, {"padding", "SAME"}});
  Tensor *d = call("max_pool", {{"value", first},
                                {"ksize", D{1, 1, 2, 2}},
                                {"strides", D{1, 1, 2, 2}},
                                {"padding", "SAME"},
                                {"data_format", "NCHW"}});
  EXPECT_EQ(turned(d), numbers(c));
  EXPECT_EQ(call("conv2d", {{"input", first},
                            {"filter", filter},
                            {"strides", D{1, 2, 2, 1}},
                            {"padding", "SAME"},
                            {"data_format", "NCHW"}}),
            nullptr);
  EXPECT_EQ(error(),
            "E0303 strides: strides of batch and channels must be 1: [1, 1, height, width]");
}

TEST_F(Composed, SeveralIndices) {
  Tensor *params = of({1, 2, 3, 4, 5, 6}, {2, 3});
  Tensor *at = of(DType::Int32, {1, 0, 0, 2}, {2, 2});
  EXPECT_EQ(numbers(call("gather_nd", params, at)), (V{4, 3}));
  Tensor *row = of(DType::Int32, {1}, {1});
  EXPECT_EQ(numbers(call("gather_nd", params, row)), (V{4, 5, 6}));
  Tensor *each = of(DType::Int32, {2, 0}, {2, 1});
  EXPECT_EQ(numbers(call("gather_nd", {{"params", params}, {"indices", each}, {"batch_dims", 1}})),
            (V{3, 4}));
  Tensor *places = of(DType::Int32, {4, 1, 4}, {3, 1}), *updates = of({9, 10, 11});
  EXPECT_EQ(
      numbers(call("scatter_nd", {{"indices", places}, {"updates", updates}, {"shape", D{5}}})),
      (V{0, 10, 0, 0, 20}));
  Tensor *ones = of({1, 1, 1, 1, 1});
  auto scatter = [&](const char *name) {
    return numbers(call(name, {{"tensor", ones}, {"indices", places}, {"updates", updates}}));
  };
  EXPECT_EQ(scatter("tensor_scatter_add"), (V{1, 11, 1, 1, 21}));
  EXPECT_EQ(scatter("tensor_scatter_sub"), (V{1, -9, 1, 1, -19}));
  EXPECT_EQ(scatter("tensor_scatter_update"), (V{1, 10, 1, 1, 11}));
  EXPECT_EQ(call("scatter_nd", {{"indices", places}, {"updates", of({1})}, {"shape", D{5}}}),
            nullptr);
  EXPECT_EQ(error(), "E0301 updates: updates of shape (1,) where (3,) is wanted");
  run(call("gather_nd", params, of(DType::Int32, {2}, {1})));
  EXPECT_TRUE(runError.ends_with("index 2 of axis 0 is not in [0, 2)")) << runError;
}

TEST_F(Composed, Matrices) {
  expectNear(
      numbers(call("linspace", {{"start", of({10}, {})}, {"stop", of({12}, {})}, {"num", 3}})),
      {10, 11, 12});
  EXPECT_EQ(numbers(call("sequence_mask", {{"lengths", of(DType::Int32, {1, 3})}, {"maxlen", 3}})),
            (V{1, 0, 0, 1, 1, 1}));
  Tensor *x = of(counted(9), {3, 3});
  auto band = [&](int lower, int upper) {
    return numbers(
        call("matrix_band_part", {{"input", x}, {"num_lower", lower}, {"num_upper", upper}}));
  };
  EXPECT_EQ(band(0, -1), (V{0, 1, 2, 0, 4, 5, 0, 0, 8}));
  EXPECT_EQ(band(1, 0), (V{0, 0, 0, 3, 4, 0, 0, 7, 8}));
  EXPECT_EQ(numbers(call("matrix_diag", of({1, 2}))), (V{1, 0, 0, 2}));
  EXPECT_EQ(numbers(call("matrix_diag_part", of(counted(6), {2, 3}))), (V{0, 4}));
  EXPECT_EQ(numbers(call("trace", x)), V{12});
  EXPECT_EQ(numbers(call("norm", of({3, 4}))), V{5});
  EXPECT_EQ(numbers(call("zero_fraction", of({0, 1, 0, 2}))), V{0.5});
  EXPECT_EQ(numbers(call("count_nonzero", of({0, 1, 0, 2}))), V{2});
}

TEST_F(Composed, Bits) {
  auto of8 = [&](V numbers) { return of(DType::Int8, std::move(numbers)); };
  EXPECT_EQ(numbers(call("bitwise_and", of8({6, -1}), of8({3, 5}))), (V{2, 5}));
  EXPECT_EQ(numbers(call("bitwise_or", of8({6, -1}), of8({3, 5}))), (V{7, -1}));
  EXPECT_EQ(numbers(call("bitwise_xor", of8({6, -1}), of8({3, 5}))), (V{5, -6}));
  EXPECT_EQ(numbers(call("invert", of8({0, 5}))), (V{-1, -6}));
  EXPECT_EQ(numbers(call("left_shift", of8({1, 3}), of8({7, 1}))), (V{-128, 6}));
  EXPECT_EQ(numbers(call("right_shift", of8({-128, 6}), of8({7, -1}))), (V{-1, 6}));
  EXPECT_EQ(numbers(call("truncatediv", of8({-7, -128}), of8({2, -1}))), (V{-3, -128}));
  EXPECT_EQ(numbers(call("truncatemod", of8({-7, -128}), of8({2, -1}))), (V{-1, 0}));
  EXPECT_EQ(call("invert", of({1})), nullptr);
  EXPECT_EQ(error(), "E0302 x: Invert needs an integer dtype, not float32");
}

} // namespace
} // namespace graphc
