// What compiled exports do to variables, in which order, and what they leave when they fail; packed
// weights; random numbers; run-time dimensions; what is made and refused.
#include "../support/compiled_model.h"
#include "model_harness.h"

namespace graphc {
namespace {

using Dims = std::vector<Dim>;

struct State : ModelTest {
  std::unique_ptr<CompiledGraph> compiled;
  graphrt_instance *instance = nullptr;
  std::vector<Array> outputs;

  /// Compiles the graph and makes an instance.
  void compile(int threads = 2) {
    for (auto &exported : graph.exports)
      for (size_t i = 0; i < exported.inputs.size(); ++i)
        exported.inputs[i].name = "in" + std::to_string(i);
    compiled = std::make_unique<CompiledGraph>(graph, "native", 2, 11);
    ASSERT_TRUE(*compiled) << compiled->why;
    instance = compiled->instance(threads);
    ASSERT_TRUE(instance) << compiled->why;
  }
  bool call(size_t index, const std::vector<Array> &inputs = {}) {
    return compiled->call(instance, index, inputs, outputs);
  }
  Numbers value(const Variable *v) {
    Array array;
    array.reset(v->dtype, known(v->shape));
    EXPECT_EQ(compiled->model().get(instance, std::string(v->name).c_str(), array.bytes.data(),
                                    array.bytes.size()),
              GRAPHRT_OK);
    return numbersOf(array);
  }
  Numbers out(size_t k = 0) { return numbersOf(outputs[k]); }
};

TEST_F(State, UnorderedReadsSeeTheOldValue) {
  auto *v = variable("v", constant({1, 2, 3}, {3}));
  Tensor *before = read(v);
  Tensor *doubled = update("Assign", v, op("Add", {before, before}));
  Tensor *later = read(v, {doubled->op});
  exportOf("f", {}, {before, doubled, later, op("Mul", {before, later})});
  compile();
  ASSERT_TRUE(call(0)) << compiled->why;
  EXPECT_EQ(out(0), (Numbers{1, 2, 3}));
  EXPECT_EQ(out(1), (Numbers{2, 4, 6}));
  EXPECT_EQ(out(2), (Numbers{2, 4, 6}));
  EXPECT_EQ(out(3), (Numbers{2, 8, 18}));
  EXPECT_EQ(value(v), (Numbers{2, 4, 6}));
}

TEST_F(State, VariablesCanBeSwapped) {
  auto *a = variable("a", constant({1, 2}, {2})), *b = variable("b", constant({3, 4}, {2}));
  Tensor *toA = update("Assign", a, read(b)), *toB = update("Assign", b, read(a));
  exportOf("f", {}, {}, {toA->op, toB->op});
  compile();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(call(0)) << compiled->why;
  EXPECT_EQ(value(a), (Numbers{3, 4}));
  EXPECT_EQ(value(b), (Numbers{1, 2}));
}

TEST_F(State, VariablesExchangeWhatIsComputed) {
  auto *a = variable("a", constant({1, 2}, {2})), *b = variable("b", constant({3, 4}, {2}));
  Tensor *toA = update("Assign", a, op("Add", {read(b), read(a)}));
  Tensor *toB = update("Assign", b, op("Sub", {read(b), read(a)}));
  exportOf("f", {}, {}, {toA->op, toB->op});
  compile();
  ASSERT_TRUE(call(0)) << compiled->why;
  EXPECT_EQ(value(a), (Numbers{4, 6}));
  EXPECT_EQ(value(b), (Numbers{2, 2}));
}

TEST_F(State, AVariableCanBecomeItsOwnTranspose) {
  auto *v = variable("v", constant({1, 2, 3, 4}, {2, 2}));
  int64_t perm[] = {1, 0};
  Tensor *turned = op("Transpose", {read(v)},
                      {intsAttr("perm", graph.arena.copy(std::vector<int64_t>(perm, perm + 2)))});
  exportOf("f", {}, {}, {update("Assign", v, turned)->op});
  compile();
  ASSERT_TRUE(call(0)) << compiled->why;
  EXPECT_EQ(value(v), (Numbers{1, 3, 2, 4}));
}

TEST_F(State, AProductOfAVariableGoesIntoIt) {
  auto *v = variable("v", constant({1, 2, 3, 4}, {2, 2}));
  Tensor *square = op("MatMul", {read(v), read(v)});
  exportOf("f", {}, {}, {update("Assign", v, square)->op});
  compile();
  ASSERT_TRUE(call(0)) << compiled->why;
  EXPECT_EQ(value(v), (Numbers{7, 10, 15, 22}));
}

TEST_F(State, AChainOfUpdatesLeavesTheLast) {
  auto *v = variable("v", constant(5));
  Tensor *first = update("AssignAdd", v, constant(1));
  Tensor *second = update("AssignSub", v, constant(10), {first->op});
  exportOf("f", {}, {first, second, read(v)});
  compile();
  ASSERT_TRUE(call(0)) << compiled->why;
  EXPECT_EQ(out(0), Numbers{6});
  EXPECT_EQ(out(1), Numbers{-4});
  EXPECT_EQ(out(2), Numbers{5});
  EXPECT_EQ(value(v), Numbers{-4});
}

TEST_F(State, WhatIsWantedTwiceIsGivenTwice) {
  auto *v = variable("v", constant({1, 2}, {2}));
  Tensor *x = input("x", {2});
  Tensor *set = update("Assign", v, x);
  Tensor *fixed = constant({7, 8, 9}, {3});
  exportOf("f", {x}, {x, x, set, fixed, fixed, read(v)});
  compile();
  ASSERT_TRUE(call(0, {arrayOf({2}, {5, 6})})) << compiled->why;
  for (size_t k : {0, 1, 2}) EXPECT_EQ(out(k), (Numbers{5, 6}));
  for (size_t k : {3, 4}) EXPECT_EQ(out(k), (Numbers{7, 8, 9}));
  EXPECT_EQ(out(5), (Numbers{1, 2}));
  EXPECT_EQ(value(v), (Numbers{5, 6}));
}

TEST_F(State, AFailedCallChangesNothing) {
  auto *v = variable("v", constant({1, 2, 3}, {3}));
  Tensor *at = input("at", {2}, DType::Int32);
  Tensor *added = update("AssignAdd", v, constant({10, 10, 10}, {3}));
  // The index is looked up in what the update left: it fails after it.
  Tensor *taken = op("GatherV2", {added, at}, {intAttr("axis", 0), intAttr("batch_dims", 0)});
  exportOf("f", {at}, {taken});
  compile();
  EXPECT_FALSE(call(0, {arrayOf({2}, {1, 3}, DType::Int32)}));
  EXPECT_EQ(compiled->why, "f: GatherV2: indices[1] = 3 is not in [0, 3)");
  EXPECT_EQ(value(v), (Numbers{1, 2, 3}));
  EXPECT_FALSE(call(0, {arrayOf({2}, {-1, 0}, DType::Int32)}));
  EXPECT_EQ(value(v), (Numbers{1, 2, 3}));
  ASSERT_TRUE(call(0, {arrayOf({2}, {2, 0}, DType::Int32)})) << compiled->why;
  EXPECT_EQ(out(), (Numbers{13, 11}));
  EXPECT_EQ(value(v), (Numbers{11, 12, 13}));
}

TEST_F(State, AnIndexFromAVariableIsChecked) {
  auto *where = variable("where", constant({0}, {1}, DType::Int32));
  auto *v = variable("v", constant({1, 2}, {2}));
  Tensor *next = update("AssignAdd", where, constant({1}, {1}, DType::Int32));
  Tensor *taken = op("GatherV2", {read(v), next}, {intAttr("axis", 0), intAttr("batch_dims", 0)});
  exportOf("f", {}, {taken});
  compile();
  ASSERT_TRUE(call(0)) << compiled->why;
  EXPECT_EQ(out(), Numbers{2});
  EXPECT_FALSE(call(0));
  EXPECT_EQ(value(where), Numbers{1});
}

TEST_F(State, DivisionByZeroFails) {
  Tensor *x = input("x", {2}, DType::Int32), *y = input("y", {2}, DType::Int32);
  exportOf("f", {x, y}, {op("FloorDiv", {x, y})});
  compile();
  EXPECT_FALSE(call(0, {arrayOf({2}, {1, 2}, DType::Int32), arrayOf({2}, {1, 0}, DType::Int32)}));
  EXPECT_EQ(compiled->why, "f: FloorDiv: division by zero");
  ASSERT_TRUE(call(0, {arrayOf({2}, {-7, 7}, DType::Int32), arrayOf({2}, {2, -2}, DType::Int32)}));
  EXPECT_EQ(out(), (Numbers{-4, -4}));
}

TEST_F(State, PackedWeightsFollowTheirVariable) {
  // Large enough to be worth packing.
  constexpr int64_t n = 64;
  Numbers ones(n * n, 1);
  auto *w = variable("w", constant(ones, {n, n}));
  Tensor *x = input("x", {dim("B"), n});
  exportOf("use", {x}, {op("MatMul", {x, read(w)})});
  Tensor *twice = op("Add", {read(w), read(w)});
  exportOf("grow", {}, {}, {update("Assign", w, twice)->op});
  Tensor *y = input("y", {dim("B"), n});
  Tensor *grown = update("AssignAdd", w, constant(ones, {n, n}));
  exportOf("both", {y}, {op("MatMul", {y, read(w)}), op("MatMul", {y, grown})});
  compile();
  Array given = arrayOf({2, n}, Numbers(2 * n, 1));
  ASSERT_TRUE(call(0, {given})) << compiled->why;
  EXPECT_EQ(out(), Numbers(2 * n, n));
  ASSERT_TRUE(call(1)) << compiled->why;
  ASSERT_TRUE(call(0, {given})) << compiled->why;
  EXPECT_EQ(out(), Numbers(2 * n, 2 * n));
  ASSERT_TRUE(call(2, {given})) << compiled->why;
  EXPECT_EQ(out(0), Numbers(2 * n, 2 * n));
  EXPECT_EQ(out(1), Numbers(2 * n, 3 * n));
  ASSERT_TRUE(call(0, {given})) << compiled->why;
  EXPECT_EQ(out(), Numbers(2 * n, 3 * n));
  Numbers fours(n * n, 4);
  Array set = arrayOf({n, n}, fours);
  ASSERT_EQ(compiled->model().set(instance, "w", set.bytes.data(), set.bytes.size()), GRAPHRT_OK);
  ASSERT_TRUE(call(0, {given})) << compiled->why;
  EXPECT_EQ(out(), Numbers(2 * n, 4 * n));
}

TEST_F(State, InstancesShareVariablesAndDrawTheirOwnNumbers) {
  auto *v = variable("v", constant(1));
  RandomDraw draw;
  draw.shape = {Dim(100)};
  auto b = builder();
  Tensor *drawn = drawRandom(b, *takeName("random_normal"), draw);
  exportOf("draw", {}, {drawn, update("AssignAdd", v, constant(1))});
  compile();
  GraphInterpreter interpreter(graph, 11);
  std::string why;
  ASSERT_TRUE(interpreter.initialize(why)) << why;
  graphrt_instance *second = nullptr;
  ASSERT_EQ(compiled->model().share(instance, &second), GRAPHRT_OK);
  for (int i = 0; i < 3; ++i) {
    std::vector<Array> want, other;
    ASSERT_TRUE(interpreter.call(exported("draw"), {}, want, why)) << why;
    ASSERT_TRUE(call(0)) << compiled->why;
    EXPECT_TRUE(outputs[0].bytes == want[0].bytes);
    ASSERT_TRUE(compiled->call(second, 0, {}, other));
    EXPECT_FALSE(outputs[0].bytes == other[0].bytes);
  }
  EXPECT_EQ(value(v), Numbers{7});
  compiled->model().destroy(second);
}

TEST_F(State, APlaceholderThatIsNoInputIsItsDefault) {
  Tensor *value = constant({4, 5}, {2});
  Tensor *x = op("PlaceholderWithDefault", {value}, {dimsAttr("shape", value->shape.dims())});
  Tensor *y = op("Add", {x, x});
  exportOf("without", {}, {y});
  exportOf("with", {x}, {y});
  compile();
  ASSERT_TRUE(call(0)) << compiled->why;
  EXPECT_EQ(out(), (Numbers{8, 10}));
  ASSERT_TRUE(call(1, {arrayOf({2}, {1, 2})})) << compiled->why;
  EXPECT_EQ(out(), (Numbers{2, 4}));
}

TEST_F(State, InitialValuesDependOnOthers) {
  auto *a = variable("a", constant({1, 2, 3}, {3}));
  auto *b = variable("b", op("Mul", {read(a), constant(2)}));
  auto *c = variable("c", op("Add", {read(b), read(a)}));
  exportOf("f", {}, {read(c)});
  compile();
  EXPECT_EQ(value(b), (Numbers{2, 4, 6}));
  EXPECT_EQ(value(c), (Numbers{3, 6, 9}));
}

TEST_F(State, DimensionsThatDoNotFitAreRefused) {
  Tensor *x = input("x", {dim("N"), 3}), *y = input("y", {dim("M"), 3});
  exportOf("f", {x, y}, {op("Add", {x, y})});
  compile();
  Array two = arrayOf({2, 3}, Numbers(6, 1)), four = arrayOf({4, 3}, Numbers(12, 1));
  ASSERT_TRUE(call(0, {two, two})) << compiled->why;
  EXPECT_FALSE(call(0, {two, four}));
  EXPECT_NE(compiled->why.find("N must equal M"), std::string::npos) << compiled->why;
}

TEST_F(State, SizesThatOverflowAreRefused) {
  Tensor *x = input("x", {dim("N"), 1}), *y = input("y", {1, dim("M")});
  exportOf("f", {x, y},
           {op("Sum", {op("Add", {x, y})},
               {intsAttr("axes", graph.arena.copy(std::vector<int64_t>{0, 1})),
                boolAttr("keepdims", false)})});
  compile();
  const auto &model = compiled->model();
  int64_t dims[] = {int64_t(1) << 33, int64_t(1) << 33}, shape[1];
  EXPECT_EQ(model.shapes(&model, 0, dims, shape), GRAPHRT_BAD_SHAPE);
  int64_t negative[] = {-1, 2};
  EXPECT_EQ(model.shapes(&model, 0, negative, shape), GRAPHRT_BAD_SHAPE);
  EXPECT_NE(std::string(graphc_codegen()->message()), "");
}

TEST_F(State, AnUnknownRankIsRefused) {
  Tensor *x = unknownRank(DType::Float32);
  exportOf("f", {x}, {op("Neg", {x})});
  graph.exports[0].inputs[0].name = "x";
  CompiledGraph made(graph);
  EXPECT_FALSE(made);
  EXPECT_EQ(made.why.substr(0, 5), "E0303") << made.why;
}

TEST_F(State, FrozenVariablesAreConstants) {
  auto *v = variable("v", constant({1, 2, 3}, {3}));
  Tensor *x = input("x", {3});
  exportOf("f", {x}, {op("Add", {x, read(v)})});
  graph.exports[0].inputs[0].name = "x";
  SourceManager sources;
  Diagnostics diagnostics(sources);
  auto planned = planInterface(graph, "model", diagnostics);
  ASSERT_TRUE(planned);
  Array held = arrayOf({3}, {10, 20, 30});
  std::map<std::string_view, const Literal *> frozen = {{"v", literalOf(graph, held)}};
  CodegenOptions options;
  options.frozen = &frozen;
  std::string why;
  auto made = graphc_codegen()->compile(graph, *planned, options, diagnostics, why);
  ASSERT_TRUE(made) << why;
  graphrt_instance *own = nullptr;
  ASSERT_EQ(made->model()->create(nullptr, &own), GRAPHRT_OK);
  float given[] = {1, 1, 1}, result[3];
  const void *in[] = {given};
  void *outs[] = {result};
  ASSERT_EQ(made->model()->call(own, 0, nullptr, in, outs), GRAPHRT_OK);
  EXPECT_EQ(result[0], 11);
  EXPECT_EQ(result[2], 31);
  EXPECT_EQ(made->model()->set(own, "v", given, sizeof given), GRAPHRT_FROZEN);
  float seen[3];
  EXPECT_EQ(made->model()->get(own, "v", seen, sizeof seen), GRAPHRT_OK);
  EXPECT_EQ(seen[1], 20);
  made->model()->destroy(own);
  (void)v;
}

TEST_F(State, FilesAreTheSameEveryTime) {
  auto *v = variable("v", constant({1, 2, 3}, {3}));
  Tensor *x = input("x", {dim("N"), 3});
  exportOf("f", {x}, {op("Exp", {op("Add", {x, read(v)})})});
  graph.exports[0].inputs[0].name = "x";
  SourceManager sources;
  Diagnostics diagnostics(sources);
  auto planned = planInterface(graph, "model", diagnostics);
  ASSERT_TRUE(planned);
  CodegenOptions options;
  std::vector<Emit> kinds = {Emit::Object, Emit::Static, Emit::LlvmIr, Emit::Bitcode, Emit::Asm};
  std::vector<EmittedFile> first, second;
  std::string why;
  ASSERT_TRUE(graphc_codegen()->emit(graph, *planned, options, kinds, first, diagnostics, why))
      << why;
  ASSERT_TRUE(graphc_codegen()->emit(graph, *planned, options, kinds, second, diagnostics, why))
      << why;
  ASSERT_EQ(first.size(), kinds.size());
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_FALSE(first[i].bytes.empty()) << first[i].name;
    EXPECT_TRUE(first[i].bytes == second[i].bytes) << first[i].name;
    EXPECT_EQ(first[i].bytes.find("/tmp/"), std::string::npos) << first[i].name;
  }
}

TEST_F(State, TargetsThatDoNotExistAreRefused) {
  exportOf("f", {}, {constant(1)});
  SourceManager sources;
  Diagnostics diagnostics(sources);
  auto planned = planInterface(graph, "model", diagnostics);
  ASSERT_TRUE(planned);
  for (auto [target, cpu] : {std::pair("no-such-machine", ""), std::pair("i386-linux-gnu", ""),
                             std::pair("", "no-such-processor")}) {
    CodegenOptions options;
    options.target = target;
    options.cpu = cpu;
    std::vector<EmittedFile> files;
    std::string why;
    EXPECT_FALSE(
        graphc_codegen()->emit(graph, *planned, options, {Emit::Object}, files, diagnostics, why));
    EXPECT_NE(why, "") << target << cpu;
    EXPECT_TRUE(files.empty());
  }
}

TEST_F(State, OtherMachinesGetObjects) {
  Tensor *x = input("x", {dim("N"), 3});
  exportOf("f", {x}, {op("Tanh", {x}), op("MatMul", {x, x}, {boolAttr("transpose_b", true)})});
  graph.exports[0].inputs[0].name = "x";
  SourceManager sources;
  Diagnostics diagnostics(sources);
  auto planned = planInterface(graph, "model", diagnostics);
  ASSERT_TRUE(planned);
  for (const char *target : {"aarch64-linux-gnu", "riscv64-linux-gnu"}) {
    CodegenOptions options;
    options.target = target;
    std::vector<EmittedFile> files;
    std::string why;
    EXPECT_TRUE(
        graphc_codegen()->emit(graph, *planned, options, {Emit::Object}, files, diagnostics, why))
        << target << ": " << why;
    ASSERT_EQ(files.size(), 1u);
    EXPECT_EQ(files[0].bytes.substr(0, 4), "\x7f"
                                           "ELF");
  }
}

} // namespace
} // namespace graphc
