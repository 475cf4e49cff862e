// Matrix products, convolutions and pooling: against loops written here, TensorFlow's documented
// examples, and with dimensions known only when run.
#include "ops_harness.h"

#include <limits>
#include <random>

namespace graphc {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using V = std::vector<double>;

struct Window : OpsTest {
  std::mt19937 random{7};
  /// Small whole numbers, so that sums are exact.
  V some(int64_t count) {
    V numbers;
    for (int64_t i = 0; i < count; ++i) numbers.push_back(double(int(random() % 9)) - 4);
    return numbers;
  }
  Tensor *conv(Tensor *x, Tensor *w, std::vector<Dim> strides, const char *padding,
               std::vector<Dim> dilations = {1, 1, 1, 1}) {
    return call("conv2d", {{"input", x},
                           {"filter", w},
                           {"strides", strides},
                           {"padding", padding},
                           {"dilations", dilations}});
  }
  Tensor *pool(std::string_view name, Tensor *x, std::vector<Dim> size, std::vector<Dim> strides,
               const char *padding) {
    return call(name, {{"value", x}, {"ksize", size}, {"strides", strides}, {"padding", padding}});
  }
  std::string pads(const Tensor *t) {
    std::string text;
    for (Dim d : t->op->dimsAttr("pads")) text += toString(d) + " ";
    return text;
  }
};

TEST_F(Window, MatMul) {
  Tensor *a = of({1, 2, 3, 4, 5, 6}, {2, 3}), *b = of({7, 8, 9, 10, 11, 12}, {3, 2});
  EXPECT_EQ(numbers(call("matmul", a, b)), (V{58, 64, 139, 154}));
  auto transposed = [&](Tensor *x, Tensor *y, bool tx, bool ty) {
    return call("matmul", {{"a", x}, {"b", y}, {"transpose_a", tx}, {"transpose_b", ty}});
  };
  Tensor *at = of({1, 4, 2, 5, 3, 6}, {3, 2}), *bt = of({7, 9, 11, 8, 10, 12}, {2, 3});
  EXPECT_EQ(numbers(transposed(at, b, true, false)), (V{58, 64, 139, 154}));
  EXPECT_EQ(numbers(transposed(a, bt, false, true)), (V{58, 64, 139, 154}));
  EXPECT_EQ(numbers(transposed(at, bt, true, true)), (V{58, 64, 139, 154}));
  EXPECT_EQ(numbers(call("matmul", of(DType::Int8, {100}, {1, 1}), of(DType::Int8, {2}, {1, 1}))),
            V{-56});
  EXPECT_EQ(numbers(call("matmul", of(V{}, {2, 0}), of(V{}, {0, 2}))), (V{0, 0, 0, 0}));
  EXPECT_EQ(call("matmul", a, b)->op->name, "MatMul_6");
  EXPECT_EQ(call("__matmul__", a, b)->op->name, "matmul");
}

TEST_F(Window, MatMulBroadcastsBatches) {
  // (2, 1, 1, 2) x (3, 2, 1): element [i, j] is the dot product of row i and column j.
  Tensor *a = of({1, 2, 3, 4}, {2, 1, 1, 2}), *b = of({1, 0, 0, 1, 1, 1}, {3, 2, 1});
  Tensor *c = call("matmul", a, b);
  EXPECT_EQ(toString(c->shape), "(2, 3, 1, 1)");
  EXPECT_EQ(numbers(c), (V{1, 2, 3, 3, 4, 7}));
  Tensor *later = call("matmul", placeholder(DType::Float32, {dim("N"), 4, 5}),
                       placeholder(DType::Float32, {dim("K"), 6}));
  EXPECT_EQ(toString(later->shape), "(N, 4, 6)");
  ASSERT_EQ(later->op->checks.size(), 1u);
  EXPECT_EQ(later->op->checks[0].message, "the inner dimensions of matmul");
  EXPECT_EQ(toString(call("matmul", unknownRank(DType::Float32), b)->shape), "<unknown>");
}

TEST_F(Window, MatMulThatDoesNotFit) {
  Tensor *a = of({1, 2}, {1, 2}), *b = of({1, 2, 3}, {3, 1});
  EXPECT_EQ(call("matmul", a, b), nullptr);
  EXPECT_EQ(error(), "E0301: matmul of (1, 2) and (3, 1): the inner dimensions 2 and 3 differ");
  EXPECT_EQ(call("matmul", {{"a", b}, {"b", a}, {"transpose_a", true}}), nullptr);
  EXPECT_EQ(error(),
            "E0301: matmul of (3, 1) transposed and (1, 2): the inner dimensions 3 and 1 differ");
}

TEST_F(Window, MatMulRefuses) {
  Tensor *a = of({1, 2}, {1, 2});
  EXPECT_EQ(call("matmul", of({1, 2}), a), nullptr);
  EXPECT_EQ(error(), "E0301 a: matmul multiplies matrices, not shape (2,)");
  Tensor *bools = of(DType::Bool, {1}, {1, 1});
  EXPECT_EQ(call("matmul", bools, bools), nullptr);
  EXPECT_EQ(error(), "E0302 a: MatMul needs a numeric dtype, not bool");
  EXPECT_EQ(call("matmul", {{"a", a}, {"b", a}, {"transpose_a", true}, {"adjoint_a", true}}),
            nullptr);
  EXPECT_EQ(error(), "E0303 adjoint_a: only one of transpose_a and adjoint_a can be True");
  EXPECT_EQ(call("matmul", of({1, 2}, {2, 1, 1}), of({1, 2, 3}, {3, 1, 1})), nullptr);
  EXPECT_EQ(error(), "E0301: shapes (2,) and (3,) do not broadcast: 2 against 3");
}

TEST_F(Window, BiasAdd) {
  Tensor *x = of({0, 0, 0, 0, 0, 0}, {1, 2, 3}), *bias = of({1, 2, 3});
  EXPECT_EQ(numbers(call("bias_add", x, bias)), (V{1, 2, 3, 1, 2, 3}));
  Tensor *first =
      call("bias_add",
           {{"value", of({0, 0, 0, 0}, {1, 2, 2})}, {"bias", of({1, 2})}, {"data_format", "NCHW"}});
  EXPECT_EQ(numbers(first), (V{1, 1, 2, 2}));
  EXPECT_EQ(call("bias_add", x, of({1, 2})), nullptr);
  EXPECT_EQ(error(), "E0301: the channels of bias_add's value and bias differ: 3 and 2");
  // A bias of one element is no bias of three channels.
  EXPECT_EQ(call("bias_add", x, of({1})), nullptr);
  EXPECT_EQ(error(), "E0301: the channels of bias_add's value and bias differ: 3 and 1");
  EXPECT_EQ(call("bias_add", x, of({1, 2, 3}, {1, 3})), nullptr);
  EXPECT_EQ(error(), "E0301 bias: the bias must have rank 1, not shape (1, 3)");
  EXPECT_EQ(numbers(call("xw_plus_b", {{"x", of({1, 2}, {1, 2})},
                                       {"weights", of({1, 0, 0, 1}, {2, 2})},
                                       {"biases", of({10, 20})}})),
            (V{11, 22}));
}

// The same sum in another order of loops: from the input's pixels to where they go.
TEST_F(Window, ConvAgainstScatter) {
  struct Case {
    int h, w, c, kh, kw, oc, groups, sh, sw, dh, dw;
    const char *padding;
  };
  const Case cases[] = {
      {5, 6, 2, 3, 3, 4, 1, 1, 1, 1, 1, "SAME"},  {5, 6, 2, 3, 3, 4, 1, 2, 1, 1, 1, "SAME"},
      {7, 8, 3, 2, 4, 2, 1, 2, 3, 1, 1, "VALID"}, {9, 9, 2, 3, 2, 3, 1, 1, 1, 2, 3, "SAME"},
      {9, 9, 4, 3, 3, 6, 2, 2, 2, 1, 1, "SAME"},  {4, 4, 4, 1, 1, 4, 4, 1, 1, 1, 1, "VALID"},
      {1, 1, 1, 5, 5, 2, 1, 1, 1, 1, 1, "SAME"}};
  for (const auto &c : cases) {
    int n = 2, ic = c.c / c.groups;
    V image = some(n * c.h * c.w * c.c), weights = some(c.kh * c.kw * ic * c.oc);
    Tensor *out = conv(of(image, {n, c.h, c.w, c.c}), of(weights, {c.kh, c.kw, ic, c.oc}),
                       {1, c.sh, c.sw, 1}, c.padding, {1, c.dh, c.dw, 1});
    ASSERT_TRUE(out);
    bool same = std::string(c.padding) == "SAME";
    int reachH = (c.kh - 1) * c.dh + 1, reachW = (c.kw - 1) * c.dw + 1;
    int oh = same ? (c.h + c.sh - 1) / c.sh : (c.h - reachH) / c.sh + 1;
    int ow = same ? (c.w + c.sw - 1) / c.sw : (c.w - reachW) / c.sw + 1;
    int top = same ? std::max(0, (oh - 1) * c.sh + reachH - c.h) / 2 : 0;
    int left = same ? std::max(0, (ow - 1) * c.sw + reachW - c.w) / 2 : 0;
    ASSERT_EQ(known(out->shape), (std::vector<int64_t>{n, oh, ow, c.oc}));
    V want(size_t(n * oh * ow * c.oc), 0);
    for (int b = 0; b < n; ++b)
      for (int y = 0; y < c.h; ++y)
        for (int x = 0; x < c.w; ++x)
          for (int i = 0; i < c.kh; ++i)
            for (int j = 0; j < c.kw; ++j) {
              int ty = y + top - i * c.dh, tx = x + left - j * c.dw;
              if (ty < 0 || ty % c.sh || ty / c.sh >= oh || tx < 0 || tx % c.sw || tx / c.sw >= ow)
                continue;
              for (int k = 0; k < c.c; ++k)
                for (int o = 0; o < c.oc; ++o) {
                  if (o / (c.oc / c.groups) != k / ic) continue;
                  want[size_t(((b * oh + ty / c.sh) * ow + tx / c.sw) * c.oc + o)] +=
                      image[size_t(((b * c.h + y) * c.w + x) * c.c + k)] *
                      weights[size_t(((i * c.kw + j) * ic + k % ic) * c.oc + o)];
                }
            }
    EXPECT_EQ(numbers(out), want) << c.h << " " << c.padding << " groups " << c.groups;
  }
}

TEST_F(Window, ConvPadding) {
  Tensor *w = placeholder(DType::Float32, {5, 5, 32, 64});
  auto shapeOf = [&](std::vector<Dim> dims, std::vector<Dim> strides, const char *padding) {
    Tensor *made = conv(placeholder(DType::Float32, dims), w, strides, padding);
    return made ? toString(made->shape) + " " + pads(made) : error();
  };
  EXPECT_EQ(shapeOf({1, 28, 28, 32}, {1, 1, 1, 1}, "SAME"), "(1, 28, 28, 64) 2 2 2 2 ");
  EXPECT_EQ(shapeOf({1, 28, 28, 32}, {1, 1, 1, 1}, "VALID"), "(1, 24, 24, 64) 0 0 0 0 ");
  EXPECT_EQ(shapeOf({1, 28, 27, 32}, {2, 2}, "SAME"), "(1, 14, 14, 64) 1 2 2 2 ");
  EXPECT_EQ(shapeOf({1, 28, 28, 32}, {3}, "SAME"), "(1, 10, 10, 64) 2 2 2 2 ");
  EXPECT_EQ(shapeOf({0, 28, 28, 32}, {1}, "SAME"), "(0, 28, 28, 64) 2 2 2 2 ");
  EXPECT_EQ(shapeOf({1, 4, 28, 32}, {1}, "VALID"), "(1, 0, 24, 64) 0 0 0 0 ");
  EXPECT_EQ(shapeOf({1, 3, 28, 32}, {1}, "VALID"),
            "E0303 input: the window's height 5 is larger than the input's, 3");
  int64_t dims[] = {4, 2}, numbers[] = {0, 0, 3, 1, 0, 2, 0, 0};
  const Literal *literal = graph.makeLiteral(DType::Int64, dims, std::as_bytes(std::span(numbers)));
  Tensor *padded = call("conv2d", {{"input", placeholder(DType::Float32, {1, 4, 4, 32})},
                                   {"filters", w},
                                   {"strides", 1},
                                   {"padding", literal}});
  EXPECT_EQ(toString(padded->shape) + " " + pads(padded), "(1, 4, 2, 64) 3 1 0 2 ");
  EXPECT_EQ(padded->op->textAttr("padding"), "EXPLICIT");
}

TEST_F(Window, ConvOfRunTimeDimensions) {
  Dim n = dim("N"), h = dim("H");
  Tensor *x = placeholder(DType::Float32, {n, h, 28, 2}),
         *w = placeholder(DType::Float32, {5, 5, 2, 4});
  Tensor *same = conv(x, w, {1}, "SAME");
  EXPECT_EQ(toString(same->shape), "(N, H, 28, 4)");
  EXPECT_EQ(pads(same), "2 2 2 2 ");
  Tensor *valid = conv(x, w, {1}, "VALID");
  EXPECT_EQ(toString(valid->shape), "(N, H - 4, 24, 4)");
  ASSERT_EQ(valid->op->checks.size(), 1u);
  EXPECT_EQ(valid->op->checks[0].kind, DimCheck::AtLeast);
  EXPECT_EQ(valid->op->checks[0].message, "the height of Conv2D's input with padding");
  EXPECT_EQ(valid->op->checks[0].right, Dim(4));
  // Stride 2: what the sizes become is decided by H; compare with known sizes.
  Tensor *strided = conv(x, w, {2}, "SAME");
  for (int64_t size : {1, 2, 3, 4, 7, 8, 28}) {
    auto at = [&](Dim d) { return *evaluate(d, [&](const DimSymbol &) { return size; }); };
    Tensor *fixed = conv(placeholder(DType::Float32, {1, size, 28, 2}), w, {2}, "SAME");
    EXPECT_EQ(at(strided->shape[1]), fixed->shape[1].value) << size;
    for (size_t i = 0; i < 4; ++i)
      EXPECT_EQ(at(strided->op->dimsAttr("pads")[i]), fixed->op->dimsAttr("pads")[i].value)
          << size << ", side " << i;
  }
  symbols = {{"N", 1}, {"H", 3}};
  Tensor *run =
      conv(of(some(3 * 28 * 2), {n, h, 28, 2}), of(some(25 * 8), {5, 5, 2, 4}), {2}, "SAME");
  EXPECT_EQ(numbers(run).size(), size_t(2 * 14 * 4));
  Tensor *channels = conv(placeholder(DType::Float32, {1, 8, 8, dim("C")}), w, {1}, "SAME");
  ASSERT_EQ(channels->op->checks.size(), 1u);
  EXPECT_EQ(toString(conv(unknownRank(DType::Float32), w, {1}, "SAME")->shape), "<unknown>");
}

TEST_F(Window, ConvThatDoesNotFit) {
  Tensor *x = placeholder(DType::Float32, {1, 8, 8, 4}),
         *w = placeholder(DType::Float32, {3, 3, 3, 6});
  EXPECT_EQ(conv(x, w, {1}, "SAME"), nullptr);
  EXPECT_EQ(error(), "E0301: the channels of conv2d's input and filter differ: 4 and 3, in shapes "
                     "(1, 8, 8, 4) and (3, 3, 3, 6)");
  EXPECT_EQ(conv(x, placeholder(DType::Float32, {3, 3, 2, 5}), {1}, "SAME"), nullptr);
  EXPECT_EQ(error(), "E0301: 4 input channels and 2 of the filter make 2 groups, which do not "
                     "divide its 5 output channels");
  Tensor *fits = placeholder(DType::Float32, {3, 3, 4, 6});
  EXPECT_EQ(conv(placeholder(DType::Float32, {8, 8, 4}), fits, {1}, "SAME"), nullptr);
  EXPECT_EQ(error(), "E0301 input: the input of conv2d must have rank 4, not shape (8, 8, 4)");
  EXPECT_EQ(conv(x, fits, {1}, "same"), nullptr);
  EXPECT_EQ(error(), "E0303 padding: padding must be \"SAME\" or \"VALID\", not \"same\"");
  EXPECT_EQ(conv(x, fits, {0}, "SAME"), nullptr);
  EXPECT_EQ(error(), "E0303 strides: strides must be at least 1, not 0");
  EXPECT_EQ(conv(x, fits, {1, 2, 3}, "SAME"), nullptr);
  EXPECT_EQ(error(), "E0303 strides: strides must be one number, [height, width] or [1, height, "
                     "width, 1]");
  EXPECT_EQ(conv(x, fits, {2, 1, 1, 1}, "SAME"), nullptr);
  EXPECT_EQ(error(),
            "E0303 strides: strides of batch and channels must be 1: [1, height, width, 1]");
  EXPECT_EQ(call("conv2d", {{"input", x},
                            {"filter", fits},
                            {"strides", 1},
                            {"padding", "SAME"},
                            {"data_format", "NDHWC"}}),
            nullptr);
  EXPECT_EQ(error(), "E0303 data_format: data_format must be \"NHWC\" or \"NCHW\", not \"NDHWC\"");
  EXPECT_EQ(call("conv2d", {{"input", x}, {"filter", fits}, {"strides", 1}}), nullptr);
  EXPECT_EQ(error(), "E0103: conv2d needs the argument 'padding'");
  EXPECT_EQ(conv(of(DType::Int32, V(16), {1, 2, 2, 4}), placeholder(DType::Int32, {1, 1, 4, 1}),
                 {1}, "SAME"),
            nullptr);
  EXPECT_EQ(error(), "E0302 input: Conv2D needs a floating dtype, not int32");
  // A window so large that its reach leaves int64 (its filter holds nothing).
  Dim huge(int64_t(1) << 61);
  EXPECT_EQ(conv(placeholder(DType::Float32, {1, 8, 8, 4}),
                 placeholder(DType::Float32, {huge, 1, 4, 0}), {1}, "SAME", {1, 16, 1, 1}),
            nullptr);
  EXPECT_EQ(error(), "E0303 padding: the window is too large");
}

// Each channel by itself, as a convolution of one channel.
TEST_F(Window, DepthwiseIsOneConvolutionPerChannel) {
  int c = 3, m = 2;
  V image = some(6 * 5 * c), weights = some(9 * c * m);
  Tensor *out = call("depthwise_conv2d", {{"input", of(image, {1, 6, 5, c})},
                                          {"filter", of(weights, {3, 3, c, m})},
                                          {"strides", std::vector<Dim>{1, 2, 2, 1}},
                                          {"padding", "SAME"}});
  EXPECT_EQ(toString(out->shape), "(1, 3, 3, 6)");
  EXPECT_EQ(out->op->name, "depthwise");
  V got = numbers(out);
  for (int i = 0; i < c; ++i) {
    V plane, filter;
    for (int p = 0; p < 30; ++p) plane.push_back(image[size_t(p * c + i)]);
    for (int p = 0; p < 9; ++p)
      for (int j = 0; j < m; ++j) filter.push_back(weights[size_t((p * c + i) * m + j)]);
    V want = numbers(conv(of(plane, {1, 6, 5, 1}), of(filter, {3, 3, 1, m}), {2}, "SAME"));
    for (int p = 0; p < 9; ++p)
      for (int j = 0; j < m; ++j)
        EXPECT_EQ(got[size_t(p * c * m + i * m + j)], want[size_t(p * m + j)]);
  }
  EXPECT_EQ(call("depthwise_conv2d", {{"input", of(image, {1, 6, 5, c})},
                                      {"filter", of(some(8), {1, 1, 4, 2})},
                                      {"strides", 1},
                                      {"padding", "SAME"}}),
            nullptr);
  EXPECT_EQ(error(), "E0301: the channels of depthwise_conv2d's input and filter differ: 3 and 4");
}

TEST_F(Window, Pooling) {
  Tensor *x = of({1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 3, 3, 1});
  EXPECT_EQ(numbers(pool("max_pool", x, {2}, {1}, "VALID")), (V{5, 6, 8, 9}));
  EXPECT_EQ(numbers(pool("avg_pool", x, {2}, {1}, "VALID")), (V{3, 4, 6, 7}));
  // SAME pads at the end, and avg_pool leaves the padding out.
  EXPECT_EQ(numbers(pool("max_pool", x, {2}, {2}, "SAME")), (V{5, 6, 8, 9}));
  EXPECT_EQ(numbers(pool("avg_pool", x, {1, 2, 2, 1}, {1, 2, 2, 1}, "SAME")), (V{3, 4.5, 7.5, 9}));
  EXPECT_EQ(pads(pool("max_pool", x, {2}, {2}, "SAME")), "0 1 0 1 ");
  EXPECT_EQ(numbers(pool("max_pool", of({-1, -2, -3, -4}, {1, 2, 2, 1}), {3}, {1}, "SAME")),
            (V{-1, -1, -1, -1}));
  expectNear(
      numbers(pool("max_pool", of({1, nan, 3, -inf}, {1, 1, 4, 1}), {1, 2}, {1, 2}, "VALID")),
      {nan, 3});
  expectNear(numbers(pool("max_pool", of({nan, 1, 3, 2}, {1, 1, 4, 1}), {1, 2}, {1, 2}, "VALID")),
             {nan, 3});
  EXPECT_EQ(
      numbers(pool("max_pool", of(DType::Int8, {-128, -7}, {1, 1, 2, 1}), {1, 2}, {1}, "VALID")),
      V{-7});
  // A window far larger than the image ends.
  EXPECT_EQ(numbers(pool("avg_pool", x, {1000000000}, {3}, "SAME")), V{5});
  Tensor *later =
      pool("max_pool", placeholder(DType::Float32, {dim("N"), dim("H"), 8, 3}), {2}, {2}, "SAME");
  EXPECT_EQ(later->shape[0], dim("N"));
  EXPECT_EQ(later->shape[1], ceilDiv(dim("H"), 2));
}

TEST_F(Window, PoolingThatDoesNotFit) {
  Tensor *x = of({1, 2, 3, 4}, {1, 2, 2, 1});
  EXPECT_EQ(pool("max_pool", x, {1, 2, 2, 2}, {1}, "SAME"), nullptr);
  EXPECT_EQ(error(), "E0303 ksize: ksize of batch and channels must be 1: [1, height, width, 1]");
  EXPECT_EQ(pool("avg_pool", x, {4}, {1}, "VALID"), nullptr);
  EXPECT_EQ(error(), "E0303 value: the window's height 4 is larger than the input's, 2");
  EXPECT_EQ(pool("avg_pool", of(DType::Int32, {1}, {1, 1, 1, 1}), {1}, {1}, "VALID"), nullptr);
  EXPECT_EQ(error(), "E0302 value: AvgPool needs a floating dtype, not int32");
  EXPECT_EQ(pool("max_pool", of({1, 2}), {1}, {1}, "VALID"), nullptr);
  EXPECT_EQ(error(), "E0301 value: the input of max_pool must have rank 4, not shape (2,)");
}

} // namespace
} // namespace graphc
