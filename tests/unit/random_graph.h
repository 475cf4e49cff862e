// Random graphs of all sorts of operations, with variables, updates and random numbers.
// Operations are found in the table, so that a new elementwise one is covered by being there.
#pragma once

#include "model_harness.h"
#include "ops/gradient.h"
#include "ops/indexing.h"

#include <random>
#include <set>

namespace graphc {

class RandomGraph : public ModelHarness {
public:
  using Dims = std::vector<Dim>;

  /// `allowed`: the elementwise types that may be drawn; empty: all.
  explicit RandomGraph(uint32_t seed, std::set<std::string_view> allowed = {})
      : random_(seed), allowed_(std::move(allowed)) {}

  /// With derivatives: what is exported has those of floating results by the inputs too.
  void make(bool derivatives = false) {
    Dim n = dim("N");
    for (auto &shape : std::vector<Dims>{{}, {3}, {n}, {2, 3}, {n, 3}, {2, 1, 3}, {n, 1}})
      for (DType dtype : {DType::Float32, DType::Int32})
        inputs_.push_back(input("x", shape, dtype));
    inputs_.push_back(input("flag", {n}, DType::Bool));
    inputs_.push_back(input("wide", {2, 3}, DType::Float64));
    pool_ = inputs_;
    for (double v : {0.0, -0.0, 1.0, 2.0, -3.5}) pool_.push_back(constant(v));
    for (int v : {0, 1, 2, -3}) pool_.push_back(constant(v, DType::Int32));
    pool_.push_back(constant(Numbers{1, 1, 1}, Dims{3}));
    pool_.push_back(constant(Numbers{1, -2, 0}, Dims{3}, DType::Int32));
    variables_ = {variable("v", constant(Numbers{1, 2, 3}, Dims{3})),
                  variable("w", constant(Numbers{4}, Dims{}, DType::Int32))};
    for (auto *v : variables_) pool_.push_back(read(v));
    size_t size = 10 + random_() % 50;
    for (size_t k = 0, tries = 0; k < size && tries < 2000; ++tries)
      if (step()) ++k;
    finish(derivatives);
  }

  std::vector<Array> contents(int64_t n) {
    std::vector<Array> all;
    symbols["N"] = n;
    for (auto *x : inputs_) {
      Array array;
      array.reset(x->dtype, known(x->shape));
      static constexpr double floats[] = {0.0, -0.0, 1, -1.5, 2.25, 1e30, -1e-40, 3, INFINITY, NAN};
      for (int64_t k = 0; k < array.elements(); ++k)
        array.setNumber(k, isFloating(x->dtype) ? floats[random_() % std::size(floats)]
                                                : double(int64_t(random_() % 7) - 3));
      all.push_back(std::move(array));
    }
    return all;
  }

private:
  Tensor *pick() { return pool_[random_() % pool_.size()]; }
  /// Something made lately: that makes deeper graphs.
  Tensor *recent() {
    size_t from = random_() % 2 ? pool_.size() - std::min<size_t>(pool_.size(), 8) : 0;
    return pool_[from + random_() % (pool_.size() - from)];
  }
  Attr dimsOf(std::string_view name, Dims value) { return dimsAttr(name, graph.arena.copy(value)); }
  Attr intsOf(std::string_view name, std::vector<int64_t> value) {
    return intsAttr(name, graph.arena.copy(value));
  }

  /// Adds an operation if what was drawn fits.
  bool step() {
    errors.clear();
    std::vector<Operation *> after;
    if (random_() % 12 == 0) after.push_back(pick()->op);
    Tensor *made = nullptr;
    switch (random_() % 4) {
    case 0:
      made = elementwise(after);
      break;
    case 3:
      made = neutral(after);
      break;
    case 1:
      made = moving(after);
      break;
    case 2:
      made = random_() % 6 ? moving(after) : stateful(after);
      break;
    }
    if (!made || !made->shape.hasRank() || made->shape.rank() > 5) return false;
    for (Dim d : made->shape) // keep evaluation cheap
      if (d.isStatic() && d.value > 64) return false;
    for (auto &output : made->op->outputs) pool_.push_back(&output);
    return true;
  }

