#include "lower/loop.h"

#include <algorithm>

namespace graphc::lower {

Dim blockBytes(Dim bytes) { return ceilDiv(max(bytes, Dim(1)), Dim(64)) * Dim(64); }

Dim LoopPlan::bytes() const {
  Dim sum(0);
  for (Dim block : blocks) sum = sum + blockBytes(block);
  return sum;
}

void dropUnreadResults(Node &loop) {
  LoopSpec &spec = *loop.loop;
  std::vector<Node *> outputs;
  for (size_t i = 0; i < spec.body->outputs.size(); ++i)
    if (i < spec.carried || spec.results[spec.carried + i])
      outputs.push_back(spec.body->outputs[i]);
  spec.body->outputs = std::move(outputs);
}

} // namespace graphc::lower
