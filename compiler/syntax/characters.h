// What kind of byte begins what.
#pragma once

#include <array>
#include <cstdint>

namespace graphc {

enum CharacterClass : uint8_t { NameStart = 1, Digit = 2, Blank = 4 };

constexpr std::array<uint8_t, 256> characterClasses = [] {
  std::array<uint8_t, 256> table{};
  for (int c = 'a'; c <= 'z'; ++c) table[c] = table[c - 32] = NameStart;
  table['_'] = NameStart;
  for (int c = '0'; c <= '9'; ++c) table[c] = Digit;
  table[' '] = table['\t'] = table['\f'] = Blank;
  return table;
}();

inline bool isNameStart(char c) { return characterClasses[uint8_t(c)] & NameStart; }
inline bool isNameByte(char c) { return characterClasses[uint8_t(c)] & (NameStart | Digit); }
inline bool isDigit(char c) { return characterClasses[uint8_t(c)] & Digit; }
/// Of a code point outside ASCII.
inline bool isHigh(char c) { return uint8_t(c) >= 0x80; }
inline bool isBlank(char c) { return characterClasses[uint8_t(c)] & Blank; }

} // namespace graphc
