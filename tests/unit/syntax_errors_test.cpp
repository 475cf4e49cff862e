// Every syntax error: its place, code, words and help, and that there is one per mistake.
#include "syntax/parser.h"

#include <gtest/gtest.h>

namespace graphc {
namespace {

/// "line:column-line:column CODE message | help", one a line.
std::string errors(const std::string &text) {
  SourceManager sources;
  FileId file = sources.add("t", text);
  Symbols symbols;
  Arena arena;
  Diagnostics diagnostics(sources);
  const Module *module = parse(sources, file, symbols, arena, diagnostics);
  EXPECT_EQ(module->complete, !diagnostics.hasErrors()) << text;
  std::string out;
  for (auto &d : diagnostics.all()) {
    auto begin = sources.file(file).lineColumn(d.span.begin);
    auto end = sources.file(file).lineColumn(d.span.end);
    out += fmt::format("{}:{}-{}:{} {} {}", begin.line, begin.column, end.line, end.column, d.code,
                       d.message);
    if (!d.help.empty()) out += " | " + d.help;
    for (auto &note : d.notes) {
      auto at = sources.file(file).lineColumn(note.span.begin);
      out += fmt::format(" | note {}:{} {}", at.line, at.column, note.message);
    }
    out += "\n";
  }
  if (!out.empty()) out.pop_back();
  return out;
}

struct Case {
  const char *text, *expected;
};

class SyntaxErrors : public testing::TestWithParam<Case> {};

TEST_P(SyntaxErrors, AreReported) { EXPECT_EQ(errors(GetParam().text), GetParam().expected); }

const Case cases[] = {
    {"if True:\n", "1:1-1:3 E0002 expected an indented block after 'if' on line 1"},
    {"if True:\nx = 1\n", "2:1-2:2 E0002 expected an indented block after 'if' on line 1"},
    {"def f():\n\n# c\n", "1:1-1:4 E0002 expected an indented block after 'def' on line 1"},
    {"with a:\n    pass\nelse:\n    pass\n", "3:1-3:5 E0001 'else' without 'if'"},
    {"x = f(1,\n  2\ny = 3\n", "1:6-1:7 E0001 unclosed '('"},
    {"x = f(1, [2\n", "1:10-1:11 E0001 unclosed '['"},
    {"x = f(1\n\ndef g():\n  return 1\n", "1:6-1:7 E0001 unclosed '('"},
    {"def f(x:\n  return 1\ny = 2 2\n",
     "1:6-1:7 E0001 unclosed '('\n3:7-3:8 E0001 unexpected '2' after the end of the statement"},
    {"x = f(\nif x:\n  y = 1\n", "1:6-1:7 E0001 unclosed '('"},
    {"x = [\n  f(1),\n  g(2\n]\ny = 3\n",
     "4:1-4:2 E0001 ']' does not close '(' | note 3:4 '(' opened here"},
    {"x = 'abc\ny = )\n", "1:5-1:9 E0003 the string is not closed | close it on its line, or open "
                          "and close it with three quotes\n2:5-2:6 E0001 unmatched ')'"},
    {"x = \"\"\"abc\ny = 1\n",
     "1:5-1:11 E0003 the string is not closed | close it with the three quotes that opened it"},
    {"f'{x\n", "1:1-1:5 E0003 the f-string is not closed | close it on its line, or open and close "
               "it with three quotes"},
    {"f'{x\"\n", "1:5-1:6 E0003 the string is not closed | close it on its line, or open and close "
                 "it with three quotes"},
    {"f'{}'", "1:4-1:5 E0001 an f-string's braces without an expression | write '{{}}' for the "
              "characters themselves"},
    {"f'{a b}'", "1:6-1:7 E0001 expected '}' after 'a', found 'b'"},
    {"f'a}'", "1:4-1:5 E0001 a single '}' in an f-string | write '}}' for the character itself"},
    {"f'{a!x}'", "1:5-1:7 E0001 no conversion of an f-string | there are !r, !s and !a"},
    {"f'{a:{b}'",
     "1:3-1:4 E0001 '{' is not closed in the f-string | write '{{' for the character itself"},
    {"f(a.b=1)", "1:3-1:6 E0001 what stands before '=' in a call is to be a name | '==' compares"},
    {"f(1=2)", "1:3-1:4 E0001 what stands before '=' in a call is to be a name | '==' compares"},
    {"if x\n  y = 1\nz = = 1\n",
     "1:5-1:5 E0001 expected ':' after the condition of 'if', found the end of the line\n3:5-3:6 "
     "E0001 expected an expression after '=', found '='"},
    {"if x = 1:\n  y\n",
     "1:6-1:7 E0001 expected ':' after the condition of 'if', found '=' | did you mean '=='?"},
    {"else if x:\n  y\n", "1:1-1:5 E0001 'else' without 'if'"},
    {"if a:\n  b\nelse if c:\n  d\n",
     "3:6-3:8 E0001 expected ':' after 'else', found 'if' | write 'elif'"},
    {"if a:\n  b\nelse:\n  c\nelse:\n  d\n", "5:1-5:5 E0001 'else' without 'if'"},
    {"elseif x:\n  y\n",
     "1:8-1:9 E0001 unexpected 'x' after the end of the statement | did you mean 'elif'?"},
    {"elif x:\n  y\nelse:\n  z\n", "1:1-1:5 E0001 'elif' without 'if'"},
    {"for i in l:\n  x\nelse:\n  y\n", "3:1-3:5 E0001 'for' has no 'else' here"},
    {"if x: y else: z", "1:9-1:13 E0001 'else' without 'if' | as a statement it begins a line"},
    {"x = (1]\ny = )\n", "1:7-1:8 E0001 ']' does not close '(' | note 1:5 '(' opened here\n2:5-2:6 "
                         "E0001 unmatched ')'"},
    {"x = 1)", "1:6-1:7 E0001 unmatched ')'"},
    {"x = {(}", "1:7-1:8 E0001 '}' does not close '(' | note 1:6 '(' opened here"},
    {"x = 1 +\ny = 2\n",
     "1:8-1:8 E0001 expected an expression after '+', found the end of the line"},
    {"  x = 1", "1:1-1:3 E0002 unexpected indentation | indent the line as the one before"},
    {"x = 1\n  y = 2\nz = )\n", "2:1-2:3 E0002 unexpected indentation | indent the line as the one "
                                "before\n3:5-3:6 E0001 unmatched ')'"},
    {"if True:\n        x = 1\n    y = 2\nz = 3\n",
     "3:1-3:5 E0002 the indentation fits no block around it | indent the line as the statements "
     "that it belongs to"},
    {"if x:\n\ty = 1\n\tz = )\n",
     "2:1-2:2 E0002 a tab in the indentation | indent with blanks\n3:6-3:7 E0001 unmatched ')'"},
    {"x = 1\n\ty\n", "2:1-2:2 E0002 a tab in the indentation | indent with blanks"},
    {"for i in range(3)\n  y = 1\n",
     "1:18-1:18 E0001 expected ':' after the list of 'for', found the end of the line"},
    {"for 1 in x: pass", "1:5-1:6 E0001 expected a name after 'for', found '1'"},
    {"for x y in z: pass", "1:7-1:8 E0001 expected 'in' after the targets of 'for', found 'y'"},
    {"x = 5 6", "1:7-1:8 E0001 unexpected '6' after the end of the statement"},
    {"f(1 2)", "1:5-1:6 E0001 expected ',' or ')', found '2' | is a ',' missing?"},
    {"x = f(a\n      b)\ny = )\n", "1:8-1:8 E0001 expected ',' or ')', found 'b' | is a ',' "
                                   "missing?\n3:5-3:6 E0001 unmatched ')'"},
    {"x = f(1,\n      2 3,\n      4)\ny = =\n",
     "2:9-2:10 E0001 expected ',' or ')', found '3' | is a ',' missing?\n4:5-4:6 E0001 expected an "
     "expression after '=', found '='"},
    {"x = [1,\n2 3,\n4]\ny = )\n", "2:3-2:4 E0001 expected ',' or ']', found '3' | is a ',' "
                                   "missing?\n4:5-4:6 E0001 unmatched ')'"},
    {"x = {\n  \"a\": 1\n  \"b\": 2\n}\n",
     "2:9-2:9 E0001 expected ',' or '}', found a string | is a ',' missing?"},
    {"x = {1: 2, 3}", "1:13-1:14 E0001 expected ':' after the key, found '}'"},
    {"x = {1 2}", "1:8-1:9 E0001 expected ',' or '}', found '2' | is a ',' missing?"},
    {"x = a[]", "1:7-1:8 E0001 expected an expression after '[', found ']'"},
    {"x = a[1 2]", "1:9-1:10 E0001 expected ',' or ']', found '2' | is a ',' missing?"},
    {"x = (1,,2)", "1:8-1:9 E0001 expected an expression after ',', found ','"},
    {"x = [,]", "1:6-1:7 E0001 expected an expression or ']', found ','"},
    {"def f(x=1, y): pass",
     "1:12-1:13 E0001 a parameter without a default after one that has a default"},
    {"def f(*): pass", "1:8-1:9 E0001 a bare '*' without a parameter after it"},
    {"def f(*, **k): pass", "1:12-1:13 E0001 a bare '*' without a parameter after it"},
    {"def f(*a, *b): pass", "1:12-1:13 E0001 a second '*' among the parameters"},
    {"def f(**k, a): pass", "1:12-1:13 E0001 a parameter after '**'"},
    {"def f(/): pass", "1:7-1:8 E0001 '/' stands after a parameter and before '*' only"},
    {"def f(1): pass", "1:7-1:8 E0001 expected a parameter or ')', found '1'"},
    {"def f(a b): pass", "1:9-1:10 E0001 expected ',' or ')', found 'b'"},
    {"def f: pass", "1:6-1:7 E0001 expected '(' after 'f', found ':'"},
    {"def (x): pass", "1:5-1:6 E0001 expected a name after 'def', found '('"},
    {"def if(): pass",
     "1:5-1:7 E0001 expected a name after 'def', found 'if' | it is a reserved word"},
    {"def f(a, b, a): pass", "1:13-1:14 E0102 duplicate parameter 'a' | note 1:7 first given here"},
    {"lambda x, x: 1", "1:11-1:12 E0102 duplicate parameter 'x' | note 1:8 first given here"},
    {"f(a, a=1, a=2)", "1:11-1:12 E0102 duplicate argument 'a' | note 1:6 first given here"},
    {"f(**k, 1)", "1:8-1:9 E0001 a positional argument after '**'"},
    {"f(**k, *a)", "1:8-1:10 E0001 '*' after '**' in a call"},
    {"f(a=1, 2)", "1:8-1:9 E0001 a positional argument after a keyword argument"},
    {"f(x for x in y, 1)",
     "1:1-1:19 E0001 a generator among other arguments | write a list: [… for … in …]"},
    {"x = 0123\ny = 0987\n",
     "1:5-1:9 E0003 an integer does not begin with 0 | octal numbers are written 0o…\n2:5-2:9 "
     "E0003 an integer does not begin with 0 | leave out the leading zeros"},
    {"x = 1__0; y = 1_\n", "1:5-1:9 E0003 in a number '_' may stand only between digits\n1:15-1:17 "
                           "E0003 in a number '_' may stand only between digits"},
    {"x = 1e999\ny = -1e999\n", "1:5-1:10 E0003 the number is too large for a double\n2:6-2:11 "
                                "E0003 the number is too large for a double"},
    {"x = 0x\ny = 0xZZ\nz = 0b12\nw = 0o8\n",
     "1:5-1:7 E0003 hexadecimal number without digits\n2:5-2:9 E0003 not a hexadecimal "
     "number\n3:5-3:9 E0003 not a binary number\n4:5-4:8 E0003 not an octal number"},
    {"x = 1abc\n", "1:5-1:9 E0003 not a number"},
    {"x = 9223372036854775808\n", "1:5-1:24 E0003 the integer is too large for 64 bits"},
    {"x = 0x8000000000000000", "1:5-1:23 E0003 the integer is too large for 64 bits"},
    {"x = -9223372036854775808 ** 2", "1:6-1:25 E0003 the integer is too large for 64 bits"},
    {"x = -(9223372036854775808)", "1:7-1:26 E0003 the integer is too large for 64 bits"},
    {"x = 1 - 9223372036854775808", "1:9-1:28 E0003 the integer is too large for 64 bits"},
    {"x = 10L", "1:5-1:8 E0003 integers have no suffix | leave out the 'L'"},
    {"x = 1j", "1:5-1:7 E0003 there are no complex numbers here"},
    {"x = b'a' + ub'c'",
     "1:5-1:9 E0003 there are no bytes literals here | write a plain string\n1:12-1:17 E0003 there "
     "are no bytes literals here | write a plain string"},
    {"x = \"\\x4\" + \"\\u12\" + \"a\\ud800\" + \"\\U00110000\"",
     "1:6-1:9 E0003 \\x wants 2 hexadecimal digits\n1:14-1:18 E0003 \\u wants 4 hexadecimal "
     "digits\n1:24-1:30 E0003 \\ud800 is no character\n1:35-1:45 E0003 \\U00110000 is no "
     "character"},
    {"x = \"\\N{DASH}\"",
     "1:6-1:8 E0003 characters cannot be given by their names | write \\u and the number"},
    {"import",
     "1:7-1:7 E0001 expected a file or a module after 'import', found the end of the line"},
    {"import \"a\" as", "1:14-1:14 E0001 expected a name after 'as', found the end of the line"},
    {"import f\"a\"", "1:8-1:10 E0001 expected a file or a module after 'import', found a string"},
    {"import \"a\" b", "1:12-1:13 E0001 unexpected 'b' after the end of the statement"},
    {"from a import", "1:14-1:14 E0001 expected a name after 'import', found the end of the line"},
    {"from \"a\" import b c", "1:19-1:20 E0001 unexpected 'c' after the end of the statement"},
    {"from . import x", "1:6-1:7 E0109 there are no packages to import from | name the file: from "
                        "\"FILE.graph\" import …"},
    {"from a import *", "1:15-1:16 E0109 'import *' is not part of a graph definition | name what "
                        "is needed, or import the file as a whole"},
    {"a = b = 3 = c", "1:9-1:10 E0001 cannot assign to a literal"},
    {"x + 1 = 2", "1:1-1:6 E0001 cannot assign to an expression | '==' compares"},
    {"f(1) = 2", "1:1-1:5 E0001 cannot assign to a call | '==' compares"},
    {"f() += 1", "1:1-1:4 E0001 cannot assign to a call | '==' compares"},
    {"a, b += 1", "1:1-1:5 E0001 this assignment takes one target alone"},
    {"x.y = 1", "1:1-1:4 E0001 cannot assign to an attribute | what a definition makes is changed "
                "by calling its methods"},
    {"None = 1", "1:1-1:5 E0001 cannot assign to None"},
    {"*a = b", "1:1-1:3 E0001 a starred expression stands in a list only"},
    {"*a, *b = c", "1:5-1:7 E0001 a second starred target"},
    {"x = *a", "1:5-1:7 E0001 a starred expression stands in a list only"},
    {"(*a)", "1:2-1:4 E0001 a starred expression stands in a list only"},
    {"x: = 3", "1:4-1:5 E0001 expected an expression after ':', found '='"},
    {"esle:\n  x\n", "1:5-1:6 E0001 unexpected ':' | did you mean 'else'?"},
    {"x = not", "1:8-1:8 E0001 expected an expression after 'not', found the end of the line"},
    {"1 + not x", "1:5-1:8 E0001 'not' after an operator that binds more strongly | put 'not' and "
                  "its operand in parentheses"},
    {"1 + lambda: 2", "1:5-1:11 E0001 a lambda after an operator | put it in parentheses"},
    {"x = lambda",
     "1:11-1:11 E0001 expected ':' after the parameters of 'lambda', found the end of the line"},
    {"x = y if z", "1:10-1:11 E0001 expected 'else' after 'if', found the end of the line | a "
                   "conditional is written A if CONDITION else B"},
    {"x = y if z else",
     "1:16-1:16 E0001 expected an expression after 'else', found the end of the line"},
    {"x = a if b if c else d else e",
     "1:12-1:14 E0001 a second 'if' before 'else' | put the inner conditional in parentheses"},
    {"x = 1 \\ 3", "1:7-1:8 E0001 something stands after a '\\' that joins lines"},
    {"x = 1 \\", "1:7-1:8 E0001 the file ends after a '\\' that joins lines"},
    {"x++",
     "1:4-1:4 E0001 expected an expression after '+', found the end of the line | write '+= 1'"},
    {"a && b\nc || !d\ne <> f\n",
     "1:3-1:5 E0001 there is no operator '&&' | write 'and'\n2:3-2:5 E0001 there is no operator "
     "'||' | write 'or'\n2:6-2:7 E0001 there is no operator '!' | write 'not'\n3:3-3:5 E0001 there "
     "is no operator '<>' | write '!='"},
    {"x = $a ? b", "1:5-1:6 E0001 unexpected character '$'"},
    {"return 3", "1:1-1:7 E0001 'return' outside a function"},
    {"class A:\n  return 1\n", "1:1-1:6 E0109 a class is not part of a graph definition | write a "
                               "'def' that makes the variables in a variable_scope"},
    {"break\nfor i in l:\n  def f():\n    continue\n",
     "1:1-1:6 E0001 'break' outside a loop\n4:5-4:13 E0001 'continue' outside a loop"},
    {"param x", "1:8-1:8 E0001 expected '=' after 'x', found the end of the line"},
    {"param x = 1 2", "1:13-1:14 E0001 unexpected '2' after the end of the statement"},
    {"def f():\n  param x = 1\n", "2:3-2:10 E0001 a 'param' stands at the top level only"},
    {"export f", "1:9-1:9 E0001 expected '(' after 'f', found the end of the line"},
    {"export f(x) -> y", "1:10-1:11 E0001 an input needs a name | write x=x"},
    {"export f(x=x)", "1:14-1:14 E0001 expected '->' after ')', found the end of the line"},
    {"export f(x=x) -> (a) + b", "1:22-1:23 E0001 unexpected '+' after the end of the statement | "
                                 "put the outputs in parentheses: -> (…, …)"},
    {"export f(x.y=x) -> z", "1:10-1:13 E0001 what stands before '=' is to be a name"},
    {"with (a as b, c): pass\n(a as b)\n",
     "2:4-2:6 E0001 'as' may stand in a 'with' or an import only"},
    {"with (): pass", "1:1-1:5 E0001 'with' without an item"},
    {"with variable_scope(\"a\") as s\n    x = 1\ny = )\n",
     "1:30-1:30 E0001 expected ':' after the items of 'with', found the end of the line\n3:5-3:6 "
     "E0001 unmatched ')'"},
    {"with a as b.c: pass", "1:11-1:14 E0001 cannot assign to an attribute | what a definition "
                            "makes is changed by calling its methods"},
    {"while x:\n  y = 1\nelse:\n  raise\nz = )\n",
     "1:1-1:6 E0109 'while' is not part of a graph definition | write 'for … in range(…)', which "
     "is unrolled\n5:5-5:6 E0001 unmatched ')'"},
    {"class A:\n  def f(self):\n    self.x = 1\n  y = 2 2\n",
     "1:1-1:6 E0109 a class is not part of a graph definition | write a 'def' that makes the "
     "variables in a variable_scope\n4:9-4:10 E0001 unexpected '2' after the end of the statement"},
    {"try:\n  x\nexcept A as e:\n  raise\nfinally:\n  pass\n",
     "1:1-1:4 E0109 an exception handler is not part of a graph definition | what is wrong with a "
     "definition is an error; choose with 'if'"},
    {"raise ValueError(\"x\")",
     "1:1-1:6 E0109 'raise' is not part of a graph definition | write 'assert CONDITION, MESSAGE'"},
    {"@d\ndef f(): pass\n", "1:1-1:2 E0109 a decorator is not part of a graph definition | call "
                            "the function on the 'def' that follows: f = g(f)"},
    {"async def f(): pass", "1:1-1:6 E0109 'async' is not part of a graph definition | leave it "
                            "out; a definition only describes the graph"},
    {"x = await y", "1:5-1:10 E0109 'await' is not part of a graph definition | leave it out; a "
                    "definition only describes the graph"},
    {"def f():\n  yield x\n",
     "2:3-2:8 E0109 'yield' is not part of a graph definition | make a list and return it"},
    {"def f():\n  global x\n  nonlocal y\n  x = 1\n",
     "2:3-2:9 E0109 'global' is not part of a graph definition | return the value, or keep it in a "
     "list or dict\n3:3-3:11 E0109 'nonlocal' is not part of a graph definition | return the "
     "value, or keep it in a list or dict"},
    {"del x; y = 1", "1:1-1:4 E0109 'del' is not part of a graph definition | leave it out; "
                     "nothing is kept of the name in generated code"},
    {"x = {1, 2}\ny = {x for x in z}\nz = {a: b for a in c}\nw = (x for x in y)\nv = {*a}\n",
     "1:5-1:7 E0109 a set is not part of a graph definition | write a list: […]\n2:5-2:7 E0109 a "
     "set is not part of a graph definition | write a list: […]\n3:5-3:14 E0109 a dict "
     "comprehension is not part of a graph definition | begin with {} and add the items in a "
     "'for'\n4:5-4:19 E0109 a generator is not part of a graph definition | write a list: [… for … "
     "in …]\n5:5-5:7 E0109 a set is not part of a graph definition | write a list: […]"},
    {"if (y := f()): pass", "1:7-1:9 E0109 ':=' is not part of a graph definition | assign in a "
                            "statement of its own before this one"},
    {"print x\nprint \"a%s\" % x, y\nprint(x)\nprint\n",
     "1:1-1:6 E0109 'print' is a function | write print(x)\n2:1-2:6 E0109 'print' is a function | "
     "write print(\"a%s\" % x, y)"},
    {"print \"a\"  # comment\n", "1:1-1:6 E0109 'print' is a function | write print(…)"},
    {"retrun x",
     "1:8-1:9 E0001 unexpected 'x' after the end of the statement | did you mean 'return'?"},
    {"improt \"a\"",
     "1:8-1:11 E0001 unexpected a string after the end of the statement | did you mean 'import'?"},
    {"whith a as b:\n  x\n",
     "1:7-1:8 E0001 unexpected 'a' after the end of the statement | did you mean 'with'?"},
    {"fro i in l:\n  x\n",
     "1:5-1:6 E0001 unexpected 'i' after the end of the statement | did you mean 'for'?"},
    {"deff f():\n  x\n",
     "1:6-1:7 E0001 unexpected 'f' after the end of the statement | did you mean 'def'?"},
    {"a b c\nd e f\n", "1:3-1:4 E0001 unexpected 'b' after the end of the statement\n2:3-2:4 E0001 "
                       "unexpected 'e' after the end of the statement"},
    {";", "1:1-1:2 E0001 unexpected ';'"},
    {"x = 1;;y", "1:7-1:8 E0001 expected an expression after ';', found ';'"},
    {"assert", "1:7-1:7 E0001 expected an expression after 'assert', found the end of the line"},
    {"assert x, y, z", "1:12-1:13 E0001 unexpected ',' after the end of the statement"},
    {"x is is y", "1:6-1:8 E0001 expected an expression after 'is', found 'is'"},
    {"a..b", "1:3-1:4 E0001 expected a name after '.', found '.'"},
    {"f(", "1:2-1:3 E0001 unclosed '('"},
    {")", "1:1-1:2 E0001 unmatched ')'"},
    {": x", "1:1-1:2 E0001 unexpected ':'"},
    {"x = “a”", "1:5-1:6 E0001 unexpected character '“' (U+201C) | write '\"'"},
    {"x = a b", "1:6-1:7 E0001 unexpected character U+00A0 | write an ordinary blank"},
    {"x = a − b", "1:7-1:8 E0001 unexpected character '−' (U+2212) | write '-'"},
};

INSTANTIATE_TEST_SUITE_P(Cases, SyntaxErrors, testing::ValuesIn(cases));

TEST(SyntaxErrorsOf, BytesThatNoLiteralCanHold) {
  EXPECT_EQ(errors(std::string("x = \0", 5)), "1:5-1:6 E0001 unexpected character U+0000");
  EXPECT_EQ(errors("x = \x01"), "1:5-1:6 E0001 unexpected character U+0001");
}

TEST(SyntaxErrorsOf, Depth) {
  auto nested = [](int depth) {
    return "x = " + std::string(depth, '(') + "1" + std::string(depth, ')') + "\ny = )\n";
  };
  const char *other = "2:5-2:6 E0001 unmatched ')'";
  EXPECT_EQ(errors(nested(maxNesting)), other);
  EXPECT_EQ(errors(nested(maxNesting + 1)),
            std::string("1:205-1:206 E0006 nested too deep | at most 200 brackets and blocks can "
                        "stand in each other\n") +
                other);
  std::string minus = "x = " + std::string(maxExprHeight, '-') + "a\n";
  EXPECT_EQ(errors(minus).substr(0, 50), "1:5-1:506 E0006 the expression is nested too deep ");
  std::string blocks;
  for (uint32_t i = 0; i < maxNesting + 100; ++i) blocks += std::string(i, ' ') + "if a:\n";
  blocks += std::string(maxNesting + 100, ' ') + "b\nc = = d\n";
  EXPECT_EQ(errors(blocks),
            "201:205-201:206 E0006 nested too deep | at most 200 brackets and blocks can stand in "
            "each other\n302:5-302:6 E0001 expected an expression after '=', found '='");
}

} // namespace
} // namespace graphc
