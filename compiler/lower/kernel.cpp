#include "lower/kernel.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <set>

namespace graphc::lower {

namespace {

/// Index expressions as sums over the iteration indices; false where one is something else.
bool addLinear(const Expr *e, Dim factor, LinearIndex &to) {
  switch (e->kind) {
  case ExprKind::Index:
    to.coefficients[e->integer] = to.coefficients[e->integer] + factor;
    return true;
  case ExprKind::Const:
    to.constant = to.constant + factor * Dim(e->integer);
    return true;
  case ExprKind::DimValue:
    to.constant = to.constant + factor * e->dim;
    return true;
  case ExprKind::Neg:
    return addLinear(e->args[0], factor * Dim(-1), to);
  case ExprKind::Add:
    return addLinear(e->args[0], factor, to) && addLinear(e->args[1], factor, to);
  case ExprKind::Sub:
    return addLinear(e->args[0], factor, to) && addLinear(e->args[1], factor * Dim(-1), to);
  case ExprKind::Mul:
    for (int side : {0, 1}) {
      const Expr *by = e->args[side];
      if (by->isConst()) return addLinear(e->args[1 - side], factor * Dim(by->integer), to);
      if (by->kind == ExprKind::DimValue) return addLinear(e->args[1 - side], factor * by->dim, to);
    }
    return false;
  default:
    return false;
  }
}

class Flattener {
public:
  Flattener(Node *node, const std::vector<Dim> &dims, const std::vector<Dim> &reduced)
      : node_(node) {
    kernel_.loops = dims;
    kernel_.loops.insert(kernel_.loops.end(), reduced.begin(), reduced.end());
    kernel_.outer = dims.size();
  }

  /// Another tensor of the loops' shape, with its value.
  void store(Node *node, const Expr *value, const Indices &place) {
    kernel_.further.push_back({value, {slotOf(node), node->dtype, linear(node->shape, place)}});
    roots_.push_back(value);
  }

  Kernel flatten(const Expr *value, const Indices &place, const Expr *post, const Expr *limit) {
    kernel_.value = value;
    kernel_.post = post;
    kernel_.limit = limit;
    for (const Expr *root : {value, post, limit})
      if (root) roots_.push_back(root);
    std::vector<const Expr *> read = roots_;
    read.insert(read.end(), place.begin(), place.end());
    visitOnce(read, [&](const Expr *e) {
      if (e->kind == ExprKind::Load) kernel_.loads.emplace(e, access(slotOf(e->node), e));
    });
    if (node_->kind != Node::Check) {
      kernel_.store.slot = slotOf(nullptr);
      kernel_.store.dtype = node_->dtype;
      kernel_.store.at = linear(node_->shape, place);
    }
    findIndicesUsed();
    for (size_t i = 0; i < kernel_.loops.size(); ++i) kernel_.indexLoop[i] = i;
    if (!keepLoops_) {
      dropSingleLoops();
      mergeLoops();
    }
    collectSymbols();
    makeKey();
    return std::move(kernel_);
  }

  /// Loops stay as they are; the kernel also gets the symbols of `dims`.
  void keepLoops(const std::vector<Dim> &dims) {
    keepLoops_ = true;
    extraDims_ = dims;
  }

  Kernel kernel_;

private:
  int slotOf(Node *node) {
    auto &operands = kernel_.operands;
    for (size_t i = 0; i < operands.size(); ++i)
      if (operands[i] == node) return i;
    operands.push_back(node);
    return operands.size() - 1;
  }

  LinearIndex linear(const std::vector<Dim> &shape, const Indices &indices) {
    LinearIndex index;
    index.coefficients.assign(kernel_.loops.size(), Dim(0));
    Dim stride(1);
    for (size_t i = shape.size(); i-- > 0;) {
      LinearIndex tried = index;
      if (addLinear(indices[i], stride, tried))
        index = std::move(tried);
      else
        index.rest.push_back({indices[i], stride});
      stride = stride * shape[i];
    }
    return index;
  }

  Access access(int slot, const Expr *load) {
    return {slot, load->dtype, linear(load->node->shape, load->args)};
  }

  /// Iteration indices whose values are wanted, not only as part of a linear access.
  void findIndicesUsed() {
    std::set<const Expr *> seen;
    auto go = [&](auto &self, const Expr *e) -> void {
      if (!seen.insert(e).second) return;
      if (e->kind == ExprKind::Index) used_.insert(e->integer);
      if (e->kind == ExprKind::Load) {
        for (auto &[rest, factor] : kernel_.loads.at(e).at.rest) self(self, rest);
        return;
      }
      for (const Expr *arg : e->args) self(self, arg);
    };
    for (const Expr *root : roots_) go(go, root);
    for (auto &[rest, factor] : kernel_.store.at.rest) go(go, rest);
  }

