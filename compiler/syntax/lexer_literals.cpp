// The lexer's numbers, strings and f-strings.
#include "syntax/characters.h"
#include "syntax/lexer.h"

#include <charconv>

namespace graphc {

namespace {

int digitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

void appendUtf8(std::string &out, uint32_t point) {
  if (point < 0x80) {
    out += char(point);
  } else if (point < 0x800) {
    out += char(0xC0 | point >> 6);
    out += char(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    out += char(0xE0 | point >> 12);
    out += char(0x80 | (point >> 6 & 0x3F));
    out += char(0x80 | (point & 0x3F));
  } else {
    out += char(0xF0 | point >> 18);
    out += char(0x80 | (point >> 12 & 0x3F));
    out += char(0x80 | (point >> 6 & 0x3F));
    out += char(0x80 | (point & 0x3F));
  }
}

/// Underscores may stand between digits only.
bool underscoresFit(std::string_view digits) {
  for (size_t i = 0; i < digits.size(); ++i)
    if (digits[i] == '_' &&
        (i == 0 || i + 1 == digits.size() || !isDigit(digits[i - 1]) || !isDigit(digits[i + 1])))
      return false;
  return true;
}

/// Whether a decimal number that no double holds is too large, and not too small.
bool isLarge(std::string_view digits) {
  auto e = digits.find_first_of("eE");
  if (e != std::string_view::npos) return digits[e + 1] != '-';
  return digits.find_first_of("123456789") < digits.find('.');
}

bool isKeywordAfterNumber(std::string_view word) {
  for (std::string_view known : {"and", "else", "for", "if", "in", "is", "not", "or"})
    if (word == known) return true;
  return false;
}

} // namespace

void Lexer::badNumber(Token &token, std::string message, std::string help) {
  // What is stuck to it belongs to it.
  while (isNameByte(at(position_)) || isHigh(at(position_))) ++position_;
  token.end = position_;
  token.bad = true;
  report(Code::BadLiteral, token.begin, token.end, std::move(message)).help = std::move(help);
}

void Lexer::number(Token &token) {
  char c = text_[position_], second = at(position_ + 1);
  token.integer = 0;
  token.kind = TokenKind::Int;
  if (c == '0' && (second == 'x' || second == 'X')) return radixNumber(token, 16);
  if (c == '0' && (second == 'o' || second == 'O')) return radixNumber(token, 8);
  if (c == '0' && (second == 'b' || second == 'B')) return radixNumber(token, 2);
  decimalNumber(token);
}

void Lexer::radixNumber(Token &token, int base) {
  const char *name = base == 16 ? "hexadecimal" : base == 8 ? "octal" : "binary";
  position_ += 2;
  uint64_t value = 0;
  bool large = false, digit = false;
  for (;; ++position_) {
    char c = at(position_);
    if (c == '_' && digitValue(at(position_ + 1)) < base) continue;
    if (!isNameByte(c) && !isHigh(c)) break;
    if (digitValue(c) >= base)
      return badNumber(token, fmt::format("not {} {} number", base == 8 ? "an" : "a", name));
    digit = true;
    large |= value >> (64 - (base == 16 ? 4 : base == 8 ? 3 : 1)) != 0;
    value = value * base + digitValue(c);
  }
  if (!digit) return badNumber(token, fmt::format("{} number without digits", name));
  token.end = position_;
  token.halfOfMinimum = !large && value == uint64_t(1) << 63;
  if (large || value > uint64_t(1) << 63)
    return badNumber(token, "the integer is too large for 64 bits");
  token.integer = int64_t(value);
}

void Lexer::decimalNumber(Token &token) {
  auto digits = [&] {
    while (isDigit(at(position_)) || at(position_) == '_') ++position_;
  };
  digits();
  bool real = false;
  if (at(position_) == '.') {
    real = true;
    ++position_;
    digits();
  }
  if (at(position_) == 'e' || at(position_) == 'E') {
    bool sign = at(position_ + 1) == '+' || at(position_ + 1) == '-';
    if (isDigit(at(position_ + 1 + sign))) {
      real = true;
      position_ += 1 + sign;
      digits();
    }
  }
  token.end = position_;
  token.kind = real ? TokenKind::Float : TokenKind::Int;
  if (real) token.real = 0;
  auto text = text_.substr(token.begin, token.end - token.begin);

  if (isNameByte(at(position_)) || isHigh(at(position_))) {
    uint32_t end = position_;
    while (isNameByte(at(end)) || isHigh(at(end))) ++end;
    auto suffix = text_.substr(position_, end - position_);
    if (suffix == "j" || suffix == "J")
      return badNumber(token, "there are no complex numbers here");
    if ((suffix == "L" || suffix == "l") && !real)
      return badNumber(token, "integers have no suffix", "leave out the 'L'");
    if (!isKeywordAfterNumber(suffix)) return badNumber(token, "not a number");
  }
  if (!underscoresFit(text))
    return badNumber(token, "in a number '_' may stand only between digits");
  if (text.find('_') != std::string_view::npos) {
    scratch_.clear();
    for (char c : text)
      if (c != '_') scratch_ += c;
    text = scratch_;
  }
  if (real) {
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), token.real);
    if (problem != std::errc::result_out_of_range) return;
    token.real = 0; // too close to zero for a double
    if (isLarge(text)) badNumber(token, "the number is too large for a double");
    return;
  }
  if (text.size() > 1 && text[0] == '0' && text.find_first_not_of('0') != std::string_view::npos)
    return badNumber(token, "an integer does not begin with 0",
                     text.find_first_of("89") == std::string_view::npos
                         ? "octal numbers are written 0o…"
                         : "leave out the leading zeros");
  uint64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || value > uint64_t(1) << 63)
    return badNumber(token, "the integer is too large for 64 bits");
  token.halfOfMinimum = value == uint64_t(1) << 63;
  token.integer = int64_t(value);
}

