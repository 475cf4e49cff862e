// Full names ("a/b/c") with what is known of them, found part by part from the root: most names are
// asked for where a few others just were.
#pragma once

#include "elaborate/value.h"
#include "source/huge_pages.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <tsl/robin_set.h>
#include <vector>

namespace graphc {

/// `Facts`: what is known of a name; as they are made, of one met on the way to others alone.
template <typename Facts, bool ignoresCase>
class NameTree {
  struct Table;

public:
  explicit NameTree(Heap &heap) : heap_(heap) {}
  NameTree(const NameTree &) = delete;

  /// A part of a name with its hash.
  struct Key {
    explicit Key(std::string_view part) : Key(part, hashed(part)) {}
    /// A part that begins with another one.
    Key(const Key &begin, std::string_view part)
        : Key(part, hashed(part.substr(begin.part.size()), begin.hash)) {}

    std::string_view part;
    uint32_t hash;

  private:
    Key(std::string_view part, uint32_t hash) : part(part), hash(hash) {}
  };

  struct Node : Facts {
    Node *last = nullptr;   // of those within it, the one made last
    Node *before = nullptr; // of those beside it, the one made before it

  private:
    friend class NameTree;
    std::string_view part;
    uint32_t hash = 0;
    uint32_t size = 0;      // how many are within it
    Table *table = nullptr; // of those within it, once they are many
  };

  Node &root() { return root_; }

  /// Null: there is none.
  static Node *find(const Node &within, const Key &key) {
    if (within.table) {
      auto found = within.table->nodes.find(key);
      return found == within.table->nodes.end() ? nullptr : *found;
    }
    for (Node *at = within.last; at; at = at->before)
      if (same(key, *at)) return at;
    return nullptr;
  }
  /// The name as a path from the root; null: there is none.
  const Node *find(std::string_view path) const {
    const Node *at = &root_;
    for (size_t slash; at && (slash = path.find('/')) != path.npos; path.remove_prefix(slash + 1))
      at = find(*at, Key(path.substr(0, slash)));
    return at ? find(*at, Key(path)) : nullptr;
  }

  /// There is none yet. The key's part stays where it is as long as the tree does.
  Node &add(Node &within, const Key &key) {
    auto *made = heap_.make<Node>();
    made->part = key.part;
    made->hash = key.hash;
    made->before = within.last;
    within.last = made;
    constexpr uint32_t few = 8;
    if (++within.size > few && !within.table) {
      within.table = tables_.emplace_back(std::make_unique<Table>()).get();
      for (Node *at = made->before; at; at = at->before) within.table->nodes.insert(at);
    }
    if (within.table) within.table->nodes.insert(made);
    return *made;
  }
  /// Cuts a path down to its last part, and gives what the others lead to from `from` on, made
  /// where it is missing.
  Node &walk(Node &from, std::string_view &path) {
    Node *at = &from;
    for (size_t slash; (slash = path.find('/')) != path.npos; path.remove_prefix(slash + 1)) {
      Key key(path.substr(0, slash));
      Node *found = find(*at, key);
      if (!found) {
        key.part = heap_.copy(key.part);
        found = &add(*at, key);
      }
      at = found;
    }
    return *at;
  }
  /// The name as a path from the root, made where it is missing; it stays where it is as long as
  /// the tree does.
  Node &get(std::string_view path) {
    Node &within = walk(root_, path);
    Key key(path);
    Node *found = find(within, key);
    return found ? *found : add(within, key);
  }

  /// Forgets all names within one.
  void clear(Node &node) {
    node.last = nullptr;
    node.table = nullptr;
    node.size = 0;
  }

private:
  /// It holds the hashes, so that only what is found is looked at.
  struct Table {
    struct HashOf {
      size_t operator()(const Node *node) const noexcept { return node->hash; }
      size_t operator()(const Key &key) const noexcept { return key.hash; }
    };
    struct SameName {
      using is_transparent = void;
      bool operator()(const Key &key, const Node *node) const { return same(key, *node); }
      bool operator()(const Node *node, const Key &key) const { return same(key, *node); }
      bool operator()(const Node *a, const Node *b) const { return a == b; }
    };
    tsl::robin_set<Node *, HashOf, SameName, HugePageAllocator<Node *>, true> nodes;
  };

  static char folded(char c) {
    return ignoresCase && c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c;
  }
  /// FNV-1a, going on from that of what stands before.
  static uint32_t hashed(std::string_view text, uint32_t before = 0x811c9dc5) {
    for (char c : text) before = (before ^ static_cast<unsigned char>(folded(c))) * 0x01000193;
    return before;
  }
  static bool same(const Key &key, const Node &node) {
    return key.hash == node.hash && key.part.size() == node.part.size() &&
           std::equal(key.part.begin(), key.part.end(), node.part.begin(),
                      [](char x, char y) { return folded(x) == folded(y); });
  }

  Heap &heap_;
  Node root_;
  std::vector<std::unique_ptr<Table>> tables_;
};

} // namespace graphc
