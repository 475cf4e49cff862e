// Merges operations that compute the same: same type, inputs, attributes and control inputs. Reads
// of a variable that wait for the same see the same value; other stateful operations are left
// alone.
#include "graph/same.h"
#include "transform/passes.h"
#include "transform/rewrite.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string_view>
#include <unordered_map>

namespace graphc {

namespace {
bool sameBits(const Attr &a, const Attr &b) {
  // 0 and -0 differ, NaN is itself.
  auto same = [](double x, double y) { return std::memcmp(&x, &y, sizeof x) == 0; };
  return sameAttr(a, b, same, std::equal_to<Dim>());
}

bool sameOperation(const Operation &a, const Operation &b) {
  return a.def == b.def && a.variable == b.variable &&
         std::equal(a.inputs.begin(), a.inputs.end(), b.inputs.begin(), b.inputs.end()) &&
         std::equal(a.controlInputs.begin(), a.controlInputs.end(), b.controlInputs.begin(),
                    b.controlInputs.end()) &&
         std::equal(a.attrs.begin(), a.attrs.end(), b.attrs.begin(), b.attrs.end(), sameBits);
}

size_t mix(size_t hash, size_t value) { return (hash ^ value) * 0x9E3779B97F4A7C15 + (hash >> 29); }

size_t hashOf(const Operation &op) {
  size_t hash = std::hash<const void *>()(op.def);
  for (const auto *input : op.inputs) hash = mix(hash, std::hash<const void *>()(input));
  for (const auto *before : op.controlInputs) hash = mix(hash, std::hash<const void *>()(before));
  hash = mix(hash, std::hash<const void *>()(op.variable));
  for (const auto &attr : op.attrs) {
    hash = mix(hash, attr.kind);
    if (attr.kind == Attr::Int) hash = mix(hash, size_t(attr.i));
    if (attr.kind == Attr::Type) hash = mix(hash, size_t(attr.dtype));
    if (attr.kind == Attr::Ints)
      for (int64_t n : attr.ints) hash = mix(hash, size_t(n));
    if (attr.kind == Attr::Dims)
      for (Dim d : attr.dims) hash = mix(hash, d.expr ? size_t(d.expr->id) : size_t(d.value));
    if (attr.kind == Attr::Tensor)
      hash = mix(hash, std::hash<std::string_view>()(
                           {reinterpret_cast<const char *>(attr.literal->bytes.data()),
                            attr.literal->bytes.size()}));
  }
  return hash;
}
} // namespace

bool mergeEqual(Graph &graph) {
  std::unordered_multimap<size_t, Operation *> seen;
  Rewriter rewriter(graph);
  return rewriter.run([&](Operation *op) {
    bool mergeable = op->type == "ReadVariable" || (!op->def->stateful && op->def->evaluate);
    if (!mergeable || op->outputs.empty()) return false;
    size_t hash = hashOf(*op);
    auto [first, last] = seen.equal_range(hash);
    for (auto at = first; at != last; ++at) {
      auto *same = at->second;
      if (!sameOperation(*op, *same)) continue;
      std::vector<Tensor *> by;
      for (size_t k = 0; k < op->outputs.size(); ++k)
        if (interchangeable(op->outputs[k], same->outputs[k])) by.push_back(&same->outputs[k]);
      if (by.size() == op->outputs.size()) return rewriter.replace(op, by);
    }
    seen.emplace(hash, op);
    return false;
  });
}

} // namespace graphc
