#include "lower/math.h"

#include <cmath>
#include <llvm/IR/Intrinsics.h>

namespace graphc::lower {

namespace {

using llvm::Value;

/// Arithmetic on one floating type, scalar or vector, with constants made to fit.
struct Arithmetic {
  llvm::IRBuilder<> &b;
  llvm::Type *type; // of the operands
  unsigned lanes;
  bool wide; // double

  Arithmetic(llvm::IRBuilder<> &b, llvm::Type *type)
      : b(b), type(type), lanes(1), wide(type->getScalarType()->isDoubleTy()) {
    if (auto *vector = llvm::dyn_cast<llvm::FixedVectorType>(type))
      lanes = vector->getNumElements();
  }

  llvm::Type *like(llvm::Type *scalar) const {
    return lanes == 1 ? scalar : llvm::FixedVectorType::get(scalar, lanes);
  }
  llvm::Type *integers() const { return like(wide ? b.getInt64Ty() : b.getInt32Ty()); }
  Value *number(double v) const { return llvm::ConstantFP::get(type, v); }
  Value *bits(uint64_t v) const { return llvm::ConstantInt::get(integers(), v); }
  Value *asBits(Value *x) const { return b.CreateBitCast(x, integers()); }
  Value *asFloat(Value *x) const { return b.CreateBitCast(x, type); }
  Value *abs(Value *x) const { return b.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x); }
  Value *copySign(Value *x, Value *sign) const {
    return b.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, x, sign);
  }
  Value *add(Value *x, Value *y) const { return b.CreateFAdd(x, y); }
  Value *sub(Value *x, Value *y) const { return b.CreateFSub(x, y); }
  Value *mul(Value *x, Value *y) const { return b.CreateFMul(x, y); }
  Value *mul(Value *x, double y) const { return b.CreateFMul(x, number(y)); }
  Value *div(Value *x, Value *y) const { return b.CreateFDiv(x, y); }

  /// c[0] + c[1] x + …
  Value *polynomial(Value *x, std::initializer_list<double> c) const {
    Value *sum = nullptr;
    for (auto at = std::rbegin(c); at != std::rend(c); ++at)
      sum = sum ? add(mul(sum, x), number(*at)) : number(*at);
    return sum;
  }

  /// Nearest whole number, for |x| well below 2^22 (float), 2^51 (double).
  Value *nearest(Value *x) const {
    Value *magic = number(wide ? 0x1.8p52 : 0x1.8p23);
    return sub(add(x, magic), magic);
  }
  /// 2^n for whole n, where 2^n is normal.
  Value *power2(Value *n) const {
    Value *whole = b.CreateFPToSI(n, integers());
    return asFloat(b.CreateShl(b.CreateAdd(whole, bits(wide ? 1023 : 127)), bits(wide ? 52 : 23)));
  }
};

/// e^x: x = n ln 2 + r, |r| <= ln 2 / 2; the Taylor series of e^r, scaled by 2^n in two steps so
/// that denormal results are right.
Value *emitExp(Arithmetic m, Value *x) {
  auto &b = m.b;
  double low = m.wide ? -746 : -104, high = m.wide ? 710 : 89;
  // Written so that NaN comes through.
  Value *limited = b.CreateSelect(b.CreateFCmpOLT(x, m.number(low)), m.number(low), x);
  limited = b.CreateSelect(b.CreateFCmpOGT(limited, m.number(high)), m.number(high), limited);
  Value *nan = b.CreateFCmpUNO(x, x);
  limited = b.CreateSelect(nan, m.number(0), limited);
  Value *n = m.nearest(m.mul(limited, 0x1.71547652b82fep0));
  Value *r, *p;
  if (m.wide) {
    r = m.sub(m.sub(limited, m.mul(n, 0x1.62e42fee00000p-1)), m.mul(n, 0x1.a39ef35793c76p-33));
    p = m.polynomial(r, {1, 1, 1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040, 1. / 40320,
                         1. / 362880, 1. / 3628800, 1. / 39916800, 1. / 479001600});
  } else {
    r = m.sub(m.sub(limited, m.mul(n, 0x1.62e4p-1)), m.mul(n, 0x1.7f7d1cf8p-20));
    p = m.polynomial(r, {1. / 2, 1. / 6, 1. / 24, 1. / 120, 1. / 720, 1. / 5040});
    p = m.add(m.add(m.mul(m.mul(r, r), p), r), m.number(1));
  }
  Value *half = m.nearest(m.mul(n, 0.5));
  Value *result = m.mul(m.mul(p, m.power2(half)), m.power2(m.sub(n, half)));
  return b.CreateSelect(nan, x, result);
}

