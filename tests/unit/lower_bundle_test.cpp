// Which pointwise nodes one kernel computes.
#include "lower/bundle.h"

#include <gtest/gtest.h>

namespace graphc::lower {
namespace {

struct Bundle : testing::Test {
  Program program;
  ExprPool &e = program.exprs;

  Node *node(Node::Kind kind, const Expr *value, std::vector<Dim> shape = {4, 4}) {
    Node made;
    made.kind = kind;
    made.dtype = DType::Float32;
    made.shape = std::move(shape);
    made.value = value;
    made.stored = kind != Node::Input && kind != Node::Alias;
    return program.add(std::move(made));
  }
  Node *pointwise(const Expr *value) { return node(Node::Pointwise, value); }
  const Expr *same(Node *of) { return e.load(of, {e.index(0), e.index(1)}); }
  const Expr *turned(Node *of) { return e.load(of, {e.index(1), e.index(0)}); }
  const Expr *one() { return e.number(DType::Float32, 1); }
};

TEST_F(Bundle, AChainIsComputedByItsLast) {
  Node *x = node(Node::Input, nullptr);
  Node *a = pointwise(e.add(same(x), one()));
  Node *b = pointwise(e.mul(same(a), same(x)));
  Node *c = pointwise(e.sub(same(b), same(a)));
  bundle(program);
  EXPECT_EQ(c->together, (std::vector<Node *>{a, b}));
  EXPECT_TRUE(a->together.empty() && b->together.empty());
}

TEST_F(Bundle, AnotherElementHasToBeThereBefore) {
  Node *x = node(Node::Input, nullptr);
  Node *a = pointwise(e.add(same(x), one()));
  Node *b = pointwise(e.add(same(a), turned(a)));
  bundle(program);
  EXPECT_TRUE(b->together.empty());
}

TEST_F(Bundle, WhatOthersWantBeforeStaysWhereItIs) {
  Node *x = node(Node::Input, nullptr);
  Node *a = pointwise(e.add(same(x), one()));
  Node *sum = node(Node::Reduce, e.load(a, {e.index(0), e.index(1)}), {Dim(4)});
  sum->reduced = {Dim(4)};
  Node *b = pointwise(e.add(same(a), e.load(sum, {e.index(0)})));
  bundle(program);
  EXPECT_TRUE(b->together.empty());
}

TEST_F(Bundle, AReaderThatComesLaterDoesNotMind) {
  Node *x = node(Node::Input, nullptr);
  Node *a = pointwise(e.add(same(x), one()));
  Node *b = pointwise(e.mul(same(a), same(a)));
  node(Node::Reduce, e.load(a, {e.index(0), e.index(1)}), {Dim(4)})->reduced = {Dim(4)};
  bundle(program);
  EXPECT_EQ(b->together, (std::vector<Node *>{a}));
}

TEST_F(Bundle, AViewReadsItToo) {
  Node *x = node(Node::Input, nullptr);
  Node *a = pointwise(e.add(same(x), one()));
  Node *flat = node(Node::Alias, nullptr, {Dim(16)});
  flat->operands = {a};
  const Expr *first = e.load(flat, {e.i64(0)});
  Node *b = pointwise(e.add(same(a), first));
  bundle(program);
  EXPECT_TRUE(b->together.empty());
}

TEST_F(Bundle, OtherShapesAreOtherKernels) {
  Node *x = node(Node::Input, nullptr);
  Node *row = node(Node::Pointwise, e.load(x, {e.i64(0), e.index(0)}), {Dim(4)});
  Node *b = pointwise(e.mul(e.load(row, {e.index(1)}), same(x)));
  bundle(program);
  EXPECT_TRUE(b->together.empty());
}

} // namespace
} // namespace graphc::lower
