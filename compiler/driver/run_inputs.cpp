#include "driver/run_inputs.h"

#include "driver/split_mix.h"
#include "interface/arrays.h"
#include "interface/bytes.h"

#include <algorithm>
#include <charconv>

namespace graphc {

bool parseBindings(const std::vector<std::string> &options, std::string_view option,
                   Bindings &bindings, std::string &why) {
  for (const std::string &text : options) {
    size_t at = text.find('=');
    if (at == std::string::npos || at == 0 || at + 1 == text.size()) {
      why = fmt::format("{} takes NAME=VALUE, not '{}'", option, text);
      return false;
    }
    std::string name = text.substr(0, at);
    for (const auto &[earlier, value] : bindings)
      if (earlier == name) {
        why = fmt::format("{} {} is given twice", option, name);
        return false;
      }
    bindings.emplace_back(std::move(name), text.substr(at + 1));
  }
  return true;
}

int findExport(const ModelInterface &model, const std::string &name, std::string &why) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < model.functions.size(); ++i) {
    names.push_back(model.functions[i].exported->name);
    if (names.back() == name) return static_cast<int>(i);
  }
  std::string list;
  for (std::string_view n : names) list += (list.empty() ? "" : ", ") + std::string(n);
  auto nearest = nearestName(name, names);
  why = fmt::format("there is no export '{}'; {}", name,
                    nearest        ? fmt::format("did you mean '{}'?", *nearest)
                    : list.empty() ? "the definition has none"
                                   : "there are " + list);
  return -1;
}

std::optional<int64_t> bytesOf(DType dtype, const std::vector<int64_t> &dims) {
  int64_t bytes = dtypeSize(dtype);
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return 0;
  for (int64_t dim : dims)
    if (dim < 0 || __builtin_mul_overflow(bytes, dim, &bytes)) return std::nullopt;
  return bytes <= machineMemory() ? std::optional(bytes) : std::nullopt;
}

namespace {

bool isMade(std::string_view source) {
  return source == "zeros" || source == "ones" || source == "random";
}

/// As many bits as the dtype holds exactly, so that rounding never gives 1.
int fractionBits(DType dtype) {
  switch (dtype) {
  case DType::BFloat16:
    return 8;
  case DType::Float16:
    return 11;
  case DType::Float32:
    return 24;
  default:
    return 53;
  }
}

void fill(Array &array, std::string_view source, SplitMix64 &generator) {
  if (source == "zeros") return;
  for (int64_t i = 0, n = array.elements(); i < n; ++i)
    array.setNumber(i, source == "ones"          ? 1
                       : isFloating(array.dtype) ? generator.uniform(fractionBits(array.dtype))
                                                 : static_cast<double>(generator.next() >> 63));
}

class Gatherer {
public:
  Gatherer(const InterfaceFunction &function, RunInputs &inputs, std::string &why)
      : function_(function), inputs_(inputs), why_(why), known_(function.dims.size()) {}

  bool gather(const Bindings &files, const Bindings &dims, uint64_t seed) {
    if (!checkNames(files, dims) || !readFiles(files) || !takeDims(dims)) return false;
    SplitMix64 generator(seed);
    for (size_t i = 0; i < function_.inputs.size(); ++i)
      if (isMade(sources_[i]) && !make(i, generator)) return false;
    return true;
  }

private:
  bool fail(std::string why) {
    why_ = std::move(why);
    return false;
  }

  bool checkNames(const Bindings &files, const Bindings &dims) {
    auto check = [&](const Bindings &given, const auto &known, std::string_view what) {
      std::vector<std::string_view> names;
      for (const auto &k : known) names.push_back(k.name);
      for (const auto &[name, value] : given) {
        if (std::find(names.begin(), names.end(), name) != names.end()) continue;
        std::string list;
        for (std::string_view n : names) list += (list.empty() ? "" : ", ") + std::string(n);
        auto nearest = nearestName(name, names);
        return fail(fmt::format("export '{}' has no {} '{}'; {}", function_.exported->name, what,
                                name,
                                nearest        ? fmt::format("did you mean '{}'?", *nearest)
                                : list.empty() ? "it has none"
                                               : "it has " + list));
      }
      return true;
    };
    return check(files, function_.inputs, "input") && check(dims, function_.dims, "dimension");
  }

  bool readFiles(const Bindings &files) {
    inputs_.arrays.resize(function_.inputs.size());
    sources_.resize(function_.inputs.size());
    for (size_t i = 0; i < function_.inputs.size(); ++i) {
      const InterfaceBuffer &input = function_.inputs[i];
      auto given = std::find_if(files.begin(), files.end(),
                                [&](const auto &f) { return f.first == input.name; });
      if (given == files.end())
        return fail(fmt::format("input '{}' is missing: --in {}=FILE.npy, or zeros, ones, random",
                                input.name, input.name));
      sources_[i] = given->second;
      if (isMade(sources_[i])) continue;
      std::string why;
      auto array = readArray(sources_[i], why);
      if (!array) return fail(fmt::format("input '{}': '{}' {}", input.name, sources_[i], why));
      if (!fits(input, *array)) return false;
      inputs_.arrays[i] = std::move(*array);
    }
    return true;
  }

