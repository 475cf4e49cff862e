#include "syntax/keywords.h"

#include <algorithm>
#include <iterator>

namespace graphc {

namespace {
constexpr std::string_view words[] = {
#define TOKEN(kind, text)
#define KEYWORD(kind, word) word,
#include "syntax/tokens.def"
};
} // namespace

std::span<const std::string_view> keywords() { return words; }

bool isKeyword(std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

} // namespace graphc
