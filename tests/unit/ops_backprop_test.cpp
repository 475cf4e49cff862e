// Convolution and pooling backwards: against small cases worked out by hand, and the errors of the
// functions that make them. (That derivatives are derivatives, and that compiled code agrees, is
// tested by enumeration elsewhere.)
#include "ops_harness.h"

#include <limits>

namespace graphc {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using V = std::vector<double>;

struct Backprop : OpsTest {
  std::vector<Attr> windowAttrs(std::vector<int64_t> size, std::vector<int64_t> strides) {
    std::vector<Dim> none(4, Dim(0));
    return {intsAttr("ksize", graph.arena.copy(size)),
            intsAttr("strides", graph.arena.copy(strides)), textAttr("padding", "VALID"),
            dimsAttr("pads", graph.arena.copy(none))};
  }
  Tensor *make(std::string_view type, std::vector<Tensor *> inputs, std::vector<Attr> attrs) {
    auto *made = builder().make(*findOp(type), "", inputs, attrs);
    return made ? made->output() : nullptr;
  }
};

TEST_F(Backprop, Conv2DTranspose) {
  // Every element puts its multiple of the filter where conv2d would have read.
  Tensor *value = of({1, 2, 3, 4}, {1, 2, 2, 1}), *filter = of({1, 10, 100, 1000}, {2, 2, 1, 1});
  auto transpose = [&](std::vector<Dim> shape, int stride, const char *padding) {
    return call("conv2d_transpose", {{"value", value},
                                     {"filter", filter},
                                     {"output_shape", shape},
                                     {"strides", stride},
                                     {"padding", padding}});
  };
  Tensor *wide = transpose({1, 4, 4, 1}, 2, "SAME");
  EXPECT_EQ(wide->op->name, "conv2d_transpose");
  EXPECT_EQ(wide->op->type, "Conv2DBackpropInput");
  EXPECT_EQ(numbers(wide),
            (V{1, 10, 2, 20, 100, 1000, 200, 2000, 3, 30, 4, 40, 300, 3000, 400, 4000}));
  // Where windows overlap, they add up.
  EXPECT_EQ(numbers(transpose({1, 3, 3, 1}, 1, "VALID")),
            (V{1, 12, 20, 103, 1234, 2040, 300, 3400, 4000}));
  // A last row that no window reaches.
  EXPECT_EQ(
      numbers(transpose({1, 5, 4, 1}, 2, "VALID")),
      (V{1, 10, 2, 20, 100, 1000, 200, 2000, 3, 30, 4, 40, 300, 3000, 400, 4000, 0, 0, 0, 0}));
  EXPECT_EQ(transpose({1, 6, 4, 1}, 2, "SAME"), nullptr);
  EXPECT_EQ(error(), "E0301: the heights of Conv2DBackpropInput's out_backprop and of what the "
                     "convolution gives differ: 2 and 3");
  EXPECT_EQ(transpose({1, 4, 4, 2}, 2, "SAME"), nullptr);
  EXPECT_TRUE(error().starts_with("E0301"));
  EXPECT_EQ(transpose({4, 4, 1}, 2, "SAME"), nullptr);
  EXPECT_EQ(
      error(),
      "E0303 output_shape: output_shape must be four dimensions, none negative, not (4, 4, 1)");
  EXPECT_EQ(transpose({1, -4, 4, 1}, 2, "SAME"), nullptr);
  EXPECT_TRUE(error().starts_with("E0303 output_shape"));
  EXPECT_EQ(call("conv2d_transpose", {{"value", value}, {"filter", filter}}), nullptr);
  EXPECT_EQ(error(), "E0103: conv2d_transpose needs the argument 'output_shape'");
}

TEST_F(Backprop, BatchSizeKnownWhenRun) {
  Tensor *value = placeholder(DType::Float32, {dim("N"), 7, 7, 8});
  Tensor *filter = placeholder(DType::Float32, {5, 5, 4, 8});
  Tensor *out = call("conv2d_transpose", {{"value", value},
                                          {"filter", filter},
                                          {"output_shape", std::vector<Dim>{dim("N"), 14, 14, 4}},
                                          {"strides", 2}});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->shape[0], dim("N"));
  EXPECT_TRUE(out->op->checks.empty());
  Tensor *other = call("conv2d_transpose", {{"value", value},
                                            {"filter", filter},
                                            {"output_shape", std::vector<Dim>{dim("M"), 14, 14, 4}},
                                            {"strides", 2}});
  ASSERT_TRUE(other);
  EXPECT_EQ(other->op->checks.size(), 1u);
}