  /// Whether the array has the input's dtype and shape; takes run-time dimensions from it.
  bool fits(const InterfaceBuffer &input, const Array &array) {
    const Tensor &tensor = *input.tensor;
    if (array.dtype != tensor.dtype)
      return fail(fmt::format("input '{}' is {}, but the file holds {}", input.name,
                              dtypeName(tensor.dtype), dtypeName(array.dtype)));
    std::string expected = shapeText(tensor.shape, function_);
    std::string given;
    for (int64_t dim : array.dims) given += fmt::format("{}{}", given.empty() ? "" : ", ", dim);
    if (array.dims.size() == 1) given += ',';
    std::string misfit = fmt::format("input '{}' has shape {}, but the file holds ({})", input.name,
                                     expected, given);
    if (static_cast<size_t>(tensor.shape.rank()) != array.dims.size()) return fail(misfit);
    for (int axis = 0; axis < tensor.shape.rank(); ++axis) {
      Dim dim = tensor.shape[axis];
      int64_t size = array.dims[axis];
      if (dim.isStatic()) {
        if (dim.value != size) return fail(misfit);
        continue;
      }
      int index = dim.expr->kind == DimExpr::Symbol ? function_.dimIndex(*dim.expr->symbol) : -1;
      if (index < 0) continue;
      std::optional<int64_t> &known = known_[index];
      if (known && *known != size)
        return fail(
            fmt::format("{}; {} is {} already", misfit, function_.dims[index].name, *known));
      known = size;
    }
    return true;
  }

  bool takeDims(const Bindings &dims) {
    inputs_.dims.assign(function_.dims.size(), 1);
    for (size_t i = 0; i < function_.dims.size(); ++i) {
      const std::string &name = function_.dims[i].name;
      for (const auto &[given, text] : dims) {
        if (given != name) continue;
        int64_t size = 0;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
        if (error != std::errc() || end != text.data() + text.size() || size < 0)
          return fail(fmt::format("--dim {}: '{}' is no size", name, text));
        if (known_[i] && *known_[i] != size)
          return fail(fmt::format("--dim {} is {}, but an input has {}", name, size, *known_[i]));
        known_[i] = size;
      }
      if (!known_[i])
        inputs_.notes.push_back(
            fmt::format("dimension {0} is taken to be 1; --dim {0}=SIZE sets it", name));
      inputs_.dims[i] = known_[i].value_or(1);
    }
    return true;
  }

  bool make(size_t i, SplitMix64 &generator) {
    const InterfaceBuffer &input = function_.inputs[i];
    Array &array = inputs_.arrays[i];
    array.dtype = input.tensor->dtype;
    for (Dim dim : input.tensor->shape.dims())
      array.dims.push_back(evaluate(dim, [&](const DimSymbol &symbol) {
                             int index = function_.dimIndex(symbol);
                             return index < 0 ? int64_t(1) : inputs_.dims[index];
                           }).value_or(-1));
    auto bytes = bytesOf(array.dtype, array.dims);
    if (!bytes)
      return fail(fmt::format("input '{}' is larger than this machine's memory", input.name));
    array.bytes.resize(*bytes);
    fill(array, sources_[i], generator);
    return true;
  }

  const InterfaceFunction &function_;
  RunInputs &inputs_;
  std::string &why_;
  std::vector<std::optional<int64_t>> known_;
  std::vector<std::string> sources_;
};

} // namespace

bool gatherInputs(const InterfaceFunction &function, const Bindings &files, const Bindings &dims,
                  uint64_t seed, RunInputs &inputs, std::string &why) {
  return Gatherer(function, inputs, why).gather(files, dims, seed);
}

namespace {

constexpr int64_t mostShown = 1000; // elements; larger arrays are cut
constexpr int64_t edge = 3;         // elements left at either end of an axis that is cut

std::string elementText(const Array &array, int64_t i) {
  switch (array.dtype) {
  case DType::Bool:
    return array.bytes[i] == std::byte(0) ? "False" : "True";
  case DType::Float32:
    return fmt::format("{}", array.as<float>()[i]);
  case DType::UInt64:
    return fmt::format("{}", array.as<uint64_t>()[i]);
  case DType::Int64:
    return fmt::format("{}", array.as<int64_t>()[i]);
  default:
    return fmt::format("{}", array.number(i));
  }
}

void writeAxis(const Array &array, size_t axis, int64_t offset, bool cut, std::string &out) {
  if (axis == array.dims.size()) {
    out += elementText(array, offset);
    return;
  }
  int64_t stride = 1;
  for (size_t d = axis + 1; d < array.dims.size(); ++d) stride *= array.dims[d];
  out += '[';
  int64_t size = array.dims[axis];
  bool last = axis + 1 == array.dims.size();
  std::string between = last ? ", " : ",\n" + std::string(axis + 1, ' ');
  for (int64_t i = 0; i < size; ++i) {
    if (i) out += between;
    if (cut && size > 2 * edge && i == edge) {
      out += "...";
      i = size - edge - 1;
      continue;
    }
    writeAxis(array, axis + 1, offset + i * stride, cut, out);
  }
  out += ']';
}

} // namespace

std::string arrayText(const Array &array) {
  std::string out;
  int64_t count = array.elements();
  // Without elements there is nothing to nest, however long the other axes are.
  if (count == 0) return "[]";
  writeAxis(array, 0, 0, count > mostShown, out);
  return out;
}

} // namespace graphc
