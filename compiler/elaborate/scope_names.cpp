#include "elaborate/scope_names.h"

#include <algorithm>

namespace graphc {

namespace {
bool isAlnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
} // namespace

void ScopeNames::setCurrent(std::string_view scope) {
  current_.text_ = scope;
  current_.node_ = scope.empty() ? &tree_.root() : &tree_.get(scope);
  currentValid_.reset();
}

bool ScopeNames::isValid(std::string_view name, bool atRoot) {
  if (name.empty()) return !atRoot;
  if (atRoot && !isAlnum(name[0]) && name[0] != '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return isAlnum(c) || c == '_' || c == '.' || c == '-' || c == '/';
  });
}

ScopeNames::Tree::Node &ScopeNames::take(std::string_view name, bool forNode) {
  auto part = name;
  auto &within = tree_.walk(*current_.node_, part);
  auto begin = [&](Tree::Node *there, Tree::Key key, std::string_view number) -> Tree::Node & {
    auto full = heap_.joined({current_.text_, atRoot() ? "" : "/", name, number});
    if (!there) {
      key.part = full.substr(full.size() - key.part.size());
      there = &tree_.add(within, key);
    }
    there->text = full;
    there->count = 1;
    there->isNode = forNode;
    return *there;
  };
  Tree::Key key(part);
  auto *asked = Tree::find(within, key);
  if (!asked || !asked->count) return begin(asked, key, "");
  for (int64_t next = asked->count++;; ++next) {
    numbered_.assign(part);
    numbered_ += '_';
    numbered_ += std::to_string(next);
    Tree::Key other(key, numbered_);
    auto *there = Tree::find(within, other);
    if (!there || !there->count)
      return begin(there, other, std::string_view(numbered_).substr(part.size()));
  }
}

std::string_view ScopeNames::unique(std::string_view name, bool forNode) {
  return take(name, forNode).text;
}

void ScopeNames::enterUnique(std::string_view name) {
  auto &made = take(name, false);
  current_.text_ = made.text;
  current_.node_ = &made;
  currentValid_.reset();
}

std::string_view ScopeNames::uniqueVariable(std::string_view name) {
  auto full = unique(name, true);
  while (clashesWithVerbatim(full)) full = unique(name, true);
  return full;
}

bool ScopeNames::isNode(std::string_view name) const {
  if (verbatim_.contains(name)) return true;
  const auto *found = tree_.find(name);
  return found && found->isNode && found->text == name;
}

bool ScopeNames::takeVerbatim(std::string_view name) {
  if (isNode(name)) return false;
  verbatim_.insert(heap_.copy(name));
  return true;
}

} // namespace graphc
