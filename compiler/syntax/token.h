// Tokens as the lexer makes them and the parser takes them.
#pragma once

#include "syntax/ast.h"

namespace graphc {

enum class TokenKind : uint16_t {
  End, // of the file; ANTLR's EOF
#define TOKEN(kind, text) kind,
#include "syntax/tokens.def"
};

struct Token {
  TokenKind kind = TokenKind::End;
  bool bad = false;           // reported already; its value is only a stand-in
  bool halfOfMinimum = false; // an Int of 2^63, which only a minus before it makes fit
  uint32_t begin = 0, end = 0;
  Symbol symbol; // of Name and the keywords
  union {
    int64_t integer = 0; // of Int; of AugAssign the BinaryOp
    double real;         // of Float
  };
  std::string_view text; // of String and FStringText: decoded
};

/// How messages speak of a kind of token: "')'", "a name".
std::string_view tokenText(TokenKind kind);

} // namespace graphc
