// Source text to tokens: indentation, joined lines, literals.
#pragma once

#include "source/diagnostics.h"
#include "syntax/parser.h"
#include "syntax/token.h"

namespace graphc {

/// Makes tokens one at a time. Within brackets line ends are nothing; elsewhere Newline ends
/// a line that has tokens, and Indent and Dedent stand around what is indented deeper.
/// An f-string comes as FStringStart, parts, FStringEnd, with the tokens of its expressions
/// between FStringOpen and FStringClose.
class Lexer {
public:
  struct Bracket {
    char open;
    uint32_t begin;
    bool comprehension = false; // there was a `for` in it, so `if` begins a filter
    bool field = false;         // of an f-string
  };

  /// `diagnostics` may be null: nothing is reported.
  Lexer(const SourceManager &sources, FileId file, Symbols &symbols, Arena &arena,
        Diagnostics *diagnostics);

  void next(Token &token);

  const std::vector<Bracket> &brackets() const { return brackets_; }
  /// The indentation of the block that the current line belongs to.
  uint32_t indentation() const { return indents_.back(); }
  /// Forgets open brackets and goes on at the begin of a line.
  void restart(uint32_t lineBegin);
  /// Reports nothing while it is muted.
  void mute(bool muted) { muted_ = muted; }
  /// Where to put every comment that is passed.
  void collectComments(std::vector<Comment> *comments) { comments_ = comments; }

  std::string_view text() const { return text_; }
  /// Width of the indentation of the line that begins at an offset; sets it to the first
  /// byte after.
  uint32_t measure(uint32_t &at) const;

private:
  struct FString {
    uint32_t begin;
    char quote;
    bool triple, raw;
    size_t brackets; // open before it
    bool inText;     // or in a field's expression
  };

  char at(size_t offset) const { return offset < text_.size() ? text_[offset] : '\0'; }
  bool atNewline(size_t offset) const { return at(offset) == '\n' || at(offset) == '\r'; }
  void passNewline();
  void passComment();
  bool startLine(Token &token);
  bool indent(Token &token, uint32_t width, uint32_t begin);
  void finish(Token &token, TokenKind kind, uint32_t length);
  void word(Token &token);
  TokenKind keyword(Token &token, TokenKind kind);
  bool joins(std::string_view word);
  bool startsSoftKeyword() const;
  void number(Token &token);
  void radixNumber(Token &token, int base);
  void decimalNumber(Token &token);
  void badNumber(Token &token, std::string message, std::string help = "");
  void string(Token &token, std::string_view prefix);
  void unterminated(Token &token, bool isFString, bool triple);
  std::string_view decode(uint32_t begin, uint32_t end, bool raw, bool braces, Token &token);
  uint32_t escape(uint32_t at, uint32_t end, std::string &out, Token &token);
  void fstringText(Token &token);
  bool fieldToken(Token &token);
  void openBracket(Token &token, TokenKind kind, char open);
  void closeBracket(Token &token, TokenKind kind, char open);
  void operatorToken(Token &token);
  void unexpectedCharacter(Token &token);
  Diagnostic &report(Code code, uint32_t begin, uint32_t end, std::string message);

  FileId file_;
  std::string_view text_;
  Symbols &symbols_;
  Arena &arena_;
  Diagnostics *diagnostics_;
  std::vector<Comment> *comments_ = nullptr;
  Diagnostic unheard_;

  uint32_t position_ = 0;
  bool atLineStart_ = true;
  bool statementStart_ = false; // the next token begins a statement
  bool statementLine_ = false;  // the line has tokens, so its end is a Newline
  bool muted_ = false;
  bool tabsReported_ = false;
  bool exporting_ = false, afterArrow_ = false;
  uint32_t pendingDedents_ = 0;
  std::vector<uint32_t> indents_{0};
  std::vector<Bracket> brackets_;
  std::vector<FString> fstrings_;
  std::string scratch_;
  Symbol param_, export_;
};

/// Whether a name may begin or go on with a code point.
bool isNamePoint(uint32_t point);
/// Decodes the code point at an offset and moves on behind it.
uint32_t nextPoint(std::string_view text, uint32_t &at);

} // namespace graphc
