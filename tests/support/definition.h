// Definitions written in the language, elaborated and compiled in memory.
#pragma once

#include "compiled_model.h"
#include "elaborate/elaborate.h"
#include "transform/passes.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <unistd.h>

namespace graphc {

class Definition {
public:
  /// `defines` as of -D.
  explicit Definition(const std::string &text,
                      std::vector<std::pair<std::string, std::string>> defines = {},
                      uint64_t seed = 0)
      : diagnostics_(sources_) {
    static int count = 0;
    auto path = std::filesystem::temp_directory_path() /
                fmt::format("graphc-test-{}-{}.graph", getpid(), ++count);
    std::ofstream(path) << text;
    ElaborateOptions options;
    options.defines = std::move(defines);
    elaborated_ = elaborate(sources_, path.string(), options, diagnostics_);
    std::filesystem::remove(path);
    for (const auto &d : diagnostics_.all()) why += d.code + " " + d.message + "\n";
    if (!why.empty()) return;
    for (const auto &problem : runPasses(elaborated_->graph)) why += problem + "\n";
    if (!why.empty()) return;
    compiled_ = std::make_unique<CompiledGraph>(elaborated_->graph, "native", 1, seed);
    why = compiled_->why;
  }

  std::string why; // what went wrong; empty if nothing did
  CompiledGraph &compiled() { return *compiled_; }
  Graph &graph() { return elaborated_->graph; }

  /// Calls an export; fails the test where it fails.
  std::vector<Array> call(graphrt_instance *instance, const std::string &name,
                          const std::vector<Array> &inputs = {}) {
    std::vector<Array> outputs;
    const auto &exports = elaborated_->graph.exports;
    for (size_t i = 0; i < exports.size(); ++i)
      if (exports[i].name == name) {
        EXPECT_TRUE(compiled_->call(instance, i, inputs, outputs)) << name << compiled_->why;
        return outputs;
      }
    ADD_FAILURE() << "no export " << name;
    return outputs;
  }

private:
  SourceManager sources_;
  Diagnostics diagnostics_;
  std::unique_ptr<Elaborated> elaborated_;
  std::unique_ptr<CompiledGraph> compiled_;
};

inline Array arrayOf(DType dtype, std::vector<int64_t> dims, const std::vector<double> &numbers) {
  Array made;
  made.reset(dtype, std::move(dims));
  EXPECT_EQ(made.elements(), int64_t(numbers.size()));
  for (size_t i = 0; i < numbers.size(); ++i) made.setNumber(int64_t(i), numbers[i]);
  return made;
}

} // namespace graphc
