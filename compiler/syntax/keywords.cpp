#include "syntax/keywords.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <iterator>

namespace graphc {

namespace {
constexpr std::string_view words[] = {
#define TOKEN(kind, text)
#define KEYWORD(kind, word) word,
#include "syntax/tokens.def"
};
} // namespace

bool isKeyword(std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

bool isPlainName(std::string_view text) {
  auto part = [](char c) { return std::isalnum(uint8_t(c)) || c == '_' || (c & 0x80); };
  bool digitFirst = !text.empty() && text[0] >= '0' && text[0] <= '9';
  return !text.empty() && !digitFirst && std::all_of(text.begin(), text.end(), part) &&
         !isKeyword(text);
}

} // namespace graphc
