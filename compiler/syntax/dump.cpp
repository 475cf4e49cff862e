#include "syntax/dump.h"

#include <fmt/format.h>

namespace graphc {

namespace {

constexpr const char *binaryNames[] = {"+", "-", "*", "/", "//", "%", "**",
                                       "@", "&", "|", "^", "<<", ">>"};
constexpr const char *compareNames[] = {"==", "!=", "<",      "<=", ">",
                                        ">=", "is", "is not", "in", "not in"};
constexpr const char *unaryNames[] = {"+", "-", "not", "~"};

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\')
      out += {'\\', char(c)};
    else if (c == '\n')
      out += "\\n";
    else if (c < 0x20 || c == 0x7F)
      out += fmt::format("\\x{:02x}", c);
    else
      out += char(c);
  }
  return out + '"';
}

class Dumper {
public:
  Dumper(const Symbols &symbols, DumpOptions options) : symbols_(symbols), options_(options) {}

  std::string out;

  void block(Block body) {
    for (const Stmt *statement : body) this->statement(*statement);
  }

private:
  template <class Node>
  void line(const Node &node, std::string text) {
    write(std::move(text), node.begin, node.end);
  }
  void write(std::string text, uint32_t begin, uint32_t end) {
    out.append(indent_ * 2, ' ');
    out += text;
    if (options_.spans) out += fmt::format(" @{}-{}", begin, end);
    out += '\n';
  }
  void word(const char *text) {
    out.append(indent_ * 2, ' ');
    out += text;
    out += '\n';
  }
  std::string name(const Identifier &id) {
    std::string text(symbols_.text(id.name));
    return options_.spans ? fmt::format("{}@{}-{}", text, id.begin, id.end) : text;
  }
  /// A child under a word of its own, if it is there.
  void part(const char *what, const Expr *expr) {
    if (!expr) return;
    word(what);
    ++indent_;
    this->expr(*expr);
    --indent_;
  }
  void children(ExprList items) {
    ++indent_;
    for (const Expr *item : items) expr(*item);
    --indent_;
  }
  void body(Block statements) {
    ++indent_;
    block(statements);
    --indent_;
  }
  template <class Operators, class Names>
  std::string operators(const Operators &list, const Names &names) {
    std::string text;
    for (auto &one : list) {
      text += fmt::format(" {}", names[size_t(one.op)]);
      if (options_.spans) text += fmt::format("@{}-{}", one.begin, one.end);
    }
    return text;
  }
  void source(const ImportSource &source) {
    std::string text;
    for (const Identifier &id : source.dotted) text += (text.empty() ? "" : ".") + name(id);
    write(source.isFile ? "file " + quoted(source.path) : "python " + text, source.begin,
          source.end);
  }

  void parameters(List<Parameter> list) {
    static constexpr const char *kinds[] = {"parameter", "*parameter", "keyword-only parameter",
                                            "**parameter"};
    for (const Parameter &parameter : list) {
      write(fmt::format("{} {}", kinds[size_t(parameter.kind)], symbols_.text(parameter.name.name)),
            parameter.name.begin, parameter.name.end);
      if (!parameter.defaultValue) continue;
      ++indent_;
      expr(*parameter.defaultValue);
      --indent_;
    }
  }

  void parts(List<FStringPart> list) {
    ++indent_;
    for (const FStringPart &part : list) {
      if (!part.value) {
        write("text " + quoted(part.text), part.begin, part.end);
        continue;
      }
      write(part.conversion ? fmt::format("field !{}", part.conversion) : "field", part.begin,
            part.end);
      ++indent_;
      expr(*part.value);
      if (part.hasFormat) {
        word("format");
        parts(part.format);
      }
      --indent_;
    }
    --indent_;
  }

  void arguments(const CallExpr &call) {
    static constexpr const char *kinds[] = {"argument", "keyword", "*argument", "**argument"};
    for (const Argument &argument : call.arguments) {
      std::string text = kinds[size_t(argument.kind)];
      if (argument.keyword) text += " " + name(argument.keyword);
      write(std::move(text), argument.begin, argument.end);
      ++indent_;
      expr(*argument.value);
      --indent_;
    }
  }

