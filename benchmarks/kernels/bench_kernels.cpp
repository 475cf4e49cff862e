// Kernels against OpenBLAS and against the machine's peak, interleaved in one run.
#include "lower/conv.h"
#include "lower/gemm.h"
#include "support/kernel_jit.h"

#include <algorithm>
#include <cblas.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <llvm/IR/Intrinsics.h>
#include <random>
#include <string>
#include <vector>

extern "C" void openblas_set_num_threads(int);

namespace {

using namespace graphc;
using namespace graphc::lower;
using testing::Kernel;
using Values = EmitContext::Values;

/// The time that this thread has run: what others do on the machine shows less than in time of day.
double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec + time.tv_nsec * 1e-9;
}

/// 64-byte aligned floats with small random numbers.
class Floats {
public:
  explicit Floats(int64_t n) : data_(static_cast<float *>(std::aligned_alloc(64, round(n)))) {
    static std::mt19937 random(1);
    std::uniform_real_distribution<float> numbers(-1, 1);
    for (int64_t i = 0; i < n; ++i) data_[i] = numbers(random);
  }
  ~Floats() { std::free(data_); }
  Floats(const Floats &) = delete;
  float *data() const { return data_; }

private:
  static int64_t round(int64_t n) { return (n * 4 + 255) / 64 * 64; }
  float *data_;
};

struct Contestant {
  std::string name;
  double operations; // of one call
  std::function<void()> run;
  int repeats = 1;                // calls in one measurement
  std::vector<double> rates = {}; // GFLOP/s
};

double best(const Contestant &c) { return *std::max_element(c.rates.begin(), c.rates.end()); }
double median(const Contestant &c) {
  std::vector<double> rates = c.rates;
  std::nth_element(rates.begin(), rates.begin() + rates.size() / 2, rates.end());
  return rates[rates.size() / 2];
}

/// All in turn, again and again, for about `seconds`.
void measure(std::vector<Contestant> &contestants, double seconds) {
  for (Contestant &c : contestants) {
    c.run();
    double start = now();
    c.run();
    double once = std::max(now() - start, 1e-7);
    c.repeats = std::max(1, int(0.004 / once));
  }
  double end = now() + seconds;
  int rounds = 0;
  while (now() < end || rounds < 5) {
    for (Contestant &c : contestants) {
      double start = now();
      for (int i = 0; i < c.repeats; ++i) c.run();
      c.rates.push_back(c.operations * c.repeats / (now() - start) * 1e-9);
    }
    ++rounds;
  }
}

/// Fused multiply-adds on registers alone: as many as hide their latency.
Kernel peakProbe(const Target &target) {
  return Kernel(target, 2, 0, [&](llvm::Module &module) {
    EmitContext ctx(module, target, "peak", 2, {});
    unsigned lanes = ctx.lanes(DType::Float32);
    unsigned sums = target.vectorRegisters >= 32 ? 24 : 12;
    auto *x = ctx.load(DType::Float32, ctx.buffer(0), lanes);
    auto *y =
        ctx.load(DType::Float32, ctx.element(DType::Float32, ctx.buffer(0), ctx.i64(lanes)), lanes);
    Values initial;
    for (unsigned i = 0; i < sums; ++i)
      initial.push_back(
          ctx.b.CreateFMul(x, ctx.splat(llvm::ConstantFP::get(ctx.b.getFloatTy(), i + 1), lanes)));
    Values end = ctx.loop(
        ctx.i64(0), ctx.i64(10000), ctx.i64(1), initial, [&](llvm::Value *, const Values &now) {
          Values next;
          for (llvm::Value *sum : now)
            next.push_back(target.fma ? ctx.b.CreateIntrinsic(llvm::Intrinsic::fma,
                                                              {sum->getType()}, {sum, x, y})
                                      : ctx.b.CreateFAdd(ctx.b.CreateFMul(sum, x), y));
          return next;
        });
    llvm::Value *all = end[0];
    for (unsigned i = 1; i < sums; ++i) all = ctx.b.CreateFAdd(all, end[i]);
    ctx.store(DType::Float32, all, ctx.buffer(1));
    return Kernel::Built{ctx.finish(), 0};
  });
}

void report(std::vector<Contestant> &contestants) {
  for (Contestant &c : contestants)
    std::printf("  %-28s median %7.1f   best %7.1f GFLOP/s\n", c.name.c_str(), median(c), best(c));
}

