#include "interface/names.h"

#include "interface/reserved_names.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace graphc {

namespace {

template <size_t size>
bool contains(const std::string_view (&list)[size], std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

/// What <stdint.h> defines: INT8_MAX, UINT_FAST16_C, SIZE_MAX, …
bool isLimitMacro(std::string_view name) {
  if (!name.ends_with("_MAX") && !name.ends_with("_MIN") && !name.ends_with("_C") &&
      !name.ends_with("_WIDTH"))
    return false;
  for (std::string_view prefix :
       {"INT", "UINT", "SIZE_", "PTRDIFF_", "SIG_ATOMIC_", "WCHAR_", "WINT_"})
    if (name.starts_with(prefix)) return true;
  return false;
}

bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

} // namespace

bool isIdentifier(std::string_view name) {
  if (name.empty() || !isLetter(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return isLetter(c) || (c >= '0' && c <= '9'); });
}

std::string identifierProblem(std::string_view name) {
  if (!isIdentifier(name)) return "is not an identifier of C";
  if (contains(reserved::keywords, name)) return "is a keyword of C or C++";
  if (contains(reserved::taken, name) || isLimitMacro(name))
    return "is a name that C or C++ already uses";
  if (name.starts_with("__")) return "is reserved for compilers, as every name that begins with __";
  if (name.starts_with("graphrt_") || name.starts_with("GRAPHRT_") || name == "graphrt")
    return "is reserved for the runtime";
  return "";
}

std::string modelNameProblem(std::string_view name) {
  std::string problem = identifierProblem(name);
  if (!problem.empty()) return problem;
  if (contains(reserved::headers, name)) return "is the name of a system header";
  for (std::string_view function : {"create", "share", "load", "save", "destroy", "model"}) {
    std::string generated = std::string(name) + "_" + std::string(function);
    if (isLibraryFunction(generated))
      return "would make a function " + generated + "(), which the C library has";
  }
  return "";
}

bool isLibraryFunction(std::string_view name) { return contains(reserved::libraryFunctions, name); }

std::string linkSymbol(std::string_view model, std::string_view function) {
  std::string symbol(model);
  symbol += '_';
  for (char c : function) {
    symbol += c;
    if (c == '_') symbol += '1';
  }
  return symbol;
}

} // namespace graphc
