// Counts of opened scopes against one map of full names (tensorflow/python/ops/variable_scope.py,
// _VariableScopeStore).
#include "elaborate/scope_counts.h"

#include <gtest/gtest.h>
#include <map>
#include <random>

namespace graphc {
namespace {

TEST(ScopeCounts, AreThoseOfOneMap) {
  std::vector<std::string> pool = {"",    "a",     "A",     "b",    "a/b", "a/b/c", "a/c",
                                   "a_1", "a_1/b", "b/a/b", "a//b", "ab",  "a-/b",  "/a"};
  for (int i = 0; i < 12; ++i) pool.push_back("a/x" + std::to_string(i));
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    Arena arena;
    Heap heap(arena);
    ScopeCounts counts(heap);
    std::map<std::string, int> flat;
    std::vector<std::pair<size_t, std::map<std::string, int>>> marks;
    for (int step = 0; step < 150; ++step) {
      const auto &name = pool[random() % pool.size()];
      switch (random() % 8) {
      case 0:
        counts.forgetWithin(name);
        std::erase_if(flat, [&](auto &known) { return known.first.starts_with(name + "/"); });
        break;
      case 1:
        marks.emplace_back(counts.mark(), flat);
        break;
      case 2:
        if (marks.empty()) break;
        counts.restore(marks.back().first);
        flat = marks.back().second;
        marks.pop_back();
        break;
      default:
        counts.count(name);
        ++flat[name];
      }
      for (const auto &asked : pool)
        ASSERT_EQ(counts.contains(asked), flat.contains(asked))
            << "'" << asked << "', seed " << seed << ", step " << step;
    }
  }
}

} // namespace
} // namespace graphc
