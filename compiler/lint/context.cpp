#include "lint/context.h"

#include "lint/names.h"
#include "lint/rule.h"
#include "syntax/walk.h"

#include <algorithm>

namespace graphc {

LintContext::LintContext(const SourceManager &sources, const Elaborated &elaborated,
                         const Trace &trace)
    : sources(sources), graph(elaborated.graph), trace(trace) {
  if (!trace.modules.empty()) module_ = trace.modules.front();
}

Span LintContext::userPlace(Place place) const {
  while (place.span.valid() && isLibrary(place.span)) {
    if (!place.caller) return {};
    place = {place.caller->span, place.caller->caller};
  }
  return place.span;
}

Finding &LintContext::report(Place place, std::string message) {
  Span span = userPlace(place);
  if (!span.valid() || !reported_.emplace(rule_->code, span.file, span.begin, span.end).second)
    return repeated_ = Finding();
  Finding &made = findings.emplace_back();
  made.code = rule_->code;
  made.severity = rule_->severity;
  made.span = span;
  made.message = std::move(message);
  return made;
}

void LintContext::gather() {
  if (std::exchange(gathered_, true)) return;
  size_t count = graph.operations.size();
  needed_.resize(count);
  initial_.resize(count);
  listed_.resize(count);
  users_.resize(count);
  for (const auto *op : graph.operations) {
    for (const auto *input : op->inputs) ++users_[input->op->id];
    for (const auto *before : op->controlInputs) ++users_[before->id];
  }
  for (const auto &exported : graph.exports) {
    auto &run = runs_.emplace_back(neededBy(exported));
    for (const auto *op : run) needed_[op->id] = 1;
    for (const auto &output : exported.outputs)
      if (output.tensor) listed_[output.tensor->op->id] = 1;
    for (const auto *effect : exported.effects) listed_[effect->id] = 1;
  }
  for (const auto *op : neededByInitialValues(graph)) initial_[op->id] = 1;
}

bool LintContext::isNeeded(const Operation &op) {
  gather();
  return needed_[op.id];
}
bool LintContext::isNeededByInitialValues(const Operation &op) {
  gather();
  return initial_[op.id];
}
uint32_t LintContext::users(const Operation &op) {
  gather();
  return users_[op.id];
}
bool LintContext::isListed(const Operation &op) {
  gather();
  return listed_[op.id];
}
const std::vector<std::vector<Operation *>> &LintContext::runs() {
  gather();
  return runs_;
}

const Module *LintContext::moduleOf(FileId file) const {
  for (const auto *module : trace.modules)
    if (module->file == file) return module;
  return nullptr;
}

namespace {
class CallIndex {
public:
  explicit CallIndex(std::map<std::pair<uint32_t, uint32_t>, const CallExpr *> &into)
      : into_(into) {}
  void expr(const Expr &e) {
    if (const auto *call = e.dynAs<CallExpr>()) into_[{e.begin, e.end}] = call;
    forEachChild(e, [&](const Expr &child) { expr(child); });
  }
  void stmt(const Stmt &s) {
    forEachChild(
        s, [&](const Expr &child) { expr(child); }, [&](const Stmt &child) { stmt(child); });
  }

private:
  std::map<std::pair<uint32_t, uint32_t>, const CallExpr *> &into_;
};
} // namespace

const CallExpr *LintContext::callAt(Span span) {
  if (!span.valid()) return nullptr;
  auto [at, isNew] = calls_.try_emplace(span.file);
  if (isNew)
    if (const auto *module = moduleOf(span.file))
      for (const auto *stmt : module->body) CallIndex(at->second).stmt(*stmt);
  auto found = at->second.find({span.begin, span.end});
  return found == at->second.end() ? nullptr : found->second;
}

const Names &LintContext::names() {
  if (!names_) names_ = std::make_shared<Names>(*module_);
  return *names_;
}

void LintContext::run(bool whole) {
  if (!module_) return;
  for (const auto *rule : allRules()) {
    if (!rule->run || (rule->needs != Rule::Nothing && !whole)) continue;
    if (rule->needs == Rule::Exports && !hasExports()) continue;
    rule_ = rule;
    hasRun.insert(rule);
    rule->run(*this);
  }
}

std::string lowerCase(std::string_view text) {
  std::string lower(text);
  for (char &c : lower)
    if (c >= 'A' && c <= 'Z') c = char(c + ('a' - 'A'));
  return lower;
}

} // namespace graphc
