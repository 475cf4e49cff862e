// What happened while a definition was run, for those who look at it afterwards (the lint):
// which scopes were opened, who asked for which variable. Nothing is recorded unless
// `ElaborateOptions::trace` is set. Names live as long as the graph, statements and symbols as
// long as `Elaborated::workspace`.
#pragma once

#include "graph/graph.h"
#include "syntax/ast.h"

#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace graphc {

struct Trace {
  struct NameScopeOpened {
    Place place;
    std::string_view name; // full, as it was given
  };
  std::vector<NameScopeOpened> nameScopes; // those of variable scopes too

  struct VariableScopeOpened {
    Place place;
    std::string_view name;                      // full
    bool byString = false;                      // not by an object, not by default_name
    bool reuseFalseIgnored = false;             // reuse=False was given where reuse is inherited
    bool jump = false;                          // by an object
    std::string_view askedNameScope, nameScope; // full; equal, or numbered; empty: none opened
  };
  std::vector<VariableScopeOpened> variableScopes;

  /// A call of get_variable.
  struct VariableAsked {
    Place place;
    std::string_view name;             // the whole key
    std::string_view ignoredNameScope; // of an innermost name_scope that plays no part; or empty
  };
  std::vector<VariableAsked> asked;

  /// A variable that get_variable made.
  struct VariableMade {
    const Variable *variable = nullptr;
    bool autoReuse = false;     // under AUTO_REUSE
    bool numberedScope = false; // under a default_name that received a number
  };
  std::vector<VariableMade> made;

  /// A variable that Variable() made.
  struct PlainVariableMade {
    const Variable *variable = nullptr;
    std::string_view asked; // full name that `name=` asked for; empty: none was given
    bool underReuse = false;
  };
  std::vector<PlainVariableMade> plain;

  /// A variable shared, with something asked for that differs from what made it.
  struct SharedOtherwise {
    Place place;
    const Variable *variable = nullptr;
    std::vector<std::string> what; // "initializer", "trainable", …
  };
  std::vector<SharedOtherwise> sharedOtherwise;

  /// trainable_variables(scope="D") and the like, D being literal text without a slash at its end.
  struct CollectionAsked {
    Place place;
    std::string_view scope;
    std::vector<const Variable *> strays; // whose names go on without a slash
  };
  std::vector<CollectionAsked> collections;

  /// A cross-entropy that takes logits.
  struct CrossEntropy {
    Place place;
    std::string_view function;
    const Tensor *logits = nullptr;
  };
  std::vector<CrossEntropy> crossEntropies;

  /// `tf.nn.relu` where `relu` means the same.
  struct PlainSpelling {
    Span span;
    std::string_view name;
  };
  std::vector<PlainSpelling> plainSpellings;

  // The text.
  std::unordered_set<FileId> standardFiles; // of the standard library
  const Symbols *symbols = nullptr;
  std::vector<const Module *> modules;  // every file that was run, the definition first
  std::unordered_set<const Stmt *> ran; // at least once
  std::unordered_set<const Operation *> differentiated; // the ys of gradients
  std::unordered_set<Symbol> libraryNames; // bound in some file, and names of the library
  std::set<std::pair<std::string, std::string>> namesRead; // of imported files: (path, name)
};

} // namespace graphc
