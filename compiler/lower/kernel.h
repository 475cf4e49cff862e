// A kernel as it is emitted: loops over whole numbers, and memory accesses that are linear in
// them wherever they can be. Names of tensors are gone: kernels that are alike but for their
// buffers have the same key, and are emitted once.
#pragma once

#include "lower/program.h"

#include <map>

namespace graphc::lower {

/// Σ coefficients[k]·loop k + constant + Σ factor·expression.
struct LinearIndex {
  std::vector<Dim> coefficients;
  Dim constant;
  std::vector<std::pair<const Expr *, Dim>> rest;
};

struct Access {
  int slot = 0;
  DType dtype = DType::Invalid;
  LinearIndex at;
};

struct Kernel {
  enum Form : uint8_t { Elementwise, Reduction, Checking, Recurrence };
  Form form = Elementwise;
  std::vector<Dim> loops;           // outermost first; those of a reduction after the output's
  int outer = 0;                    // how many are the output's
  std::map<int64_t, int> indexLoop; // Index → its loop, for those that stand for themselves
  std::map<const Expr *, Access, bool (*)(const Expr *, const Expr *)> loads{
      [](const Expr *a, const Expr *b) { return a->id < b->id; }};
  Access store;
  bool adds = false;    // to what is stored there, one after the other; places may come again
  bool inOrder = false; // stores one after the other: places may come again
  const Expr *value = nullptr;
  std::vector<std::pair<const Expr *, Access>>
      further; // values of an Elementwise, and their stores
  const Expr *limit = nullptr;
  const Expr *post = nullptr;
  Combiner combiner = Combiner::Sum;
  DType accumulator = DType::Invalid;
  std::string message;                    // Checking
  std::vector<Node *> operands;           // slot → what is read there; null: what is written
  std::vector<const DimSymbol *> symbols; // run-time dimensions that it is given
  std::string key;
};

/// What follows a contraction, element by element: loops are the output's dimensions, as they are.
/// `dims` are dimensions that the contraction itself needs.
Kernel epilogueOf(ExprPool &exprs, Node *node, const std::vector<Dim> &dims);

/// The kernels of a stored node: one, but for Pieces.
std::vector<Kernel> kernelsOf(ExprPool &exprs, Node *node);

} // namespace graphc::lower
