// What everything that writes a kernel's LLVM IR builds upon: the function that is being written,
// its buffers and dimensions, loads and stores, loops, and loops that the runtime runs in parallel.
//
// A kernel is a function `void k(graphrt_call *, buffers…, run-time dimensions…)`. Its buffers are
// numbered (slots), its run-time dimensions are known by their symbols. Both are at hand wherever
// code is emitted, also inside the pieces of a parallel loop, which are functions of their own.
//
// Values live in registers in another form than in memory: float16 and bfloat16 are a `float` that
// the type can hold, bool is an i1; all others are alike in both.
#pragma once

#include "graph/graph.h"
#include "lower/target.h"

#include <functional>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>
#include <map>

namespace graphc::lower {

class EmitContext {
public:
  using Values = std::vector<llvm::Value *>;

  /// Begins the kernel's function, internal to the module. `symbols` are the run-time dimensions
  /// that it may use. The builder stands in its body.
  EmitContext(llvm::Module &module, const Target &target, const std::string &name, int buffers,
              const std::vector<const DimSymbol *> &symbols);
  EmitContext(const EmitContext &) = delete;
  /// Ends the function. Nothing may be emitted afterwards.
  llvm::Function *finish();

  llvm::Module &module;
  llvm::LLVMContext &context;
  const Target &target;
  llvm::IRBuilder<> b;

  // Types and constants -----------------------------------------------------------------------

  /// Elements of the type in one vector register (of the type computed in: a float16 counts as
  /// float32, a bool as the 4 bytes of what it comes with).
  unsigned lanes(DType dtype) const;
  llvm::Type *memoryType(DType dtype, unsigned lanes = 1) const;
  llvm::Type *registerType(DType dtype, unsigned lanes = 1) const;
  llvm::Value *i64(int64_t value) { return b.getInt64(value); }

  // The function's frame ----------------------------------------------------------------------

  llvm::Value *call() const { return frame_.call; } // graphrt_call *
  /// The pointer to buffer `slot`; of any alignment.
  llvm::Value *buffer(int slot) const { return frame_.buffers[slot]; }
  int buffers() const { return frame_.buffers.size(); }
  /// The dimension as i64, computed once at the function's entry. Sizes do not overflow: the
  /// runtime has checked that before.
  llvm::Value *dim(Dim dim);
  /// An allocation on the stack, at the function's entry.
  llvm::AllocaInst *local(llvm::Type *type, llvm::Value *count = nullptr);
  /// Asks for `bytes` of scratch memory of each lane in `parallel`.
  void needScratch(int64_t bytes) { scratchBytes_ = std::max(scratchBytes_, bytes); }
  int64_t scratchBytes() const { return scratchBytes_; }

  // Memory ------------------------------------------------------------------------------------

  /// Address of element `index` (i64) of an array of the type.
  llvm::Value *element(DType dtype, llvm::Value *base, llvm::Value *index);
  /// `lanes` consecutive elements from `address` on, in register form; with a mask (<lanes x i1>)
  /// only those that it has, 0 in the others.
  llvm::Value *load(DType dtype, llvm::Value *address, unsigned lanes = 1,
                    llvm::Value *mask = nullptr);
  void store(DType dtype, llvm::Value *value, llvm::Value *address, llvm::Value *mask = nullptr);
  /// Lanes 0 … count - 1 (i64).
  llvm::Value *firstLanes(unsigned lanes, llvm::Value *count);
  /// Converts between what is in memory and what is in registers.
  llvm::Value *toRegister(DType dtype, llvm::Value *memory);
  llvm::Value *toMemory(DType dtype, llvm::Value *value);
  llvm::Value *splat(llvm::Value *scalar, unsigned lanes);
  /// The lesser and the greater of two signed integers.
  llvm::Value *least(llvm::Value *x, llvm::Value *y);
  llvm::Value *most(llvm::Value *x, llvm::Value *y);
  /// x/y rounded up: of what is not negative, y > 0; and of an x of any sign.
  llvm::Value *ceilDivide(llvm::Value *x, llvm::Value *y);
  llvm::Value *ceilDivideSigned(llvm::Value *x, int64_t y);
  /// x*y + sum of a floating type: rounded once where the target does that in one instruction.
  llvm::Value *multiplyAdd(llvm::Value *x, llvm::Value *y, llvm::Value *sum);

