// What trees the parser makes, with spans where they matter.
#include "syntax/dump.h"
#include "syntax/parser.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace graphc {
namespace {

struct Parsed {
  SourceManager sources;
  Symbols symbols;
  Arena arena;
  Diagnostics diagnostics{sources};
  const Module *module;

  explicit Parsed(std::string text) {
    FileId file = sources.add("t.graph", std::move(text));
    module = parse(sources, file, symbols, arena, diagnostics);
  }
  std::string tree(bool spans = false) const {
    for (auto &d : diagnostics.all()) ADD_FAILURE() << sources.location(d.span) << d.message;
    return dump(*module, symbols, {spans});
  }
};

/// The tree on one line: children in parentheses.
std::string flat(const std::string &text) {
  std::string tree = Parsed(text).tree(), out;
  size_t depth = 0;
  for (size_t at = 0; at < tree.size();) {
    size_t end = tree.find('\n', at), begin = tree.find_first_not_of(' ', at);
    size_t indent = (begin - at) / 2;
    if (!out.empty()) out += indent > depth ? "(" : std::string(depth - indent, ')') + " ";
    out.append(tree, begin, end - begin);
    depth = indent;
    at = end + 1;
  }
  return out + std::string(depth, ')');
}

/// Of an expression.
std::string expr(const std::string &text) {
  std::string out = flat(text);
  EXPECT_EQ(out.substr(0, 5), "Expr(");
  return out.substr(5, out.size() - 6);
}

TEST(SyntaxTree, OperatorsBindAsInPython) {
  EXPECT_EQ(expr("a + b * c - d"), "Binary + -(Name a Binary *(Name b Name c) Name d)");
  EXPECT_EQ(expr("-a ** -b ** c"), "Unary -(Binary **(Name a Unary -(Binary **(Name b Name c))))");
  EXPECT_EQ(expr("a ** b ** c"), "Binary **(Name a Binary **(Name b Name c))");
  EXPECT_EQ(expr("not a == b and c or d"),
            "Or(And(Unary not(Compare ==(Name a Name b)) Name c) Name d)");
  EXPECT_EQ(expr("a < b <= c is not d not in e"),
            "Compare < <= is not not in(Name a Name b Name c Name d Name e)");
  EXPECT_EQ(expr("a | b ^ c & d << e + f"),
            "Binary |(Name a Binary ^(Name b Binary &(Name c Binary <<(Name d Binary +(Name e "
            "Name f)))))");
  EXPECT_EQ(expr("a - (b - c)"), "Binary -(Name a Binary -(Name b Name c))");
  EXPECT_EQ(expr("~-+a @ b"), "Binary @(Unary ~(Unary -(Unary +(Name a))) Name b)");
  EXPECT_EQ(expr("-a.b[0](c)"), "Unary -(Call(Index(Attribute b(Name a) Int 0) argument(Name c)))");
}

TEST(SyntaxTree, ConditionalsAndLambdas) {
  EXPECT_EQ(expr("a if b else c if d else e"),
            "Conditional(then(Name a) if(Name b) else(Conditional(then(Name c) if(Name d) "
            "else(Name e))))");
  EXPECT_EQ(expr("a or b if c and d else lambda: e or f"),
            "Conditional(then(Or(Name a Name b)) if(And(Name c Name d)) "
            "else(Lambda(Or(Name e Name f))))");
  EXPECT_EQ(expr("lambda x, y=1, *z, k, **w: x if y else z"),
            "Lambda(parameter x parameter y(Int 1) *parameter z keyword-only parameter k "
            "**parameter w Conditional(then(Name x) if(Name y) else(Name z)))");
  EXPECT_EQ(expr("lambda: lambda: 1"), "Lambda(Lambda(Int 1))");
  EXPECT_EQ(expr("f(lambda: a, b)"), "Call(Name f argument(Lambda(Name a)) argument(Name b))");
}

TEST(SyntaxTree, Literals) {
  EXPECT_EQ(expr("[0x1F, 0o17, 0b101, 1_000, 00, 9223372036854775807]"),
            "List(Int 31 Int 15 Int 5 Int 1000 Int 0 Int 9223372036854775807)");
  EXPECT_EQ(expr("-9223372036854775808"), "Int -9223372036854775808");
  EXPECT_EQ(expr("-0x8000000000000000"), "Int -9223372036854775808");
  EXPECT_EQ(expr("[1., .5, 1e3, 1_0.2_5e-1, 1e-999]"),
            "List(Float 1 Float 0.5 Float 1000 Float 1.025 Float 0)");
  EXPECT_EQ(expr("(None, True, False, ...)"), "Tuple(None True False Ellipsis)");
  EXPECT_EQ(expr("1if a else 2"), "Conditional(then(Int 1) if(Name a) else(Int 2))");
}

TEST(SyntaxTree, Strings) {
  EXPECT_EQ(expr(R"('a' "b" r'\n')"), R"(String "ab\\n")");
  EXPECT_EQ(expr(R"("\x41\u00e9\101\t\'\q\\")"), "String \"A\u00e9A\\x09'\\\\q\\\\\"");
  EXPECT_EQ(expr("'''a\r\nb\rc'''"), R"(String "a\nb\nc")");
  EXPECT_EQ(expr("'a\\\r\nb\\\nc'"), R"(String "abc")");
  EXPECT_EQ(expr("(\"\"\"a\"b\"\"\" ''\n  'c')"), R"(String "a\"bc")");
  EXPECT_EQ(expr("'# no comment'"), R"(String "# no comment")");
}

TEST(SyntaxTree, FStrings) {
  EXPECT_EQ(expr("f'a{b}c'"), R"(FString(text "a" field(Name b) text "c"))");
  EXPECT_EQ(expr("f'{{}}' 'x'"), R"(String "{}x")");
  EXPECT_EQ(expr("f'{a!r:>{w}.2f}'"),
            R"(FString(field !r(Name a format(text ">" field(Name w) text ".2f"))))");
  EXPECT_EQ(expr("f'{a + 1 = }'"), R"(FString(text "a + 1 = " field !r(Binary +(Name a Int 1))))");
  EXPECT_EQ(expr("f'{a=:3}'"), R"(FString(text "a=" field(Name a format(text "3"))))");
  EXPECT_EQ(expr("f'{a != b}{d[\"k\"]}'"),
            R"(FString(field(Compare !=(Name a Name b)) field(Index(Name d String "k"))))");
  EXPECT_EQ(expr("f'{ {1: 2}[1] }'"), "FString(field(Index(Dict(key(Int 1) value(Int 2)) Int 1)))");
  EXPECT_EQ(expr("f'{f\"{x}\"}'"), "FString(field(FString(field(Name x))))");
  EXPECT_EQ(expr("f'{a, b}'"), "FString(field(Tuple(Name a Name b)))");
  EXPECT_EQ(expr("f''"), R"(String "")");
  EXPECT_EQ(expr("rf'\\{x}'"), R"(FString(text "\\" field(Name x)))");
  EXPECT_EQ(expr("f'''{\na\n}'''"), "FString(field(Name a))");
}

TEST(SyntaxTree, Displays) {
  EXPECT_EQ(expr("()"), "Tuple");
  EXPECT_EQ(expr("(a)"), "Name a");
  EXPECT_EQ(expr("(a,)"), "Tuple(Name a)");
  EXPECT_EQ(expr("a, *b,"), "Tuple(Name a Starred(Name b))");
  EXPECT_EQ(expr("[a, *b, [],]"), "List(Name a Starred(Name b) List)");
  EXPECT_EQ(expr("{'a': 1, **b, }"), R"(Dict(key(String "a") value(Int 1) value(Name b)))");
  EXPECT_EQ(expr("[x for x, (y, z) in l if x if not y for w in [z if z else x]]"),
            "Comprehension(Name x for(Tuple(Name x Tuple(Name y Name z))) in(Name l) if(Name x) "
            "if(Unary not(Name y)) for(Name w) in(List(Conditional(then(Name z) if(Name z) "
            "else(Name x)))))");
  EXPECT_EQ(expr("sum(x for x in l)"),
            "Call(Name sum argument(Generator(Name x for(Name x) in(Name l))))");
}

TEST(SyntaxTree, CallsAndIndices) {
  EXPECT_EQ(expr("f(a, *b, c, d=1, *e, **g)"),
            "Call(Name f argument(Name a) *argument(Name b) argument(Name c) keyword d(Int 1) "
            "*argument(Name e) **argument(Name g))");
  EXPECT_EQ(expr("a[1:, ..., ::2, :b:c, d]"),
            "Index(Name a Tuple(Slice(lower(Int 1)) Ellipsis Slice(step(Int 2)) "
            "Slice(upper(Name b) step(Name c)) Name d))");
  EXPECT_EQ(expr("a[:]"), "Index(Name a Slice)");
  EXPECT_EQ(expr("a[1,]"), "Index(Name a Tuple(Int 1))");
}

TEST(SyntaxTree, Statements) {
  EXPECT_EQ(flat("a = b[0] = (c, [d, *e]) = 1"),
            "Assign(target(Name a) target(Index(Name b Int 0)) target(Tuple(Name c List(Name d "
            "Starred(Name e)))) value(Int 1))");
  EXPECT_EQ(flat("a //= 1; b[0] @= 2"), "AugAssign //(Name a Int 1) AugAssign @(Index(Name b "
                                        "Int 0) Int 2)");
  EXPECT_EQ(flat("x: int = 1; y: a.b"), "Assign(target(Name x) value(Int 1)) Pass");
  EXPECT_EQ(flat("assert a, 'm'"), R"(Assert(condition(Name a) message(String "m")))");
  EXPECT_EQ(flat("for i, (a, b) in l, m: pass\n"),
            "For(target(Tuple(Name i Tuple(Name a Name b))) in(Tuple(Name l Name m)) body(Pass))");
  EXPECT_EQ(flat("for i in l:\n  if i: break\n  elif j:\n    continue\n  else: pass"),
            "For(target(Name i) in(Name l) body(If(condition(Name i) then(Break) condition(Name "
            "j) then(Continue) else(Pass))))");
  EXPECT_EQ(flat("def f(a, b: int = 1, *, k, **kw) -> int:\n  'doc'\n  return a, b\n"),
            "Def f(parameter a parameter b(Int 1) keyword-only parameter k **parameter kw "
            "body(Expr(String \"doc\") Return(Tuple(Name a Name b))))");
}

TEST(SyntaxTree, With) {
  const char *two = "With(item(Name a) as(Name b) item(Name c) body(Pass))";
  EXPECT_EQ(flat("with a as b, c: pass"), two);
  EXPECT_EQ(flat("with (a as b, c): pass"), two);
  EXPECT_EQ(flat("with (\n    a as b,\n    c,\n): pass"), two);
  EXPECT_EQ(flat("with (a, b as c): pass"),
            "With(item(Name a) item(Name b) as(Name c) body(Pass))");
  EXPECT_EQ(flat("with (a): pass"), "With(item(Name a) body(Pass))");
  EXPECT_EQ(flat("with (a, b): pass"), "With(item(Name a) item(Name b) body(Pass))");
  EXPECT_EQ(flat("with (a, b) as c: pass"),
            "With(item(Tuple(Name a Name b)) as(Name c) body(Pass))");
  EXPECT_EQ(flat("with (a as b): pass"), "With(item(Name a) as(Name b) body(Pass))");
}

TEST(SyntaxTree, Imports) {
  EXPECT_EQ(flat("import 'l.graph' as l"), R"(Import as l(file "l.graph"))");
  EXPECT_EQ(flat("import 'l.graph'"), R"(Import(file "l.graph"))");
  EXPECT_EQ(flat("import a.b as c, d"), "Import as c(python a.b) Import(python d)");
  EXPECT_EQ(flat("from 'l.graph' import (a, b as c,)"), R"(FromImport(file "l.graph" a b as c))");
  EXPECT_EQ(flat("from a.b import c"), "FromImport(python a.b c)");
}

TEST(SyntaxTree, ParamAndExport) {
  EXPECT_EQ(flat("param n = 1"), "Param n(Int 1)");
  EXPECT_EQ(flat("param n: int = 1"), "Param n(Int 1)");
  EXPECT_EQ(flat("export f(x=a, y=b,) -> (z=c, d.e(), )"),
            "Export f(input x(Name a) input y(Name b) output z(Name c) output(Call(Attribute "
            "e(Name d))))");
  EXPECT_EQ(flat("export f() -> y"), "Export f(output(Name y))");
  EXPECT_EQ(flat("export f() -> y=a.b"), "Export f(output y(Attribute b(Name a)))");
  EXPECT_EQ(flat("export f() -> ()"), "Export f");
  // Both remain names everywhere else.
  EXPECT_EQ(flat("for param in export: param = param"),
            "For(target(Name param) in(Name export) body(Assign(target(Name param) value(Name "
            "param))))");
  EXPECT_EQ(flat("param in export"), "Expr(Compare in(Name param Name export))");
  EXPECT_EQ(flat("export(param)"), "Expr(Call(Name export argument(Name param)))");
}

TEST(SyntaxTree, Lines) {
  EXPECT_EQ(flat("a\\\n  + b\n"), "Expr(Binary +(Name a Name b))");
  EXPECT_EQ(flat("f(a, # one\n\n# two\n  b)\n"),
            "Expr(Call(Name f argument(Name a) argument(Name b)))");
  EXPECT_EQ(flat("if a:\r\n\r\n  b\r\n   # odd\r\nc\r\n"),
            "If(condition(Name a) then(Expr(Name b))) Expr(Name c)");
  EXPECT_EQ(flat("a\rb"), "Expr(Name a) Expr(Name b)");
  EXPECT_EQ(flat("\f\nif a:\n\f  b\n"), "If(condition(Name a) then(Expr(Name b)))");
  EXPECT_EQ(flat("\xEF\xBB\xBF"
                 "a"),
            "Expr(Name a)");
  EXPECT_EQ(flat("\xC3\xA9t\xC3\xA9 = 1"), "Assign(target(Name \xC3\xA9t\xC3\xA9) value(Int 1))");
  EXPECT_EQ(flat(""), "");
  EXPECT_EQ(flat("# nothing"), "");
  EXPECT_EQ(flat("a;"), "Expr(Name a)");
}

TEST(SyntaxTree, Spans) {
  EXPECT_EQ(Parsed("x = (a + b) * -c.d  # e\n").tree(true), "Assign @0-18\n"
                                                            "  target\n"
                                                            "    Name x @0-1\n"
                                                            "  value\n"
                                                            "    Binary *@12-13 @4-18\n"
                                                            "      Binary +@7-8 @5-10\n"
                                                            "        Name a @5-6\n"
                                                            "        Name b @9-10\n"
                                                            "      Unary - @14-18\n"
                                                            "        Attribute d@17-18 @15-18\n"
                                                            "          Name c @15-16\n");
  EXPECT_EQ(Parsed("if a:\n  f(k=[1], *b)\n").tree(true), "If @0-20\n"
                                                          "  condition\n"
                                                          "    Name a @3-4\n"
                                                          "  then\n"
                                                          "    Expr @8-20\n"
                                                          "      Call @8-20\n"
                                                          "        Name f @8-9\n"
                                                          "        keyword k@10-11 @10-15\n"
                                                          "          List @12-15\n"
                                                          "            Int 1 @13-14\n"
                                                          "        *argument @17-19\n"
                                                          "          Name b @18-19\n");
}

TEST(SyntaxTree, HeadersAndDocstrings) {
  Parsed parsed("'the file'\nwith a as b :  # c\n  x\ndef f():\n  'the function'\n");
  EXPECT_EQ(parsed.module->docstring, "the file");
  EXPECT_TRUE(parsed.module->complete);
  auto *with = parsed.module->body[1]->as<WithStmt>();
  EXPECT_EQ(parsed.sources.text({0, with->begin, with->headerEnd}), "with a as b :");
  auto *def = parsed.module->body[2]->as<DefStmt>();
  EXPECT_EQ(def->docstring, "the function");
  EXPECT_EQ(parsed.sources.text({0, def->begin, def->headerEnd}), "def f():");
  EXPECT_EQ(parsed.symbols.text(def->name.name), "f");
}

TEST(SyntaxTree, WhatWasLeftOutIsNamed) {
  Parsed parsed("a = 1\nb = c c\ndef g(x x):\n  d = 1\ne = a\n");
  EXPECT_EQ(parsed.diagnostics.errorCount(), 2u);
  EXPECT_FALSE(parsed.module->complete);
  EXPECT_EQ(dump(*parsed.module, parsed.symbols, {false}),
            "Assign\n  target\n    Name a\n  value\n    Int 1\n"
            "Assign\n  target\n    Name e\n  value\n    Name a\n");
  auto lost = [&](const char *name) {
    auto symbol = parsed.symbols.find(name);
    auto &all = parsed.module->lostNames;
    return std::find(all.begin(), all.end(), symbol) != all.end();
  };
  for (const char *name : {"b", "c", "g", "x", "d"}) EXPECT_TRUE(lost(name)) << name;
  for (const char *name : {"a", "e"}) EXPECT_FALSE(lost(name)) << name;
}

TEST(SyntaxTree, LongChainsAreFlat) {
  std::string sum = "x = a", both = "y = a", list = "z = [";
  for (int i = 0; i < 20000; ++i) {
    sum += " + a";
    both += " and a";
    list += "1,";
  }
  Parsed parsed(sum + "\n" + both + "\n" + list + "]\n");
  EXPECT_FALSE(parsed.diagnostics.hasErrors());
  for (const Stmt *statement : parsed.module->body)
    EXPECT_LE(statement->as<AssignStmt>()->value->height, 2);
}

TEST(SyntaxTree, Comments) {
  std::string text = "# one\nx = 1  # two\n'# no'\nf(a, # three\n  # four\n)\nf'{a}#no'";
  std::vector<std::string> found;
  for (const Comment &comment : comments(text))
    found.push_back(text.substr(comment.begin, comment.end - comment.begin) +
                    (comment.ownLine ? "!" : ""));
  EXPECT_EQ(found, (std::vector<std::string>{"# one!", "# two", "# three", "# four!"}));
}

} // namespace
} // namespace graphc
