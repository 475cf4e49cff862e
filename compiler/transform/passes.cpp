#include "transform/passes.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

std::vector<std::string> runPasses(Graph &graph, const PassOptions &options) {
  std::vector<std::string> broken;
  for (const auto &pass : passes) {
    if (options.level < pass.level) continue;
    bool changed = pass.run(graph);
    if (changed && options.dump) options.dump(pass, graph);
    if (!options.verifyEachPass) continue;
    for (const auto &what : verify(graph))
      broken.push_back(fmt::format("after {}: {}", pass.name, what));
    if (!broken.empty()) break; // what follows would only say it again
  }
  return broken;
}

} // namespace graphc
