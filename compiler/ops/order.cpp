#include "ops/order.h"

#include <algorithm>
#include <map>
#include <set>

namespace graphc {

namespace {
/// The last update of each variable that came before, by the variable's index and the update's
/// place in the run order. Few different ones exist in a graph, so they are shared.
using State = std::vector<std::pair<uint32_t, uint32_t>>;

class States {
public:
  const State *intern(State state) { return &*states_.insert(std::move(state)).first; }

  /// What came before an operation after `before`, which is sorted and has each once.
  const State *merge(const std::vector<const State *> &before) {
    if (before.empty()) return intern({});
    if (before.size() == 1) return before[0];
    auto [known, isNew] = merged_.try_emplace(before, nullptr);
    if (!isNew) return known->second;
    State all;
    for (const auto *state : before) all.insert(all.end(), state->begin(), state->end());
    std::sort(all.begin(), all.end());
    State result; // of every variable the last
    for (auto entry : all)
      if (!result.empty() && result.back().first == entry.first)
        result.back() = entry;
      else
        result.push_back(entry);
    return known->second = intern(std::move(result));
  }

  const State *with(const State *state, uint32_t variable, uint32_t update) {
    State result = *state;
    auto at = std::lower_bound(result.begin(), result.end(), std::pair(variable, uint32_t(0)));
    if (at != result.end() && at->first == variable)
      at->second = update;
    else
      result.insert(at, {variable, update});
    return intern(std::move(result));
  }

private:
  std::set<State> states_;
  std::map<std::vector<const State *>, const State *> merged_;
};
} // namespace

VariableOrder orderVariables(const std::vector<Operation *> &operations) {
  VariableOrder order;
  States states;
  std::unordered_map<uint32_t, size_t> place; // of a variable in order.updates
  // By the operation's id. Inputs stand before users, so the last one's is the largest.
  std::vector<const State *> after(operations.empty() ? 0 : operations.back()->id + 1);
  std::vector<const State *> before;
  for (uint32_t k = 0; k < operations.size(); ++k) {
    const auto *op = operations[k];
    before.clear();
    for (const auto *input : op->inputs) before.push_back(after[input->op->id]);
    for (const auto *control : op->controlInputs) before.push_back(after[control->id]);
    std::sort(before.begin(), before.end());
    before.erase(std::unique(before.begin(), before.end()), before.end());
    const State *state = states.merge(before);
    if (const auto *variable = op->variable) {
      auto at =
          std::lower_bound(state->begin(), state->end(), std::pair(variable->index, uint32_t(0)));
      bool seen = at != state->end() && at->first == variable->index;
      const Operation *sees = seen ? operations[at->second] : nullptr;
      order.sees[op] = sees;
      if (writesVariable(*op)) {
        auto [slot, isNew] = place.try_emplace(variable->index, order.updates.size());
        if (isNew) order.updates.push_back({variable, {}});
        auto &updates = order.updates[slot->second].second;
        // A chain in the order of creation is the only way to be ordered.
        if (!updates.empty() && updates.back() != sees)
          order.unordered.push_back({updates.back(), op});
        updates.push_back(op);
        state = states.with(state, variable->index, k);
      }
    }
    after[op->id] = state;
  }
  return order;
}

} // namespace graphc
