// The parser takes any input: it ends, in time about linear, with a tree whose spans fit the
// text, or with errors that have a place in it. Deterministic; a few seconds.
#include "syntax/dump.h"
#include "syntax/lexer.h"
#include "syntax/parser.h"

#include <gtest/gtest.h>
#include <random>

namespace graphc {
namespace {

const char *const seed = R"(import "layers.graph" as layers
from "layers.graph" import dense, conv as c
import tensorflow as tf
param batch: int = 0x10

def conv_relu(x, kernel_shape, *args, activation=relu, **kw) -> None:
    """Text
    of it"""
    w = get_variable("weights", kernel_shape, initializer=random_normal_initializer(1e-3))
    if w is None or not x and -x ** 2 <= 3 < y:
        return lambda a, b=1: a if b else [i for i, (j, k) in l if i if j]
    elif x[1:, ..., ::2].shape[0] != 0b11:
        pass
    else:
        assert x not in {"a": 1, **kw}, f"v{x!r:>{w}} {b=}" 'more' r"\n"
    for i in range(10): break
    with variable_scope("conv1") as scope, (a, b):
        a, *b = c[0] = d = (1, [2, 3],)  # comment
        a += 1; b //= 2.5e10
    while True:
        x = 1
    return activation(conv2d(x, w, strides=[1, 1, 1, 1], *args) + b)

export filters(image1=image1, image2=image2) -> (result1=result1, train.op)
)";

class Checker {
public:
  void operator()(const std::string &text) {
    SourceManager sources;
    FileId file = sources.add("t", text);
    Symbols symbols;
    Arena arena;
    Diagnostics diagnostics(sources);
    const Module *module = parse(sources, file, symbols, arena, diagnostics);
    ASSERT_EQ(module->complete, !diagnostics.hasErrors()) << text;
    for (auto &d : diagnostics.all()) {
      ASSERT_LE(d.span.begin, d.span.end);
      ASSERT_LE(d.span.end, text.size()) << d.message;
      ASSERT_FALSE(d.message.empty());
    }
    uint32_t before = 0;
    for (const Stmt *statement : module->body) {
      ASSERT_LE(before, statement->begin) << text;
      ASSERT_LE(statement->begin, statement->end) << text;
      before = statement->end;
    }
    ASSERT_LE(before, text.size());
    dump(*module, symbols);
    comments(text);
  }
};

constexpr int rounds = 3000;

TEST(SyntaxFuzz, RandomBytes) {
  std::mt19937 random(1);
  Checker check;
  for (int round = 0; round < rounds; ++round) {
    std::string text(random() % 200, ' ');
    for (char &c : text) c = char(random());
    check(text);
    if (HasFatalFailure()) return;
  }
}

TEST(SyntaxFuzz, RandomCharactersOfTheLanguage) {
  std::mt19937 random(2);
  Checker check;
  const std::string alphabet = "()[]{}:,;.=+-*/%@!<>&|^~\\'\"#\n\n\n\t    fabifr019_xe\r\f\xC3\xA9";
  for (int round = 0; round < rounds; ++round) {
    std::string text(random() % 120, ' ');
    for (char &c : text) c = alphabet[random() % alphabet.size()];
    check(text);
    if (HasFatalFailure()) return;
  }
}

TEST(SyntaxFuzz, MutatedDefinitions) {
  std::mt19937 random(3);
  Checker check;
  std::string whole = seed;
  for (int round = 0; round < rounds; ++round) {
    std::string text = whole;
    for (unsigned changes = 1 + random() % 6; changes > 0 && !text.empty(); --changes) {
      size_t at = random() % text.size(), length = 1 + random() % 20;
      switch (random() % 4) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, whole, random() % whole.size(), length);
        break;
      case 2:
        text[at] = char(random() % 128);
        break;
      default:
        text.resize(at + 1);
      }
    }
    check(text);
    if (HasFatalFailure()) return;
  }
}

TEST(SyntaxFuzz, ShuffledTokens) {
  std::mt19937 random(4);
  Checker check;
  SourceManager sources;
  FileId file = sources.add("t", seed);
  Symbols symbols;
  Arena arena;
  Lexer lexer(sources, file, symbols, arena, nullptr);
  std::vector<std::string> words;
  Token token;
  do {
    lexer.next(token);
    words.push_back(std::string(sources.text({file, token.begin, token.end})));
  } while (token.kind != TokenKind::End);
  for (int round = 0; round < rounds; ++round) {
    std::string text;
    for (unsigned count = random() % 60; count > 0; --count) {
      text += words[random() % words.size()];
      unsigned between = random() % 8;
      text += between == 0 ? "\n" : between == 1 ? "\n    " : " ";
    }
    check(text);
    if (HasFatalFailure()) return;
  }
}

