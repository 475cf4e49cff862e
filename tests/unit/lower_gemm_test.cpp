// Matrix products as emitted, compiled and called, against plain loops.
#include "lower/gemm.h"
#include "support/buffer.h"
#include "support/kernel_jit.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace graphc::lower {
namespace {

using testing::Buffer;
using testing::Kernel;
using testing::targetsHere;

struct Case {
  std::vector<int64_t> batchA, batchB;
  int64_t m, k, n;
  bool transposeA = false, transposeB = false;
  bool packed = false;      // B packed beforehand
  std::string runTime = ""; // of "m", "k", "n", "b": which dimensions are known at run time only
  bool epilogue = false;
};

std::string describe(const Case &c, const Target &target) {
  std::string text = target.cpu;
  for (int64_t d : c.batchA) text += " a" + std::to_string(d);
  for (int64_t d : c.batchB) text += " b" + std::to_string(d);
  text += " " + std::to_string(c.m) + "x" + std::to_string(c.k) + "x" + std::to_string(c.n);
  if (c.transposeA) text += " tA";
  if (c.transposeB) text += " tB";
  if (c.packed) text += " packed";
  if (c.epilogue) text += " epilogue";
  return text + " run-time:" + c.runTime;
}

int64_t product(const std::vector<int64_t> &dims) {
  int64_t n = 1;
  for (int64_t d : dims) n *= d;
  return n;
}

std::vector<int64_t> broadcast(const std::vector<int64_t> &a, const std::vector<int64_t> &b) {
  std::vector<int64_t> out(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < a.size(); ++i) out[out.size() - a.size() + i] = a[i];
  for (size_t i = 0; i < b.size(); ++i) {
    int64_t &d = out[out.size() - b.size() + i];
    if (d == 1) d = b[i];
  }
  return out;
}

/// Index of the matrix that belongs to batch element `index` of `out`, in an operand.
int64_t operandBatch(int64_t index, const std::vector<int64_t> &out,
                     const std::vector<int64_t> &operand) {
  int64_t at = 0, scale = 1;
  for (size_t i = 0; i < out.size(); ++i) {
    size_t axis = out.size() - 1 - i;
    int64_t here = index % out[axis];
    index /= out[axis];
    if (i < operand.size()) {
      int64_t size = operand[operand.size() - 1 - i];
      if (size != 1) at += here * scale;
      scale *= size;
    }
  }
  return at;
}

template <typename T>
constexpr DType dtypeOf = sizeof(T) == 4 ? DType::Float32 : DType::Float64;

/// Compiles the case for the target and compares it with plain loops; with 1 and 2 threads.
template <typename T>
void check(Case c, const Target &target, const std::vector<int64_t> &heights = {},
           bool special = false) {
  SCOPED_TRACE(describe(c, target));
  DimContext dims;
  std::vector<const DimSymbol *> symbols;
  std::vector<int64_t> values;
  auto dim = [&](const std::string &name, int64_t value) {
    if (c.runTime.find(name[0]) == std::string::npos || value == 1 || value < 0) return Dim(value);
    Dim d = dims.named(name);
    for (const DimSymbol *s : symbols)
      if (s == d.expr->symbol) return d;
    symbols.push_back(d.expr->symbol);
    values.push_back(value);
    return d;
  };

  MatMulSpec spec;
  spec.dtype = dtypeOf<T>;
  spec.a = 0;
  spec.b = 1;
  spec.out = 2;
  std::vector<int64_t> batch = broadcast(c.batchA, c.batchB);
  for (size_t i = 0; i < c.batchA.size(); ++i)
    spec.batchA.push_back(
        dim("b" + std::to_string(batch.size() - c.batchA.size() + i), c.batchA[i]));
  for (size_t i = 0; i < c.batchB.size(); ++i)
    spec.batchB.push_back(
        dim("b" + std::to_string(batch.size() - c.batchB.size() + i), c.batchB[i]));
  spec.m = c.runTime.find('m') != std::string::npos ? dims.named("m") : Dim(c.m);
  spec.k = c.runTime.find('k') != std::string::npos ? dims.named("k") : Dim(c.k);
  spec.n = c.runTime.find('n') != std::string::npos ? dims.named("n") : Dim(c.n);
  for (auto [d, value] : {std::pair(spec.m, c.m), {spec.k, c.k}, {spec.n, c.n}})
    if (!d.isStatic()) {
      symbols.push_back(d.expr->symbol);
      values.push_back(value);
    }
  spec.transposeA = c.transposeA;
  spec.transposeB = c.transposeB;
  if (c.epilogue)
    // 2 * x + bias[column], bias in buffer 3; below 0 becomes 0, NaN stays.
    spec.epilogue.apply = [&](EmitContext &ctx, llvm::Value *x,
                              llvm::ArrayRef<llvm::Value *> indices, llvm::Value *mask) {
      EXPECT_EQ(indices.size(), batch.size() + 2);
      auto *type = llvm::dyn_cast<llvm::FixedVectorType>(x->getType());
      unsigned lanes = type ? type->getNumElements() : 1;
      auto *bias =
          ctx.load(spec.dtype, ctx.element(spec.dtype, ctx.buffer(3), indices.back()), lanes, mask);
      // Adds 16 times the row, so that the row's index is seen to be right.
      auto *row = ctx.b.CreateSIToFP(indices[indices.size() - 2], ctx.registerType(spec.dtype, 1));
      row = ctx.b.CreateFMul(row, llvm::ConstantFP::get(row->getType(), 16));
      auto *sum = ctx.b.CreateFAdd(ctx.b.CreateFAdd(x, bias), ctx.splat(row, lanes));
      auto *zero = llvm::Constant::getNullValue(x->getType());
      return ctx.b.CreateSelect(ctx.b.CreateFCmpOLT(sum, zero), zero, sum);
    };

  int64_t packedBytes = 0;
  if (c.packed) {
    packedBytes = matMulPackedBytes(target, spec);
    if (packedBytes > 0) spec.packedB = 4;
  }
  Dim workspace = spec.packedB >= 0 ? Dim(0) : matMulWorkspaceBytes(target, spec);
  spec.workspace = 5;
  int64_t workspaceBytes = *evaluate(workspace, [&](const DimSymbol &symbol) {
    for (size_t i = 0; i < symbols.size(); ++i)
      if (symbols[i] == &symbol) return values[i];
    ADD_FAILURE() << "a dimension that the product does not have";
    return int64_t(0);
  });
  Kernel kernel(target, 6, symbols.size(), [&](llvm::Module &module) {
    EmitContext ctx(module, target, "matmul", 6, symbols);
    emitMatMul(ctx, spec);
    auto *function = ctx.finish();
    return Kernel::Built{function, ctx.scratchBytes()};
  });

  std::unique_ptr<Kernel> pack;
  if (spec.packedB >= 0)
    pack = std::make_unique<Kernel>(target, 6, 0, [&](llvm::Module &module) {
      EmitContext ctx(module, target, "pack", 6, {});
      emitPackMatMul(ctx, spec, 1, 4);
      auto *function = ctx.finish();
      return Kernel::Built{function, ctx.scratchBytes()};
    });

  auto compare = [&] {
    int64_t outBatch = product(batch);
    Buffer<T> a(product(c.batchA) * c.m * c.k), b(product(c.batchB) * c.k * c.n), bias(c.n);
    Buffer<uint8_t> packed(packedBytes, true), work(workspaceBytes, true);
    std::mt19937 random(7);
    // Whole numbers: sums are exact whatever the order.
    std::uniform_int_distribution<int> numbers(-8, 8);
    for (int64_t i = 0; i < a.size(); ++i) a.set(i, numbers(random));
    for (int64_t i = 0; i < b.size(); ++i) b.set(i, numbers(random));
    for (int64_t i = 0; i < bias.size(); ++i) bias.set(i, numbers(random));
    if (special) {
      a.set(a.size() / 2, std::numeric_limits<T>::quiet_NaN());
      b.set(b.size() / 3, std::numeric_limits<T>::infinity());
    }
    Buffer<T> out(outBatch * c.m * c.n), out2(outBatch * c.m * c.n);
    if (pack) (*pack)({a.data(), b.data(), out.data(), bias.data(), packed.data(), work.data()});
    kernel({a.data(), b.data(), out.data(), bias.data(), packed.data(), work.data()}, values, 1);
    kernel({a.data(), b.data(), out2.data(), bias.data(), packed.data(), work.data()}, values, 2);
    EXPECT_TRUE(out == out2) << "depends on the number of threads";
    EXPECT_TRUE(out.intact() && out2.intact() && packed.intact() && work.intact());

    int mistakes = 0;
    for (int64_t p = 0; p < outBatch && mistakes < 3; ++p) {
      int64_t pa = operandBatch(p, batch, c.batchA) * c.m * c.k;
      int64_t pb = operandBatch(p, batch, c.batchB) * c.k * c.n;
      for (int64_t i = 0; i < c.m && mistakes < 3; ++i)
        for (int64_t j = 0; j < c.n; ++j) {
          T sum = 0;
          for (int64_t l = 0; l < c.k; ++l)
            sum += a.get(pa + (c.transposeA ? l * c.m + i : i * c.k + l)) *
                   b.get(pb + (c.transposeB ? j * c.k + l : l * c.n + j));
          if (c.epilogue) {
            sum += bias.get(j) + 16 * T(i);
            if (sum < 0) sum = 0;
          }
          T got = out.get((p * c.m + i) * c.n + j);
          if (!(got == sum || (std::isnan(got) && std::isnan(sum)))) {
            ADD_FAILURE() << "[" << p << ", " << i << ", " << j << "] is " << got << ", not "
                          << sum;
            if (++mistakes >= 3) break;
          }
        }
    }
  };
  if (heights.empty()) return compare();
  for (int64_t height : heights) {
    SCOPED_TRACE("height " + std::to_string(height));
    for (size_t i = 0; i < symbols.size(); ++i)
      if (symbols[i]->name == "m") values[i] = height;
    if (c.runTime.find('m') != std::string::npos) c.m = height;
    compare();
  }
}

TEST(Gemm, Sizes) {
  const int64_t sizes[] = {1, 3, 16, 17, 33};
  for (const Target &target : targetsHere())
    for (int64_t m : sizes)
      for (int64_t n : sizes) {
        check<float>({{}, {}, m, (m * 5 + n) % 37 + 1, n}, target);
        if ((m + n) % 4 == 0) check<double>({{}, {}, m, (m + n * 3) % 29 + 1, n}, target);
      }
}

TEST(Gemm, Empty) {
  for (const Target &target : targetsHere())
    for (const char *runTime : {"", "mkn"}) {
      check<float>({{}, {}, 0, 3, 5, false, false, false, runTime}, target);
      check<float>({{}, {}, 4, 0, 5, false, false, false, runTime, true}, target);
      check<float>({{}, {}, 40, 0, 50, false, false, false, runTime, true}, target);
      check<float>({{}, {}, 4, 3, 0, false, false, false, runTime}, target);
      check<float>({{0}, {}, 4, 3, 2, false, false, false, runTime}, target);
      check<float>({{}, {0}, 4, 3, 2, false, false, false, runTime}, target);
    }
}

TEST(Gemm, Transposes) {
  for (const Target &target : targetsHere())
    for (bool tA : {false, true})
      for (bool tB : {false, true})
        for (bool packed : {false, true}) {
          check<float>({{}, {}, 50, 70, 90, tA, tB, packed, "", true}, target);
          check<float>({{}, {}, 1, 33, 70, tA, tB, packed}, target);
          check<float>({{}, {}, 130, 700, 65, tA, tB, packed}, target);
          check<double>({{}, {}, 31, 41, 37, tA, tB, packed, "", true}, target);
        }
}

TEST(Gemm, RunTimeDimensions) {
  for (const Target &target : targetsHere())
    for (const char *runTime : {"m", "n", "k", "mkn"}) {
      // One kernel for the packed and for the plain B, called with many heights.
      for (bool packed : {false, true})
        check<float>({{}, {}, 23, 45, 70, false, false, packed, runTime, packed}, target,
                     {1, 2, 5, 9, 14, 23});
      check<float>({{}, {}, 150, 501, 77, false, false, false, runTime, true}, target);
      check<float>({{}, {}, 37, 30, 43, true, true, false, runTime, true}, target);
      check<double>({{}, {}, 37, 30, 43, true, false, false, runTime}, target);
    }
}

TEST(Gemm, Batches) {
  for (const Target &target : targetsHere())
    for (const char *runTime : {"", "b", "bm", "bmkn"}) {
      check<float>({{3}, {3}, 5, 7, 9, false, false, false, runTime, true}, target);
      check<float>({{3}, {}, 5, 7, 9, false, false, true, runTime, true}, target);
      check<float>({{2, 3}, {}, 20, 30, 40, false, true, true, runTime, true}, target);
      check<float>({{}, {4}, 20, 30, 40, false, false, false, runTime, true}, target);
      check<float>({{2, 1}, {1, 3}, 17, 12, 35, true, false, false, runTime, true}, target);
      check<float>({{2, 1, 3}, {4, 1}, 17, 12, 35, false, true, false, runTime, true}, target);
      check<double>({{2, 2}, {2}, 16, 8, 50, false, false, true, runTime}, target);
    }
}

TEST(Gemm, LargerThanBlocks) {
  for (const Target &target : targetsHere()) {
    check<float>({{}, {}, 300, 1000, 600, false, false, true, "", true}, target);
    check<float>({{}, {}, 300, 1024, 530, false, false, false, "m", true}, target);
    check<double>({{}, {}, 141, 512, 300, false, false, true, ""}, target);
  }
}

TEST(Gemm, NotFinite) {
  for (const Target &target : targetsHere())
    for (const char *runTime : {"", "mkn"}) {
      check<float>({{}, {}, 20, 30, 40, false, false, false, runTime}, target, {}, true);
      check<float>({{}, {}, 3, 5, 7, false, true, true, runTime}, target, {}, true);
      check<double>({{}, {}, 20, 30, 40, true, false, false, runTime}, target, {}, true);
    }
}

TEST(Gemm, RowTiles) {
  // Sums of numbers that are not exact: rows do not depend on the other rows of the product, nor on
  // whether the sizes were known.
  for (const Target &target : targetsHere()) {
    std::vector<std::vector<float>> results;
    for (int64_t m : {1, 14, 29, 200})
      for (bool known : {true, false}) {
        DimContext dims;
        Dim rows = known ? Dim(m) : dims.named("m");
        std::vector<const DimSymbol *> symbols;
        if (!known) symbols.push_back(rows.expr->symbol);
        MatMulSpec spec;
        spec.b = 1;
        spec.out = 2;
        spec.workspace = 3;
        spec.m = rows;
        spec.k = 900;
        spec.n = 40;
        Kernel kernel(target, 4, symbols.size(), [&](llvm::Module &module) {
          EmitContext ctx(module, target, "matmul", 4, symbols);
          emitMatMul(ctx, spec);
          auto *function = ctx.finish();
          return Kernel::Built{function, ctx.scratchBytes()};
        });
        std::vector<float> a(m * 900), b(900 * 40), out(m * 40);
        Buffer<float> work(900 * 64, true);
        for (size_t i = 0; i < a.size(); ++i) a[i] = 1.0f / (1 + i % 901);
        for (size_t i = 0; i < b.size(); ++i) b[i] = 1.0f / (3 + i % 77);
        kernel({a.data(), b.data(), out.data(), work.data()},
               known ? std::vector<int64_t>{} : std::vector<int64_t>{m});
        results.emplace_back(out.begin(), out.begin() + 40);
      }
    for (const auto &result : results) EXPECT_EQ(result, results[0]) << target.cpu;
  }
}

} // namespace
} // namespace graphc::lower
