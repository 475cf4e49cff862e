// Every operation, for every dtype, with known and with run-time dimensions: compiled and run,
// against the reference evaluation; with one thread and several, bit for bit the same.
//
// The cases of a type are listed in `caseTable`. A type that is neither there nor in `elsewhere`
// fails the test, so that no operation is added without.
#include "../support/compiled_model.h"
#include "model_harness.h"

#include <cstdlib>
#include <fstream>
#include <random>
#include <set>

namespace graphc {
namespace {

using Sizes = std::vector<int64_t>;

constexpr DType floats[] = {DType::Float32, DType::Float64, DType::Float16, DType::BFloat16};
constexpr DType integers[] = {DType::Int32, DType::Int64,  DType::Int8,   DType::Int16,
                              DType::UInt8, DType::UInt16, DType::UInt32, DType::UInt64};

std::vector<DType> numeric() {
  std::vector<DType> all(std::begin(floats), std::end(floats));
  all.insert(all.end(), std::begin(integers), std::end(integers));
  return all;
}
std::vector<DType> every() {
  auto all = numeric();
  all.push_back(DType::Bool);
  return all;
}
std::vector<DType> floating() { return {std::begin(floats), std::end(floats)}; }

enum class Data { Any, Positive, Unit, Small, NonZero, Exponent, Index, Bool, Few };

/// The exports of one type of operation: each is one case.
class Suite : public ModelHarness {
public:
  Suite(std::string_view type, bool runTime) : type_(type), runTime_(runTime), random_(17) {}

