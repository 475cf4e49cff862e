// Signatures of functions, as written in the tables.
#pragma once

#include "ops/op.h"

namespace graphc {

/// The name before the parenthesis.
std::string_view signatureName(std::string_view signature);

/// Fills name and parameters from `def.signature`. False where it can't be read; `why` says
/// what is wrong. Views point into the signature.
bool parseSignature(const FunctionDef &def, Function &into, std::string &why);

/// The default of a parameter that takes no tensor or literal; its lists are made in the arena.
Arg defaultArg(Arena &arena, const FunctionParameter &p);

} // namespace graphc
