// TensorFlow 1.15's rules of naming and sharing, checked while a definition is run. Every scope
// that opens or closes, every name that is taken and every variable that is made or asked for
// goes through here, and errors E02xx are raised nowhere else.
//
// Files: scope_names (unique names), scope_counts (default names of scopes), scope_rules (variable
// and name scopes, collections), variable_store (get_variable, Variable), partitions (partitioned
// variables).
#pragma once

#include "elaborate/scope_counts.h"
#include "elaborate/scope_names.h"
#include "elaborate/trace.h"
#include "elaborate/value.h"
#include "source/diagnostics.h"

#include <map>
#include <optional>
#include <tsl/robin_map.h>
#include <unordered_map>
#include <unordered_set>

namespace graphc {

/// A shape as asked for: what is not known is nullopt.
using AskedShape = std::vector<std::optional<int64_t>>;

/// What the rules need of who runs the definition.
class ScopeHost {
public:
  virtual ~ScopeHost() = default;
  /// An error at the current call; notes of the calls that led there are added.
  virtual Diagnostic &error(Code code, Span span, std::string message) = 0;
  /// Calls a function of the user's or of the library. Poison after an error.
  virtual Value call(const Value &function, const std::vector<Value> &positional,
                     const std::vector<std::pair<std::string_view, Value>> &keywords,
                     Span span) = 0;
  /// What an initializer of the library gives. `whole`: the shape of the partitioned variable whose
  /// part is made. Poison after an error.
  virtual Value initialValueOf(const InitializerObject &initializer, const std::vector<Dim> &shape,
                               DType dtype, Span span, const std::vector<Dim> *whole) = 0;
  /// Whether a function has a parameter of that name (or takes any keyword).
  virtual bool takesKeyword(const Value &function, std::string_view name) = 0;
  /// Whether all its parameters have defaults.
  virtual bool takesNothing(const Value &function) = 0;
  /// A tensor of `value`: a tensor, variable, number or list. `wanted` Invalid: its own dtype.
  /// Null after an error: E0204 where a literal can't be held by `wanted`.
  virtual Tensor *toTensor(const Value &value, DType wanted, Span span) = 0;
  /// A slice of a tensor, of constant size.
  virtual Tensor *slice(Tensor *tensor, const std::vector<int64_t> &begin,
                        const std::vector<int64_t> &size, Span span) = 0;
  /// nullopt after an error (E0104).
  virtual std::optional<AskedShape> toShape(const Value &value, Span span) = 0;
  /// Where what is made at `span` stands for the user: within the standard library, at the
  /// definition's own call.
  virtual Place place(Span span) = 0;
};

/// A request for a variable as get_variable makes it, scopes' defaults filled in on the way.
struct VariableRequest {
  std::string_view name;
  Value shape;                  // None: not given
  DType dtype = DType::Invalid; // Invalid: not given
  bool explicitDType = false;   // in the call itself
  Value initializer, regularizer, partitioner, constraint, customGetter, collections;
  Value reuse; // False, True, AUTO_REUSE; None: either way
  Value trainable = Value::boolean(true);
  bool trainableGiven = false;
  bool validateShape = true;
  Span span;
  // Of a part of a partitioned variable.
  const std::vector<int64_t> *fullShape = nullptr;
  const std::vector<int64_t> *offset = nullptr;
};

class ScopeRules {
public:
  ScopeRules(Graph &graph, Heap &heap, ScopeHost &host, Trace *trace = nullptr);

  // -- Names of operations
  /// The full name for an operation whose `name=` is `given` (empty: none). Nullopt after E0207
  /// or E0212.
  std::optional<std::string_view> operationName(std::string_view given, std::string_view otherwise,
                                                Span span);
  std::string_view nameScope() const { return names_.current().text(); }
  /// A name in the current name scope as it would be if nobody had taken it.
  std::string_view fullName(std::string_view name) const { return names_.fullName(name); }

  // -- Scopes
  /// Checks of a variable_scope(...) call that need no entering (E0209).
  bool checkVariableScope(ManagerObject &manager, Span span);
  /// Enters a name_scope or variable_scope. `bound` gets what `as` binds. False after an error;
  /// then nothing was opened. Every successful enter is followed by a leave.
  bool enter(ManagerObject &manager, Span span, Value &bound);
  void leave();
  ScopeObject *currentScope() const { return scope_; }
  /// For the time of an imported file: root scopes, whatever is open here.
  struct Saved {
    ScopeNames::Scope names;
    ScopeObject *scope;
    int poisoned;
  };
  Saved enterRoot();
  void leaveRoot(const Saved &saved);
  /// A scope opened for a poisoned `with`: nothing changes until it is left.
  void enterNothing();

  // -- Variables
  /// get_variable(...) in the current scope.
  Value getVariable(VariableRequest request);
  /// The true getter, as custom getters call it: `name` is the whole key.
  Value getVariableByKey(VariableRequest request);
  /// Variable(...)
  Value makeVariable(const Value &initial, DType dtype, std::string_view name, bool trainable,
                     const Value &collections, bool validateShape, Span span);
  /// A variable that serves another one, or an optimizer: not trainable. `initializer` names what
  /// `initial` is.
  Value makeSlot(std::string_view name, Tensor *initial, std::string_view initializer,
                 Variable::Kind kind, Span span);
  /// The slots of all parts of a partitioned variable become one in checkpoints: NAME/SLOT.
  void joinSlots(const PartitionedVariable &whole, const std::vector<Variable *> &slots);
  const std::vector<VariableObject *> &variables() const { return made_; }

