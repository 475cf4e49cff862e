#include "interface/header.h"
#include "interface/names.h"
#include "interface/plan.h"

#include <gtest/gtest.h>
#include <set>

using namespace graphc;

namespace {

struct Fixture {
  SourceManager sources;
  Diagnostics diagnostics{sources};
  Graph graph;
  Span span{sources.add("m.graph", "export f(x=x) -> (y=y)\n"), 0, 6};

  Tensor *placeholder(std::string_view name, std::vector<Dim> dims, DType dtype = DType::Float32) {
    Tensor out{nullptr, 0, dtype, graph.makeShape(dims), nullptr};
    return graph.addOperation(nullptr, "Placeholder", name, {}, {}, {&out, 1}, span, nullptr)
        ->output();
  }
  Tensor *identity(std::string_view name, Tensor *of, std::vector<Dim> dims) {
    Tensor out{nullptr, 0, of->dtype, graph.makeShape(dims), nullptr};
    return graph.addOperation(nullptr, "Identity", name, {&of, 1}, {}, {&out, 1}, span, nullptr)
        ->output();
  }
  void add(std::string name, std::vector<ExportEnd> inputs, std::vector<ExportEnd> outputs) {
    graph.exports.push_back({std::move(name), span, std::move(inputs), std::move(outputs), {}, {}});
  }
  std::vector<std::string> errors() {
    std::vector<std::string> list;
    for (auto &d : diagnostics.all()) {
      EXPECT_EQ(d.code, "E0405");
      list.push_back(d.message);
    }
    return list;
  }
};

TEST(Names, Identifiers) {
  EXPECT_EQ(identifierProblem("image"), "");
  EXPECT_EQ(identifierProblem("_x9"), "");
  for (const char *bad : {"", "9x", "a-b", "a b", "é", "a.b"})
    EXPECT_EQ(identifierProblem(bad), "is not an identifier of C") << bad;
  for (const char *bad :
       {"int", "class", "and", "export", "restrict", "_Bool", "co_await", "nullptr"})
    EXPECT_EQ(identifierProblem(bad), "is a keyword of C or C++") << bad;
  for (const char *bad : {"NULL", "int64_t", "INT64_MAX", "UINT8_C", "linux", "std"})
    EXPECT_EQ(identifierProblem(bad), "is a name that C or C++ already uses") << bad;
  EXPECT_NE(identifierProblem("__x"), "");
  EXPECT_NE(identifierProblem("graphrt_status"), "");
}

TEST(Names, ModelsMustNotHideHeadersOrLibraryFunctions) {
  EXPECT_EQ(modelNameProblem("lenet"), "");
  for (const char *bad : {"stdio", "math", "vector", "pthread", "string", "graphrt", "for"})
    EXPECT_NE(modelNameProblem(bad), "") << bad;
  EXPECT_EQ(modelNameProblem("timer"),
            "would make a function timer_create(), which the C library has");
  EXPECT_NE(modelNameProblem("sem"), "");
}

TEST(Names, NoTwoModelsShareALinkSymbol) {
  // Every way to cut every short name into model and function.
  std::vector<std::string> parts;
  std::string alphabet = "a_1";
  for (size_t length = 1; length <= 4; ++length) {
    size_t count = 1;
    for (size_t i = 0; i < length; ++i) count *= alphabet.size();
    for (size_t k = 0; k < count; ++k) {
      std::string name;
      for (size_t i = 0, rest = k; i < length; ++i, rest /= alphabet.size())
        name += alphabet[rest % alphabet.size()];
      if (isIdentifier(name)) parts.push_back(name);
    }
  }
  std::set<std::string> symbols;
  for (auto &model : parts)
    for (auto &function : parts) EXPECT_TRUE(symbols.insert(linkSymbol(model, function)).second);
  EXPECT_EQ(linkSymbol("lenet", "predict"), "lenet_predict");
  EXPECT_EQ(linkSymbol("a", "b_c"), "a_b_1c");
  EXPECT_EQ(linkSymbol("a_b", "c"), "a_b_c");
}

TEST(Plan, ParametersInOrder) {
  Fixture f;
  Dim n = f.graph.dims.named("N");
  Dim q = f.graph.dims.anonymous("scope/question", 1);
  Tensor *a = f.placeholder("scope/question", {n, q});
  Tensor *b = f.placeholder("b", {n, 3}, DType::Bool);
  Tensor *y = f.identity("y", a, {n, q * 2 + 1});
  f.add("predict", {{"image", a, f.span}, {"mask", b, f.span}}, {{"probs", y, f.span}});
  auto model = planInterface(f.graph, "lenet", f.diagnostics);
  ASSERT_TRUE(model);
  auto &function = model->functions[0];
  EXPECT_EQ(function.name, "lenet_predict");
  EXPECT_EQ(function.symbol, "lenet_predict");
  ASSERT_EQ(function.dims.size(), 2u);
  EXPECT_EQ(function.dims[0].name, "N");
  EXPECT_EQ(function.dims[1].name, "image_dim1");
  EXPECT_EQ(shapeText(y->shape, function), "(N, 2*image_dim1 + 1)");
  std::string header = cHeader(*model, "lenet.graph");
  EXPECT_NE(header.find("graphrt_status lenet_predict(lenet *instance, int64_t N, int64_t "
                        "image_dim1, const float *image, const bool *mask, float *probs) "
                        "GRAPHRT_SYMBOL(\"lenet_predict\");"),
            std::string::npos)
      << header;
  EXPECT_NE(header.find("#include <stdbool.h>"), std::string::npos);
}

TEST(Plan, CollisionsAreReported) {
  Fixture f;
  Dim n = f.graph.dims.named("image");
  Tensor *x = f.placeholder("x", {n});
  f.add("create", {}, {});
  f.add("predict", {{"image", x, f.span}, {"for", x, f.span}}, {{"image", x, f.span}});
  f.add("predict_shapes", {}, {});
  f.add("Instance", {}, {});
  EXPECT_FALSE(planInterface(f.graph, "m", f.diagnostics));
  EXPECT_EQ(
      f.errors(),
      (std::vector<std::string>{
          "export 'create' would be called m_create in the generated interface, as a function that "
          "every definition has is",
          "input 'for' of export 'predict' has a name that is a keyword of C or C++; it can't "
          "stand in the generated interface",
          "output 'image' of export 'predict' would be called image in the generated interface, as "
          "input 'image' of export 'predict' is",
          "dimension 'image' of export 'predict' would be called image in the generated interface, "
          "as input 'image' of export 'predict' is",
          "export 'predict_shapes' would be called m_predict_shapes in the generated interface, as "
          "the shapes of export 'predict' is",
          "export 'Instance' has the name of a part of the generated C++ class"}));
}

} // namespace
