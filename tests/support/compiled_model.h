// Compiles a graph in memory and calls its exports with arrays, as the interpreter is called.
#pragma once

#include "codegen/codegen.h"
#include "ops/interpret.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

namespace graphc {

class CompiledGraph {
public:
  /// `cpu` as of `--cpu`: "native", "x86-64", …
  CompiledGraph(Graph &graph, const std::string &cpu = "native", int level = 1, uint64_t seed = 0)
      : diagnostics_(sources_), seed_(seed) {
    model_ = planInterface(graph, "model", diagnostics_);
    if (model_) {
      CodegenOptions options;
      options.cpu = cpu;
      options.level = level;
      compiled_ = graphc_codegen()->compile(graph, *model_, options, diagnostics_, why);
    }
    for (const auto &d : diagnostics_.all()) why += d.code + " " + d.message + "\n";
  }
  ~CompiledGraph() {
    for (auto *instance : instances_) compiled_->model()->destroy(instance);
  }

  std::string why; // what went wrong, with errors in the graph one a line
  explicit operator bool() const { return compiled_ != nullptr; }
  const graphrt_model &model() const { return *compiled_->model(); }

  graphrt_instance *instance(int threads) {
    graphrt_config config = {};
    config.struct_size = sizeof config;
    config.threads = threads;
    config.seed = seed_;
    graphrt_instance *made = nullptr;
    if (model().create(&config, &made) != GRAPHRT_OK) {
      why = graphc_codegen()->message();
      return nullptr;
    }
    instances_.push_back(made);
    return made;
  }

  /// Calls export `index`; what the dimensions are follows from the inputs.
  bool call(graphrt_instance *instance, size_t index, const std::vector<Array> &inputs,
            std::vector<Array> &outputs) {
    const InterfaceFunction &function = model_->functions[index];
    std::vector<int64_t> dims(function.dims.size(), 1);
    for (size_t i = 0; i < inputs.size(); ++i) {
      Shape shape = function.inputs[i].tensor->shape;
      for (int axis = 0; axis < shape.rank(); ++axis)
        if (shape[axis].expr && shape[axis].expr->kind == DimExpr::Symbol)
          dims[size_t(function.dimIndex(*shape[axis].expr->symbol))] = inputs[i].dims[size_t(axis)];
    }
    size_t ranks = 0;
    for (const auto &output : function.outputs) ranks += size_t(output.tensor->shape.rank());
    std::vector<int64_t> shapes(ranks + 1);
    if (model().shapes(&model(), int32_t(index), dims.data(), shapes.data()) != GRAPHRT_OK) {
      why = graphc_codegen()->message();
      return false;
    }
    // At addresses of no alignment, with a word behind that must stay.
    std::vector<std::vector<std::byte>> held;
    std::vector<const void *> in;
    for (const Array &input : inputs) {
      held.emplace_back(input.bytes.size() + 1);
      std::copy(input.bytes.begin(), input.bytes.end(), held.back().begin() + 1);
      in.push_back(input.elements() ? held.back().data() + 1 : nullptr);
    }
    outputs.clear();
    std::vector<std::vector<std::byte>> results;
    std::vector<void *> out;
    const int64_t *at = shapes.data();
    for (const auto &output : function.outputs) {
      Array array;
      int rank = output.tensor->shape.rank();
      array.reset(output.tensor->dtype, {at, at + rank});
      at += rank;
      results.emplace_back(array.bytes.size() + 9, std::byte(0xa5));
      out.push_back(array.elements() ? results.back().data() + 1 : nullptr);
      outputs.push_back(std::move(array));
    }
    if (model().call(instance, int32_t(index), dims.data(), in.data(), out.data()) != GRAPHRT_OK) {
      why = graphc_codegen()->message();
      return false;
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      auto &bytes = outputs[i].bytes;
      std::copy_n(results[i].begin() + 1, bytes.size(), bytes.begin());
      EXPECT_EQ(results[i][0], std::byte(0xa5)) << "written before output " << i;
      for (size_t k = bytes.size() + 1; k < results[i].size(); ++k)
        EXPECT_EQ(results[i][k], std::byte(0xa5)) << "written behind output " << i;
    }
    return true;
  }

private:
  SourceManager sources_;
  Diagnostics diagnostics_;
  std::optional<ModelInterface> model_;
  std::unique_ptr<CompiledModel> compiled_;
  std::vector<graphrt_instance *> instances_;
  uint64_t seed_;
};

/// How far results may lie apart: relative to the larger, and absolute.
struct Tolerance {
  double relative = 0, absolute = 0;
};

inline Tolerance toleranceOf(DType dtype) {
  switch (dtype) {
  case DType::Float16:
    return {2e-3, 1e-4};
  case DType::BFloat16:
    return {1.6e-2, 1e-3};
  case DType::Float32:
    return {1e-6, 1e-6};
  case DType::Float64:
    return {1e-13, 1e-13};
  default:
    return {};
  }
}

/// The first element that differs, in words; empty if none.
inline std::string difference(const Array &got, const Array &want, Tolerance tolerance) {
  if (got.dims != want.dims) return "the shapes differ";
  for (int64_t i = 0, n = want.elements(); i < n; ++i) {
    bool same;
    if (isFloating(want.dtype)) {
      double g = got.number(i), w = want.number(i);
      double size = std::max(std::fabs(g), std::fabs(w));
      same = std::isnan(w)
                 ? std::isnan(g)
                 : g == w || std::fabs(g - w) <= tolerance.relative * size + tolerance.absolute;
      if (std::isinf(g) != std::isinf(w)) same = false;
    } else {
      same = got.integer(i) == want.integer(i);
    }
    if (!same) return fmt::format("element {} is {}, not {}", i, got.number(i), want.number(i));
  }
  return "";
}

} // namespace graphc
