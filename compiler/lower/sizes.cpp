#include "lower/sizes.h"

#include "ops/op.h"

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Intrinsics.h>
#include <map>
#include <set>
#include <unordered_set>

namespace graphc::lower {

using llvm::Value;

namespace {

/// Dimensions computed from an array of the run-time ones, with a note of whether anything
/// overflowed.
class CheckedDims {
public:
  CheckedDims(llvm::IRBuilder<> &b, const InterfaceFunction &function, Value *dims)
      : overflowed(b.getFalse()), b_(b), function_(function), dims_(dims) {}

  Value *overflowed;

  Value *operator()(Dim dim) {
    if (dim.isStatic()) return b_.getInt64(dim.value);
    auto known = made_.find(dim.expr);
    if (known != made_.end()) return known->second;
    Value *value = compute(*dim.expr);
    made_[dim.expr] = value;
    return value;
  }

  Value *add(Value *x, Value *y) { return checked(llvm::Intrinsic::sadd_with_overflow, x, y); }
  Value *multiply(Value *x, Value *y) { return checked(llvm::Intrinsic::smul_with_overflow, x, y); }

private:
  Value *checked(llvm::Intrinsic::ID kind, Value *x, Value *y) {
    Value *pair = b_.CreateBinaryIntrinsic(kind, x, y);
    overflowed = b_.CreateOr(overflowed, b_.CreateExtractValue(pair, 1));
    return b_.CreateExtractValue(pair, 0);
  }

  Value *compute(const DimExpr &e) {
    switch (e.kind) {
    case DimExpr::Symbol: {
      int index = function_.dimIndex(*e.symbol);
      return b_.CreateLoad(b_.getInt64Ty(), b_.CreateConstGEP1_64(b_.getInt64Ty(), dims_, index));
    }
    case DimExpr::Sum: {
      Value *sum = b_.getInt64(e.constant);
      for (const DimTerm &term : e.terms)
        sum = add(sum, multiply((*this)(Dim(term.atom)), b_.getInt64(term.factor)));
      return sum;
    }
    case DimExpr::Product: {
      Value *product = b_.getInt64(1);
      for (const DimExpr *factor : e.factors) product = multiply(product, (*this)(Dim(factor)));
      return product;
    }
    case DimExpr::Min:
    case DimExpr::Max: {
      Value *left = (*this)(e.left), *right = (*this)(e.right);
      Value *less = b_.CreateICmpSLT(left, right);
      return e.kind == DimExpr::Min ? b_.CreateSelect(less, left, right)
                                    : b_.CreateSelect(less, right, left);
    }
    default:
      break;
    }
    Value *left = (*this)(e.left), *right = (*this)(e.right);
    Value *zero = b_.getInt64(0), *one = b_.getInt64(1);
    Value *lowest = b_.getInt64(std::numeric_limits<int64_t>::min());
    Value *bad = b_.CreateOr(
        b_.CreateICmpEQ(right, zero),
        b_.CreateAnd(b_.CreateICmpEQ(left, lowest), b_.CreateICmpEQ(right, b_.getInt64(-1))));
    overflowed = b_.CreateOr(overflowed, bad);
    right = b_.CreateSelect(bad, one, right);
    Value *remainder = b_.CreateSRem(left, right);
    Value *odd = b_.CreateAnd(b_.CreateICmpNE(remainder, zero),
                              b_.CreateICmpSLT(b_.CreateXor(remainder, right), zero));
    if (e.kind == DimExpr::Mod) return b_.CreateAdd(remainder, b_.CreateSelect(odd, right, zero));
    return b_.CreateSub(b_.CreateSDiv(left, right), b_.CreateZExt(odd, b_.getInt64Ty()));
  }