// Strings -------------------------------------------------------------------------------

void Lexer::unterminated(Token &token, bool isFString, bool triple) {
  uint32_t begin = token.begin;
  if (isFString) {
    begin = fstrings_.back().begin;
    token.begin = position_;
  }
  uint32_t end = begin;
  while (end < text_.size() && !atNewline(end)) ++end;
  report(Code::BadLiteral, begin, end,
         fmt::format("the {} is not closed", isFString ? "f-string" : "string"))
      .help = triple ? "close it with the three quotes that opened it"
                     : "close it on its line, or open and close it with three quotes";
  // Whatever f-string it stands in cannot be closed either.
  while (!fstrings_.empty() && (triple || !fstrings_.back().triple)) {
    brackets_.resize(fstrings_.back().brackets);
    fstrings_.pop_back();
  }
  token.bad = true;
  if (isFString) token.kind = TokenKind::Invalid;
  token.end = position_;
}

void Lexer::string(Token &token, std::string_view prefix) {
  bool raw = false, bytes = false, formatted = false, unicode = false;
  for (char c : prefix) {
    raw |= c == 'r' || c == 'R';
    bytes |= c == 'b' || c == 'B';
    formatted |= c == 'f' || c == 'F';
    unicode |= c == 'u' || c == 'U';
  }
  position_ += prefix.size();
  char quote = text_[position_];
  bool triple = at(position_ + 1) == quote && at(position_ + 2) == quote;
  uint32_t begin = position_ += triple ? 3 : 1;
  token.kind = TokenKind::String;
  token.text = {};
  bool known = raw + bytes + formatted + unicode == int(prefix.size()) && !(bytes && formatted) &&
               !(unicode && prefix.size() > 1);
  if (formatted && known) {
    fstrings_.push_back({token.begin, quote, triple, raw, brackets_.size(), true});
    token.kind = TokenKind::FStringStart;
    token.end = position_;
    return;
  }

  bool plain = true;
  for (;; ++position_) {
    if (position_ >= text_.size()) return unterminated(token, false, triple);
    char c = text_[position_];
    if (c == quote) {
      if (!triple) break;
      if (at(position_ + 1) == quote && at(position_ + 2) == quote) break;
    } else if (c == '\\') {
      plain = false;
      if (position_ + 1 < text_.size()) ++position_;
      if (text_[position_] == '\r' && at(position_ + 1) == '\n') ++position_;
    } else if (c == '\n' || c == '\r') {
      if (!triple) return unterminated(token, false, false);
      plain &= c == '\n';
    }
  }
  uint32_t end = position_;
  position_ += triple ? 3 : 1;
  token.end = position_;
  if (bytes || !known) {
    token.bad = true;
    report(Code::BadLiteral, token.begin, token.end,
           bytes ? "there are no bytes literals here"
                 : fmt::format("'{}' is no prefix of a string", prefix))
        .help = "write a plain string";
    return;
  }
  token.text = plain ? text_.substr(begin, end - begin) : decode(begin, end, raw, false, token);
}

