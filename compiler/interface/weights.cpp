#include "interface/weights.h"

#include "interface/tensor_file.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <graphrt/safetensors.h>
#include <map>
#include <memory>
#include <set>

namespace graphc {

namespace {

struct Close {
  void operator()(graphrt_safetensors *file) const { graphrt_safetensors_close(file); }
};

std::vector<int64_t> sizesOf(Shape shape) {
  std::vector<int64_t> sizes;
  for (Dim dim : shape.dims()) sizes.push_back(dim.value);
  return sizes;
}

std::string sizesText(const int64_t *sizes, size_t rank) {
  std::string text = "(";
  for (size_t i = 0; i < rank; ++i) text += fmt::format("{}{}", i ? ", " : "", sizes[i]);
  return text + (rank == 1 ? ",)" : ")");
}

/// Where a part lies in its whole, as runs of bytes: `count` runs of `bytes`, `stride` apart, the
/// first one at `begin`.
struct Runs {
  int64_t begin = 0, bytes = 0, stride = 0, count = 0;
};

Runs runsOf(const Variable &part) {
  std::vector<int64_t> whole = sizesOf(part.whole->shape), own = sizesOf(part.shape);
  int64_t inner = dtypeSize(part.dtype);
  Runs runs;
  runs.count = 1;
  for (size_t axis = whole.size(); axis-- > static_cast<size_t>(part.whole->axis) + 1;)
    inner *= whole[axis];
  for (size_t axis = 0; axis < static_cast<size_t>(part.whole->axis); ++axis)
    runs.count *= whole[axis];
  runs.begin = part.offset * inner;
  runs.bytes = own[part.whole->axis] * inner;
  runs.stride = whole[part.whole->axis] * inner;
  return runs;
}

class Reader {
public:
  Reader(const graphrt_safetensors *file, std::string &why) : file_(file), why_(why) {}