void matmul(const Target &target, const Contestant &probe, int64_t m, int64_t k, int64_t n,
            bool packed, double seconds) {
  MatMulSpec spec;
  spec.m = m;
  spec.k = k;
  spec.n = n;
  spec.b = 1;
  spec.out = 2;
  spec.workspace = 4;
  int64_t packedBytes = packed ? matMulPackedBytes(target, spec) : 0;
  if (packedBytes) spec.packedB = 3;
  int64_t workspace = matMulWorkspaceBytes(target, spec).value;
  Floats a(m * k), b(k * n), out(m * n), reference(m * n), packedB(packedBytes / 4 + 16),
      work(workspace / 4 + 16);
  std::vector<const void *> buffers = {a.data(), b.data(), out.data(), packedB.data(), work.data()};
  auto compile = [&](void (*emit)(EmitContext &, const MatMulSpec &)) {
    return Kernel(
        target, 5, 0,
        [&](llvm::Module &module) {
          EmitContext ctx(module, target, "matmul", 5, {});
          emit(ctx, spec);
          auto *function = ctx.finish();
          return Kernel::Built{function, ctx.scratchBytes()};
        },
        3);
  };
  if (packedBytes) {
    Kernel pack =
        compile([](EmitContext &ctx, const MatMulSpec &spec) { emitPackMatMul(ctx, spec, 1, 3); });
    pack(buffers);
  }
  Kernel kernel = compile(emitMatMul);
  if (std::getenv("DUMP")) std::printf("%s\n", kernel.assembly().c_str());
  double operations = 2.0 * m * n * k;
  std::vector<Contestant> contestants = {
      {packed ? "graphc, B packed before" : "graphc", operations, [&] { kernel(buffers); }},
      {"OpenBLAS", operations,
       [&] {
         cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a.data(), k, b.data(),
                     n, 0, reference.data(), n);
       }},
      probe};
  measure(contestants, seconds);
  for (int64_t i = 0; i < m * n; ++i)
    if (std::abs(out.data()[i] - reference.data()[i]) > 1e-3 * k / 16) {
      std::printf("results differ: %g and %g\n", out.data()[i], reference.data()[i]);
      std::exit(1);
    }
  std::printf("matmul %ld x %ld x %ld (compiled in %.0f ms)\n", long(m), long(k), long(n),
              kernel.compileSeconds() * 1e3);
  report(contestants);
  std::printf(
      "  ratio to OpenBLAS: median %.2f, best %.2f; to the peak: %.2f, %.2f\n",
      median(contestants[0]) / median(contestants[1]), best(contestants[0]) / best(contestants[1]),
      median(contestants[0]) / median(contestants[2]), best(contestants[0]) / best(contestants[2]));
  std::fflush(stdout);
}

/// Adds a bias and takes relu, NaN kept, as the convolutions of a network do.
Epilogue biasRelu(int slot) {
  Epilogue epilogue;
  epilogue.apply = [slot](EmitContext &ctx, llvm::Value *x, llvm::ArrayRef<llvm::Value *> indices,
                          llvm::Value *mask) -> llvm::Value * {
    unsigned lanes = llvm::cast<llvm::FixedVectorType>(x->getType())->getNumElements();
    auto *address = ctx.element(DType::Float32, ctx.buffer(slot), indices.back());
    auto *sum = ctx.b.CreateFAdd(x, ctx.load(DType::Float32, address, lanes, mask));
    auto *zero = llvm::Constant::getNullValue(x->getType());
    return ctx.b.CreateSelect(ctx.b.CreateFCmpOLT(sum, zero), zero, sum);
  };
  return epilogue;
}

