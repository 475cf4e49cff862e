#include "driver/train_data.h"

#include "driver/command.h"
#include "interface/arrays.h"
#include "interface/convert.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace graphc {

std::string insteadOf(std::string_view name, const std::vector<std::string_view> &names) {
  if (auto nearest = nearestName(name, names)) return fmt::format("; did you mean '{}'?", *nearest);
  if (names.empty()) return "; it has none";
  return fmt::format("; it has {}", fmt::join(names, ", "));
}

std::optional<double> parseNumber(std::string_view text) {
  auto plain = [](std::string_view part) -> std::optional<double> {
    double value = 0;
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size()) return std::nullopt;
    return value;
  };
  size_t slash = text.find('/');
  if (slash == std::string_view::npos) return plain(text);
  auto above = plain(text.substr(0, slash)), below = plain(text.substr(slash + 1));
  if (!above || !below || *below == 0) return std::nullopt;
  return *above / *below;
}

std::string dimsText(std::span<const int64_t> dims) {
  return fmt::format("({}{})", fmt::join(dims, ", "), dims.size() == 1 ? "," : "");
}

namespace {

const std::string *find(const Bindings &bindings, std::string_view name) {
  for (const auto &[given, value] : bindings)
    if (given == name) return &value;
  return nullptr;
}

/// The symbol that a dimension is, by its place in the function's dimensions; -1 for another one.
int symbolOf(const InterfaceFunction &function, Dim dim) {
  bool symbol = !dim.isStatic() && dim.expr->kind == DimExpr::Symbol;
  return symbol ? function.dimIndex(*dim.expr->symbol) : -1;
}

} // namespace

bool ExportData::bind(const InterfaceFunction &function, const Bindings &data,
                      std::string_view option, const DataOptions &options, std::string &why) {
  function_ = &function;
  option_ = option;
  why_ = &why;
  known_.resize(function.dims.size());
  constants_.resize(function.inputs.size());
  inputs_.resize(function.inputs.size());
  if (!checkNames(data, options)) return false;
  for (size_t i = 0; i < function.inputs.size(); ++i)
    if (const std::string *file = find(data, function.inputs[i].name))
      if (!readColumn(i, *file, options)) return false;
  if (columns_.empty())
    return fail(fmt::format("export '{}' has no input with data; {} NAME=FILE gives one",
                            function.exported->name, option));
  if (!chooseBatch(options.batch)) return false;
  for (const auto &column : columns_)
    if (!fitRows(*column)) return false;
  if (!takeDims(options.dims)) return false;
  for (size_t i = 0; i < function.inputs.size(); ++i)
    if (const std::string *value = find(options.set, function.inputs[i].name))
      if (!makeConstant(i, *value)) return false;
  for (const auto &column : columns_) {
    DType dtype = function.inputs[column->input].tensor->dtype;
    auto bytes = bytesOf(dtype, {batch_, column->rowElements});
    if (!bytes)
      return fail(fmt::format("a batch of {} of input '{}' is larger than this machine's memory",
                              batch_, function.inputs[column->input].name));
    column->bytes.resize(*bytes);
    inputs_[column->input] = column->bytes.data();
  }
  return checkDims();
}

bool ExportData::checkNames(const Bindings &data, const DataOptions &options) {
  std::vector<std::string_view> names;
  for (const InterfaceBuffer &input : function_->inputs) names.push_back(input.name);
  for (const auto &[name, file] : data)
    if (std::find(names.begin(), names.end(), name) == names.end())
      return fail(fmt::format("export '{}' has no input '{}'{}", function_->exported->name, name,
                              insteadOf(name, names)));
  for (std::string_view name : names) {
    bool isData = find(data, name), isSet = find(options.set, name);
    if (isData && isSet)
      return fail(fmt::format("input '{}' is given by {} and by --set", name, option_));
    if (!isData && !isSet)
      return fail(fmt::format("input '{0}' is missing: {1} {0}=FILE for one row per example, --set "
                              "{0}=NUMBER for the same at every step",
                              name, option_));
  }
  return true;
}

