// What the scope rules record for the lint.
#include "elaborate/scope_rules.h"

#include <algorithm>
#include <set>

namespace graphc {

void ScopeRules::traceScope(const ManagerObject &manager, bool reuses,
                            std::string_view askedNameScope, std::string_view nameScope,
                            Span span) {
  Trace::VariableScopeOpened opened;
  opened.place = host_.place(span);
  opened.name = scope_->name;
  opened.byString = manager.nameOrScope.is(ObjectKind::Text);
  opened.jump = manager.nameOrScope.is(ObjectKind::Scope);
  opened.reuseFalseIgnored = manager.reuseFalse && reuses;
  opened.askedNameScope = askedNameScope;
  opened.nameScope = nameScope;
  trace_->variableScopes.push_back(opened);
}

void ScopeRules::traceAsked(const VariableRequest &request) {
  Trace::VariableAsked asked{host_.place(request.span), request.name, {}};
  bool byNameScope = !open_.empty() && open_.back().manager &&
                     open_.back().manager->type == ManagerObject::NameScope;
  std::string_view current = nameScope(), own = scope_->originalNameScope;
  if (own.ends_with('/')) own.remove_suffix(1);
  // A name_scope entered by the variable scope's own name is its prefix again.
  if (byNameScope && !current.empty() && current != own) asked.ignoredNameScope = current;
  trace_->asked.push_back(asked);
}

/// Rule: when a variable is shared, only shape and dtype are compared. What else is given, in the
/// call or by a scope that gave otherwise when the variable was made, is ignored.
void ScopeRules::traceShared(const VariableObject &found, const VariableRequest &request) {
  Trace::SharedOtherwise shared{host_.place(request.span), found.variable, {}};
  auto compare = [&](std::string_view what, Value given, const Value &byScope, const Value &made,
                     const Value &byScopeThen) {
    if (given.isNone() || given.isPoison()) return;
    bool inherited = given.same(byScope);
    auto differs = [&](const Value &from) {
      // An initializer's name alone stands for one with its defaults.
      if (given.is(ObjectKind::Native) && from.is(ObjectKind::Initializer) && what == "initializer")
        given = host_.call(given, {}, {}, request.span);
      return !given.isPoison() && !sameSetting(given, from);
    };
    if (!differs(made) || (inherited && !differs(byScopeThen))) return;
    shared.what.emplace_back(what);
  };
  compare("initializer", request.initializer, scope_->initializer, found.initializer,
          found.scopeInitializer);
  compare("regularizer", request.regularizer, scope_->regularizer, found.regularizer,
          found.scopeRegularizer);
  if (request.trainableGiven && isTrue(request.trainable) != found.variable->trainable)
    shared.what.emplace_back("trainable");
  compare("constraint", request.constraint, scope_->constraint, found.constraint,
          found.scopeConstraint);
  if (const auto *given = itemsOf(request.collections)) {
    auto keys = [](const std::vector<Value> *items) {
      std::set<std::string_view> all = {"trainable_variables"}; // a matter of `trainable`
      if (!items) all.insert("variables");
      for (size_t i = 0; items && i < items->size(); ++i)
        if (auto *text = (*items)[i].as<TextObject>()) all.insert(text->text);
      return all;
    };
    if (keys(given) != keys(itemsOf(found.collections))) shared.what.emplace_back("collections");
  }
  if (!shared.what.empty()) trace_->sharedOtherwise.push_back(std::move(shared));
}

void ScopeRules::traceCollection(std::string_view scope, const std::vector<Value> &members,
                                 Span span) {
  bool plain = !scope.empty() && std::all_of(scope.begin(), scope.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '/' || c == '-';
  });
  if (!plain || scope.ends_with('/')) return;
  Trace::CollectionAsked asked{host_.place(span), scope, {}};
  for (const auto &member : members) {
    const Variable *variable = nullptr;
    if (auto *one = member.as<VariableObject>()) variable = one->variable;
    if (variable && variable->opName.size() > scope.size() && variable->opName[scope.size()] != '/')
      asked.strays.push_back(variable);
  }
  if (!asked.strays.empty()) trace_->collections.push_back(std::move(asked));
}

} // namespace graphc
