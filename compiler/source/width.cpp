#include "source/width.h"

#include <algorithm>
#include <iterator>

namespace graphc {

namespace {

struct Range {
  char32_t first, last;
};

#include "source/width_tables.inc"

template <size_t size>
bool contains(const Range (&ranges)[size], char32_t point) {
  const auto *after = std::upper_bound(std::begin(ranges), std::end(ranges), point,
                                       [](char32_t p, const Range &r) { return p < r.first; });
  return after != std::begin(ranges) && point <= std::prev(after)->last;
}

constexpr char32_t replacement = 0xFFFD;

} // namespace

char32_t nextCodePoint(std::string_view text, size_t &at) {
  auto byte = static_cast<unsigned char>(text[at++]);
  if (byte < 0x80) return byte;
  int more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
  if (byte < 0xC2 || byte > 0xF4 || at + more > text.size()) return replacement;
  char32_t point = byte & (0x3F >> more);
  for (int k = 0; k < more; ++k) {
    auto next = static_cast<unsigned char>(text[at + k]);
    if ((next & 0xC0) != 0x80) return replacement;
    point = point << 6 | (next & 0x3F);
  }
  if ((more == 2 && point < 0x800) || (more == 3 && (point < 0x10000 || point > 0x10FFFF)) ||
      (point >= 0xD800 && point < 0xE000))
    return replacement;
  at += more;
  return point;
}

int displayWidth(char32_t point) {
  if (point < 0x300) return 1;
  if (contains(zeroWidth, point)) return 0;
  return contains(doubleWidth, point) ? 2 : 1;
}

void appendUtf8(std::string &out, char32_t point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | point >> 6);
    out += static_cast<char>(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    out += static_cast<char>(0xE0 | point >> 12);
    out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (point & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | point >> 18);
    out += static_cast<char>(0x80 | (point >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (point >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (point & 0x3F));
  }
}

std::string validUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) appendUtf8(out, nextCodePoint(text, at));
  return out;
}

} // namespace graphc
