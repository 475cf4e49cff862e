// What the generated parser stands on in place of ANTLR's parser.
//
// ANTLR's own bookkeeping (a context for every rule, virtual calls for every token) costs
// several times what parsing does. The grammar is LL(1) and builds its tree by itself, so
// none of it is needed: the members here hide those of antlr4::Parser that generated code
// names. What remains of ANTLR at run time are its tables, to say which token was expected.
#pragma once

#include "antlr4-runtime.h"
#include "syntax/builder.h"

namespace graphc {

class ParserBase : public antlr4::Parser {
public:
  AstBuilder *b = nullptr; // what the grammar's actions call

protected:
  explicit ParserBase(antlr4::TokenStream *input)
      : antlr4::Parser(input), _input(this), _errHandler(this) {}

  /// The stream of tokens, of which one is ever looked at.
  struct Input {
    explicit Input(ParserBase *parser) : parser(parser) {}
    const Input *operator->() const { return this; }
    size_t LA(ssize_t) const { return size_t(parser->b->current().kind); }
    ParserBase *parser;
  };

  /// Leaves every error to the builder, which reports it and ends the statement.
  struct Errors {
    explicit Errors(ParserBase *parser) : parser(parser) {}
    Errors *operator->() { return this; }
    void sync(antlr4::Parser *) {}
    void reportMatch(antlr4::Parser *) {}
    [[noreturn]] void recoverInline(antlr4::Parser *) { parser->mismatch(); }
    [[noreturn]] void reportError(antlr4::Parser *, const antlr4::RecognitionException &) {
      parser->b->unexpected();
    }
    void recover(antlr4::Parser *, const std::exception_ptr &) {}
    ParserBase *parser;
  };

  /// Gives all calls of a rule the same context: nothing is kept in them.
  struct Contexts {
    template <class Context>
    Context *createInstance(antlr4::ParserRuleContext *, size_t) {
      static Context context(nullptr, 0);
      return &context;
    }
  };

  template <class Action>
  struct Finally {
    Action action;
    ~Finally() { action(); }
  };
  template <class Action>
  Finally<Action> finally(Action action) {
    return {action};
  }

  size_t getState() const final { return state_; }
  void setState(size_t state) { state_ = state; }
  void enterRule(antlr4::ParserRuleContext *, size_t, size_t) final {}
  void enterOuterAlt(antlr4::ParserRuleContext *, size_t) final {}
  void exitRule() {}
  antlr4::Token *consume() final {
    b->advance();
    return nullptr;
  }
  antlr4::Token *match(size_t kind) final {
    if (size_t(b->current().kind) != kind) mismatch();
    b->advance();
    return nullptr;
  }

  Input _input;
  Errors _errHandler;
  Contexts _tracker;

private:
  [[noreturn]] void mismatch();

  size_t state_ = 0;
};

} // namespace graphc