bool ExportData::readColumn(size_t input, const std::string &file, const DataOptions &options) {
  const InterfaceBuffer &buffer = function_->inputs[input];
  const Tensor &tensor = *buffer.tensor;
  auto column = std::make_unique<Column>();
  column->input = input;
  column->file = file;
  std::string reason;
  auto array = readArray(file, reason);
  if (!array) return fail(fmt::format("input '{}': '{}' {}", buffer.name, file, reason));
  column->data = std::move(*array);
  if (tensor.shape.rank() == 0)
    return fail(fmt::format("input '{0}' is a scalar, which holds no examples: --set {0}=NUMBER",
                            buffer.name));
  if (column->data.dims.empty())
    return fail(fmt::format("input '{}': '{}' holds a scalar; its first dimension should count "
                            "the examples",
                            buffer.name, file));
  if (std::string problem = conversionProblem(column->data, tensor.dtype); !problem.empty())
    return fail(fmt::format("input '{}' is {}, but '{}' {}", buffer.name, dtypeName(tensor.dtype),
                            file, problem));
  for (size_t axis = 1; axis < column->data.dims.size(); ++axis)
    column->rowElements *= column->data.dims[axis];
  if (const std::string *factor = find(options.scale, buffer.name)) {
    auto value = parseNumber(*factor);
    if (!value || !std::isfinite(*value))
      return fail(fmt::format("--scale {}: '{}' is no number", buffer.name, *factor));
    if (!isFloating(tensor.dtype))
      return fail(fmt::format("--scale {}: the input is {}; only floats are scaled", buffer.name,
                              dtypeName(tensor.dtype)));
    column->scale = *value;
  }
  int64_t rows = column->data.dims[0];
  if (columns_.empty())
    examples_ = rows;
  else if (rows != examples_)
    return fail(fmt::format("'{}' holds {} examples, but '{}' holds {}", columns_[0]->file,
                            examples_, file, rows));
  if (rows == 0) return fail(fmt::format("input '{}': '{}' holds no examples", buffer.name, file));
  columns_.push_back(std::move(column));
  return true;
}

bool ExportData::takeBatch(const Column &column, int64_t wanted) {
  const InterfaceBuffer &buffer = function_->inputs[column.input];
  Dim dim = buffer.tensor->shape[0];
  if (dim.isStatic()) {
    if ((batch_ && batch_ != dim.value) || (option_ == "--data" && wanted && wanted != dim.value))
      return fail(fmt::format("input '{}' takes {} examples at once, not {}", buffer.name,
                              dim.value, batch_ ? batch_ : wanted));
    batch_ = dim.value;
    partial_ = false;
    return batch_ > 0 || fail(fmt::format("input '{}' takes no examples", buffer.name));
  }
  int index = symbolOf(*function_, dim);
  if (index < 0)
    return fail(fmt::format("the first dimension of input '{}', {}, is computed from others, so it "
                            "can't count examples",
                            buffer.name, dimText(dim, *function_)));
  batchDims_.push_back(static_cast<size_t>(index));
  return true;
}

bool ExportData::chooseBatch(int64_t wanted) {
  constexpr int64_t usual = 32;
  for (const auto &column : columns_)
    if (!takeBatch(*column, wanted)) return false;
  if (!batch_) batch_ = wanted ? wanted : usual;
  if (partial_)
    batch_ = std::min(batch_, examples_);
  else if (examples_ < batch_)
    return fail(fmt::format("'{}' holds {} examples: not one batch of {}", columns_[0]->file,
                            examples_, batch_));
  for (size_t index : batchDims_) known_[index] = batch_;
  return true;
}

bool ExportData::fitRows(const Column &column) {
  const InterfaceBuffer &buffer = function_->inputs[column.input];
  Shape shape = buffer.tensor->shape;
  const std::vector<int64_t> &have = column.data.dims;
  auto misfit = [&] {
    return fail(fmt::format("input '{}' has shape {}, but '{}' holds {}", buffer.name,
                            shapeText(shape, *function_), column.file, dimsText(have)));
  };
  bool fixed = true;
  int64_t elements = 1;
  for (int axis = 1; axis < shape.rank(); ++axis) {
    fixed = fixed && shape[axis].isStatic();
    if (fixed && __builtin_mul_overflow(elements, shape[axis].value, &elements)) fixed = false;
  }
  bool same = static_cast<size_t>(shape.rank()) == have.size();
  for (int axis = 1; same && axis < shape.rank(); ++axis)
    same = !shape[axis].isStatic() || shape[axis].value == have[static_cast<size_t>(axis)];
  // Rows are laid out alike whatever their shape is: 28 by 28 pixels are 784.
  if (!same) return fixed && elements == column.rowElements ? true : misfit();
  for (int axis = 1; axis < shape.rank(); ++axis) {
    int index = symbolOf(*function_, shape[axis]);
    if (index < 0) continue;
    int64_t size = have[static_cast<size_t>(axis)];
    auto &known = known_[static_cast<size_t>(index)];
    if (known && *known != size)
      return fail(fmt::format("input '{}' has shape {}, but '{}' holds {}; {} is {} already",
                              buffer.name, shapeText(shape, *function_), column.file,
                              dimsText(have), function_->dims[static_cast<size_t>(index)].name,
                              *known));
    if (std::find(batchDims_.begin(), batchDims_.end(), index) != batchDims_.end())
      partial_ = false;
    known = size;
  }
  return true;
}

