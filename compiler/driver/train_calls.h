// Calling an export over batches, and what its outputs say on the average.
#pragma once

#include "driver/machine.h"
#include "driver/train_data.h"

namespace graphc {

/// The mean of a quantity over examples.
struct Mean {
  std::string name;
  double sum = 0;
  int64_t examples = 0;

  double value() const { return examples ? sum / static_cast<double>(examples) : 0; }
};

/// "loss 0.4312, accuracy 0.9"
std::string meansText(const std::vector<Mean> &means);

/// One export with its data. Its outputs that are scalars are its metrics: of each, the mean over
/// examples is kept, a batch's value counting for each of its examples.
class BatchCalls {
public:
  BatchCalls(Machine &machine, size_t index, ExportData &data)
      : machine_(machine), index_(index), data_(data) {}

  /// Makes the outputs' buffers for a whole batch. False, with the reason in `why`.
  bool prepare(std::string &why);
  /// Also measures how often an output is right. `labels` holds one integer for each example;
  /// OUTPUT, one integer or bool for each, is right where it is equal, scores [batch, classes]
  /// where the label's is the largest (the first of those that are). After prepare().
  bool measureAccuracy(const std::string &output, const std::string &file, std::string &why);

  /// Calls the export with these examples and adds to the means.
  bool call(std::span<const int64_t> rows, std::string &why);
  /// The name and value of a metric of the last call that is not finite; nullopt if there is none.
  std::optional<std::string> notFinite() const;

  std::vector<Mean> &means() { return means_; }
  void clear();
  ExportData &data() { return data_; }

private:
  bool makeOutputs(std::string &why);
  int64_t right(std::span<const int64_t> rows) const;

  Machine &machine_;
  size_t index_;
  ExportData &data_;
  std::vector<int64_t> madeFor_; // dims that the outputs were made for
  std::vector<Array> outputs_;
  std::vector<void *> pointers_;
  std::vector<size_t> metrics_; // outputs that are scalars; their means come first
  std::vector<Mean> means_;
  std::optional<size_t> judged_; // the output whose accuracy is measured
  Array labels_;
};

} // namespace graphc
