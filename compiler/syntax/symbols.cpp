#include "syntax/symbols.h"

namespace graphc {

namespace {
uint32_t hashOf(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001B3;
  return static_cast<uint32_t>(hash ^ hash >> 32);
}
} // namespace

Symbols::Symbols() : texts_(1), slots_(1024) {
  // The reserved words come first, so that the lexer knows them by their numbers.
#define KEYWORD(kind, word) intern(word);
#include "syntax/tokens.def"
}

Symbol Symbols::intern(std::string_view text) {
  uint32_t hash = hashOf(text);
  size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask;; at = (at + 1) & mask) {
    Slot &slot = slots_[at];
    if (slot.id == 0) {
      slot = {hash, static_cast<uint32_t>(texts_.size())};
      texts_.push_back(arena_.copy(text));
      Symbol made{slot.id};
      if (texts_.size() * 2 > slots_.size()) rehash();
      return made;
    }
    if (slot.hash == hash && texts_[slot.id] == text) return {slot.id};
  }
}

Symbol Symbols::find(std::string_view text) const {
  uint32_t hash = hashOf(text);
  size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask; slots_[at].id != 0; at = (at + 1) & mask)
    if (slots_[at].hash == hash && texts_[slots_[at].id] == text) return {slots_[at].id};
  return {};
}

void Symbols::rehash() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  size_t mask = slots_.size() - 1;
  for (const Slot &slot : old) {
    if (slot.id == 0) continue;
    size_t at = slot.hash & mask;
    while (slots_[at].id != 0) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

} // namespace graphc
