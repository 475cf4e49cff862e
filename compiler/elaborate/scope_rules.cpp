#include "elaborate/scope_rules.h"

#include "elaborate/native.h"

#include <algorithm>
#include <fmt/format.h>
#include <re2/re2.h>

namespace graphc {

ScopeRules::ScopeRules(Graph &graph, Heap &heap, ScopeHost &host, Trace *trace)
    : graph_(graph), heap_(heap), host_(host), trace_(trace), names_(heap), opened_(heap) {
  root_ = heap_.make<ScopeObject>();
  scope_ = root_;
}

// Names -----------------------------------------------------------------------------------------

std::optional<std::string_view> ScopeRules::operationName(std::string_view given,
                                                          std::string_view otherwise, Span span) {
  std::string_view name = given.empty() ? otherwise : given;
  // Rule: a name that ends in "/" is the operation's full name as it stands, without the slash.
  bool verbatim = name.ends_with('/');
  if (verbatim) name.remove_suffix(1);
  if (verbatim ? !ScopeNames::isValid(name, true) : !names_.isValidNode(name)) {
    host_
        .error(Code::InvalidName, span,
               fmt::format("'{}' is not a valid name of an operation", name))
        .help = "names hold letters, digits and _ . - /, and begin with a letter, a digit or a dot";
    return std::nullopt;
  }
  if (verbatim) {
    if (!names_.takeVerbatim(name)) {
      host_.error(Code::NameTaken, span, fmt::format("an operation '{}' already exists", name))
          .help = "a name that ends in '/' is taken as it stands: enter a new name_scope for each "
                  "operation";
      return std::nullopt;
    }
    return heap_.copy(name);
  }
  auto full = names_.unique(name, true);
  if (names_.clashesWithVerbatim(full)) {
    host_.error(Code::NameTaken, span, fmt::format("an operation '{}' already exists", full));
    return std::nullopt;
  }
  return full;
}

// Name scopes -----------------------------------------------------------------------------------

namespace {
/// Where a scope is opened, as it stands: in the standard library too, called from `place`.
void traceNameScope(Graph &graph, Trace &trace, std::string_view name, Span span, Place place) {
  if (place.span == span)
    trace.nameScopes.push_back({place, name});
  else
    trace.nameScopes.push_back(
        {{span, graph.arena.make<CallSite>(CallSite{"", place.span, place.caller})}, name});
}
} // namespace

/// Rule: a name is uniquified among its siblings; one that ends in "/" is entered as it stands;
/// "" leaves all name scopes. `bound` is the full name with a trailing "/", "" at the root.
bool ScopeRules::enterNameScope(std::string_view name, Span span, std::string_view &bound) {
  if (name.empty()) {
    names_.setCurrent("");
    bound = "";
    return true;
  }
  if (!ScopeNames::isValid(name, nameScope().empty())) {
    host_.error(Code::InvalidName, span, fmt::format("'{}' is not a valid name of a scope", name))
        .help = "names hold letters, digits and _ . - /; at the root they begin with a letter, a "
                "digit or a dot";
    return false;
  }
  if (name.ends_with('/')) {
    names_.setCurrent(heap_.copy(name.substr(0, name.size() - 1)));
  } else {
    names_.enterUnique(name);
    auto full = nameScope();
    graph_.nameScopes.emplace_back(full);
    if (trace_) traceNameScope(graph_, *trace_, full, span, host_.place(span));
  }
  bound = heap_.joined({nameScope(), "/"});
  return true;
}

bool ScopeRules::enterNameScopeManager(ManagerObject &manager, Span span, Value &bound) {
  const Value &name = manager.nameOrScope.isNone() ? manager.defaultName : manager.nameOrScope;
  std::string_view text;
  if (auto *given = name.as<TextObject>()) {
    text = given->text;
  } else if (!name.isNone()) {
    host_.error(Code::WrongType, span,
                fmt::format("a name scope's name is a str or None, not {}", typeName(name)));
    return false;
  } else if (!manager.values.isNone()) {
    host_.error(Code::NoScopeName, span, "at least one of name and default_name must be given");
    return false;
  }
  OpenScope open{names_.current(), scope_, &manager, {}, 0};
  std::string_view full;
  if (!enterNameScope(text, span, full)) return false;
  open_.push_back(open);
  bound = heap_.ownedText(full);
  return true;
}

// Variable scopes -------------------------------------------------------------------------------

bool ScopeRules::checkVariableScope(ManagerObject &manager, Span span) {
  // Rule: a scope needs a name, an object or a default name.
  if (manager.nameOrScope.isNone() && manager.defaultName.isNone()) {
    host_.error(Code::NoScopeName, span, "variable_scope needs name_or_scope or default_name");
    return false;
  }
  return true;
}

bool ScopeRules::enter(ManagerObject &manager, Span span, Value &bound) {
  return manager.type == ManagerObject::NameScope ? enterNameScopeManager(manager, span, bound)
                                                  : enterVariableScope(manager, span, bound);
}

void ScopeRules::enterNothing() {
  open_.push_back({names_.current(), scope_, nullptr, {}, 0});
  ++openPoisoned_;
}

ScopeRules::Saved ScopeRules::enterRoot() {
  Saved saved{names_.current(), scope_, openPoisoned_};
  names_.setCurrent("");
  scope_ = root_;
  openPoisoned_ = 0;
  return saved;
}

void ScopeRules::leaveRoot(const Saved &saved) {
  names_.setCurrent(saved.names);
  scope_ = saved.scope;
  openPoisoned_ = saved.poisoned;
}

bool ScopeRules::enterVariableScope(ManagerObject &manager, Span span, Value &bound) {
  auto *object = manager.nameOrScope.as<ScopeObject>();
  auto *text = manager.nameOrScope.as<TextObject>();
  auto *byDefault = manager.defaultName.as<TextObject>();
  if (!object && !text && !manager.nameOrScope.isNone()) {
    host_.error(Code::WrongType, span,
                fmt::format("name_or_scope is a str or a variable scope, not {}",
                            typeName(manager.nameOrScope)));
    return false;
  }
  if (!object && !text && !byDefault) {
    host_.error(Code::WrongType, span,
                fmt::format("default_name is a str, not {}", typeName(manager.defaultName)));
    return false;
  }
  // Rule: a scope without a name of its own has made nothing that could be shared.
  if (!object && !text && !manager.entered && !manager.reuse.isNone()) {
    host_.error(Code::ReuseWithoutName, span,
                "reuse=True or AUTO_REUSE cannot be used without a name_or_scope");
    return false;
  }

  OpenScope open{names_.current(), scope_, &manager, {}, 0};

  // Rule: a string opens a name scope of its name, an object none; auxiliary_name_scope says it
  // explicitly. False keeps the current one. The root has no name to open.
  bool auxiliary = manager.pure                 ? false
                   : manager.auxiliary.isNone() ? !object
                                                : manager.auxiliary.asBool();
  std::string_view nameToOpen = byDefault && !text && !object ? byDefault->text
                                : text                        ? text->text
                                                              : "";
  if (object) nameToOpen = object->name.substr(object->name.rfind('/') + 1);
  std::string_view current = nameScope();
  std::string_view originalNameScope = current.empty() ? current : heap_.joined({current, "/"});
  std::string_view asked;
  if (auxiliary) {
    if (trace_ && !nameToOpen.empty()) asked = names_.fullName(nameToOpen);
    // An empty default name leaves all name scopes, as name_scope("") does.
    if (!nameToOpen.empty() || (!object && !text)) {
      if (!enterNameScope(nameToOpen, span, originalNameScope)) return false;
    } else {
      originalNameScope = ""; // variable_scope("") and the root open none
    }
  }
  // Rule: a scope value that is entered again keeps the name scope of its first entry as the
  // original one.
  if (manager.pure) originalNameScope = text->text;
  if (manager.entered) originalNameScope = manager.settledNameScope;
  manager.settledNameScope = originalNameScope;

  bool reuses = !isFalse((object ? object : scope_)->reuse);

  if (object) {
    opened_.count(object->name);
    open.countMark = opened_.mark();
    // Rule: entered again, the same inner scope comes back.
    if (!manager.jump) manager.jump = jumpTo(manager, object);
    scope_ = manager.jump;
  } else {
    std::string_view own = text ? text->text : std::string_view();
    if (!text) {
      // Rule: the first of default_name, default_name_1, … not yet opened in the current scope.
      if (!manager.entered) manager.uniqueName = uniqueScopeName(byDefault->text);
      own = manager.uniqueName;
    }
    bool numbered = !text && own != byDefault->text;
    scope_ = extendScope(manager, own, originalNameScope);
    scope_->numbered = open.oldScope->numbered || numbered;
    opened_.count(scope_->name);
    open.variableScope = scope_->name;
  }
  manager.entered = true;
  open_.push_back(open);
  bound = Value::object(scope_);
  if (trace_) traceScope(manager, reuses, asked, asked.empty() ? "" : nameScope(), span);
  return true;
}

/// Rule: a string extends the current scope's name and inherits what is not given. True and
/// AUTO_REUSE hold for all within, the inner of two winning; None and False inherit. A
/// constraint holds for the scope that it was given to alone.
ScopeObject *ScopeRules::extendScope(ManagerObject &manager, std::string_view name,
                                     std::string_view originalNameScope) {
  auto *made = heap_.make<ScopeObject>();
  made->name = scope_->name.empty() ? heap_.copy(name) : heap_.joined({scope_->name, "/", name});
  made->originalNameScope = originalNameScope;
  if (manager.reuse.isNone()) {
    made->reuse = scope_->reuse;
    // A scope value that inherited reuse once keeps it when it is entered again.
    if (!scope_->reuse.isBool() || scope_->reuse.asBool()) manager.reuse = scope_->reuse;
  } else {
    made->reuse = manager.reuse;
  }
  made->initializer = scope_->initializer;
  made->regularizer = scope_->regularizer;
  made->partitioner = scope_->partitioner;
  made->dtype = scope_->dtype;
  made->customGetter = scope_->customGetter;
  applyGiven(manager, made);
  return made;
}

/// Rule: an object jumps to that scope whatever is open now: its name, reuse and all that it
/// inherited, unless given anew. What is done to the scope opened does not reach the object.
ScopeObject *ScopeRules::jumpTo(ManagerObject &manager, ScopeObject *target) {
  auto *made = heap_.make<ScopeObject>(*target);
  if (!manager.reuse.isNone()) made->reuse = manager.reuse;
  applyGiven(manager, made);
  return made;
}

void ScopeRules::applyGiven(ManagerObject &manager, ScopeObject *scope) {
  if (!manager.initializer.isNone()) scope->initializer = manager.initializer;
  if (!manager.regularizer.isNone()) scope->regularizer = manager.regularizer;
  if (!manager.partitioner.isNone()) scope->partitioner = manager.partitioner;
  if (!manager.dtype.isNone()) scope->dtype = manager.dtype;
  scope->constraint = manager.constraint;
  if (!manager.customGetter.isNone()) {
    // Rule: the inner scope's getter is called first; its `getter` is the outer scope's.
    if (scope->customGetter.isNone()) {
      scope->customGetter = manager.customGetter;
    } else {
      auto *function = heap_.make<NativeObject>();
      function->def = &chainedGetter();
      auto *chain = heap_.make<PartialObject>();
      chain->function = Value::object(function);
      chain->positional = {manager.customGetter, scope->customGetter};
      scope->customGetter = Value::object(chain);
    }
  }
}

void ScopeRules::leave() {
  OpenScope open = open_.back();
  open_.pop_back();
  names_.setCurrent(open.oldNames);
  if (!open.manager) --openPoisoned_;
  if (!open.manager || open.manager->type != ManagerObject::VariableScope) return;
  if (open.manager->nameOrScope.is(ObjectKind::Scope)) {
    // Rule: leaving a jump restores the counts from before it.
    opened_.restore(open.countMark);
  } else {
    // Rule: closing a scope opened by a string forgets the counts of default names within it.
    opened_.forgetWithin(open.variableScope);
  }
  scope_ = open.oldScope;
}

std::string_view ScopeRules::uniqueScopeName(std::string_view name) {
  std::string full =
      scope_->name.empty() ? std::string(name) : fmt::format("{}/{}", scope_->name, name);
  if (!opened_.contains(full)) return heap_.copy(name);
  for (int i = 1;; ++i)
    if (!opened_.contains(fmt::format("{}_{}", full, i)))
      return heap_.copy(fmt::format("{}_{}", name, i));
}

// Collections -----------------------------------------------------------------------------------

void ScopeRules::addToCollection(std::string_view key, const Value &value) {
  for (auto &known : collections_)
    if (known->key == key) {
      known->members.push_back(value);
      return;
    }
  auto made = std::make_unique<Collection>();
  made->key = key;
  made->members.push_back(value);
  collections_.push_back(std::move(made));
}

namespace {

/// The name that a scope is matched against, without the ":0" of variables and tensors; nullopt
/// for members without a name.
std::optional<std::string_view> memberName(const Value &member, int &output) {
  output = -1;
  if (auto *v = member.as<VariableObject>()) return output = 0, v->variable->opName;
  if (auto *t = member.as<TensorObject>())
    return output = int(t->tensor->index), t->tensor->op->name;
  if (auto *o = member.as<OperationObject>()) return o->op->name;
  if (auto *p = member.as<PartitionedObject>()) return p->whole->name;
  if (auto *s = member.as<ScopeObject>()) return s->name;
  return std::nullopt;
}

/// Whether a regular expression is a text that stands for itself and could not reach into ":0".
bool isLiteral(std::string_view expression) {
  return std::all_of(expression.begin(), expression.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '/' || c == '-';
  });
}

} // namespace