  void forEachAccess(const std::function<void(LinearIndex &)> &visit) {
    for (auto &[load, access] : kernel_.loads) visit(access.at);
    for (auto &[value, access] : kernel_.further) visit(access.at);
    if (node_->kind != Node::Check) visit(kernel_.store.at);
  }

  void removeLoop(int at) {
    kernel_.loops.erase(kernel_.loops.begin() + at);
    forEachAccess(
        [&](LinearIndex &index) { index.coefficients.erase(index.coefficients.begin() + at); });
    if (at < kernel_.outer) --kernel_.outer;
    for (auto &[index, loop] : kernel_.indexLoop)
      if (loop > at)
        --loop;
      else if (loop == at)
        loop = -1;
  }

  void dropSingleLoops() {
    for (int i = kernel_.loops.size(); i-- > 0;)
      if (kernel_.loops[i].is(1)) removeLoop(i);
  }

  /// Two neighbouring loops that every access runs through as through one.
  void mergeLoops() {
    for (int i = int(kernel_.loops.size()) - 1; i-- > 0;) {
      if (i + 1 == kernel_.outer) continue;
      bool fits = true;
      for (auto &[index, loop] : kernel_.indexLoop)
        if ((loop == i || loop == i + 1) && used_.contains(index)) fits = false;
      Dim inner = kernel_.loops[i + 1];
      forEachAccess([&](LinearIndex &index) {
        if (index.coefficients[i] != index.coefficients[i + 1] * inner) fits = false;
      });
      if (!fits) continue;
      kernel_.loops[i + 1] = kernel_.loops[i] * inner;
      removeLoop(i);
    }
  }

  void collectSymbols() {
    std::set<const DimSymbol *> seen;
    auto addDim = [&](Dim dim) {
      forEachSymbol(dim, [&](const DimSymbol &symbol) {
        if (seen.insert(&symbol).second) kernel_.symbols.push_back(&symbol);
      });
    };
    for (Dim d : kernel_.loops) addDim(d);
    for (Dim d : extraDims_) addDim(d);
    auto addIndex = [&](const LinearIndex &index) {
      for (Dim d : index.coefficients) addDim(d);
      addDim(index.constant);
      for (auto &[rest, factor] : index.rest) addDim(factor);
    };
    for (auto &[load, access] : kernel_.loads) addIndex(access.at);
    addIndex(kernel_.store.at);
    std::vector<const Expr *> roots = roots_;
    for (auto &[rest, factor] : kernel_.store.at.rest) roots.push_back(rest);
    visitOnce(roots, [&](const Expr *e) {
      if (e->kind == ExprKind::DimValue) addDim(e->dim);
    });
  }

  // The key: all that the code depends on, with dimensions by the number of their symbol.
  std::string dimKey(Dim d) {
    if (d.isStatic()) return fmt::format("{}", d.value);
    const DimExpr &e = *d.expr;
    std::string text = fmt::format("{}(", int(e.kind));
    if (e.symbol) {
      auto at = std::find(kernel_.symbols.begin(), kernel_.symbols.end(), e.symbol);
      return fmt::format("N{}", at - kernel_.symbols.begin());
    }
    for (const DimTerm &term : e.terms)
      text += fmt::format("{}*{}+", term.factor, dimKey(Dim(term.atom)));
    for (const DimExpr *factor : e.factors) text += dimKey(Dim(factor)) + "*";
    if (e.kind == DimExpr::Sum) text += fmt::format("{}", e.constant);
    if (e.kind >= DimExpr::FloorDiv) text += dimKey(e.left) + "," + dimKey(e.right);
    return text + ")";
  }

  std::string indexKey(const LinearIndex &index) {
    std::string text;
    for (Dim d : index.coefficients) text += dimKey(d) + " ";
    text += "+" + dimKey(index.constant);
    for (auto &[rest, factor] : index.rest)
      text += fmt::format("+{}*{}", dimKey(factor), exprKey(rest));
    return text;
  }

  /// Expressions are numbered as they are met, so that the key says how they are shared.
  std::string exprKey(const Expr *e) {
    auto known = numbers_.find(e);
    if (known != numbers_.end()) return fmt::format("#{}", known->second);
    std::string text = fmt::format("{}:{}", int(e->kind), int(e->dtype));
    if (e->kind == ExprKind::Const)
      text += fmt::format("={:x},{}", std::bit_cast<uint64_t>(e->number), e->integer);
    if (e->kind == ExprKind::Index) {
      int loop = kernel_.indexLoop.at(e->integer);
      text += fmt::format("i{}", loop);
    }
    if (e->kind == ExprKind::DimValue) text += dimKey(e->dim);
    text += "(";
    if (e->kind == ExprKind::Load) {
      const Access &access = kernel_.loads.at(e);
      text += fmt::format("@{} {}", access.slot, indexKey(access.at));
    } else {
      for (const Expr *arg : e->args) text += exprKey(arg) + ",";
    }
    numbers_.emplace(e, numbers_.size());
    return text + ")";
  }