TEST(SyntaxFuzz, EveryPrefix) {
  Checker check;
  std::string whole = seed;
  for (size_t length = 0; length <= whole.size(); ++length) {
    check(whole.substr(0, length));
    if (HasFatalFailure()) return;
  }
}

std::string repeated(const std::string &text, size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

size_t errorsOf(const std::string &text, std::string *code = nullptr) {
  SourceManager sources;
  FileId file = sources.add("t", text);
  Symbols symbols;
  Arena arena;
  Diagnostics diagnostics(sources);
  parse(sources, file, symbols, arena, diagnostics);
  if (code && diagnostics.hasErrors()) *code = diagnostics.all()[0].code;
  return diagnostics.errorCount();
}

TEST(SyntaxFuzz, DeepNestingIsOneError) {
  constexpr size_t depth = 100000;
  for (std::string open : {"(",     "[",        "{1:",           "{",          "f(",
                           "a[",    "(1, ",     "[x for x in (", "-",          "not ",
                           "~",     "lambda: ", "lambda x=",     "lambda x=(", "f(a=",
                           "f(*",   "a[1:",     "1 if 2 else ",  "2 ** ",      "{**",
                           "f'{",   "f\"\"\"{", "f'{a:{",        "*(",         "(a as ",
                           "a.b(",  "if a: ",   "for x in ",     "x = y = (",  "-(-",
                           "a(b)[", "([{1:"}) {
    size_t errors = errorsOf("x = " + repeated(open, depth) + "1\ny = 2\n");
    EXPECT_GE(errors, 1u) << open;
    EXPECT_LE(errors, 2u) << open;
  }
  for (std::string open : {"(", "[", "f(", "a[", "-", "lambda: ", "1 if 2 else ", "2 ** "}) {
    std::string close = open.back() == '(' ? ")" : open.back() == '[' ? "]" : "", code;
    std::string text = "x = " + repeated(open, depth) + "1" + repeated(close, depth) + "\n";
    EXPECT_EQ(errorsOf(text, &code), 1u) << open;
    EXPECT_EQ(code, "E0006") << open;
  }
  for (std::string step : {".a", "()", "[0]"}) {
    std::string code;
    EXPECT_EQ(errorsOf("x = a" + repeated(step, depth) + "\n", &code), 1u);
    EXPECT_EQ(code, "E0006");
  }
}

TEST(SyntaxFuzz, DeepBlocksAreOneError) {
  for (std::string header :
       {"if a:", "for i in l:", "with a:", "def f():", "while a:", "class A:", "try:", "x = = 1"}) {
    std::string text, code;
    for (size_t i = 0; i < 1000; ++i) text += std::string(i, ' ') + header + "\n";
    text += std::string(1000, ' ') + "x\n";
    EXPECT_LE(errorsOf(text, &code), header == "x = = 1" ? 202u : 2u) << header;
    EXPECT_GE(errorsOf(text), 1u) << header;
  }
}

TEST(SyntaxFuzz, ManyErrorsTakeNoLonger) {
  for (std::string line :
       {"x = = 1\n", "f(\n", "f(1 2)\n", "else:\n", "  x\n", "x = 'a\n", "0xZ\n", "while a: b\n",
        "f(a=1, a=2)\n", "\xE2\x80\x9C\n", "@\n", "def f(:\n x\n"})
    EXPECT_GE(errorsOf(repeated(line, 2000)), 1u) << line;
}

TEST(SyntaxFuzz, LongListsAndChains) {
  constexpr size_t count = 100000;
  EXPECT_EQ(errorsOf("x = [" + repeated("1, ", count) + "]\n"), 0u);
  EXPECT_EQ(errorsOf("f(" + repeated("a, ", count) + ")\n"), 0u);
  EXPECT_EQ(errorsOf("x = 1" + repeated(" + 1", count) + "\n"), 0u);
  EXPECT_EQ(errorsOf("x = 1" + repeated(" < 1", count) + "\n"), 0u);
  EXPECT_EQ(errorsOf(repeated("x = ", count) + "1\n"), 0u);
  EXPECT_EQ(errorsOf("x = " + repeated("'a' ", count) + "\n"), 0u);
  EXPECT_EQ(errorsOf("x = 1" + repeated("; x = 1", count) + "\n"), 0u);
  EXPECT_EQ(errorsOf("if a: b\n" + repeated("elif a: b\n", count)), 0u);
  std::string keywords;
  for (size_t i = 0; i < count; ++i) keywords += "a" + std::to_string(i) + "=1, ";
  EXPECT_EQ(errorsOf("f(" + keywords + ")\n"), 0u);
  EXPECT_EQ(errorsOf("f(" + keywords + "a7=1)\n"), 1u);
  EXPECT_EQ(errorsOf("def f(" + keywords + "): pass\n"), 0u);
}

} // namespace
} // namespace graphc