/// The text that a literal's inside means. Lines end with "\n" whatever the file has.
std::string_view Lexer::decode(uint32_t begin, uint32_t end, bool raw, bool braces, Token &token) {
  scratch_.clear();
  for (uint32_t i = begin; i < end;) {
    char c = text_[i];
    if (c == '\r') {
      scratch_ += '\n';
      i += i + 1 < end && text_[i + 1] == '\n' ? 2 : 1;
    } else if (c == '\\' && !raw) {
      i = escape(i, end, scratch_, token);
    } else {
      scratch_ += c;
      i += braces && (c == '{' || c == '}') ? 2 : 1;
    }
  }
  return arena_.copy(scratch_);
}

/// Decodes the escape that begins at `at`; where it ends.
uint32_t Lexer::escape(uint32_t at, uint32_t end, std::string &out, Token &token) {
  auto bad = [&](uint32_t to, std::string message, std::string help = "") {
    token.bad = true;
    report(Code::BadLiteral, at, to, std::move(message)).help = std::move(help);
    return to;
  };
  uint32_t next = at + 1;
  if (next >= end) return out += '\\', next;
  char c = text_[next++];
  switch (c) {
  case '\n':
    return next;
  case '\r':
    return next < end && text_[next] == '\n' ? next + 1 : next;
  case '\\':
  case '\'':
  case '"':
    return out += c, next;
  case 'a':
    return out += '\a', next;
  case 'b':
    return out += '\b', next;
  case 'f':
    return out += '\f', next;
  case 'n':
    return out += '\n', next;
  case 'r':
    return out += '\r', next;
  case 't':
    return out += '\t', next;
  case 'v':
    return out += '\v', next;
  case 'N':
    return bad(next, "characters cannot be given by their names", "write \\u and the number");
  case 'x':
  case 'u':
  case 'U': {
    uint32_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8, point = 0, i = 0;
    for (; i < digits && next < end && digitValue(text_[next]) < 16; ++i)
      point = point << 4 | uint32_t(digitValue(text_[next++]));
    if (i < digits) return bad(next, fmt::format("\\{} wants {} hexadecimal digits", c, digits));
    if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
      return bad(next, fmt::format("{} is no character", text_.substr(at, next - at)));
    return appendUtf8(out, point), next;
  }
  default:
    break;
  }
  if (c >= '0' && c <= '7') {
    uint32_t point = c - '0';
    for (int i = 0; i < 2 && next < end && text_[next] >= '0' && text_[next] <= '7'; ++i)
      point = point * 8 + (text_[next++] - '0');
    return appendUtf8(out, point), next;
  }
  // Python keeps the backslash of an escape that it does not know.
  out += '\\';
  return next - 1;
}

