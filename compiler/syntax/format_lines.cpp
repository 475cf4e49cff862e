#include "syntax/format_lines.h"

#include "syntax/lexer.h"

#include <algorithm>
#include <cctype>

namespace graphc {

namespace {

bool opensHeader(TokenKind kind) {
  switch (kind) {
  case TokenKind::If:
  case TokenKind::Elif:
  case TokenKind::Else:
  case TokenKind::For:
  case TokenKind::With:
  case TokenKind::Def:
    return true;
  default:
    return false;
  }
}

/// `#word` gets a blank; `#!`, `##`, `#:` and the like mean something to other programs.
std::string commentText(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  bool word = text.size() > 1 && (std::isalnum(uint8_t(text[1])) || (text[1] & 0x80));
  if (word) return "# " + std::string(text.substr(1));
  return std::string(text);
}

/// `'…'` becomes `"…"` where nothing in it has to change for that; ends of line become "\n".
std::string stringText(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r')
      out += text[i];
    else if (i + 1 == text.size() || text[i + 1] != '\n')
      out += '\n';
  }
  size_t open = out.find_first_of("'\"");
  if (out[open] != '\'' || out.find_first_of("\"\\") != out.npos) return out;
  bool triple = out.size() >= open + 6 && out.compare(open, 3, "'''") == 0;
  size_t quotes = triple ? 3 : 1;
  out.replace(open, quotes, quotes, '"');
  out.replace(out.size() - quotes, quotes, quotes, '"');
  return out;
}

class LineReader {
public:
  LineReader(const SourceManager &sources, FileId file)
      : lexer_(sources, file, symbols_, arena_, nullptr), text_(sources.file(file).text()),
        comments_(comments(text_)) {}

  std::vector<FormatLine> read();

private:
  void comment(const Comment &found, bool insideLine);
  void ownLine(const Comment &found);
  void placeComments(const std::vector<uint32_t> &closed);
  void token(const Token &token);
  void add(FormatItem item);
  void endLine(bool nextSplits);
  uint32_t linesBetween(uint32_t begin, uint32_t end, bool *backslash = nullptr) const;
  bool keepsTogether(uint32_t at) const;
  uint32_t columnOf(uint32_t offset) const;

