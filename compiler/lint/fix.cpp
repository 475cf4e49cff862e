#include "lint/fix.h"

#include <algorithm>

namespace graphc {

namespace {

constexpr int maxRounds = 20;

struct Edit {
  uint32_t begin = 0, end = 0;
  std::string replacement;
  bool safe = true;
  bool operator==(const Edit &) const = default;
};

std::string applied(std::string_view text, const std::vector<Edit> &edits) {
  std::string out;
  size_t at = 0;
  for (const auto &edit : edits) {
    out += text.substr(at, edit.begin - at);
    out += edit.replacement;
    at = edit.end;
  }
  return out += text.substr(at);
}

/// The edits of a file in order, none of which overlaps another.
std::vector<Edit> withoutOverlaps(std::vector<Edit> edits) {
  std::sort(edits.begin(), edits.end(),
            [](auto &a, auto &b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  std::vector<Edit> kept;
  for (auto &edit : edits)
    if (kept.empty() || edit.begin >= kept.back().end) kept.push_back(std::move(edit));
  return kept;
}

class Fixer {
public:
  Fixer(const std::vector<LintJob> &jobs, LintOptions &options, bool unsafeToo)
      : options_(options), unsafeToo_(unsafeToo) {
    for (const auto &job : jobs)
      if (job.path != "-") mine_.insert(job.path);
  }

  /// How many edits were kept.
  size_t round(const LintReport &report, FixResult &result) {
    std::map<std::string, std::pair<FileId, std::vector<Edit>>> byFile;
    for (const auto &finding : report.findings) {
      if (finding.suppressed) continue;
      for (const auto &fix : finding.fixes) {
        const std::string &path = report.sources.file(fix.span.file).path();
        if ((!fix.safe && !unsafeToo_) || !mine_.contains(path)) continue;
        Edit edit{fix.span.begin, fix.span.end, fix.replacement, fix.safe};
        if (refused_.contains({path, edit.begin, edit.end, edit.replacement})) continue;
        byFile[path].first = fix.span.file;
        byFile[path].second.push_back(std::move(edit));
        break;
      }
    }
    size_t kept = 0;
    for (auto &[path, edits] : byFile)
      kept += fixFile(path, report.sources.file(edits.first).text(),
                      withoutOverlaps(std::move(edits.second)), report, result);
    return kept;
  }

private:
  size_t fixFile(const std::string &path, std::string_view text, std::vector<Edit> edits,
                 const LintReport &report, FixResult &result) {
    std::vector<const LintRun *> runs;
    for (const auto &run : report.runs)
      if (std::find(run.files.begin(), run.files.end(), path) != run.files.end())
        runs.push_back(&run);
    std::vector<std::optional<std::string>> before;
    for (const auto *run : runs) before.push_back(graphSignature(*run, options_));
    auto holds = [&](const std::vector<Edit> &some) {
      auto saved = options_.texts;
      options_.texts[path] = applied(text, some);
      bool same = true;
      bool safe = std::all_of(some.begin(), some.end(), [](auto &edit) { return edit.safe; });
      for (size_t i = 0; i < runs.size() && same; ++i) {
        auto after = graphSignature(*runs[i], options_);
        same = before[i] && after && (!safe || *before[i] == *after);
      }
      options_.texts = std::move(saved);
      return same;
    };
    // A graph that an unsafe edit changes can't tell whether a safe one does.
    std::vector<Edit> kept;
    auto keep = [&](const std::vector<Edit> &some) {
      if (some.empty()) return;
      if (holds(some)) {
        kept.insert(kept.end(), some.begin(), some.end());
        return;
      }
      for (const auto &edit : some)
        if (some.size() > 1 && holds({edit}))
          kept.push_back(edit);
        else
          refused_.emplace(path, edit.begin, edit.end, edit.replacement);
    };
    auto middle = std::stable_partition(edits.begin(), edits.end(), [](auto &e) { return e.safe; });
    keep({edits.begin(), middle});
    keep({middle, edits.end()});
    kept = withoutOverlaps(std::move(kept));
    if (kept.empty() || (kept.size() > 1 && !holdsTogether(holds, kept, path))) return 0;
    // Places of what was refused move with the text.
    std::erase_if(refused_, [&](auto &known) { return std::get<0>(known) == path; });
    options_.texts[path] = result.texts[path] = applied(text, kept);
    result.applied += kept.size();
    return kept.size();
  }

  /// Safe and unsafe edits of one file, which were tried apart, together.
  template <class Holds>
  bool holdsTogether(const Holds &holds, std::vector<Edit> &kept, const std::string &path) {
    if (holds(kept)) return true;
    for (const auto &edit : kept)
      if (&edit != &kept[0]) refused_.emplace(path, edit.begin, edit.end, edit.replacement);
    kept.resize(1);
    return true;
  }

  LintOptions &options_;
  bool unsafeToo_;
  std::set<std::string> mine_;
  std::set<std::tuple<std::string, uint32_t, uint32_t, std::string>> refused_;
};

} // namespace

std::unique_ptr<LintReport> fixFindings(const std::vector<LintJob> &jobs, LintOptions &options,
                                        std::unique_ptr<LintReport> report, bool unsafeToo,
                                        FixResult &result) {
  Fixer fixer(jobs, options, unsafeToo);
  for (int i = 0; i < maxRounds; ++i) {
    if (!fixer.round(*report, result)) break;
    report = lint(jobs, options);
  }
  return report;
}

size_t countFixable(const std::vector<Finding> &findings, bool unsafeToo) {
  return std::count_if(findings.begin(), findings.end(), [&](auto &finding) {
    return !finding.suppressed && std::any_of(finding.fixes.begin(), finding.fixes.end(),
                                              [&](auto &fix) { return fix.safe || unsafeToo; });
  });
}

} // namespace graphc
