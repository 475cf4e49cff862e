// Matrix products.
//
// type     inputs      attrs                            output
// MatMul   a b         transpose_a, transpose_b (bool)  (…, m, n); numeric, integers wrap. a is
//                                                       (…, m, k), or (…, k, m) with transpose_a,
//                                                       b is (…, k, n); ranks from 2; what is
//                                                       before the matrices broadcasts
// BiasAdd  value bias  –                                value + bias; bias is a vector, as long as
//                                                       value's last axis (never broadcast)
#include "ops/arguments.h"
#include "ops/compose.h"
#include "ops/cost.h"
#include "ops/derive.h"
#include "ops/evaluate.h"
#include "ops/numbers.h"
#include "ops/tables.h"

#include <fmt/format.h>

namespace graphc {

namespace {

bool inferMatMul(Infer &infer) {
  if (!infer.sameDTypes() || !infer.needDType(isNumeric(infer.dtype(0)), "a numeric dtype"))
    return false;
  for (int i = 0; i < 2; ++i)
    if (infer.in(size_t(i)).rank() < 2)
      return infer.fail(
          Code::OperandShapes,
          fmt::format("matmul multiplies matrices, not shape {}", toString(infer.in(size_t(i)))),
          i);
  Shape a = infer.in(0), b = infer.in(1);
  bool transposeA = infer.boolAttr("transpose_a"), transposeB = infer.boolAttr("transpose_b");
  auto at = [](Shape s, bool row) { return s[s.rank() - (row ? 2 : 1)]; };
  Dim innerA = at(a, transposeA), innerB = at(b, !transposeB), inner;
  if ((innerA - innerB).isStatic() && innerA != innerB)
    return infer.fail(Code::OperandShapes,
                      fmt::format("matmul of {}{} and {}{}: the inner dimensions {} and {} differ",
                                  toString(a), transposeA ? " transposed" : "", toString(b),
                                  transposeB ? " transposed" : "", toString(innerA),
                                  toString(innerB)));
  if (!infer.unify(innerA, innerB, inner, "the inner dimensions of matmul")) return false;
  Shape batch;
  if (!infer.broadcast(Shape(a.dims().first(size_t(a.rank() - 2))),
                       Shape(b.dims().first(size_t(b.rank() - 2))), batch))
    return false;
  std::vector<Dim> dims(batch.begin(), batch.end());
  dims.push_back(at(a, !transposeA));
  dims.push_back(at(b, transposeB));
  infer.output(infer.dtype(0), dims);
  return true;
}

bool evaluateMatMul(Evaluate &e) {
  const Array &a = *e.inputs[0], &b = *e.inputs[1];
  Array &out = e.outputs[0];
  bool transposeA = e.op.boolAttr("transpose_a"), transposeB = e.op.boolAttr("transpose_b");
  size_t rank = out.dims.size();
  int64_t m = out.dims[rank - 2], n = out.dims[rank - 1];
  int64_t k = a.dims[a.dims.size() - (transposeA ? 2 : 1)];
  auto batches = [](const std::vector<int64_t> &dims) {
    return std::vector<int64_t>(dims.begin(), dims.end() - 2);
  };
  auto batch = batches(out.dims);
  auto batchA = broadcastIndex(batches(a.dims), batch),
       batchB = broadcastIndex(batches(b.dims), batch);
  return computeAs(a.dtype, [&](auto zero) {
    using C = decltype(zero);
    auto left = loadAll<C>(a), right = loadAll<C>(b);
    std::vector<C> row(static_cast<size_t>(n));
    for (size_t p = 0; p < batchA.size(); ++p)
      for (int64_t i = 0; i < m; ++i) {
        std::fill(row.begin(), row.end(), C(0));
        for (int64_t l = 0; l < k; ++l) {
          C x = left[size_t(batchA[p] * m * k + (transposeA ? l * m + i : i * k + l))];
          const C *y = right.data() + batchB[p] * k * n + (transposeB ? l : l * n);
          for (int64_t j = 0; j < n; ++j)
            row[size_t(j)] = wrapAdd(row[size_t(j)], wrapMul(x, y[transposeB ? j * k : j]));
        }
        for (int64_t j = 0; j < n; ++j) store(out, (int64_t(p) * m + i) * n + j, row[size_t(j)]);
      }
    return true;
  });
}

bool inferBiasAdd(Infer &infer) {
  if (!infer.sameDTypes() || !infer.needDType(isNumeric(infer.dtype(0)), "a numeric dtype") ||
      !infer.needRank(1, 1, "the bias"))
    return false;
  Shape value = infer.in(0);
  if (value.rank() < 2)
    return infer.fail(
        Code::OperandShapes,
        fmt::format("bias_add needs a value of rank 2 or more, not shape {}", toString(value)), 0);
  Dim channels;
  if (!infer.unify(value[value.rank() - 1], infer.in(1)[0], channels,
                   "the channels of bias_add's value and bias"))
    return false;
  std::vector<Dim> dims(value.begin(), value.end());
  dims.back() = channels;
  infer.output(infer.dtype(0), dims);
  return true;
}

struct AddFn {
  auto operator()(auto a, auto b) const { return wrapAdd(a, b); }
};

// Gradients -----------------------------------------------------------------------------------

Tensor *product(const Derive &d, Tensor *a, Tensor *b, bool transposeA, bool transposeB) {
  return d.b.op("MatMul", {a, b},
                {boolAttr("transpose_a", transposeA), boolAttr("transpose_b", transposeB)});
}

/// The matrices of a batch one below the other: (…, m, k) as (…·m, k).
Tensor *stacked(const Derive &d, Tensor *t) {
  if (t->shape.rank() <= 2) return t;
  Dim rows(1);
  for (Dim size : t->shape.dims().first(size_t(t->shape.rank() - 1))) rows = rows * size;
  return d.reshape(t, {rows, t->shape[t->shape.rank() - 1]});
}

// Of C = A·B: G·Bᵀ and Aᵀ·G; each transposed in turn where A or B was taken so.
void matMulGradient(Derive &d) {
  bool ta = d.op.boolAttr("transpose_a"), tb = d.op.boolAttr("transpose_b");
  Tensor *a = d.x(0), *b = d.x(1), *g = d.g();
  d.to(0, ta ? product(d, b, g, tb, true) : product(d, g, b, false, !tb));
  // One matrix b for a whole batch: its gradient is one product, instead of a sum of many.
  if (b->shape.rank() == 2 && a->shape.rank() > 2 && !ta) {
    a = stacked(d, a);
    g = stacked(d, g);
  }
  d.to(1, tb ? product(d, g, a, true, ta) : product(d, a, g, !ta, false));
}

void biasAddGradient(Derive &d) {
  d.dx[0] = d.g();
  d.to(1, d.g());
}

/// 2·m·k·n for each matrix of the batch.
void matMulCost(const Operation &op, Cost &cost) {
  Shape a = op.inputs[0]->shape;
  Dim inner = a[a.rank() - (op.boolAttr("transpose_a") ? 2 : 1)];
  cost.flops = Dim(2) * op.output()->shape.elements() * inner;
}

constexpr OpDef ops[] = {
    {.type = "MatMul",
     .infer = inferMatMul,
     .evaluate = evaluateMatMul,
     .gradient = deriveBy<matMulGradient>,
     .cost = matMulCost},
    {.type = "BiasAdd",
     .infer = inferBiasAdd,
     .evaluate = evaluateBinary<AddFn>,
     .gradient = deriveBy<biasAddGradient>,
     .elementwise = true},
};

// Functions -----------------------------------------------------------------------------------

Tensor *buildMatMul(Call &call) {
  bool transposed[2];
  const char *names[2][2] = {{"transpose_a", "adjoint_a"}, {"transpose_b", "adjoint_b"}};
  for (int i = 0; i < 2; ++i) {
    bool transpose = call.flag(names[i][0]), adjoint = call.flag(names[i][1]);
    if (transpose && adjoint)
      return call.fail(Code::AttributeRange,
                       fmt::format("only one of {} and {} can be True", names[i][0], names[i][1]),
                       names[i][1]);
    transposed[i] = transpose || adjoint; // real numbers: their conjugates are themselves
  }
  return call.named(
      "MatMul", {call.tensor("a"), call.tensor("b")},
      {boolAttr("transpose_a", transposed[0]), boolAttr("transpose_b", transposed[1])});
}

Tensor *buildMatMulOperator(Call &call) {
  return call.named("MatMul", {call.tensor("x"), call.tensor("y")},
                    {boolAttr("transpose_a", false), boolAttr("transpose_b", false)});
}

Tensor *buildBiasAdd(Call &call) {
  Tensor *value = call.tensor("value"), *bias = call.tensor("bias");
  auto format = call.given("data_format") ? call.text("data_format") : "NHWC";
  if (format.size() < 2 || format[0] != 'N' || (format[1] != 'C' && format.back() != 'C'))
    return call.fail(Code::AttributeRange,
                     fmt::format("data_format must be \"NHWC\" or \"NCHW\", not \"{}\"", format),
                     "data_format");
  Shape shape = value->shape;
  bool channelsFirst = format[1] == 'C' && shape.hasRank() && shape.rank() > 2;
  if (!channelsFirst || !bias->shape.hasRank() || bias->shape.rank() != 1)
    return call.named("BiasAdd", {value, bias});
  Dim channels = bias->shape[0];
  if ((channels - shape[1]).isStatic() && channels != shape[1])
    return call.fail(Code::OperandShapes,
                     fmt::format("the channels of bias_add's value and bias differ: {} and {}",
                                 toString(shape[1]), toString(channels)));
  std::vector<Dim> dims(size_t(shape.rank() - 1), Dim(1));
  dims[0] = channels;
  return call.named("Add", {value, reshapeTo(call, bias, dims)});
}

Tensor *buildXwPlusB(Call &call) {
  Tensor *product = call.op("MatMul", {call.tensor("x"), call.tensor("weights")},
                            {boolAttr("transpose_a", false), boolAttr("transpose_b", false)});
  return call.named("BiasAdd", {product, call.tensor("biases")});
}

constexpr FunctionDef functions[] = {
    {"matmul(a: T, b: T, transpose_a: bool = False, transpose_b: bool = False, "
     "adjoint_a: bool = False, adjoint_b: bool = False, a_is_sparse: any = False, "
     "b_is_sparse: any = False)",
     "MatMul", "MatMul",
     "The matrix product a·b.\nShapes (…, m, k) and (…, k, n) give (…, m, n); dimensions before "
     "the matrices broadcast as NumPy's do. `transpose_a` takes a as (…, k, m), `transpose_b` b "
     "as (…, n, k); of real numbers `adjoint_a` and `adjoint_b` are the same.\nAny numeric "
     "dtype; integers wrap.",
     buildMatMul},
    {"__matmul__(x: T, y: T)", "matmul", "MatMul",
     "The operator `x @ y`, the matrix product.\nShapes (…, m, k) and (…, k, n) give (…, m, n); "
     "dimensions before the matrices broadcast as NumPy's do.\nAny numeric dtype; integers wrap.",
     buildMatMulOperator},
    {"bias_add(value: T, bias: T, data_format: str? = None)", "BiasAdd", "BiasAdd",
     "Adds a vector along the channels.\nvalue has shape (…, c), bias (c,). With data_format "
     "\"NCHW\" value's second axis has the channels.\nAny numeric dtype; integers wrap.",
     buildBiasAdd},
    {"xw_plus_b(x: T, weights: T, biases: T)", "xw_plus_b", "BiasAdd",
     "The linear layer x·weights + biases.\nShapes (m, k), (k, n) and (n,) give (m, n).\nAny "
     "numeric dtype; integers wrap.",
     buildXwPlusB},
};

} // namespace

std::span<const OpDef> matmulOps() { return ops; }
std::span<const FunctionDef> matmulFunctions() { return functions; }

} // namespace graphc
