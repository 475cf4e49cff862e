// How the builder words what the grammar did not expect.
#include "syntax/builder.h"
#include "syntax/characters.h"

#include <algorithm>

namespace graphc {

namespace {

constexpr const char *commaHelp = "is a ',' missing?";

bool beginsOperand(TokenKind kind) {
  switch (kind) {
  case TokenKind::Name:
  case TokenKind::Int:
  case TokenKind::Float:
  case TokenKind::String:
  case TokenKind::FStringStart:
  case TokenKind::None:
  case TokenKind::True:
  case TokenKind::False:
  case TokenKind::Lambda:
  case TokenKind::Not:
  case TokenKind::LBrace:
    return true;
  default:
    return false;
  }
}

bool endsOperand(TokenKind kind) {
  switch (kind) {
  case TokenKind::Name:
  case TokenKind::Int:
  case TokenKind::Float:
  case TokenKind::String:
  case TokenKind::FStringEnd:
  case TokenKind::None:
  case TokenKind::True:
  case TokenKind::False:
  case TokenKind::Ellipsis:
  case TokenKind::RParen:
  case TokenKind::RBracket:
  case TokenKind::RBrace:
    return true;
  default:
    return false;
  }
}

struct Foreign {
  TokenKind kind;
  const char *what, *help;
};
constexpr Foreign foreignStatements[] = {
    {TokenKind::While, "'while' is", "write 'for … in range(…)', which is unrolled"},
    {TokenKind::Class, "a class is", "write a 'def' that makes the variables in a variable_scope"},
    {TokenKind::Try, "an exception handler is",
     "what is wrong with a definition is an error; choose with 'if'"},
    {TokenKind::Except, "an exception handler is",
     "what is wrong with a definition is an error; choose with 'if'"},
    {TokenKind::Finally, "an exception handler is",
     "what is wrong with a definition is an error; choose with 'if'"},
    {TokenKind::Raise, "'raise' is", "write 'assert CONDITION, MESSAGE'"},
    {TokenKind::Global, "'global' is", "return the value, or keep it in a list or dict"},
    {TokenKind::Nonlocal, "'nonlocal' is", "return the value, or keep it in a list or dict"},
    {TokenKind::Del, "'del' is", "leave it out; nothing is kept of the name in generated code"},
    {TokenKind::Async, "'async' is", "leave it out; a definition only describes the graph"},
    {TokenKind::At, "a decorator is", "call the function on the 'def' that follows: f = g(f)"},
    {TokenKind::Yield, "'yield' is", "make a list and return it"},
    {TokenKind::Await, "'await' is", "leave it out; a definition only describes the graph"},
};

} // namespace

std::string AstBuilder::found(const Token &token) const {
  switch (token.kind) {
  case TokenKind::Newline:
  case TokenKind::End:
  case TokenKind::Dedent:
  case TokenKind::Indent:
    return std::string(tokenText(token.kind));
  case TokenKind::String:
  case TokenKind::FStringStart:
    return "a string";
  default:
    break;
  }
  auto text = lexer_.text().substr(token.begin, token.end - token.begin);
  if (text.size() > 24 || text.find_first_of("\r\n") != text.npos)
    return std::string(tokenText(token.kind));
  return fmt::format("'{}'", text);
}

void AstBuilder::foreignStatement() {
  bool consequence = (last().kind == TokenKind::Except || last().kind == TokenKind::Finally) &&
                     marks_.back().sibling != Sibling::Fine;
  foreignFailure_ = true;
  if (consequence) {
    bad_ = true;
    fail();
  }
  foreignExpr();
}

/// Ends the statement with what to write in place of the last token.
void AstBuilder::foreignExpr() {
  for (auto &[kind, what, help] : foreignStatements) {
    if (kind != last().kind) continue;
    error(Code::NotInDefinition, last(), fmt::format("{} not part of a graph definition", what))
        .help = help;
  }
  fail();
}

void AstBuilder::strayToken() {
  bad_ |= last().kind == TokenKind::Invalid;
  error(Code::Syntax, last(), fmt::format("unexpected {}", found(last())));
  fail();
}

/// A bracket that is open while the current token is plainly of another statement.
bool AstBuilder::unclosedBracket() {
  auto &brackets = lexer_.brackets();
  size_t count = brackets.size();
  while (count > 0 && brackets[count - 1].begin >= current().begin) --count;
  if (count == 0) return false;
  auto bracket = brackets[count - 1];
  auto text = lexer_.text();
  if (current().kind != TokenKind::End) {
    auto between = text.substr(bracket.begin, current().begin - bracket.begin);
    if (between.find_first_of("\r\n") == between.npos) return false;
    uint32_t lineBegin = current().begin;
    while (lineBegin > 0 && text[lineBegin - 1] != '\n' && text[lineBegin - 1] != '\r') --lineBegin;
    if (!looksLikeStatement(lineBegin, marks_.back().indentation)) return false;
    resumeAt_ = lineBegin;
  }
  error(Code::Syntax, bracket.begin, bracket.begin + 1, fmt::format("unclosed '{}'", bracket.open));
  return true;
}

/// `print x`, as Python 2 has it.
bool AstBuilder::printStatement() {
  auto text = lexer_.text();
  if (last().kind != TokenKind::Name || last().begin != simpleBegin_ ||
      symbols_.text(last().symbol) != "print" || !beginsOperand(current().kind))
    return false;
  uint32_t end = current().begin;
  while (end < text.size() && text[end] != '\n' && text[end] != '\r') ++end;
  auto rest = text.substr(current().begin, end - current().begin);
  while (!rest.empty() && isBlank(rest.back())) rest.remove_suffix(1);
  bool plain = rest.size() <= 60 && rest.find_first_of("#;\\") == rest.npos;
  error(Code::NotInDefinition, last(), "'print' is a function").help =
      plain ? fmt::format("write print({})", rest) : "write print(…)";
  return true;
}

/// The keyword that the statement's first word may be meant to be, if that is the last token.
std::string AstBuilder::keywordMeant() const {
  Token word = last().begin == simpleBegin_ ? last() : first();
  if (word.kind != TokenKind::Name || word.begin != simpleBegin_) return "";
  auto text = symbols_.text(word.symbol);
  if (text == "elseif" || text == "elsif") return "elif";
  if (text == "function" || text == "func" || text == "fn" || text == "fun") return "def";
  static const std::vector<std::string_view> statements = {
      "return", "assert", "import", "for",  "from",  "with",     "if",    "elif", "else",
      "def",    "param",  "export", "pass", "break", "continue", "while", "class"};
  auto nearest = nearestName(text, statements);
  return nearest ? *nearest : "";
}

std::string AstBuilder::describeExpected(TokenKind expected, std::string &help) {
  auto next = current().kind;
  bool closes = expected == TokenKind::RParen || expected == TokenKind::RBracket ||
                expected == TokenKind::RBrace;
  if (expected == TokenKind::Colon && !frames_.empty() &&
      lexer_.text()[frames_.back().begin] == '{') {
    if (beginsOperand(next)) help = commaHelp;
    return fmt::format("expected ':' after the key, found {}", found(current()));
  }
  if (expected == TokenKind::Colon) {
    bool ofLambda = !operators_.empty() && operators_.back().kind == TokenKind::Lambda &&
                    !frames_.empty() && frames_.back().begin == operators_.back().begin;
    if (ofLambda)
      return fmt::format("expected ':' after the parameters of 'lambda', found {}",
                         found(current()));
    if (next == TokenKind::Assign) help = "did you mean '=='?";
    if (last().kind == TokenKind::Else && next == TokenKind::If) help = "write 'elif'";
    return fmt::format("expected ':' after {}, found {}", header_, found(current()));
  }
  if (closes) {
    if (beginsOperand(next)) help = commaHelp;
    if (next == TokenKind::Assign) help = "did you mean '=='?";
    bool empty = last().kind == TokenKind::Comma || last().kind == TokenKind::LParen ||
                 last().kind == TokenKind::LBracket || last().kind == TokenKind::LBrace;
    bool parameters = first().kind == TokenKind::Def && defs_.size() == marks_.back().defs;
    if (parameters) help.clear();
    const char *other = !empty ? "','" : parameters ? "a parameter" : "an expression";
    return fmt::format("expected {} or {}, found {}", other, tokenText(expected), found(current()));
  }
  switch (expected) {
  case TokenKind::Newline:
    if (auto meant = keywordMeant(); !meant.empty() && last().begin == simpleBegin_)
      help = fmt::format("did you mean '{}'?", meant);
    if (first().kind == TokenKind::Export) help = "put the outputs in parentheses: -> (…, …)";
    return fmt::format("unexpected {} after the end of the statement", found(current()));
  case TokenKind::In:
    return fmt::format("expected 'in' after the targets of 'for', found {}", found(current()));
  case TokenKind::Name:
    if (next >= TokenKind::None) help = "it is a reserved word";
    [[fallthrough]];
  default:
    return fmt::format("expected {} after {}, found {}", tokenText(expected), found(last()),
                       found(current()));
  }
}

/// What may end an operand at the current token, other than an operator.
TokenKind AstBuilder::wantedAfterOperand() const {
  auto &brackets = lexer_.brackets();
  size_t count = brackets.size();
  while (count > 0 && brackets[count - 1].begin >= current().begin) --count;
  if (count == 0) return TokenKind::Newline;
  if (brackets[count - 1].field) return TokenKind::FStringClose;
  char open = brackets[count - 1].open;
  return open == '(' ? TokenKind::RParen : open == '[' ? TokenKind::RBracket : TokenKind::RBrace;
}

void AstBuilder::unexpected(TokenKind expected) {
  const Token &token = current();
  if (expected == TokenKind::Indent) {
    failedHere_ = true;
    auto text = lexer_.text();
    bool more = token.begin < text.size();
    uint32_t begin = more ? token.begin : headerWord_.begin, end = begin;
    while (end < text.size() && isNameByte(text[end])) ++end;
    error(Code::Indentation, begin, std::max(end, begin + 1),
          fmt::format("expected an indented block after '{}' on line {}",
                      lexer_.text().substr(headerWord_.begin, headerWord_.end - headerWord_.begin),
                      lineOf(headerWord_.begin)));
    fail();
  }
  bad_ |= token.bad || token.kind == TokenKind::Invalid;
  if (unclosedBracket() || printStatement()) fail();

  if (expected == TokenKind::End && endsOperand(last().kind) && last().begin >= simpleBegin_)
    expected = wantedAfterOperand();
  std::string help, message;
  if (expected != TokenKind::End) {
    message = describeExpected(expected, help);
  } else if (last().begin < simpleBegin_ || token.begin == simpleBegin_) {
    message = fmt::format("unexpected {}", found(token));
  } else {
    const char *what = "an expression";
    switch (last().kind) {
    case TokenKind::Import:
      what = last().begin == simpleBegin_ ? "a file or a module" : "a name";
      break;
    case TokenKind::From:
      what = "a file";
      break;
    case TokenKind::For:
    case TokenKind::Def:
    case TokenKind::As:
      what = "a name";
      break;
    case TokenKind::FStringOpen:
      message = "an f-string's braces without an expression";
      help = "write '{{}}' for the characters themselves";
      break;
    default:
      break;
    }
    if (message.empty())
      message = fmt::format("expected {} after {}, found {}", what, found(last()), found(token));
    auto text = lexer_.text();
    if (last().begin > 0 && (last().kind == TokenKind::Plus || last().kind == TokenKind::Minus) &&
        text[last().begin - 1] == text[last().begin] && token.kind == TokenKind::Newline)
      help = fmt::format("write '{}= 1'", text[last().begin]);
  }
  bool atEnd = token.kind == TokenKind::Newline || token.kind == TokenKind::End ||
               token.kind == TokenKind::Dedent || token.kind == TokenKind::Indent;
  // A missing comma is missing on the line before.
  auto between = lexer_.text().substr(last().end, token.begin - last().end);
  atEnd |= help == commaHelp && between.find_first_of("\r\n") != between.npos;
  uint32_t begin = atEnd ? last().end : token.begin;
  error(Code::Syntax, begin, atEnd ? begin : token.end, std::move(message)).help = std::move(help);
  fail();
}

} // namespace graphc
