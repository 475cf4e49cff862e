// For people: the place and the message, the source line with the span underlined, then
// the notes, each with its own line, and what to do about it.
#include "source/render.h"
#include "source/width.h"

#include <algorithm>

namespace graphc {

namespace {

constexpr size_t shownColumns = 120;   // of a source line; longer ones are clipped
constexpr size_t examinedBytes = 2048; // on either side of a span's begin, of a very long line
constexpr int tabColumns = 4;

struct Style {
  bool on;
  std::string_view bold() const { return on ? "\033[1m" : ""; }
  std::string_view error() const { return on ? "\033[1;31m" : ""; }
  std::string_view warning() const { return on ? "\033[1;35m" : ""; }
  std::string_view info() const { return on ? "\033[1;36m" : ""; }
  std::string_view mark() const { return on ? "\033[1;32m" : ""; }
  std::string_view gutter() const { return on ? "\033[34m" : ""; }
  std::string_view off() const { return on ? "\033[0m" : ""; }
  std::string_view of(Severity severity) const {
    return severity == Severity::Error     ? error()
           : severity == Severity::Warning ? warning()
                                           : info();
  }
};

/// Control characters must not reach a terminal: a definition could steer it.
bool isControl(char32_t point) { return point < 0x20 || (point >= 0x7F && point < 0xA0); }

std::string printable(std::string_view text, bool keepNewlines) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    char32_t point = nextCodePoint(text, at);
    bool kept = !isControl(point) || (point == '\n' && keepNewlines);
    appendUtf8(out, kept ? point : U'\uFFFD');
  }
  return out;
}

/// One thing on the line that takes columns of its own (a character with what combines).
struct Cell {
  std::string text;
  size_t column = 0, width = 0;
};

struct Line {
  std::vector<Cell> cells;
  size_t width = 0;
  size_t begin = 0, end = 0; // columns of the underlined part
  bool cutLeft = false, cutRight = false;
};

/// Lays a line out in columns. `from` and `to` are offsets in `text` of what to underline.
Line layOut(std::string_view text, size_t from, size_t to) {
  Line line;
  from = std::min(from, text.size());
  to = std::clamp(to, from, text.size());
  auto isInside = [&](size_t at) { return at < text.size() && (text[at] & 0xC0) == 0x80; };
  size_t last = std::min(text.size(), from + examinedBytes);
  while (isInside(last)) ++last;
  size_t first = from > examinedBytes ? from - examinedBytes : 0;
  while (isInside(first)) ++first;
  line.cutLeft = first > 0;
  line.cutRight = last < text.size();
  bool beginKnown = false, endKnown = false;
  for (size_t at = first; at < last;) {
    if (!beginKnown && at >= from) beginKnown = true, line.begin = line.width;
    if (!endKnown && at >= to) endKnown = true, line.end = line.width;
    char32_t point = nextCodePoint(text, at);
    Cell cell;
    cell.column = line.width;
    if (point == '\t') {
      cell.width = tabColumns - line.width % tabColumns;
      cell.text.assign(cell.width, ' ');
    } else {
      if (isControl(point)) point = U'\uFFFD';
      cell.width = displayWidth(point);
      appendUtf8(cell.text, point);
    }
    line.width += cell.width;
    line.cells.push_back(std::move(cell));
  }
  if (!beginKnown) line.begin = line.width;
  if (!endKnown) line.end = line.width;
  return line;
}

