// What the library says of its own names.
#include "elaborate/native.h"
#include "lsp/analysis.h"
#include "ops/op.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

namespace {

constexpr std::span<const NativeDef> (*tables[])() = {
    pythonBuiltins, scopeFunctions, settingFunctions, graphFunctions, gradientFunctions};

const NativeDef *findNative(std::string_view name) {
  for (auto *table : tables)
    for (const NativeDef &def : table())
      if (def.name() == name) return &def;
  return nullptr;
}

} // namespace

std::string libraryDoc(std::string_view name) {
  if (const Function *function = findFunction(name))
    return fmt::format("```python\n{}\n```\n\n{}", function->def->signature, function->def->doc);
  if (const NativeDef *native = findNative(name))
    return fmt::format("```python\n{}\n```", native->signature);
  return "";
}

std::vector<std::string_view> libraryNames() {
  std::vector<std::string_view> names;
  for (const Function *function : allFunctions())
    if (!function->name.starts_with("__")) names.push_back(function->name);
  for (auto *table : tables)
    for (const NativeDef &def : table()) names.push_back(def.name());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<std::string> libraryParameters(std::string_view name) {
  std::vector<std::string> names;
  if (const Function *function = findFunction(name)) {
    for (const FunctionParameter &p : function->parameters) names.emplace_back(p.name);
    if (std::find(names.begin(), names.end(), "name") == names.end()) names.emplace_back("name");
  } else if (const NativeDef *native = findNative(name)) {
    std::string_view rest = native->signature.substr(native->name().size() + 1);
    while (!rest.empty()) {
      size_t end = std::min(rest.find_first_of(",)"), rest.size());
      std::string_view one = rest.substr(0, end);
      rest.remove_prefix(std::min(rest.size(), end + 1));
      while (one.starts_with(' ')) one.remove_prefix(1);
      one = one.substr(0, one.find('='));
      if (!one.empty() && !one.starts_with('*')) names.emplace_back(one);
    }
  }
  return names;
}

} // namespace graphc
