// graphc explain: the page of a diagnostic, from docs/explain.
#include "driver/command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <iterator>

namespace graphc {

namespace {

struct Page {
  std::string_view code;
  std::string_view text;
};

#include "explain_pages.inc"

/// A page for a terminal: code indented in place of its fences, headings without their marks.
std::string plainText(std::string_view page) {
  std::string out;
  bool inCode = false;
  while (!page.empty()) {
    size_t end = std::min(page.find('\n'), page.size() - 1);
    std::string_view line = page.substr(0, end + 1);
    page.remove_prefix(end + 1);
    if (line.starts_with("```")) {
      inCode = !inCode;
      continue;
    }
    if (inCode && line != "\n") out += "    ";
    if (!inCode && line.starts_with("# ")) line.remove_prefix(2);
    out += line;
  }
  return out;
}

} // namespace

int runExplain(const Arguments &arguments) {
  CLI::App app(
      "Says what a diagnostic means, with an example that fails and one that passes: of an "
      "error (E…), a lint rule (W…), or a difference that `graphc diff` finds (D…).",
      "graphc explain");
  std::string code;
  app.add_option("CODE", code, "A diagnostic's code, such as E0201")->required();
  int status = exitFine;
  if (!parseArguments(app, arguments, status)) return status;
  for (char &c : code) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::vector<std::string_view> known;
  for (const Page &page : pages) {
    if (page.code == code) return writeOutput(plainText(page.text)) ? exitFine : exitUsage;
    known.push_back(page.code);
  }
  auto nearest = nearestName(code, known);
  return usageError(fmt::format("there is no diagnostic {}{}", code,
                                nearest ? fmt::format("; did you mean {}?", *nearest) : ""));
}

} // namespace graphc
