// How often each variable scope was opened, for the default names of scopes. TensorFlow's
// variable_scopes_count.
#pragma once

#include "elaborate/name_tree.h"

#include <string_view>
#include <utility>
#include <vector>

namespace graphc {

/// Names stay where they are as long as this does.
class ScopeCounts {
public:
  explicit ScopeCounts(Heap &heap) : tree_(heap) {}

  /// Whether the scope was opened, and not forgotten since.
  bool contains(std::string_view scope) const;
  void count(std::string_view scope);
  /// Forgets what was opened within a scope, but not the scope.
  void forgetWithin(std::string_view scope);

  /// What happens from now on is taken back by a `restore` of this mark.
  size_t mark();
  void restore(size_t mark);

private:
  struct Facts {
    std::string_view name;
    int count = 0;
  };
  NameTree<Facts, false> tree_;
  std::vector<std::pair<std::string_view, int>> log_; // what was before each change
  int marks_ = 0;                                     // that were not restored
};

} // namespace graphc