/// ln x = k ln 2 + ln(1 + f), sqrt(1/2) <= 1 + f < sqrt 2, with s = f / (2 + f):
/// ln(1 + f) = f - f²/2 + s (f²/2 + R), R = 2/3 s² + 2/5 s⁴ + … (the series of atanh).
Value *emitLog(Arithmetic m, Value *x) {
  auto &b = m.b;
  int mantissa = m.wide ? 52 : 23;
  Value *tiny = b.CreateFCmpOLT(x, m.number(m.wide ? 0x1p-1022 : 0x1p-126));
  Value *scaled = b.CreateSelect(tiny, m.mul(x, m.wide ? 0x1p54 : 0x1p25), x);
  Value *bits = m.asBits(scaled);
  // Taking off the bits of sqrt(1/2) puts the mantissa's range where it is wanted.
  uint64_t root = m.wide ? 0x3fe6a09e667f3bcdull : 0x3f3504f3;
  Value *above = b.CreateSub(bits, m.bits(root));
  Value *k = b.CreateAShr(above, m.bits(mantissa));
  Value *f =
      m.sub(m.asFloat(b.CreateAdd(
                b.CreateAnd(above, m.bits(m.wide ? 0xfffffffffffffull : 0x7fffff)), m.bits(root))),
            m.number(1));
  Value *exponent = b.CreateSIToFP(k, m.type);
  exponent = b.CreateSelect(tiny, m.sub(exponent, m.number(m.wide ? 54 : 25)), exponent);
  Value *s = m.div(f, m.add(f, m.number(2)));
  Value *z = m.mul(s, s);
  Value *r = m.mul(z, m.wide ? m.polynomial(z, {2. / 3, 2. / 5, 2. / 7, 2. / 9, 2. / 11, 2. / 13,
                                                2. / 15, 2. / 17, 2. / 19, 2. / 21})
                             : m.polynomial(z, {2. / 3, 2. / 5, 2. / 7, 2. / 9, 2. / 11}));
  Value *halfSquare = m.mul(m.mul(f, f), 0.5);
  double ln2High = m.wide ? 0x1.62e42fee00000p-1 : 0x1.62e4p-1;
  double ln2Low = m.wide ? 0x1.a39ef35793c76p-33 : 0x1.7f7d1cf8p-20;
  Value *small = m.add(m.mul(s, m.add(halfSquare, r)), m.mul(exponent, ln2Low));
  Value *result = m.sub(m.mul(exponent, ln2High), m.sub(m.sub(halfSquare, small), f));
  result = b.CreateSelect(b.CreateFCmpOEQ(x, m.number(INFINITY)), x, result);
  result = b.CreateSelect(b.CreateFCmpOEQ(x, m.number(0)), m.number(-INFINITY), result);
  // Below 0, and NaN.
  return b.CreateSelect(b.CreateFCmpULT(x, m.number(0)), m.number(NAN), result);
}

/// For |x| < 1 Lambert's continued fraction, else 1 - 2 / (e^2x + 1).
Value *emitTanh(Arithmetic m, Value *x) {
  auto &b = m.b;
  Value *a = m.abs(x);
  Value *z = m.mul(x, x);
  Value *over = m.polynomial(z, {135135, 17325, 378, 1});
  Value *under = m.polynomial(z, {135135, 62370, 3150, 28});
  Value *small = m.mul(x, m.div(over, under));
  Value *e = emitExp(m, m.mul(a, 2));
  Value *large = m.sub(m.number(1), m.div(m.number(2), m.add(e, m.number(1))));
  return b.CreateSelect(b.CreateFCmpOLT(a, m.number(1)), small, m.copySign(large, x));
}

