#include "source/source.h"

#include "source/git.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sys/stat.h>

namespace graphc {

SourceFile::SourceFile(std::string path, std::string text)
    : path_(std::move(path)), text_(std::move(text)) {}

const std::vector<uint32_t> &SourceFile::lineStarts() const {
  if (!lineStarts_.empty()) return lineStarts_;
  lineStarts_.push_back(0);
  for (uint32_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n' || (text_[i] == '\r' && (i + 1 == text_.size() || text_[i + 1] != '\n')))
      lineStarts_.push_back(i + 1);
  }
  return lineStarts_;
}

LineColumn SourceFile::lineColumn(uint32_t offset) const {
  const auto &starts = lineStarts();
  offset = std::min<uint32_t>(offset, text_.size());
  auto line = std::upper_bound(starts.begin(), starts.end(), offset) - starts.begin();
  uint32_t column = 1;
  for (uint32_t i = starts[line - 1]; i < offset; ++i)
    column += (static_cast<unsigned char>(text_[i]) & 0xC0) != 0x80;
  return {static_cast<uint32_t>(line), column};
}

uint32_t SourceFile::lineStart(uint32_t line) const { return lineStarts()[line - 1]; }
uint32_t SourceFile::lineCount() const { return lineStarts().size(); }

std::string_view SourceFile::lineText(uint32_t line) const {
  const auto &starts = lineStarts();
  size_t end = line < starts.size() ? starts[line] : text_.size();
  std::string_view text(text_.data() + starts[line - 1], end - starts[line - 1]);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

FileId SourceManager::add(std::string path, std::string text) {
  files_.push_back(std::make_unique<SourceFile>(std::move(path), std::move(text)));
  return files_.size() - 1;
}

std::string_view SourceManager::text(Span span) const {
  if (!span.valid()) return {};
  return file(span.file).text().substr(span.begin, span.end - span.begin);
}

std::string SourceManager::location(Span span) const {
  if (!span.valid()) return "";
  auto at = file(span.file).lineColumn(span.begin);
  return file(span.file).path() + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

std::optional<size_t> firstInvalidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    // Most of it is ASCII.
    if (uint64_t eight; text.size() - i >= sizeof eight) {
      memcpy(&eight, text.data() + i, sizeof eight);
      if (!(eight & 0x8080808080808080)) {
        i += sizeof eight;
        continue;
      }
    }
    auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      ++i;
      continue;
    }
    int more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
    if (byte < 0xC2 || byte > 0xF4 || i + more >= text.size()) return i;
    uint32_t point = byte & (0x3F >> more);
    for (int k = 1; k <= more; ++k) {
      auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return i;
      point = point << 6 | (next & 0x3F);
    }
    // Overlong forms, surrogates and what lies beyond Unicode are not UTF-8.
    if ((more == 2 && point < 0x800) || (more == 3 && (point < 0x10000 || point > 0x10FFFF)) ||
        (point >= 0xD800 && point < 0xE000))
      return i;
    i += more + 1;
  }
  return std::nullopt;
}

std::optional<std::string> readFile(const std::string &path, std::string &why) {
  if (pathStart(path) > 0) return readGitFile(path, why);
  std::unique_ptr<FILE, int (*)(FILE *)> opened(path == "-" ? nullptr : fopen(path.c_str(), "rb"),
                                                fclose);
  FILE *in = path == "-" ? stdin : opened.get();
  if (!in) {
    why = strerror(errno);
    return std::nullopt;
  }
  struct stat info;
  bool known = fstat(fileno(in), &info) == 0;
  if (known && S_ISDIR(info.st_mode)) {
    why = strerror(EISDIR);
    return std::nullopt;
  }
  // Offsets are 32 bits; and a device may have no end.
  constexpr size_t most = size_t(1) << 30;
  std::string text;
  if (known && S_ISREG(info.st_mode) && size_t(info.st_size) <= most)
    text.reserve(size_t(info.st_size));
  char buffer[1 << 16];
  size_t got = 0;
  do {
    got = fread(buffer, 1, sizeof buffer, in);
    text.append(buffer, got);
  } while (got == sizeof buffer && text.size() <= most);
  if (ferror(in) || text.size() > most) {
    why = text.size() > most ? "it is larger than 1 GiB" : strerror(errno);
    return std::nullopt;
  }
  return text;
}

std::optional<std::string> nearestName(std::string_view name,
                                       const std::vector<std::string_view> &candidates) {
  // Levenshtein's distance with transpositions; at most a third of the name may differ.
  size_t best = std::max<size_t>(1, name.size() / 3) + 1;
  std::string_view found;
  std::vector<size_t> older, previous, current;
  for (auto candidate : candidates) {
    if (candidate.size() > name.size() + best || name.size() > candidate.size() + best) continue;
    if (candidate == name) continue;
    previous.resize(candidate.size() + 1);
    for (size_t j = 0; j <= candidate.size(); ++j) previous[j] = j;
    older = previous;
    for (size_t i = 1; i <= name.size(); ++i) {
      current.assign(candidate.size() + 1, i);
      for (size_t j = 1; j <= candidate.size(); ++j) {
        size_t cost = name[i - 1] == candidate[j - 1] ? 0 : 1;
        current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost});
        if (i > 1 && j > 1 && name[i - 1] == candidate[j - 2] && name[i - 2] == candidate[j - 1])
          current[j] = std::min(current[j], older[j - 2] + 1);
      }
      older.swap(previous);
      previous.swap(current);
    }
    if (previous[candidate.size()] < best) {
      best = previous[candidate.size()];
      found = candidate;
    }
  }
  if (found.empty()) return std::nullopt;
  return std::string(found);
}

} // namespace graphc
