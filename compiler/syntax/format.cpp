#include "syntax/format.h"

#include "syntax/dump.h"
#include "syntax/format_lines.h"
#include "syntax/lexer.h"

#include <algorithm>

namespace graphc {

namespace {

constexpr uint32_t indentation = 4;

bool isOpener(TokenKind kind) {
  return kind == TokenKind::LParen || kind == TokenKind::LBracket || kind == TokenKind::LBrace ||
         kind == TokenKind::OutputsOpen;
}
bool isCloser(TokenKind kind) {
  return kind == TokenKind::RParen || kind == TokenKind::RBracket || kind == TokenKind::RBrace;
}

/// Whether an operand can end with it, so that an operator after it takes two.
bool endsOperand(TokenKind kind) {
  switch (kind) {
  case TokenKind::Name:
  case TokenKind::Int:
  case TokenKind::Float:
  case TokenKind::String:
  case TokenKind::FStringStart:
  case TokenKind::Ellipsis:
  case TokenKind::None:
  case TokenKind::True:
  case TokenKind::False:
    return true;
  default:
    return isCloser(kind);
  }
}

/// Whether a call or index may follow it directly.
bool endsCallee(TokenKind kind) {
  return kind == TokenKind::Name || kind == TokenKind::String || kind == TokenKind::FStringStart ||
         isCloser(kind);
}

bool maybeUnary(TokenKind kind) {
  switch (kind) {
  case TokenKind::Plus:
  case TokenKind::Minus:
  case TokenKind::Tilde:
  case TokenKind::Star:
  case TokenKind::DoubleStar:
    return true;
  default:
    return false;
  }
}

/// An open bracket, or a statement outside brackets.
struct Nest {
  enum Kind : uint8_t { Statement, Parameters, Call, Index, Dict, Other } kind = Statement;
  bool spacedSlices = false; // `a[x + 1 : y]`: an operand of a slice holds an operator
  bool annotated = false;    // `x: int` came since the last comma
  uint32_t lambdas = 0;      // whose `:` has not come yet
  uint32_t indent = 0;       // of lines within
  uint32_t closing = 0;      // of a line that begins with its end
};

/// Writes lines, remembering what stands around the place where it is.
class Writer {
public:
  std::string write(const std::vector<FormatLine> &lines);

private:
  void line(const FormatLine &line);
  void item(const FormatLine &line, size_t at);
  bool space(const FormatLine &line, size_t at);
  void open(const FormatLine &line, size_t at);
  void newLine(uint32_t indent, uint32_t blanks = 0);
  uint32_t column() const;

