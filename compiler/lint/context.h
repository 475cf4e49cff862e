// What a rule looks at: the tree, the graph, and what happened while the definition was run.
#pragma once

#include "elaborate/elaborate.h"
#include "elaborate/trace.h"

#include <map>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace graphc {

struct Names;
struct Rule;

/// A diagnostic of a rule.
struct Finding : Diagnostic {
  /// The name that a finding on names is about: it does not hold where another file reads the name.
  std::string name;
  // Set afterwards.
  bool suppressed = false;
  bool fails = false; // at or above the threshold
  std::string reason; // that the suppression gives
};

class LintContext {
public:
  LintContext(const SourceManager &sources, const Elaborated &elaborated, const Trace &trace);

  const SourceManager &sources;
  const Graph &graph;
  const Trace &trace;

  /// The file that is linted; null where it could not be read.
  const Module *module() const { return module_; }
  std::string_view text(Symbol symbol) const { return trace.symbols->text(symbol); }
  bool hasExports() const { return !graph.exports.empty(); }

  /// Reports a finding of the rule that runs, at the innermost call in the user's own text. The
  /// reference holds until the next report. One place gets one finding of a rule: for a second one
  /// the reference leads nowhere.
  Finding &report(Place place, std::string message);
  Finding &report(Span span, std::string message) {
    return report({span, nullptr}, std::move(message));
  }

  /// The place in the user's own text; invalid where there is none.
  Span userPlace(Place place) const;
  bool isLibrary(Span span) const { return trace.standardFiles.contains(span.file); }

  // -- Facts of the graph, gathered at first use; of operations in loops' bodies too
  static Place placeOf(const Operation &op) { return {op.span, op.caller}; }
  static Place placeOf(const Variable &variable) { return {variable.span, variable.caller}; }
  /// The operation that makes the tensor, seen through loops: a step's element or what it has from
  /// around is what is outside, and what a loop gives is what its step gives.
  const Operation *maker(const Tensor &tensor);
  /// Whether an export runs the operation.
  bool isNeeded(const Operation &op);
  bool isNeededByInitialValues(const Operation &op);
  /// How many operations read one of its outputs or wait for it.
  uint32_t users(const Operation &op);
  /// Whether an export gives one of its outputs, or runs it for its effect, itself.
  bool isListed(const Operation &op);
  /// Operations that each export runs, in the order of the exports.
  const std::vector<std::vector<Operation *>> &runs();

  /// The call that stands exactly at a span; null: there is none.
  const CallExpr *callAt(Span span);
  const Module *moduleOf(FileId file) const;

  /// The names of the file that is linted.
  const Names &names();

  /// Runs the rules that what is there allows; `whole`: there were no errors.
  void run(bool whole);
  std::vector<Finding> findings;
  std::unordered_set<const Rule *> hasRun;
  /// Where the codes stand that suppressed something, by file.
  std::map<FileId, std::set<uint32_t>> usedSuppressions;

private:
  void gather();

  const Module *module_ = nullptr;
  const Rule *rule_ = nullptr;
  std::set<std::tuple<std::string_view, FileId, uint32_t, uint32_t>> reported_;
  Finding repeated_;
  std::shared_ptr<const Names> names_;
  bool gathered_ = false;
  /// By the operations' numbers.
  struct Facts {
    std::vector<uint8_t> needed, initial, listed;
    std::vector<uint32_t> users;
  };
  Facts &factsOf(const Operation &op) { return facts_[op.within]; }
  void count(const std::vector<Operation *> &operations, Facts &facts);
  void gatherBody(const Operation &loop);

  std::unordered_map<const Body *, Facts> facts_;                 // null: the graph itself
  std::unordered_map<const Operation *, const Tensor *> outside_; // of parameters
  std::vector<std::vector<Operation *>> runs_;
  std::map<FileId, std::map<std::pair<uint32_t, uint32_t>, const CallExpr *>> calls_;
};

/// The same text without regard to the case of ASCII letters.
std::string lowerCase(std::string_view text);

} // namespace graphc
