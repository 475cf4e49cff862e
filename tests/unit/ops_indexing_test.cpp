// Indexing, slices, gather, one_hot, and tensors made of constants and shapes.
#include "ops/indexing.h"
#include "ops_harness.h"

namespace graphc {
namespace {
using Dims = std::vector<Dim>;
using Numbers = std::vector<double>;

IndexItem at(Dim index) { return {IndexItem::At, index, {}, 1}; }
IndexItem from(std::optional<Dim> begin, std::optional<Dim> end, int64_t step = 1) {
  return {IndexItem::Range, begin, end, step};
}
const IndexItem all{IndexItem::Range, {}, {}, 1};
const IndexItem ellipsis{IndexItem::Ellipsis, {}, {}, 1};
const IndexItem newAxis{IndexItem::NewAxis, {}, {}, 1};

struct Indexing : OpsTest {
  Tensor *index(Tensor *x, std::vector<IndexItem> items) {
    auto b = builder();
    return indexTensor(b, x, items);
  }
  std::string shapeOf(const Tensor *x) { return x ? toString(x->shape) : "none"; }
  const Literal *literal(std::vector<int64_t> numbers, std::vector<int64_t> dims) {
    return graph.makeLiteral(DType::Int64, dims, std::as_bytes(std::span(numbers)));
  }
  const Literal *literal(std::vector<double> numbers, std::vector<int64_t> dims) {
    return graph.makeLiteral(DType::Float64, dims, std::as_bytes(std::span(numbers)));
  }
};

// Every slice of small sizes against what Python's own rule gives, written down apart from the
// closed form that the operation is normalised with.
TEST_F(Indexing, EverySliceIsPythons) {
  auto python = [](int64_t size, std::optional<int64_t> begin, std::optional<int64_t> end,
                   int64_t step) {
    Numbers taken;
    auto clamp = [&](int64_t v) {
      if (v < 0) v += size;
      return step > 0 ? std::min(std::max<int64_t>(v, 0), size)
                      : std::min(std::max<int64_t>(v, -1), size - 1);
    };
    int64_t i = begin ? clamp(*begin) : step > 0 ? 0 : size - 1;
    int64_t stop = end ? clamp(*end) : step > 0 ? size : -1;
    for (; step > 0 ? i < stop : i > stop; i += step) taken.push_back(double(i));
    return taken;
  };
  std::vector<std::optional<int64_t>> bounds{std::nullopt};
  for (int64_t b = -6; b <= 6; b += b > -3 && b < 2 ? 1 : 2) bounds.push_back(b);
  auto asDim = [](std::optional<int64_t> v) { return v ? std::optional(Dim(*v)) : std::nullopt; };
  for (int64_t size : {0, 1, 2, 4, 5}) {
    Numbers contents;
    for (int64_t k = 0; k < size; ++k) contents.push_back(double(k));
    Tensor *fixed = of(contents, {Dim(size)});
    symbols["N"] = size;
    Tensor *run = of(contents, {dim("N")});
    for (auto begin : bounds)
      for (auto end : bounds)
        for (int64_t step : {1, 2, 3, -1, -2, 7, -7}) {
          auto want = python(size, begin, end, step);
          auto item = from(asDim(begin), asDim(end), step);
          auto say = [&] {
            return "size " + std::to_string(size) + " begin " +
                   (begin ? std::to_string(*begin) : "") + " end " +
                   (end ? std::to_string(*end) : "") + " step " + std::to_string(step);
          };
          Tensor *slice = index(fixed, {item});
          ASSERT_TRUE(slice) << say();
          ASSERT_TRUE(slice->shape.isStatic());
          ASSERT_EQ(numbers(slice), want) << say();
          ASSERT_EQ(numbers(index(run, {item})), want) << say() << " at run time";
        }
  }
}

TEST_F(Indexing, AxesComeAndGo) {
  Tensor *x = of({1, 2, 3, 4, 5, 6}, {2, 3});
  Tensor *y = index(x, {at(1)});
  EXPECT_EQ(shapeOf(y), "(3,)");
  EXPECT_EQ(numbers(y), (Numbers{4, 5, 6}));
  EXPECT_EQ(y->op->name, "strided_slice");
  EXPECT_EQ(numbers(index(x, {ellipsis, at(-1)})), (Numbers{3, 6}));
  EXPECT_EQ(numbers(index(x, {at(0), at(1)})), (Numbers{2}));
  EXPECT_EQ(shapeOf(index(x, {newAxis, ellipsis, newAxis})), "(1, 2, 3, 1)");
  y = index(x, {at(1), newAxis, from({}, {}, -1)});
  EXPECT_EQ(shapeOf(y), "(1, 3)");
  EXPECT_EQ(numbers(y), (Numbers{6, 5, 4}));
  EXPECT_EQ(shapeOf(index(x, {ellipsis})), "(2, 3)");
  EXPECT_EQ(shapeOf(index(of({7}, {}), {newAxis})), "(1,)");
}

TEST_F(Indexing, RunTimeBoundsReadWell) {
  Tensor *x = placeholder(DType::Float32, {dim("N"), 3});
  EXPECT_EQ(shapeOf(index(x, {from(Dim(1), {})})), "(max(N - 1, 0), 3)");
  EXPECT_EQ(shapeOf(index(x, {from({}, Dim(-1))})), "(max(N - 1, 0), 3)");
  EXPECT_EQ(shapeOf(index(x, {from(Dim(-2), {})})), "(min(N, 2), 3)");
  EXPECT_EQ(shapeOf(index(x, {from({}, dim("N"))})), "(N, 3)");
  Tensor *last = index(x, {at(-1)});
  EXPECT_EQ(shapeOf(last), "(3,)");
  ASSERT_EQ(last->op->checks.size(), 1u);
  EXPECT_EQ(last->op->checks[0].kind, DimCheck::AtLeast);
  Tensor *fifth = index(x, {at(5)});
  ASSERT_EQ(fifth->op->checks.size(), 1u);
  EXPECT_EQ(fifth->op->checks[0].right, Dim(6));
}

TEST_F(Indexing, Errors) {
  Tensor *x = of({1, 2, 3, 4, 5, 6}, {2, 3});
  index(x, {at(2)});
  EXPECT_EQ(error(), "E0107: index 2 is out of range for dimension 0 of (2, 3)");
  index(x, {all, at(-4)});
  EXPECT_EQ(error(), "E0107: index -4 is out of range for dimension 1 of (2, 3)");
  index(x, {at(0), at(0), at(0)});
  EXPECT_EQ(error(), "E0107: 3 indices for the 2 axes of (2, 3)");
  index(x, {ellipsis, ellipsis});
  EXPECT_EQ(error(), "E0103: `...` may stand only once");
  index(x, {from({}, {}, 0)});
  EXPECT_EQ(error(), "E0303: the step of a slice is 0");
}

TEST_F(Indexing, SliceAndStridedSlice) {
  Tensor *x = of({1, 2, 3, 4, 5, 6}, {2, 3});
  Tensor *y = call("slice", {{"input_", x}, {"begin", Dims{0, 1}}, {"size", Dims{-1, 2}}});
  EXPECT_EQ(numbers(y), (Numbers{2, 3, 5, 6}));
  EXPECT_EQ(y->op->name, "Slice");
  call("slice", {{"input_", x}, {"begin", Dims{0, 2}}, {"size", Dims{1, 2}}});
  EXPECT_EQ(error(), "E0303: a slice of 2 elements from 2 is not in dimension 1 of (2, 3)");
  call("slice", {{"input_", x}, {"begin", Dims{0}}, {"size", Dims{1}}});
  EXPECT_EQ(error(), "E0301 begin: begin has 1 numbers for the 2 axes of (2, 3)");
  Tensor *run = placeholder(DType::Float32, {dim("N")});
  y = call("slice", {{"input_", run}, {"begin", Dims{2}}, {"size", Dims{3}}});
  ASSERT_EQ(y->op->checks.size(), 1u);
  EXPECT_EQ(y->op->checks[0].right, Dim(5));
  y = call("strided_slice", {{"input_", x},
                             {"begin", Dims{1, 0}},
                             {"end", Dims{2, 3}},
                             {"strides", Dims{1, 2}},
                             {"shrink_axis_mask", 1}});
  EXPECT_EQ(numbers(y), (Numbers{4, 6}));
  EXPECT_EQ(y->op->name, "StridedSlice");
  y = call("strided_slice", {{"input_", x},
                             {"begin", Dims{0, 1}},
                             {"end", Dims{0, 0}},
                             {"end_mask", 2},
                             {"begin_mask", 1}});
  EXPECT_EQ(shapeOf(y), "(0, 2)");
}

TEST_F(Indexing, Gather) {
  Tensor *x = of({1, 2, 3, 4, 5, 6}, {3, 2}), *i = of(DType::Int32, {2, 0, 2});
  Tensor *y = call("gather", x, i);
  EXPECT_EQ(shapeOf(y), "(3, 2)");
  EXPECT_EQ(numbers(y), (Numbers{5, 6, 1, 2, 5, 6}));
  EXPECT_EQ(y->op->name, "GatherV2");
  y = call("gather", {{"params", x}, {"indices", of(DType::Int64, {1}, {})}, {"axis", 1}});
  EXPECT_EQ(numbers(y), (Numbers{2, 4, 6}));
  Tensor *rows = of({1, 2, 3, 4, 5, 6}, {2, 3}), *each = of(DType::Int32, {2, 0, 1, 1}, {2, 2});
  y = call("gather", {{"params", rows}, {"indices", each}, {"batch_dims", 1}});
  EXPECT_EQ(shapeOf(y), "(2, 2)");
  EXPECT_EQ(numbers(y), (Numbers{3, 1, 5, 5}));
  call("gather", x, of({1}));
  EXPECT_EQ(error(), "E0302 indices: GatherV2 needs int32 or int64 indices, not float32");
  call("gather", {{"params", x}, {"indices", i}, {"axis", 2}});
  EXPECT_EQ(error(), "E0303 axis: axis 2 is out of range [-2, 2)");
  run(call("gather", x, of(DType::Int32, {0, 3})));
  EXPECT_EQ(runError, "GatherV2_4: indices[1] = 3 is not in [0, 3)");
  EXPECT_EQ(numbers(call("gather", of(Numbers{}, {0, 2}), of(DType::Int32, {}))), Numbers{});
}

TEST_F(Indexing, OneHot) {
  Tensor *i = of(DType::Int32, {1, -1, 2});
  Tensor *y = call("one_hot", {{"indices", i}, {"depth", 3}});
  EXPECT_EQ(numbers(y), (Numbers{0, 1, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(y->op->name, "one_hot");
  EXPECT_EQ(y->dtype, DType::Float32);
  y = call("one_hot", {{"indices", i}, {"depth", 2}, {"axis", 0}, {"dtype", DType::Int64}});
  EXPECT_EQ(shapeOf(y), "(2, 3)");
  EXPECT_EQ(numbers(y), (Numbers{0, 0, 0, 1, 0, 0}));
  Tensor *five = builder().constant(DType::Int32, 5);
  y = call("one_hot", {{"indices", i}, {"depth", 2}, {"on_value", five}});
  EXPECT_EQ(y->dtype, DType::Int32);
  EXPECT_EQ(numbers(y), (Numbers{0, 5, 0, 0, 0, 0}));
  call("one_hot", {{"indices", i}, {"depth", 2}, {"on_value", five}, {"dtype", DType::Float32}});
  EXPECT_EQ(error(), "E0302 on_value: on_value has dtype int32, not float32");
  call("one_hot", {{"indices", i}, {"depth", -1}});
  EXPECT_EQ(error(), "E0303: depth -1 is negative");
}

TEST_F(Indexing, Constants) {
  Tensor *c = call("constant", {{"value", literal(std::vector<double>{0.1, 2}, {2})}});
  EXPECT_EQ(c->dtype, DType::Float32);
  EXPECT_EQ(c->op->name, "Const");
  c = call("constant",
           {{"value", literal(std::vector<double>{0.1}, {})}, {"dtype", DType::Float64}});
  EXPECT_EQ(numbers(c), (Numbers{0.1})); // not the float nearest to it
  c = call("constant", {{"value", literal(std::vector<int64_t>{3000000000}, {})}});
  EXPECT_EQ(c->dtype, DType::Int64);
  c = call("constant",
           {{"value", literal(std::vector<int64_t>{1, 2}, {2})}, {"shape", Dims{2, 2}}});
  EXPECT_EQ(c->dtype, DType::Int32);
  EXPECT_EQ(numbers(c), (Numbers{1, 2, 2, 2}));
  c = call("constant",
           {{"value", literal(std::vector<int64_t>{7}, {})}, {"shape", Dims{1000, 1000}}});
  EXPECT_EQ(c->op->type, "Fill"); // 4 MB that need not be stored
  call("constant", {{"value", literal(std::vector<int64_t>{1, 2, 3}, {3})}, {"shape", Dims{2}}});
  EXPECT_EQ(error(), "E0301 shape: 3 values do not fill the shape (2,) of 2 elements");
  call("constant", {{"value", literal(std::vector<int64_t>{1, 2}, {2})},
                    {"shape", Dims{2, 1}},
                    {"verify_shape", true}});
  EXPECT_EQ(error(), "E0301 shape: the value has shape (2,), not (2, 1)");
  call("constant", {{"value", literal(std::vector<int64_t>{300}, {})}, {"dtype", DType::Int8}});
  EXPECT_EQ(error(), "E0302 value: 300 is out of the range of int8");
  call("constant", {{"value", literal(std::vector<double>{1.5}, {})}, {"dtype", DType::Int32}});
  EXPECT_EQ(error(), "E0302 value: a value of dtype float64 cannot be a constant of dtype int32");
}

TEST_F(Indexing, Filled) {
  EXPECT_EQ(numbers(call("zeros", {{"shape", Dims{2}}})), (Numbers{0, 0}));
  Tensor *ones = call("ones", {{"shape", Dims{2}}, {"dtype", DType::Bool}});
  EXPECT_EQ(numbers(ones), (Numbers{1, 1}));
  EXPECT_EQ(ones->op->name, "ones");
  Tensor *run = placeholder(DType::Int64, {dim("N"), 2});
  Tensor *like = call("zeros_like", run);
  EXPECT_EQ(shapeOf(like), "(N, 2)");
  EXPECT_EQ(like->dtype, DType::Int64);
  EXPECT_EQ(call("ones_like", {{"tensor", run}, {"dtype", DType::Float32}})->dtype, DType::Float32);
  EXPECT_EQ(numbers(call("fill", {{"dims", Dims{3}}, {"value", of({4}, {})}})), (Numbers{4, 4, 4}));
  call("fill", {{"dims", Dims{3}}, {"value", of({4})}});
  EXPECT_EQ(error(), "E0301 value: the value of fill must have rank 0, not shape (1,)");
  call("zeros", {{"shape", Dims{-1}}});
  EXPECT_EQ(error(), "E0303: shape (-1,) has a negative dimension");
  EXPECT_EQ(numbers(call("eye", {{"num_rows", Dims{2}}, {"num_columns", Dims{3}}})),
            (Numbers{1, 0, 0, 0, 1, 0}));
  Tensor *eyes = call("eye", {{"num_rows", Dims{2}}, {"batch_shape", Dims{2}}});
  EXPECT_EQ(numbers(eyes), (Numbers{1, 0, 0, 1, 1, 0, 0, 1}));
  EXPECT_EQ(eyes->op->name, "eye_1");
}

TEST_F(Indexing, Range) {
  auto number = [&](DType dtype, double v) { return builder().constant(dtype, v); };
  auto range = [&](Tensor *start, Tensor *limit, Tensor *delta) {
    return limit ? call("range", {{"start", start}, {"limit", limit}, {"delta", delta}})
                 : call("range", {{"start", start}, {"delta", delta}});
  };
  Tensor *one = number(DType::Int32, 1);
  Tensor *r = range(number(DType::Int32, 4), nullptr, one);
  EXPECT_EQ(r->dtype, DType::Int32);
  EXPECT_EQ(numbers(r), (Numbers{0, 1, 2, 3}));
  r = range(number(DType::Int32, 3), number(DType::Int64, -2), number(DType::Int32, -2));
  EXPECT_EQ(r->dtype, DType::Int64);
  EXPECT_EQ(numbers(r), (Numbers{3, 1, -1}));
  // Each number is the one before plus delta, in float32: ten tenths are a little more than 1.
  r = range(number(DType::Float32, 0), number(DType::Float32, 1), number(DType::Float32, 0.1));
  float sum = 0;
  Numbers want;
  for (int k = 0; k < 10; ++k, sum += 0.1f) want.push_back(sum);
  EXPECT_EQ(numbers(r), want);
  Tensor *x = placeholder(DType::Float32, {dim("N")});
  symbols["N"] = 5;
  r = range(one, call("size", x), number(DType::Int32, 2));
  EXPECT_EQ(shapeOf(r), "(max(-(-N + 1)//2, 0),)");
  EXPECT_EQ(numbers(r), (Numbers{1, 3}));
  range(number(DType::Int32, 5), number(DType::Int32, 3), one);
  EXPECT_EQ(error(), "E0303: range from 5 to 3 by 1 has the wrong direction");
  range(one, nullptr, number(DType::Int32, 0));
  EXPECT_EQ(error(), "E0303 delta: delta of range is 0");
  range(of(DType::Int32, {3}, {}), nullptr, one);
  EXPECT_EQ(error(),
            "E0303: how long a range is must follow from numbers and dimensions known when "
            "it is compiled");
}

TEST_F(Indexing, ContentsOfShapesAreFollowed) {
  Tensor *x = placeholder(DType::Float32, {dim("N"), 4, 3});
  Tensor *s = call("shape", x);
  Tensor *first = index(s, {at(0)});
  ASSERT_TRUE(first->value);
  EXPECT_TRUE(first->value->scalar);
  EXPECT_EQ(first->value->elements[0], dim("N"));
  Tensor *rest = index(s, {from(Dim(1), {})});
  ASSERT_TRUE(rest->value);
  EXPECT_EQ(rest->value->elements[1], Dim(3));
  Tensor *picked = call("gather", s, builder().constant(std::vector<int64_t>{2, 0}));
  ASSERT_TRUE(picked->value);
  EXPECT_EQ(picked->value->elements[1], dim("N"));
}

TEST_F(Indexing, PlaceholderWithDefault) {
  Tensor *given = of({1, 2}, {2});
  auto make = [&](std::vector<Dim> dims) -> Tensor * {
    Attr attrs[] = {dimsAttr("shape", graph.arena.copy(dims))};
    auto *op = builder().make(*findOp("PlaceholderWithDefault"), "d", {&given, 1}, attrs);
    return op ? op->output() : nullptr;
  };
  EXPECT_EQ(shapeOf(make({dim("N")})), "(N,)");
  make({Dim(3)});
  EXPECT_EQ(error(), "E0301: the default has shape (2,), the placeholder (3,)");
}

} // namespace
} // namespace graphc
