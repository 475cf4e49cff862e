#include "elaborate/scope_names.h"

#include <algorithm>

namespace graphc {

namespace {
char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c; }
bool isAlnum(char c) {
  char l = lower(c);
  return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9');
}
} // namespace

size_t ScopeNames::IgnoreCaseHash::operator()(std::string_view text) const {
  uint64_t hash = 0xcbf29ce484222325; // FNV-1a
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(lower(c))) * 0x100000001b3;
  return hash;
}

bool ScopeNames::IgnoreCaseEqual::operator()(std::string_view a, std::string_view b) const {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

bool ScopeNames::isValid(std::string_view name, bool atRoot) {
  if (name.empty()) return !atRoot;
  if (atRoot && !isAlnum(name[0]) && name[0] != '.') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return isAlnum(c) || c == '_' || c == '.' || c == '-' || c == '/';
  });
}

std::string_view ScopeNames::unique(std::string_view name, bool forNode) {
  buffer_.assign(current_);
  if (!buffer_.empty()) buffer_ += '/';
  buffer_ += name;
  auto found = inUse_.find(buffer_);
  if (found == inUse_.end()) {
    auto kept = arena_.copy(std::string_view(buffer_));
    inUse_.emplace(kept, Entry{1, forNode});
    return kept;
  }
  int64_t next = found->second.count++;
  size_t length = buffer_.size();
  while (true) {
    buffer_.resize(length);
    buffer_ += '_';
    buffer_ += std::to_string(next);
    if (!inUse_.contains(buffer_)) break;
    ++next;
  }
  auto kept = arena_.copy(std::string_view(buffer_));
  inUse_.emplace(kept, Entry{1, forNode});
  return kept;
}

std::string_view ScopeNames::uniqueVariable(std::string_view name) {
  auto full = unique(name, true);
  while (clashesWithVerbatim(full)) full = unique(name, true);
  return full;
}

bool ScopeNames::isNode(std::string_view name) const {
  if (verbatim_.contains(name)) return true;
  auto found = inUse_.find(name);
  return found != inUse_.end() && found->second.node && found->first == name;
}

bool ScopeNames::takeVerbatim(std::string_view name) {
  if (isNode(name)) return false;
  verbatim_.insert(arena_.copy(name));
  return true;
}

} // namespace graphc
