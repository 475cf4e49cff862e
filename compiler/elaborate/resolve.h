// Name resolution, before anything runs: every name is given its place, or is E0101.
#pragma once

#include "source/diagnostics.h"
#include "syntax/ast.h"

#include <functional>
#include <memory>
#include <tsl/robin_map.h>
#include <vector>

namespace graphc {

/// What is known of the names of a file, a function, a lambda or a comprehension.
struct FunctionInfo {
  FunctionInfo *parent = nullptr;
  std::vector<Symbol> names; // by slot
  tsl::robin_map<Symbol, uint32_t> slots;
  bool hasInner = false; // a def or lambda within may outlive the call
  bool comprehension = false;
};

/// NameExpr::depth of names that are no variables of the definition.
constexpr uint32_t builtinDepth = ~0u - 1;
constexpr uint32_t undefinedDepth = ~0u;

/// Knows the names of the library.
class Library {
public:
  virtual ~Library() = default;
  virtual bool has(Symbol name) = 0;
  virtual std::vector<std::string_view> names() = 0;
  /// Why a name is not part of a definition and what to write instead (E0109); empty: nothing
  /// known.
  virtual std::string_view notHere(std::string_view name) = 0;
  /// The same and more for `tf.a.b`: false after an error was reported for the last of `path`.
  virtual bool checkNamespacePath(const std::vector<std::string_view> &path, Span span) = 0;
};

/// Resolves a file. The tables live as long as `infos`. Returns the file's own.
FunctionInfo *resolve(const Module &module, const Symbols &symbols, Library &library,
                      Diagnostics &diagnostics, std::vector<std::unique_ptr<FunctionInfo>> &infos);

/// Calls `visit` with the slot of every name that a statement binds in its own function.
void forEachBoundName(const Stmt &stmt, const std::function<void(uint32_t slot)> &visit);

} // namespace graphc
