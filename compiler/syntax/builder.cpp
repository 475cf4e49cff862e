// The builder's statement boundaries: where one begins, ends, fails, and where to go on.
#include "syntax/builder.h"

#include "syntax/characters.h"

#include <algorithm>

namespace graphc {

AstBuilder::AstBuilder(const SourceManager &sources, FileId file, Symbols &symbols, Arena &arena,
                       Diagnostics &diagnostics)
    : sources_(sources), file_(file), symbols_(symbols), arena_(arena), diagnostics_(diagnostics),
      lexer_(sources, file, symbols, arena, &diagnostics), errorsBefore_(diagnostics.errorCount()) {
  lexer_.next(tokens_[now_]);
}

void AstBuilder::advance() {
  bad_ |= current().bad;
  now_ ^= 1;
  lexer_.next(tokens_[now_]);
}

Diagnostic &AstBuilder::error(Code code, uint32_t begin, uint32_t end, std::string message) {
  bool silent = bad_ || (code == Code::NotInDefinition && context_.foreign);
  bad_ = true;
  if (silent) return unheard_;
  return diagnostics_.error(code, {file_, begin, end}, std::move(message));
}

uint32_t AstBuilder::lineOf(uint32_t offset) const {
  return sources_.file(file_).lineColumn(offset).line;
}

void AstBuilder::deeper() {
  if (++depth_ <= maxNesting) return;
  tooDeep_ = true;
  error(Code::NestedTooDeep, last(), "nested too deep").help =
      fmt::format("at most {} brackets and blocks can stand in each other", maxNesting);
  fail();
}

void AstBuilder::raise(Expr *expr, uint32_t height) {
  expr->height = uint16_t(height);
  if (height <= maxExprHeight) return;
  error(Code::NestedTooDeep, expr, "the expression is nested too deep").help =
      "give parts of it names of their own";
  fail();
}

void AstBuilder::heightOf(Expr *expr, ExprList parts) {
  uint32_t height = 0;
  for (const Expr *part : parts) height = std::max<uint32_t>(height, part->height);
  raise(expr, height + 1);
}

ExprList AstBuilder::takeValues(size_t from) {
  size_t count = values_.size() - from;
  if (count == 0) return {};
  auto *to = static_cast<const Expr **>(
      arena_.allocate(count * sizeof(const Expr *), alignof(const Expr *)));
  for (size_t i = 0; i < count; ++i) to[i] = values_[from + i].expr;
  values_.resize(from);
  return {to, count};
}

void AstBuilder::beginStatement() {
  Mark mark;
  mark.first = current();
  mark.context = context_;
  mark.depth = depth_;
  mark.indentation = lexer_.indentation();
  mark.values = values_.size();
  mark.operators = operators_.size();
  mark.frames = frames_.size();
  mark.statements = statements_.size();
  mark.blocks = blocks_.size();
  mark.branches = branches_.size();
  mark.arguments = arguments_.size();
  mark.parameters = parameters_.size();
  mark.entries = entries_.size();
  mark.clauses = clauses_.size();
  mark.parts = parts_.size();
  mark.fields = fields_.size();
  mark.names = names_.size();
  mark.imported = imported_.size();
  mark.exports = exports_.size();
  mark.withItems = withItems_.size();
  mark.defs = defs_.size();
  mark.bad = bad_;
  mark.sibling = sibling_;
  marks_.push_back(mark);
  bad_ = false;
  sibling_ = Sibling::Fine;
  simpleBegin_ = current().begin;
}

/// Leaves the innermost statement, without what it made if it failed.
void AstBuilder::leaveStatement(const Mark &mark, Sibling fared) {
  if (fared != Sibling::Fine || context_.dropped) {
    statements_.resize(mark.statements);
    complete_ = false;
    if (!mark.context.dropped) lose(mark.first.begin, current().begin);
  }
  context_ = mark.context;
  depth_ = mark.depth;
  bad_ = mark.bad;
  sibling_ = fared;
  group_ = minimum_ = nullptr;
  marks_.pop_back();
}

void AstBuilder::endStatement() {
  if (group_) error(Code::Syntax, groupAs_, "'as' may stand in a 'with' or an import only");
  leaveStatement(Mark(marks_.back()), bad_ ? Sibling::Failed : Sibling::Fine);
}

void AstBuilder::recover() {
  Mark mark = marks_.back();
  values_.resize(mark.values);
  operators_.resize(mark.operators);
  frames_.resize(mark.frames);
  blocks_.resize(mark.blocks);
  branches_.resize(mark.branches);
  arguments_.resize(mark.arguments);
  parameters_.resize(mark.parameters);
  entries_.resize(mark.entries);
  clauses_.resize(mark.clauses);
  parts_.resize(mark.parts);
  fields_.resize(mark.fields);
  names_.resize(mark.names);
  imported_.resize(mark.imported);
  exports_.resize(mark.exports);
  withItems_.resize(mark.withItems);
  groupItems_.clear();
  defs_.resize(mark.defs);
  skip(mark);
  leaveStatement(mark, foreignFailure_ ? Sibling::Foreign : Sibling::Failed);
  foreignFailure_ = tooDeep_ = failedHere_ = false;
}

/// Goes to where the next statement begins.
void AstBuilder::skip(const Mark &mark) {
  auto restart = [&](uint32_t at) {
    lexer_.mute(false);
    lexer_.restart(at);
    lexer_.next(tokens_[now_]);
  };
  if (failedHere_) return;
  if (resumeAt_) {
    restart(*resumeAt_);
    resumeAt_.reset();
    return;
  }
  lexer_.mute(true);
  // A stray block that is too deep goes as a whole.
  uint32_t open = tooDeep_ && mark.first.kind == TokenKind::Indent ? 1 : 0;
  for (; open == 0; advance()) {
    auto kind = current().kind;
    uint32_t lineBegin = 0;
    if (kind == TokenKind::End) {
      if (!lexer_.brackets().empty()) restart(lexer_.text().size());
      break;
    }
    if (kind == TokenKind::Newline) {
      lexer_.mute(tooDeep_);
      advance();
      break;
    }
    if (kind == TokenKind::Indent || kind == TokenKind::Dedent) break;
    if (!lexer_.brackets().empty() && firstOnLine(current().begin, lineBegin) &&
        looksLikeStatement(lineBegin, mark.indentation)) {
      restart(lineBegin);
      break;
    }
  }
  if (tooDeep_ && (open > 0 || current().kind == TokenKind::Indent)) {
    do {
      if (current().kind == TokenKind::Indent) ++open;
      if (current().kind == TokenKind::Dedent && --open == 0) lexer_.mute(false);
      advance();
    } while (open > 0 && current().kind != TokenKind::End);
  }
  lexer_.mute(false);
}

bool AstBuilder::firstOnLine(uint32_t offset, uint32_t &lineBegin) const {
  auto text = lexer_.text();
  while (offset > 0 && isBlank(text[offset - 1])) --offset;
  lineBegin = offset;
  return offset == 0 || text[offset - 1] == '\n' || text[offset - 1] == '\r';
}

/// Whether a line within brackets that nothing has closed is rather the next statement: it
/// begins with a word that no expression has, or is indented no deeper and begins as
/// statements do.
bool AstBuilder::looksLikeStatement(uint32_t begin, uint32_t indentation) const {
  auto text = lexer_.text();
  bool deeper = lexer_.measure(begin) > indentation;
  if (begin >= text.size()) return false;
  uint32_t end = begin;
  while (end < text.size() && (isNameByte(text[end]) || isHigh(text[end]))) ++end;
  auto word = text.substr(begin, end - begin);
  for (std::string_view statement : {"def", "return", "with", "pass", "break", "continue", "assert",
                                     "import", "while", "class", "try", "raise", "del", "global"})
    if (word == statement) return true;
  if (deeper) return false;
  if (text[begin] == '@') return true;
  if (end == begin || isDigit(text[begin])) return false;
  for (std::string_view statement : {"for", "if", "elif", "else", "from", "param", "export"})
    if (word == statement) return true;
  while (end < text.size() && isBlank(text[end])) ++end;
  auto rest = text.substr(end, 2);
  return !rest.empty() && rest != "==" && std::string_view("=([.").find(rest[0]) != rest.npos;
}

/// The names in a text that was left out may have been defined there.
void AstBuilder::lose(uint32_t begin, uint32_t end) {
  auto text = lexer_.text();
  for (uint32_t i = begin; i < end;) {
    if (!isNameByte(text[i]) && !isHigh(text[i])) {
      ++i;
      continue;
    }
    uint32_t from = i;
    while (i < end && (isNameByte(text[i]) || isHigh(text[i]))) ++i;
    if (!isDigit(text[from])) lost_.push_back(symbols_.intern(text.substr(from, i - from)));
  }
}

const Module *AstBuilder::finish() {
  auto *module = arena_.make<Module>();
  module->file = file_;
  module->body = take(statements_, 0);
  module->complete = complete_ && diagnostics_.errorCount() == errorsBefore_;
  std::sort(lost_.begin(), lost_.end());
  lost_.erase(std::unique(lost_.begin(), lost_.end()), lost_.end());
  module->lostNames = take(lost_, 0);
  if (!module->body.empty())
    if (auto *first = module->body[0]->dynAs<ExprStmt>())
      if (auto *text = first->value->dynAs<StringExpr>()) module->docstring = text->value;
  return module;
}

} // namespace graphc