  void expr(const Expr &e) {
    switch (e.kind) {
    case ExprKind::None:
      return line(e, "None");
    case ExprKind::Bool:
      return line(e, e.as<BoolExpr>()->value ? "True" : "False");
    case ExprKind::Int:
      return line(e, fmt::format("Int {}", e.as<IntExpr>()->value));
    case ExprKind::Float:
      return line(e, fmt::format("Float {}", e.as<FloatExpr>()->value));
    case ExprKind::String:
      return line(e, "String " + quoted(e.as<StringExpr>()->value));
    case ExprKind::FString:
      line(e, "FString");
      return parts(e.as<FStringExpr>()->parts);
    case ExprKind::Ellipsis:
      return line(e, "Ellipsis");
    case ExprKind::Name:
      return line(e, fmt::format("Name {}", symbols_.text(e.as<NameExpr>()->name)));
    case ExprKind::List:
      line(e, "List");
      return children(e.as<ListExpr>()->items);
    case ExprKind::Tuple:
      line(e, "Tuple");
      return children(e.as<TupleExpr>()->items);
    case ExprKind::Dict:
      line(e, "Dict");
      ++indent_;
      for (const DictEntry &entry : e.as<DictExpr>()->entries) {
        part("key", entry.key);
        part("value", entry.value);
      }
      --indent_;
      return;
    case ExprKind::Comprehension: {
      auto &comprehension = *e.as<ComprehensionExpr>();
      line(e, comprehension.generator ? "Generator" : "Comprehension");
      ++indent_;
      expr(*comprehension.element);
      for (const ComprehensionClause &clause : comprehension.clauses) {
        part("for", clause.target);
        part("in", clause.iterable);
        for (const Expr *condition : clause.conditions) part("if", condition);
      }
      --indent_;
      return;
    }
    case ExprKind::Unary: {
      auto &unary = *e.as<UnaryExpr>();
      line(e, fmt::format("Unary {}", unaryNames[size_t(unary.op)]));
      return children({&unary.operand, 1});
    }
    case ExprKind::Binary:
      line(e, "Binary" + operators(e.as<BinaryExpr>()->operators, binaryNames));
      return children(e.as<BinaryExpr>()->operands);
    case ExprKind::Compare:
      line(e, "Compare" + operators(e.as<CompareExpr>()->operators, compareNames));
      return children(e.as<CompareExpr>()->operands);
    case ExprKind::Logical:
      line(e, e.as<LogicalExpr>()->isAnd ? "And" : "Or");
      return children(e.as<LogicalExpr>()->operands);
    case ExprKind::Conditional: {
      auto &conditional = *e.as<ConditionalExpr>();
      line(e, "Conditional");
      ++indent_;
      part("then", conditional.thenValue);
      part("if", conditional.condition);
      part("else", conditional.elseValue);
      --indent_;
      return;
    }
    case ExprKind::Lambda:
      line(e, "Lambda");
      ++indent_;
      parameters(e.as<LambdaExpr>()->parameters);
      expr(*e.as<LambdaExpr>()->body);
      --indent_;
      return;
    case ExprKind::Call:
      line(e, "Call");
      ++indent_;
      expr(*e.as<CallExpr>()->callee);
      arguments(*e.as<CallExpr>());
      --indent_;
      return;
    case ExprKind::Attribute:
      line(e, "Attribute " + name(e.as<AttributeExpr>()->name));
      return children({&e.as<AttributeExpr>()->object, 1});
    case ExprKind::Index:
      line(e, "Index");
      ++indent_;
      expr(*e.as<IndexExpr>()->object);
      expr(*e.as<IndexExpr>()->index);
      --indent_;
      return;
    case ExprKind::Slice:
      line(e, "Slice");
      ++indent_;
      part("lower", e.as<SliceExpr>()->lower);
      part("upper", e.as<SliceExpr>()->upper);
      part("step", e.as<SliceExpr>()->step);
      --indent_;
      return;
    case ExprKind::Starred:
      line(e, "Starred");
      return children({&e.as<StarredExpr>()->value, 1});
    }
  }

