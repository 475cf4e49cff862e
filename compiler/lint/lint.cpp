#include "lint/lint.h"

#include "interface/inspect.h"
#include "interface/plan.h"
#include "lint/rule.h"
#include "lint/suppress.h"
#include "source/paths.h"

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

namespace graphc {

namespace {

/// A place that is the same in every run: the file's canonical path and an offset.
using TextPlace = std::pair<std::string, uint32_t>;

struct JobResult {
  SourceManager sources;
  std::vector<Finding> findings;
  std::vector<LintRun> runs;
  std::string printed;
  std::vector<std::string> usageErrors;
  std::vector<std::string> params;
  std::set<std::string> unknown, known;  // defines
  std::set<TextPlace> used;              // codes of suppressions
  std::vector<Suppression> suppressions; // of the definition itself, of the first run
  std::set<uint32_t> couldBeUsed;        // codes of these, by offset
  std::set<std::pair<std::string, std::string>> readNames; // of other files: (path, name)
  bool unreadable = false, whole = true;
};

ElaborateOptions elaborateOptions(const LintOptions &options, const Defines &defines) {
  ElaborateOptions how;
  how.defines = defines;
  how.limits = options.limits;
  how.print = [](std::string_view) {};
  if (!options.texts.empty())
    how.read = [&options](const std::string &path, std::string &why) -> std::optional<std::string> {
      auto known = options.texts.find(path);
      return known == options.texts.end() ? readFile(path, why) : known->second;
    };
  return how;
}

void runOnce(const LintJob &job, const LintOptions &options, const Defines &defines,
             JobResult &result) {
  Diagnostics diagnostics(result.sources);
  Trace trace;
  ElaborateOptions how = elaborateOptions(options, defines);
  how.trace = &trace;
  how.print = [&](std::string_view line) { result.printed.append(line) += '\n'; };
  auto elaborated = elaborate(result.sources, job.path, how, diagnostics);
  result.unreadable |= elaborated->unreadable;
  result.params = elaborated->params;
  result.runs.push_back({job.path, defines, elaborated->files});
  auto &unknown = elaborated->unknownDefines;
  for (const auto &[name, value] : defines)
    (std::find(unknown.begin(), unknown.end(), name) == unknown.end() ? result.known
                                                                      : result.unknown)
        .insert(name);
  auto &wrong = elaborated->usageErrors; // those on names that are unknown come last
  result.usageErrors.insert(result.usageErrors.end(), wrong.begin(), wrong.end() - unknown.size());
  if (!diagnostics.hasErrors() && result.usageErrors.empty())
    planInterface(elaborated->graph, modelNameOf(job.path), diagnostics);
  bool whole = !diagnostics.hasErrors();
  result.whole &= whole;

  for (const auto &error : diagnostics.all()) {
    Finding &made = result.findings.emplace_back();
    static_cast<Diagnostic &>(made) = error;
  }
  if (elaborated->unreadable) return;
  LintContext lint(result.sources, *elaborated, trace);
  lint.run(whole);
  auto suppressions = applySuppressions(lint);
  auto offsetOf = [](const Suppression &s, const Suppression::Code &code) {
    return code.span.valid() ? code.span.begin : s.comment.begin;
  };
  for (const auto &suppression : suppressions)
    for (const auto &code : suppression.codes)
      if (couldBeUsed(lint, suppression, code.text))
        result.couldBeUsed.insert(offsetOf(suppression, code));
  for (auto &[file, places] : lint.usedSuppressions)
    for (uint32_t place : places)
      result.used.emplace(canonicalPath(result.sources.file(file).path()), place);
  if (result.suppressions.empty()) result.suppressions = std::move(suppressions);
  for (const auto &read : trace.namesRead) result.readNames.insert(read);
  result.findings.insert(result.findings.end(), std::make_move_iterator(lint.findings.begin()),
                         std::make_move_iterator(lint.findings.end()));
}

void runJob(const LintJob &job, const LintOptions &options, JobResult &result) {
  std::vector<Defines> tables = job.config->defines;
  if (tables.empty()) tables.emplace_back();
  std::set<Defines> done;
  for (auto &table : tables) {
    for (const auto &given : options.defines) {
      std::erase_if(table, [&](auto &known) { return known.first == given.first; });
      table.push_back(given);
    }
    // Params that this definition has not make no run of their own.
    Defines effective = table;
    if (!done.empty())
      std::erase_if(effective, [&](auto &define) {
        bool unknown = std::find(result.params.begin(), result.params.end(), define.first) ==
                           result.params.end() &&
                       !result.known.contains(define.first);
        if (unknown) result.unknown.insert(define.first);
        return unknown;
      });
    if (!done.insert(effective).second) continue;
    runOnce(job, options, effective, result);
    if (done.size() == 1) {
      std::erase_if(effective, [&](auto &define) { return result.unknown.contains(define.first); });
      done.insert(effective);
    }
    if (result.unreadable) return;
  }
}

/// Brings what the jobs found into one set of files.
class Merger {
public:
  Merger(const std::vector<LintJob> &jobs, const LintOptions &options, LintReport &report)
      : jobs_(jobs), options_(options), report_(report) {}

