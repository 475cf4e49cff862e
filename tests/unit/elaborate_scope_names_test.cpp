// Names against TensorFlow's own way to find them, one table of all full names in lower case
// (tensorflow/python/framework/ops.py, Graph.unique_name and Graph.name_scope).
#include "elaborate/scope_names.h"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <set>

namespace graphc {
namespace {

class FlatNames {
public:
  std::string current;

  std::string unique(const std::string &name) {
    std::string full = current.empty() ? name : current + "/" + name;
    std::string key = lower(full);
    int i = inUse_[key]++;
    if (i == 0) return full;
    std::string base = key;
    while (inUse_.contains(key)) key = base + "_" + std::to_string(i++);
    inUse_[key] = 1;
    return full + "_" + std::to_string(i - 1);
  }

private:
  static std::string lower(std::string text) {
    for (char &c : text) c = char(tolower(c));
    return text;
  }
  std::map<std::string, int> inUse_;
};

TEST(ScopeNames, AreThoseOfOneFlatTable) {
  // Few names, so that they meet; many beside them, so that tables grow.
  std::vector<std::string> pool = {"a",   "A",   "b",   "a_1",   "a_2",
                                   "a/b", "A/b", "b/a", "a/b/c", "a//b"};
  for (int i = 0; i < 12; ++i) pool.push_back("x" + std::to_string(i));
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    auto pick = [&] { return pool[random() % pool.size()]; };
    Arena arena;
    Heap heap(arena);
    ScopeNames names(heap);
    FlatNames flat;
    std::vector<std::pair<ScopeNames::Scope, std::string>> open;
    for (int step = 0; step < 200; ++step) {
      auto name = pick();
      switch (random() % 8) {
      case 0: // a scope of its own
        open.emplace_back(names.current(), flat.current);
        names.enterUnique(name);
        flat.current = flat.unique(name);
        break;
      case 1: // one entered as it stands
        open.emplace_back(names.current(), flat.current);
        names.setCurrent(arena.copy(name));
        flat.current = name;
        break;
      case 2:
        if (open.empty()) break;
        names.setCurrent(open.back().first);
        flat.current = open.back().second;
        open.pop_back();
        break;
      default:
        ASSERT_EQ(names.unique(name, random() % 2 != 0), flat.unique(name))
            << "seed " << seed << ", step " << step;
      }
      ASSERT_EQ(names.current().text(), flat.current) << "seed " << seed << ", step " << step;
    }
  }
}

TEST(ScopeNames, VerbatimNamesMeetNodesOfTheSameCaseAlone) {
  Arena arena;
  Heap heap(arena);
  ScopeNames names(heap);
  EXPECT_EQ(names.unique("a/Node", true), "a/Node");
  EXPECT_EQ(names.unique("Scope", false), "Scope");
  EXPECT_FALSE(names.takeVerbatim("a/Node"));
  EXPECT_TRUE(names.takeVerbatim("a/node"));
  EXPECT_FALSE(names.takeVerbatim("a/node")) << "taken by a verbatim name";
  EXPECT_TRUE(names.takeVerbatim("a")) << "only names within it were asked for";
  EXPECT_TRUE(names.takeVerbatim("Scope")) << "a scope is no node";
  EXPECT_TRUE(names.clashesWithVerbatim("a"));
  EXPECT_EQ(names.uniqueVariable("a"), "a_1");
}

} // namespace
} // namespace graphc
