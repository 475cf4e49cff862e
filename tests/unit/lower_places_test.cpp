// Convolutions whose output goes through a max_pool, backwards: compiled code beside the
// interpreter, on several processor levels, and where the derivative is described by values
// and places.
#include "../support/definition.h"
#include "lower/build.h"
#include "lower/bundle.h"
#include "lower/fuse.h"

#include <random>

namespace graphc {
namespace {

struct Case {
  std::string dtype = "float32", batch = "3";
  std::string image = "8, 8, 4", filter = "3, 3, 4, 8";
  std::string stride = "1", padding = "SAME";
  std::string window = "2", step = "2", pooling = "VALID";
  std::string activation = "relu";
  int places = 2; // convolutions that are expected to go by places: of the filter and of the input

  std::string text() const {
    return fmt::format("x = placeholder({0}, [{1}, {2}], name=\"x\")\n"
                       "w = placeholder({0}, [{3}], name=\"w\")\n"
                       "b = placeholder({0}, [{4}], name=\"b\")\n"
                       "y = bias_add(conv2d(x, w, {5}, \"{6}\"), b)\n"
                       "p = max_pool({7}(y), {8}, {9}, \"{10}\")\n"
                       "gx, gw, gb = gradients(reduce_sum(square(p)), [x, w, b])\n"
                       "export f(x=x, w=w, b=b) -> (p=p, gx=gx, gw=gw, gb=gb)\n",
                       dtype, batch, image, filter, filter.substr(filter.rfind(' ') + 1), stride,
                       padding, activation, window, step, pooling);
  }
};

/// Small whole numbers: many are alike, so that it shows which of them counts; and sums are exact.
Array numbers(DType dtype, const std::vector<int64_t> &dims, uint64_t seed) {
  Array made;
  made.reset(dtype, dims);
  std::mt19937_64 generator(seed);
  for (int64_t i = 0; i < made.elements(); ++i)
    made.setNumber(i, double(int64_t(generator() % 7) - 3));
  return made;
}

std::vector<int64_t> sizes(const std::string &text) {
  std::vector<int64_t> all;
  for (size_t at = 0; at < text.size(); at = std::min(text.find(' ', at), text.size() - 1) + 1)
    all.push_back(std::stoll(text.substr(at)));
  return all;
}

int countPlaces(const Graph &graph) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  auto model = planInterface(graph, "model", diagnostics);
  auto program = lower::buildExport(model->functions[0], {}, diagnostics);
  lower::fuse(*program);
  lower::bundle(*program);
  int count = 0;
  for (const auto &node : program->nodes) {
    if (node->dead) continue;
    count += node->kind == lower::Node::Conv2DPlaces || node->kind == lower::Node::ConvFilterPlaces;
    if (node->kind != lower::Node::MaxPoolPlaces) continue;
    // The pooling itself finds them.
    bool joined = false;
    for (const auto &pool : program->nodes)
      joined |= !pool->together.empty() && pool->together[0] == node.get();
    EXPECT_TRUE(joined);
  }
  return count;
}

/// What the reference evaluation gives for the only export.
void interpret(Definition &definition, const std::vector<Array> &inputs, std::vector<Array> &want) {
  GraphInterpreter interpreter(definition.graph(), 7);
  std::string error;
  ASSERT_TRUE(interpreter.initialize(error)) << error;
  ASSERT_TRUE(interpreter.call(definition.graph().exports[0], inputs, want, error)) << error;
}

void check(const Case &c) {
  Definition definition(c.text());
  ASSERT_EQ(definition.why, "") << c.text();
  EXPECT_EQ(countPlaces(definition.graph()), c.places) << c.text();
  DType dtype = *dtypeFromName(c.dtype);
  std::vector<int64_t> image = sizes(c.image), filter = sizes(c.filter);
  image.insert(image.begin(), c.batch[0] == 'd' ? 5 : std::stoll(c.batch));
  std::vector<Array> inputs = {numbers(dtype, image, 1), numbers(dtype, filter, 2),
                               numbers(dtype, {filter[3]}, 3)};
  std::vector<Array> want;
  ASSERT_NO_FATAL_FAILURE(interpret(definition, inputs, want));
  static int turn = 0;
  const char *processor = ++turn % 2 ? "x86-64" : "x86-64-v3";
  CompiledGraph other(definition.graph(), processor);
  ASSERT_TRUE(other) << other.why;
  for (CompiledGraph *compiled : {&definition.compiled(), &other}) {
    std::vector<Array> first;
    for (int threads : {1, 2, 3, 8}) {
      auto *instance = compiled->instance(threads);
      ASSERT_TRUE(instance) << compiled->why;
      std::vector<Array> got;
      ASSERT_TRUE(compiled->call(instance, 0, inputs, got)) << compiled->why;
      if (first.empty()) first = got;
      for (size_t i = 0; i < want.size(); ++i) {
        EXPECT_EQ(difference(got[i], want[i], {1e-6, 1e-6}), "")
            << (compiled == &other ? processor : "native") << ", output " << i << "\n"
            << c.text();
        EXPECT_EQ(got[i].bytes, first[i].bytes) << threads << " threads";
      }
    }
  }
}

TEST(Places, DTypes) {
  check({.dtype = "float32"});
  check({.dtype = "float64"});
  check({.dtype = "float16", .places = 0});
}

TEST(Places, Batches) {
  check({.batch = "dim(\"n\")"});
  check({.batch = "1"});
  check({.batch = "0"});
  check({.batch = "37"}); // more images than slices
}

TEST(Places, Channels) {
  check({.image = "8, 8, 1", .filter = "5, 5, 1, 16", .places = 1});
  check({.image = "8, 8, 1", .filter = "5, 5, 1, 19", .places = 1});
  check({.image = "8, 8, 3", .filter = "3, 3, 3, 7", .places = 1});
  check({.image = "6, 6, 1", .filter = "3, 3, 1, 5", .places = 0});
  check({.image = "6, 6, 16", .filter = "5, 5, 16, 32"});
  check({.image = "6, 6, 24", .filter = "3, 3, 24, 5"});
  check({.image = "6, 6, 64", .filter = "3, 3, 64, 20"});
  check({.image = "6, 6, 36", .filter = "1, 1, 36, 3"});
  check({.image = "6, 6, 4", .filter = "7, 6, 4, 2"});
}

TEST(Places, Sizes) {
  check({.image = "9, 7, 4"}); // a row and a column that no window sees
  check({.image = "9, 7, 4", .pooling = "SAME"});
  check({.image = "11, 12, 4", .padding = "VALID"});
  check({.image = "6, 40, 16", .filter = "3, 5, 16, 3"});
  check({.image = "64, 40, 16", .filter = "3, 3, 16, 3"}); // in several bands
  check({.batch = "1", .image = "71, 50, 32", .filter = "5, 4, 32, 2", .pooling = "SAME"});
}

TEST(Places, StridesOfTheConvolution) {
  // By the input, each phase is a convolution of its own.
  check({.image = "13, 12, 4", .stride = "2", .places = 5});
  check({.image = "13, 17, 4", .filter = "2, 3, 4, 8", .stride = "[1, 3]", .places = 4});
  check({.image = "40, 60, 16", .filter = "2, 3, 16, 8", .stride = "3", .places = 7});
}

TEST(Places, Windows) {
  check({.window = "3", .step = "3"});
  check({.image = "13, 13, 4", .window = "3", .step = "2"}); // with elements in common
  check({.image = "13, 13, 4", .window = "3", .step = "2", .pooling = "SAME"});
  check({.image = "60, 40, 16", .filter = "3, 3, 16, 4", .window = "3", .step = "2"});
  check({.image = "12, 12, 4", .window = "2", .step = "3"}); // with gaps between them
  check({.image = "12, 12, 4", .window = "[1, 4]", .step = "[1, 4]"});
  check({.image = "12, 12, 4", .window = "12", .step = "12"});
  check({.window = "2", .step = "1", .places = 0}); // as many windows as elements
}

TEST(Places, Activations) {
  check({.activation = ""});
  check({.activation = "relu6"});
  // What comes back may be infinite times 0.
  check({.dtype = "float64", .activation = "tanh", .places = 0});
}

TEST(Places, WhatElseReadsTheDerivative) {
  // The tensor with the zeros is wanted as well.
  Definition definition("x = placeholder(float32, [2, 8, 8, 4], name=\"x\")\n"
                        "w = placeholder(float32, [3, 3, 4, 8], name=\"w\")\n"
                        "y = conv2d(x, w, 1, \"SAME\")\n"
                        "p = max_pool(relu(y), 2, 2, \"VALID\")\n"
                        "gy, gw = gradients(reduce_sum(square(p)), [y, w])\n"
                        "export f(x=x, w=w) -> (gy=gy, gw=gw, rows=reduce_sum(gy, [1, 2]), "
                        "columns=reduce_sum(gy, [0, 2]), all=reduce_sum(gy))\n");
  ASSERT_EQ(definition.why, "");
  EXPECT_EQ(countPlaces(definition.graph()), 1);
  std::vector<Array> inputs = {numbers(DType::Float32, {2, 8, 8, 4}, 1),
                               numbers(DType::Float32, {3, 3, 4, 8}, 2)};
  std::vector<Array> want;
  ASSERT_NO_FATAL_FAILURE(interpret(definition, inputs, want));
  auto got = definition.call(definition.compiled().instance(2), "f", inputs);
  for (size_t i = 0; i < want.size(); ++i)
    EXPECT_EQ(difference(got[i], want[i], {1e-6, 1e-6}), "") << i;
}

TEST(Places, NotFinite) {
  // What comes back from a window that has a NaN goes to it.
  Definition definition("x = placeholder(float32, [1, 4, 4, 4], name=\"x\")\n"
                        "w = placeholder(float32, [1, 1, 4, 4], name=\"w\")\n"
                        "p = max_pool(conv2d(x, w, 1, \"SAME\"), 2, 2, \"VALID\")\n"
                        "k = placeholder(float32, [1, 2, 2, 4], name=\"k\")\n"
                        "gx, gw = gradients(reduce_sum(p * k), [x, w])\n"
                        "export f(x=x, w=w, k=k) -> (p=p, gx=gx, gw=gw)\n");
  ASSERT_EQ(definition.why, "");
  EXPECT_EQ(countPlaces(definition.graph()), 2);
  std::vector<Array> inputs = {numbers(DType::Float32, {1, 4, 4, 4}, 1),
                               numbers(DType::Float32, {1, 1, 4, 4}, 2),
                               numbers(DType::Float32, {1, 2, 2, 4}, 3)};
  for (int64_t i = 0; i < 16; ++i) inputs[1].setNumber(i, i % 5 == 0); // each channel to itself
  inputs[0].setNumber(4 * 5, std::nan(""));                            // row 1, column 1
  for (int64_t i = 0; i < 2; ++i) inputs[0].setNumber(4 * (2 + i), -INFINITY);
  for (int64_t i = 0; i < 2; ++i) inputs[0].setNumber(4 * (6 + i), -INFINITY);
  auto got = definition.call(definition.compiled().instance(1), "f", inputs);
  EXPECT_TRUE(std::isnan(got[0].number(0)));
  EXPECT_EQ(got[0].number(4), -INFINITY);
  for (int64_t pixel : {0, 1, 4, 5})
    EXPECT_EQ(got[1].number(4 * pixel), pixel == 5 ? inputs[2].number(0) : 0) << pixel;
  for (int64_t pixel : {2, 3, 6, 7}) // the first of equal ones
    EXPECT_EQ(got[1].number(4 * pixel), pixel == 2 ? inputs[2].number(4) : 0) << pixel;
}

} // namespace
} // namespace graphc