  void exports(const char *what, List<ExportItem> items) {
    for (const ExportItem &item : items) {
      out.append(indent_ * 2, ' ');
      out += what;
      if (item.name) out += " " + name(item.name);
      out += '\n';
      ++indent_;
      expr(*item.value);
      --indent_;
    }
  }

  void statement(const Stmt &s) {
    switch (s.kind) {
    case StmtKind::Assign:
      line(s, "Assign");
      ++indent_;
      for (const Expr *target : s.as<AssignStmt>()->targets) part("target", target);
      part("value", s.as<AssignStmt>()->value);
      --indent_;
      return;
    case StmtKind::AugAssign: {
      auto &assign = *s.as<AugAssignStmt>();
      line(s, "AugAssign" + operators(List<BinaryOperator>(&assign.op, 1), binaryNames));
      ++indent_;
      expr(*assign.target);
      expr(*assign.value);
      --indent_;
      return;
    }
    case StmtKind::Expr:
      line(s, "Expr");
      return children({&s.as<ExprStmt>()->value, 1});
    case StmtKind::Def:
      line(s, "Def " + name(s.as<DefStmt>()->name));
      ++indent_;
      parameters(s.as<DefStmt>()->parameters);
      word("body");
      body(s.as<DefStmt>()->body);
      --indent_;
      return;
    case StmtKind::Return:
      line(s, "Return");
      if (s.as<ReturnStmt>()->value) children({&s.as<ReturnStmt>()->value, 1});
      return;
    case StmtKind::With:
      line(s, "With");
      ++indent_;
      for (const WithItem &item : s.as<WithStmt>()->items) {
        part("item", item.context);
        part("as", item.target);
      }
      word("body");
      body(s.as<WithStmt>()->body);
      --indent_;
      return;
    case StmtKind::For:
      line(s, "For");
      ++indent_;
      part("target", s.as<ForStmt>()->target);
      part("in", s.as<ForStmt>()->iterable);
      word("body");
      body(s.as<ForStmt>()->body);
      --indent_;
      return;
    case StmtKind::If:
      line(s, "If");
      ++indent_;
      for (const IfBranch &branch : s.as<IfStmt>()->branches) {
        part("condition", branch.condition);
        word(branch.condition ? "then" : "else");
        body(branch.body);
      }
      --indent_;
      return;
    case StmtKind::Pass:
      return line(s, "Pass");
    case StmtKind::Break:
      return line(s, "Break");
    case StmtKind::Continue:
      return line(s, "Continue");
    case StmtKind::Assert:
      line(s, "Assert");
      ++indent_;
      part("condition", s.as<AssertStmt>()->condition);
      part("message", s.as<AssertStmt>()->message);
      --indent_;
      return;
    case StmtKind::Import: {
      auto &import = *s.as<ImportStmt>();
      line(s, import.alias ? "Import as " + name(import.alias) : "Import");
      ++indent_;
      source(import.source);
      --indent_;
      return;
    }
    case StmtKind::FromImport:
      line(s, "FromImport");
      ++indent_;
      source(s.as<FromImportStmt>()->source);
      for (const ImportedName &imported : s.as<FromImportStmt>()->names) {
        out.append(indent_ * 2, ' ');
        out += name(imported.name);
        if (imported.alias) out += " as " + name(imported.alias);
        out += '\n';
      }
      --indent_;
      return;
    case StmtKind::Param:
      line(s, "Param " + name(s.as<ParamStmt>()->name));
      return children({&s.as<ParamStmt>()->value, 1});
    case StmtKind::Export:
      line(s, "Export " + name(s.as<ExportStmt>()->name));
      ++indent_;
      exports("input", s.as<ExportStmt>()->inputs);
      exports("output", s.as<ExportStmt>()->outputs);
      --indent_;
      return;
    }
  }

  const Symbols &symbols_;
  DumpOptions options_;
  size_t indent_ = 0;
};

} // namespace

std::string dump(const Module &module, const Symbols &symbols, DumpOptions options) {
  Dumper dumper(symbols, options);
  dumper.block(module.body);
  return std::move(dumper.out);
}

} // namespace graphc