  // -- Templates
  /// Between these, a trainable variable that is made is E0211.
  void beginLaterTemplateCall() { ++laterTemplateCalls_; }
  void endLaterTemplateCall() { --laterTemplateCalls_; }
  /// The first of `name`, `name_1`, … not yet opened in the current scope.
  std::string_view uniqueScopeName(std::string_view name);

  // -- Collections
  void addToCollection(std::string_view key, const Value &value);
  /// Members in order of their adding; with `scope`, those whose name matches it at its start.
  /// Nullopt: it is no regular expression (`why` says so).
  std::optional<std::vector<Value>>
  collection(std::string_view key, std::optional<std::string_view> scope, std::string &why);
  struct Collection {
    std::string key;
    std::vector<Value> members;
    // Members by name, so that those of a scope are found without looking at all; made up to
    // `indexed` when it is first asked for.
    std::multimap<std::string_view, size_t> byName;
    size_t indexed = 0;
  };
  const std::vector<std::unique_ptr<Collection>> &collections() const { return collections_; }
  /// Records that a collection was asked for with a scope, where there is a trace alone.
  void traceCollection(std::string_view scope, const std::vector<Value> &members, Span span);

  /// Something in error may have made variables or scopes that are now missing: what is not
  /// there is no longer reported.
  void expectGaps() { gaps_ = true; }
  bool hasGaps() const { return gaps_; }

  /// Sets the name scope for the time of a call that TensorFlow makes elsewhere in the graph.
  class NameScopeSwitch {
  public:
    NameScopeSwitch(ScopeRules &rules, std::string_view to)
        : rules_(rules), old_(rules.names_.current()) {
      rules_.names_.setCurrent(to);
    }
    ~NameScopeSwitch() { rules_.names_.setCurrent(old_); }
    NameScopeSwitch(const NameScopeSwitch &) = delete;

  private:
    ScopeRules &rules_;
    ScopeNames::Scope old_;
  };

private:
  struct OpenScope {
    ScopeNames::Scope oldNames;
    ScopeObject *oldScope;
    ManagerObject *manager;         // null: nothing was opened
    std::string_view variableScope; // to close the counts of
    size_t countMark = 0;           // of a jump
  };

  bool enterNameScope(std::string_view name, Span span, std::string_view &bound);
  bool enterNameScopeManager(ManagerObject &manager, Span span, Value &bound);
  bool enterVariableScope(ManagerObject &manager, Span span, Value &bound);
  ScopeObject *extendScope(ManagerObject &manager, std::string_view name,
                           std::string_view originalNameScope);
  ScopeObject *jumpTo(ManagerObject &manager, ScopeObject *target);
  void applyGiven(ManagerObject &manager, ScopeObject *scope);

  Value getSingle(VariableRequest &request);
  Value getPartitioned(VariableRequest &request);
  Value share(VariableObject *found, const VariableRequest &request, const AskedShape *shape);
  Value create(VariableRequest &request, const AskedShape *shape);
  Value callInitializer(const Value &initializer, const VariableRequest &request,
                        const AskedShape *shape, DType dtype);
  Tensor *initialValueOf(VariableRequest &request, const AskedShape *shape,
                         std::string_view opName);
  /// E0207 unless the name is valid.
  bool checkVariableName(std::string_view name, Span span, bool valid);
  /// A variable's name in the graph, numbered where it is taken, whatever scopes are open.
  std::string_view uniqueAtRoot(std::string_view name);
  /// A variable of the value's dtype and shape; not yet in a collection.
  VariableObject *newVariable(std::string_view name, std::string_view opName, Tensor *value,
                              Variable::Kind kind, Span span);
  bool registerVariable(VariableObject *made, const Value &collections);
  Value poisoned(const VariableRequest &request);
  bool initializerIsValue(const Value &initializer) const;
  void existsError(const VariableRequest &request, const Variable *first);
  void missingError(const VariableRequest &request);

  // Records for the lint; called where there is a trace alone.
  void traceScope(const ManagerObject &manager, bool reuses, std::string_view askedNameScope,
                  std::string_view nameScope, Span span);
  void traceAsked(const VariableRequest &request);
  void traceShared(const VariableObject &found, const VariableRequest &request);

  Graph &graph_;
  Heap &heap_;
  ScopeHost &host_;
  Trace *trace_;
  ScopeNames names_;
  ScopeObject *root_;
  ScopeObject *scope_;
  std::vector<OpenScope> open_;

  ScopeCounts opened_;
  int openPoisoned_ = 0; // scopes in error: names within them are not known

  tsl::robin_map<std::string_view, VariableObject *> store_;
  std::unordered_map<std::string_view, VariableObject *> firstParts_; // of NAME/part_0, by NAME
  std::unordered_map<std::string_view, PartitionedObject *> partitioned_;
  std::unordered_set<std::string_view> poisonedKeys_;
  std::vector<VariableObject *> made_;
  std::vector<std::unique_ptr<Collection>> collections_; // in order of their first member
  int laterTemplateCalls_ = 0;
  bool gaps_ = false;
};

} // namespace graphc