  void merge(std::vector<std::unique_ptr<JobResult>> &results) {
    for (const auto &result : results) {
      for (const auto &[path, name] : result->readNames) read_.emplace(canonicalPath(path), name);
      used_.insert(result->used.begin(), result->used.end());
    }
    for (size_t i = 0; i < results.size(); ++i) mergeJob(jobs_[i], *results[i]);
    for (size_t i = 0; i < results.size(); ++i) unusedSuppressions(jobs_[i], *results[i]);
    auto keyOf = [&](const Finding &f) {
      return std::tuple(f.span.valid() ? std::string_view(report_.sources.file(f.span.file).path())
                                       : std::string_view(),
                        f.span.begin, f.span.end, std::string_view(f.code));
    };
    std::stable_sort(report_.findings.begin(), report_.findings.end(),
                     [&](auto &a, auto &b) { return keyOf(a) < keyOf(b); });
    unknownDefines(results);
  }

private:
  FileId fileOf(const SourceManager &sources, FileId file) {
    const SourceFile &from = sources.file(file);
    auto &known = files_[from.path()];
    for (FileId id : known)
      if (report_.sources.file(id).text() == from.text()) return id;
    known.push_back(report_.sources.add(from.path(), std::string(from.text())));
    return known.back();
  }

  void move(Finding &finding, const SourceManager &sources) {
    // Most are in the file of the one before.
    std::map<FileId, FileId> moved;
    auto relocate = [&](Span &span) {
      if (!span.valid()) return;
      auto [at, isNew] = moved.try_emplace(span.file);
      if (isNew) at->second = fileOf(sources, span.file);
      span.file = at->second;
    };
    relocate(finding.span);
    for (auto &note : finding.notes) relocate(note.span);
    for (auto &fix : finding.fixes) relocate(fix.span);
  }

  void add(Finding finding, const LintConfig &config, const SourceManager &sources) {
    bool isError = codeFromNumber(finding.code).has_value();
    if (!isError && !config.isOn(finding.code)) return;
    if (!finding.name.empty() && finding.span.valid() &&
        read_.contains({canonicalPath(sources.file(finding.span.file).path()), finding.name}))
      return;
    if (!isError) finding.severity = config.severityOf(finding.code, finding.severity);
    move(finding, sources);
    // The same in another run of the same text.
    std::string path =
        finding.span.valid() ? report_.sources.file(finding.span.file).path() : std::string();
    if (!seen_
             .emplace(path, finding.span.begin, finding.span.end, finding.code,
                      isError ? finding.message : std::string())
             .second)
      return;
    Severity threshold = options_.failOn.value_or(config.failOn.value_or(Severity::Warning));
    finding.fails = !finding.suppressed && finding.severity <= threshold;
    report_.findings.push_back(std::move(finding));
  }

  void mergeJob(const LintJob &job, JobResult &result) {
    report_.printed += result.printed;
    report_.unreadable |= result.unreadable;
    report_.usageErrors.insert(report_.usageErrors.end(), result.usageErrors.begin(),
                               result.usageErrors.end());
    std::move(result.runs.begin(), result.runs.end(), std::back_inserter(report_.runs));
    if (!result.unreadable && result.sources.size()) fileOf(result.sources, 0);
    for (auto &finding : result.findings) add(std::move(finding), *job.config, result.sources);
  }