  void makeKey() {
    std::string &key = kernel_.key;
    key = fmt::format("{} {} {} {} {} {};", int(kernel_.form), int(node_->kind), kernel_.outer,
                      int(kernel_.combiner), int(kernel_.accumulator), int(node_->dtype));
    if (kernel_.adds) key += "adds;";
    if (kernel_.inOrder) key += "in order;";
    for (Dim d : kernel_.loops) key += dimKey(d) + " ";
    for (const Expr *root : {kernel_.value, kernel_.post, kernel_.limit})
      key += root ? "|" + exprKey(root) : "|-";
    if (node_->kind != Node::Check) key += "|" + indexKey(kernel_.store.at);
    for (auto &[value, access] : kernel_.further)
      key += fmt::format("|and {} {} {} {}", exprKey(value), access.slot, int(access.dtype),
                         indexKey(access.at));
    key += "|" + kernel_.message;
  }

  Node *node_;
  std::vector<const Expr *> roots_;
  std::set<int64_t> used_;
  std::unordered_map<const Expr *, int> numbers_;
  bool keepLoops_ = false;
  std::vector<Dim> extraDims_;
};

Indices identity(ExprPool &exprs, size_t rank) {
  Indices indices;
  for (size_t i = 0; i < rank; ++i) indices.push_back(exprs.index(i));
  return indices;
}

} // namespace

/// A node and those that are computed together with it.
static Kernel pointwiseKernel(ExprPool &exprs, Node *node) {
  Flattener flattener(node, node->shape, {});
  Indices place = identity(exprs, node->shape.size());
  std::unordered_map<const Node *, const Expr *> values;
  auto valueOf = [&](Node *of) {
    return exprs.rewrite(of->value, [&](const Expr *leaf) -> const Expr * {
      if (leaf->kind != ExprKind::Load) return nullptr;
      auto known = values.find(leaf->node);
      return known == values.end() ? nullptr : exprs.at(known->second, leaf->args);
    });
  };
  for (Node *other : node->together) {
    const Expr *value = values[other] = valueOf(other);
    flattener.store(other, value, place);
  }
  return flattener.flatten(valueOf(node), place, nullptr, nullptr);
}

Kernel epilogueOf(ExprPool &exprs, Node *node, const std::vector<Dim> &dims) {
  Flattener flattener(node, node->shape, {});
  flattener.keepLoops(dims);
  flattener.kernel_.accumulator = node->accumulator;
  return flattener.flatten(nullptr, identity(exprs, node->shape.size()), node->post, nullptr);
}

std::vector<Kernel> kernelsOf(ExprPool &exprs, Node *node) {
  std::vector<Kernel> kernels;
  switch (node->kind) {
  case Node::Pieces:
    for (const Piece &piece : node->pieces) {
      Flattener flattener(node, piece.dims, {});
      flattener.kernel_.adds = piece.adds;
      flattener.kernel_.inOrder = piece.inOrder;
      kernels.push_back(flattener.flatten(piece.value, piece.place, nullptr, nullptr));
    }
    break;
  case Node::Reduce: {
    Flattener flattener(node, node->shape, node->reduced);
    flattener.kernel_.form = Kernel::Reduction;
    flattener.kernel_.combiner = node->combiner;
    flattener.kernel_.accumulator = node->accumulator;
    kernels.push_back(
        flattener.flatten(node->value, identity(exprs, node->shape.size()), node->post, nullptr));
    break;
  }
  case Node::Check: {
    Flattener flattener(node, node->shape, {});
    flattener.kernel_.form = Kernel::Checking;
    flattener.kernel_.message = node->message;
    kernels.push_back(flattener.flatten(node->value, {}, nullptr, node->limit));
    break;
  }
  case Node::Sequence: {
    Flattener flattener(node, node->shape, {});
    flattener.kernel_.form = Kernel::Recurrence;
    kernels.push_back(flattener.flatten(node->value, identity(exprs, 1), nullptr, node->limit));
    break;
  }
  case Node::Pointwise:
    kernels.push_back(pointwiseKernel(exprs, node));
    break;
  default:
    break;
  }
  return kernels;
}

} // namespace graphc::lower