  llvm::IRBuilder<> &b_;
  const InterfaceFunction &function_;
  Value *dims_;
  std::map<const DimExpr *, Value *> made_;
};

llvm::Function *begin(llvm::Module &module, const std::string &name, llvm::Type *result,
                      llvm::ArrayRef<llvm::Type *> parameters, llvm::IRBuilder<> &b) {
  auto *function = llvm::Function::Create(llvm::FunctionType::get(result, parameters, false),
                                          llvm::Function::InternalLinkage, name, module);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  b.SetInsertPoint(llvm::BasicBlock::Create(module.getContext(), "entry", function));
  return function;
}

/// Bytes and padding that no buffer of a program may pass, so that offsets in it never overflow.
constexpr int64_t mostBytes = int64_t(1) << 62;

} // namespace

llvm::Function *emitWorkspaceSize(llvm::Module &module, const std::string &name,
                                  const InterfaceFunction &function, const Plan &plan) {
  if (plan.slots.empty()) return nullptr;
  llvm::IRBuilder<> b(module.getContext());
  auto *made = begin(module, name, b.getInt64Ty(), {b.getPtrTy()}, b);
  CheckedDims dims(b, function, made->getArg(0));
  Value *sum = b.getInt64(plan.fixedBytes);
  for (const auto &sizes : plan.slots) {
    Value *largest = b.getInt64(0);
    for (Dim size : sizes) {
      Value *bytes = dims(size);
      largest = b.CreateSelect(b.CreateICmpSLT(largest, bytes), bytes, largest);
    }
    Value *rounded = b.CreateAnd(dims.add(largest, b.getInt64(63)), b.getInt64(-64));
    sum = dims.add(sum, rounded);
  }
  b.CreateRet(b.CreateSelect(dims.overflowed, b.getInt64(-1), sum));
  return made;
}

llvm::Function *emitCheck(llvm::Module &module, const std::string &name,
                          const InterfaceFunction &function,
                          std::vector<std::string> &constraints) {
  llvm::IRBuilder<> b(module.getContext());
  auto *made = begin(module, name, b.getInt64Ty(), {b.getPtrTy()}, b);
  CheckedDims dims(b, function, made->getArg(0));
  Value *result = b.getInt64(-1);
  std::vector<std::pair<Value *, int64_t>> faults; // the first that is true counts
  auto add = [&](Value *fault, std::string message) {
    faults.push_back({fault, int64_t(constraints.size())});
    constraints.push_back(std::move(message));
  };
  std::set<std::tuple<int, const DimExpr *, int64_t, const DimExpr *, int64_t>> seen;
  std::unordered_set<const DimExpr *> sizes;
  const auto operations = function.operations();
  for (const Operation *op : operations) {
    std::string who = std::string(op->name.empty() ? op->type : op->name);
    for (const DimCheck &check : op->checks) {
      if (check.left.isStatic() && check.right.isStatic()) continue; // held when it was made
      if (!seen.insert({check.kind, check.left.expr, check.left.value, check.right.expr,
                        check.right.value})
               .second)
        continue;
      Value *left = dims(check.left), *right = dims(check.right);
      bool equal = check.kind == DimCheck::Equal;
      add(equal ? b.CreateICmpNE(left, right) : b.CreateICmpSLT(left, right),
          fmt::format("{}: {}: {} must {} {}", who, check.message, dimText(check.left, function),
                      equal ? "equal" : "be at least", dimText(check.right, function)));
    }
  }
  // Then, that every dimension is one, and that no tensor is too large.
  for (const Operation *op : operations)
    for (const Tensor &tensor : op->outputs) {
      if (!tensor.shape.hasRank() || tensor.shape.isStatic()) continue;
      std::string who = std::string(op->name.empty() ? op->type : op->name);
      Value *before = dims.overflowed;
      for (Dim d : tensor.shape) {
        if (d.isStatic() || d.expr->kind == DimExpr::Symbol || !sizes.insert(d.expr).second)
          continue;
        add(b.CreateICmpSLT(dims(d), b.getInt64(0)),
            fmt::format("{}: dimension {} must not be negative", who, dimText(d, function)));
      }
      // Zero wherever it stands makes a tensor of nothing, but strides are products of some
      // dimensions only: each counts as 1 at least.
      Dim product(1);
      std::vector<Dim> factors;
      for (Dim d : tensor.shape)
        if (d.isStatic())
          product = product * Dim(std::max<int64_t>(d.value, 1));
        else
          factors.push_back(d);
      Dim whole = product;
      for (Dim d : factors) whole = whole * d;
      if (!whole.isStatic() && !sizes.insert(whole.expr).second && dims.overflowed == before)
        continue;
      Value *count = dims(product);
      for (Dim d : factors) {
        Value *dim = dims(d);
        Value *atLeast = b.CreateSelect(b.CreateICmpSLT(dim, b.getInt64(1)), b.getInt64(1), dim);
        count = dims.multiply(count, atLeast);
      }
      Value *tooLarge = b.CreateICmpSGT(count, b.getInt64(mostBytes / dtypeSize(tensor.dtype)));
      add(b.CreateOr(dims.overflowed, tooLarge), fmt::format("{}: its size overflows", who));
    }
  if (faults.empty()) {
    made->eraseFromParent();
    return nullptr;
  }
  add(dims.overflowed, "a size overflows");
  for (auto at = faults.rbegin(); at != faults.rend(); ++at)
    result = b.CreateSelect(at->first, b.getInt64(at->second), result);
  b.CreateRet(result);
  return made;
}

llvm::Function *emitShapes(llvm::Module &module, const std::string &name,
                           const InterfaceFunction &function) {
  bool computed = false;
  for (const InterfaceBuffer &output : function.outputs)
    for (Dim d : output.tensor->shape) computed |= d.expr && d.expr->kind != DimExpr::Symbol;
  if (!computed) return nullptr;
  llvm::IRBuilder<> b(module.getContext());
  auto *made = begin(module, name, b.getVoidTy(), {b.getPtrTy(), b.getPtrTy()}, b);
  CheckedDims dims(b, function, made->getArg(0));
  int64_t at = 0;
  for (const InterfaceBuffer &output : function.outputs)
    for (Dim d : output.tensor->shape)
      b.CreateStore(dims(d), b.CreateConstGEP1_64(b.getInt64Ty(), made->getArg(1), at++));
  b.CreateRetVoid();
  return made;
}

} // namespace graphc::lower
