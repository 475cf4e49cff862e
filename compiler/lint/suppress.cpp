#include "lint/suppress.h"

#include "lint/edit.h"
#include "lint/rule.h"
#include "syntax/parser.h"
#include "syntax/walk.h"

#include <algorithm>

namespace graphc {

namespace {

constexpr std::string_view blanks = " \t\f";

std::string_view trimmed(std::string_view text) {
  size_t begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\f\r") - begin + 1);
}

/// A statement, or the header line of one that has a block.
struct Header {
  uint32_t begin = 0, end = 0;
  const Stmt *stmt = nullptr;
};

class Headers {
public:
  explicit Headers(const Module &module) {
    for (const auto *stmt : module.body) add(*stmt);
    std::sort(all.begin(), all.end(), [](auto &a, auto &b) { return a.begin < b.begin; });
  }
  std::vector<Header> all; // by begin

private:
  void add(const Stmt &s) {
    uint32_t end = s.end;
    if (const auto *def = s.dynAs<DefStmt>()) end = def->headerEnd;
    if (const auto *with = s.dynAs<WithStmt>()) end = with->headerEnd;
    if (const auto *loop = s.dynAs<ForStmt>()) end = loop->headerEnd;
    if (const auto *branches = s.dynAs<IfStmt>()) {
      for (const auto &branch : branches->branches)
        all.push_back({branch.begin, branch.headerEnd, &s});
      end = 0;
    }
    if (end) all.push_back({s.begin, end, &s});
    forEachChild(s, [](const Expr &) {}, [&](const Stmt &inner) { add(inner); });
  }
};

/// Takes "ignore[W0203, W0204] reason" apart.
void parse(Suppression &made, const SourceFile &file, size_t at) {
  std::string_view text = file.text();
  auto rest = text.substr(at, made.comment.end - at);
  constexpr std::string_view ignoreFile = "ignore-file", ignore = "ignore";
  made.wholeFile = rest.starts_with(ignoreFile);
  std::string_view word = made.wholeFile ? ignoreFile : ignore;
  if (!rest.starts_with(ignore)) {
    auto given = rest.substr(0, rest.find_first_of(" \t[:"));
    auto near = nearestName(given, {ignore, ignoreFile});
    made.problem = fmt::format("there is no 'graphc: {}'{}", given,
                               near ? fmt::format("; did you mean '{}'?", *near) : "");
    return;
  }
  at += word.size();
  while (at < made.comment.end && blanks.find(text[at]) != std::string_view::npos) ++at;
  if (at >= made.comment.end || text[at] != '[') {
    made.problem = fmt::format("which findings? write `# graphc: {}[W0203]`", word);
    return;
  }
  size_t close = text.find(']', at);
  if (close >= made.comment.end) {
    made.problem = "the ']' is missing";
    return;
  }
  made.reason = trimmed(text.substr(close + 1, made.comment.end - close - 1));
  for (size_t begin = at + 1; begin <= close;) {
    size_t end = std::min(text.find(',', begin), close);
    auto code = trimmed(text.substr(begin, end - begin));
    if (!code.empty()) {
      auto offset = uint32_t(code.data() - text.data());
      made.codes.push_back(
          {std::string(code), {made.comment.file, offset, uint32_t(offset + code.size())}});
    }
    begin = end + 1;
  }
  if (made.codes.empty())
    made.problem = fmt::format("which findings? write `# graphc: {}[W0203]`", word);
}

} // namespace

std::vector<Suppression> suppressionsOf(const SourceManager &sources, const Module &module) {
  const SourceFile &file = sources.file(module.file);
  std::string_view text = file.text();
  std::vector<Suppression> found;
  if (text.find("graphc:") == std::string_view::npos) return found;
  const std::vector<Header> headers = Headers(module).all;
  // The first statement that is not the file's docstring.
  size_t firstStmt = module.docstring.empty() ? 0 : 1;
  uint32_t fileBegin = module.body.size() > firstStmt ? module.body[firstStmt]->begin : text.size();
  for (const Comment &comment : comments(text)) {
    size_t at = text.find_first_not_of(" \t\f", comment.begin + 1);
    if (at >= comment.end || !text.substr(at, comment.end - at).starts_with("graphc:")) continue;
    at = std::min<size_t>(text.find_first_not_of(" \t\f", at + 7), comment.end);
    Suppression made;
    made.comment = {module.file, comment.begin, comment.end};
    parse(made, file, at);
    uint32_t line = file.lineColumn(comment.begin).line;
    uint32_t lineBegin = file.lineStart(line);
    if (made.wholeFile) {
      made.end = text.size();
      if (made.problem.empty() && comment.begin > fileBegin)
        made.problem = "ignore-file stands before the first statement";
    } else if (comment.ownLine) {
      auto next = std::partition_point(headers.begin(), headers.end(),
                                       [&](auto &h) { return h.begin < comment.begin; });
      // Within brackets it covers the next line.
      auto around = std::find_if(headers.begin(), next, [&](auto &h) {
        return h.begin < comment.begin && comment.begin < h.end;
      });
      if (around != next) {
        made.begin = comment.end;
        made.end = line + 1 < file.lineCount() ? file.lineStart(line + 2) : text.size();
        made.stmt = around->stmt;
      } else if (next != headers.end()) {
        made.begin = next->begin;
        made.end = next->end;
        made.stmt = next->stmt;
      }
    } else {
      made.begin = lineBegin;
      made.end = comment.begin;
      // At the end of a statement of several lines it covers all of them.
      for (auto h = std::partition_point(headers.begin(), headers.end(),
                                         [&](auto &h) { return h.begin < comment.begin; });
           h != headers.begin();) {
        --h;
        if (h->begin >= lineBegin) made.stmt = h->stmt;
        if (h->end > lineBegin && h->begin < lineBegin) {
          bool last = file.lineColumn(h->end).line == line;
          if (last) made.begin = h->begin;
          made.stmt = h->stmt;
        }
        if (h->begin < lineBegin) break;
      }
    }
    found.push_back(std::move(made));
  }
  return found;
}

std::vector<Suppression> applySuppressions(LintContext &lint) {
  std::map<FileId, std::vector<Suppression>> byFile;
  auto of = [&](FileId file) -> std::vector<Suppression> & {
    auto [at, isNew] = byFile.try_emplace(file);
    const auto *module = isNew ? lint.moduleOf(file) : nullptr;
    if (module) at->second = suppressionsOf(lint.sources, *module);
    return at->second;
  };
  for (auto &finding : lint.findings)
    for (auto &suppression : of(finding.span.file)) {
      if (!suppression.problem.empty() || finding.span.begin < suppression.begin ||
          finding.span.begin >= suppression.end)
        continue;
      for (auto &code : suppression.codes)
        if (code.text == finding.code) {
          code.used = true;
          lint.usedSuppressions[finding.span.file].insert(code.span.begin);
          finding.suppressed = true;
          finding.reason = suppression.reason;
        }
    }
  return lint.module() ? std::move(of(lint.module()->file)) : std::vector<Suppression>();
}

bool couldBeUsed(const LintContext &lint, const Suppression &suppression, std::string_view code) {
  const Rule *rule = findRule(code);
  if (!rule) return true; // it never is
  if (!lint.hasRun.contains(rule)) return false;
  return suppression.wholeFile || rule->textual || !suppression.stmt ||
         lint.trace.ran.contains(suppression.stmt);
}

std::optional<Finding> unusedSuppressionOf(const SourceManager &sources,
                                           const Suppression &suppression) {
  Finding made;
  made.code = "W0309";
  made.severity = Severity::Warning;
  made.span = suppression.comment;
  std::string_view text = sources.file(suppression.comment.file).text();
  if (!suppression.problem.empty()) {
    made.message = fmt::format("this suppresses nothing: {}", suppression.problem);
    return made;
  }
  std::vector<std::string> unused;
  std::string kept;
  for (const auto &code : suppression.codes) {
    if (code.used || code.text == "W0309") {
      kept += (kept.empty() ? "" : ", ") + code.text;
      continue;
    }
    unused.push_back(code.text);
    if (findRule(code.text)) continue;
    std::vector<std::string_view> known;
    for (const auto *rule : allRules()) {
      known.push_back(rule->code);
      if (rule->name == code.text) made.help = fmt::format("its code is {}", rule->code);
    }
    auto near = nearestName(code.text, known);
    if (codeFromNumber(code.text))
      made.help = fmt::format("{} is an error, which can't be suppressed", code.text);
    else if (made.help.empty())
      made.help = fmt::format("there is no rule {}{}", code.text,
                              near ? fmt::format("; did you mean {}?", *near) : "");
  }
  if (unused.empty()) return std::nullopt;
  made.message = fmt::format("nothing here is suppressed by {}", fmt::join(unused, ", "));
  if (unused.size() == suppression.codes.size()) {
    made.fixes.push_back({"remove the comment",
                          wholeLines(text, suppression.comment.file, suppression.comment.begin,
                                     suppression.comment.end),
                          "", true});
  } else {
    const auto &codes = suppression.codes;
    made.fixes.push_back(
        {"remove what suppresses nothing",
         {suppression.comment.file, codes.front().span.begin, codes.back().span.end},
         kept,
         true});
  }
  return made;
}

extern const Rule unusedSuppression;
const Rule unusedSuppression = {.code = "W0309",
                                .name = "unused-suppression",
                                .summary = "a suppression that suppresses nothing",
                                .needs = Rule::Whole,
                                .textual = true};

} // namespace graphc