  Symbols symbols_;
  Arena arena_;
  Lexer lexer_;
  std::string_view text_;
  std::vector<Comment> comments_;
  size_t nextComment_ = 0;
  std::vector<uint32_t> blocks_{0}; // widths of their indentation as written
  std::vector<FormatLine> lines_;
  std::vector<size_t> waiting_; // own-line comments whose block is not known yet
  FormatLine line_;
  uint32_t depth_ = 0;   // of brackets
  uint32_t lambdas_ = 0; // outside brackets, whose `:` has not come yet
  uint32_t extra_ = 0;   // the rest of the line is a block: `if x: a; b`
  bool together_ = false;
  uint32_t last_ = 0; // end of the item before
};

uint32_t LineReader::linesBetween(uint32_t begin, uint32_t end, bool *backslash) const {
  uint32_t count = 0;
  for (uint32_t i = begin; i < end; ++i) {
    if (text_[i] == '\n' || (text_[i] == '\r' && (i + 1 >= text_.size() || text_[i + 1] != '\n')))
      ++count;
    if (backslash && text_[i] == '\\') *backslash = true;
  }
  return count;
}

uint32_t LineReader::columnOf(uint32_t offset) const {
  size_t begin = text_.find_last_of("\r\n", offset);
  return offset - (begin == text_.npos ? 0 : uint32_t(begin) + 1);
}

/// A line whose comment speaks to the linter stays one line: the comment covers all of it.
bool LineReader::keepsTogether(uint32_t at) const {
  for (size_t i = nextComment_; i < comments_.size(); ++i) {
    if (comments_[i].begin < at) continue;
    auto between = text_.substr(at, comments_[i].begin - at);
    if (between.find_first_of("\r\n") != between.npos) return false;
    return text_.substr(comments_[i].begin, comments_[i].end - comments_[i].begin)
               .find("graphc:") != text_.npos;
  }
  return false;
}

void LineReader::ownLine(const Comment &found) {
  FormatLine made;
  made.comment = true;
  uint32_t breaks = linesBetween(last_, found.begin);
  made.blanks = lines_.empty() ? 0 : breaks > 0 ? breaks - 1 : 0;
  made.items.push_back({TokenKind::End, true, false, 0, found.begin, found.end,
                        commentText(text_.substr(found.begin, found.end - found.begin))});
  waiting_.push_back(lines_.size());
  lines_.push_back(std::move(made));
  last_ = found.end;
}

void LineReader::comment(const Comment &found, bool insideLine) {
  auto text = commentText(text_.substr(found.begin, found.end - found.begin));
  if (insideLine) {
    add({TokenKind::End, true, false, 0, found.begin, found.end, std::move(text)});
  } else if (found.ownLine) {
    ownLine(found);
  } else {
    FormatLine &to = line_.items.empty() && !lines_.empty() ? lines_.back() : line_;
    to.trailing = std::move(text);
    last_ = found.end;
  }
}

/// The comments before a statement stand in its block, or, where blocks end before it, in the
/// deepest one that they are indented for. Once one stands outside a block, those after it do.
void LineReader::placeComments(const std::vector<uint32_t> &closed) {
  uint32_t level = uint32_t(blocks_.size() - 1);
  uint32_t deepest = level + uint32_t(closed.size());
  for (size_t i : waiting_) {
    uint32_t column = columnOf(lines_[i].items[0].begin);
    uint32_t best = level;
    // `closed` begins with the deepest block; what is indented more than the block around one
    // is in it.
    for (size_t k = closed.size(); k-- > 0;) {
      uint32_t around = k + 1 < closed.size() ? closed[k + 1] : blocks_.back();
      if (column > around) best = level + uint32_t(closed.size() - k);
    }
    deepest = std::min(best, deepest);
    lines_[i].level = deepest;
  }
  waiting_.clear();
}

void LineReader::add(FormatItem item) {
  item.breaks = linesBetween(last_, item.begin, &item.backslash);
  if (depth_ > 0) item.backslash = false;
  last_ = item.end;
  line_.items.push_back(std::move(item));
}

void LineReader::endLine(bool nextSplits) {
  if (line_.items.empty()) return;
  line_.level = uint32_t(blocks_.size() - 1) + extra_;
  lines_.push_back(std::move(line_));
  line_ = FormatLine();
  line_.splits = nextSplits;
  lambdas_ = 0;
}

void LineReader::token(const Token &token) {
  switch (token.kind) {
  case TokenKind::LParen:
  case TokenKind::LBracket:
  case TokenKind::LBrace:
  case TokenKind::OutputsOpen:
    ++depth_;
    break;
  case TokenKind::RParen:
  case TokenKind::RBracket:
  case TokenKind::RBrace:
    --depth_;
    break;
  case TokenKind::Lambda:
    if (depth_ == 0) ++lambdas_;
    break;
  default:
    break;
  }
  if (depth_ == 0 && token.kind == TokenKind::Semicolon) {
    if (together_)
      add({token.kind, false, false, 0, token.begin, token.end, ";"});
    else
      endLine(true);
    last_ = token.end;
    return;
  }
  if (line_.items.empty()) {
    if (!line_.splits) {
      uint32_t breaks = linesBetween(last_, token.begin);
      line_.blanks = lines_.empty() || breaks == 0 ? 0 : breaks - 1;
      together_ = keepsTogether(token.begin);
    }
    last_ = token.begin;
  }
  FormatItem item;
  item.kind = token.kind;
  item.begin = token.begin;
  item.end = token.end;
  auto text = text_.substr(token.begin, token.end - token.begin);
  if (token.kind == TokenKind::String || token.kind == TokenKind::FStringStart)
    item.text = stringText(text);
  else if (token.kind == TokenKind::IsNot)
    item.text = "is not";
  else if (token.kind == TokenKind::NotIn)
    item.text = "not in";
  else
    item.text = text;
  add(std::move(item));

  if (token.kind != TokenKind::Colon || depth_ > 0) return;
  if (lambdas_ > 0) {
    --lambdas_;
  } else if (opensHeader(line_.items.front().kind)) {
    line_.opensBlock = true;
    if (together_) return;
    // `if x: a` or a header whose line ends here: the lexer will say.
    uint32_t at = token.end;
    while (at < text_.size() && (text_[at] == ' ' || text_[at] == '\t')) ++at;
    bool ends = at == text_.size() || text_[at] == '\n' || text_[at] == '\r' || text_[at] == '#';
    if (ends) return;
    endLine(true);
    ++extra_;
  }
}

std::vector<FormatLine> LineReader::read() {
  Token next;
  std::vector<uint32_t> closed; // widths of blocks that ended since the last statement
  for (lexer_.next(next);; lexer_.next(next)) {
    if (next.kind == TokenKind::Indent || next.kind == TokenKind::Dedent) {
      if (next.kind == TokenKind::Indent) {
        blocks_.push_back(0);
      } else {
        closed.push_back(blocks_.back());
        blocks_.pop_back();
      }
      continue;
    }
    uint32_t until = next.kind == TokenKind::End ? uint32_t(text_.size()) : next.begin;
    for (; nextComment_ < comments_.size() && comments_[nextComment_].begin < until; ++nextComment_)
      comment(comments_[nextComment_], depth_ > 0);
    if (next.kind == TokenKind::Newline || next.kind == TokenKind::End) {
      // The comment behind a statement comes before the line's end.
      size_t newline = next.kind == TokenKind::End ? text_.size() : next.end;
      while (nextComment_ < comments_.size() && comments_[nextComment_].begin < newline &&
             !comments_[nextComment_].ownLine)
        comment(comments_[nextComment_++], false);
      endLine(false);
      extra_ = 0;
      line_.splits = false;
      if (next.kind == TokenKind::End) break;
      continue;
    }
    if (line_.items.empty() && !line_.splits) {
      if (depth_ == 0 && extra_ == 0) blocks_.back() = columnOf(next.begin);
      placeComments(closed);
      closed.clear();
    }
    if (next.kind == TokenKind::FStringStart) {
      // As it is written: a format's blanks are part of the value.
      Token part = next;
      for (uint32_t open = 1; open > 0;) {
        lexer_.next(part);
        if (part.kind == TokenKind::FStringStart) ++open;
        if (part.kind == TokenKind::FStringEnd) --open;
        if (part.kind == TokenKind::End) break;
      }
      next.end = part.end;
      while (nextComment_ < comments_.size() && comments_[nextComment_].begin < next.end)
        ++nextComment_;
    }
    token(next);
  }
  placeComments(closed); // at the end of the file
  return std::move(lines_);
}

} // namespace

std::vector<FormatLine> formatLines(const SourceManager &sources, FileId file) {
  return LineReader(sources, file).read();
}

} // namespace graphc