// f-strings -----------------------------------------------------------------------------

/// Text up to a brace or the end, in an f-string or in the format of one of its fields.
void Lexer::fstringText(Token &token) {
  FString &current = fstrings_.back();
  bool inFormat = brackets_.size() > current.brackets;
  token.begin = position_;
  bool plain = true;
  for (;;) {
    char c = at(position_);
    if (position_ >= text_.size()) return unterminated(token, true, current.triple);
    if (c == current.quote) {
      if (!current.triple) break;
      if (at(position_ + 1) == c && at(position_ + 2) == c) break;
    } else if (c == '{' || c == '}') {
      if (inFormat || at(position_ + 1) != c) break;
      plain = false;
      ++position_;
    } else if (c == '\\') {
      plain = false;
      // `\{` is a backslash and the begin of a field.
      char after = at(position_ + 1);
      if (position_ + 1 < text_.size() && after != '{' && after != '}') ++position_;
      if (text_[position_] == '\r' && at(position_ + 1) == '\n') ++position_;
    } else if (c == '\n' || c == '\r') {
      if (!current.triple) return unterminated(token, true, false);
      plain &= c == '\n';
    }
    ++position_;
  }
  token.end = position_;
  if (token.end > token.begin) {
    token.kind = TokenKind::FStringText;
    token.text = plain ? text_.substr(token.begin, token.end - token.begin)
                       : decode(token.begin, token.end, current.raw, !inFormat, token);
    return;
  }
  if (at(position_) == '{') {
    openBracket(token, TokenKind::FStringOpen, '{');
    brackets_.back().field = true;
    current.inText = false;
    return;
  }
  if (at(position_) == '}') {
    finish(token, TokenKind::FStringClose, 1);
    if (inFormat) {
      brackets_.pop_back();
      return;
    }
    token.kind = TokenKind::Invalid;
    report(Code::Syntax, token.begin, token.end, "a single '}' in an f-string").help =
        "write '}}' for the character itself";
    return;
  }
  if (inFormat) {
    finish(token, TokenKind::Invalid, 0);
    report(Code::Syntax, brackets_.back().begin, brackets_.back().begin + 1,
           "'{' is not closed in the f-string")
        .help = "write '{{' for the character itself";
    brackets_.resize(current.brackets);
    return;
  }
  finish(token, TokenKind::FStringEnd, current.triple ? 3 : 1);
  fstrings_.pop_back();
}

/// What ends the expression of a field. Whether there was such a token.
bool Lexer::fieldToken(Token &token) {
  char c = text_[position_], second = at(position_ + 1);
  if (c == '}') {
    finish(token, TokenKind::FStringClose, 1);
    brackets_.pop_back();
    fstrings_.back().inText = true;
    return true;
  }
  if (c == ':') {
    finish(token, TokenKind::FStringColon, 1);
    fstrings_.back().inText = true;
    return true;
  }
  if (c == '!' && second != '=') {
    uint32_t end = position_ + 1;
    while (isNameByte(at(end))) ++end;
    finish(token, TokenKind::FStringConversion, end - position_);
    token.integer = second;
    if (end != token.begin + 2 || (second != 'r' && second != 's' && second != 'a')) {
      token.bad = true;
      report(Code::Syntax, token.begin, token.end, "no conversion of an f-string").help =
          "there are !r, !s and !a";
    }
    return true;
  }
  if (c == '=' && second != '=') {
    uint32_t end = position_ + 1;
    while (isBlank(at(end))) ++end;
    if (at(end) != '}' && at(end) != ':' && at(end) != '!') return false;
    if (at(end) == '!' && at(end + 1) == '=') return false;
    finish(token, TokenKind::FStringEqual, end - position_);
    uint32_t begin = brackets_.back().begin + 1;
    token.text = text_.substr(begin, end - begin);
    return true;
  }
  return false;
}

} // namespace graphc
