// Cases of operations: products, windows and images.
#include "operation_cases.h"

namespace graphc {
namespace {

// Contractions

void matMul(Suite &s) {
  auto add = [&](DType t, Sizes a, Sizes b, bool ta, bool tb) {
    s.add({s.in(t, a, Data::Small), s.in(t, b, Data::Small)},
          {boolAttr("transpose_a", ta), boolAttr("transpose_b", tb)}, {100, 200});
  };
  for (DType t : numeric()) {
    add(t, {5, 7}, {7, 33}, false, false);
    add(t, {7, 5}, {33, 7}, true, true);
    add(t, {2, 1, 5, 7}, {3, 7, 4}, false, false);
    add(t, {5, 0}, {0, 4}, false, false);
    add(t, {0, 5}, {5, 4}, false, false);
    add(t, {1, 40}, {40, 1}, false, false);
  }
  add(DType::Float32, {130, 200}, {200, 150}, false, false);
}

void conv(Suite &s) {
  auto add = [&](DType t, Sizes x, Sizes f, Sizes strides, Sizes dilations, Sizes pads,
                 int64_t groups) {
    s.add({s.in(t, x, Data::Small), s.in(t, f, Data::Small)},
          {s.intsOf("strides", strides), s.intsOf("dilations", dilations),
           s.dimsOf("pads", {pads.begin(), pads.end()}), textAttr("padding", "EXPLICIT"),
           intAttr("groups", groups)},
          {100, 200});
  };
  for (DType t : floating()) {
    add(t, {2, 9, 8, 3}, {3, 3, 3, 20}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1);
    add(t, {1, 9, 11, 4}, {2, 3, 4, 5}, {2, 3}, {1, 1}, {0, 0, 0, 0}, 1);
    add(t, {1, 9, 11, 4}, {3, 2, 4, 5}, {1, 1}, {2, 3}, {2, 1, 0, 3}, 1);
    add(t, {1, 5, 5, 6}, {1, 1, 6, 17}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1);
  }
}

void depthwise(Suite &s) {
  auto add = [&](DType t, Sizes x, Sizes f, Sizes strides, Sizes pads) {
    s.add({s.in(t, x, Data::Small), s.in(t, f, Data::Small)},
          {s.intsOf("strides", strides), s.intsOf("dilations", {1, 1}),
           s.dimsOf("pads", {pads.begin(), pads.end()}), textAttr("padding", "EXPLICIT")},
          {100, 200});
  };
  for (DType t : floating()) {
    add(t, {2, 9, 8, 20}, {3, 3, 20, 1}, {1, 1}, {1, 1, 1, 1});
    add(t, {1, 9, 8, 5}, {3, 2, 5, 3}, {2, 2}, {1, 0, 0, 1});
  }
}

template <std::vector<DType> (*types)()>
void pool(Suite &s) {
  auto add = [&](DType t, Sizes x, Sizes size, Sizes strides, Sizes pads, Data data) {
    s.add({s.in(t, x, data)},
          {s.intsOf("ksize", size), s.intsOf("strides", strides),
           s.dimsOf("pads", {pads.begin(), pads.end()}), textAttr("padding", "EXPLICIT")},
          {20, 20});
  };
  for (DType t : types()) {
    add(t, {2, 8, 9, 20}, {2, 2}, {2, 2}, {0, 0, 0, 1}, Data::Small);
    add(t, {1, 7, 9, 3}, {3, 2}, {1, 2}, {1, 1, 0, 1}, Data::Small);
    add(t, {1, 7, 9, 5}, {3, 3}, {2, 2}, {1, 1, 1, 1}, isFloating(t) ? Data::Any : Data::Small);
  }
}

// Their derivatives: cases as [input, filter or window], from which the output's shape follows.

Sizes pooled(const Sizes &x, const Sizes &size, const Sizes &strides, const Sizes &dilations,
             const Sizes &pads) {
  Sizes out = x;
  for (size_t i = 0; i < 2; ++i) {
    int64_t reach = (size[i] - 1) * dilations[i] + 1;
    out[i + 1] = (x[i + 1] + pads[2 * i] + pads[2 * i + 1] - reach) / strides[i] + 1;
  }
  return out;
}

enum class By { Input, Filter };

template <By by, bool depthwise>
void convBackprop(Suite &s) {
  auto add = [&](DType t, Sizes x, Sizes f, Sizes strides, Sizes dilations, Sizes pads,
                 int64_t groups) {
    Sizes out = pooled(x, f, strides, dilations, pads);
    out[3] = depthwise ? f[2] * f[3] : f[3];
    Tensor *first = s.in(t, by == By::Input ? f : x, Data::Small);
    // Dimensions that are known nowhere else come from operands that are not used.
    s.in(DType::Float32, by == By::Input ? x : f);
    Tensor *back = s.in(t, out, Data::Small);
    std::vector<Attr> attrs = {s.intsOf("strides", strides), s.intsOf("dilations", dilations),
                               s.dimsOf("pads", {pads.begin(), pads.end()}),
                               textAttr("padding", "EXPLICIT"), intAttr("groups", groups)};
    attrs.push_back(by == By::Input ? s.dimsOf("input_sizes", s.ds(x))
                                    : s.dimsOf("filter_sizes", s.ds(f)));
    s.add({first, back}, attrs, {400, 4000});
  };
  for (DType t : floating()) {
    if (depthwise) {
      add(t, {2, 9, 8, 20}, {3, 3, 20, 1}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1);
      add(t, {1, 9, 8, 5}, {3, 2, 5, 3}, {2, 2}, {1, 1}, {1, 0, 0, 1}, 1);
      add(t, {2, 9, 8, 5}, {3, 2, 5, 1}, {1, 1}, {2, 3}, {1, 0, 2, 1}, 1);
      continue;
    }
    add(t, {3, 9, 8, 3}, {3, 3, 3, 20}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1);
    add(t, {2, 9, 11, 4}, {2, 3, 4, 5}, {2, 3}, {1, 1}, {0, 0, 0, 0}, 1);
    add(t, {2, 8, 8, 4}, {3, 3, 4, 8}, {2, 2}, {1, 1}, {0, 1, 0, 1}, 1);
    add(t, {1, 9, 9, 4}, {1, 1, 4, 5}, {2, 2}, {1, 1}, {0, 0, 0, 0}, 1);
    add(t, {1, 9, 11, 4}, {3, 2, 4, 5}, {1, 1}, {2, 3}, {2, 1, 0, 3}, 1);
    add(t, {1, 9, 11, 4}, {3, 2, 4, 5}, {2, 2}, {2, 3}, {2, 1, 0, 3}, 1);
    add(t, {1, 5, 5, 6}, {1, 1, 6, 17}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1);
    add(t, {1, 6, 5, 6}, {2, 3, 2, 9}, {1, 1}, {1, 1}, {4, 0, 1, 3}, 3);
    add(t, {0, 6, 5, 2}, {2, 3, 2, 9}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1);
  }
  if (depthwise) return;
  add(DType::Float32, {64, 14, 13, 8}, {5, 5, 8, 35}, {1, 1}, {1, 1}, {2, 2, 2, 2}, 1);
  add(DType::Float32, {3, 6, 6, 64}, {3, 3, 64, 130}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1);
}

enum class Grad { Max, MaxTwice, Average };

template <Grad which>
void poolGrad(Suite &s) {
  auto add = [&](DType t, Sizes x, Sizes size, Sizes strides, Sizes pads) {
    Sizes out = pooled(x, size, strides, {1, 1}, pads);
    Data data = which == Grad::Average ? Data::Small : Data::Few;
    Tensor *in = s.in(which == Grad::Average ? DType::Float32 : t, x, data);
    std::vector<Tensor *> operands;
    if (which != Grad::Average) operands = {in, s.in(t, out, data)};
    operands.push_back(s.in(t, which == Grad::MaxTwice ? x : out, Data::Small));
    std::vector<Attr> attrs = {s.intsOf("ksize", size), s.intsOf("strides", strides),
                               s.dimsOf("pads", {pads.begin(), pads.end()}),
                               textAttr("padding", "EXPLICIT")};
    if (which == Grad::Average) attrs.push_back(s.dimsOf("orig_input_shape", s.ds(x)));
    s.add(operands, attrs, {20, 20});
  };
  for (DType t : floating()) {
    add(t, {2, 8, 10, 20}, {2, 2}, {2, 2}, {0, 0, 0, 0});
    add(t, {2, 8, 9, 20}, {2, 2}, {2, 2}, {0, 0, 0, 1});
    add(t, {1, 7, 9, 3}, {3, 2}, {1, 2}, {1, 1, 0, 1});
    add(t, {1, 7, 9, 5}, {3, 3}, {2, 2}, {1, 1, 1, 1});
    add(t, {1, 6, 6, 33}, {3, 3}, {1, 1}, {0, 0, 0, 0});
    add(t, {2, 7, 7, 4}, {2, 2}, {3, 3}, {0, 0, 0, 0});
  }
}

// Images

template <std::vector<DType> (*types)()>
void resize(Suite &s) {
  for (DType t : types())
    for (auto [align, half] : {std::pair(false, false), {true, false}, {false, true}}) {
      auto add = [&](Sizes x, std::vector<Dim> size) {
        s.add({s.in(t, x, Data::Small)},
              {s.dimsOf("size", size), boolAttr("align_corners", align),
               boolAttr("half_pixel_centers", half)},
              {20, 20});
      };
      add({2, 5, 7, 3}, {s.d(5) * Dim(2), s.d(7) * Dim(3)});
      add({1, 9, 8, 17}, {4, 3});
      add({1, 6, 6, 1}, {1, 17});
    }
}

} // namespace

const CaseTable &windowCases() {
  static const CaseTable table = {
      {"MatMul", matMul},
      {"Conv2D", conv},
      {"DepthwiseConv2dNative", depthwise},
      {"MaxPool", pool<numeric>},
      {"AvgPool", pool<floating>},
      {"Conv2DBackpropInput", convBackprop<By::Input, false>},
      {"Conv2DBackpropFilter", convBackprop<By::Filter, false>},
      {"DepthwiseConv2dNativeBackpropInput", convBackprop<By::Input, true>},
      {"DepthwiseConv2dNativeBackpropFilter", convBackprop<By::Filter, true>},
      {"MaxPoolGrad", poolGrad<Grad::Max>},
      {"MaxPoolGradGrad", poolGrad<Grad::MaxTwice>},
      {"AvgPoolGrad", poolGrad<Grad::Average>},
      {"ResizeBilinear", resize<floating>},
      {"ResizeNearestNeighbor", resize<numeric>},
  };
  return table;
}

} // namespace graphc
