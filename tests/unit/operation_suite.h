// What the tests of every operation are made of: the dtypes, and the exports of one type of
// operation, compiled and run against the reference evaluation.
#pragma once

#include "../support/compiled_model.h"
#include "model_harness.h"

#include <fstream>
#include <map>
#include <random>

namespace graphc {

constexpr DType floats[] = {DType::Float32, DType::Float64, DType::Float16, DType::BFloat16};
constexpr DType integers[] = {DType::Int32, DType::Int64,  DType::Int8,   DType::Int16,
                              DType::UInt8, DType::UInt16, DType::UInt32, DType::UInt64};

inline std::vector<DType> numeric() {
  std::vector<DType> all(std::begin(floats), std::end(floats));
  all.insert(all.end(), std::begin(integers), std::end(integers));
  return all;
}
inline std::vector<DType> every() {
  auto all = numeric();
  all.push_back(DType::Bool);
  return all;
}
inline std::vector<DType> floating() { return {std::begin(floats), std::end(floats)}; }

enum class Data { Any, Positive, Unit, Small, NonZero, Exponent, Index, Bool, Few };

/// The exports of one type of operation: each is one case.
class Suite : public ModelHarness {
public:
  Suite(std::string_view type, bool atRunTime) : type_(type), random_(17) { runTime = atRunTime; }

  Tensor *in(DType dtype, const Sizes &sizes, Data data = Data::Any, int64_t limit = 0) {
    return in(dtype, sizes, ds(sizes), data, limit);
  }
  Tensor *in(DType dtype, const Sizes &sizes, const std::vector<Dim> &dims, Data data,
             int64_t limit) {
    Tensor *made = input("in", dims, dtype);
    inputs_.push_back(made);
    current_.push_back(fill(dtype, sizes, data, limit));
    return made;
  }
  /// Rows of several indices, of whose number the operation must know: the last dimension.
  Tensor *places(DType dtype, const Sizes &sizes, int64_t limit) {
    auto dims = ds(sizes);
    dims.back() = Dim(sizes.back());
    return in(dtype, sizes, dims, Data::Index, limit);
  }

  void add(std::vector<Tensor *> operands, std::vector<Attr> attrs = {},
           Tolerance more = Tolerance()) {
    OpBuilder b(graph, *this, {}, nullptr, {});
    const Operation *made = b.make(*findOp(type_), *takeName(type_), operands, attrs);
    ASSERT_TRUE(made) << type_ << ": " << (errors.empty() ? "" : errors.back());
    std::vector<Tensor *> outputs;
    for (const Tensor &output : made->outputs) outputs.push_back(const_cast<Tensor *>(&output));
    exportOf("c" + std::to_string(graph.exports.size()), inputs_, outputs);
    // Names of inputs are the export's own.
    for (size_t i = 0; i < graph.exports.back().inputs.size(); ++i)
      graph.exports.back().inputs[i].name = "in" + std::to_string(i);
    data_.push_back(current_);
    more_.push_back(more);
    inputs_.clear();
    current_.clear();
  }

  /// Compiles all cases, and compares.
  void run(const std::string &cpu, int level) {
    if (graph.exports.empty()) return;
    CompiledGraph compiled(graph, cpu, level);
    ASSERT_TRUE(compiled) << type_ << ": " << compiled.why;
    auto *one = compiled.instance(1), *several = compiled.instance(3);
    ASSERT_TRUE(one && several) << compiled.why;
    GraphInterpreter interpreter(graph);
    std::string error;
    ASSERT_TRUE(interpreter.initialize(error)) << error;
    for (size_t i = 0; i < data_.size(); ++i) {
      const Export &exported = graph.exports[i];
      std::string what =
          fmt::format("{} {} on {}: {}", type_, i, cpu, runTime ? "run time" : "static");
      for (const auto &end : exported.inputs)
        what += fmt::format(" {}{}", dtypeName(end.tensor->dtype), toString(end.tensor->shape));
      std::vector<Array> want, got, again;
      ASSERT_TRUE(interpreter.call(exported, data_[i], want, error)) << what << ": " << error;
      ASSERT_TRUE(compiled.call(one, i, data_[i], got)) << what << ": " << compiled.why;
      ASSERT_TRUE(compiled.call(several, i, data_[i], again)) << what << ": " << compiled.why;
      ASSERT_EQ(got.size(), want.size());
      for (size_t k = 0; k < want.size(); ++k) {
        Tolerance tolerance = toleranceOf(want[k].dtype);
        tolerance.relative *= 1 + more_[i].relative;
        tolerance.absolute *= 1 + more_[i].absolute;
        EXPECT_EQ(difference(got[k], want[k], tolerance), "") << what << ", output " << k;
        EXPECT_TRUE(got[k].bytes == again[k].bytes) << what << ": threads make a difference";
      }
    }
  }

