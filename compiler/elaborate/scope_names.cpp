#include "elaborate/scope_names.h"

#include <algorithm>

namespace graphc {

namespace {
char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c; }
bool isAlnum(char c) {
  char l = lower(c);
  return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9');
}
/// FNV-1a of the text in lower case, going on from that of what stands before.
uint64_t hashed(std::string_view text, uint64_t before = 0xcbf29ce484222325) {
  for (char c : text) before = (before ^ static_cast<unsigned char>(lower(c))) * 0x100000001b3;
  return before;
}
} // namespace

bool ScopeNames::SameName::operator()(const Key &key, const Entry *entry) const {
  return key.hash == entry->hash && key.text.size() == entry->text.size() &&
         std::equal(key.text.begin(), key.text.end(), entry->text.begin(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

void ScopeNames::setCurrent(std::string_view scope) {
  current_ = scope;
  currentHash_ = hashed(scope);
  currentValid_.reset();
  if (!scope.empty()) currentHash_ = hashed("/", currentHash_);
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
  uint64_t hash = hashed(name, currentHash_);
  auto take = [&](uint64_t hashOfAll) {
    auto kept = arena_.copy(std::string_view(buffer_));
    inUse_.insert(arena_.make<Entry>(Entry{kept, hashOfAll, 1, forNode}));
    return kept;
  };
  auto found = inUse_.find(Key{buffer_, hash});
  if (found == inUse_.end()) return take(hash);
  int64_t next = (*found)->count++;
  size_t length = buffer_.size();
  while (true) {
    buffer_.resize(length);
    buffer_ += '_';
    buffer_ += std::to_string(next);
    uint64_t numbered = hashed(std::string_view(buffer_).substr(length), hash);
    if (!inUse_.contains(Key{buffer_, numbered})) return take(numbered);
    ++next;
  }
}

std::string_view ScopeNames::uniqueVariable(std::string_view name) {
  auto full = unique(name, true);
  while (clashesWithVerbatim(full)) full = unique(name, true);
  return full;
}

bool ScopeNames::isNode(std::string_view name) const {
  if (verbatim_.contains(name)) return true;
  auto found = inUse_.find(Key{name, hashed(name)});
  return found != inUse_.end() && (*found)->node && (*found)->text == name;
}

bool ScopeNames::takeVerbatim(std::string_view name) {
  if (isNode(name)) return false;
  verbatim_.insert(arena_.copy(name));
  return true;
}

} // namespace graphc
