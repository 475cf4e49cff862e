// Source files, spans in them, and where a span stands as people count.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace graphc {

using FileId = uint32_t;
constexpr FileId noFile = ~FileId(0);

/// A range of bytes [begin, end) in a file. `file == noFile` is a place outside any file.
struct Span {
  FileId file = noFile;
  uint32_t begin = 0;
  uint32_t end = 0;

  bool valid() const { return file != noFile; }
  bool operator==(const Span &) const = default;
};

/// Line and column from 1; columns count Unicode code points.
struct LineColumn {
  uint32_t line = 1;
  uint32_t column = 1;
};

/// One file of source text, valid UTF-8 (checked before it is made), held whole.
class SourceFile {
public:
  SourceFile(std::string path, std::string text);

  /// As the user named it or as the importing file leads to it; shown in diagnostics.
  const std::string &path() const { return path_; }
  std::string_view text() const { return text_; }

  LineColumn lineColumn(uint32_t offset) const;
  /// The text of a line (from 1) without its end of line ("\n", "\r\n" or "\r").
  std::string_view lineText(uint32_t line) const;
  /// Offset of the first byte of a line (from 1).
  uint32_t lineStart(uint32_t line) const;
  uint32_t lineCount() const;

private:
  const std::vector<uint32_t> &lineStarts() const;

  std::string path_;
  std::string text_;
  mutable std::vector<uint32_t> lineStarts_; // made at first use
};

/// The files of one compilation. Files never move and are never removed.
class SourceManager {
public:
  FileId add(std::string path, std::string text);
  const SourceFile &file(FileId id) const { return *files_[id]; }
  size_t size() const { return files_.size(); }
  /// The text that a span covers.
  std::string_view text(Span span) const;
  /// `path:line:column` of a span's begin; "" if it is invalid.
  std::string location(Span span) const;

private:
  std::vector<std::unique_ptr<SourceFile>> files_;
};

/// Offset of the first byte that is not valid UTF-8, if there is one.
std::optional<size_t> firstInvalidUtf8(std::string_view text);

/// Reads a whole file: standard input for "-", that of a git version for "git:REV:PATH". On
/// failure: nullopt, and `why` says the reason in words ("No such file or directory").
std::optional<std::string> readFile(const std::string &path, std::string &why);
using FileReader = std::function<std::optional<std::string>(const std::string &, std::string &)>;

/// The name in `candidates` that `name` is most likely a misspelling of, if any is close.
std::optional<std::string> nearestName(std::string_view name,
                                       const std::vector<std::string_view> &candidates);

} // namespace graphc
