// Shaping, joining, cutting, padding, casts.
#include "ops/rules.h"
#include "ops_harness.h"

namespace graphc {
namespace {
using Dims = std::vector<Dim>;
using Numbers = std::vector<double>;

struct ArrayOps : OpsTest {
  /// An int64 constant as the paddings of `pad` are given.
  const Literal *pairs(const std::vector<int64_t> &numbers) {
    int64_t dims[] = {int64_t(numbers.size() / 2), 2};
    return graph.makeLiteral(DType::Int64, dims, std::as_bytes(std::span(numbers)));
  }
  Tensor *scalar(DType dtype, double value) { return builder().constant(dtype, value); }
  std::string shapeOf(const Tensor *x) { return x ? toString(x->shape) : "none"; }
};

TEST_F(ArrayOps, ReshapeKeepsTheOrderOfElements) {
  Tensor *x = of({1, 2, 3, 4, 5, 6}, {2, 3});
  Tensor *y = call("reshape", {{"tensor", x}, {"shape", Dims{3, 2}}});
  EXPECT_EQ(shapeOf(y), "(3, 2)");
  EXPECT_EQ(numbers(y), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(y->op->name, "Reshape");
}

TEST_F(ArrayOps, ReshapeFindsTheOpenDimension) {
  Tensor *x = placeholder(DType::Float32, {4, 6});
  EXPECT_EQ(shapeOf(call("reshape", {{"tensor", x}, {"shape", Dims{3, -1}}})), "(3, 8)");
  Tensor *run = placeholder(DType::Float32, {dim("N"), 4, 3});
  Tensor *flat = call("reshape", {{"tensor", run}, {"shape", Dims{-1, 12}}});
  EXPECT_EQ(shapeOf(flat), "(N, 12)");
  EXPECT_TRUE(flat->op->checks.empty());
  EXPECT_EQ(shapeOf(call("reshape", {{"tensor", run}, {"shape", Dims{dim("N"), -1}}})), "(N, 12)");
  Tensor *halves = call("reshape", {{"tensor", run}, {"shape", Dims{dim("N"), 2, -1}}});
  EXPECT_EQ(shapeOf(halves), "(N, 2, 6)");
  EXPECT_TRUE(halves->op->checks.empty());
}

TEST_F(ArrayOps, ReshapeChecksWhatIsKnownWhenRunOnly) {
  Tensor *x = placeholder(DType::Float32, {dim("N"), 3});
  Tensor *y = call("reshape", {{"tensor", x}, {"shape", Dims{-1, 2}}});
  ASSERT_TRUE(y);
  ASSERT_EQ(y->op->checks.size(), 1u);
  EXPECT_EQ(y->op->checks[0].kind, DimCheck::Equal);
  EXPECT_EQ(y->op->checks[0].message, "the sizes of (N, 3) and of ((3*N)//2, 2), to which it is "
                                      "reshaped");
}

TEST_F(ArrayOps, ReshapeRefusesWhatDoesNotFit) {
  Tensor *x = placeholder(DType::Float32, {2, 3});
  call("reshape", {{"tensor", x}, {"shape", Dims{4, 2}}});
  EXPECT_EQ(error(), "E0301 tensor: cannot reshape (2, 3) to (4, 2): 6 elements against 8");
  call("reshape", {{"tensor", x}, {"shape", Dims{-1, -1}}});
  EXPECT_EQ(error(), "E0303 shape: only one dimension of a shape may be -1");
  call("reshape", {{"tensor", x}, {"shape", Dims{4, -1}}});
  EXPECT_EQ(error(), "E0301 shape: cannot reshape (2, 3) with 6 elements so that the other "
                     "dimensions, 4 in all, divide them");
  call("reshape", {{"tensor", x}, {"shape", Dims{0, -1}}});
  EXPECT_EQ(error(), "E0301 shape: -1 beside a dimension of 0 can be any number");
  call("reshape", {{"tensor", x}, {"shape", Dims{-2, -3}}});
  EXPECT_EQ(error(), "E0303: -2 is no dimension");
  int64_t huge = int64_t(1) << 40;
  call("reshape", {{"tensor", x}, {"shape", Dims{huge, huge}}});
  EXPECT_EQ(error(), "E0303: shape (1099511627776, 1099511627776) is too large");
}

TEST_F(ArrayOps, ReshapeOfEmptyAndScalar) {
  Tensor *empty = of(Numbers{}, {0, 4});
  EXPECT_EQ(shapeOf(call("reshape", {{"tensor", empty}, {"shape", Dims{-1, 2}}})), "(0, 2)");
  Tensor *one = of({7}, {});
  Tensor *vector = call("reshape", {{"tensor", one}, {"shape", Dims{-1}}});
  EXPECT_EQ(shapeOf(vector), "(1,)");
  EXPECT_EQ(numbers(vector), (Numbers{7}));
}

TEST_F(ArrayOps, SqueezeAndExpandDims) {
  Tensor *x = of({1, 2}, {1, 2, 1});
  EXPECT_EQ(shapeOf(call("squeeze", x)), "(2,)");
  EXPECT_EQ(shapeOf(call("squeeze", {{"input", x}, {"axis", Dims{-1}}})), "(1, 2)");
  EXPECT_EQ(shapeOf(call("squeeze", {{"input", x}, {"squeeze_dims", Dims{0}}})), "(2, 1)");
  EXPECT_EQ(shapeOf(call("expand_dims", {{"input", x}, {"axis", 0}})), "(1, 1, 2, 1)");
  EXPECT_EQ(shapeOf(call("expand_dims", {{"input", x}, {"axis", -1}})), "(1, 2, 1, 1)");
  EXPECT_EQ(shapeOf(call("expand_dims", {{"input", x}, {"dim", 3}})), "(1, 2, 1, 1)");
  call("squeeze", {{"input", x}, {"axis", Dims{1}}});
  EXPECT_EQ(error(), "E0301 input: cannot squeeze axis 1 of (1, 2, 1): its size is not 1");
  call("squeeze", {{"input", x}, {"axis", Dims{0, -3}}});
  EXPECT_EQ(error(), "E0303 axis: axis 0 is given twice");
  call("expand_dims", {{"input", x}, {"axis", 4}});
  EXPECT_EQ(error(), "E0303 axis: axis 4 is out of range [-4, 4)");
  call("expand_dims", x);
  EXPECT_EQ(error(), "E0103: expand_dims needs an axis");
}

TEST_F(ArrayOps, SqueezeOfRunTimeDimensions) {
  Tensor *x = placeholder(DType::Float32, {dim("N"), 1});
  call("squeeze", x);
  EXPECT_EQ(error(), "E0303 axis: dimension 0 of (N, 1) is known at run time only: say with axis= "
                     "which axes to squeeze");
  Tensor *y = call("squeeze", {{"input", x}, {"axis", Dims{0}}});
  EXPECT_EQ(shapeOf(y), "(1,)");
  ASSERT_EQ(y->op->checks.size(), 1u);
  EXPECT_EQ(y->op->checks[0].right, Dim(1));
}

TEST_F(ArrayOps, Transpose) {
  Tensor *x = of({1, 2, 3, 4, 5, 6}, {2, 3});
  Tensor *y = call("transpose", x);
  EXPECT_EQ(shapeOf(y), "(3, 2)");
  EXPECT_EQ(numbers(y), (Numbers{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(y->op->name, "transpose");
  Tensor *z = of({1, 2, 3, 4, 5, 6, 7, 8}, {2, 2, 2});
  Tensor *turned = call("transpose", {{"a", z}, {"perm", Dims{2, 0, -2}}});
  EXPECT_EQ(numbers(turned), (Numbers{1, 3, 5, 7, 2, 4, 6, 8}));
  call("transpose", {{"a", z}, {"perm", Dims{0, 1}}});
  EXPECT_EQ(error(), "E0303 perm: perm has 2 axes, the operand (2, 2, 2) has 3");
  call("transpose", {{"a", z}, {"perm", Dims{0, 1, 1}}});
  EXPECT_EQ(error(), "E0303 perm: axis 1 is given twice");
  Tensor *m = call("matrix_transpose", z);
  EXPECT_EQ(m->op->name, "matrix_transpose/transpose");
  EXPECT_EQ(numbers(m), (Numbers{1, 3, 2, 4, 5, 7, 6, 8}));
}

TEST_F(ArrayOps, Reverse) {
  Tensor *x = of({1, 2, 3, 4, 5, 6}, {2, 3});
  EXPECT_EQ(numbers(call("reverse", {{"tensor", x}, {"axis", Dims{1}}})),
            (Numbers{3, 2, 1, 6, 5, 4}));
  EXPECT_EQ(numbers(call("reverse", {{"tensor", x}, {"axis", Dims{0, -1}}})),
            (Numbers{6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(numbers(call("reverse", {{"tensor", of(Numbers{}, {0, 3})}, {"axis", Dims{0}}})),
            Numbers{});
}

TEST_F(ArrayOps, ConcatAndStack) {
  Tensor *a = of({1, 2, 3, 4}, {2, 2}), *b = of({5, 6}, {2, 1}), *none = of(Numbers{}, {2, 0});
  Tensor *wide = call("concat", {{"values", std::vector{a, b, none}}, {"axis", -1}});
  EXPECT_EQ(shapeOf(wide), "(2, 3)");
  EXPECT_EQ(numbers(wide), (Numbers{1, 2, 5, 3, 4, 6}));
  EXPECT_EQ(wide->op->name, "concat");
  Tensor *c = of({1, 2}), *d = of({3, 4});
  EXPECT_EQ(numbers(call("stack", {{"values", std::vector{c, d}}, {"axis", 1}})),
            (Numbers{1, 3, 2, 4}));
  EXPECT_EQ(numbers(call("stack", {{"values", std::vector{c, d}}})), (Numbers{1, 2, 3, 4}));
  call("concat", {{"values", std::vector{a, b}}, {"axis", 0}});
  EXPECT_EQ(error(),
            "E0301: cannot concatenate (2, 2) and (2, 1) along axis 0: dimension 1 is 2 and 1");
  call("concat", {{"values", std::vector{a, c}}, {"axis", 0}});
  EXPECT_EQ(error(), "E0301: cannot concatenate (2, 2) and (2,): their ranks differ");
  call("concat", {{"values", std::vector{a}}, {"axis", 2}});
  EXPECT_EQ(error(), "E0303 axis: axis 2 is out of range [-2, 2)");
  call("concat", {{"values", std::vector{of({1}, {})}}, {"axis", 0}});
  EXPECT_EQ(error(), "E0301 values: scalars cannot be concatenated; stack joins them");
  call("stack", {{"values", std::vector{a, b}}});
  EXPECT_EQ(error(), "E0301: cannot stack (2, 2) and (2, 1): shapes differ");
  call("stack", {{"values", std::vector<Tensor *>{}}});
  EXPECT_EQ(error(), "E0103 values: stack needs at least one tensor");
  call("concat", {{"values", std::vector{a, of(DType::Int32, {1, 2}, {2, 1})}}, {"axis", 1}});
  EXPECT_EQ(error(), "E0302: operands have dtypes float32 and int32");
}

TEST_F(ArrayOps, ConcatOfRunTimeDimensions) {
  Tensor *a = placeholder(DType::Float32, {dim("N"), 2}), *b = placeholder(DType::Float32, {3, 2});
  EXPECT_EQ(shapeOf(call("concat", {{"values", std::vector{a, b}}, {"axis", 0}})), "(N + 3, 2)");
  Tensor *beside = call("concat", {{"values", std::vector{a, b}}, {"axis", 1}});
  EXPECT_EQ(shapeOf(beside), "(3, 4)"); // N must be 3
  ASSERT_EQ(beside->op->checks.size(), 1u);
  EXPECT_EQ(beside->op->checks[0].left, dim("N"));
}

TEST_F(ArrayOps, SplitAndUnstack) {
  Tensor *x = of({1, 2, 3, 4, 5, 6}, {2, 3});
  Tensor *first = call("split", {{"value", x}, {"num_or_size_splits", 3}, {"axis", 1}});
  ASSERT_EQ(first->op->outputs.size(), 3u);
  EXPECT_EQ(shapeOf(first), "(2, 1)");
  EXPECT_EQ(numbers(first->op->output(2)), (Numbers{3, 6}));
  first = call("split", {{"value", x}, {"num_or_size_splits", Dims{1, -1, 0}}, {"axis", 1}});
  EXPECT_EQ(shapeOf(first->op->output(1)), "(2, 2)");
  EXPECT_EQ(numbers(first->op->output(1)), (Numbers{2, 3, 5, 6}));
  EXPECT_EQ(numbers(first->op->output(2)), Numbers{});
  first = call("unstack", {{"value", x}, {"axis", 1}});
  ASSERT_EQ(first->op->outputs.size(), 3u);
  EXPECT_EQ(shapeOf(first), "(2,)");
  EXPECT_EQ(numbers(first->op->output(1)), (Numbers{2, 5}));
  call("split", {{"value", x}, {"num_or_size_splits", 2}, {"axis", 1}});
  EXPECT_EQ(error(), "E0301 num_or_size_splits: dimension 1 of (2, 3) does not divide by 2");
  call("split", {{"value", x}, {"num_or_size_splits", Dims{1, 1}}, {"axis", 1}});
  EXPECT_EQ(error(), "E0301 value: the pieces' sizes add up to 2, dimension 1 of (2, 3) is 3");
  call("split", {{"value", x}, {"num_or_size_splits", Dims{5, -1}}, {"axis", 1}});
  EXPECT_EQ(error(), "E0303: size -2 of a piece is negative");
  call("unstack", {{"value", x}, {"num", 4}});
  EXPECT_EQ(error(), "E0301 value: axis 0 of (2, 3) has not the size 4 = num");
  Tensor *run = placeholder(DType::Float32, {dim("N"), 3});
  call("unstack", run);
  EXPECT_EQ(error(),
            "E0303 num: dimension 0 of (N, 3) is known at run time only: say with num= how "
            "many tensors there are");
  Tensor *halves = call("split", {{"value", run}, {"num_or_size_splits", 2}});
  EXPECT_EQ(shapeOf(halves), "(N//2, 3)");
  EXPECT_EQ(halves->op->checks.size(), 1u);
}

TEST_F(ArrayOps, TileAndBroadcast) {
  Tensor *x = of({1, 2, 3}, {1, 3});
  EXPECT_EQ(numbers(call("tile", {{"input", x}, {"multiples", Dims{2, 2}}})),
            (Numbers{1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}));
  EXPECT_EQ(numbers(call("tile", {{"input", x}, {"multiples", Dims{0, 2}}})), Numbers{});
  EXPECT_EQ(numbers(call("broadcast_to", {{"input", x}, {"shape", Dims{2, 2, 3}}})),
            (Numbers{1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}));
  call("tile", {{"input", x}, {"multiples", Dims{2}}});
  EXPECT_EQ(error(), "E0301: 1 multiples for the 2 axes of (1, 3)");
  call("tile", {{"input", x}, {"multiples", Dims{2, -1}}});
  EXPECT_EQ(error(), "E0303: multiple -1 is negative");
  call("broadcast_to", {{"input", x}, {"shape", Dims{2, 4}}});
  EXPECT_EQ(error(), "E0301 input: (1, 3) does not broadcast to (2, 4)");
}

TEST_F(ArrayOps, Pad) {
  Tensor *x = of({1, 2, 3, 4}, {2, 2});
  Tensor *zero = scalar(DType::Float32, 0), *nine = scalar(DType::Float32, 9);
  Tensor *y =
      call("pad", {{"tensor", x}, {"paddings", pairs({1, 0, 0, 2})}, {"constant_values", zero}});
  EXPECT_EQ(shapeOf(y), "(3, 4)");
  EXPECT_EQ(numbers(y), (Numbers{0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0, 0}));
  EXPECT_EQ(y->op->name, "Pad");
  y = call("pad", {{"tensor", x}, {"paddings", pairs({0, 0, 1, 0})}, {"constant_values", nine}});
  EXPECT_EQ(numbers(y), (Numbers{9, 1, 2, 9, 3, 4}));
  EXPECT_EQ(y->op->name, "PadV2");
  Tensor *v = of({1, 2, 3});
  y = call("pad", {{"tensor", v}, {"paddings", pairs({2, 2})}, {"mode", "reflect"}});
  EXPECT_EQ(numbers(y), (Numbers{3, 2, 1, 2, 3, 2, 1}));
  EXPECT_EQ(y->op->name, "MirrorPad");
  y = call("pad", {{"tensor", v}, {"paddings", pairs({3, 3})}, {"mode", "SYMMETRIC"}});
  EXPECT_EQ(numbers(y), (Numbers{3, 2, 1, 1, 2, 3, 3, 2, 1}));
  call("pad", {{"tensor", v}, {"paddings", pairs({3, 0})}, {"mode", "REFLECT"}});
  EXPECT_EQ(error(), "E0303: padding 3 is more than mode REFLECT finds in dimension 0 of (3,)");
  call("pad", {{"tensor", v}, {"paddings", pairs({0, 0})}, {"mode", "WRAP"}});
  EXPECT_EQ(error(), "E0303 mode: mode 'WRAP' is none of CONSTANT, REFLECT, SYMMETRIC");
  call("pad", {{"tensor", x}, {"paddings", pairs({1, 1})}, {"constant_values", zero}});
  EXPECT_EQ(error(), "E0301 paddings: paddings must be a list of [before, after] for each of the 2 "
                     "axes of (2, 2)");
  call("pad", {{"tensor", v}, {"paddings", pairs({-1, 0})}, {"constant_values", zero}});
  EXPECT_EQ(error(), "E0303: padding -1 is negative");
}

TEST_F(ArrayOps, CastRoundsSaturatesAndWraps) {
  double inf = INFINITY;
  Tensor *x = of({1.9, -1.9, 3e9, -3e9, NAN, inf, -inf});
  EXPECT_EQ(numbers(call("cast", {{"x", x}, {"dtype", DType::Int32}})),
            (Numbers{1, -1, 2147483647, -2147483648.0, 0, 2147483647, -2147483648.0}));
  EXPECT_EQ(numbers(call("cast", {{"x", x}, {"dtype", DType::UInt8}})),
            (Numbers{1, 0, 255, 0, 0, 255, 0}));
  EXPECT_EQ(numbers(call("cast", {{"x", x}, {"dtype", DType::Bool}})),
            (Numbers{1, 1, 1, 1, 1, 1, 1}));
  Tensor *n = of(DType::Int32, {300, -1, 65536});
  EXPECT_EQ(numbers(call("cast", {{"x", n}, {"dtype", DType::Int8}})), (Numbers{44, -1, 0}));
  EXPECT_EQ(numbers(call("cast", {{"x", n}, {"dtype", DType::Bool}})), (Numbers{1, 1, 1}));
  // Rounded once: by way of double, 2^60 + 2^36 + 1 would give 2^60.
  Tensor *big = placeholder(DType::Int64, {1});
  values[big].reset(DType::Int64, {1});
  *values[big].as<int64_t>() = (int64_t(1) << 60) + (int64_t(1) << 36) + 1;
  EXPECT_EQ(numbers(call("cast", {{"x", big}, {"dtype", DType::Float32}})),
            (Numbers{std::ldexp(1.0, 60) + std::ldexp(1.0, 37)}));
  Tensor *half = call("cast", {{"x", of({65519, 65520, 1e-8})}, {"dtype", DType::Float16}});
  EXPECT_EQ(numbers(half), (Numbers{65504, inf, 0}));
}

TEST_F(ArrayOps, CastToItsOwnDTypeIsTheTensorAndTakesTheName) {
  Tensor *x = of({1});
  EXPECT_EQ(call("cast", {{"x", x}, {"dtype", DType::Float32}}), x);
  EXPECT_EQ(call("cast", {{"x", x}, {"dtype", DType::Int32}})->op->name, "Cast_1");
  EXPECT_EQ(call("to_int64", x)->op->name, "ToInt64");
}

TEST_F(ArrayOps, UnknownRank) {
  Tensor *x = unknownRank(DType::Float32);
  EXPECT_EQ(shapeOf(call("identity", x)), "<unknown>");
  EXPECT_EQ(call("cast", {{"x", x}, {"dtype", DType::Int32}})->dtype, DType::Int32);
  call("squeeze", x);
  EXPECT_EQ(error(), "E0301 input: the rank of the operand must be known");
  call("unstack", x);
  EXPECT_EQ(error(), "E0301 value: the rank of the operand must be known");
}

TEST_F(ArrayOps, ContentsOfShapesAreFollowed) {
  Tensor *x = placeholder(DType::Float32, {dim("N"), 4, 3});
  Tensor *s = call("shape", x);
  auto show = [](const Tensor *t) {
    std::string text;
    if (!t->value) return std::string("unknown");
    for (Dim d : t->value->elements) text += (text.empty() ? "" : " ") + toString(d);
    return (t->value->scalar ? "scalar " : "") + text;
  };
  EXPECT_EQ(show(s), "N 4 3");
  EXPECT_EQ(show(call("size", x)), "scalar 12*N");
  EXPECT_EQ(show(call("rank", x)), "scalar 3");
  EXPECT_EQ(show(call("reverse", {{"tensor", s}, {"axis", Dims{0}}})), "3 4 N");
  Tensor *parts = call("unstack", s);
  EXPECT_EQ(show(parts), "scalar N");
  EXPECT_EQ(show(call("stack", {{"values", std::vector{parts, parts->op->output(2)}}})), "N 3");
  EXPECT_EQ(show(call("cast", {{"x", s}, {"dtype", DType::Int64}})), "N 4 3");
  EXPECT_EQ(show(call("cast", {{"x", s}, {"dtype", DType::Float32}})), "unknown");
  Tensor *pieces = call("split", {{"value", s}, {"num_or_size_splits", Dims{1, 2}}});
  EXPECT_EQ(show(pieces->op->output(1)), "4 3");
  EXPECT_EQ(
      show(call("concat", {{"values", std::vector{pieces->op->output(1), pieces}}, {"axis", 0}})),
      "4 3 N");
  EXPECT_EQ(show(call("squeeze", pieces)), "scalar N");
  EXPECT_EQ(show(call("expand_dims", {{"input", parts}, {"axis", 0}})), "N");
  Tensor *two = builder().constant(DType::Int32, 2);
  EXPECT_EQ(show(call("multiply", parts, two)), "scalar 2*N");
  EXPECT_EQ(show(call("multiply", s, two)), "2*N 8 6");
  EXPECT_EQ(show(call("floordiv", parts, two)), "scalar N//2");
}

TEST(Rules, KnownNonNegative) {
  DimContext dims;
  Dim n = dims.named("N"), m = dims.named("M");
  EXPECT_TRUE(knownNonNegative(n * Dim(2) + m + Dim(1)));
  EXPECT_FALSE(knownNonNegative(n - Dim(1)));
  EXPECT_TRUE(knownNonNegative(ceilDiv(n, Dim(2))));
  EXPECT_FALSE(knownNonNegative(ceilDiv(n - Dim(1), Dim(2))));
  EXPECT_TRUE(knownNonNegative(max(n - Dim(1), Dim(0))));
  EXPECT_TRUE(knownNonNegative(floorDiv(n, Dim(3))));
  EXPECT_FALSE(knownNonNegative(n * Dim(-1)));
  EXPECT_EQ(clampToZero(n), n);
  EXPECT_EQ(toString(clampToZero(n - Dim(1))), "max(N - 1, 0)");
}

} // namespace
} // namespace graphc
