#include "syntax/parser.h"

#include "GraphParser.h"

namespace graphc {

// The grammar's tokens are numbered as ours.
#define TOKEN(kind, text) static_assert(size_t(TokenKind::kind) == size_t(GraphParser::kind));
#include "syntax/tokens.def"

namespace {

/// ANTLR's parser wants a stream of its own, of which it reads the current token where it
/// makes an exception. Nothing else is asked of it.
class NoStream final : public antlr4::TokenStream {
public:
  void consume() override {}
  size_t LA(ssize_t) override { return antlr4::Token::EOF; }
  antlr4::Token *LT(ssize_t) override { return nullptr; }
  antlr4::Token *get(size_t) const override { return nullptr; }
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
};

} // namespace

/// The token that `match` was called for did not come.
void ParserBase::mismatch() {
  auto wanted = getATN().nextTokens(getATN().states[state_]);
  bool one = wanted.size() == 1 && wanted.getMinElement() > 0;
  b->unexpected(one ? TokenKind(wanted.getMinElement()) : TokenKind::End);
}

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
  NoStream stream;
  GraphParser parser(&stream);
  parser.b = &builder;
  while (builder.current().kind != TokenKind::End) parser.statement();
  return builder.finish();
}

} // namespace graphc
