#include "lsp/places.h"

#include <algorithm>
#include <filesystem>

namespace graphc {

namespace {

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char lower = char(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Bytes of the code point that begins with `c`; UTF-16 units of as many bytes.
uint32_t lengthOf(char c) {
  auto byte = uint8_t(c);
  return byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}
uint32_t unitsOf(uint32_t bytes) { return bytes == 4 ? 2 : 1; }

} // namespace

std::string pathFromUri(std::string_view uri) {
  constexpr std::string_view scheme = "file://";
  if (!uri.starts_with(scheme)) return "";
  uri.remove_prefix(scheme.size());
  // A host may stand before the path; only the own machine's files can be read.
  uri.remove_prefix(std::min(uri.find('/'), uri.size()));
  std::string path;
  for (size_t i = 0; i < uri.size(); ++i) {
    int high = i + 2 < uri.size() && uri[i] == '%' ? hexDigit(uri[i + 1]) : -1;
    int low = high >= 0 ? hexDigit(uri[i + 2]) : -1;
    if (low < 0) {
      path += uri[i];
      continue;
    }
    path += char(high * 16 + low);
    i += 2;
  }
  return path.find('\0') == path.npos ? path : "";
}

std::string uriFromPath(std::string_view path) {
  std::error_code failed;
  std::string absolute = std::filesystem::absolute(std::string(path), failed).string();
  std::string uri = "file://";
  for (char c : failed ? std::string(path) : absolute) {
    bool plain = std::isalnum(uint8_t(c)) || std::string_view("/-._~").find(c) != std::string::npos;
    if (plain) {
      uri += c;
    } else {
      constexpr std::string_view digits = "0123456789ABCDEF";
      uri += '%';
      uri += digits[uint8_t(c) >> 4];
      uri += digits[uint8_t(c) & 15];
    }
  }
  return uri;
}

uint32_t offsetOf(const SourceFile &file, const Json &position) {
  auto number = [&](const char *key) -> uint32_t {
    auto found = position.find(key);
    bool known = found != position.end() && found->is_number_unsigned();
    return known ? uint32_t(std::min<uint64_t>(found->get<uint64_t>(), UINT32_MAX)) : 0;
  };
  uint32_t line = number("line"), units = number("character");
  if (line >= file.lineCount()) return uint32_t(file.text().size());
  std::string_view text = file.lineText(line + 1);
  uint32_t at = 0;
  while (at < text.size() && units > 0) {
    uint32_t bytes = lengthOf(text[at]);
    if (unitsOf(bytes) > units) break;
    units -= unitsOf(bytes);
    at += bytes;
  }
  return file.lineStart(line + 1) + std::min(at, uint32_t(text.size()));
}

Json positionOf(const SourceFile &file, uint32_t offset) {
  LineColumn place = file.lineColumn(offset);
  std::string_view text = file.text();
  uint32_t units = 0;
  for (uint32_t at = file.lineStart(place.line); at < offset && at < text.size();) {
    uint32_t bytes = lengthOf(text[at]);
    units += unitsOf(bytes);
    at += bytes;
  }
  return {{"line", place.line - 1}, {"character", units}};
}

Json rangeOf(const SourceFile &file, uint32_t begin, uint32_t end) {
  return {{"start", positionOf(file, begin)}, {"end", positionOf(file, std::max(begin, end))}};
}

} // namespace graphc
