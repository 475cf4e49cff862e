// Names in the generated interface: which are allowed, and the link symbols they get.
#pragma once

#include <string>
#include <string_view>

namespace graphc {

/// [A-Za-z_][A-Za-z0-9_]*
bool isIdentifier(std::string_view name);

/// Why `name` can't stand for a function, parameter or type in C and C++ ("is a keyword of C++"),
/// or "" if it can.
std::string identifierProblem(std::string_view name);

/// The same for a model's name, which also names files and must not hide a system header.
std::string modelNameProblem(std::string_view name);

/// Whether `name` is a function of the C library or POSIX that links with every program
/// ("timer_create"), so that no generated function may have it.
bool isLibraryFunction(std::string_view name);

/// The link symbol of the function `MODEL_function`: `MODEL_` and `function` with every `_`
/// written `_1`. What follows the last underscore that is not followed by `1` is the function, so
/// no two models share a symbol (`a` with export `b_c`: `a_b_1c`; `a_b` with export `c`: `a_b_c`).
std::string linkSymbol(std::string_view model, std::string_view function);

} // namespace graphc