  /// Compiles all cases for another machine, into FOLDER/TYPE.o, and writes calls of them with what
  /// they must give, for tests/integration/operations.c.
  void write(const std::string &folder, const std::string &target) {
    if (graph.exports.empty()) return;
    SourceManager sources;
    Diagnostics diagnostics(sources);
    auto model = planInterface(graph, std::string(type_), diagnostics);
    ASSERT_TRUE(model) << type_;
    CodegenOptions options;
    options.target = target;
    options.level = 1;
    std::vector<EmittedFile> files;
    std::string error;
    ASSERT_TRUE(
        graphc_codegen()->emit(graph, *model, options, {Emit::Object}, files, diagnostics, error))
        << type_ << ": " << error;
    GraphInterpreter interpreter(graph);
    ASSERT_TRUE(interpreter.initialize(error)) << error;
    std::string calls;
    auto number = [&](auto value) {
      calls.append(reinterpret_cast<const char *>(&value), sizeof value);
    };
    auto array = [&](const Array &value) {
      number(uint64_t(value.bytes.size()));
      calls.append(reinterpret_cast<const char *>(value.bytes.data()), value.bytes.size());
    };
    for (size_t i = 0; i < data_.size(); ++i) {
      std::vector<Array> want;
      ASSERT_TRUE(interpreter.call(graph.exports[i], data_[i], want, error)) << type_ << error;
      number(uint64_t(data_[i].size()));
      for (const Array &input : data_[i]) array(input);
      number(uint64_t(want.size()));
      for (const Array &output : want) {
        Tolerance tolerance = toleranceOf(output.dtype);
        number(uint64_t(output.dtype));
        number(tolerance.relative * (1 + more_[i].relative));
        number(tolerance.absolute * (1 + more_[i].absolute));
        array(output);
      }
    }
    std::string path = folder + "/" + std::string(type_);
    std::ofstream(path + ".o", std::ios::binary) << files.front().bytes;
    std::ofstream(path + ".calls", std::ios::binary) << calls;
  }

private:
  Array fill(DType dtype, const Sizes &sizes, Data data, int64_t limit) {
    Array array;
    array.reset(dtype, sizes);
    std::normal_distribution<double> normal(0, 2);
    auto whole = [&](int64_t low, int64_t high) {
      return std::uniform_int_distribution<int64_t>(low, high)(random_);
    };
    for (int64_t i = 0, n = array.elements(); i < n; ++i) {
      if (data == Data::Index) {
        array.setInteger(i, whole(0, limit - 1));
      } else if (dtype == DType::Bool) {
        array.setInteger(i, whole(0, 1));
      } else if (isInteger(dtype)) {
        bool sign = isSignedInteger(dtype) && data != Data::Positive && data != Data::Exponent;
        int64_t value = whole(sign ? -60 : 0, data == Data::Exponent ? 5 : 60);
        if (data == Data::NonZero && value == 0) value = 3;
        array.setInteger(i, value);
        if (data == Data::Any && i % 29 == 7)
          array.setInteger(i, i % 2 ? int64_t(1) << (dtypeSize(dtype) * 8 - 1) : -1);
      } else {
        double value = normal(random_);
        if (data == Data::Positive || data == Data::Exponent) value = std::fabs(value) + 0.01;
        if (data == Data::Unit) value = std::tanh(value);
        if (data == Data::NonZero && value == 0) value = 1;
        if (data == Data::Few) value = whole(0, 9) == 9 ? NAN : double(whole(0, 3));
        array.setNumber(i, value);
        constexpr double special[] = {0.0,    -0.0, INFINITY, -INFINITY, NAN,   1e-41,
                                      -3e-39, 1e30, -1e30,    88.5,      -100,  0.5,
                                      2.5,    -1.5, 1e-8,     65504,     -1e-20};
        if (data == Data::Any && i % 5 == 3)
          array.setNumber(i, special[size_t(i / 5) % std::size(special)]);
      }
    }
    return array;
  }

  std::string_view type_;
  std::mt19937 random_;
  std::vector<Tensor *> inputs_;
  std::vector<Array> current_;
  std::vector<std::vector<Array>> data_;
  std::vector<Tolerance> more_;
};

} // namespace graphc
