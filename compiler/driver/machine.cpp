#include "driver/machine.h"

#include <graphrt/safetensors.h>

namespace graphc {

namespace {

class CompiledMachine : public Machine {
public:
  CompiledMachine(const Codegen &codegen, std::unique_ptr<CompiledModel> compiled)
      : codegen_(codegen), compiled_(std::move(compiled)), model_(*compiled_->model()) {}
  ~CompiledMachine() override {
    if (instance_) model_.destroy(instance_);
  }

  bool create(const MachineOptions &options, std::string &why) {
    graphrt_config config = {};
    config.struct_size = sizeof config;
    config.checkpoint = options.weights.empty() ? nullptr : options.weights.c_str();
    config.seed = options.seed;
    config.threads = options.threads;
    return fine(model_.create(&config, &instance_), why);
  }
  bool shapes(size_t exportIndex, const std::vector<int64_t> &dims, std::vector<int64_t> &out,
              std::string &why) override {
    return fine(model_.shapes(&model_, static_cast<int32_t>(exportIndex), dims.data(), out.data()),
                why);
  }
  bool call(size_t exportIndex, const std::vector<int64_t> &dims,
            const std::vector<const void *> &inputs, const std::vector<void *> &outputs,
            std::string &why) override {
    return fine(model_.call(instance_, static_cast<int32_t>(exportIndex), dims.data(),
                            inputs.data(), outputs.data()),
                why);
  }
  bool save(const std::string &path, const Metadata &metadata, std::string &why) override {
    std::vector<graphrt_metadata> entries;
    for (const auto &[key, value] : metadata) entries.push_back({key.c_str(), value.c_str()});
    return fine(graphrt_save_with_metadata(instance_, path.c_str(), entries.data(),
                                           static_cast<int64_t>(entries.size())),
                why);
  }
  bool get(const Variable &variable, std::span<std::byte> bytes, std::string &why) override {
    return fine(
        model_.get(instance_, std::string(variable.opName).c_str(), bytes.data(), bytes.size()),
        why);
  }

private:
  bool fine(graphrt_status status, std::string &why) {
    if (status == GRAPHRT_OK) return true;
    why = codegen_.message();
    return false;
  }

  const Codegen &codegen_;
  std::unique_ptr<CompiledModel> compiled_;
  const graphrt_model &model_;
  graphrt_instance *instance_ = nullptr;
};

} // namespace

std::unique_ptr<Machine> compiledMachine(Graph &graph, const ModelInterface &model,
                                         const MachineOptions &options, Diagnostics &diagnostics,
                                         std::string &why) {
  const Codegen *codegen = loadCodegen(why);
  if (!codegen) return nullptr;
  CodegenOptions how;
  how.cpu = "native";
  how.level = options.level;
  auto compiled = codegen->compile(graph, model, how, diagnostics, why);
  if (!compiled) return nullptr;
  auto machine = std::make_unique<CompiledMachine>(*codegen, std::move(compiled));
  if (!machine->create(options, why)) return nullptr;
  return machine;
}

} // namespace graphc