  void unusedSuppressions(const LintJob &job, JobResult &result) {
    if (!result.whole || result.unreadable) return;
    std::string path = canonicalPath(job.path);
    for (auto &suppression : result.suppressions) {
      bool kept = false;
      for (auto &code : suppression.codes) {
        code.used |= used_.contains({path, code.span.begin}) ||
                     !result.couldBeUsed.contains(code.span.begin);
        kept |= suppression.wholeFile && code.text == "W0309";
      }
      if (kept) continue;
      if (auto finding = unusedSuppressionOf(result.sources, suppression))
        add(std::move(*finding), *job.config, result.sources);
    }
  }

  /// A param that no definition has is a slip. One of a configuration is held against the
  /// definitions that this is for, and only where they were all looked at.
  void unknownDefines(const std::vector<std::unique_ptr<JobResult>> &results) {
    struct Params {
      std::set<std::string> unknown, known, all;
      bool judged = false;
    };
    Params given;
    std::map<std::string, std::pair<const LintConfig *, Params>> configured;
    for (size_t i = 0; i < results.size(); ++i) {
      const JobResult &result = *results[i];
      if (result.unreadable || !result.whole) return; // it may be one of what was lost
      const LintConfig &config = *jobs_[i].config;
      auto &own = configured.try_emplace(config.path, &config, Params()).first->second.second;
      own.judged |= jobs_[i].searched;
      for (auto *params : {&given, &own}) {
        params->known.insert(result.known.begin(), result.known.end());
        params->all.insert(result.params.begin(), result.params.end());
      }
      for (const auto &name : result.unknown) (isGiven(name) ? given : own).unknown.insert(name);
    }
    auto report = [&](const Params &params, const LintConfig *config) {
      std::vector<std::string_view> names(params.all.begin(), params.all.end());
      for (const auto &name : params.unknown) {
        if (params.known.contains(name)) continue;
        std::string message = noParam(name, names);
        if (config) message = fmt::format("{}: {}", config->definePlaces.at(name), message);
        report_.usageErrors.push_back(std::move(message));
      }
    };
    report(given, nullptr);
    for (const auto &[path, own] : configured)
      if (own.second.judged) report(own.second, own.first);
  }

  /// Whether a param was given on the command line.
  bool isGiven(const std::string &name) const {
    return std::any_of(options_.defines.begin(), options_.defines.end(),
                       [&](const auto &define) { return define.first == name; });
  }

  const std::vector<LintJob> &jobs_;
  const LintOptions &options_;
  LintReport &report_;
  std::map<std::string, std::vector<FileId>> files_;
  std::set<std::tuple<std::string, uint32_t, uint32_t, std::string, std::string>> seen_;
  std::set<std::pair<std::string, std::string>> read_;
  std::set<TextPlace> used_;
};

} // namespace

std::unique_ptr<LintReport> lint(const std::vector<LintJob> &jobs, const LintOptions &options) {
  std::vector<std::unique_ptr<JobResult>> results(jobs.size());
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i = next++; i < jobs.size(); i = next++) {
      results[i] = std::make_unique<JobResult>();
      runJob(jobs[i], options, *results[i]);
    }
  };
  size_t count = std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()), jobs.size());
  std::vector<std::thread> workers;
  for (size_t i = 1; i < count; ++i) workers.emplace_back(work);
  work();
  for (auto &worker : workers) worker.join();
  auto report = std::make_unique<LintReport>();
  Merger(jobs, options, *report).merge(results);
  return report;
}

std::optional<std::string> graphSignature(const LintRun &run, const LintOptions &options) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  auto elaborated =
      elaborate(sources, run.path, elaborateOptions(options, run.defines), diagnostics);
  if (diagnostics.hasErrors() || elaborated->unreadable) return std::nullopt;
  using Json = nlohmann::ordered_json;
  Json shown = Json::parse(inspectJson(elaborated->graph, sources, run.path), nullptr, false);
  for (const char *list : {"variables", "operations"})
    for (auto &entry : shown[list]) {
      entry.erase("location");
      // Where it is shared is a place; how often is not.
      if (entry.contains("shared_at")) entry["shared_at"] = entry["shared_at"].size();
    }
  return shown.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n" +
         print(elaborated->graph);
}

} // namespace graphc
