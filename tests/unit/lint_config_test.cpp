#include "lint/config.h"

#include <gtest/gtest.h>

namespace graphc {
namespace {

TEST(LintGlobs, NamesMatchInAnyFolder) {
  EXPECT_TRUE(matchesGlob("*_old.graph", "m_old.graph"));
  EXPECT_TRUE(matchesGlob("*_old.graph", "a/b/m_old.graph"));
  EXPECT_FALSE(matchesGlob("*_old.graph", "m.graph"));
  EXPECT_TRUE(matchesGlob("generated/", "a/generated"));
}

TEST(LintGlobs, PathsMatchFromTheirFolder) {
  EXPECT_TRUE(matchesGlob("a/*.graph", "a/m.graph"));
  EXPECT_FALSE(matchesGlob("a/*.graph", "b/a/m.graph"));
  EXPECT_FALSE(matchesGlob("a/*.graph", "a/b/m.graph"));
  EXPECT_TRUE(matchesGlob("./a/*.graph", "a/m.graph"));
  EXPECT_TRUE(matchesGlob("/a/*.graph", "a/m.graph"));
}

TEST(LintGlobs, TwoStarsCrossFolders) {
  EXPECT_TRUE(matchesGlob("**/m.graph", "m.graph"));
  EXPECT_TRUE(matchesGlob("**/m.graph", "a/b/m.graph"));
  EXPECT_TRUE(matchesGlob("a/**/m.graph", "a/m.graph"));
  EXPECT_TRUE(matchesGlob("a/**/m.graph", "a/b/c/m.graph"));
  EXPECT_FALSE(matchesGlob("a/**/m.graph", "b/m.graph"));
}

TEST(LintGlobs, AFolderMatchesAllInIt) {
  EXPECT_TRUE(matchesGlob("a/b", "a/b/c/m.graph"));
  EXPECT_TRUE(matchesGlob("b", "a/b/c/m.graph"));
}

TEST(LintGlobs, CharactersAndClasses) {
  EXPECT_TRUE(matchesGlob("m?.graph", "m1.graph"));
  EXPECT_FALSE(matchesGlob("m?.graph", "m.graph"));
  EXPECT_TRUE(matchesGlob("m[0-9].graph", "m1.graph"));
  EXPECT_FALSE(matchesGlob("m[!0-9].graph", "m1.graph"));
  EXPECT_TRUE(matchesGlob("m[.graph", "m[.graph"));
  EXPECT_FALSE(matchesGlob("", "m.graph"));
}

TEST(LintGlobs, ManyStarsTakeNoLongTime) {
  EXPECT_FALSE(matchesGlob(std::string(60, '*') + "b", std::string(2000, 'a')));
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "**/";
  std::string path;
  for (int i = 0; i < 500; ++i) path += "a/";
  EXPECT_FALSE(matchesGlob(deep + "b", path + "c"));
}

TEST(LintSeverities, HaveNames) {
  EXPECT_EQ(severityFromName("error"), Severity::Error);
  EXPECT_EQ(severityFromName("info"), Severity::Info);
  EXPECT_FALSE(severityFromName("fatal"));
}

} // namespace
} // namespace graphc
