#include "lint/context.h"

#include "lint/names.h"
#include "lint/rule.h"
#include "ops/body.h"
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

void LintContext::count(const std::vector<Operation *> &operations, Facts &facts) {
  facts.needed.resize(operations.size());
  facts.initial.resize(operations.size());
  facts.listed.resize(operations.size());
  facts.users.resize(operations.size());
  for (const auto *op : operations) {
    for (const auto *input : op->inputs) ++facts.users[input->op->id];
    for (const auto *before : op->controlInputs) ++facts.users[before->id];
  }
}

void LintContext::gather() {
  if (std::exchange(gathered_, true)) return;
  Facts &facts = facts_[nullptr];
  count(graph.operations, facts);
  for (const auto &exported : graph.exports) {
    auto &run = runs_.emplace_back(neededBy(exported));
    for (const auto *op : run) facts.needed[op->id] = 1;
    for (const auto &output : exported.outputs)
      if (output.tensor) facts.listed[output.tensor->op->id] = 1;
    for (const auto *effect : exported.effects) facts.listed[effect->id] = 1;
  }
  for (const auto *op : neededByInitialValues(graph)) facts.initial[op->id] = 1;
  for (const auto *op : graph.operations)
    if (op->body) gatherBody(*op);
}

/// What a step gives is needed where the loop is.
void LintContext::gatherBody(const Operation &loop) {
  const Body &body = *loop.body;
  Facts &facts = facts_[&body];
  count(body.operations, facts);
  // A carried value is another one at every step.
  for (size_t i = ScanParts(loop).carried; i < loop.inputs.size(); ++i)
    outside_[body.parameters[i + 1]] = loop.inputs[i];
  bool needed = factsOf(loop).needed[loop.id], initial = factsOf(loop).initial[loop.id];
  std::vector<const Operation *> open;
  std::vector<uint8_t> seen(body.operations.size());
  auto visit = [&](const Operation *op) {
    if (std::exchange(seen[op->id], uint8_t(1))) return;
    facts.needed[op->id] = needed;
    facts.initial[op->id] = initial;
    open.push_back(op);
  };
  for (const auto *result : body.results) {
    ++facts.users[result->op->id];
    visit(result->op);
  }
  while (!open.empty()) {
    const auto *op = open.back();
    open.pop_back();
    for (const auto *input : op->inputs) visit(input->op);
    for (const auto *before : op->controlInputs) visit(before);
  }
  for (const auto *op : body.operations)
    if (op->body) gatherBody(*op);
}

const Operation *LintContext::maker(const Tensor &tensor) {
  gather();
  const Tensor *at = &tensor;
  for (;;) {
    const auto *op = at->op;
    if (op->body) {
      ScanParts parts(*op);
      if (at->index < parts.carried)
        at = parts.next(at->index);
      else if (at->index >= parts.stackedAt(0))
        at = parts.give(at->index - parts.stackedAt(0));
      else
        return op;
      continue;
    }
    auto outside = outside_.find(op);
    if (outside == outside_.end()) return op;
    at = outside->second;
  }
}

bool LintContext::isNeeded(const Operation &op) {
  gather();
  return factsOf(op).needed[op.id];
}
bool LintContext::isNeededByInitialValues(const Operation &op) {
  gather();
  return factsOf(op).initial[op.id];
}
uint32_t LintContext::users(const Operation &op) {
  gather();
  return factsOf(op).users[op.id];
}
bool LintContext::isListed(const Operation &op) {
  gather();
  return factsOf(op).listed[op.id];
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