  /// False where it does not fit; `found` says whether it is there.
  bool read(const Variable &variable, Array &value, bool &found) {
    const PartitionedVariable *whole = variable.whole;
    std::string name(whole ? whole->name : variable.opName);
    std::vector<int64_t> sizes = sizesOf(whole ? whole->shape : variable.shape);
    const graphrt_safetensor *tensor = graphrt_safetensors_find(file_, name.c_str());
    found = tensor;
    if (!tensor) return true;
    if (tensor->dtype != static_cast<int32_t>(variable.dtype)) {
      why_ = fmt::format("'{}' is {} in the file; the variable is {}", name, tensor->dtype_name,
                         dtypeName(variable.dtype));
      return false;
    }
    bool sameRank = static_cast<size_t>(tensor->rank) == sizes.size();
    if (!sameRank || !std::equal(sizes.begin(), sizes.end(), tensor->dims)) {
      why_ = fmt::format("'{}' has shape {} in the file; the variable has {}", name,
                         sizesText(tensor->dims, static_cast<size_t>(tensor->rank)),
                         sizesText(sizes.data(), sizes.size()));
      return false;
    }
    value.reset(variable.dtype, sizesOf(variable.shape));
    Runs runs{0, static_cast<int64_t>(value.bytes.size()), 0, 1};
    if (whole) runs = runsOf(variable);
    if (value.bytes.empty()) return true;
    for (int64_t i = 0; i < runs.count; ++i)
      if (graphrt_safetensors_read(file_, tensor, runs.begin + i * runs.stride,
                                   value.bytes.data() + i * runs.bytes, runs.bytes) != GRAPHRT_OK) {
        why_ = graphrt_message();
        return false;
      }
    return true;
  }

private:
  const graphrt_safetensors *file_;
  std::string &why_;
};

bool parseNumber(const char *text, uint64_t &number) {
  if (!text) return false;
  const char *last = text + std::strlen(text);
  auto [end, error] = std::from_chars(text, last, number);
  return error == std::errc() && end == last;
}

} // namespace

bool readCheckpoint(const Graph &graph, const std::string &path, Checkpoint &checkpoint,
                    std::string &why) {
  graphrt_safetensors *opened = nullptr;
  if (graphrt_safetensors_open(path.c_str(), nullptr, &opened) != GRAPHRT_OK) {
    why = graphrt_message();
    return false;
  }
  std::unique_ptr<graphrt_safetensors, Close> file(opened);
  Reader reader(opened, why);
  checkpoint.values.resize(graph.variables.size());
  checkpoint.present.assign(graph.variables.size(), false);
  for (const Variable *variable : graph.variables) {
    bool found = false;
    if (!reader.read(*variable, checkpoint.values[variable->index], found)) {
      why = fmt::format("'{}': {}", path, why);
      return false;
    }
    checkpoint.present[variable->index] = found;
    if (found || variable->kind == Variable::Slot) continue;
    why = fmt::format("'{}' holds no '{}'", path,
                      variable->whole ? variable->whole->name : variable->opName);
    return false;
  }
  checkpoint.hasRandom =
      parseNumber(graphrt_safetensors_metadata(opened, "seed"), checkpoint.seed) &&
      parseNumber(graphrt_safetensors_metadata(opened, "counter"), checkpoint.counter);
  return true;
}

bool writeCheckpoint(const Graph &graph, const std::vector<const Array *> &values, uint64_t seed,
                     uint64_t counter, const Metadata &more, const std::string &path,
                     std::string &why) {
  // Strings and wholes are built first: the sources point to them.
  struct Tensor {
    std::string name;
    std::vector<int64_t> sizes;
    std::vector<std::byte> whole; // empty: the variable's own bytes
    const Variable *variable;
  };
  std::vector<Tensor> tensors;
  for (const Variable *variable : graph.variables)
    if (!variable->whole)
      tensors.push_back({std::string(variable->opName), sizesOf(variable->shape), {}, variable});
  for (const PartitionedVariable *whole : graph.partitioned) {
    if (whole->parts.empty()) continue;
    Tensor tensor{std::string(whole->name), sizesOf(whole->shape), {}, whole->parts[0]};
    int64_t bytes = dtypeSize(whole->dtype);
    for (int64_t size : tensor.sizes) bytes *= size;
    tensor.whole.resize(bytes);
    for (const Variable *part : whole->parts) {
      Runs runs = runsOf(*part);
      for (int64_t i = 0; i < runs.count && runs.bytes; ++i)
        std::memcpy(tensor.whole.data() + runs.begin + i * runs.stride,
                    values[part->index]->bytes.data() + i * runs.bytes, runs.bytes);
    }
    tensors.push_back(std::move(tensor));
  }
  std::vector<graphrt_safetensor_source> sources;
  for (const Tensor &tensor : tensors)
    sources.push_back({tensor.name.c_str(), static_cast<int32_t>(tensor.variable->dtype),
                       static_cast<int32_t>(tensor.sizes.size()), tensor.sizes.data(),
                       tensor.variable->whole ? static_cast<const void *>(tensor.whole.data())
                                              : static_cast<const void *>(
                                                    values[tensor.variable->index]->bytes.data())});
  std::string seedText = std::to_string(seed), counterText = std::to_string(counter);
  std::vector<graphrt_metadata> metadata = {
      {"counter", counterText.c_str()}, {"interface", "1"}, {"seed", seedText.c_str()}};
  for (const auto &[key, value] : more) metadata.push_back({key.c_str(), value.c_str()});
  if (graphrt_safetensors_write(path.c_str(), sources.data(), static_cast<int64_t>(sources.size()),
                                metadata.data(), static_cast<int64_t>(metadata.size()),
                                nullptr) == GRAPHRT_OK)
    return true;
  why = graphrt_message();
  return false;
}

std::string checkpointDifferences(const Graph &graph, const TensorFile &file) {
  constexpr size_t most = 3; // of each kind
  std::map<std::string_view, const FileTensor *> there;
  for (const auto &tensor : file.tensors()) there[tensor.name] = &tensor;
  std::set<std::string_view> known;
  std::vector<std::string> missing, other, unknown;
  for (const auto *variable : graph.variables) {
    const auto *whole = variable->whole;
    std::string_view name = whole ? whole->name : variable->opName;
    if (!known.insert(name).second) continue; // another part
    auto at = there.find(name);
    if (at == there.end()) {
      if (variable->kind != Variable::Slot) missing.push_back(fmt::format("'{}'", name));
      continue;
    }
    const FileTensor &tensor = *at->second;
    auto sizes = sizesOf(whole ? whole->shape : variable->shape);
    if (tensor.dtype != variable->dtype || tensor.dims != sizes)
      other.push_back(fmt::format("'{}' is {} {} in the file, {} {} here", name, tensor.dtypeName,
                                  sizesText(tensor.dims.data(), tensor.dims.size()),
                                  dtypeName(variable->dtype),
                                  sizesText(sizes.data(), sizes.size())));
  }
  if (missing.empty() && other.empty()) return "";
  for (const auto &tensor : file.tensors())
    if (!known.contains(tensor.name)) unknown.push_back(fmt::format("'{}'", tensor.name));
  std::string text;
  auto tell = [&](std::string_view before, std::vector<std::string> &list) {
    if (list.empty()) return;
    size_t more = list.size() - std::min(list.size(), most);
    list.resize(list.size() - more);
    if (more) list.push_back(fmt::format("{} more", more));
    text += fmt::format("{}{}{}", text.empty() ? "" : "; ", before, fmt::join(list, ", "));
  };
  tell("missing in the file: ", missing);
  tell("", other);
  tell("not here: ", unknown);
  return text;
}

} // namespace graphc