/// 1 / (1 + e^-x), from e^-|x|, which does not overflow.
Value *emitSigmoid(Arithmetic m, Value *x) {
  Value *e = emitExp(m, m.b.CreateFNeg(m.abs(x)));
  Value *over = m.b.CreateSelect(m.b.CreateFCmpOLT(x, m.number(0)), e, m.number(1));
  return m.div(over, m.add(e, m.number(1)));
}

/// float32 computed in double: as a polynomial there is within an ulp of here.
template <typename F>
Value *inDouble(EmitContext &ctx, Value *x, F compute) {
  auto &b = ctx.b;
  Arithmetic narrow(b, x->getType());
  Arithmetic wide(b, narrow.like(b.getDoubleTy()));
  return b.CreateFPTrunc(compute(wide, b.CreateFPExt(x, wide.type)), x->getType());
}

Value *emitExpm1(Arithmetic m, Value *x) {
  Value *result = m.sub(emitExp(m, x), m.number(1));
  Value *small = m.add(x, m.mul(m.mul(x, x), 0.5));
  Value *isSmall = m.b.CreateFCmpOLT(m.abs(x), m.number(1e-6));
  Value *isZero = m.b.CreateFCmpOEQ(x, m.number(0));
  return m.b.CreateSelect(isZero, x, m.b.CreateSelect(isSmall, small, result));
}

Value *emitLog1p(Arithmetic m, Value *x) {
  Value *result = emitLog(m, m.add(x, m.number(1)));
  Value *small = m.sub(x, m.mul(m.mul(x, x), 0.5));
  Value *isSmall = m.b.CreateFCmpOLT(m.abs(x), m.number(1e-6));
  Value *isZero = m.b.CreateFCmpOEQ(x, m.number(0));
  return m.b.CreateSelect(isZero, x, m.b.CreateSelect(isSmall, small, result));
}

/// max(x, 0) + ln(1 + e^-|x|)
Value *emitSoftplus(Arithmetic m, Value *x) {
  Value *e = emitExp(m, m.b.CreateFNeg(m.abs(x)));
  Value *positive = m.b.CreateSelect(m.b.CreateFCmpULT(x, m.number(0)), m.number(0), x);
  Value *sum = m.add(positive, emitLog1p(m, e));
  return m.b.CreateSelect(m.b.CreateFCmpUNO(x, x), x, sum);
}

