// Cases of operations: what moves elements, and along lines.
#include "operation_cases.h"

namespace graphc {
namespace {

/// A view of another shape, one of a permutation, and so on: moving elements.
template <typename F>
void moving(Suite &s, F add) {
  for (DType t : every()) add(s, t);
}

void reshape(Suite &s) {
  moving(s, [](Suite &s, DType t) {
    s.add({s.in(t, {4, 6})}, {s.dimsOf("shape", {s.d(4) * Dim(2), floorDiv(s.d(6), Dim(2))})});
    s.add({s.in(t, {4, 6})}, {s.dimsOf("shape", {s.d(4) * s.d(6)})});
    s.add({s.in(t, {1, 1})}, {s.dimsOf("shape", {})});
    s.add({s.in(t, {0, 3})}, {s.dimsOf("shape", {s.d(3), s.d(0)})});
  });
}
void squeeze(Suite &s) {
  moving(s, [](Suite &s, DType t) {
    s.add({s.in(t, {1, 5, 1, 3})}, {s.intsOf("squeeze_dims", {0, 2})});
  });
}
void expandDims(Suite &s) {
  moving(s, [](Suite &s, DType t) { s.add({s.in(t, {5, 3})}, {intAttr("axis", 1)}); });
}
void identity(Suite &s) {
  moving(s, [](Suite &s, DType t) { s.add({s.in(t, {5, 3})}); });
}
void transpose(Suite &s) {
  moving(s, [](Suite &s, DType t) {
    s.add({s.in(t, {7, 33})}, {s.intsOf("perm", {1, 0})});
    s.add({s.in(t, {3, 4, 19})}, {s.intsOf("perm", {1, 0, 2})});
    s.add({s.in(t, {2, 3, 4, 5})}, {s.intsOf("perm", {3, 1, 0, 2})});
    s.add({s.in(t, {})}, {s.intsOf("perm", {})});
  });
  s.add({s.in(DType::Float32, {150, 201})}, {s.intsOf("perm", {1, 0})});
}
void reverse(Suite &s) {
  moving(s, [](Suite &s, DType t) {
    s.add({s.in(t, {3, 37})}, {s.intsOf("axis", {1})});
    s.add({s.in(t, {3, 5, 4})}, {s.intsOf("axis", {0, 2})});
  });
}
void stridedSlice(Suite &s) {
  moving(s, [](Suite &s, DType t) {
    auto add = [&](Sizes x, std::vector<Dim> begin, std::vector<Dim> size,
                   std::vector<int64_t> strides, std::vector<int64_t> shrink,
                   std::vector<int64_t> added) {
      s.add({s.in(t, x)},
            {s.dimsOf("begin", begin), s.dimsOf("size", size), s.intsOf("strides", strides),
             s.intsOf("shrink", shrink), s.intsOf("newaxis", added)});
    };
    add({9, 40}, {1, 3}, {4, 12}, {2, 3}, {}, {});
    add({9, 40}, {s.d(9) - 1, s.d(40) - 2}, {3, 13}, {-3, -3}, {}, {});
    add({9, 40}, {5, s.d(40) - 1}, {1, s.d(40)}, {1, -1}, {0}, {});
    add({9, 4, 7}, {0, 3, 2}, {s.d(9), 1, 4}, {1, 1, 1}, {1}, {0, 2});
    add({9}, {0}, {0}, {1}, {}, {});
  });
}
void slice(Suite &s) {
  moving(s, [](Suite &s, DType t) {
    s.add({s.in(t, {9, 40})}, {s.dimsOf("begin", {2, 1}), s.dimsOf("size", {s.d(9) - 2, 33})});
  });
}
void gather(Suite &s) {
  for (DType t : every())
    for (DType index : {DType::Int32, DType::Int64}) {
      s.add({s.in(t, {6, 5}), s.in(index, {7}, Data::Index, 6)},
            {intAttr("axis", 0), intAttr("batch_dims", 0)});
      s.add({s.in(t, {6, 5, 3}), s.in(index, {2, 20}, Data::Index, 5)},
            {intAttr("axis", 1), intAttr("batch_dims", 0)});
      s.add({s.in(t, {4, 2, 5, 3}), s.in(index, {4, 8}, Data::Index, 5)},
            {intAttr("axis", 2), intAttr("batch_dims", 1)});
      s.add({s.in(t, {6}), s.in(index, {}, Data::Index, 6)},
            {intAttr("axis", 0), intAttr("batch_dims", 0)});
      s.add({s.in(t, {0, 4}), s.in(index, {0}, Data::Index, 1)},
            {intAttr("axis", 0), intAttr("batch_dims", 0)});
    }
}
void stridedSliceGrad(Suite &s) {
  for (DType t : numeric()) {
    s.in(DType::Float32, {9, 40}); // which the run-time dimensions are known from
    s.add({s.in(t, {4, 33})}, {s.dimsOf("shape", {s.d(9), s.d(40)}), s.dimsOf("begin", {1, 3}),
                               s.dimsOf("size", {s.d(4), s.d(33)}), s.intsOf("strides", {2, 1})});
    s.in(DType::Float32, {12});
    s.add({s.in(t, {5})}, {s.dimsOf("shape", {s.d(12)}), s.dimsOf("begin", {11}),
                           s.dimsOf("size", {s.d(5)}), s.intsOf("strides", {-2})});
  }
}
void gatherGrad(Suite &s) {
  auto add = [&](DType t, DType index, Sizes params, Sizes indices, int64_t axis, int64_t batch) {
    Sizes grad(params.begin(), params.begin() + axis);
    grad.insert(grad.end(), indices.begin() + batch, indices.end());
    grad.insert(grad.end(), params.begin() + axis + 1, params.end());
    int64_t limit = params[size_t(axis)];
    s.in(DType::Float32, params);
    s.add({s.in(t, grad, Data::Small), s.in(index, indices, Data::Index, limit)},
          {s.dimsOf("shape", s.ds(params)), intAttr("axis", axis), intAttr("batch_dims", batch)},
          {4, 32});
  };
  for (DType t : numeric())
    for (DType index : {DType::Int32, DType::Int64}) {
      add(t, index, {6, 5}, {7}, 0, 0);
      add(t, index, {6, 5, 3}, {2, 20}, 1, 0);
      add(t, index, {4, 2, 5, 3}, {4, 8}, 2, 1);
      add(t, index, {6}, {}, 0, 0);
      add(t, index, {6}, {40}, 0, 0);
    }
  add(DType::Float32, DType::Int32, {50, 96}, {700}, 0, 0);
}
void oneHot(Suite &s) {
  for (DType t : every())
    for (DType index : {DType::Int32, DType::Int64, DType::UInt8})
      for (int64_t axis : {0, 1})
        s.add({s.in(index, {9}, Data::Index, 7), s.in(t, {}), s.in(t, {})},
              {s.dimsOf("depth", {Dim(6)}), intAttr("axis", axis)});
}
void concat(Suite &s) {
  moving(s, [](Suite &s, DType t) {
    s.add({s.in(t, {3, 5}), s.in(t, {3, 20}), s.in(t, {3, 0})}, {intAttr("axis", 1)});
    s.add({s.in(t, {3, 5}), s.in(t, {8, 5})}, {intAttr("axis", 0)});
    s.add({s.in(t, {4})}, {intAttr("axis", 0)});
  });
}
void pack(Suite &s) {
  moving(s, [](Suite &s, DType t) {
    for (int64_t axis : {0, 1, 2})
      s.add({s.in(t, {3, 5}), s.in(t, {3, 5})}, {intAttr("axis", axis)});
    s.add({s.in(t, {}), s.in(t, {}), s.in(t, {})}, {intAttr("axis", 0)});
  });
}
void unpack(Suite &s) {
  moving(s, [](Suite &s, DType t) {
    s.add({s.in(t, {3, 5})}, {intAttr("axis", 0), intAttr("num", 3)});
    s.add({s.in(t, {6, 2})}, {intAttr("axis", 1), intAttr("num", 2)});
  });
}
void split(Suite &s) {
  moving(s, [](Suite &s, DType t) {
    s.add({s.in(t, {3, 40})}, {intAttr("axis", 1), s.dimsOf("size_splits", {3, 17, s.d(40) - 20})});
    s.add({s.in(t, {6, 5})}, {intAttr("axis", 0), s.dimsOf("size_splits", {2, 2, 2})});
  });
}
void tile(Suite &s) {
  moving(s, [](Suite &s, DType t) {
    s.add({s.in(t, {3, 5})}, {s.dimsOf("multiples", {2, 3})});
    s.add({s.in(t, {3, 1})}, {s.dimsOf("multiples", {1, s.d(3)})});
    s.add({s.in(t, {3, 5})}, {s.dimsOf("multiples", {0, 1})});
  });
}
void broadcastTo(Suite &s) {
  moving(s, [](Suite &s, DType t) {
    s.add({s.in(t, {3, 1, 19})}, {s.dimsOf("shape", {2, s.d(3), 5, s.d(19)})});
    s.add({s.in(t, {})}, {s.dimsOf("shape", {4, 4})});
  });
}
void pad(Suite &s) {
  moving(s, [](Suite &s, DType t) {
    s.add({s.in(t, {3, 19}), s.in(t, {})}, {s.dimsOf("before", {1, 2}), s.dimsOf("after", {0, 3})});
    s.add({s.in(t, {3, 5}), s.in(t, {})}, {s.dimsOf("before", {0, 0}), s.dimsOf("after", {0, 0})});
    s.add({s.in(t, {0}), s.in(t, {})}, {s.dimsOf("before", {2}), s.dimsOf("after", {3})});
  });
}
void mirrorPad(Suite &s) {
  moving(s, [](Suite &s, DType t) {
    for (const char *mode : {"REFLECT", "SYMMETRIC"})
      s.add({s.in(t, {4, 19})},
            {s.dimsOf("before", {1, 2}), s.dimsOf("after", {3, 0}), textAttr("mode", mode)});
  });
}

// Lines

void scan(Suite &s) {
  for (DType t : numeric())
    for (bool exclusive : {false, true}) {
      auto add = [&](Sizes sizes, int64_t axis, bool reverse) {
        s.add(
            {s.in(t, sizes, Data::Unit)},
            {intAttr("axis", axis), boolAttr("exclusive", exclusive), boolAttr("reverse", reverse)},
            {100, 100});
      };
      add({5, 7}, 1, exclusive);
      add({3, 9, 21}, 1, false);
      add({6, 2, 3}, 0, true);
      add({2, 0, 3}, 1, false);
    }
}
void recurrence(Suite &s) {
  for (DType t : floating())
    for (bool reverse : {false, true})
      for (const auto &[sizes, axis] :
           {std::pair<Sizes, int64_t>{{5, 7}, 1}, {{3, 9, 21}, 1}, {{6, 2, 3}, 0}, {{2, 0, 3}, 1}})
        s.add({s.in(t, sizes, Data::Unit), s.in(t, sizes, Data::Unit)},
              {intAttr("axis", axis), boolAttr("reverse", reverse)}, {100, 100});
}

void topK(Suite &s) {
  for (DType t : numeric()) {
    Data data = isFloating(t) ? Data::Few : Data::Any;
    s.add({s.in(t, {3, 17}, data)}, {s.dimsOf("k", {5}), boolAttr("sorted", true)});
    s.add({s.in(t, {4, 2, 8}, data)}, {s.dimsOf("k", {s.d(8)}), boolAttr("sorted", true)});
    s.add({s.in(t, {3, 5}, data)}, {s.dimsOf("k", {0}), boolAttr("sorted", true)});
    s.add({s.in(t, {9}, data)}, {s.dimsOf("k", {1}), boolAttr("sorted", true)});
  }
}

void gatherNd(Suite &s) {
  for (DType t : every())
    for (DType index : {DType::Int32, DType::Int64}) {
      s.add({s.in(t, {4, 5, 3}), s.places(index, {7, 2}, 4)});
      s.add({s.in(t, {6}), s.places(index, {2, 3, 1}, 6)});
      s.add({s.in(t, {3, 4}), s.places(index, {2}, 3)});
    }
}

/// Indices that meet are many.
template <bool fresh, std::vector<DType> (*types)()>
void scatterNd(Suite &s) {
  for (DType t : types())
    for (DType index : {DType::Int32, DType::Int64}) {
      auto add = [&](Sizes whole, Sizes indices, Sizes updates) {
        std::vector<Tensor *> operands;
        if (!fresh) operands.push_back(s.in(t, whole, Data::Small));
        if (fresh) s.in(DType::Float32, whole); // where the sizes come from
        operands.push_back(s.places(index, indices, 3));
        operands.push_back(s.in(t, updates, Data::Small));
        std::vector<Attr> attrs;
        if (fresh) attrs.push_back(s.dimsOf("shape", s.ds(whole)));
        s.add(operands, attrs, {20, 20});
      };
      add({3, 4, 19}, {12, 2}, {12, 19});
      add({5}, {2, 8, 1}, {2, 8});
      add({4, 3}, {6, 1}, {6, 3});
    }
}

} // namespace

const CaseTable &arrayCases() {
  static const CaseTable table = {
      {"Reshape", reshape},
      {"Squeeze", squeeze},
      {"ExpandDims", expandDims},
      {"Identity", identity},
      {"StopGradient", identity},
      {"Transpose", transpose},
      {"ReverseV2", reverse},
      {"StridedSlice", stridedSlice},
      {"Slice", slice},
      {"GatherV2", gather},
      {"OneHot", oneHot},
      {"StridedSliceGrad", stridedSliceGrad},
      {"GatherV2Grad", gatherGrad},
      {"ConcatV2", concat},
      {"Pack", pack},
      {"Unpack", unpack},
      {"Split", split},
      {"Tile", tile},
      {"BroadcastTo", broadcastTo},
      {"Pad", pad},
      {"MirrorPad", mirrorPad},
      {"GatherNd", gatherNd},
      {"ScatterNd", scatterNd<true, numeric>},
      {"TensorScatterAdd", scatterNd<false, numeric>},
      {"TensorScatterSub", scatterNd<false, numeric>},
      {"TensorScatterUpdate", scatterNd<false, every>},
      {"Cumsum", scan},
      {"Cumprod", scan},
      {"LinearRecurrence", recurrence},
      {"TopKV2", topK},
      {"Rank", identity},
  };
  return table;
}

} // namespace graphc
