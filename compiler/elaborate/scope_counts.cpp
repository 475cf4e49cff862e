#include "elaborate/scope_counts.h"

namespace graphc {

bool ScopeCounts::contains(std::string_view scope) const {
  const auto *found = tree_.find(scope);
  return found && found->count;
}

void ScopeCounts::count(std::string_view scope) {
  auto &node = tree_.get(scope);
  if (marks_) log_.emplace_back(scope, node.count);
  node.name = scope;
  ++node.count;
}

void ScopeCounts::forgetWithin(std::string_view scope) {
  auto &node = tree_.get(scope);
  if (marks_) {
    std::vector<const decltype(tree_)::Node *> open{node.last};
    while (!open.empty()) {
      const auto *at = open.back();
      open.pop_back();
      for (; at; at = at->before) {
        if (at->count) log_.emplace_back(at->name, at->count);
        if (at->last) open.push_back(at->last);
      }
    }
  }
  tree_.clear(node);
}

size_t ScopeCounts::mark() {
  ++marks_;
  return log_.size();
}

void ScopeCounts::restore(size_t mark) {
  for (; log_.size() > mark; log_.pop_back()) {
    auto [name, count] = log_.back();
    auto &node = tree_.get(name);
    node.name = name;
    node.count = count;
  }
  --marks_;
}

} // namespace graphc
