// The namespace that operations, name scopes and variables share, and the stack of open name
// scopes. TensorFlow's Graph.unique_name and Graph.name_scope.
#pragma once

#include "elaborate/name_tree.h"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

namespace graphc {

class ScopeNames {
  struct Facts {
    std::string_view text; // as it was first asked for
    int64_t count = 0;     // how often it was asked for
    bool isNode = false;   // an operation or variable stands there
  };
  /// The case of letters makes no difference to what is taken.
  using Tree = NameTree<Facts, true>;

public:
  explicit ScopeNames(Heap &heap) : heap_(heap), tree_(heap) { current_.node_ = &tree_.root(); }

  /// A name scope, "a/b"; "" at the root.
  class Scope {
  public:
    std::string_view text() const { return text_; }

  private:
    friend class ScopeNames;
    std::string_view text_; // as it was entered
    Tree::Node *node_ = nullptr;
  };

  /// The open name scopes.
  const Scope &current() const { return current_; }
  void setCurrent(const Scope &scope) {
    current_ = scope;
    currentValid_.reset();
  }
  /// Enters a scope by its whole name, which lives as long as this.
  void setCurrent(std::string_view scope);

  /// Rule: a name at the root matches [A-Za-z0-9.][A-Za-z0-9_.\-/]*, a nested one
  /// [A-Za-z0-9_.\-/]*.
  static bool isValid(std::string_view name, bool atRoot);
  /// Whether a node may have this name in the current scope: its full name matches, too, which a
  /// scope entered as it stands ("_x/" within another) can spoil.
  bool isValidNode(std::string_view name) {
    if (!currentValid_) currentValid_ = atRoot() || isValid(current_.text_, true);
    return isValid(name, atRoot()) && *currentValid_;
  }

  /// A name in the current scope as it would be if nobody had taken it.
  std::string_view fullName(std::string_view name) const {
    return atRoot() ? heap_.copy(name) : heap_.joined({current_.text_, "/", name});
  }

  /// Rule: the first to ask for a name in the current scope gets it; later ones get name_1,
  /// name_2, … The case of letters makes no difference to what is taken. The counter of a name
  /// is remembered, and a composed name counts as asked for.
  std::string_view unique(std::string_view name, bool forNode);
  /// Enters a scope of such a name.
  void enterUnique(std::string_view name);

  /// A variable's name: numbered also where only a node of a verbatim name stands.
  std::string_view uniqueVariable(std::string_view name);

  /// A node whose name is given verbatim (`name=scope` with its slash). False: taken by a node.
  bool takeVerbatim(std::string_view name);
  /// Whether a node (an operation or a variable) has exactly this name.
  bool isNode(std::string_view name) const;
  /// The unique name was taken by a verbatim node before.
  bool clashesWithVerbatim(std::string_view name) const { return verbatim_.contains(name); }

private:
  bool atRoot() const { return current_.text_.empty(); }
  /// A name in the current scope, numbered where it is taken.
  Tree::Node &take(std::string_view name, bool forNode);

  Heap &heap_;
  Tree tree_;
  Scope current_;
  std::optional<bool> currentValid_; // may stand before a node's name; not set: not asked yet
  std::unordered_set<std::string_view> verbatim_;
  std::string numbered_; // what is tried
};

} // namespace graphc
