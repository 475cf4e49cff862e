// Convolutions and pooling as emitted, compiled and called, against plain loops.
#include "lower/conv.h"
#include "lower/pool.h"
#include "support/buffer.h"
#include "support/kernel_jit.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace graphc::lower {
namespace {

using testing::Buffer;
using testing::Kernel;
using testing::targetsHere;

template <typename T>
constexpr DType dtypeOf = sizeof(T) == 8             ? DType::Float64
                          : std::is_same_v<T, float> ? DType::Float32
                          : std::is_signed_v<T>      ? DType::Int32
                                                     : DType::UInt8;

struct Case {
  int64_t batch, height, width, channels;
  int64_t filterHeight, filterWidth, outChannels;
  int64_t stride = 1, dilation = 1, groups = 1;
  int64_t top = 0, left = 0, bottom = 0, right = 0; // padding
  bool packed = false;
  std::string runTime = ""; // of "n", "h", "w", "c", "f": what is known at run time only
  bool epilogue = false;

  int64_t outHeight() const {
    return (height + top + bottom - (filterHeight - 1) * dilation - 1) / stride + 1;
  }
  int64_t outWidth() const {
    return (width + left + right - (filterWidth - 1) * dilation - 1) / stride + 1;
  }
};

std::string describe(const Case &c, const Target &target) {
  std::string text = target.cpu;
  for (int64_t d : {c.batch, c.height, c.width, c.channels}) text += " " + std::to_string(d);
  text += " filter";
  for (int64_t d : {c.filterHeight, c.filterWidth, c.outChannels}) text += " " + std::to_string(d);
  text += " stride " + std::to_string(c.stride) + " dilation " + std::to_string(c.dilation) +
          " groups " + std::to_string(c.groups) + " pads";
  for (int64_t d : {c.top, c.left, c.bottom, c.right}) text += " " + std::to_string(d);
  return text + (c.packed ? " packed" : "") + (c.epilogue ? " epilogue" : "") +
         " run-time:" + c.runTime;
}

/// Run-time dimensions of a case, with their values.
struct Symbols {
  DimContext dims;
  std::vector<const DimSymbol *> symbols;
  std::vector<int64_t> values;

