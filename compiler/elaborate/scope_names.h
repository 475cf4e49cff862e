// The namespace that operations, name scopes and variables share, and the stack of open name
// scopes. TensorFlow's Graph.unique_name and Graph.name_scope.
#pragma once

#include "source/arena.h"
#include "source/huge_pages.h"

#include <optional>
#include <string>
#include <string_view>
#include <tsl/robin_set.h>
#include <unordered_set>
#include <vector>

namespace graphc {

class ScopeNames {
public:
  explicit ScopeNames(Arena &arena) : arena_(arena) { setCurrent(""); }

  /// The open name scopes, "a/b"; "" at the root.
  std::string_view current() const { return current_; }
  void setCurrent(std::string_view scope);

  /// Rule: a name at the root matches [A-Za-z0-9.][A-Za-z0-9_.\-/]*, a nested one
  /// [A-Za-z0-9_.\-/]*.
  static bool isValid(std::string_view name, bool atRoot);
  /// Whether a node may have this name in the current scope: its full name matches, too, which a
  /// scope entered as it stands ("_x/" within another) can spoil.
  bool isValidNode(std::string_view name) {
    if (!currentValid_) currentValid_ = current_.empty() || isValid(current_, true);
    return isValid(name, current_.empty()) && *currentValid_;
  }

  /// A name in the current scope as it would be if nobody had taken it.
  std::string_view fullName(std::string_view name) const {
    return current_.empty() ? arena_.copy(name) : arena_.joined({current_, "/", name});
  }

  /// Rule: the first to ask for a name in the current scope gets it; later ones get name_1,
  /// name_2, … The case of letters makes no difference to what is taken. The counter of a name
  /// is remembered, and a composed name counts as asked for.
  std::string_view unique(std::string_view name, bool forNode);

  /// A variable's name: numbered also where only a node of a verbatim name stands.
  std::string_view uniqueVariable(std::string_view name);

  /// A node whose name is given verbatim (`name=scope` with its slash). False: taken by a node.
  bool takeVerbatim(std::string_view name);
  /// Whether a node (an operation or a variable) has exactly this name.
  bool isNode(std::string_view name) const;
  /// The unique name was taken by a verbatim node before.
  bool clashesWithVerbatim(std::string_view name) const { return verbatim_.contains(name); }

private:
  /// A full name that was asked for.
  struct Entry {
    std::string_view text;
    uint64_t hash;
    int64_t count; // how often the name was asked for
    bool node;     // an operation or variable stands there
  };
  /// A full name with its hash, which a scope's names begin to compute once.
  struct Key {
    std::string_view text;
    uint64_t hash;
  };
  struct HashOf {
    size_t operator()(const Entry *entry) const noexcept { return entry->hash; }
    size_t operator()(const Key &key) const noexcept { return key.hash; }
  };
  /// The case of letters makes no difference.
  struct SameName {
    using is_transparent = void;
    bool operator()(const Key &key, const Entry *entry) const;
    bool operator()(const Entry *entry, const Key &key) const { return (*this)(key, entry); }
    bool operator()(const Entry *a, const Entry *b) const { return a == b; }
  };

  Arena &arena_;
  std::string_view current_;
  uint64_t currentHash_;             // of what the names in the current scope begin with
  std::optional<bool> currentValid_; // may stand before a node's name; not set: not asked yet
  /// The table holds a part of the hash, so that only what is found is looked at.
  tsl::robin_set<Entry *, HashOf, SameName, HugePageAllocator<Entry *>, true> inUse_;
  std::unordered_set<std::string_view> verbatim_;
  std::string buffer_;
};

} // namespace graphc