/// erf or erfc in double, for float32 results. erfc(x) = e^(-x²) p(t) / (1 + 2x) for x >= 0, with
/// t = (x - 2.5) / (x + 2.5) in [-1, 1) and p the polynomial that interpolates e^(x²) erfc(x)
/// (1 + 2x) at Chebyshev's points: within 7e-12 (the form is Shepherd and Laframboise's, "Chebyshev
/// approximation of (1 + 2x) exp(x²) erfc x", 1981). erf where |x| < 1/2: its series.
Value *emitErf(Arithmetic m, Value *x, bool complement) {
  auto &b = m.b;
  // Beyond 11 erfc is 0 in float32.
  Value *a = m.abs(x);
  a = b.CreateSelect(b.CreateFCmpOGT(a, m.number(11)), m.number(11), a);
  Value *t = m.div(m.sub(a, m.number(2.5)), m.add(a, m.number(2.5)));
  Value *p = m.polynomial(
      t, {1.2648381843668632, -0.1223567631900803, -0.0990245396192554, 0.15762992420454253,
          -0.10296705383506184, 0.03276082029526752, 0.0009318614572313944, -0.004381614968045422,
          0.000492068691433106, 0.0006305552616986595, -8.918744131345674e-05,
          -0.00011048337600694889, 7.708231872611042e-06, 1.9302727222940814e-05,
          8.473284384201499e-07, -2.157412382075563e-06, -3.0563441053827237e-07});
  Value *z = m.mul(a, a);
  Value *tail = m.div(m.mul(emitExp(m, b.CreateFNeg(z)), p), m.add(m.add(a, a), m.number(1)));
  Value *result;
  if (complement) {
    Value *negative = b.CreateFCmpOLT(x, m.number(0));
    result = b.CreateSelect(negative, m.sub(m.number(2), tail), tail);
  } else {
    // 2/sqrt(pi) Σ (-1)^n x^(2n+1) / (n! (2n+1))
    Value *series = nullptr;
    for (int n = 8; n >= 0; --n) {
      double c = 2 / std::sqrt(M_PI) / std::tgamma(n + 1.0) / (2 * n + 1) * (n % 2 ? -1 : 1);
      series = series ? m.add(m.mul(series, z), m.number(c)) : m.number(c);
    }
    Value *large = m.copySign(m.sub(m.number(1), tail), x);
    result = b.CreateSelect(b.CreateFCmpOLT(a, m.number(0.5)), m.mul(series, x), large);
  }
  return b.CreateSelect(b.CreateFCmpUNO(x, x), x, result);
}

/// sin or cos in double, for float32 arguments of moderate size: x = n π/2 + r.
Value *emitSinCos(Arithmetic m, Value *x, bool cosine) {
  auto &b = m.b;
  Value *n = m.nearest(m.mul(x, M_2_PI));
  Value *r = m.sub(x, m.mul(n, 0x1.921fb54400000p+0));
  r = m.sub(r, m.mul(n, 0x1.0b4611a600000p-34));
  r = m.sub(r, m.mul(n, 0x1.3198a2e037073p-69));
  Value *z = m.mul(r, r);
  Value *sine = m.mul(r, m.polynomial(z, {1, -1. / 6, 1. / 120, -1. / 5040, 1. / 362880,
                                          -1. / 39916800, 1. / 6227020800.}));
  Value *cosineValue = m.polynomial(z, {1, -1. / 2, 1. / 24, -1. / 720, 1. / 40320, -1. / 3628800,
                                        1. / 479001600., -1. / 87178291200.});
  Value *quadrant = b.CreateFPToSI(n, m.integers());
  if (cosine) quadrant = b.CreateAdd(quadrant, m.bits(1));
  Value *odd = b.CreateICmpNE(b.CreateAnd(quadrant, m.bits(1)), m.bits(0));
  Value *negative = b.CreateICmpNE(b.CreateAnd(quadrant, m.bits(2)), m.bits(0));
  Value *result = b.CreateSelect(odd, cosineValue, sine);
  return b.CreateSelect(negative, b.CreateFNeg(result), result);
}

/// The C library's function for each lane.
Value *callLibrary(EmitContext &ctx, const std::string &name, llvm::ArrayRef<Value *> args) {
  auto &b = ctx.b;
  Arithmetic m(b, args[0]->getType());
  auto *scalar = m.type->getScalarType();
  std::vector<llvm::Type *> parameters(args.size(), scalar);
  auto function = ctx.runtime((name + (m.wide ? "" : "f")).c_str(), scalar, parameters);
  auto call = [&](llvm::ArrayRef<Value *> operands) {
    auto *made = b.CreateCall(function, operands);
    made->setDoesNotThrow();
    return made;
  };
  if (m.lanes == 1) return call(args);
  Value *result = llvm::PoisonValue::get(m.type);
  for (unsigned i = 0; i < m.lanes; ++i) {
    std::vector<Value *> operands;
    for (Value *arg : args) operands.push_back(b.CreateExtractElement(arg, i));
    result = b.CreateInsertElement(result, call(operands), i);
  }
  return result;
}

