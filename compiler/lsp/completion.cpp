// What can be written at a place.
#include "lsp/answers.h"
#include "syntax/keywords.h"

#include <algorithm>
#include <set>

namespace graphc {

namespace {

// The protocol's kinds of items.
enum Kind { Function = 3, Variable = 6, File = 9, Property = 10, Keyword = 14 };

// Words of Python that a definition has (the others are errors).
constexpr std::string_view statementWords[] = {
    "None",  "True",     "False",  "and",    "or",   "not",   "in",     "is",     "if",
    "elif",  "else",     "for",    "with",   "as",   "def",   "return", "lambda", "pass",
    "break", "continue", "assert", "import", "from", "param", "export",
};

bool isWord(char c) { return std::isalnum(uint8_t(c)) || c == '_' || (c & 0x80); }

class Completion {
public:
  Completion(const Analysis &analysis, uint32_t offset)
      : analysis_(analysis), text_(analysis.file().text().substr(0, offset)), offset_(offset) {}

  Json run() {
    size_t begin = text_.size();
    while (begin > 0 && isWord(text_[begin - 1])) --begin;
    if (begin > 0 && text_[begin - 1] == '.') {
      members(begin - 1);
    } else {
      parameters(begin);
      for (const Occurrence *o : analysis_.names().visible(offset_))
        if (o->begin > offset_ || o->end < offset_) add(analysis_.text(o->name), kindOf(*o));
      for (std::string_view name : libraryNames()) add(name, Function);
      for (std::string_view word : statementWords) add(word, Keyword);
    }
    return std::move(items_);
  }

private:
  void add(std::string_view label, Kind kind) {
    if (!seen_.emplace(label).second) return;
    items_.push_back({{"label", label}, {"kind", int(kind)}});
  }

  static Kind kindOf(const Occurrence &o) {
    if (!o.stmt) return Variable;
    return o.stmt->kind == StmtKind::Def && o.stmt->as<DefStmt>()->name.begin == o.begin ? Function
           : o.stmt->kind == StmtKind::Import                                            ? File
                                                                                         : Variable;
  }

  /// Behind `root.`: what an imported file binds, else what the library has.
  void members(size_t dot) {
    size_t begin = dot;
    while (begin > 0 && (isWord(text_[begin - 1]) || text_[begin - 1] == '.')) --begin;
    std::string_view root = text_.substr(begin, dot - begin);
    for (const Occurrence *o : analysis_.names().visible(offset_)) {
      if (analysis_.text(o->name) != root) continue;
      const auto *import = o->stmt ? o->stmt->dynAs<ImportStmt>() : nullptr;
      const Module *module = import ? analysis_.imported(import->source) : nullptr;
      if (module) {
        Occurrences names(*module);
        for (const Occurrence *member : names.visible(UINT32_MAX))
          if (!analysis_.text(member->name).starts_with('_'))
            add(analysis_.text(member->name), kindOf(*member));
      } else {
        for (std::string_view member : {"name", "op", "shape", "dtype"}) add(member, Property);
      }
      return;
    }
    for (std::string_view name : libraryNames()) add(name, Function);
  }

  /// `f(…, |`: what the function takes by keyword. The text may not parse just now, so that the
  /// call is found by its brackets.
  void parameters(size_t at) {
    uint32_t depth = 0;
    while (at > 0) {
      char c = text_[--at];
      if (c == ')' || c == ']' || c == '}') ++depth;
      if (c == '\n' && depth == 0 && blankLineBefore(at)) return;
      if (c != '(' && c != '[' && c != '{') continue;
      if (depth-- > 0) continue;
      if (c != '(') return;
      size_t end = at, begin = at;
      while (begin > 0 && isWord(text_[begin - 1])) --begin;
      std::string_view callee = text_.substr(begin, end - begin);
      for (const Occurrence *o : analysis_.names().visible(offset_)) {
        const auto *def = o->stmt ? o->stmt->dynAs<DefStmt>() : nullptr;
        if (!def || analysis_.text(o->name) != callee || def->name.begin != o->begin) continue;
        for (const Parameter &p : def->parameters)
          if (p.kind == ParameterKind::Normal || p.kind == ParameterKind::KeywordOnly)
            add(std::string(analysis_.text(p.name.name)) + "=", Property);
        return;
      }
      for (const std::string &name : libraryParameters(callee)) add(name + "=", Property);
      return;
    }
  }

  bool blankLineBefore(size_t newline) const { return newline > 0 && text_[newline - 1] == '\n'; }

  const Analysis &analysis_;
  std::string_view text_;
  uint32_t offset_;
  Json items_ = Json::array();
  std::set<std::string, std::less<>> seen_;
};

} // namespace

Json completion(const Analysis &analysis, uint32_t offset) {
  return Completion(analysis, offset).run();
}

} // namespace graphc
