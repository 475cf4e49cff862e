#include "driver/train_calls.h"

#include "interface/arrays.h"

#include <algorithm>
#include <cmath>

namespace graphc {

std::string meansText(const std::vector<Mean> &means) {
  std::string text;
  for (const Mean &mean : means)
    text += fmt::format("{}{} {:.4g}", text.empty() ? "" : ", ", mean.name, mean.value());
  return text;
}

bool BatchCalls::prepare(std::string &why) {
  if (!makeOutputs(why)) return false;
  const InterfaceFunction &function = data_.function();
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (!outputs_[i].dims.empty()) continue;
    metrics_.push_back(i);
    means_.push_back({function.outputs[i].name});
  }
  return true;
}

bool BatchCalls::makeOutputs(std::string &why) {
  if (!outputs_.empty() && madeFor_ == data_.dims()) return true;
  const InterfaceFunction &function = data_.function();
  size_t ranks = 0;
  for (const InterfaceBuffer &output : function.outputs)
    ranks += output.tensor->shape.dims().size();
  std::vector<int64_t> shapes(ranks);
  if (!machine_.shapes(index_, data_.dims(), shapes, why)) return false;
  outputs_.resize(function.outputs.size());
  pointers_.clear();
  auto next = shapes.begin();
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const Tensor &tensor = *function.outputs[i].tensor;
    std::vector<int64_t> dims(next, next + tensor.shape.rank());
    next += tensor.shape.rank();
    if (!bytesOf(tensor.dtype, dims)) {
      why =
          fmt::format("output '{}' is larger than this machine's memory", function.outputs[i].name);
      return false;
    }
    outputs_[i].reset(tensor.dtype, std::move(dims));
    pointers_.push_back(outputs_[i].bytes.data());
  }
  madeFor_ = data_.dims();
  return true;
}

bool BatchCalls::measureAccuracy(const std::string &output, const std::string &file,
                                 std::string &why) {
  const InterfaceFunction &function = data_.function();
  std::vector<std::string_view> names;
  for (const InterfaceBuffer &buffer : function.outputs) names.push_back(buffer.name);
  auto found = std::find(names.begin(), names.end(), output);
  if (found == names.end()) {
    why = fmt::format("export '{}' has no output '{}'{}", function.exported->name, output,
                      insteadOf(output, names));
    return false;
  }
  judged_ = static_cast<size_t>(found - names.begin());
  const Array &judged = outputs_[*judged_];
  int64_t batch = data_.batch();
  bool scores = isFloating(judged.dtype);
  bool perExample = !judged.dims.empty() && judged.dims[0] == batch;
  if (!perExample ||
      (scores ? judged.dims.size() != 2 || judged.dims[1] < 1 : judged.elements() != batch)) {
    why = fmt::format("the accuracy of output '{}' can't be measured: it is {} {}, and neither one "
                      "integer or bool for each example nor scores [batch, classes]",
                      output, dtypeName(judged.dtype), dimsText(judged.dims));
    return false;
  }
  std::string reason;
  auto labels = readArray(file, reason);
  if (!labels) {
    why = fmt::format("the labels of '{}': '{}' {}", output, file, reason);
    return false;
  }
  if (isFloating(labels->dtype) || labels->dims.empty() || labels->dims[0] != data_.examples() ||
      labels->elements() != data_.examples()) {
    why = fmt::format("the labels of '{}': '{}' holds {} {}, not one integer for each of {} "
                      "examples",
                      output, file, dtypeName(labels->dtype), dimsText(labels->dims),
                      data_.examples());
    return false;
  }
  for (const Mean &mean : means_)
    if (mean.name == "accuracy") {
      why = fmt::format("export '{}' gives an accuracy itself; --accuracy would be a second one",
                        function.exported->name);
      return false;
    }
  labels_ = std::move(*labels);
  means_.push_back({"accuracy"});
  return true;
}

bool BatchCalls::call(std::span<const int64_t> rows, std::string &why) {
  data_.gather(rows);
  if (!makeOutputs(why) || !machine_.call(index_, data_.dims(), data_.inputs(), pointers_, why))
    return false;
  auto count = static_cast<int64_t>(rows.size());
  for (size_t i = 0; i < metrics_.size(); ++i) {
    means_[i].sum += outputs_[metrics_[i]].number(0) * static_cast<double>(count);
    means_[i].examples += count;
  }
  if (judged_) {
    means_.back().sum += static_cast<double>(right(rows));
    means_.back().examples += count;
  }
  return true;
}

int64_t BatchCalls::right(std::span<const int64_t> rows) const {
  const Array &output = outputs_[*judged_];
  bool scores = isFloating(output.dtype);
  int64_t classes = scores ? output.dims[1] : 1, count = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    auto at = static_cast<int64_t>(i);
    int64_t answer = 0;
    if (scores) {
      for (int64_t c = 1; c < classes; ++c)
        if (output.number(at * classes + c) > output.number(at * classes + answer)) answer = c;
    } else {
      answer = output.integer(at);
    }
    count += answer == labels_.integer(rows[i]);
  }
  return count;
}

std::optional<std::string> BatchCalls::notFinite() const {
  for (size_t i = 0; i < metrics_.size(); ++i) {
    double value = outputs_[metrics_[i]].number(0);
    if (!std::isfinite(value)) return fmt::format("{} is {}", means_[i].name, value);
  }
  return std::nullopt;
}

void BatchCalls::clear() {
  for (Mean &mean : means_) mean.sum = 0, mean.examples = 0;
}

} // namespace graphc
