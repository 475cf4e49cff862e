// What operations cost: rules against counts made by hand, and that none is without one by mistake.
#include "elaborate/elaborate.h"
#include "ops/cost.h"

#include <gtest/gtest.h>
#include <set>

namespace graphc {
namespace {

TEST(OpsCost, WhatHasNoRuleOnlyMovesData) {
  const std::set<std::string_view> movers{"Transpose",
                                          "ReverseV2",
                                          "Assign",
                                          "ResizeNearestNeighbor",
                                          "OneHot",
                                          "ConcatV2",
                                          "Pack",
                                          "Unpack",
                                          "Split",
                                          "Tile",
                                          "Pad",
                                          "MirrorPad",
                                          "BroadcastTo",
                                          "StridedSliceGrad",
                                          "TensorScatterUpdate",
                                          "Fill",
                                          "Range",
                                          "NoOp"};
  for (const OpDef *op : allOps())
    EXPECT_EQ(!op->elementwise && !op->cost, movers.count(op->type) > 0) << op->type;
}

struct Expected {
  std::string_view call, type;
  int64_t flops, bytes;
};

TEST(OpsCost, Counts) {
  const Expected all[] = {
      {"matmul(ones([2, 3, 4]), ones([2, 4, 5]))", "MatMul", 2 * 2 * 3 * 4 * 5, 4 * (24 + 40 + 30)},
      {"matmul(ones([4, 3]), ones([5, 4]), transpose_a=True, transpose_b=True)", "MatMul",
       2 * 3 * 4 * 5, 4 * (12 + 20 + 15)},
      {"conv2d(ones([2, 6, 6, 4]), ones([3, 3, 4, 8]), 1, 'VALID')", "Conv2D",
       2 * (2 * 4 * 4 * 8) * (3 * 3 * 4), 4 * (288 + 288 + 256)},
      {"max_pool(ones([1, 4, 4, 3]), 2, 2, 'VALID')", "MaxPool", (2 * 2 * 3) * 4, 4 * (48 + 12)},
      {"reduce_sum(ones([3, 4]), 0)", "Sum", 12, 4 * (12 + 4)},
      {"reduce_mean(ones([3, 4]), 0)", "Mean", 12 + 4, 4 * (12 + 4)},
      {"add_n([ones([5]), ones([5]), ones([5])])", "AddN", 10, 4 * 20},
      {"exp(ones([7]))", "Exp", 7, 4 * 14},
      {"cast(ones([7]), float64)", "Cast", 0, 4 * 7 + 8 * 7},
      {"gather(ones([100, 4]), [1, 2, 3])", "GatherV2", 0, 2 * 4 * 12 + 4 * 3},
      {"reshape(ones([6]), [2, 3])", "Reshape", 0, 0},
      {"transpose(ones([2, 3]))", "Transpose", 0, 4 * 12},
      {"softmax(ones([2, 3]))", "Softmax", 5 * 6, 4 * 12},
  };
  for (const Expected &expected : all) {
    SourceManager sources;
    Diagnostics diagnostics(sources);
    ElaborateOptions options;
    options.read = [&](const std::string &, std::string &) {
      return std::optional("y = " + std::string(expected.call) + "\n");
    };
    auto made = elaborate(sources, "y.graph", options, diagnostics);
    ASSERT_TRUE(made && diagnostics.errorCount() == 0) << expected.call;
    int found = 0;
    for (const Operation *op : made->graph.operations) {
      if (op->type != expected.type) continue;
      ++found;
      auto cost = costOf(*op);
      ASSERT_TRUE(cost) << expected.call;
      EXPECT_TRUE(cost->flops.is(expected.flops))
          << expected.call << ": " << toString(cost->flops) << " FLOPs";
      EXPECT_TRUE(cost->bytes.is(expected.bytes))
          << expected.call << ": " << toString(cost->bytes) << " bytes";
    }
    EXPECT_EQ(found, 1) << expected.call;
  }
}

} // namespace
} // namespace graphc