TEST_F(Backprop, Conv2DByFilterAndInput) {
  Tensor *x = of({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 3, 3, 1});
  Tensor *back = of({1, 10, 100, 1000}, {1, 2, 2, 1});
  Tensor *byFilter = call("conv2d_backprop_filter", {{"input", x},
                                                     {"filter_sizes", std::vector<Dim>{2, 2, 1, 1}},
                                                     {"out_backprop", back},
                                                     {"strides", 1},
                                                     {"padding", "VALID"}});
  EXPECT_EQ(byFilter->op->name, "Conv2DBackpropFilter");
  EXPECT_EQ(numbers(byFilter), (V{5421, 6532, 8754, 9865}));
  Tensor *byInput = call("conv2d_backprop_input", {{"input_sizes", std::vector<Dim>{1, 3, 3, 1}},
                                                   {"filter", of({1, 2, 3, 4}, {2, 2, 1, 1})},
                                                   {"out_backprop", back},
                                                   {"strides", 1},
                                                   {"padding", "VALID"}});
  EXPECT_EQ(byInput->op->name, "Conv2DBackpropInput");
  EXPECT_EQ(numbers(byInput), (V{1, 12, 20, 103, 1234, 2040, 300, 3400, 4000}));
  EXPECT_EQ(call("conv2d_backprop_filter", {{"input", x},
                                            {"filter_sizes", std::vector<Dim>{2, 2, 1, 1}},
                                            {"out_backprop", of({1}, {1, 1, 1, 1})},
                                            {"strides", 1},
                                            {"padding", "VALID"}}),
            nullptr);
  EXPECT_EQ(error(), "E0301: the heights of Conv2DBackpropFilter's out_backprop and of what the "
                     "convolution gives differ: 1 and 2");
}

TEST_F(Backprop, Depthwise) {
  Tensor *x = of({1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 2, 2});
  Tensor *byFilter = call("depthwise_conv2d_native_backprop_filter",
                          {{"input", x},
                           {"filter_sizes", std::vector<Dim>{1, 2, 2, 1}},
                           {"out_backprop", of({1, 10, 100, 1000}, {1, 2, 1, 2})},
                           {"strides", 1},
                           {"padding", "VALID"}});
  EXPECT_EQ(numbers(byFilter), (V{501, 6020, 703, 8040}));
  Tensor *byInput = call("depthwise_conv2d_native_backprop_input",
                         {{"input_sizes", std::vector<Dim>{1, 2, 2, 2}},
                          {"filter", of({1, 2, 3, 4}, {1, 2, 2, 1})},
                          {"out_backprop", of({1, 10, 100, 1000}, {1, 2, 1, 2})},
                          {"strides", 1},
                          {"padding", "VALID"}});
  EXPECT_EQ(numbers(byInput), (V{1, 20, 3, 40, 100, 2000, 300, 4000}));
}

TEST_F(Backprop, MaxPoolGivesTheFirstLargest) {
  Tensor *x = of({1, 3, 3, 0, 2, 3}, {1, 2, 3, 1});
  Tensor *y = of({3, 3}, {1, 1, 2, 1});
  Tensor *back = of({10, 100}, {1, 1, 2, 1});
  EXPECT_EQ(numbers(make("MaxPoolGrad", {x, y, back}, windowAttrs({2, 2}, {1, 1}))),
            (V{0, 110, 0, 0, 0, 0}));
  Tensor *like = of({1, 2, 3, 4, 5, 6}, {1, 2, 3, 1});
  EXPECT_EQ(numbers(make("MaxPoolGradGrad", {x, y, like}, windowAttrs({2, 2}, {1, 1}))), (V{2, 2}));
  Tensor *odd = of({1, nan, nan, 0}, {1, 2, 2, 1}), *most = of({nan}, {1, 1, 1, 1});
  EXPECT_EQ(
      numbers(make("MaxPoolGrad", {odd, most, of({5}, {1, 1, 1, 1})}, windowAttrs({2, 2}, {2, 2}))),
      (V{0, 5, 0, 0}));
  EXPECT_EQ(make("MaxPoolGrad", {x, y, like}, windowAttrs({2, 2}, {1, 1})), nullptr);
  EXPECT_TRUE(error().starts_with("E0301"));
}

TEST_F(Backprop, AvgPoolSharesEvenly) {
  std::vector<Attr> attrs = windowAttrs({2, 2}, {1, 1});
  std::vector<Dim> shape = {1, 2, 3, 1};
  attrs.push_back(dimsAttr("orig_input_shape", graph.arena.copy(shape)));
  EXPECT_EQ(numbers(make("AvgPoolGrad", {of({4, 40}, {1, 1, 2, 1})}, attrs)),
            (V{1, 11, 10, 1, 11, 10}));
}

} // namespace
} // namespace graphc
