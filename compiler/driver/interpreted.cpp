// `graphc run --interpret`: the reference evaluation in place of compiled code.
#include "driver/machine.h"
#include "interface/weights.h"
#include "ops/interpret.h"

#include <algorithm>
#include <cstring>

namespace graphc {

namespace {

class InterpretedMachine : public Machine {
public:
  InterpretedMachine(const Graph &graph, const ModelInterface &model, uint64_t seed)
      : graph_(graph), model_(model), interpreter_(graph, seed) {}

  bool create(const MachineOptions &options, std::string &why) {
    if (!interpreter_.initialize(why)) return false;
    if (options.weights.empty()) return true;
    Checkpoint checkpoint;
    if (!readCheckpoint(graph_, options.weights, checkpoint, why)) return false;
    for (const Variable *variable : graph_.variables)
      if (checkpoint.present[variable->index])
        interpreter_.value(*variable) = std::move(checkpoint.values[variable->index]);
    if (checkpoint.hasRandom)
      interpreter_.setRandom(options.seed ? options.seed : checkpoint.seed,
                             checkpoint.counter ? checkpoint.counter - 1 : 0);
    return true;
  }

  bool shapes(size_t exportIndex, const std::vector<int64_t> &dims, std::vector<int64_t> &out,
              std::string &why) override {
    size_t at = 0;
    for (const InterfaceBuffer &output : model_.functions[exportIndex].outputs)
      for (Dim dim : output.tensor->shape.dims())
        if (!sizeOf(dim, exportIndex, dims, output.name, out[at++], why)) return false;
    return true;
  }

  bool call(size_t exportIndex, const std::vector<int64_t> &dims,
            const std::vector<const void *> &inputs, const std::vector<void *> &outputs,
            std::string &why) override {
    const InterfaceFunction &function = model_.functions[exportIndex];
    std::vector<Array> arrays(inputs.size()), results;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const InterfaceBuffer &input = function.inputs[i];
      std::vector<int64_t> sizes;
      for (Dim dim : input.tensor->shape.dims()) {
        sizes.push_back(0);
        if (!sizeOf(dim, exportIndex, dims, input.name, sizes.back(), why)) return false;
      }
      arrays[i].reset(input.tensor->dtype, sizes);
      if (!arrays[i].bytes.empty())
        std::memcpy(arrays[i].bytes.data(), inputs[i], arrays[i].bytes.size());
    }
    if (!interpreter_.call(*function.exported, arrays, results, why)) return false;
    for (size_t i = 0; i < outputs.size(); ++i)
      if (!results[i].bytes.empty())
        std::memcpy(outputs[i], results[i].bytes.data(), results[i].bytes.size());
    return true;
  }

  bool save(const std::string &path, const Metadata &metadata, std::string &why) override {
    std::vector<const Array *> values;
    for (const Variable *variable : graph_.variables)
      values.push_back(&interpreter_.value(*variable));
    return writeCheckpoint(graph_, values, interpreter_.seed(), interpreter_.counter() + 1,
                           metadata, path, why);
  }
  bool get(const Variable &variable, std::span<std::byte> bytes, std::string &) override {
    const Array &value = interpreter_.value(variable);
    std::copy_n(value.bytes.data(), std::min(bytes.size(), value.bytes.size()), bytes.data());
    return true;
  }

private:
  bool sizeOf(Dim dim, size_t exportIndex, const std::vector<int64_t> &dims,
              const std::string &buffer, int64_t &size, std::string &why) {
    const InterfaceFunction &function = model_.functions[exportIndex];
    auto found = evaluate(dim, [&](const DimSymbol &symbol) {
      int index = function.dimIndex(symbol);
      return index < 0 ? int64_t(0) : dims[index];
    });
    size = found.value_or(-1);
    if (size >= 0) return true;
    why = fmt::format("a dimension of '{}', {}, is no size with these inputs", buffer,
                      dimText(dim, function));
    return false;
  }

  const Graph &graph_;
  const ModelInterface &model_;
  GraphInterpreter interpreter_;
};

} // namespace

std::unique_ptr<Machine> interpretedMachine(const Graph &graph, const ModelInterface &model,
                                            const MachineOptions &options, std::string &why) {
  auto machine = std::make_unique<InterpretedMachine>(graph, model, options.seed);
  if (!machine->create(options, why)) return nullptr;
  return machine;
}

} // namespace graphc
