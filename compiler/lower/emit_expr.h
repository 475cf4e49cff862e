// Expressions of a kernel as LLVM IR, for one turn of its loops or for a vector of turns.
#pragma once

#include "lower/emit.h"
#include "lower/kernel.h"

namespace graphc::lower {

class ExprEmitter {
public:
  ExprEmitter(EmitContext &ctx, const Kernel &kernel) : ctx_(ctx), kernel_(kernel) {
    loops.resize(kernel.loops.size());
  }

  std::vector<llvm::Value *> loops; // the loops' numbers; of the vectorised one, its first lane's
  int vectorLoop = -1;              // the loop that runs along the lanes
  unsigned lanes = 1;
  llvm::Value *mask = nullptr; // lanes that exist; null: all
  llvm::Value *acc = nullptr;  // of Acc: a vector if lanes are more than one

  /// The value in register form: of the lanes, or a scalar where it is the same in all of them.
  llvm::Value *emit(const Expr *e);
  /// The same, always of all lanes.
  llvm::Value *emitLanes(const Expr *e);
  /// Emits here what is the same for all lanes and turns of the vectorised loop.
  void hoist(std::span<const Expr *const> roots);
  /// Forgets what was emitted since hoist(): the next code stands elsewhere.
  void startTurn() { emitted_.clear(); }
  /// Address of an element that the kernel stores.
  llvm::Value *address(const Access &access);
  llvm::Value *offset(const LinearIndex &index);

  /// Elements of the widest type that the kernel deals with in a vector register.
  static unsigned lanesFor(const EmitContext &ctx, const Kernel &kernel);

private:
  bool varies(const Expr *e);
  llvm::Value *compute(const Expr *e);
  llvm::Value *emitLoad(const Expr *e);
  llvm::Value *emitCast(const Expr *e);
  llvm::Value *emitUnary(const Expr *e, llvm::Value *x);
  llvm::Value *emitBinary(const Expr *e, llvm::Value *x, llvm::Value *y);
  llvm::Value *indexLanes(int loop);

  EmitContext &ctx_;
  const Kernel &kernel_;
  std::unordered_map<const Expr *, llvm::Value *> hoisted_, emitted_;
  std::unordered_map<const Expr *, bool> varies_;
};

/// a combined with b, both of the accumulator's dtype in register form.
llvm::Value *emitCombine(EmitContext &ctx, Combiner combiner, DType dtype, llvm::Value *a,
                         llvm::Value *b);
/// What a reduction starts from: a scalar.
llvm::Value *combinerIdentity(EmitContext &ctx, Combiner combiner, DType dtype);

/// Emits the body of the kernel's function.
void emitKernel(EmitContext &ctx, const Kernel &kernel);
void emitElementwise(EmitContext &ctx, const Kernel &kernel);
void emitReduction(EmitContext &ctx, const Kernel &kernel);
void emitChecking(EmitContext &ctx, const Kernel &kernel);

} // namespace graphc::lower
