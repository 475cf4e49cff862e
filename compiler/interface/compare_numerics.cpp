#include "graph/same.h"
#include "interface/compare.h"

#include <algorithm>
#include <map>
#include <set>

namespace graphc {

namespace {

/// Of two graphs: dimensions are the same where they read the same.
bool sameText(const Attr &a, const Attr &b) {
  auto sameFloat = [](double x, double y) { return x == y || (x != x && y != y); };
  auto sameDim = [](const Dim &x, const Dim &y) { return toString(x) == toString(y); };
  return sameAttr(a, b, sameFloat, sameDim);
}

/// Walks two graphs side by side.
class Walk {
  using Pair = std::pair<const Operation *, const Operation *>;

public:
  Walk(const Renames &renames, Diagnostics &diagnostics) : diagnostics_(diagnostics) {
    for (const auto &[was, is] : renames) renames_[was] = is;
  }

  /// The ends of an export that are to be taken for the same placeholders.
  void inputs(const Export &before, const Export &after) {
    inputs_.clear();
    same_.clear();
    for (const ExportEnd &was : before.inputs)
      for (const ExportEnd &is : after.inputs)
        if (was.name == is.name) inputs_[was.tensor->op] = is.tensor->op;
  }

  /// The first pair of operations, from the end, that differ; null: none.
  bool differs(const Operation *before, const Operation *after) {
    was_ = is_ = nullptr;
    std::vector<Pair> open{{before, after}};
    std::set<Pair> visited;
    while (!open.empty()) {
      auto [a, b] = open.back();
      open.pop_back();
      if (same_.count({a, b}) || !visited.insert({a, b}).second) continue;
      if (!alike(*a, *b)) {
        was_ = a;
        is_ = b;
        return true;
      }
      if (a->body) enterBody(*a, *b, open);
      // The first input is looked at first.
      for (size_t i = a->controlInputs.size(); i-- > 0;)
        open.emplace_back(a->controlInputs[i], b->controlInputs[i]);
      for (size_t i = a->inputs.size(); i-- > 0;)
        open.emplace_back(a->inputs[i]->op, b->inputs[i]->op);
    }
    same_.merge(visited);
    return false;
  }

  void report(std::string_view code, Span span, const std::string &what) {
    // One change is one finding, however many ends it reaches.
    if (!reported_.insert({was_, is_}).second) return;
    Diagnostic made;
    made.code = code;
    made.span = is_->span.valid() ? is_->span : span;
    made.message =
        was_->type == is_->type
            ? fmt::format("{}: {} is another one", what, describe(*is_))
            : fmt::format("{}: {} where there was {}", what, describe(*is_), describe(*was_));
    made.notes.push_back({"before, here", was_->span});
    diagnostics_.add(std::move(made));
  }

  void say(std::string_view code, Span span, std::string message) {
    Diagnostic made;
    made.code = code;
    made.span = span;
    made.message = std::move(message);
    diagnostics_.add(std::move(made));
  }

private:
  /// What loops run: their parameters correspond, and so should what is made of them.
  void enterBody(const Operation &a, const Operation &b, std::vector<Pair> &open) {
    for (size_t i = 0; i < a.body->parameters.size(); ++i)
      inputs_[a.body->parameters[i]] = b.body->parameters[i];
    for (size_t i = a.body->results.size(); i-- > 0;)
      open.emplace_back(a.body->results[i]->op, b.body->results[i]->op);
  }

  static bool alikeBodies(const Body &a, const Body &b) {
    return a.parameters.size() == b.parameters.size() &&
           std::equal(a.results.begin(), a.results.end(), b.results.begin(), b.results.end(),
                      [](auto *was, auto *is) { return was->index == is->index; });
  }

  std::string_view nowCalled(std::string_view name) const {
    auto found = renames_.find(name);
    return found == renames_.end() ? name : std::string_view(found->second);
  }

  static std::string describe(const Operation &op) {
    return op.name.empty() ? std::string(op.type) : fmt::format("{} '{}'", op.type, op.name);
  }

  bool alike(const Operation &a, const Operation &b) const {
    if (a.type != b.type || a.inputs.size() != b.inputs.size() ||
        a.controlInputs.size() != b.controlInputs.size() || a.attrs.size() != b.attrs.size() ||
        a.outputs.size() != b.outputs.size())
      return false;
    if (auto input = inputs_.find(&a); input != inputs_.end()) return input->second == &b;
    if (!a.variable != !b.variable ||
        (a.variable && nowCalled(a.variable->opName) != b.variable->opName))
      return false;
    if (!a.body != !b.body || (a.body && !alikeBodies(*a.body, *b.body))) return false;
    for (size_t i = 0; i < a.attrs.size(); ++i)
      if (!sameText(a.attrs[i], b.attrs[i])) return false;
    for (size_t i = 0; i < a.inputs.size(); ++i)
      if (a.inputs[i]->index != b.inputs[i]->index) return false;
    for (size_t i = 0; i < a.outputs.size(); ++i)
      if (a.outputs[i].dtype != b.outputs[i].dtype ||
          toString(a.outputs[i].shape) != toString(b.outputs[i].shape))
        return false;
    return true;
  }

  Diagnostics &diagnostics_;
  std::map<std::string, std::string, std::less<>> renames_;
  std::map<const Operation *, const Operation *> inputs_;
  std::set<Pair> same_, reported_; // pairs that compute the same, and that were reported
  const Operation *was_ = nullptr, *is_ = nullptr;
};

} // namespace

void compareNumerics(const Graph &before, const Graph &after, const Renames &renames,
                     Diagnostics &diagnostics) {
  Walk walk(renames, diagnostics);
  std::map<std::string_view, const Variable *> now;
  std::map<std::string_view, std::string_view> calledNow(renames.begin(), renames.end());
  for (const Variable *v : after.variables) now[v->opName] = v;
  for (const Variable *was : before.variables) {
    auto renamed = calledNow.find(was->opName);
    auto found = now.find(renamed == calledNow.end() ? was->opName : renamed->second);
    if (found == now.end() || !was->initialValue || !found->second->initialValue) continue;
    const Variable *is = found->second;
    if (walk.differs(was->initialValue->op, is->initialValue->op))
      walk.report("D0301", is->span, fmt::format("the initial value of {}", is->opName));
  }
  for (const Export &is : after.exports) {
    auto found = std::find_if(before.exports.begin(), before.exports.end(),
                              [&](const Export &e) { return e.name == is.name; });
    if (found == before.exports.end()) continue;
    const Export &was = *found;
    walk.inputs(was, is);
    for (const ExportEnd &end : is.outputs) {
      auto old = std::find_if(was.outputs.begin(), was.outputs.end(),
                              [&](const ExportEnd &e) { return e.name == end.name; });
      if (old == was.outputs.end() || !old->tensor || !end.tensor) continue;
      std::string what = fmt::format("export '{}', output '{}'", is.name, end.name);
      if (walk.differs(old->tensor->op, end.tensor->op))
        walk.report("D0302", end.span, what);
      else if (old->tensor->index != end.tensor->index)
        walk.say("D0302", end.span, what + ": another result of the same operation");
    }
    if (was.effects.size() != is.effects.size())
      walk.say("D0302", is.span,
               fmt::format("export '{}' runs {} operations for their effect, and "
                           "ran {}",
                           is.name, is.effects.size(), was.effects.size()));
    else
      for (size_t i = 0; i < is.effects.size(); ++i)
        if (walk.differs(was.effects[i], is.effects[i]))
          walk.report("D0302", is.span, fmt::format("export '{}', an effect", is.name));
  }
}

} // namespace graphc