  /// A dimension of that size: known, or one that any call may give another size.
  Dim d(int64_t size) {
    return runTime_ && size != 1 ? graph.dims.named("n" + std::to_string(size)) : Dim(size);
  }
  std::vector<Dim> ds(const Sizes &sizes) {
    std::vector<Dim> dims;
    for (int64_t size : sizes) dims.push_back(d(size));
    return dims;
  }
  Attr dimsOf(std::string_view name, std::vector<Dim> dims) {
    return dimsAttr(name, graph.arena.copy(dims));
  }
  Attr intsOf(std::string_view name, std::vector<int64_t> values) {
    return intsAttr(name, graph.arena.copy(values));
  }

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
          fmt::format("{} {} on {}: {}", type_, i, cpu, runTime_ ? "run time" : "static");
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
  bool runTime_;
  std::mt19937 random_;
  std::vector<Tensor *> inputs_;
  std::vector<Array> current_;
  std::vector<std::vector<Array>> data_;
  std::vector<Tolerance> more_;
};

// Cases ---------------------------------------------------------------------------------------

const Sizes shapes[] = {{3, 37}, {}, {5}, {2, 0, 3}, {200, 3, 33}};

template <std::vector<DType> (*types)(), Data data = Data::Any>
void unary(Suite &s) {
  for (DType t : types())
    for (const Sizes &shape : shapes) s.add({s.in(t, shape, data)}, {}, {2, 0});
}

template <std::vector<DType> (*types)(), Data left = Data::Any, Data right = Data::Any>
void binary(Suite &s) {
  for (DType t : types()) {
    s.add({s.in(t, {4, 33}, left), s.in(t, {4, 33}, right)}, {}, {2, 0});
    s.add({s.in(t, {4, 33}, left), s.in(t, {33}, right)}, {}, {2, 0});
    s.add({s.in(t, {7, 1}, left), s.in(t, {3, 1, 5}, right)}, {}, {2, 0});
    s.add({s.in(t, {}, left), s.in(t, {70, 300}, right)}, {}, {2, 0});
    s.add({s.in(t, {0, 3}, left), s.in(t, {1, 3}, right)}, {}, {2, 0});
  }
}

void unaryFloat(Suite &s) { unary<floating>(s); }

void addN(Suite &s) {
  for (DType t : numeric()) {
    s.add(
        {s.in(t, {3, 9}, Data::Small), s.in(t, {3, 9}, Data::Small), s.in(t, {3, 9}, Data::Small)},
        {}, {2, 2});
    s.add({s.in(t, {17})});
  }
}

void leakyRelu(Suite &s) {
  for (DType t : floating()) s.add({s.in(t, {3, 37})}, {floatAttr("alpha", 0.3)}, {1, 0});
}

void select(Suite &s) {
  for (DType t : every()) {
    s.add({s.in(DType::Bool, {3, 21}), s.in(t, {3, 21}), s.in(t, {3, 21})});
    s.add({s.in(DType::Bool, {3, 1}), s.in(t, {3, 21}), s.in(t, {21})});
    s.add({s.in(DType::Bool, {}), s.in(t, {5}), s.in(t, {})});
  }
}

void cast(Suite &s) {
  for (DType from : every())
    for (DType to : every()) s.add({s.in(from, {3, 37})}, {typeAttr("dtype", to)});
}

void biasAdd(Suite &s) {
  for (DType t : numeric())
    s.add({s.in(t, {3, 4, 21}, Data::Small), s.in(t, {21}, Data::Small)}, {}, {1, 1});
}

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

// Reductions

template <std::vector<DType> (*types)(), Data data>
void reduce(Suite &s) {
  auto add = [&](DType t, Sizes sizes, std::vector<int64_t> axes, bool keep) {
    s.add({s.in(t, sizes, data)}, {s.intsOf("axes", axes), boolAttr("keepdims", keep)}, {50, 50});
  };
  for (DType t : types()) {
    add(t, {4, 75}, {1}, false);
    add(t, {4, 75}, {0}, true);
    add(t, {3, 5, 40}, {0, 2}, false);
    add(t, {3, 5, 40}, {1}, true);
    add(t, {3, 5, 4}, {0, 1, 2}, false);
    add(t, {3}, {}, false);
    add(t, {}, {}, false);
    add(t, {2, 0}, {1}, false);
    add(t, {130, 150}, {1}, false);
    add(t, {130, 150}, {0}, false);
  }
}
std::vector<DType> onlyBool() { return {DType::Bool}; }

void arg(Suite &s) {
  for (DType t : numeric())
    for (DType out : {DType::Int32, DType::Int64})
      for (int64_t axis : {0, 1, 2})
        s.add({s.in(t, {3, 7, 35}, t == DType::Float32 ? Data::Any : Data::Small)},
              {intAttr("axis", axis), typeAttr("output_type", out)});
}

void softmax(Suite &s) {
  for (DType t : floating()) {
    for (int64_t axis : {0, 1, 2})
      s.add({s.in(t, {4, 10, 35}, Data::Small)}, {intAttr("axis", axis)}, {20, 4});
    s.add({s.in(t, {3, 37}, Data::Any)}, {intAttr("axis", 0)}, {20, 100});
    s.add({s.in(t, {0, 3})}, {intAttr("axis", 1)});
  }
}
void crossEntropy(Suite &s) {
  for (DType t : floating())
    for (int64_t axis : {0, 1})
      s.add({s.in(t, {40, 10}, Data::Small), s.in(t, {40, 10}, Data::Positive)},
            {intAttr("axis", axis)}, {30, 10});
}
void sparseCrossEntropy(Suite &s) {
  for (DType t : floating())
    for (DType index : {DType::Int32, DType::Int64})
      s.add({s.in(t, {40, 10}, Data::Small), s.in(index, {40}, Data::Index, 10)}, {}, {30, 10});
}

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

// Lines and images

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

std::vector<DType> whole() { return {std::begin(integers), std::end(integers)}; }

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

// Sources

void constant(Suite &s) {
  for (DType t : every()) {
    Array array;
    array.reset(t, {2, 3});
    for (int64_t i = 0; i < 6; ++i) array.setNumber(i, double(i) - 1.5);
    s.add({}, {literalAttr("value", literalOf(s.graph, array))});
    array.reset(t, {40});
    s.add({}, {literalAttr("value", literalOf(s.graph, array))});
    array.reset(t, {0, 2});
    s.add({}, {literalAttr("value", literalOf(s.graph, array))});
  }
}
void dims(Suite &s) {
  for (DType t : numeric()) {
    s.in(DType::Float32, {4, 6});
    s.add({}, {s.dimsOf("value", {s.d(4), s.d(6) * Dim(2), 7}), typeAttr("dtype", t),
               boolAttr("scalar", false)});
    s.in(DType::Float32, {4, 6});
    s.add({},
          {s.dimsOf("value", {s.d(4) * s.d(6)}), typeAttr("dtype", t), boolAttr("scalar", true)});
  }
}
void fill(Suite &s) {
  for (DType t : every()) {
    s.in(DType::Float32, {4, 37});
    s.add({s.in(t, {})}, {s.dimsOf("shape", {s.d(4), s.d(37)})});
  }
}
void range(Suite &s) {
  for (DType t : {DType::Int32, DType::Int64, DType::Float32, DType::Float64}) {
    s.in(DType::Float32, {37});
    s.add({s.in(t, {}, Data::Small), s.in(t, {}, Data::Small)}, {s.dimsOf("size", {s.d(37)})});
  }
}
void shapeOf(Suite &s) {
  for (DType t : {DType::Int32, DType::Int64})
    s.add({s.in(DType::Float32, {4, 1, 6})}, {typeAttr("dtype", t), typeAttr("out_type", t)});
}

constexpr auto anyData = Data::Any;

const std::map<std::string_view, void (*)(Suite &)> &caseTable() {
  static const std::map<std::string_view, void (*)(Suite &)> table = {
      {"Add", binary<numeric>},
      {"Sub", binary<numeric>},
      {"Mul", binary<numeric>},
      {"RealDiv", binary<floating>},
      {"FloorDiv", binary<numeric, Data::Small, Data::NonZero>},
      {"FloorMod", binary<numeric, Data::Small, Data::NonZero>},
      {"Pow", binary<numeric, Data::Positive, Data::Exponent>},
      {"Maximum", binary<numeric>},
      {"Minimum", binary<numeric>},
      {"SquaredDifference", binary<numeric>},
      {"Atan2", binary<floating>},
      {"AddN", addN},
      {"Neg", unary<numeric>},
      {"Abs", unary<numeric>},
      {"Sign", unary<numeric>},
      {"Square", unary<numeric>},
      {"Round", unary<numeric>},
      {"Relu", unary<numeric>},
      {"Relu6", unary<numeric>},
      {"LeakyRelu", leakyRelu},
      {"Equal", binary<every>},
      {"NotEqual", binary<every>},
      {"Less", binary<numeric>},
      {"LessEqual", binary<numeric>},
      {"Greater", binary<numeric>},
      {"GreaterEqual", binary<numeric>},
      {"LogicalAnd", binary<onlyBool>},
      {"LogicalOr", binary<onlyBool>},
      {"LogicalNot", unary<onlyBool>},
      {"Select", select},
      {"Cast", cast},
      {"BiasAdd", biasAdd},
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
      {"Sum", reduce<numeric, Data::Small>},
      {"Mean", reduce<numeric, Data::Small>},
      {"Prod", reduce<numeric, Data::Unit>},
      {"Max", reduce<numeric, anyData>},
      {"Min", reduce<numeric, anyData>},
      {"Any", reduce<onlyBool, anyData>},
      {"All", reduce<onlyBool, anyData>},
      {"ArgMax", arg},
      {"ArgMin", arg},
      {"Softmax", softmax},
      {"LogSoftmax", softmax},
      {"SoftmaxCrossEntropyWithLogits", crossEntropy},
      {"SparseSoftmaxCrossEntropyWithLogits", sparseCrossEntropy},
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
      {"GatherNd", gatherNd},
      {"ScatterNd", scatterNd<true, numeric>},
      {"TensorScatterAdd", scatterNd<false, numeric>},
      {"TensorScatterSub", scatterNd<false, numeric>},
      {"TensorScatterUpdate", scatterNd<false, every>},
      {"Cumsum", scan},
      {"Cumprod", scan},
      {"LinearRecurrence", recurrence},
      {"TopKV2", topK},
      {"ResizeBilinear", resize<floating>},
      {"ResizeNearestNeighbor", resize<numeric>},
      {"BitwiseAnd", binary<whole>},
      {"BitwiseOr", binary<whole>},
      {"BitwiseXor", binary<whole>},
      {"LeftShift", binary<whole>},
      {"RightShift", binary<whole>},
      {"Invert", unary<whole>},
      {"TruncateDiv", binary<whole, Data::Any, Data::NonZero>},
      {"TruncateMod", binary<whole, Data::Any, Data::NonZero>},
      {"Const", constant},
      {"Dims", dims},
      {"Fill", fill},
      {"Range", range},
      {"Shape", shapeOf},
      {"Size", shapeOf},
      {"Rank", identity},
  };
  return table;
}

void (*casesOf(const OpDef &def))(Suite &) {
  auto at = caseTable().find(def.type);
  if (at != caseTable().end()) return at->second;
  // One floating operand, and the result like it.
  static const std::set<std::string_view> functions = {
      "Sqrt",  "Rsqrt",    "Exp",      "Expm1",    "Log",        "Log1p", "Tanh",  "Sigmoid",
      "Sin",   "Cos",      "Tan",      "Asin",     "Acos",       "Atan",  "Sinh",  "Cosh",
      "Floor", "Ceil",     "Erf",      "Erfc",     "Elu",        "Selu",  "Gelu",  "IsNan",
      "IsInf", "IsFinite", "Softplus", "Softsign", "Reciprocal", "Asinh", "Acosh", "Atanh"};
  return functions.contains(def.type) ? unaryFloat : nullptr;
}

/// Covered by tests of their own (codegen_state_test.cpp, codegen_loops_test.cpp): they have no
/// evaluation.
const std::set<std::string_view> elsewhere = {"Placeholder",      "PlaceholderWithDefault",
                                              "ReadVariable",     "Assign",
                                              "AssignAdd",        "AssignSub",
                                              "random_uniform",   "random_normal",
                                              "truncated_normal", "NoOp",
                                              "Parameter",        "Scan"};

std::vector<std::string> allTypes() {
  std::vector<std::string> types;
  for (const OpDef *def : allOps())
    if (!elsewhere.contains(def->type)) types.push_back(std::string(def->type));
  return types;
}

class EveryOperation : public testing::TestWithParam<std::string> {
protected:
  void run(bool runTime, const std::string &cpu, int level) {
    auto cases = casesOf(*findOp(GetParam()));
    ASSERT_TRUE(cases) << "no cases for " << GetParam() << ": add them to caseTable";
    Suite suite(GetParam(), runTime);
    cases(suite);
    suite.run(cpu, level);
  }
};

TEST_P(EveryOperation, KnownDimensions) { run(false, "native", 1); }
TEST_P(EveryOperation, RunTimeDimensions) { run(true, "native", 0); }
TEST_P(EveryOperation, OnTheBaseline) { run(false, "x86-64", 0); }
/// For the machine that GRAPHC_TEST_TARGET names, into the folder GRAPHC_TEST_FOLDER: see
/// tests/integration/machines.py.
TEST_P(EveryOperation, ForAnotherMachine) {
  const char *target = std::getenv("GRAPHC_TEST_TARGET"),
             *folder = std::getenv("GRAPHC_TEST_FOLDER");
  if (!target || !folder) GTEST_SKIP() << "no other machine is asked for";
  auto cases = casesOf(*findOp(GetParam()));
  ASSERT_TRUE(cases) << "no cases for " << GetParam() << ": add them to caseTable";
  Suite suite(GetParam(), false);
  cases(suite);
  suite.write(folder, target);
}

INSTANTIATE_TEST_SUITE_P(Operations, EveryOperation, testing::ValuesIn(allTypes()),
                         [](const auto &info) { return info.param; });

} // namespace
} // namespace graphc
