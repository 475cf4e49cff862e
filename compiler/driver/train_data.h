// The data of `graphc train`: files bound to an export's inputs, and batches cut from them.
#pragma once

#include "driver/run_inputs.h"

#include <memory>
#include <span>

namespace graphc {

/// What the command line says about the inputs of training and evaluation.
struct DataOptions {
  Bindings set;      // NAME=NUMBER or NAME=FILE: the same at every step
  Bindings scale;    // NAME=FACTOR or NAME=A/B: what an input's elements are multiplied by
  Bindings dims;     // NAME=N
  int64_t batch = 0; // 0: the definition's, or else 32; for --eval-data the definition's goes first
};

/// One export's inputs over data files: each file's first dimension counts the examples.
class ExportData {
public:
  /// Reads the files (`data`, given by the option `option`) and checks everything that can be
  /// checked before the first call. False, with the reason in `why`.
  bool bind(const InterfaceFunction &function, const Bindings &data, std::string_view option,
            const DataOptions &options, std::string &why);

  int64_t examples() const { return examples_; }
  int64_t batch() const { return batch_; }
  /// Examples of a pass that are used: a rest that fills no batch only where the batch's size is
  /// known when called.
  int64_t used() const { return partial_ ? examples_ : examples_ - examples_ % batch_; }

  /// Puts the examples of these numbers, at most a batch, into the inputs.
  void gather(std::span<const int64_t> rows);
  /// The dimensions and inputs of a call, as gathered last.
  const std::vector<int64_t> &dims() const { return dims_; }
  const std::vector<const void *> &inputs() const { return inputs_; }
  const InterfaceFunction &function() const { return *function_; }

private:
  struct Column {
    size_t input;
    std::string file;
    Array data;
    int64_t rowElements = 1;
    double scale = 1;
    std::vector<std::byte> bytes; // a batch
  };
  bool checkNames(const Bindings &data, const DataOptions &options);
  bool readColumn(size_t input, const std::string &file, const DataOptions &options);
  bool fitRows(const Column &column);
  bool chooseBatch(int64_t wanted);
  bool takeBatch(const Column &column, int64_t wanted);
  bool takeDims(const Bindings &dims);
  bool makeConstant(size_t input, const std::string &value);
  bool checkDims();
  bool fail(std::string why) {
    *why_ = std::move(why);
    return false;
  }

  const InterfaceFunction *function_ = nullptr;
  std::string_view option_;
  std::string *why_ = nullptr;
  std::vector<std::unique_ptr<Column>> columns_;
  std::vector<Array> constants_;              // by input; those of columns are empty
  std::vector<std::optional<int64_t>> known_; // dimensions, by the function's order
  std::vector<size_t> batchDims_;
  std::vector<int64_t> dims_;
  std::vector<const void *> inputs_;
  int64_t examples_ = 0, batch_ = 0;
  bool partial_ = true;
};

/// "there is no export 'x'; did you mean 'y'?"-like ends: "; did you mean 'y'?", "; it has a, b",
/// "; it has none".
std::string insteadOf(std::string_view name, const std::vector<std::string_view> &names);

/// A number as the options take it: "0.001", "1/255". nullopt if it is none.
std::optional<double> parseNumber(std::string_view text);

/// "(60000, 28, 28)"
std::string dimsText(std::span<const int64_t> dims);

} // namespace graphc
