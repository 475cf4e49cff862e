// How fast definitions are parsed: parse_speed FILE [RUNS]
//
// Prints the best and the median of RUNS (5) in lines and tokens a second of processor time,
// of the lexer alone and of the whole, and the memory that the tree takes.
#include "syntax/lexer.h"
#include "syntax/parser.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

using namespace graphc;

static double seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: parse_speed FILE [RUNS]\n");
    return 2;
  }
  std::string why;
  auto text = readFile(argv[1], why);
  if (!text) {
    fprintf(stderr, "%s: %s\n", argv[1], why.c_str());
    return 2;
  }
  int runs = argc > 2 ? std::max(1, atoi(argv[2])) : 5;
  SourceManager sources;
  FileId file = sources.add(argv[1], *text);
  size_t lines = std::count(text->begin(), text->end(), '\n');

  std::vector<double> lexing, parsing;
  size_t tokens = 0, bytes = 0;
  for (int run = 0; run < runs; ++run) {
    {
      Symbols symbols;
      Arena arena;
      Lexer lexer(sources, file, symbols, arena, nullptr);
      Token token;
      double begin = seconds();
      tokens = 0;
      do {
        lexer.next(token);
        ++tokens;
      } while (token.kind != TokenKind::End);
      lexing.push_back(seconds() - begin);
    }
    Symbols symbols;
    Arena arena;
    Diagnostics diagnostics(sources);
    double begin = seconds();
    const Module *module = parse(sources, file, symbols, arena, diagnostics);
    parsing.push_back(seconds() - begin);
    bytes = arena.bytes();
    if (diagnostics.hasErrors() || module->body.empty()) {
      fprintf(stderr, "%s does not parse\n", argv[1]);
      return 1;
    }
  }
  std::sort(lexing.begin(), lexing.end());
  std::sort(parsing.begin(), parsing.end());
  printf("%zu lines, %zu tokens, %.1f MB of text, %.1f MB of tree\n", lines, tokens,
         text->size() / 1e6, bytes / 1e6);
  printf("lexer  %9.0f lines/s best, %9.0f median\n", lines / lexing[0],
         lines / lexing[lexing.size() / 2]);
  printf("parser %9.0f lines/s best, %9.0f median, %.1f M tokens/s\n", lines / parsing[0],
         lines / parsing[parsing.size() / 2], tokens / parsing[0] / 1e6);
}
