#include "driver/text_diff.h"

#include <dtl/dtl.hpp>
#include <sstream>
#include <vector>

namespace graphc {

namespace {

/// Lines without their end; one that has none at the end of the text says so.
std::vector<std::string> linesOf(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == text.npos) {
      lines.back() += "\n\\ No newline at end of file";
      break;
    }
    text.remove_prefix(end + 1);
  }
  return lines;
}

} // namespace

std::string unifiedDiff(std::string_view before, std::string_view after, std::string_view name) {
  if (before == after) return "";
  dtl::Diff<std::string> diff(linesOf(before), linesOf(after));
  diff.onHuge();
  diff.compose();
  diff.composeUnifiedHunks();
  std::ostringstream out;
  out << "--- " << name << "\n+++ " << name << "\n";
  diff.printUnifiedFormat(out);
  return out.str();
}

} // namespace graphc
