// Elementary functions in LLVM IR. float32: by own polynomials, within 2 units in the last place
// unless said otherwise, also for denormals, infinities and NaN. float64: the C library's.
#pragma once

#include "lower/emit.h"
#include "lower/expr.h"

namespace graphc::lower {

/// A function of one operand (Sqrt … Lgamma, Floor, Ceil, Round), of float or double, scalar or
/// vector.
llvm::Value *emitMath(EmitContext &ctx, ExprKind kind, llvm::Value *x);
llvm::Value *emitPow(EmitContext &ctx, llvm::Value *x, llvm::Value *y);
llvm::Value *emitAtan2(EmitContext &ctx, llvm::Value *y, llvm::Value *x);

} // namespace graphc::lower
