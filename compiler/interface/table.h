// How `inspect` writes: tables for people, lists of records in JSON.
#pragma once

#include "graph/shape.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace graphc {

/// A table with a title; columns as wide as what stands in them. A column whose head begins with
/// `>` is set to the right.
class Table {
public:
  Table(std::string title, std::vector<std::string> head, bool counted = true);
  void row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// Behind an empty line where something stands already; nothing where there are no rows.
  void writeTo(std::string &out) const;

private:
  std::string title_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
  bool counted_; // the title says how many rows there are
};

/// Columns that UTF-8 text takes on a terminal.
size_t columnsOf(std::string_view text);

/// "1,234,567", "64*batch + 1,024"; what overflows int64 is "> 2^63".
std::string grouped(Dim number);

/// A run-time dimension's name; one of a placeholder's None is "x.shape[0]".
std::string dimName(const DimSymbol &symbol);
/// The value, or an expression over such names.
std::string dimText(Dim dim);

/// Writes an object whose lists have one record a line: a graph may be large, its text should stay
/// readable.
class JsonWriter {
public:
  using Json = nlohmann::ordered_json;
  std::string out;

  void key(std::string_view name);
  void open() { out += '[', first_ = true; }
  void record(const Json &json) {
    out += first_ ? "\n  " : ",\n  ";
    first_ = false;
    out += text(json);
  }
  void close() { out += ']'; }
  static std::string text(const Json &json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

private:
  bool first_ = true;
};

} // namespace graphc