Value *emitFloatSinCos(EmitContext &ctx, Value *x, bool cosine) {
  // Beyond 2^20 three parts of π/2 are not enough: a function of its own decides, as it branches.
  auto &b = ctx.b;
  Arithmetic m(b, x->getType());
  std::string name = std::string(cosine ? "graphc.cos.v" : "graphc.sin.v") +
                     std::to_string(m.lanes) + ctx.target.suffix;
  auto *function = ctx.module.getFunction(name);
  if (!function) {
    auto *current = b.GetInsertBlock()->getParent();
    function = llvm::Function::Create(llvm::FunctionType::get(m.type, {m.type}, false),
                                      llvm::Function::InternalLinkage, name, ctx.module);
    function->setAttributes(llvm::AttributeList::get(
        ctx.context, current->getAttributes().getFnAttrs(), llvm::AttributeSet(), {}));
    auto point = b.saveIP();
    auto *entry = llvm::BasicBlock::Create(ctx.context, "entry", function);
    auto *fast = llvm::BasicBlock::Create(ctx.context, "fast", function);
    auto *slow = llvm::BasicBlock::Create(ctx.context, "slow", function);
    b.SetInsertPoint(entry);
    Value *arg = function->getArg(0);
    Value *within = b.CreateFCmpOLT(m.abs(arg), m.number(0x1p20));
    if (m.lanes > 1) within = b.CreateAndReduce(within);
    b.CreateCondBr(within, fast, slow);
    b.SetInsertPoint(fast);
    b.CreateRet(
        inDouble(ctx, arg, [&](Arithmetic d, Value *v) { return emitSinCos(d, v, cosine); }));
    b.SetInsertPoint(slow);
    b.CreateRet(callLibrary(ctx, cosine ? "cos" : "sin", {arg}));
    b.restoreIP(point);
  }
  auto *call = b.CreateCall(function, {x});
  call->setDoesNotThrow();
  return call;
}

const char *libraryName(ExprKind kind) {
  switch (kind) {
  case ExprKind::Exp:
    return "exp";
  case ExprKind::Expm1:
    return "expm1";
  case ExprKind::Log:
    return "log";
  case ExprKind::Log1p:
    return "log1p";
  case ExprKind::Tanh:
    return "tanh";
  case ExprKind::Erf:
    return "erf";
  case ExprKind::Erfc:
    return "erfc";
  case ExprKind::Sin:
    return "sin";
  case ExprKind::Cos:
    return "cos";
  case ExprKind::Tan:
    return "tan";
  case ExprKind::Asin:
    return "asin";
  case ExprKind::Acos:
    return "acos";
  case ExprKind::Atan:
    return "atan";
  case ExprKind::Sinh:
    return "sinh";
  case ExprKind::Cosh:
    return "cosh";
  case ExprKind::Asinh:
    return "asinh";
  case ExprKind::Acosh:
    return "acosh";
  case ExprKind::Atanh:
    return "atanh";
  case ExprKind::Lgamma:
    return "lgamma";
  default:
    return nullptr;
  }
}

} // namespace