  Tensor *elementwise(const std::vector<Operation *> &after) {
    static const auto all = [] {
      std::vector<const OpDef *> found;
      for (const auto *def : allOps())
        if (def->elementwise && def->evaluate && !def->stateful) found.push_back(def);
      return found;
    }();
    const auto *def = all[random_() % all.size()];
    if (!allowed_.empty() && !allowed_.contains(def->type)) return nullptr;
    Tensor *x = recent();
    if (def->type == "Cast") {
      DType to[] = {DType::Float32, DType::Int32, DType::Int64, DType::Bool, DType::Float64};
      return op("Cast", {x}, {typeAttr("dtype", to[random_() % 5])}, after);
    }
    // The number of operands is not in the table: the first that fits.
    std::vector<Tensor *> operands{x};
    for (int tries = 0; tries < 30; ++tries) {
      operands.resize(1 + random_() % 3, nullptr);
      for (auto &operand : operands)
        if (!operand) operand = pick();
      size_t wanted = arity(def->type);
      if (operands.size() == wanted)
        if (Tensor *made = op(def->type, operands, attrsOf(def->type), after)) return made;
      operands.resize(1);
    }
    return nullptr;
  }
  /// Arithmetic with a number that may change nothing.
  Tensor *neutral(const std::vector<Operation *> &after) {
    static constexpr std::string_view types[] = {"Add", "Sub", "Mul", "RealDiv", "FloorDiv", "Pow"};
    static constexpr double numbers[] = {0.0, -0.0, 1, 2, -1};
    Tensor *x = recent(), *y = builder().constant(x->dtype, numbers[random_() % 5]);
    if (random_() % 4 == 0) std::swap(x, y);
    return op(types[random_() % std::size(types)], {x, y}, {}, after);
  }
  static size_t arity(std::string_view type) {
    static const std::map<std::string_view, size_t> more = {
        {"Add", 2},        {"Sub", 2},          {"Mul", 2},        {"RealDiv", 2},
        {"FloorDiv", 2},   {"FloorMod", 2},     {"Pow", 2},        {"Maximum", 2},
        {"Minimum", 2},    {"AddN", 2},         {"Atan2", 2},      {"SquaredDifference", 2},
        {"Equal", 2},      {"NotEqual", 2},     {"Less", 2},       {"LessEqual", 2},
        {"Greater", 2},    {"GreaterEqual", 2}, {"LogicalAnd", 2}, {"LogicalOr", 2},
        {"LogicalXor", 2}, {"Select", 3},       {"BiasAdd", 2}};
    auto at = more.find(type);
    return at == more.end() ? 1 : at->second;
  }
  static std::vector<Attr> attrsOf(std::string_view type) {
    if (type == "LeakyRelu") return {floatAttr("alpha", 0.25)};
    return {};
  }

