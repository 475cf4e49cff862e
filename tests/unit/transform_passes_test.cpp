// Each pass: what it rewrites, and what it must leave alone.
#include "model_harness.h"
#include "ops/indexing.h"
#include "transform/passes.h"

#include <algorithm>

namespace graphc {
namespace {
using Dims = std::vector<Dim>;

struct Passes : ModelTest {
  /// The types of the operations left, in order, of what is no placeholder.
  std::string types() {
    std::string text;
    for (const auto *op : graph.operations)
      if (op->type != "Placeholder") text += (text.empty() ? "" : " ") + std::string(op->type);
    return text;
  }
  /// After a pass, and dropping what is left over.
  std::string after(PassFn pass) {
    pass(graph);
    EXPECT_EQ(verify(graph), std::vector<std::string>{}) << print(graph);
    dropUnneeded(graph);
    EXPECT_EQ(verify(graph), std::vector<std::string>{}) << print(graph);
    return types();
  }
  Attr dims(std::string_view name, Dims value) { return dimsAttr(name, graph.arena.copy(value)); }
  Attr ints(std::string_view name, std::vector<int64_t> value) {
    return intsAttr(name, graph.arena.copy(value));
  }
  Tensor *index(Tensor *x, std::vector<IndexItem> items) {
    auto b = builder();
    return indexTensor(b, x, items);
  }
  const Tensor *output() { return graph.exports[0].outputs[0].tensor; }
};

// dce -------------------------------------------------------------------------------------------

TEST_F(Passes, DceKeepsWhatIsNeeded) {
  Tensor *x = input("x", {2}), *unused = input("unused", {2});
  auto *v = variable("v", op("Neg", {constant(1)}));
  op("Exp", {x});
  auto *added = update("AssignAdd", v, constant(1))->op;
  update("Assign", v, constant(1));
  exportOf("f", {x, unused}, {op("Neg", {x})}, {added});
  EXPECT_TRUE(dropUnneeded(graph));
  EXPECT_EQ(types(), "Const Neg Const AssignAdd Neg");
  EXPECT_EQ(graph.operations.size(), 7u); // both placeholders are part of the interface
  EXPECT_FALSE(dropUnneeded(graph));
  for (uint32_t k = 0; k < graph.operations.size(); ++k) EXPECT_EQ(graph.operations[k]->id, k);
}

// cse -------------------------------------------------------------------------------------------

TEST_F(Passes, CseMergesEqualOperations) {
  Tensor *x = input("x", {2, 2});
  Tensor *a = op("Transpose", {x}, {ints("perm", {1, 0})});
  Tensor *b = op("Transpose", {x}, {ints("perm", {1, 0})});
  Tensor *c = op("Transpose", {x}, {ints("perm", {0, 1})});
  exportOf("f", {x}, {op("Add", {op("Exp", {a}), op("Exp", {b})}), c});
  EXPECT_EQ(after(mergeEqual), "Transpose Transpose Exp Add");
  EXPECT_EQ(output()->op->inputs[0], output()->op->inputs[1]);
}

TEST_F(Passes, CseComparesConstantsByContents) {
  Tensor *x = input("x", {});
  Tensor *one = op("Add", {x, constant(1)}), *same = op("Add", {x, constant(1)});
  Tensor *zero = op("Add", {x, constant(0.0)}), *minus = op("Add", {x, constant(-0.0)});
  exportOf("f", {x}, {one, same, zero, minus});
  EXPECT_EQ(after(mergeEqual), "Const Add Const Add Const Add");
}

TEST_F(Passes, CseLeavesDrawsAndDifferentReads) {
  auto b = builder();
  RandomDraw draw;
  draw.shape = {Dim(2)};
  draw.seed = 1;
  auto *v = variable("v", constant(1));
  Tensor *set = update("Assign", v, constant(2));
  exportOf("f", {},
           {drawRandom(b, "a", draw), drawRandom(b, "b", draw), read(v), read(v),
            read(v, {set->op}), read(v, {set->op})});
  EXPECT_EQ(after(mergeEqual), "Const Const Assign random_uniform random_uniform ReadVariable "
                               "ReadVariable");
  const auto &ends = graph.exports[0].outputs;
  EXPECT_EQ(ends[2].tensor, ends[3].tensor);
  EXPECT_EQ(ends[4].tensor, ends[5].tensor);
  EXPECT_NE(ends[3].tensor, ends[4].tensor);
}

TEST_F(Passes, CseKeepsWhatWaitsForSomethingElse) {
  Tensor *x = input("x", {});
  auto *v = variable("v", constant(1));
  auto *set = update("Assign", v, constant(2))->op;
  exportOf("f", {x}, {op("Exp", {x}), op("Exp", {x}, {}, {set})});
  EXPECT_EQ(after(mergeEqual), "Const Const Assign Exp Exp");
}

// fold ------------------------------------------------------------------------------------------

TEST_F(Passes, FoldComputesConstants) {
  Tensor *x = input("x", {2});
  Tensor *two = op("Add", {constant(1), constant(1)});
  exportOf("f", {x}, {op("Mul", {x, op("Neg", {two})})});
  EXPECT_EQ(after(fold), "Const Mul");
  const auto *literal = output()->op->inputs[1]->op->literalAttr("value");
  ASSERT_TRUE(literal);
  EXPECT_EQ(literal->as<float>()[0], -2);
}

TEST_F(Passes, FoldLeavesWhatIsLargeOrWaitsOrFails) {
  auto *v = variable("v", constant(1));
  auto *set = update("Assign", v, constant(2))->op;
  Tensor *large = op("BroadcastTo", {constant(1)}, {dims("shape", {1000, 1000})});
  Tensor *filled = op("Fill", {constant(1)}, {dims("shape", {2})});
  Tensor *waits = op("Neg", {constant(1)}, {}, {set});
  Tensor *fails = op("FloorDiv", {constant(1, DType::Int32), constant(0, DType::Int32)});
  exportOf("f", {}, {large, filled, waits, fails});
  after(fold);
  for (const auto &end : graph.exports[0].outputs) EXPECT_NE(end.tensor->op->type, "Const");
}

TEST_F(Passes, FoldTurnsKnownContentsIntoDimensions) {
  Tensor *x = input("x", {dim("N"), 3});
  Tensor *s = op("Shape", {op("Exp", {x})}, {typeAttr("dtype", DType::Int32)});
  Tensor *n = index(s, {{IndexItem::At, Dim(0), {}, 1}});
  Tensor *three = index(s, {{IndexItem::At, Dim(1), {}, 1}});
  Tensor *twice = op("Mul", {n, constant(2, DType::Int32)});
  exportOf("f", {x}, {twice, three});
  EXPECT_EQ(after(fold), "Const Dims");
  EXPECT_EQ(toString(output()->op->dimsAttr("value")[0]), "2*N");
}

TEST_F(Passes, FoldKeepsTheUpdateThatAShapeDependsOn) {
  auto *v = variable("v", constant(Numbers{1, 2}, {Dim(2)}));
  Tensor *set = update("AssignAdd", v, constant(Numbers{1, 1}, {Dim(2)}));
  exportOf("f", {}, {op("Size", {set}, {typeAttr("dtype", DType::Int32)})});
  auto left = after(fold);
  EXPECT_EQ(left, "Const Const AssignAdd Size");
}

// simplify --------------------------------------------------------------------------------------

TEST_F(Passes, SimplifyDropsWhatChangesNothing) {
  Tensor *x = input("x", {2, 3});
  auto is = [&](Tensor *y, bool dropped = true) {
    graph.exports.clear();
    exportOf("f", {x}, {y});
    simplify(graph);
    EXPECT_EQ(verify(graph), std::vector<std::string>{});
    EXPECT_EQ(output() == x, dropped) << print(graph);
  };
  is(op("Mul", {x, constant(1)}));
  is(op("Mul", {constant(1), x}));
  is(op("Mul", {x, op("Fill", {constant(1)}, {dims("shape", {2, 3})})}));
  is(op("Mul", {x, constant(2)}), false);
  is(op("Mul", {x, constant(Numbers{1, 1}, {Dim(2), Dim(1), Dim(1)})}), false); // another shape
  is(op("RealDiv", {x, constant(1)}));
  is(op("Add", {x, constant(0.0)}), false); // -0 + 0 is 0
  is(op("Add", {x, constant(-0.0)}));
  is(op("Sub", {x, constant(0.0)}));
  is(op("Sub", {x, constant(-0.0)}), false);
  is(op("Pow", {x, constant(1)}));
  is(op("Neg", {op("Neg", {x})}));
  is(op("Maximum", {x, x}));
  is(op("Transpose", {op("Transpose", {x}, {ints("perm", {1, 0})})}, {ints("perm", {1, 0})}));
  is(op("Reshape", {op("Reshape", {x}, {dims("shape", {6})})}, {dims("shape", {2, 3})}));
  is(op("Pad", {x, constant(0)}, {dims("before", {0, 0}), dims("after", {0, 0})}));
  is(op("Pad", {x, constant(0)}, {dims("before", {0, 1}), dims("after", {0, 0})}), false);
  is(op("ConcatV2", {x}, {intAttr("axis", 0)}));
  is(index(x, {{IndexItem::Ellipsis, {}, {}, 1}}));
  is(index(x, {{IndexItem::Range, {}, {}, -1}}), false);
  is(op("Mul", {x, constant(1)}, {}, {constant(1)->op}), false); // it waits
}

TEST_F(Passes, SimplifyRepeatsNothingThatIsRepeatedAnyway) {
  Tensor *x = input("x", {2, dim("N")}), *row = input("row", {dim("N")});
  auto wide = [&](Tensor *t) { return op("BroadcastTo", {t}, {dims("shape", {2, dim("N")})}); };
  Tensor *ones =
      op("BroadcastTo", {constant(Numbers{1}, {Dim(1), Dim(1)})}, {dims("shape", {2, dim("N")})});
  exportOf("f", {x, row}, {op("Mul", {wide(row), op("Mul", {ones, x})})});
  EXPECT_EQ(after(simplify), "Mul");
  EXPECT_EQ(output()->op->inputs[0], row);
  EXPECT_EQ(output()->op->inputs[1], x);

  // A constant that is one number becomes that.
  Tensor *y = input("y", {2, 2});
  exportOf("g", {y},
           {op("Add", {y, constant(Numbers{3, 3, 3, 3}, {Dim(2), Dim(2)})}),
            op("Add", {y, constant(Numbers{3, 3, 3, 4}, {Dim(2), Dim(2)})})});
  simplify(graph);
  auto &sums = graph.exports.back().outputs;
  EXPECT_EQ(sums[0].tensor->op->inputs[1]->shape.rank(), 0);
  EXPECT_EQ(sums[1].tensor->op->inputs[1]->shape.rank(), 2);

  // Not where the result takes its shape from it.
  graph.exports.clear();
  exportOf("h", {row}, {op("Exp", {wide(row)}), op("Add", {wide(row), row})});
  EXPECT_EQ(after(simplify), "BroadcastTo Exp BroadcastTo Add");
}

TEST_F(Passes, SimplifyOfIntegers) {
  Tensor *x = input("x", {}, DType::Int32);
  Tensor *wide = op("Cast", {x}, {typeAttr("dtype", DType::Int64)});
  Tensor *back = op("Cast", {wide}, {typeAttr("dtype", DType::Int32)});
  Tensor *narrow = op("Cast", {x}, {typeAttr("dtype", DType::Int8)});
  Tensor *lost = op("Cast", {narrow}, {typeAttr("dtype", DType::Int32)});
  exportOf("f", {x},
           {op("Add", {back, constant(0, DType::Int32)}), lost,
            op("Pow", {x, constant(2, DType::Int32)})});
  EXPECT_EQ(after(simplify), "Cast Cast Square"); // 2 is no exponent that fails
  EXPECT_EQ(output(), x);
}

TEST_F(Passes, SimplifyFindsCheaperOperations) {
  Tensor *x = input("x", {2, 3}), *y = input("y", {2, 3});
  Tensor *turned = op("Transpose", {y}, {ints("perm", {1, 0})});
  Tensor *product =
      op("MatMul", {x, turned}, {boolAttr("transpose_a", false), boolAttr("transpose_b", false)});
  Tensor *line =
      op("Transpose", {op("Reshape", {x}, {dims("shape", {1, 6, 1})})}, {ints("perm", {2, 1, 0})});
  Tensor *row = index(x, {{IndexItem::NewAxis, {}, {}, 1}});
  exportOf("f", {x, y}, {product, op("Pow", {x, constant(2)}), line, row});
  EXPECT_EQ(after(simplify), "MatMul Reshape Reshape Square");
  EXPECT_TRUE(output()->op->boolAttr("transpose_b"));
  EXPECT_FALSE(output()->op->boolAttr("transpose_a"));
  EXPECT_EQ(output()->op->name, "MatMul");
}

TEST_F(Passes, SquareInDoubleIsNotPow) {
  Tensor *x = input("x", {}, DType::Float64);
  exportOf("f", {x}, {op("Pow", {x, constant(2, DType::Float64)})});
  EXPECT_EQ(after(simplify), "Const Pow");
}

TEST_F(Passes, SimplifyKeepsConditionsOnDimensions) {
  Tensor *x = input("x", {dim("N"), 2});
  Tensor *flat = op("Reshape", {x}, {dims("shape", {floorDiv(dim("N") * Dim(2), Dim(3)), Dim(3)})});
  ASSERT_EQ(flat->op->checks.size(), 1u);
  Tensor *back = op("Reshape", {flat}, {dims("shape", {dim("N"), Dim(2)})});
  exportOf("f", {x}, {back});
  EXPECT_EQ(after(simplify), "Reshape");
  EXPECT_FALSE(output()->op->checks.empty());
}

// canonicalize ----------------------------------------------------------------------------------

TEST_F(Passes, CanonicalizeLeavesFewTypes) {
  Tensor *x = input("x", {dim("N"), 3});
  auto attr = [](const char *name, int64_t v) { return intAttr(name, v); };
  Tensor *parts = op("Unpack", {x}, {attr("axis", 1), attr("num", 3)});
  Tensor *packed = op("Pack", {parts->op->output(2), parts}, {attr("axis", 0)});
  Tensor *tiled = op("Tile", {packed}, {dims("multiples", {2, 1})});
  Tensor *back = op("ReverseV2", {tiled}, {ints("axis", {1})});
  Tensor *wide = op("ExpandDims", {back}, {attr("axis", 0)});
  Tensor *thin = op("Squeeze", {wide}, {ints("squeeze_dims", {0})});
  Tensor *some = op("Slice", {thin}, {dims("begin", {1, 0}), dims("size", {2, dim("N")})});
  Tensor *same = op("Identity", {op("StopGradient", {some})});
  exportOf("f", {x}, {same, op("Shape", {x}, {typeAttr("dtype", DType::Int64)})});
  GraphInterpreter before(graph);
  Array given = arrayOf({2, 3}, {1, 2, 3, 4, 5, 6});
  std::vector<Array> want, got;
  std::string why;
  ASSERT_TRUE(before.initialize(why) && before.call(exported("f"), {&given, 1}, want, why)) << why;
  EXPECT_EQ(after(canonicalize), "Split Reshape Reshape Reshape Reshape ConcatV2 Reshape "
                                 "BroadcastTo Reshape StridedSlice Reshape Reshape StridedSlice "
                                 "Dims");
  GraphInterpreter now(graph);
  ASSERT_TRUE(now.initialize(why) && now.call(exported("f"), {&given, 1}, got, why)) << why;
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(numbersOf(got[0]), (Numbers{4, 1, 6, 3}));
  for (size_t k = 0; k < 2; ++k) EXPECT_EQ(want[k].bytes, got[k].bytes);
}

TEST_F(Passes, CanonicalizeKeepsWhatWaits) {
  Tensor *x = input("x", {});
  auto *v = variable("v", constant(1));
  auto *set = update("AssignAdd", v, constant(2))->op;
  Tensor *loss = op("Identity", {x}, {}, {set});
  Tensor *tiled = op("Tile", {x}, {dims("multiples", {})}, {set});
  exportOf("f", {x}, {loss, tiled});
  EXPECT_EQ(after(canonicalize), "Const Const AssignAdd Identity Identity");
}

TEST_F(Passes, CanonicalizeMovesWaitersToWhatIsLeft) {
  Tensor *x = input("x", {});
  auto *v = variable("v", constant(1));
  Tensor *added = update("AssignAdd", v, x);
  Tensor *same = op("Identity", {added});
  exportOf("f", {x}, {read(v, {same->op})}, {same->op});
  after(canonicalize);
  ASSERT_EQ(graph.exports[0].outputs[0].tensor->op->controlInputs.size(), 1u);
  EXPECT_EQ(graph.exports[0].outputs[0].tensor->op->controlInputs[0], added->op);
  ASSERT_EQ(graph.exports[0].effects.size(), 1u);
  EXPECT_EQ(graph.exports[0].effects[0], added->op);
}

TEST_F(Passes, ConditionsOutliveTheirOperation) {
  Tensor *x = input("x", {dim("N"), 3});
  Tensor *thin = op("Squeeze", {x}, {ints("squeeze_dims", {0})});
  exportOf("f", {x}, {thin});
  EXPECT_EQ(after(canonicalize), "Reshape");
  ASSERT_EQ(output()->op->checks.size(), 1u);
  EXPECT_EQ(output()->op->checks[0].left, dim("N"));
  EXPECT_EQ(output()->op->name, "Squeeze");
}

// freeze ----------------------------------------------------------------------------------------

TEST_F(Passes, FreezeMakesConstants) {
  Tensor *x = input("x", {2});
  auto *v = variable("v", constant(Numbers{1, 2}, {Dim(2)}));
  auto *w = variable("w", constant(3));
  exportOf("f", {x}, {op("Add", {x, op("Mul", {read(v), read(w)})})});
  const Literal *weights = constant(Numbers{5, 6}, {Dim(2)})->op->literalAttr("value");
  SourceManager sources;
  Diagnostics diagnostics(sources);
  EXPECT_TRUE(freeze(graph, {{"v", weights}}, diagnostics));
  dropUnneeded(graph);
  EXPECT_EQ(verify(graph), std::vector<std::string>{});
  EXPECT_EQ(types(), "Const Const ReadVariable Mul Add");
  EXPECT_EQ(v->initialValue, nullptr);
  GraphInterpreter run(graph);
  std::string why;
  ASSERT_TRUE(run.initialize(why));
  Array given = arrayOf({2}, {1, 1});
  std::vector<Array> got;
  ASSERT_TRUE(run.call(exported("f"), {&given, 1}, got, why)) << why;
  EXPECT_EQ(numbersOf(got[0]), (Numbers{16, 19}));
}

TEST_F(Passes, FreezeRefusesUpdates) {
  auto *v = variable("v", constant(1));
  Tensor *set = update("Assign", v, constant(2));
  exportOf("train", {}, {set});
  SourceManager sources;
  Diagnostics diagnostics(sources);
  const Literal *value = constant(1)->op->literalAttr("value");
  EXPECT_FALSE(freeze(graph, {{"v", value}}, diagnostics));
  ASSERT_EQ(diagnostics.errorCount(), 1u);
  EXPECT_EQ(diagnostics.all()[0].code, "E0406");
  EXPECT_EQ(diagnostics.all()[0].message, "variable v is frozen, but export train updates it");
  EXPECT_NE(v->initialValue, nullptr);
}

// The list --------------------------------------------------------------------------------------

TEST_F(Passes, LevelsAndDumps) {
  Tensor *x = input("x", {});
  exportOf("f", {x}, {op("Identity", {op("Mul", {x, op("Neg", {op("Neg", {constant(1)})})})})});
  std::vector<std::string> ran;
  PassOptions options;
  options.level = 0;
  options.verifyEachPass = true;
  options.dump = [&](const Pass &pass, const Graph &) { ran.emplace_back(pass.name); };
  EXPECT_TRUE(runPasses(graph, options).empty());
  EXPECT_EQ(ran, (std::vector<std::string>{"canonicalize"}));
  EXPECT_EQ(types(), "Const Neg Neg Mul");
  options.level = 1;
  EXPECT_TRUE(runPasses(graph, options).empty());
  EXPECT_EQ(output(), x);
  EXPECT_EQ(types(), "");
}

} // namespace
} // namespace graphc