std::optional<std::vector<Value>> ScopeRules::collection(std::string_view key,
                                                         std::optional<std::string_view> scope,
                                                         std::string &why) {
  auto found = std::find_if(collections_.begin(), collections_.end(),
                            [&](const auto &known) { return known->key == key; });
  if (found == collections_.end()) return std::vector<Value>();
  Collection &all = **found;
  if (!scope) return all.members;
  std::vector<Value> matching;
  int output;
  // Rule: `scope` is a regular expression matched at the start of the name.
  if (isLiteral(*scope)) {
    // What is made one after the other is often beside one another.
    auto beside = all.byName.end();
    for (; all.indexed < all.members.size(); ++all.indexed)
      if (auto name = memberName(all.members[all.indexed], output))
        beside = all.byName.emplace_hint(beside, *name, all.indexed);
    std::vector<size_t> places;
    for (auto at = all.byName.lower_bound(*scope);
         at != all.byName.end() && at->first.starts_with(*scope); ++at)
      places.push_back(at->second);
    std::sort(places.begin(), places.end());
    for (size_t place : places) matching.push_back(all.members[place]);
    return matching;
  }
  RE2::Options options;
  options.set_log_errors(false);
  RE2 expression(re2::StringPiece(scope->data(), scope->size()), options);
  if (!expression.ok()) {
    why = expression.error();
    return std::nullopt;
  }
  for (const auto &member : all.members) {
    auto name = memberName(member, output);
    if (!name) continue;
    std::string whole(*name);
    if (output >= 0) whole += fmt::format(":{}", output);
    if (expression.Match(whole, 0, whole.size(), RE2::ANCHOR_START, nullptr, 0))
      matching.push_back(member);
  }
  return matching;
}

} // namespace graphc
