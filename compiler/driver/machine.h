// What `graphc run` calls exports on: compiled code, or the reference evaluation.
#pragma once

#include "codegen/codegen.h"
#include "driver/command.h"
#include "interface/weights.h"

#include <functional>

namespace graphc {

struct MachineOptions {
  std::string weights; // safetensors, empty: the initializers run
  uint64_t seed = 0;   // 0: the definition's own
  int32_t threads = 0; // 0: as many as there are processors
  int level = 3;       // -O0 … -O3
};

/// One instance of a definition. Everything that fails says so in `why`.
class Machine {
public:
  virtual ~Machine() = default;
  virtual bool shapes(size_t exportIndex, const std::vector<int64_t> &dims,
                      std::vector<int64_t> &out, std::string &why) = 0;
  virtual bool call(size_t exportIndex, const std::vector<int64_t> &dims,
                    const std::vector<const void *> &inputs, const std::vector<void *> &outputs,
                    std::string &why) = 0;
  /// Writes the variables, and `metadata` beside what every checkpoint holds.
  virtual bool save(const std::string &path, const Metadata &metadata, std::string &why) = 0;
  /// Copies a variable's value into `bytes`, which has its size.
  virtual bool get(const Variable &variable, std::span<std::byte> bytes, std::string &why) = 0;
};

/// Compiles the definition in memory. Null with diagnostics or with `why`.
std::unique_ptr<Machine> compiledMachine(Graph &graph, const ModelInterface &model,
                                         const MachineOptions &options, Diagnostics &diagnostics,
                                         std::string &why);

/// Evaluates the definition operation by operation. Null with `why`.
std::unique_ptr<Machine> interpretedMachine(const Graph &graph, const ModelInterface &model,
                                            const MachineOptions &options, std::string &why);

} // namespace graphc
