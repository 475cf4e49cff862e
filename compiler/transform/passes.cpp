#include "transform/passes.h"

#include "ops/body.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

namespace {
/// Shows a body as a graph.
class BodyView {
public:
  BodyView(Graph &graph, Body &body)
      : graph_(graph), body_(body), open_(graph, body), exports_(std::move(graph.exports)),
        variables_(std::move(graph.variables)) {
    Export whole;
    for (auto *parameter : body.parameters) whole.inputs.push_back({"", parameter->output(), {}});
    for (auto *result : body.results) whole.outputs.push_back({"", result, {}});
    graph.exports.clear();
    graph.exports.push_back(std::move(whole));
    graph.variables.clear();
  }
  ~BodyView() {
    for (size_t i = 0; i < body_.results.size(); ++i)
      body_.results[i] = graph_.exports[0].outputs[i].tensor;
    graph_.exports = std::move(exports_);
    graph_.variables = std::move(variables_);
  }
  BodyView(const BodyView &) = delete;

private:
  Graph &graph_;
  Body &body_;
  OpenBody open_;
  std::vector<Export> exports_;
  std::vector<Variable *> variables_;
};
} // namespace

bool runPass(Graph &graph, PassFn pass) {
  bool changed = pass(graph);
  std::vector<Operation *> loops;
  for (auto *op : graph.operations)
    if (op->body) loops.push_back(op);
  for (auto *op : loops) {
    BodyView view(graph, *op->body);
    changed = runPass(graph, pass) || changed;
  }
  return changed;
}

std::vector<std::string> runPasses(Graph &graph, const PassOptions &options) {
  std::vector<std::string> broken;
  for (const auto &pass : passes) {
    if (options.level < pass.level) continue;
    bool changed = runPass(graph, pass.run);
    if (changed && options.dump) options.dump(pass, graph);
    if (!options.verifyEachPass) continue;
    for (const auto &what : verify(graph))
      broken.push_back(fmt::format("after {}: {}", pass.name, what));
    if (!broken.empty()) break; // what follows would only say it again
  }
  return broken;
}

} // namespace graphc
