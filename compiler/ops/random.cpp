// Random numbers.
//
//   type              attributes                                             output
//   random_uniform    shape dims, dtype, number int, a float, b float        [a, b)
//   random_uniform    (integer dtypes) shape, dtype, number, low int,        [low, high)
//                     high int
//   random_normal     shape, dtype, number, a, b                             mean a, deviation b
//   truncated_normal  shape, dtype, number, a, b                             the same, within 2 b
//
// `number` is what the runtime's graphrt_random and graphrt_random_int call `op`: the seed that was
// given, else a hash of the operation's name, so that it does not change when other operations come
// or go. They have no evaluation; ops/interpret.h draws the numbers that the runtime draws.
#include "ops/cost.h"
#include "ops/effects.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <cassert>
#include <limits>

namespace graphc {

namespace {
bool inferRandom(Infer &i) {
  DType dtype = i.typeAttr("dtype");
  if (!isFloating(dtype))
    return i.fail(Code::OperandDTypes,
                  fmt::format("a floating dtype is needed, not {}", dtypeName(dtype)));
  auto dims = i.dimsAttr("shape");
  i.output(dtype, std::vector<Dim>(dims.begin(), dims.end()));
  return true;
}

bool inferRandomUniform(Infer &i) {
  DType dtype = i.typeAttr("dtype");
  if (!isInteger(dtype)) return inferRandom(i);
  if (i.intAttr("low") >= i.intAttr("high"))
    return i.fail(Code::AttributeRange, fmt::format("minval {} must be less than maxval {}",
                                                    i.intAttr("low"), i.intAttr("high")));
  auto dims = i.dimsAttr("shape");
  i.output(dtype, std::vector<Dim>(dims.begin(), dims.end()));
  return true;
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): a number for a name.
uint64_t hashOf(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

RandomDraw drawOf(Call &c, std::string_view type) {
  RandomDraw draw;
  draw.type = type;
  draw.shape = dimsOf(c.dims("shape"));
  draw.dtype = c.dtype("dtype");
  if (c.given("seed")) draw.seed = c.integer("seed");
  return draw;
}

Tensor *drawNamed(Call &c, const RandomDraw &draw) {
  auto name = c.host.takeName(c.function.def->defaultName);
  if (!name) return nullptr;
  Tensor *drawn = drawRandom(c, *name, draw);
  if (drawn) c.made = drawn->op;
  return drawn;
}

template <bool truncated>
Tensor *buildNormal(Call &c) {
  RandomDraw draw = drawOf(c, truncated ? "truncated_normal" : "random_normal");
  draw.a = c.number("mean");
  draw.b = c.number("stddev");
  return drawNamed(c, draw);
}

/// A scalar bound, as float and, where it is one, as integer.
bool bound(Call &c, std::string_view parameter, double &real, int64_t &whole, bool integer) {
  const Literal *literal = c.arg(parameter).literal;
  if (literal->elements() != 1) {
    c.fail(Code::WrongType, "one number is needed", parameter);
    return false;
  }
  if (integer && !isInteger(literal->dtype)) {
    c.fail(Code::OperandDTypes, "an integer dtype needs integer bounds", parameter);
    return false;
  }
  Array value{literal->dtype, {}, {literal->bytes.begin(), literal->bytes.end()}};
  real = value.number(0);
  whole = integer ? value.integer(0) : 0;
  return true;
}

/// The lowest and highest number of an integer dtype, as far as int64 goes.
std::pair<int64_t, int64_t> rangeOf(DType dtype) {
  std::pair<int64_t, int64_t> range;
  visitType(dtype, [&](auto example) {
    using T = decltype(example);
    if constexpr (std::is_integral_v<T>) {
      // NOLINTNEXTLINE(bugprone-signed-char-misuse): a number, not a character
      range.first = int64_t(std::numeric_limits<T>::min());
      range.second = std::is_same_v<T, uint64_t> ? std::numeric_limits<int64_t>::max()
                                                 : int64_t(std::numeric_limits<T>::max());
    }
  });
  return range;
}

Tensor *buildUniform(Call &c) {
  RandomDraw draw = drawOf(c, "random_uniform");
  bool integer = isInteger(draw.dtype);
  if (integer && !c.given("maxval"))
    return c.fail(Code::WrongArguments, "an integer dtype needs maxval", "maxval");
  if (!bound(c, "minval", draw.a, draw.low, integer)) return nullptr;
  if (c.given("maxval") && !bound(c, "maxval", draw.b, draw.high, integer)) return nullptr;
  if (integer) {
    auto [lowest, highest] = rangeOf(draw.dtype);
    if (draw.low < lowest || draw.high - 1 > highest)
      return c.fail(Code::AttributeRange, fmt::format("[{}, {}) is not in the range of {}",
                                                      draw.low, draw.high, dtypeName(draw.dtype)));
  }
  return drawNamed(c, draw);
}

constexpr OpDef ops[] = {
    {.type = "random_uniform",
     .infer = inferRandomUniform,
     .stateful = true,
     .cost = onePerOutputElement},
    {.type = "random_normal", .infer = inferRandom, .stateful = true, .cost = onePerOutputElement},
    {.type = "truncated_normal",
     .infer = inferRandom,
     .stateful = true,
     .cost = onePerOutputElement},
};

constexpr FunctionDef functions[] = {
    {.signature = "random_uniform(shape: shape, minval: literal = 0, maxval: literal? = None, "
                  "dtype: dtype = float32, seed: int? = None)",
     .defaultName = "random_uniform",
     .op = "random_uniform",
     .doc =
         "Random numbers x with minval <= x < maxval, drawn anew at each call of an export.\n"
         "`maxval` is 1 for floating dtypes and must be given for integers. Philox 4x32-10, from "
         "the instance's seed, the call's number and the operation's name or `seed`.",
     .build = buildUniform},
    {.signature = "random_normal(shape: shape, mean: float = 0.0, stddev: float = 1.0, "
                  "dtype: dtype = float32, seed: int? = None)",
     .defaultName = "random_normal",
     .op = "random_normal",
     .doc = "Normally distributed random numbers, drawn anew at each call of an export.",
     .build = buildNormal<false>},
    {.signature = "truncated_normal(shape: shape, mean: float = 0.0, stddev: float = 1.0, "
                  "dtype: dtype = float32, seed: int? = None)",
     .defaultName = "truncated_normal",
     .op = "truncated_normal",
     .doc =
         "Normally distributed random numbers, redrawn where they are two standard deviations or "
         "more from the mean.",
     .build = buildNormal<true>},
};
} // namespace

Tensor *drawRandom(OpBuilder &builder, std::string_view name, const RandomDraw &draw) {
  uint64_t number;
  if (draw.seed)
    number = uint64_t(*draw.seed);
  else if (auto key = name.empty() ? draw.key : name; !key.empty())
    number = hashOf(key);
  else
    number = hashOf(fmt::format("%{}", builder.graph.operations.size()));
  std::vector<Attr> attrs{dimsAttr("shape", builder.keep(draw.shape)),
                          typeAttr("dtype", draw.dtype), intAttr("number", int64_t(number))};
  if (isInteger(draw.dtype))
    attrs.insert(attrs.end(), {intAttr("low", draw.low), intAttr("high", draw.high)});
  else
    attrs.insert(attrs.end(), {floatAttr("a", draw.a), floatAttr("b", draw.b)});
  const OpDef *def = findOp(draw.type);
  assert(def && "no such operation in the tables");
  auto *op = builder.make(*def, name, {}, attrs);
  return op ? op->output() : nullptr;
}

std::span<const OpDef> randomOps() { return ops; }
std::span<const FunctionDef> randomFunctions() { return functions; }

} // namespace graphc
