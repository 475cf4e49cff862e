#include "interface/steps.h"

#include <fmt/format.h>
#include <map>
#include <tuple>

namespace graphc {

StepNames::StepNames(const Graph &graph) : names_(graph.operations.size()) {
  const auto &ops = graph.operations;
  // A step is made by the same call as the operation that takes the name, which comes last.
  using Call = std::tuple<uint32_t, uint32_t, uint32_t, const CallSite *>;
  std::map<Call, const Operation *> next;
  auto call = [](const Operation &op) {
    return Call{op.span.file, op.span.begin, op.span.end, op.caller};
  };
  for (size_t i = ops.size(); i-- > 0;) {
    const Operation *op = ops[i];
    if (!op->gradientScope.empty() && op->name.empty()) continue;
    const Operation *&named = next[call(*op)];
    if (!op->name.empty()) named = op;
    names_[i] = named ? named->name : std::string_view();
  }
  next.clear();
  for (size_t i = 0; i < ops.size(); ++i) {
    const Operation *op = ops[i];
    if (!op->name.empty()) {
      next[call(*op)] = op;
    } else if (!op->gradientScope.empty()) {
      std::string_view of = op->derivativeOf ? names_[op->derivativeOf->id] : "";
      names_[i] = of.empty() ? keep(std::string(op->gradientScope))
                             : keep(fmt::format("{}/{}_grad", op->gradientScope, of));
    } else if (names_[i].empty()) {
      auto found = next.find(call(*op));
      if (found != next.end()) names_[i] = found->second->name;
    }
  }
}

} // namespace graphc