Value *emitMath(EmitContext &ctx, ExprKind kind, Value *x) {
  auto &b = ctx.b;
  Arithmetic m(b, x->getType());
  switch (kind) {
  case ExprKind::Sqrt:
    return b.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x);
  case ExprKind::Rsqrt:
    return m.div(m.number(1), b.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, x));
  case ExprKind::Floor:
    return b.CreateUnaryIntrinsic(llvm::Intrinsic::floor, x);
  case ExprKind::Ceil:
    return b.CreateUnaryIntrinsic(llvm::Intrinsic::ceil, x);
  case ExprKind::Round:
    return b.CreateUnaryIntrinsic(llvm::Intrinsic::rint, x);
  case ExprKind::Sigmoid:
    if (!m.wide) return emitSigmoid(m, x);
    {
      Value *e = callLibrary(ctx, "exp", {b.CreateFNeg(m.abs(x))});
      Value *over = b.CreateSelect(b.CreateFCmpOLT(x, m.number(0)), e, m.number(1));
      return m.div(over, m.add(e, m.number(1)));
    }
  case ExprKind::Softplus:
    if (!m.wide) return inDouble(ctx, x, [](Arithmetic d, Value *v) { return emitSoftplus(d, v); });
    {
      Value *e = callLibrary(ctx, "exp", {b.CreateFNeg(m.abs(x))});
      Value *positive = b.CreateSelect(b.CreateFCmpULT(x, m.number(0)), m.number(0), x);
      Value *sum = m.add(positive, callLibrary(ctx, "log1p", {e}));
      return b.CreateSelect(b.CreateFCmpUNO(x, x), x, sum);
    }
  default:
    break;
  }
  if (!m.wide) switch (kind) {
    case ExprKind::Exp:
      return emitExp(m, x);
    case ExprKind::Log:
      return emitLog(m, x);
    case ExprKind::Tanh:
      return emitTanh(m, x);
    case ExprKind::Expm1:
      return inDouble(ctx, x, [](Arithmetic d, Value *v) { return emitExpm1(d, v); });
    case ExprKind::Log1p:
      return inDouble(ctx, x, [](Arithmetic d, Value *v) { return emitLog1p(d, v); });
    case ExprKind::Erf:
    case ExprKind::Erfc:
      return inDouble(
          ctx, x, [&](Arithmetic d, Value *v) { return emitErf(d, v, kind == ExprKind::Erfc); });
    case ExprKind::Sin:
    case ExprKind::Cos:
      return emitFloatSinCos(ctx, x, kind == ExprKind::Cos);
    default:
      break;
    }
  return callLibrary(ctx, libraryName(kind), {x});
}

/// float32: 2^(y log2 |x|) in double; the sign and the special values as C99 has them.
Value *emitPow(EmitContext &ctx, Value *x, Value *y) {
  auto &b = ctx.b;
  Arithmetic m(b, x->getType());
  if (m.wide) return callLibrary(ctx, "pow", {x, y});
  Arithmetic d(b, m.like(b.getDoubleTy()));
  Value *wideX = b.CreateFPExt(x, d.type), *wideY = b.CreateFPExt(y, d.type);
  // ln 0 = -inf times y = 0 would be NaN; 1^±inf likewise: both are put right at the end.
  Value *power = emitExp(d, d.mul(wideY, emitLog(d, d.abs(wideX))));
  Value *result = b.CreateFPTrunc(power, m.type);
  Value *negative = b.CreateICmpSLT(m.asBits(x), m.bits(0));
  Value *whole = b.CreateFCmpOEQ(b.CreateUnaryIntrinsic(llvm::Intrinsic::trunc, y), y);
  Value *half = m.mul(y, 0.5);
  Value *even = b.CreateFCmpOEQ(b.CreateUnaryIntrinsic(llvm::Intrinsic::trunc, half), half);
  Value *oddPower = b.CreateAnd(whole, b.CreateNot(even));
  result = b.CreateSelect(b.CreateAnd(negative, oddPower), b.CreateFNeg(result), result);
  Value *belowZero = b.CreateFCmpOLT(x, m.number(0));
  Value *finite = b.CreateFCmpOGT(x, m.number(-INFINITY));
  Value *impossible = b.CreateAnd(b.CreateAnd(belowZero, finite), b.CreateNot(whole));
  result = b.CreateSelect(impossible, m.number(NAN), result);
  // (-1)^±inf and 1^y are 1, x^0 is 1, also for NaN.
  Value *one = b.CreateOr(b.CreateFCmpOEQ(x, m.number(1)), b.CreateFCmpOEQ(y, m.number(0)));
  Value *minusOne =
      b.CreateAnd(b.CreateFCmpOEQ(x, m.number(-1)), b.CreateFCmpOEQ(m.abs(y), m.number(INFINITY)));
  return b.CreateSelect(b.CreateOr(one, minusOne), m.number(1), result);
}

Value *emitAtan2(EmitContext &ctx, Value *y, Value *x) { return callLibrary(ctx, "atan2", {y, x}); }

} // namespace graphc::lower
