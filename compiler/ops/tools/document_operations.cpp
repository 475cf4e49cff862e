// Writes docs/operations.md from the tables, or checks that it is what they say:
//
//   document_operations FILE           writes it
//   document_operations --check FILE   exit status 1 if it is not current
#include "ops/signature.h"
#include "ops/tables.h"

#include <cstdio>
#include <fmt/format.h>
#include <string>

using namespace graphc;

namespace {

constexpr std::string_view introduction = R"(# Operations

<!-- Written by document_operations from the tables in compiler/ops. Don't edit. -->

Functions and operators that make operations, grouped by what they do. Signatures, defaults and
results are TensorFlow 1.15's.

Each parameter is followed by what it takes:

| kind | what is given |
| --- | --- |
| `T` | a tensor, variable or number. Parameters of the same letter have one dtype, which numbers take |
| `tensor` | a tensor, variable or number of any dtype; numbers are int32, float32 or bool |
| `float32`, … | a tensor of that dtype |
| `[T]`, `[tensor]` | a list of such tensors |
| `int`, `float`, `bool`, `str`, `dtype` | a value known at compile time |
| `ints` | a list of ints, or one int |
| `shape` | dimensions: ints, run-time dimensions, -1 where one is to be found; or an integer tensor whose contents are known as such |
| `literal` | a number or a nested list of numbers |
| `padding` | a str or a nested list of ints |
| `any` | accepted and ignored |

With a `?` it may be None. What stands after a `*` is given by name only; `*xs` takes all further arguments. Every function takes
`name`. Shapes that don't fit are E0301, dtypes E0302, other arguments out of range E0303; what is
known at run time only is checked then.
)";

bool isOperator(std::string_view name) { return name.starts_with("__"); }

/// "x + y" for "__add__": what its documentation shows first.
std::string_view operatorText(const FunctionDef &def) {
  auto from = def.doc.find('`');
  if (from == std::string_view::npos) return signatureName(def.signature);
  auto rest = def.doc.substr(from + 1);
  return rest.substr(0, rest.find('`'));
}

std::string_view title(const FunctionDef &def) {
  auto name = signatureName(def.signature);
  return isOperator(name) ? operatorText(def) : name;
}

/// The signature with `name`, broken between parameters where it is long.
std::string signature(const FunctionDef &def) {
  Function function;
  std::string why;
  if (!parseSignature(def, function, why)) return std::string(def.signature);
  std::string_view text = def.signature;
  text = text.substr(0, text.rfind(')'));
  std::string all(text);
  bool listed = false;
  for (const auto &parameter : function.parameters) listed |= parameter.name == "name";
  if (!listed) all += function.parameters.empty() ? "name: str? = None" : ", name: str? = None";
  all += ")";
  // Breaks stand before the last parameter that still fits, indented under the first one.
  std::string lines;
  size_t indent = all.find('(') + 1, column = 0, word = 0;
  int depth = 0;
  char quote = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (quote ? all[i] == quote : all[i] == '"') quote = quote ? 0 : '"';
    if (!quote && all[i] == '[') ++depth;
    if (!quote && all[i] == ']') --depth;
    bool ends = i + 1 == all.size() || (all[i] == ',' && depth == 0 && !quote);
    if (!ends) continue;
    auto piece = all.substr(word, i + 1 - word);
    word = i + 1;
    if (column + piece.size() > 96) {
      lines += "\n" + std::string(indent, ' ');
      column = indent;
      if (piece[0] == ' ') piece.erase(0, 1);
    }
    lines += piece;
    column += piece.size();
  }
  return lines;
}

std::string aliases(const FunctionDef &def) {
  std::string text;
  for (auto rest = def.aliases; !rest.empty();) {
    auto end = std::min(rest.find(' '), rest.size());
    auto name = rest.substr(0, end);
    if (!name.empty() && !isOperator(name))
      text += fmt::format("{}`{}`", text.empty() ? "" : ", ", name);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return text;
}

std::string entry(const FunctionDef &def) {
  auto name = title(def);
  std::string text = fmt::format("\n### `{}`\n\n", name);
  if (!isOperator(signatureName(def.signature)))
    text += fmt::format("```\n{}\n```\n\n", signature(def));
  // A line of the documentation is a paragraph.
  for (auto rest = def.doc; !rest.empty();) {
    auto end = std::min(rest.find('\n'), rest.size());
    text += fmt::format("{}\n\n", rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  text += fmt::format("Makes `{}`, named `{}`.", def.op, def.defaultName);
  if (auto others = aliases(def); !others.empty()) text += fmt::format(" Also: {}.", others);
  return text + "\n";
}

std::string document() {
  std::string text(introduction);
  for (const auto &table : operationTables()) {
    if (table.functions().empty()) continue;
    text += fmt::format("\n## {}\n", table.title);
    for (const auto &function : table.functions()) text += entry(function);
  }
  return text;
}

} // namespace

int main(int argc, char **argv) {
  bool check = argc == 3 && std::string_view(argv[1]) == "--check";
  if (argc != 2 && !check) {
    std::fprintf(stderr, "usage: document_operations [--check] FILE\n");
    return 2;
  }
  const char *path = argv[argc - 1];
  std::string text = document(), why;
  if (check) {
    auto now = readFile(path, why);
    if (now == text) return 0;
    std::fprintf(stderr, "%s is not what the tables say: run\n  %s %s\n", path, argv[0], path);
    return 1;
  }
  std::FILE *file = std::fopen(path, "wb");
  bool written = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (file && std::fclose(file) != 0) written = false;
  if (!written) std::perror(path);
  return written ? 0 : 2;
}