  // Control flow ------------------------------------------------------------------------------

  /// for (i = begin; i < end; i += step) body(i), all i64, signed.
  void loop(llvm::Value *begin, llvm::Value *end, llvm::Value *step,
            const std::function<void(llvm::Value *)> &body);
  /// The same with values that go from turn to turn; gives those after the last turn.
  Values loop(llvm::Value *begin, llvm::Value *end, llvm::Value *step, const Values &initial,
              const std::function<Values(llvm::Value *, const Values &)> &body);
  void ifThen(llvm::Value *condition, const std::function<void()> &body);
  void ifThenElse(llvm::Value *condition, const std::function<void()> &then,
                  const std::function<void()> &otherwise);

  /// Runs body(begin, end, scratch, captured) for [0, n) in pieces of `grain` (both i64) through
  /// the runtime; see graphrt_parallel. The body is emitted into a function of its own: of the
  /// values of the function around it, it may use buffer(), dim(), call() and, as `captured`,
  /// those in `captures`. Where n is known to be at most the grain and no scratch memory is
  /// needed, it is called directly.
  void parallel(llvm::Value *n, llvm::Value *grain, const Values &captures,
                const std::function<void(llvm::Value *begin, llvm::Value *end, llvm::Value *scratch,
                                         const Values &captured)> &body);

  // The runtime -------------------------------------------------------------------------------

  /// A function of the runtime (abi.h), declared in the module.
  llvm::FunctionCallee runtime(const char *name, llvm::Type *result,
                               llvm::ArrayRef<llvm::Type *> parameters);
  /// A constant C string.
  llvm::Value *text(std::string_view text);

private:
  struct Frame {
    llvm::Function *function = nullptr;
    llvm::Value *call = nullptr;
    Values buffers;
    Values symbols;                                // as symbols_
    std::map<const DimExpr *, llvm::Value *> dims; // computed
    llvm::Instruction *entryEnd = nullptr;         // the entry block's branch into the body
  };

  void setUpFunction(llvm::Function *function);
  void openBody(); // an entry block that branches to the body
  llvm::Value *dimIn(llvm::IRBuilder<> &at, Dim dim);

  Frame frame_;
  std::vector<const DimSymbol *> symbols_;
  int64_t scratchBytes_ = 0;
  int pieces_ = 0;
};

/// Begins a function of the module that kernels share, with the attributes of the one that is being
/// written; gives the place to go back to.
llvm::IRBuilderBase::InsertPoint beginShared(EmitContext &ctx, const std::string &name,
                                             llvm::ArrayRef<llvm::Type *> types,
                                             llvm::Function *&function);

/// What is done to the results of a contraction before they are stored: bias, activation and the
/// like. Empty: nothing.
struct Epilogue {
  /// `value`: the results as register form, a scalar or a vector along the output's last
  /// dimension; `indices`: the place of (the first of) them, an i64 for each output dimension;
  /// `mask`: for a vector, which lanes exist (null: all); nothing is read for the others.
  /// Gives what is to be stored, in register form of the output's dtype, which may be another one.
  using Apply = std::function<llvm::Value *(
      EmitContext &, llvm::Value *value, llvm::ArrayRef<llvm::Value *> indices, llvm::Value *mask)>;
  Apply apply;
  DType stored = DType::Invalid; // dtype of the output; Invalid: that of the accumulators

  explicit operator bool() const { return bool(apply); }
};

} // namespace graphc::lower