/// Writes the line and, below it, the underline: `lead` (^ or ~), then ~.
void writeLine(std::string &out, const Style &style, uint32_t number, const Line &line, char lead) {
  // A window of columns around the place to look at.
  size_t begin = 0, end = line.width;
  if (line.width > shownColumns) {
    if (line.begin > shownColumns * 3 / 4) begin = line.begin - shownColumns / 3;
    end = std::min(line.width, begin + shownColumns);
  }
  std::string shown;
  bool cutLeft = line.cutLeft || begin > 0;
  bool cutRight = line.cutRight || end < line.width;
  size_t first = end; // the first column that is really shown: a wide cell may straddle `begin`
  size_t last = begin;
  for (const Cell &cell : line.cells) {
    if (cell.column < begin || cell.column + cell.width > end) continue;
    if (cell.width == 0 && cell.column == begin && begin > 0) continue;
    first = std::min(first, cell.column);
    last = std::max(last, cell.column + cell.width);
    shown += cell.text;
  }
  first = std::min(first, line.begin);
  size_t shift = cutLeft ? 3 : 0;
  if (cutLeft) shown = "..." + shown;
  if (cutRight) shown += "...";
  while (!shown.empty() && shown.back() == ' ') shown.pop_back();
  out += fmt::format("{}{:>5} |{}{}{}\n", style.gutter(), number, style.off(),
                     shown.empty() ? "" : " ", shown);
  size_t markBegin = line.begin - first + shift;
  size_t markEnd =
      std::max(std::min(line.end, std::max(last, line.begin)) - first + shift, markBegin + 1);
  out += fmt::format("{}      |{} {}{}{}{}{}\n", style.gutter(), style.off(),
                     std::string(markBegin, ' '), style.mark(), lead,
                     std::string(markEnd - markBegin - 1, '~'), style.off());
}

/// The source lines of a span: all of one or two lines, else the first and the last.
void writeSource(std::string &out, const Style &style, const SourceManager &sources, Span span) {
  const SourceFile &file = sources.file(span.file);
  if (file.text().empty()) return;
  uint32_t end = std::max(span.begin, span.end);
  uint32_t first = file.lineColumn(span.begin).line;
  uint32_t last = file.lineColumn(end).line;
  // A span that ends with its line does not reach into the next one.
  if (last > first && file.lineStart(last) == end) --last;
  std::string_view text = file.lineText(first);
  size_t from = span.begin - file.lineStart(first);
  size_t to = last == first ? end - file.lineStart(first) : text.size();
  writeLine(out, style, first, layOut(text, from, to), '^');
  if (last == first) return;
  if (last > first + 1) out += fmt::format("{}  ... |{}\n", style.gutter(), style.off());
  text = file.lineText(last);
  size_t indent = std::min(text.find_first_not_of(" \t\f"), text.size());
  to = std::max<size_t>(indent, end - file.lineStart(last));
  writeLine(out, style, last, layOut(text, indent, to), '~');
}

void writeEntry(std::string &out, const Style &style, const SourceManager &sources, Span span,
                std::string_view headColor, std::string_view head, std::string_view message) {
  std::string where = "graphc";
  if (span.valid()) where = printable(sources.location(span), false);
  out += fmt::format("{}{}:{} {}{}:{} {}{}{}\n", style.bold(), where, style.off(), headColor, head,
                     style.off(), style.bold(), printable(message, true), style.off());
  if (span.valid()) writeSource(out, style, sources, span);
}

} // namespace

std::string renderText(const Diagnostics &diagnostics, const RenderOptions &options) {
  Style style{options.color};
  const SourceManager &sources = diagnostics.sources();
  std::string out;
  for (const Diagnostic &d : diagnostics.all()) {
    writeEntry(out, style, sources, d.span, style.of(d.severity),
               fmt::format("{}[{}]", severityName(d.severity), d.code), d.message);
    for (const Note &note : d.notes)
      writeEntry(out, style, sources, note.span, style.info(), "note", note.message);
    if (!d.help.empty())
      out += fmt::format("  {}help:{} {}\n", style.info(), style.off(), printable(d.help, true));
    for (const Fix &fix : d.fixes)
      out +=
          fmt::format("  {}fix:{} {}\n", style.info(), style.off(), printable(fix.message, true));
  }
  std::string summary = summaryLine(diagnostics);
  if (!options.note.empty())
    summary += summary.empty() ? options.note : fmt::format(" ({})", options.note);
  if (!summary.empty()) out += fmt::format("{}{}{}\n", style.bold(), summary, style.off());
  return out;
}

} // namespace graphc
