// The reference interpreter: what reads see, what updates leave behind, run-time dimensions, random
// numbers, failing calls.
#include "model_harness.h"
#include "ops/interpret.h"

namespace graphc {
namespace {

struct Interpret : ModelTest {
  Numbers call(GraphInterpreter &interpreter, std::string_view name,
               std::vector<Array> inputs = {}) {
    std::vector<Array> outputs;
    why.clear();
    if (!interpreter.call(exported(name), inputs, outputs, why)) return {};
    Numbers all;
    for (const auto &output : outputs)
      for (double number : numbersOf(output)) all.push_back(number);
    return all;
  }
  std::string why;
};

TEST_F(Interpret, AnUnorderedReadSeesTheValueFromBeforeTheCall) {
  auto *v = variable("v", constant(1));
  Tensor *added = update("AssignAdd", v, constant(10));
  Tensor *after = read(v, {added->op});
  exportOf("step", {}, {read(v), added, after});
  GraphInterpreter run(graph);
  ASSERT_TRUE(run.initialize(why)) << why;
  EXPECT_EQ(call(run, "step"), (Numbers{1, 11, 11}));
  EXPECT_EQ(call(run, "step"), (Numbers{11, 21, 21}));
  EXPECT_EQ(run.value(*v).number(0), 21);
}

TEST_F(Interpret, AnUnorderedReadMadeAfterTheUpdateSeesTheOldValueToo) {
  auto *v = variable("v", constant(1));
  Tensor *set = update("Assign", v, constant(5));
  Tensor *late = read(v); // nothing but its place in the definition comes after
  exportOf("step", {}, {set, late});
  GraphInterpreter run(graph);
  ASSERT_TRUE(run.initialize(why));
  EXPECT_EQ(call(run, "step"), (Numbers{5, 1}));
}

TEST_F(Interpret, DataOrdersReadsAndUpdates) {
  auto *v = variable("v", constant(2)), *w = variable("w", constant(0));
  Tensor *set = update("Assign", v, constant(7));
  Tensor *copied = update("Assign", w, op("Mul", {set, constant(2)}));
  Tensor *both = op("Add", {read(v, {copied->op}), copied}); // v through w's update
  exportOf("step", {}, {both});
  GraphInterpreter run(graph);
  ASSERT_TRUE(run.initialize(why));
  EXPECT_EQ(call(run, "step"), (Numbers{21}));
  EXPECT_EQ(run.value(*w).number(0), 14);
}

TEST_F(Interpret, UpdatesInAChain) {
  auto *v = variable("v", constant(1));
  Tensor *first = update("AssignAdd", v, constant(1));
  Tensor *second = update("AssignSub", v, constant(5), {first->op});
  Tensor *between = read(v, {first->op});
  exportOf("step", {}, {second, between});
  GraphInterpreter run(graph);
  ASSERT_TRUE(run.initialize(why));
  EXPECT_EQ(call(run, "step"), (Numbers{-3, 2}));
  EXPECT_EQ(run.value(*v).number(0), -3);
}

TEST_F(Interpret, EffectsRunAndGroupsWait) {
  auto *v = variable("v", constant(1)), *w = variable("w", constant(1));
  auto *a = update("AssignAdd", v, constant(1))->op;
  auto *b = update("AssignAdd", w, constant(2))->op;
  auto build = builder();
  Operation *after[] = {a, b};
  auto *group = makeNoOp(build, "group_deps", after);
  exportOf("train", {}, {}, {group});
  exportOf("look", {}, {read(v), read(w)});
  GraphInterpreter run(graph);
  ASSERT_TRUE(run.initialize(why));
  EXPECT_EQ(call(run, "look"), (Numbers{1, 1}));
  EXPECT_EQ(call(run, "train"), Numbers{});
  EXPECT_EQ(call(run, "look"), (Numbers{2, 3}));
}

TEST_F(Interpret, AFailingCallChangesNothing) {
  auto *v = variable("v", constant(Numbers{1, 2}, {Dim(2)}));
  Tensor *x = input("x", {}, DType::Int32);
  Tensor *added = update("AssignAdd", v, constant(Numbers{1, 1}, {Dim(2)}));
  Attr attrs[] = {intAttr("axis", 0), intAttr("batch_dims", 0)};
  Tensor *picked = op("GatherV2", {added, x}, {attrs[0], attrs[1]});
  exportOf("step", {x}, {picked});
  GraphInterpreter run(graph);
  ASSERT_TRUE(run.initialize(why));
  call(run, "step", {arrayOf({}, {2}, DType::Int32)});
  EXPECT_EQ(why, "GatherV2: indices[0] = 2 is not in [0, 2)");
  EXPECT_EQ(numbersOf(run.value(*v)), (Numbers{1, 2}));
  EXPECT_EQ(call(run, "step", {arrayOf({}, {1}, DType::Int32)}), (Numbers{3}));
  EXPECT_EQ(numbersOf(run.value(*v)), (Numbers{2, 3}));
}

TEST_F(Interpret, RunTimeDimensionsMustAgree) {
  Tensor *x = input("x", {dim("N"), 2}), *y = input("y", {dim("N")});
  exportOf("f", {x, y}, {op("Sum", {x}, {intsAttr("axis", {}), boolAttr("keep_dims", false)}), y});
  GraphInterpreter run(graph);
  ASSERT_TRUE(run.initialize(why));
  call(run, "f", {arrayOf({3, 2}, Numbers(6, 1)), arrayOf({2}, {5, 6})});
  EXPECT_EQ(why, "dimension 0 of input 'y' is 2, but N is 3 in dimension 0 of input 'x'");
  call(run, "f", {arrayOf({3, 1}, Numbers(3, 1)), arrayOf({3}, {5, 6, 7})});
  EXPECT_EQ(why, "dimension 1 of input 'x' is 1, not 2");
  call(run, "f", {arrayOf({3}, Numbers(3, 1)), arrayOf({3}, {5, 6, 7})});
  EXPECT_EQ(why, "input 'x' has shape (3,), but rank 2 is needed");
  call(run, "f", {arrayOf({0, 2}, {}), arrayOf({0}, {}, DType::Int32)});
  EXPECT_EQ(why, "input 'y' has dtype int32, not float32");
}

TEST_F(Interpret, ConditionsOnDimensionsAreChecked) {
  Tensor *x = input("x", {dim("N")}), *y = input("y", {dim("M")});
  exportOf("f", {x, y}, {op("Add", {x, y})});
  GraphInterpreter run(graph);
  ASSERT_TRUE(run.initialize(why));
  EXPECT_EQ(call(run, "f", {arrayOf({2}, {1, 2}), arrayOf({2}, {3, 4})}), (Numbers{4, 6}));
  call(run, "f", {arrayOf({2}, {1, 2}), arrayOf({3}, {3, 4, 5})});
  EXPECT_EQ(why, "Add: dimension 0 of (N,) and dimension 0 of (M,): 2 and 3");
}

TEST_F(Interpret, AnUpdateOfAnotherSizeFails) {
  Tensor *x = input("x", {dim("N")});
  auto *v = variable("v", constant(Numbers{1, 2}, {Dim(2)}));
  exportOf("f", {x}, {update("Assign", v, x)});
  GraphInterpreter run(graph);
  ASSERT_TRUE(run.initialize(why));
  call(run, "f", {arrayOf({3}, {1, 2, 3})});
  EXPECT_EQ(why, "Assign: dimension 0 of the value (N,) and of the variable (2,): 3 and 2");
  EXPECT_EQ(call(run, "f", {arrayOf({2}, {8, 9})}), (Numbers{8, 9}));
}

TEST_F(Interpret, ADefaultGivesTheDimensions) {
  Tensor *given = constant(Numbers{1, 2, 3}, {Dim(3)});
  Attr attrs[] = {dimsAttr("shape", graph.arena.copy(std::vector<Dim>{dim("N")}))};
  Tensor *x = builder().make(*findOp("PlaceholderWithDefault"), "x", {&given, 1}, attrs)->output();
  Tensor *size = op("Size", {x}, {typeAttr("dtype", DType::Int32)});
  exportOf("own", {}, {x, size});
  exportOf("fed", {x}, {x, size});
  GraphInterpreter run(graph);
  ASSERT_TRUE(run.initialize(why));
  EXPECT_EQ(call(run, "own"), (Numbers{1, 2, 3, 3}));
  EXPECT_EQ(call(run, "fed", {arrayOf({1}, {9})}), (Numbers{9, 1}));
}

TEST_F(Interpret, RandomNumbersAreFreshAndReproducible) {
  auto build = builder();
  RandomDraw draw;
  draw.shape = {Dim(4)};
  auto *v = variable("v", drawRandom(build, "v/Initializer/random_uniform", draw));
  Tensor *drawn = drawRandom(build, "noise", draw);
  draw.dtype = DType::Int32, draw.low = 10, draw.high = 20;
  Tensor *dice = drawRandom(build, "dice", draw);
  exportOf("noise", {}, {drawn, dice});
  exportOf("still", {}, {read(v)});
  GraphInterpreter run(graph, 42), again(graph, 42), other(graph, 43);
  for (auto *each : {&run, &again, &other}) ASSERT_TRUE(each->initialize(why));
  auto initial = call(run, "still");
  EXPECT_EQ(initial, call(again, "still"));
  EXPECT_NE(initial, call(other, "still"));
  auto first = call(run, "noise");
  ASSERT_EQ(first.size(), 8u);
  EXPECT_EQ(first, call(again, "noise"));
  EXPECT_NE(first, call(run, "noise"));
  EXPECT_EQ(run.counter(), 2u); // calls that draw are counted, the others not
  for (size_t k = 0; k < 4; ++k) {
    EXPECT_TRUE(first[k] >= 0 && first[k] < 1);
    EXPECT_TRUE(first[4 + k] >= 10 && first[4 + k] < 20);
    EXPECT_NE(first[k], initial[k]);
  }
  run.setRandom(42, 0);
  EXPECT_EQ(first, call(run, "noise"));
}

TEST_F(Interpret, InitialValuesMayDependOnVariables) {
  auto *v = variable("v", constant(3));
  auto *w = variable("w", op("Mul", {read(v), constant(2)}));
  GraphInterpreter run(graph);
  ASSERT_TRUE(run.initialize(why)) << why;
  EXPECT_EQ(run.value(*w).number(0), 6);
}

TEST_F(Interpret, ALongChainTakesNoStack) {
  Tensor *x = input("x", {}, DType::Int32), *y = x, *one = constant(1, DType::Int32);
  auto b = builder();
  for (int k = 0; k < 50000; ++k) y = b.op("Add", {y, one});
  exportOf("f", {x}, {y});
  GraphInterpreter run(graph);
  ASSERT_TRUE(run.initialize(why));
  EXPECT_EQ(call(run, "f", {arrayOf({}, {5}, DType::Int32)}), (Numbers{50005}));
}

TEST_F(Interpret, ResultsThatAreTooLarge) {
  Tensor *x = input("x", {dim("N")});
  Dim huge = dim("N") * dim("N") * dim("N") * dim("N");
  Tensor *y = op("Fill", {constant(1)},
                 {dimsAttr("shape", graph.arena.copy(std::vector<Dim>{huge, huge}))});
  exportOf("f", {x}, {y});
  GraphInterpreter run(graph);
  ASSERT_TRUE(run.initialize(why));
  call(run, "f", {arrayOf({1000}, Numbers(1000, 0))});
  EXPECT_EQ(why, "Fill: a result of shape (1000000000000, 1000000000000) is too large");
}

TEST_F(Interpret, UnorderedUpdatesAreFound) {
  auto *v = variable("v", constant(1));
  auto *first = update("AssignAdd", v, constant(1))->op;
  auto *second = update("Assign", v, constant(2))->op;
  auto *third = update("AssignAdd", v, constant(3), {first, second})->op;
  exportOf("both", {}, {}, {third});
  exportOf("one", {}, {}, {first});
  auto ordered = orderVariables(neededBy(exported("both")));
  ASSERT_EQ(ordered.unordered.size(), 1u);
  EXPECT_EQ(ordered.unordered[0], std::pair(static_cast<const Operation *>(first),
                                            static_cast<const Operation *>(second)));
  EXPECT_EQ(ordered.sees.at(third), second);
  EXPECT_EQ(orderVariables(neededBy(exported("one"))).unordered.size(), 0u);
}

} // namespace
} // namespace graphc
