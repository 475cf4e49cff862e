#include "syntax/lexer.h"

#include "syntax/characters.h"

#include <algorithm>

namespace graphc {

namespace {

constexpr TokenKind keywordKinds[] = {
#define KEYWORD(kind, word) TokenKind::kind,
#include "syntax/tokens.def"
};

constexpr std::string_view tokenTexts[] = {
    "the end of the file",
#define TOKEN(kind, text) text,
#include "syntax/tokens.def"
};

struct Lookalike {
  uint32_t point;
  std::string_view instead;
};
constexpr Lookalike lookalikes[] = {
    {0xA0, "an ordinary blank"},
    {0x2018, "'"},
    {0x2019, "'"},
    {0x201C, "\""},
    {0x201D, "\""},
    {0x2013, "-"},
    {0x2014, "-"},
    {0x2212, "-"},
    {0xD7, "*"},
    {0x2264, "<="},
    {0x2265, ">="},
    {0x2260, "!="},
    {0x2192, "->"},
    {0xFF08, "("},
    {0xFF09, ")"},
    {0xFF0C, ","},
    {0xFF1A, ":"},
    {0xFF1D, "="},
    {0x2026, "..."},
    {0x200B, "nothing"},
    {0xFEFF, "nothing"},
};

} // namespace

std::string_view tokenText(TokenKind kind) { return tokenTexts[size_t(kind)]; }

uint32_t nextPoint(std::string_view text, uint32_t &at) {
  auto byte = [&](uint32_t i) { return i < text.size() ? uint8_t(text[i]) : 0u; };
  uint32_t first = byte(at);
  if (first < 0x80) return ++at, first;
  uint32_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  uint32_t point = first & (0x3F >> more);
  for (uint32_t k = 1; k <= more; ++k) point = point << 6 | (byte(at + k) & 0x3F);
  at = std::min<uint32_t>(at + more + 1, text.size());
  return point;
}

bool isNamePoint(uint32_t point) {
  if (point < 0x80) return isNameByte(char(point));
  // Outside ASCII: letters and marks, not symbols, punctuation, blanks and private use.
  if (point < 0xC0) return point == 0xAA || point == 0xB5 || point == 0xBA;
  return point != 0xD7 && point != 0xF7 && !(point >= 0x2000 && point < 0x2C00) &&
         !(point >= 0x3000 && point < 0x3005) && !(point >= 0x3008 && point < 0x3021) &&
         !(point >= 0xD800 && point < 0xF900) && !(point >= 0xFE00 && point < 0xFE70) &&
         !(point >= 0xFF00 && point < 0xFF10) && !(point >= 0xFF1A && point < 0xFF21) &&
         point != 0xFEFF && !(point >= 0xFFF0 && point < 0x10000) &&
         !(point >= 0x1F000 && point < 0x20000) && point < 0xE0000;
}

Lexer::Lexer(const SourceManager &sources, FileId file, Symbols &symbols, Arena &arena,
             Diagnostics *diagnostics)
    : file_(file), text_(sources.file(file).text()), symbols_(symbols), arena_(arena),
      diagnostics_(diagnostics), param_(symbols.intern("param")),
      export_(symbols.intern("export")) {
  if (text_.starts_with("\xEF\xBB\xBF")) position_ = 3;
}

void Lexer::restart(uint32_t lineBegin) {
  brackets_.clear();
  fstrings_.clear();
  pendingDedents_ = 0;
  position_ = lineBegin;
  atLineStart_ = true;
  statementLine_ = false;
  exporting_ = afterArrow_ = false;
}

Diagnostic &Lexer::report(Code code, uint32_t begin, uint32_t end, std::string message) {
  if (muted_ || !diagnostics_) return unheard_;
  return diagnostics_->error(code, {file_, begin, end}, std::move(message));
}

void Lexer::passNewline() {
  if (at(position_) == '\r' && at(position_ + 1) == '\n') ++position_;
  ++position_;
}

void Lexer::passComment() {
  uint32_t begin = position_;
  while (position_ < text_.size() && !atNewline(position_)) ++position_;
  if (!comments_) return;
  uint32_t before = begin;
  while (before > 0 && isBlank(text_[before - 1])) --before;
  comments_->push_back({begin, position_, before == 0 || atNewline(before - 1)});
}

uint32_t Lexer::measure(uint32_t &at) const {
  uint32_t width = 0;
  for (;; ++at) {
    char c = this->at(at);
    if (c == ' ')
      ++width;
    else if (c == '\t')
      width = (width / 8 + 1) * 8;
    else if (c == '\f')
      width = 0;
    else
      return width;
  }
}

/// Passes blank lines and measures the next one. Whether that gave a token.
bool Lexer::startLine(Token &token) {
  for (;;) {
    uint32_t begin = position_;
    uint32_t width = measure(position_);
    if (at(position_) == '#') passComment();
    if (position_ >= text_.size()) {
      atLineStart_ = false;
      pendingDedents_ = indents_.size() - 1;
      indents_.resize(1);
      return false;
    }
    if (atNewline(position_)) {
      passNewline();
      continue;
    }
    atLineStart_ = false;
    statementStart_ = true;
    auto tab = text_.substr(begin, position_ - begin).find('\t');
    if (tab != std::string_view::npos && !tabsReported_)
      report(Code::Indentation, begin + tab, begin + tab + 1, "a tab in the indentation").help =
          "indent with blanks";
    tabsReported_ = tab != std::string_view::npos; // once for a run of lines
    token.bad = tabsReported_;
    return indent(token, width, begin);
  }
}

bool Lexer::indent(Token &token, uint32_t width, uint32_t begin) {
  if (width == indents_.back()) return false;
  if (width > indents_.back()) {
    indents_.push_back(width);
    token.kind = TokenKind::Indent;
    token.begin = token.end = position_;
    return true;
  }
  while (indents_.size() > 1 && indents_[indents_.size() - 2] >= width) {
    indents_.pop_back();
    ++pendingDedents_;
  }
  if (width != indents_.back()) {
    // Takes it for the block's new indentation, so that the lines after it fit.
    report(Code::Indentation, begin, position_, "the indentation fits no block around it").help =
        "indent the line as the statements that it belongs to";
    indents_.back() = width;
  }
  return false;
}

void Lexer::finish(Token &token, TokenKind kind, uint32_t length) {
  token.kind = kind;
  position_ += length;
  token.end = position_;
}

void Lexer::next(Token &token) {
  token.bad = token.halfOfMinimum = false;
  if (!fstrings_.empty() && fstrings_.back().inText) return fstringText(token);
  if (atLineStart_ && startLine(token)) return;
  token.bad = false;
  for (;;) {
    if (pendingDedents_ > 0) {
      --pendingDedents_;
      token.kind = TokenKind::Dedent;
      token.begin = token.end = position_;
      return;
    }
    while (isBlank(at(position_))) ++position_;
    if (position_ >= text_.size()) {
      token.begin = token.end = text_.size();
      // The last line may lack its end; an open bracket is for the parser to complain about.
      bool endsLine = statementLine_ && brackets_.empty();
      token.kind = endsLine ? TokenKind::Newline : TokenKind::End;
      if (endsLine) {
        statementLine_ = false;
        atLineStart_ = true;
      }
      return;
    }
    char c = text_[position_];
    if (c == '#') {
      passComment();
      continue;
    }
    if (c == '\n' || c == '\r') {
      if (brackets_.empty()) {
        token.kind = TokenKind::Newline;
        token.begin = position_;
        passNewline();
        token.end = position_;
        atLineStart_ = true;
        statementLine_ = false;
        exporting_ = afterArrow_ = false;
        return;
      }
      if (!fstrings_.empty() && !fstrings_.back().triple) return unterminated(token, true, false);
      passNewline();
      continue;
    }
    if (c == '\\') {
      uint32_t after = position_ + 1;
      if (atNewline(after)) {
        position_ = after;
        passNewline();
        continue;
      }
      token.begin = position_;
      finish(token, TokenKind::Invalid, 1);
      report(Code::Syntax, token.begin, token.end,
             position_ >= text_.size() ? "the file ends after a '\\' that joins lines"
                                       : "something stands after a '\\' that joins lines");
      statementLine_ = true;
      return;
    }
    break;
  }
  statementLine_ = true;
  token.begin = position_;
  char c = text_[position_];
  if (isNameStart(c) || isHigh(c)) {
    word(token);
  } else {
    if (isDigit(c) || (c == '.' && isDigit(at(position_ + 1))))
      number(token);
    else if (c == '"' || c == '\'')
      string(token, {});
    else if (brackets_.empty() || !brackets_.back().field || !fieldToken(token))
      operatorToken(token);
  }
  statementStart_ = token.kind == TokenKind::Semicolon;
}

/// A name, a keyword, or the prefix of a string.
void Lexer::word(Token &token) {
  uint32_t end = position_;
  for (;;) {
    while (isNameByte(at(end))) ++end;
    if (!isHigh(at(end))) break;
    uint32_t after = end;
    if (!isNamePoint(nextPoint(text_, after))) break;
    end = after;
  }
  if (end == position_) return unexpectedCharacter(token);
  auto text = text_.substr(position_, end - position_);
  if ((at(end) == '"' || at(end) == '\'') && text.size() <= 2 &&
      text.find_first_not_of("rRbBuUfF") == std::string_view::npos)
    return string(token, text);
  token.symbol = symbols_.intern(text);
  TokenKind kind = TokenKind::Name;
  position_ = token.end = end;
  if (token.symbol.id <= std::size(keywordKinds))
    kind = keyword(token, keywordKinds[token.symbol.id - 1]);
  else if (statementStart_ && brackets_.empty() && startsSoftKeyword()) {
    if (token.symbol == param_) kind = TokenKind::Param;
    if (token.symbol == export_) {
      kind = TokenKind::Export;
      exporting_ = true;
    }
  }
  token.kind = kind;
}

/// `param x`, `export x`: no expression begins like this, so both remain names elsewhere.
bool Lexer::startsSoftKeyword() const {
  uint32_t next = position_;
  while (isBlank(at(next))) ++next;
  if (next == position_ || !(isNameByte(at(next)) || isHigh(at(next)) || at(next) == '"'))
    return false;
  uint32_t end = next;
  while (isNameByte(at(end))) ++end;
  auto word = text_.substr(next, end - next);
  for (std::string_view operation : {"in", "is", "not", "and", "or", "if", "else"})
    if (word == operation) return false;
  return true;
}

/// Whether `word` comes next; passes it then.
bool Lexer::joins(std::string_view word) {
  uint32_t next = position_;
  while (isBlank(at(next))) ++next;
  if (text_.substr(next, word.size()) != word || isNameByte(at(next + word.size())) ||
      isHigh(at(next + word.size())))
    return false;
  position_ = next + word.size();
  return true;
}

TokenKind Lexer::keyword(Token &token, TokenKind kind) {
  switch (kind) {
  case TokenKind::Not:
    if (joins("in")) kind = TokenKind::NotIn;
    break;
  case TokenKind::Is:
    if (joins("not")) kind = TokenKind::IsNot;
    break;
  case TokenKind::For:
    if (!brackets_.empty()) brackets_.back().comprehension = true;
    break;
  case TokenKind::If:
    if (!brackets_.empty() && brackets_.back().comprehension) kind = TokenKind::CompIf;
    break;
  case TokenKind::Elif:
    if (statementStart_ && brackets_.empty()) kind = TokenKind::StrayElif;
    break;
  case TokenKind::Else:
    if (statementStart_ && brackets_.empty()) kind = TokenKind::StrayElse;
    break;
  default:
    break;
  }
  token.end = position_;
  return kind;
}

void Lexer::openBracket(Token &token, TokenKind kind, char open) {
  brackets_.push_back({open, position_});
  finish(token, kind, 1);
}

void Lexer::closeBracket(Token &token, TokenKind kind, char open) {
  char close = text_[position_];
  finish(token, kind, 1);
  if (!brackets_.empty() && brackets_.back().open == open && !brackets_.back().field) {
    brackets_.pop_back();
    return;
  }
  token.kind = TokenKind::Invalid;
  if (brackets_.empty()) {
    report(Code::Syntax, token.begin, token.end, fmt::format("unmatched '{}'", close));
    return;
  }
  Bracket opened = brackets_.back();
  auto &said = report(Code::Syntax, token.begin, token.end,
                      fmt::format("'{}' does not close '{}'", close, opened.open));
  if (&said != &unheard_)
    said.notes.push_back(
        {fmt::format("'{}' opened here", opened.open), {file_, opened.begin, opened.begin + 1}});
  if (!opened.field) brackets_.pop_back();
}

void Lexer::operatorToken(Token &token) {
  char c = text_[position_], second = at(position_ + 1), third = at(position_ + 2);
  auto simple = [&](TokenKind kind) { finish(token, kind, 1); };
  auto assigning = [&](BinaryOp op, uint32_t length) {
    finish(token, TokenKind::AugAssign, length);
    token.integer = int64_t(op);
  };
  auto arithmetic = [&](TokenKind kind, BinaryOp op) {
    second == '=' ? assigning(op, 2) : simple(kind);
  };
  auto doubled = [&](TokenKind once, BinaryOp one, TokenKind twice, BinaryOp two) {
    if (second != c) return arithmetic(once, one);
    third == '=' ? assigning(two, 3) : finish(token, twice, 2);
  };
  auto wrong = [&](TokenKind kind, uint32_t length, const char *instead) {
    report(Code::Syntax, position_, position_ + length,
           fmt::format("there is no operator '{}'", text_.substr(position_, length)))
        .help = fmt::format("write '{}'", instead);
    finish(token, kind, length);
    token.bad = true;
  };
  bool outputs = afterArrow_;
  afterArrow_ = false;
  switch (c) {
  case '(':
    return openBracket(token, outputs ? TokenKind::OutputsOpen : TokenKind::LParen, c);
  case ')':
    return closeBracket(token, TokenKind::RParen, '(');
  case '[':
    return openBracket(token, TokenKind::LBracket, c);
  case ']':
    return closeBracket(token, TokenKind::RBracket, '[');
  case '{':
    return openBracket(token, TokenKind::LBrace, c);
  case '}':
    return closeBracket(token, TokenKind::RBrace, '{');
  case ',':
    return simple(TokenKind::Comma);
  case ';':
    return simple(TokenKind::Semicolon);
  case '~':
    return simple(TokenKind::Tilde);
  case ':':
    return second == '=' ? finish(token, TokenKind::Walrus, 2) : simple(TokenKind::Colon);
  case '.':
    return second == '.' && third == '.' ? finish(token, TokenKind::Ellipsis, 3)
                                         : simple(TokenKind::Dot);
  case '+':
    return arithmetic(TokenKind::Plus, BinaryOp::Add);
  case '-':
    if (second != '>') return arithmetic(TokenKind::Minus, BinaryOp::Sub);
    afterArrow_ = exporting_;
    return finish(token, TokenKind::Arrow, 2);
  case '*':
    return doubled(TokenKind::Star, BinaryOp::Mul, TokenKind::DoubleStar, BinaryOp::Pow);
  case '/':
    return doubled(TokenKind::Slash, BinaryOp::Div, TokenKind::DoubleSlash, BinaryOp::FloorDiv);
  case '%':
    return arithmetic(TokenKind::Percent, BinaryOp::Mod);
  case '@':
    return arithmetic(TokenKind::At, BinaryOp::MatMul);
  case '^':
    return arithmetic(TokenKind::Caret, BinaryOp::BitXor);
  case '&':
    if (second == '&') return wrong(TokenKind::And, 2, "and");
    return arithmetic(TokenKind::Ampersand, BinaryOp::BitAnd);
  case '|':
    if (second == '|') return wrong(TokenKind::Or, 2, "or");
    return arithmetic(TokenKind::Bar, BinaryOp::BitOr);
  case '=':
    return second == '=' ? finish(token, TokenKind::Equal, 2) : simple(TokenKind::Assign);
  case '!':
    return second == '=' ? finish(token, TokenKind::NotEqual, 2) : wrong(TokenKind::Not, 1, "not");
  case '<':
    if (second == '>') return wrong(TokenKind::NotEqual, 2, "!=");
    if (second == '=') return finish(token, TokenKind::LessEqual, 2);
    if (second != '<') return simple(TokenKind::Less);
    return third == '=' ? assigning(BinaryOp::ShiftLeft, 3)
                        : finish(token, TokenKind::ShiftLeft, 2);
  case '>':
    if (second == '=') return finish(token, TokenKind::GreaterEqual, 2);
    if (second != '>') return simple(TokenKind::Greater);
    return third == '=' ? assigning(BinaryOp::ShiftRight, 3)
                        : finish(token, TokenKind::ShiftRight, 2);
  default:
    return unexpectedCharacter(token);
  }
}

void Lexer::unexpectedCharacter(Token &token) {
  uint32_t after = position_;
  uint32_t point = nextPoint(text_, after);
  bool visible = point > 0x20 && point != 0x7F && !(point >= 0x80 && point <= 0xA0) &&
                 !(point >= 0x2000 && point < 0x2010) && !(point >= 0x2028 && point < 0x2030) &&
                 !(point >= 0x2060 && point < 0x2070) && point != 0xFEFF && point < 0xE0000;
  auto text = text_.substr(position_, after - position_);
  auto message = point > 0x20 && point < 0x7F ? fmt::format("unexpected character '{}'", text)
                 : visible ? fmt::format("unexpected character '{}' (U+{:04X})", text, point)
                           : fmt::format("unexpected character U+{:04X}", point);
  auto &said = report(Code::Syntax, position_, after, std::move(message));
  for (auto &[lookalike, instead] : lookalikes) {
    if (point != lookalike) continue;
    bool words = instead.size() > 3;
    said.help = words ? fmt::format("write {}", instead) : fmt::format("write '{}'", instead);
    if (instead == "nothing") said.help = "remove it";
  }
  finish(token, TokenKind::Invalid, after - position_);
}

std::vector<Comment> comments(std::string_view text) {
  SourceManager sources;
  FileId file = sources.add("", std::string(text));
  Symbols symbols;
  Arena arena;
  std::vector<Comment> found;
  Lexer lexer(sources, file, symbols, arena, nullptr);
  lexer.collectComments(&found);
  Token token;
  do lexer.next(token);
  while (token.kind != TokenKind::End);
  return found;
}

} // namespace graphc
