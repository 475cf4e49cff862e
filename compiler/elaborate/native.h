// Functions of this room that definitions call: print, get_variable, list.append, … Each is a
// signature, as Python would write it, and a C++ function.
#pragma once

#include "elaborate/value.h"

#include <span>

namespace graphc {

/// The arguments of one call, as they were given; they are the caller's.
struct CallArgs {
  std::span<const Value> positional;
  std::span<const Keyword> keywords;
};

/// One call of a native function: its bound arguments and where it stands.
struct NativeCall {
  Interpreter &interpreter;
  const NativeDef &def;
  Span span;
  std::span<Value> args;             // one for each parameter, defaults filled in
  std::span<const Value> rest;       // of *args
  std::span<const Keyword> keywords; // of **kwargs

  const Value &operator[](size_t i) const { return args[i]; }
};

using NativeFn = Value (*)(NativeCall &);

/// Reports E0104 at the call; the value of a call in error.
Value wrongType(NativeCall &c, std::string message, std::string help = "");
/// Whether an argument is in error, so that nothing more is to be said.
bool anyPoison(const NativeCall &c);

/// `signature`: "name(a, b=None, *args, c=1, **kwargs)". Defaults: None, True, False, numbers,
/// 'text'. A parameter of `unset` default is written `a=<unset>` and comes as an unset value
/// where it is not given.
struct NativeDef {
  std::string_view signature;
  NativeFn function;
  std::string_view name() const { return signature.substr(0, signature.find('(')); }
};

struct NativeParameter {
  std::string_view name;
  Symbol symbol;
  bool required = false;
  Value defaultValue;
};

struct NativeSignature {
  std::vector<NativeParameter> parameters;
  size_t positional = 0; // how many may be given by position
  bool hasRest = false, hasKeywords = false;
};

/// What custom getters get as `getter`, behind whether a dtype was given.
const NativeDef &trueGetter();
/// A scope's custom getter within another's: behind the inner and the outer one.
const NativeDef &chainedGetter();

// The tables, one for each file of functions.
std::span<const NativeDef> pythonBuiltins();   // print, len, range, …
std::span<const NativeDef> scopeFunctions();   // variable_scope, get_variable, …
std::span<const NativeDef> settingFunctions(); // initializers, regularizers, partitioners
std::span<const NativeDef> graphFunctions();   // assign, group, dim, cond, …
std::span<const NativeDef> gradientFunctions();
std::span<const NativeDef> recordFunctions(); // what the standard library's cells are made of
std::span<const NativeDef> loopFunctions();   // what its loops are made of
std::span<const NativeDef> trainFunctions();  // optimizers, global_step, clipping, losses
std::span<const NativeDef> textMethods();
std::span<const NativeDef> listMethods();   // lists, tuples and dicts: "list.append", …
std::span<const NativeDef> objectMethods(); // "Variable.assign", "VariableScope.reuse_variables", …
std::span<const NativeDef> trainMethods();  // "Optimizer.minimize", …

} // namespace graphc