bool ExportData::takeDims(const Bindings &dims) {
  dims_.resize(function_->dims.size());
  for (size_t i = 0; i < dims_.size(); ++i) {
    const std::string &name = function_->dims[i].name;
    if (const std::string *text = find(dims, name)) {
      int64_t size = 0;
      const char *last = text->data() + text->size();
      auto [end, error] = std::from_chars(text->data(), last, size);
      if (error != std::errc() || end != last || size < 0)
        return fail(fmt::format("--dim {}: '{}' is no size", name, *text));
      if (known_[i] && *known_[i] != size)
        return fail(fmt::format("--dim {} is {}, but the data has {}", name, size, *known_[i]));
      known_[i] = size;
    }
    if (!known_[i])
      return fail(fmt::format("no data says how large {0} is; --dim {0}=SIZE does", name));
    dims_[i] = *known_[i];
  }
  return true;
}

bool ExportData::makeConstant(size_t input, const std::string &value) {
  const InterfaceBuffer &buffer = function_->inputs[input];
  const Tensor &tensor = *buffer.tensor;
  std::vector<int64_t> dims;
  for (Dim dim : tensor.shape.dims())
    dims.push_back(evaluate(dim, [&](const DimSymbol &symbol) {
                     int index = function_->dimIndex(symbol);
                     return index < 0 ? int64_t(0) : dims_[static_cast<size_t>(index)];
                   }).value_or(-1));
  if (!bytesOf(tensor.dtype, dims))
    return fail(fmt::format("input '{}' is larger than this machine's memory", buffer.name));
  Array &constant = constants_[input];
  constant.reset(tensor.dtype, dims);
  inputs_[input] = constant.bytes.data();
  if (auto number = parseNumber(value)) {
    bool whole = *number == std::trunc(*number) && std::abs(*number) <= 0x1p53;
    Array single;
    single.reset(isFloating(tensor.dtype) ? DType::Float64 : DType::Int64, {});
    if (isFloating(tensor.dtype))
      single.setNumber(0, *number);
    else if (whole)
      single.setInteger(0, static_cast<int64_t>(*number));
    if ((!isFloating(tensor.dtype) && !whole) || !conversionProblem(single, tensor.dtype).empty())
      return fail(fmt::format("--set {}: the input is {}, and {} is none", buffer.name,
                              dtypeName(tensor.dtype), value));
    for (int64_t i = 0, n = constant.elements(); i < n; ++i)
      convertElements(single.dtype, single.bytes.data(), tensor.dtype,
                      constant.bytes.data() + i * dtypeSize(tensor.dtype), 1, 1);
    return true;
  }
  std::string reason;
  auto array = readArray(value, reason);
  if (!array)
    return fail(fmt::format("--set {}: '{}' is no number and {}", buffer.name, value, reason));
  for (size_t batchDim : batchDims_)
    for (Dim dim : tensor.shape.dims())
      if (partial_ && symbolOf(*function_, dim) == static_cast<int>(batchDim) &&
          examples_ % batch_ != 0)
        return fail(fmt::format("--set {}: {} examples are no whole number of batches of {}, but "
                                "the file holds one batch",
                                buffer.name, examples_, batch_));
  if (array->dims != dims)
    return fail(fmt::format("input '{}' has shape {}, but '{}' holds {}", buffer.name,
                            dimsText(dims), value, dimsText(array->dims)));
  if (std::string problem = conversionProblem(*array, tensor.dtype); !problem.empty())
    return fail(fmt::format("input '{}' is {}, but '{}' {}", buffer.name, dtypeName(tensor.dtype),
                            value, problem));
  convertElements(array->dtype, array->bytes.data(), tensor.dtype, constant.bytes.data(),
                  array->elements(), 1);
  return true;
}

/// The rest at the end of a pass, and a whole batch, which dims() is then.
bool ExportData::checkDims() {
  std::vector<int64_t> sizes;
  if (partial_ && examples_ % batch_) sizes.push_back(examples_ % batch_);
  sizes.push_back(batch_);
  for (int64_t size : sizes) {
    for (size_t index : batchDims_) dims_[index] = size;
    if (std::string problem = dimensionsProblem(*function_, dims_); !problem.empty())
      return fail(problem);
  }
  return true;
}

void ExportData::gather(std::span<const int64_t> rows) {
  for (const auto &column : columns_) {
    DType to = function_->inputs[column->input].tensor->dtype;
    int64_t from = column->rowElements * dtypeSize(column->data.dtype);
    int64_t bytes = column->rowElements * dtypeSize(to);
    for (size_t i = 0; i < rows.size(); ++i)
      convertElements(column->data.dtype, column->data.bytes.data() + rows[i] * from, to,
                      column->bytes.data() + static_cast<int64_t>(i) * bytes, column->rowElements,
                      column->scale);
  }
  for (size_t index : batchDims_) dims_[index] = static_cast<int64_t>(rows.size());
}

} // namespace graphc
