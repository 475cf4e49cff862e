#include "syntax/parser.h"

#include "GraphParser.h"
#include "syntax/builder.h"

namespace graphc {

// The grammar's tokens are numbered as ours.
#define TOKEN(kind, text) static_assert(size_t(TokenKind::kind) == size_t(GraphParser::kind));
#include "syntax/tokens.def"

namespace {

/// The one token that ANTLR sees at a time: only its kind.
class WindowToken final : public antlr4::Token {
public:
  explicit WindowToken(const AstBuilder &builder) : builder_(builder) {}
  size_t getType() const override {
    auto kind = builder_.current().kind;
    return kind == TokenKind::End ? antlr4::Token::EOF : size_t(kind);
  }
  std::string getText() const override { return ""; }
  size_t getLine() const override { return 0; }
  size_t getCharPositionInLine() const override { return 0; }
  size_t getChannel() const override { return DEFAULT_CHANNEL; }
  size_t getTokenIndex() const override { return 0; }
  size_t getStartIndex() const override { return 0; }
  size_t getStopIndex() const override { return 0; }
  antlr4::TokenSource *getTokenSource() const override { return nullptr; }
  antlr4::CharStream *getInputStream() const override { return nullptr; }
  std::string toString() const override { return ""; }

private:
  const AstBuilder &builder_;
};

/// A stream that shows one token: an LL(1) grammar looks no further.
class Window final : public antlr4::TokenStream {
public:
  explicit Window(AstBuilder &builder) : builder_(builder), token_(builder) {}
  void consume() override { builder_.advance(); }
  size_t LA(ssize_t) override { return token_.getType(); }
  antlr4::Token *LT(ssize_t) override { return &token_; }
  antlr4::Token *get(size_t) const override { return const_cast<WindowToken *>(&token_); }
  antlr4::TokenSource *getTokenSource() const override { return nullptr; }
  std::string getText(const antlr4::misc::Interval &) override { return ""; }
  std::string getText() override { return ""; }
  std::string getText(antlr4::RuleContext *) override { return ""; }
  std::string getText(antlr4::Token *, antlr4::Token *) override { return ""; }
  ssize_t mark() override { return 0; }
  void release(ssize_t) override {}
  size_t index() override { return 0; }
  void seek(size_t) override {}
  size_t size() override { return 0; }
  std::string getSourceName() const override { return ""; }

private:
  AstBuilder &builder_;
  WindowToken token_;
};

/// Leaves every error to the builder, which reports it and ends the statement.
class ErrorStrategy final : public antlr4::ANTLRErrorStrategy {
public:
  explicit ErrorStrategy(AstBuilder &builder) : builder_(builder) {}
  void reset(antlr4::Parser *) override {}
  antlr4::Token *recoverInline(antlr4::Parser *parser) override {
    auto &atn = parser->getATN();
    auto wanted = atn.nextTokens(atn.states[parser->getState()]);
    bool one = wanted.size() == 1 && wanted.getMinElement() > 0;
    builder_.unexpected(one ? TokenKind(wanted.getMinElement()) : TokenKind::End);
  }
  void recover(antlr4::Parser *, std::exception_ptr) override { throw StatementFailed(); }
  void sync(antlr4::Parser *) override {}
  bool inErrorRecoveryMode(antlr4::Parser *) override { return false; }
  void reportMatch(antlr4::Parser *) override {}
  void reportError(antlr4::Parser *, const antlr4::RecognitionException &) override {
    builder_.unexpected();
  }

private:
  AstBuilder &builder_;
};

} // namespace

const Module *parse(const SourceManager &sources, FileId file, Symbols &symbols, Arena &arena,
                    Diagnostics &diagnostics) {
  // Offsets are 32 bits wide, with room for sums of two.
  if (sources.file(file).text().size() >= size_t(1) << 31) {
    diagnostics.error(Code::UnreadableFile, {file, 0, 0}, "the file is larger than 2 GiB");
    auto *module = arena.make<Module>();
    module->file = file;
    module->complete = false;
    return module;
  }
  AstBuilder builder(sources, file, symbols, arena, diagnostics);
  Window window(builder);
  GraphParser parser(&window);
  parser.setErrorHandler(std::make_shared<ErrorStrategy>(builder));
  parser.setBuildParseTree(false);
  parser.removeErrorListeners();
  parser.b = &builder;
  while (builder.current().kind != TokenKind::End) {
    parser.statement();
    parser.release();
  }
  return builder.finish();
}

} // namespace graphc
