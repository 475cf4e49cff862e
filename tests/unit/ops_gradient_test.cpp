// Every operation's gradient, and the gradient of that, against central differences in float64 of
// the reference evaluations, with known and with run-time dimensions.
//
// The samples of a type are listed in `sampleTable`. A type that is neither there nor in `none`,
// with the reason why nothing flows through it, fails the test: no operation is added without.
#include "gradient_samples.h"

namespace graphc {
namespace {

// Samples ---------------------------------------------------------------------------------------

template <Data data = Data::Any>
void unary(Samples &s) {
  s.add({s.in({2, 3}, data)});
  s.add({s.in({}, data)});
}
template <Data left = Data::Any, Data right = left>
void binary(Samples &s) {
  s.add({s.in({2, 3}, left), s.in({2, 3}, right)});
  s.add({s.in({2, 3}, left), s.in({3}, right)});
  s.add({s.in({}, left), s.in({2, 3}, right)});
  s.add({s.in({2, 1, 3}, left), s.in({4, 1}, right)});
  Tensor *both = s.in({3}, Data::Positive);
  s.add({both, both});
}
void distinct(Samples &s) {
  auto add = [&](const Sizes &left, const Sizes &right) {
    Tensor *x = s.in(left, Data::Distinct), *y = s.in(right, Data::Any);
    s.add({x, y});
  };
  add({2, 3}, {2, 3});
  add({3}, {2, 3});
}
void addN(Samples &s) {
  Tensor *x = s.in({2, 3});
  s.add({x, s.in({2, 3}), x});
  s.add({x});
}
void leakyRelu(Samples &s) { s.add({s.in({2, 3})}, {floatAttr("alpha", 0.3)}); }
void relu6(Samples &s) { s.add({s.given(DType::Float64, {5}, {-1, 0.5, 3, 5.5, 7})}); }
void cast(Samples &s) { s.add({s.in({2, 3})}, {typeAttr("dtype", DType::Float64)}); }
void select(Samples &s) {
  s.add({s.flags({2, 3}), s.in({2, 3}), s.in({2, 3})});
  s.add({s.flags({2, 1}), s.in({3}), s.in({})});
}
void biasAdd(Samples &s) {
  s.add({s.in({2, 3}), s.in({3})});
  s.add({s.in({2, 2, 1, 3}), s.in({3})});
}
void matMul(Samples &s) {
  for (bool ta : {false, true})
    for (bool tb : {false, true}) {
      auto add = [&](Sizes a, Sizes b) {
        if (ta) std::swap(a[a.size() - 2], a[a.size() - 1]);
        if (tb) std::swap(b[b.size() - 2], b[b.size() - 1]);
        s.add({s.in(a), s.in(b)}, {boolAttr("transpose_a", ta), boolAttr("transpose_b", tb)});
      };
      add({2, 3}, {3, 4});
      add({3, 2, 4}, {3, 4, 2}); // a product each
      add({3, 2, 4}, {4, 2});    // one b for all
      add({2, 4}, {3, 4, 2});    // one a for all
      add({2, 1, 3, 2}, {3, 2, 2});
    }
}
template <Data data>
void reduce(Samples &s) {
  for (bool keep : {false, true}) {
    auto add = [&](const Sizes &sizes, const Sizes &axes) {
      s.add({s.in(sizes, data)}, {s.intsOf("axes", axes), boolAttr("keepdims", keep)});
    };
    add({2, 3}, {0});
    add({2, 3}, {1});
    add({2, 3}, {0, 1});
    add({2, 3, 2}, {0, 2});
    add({3}, {});
  }
}
/// Ties have no central differences: what they share is tested below.
void extreme(Samples &s) { reduce<Data::Distinct>(s); }
void prod(Samples &s) {
  reduce<Data::Any>(s);
  // None to three zeros on a line, along one axis and along several, neighbours and not.
  auto zeros = [&](const Sizes &sizes, const Sizes &axes, const std::vector<double> &numbers) {
    s.add({s.given(DType::Float64, sizes, numbers)},
          {s.intsOf("axes", axes), boolAttr("keepdims", false)}, 3);
  };
  zeros({4, 4}, {1}, {2, -1, 3, 0.5, 0, 2, 3, 1, 0, 2, 0, -2, 0, 3, 0, 0});
  zeros({2, 3}, {0, 1}, {1, 0, 2, 3, 0, -1});
  zeros({2, 2, 2}, {0, 2}, {1, 2, 0, 3, 4, 0, 0, 5});
}
void softmax(Samples &s) {
  for (int64_t axis : {0, 1, 2}) s.add({s.in({2, 3, 2})}, {intAttr("axis", axis)});
}
void crossEntropy(Samples &s) {
  for (int64_t axis : {0, 1})
    s.add({s.in({2, 3}), s.in({2, 3}, Data::Positive)}, {intAttr("axis", axis)});
}
void sparseCrossEntropy(Samples &s) {
  s.add({s.in({4, 3}), s.index({4}, 3)});
  s.add({s.in({3}), s.index({}, 3)});
}
void reshape(Samples &s) {
  s.add({s.in({2, 3})}, {s.dimsOf("shape", {s.d(3), s.d(2)})});
  s.add({s.in({1})}, {s.dimsOf("shape", {})});
}
void squeeze(Samples &s) { s.add({s.in({1, 3, 1})}, {s.intsOf("squeeze_dims", {0, 2})}); }
void expandDims(Samples &s) { s.add({s.in({2, 3})}, {intAttr("axis", 1)}); }
void transpose(Samples &s) {
  s.add({s.in({2, 3, 4})}, {s.intsOf("perm", {2, 0, 1})});
  s.add({s.in({2, 3})}, {s.intsOf("perm", {1, 0})});
}
void reverse(Samples &s) { s.add({s.in({2, 3, 2})}, {s.intsOf("axis", {0, 1})}); }
void stridedSlice(Samples &s) {
  s.add({s.in({6, 5})},
        {s.dimsOf("begin", {1, 3}), s.dimsOf("size", {Dim(2), Dim(1)}), s.intsOf("strides", {2, 1}),
         s.intsOf("shrink", {1}), s.intsOf("newaxis", {0})});
  s.add({s.in({6})}, {s.dimsOf("begin", {s.d(6) - 1}), s.dimsOf("size", {Dim(3)}),
                      s.intsOf("strides", {-2}), s.intsOf("shrink", {}), s.intsOf("newaxis", {})});
}
void slice(Samples &s) {
  s.add({s.in({4, 5})}, {s.dimsOf("begin", {1, 0}), s.dimsOf("size", {s.d(4) - 2, s.d(5)})});
}
void stridedSliceGrad(Samples &s) {
  s.add({s.in({2, 3})}, {s.dimsOf("shape", {s.d(5), s.d(4)}), s.dimsOf("begin", {1, 3}),
                         s.dimsOf("size", {s.d(2), s.d(3)}), s.intsOf("strides", {2, -1})});
}
struct Gathered {
  Sizes params, indices;
  int64_t axis, batch;
};
const std::vector<Gathered> gathers = {
    {{4, 3}, {5}, 0, 0}, {{2, 4, 3}, {2, 3}, 1, 0}, {{2, 2, 3}, {2, 4}, 2, 1}, {{3}, {}, 0, 0}};
void gather(Samples &s) {
  for (const auto &g : gathers)
    s.add({s.in(g.params), s.index(g.indices, g.params[size_t(g.axis)])},
          {intAttr("axis", g.axis), intAttr("batch_dims", g.batch)});
}
void gatherGrad(Samples &s) {
  for (const auto &g : gathers) {
    Sizes taken(g.params.begin(), g.params.begin() + g.axis);
    taken.insert(taken.end(), g.indices.begin() + g.batch, g.indices.end());
    taken.insert(taken.end(), g.params.begin() + g.axis + 1, g.params.end());
    s.add({s.in(taken), s.index(g.indices, g.params[size_t(g.axis)])},
          {s.dimsOf("shape", s.ds(g.params)), intAttr("axis", g.axis),
           intAttr("batch_dims", g.batch)});
  }
}
void oneHot(Samples &s) {
  s.add({s.index({4}, 4), s.in({}), s.in({})}, {s.dimsOf("depth", {Dim(3)}), intAttr("axis", 0)});
}
void concat(Samples &s) {
  Tensor *x = s.in({2, 3});
  s.add({x, s.in({2, 2}), x}, {intAttr("axis", 1)});
}
void pack(Samples &s) { s.add({s.in({2, 3}), s.in({2, 3})}, {intAttr("axis", 1)}); }
void unpack(Samples &s) {
  if (s.d(2).isStatic()) s.add({s.in({2, 3})}, {intAttr("axis", 0), intAttr("num", 2)});
}
void split(Samples &s) {
  s.add({s.in({2, 5})},
        {intAttr("axis", 1), s.dimsOf("size_splits", {Dim(2), s.d(5) - 3, Dim(1)})});
}
void tile(Samples &s) {
  s.add({s.in({2, 3})}, {s.dimsOf("multiples", {Dim(2), Dim(3)})});
  s.add({s.in({2, 3})}, {s.dimsOf("multiples", {Dim(1), Dim(2)})});
}
void broadcastTo(Samples &s) {
  s.add({s.in({2, 1})}, {s.dimsOf("shape", {Dim(4), s.d(2), Dim(3)})});
}
void pad(Samples &s) {
  s.add({s.in({2, 3}), s.in({})}, {s.dimsOf("before", {1, 0}), s.dimsOf("after", {2, 1})});
}
void mirrorPad(Samples &s) {
  for (const char *mode : {"REFLECT", "SYMMETRIC"})
    s.add({s.in({3, 4})},
          {s.dimsOf("before", {2, 0}), s.dimsOf("after", {1, 2}), textAttr("mode", mode)});
}
void fill(Samples &s) {
  s.in({2, 3});
  s.add({s.in({})}, {s.dimsOf("shape", s.ds({2, 3}))});
}

// Convolution and pooling: cases as [input, filter or window], from which the output's shape
// follows.

struct Windowed {
  Sizes input, filter, strides, dilations, pads;
  int64_t groups = 1;
};
std::vector<Attr> attrsOf(Samples &s, const Windowed &w) {
  return {s.intsOf("strides", w.strides), s.intsOf("dilations", w.dilations),
          s.dimsOf("pads", {w.pads.begin(), w.pads.end()}), textAttr("padding", "EXPLICIT"),
          intAttr("groups", w.groups)};
}
Sizes outputOf(const Windowed &w, bool depthwise) {
  Sizes out = w.input;
  for (size_t i = 0; i < 2; ++i) {
    int64_t reach = (w.filter[i] - 1) * w.dilations[i] + 1;
    out[i + 1] = (w.input[i + 1] + w.pads[2 * i] + w.pads[2 * i + 1] - reach) / w.strides[i] + 1;
  }
  out[3] = depthwise ? w.filter[2] * w.filter[3] : w.filter[3];
  return out;
}
std::vector<Windowed> windows(bool depthwise) {
  int64_t channels = depthwise ? 2 : 3;
  std::vector<Windowed> all = {
      {{2, 3, 4, 2}, {2, 2, 2, channels}, {1, 1}, {1, 1}, {0, 1, 1, 0}},
      {{1, 5, 4, 1}, {2, 3, 1, channels}, {2, 1}, {1, 1}, {1, 1, 0, 1}},
      {{1, 6, 5, 2}, {2, 2, 2, channels}, {1, 2}, {3, 2}, {0, 0, 1, 2}},
  };
  if (!depthwise) all.push_back({{1, 3, 3, 4}, {2, 1, 2, 2}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 2});
  return all;
}
template <bool depthwise>
void conv(Samples &s) {
  for (const auto &w : windows(depthwise)) s.add({s.in(w.input), s.in(w.filter)}, attrsOf(s, w));
}
template <bool byInput, bool depthwise>
void convBackprop(Samples &s) {
  for (const auto &w : windows(depthwise)) {
    auto attrs = attrsOf(s, w);
    attrs.push_back(byInput ? s.dimsOf("input_sizes", s.ds(w.input))
                            : s.dimsOf("filter_sizes", s.ds(w.filter)));
    s.add({s.in(byInput ? w.filter : w.input), s.in(outputOf(w, depthwise))}, attrs);
  }
}

const std::vector<Windowed> pools = {{{1, 4, 5, 2}, {2, 2, 1, 1}, {2, 2}, {1, 1}, {0, 0, 0, 1}},
                                     {{2, 3, 4, 1}, {3, 2, 1, 1}, {1, 2}, {1, 1}, {1, 1, 0, 1}}};
std::vector<Attr> poolAttrs(Samples &s, const Windowed &w) {
  return {s.intsOf("ksize", {w.filter[0], w.filter[1]}), s.intsOf("strides", w.strides),
          s.dimsOf("pads", {w.pads.begin(), w.pads.end()}), textAttr("padding", "EXPLICIT")};
}
Sizes pooledOf(const Windowed &w) {
  Sizes out = outputOf(w, false);
  out[3] = w.input[3];
  return out;
}
void pool(Samples &s) {
  for (const auto &w : pools) s.add({s.in(w.input, Data::Distinct)}, poolAttrs(s, w));
}
template <bool twice>
void maxPoolGrad(Samples &s) {
  for (const auto &w : pools) {
    Tensor *x = s.in(w.input, Data::Distinct);
    Tensor *y = s.computed("MaxPool", {x}, poolAttrs(s, w));
    s.add({x, y, s.in(twice ? w.input : pooledOf(w))}, poolAttrs(s, w));
  }
}
void avgPoolGrad(Samples &s) {
  for (const auto &w : pools) {
    auto attrs = poolAttrs(s, w);
    attrs.push_back(s.dimsOf("orig_input_shape", s.ds(w.input)));
    s.add({s.in(pooledOf(w))}, attrs);
  }
}

void scan(Samples &s) {
  for (bool exclusive : {false, true})
    for (bool reverse : {false, true})
      s.add({s.in({2, 3, 2})},
            {intAttr("axis", 1), boolAttr("exclusive", exclusive), boolAttr("reverse", reverse)});
}
void cumprod(Samples &s) {
  scan(s);
  for (bool exclusive : {false, true})
    for (bool reverse : {false, true})
      s.add({s.given(DType::Float64, {4, 4}, {2, -1, 3, 0.5, 0, 2, 3, 1, 0, 2, 0, -2, 0, 3, 0, 0})},
            {intAttr("axis", 1), boolAttr("exclusive", exclusive), boolAttr("reverse", reverse)},
            3);
}
void recurrence(Samples &s) {
  for (bool reverse : {false, true})
    s.add({s.in({2, 3, 2}), s.in({2, 3, 2})}, {intAttr("axis", 1), boolAttr("reverse", reverse)});
}
void topK(Samples &s) {
  s.add({s.in({2, 5}, Data::Distinct)}, {s.dimsOf("k", {3}), boolAttr("sorted", true)});
}
void gatherNd(Samples &s) {
  s.add({s.in({3, 4, 2}), s.places({5, 2}, 3)});
  s.add({s.in({3, 2}), s.places({2, 2, 1}, 3)});
}
void scatterNd(Samples &s) {
  s.add({s.places({5, 2}, 3), s.in({5, 2})}, {s.dimsOf("shape", {Dim(3), Dim(4), s.d(2)})});
}
void tensorScatter(Samples &s) { s.add({s.in({3, 2}), s.index({4, 1}, 3), s.in({4, 2})}); }
/// Each place once: of several updates of one place the last counts, which the derivative, like
/// TensorFlow's, does not know.
void tensorUpdate(Samples &s) {
  s.add({s.in({3, 2}), s.given(DType::Int32, {2, 1}, {2, 0}), s.in({2, 2})});
}
void resize(Samples &s) {
  for (auto [align, half] : {std::pair(false, false), {true, false}, {false, true}}) {
    auto add = [&](const Sizes &x, std::vector<Dim> size) {
      s.add({s.in(x)}, {s.dimsOf("size", size), boolAttr("align_corners", align),
                        boolAttr("half_pixel_centers", half)});
    };
    add({2, 2, 3, 2}, {s.d(2) * Dim(2), Dim(5)});
    add({1, 3, 4, 1}, {Dim(2), Dim(1)});
  }
}

const std::map<std::string_view, void (*)(Samples &)> sampleTable = {
    {"Add", binary<>},
    {"Sub", binary<>},
    {"Mul", binary<>},
    {"RealDiv", binary<>},
    {"FloorMod", binary<Data::Unit, Data::Positive>},
    {"Pow", binary<Data::Positive, Data::Any>},
    {"Maximum", distinct},
    {"Minimum", distinct},
    {"SquaredDifference", binary<>},
    {"AddN", addN},
    {"Neg", unary<>},
    {"Abs", unary<>},
    {"Sign", unary<>},
    {"Square", unary<>},
    {"Sqrt", unary<Data::Positive>},
    {"Rsqrt", unary<Data::Positive>},
    {"Exp", unary<>},
    {"Expm1", unary<>},
    {"Log", unary<Data::Positive>},
    {"Log1p", unary<Data::Positive>},
    {"Tanh", unary<>},
    {"Sigmoid", unary<>},
    {"Sin", unary<>},
    {"Cos", unary<>},
    {"Tan", unary<Data::Unit>},
    {"Asin", unary<Data::Unit>},
    {"Acos", unary<Data::Unit>},
    {"Atan", unary<>},
    {"Sinh", unary<>},
    {"Cosh", unary<>},
    {"Asinh", unary<>},
    {"Acosh", unary<Data::AboveOne>},
    {"Atanh", unary<Data::Unit>},
    {"Cumsum", scan},
    {"Cumprod", cumprod},
    {"LinearRecurrence", recurrence},
    {"TopKV2", topK},
    {"GatherNd", gatherNd},
    {"ScatterNd", scatterNd},
    {"TensorScatterAdd", tensorScatter},
    {"TensorScatterSub", tensorScatter},
    {"TensorScatterUpdate", tensorUpdate},
    {"ResizeBilinear", resize},
    {"ResizeNearestNeighbor", resize},
    {"Reciprocal", unary<>},
    {"Erf", unary<>},
    {"Erfc", unary<>},
    {"Atan2", binary<>},
    {"Relu", unary<>},
    {"Relu6", relu6},
    {"LeakyRelu", leakyRelu},
    {"Elu", unary<>},
    {"Selu", unary<>},
    {"Gelu", unary<>},
    {"Softplus", unary<>},
    {"Softsign", unary<>},
    {"Select", select},
    {"Cast", cast},
    {"BiasAdd", biasAdd},
    {"MatMul", matMul},
    {"Conv2D", conv<false>},
    {"Conv2DBackpropInput", convBackprop<true, false>},
    {"Conv2DBackpropFilter", convBackprop<false, false>},
    {"DepthwiseConv2dNative", conv<true>},
    {"DepthwiseConv2dNativeBackpropInput", convBackprop<true, true>},
    {"DepthwiseConv2dNativeBackpropFilter", convBackprop<false, true>},
    {"MaxPool", pool},
    {"MaxPoolGrad", maxPoolGrad<false>},
    {"MaxPoolGradGrad", maxPoolGrad<true>},
    {"AvgPool", pool},
    {"AvgPoolGrad", avgPoolGrad},
    {"Sum", reduce<Data::Any>},
    {"Mean", reduce<Data::Any>},
    {"Prod", prod},
    {"Max", extreme},
    {"Min", extreme},
    {"Softmax", softmax},
    {"LogSoftmax", softmax},
    {"SoftmaxCrossEntropyWithLogits", crossEntropy},
    {"SparseSoftmaxCrossEntropyWithLogits", sparseCrossEntropy},
    {"Reshape", reshape},
    {"Squeeze", squeeze},
    {"ExpandDims", expandDims},
    {"Transpose", transpose},
    {"ReverseV2", reverse},
    {"Identity", unary<>},
    {"StridedSlice", stridedSlice},
    {"Slice", slice},
    {"StridedSliceGrad", stridedSliceGrad},
    {"GatherV2", gather},
    {"GatherV2Grad", gatherGrad},
    {"OneHot", oneHot},
    {"ConcatV2", concat},
    {"Pack", pack},
    {"Unpack", unpack},
    {"Split", split},
    {"Tile", tile},
    {"BroadcastTo", broadcastTo},
    {"Pad", pad},
    {"MirrorPad", mirrorPad},
    {"Fill", fill},
};

/// Operations without a gradient, and why.
const std::map<std::string_view, std::string_view> none = {
    {"Const", "no inputs"},
    {"Dims", "no inputs"},
    {"Placeholder", "no inputs"},
    {"Parameter", "no inputs"},
    {"ReadVariable", "no inputs"},
    {"random_uniform", "no inputs"},
    {"random_normal", "no inputs"},
    {"truncated_normal", "no inputs"},
    {"NoOp", "no inputs"},
    {"Range", "TensorFlow has none"},
    {"Shape", "an integer result"},
    {"Size", "an integer result"},
    {"Rank", "an integer result"},
    {"ArgMax", "an integer result"},
    {"ArgMin", "an integer result"},
    {"Any", "a bool result"},
    {"All", "a bool result"},
    {"Equal", "a bool result"},
    {"NotEqual", "a bool result"},
    {"Less", "a bool result"},
    {"LessEqual", "a bool result"},
    {"Greater", "a bool result"},
    {"GreaterEqual", "a bool result"},
    {"LogicalAnd", "a bool result"},
    {"LogicalOr", "a bool result"},
    {"LogicalNot", "a bool result"},
    {"IsNan", "a bool result"},
    {"IsInf", "a bool result"},
    {"IsFinite", "a bool result"},
    {"Floor", "constant almost everywhere"},
    {"Ceil", "constant almost everywhere"},
    {"Round", "constant almost everywhere"},
    {"FloorDiv", "constant almost everywhere"},
    {"BitwiseAnd", "an integer result"},
    {"BitwiseOr", "an integer result"},
    {"BitwiseXor", "an integer result"},
    {"LeftShift", "an integer result"},
    {"RightShift", "an integer result"},
    {"Invert", "an integer result"},
    {"TruncateDiv", "an integer result"},
    {"TruncateMod", "an integer result"},
    {"StopGradient", "what it is for"},
    {"Assign", "updates end the way, as in TensorFlow"},
    {"AssignAdd", "updates end the way, as in TensorFlow"},
    {"AssignSub", "updates end the way, as in TensorFlow"},
};

/// Evaluated by no rule of its own: golden cases have it, and codegen_loops_test.cpp.
bool isElsewhere(std::string_view type) {
  return type == "PlaceholderWithDefault" || type == "Scan";
}

class EveryGradient : public testing::TestWithParam<std::string> {};

TEST_P(EveryGradient, AgreesWithCentralDifferences) {
  const OpDef &def = *findOp(GetParam());
  if (auto reason = none.find(def.type); reason != none.end()) {
    EXPECT_FALSE(sampleTable.contains(def.type));
    EXPECT_TRUE(!def.gradient || def.gradient == noGradient)
        << def.type << " has a gradient, but is listed as having none: " << reason->second;
    bool steps = reason->second == "constant almost everywhere";
    EXPECT_TRUE(!steps || def.gradient == noGradient)
        << def.type << " on the way would be an error instead of ending it";
    return;
  }
  auto samples = sampleTable.find(def.type);
  ASSERT_NE(samples, sampleTable.end())
      << "no samples of " << def.type << "'s gradient: add them to sampleTable, or the reason why "
      << "nothing flows through it to none";
  EXPECT_TRUE(def.gradient) << def.type;
  for (bool runTime : {false, true}) {
    Samples made(def.type, runTime);
    samples->second(made);
    EXPECT_TRUE(made.count() > 0 || runTime);
  }
}

std::vector<std::string> allTypes() {
  std::vector<std::string> types;
  for (const auto *op : allOps())
    if (!isElsewhere(op->type)) types.push_back(std::string(op->type));
  return types;
}

INSTANTIATE_TEST_SUITE_P(Operations, EveryGradient, testing::ValuesIn(allTypes()),
                         [](const auto &info) { return info.param; });

} // namespace
} // namespace graphc
