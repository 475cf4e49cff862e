#include "source/xml.h"

#include "source/width.h"

namespace graphc {

std::string escapedXml(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    char32_t point = nextCodePoint(text, at);
    switch (point) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\'':
      out += "&apos;";
      break;
    case '\n':
      out += "&#10;";
      break;
    case '\r':
      out += "&#13;";
      break;
    case '\t':
      out += "&#9;";
      break;
    default:
      // XML 1.0 has no way at all to write the other control characters.
      if (point < 0x20 || point == 0xFFFE || point == 0xFFFF) point = U'\uFFFD';
      appendUtf8(out, point);
    }
  }
  return out;
}

} // namespace graphc