  Tensor *moving(const std::vector<Operation *> &after) {
    Tensor *x = recent();
    Shape shape = x->shape;
    int rank = shape.rank();
    int64_t axis = rank ? int64_t(random_() % size_t(rank)) : 0;
    std::vector<Dim> dims(shape.begin(), shape.end());
    auto some = [&](auto... values) {
      int64_t all[] = {values...};
      return all[random_() % std::size(all)];
    };
    switch (random_() % 17) {
    case 0: {
      std::shuffle(dims.begin(), dims.end(), random_);
      return op("Reshape", {x}, {dimsOf("shape", dims)}, after);
    }
    case 1:
      return op("Reshape", {x}, {dimsOf("shape", {shape.elements()})}, after);
    case 2: {
      std::vector<int64_t> perm;
      for (int a = 0; a < rank; ++a) perm.push_back(a);
      std::shuffle(perm.begin(), perm.end(), random_);
      return op("Transpose", {x}, {intsOf("perm", perm)}, after);
    }
    case 3:
      return op("ExpandDims", {x}, {intAttr("axis", int64_t(random_() % size_t(rank + 1)))}, after);
    case 4:
      if (!rank) return nullptr;
      return op("Squeeze", {x}, {intsOf("squeeze_dims", {axis})}, after);
    case 5:
      if (!rank) return nullptr;
      return op("ConcatV2", {x, pick(), x}, {intAttr("axis", axis)}, after);
    case 6:
      return op("Pack", {x, random_() % 2 ? x : pick()},
                {intAttr("axis", int64_t(random_() % size_t(rank + 1)))}, after);
    case 7:
      if (!rank) return nullptr;
      return op("Unpack", {x}, {intAttr("axis", axis), intAttr("num", some(1, 2, 3))}, after);
    case 8:
      if (!rank) return nullptr;
      return op("Split", {x},
                {intAttr("axis", axis), dimsOf("size_splits", {1, shape[int(axis)] - Dim(1)})},
                after);
    case 9: {
      Dims multiples;
      for (int a = 0; a < rank; ++a) multiples.push_back(Dim(some(1, 1, 2, 0)));
      return op("Tile", {x}, {dimsOf("multiples", multiples)}, after);
    }
    case 10:
      dims.insert(dims.begin(), Dim(some(1, 2)));
      return op("BroadcastTo", {x}, {dimsOf("shape", dims)}, after);
    case 11:
      if (!rank) return nullptr;
      return op("ReverseV2", {x}, {intsOf("axis", {axis})}, after);
    case 12: {
      Dims before, behind;
      for (int a = 0; a < rank; ++a)
        before.push_back(Dim(some(0, 0, 1))), behind.push_back(Dim(some(0, 2)));
      Tensor *value = builder().constant(x->dtype, 1);
      return op("Pad", {x, value}, {dimsOf("before", before), dimsOf("after", behind)}, after);
    }
    case 13: {
      std::vector<IndexItem> items;
      for (int a = 0; a < rank; ++a) {
        if (random_() % 5 == 0) items.push_back({IndexItem::NewAxis, {}, {}, 1});
        if (random_() % 3 == 0)
          items.push_back({IndexItem::At, Dim(some(0, -1)), {}, 1});
        else
          items.push_back(
              {IndexItem::Range, random_() % 2 ? std::optional<Dim>() : Dim(some(0, 1, -1)),
               random_() % 2 ? std::optional<Dim>() : Dim(some(2, -1)), some(1, 1, 2, -1)});
      }
      auto b = builder();
      return indexTensor(b, x, items);
    }
    case 14:
      return op(random_() % 2 ? "Shape" : "Size", {x}, {typeAttr("dtype", DType::Int32)}, after);
    case 15:
      return op(random_() % 2 ? "Identity" : "StopGradient", {x}, {}, after);
    default:
      if (!rank) return nullptr;
      return op("GatherV2", {x, pick()}, {intAttr("axis", axis), intAttr("batch_dims", 0)}, after);
    }
  }

  Tensor *stateful(const std::vector<Operation *> &after) {
    auto b = builder();
    auto *v = variables_[random_() % variables_.size()];
    switch (random_() % 3) {
    case 0: {
      RandomDraw draw;
      draw.shape = {Dim(3)};
      return drawRandom(b, *takeName("random_uniform"), draw);
    }
    case 1: {
      // In a chain, as updates of one variable must be.
      std::vector<Operation *> before = after;
      if (auto *last = last_[v]) before.push_back(last);
      Tensor *made = update(random_() % 2 ? "Assign" : "AssignAdd", v, recent(), before);
      if (made) last_[v] = made->op;
      return made;
    }
    default:
      return read(v, after);
    }
  }

  void finish(bool derivatives) {
    std::vector<Tensor *> outputs;
    for (int k = 0; k < 4; ++k) outputs.push_back(recent());
    if (derivatives) {
      auto ys = outputs;
      std::vector<GradientTarget> xs(inputs_.begin(), inputs_.end());
      auto b = builder();
      errors.clear();
      auto gradients = differentiate(b, {ys, xs, {}, {}});
      EXPECT_EQ(gradients.failure, Gradients::None) << (gradients.at ? gradients.at->type : "");
      EXPECT_TRUE(errors.empty()) << errors.back();
      for (auto *grad : gradients.of)
        if (grad) outputs.push_back(grad);
    }
    std::vector<Operation *> effects;
    // All updates of one variable, so that they are ordered.
    for (auto &[v, last] : last_)
      if (last) effects.push_back(last);
    exportOf("f", inputs_, outputs, effects);
  }

  std::mt19937 random_;
  std::set<std::string_view> allowed_;
  std::vector<Tensor *> inputs_, pool_;
  std::vector<Variable *> variables_;
  std::map<Variable *, Operation *> last_;
};

/// To the bit, but that a NaN is a NaN: IEEE 754 leaves its sign open.
inline bool same(const Array &a, const Array &b) {
  if (a.dtype != b.dtype || a.dims != b.dims) return false;
  if (a.bytes == b.bytes) return true;
  if (!isFloating(a.dtype)) return false;
  for (int64_t k = 0; k < a.elements(); ++k) {
    double x = a.number(k), y = b.number(k);
    if (std::isnan(x) ? !std::isnan(y) : x != y || std::signbit(x) != std::signbit(y)) return false;
  }
  return true;
}

} // namespace graphc