  Dim dim(bool atRunTime, const std::string &name, int64_t value) {
    if (!atRunTime) return value;
    Dim d = dims.named(name);
    symbols.push_back(d.expr->symbol);
    values.push_back(value);
    return d;
  }
};

/// Half of the value plus the channel plus 100 times the column; below 0 becomes 0.
llvm::Value *epilogueOf(EmitContext &ctx, llvm::Value *x, llvm::ArrayRef<llvm::Value *> indices,
                        llvm::Value *mask) {
  EXPECT_EQ(indices.size(), 4u);
  (void)mask;
  auto *type = llvm::dyn_cast<llvm::FixedVectorType>(x->getType());
  unsigned lanes = type ? type->getNumElements() : 1;
  auto *number = ctx.b.CreateAdd(indices[3], ctx.b.CreateMul(indices[2], ctx.i64(100)));
  auto *scalar = x->getType()->getScalarType();
  llvm::Value *add = ctx.splat(ctx.b.CreateSIToFP(number, scalar), lanes);
  if (lanes > 1) {
    std::vector<llvm::Constant *> steps;
    for (unsigned i = 0; i < lanes; ++i) steps.push_back(llvm::ConstantFP::get(scalar, i));
    add = ctx.b.CreateFAdd(add, llvm::ConstantVector::get(steps));
  }
  auto *half = llvm::ConstantFP::get(x->getType(), 0.5);
  auto *sum = ctx.b.CreateFAdd(ctx.b.CreateFMul(x, half), add);
  auto *zero = llvm::Constant::getNullValue(x->getType());
  return ctx.b.CreateSelect(ctx.b.CreateFCmpOLT(sum, zero), zero, sum);
}

template <typename T>
void expectEqual(const Buffer<T> &out, const std::vector<T> &expected) {
  int mistakes = 0;
  for (size_t i = 0; i < expected.size() && mistakes < 3; ++i) {
    T got = out.get(i);
    if (got == expected[i] || (got != got && expected[i] != expected[i])) continue;
    ADD_FAILURE() << "element " << i << " is " << +got << ", not " << +expected[i];
    ++mistakes;
  }
  EXPECT_TRUE(out.intact());
}

template <typename T>
void fill(Buffer<T> &buffer, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_int_distribution<int> numbers(-8, 8);
  for (int64_t i = 0; i < buffer.size(); ++i) buffer.set(i, T(numbers(random)));
}

/// The case as a convolution, or (`depthwise`) as a depthwise one with outChannels / channels
/// results for each channel.
template <typename T>
void check(const Case &c, const Target &target, bool depthwise = false) {
  SCOPED_TRACE(describe(c, target) + (depthwise ? " depthwise" : ""));
  auto atRunTime = [&](char which) { return c.runTime.find(which) != std::string::npos; };
  int64_t depth = depthwise ? c.channels : c.channels / c.groups;
  Symbols s;
  Conv2DSpec spec;
  spec.dtype = dtypeOf<T>;
  spec.filter = 1;
  spec.out = 2;
  spec.batch = s.dim(atRunTime('n'), "N", c.batch);
  spec.height = s.dim(atRunTime('h'), "H", c.height);
  spec.width = s.dim(atRunTime('w'), "W", c.width);
  spec.outHeight =
      floorDiv(spec.height + Dim(c.top + c.bottom) - Dim((c.filterHeight - 1) * c.dilation + 1),
               c.stride) +
      Dim(1);
  spec.outWidth =
      floorDiv(spec.width + Dim(c.left + c.right) - Dim((c.filterWidth - 1) * c.dilation + 1),
               c.stride) +
      Dim(1);
  spec.filterHeight = s.dim(atRunTime('f'), "KH", c.filterHeight);
  spec.filterWidth = s.dim(atRunTime('f'), "KW", c.filterWidth);
  spec.filterChannels = s.dim(atRunTime('c'), "C", depth);
  spec.channels = spec.filterChannels * Dim(depthwise ? 1 : c.groups);
  spec.outChannels = s.dim(atRunTime('o'), "O", c.outChannels);
  spec.strideHeight = spec.strideWidth = c.stride;
  spec.dilationHeight = spec.dilationWidth = c.dilation;
  spec.padTop = c.top;
  spec.padLeft = c.left;
  if (c.epilogue) spec.epilogue.apply = epilogueOf;
  int64_t packedBytes = c.packed ? conv2DPackedBytes(target, spec) : 0;
  if (packedBytes) spec.packedFilter = 3;
  auto build = [&](auto emit) {
    return [&, emit](llvm::Module &module) {
      EmitContext ctx(module, target, "conv", 4, s.symbols);
      emit(ctx);
      auto *function = ctx.finish();
      return Kernel::Built{function, ctx.scratchBytes()};
    };
  };
  Kernel kernel(target, 4, s.symbols.size(), build([&](EmitContext &ctx) {
                  depthwise ? emitDepthwiseConv2D(ctx, spec) : emitConv2D(ctx, spec);
                }));

  int64_t outHeight = c.outHeight(), outWidth = c.outWidth();
  Buffer<T> input(c.batch * c.height * c.width * c.channels);
  int64_t perTap = depthwise ? c.outChannels : depth * c.outChannels;
  Buffer<T> filter(c.filterHeight * c.filterWidth * perTap);
  Buffer<uint8_t> packed(packedBytes, true);
  fill(input, 1);
  fill(filter, 2);
  int64_t outSize = c.batch * outHeight * outWidth * c.outChannels;
  Buffer<T> out(outSize), out2(outSize);
  std::vector<const void *> buffers = {input.data(), filter.data(), out.data(), packed.data()};
  if (packedBytes)
    Kernel(target, 4, s.symbols.size(),
           build([&](EmitContext &ctx) { emitPackConv2D(ctx, spec, 1, 3); }))(buffers, s.values);
  kernel(buffers, s.values, 1);
  buffers[2] = out2.data();
  kernel(buffers, s.values, 2);
  EXPECT_TRUE(out == out2) << "depends on the number of threads";
  EXPECT_TRUE(packed.intact() && out2.intact());

  std::vector<T> expected;
  for (int64_t n = 0; n < c.batch; ++n)
    for (int64_t y = 0; y < outHeight; ++y)
      for (int64_t x = 0; x < outWidth; ++x)
        for (int64_t o = 0; o < c.outChannels; ++o) {
          T sum = 0;
          int64_t group = depthwise ? 0 : o / (c.outChannels / c.groups);
          for (int64_t ky = 0; ky < c.filterHeight; ++ky)
            for (int64_t kx = 0; kx < c.filterWidth; ++kx) {
              int64_t iy = y * c.stride - c.top + ky * c.dilation;
              int64_t ix = x * c.stride - c.left + kx * c.dilation;
              if (iy < 0 || iy >= c.height || ix < 0 || ix >= c.width) continue;
              int64_t pixel = ((n * c.height + iy) * c.width + ix) * c.channels;
              int64_t tap = ky * c.filterWidth + kx;
              if (depthwise) {
                sum += input.get(pixel + o / (c.outChannels / c.channels)) *
                       filter.get(tap * c.outChannels + o);
                continue;
              }
              for (int64_t i = 0; i < depth; ++i)
                sum += input.get(pixel + group * depth + i) *
                       filter.get((tap * depth + i) * c.outChannels + o);
            }
          if (c.epilogue) {
            sum = sum * T(0.5) + T(o + 100 * x);
            if (sum < 0) sum = 0;
          }
          expected.push_back(sum);
        }
  expectEqual(out, expected);
}

TEST(Conv, Padding) {
  for (const Target &target : targetsHere())
    for (bool packed : {false, true}) {
      check<float>({2, 9, 19, 16, 3, 3, 40, 1, 1, 1, 1, 1, 1, 1, packed, "", true}, target);
      check<float>({1, 11, 30, 5, 5, 5, 10, 1, 1, 1, 2, 2, 2, 2, packed}, target);
      check<float>({1, 8, 8, 3, 3, 5, 33, 1, 1, 1, 0, 0, 0, 0, packed}, target);
      check<float>({1, 3, 3, 4, 7, 7, 6, 1, 1, 1, 3, 3, 3, 3, packed}, target);
      check<float>({1, 2, 2, 4, 3, 3, 6, 1, 1, 1, 4, 5, 4, 5, packed}, target);
      check<double>({1, 6, 17, 8, 3, 3, 20, 1, 1, 1, 1, 1, 1, 1, packed, "", true}, target);
    }
}

TEST(Conv, KnownRows) {
  // Tiles whose places in a row are known: one of them, two, three and more, with one vector of
  // channels and with several; padding on one side only, and wider than the filter.
  for (const Target &target : targetsHere())
    for (bool packed : {false, true}) {
      check<float>({2, 14, 14, 32, 5, 5, 16, 1, 1, 1, 2, 2, 2, 2, packed, "", true}, target);
      check<float>({2, 28, 28, 1, 5, 5, 16, 1, 1, 1, 2, 2, 2, 2, packed, "n", true}, target);
      check<float>({1, 5, 64, 3, 3, 3, 32, 1, 1, 1, 1, 1, 1, 1, packed}, target);
      check<float>({1, 6, 61, 8, 2, 4, 16, 1, 1, 1, 0, 3, 0, 0, packed, "h"}, target);
      check<float>({1, 6, 13, 8, 2, 7, 8, 1, 1, 1, 0, 0, 0, 6, packed}, target);
      check<float>({1, 4, 1, 2, 3, 7, 48, 1, 1, 1, 1, 6, 1, 6, packed}, target);
      check<float>({1, 4, 9, 2, 3, 2, 4, 1, 1, 1, 1, 5, 1, 4, packed}, target);
      check<double>({1, 6, 20, 3, 5, 5, 8, 1, 1, 1, 2, 2, 2, 2, packed, "", true}, target);
    }
}

TEST(Conv, SmallImages) {
  // Filters that are larger than the image.
  for (const Target &target : targetsHere())
    for (bool packed : {false, true}) {
      check<float>({2, 5, 5, 33, 3, 3, 70, 1, 1, 1, 1, 1, 1, 1, packed, "", true}, target);
      check<float>({1, 7, 17, 64, 3, 3, 96, 2, 1, 1, 1, 1, 1, 1, packed, "", true}, target);
      check<float>({1, 4, 4, 20, 3, 5, 80, 1, 2, 1, 2, 4, 2, 4, packed}, target);
      check<double>({2, 3, 3, 8, 3, 3, 40, 1, 1, 1, 0, 0, 0, 0, packed, "", true}, target);
    }
}

TEST(Conv, StridesDilationsGroups) {
  for (const Target &target : targetsHere())
    for (bool packed : {false, true}) {
      check<float>({1, 13, 29, 3, 7, 7, 64, 2, 1, 1, 3, 3, 3, 3, packed}, target);
      check<float>({1, 13, 17, 16, 3, 3, 32, 1, 2, 1, 2, 2, 2, 2, packed, "", true}, target);
      check<float>({2, 7, 16, 12, 3, 3, 24, 1, 1, 3, 1, 1, 1, 1, packed, "", true}, target);
      check<float>({1, 9, 9, 32, 3, 3, 128, 2, 1, 2, 0, 1, 1, 0, packed}, target);
      check<double>({1, 9, 9, 4, 3, 3, 6, 3, 2, 2, 2, 2, 2, 2, packed}, target);
    }
}

TEST(Conv, OneByOne) {
  for (const Target &target : targetsHere())
    for (bool packed : {false, true})
      for (const char *runTime : {"", "nhw"}) {
        check<float>({2, 5, 9, 24, 1, 1, 70, 1, 1, 1, 0, 0, 0, 0, packed, runTime, true}, target);
        check<float>({1, 5, 9, 24, 1, 1, 30, 2, 1, 1, 0, 0, 0, 0, packed, runTime}, target);
      }
}

TEST(Conv, RunTimeDimensions) {
  for (const Target &target : targetsHere())
    for (const char *runTime : {"n", "hw", "nhwcfo", "w", "f", "c"}) {
      bool packed = runTime[0] == 'n' || runTime[0] == 'h';
      check<float>({2, 7, 23, 6, 3, 3, 37, 1, 1, 1, 1, 1, 1, 1, packed, runTime, true}, target);
      check<float>({1, 8, 12, 4, 3, 3, 8, 2, 1, 2, 0, 1, 1, 1, packed, runTime}, target);
    }
}

TEST(Conv, Empty) {
  for (const Target &target : targetsHere()) {
    check<float>({0, 5, 5, 3, 3, 3, 4}, target);
    check<float>({1, 5, 5, 0, 3, 3, 4, 1, 1, 1, 0, 0, 0, 0, false, "", true}, target);
    check<float>({1, 5, 5, 3, 3, 3, 0}, target);
    check<float>({0, 5, 5, 3, 3, 3, 4, 1, 1, 1, 1, 1, 1, 1, false, "nhw"}, target);
  }
}

TEST(Conv, Depthwise) {
  for (const Target &target : targetsHere())
    for (const char *runTime : {"", "nhw", "nhwcfo"}) {
      check<float>({2, 6, 7, 37, 3, 3, 37, 1, 1, 1, 1, 1, 1, 1, false, runTime, true}, target,
                   true);
      check<float>({1, 9, 9, 64, 3, 3, 64, 2, 1, 1, 0, 0, 1, 1, false, runTime}, target, true);
      check<float>({1, 5, 8, 7, 2, 3, 21, 1, 2, 1, 1, 2, 1, 2, false, runTime}, target, true);
      check<double>({1, 5, 8, 9, 2, 3, 18, 1, 1, 1, 1, 1, 1, 1, false, runTime, true}, target,
                    true);
    }
}

template <typename T>
void checkPool(const Case &c, const Target &target, bool maximum, bool special = false) {
  SCOPED_TRACE(describe(c, target) + (maximum ? " max" : " average"));
  auto atRunTime = [&](char which) { return c.runTime.find(which) != std::string::npos; };
  Symbols s;
  PoolSpec spec;
  spec.dtype = dtypeOf<T>;
  spec.out = 1;
  spec.batch = s.dim(atRunTime('n'), "N", c.batch);
  spec.height = s.dim(atRunTime('h'), "H", c.height);
  spec.width = s.dim(atRunTime('w'), "W", c.width);
  spec.channels = s.dim(atRunTime('c'), "C", c.channels);
  spec.outHeight =
      floorDiv(spec.height + Dim(c.top + c.bottom - c.filterHeight), c.stride) + Dim(1);
  spec.outWidth = floorDiv(spec.width + Dim(c.left + c.right - c.filterWidth), c.stride) + Dim(1);
  spec.windowHeight = c.filterHeight;
  spec.windowWidth = c.filterWidth;
  spec.strideHeight = spec.strideWidth = c.stride;
  spec.padTop = c.top;
  spec.padLeft = c.left;
  if (c.epilogue) spec.epilogue.apply = epilogueOf;
  Kernel kernel(target, 2, s.symbols.size(), [&](llvm::Module &module) {
    EmitContext ctx(module, target, "pool", 2, s.symbols);
    maximum ? emitMaxPool(ctx, spec) : emitAvgPool(ctx, spec);
    auto *function = ctx.finish();
    return Kernel::Built{function, ctx.scratchBytes()};
  });
  Buffer<T> input(c.batch * c.height * c.width * c.channels);
  fill(input, 3);
  if constexpr (std::is_floating_point_v<T>)
    if (special) {
      input.set(input.size() / 2, std::numeric_limits<T>::quiet_NaN());
      input.set(input.size() / 3, std::numeric_limits<T>::infinity());
    }
  int64_t outHeight = c.outHeight(), outWidth = c.outWidth();
  int64_t outSize = c.batch * outHeight * outWidth * c.channels;
  Buffer<T> out(outSize), out2(outSize);
  kernel({input.data(), out.data()}, s.values, 1);
  kernel({input.data(), out2.data()}, s.values, 2);
  EXPECT_TRUE(out == out2) << "depends on the number of threads";
  std::vector<T> expected;
  for (int64_t n = 0; n < c.batch; ++n)
    for (int64_t y = 0; y < outHeight; ++y)
      for (int64_t x = 0; x < outWidth; ++x)
        for (int64_t k = 0; k < c.channels; ++k) {
          T result = 0;
          int64_t count = 0;
          for (int64_t iy = y * c.stride - c.top; iy < y * c.stride - c.top + c.filterHeight; ++iy)
            for (int64_t ix = x * c.stride - c.left; ix < x * c.stride - c.left + c.filterWidth;
                 ++ix) {
              if (iy < 0 || iy >= c.height || ix < 0 || ix >= c.width) continue;
              T value = input.get(((n * c.height + iy) * c.width + ix) * c.channels + k);
              if (!maximum)
                result += value;
              else if (count == 0 || value > result || value != value)
                result = value;
              ++count;
            }
          if (!maximum) result /= T(count);
          if (c.epilogue) {
            result = result * T(0.5) + T(k + 100 * x);
            if (result < 0) result = 0;
          }
          expected.push_back(result);
        }
  expectEqual(out, expected);
}

TEST(Pool, Windows) {
  for (const Target &target : targetsHere())
    for (bool maximum : {true, false})
      for (const char *runTime : {"", "nhwc"}) {
        checkPool<float>({2, 8, 9, 37, 2, 2, 0, 2, 1, 1, 0, 0, 0, 0, false, runTime, true}, target,
                         maximum);
        checkPool<float>({1, 7, 7, 96, 3, 3, 0, 2, 1, 1, 1, 1, 1, 1, false, runTime}, target,
                         maximum);
        checkPool<double>({1, 5, 6, 3, 3, 2, 0, 1, 1, 1, 1, 0, 1, 1, false, runTime}, target,
                          maximum);
      }
}

TEST(Pool, NotFinite) {
  for (const Target &target : targetsHere())
    for (bool maximum : {true, false})
      checkPool<float>({1, 6, 6, 20, 3, 3, 0, 1, 1, 1, 1, 1, 1, 1}, target, maximum, true);
}

TEST(Pool, Integers) {
  for (const Target &target : targetsHere()) {
    checkPool<int32_t>({1, 6, 6, 21, 3, 3, 0, 2, 1, 1, 1, 1, 1, 1}, target, true);
    checkPool<uint8_t>({1, 6, 6, 21, 2, 2, 0, 1, 1, 1, 0, 0, 0, 0}, target, true);
  }
}

TEST(Pool, Empty) {
  for (const Target &target : targetsHere()) {
    checkPool<float>({0, 6, 6, 21, 3, 3, 0, 2}, target, true);
    checkPool<float>({1, 6, 6, 0, 3, 3, 0, 2}, target, false);
  }
}

} // namespace
} // namespace graphc::lower
