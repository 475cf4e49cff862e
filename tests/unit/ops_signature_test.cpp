#include "ops/signature.h"

#include <gtest/gtest.h>

namespace graphc {
namespace {

Function parse(const FunctionDef &def) {
  Function function;
  std::string why;
  EXPECT_TRUE(parseSignature(def, function, why)) << why;
  return function;
}
std::string failure(std::string_view signature) {
  FunctionDef def{signature, "", "", ""};
  Function function;
  std::string why;
  EXPECT_FALSE(parseSignature(def, function, why)) << signature;
  return why;
}

using P = FunctionParameter;

TEST(OpsSignature, KindsAndDefaults) {
  FunctionDef def{
      "f(x: T, xs: [T], own: tensor, many: [tensor], half: float16, n: int, a: float = "
      "-1e-3, b: bool = True, s: str = \"a, (b\", t: dtype? = None, ns: ints = [1, -2], "
      "to: shape, v: literal, p: padding, *, _: any = None)",
      "", "", ""};
  auto f = parse(def);
  EXPECT_EQ(f.name, "f");
  EXPECT_EQ(f.def, &def);
  ASSERT_EQ(f.parameters.size(), 15u);
  const P::Kind kinds[] = {P::Tensor, P::Tensors, P::Tensor,  P::Tensors, P::Tensor,
                           P::Int,    P::Float,   P::Bool,    P::Text,    P::Type,
                           P::Ints,   P::Shape,   P::Literal, P::Padding, P::Any};
  for (size_t i = 0; i < 15; ++i) EXPECT_EQ(f.parameters[i].kind, kinds[i]) << i;
  EXPECT_EQ(f.parameters[0].typeVariable, 'T');
  EXPECT_EQ(f.parameters[1].typeVariable, 'T');
  EXPECT_EQ(f.parameters[2].typeVariable, 0);
  EXPECT_EQ(f.parameters[2].fixed, DType::Invalid);
  EXPECT_EQ(f.parameters[4].fixed, DType::Float16);
  EXPECT_EQ(f.parameters[6].defaultText, "-1e-3");
  EXPECT_EQ(f.parameters[8].defaultText, "\"a, (b\"");
  EXPECT_TRUE(f.parameters[9].optional);
  EXPECT_EQ(f.parameters[9].defaultText, "None");
  EXPECT_EQ(f.parameters[10].defaultText, "[1, -2]");
  EXPECT_FALSE(f.parameters[13].keywordOnly);
  EXPECT_TRUE(f.parameters[14].keywordOnly);
  EXPECT_FALSE(f.parameters[5].hasDefault);
  EXPECT_TRUE(f.parameters[14].hasDefault);
}

TEST(OpsSignature, NoParameters) {
  FunctionDef def{"no_op()", "", "", ""};
  EXPECT_TRUE(parse(def).parameters.empty());
}

TEST(OpsSignature, WhatCannotBeRead) {
  EXPECT_EQ(failure("f"), "no parameter list");
  EXPECT_EQ(failure("f(x: T"), "no parameter list");
  EXPECT_EQ(failure("f(x)"), "no kind in 'x'");
  EXPECT_EQ(failure("f(x: TT)"), "cannot read 'x: TT'");
  EXPECT_EQ(failure("f(x: float31)"), "cannot read 'x: float31'");
  EXPECT_EQ(failure("f(: T)"), "cannot read ': T'");
  EXPECT_EQ(failure("f(n: int =)"), "cannot read 'n: int ='");
}

// What users of TensorFlow 1.15 give by position must mean the same here.
TEST(OpsSignature, OrderOfParameters) {
  const std::pair<const char *, std::vector<std::string_view>> orders[] = {
      {"conv2d",
       {"input", "filter", "strides", "padding", "use_cudnn_on_gpu", "data_format", "dilations",
        "name", "filters"}},
      {"depthwise_conv2d",
       {"input", "filter", "strides", "padding", "rate", "name", "data_format", "dilations"}},
      {"max_pool", {"value", "ksize", "strides", "padding", "data_format", "name", "input"}},
      {"avg_pool", {"value", "ksize", "strides", "padding", "data_format", "name", "input"}},
      {"reduce_sum",
       {"input_tensor", "axis", "keepdims", "name", "reduction_indices", "keep_dims"}},
      {"argmax", {"input", "axis", "name", "dimension", "output_type"}},
      {"softmax", {"logits", "axis", "name", "dim"}},
      {"softmax_cross_entropy_with_logits",
       {"_sentinel", "labels", "logits", "dim", "name", "axis"}},
      {"softmax_cross_entropy_with_logits_v2", {"labels", "logits", "axis", "name", "dim"}},
      {"sparse_softmax_cross_entropy_with_logits", {"_sentinel", "labels", "logits"}},
      {"sigmoid_cross_entropy_with_logits", {"_sentinel", "labels", "logits"}},
      {"matmul",
       {"a", "b", "transpose_a", "transpose_b", "adjoint_a", "adjoint_b", "a_is_sparse",
        "b_is_sparse"}},
      {"bias_add", {"value", "bias", "data_format"}},
      {"leaky_relu", {"features", "alpha"}},
      {"where", {"condition", "x", "y"}},
      {"moments", {"x", "axes", "shift", "name", "keep_dims", "keepdims"}},
      {"l2_normalize", {"x", "axis", "epsilon", "name", "dim"}},
      {"clip_by_value", {"t", "clip_value_min", "clip_value_max"}}};
  for (const auto &[name, want] : orders) {
    const Function *function = findFunction(name);
    ASSERT_TRUE(function) << name;
    std::vector<std::string_view> got;
    for (const auto &parameter : function->parameters) got.push_back(parameter.name);
    EXPECT_EQ(got, want) << name;
  }
}

} // namespace
} // namespace graphc
