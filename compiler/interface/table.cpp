#include "interface/table.h"

#include "source/width.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

namespace graphc {

Table::Table(std::string title, std::vector<std::string> head, bool counted)
    : title_(std::move(title)), counted_(counted) {
  for (std::string &cell : head) {
    right_.push_back(cell.starts_with('>'));
    if (right_.back()) cell.erase(0, 1);
  }
  rows_.push_back(std::move(head));
}

void Table::writeTo(std::string &out) const {
  if (rows_.size() == 1) return;
  if (!out.empty()) out += '\n';
  out += title_ + (counted_ ? fmt::format(" ({})\n", rows_.size() - 1) : "\n");
  std::vector<size_t> widths(right_.size());
  for (const auto &row : rows_)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], columnsOf(row[i]));
  for (const auto &row : rows_) {
    std::string line = " ";
    for (size_t i = 0; i < row.size(); ++i) {
      std::string gap(widths[i] - columnsOf(row[i]), ' ');
      line += " " + (right_[i] ? gap + row[i] : row[i] + gap) + " ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
}

size_t columnsOf(std::string_view text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) width += size_t(displayWidth(nextCodePoint(text, at)));
  return width;
}

std::string grouped(Dim number) {
  if (number.isOverflow()) return "> 2^63";
  std::string text = dimText(number), out;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end]))) ++end;
    // Digits of a name are left alone.
    char before = at > 0 ? text[at - 1] : ' ';
    bool number = end > at && (before == ' ' || before == '*' || before == '(' || before == '-');
    if (!number) {
      out += text.substr(at, std::max<size_t>(end - at, 1));
      at = std::max(end, at + 1);
      continue;
    }
    for (; at < end; ++at) {
      out += text[at];
      size_t left = end - at - 1;
      if (left > 0 && left % 3 == 0) out += ',';
    }
  }
  return out;
}

std::string dimName(const DimSymbol &symbol) {
  if (!symbol.name.empty()) return symbol.name;
  return fmt::format("{}.shape[{}]", symbol.placeholder, symbol.axis);
}

std::string dimText(Dim dim) { return toString(dim, dimName); }

void JsonWriter::key(std::string_view name) {
  out += out.empty() ? "{" : ",\n ";
  out += fmt::format("\"{}\": ", name);
}

} // namespace graphc