  std::string out_;
  std::vector<Nest> nests_;
  std::vector<bool> unary_; // of the line's items
  uint32_t lineIndent_ = 0; // of the line of text being written
};

/// Code points since the last end of line.
uint32_t Writer::column() const {
  size_t begin = out_.rfind('\n') + 1; // npos + 1 is 0
  return uint32_t(std::count_if(out_.begin() + ptrdiff_t(begin), out_.end(),
                                [](char c) { return (c & 0xC0) != 0x80; }));
}

void Writer::newLine(uint32_t indent, uint32_t blanks) {
  out_.append(blanks + 1, '\n');
  out_.append(indent, ' ');
  lineIndent_ = indent;
}

/// Whether a slice in the brackets that open at `at` has an operand of several parts.
bool hasOperatorInSlice(const FormatLine &line, size_t at) {
  uint32_t depth = 0;
  bool colon = false, binary = false;
  for (size_t i = at + 1; i < line.items.size(); ++i) {
    TokenKind kind = line.items[i].kind;
    if (isOpener(kind)) {
      ++depth;
    } else if (isCloser(kind)) {
      if (depth-- == 0) break;
    } else if (depth == 0) {
      if (kind == TokenKind::Colon) colon = true;
      bool twoOperands = endsOperand(line.items[i - 1].kind) && i > at + 1;
      if (twoOperands && !endsOperand(kind) && kind != TokenKind::Comma &&
          kind != TokenKind::Colon && kind != TokenKind::Dot)
        binary = true;
    }
  }
  return colon && binary;
}

void Writer::open(const FormatLine &line, size_t at) {
  const auto &items = line.items;
  Nest nest;
  TokenKind kind = items[at].kind;
  bool attached = at > 0 && endsCallee(items[at - 1].kind);
  if (kind == TokenKind::LBrace)
    nest.kind = Nest::Dict;
  else if (kind == TokenKind::LBracket)
    nest.kind = attached ? Nest::Index : Nest::Other;
  else if (kind == TokenKind::OutputsOpen)
    nest.kind = Nest::Call;
  else if (attached)
    nest.kind =
        items[0].kind == TokenKind::Def && nests_.size() == 1 ? Nest::Parameters : Nest::Call;
  else
    nest.kind = Nest::Other;
  if (nest.kind == Nest::Index) nest.spacedSlices = hasOperatorInSlice(line, at);

  bool hanging = at + 1 < items.size() && (items[at + 1].breaks > 0 || items[at + 1].comment);
  if (hanging) {
    nest.indent = lineIndent_ + indentation;
    nest.closing = lineIndent_;
    // In a header whose bracket ends behind its last line, what is within must not look like
    // the block.
    uint32_t depth = 0;
    for (size_t i = at + 1; i < items.size() && line.opensBlock; ++i) {
      if (isOpener(items[i].kind)) ++depth;
      if (!isCloser(items[i].kind) || depth-- > 0) continue;
      if (items[i].breaks == 0 && lineIndent_ == line.level * indentation)
        nest.indent += indentation;
      break;
    }
  } else {
    nest.indent = column();
    nest.closing = nest.indent - 1;
  }
  nests_.push_back(nest);
}

/// Whether a blank stands before an item on the same line.
bool Writer::space(const FormatLine &line, size_t at) {
  if (at == 0) return false;
  TokenKind before = line.items[at - 1].kind, now = line.items[at].kind;
  Nest &nest = nests_.back();
  if (isOpener(before) || isCloser(now)) return false;
  if (now == TokenKind::Comma || now == TokenKind::Semicolon) return false;
  if (before == TokenKind::Comma || before == TokenKind::Semicolon) return true;
  bool slice = nest.kind == Nest::Index && nest.lambdas == 0;
  if (now == TokenKind::Colon) return slice && nest.spacedSlices && before != TokenKind::Colon;
  if (before == TokenKind::Colon) return !slice || (nest.spacedSlices && now != TokenKind::Colon);
  if (now == TokenKind::Dot) return before == TokenKind::Int || before == TokenKind::From;
  if (before == TokenKind::Dot) return now == TokenKind::Import;
  if (now == TokenKind::LParen || now == TokenKind::LBracket)
    if (endsCallee(before)) return false;
  if (unary_[at - 1]) return false;
  if (now == TokenKind::Assign || before == TokenKind::Assign) {
    bool keyword = nest.lambdas > 0 || nest.kind == Nest::Call || nest.kind == Nest::Parameters;
    return !keyword || nest.annotated;
  }
  return true;
}

void Writer::item(const FormatLine &line, size_t at) {
  const FormatItem &item = line.items[at];
  TokenKind kind = item.kind;
  if (item.comment) {
    if (at > 0 && item.breaks == 0)
      out_ += "  ";
    else if (at > 0)
      newLine(nests_.back().indent, item.breaks > 1 && !isOpener(line.items[at - 1].kind));
    out_ += item.text;
    return;
  }
  unary_[at] = maybeUnary(kind) && (at == 0 || !endsOperand(line.items[at - 1].kind));
  if (at > 0 && item.backslash) {
    out_ += " \\";
    newLine(line.level * indentation + indentation);
  } else if (at > 0 && item.breaks > 0 && nests_.size() > 1) {
    const Nest &nest = nests_.back();
    bool blank = item.breaks > 1 && !isCloser(kind) && !isOpener(line.items[at - 1].kind);
    newLine(isCloser(kind) ? nest.closing : nest.indent, blank);
  } else if (space(line, at)) {
    out_ += ' ';
  }
  Nest &nest = nests_.back();
  if (kind == TokenKind::Lambda) {
    ++nest.lambdas;
  } else if (kind == TokenKind::Colon) {
    if (nest.lambdas > 0)
      --nest.lambdas;
    else if (nest.kind == Nest::Parameters)
      nest.annotated = true;
  } else if (kind == TokenKind::Comma) {
    nest.annotated = false;
  }
  out_ += item.text;
  if (isOpener(kind))
    open(line, at);
  else if (isCloser(kind))
    nests_.pop_back();
}

void Writer::line(const FormatLine &line) {
  nests_.assign(1, Nest());
  unary_.assign(line.items.size(), false);
  lineIndent_ = line.level * indentation;
  out_.append(lineIndent_, ' ');
  for (size_t i = 0; i < line.items.size(); ++i) item(line, i);
  if (!line.trailing.empty()) out_ += "  " + line.trailing;
  out_ += '\n';
}

std::string Writer::write(const std::vector<FormatLine> &lines) {
  std::vector<bool> afterDef; // for each open block: the last statement in it was a def
  bool groupPlaced = false;   // a def's empty lines stand before the comments above it
  for (size_t i = 0; i < lines.size(); ++i) {
    const FormatLine &now = lines[i];
    afterDef.resize(now.level + 1, false);
    bool first = i == 0 || (lines[i - 1].opensBlock && lines[i - 1].level < now.level);
    uint32_t most = now.level == 0 ? 2 : 1;
    uint32_t blanks = std::min(now.blanks, most);

    // The comments right above a def belong to it.
    size_t end = i;
    while (end < lines.size() && lines[end].comment && lines[end].level == now.level &&
           end + 1 < lines.size() && lines[end + 1].blanks == 0)
      ++end;
    bool def = end < lines.size() && !lines[end].comment && lines[end].level == now.level &&
               lines[end].items[0].kind == TokenKind::Def;
    if (groupPlaced)
      blanks = 0;
    else if (def || afterDef[now.level])
      blanks = most;
    groupPlaced = now.comment && def;
    if (first) blanks = 0;
    out_.append(blanks, '\n');
    line(now);
    afterDef[now.level] = !now.comment && now.items[0].kind == TokenKind::Def;
  }
  return std::move(out_);
}

} // namespace

std::optional<std::string> format(const SourceManager &sources, FileId file,
                                  Diagnostics &diagnostics) {
  Symbols symbols;
  Arena arena;
  size_t errors = diagnostics.errorCount();
  const Module *before = parse(sources, file, symbols, arena, diagnostics);
  if (diagnostics.errorCount() != errors) return std::nullopt;
  std::string text = Writer().write(formatLines(sources, file));

  // What is written must mean the same; if it did not, nothing is written.
  SourceManager written;
  Diagnostics complaints(written);
  FileId again = written.add(sources.file(file).path(), text);
  const Module *after = parse(written, again, symbols, arena, complaints);
  DumpOptions plain;
  plain.spans = false;
  if (complaints.hasErrors() || dump(*before, symbols, plain) != dump(*after, symbols, plain)) {
    diagnostics.error(Code::Syntax, {file, 0, 0},
                      "this file can't be formatted without changing what it means, which is a "
                      "mistake of graphc; it is left as it is");
    return std::nullopt;
  }
  return text;
}

} // namespace graphc