void convolution(const Target &target, const Contestant &probe, const char *name, int64_t height,
                 int64_t width, int64_t channels, int64_t filter, int64_t outChannels,
                 int64_t stride, double seconds) {
  Conv2DSpec spec;
  spec.batch = 1;
  spec.height = height;
  spec.width = width;
  spec.channels = spec.filterChannels = channels;
  spec.filterHeight = spec.filterWidth = filter;
  spec.outChannels = outChannels;
  spec.strideHeight = spec.strideWidth = stride;
  // SAME
  int64_t outHeight = (height + stride - 1) / stride, outWidth = (width + stride - 1) / stride;
  spec.outHeight = outHeight;
  spec.outWidth = outWidth;
  spec.padTop = std::max<int64_t>((outHeight - 1) * stride + filter - height, 0) / 2;
  spec.padLeft = std::max<int64_t>((outWidth - 1) * stride + filter - width, 0) / 2;
  spec.filter = 1;
  spec.out = 2;
  spec.epilogue = biasRelu(4);
  int64_t packedBytes = conv2DPackedBytes(target, spec);
  if (packedBytes) spec.packedFilter = 3;
  Floats input(height * width * channels), weights(filter * filter * channels * outChannels),
      out(outHeight * outWidth * outChannels), packed(packedBytes / 4 + 16), bias(outChannels);
  std::vector<const void *> buffers = {input.data(), weights.data(), out.data(), packed.data(),
                                       bias.data()};
  auto compile = [&](const std::function<void(EmitContext &)> &emit) {
    return Kernel(
        target, 5, 0,
        [&](llvm::Module &module) {
          EmitContext ctx(module, target, "conv", 5, {});
          emit(ctx);
          auto *function = ctx.finish();
          return Kernel::Built{function, ctx.scratchBytes()};
        },
        3);
  };
  if (packedBytes) {
    Kernel pack = compile([&](EmitContext &ctx) { emitPackConv2D(ctx, spec, 1, 3); });
    pack(buffers);
  }
  Kernel kernel = compile([&](EmitContext &ctx) { emitConv2D(ctx, spec); });
  if (std::getenv("DUMP")) std::printf("%s\n", kernel.assembly().c_str());
  double operations = 2.0 * outHeight * outWidth * outChannels * filter * filter * channels;
  std::vector<Contestant> contestants = {
      {"graphc, with bias and relu", operations, [&] { kernel(buffers); }}, probe};
  measure(contestants, seconds);
  std::printf("convolution %s (compiled in %.0f ms)\n", name, kernel.compileSeconds() * 1e3);
  report(contestants);
  std::printf("  ratio to the peak: median %.2f, best %.2f\n",
              median(contestants[0]) / median(contestants[1]),
              best(contestants[0]) / best(contestants[1]));
  std::fflush(stdout);
}

} // namespace

int main(int argc, char **argv) {
  double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  std::string only = argc > 2 ? argv[2] : "";
  openblas_set_num_threads(1);
  Target target = testing::targetsHere().back();
  Kernel peak = peakProbe(target);
  Floats in(64), out(64);
  double lanes = target.floats();
  Contestant probe = {"peak (multiply-adds alone)",
                      2.0 * 10000 * lanes * (target.vectorRegisters >= 32 ? 24 : 12),
                      [&] { peak({in.data(), out.data()}); }};
  std::printf("processor level %s\n", target.cpu.c_str());
  auto wanted = [&](const char *name) { return std::string(name).find(only) != std::string::npos; };
  if (wanted("64x64x32, 5x5x32 SAME"))
    convolution(target, probe, "64x64x32, 5x5x32 SAME", 64, 64, 32, 5, 32, 1, seconds);
  if (wanted("56x56x64, 3x3x64 SAME"))
    convolution(target, probe, "56x56x64, 3x3x64 SAME", 56, 56, 64, 3, 64, 1, seconds);
  if (wanted("14x14x256, 3x3x256 SAME"))
    convolution(target, probe, "14x14x256, 3x3x256 SAME", 14, 14, 256, 3, 256, 1, seconds);
  if (wanted("7x7x512, 3x3x512 SAME"))
    convolution(target, probe, "7x7x512, 3x3x512 SAME", 7, 7, 512, 3, 512, 1, seconds);
  if (wanted("56x56x64, 1x1x256"))
    convolution(target, probe, "56x56x64, 1x1x256", 56, 56, 64, 1, 256, 1, seconds);
  if (wanted("28x28x64, 1x1x256"))
    convolution(target, probe, "28x28x64, 1x1x256", 28, 28, 64, 1, 256, 1, seconds);
  if (wanted("224x224x3, 7x7x64 stride 2"))
    convolution(target, probe, "224x224x3, 7x7x64 stride 2", 224, 224, 3, 7, 64, 2, seconds);
  if (wanted("matmul 512 x 512 x 512")) matmul(target, probe, 512, 512, 512, true, seconds);
  if (wanted("matmul 1024 x 1024 x 1024")) matmul(target, probe, 1024, 1024, 1024, true, seconds);
  if (wanted("matmul 512 x 512 x 512")) matmul(target, probe, 512, 512, 512, false, seconds);
  if (wanted("matmul 32 x 784 x 256")) matmul(target, probe, 32, 784, 256, true, seconds);
  if (wanted("matmul 1 x 784 x 256")) matmul(target, probe, 1, 784, 256, true, seconds);
}
