// Matrices from vectors and back, masks, evenly spaced numbers. The functions are made of other
// operations and have no types of their own.
#include "ops/compose.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <fmt/format.h>

namespace graphc {

namespace {

Tensor *buildLinspace(Call &c) {
  Tensor *start = c.tensor("start"), *stop = c.tensor("stop");
  if (!isFloating(start->dtype))
    return c.fail(Code::OperandDTypes,
                  fmt::format("linspace needs a floating dtype, not {}", dtypeName(start->dtype)),
                  "start");
  for (auto [bound, name] : {std::pair(start, "start"), std::pair(stop, "stop")})
    if (bound->shape.hasRank() && bound->shape.rank() != 0)
      return c.fail(
          Code::OperandShapes,
          fmt::format("{} must be a scalar, not of shape {}", name, toString(bound->shape)), name);
  auto num = c.dims("num");
  if (num.size() != 1 || (num[0].isStatic() && num[0].value < 1))
    return c.fail(Code::AttributeRange, "num must be one number that is at least 1", "num");
  DType dtype = start->dtype;
  Tensor *gaps = dimAs(c, max(num[0] - 1, 1), dtype);
  Tensor *step = c.op("RealDiv", {c.op("Sub", {stop, start}), gaps});
  return c.named("Add", {start, c.op("Mul", {countTo(c, num[0], dtype), step})});
}

Tensor *buildSequenceMask(Call &c) {
  Tensor *lengths = c.tensor("lengths");
  if (!rankKnown(c, lengths, "lengths")) return nullptr;
  if (!isInteger(lengths->dtype))
    return c.fail(Code::OperandDTypes,
                  fmt::format("sequence_mask needs integers, not {}", dtypeName(lengths->dtype)),
                  "lengths");
  if (!c.given("maxlen") || c.dims("maxlen").size() != 1)
    return c.fail(Code::WrongArguments,
                  "sequence_mask needs maxlen: without it the shape would depend on data",
                  "maxlen");
  auto scope = c.host.takeName("SequenceMask");
  if (!scope) return nullptr;
  Tensor *column = c.op("ExpandDims", {lengths}, {intAttr("axis", int64_t(lengths->shape.rank()))});
  Tensor *places = countTo(c, c.dims("maxlen")[0], lengths->dtype);
  if (c.dtype("dtype") == DType::Bool) return inScope(c, *scope, "Less", "Less", {places, column});
  Tensor *mask = c.op("Less", {places, column});
  std::vector<Attr> attrs{typeAttr("dtype", c.dtype("dtype"))};
  return inScope(c, *scope, "Cast", "Cast", {mask}, attrs);
}

/// column - row of each element of an (m, n) matrix.
Tensor *offsets(Call &c, Dim rows, Dim columns) {
  Tensor *down = reshapeTo(c, countTo(c, rows, DType::Int64), {rows, Dim(1)});
  return c.op("Sub", {countTo(c, columns, DType::Int64), down});
}

bool needMatrix(Call &c, const Tensor *x, std::string_view argument) {
  if (!rankKnown(c, x, argument)) return false;
  if (x->shape.rank() >= 2) return true;
  c.fail(Code::OperandShapes,
         fmt::format("{} must have rank 2 or more, not shape {}", argument, toString(x->shape)),
         argument);
  return false;
}

Tensor *buildBandPart(Call &c) {
  Tensor *x = c.tensor("input");
  if (!needMatrix(c, x, "input")) return nullptr;
  int rank = x->shape.rank();
  Tensor *offset = offsets(c, x->shape[rank - 2], x->shape[rank - 1]), *kept = nullptr;
  auto keep = [&](std::string_view type, int64_t bound) {
    Tensor *here = c.op(type, {offset, c.constant(DType::Int64, double(bound))});
    kept = kept ? c.op("LogicalAnd", {kept, here}) : here;
  };
  if (int64_t lower = c.integer("num_lower"); lower >= 0) keep("GreaterEqual", -lower);
  if (int64_t upper = c.integer("num_upper"); upper >= 0) keep("LessEqual", upper);
  if (!kept) return c.named("Identity", {x});
  return c.named("Select", {kept, x, c.constant(x->dtype, 0)});
}

Tensor *buildDiag(Call &c) {
  Tensor *x = c.tensor("diagonal");
  if (!rankKnown(c, x, "diagonal")) return nullptr;
  int rank = x->shape.rank();
  if (rank == 0) return c.fail(Code::OperandShapes, "diagonal must not be a scalar", "diagonal");
  Dim size = x->shape[rank - 1];
  Tensor *on = c.op("Equal", {offsets(c, size, size), c.constant(DType::Int64, 0)});
  Tensor *column = c.op("ExpandDims", {x}, {intAttr("axis", int64_t(rank))});
  return c.named("Select", {on, column, c.constant(x->dtype, 0)});
}

/// The diagonal's elements, among zeros that are summed up with them.
Tensor *diagonal(Call &c, Tensor *x) {
  int rank = x->shape.rank();
  Tensor *on = c.op(
      "Equal", {offsets(c, x->shape[rank - 2], x->shape[rank - 1]), c.constant(DType::Int64, 0)});
  return c.op("Select", {on, x, c.constant(x->dtype, 0)});
}

Tensor *buildDiagPart(Call &c) {
  Tensor *x = c.tensor("input");
  if (!needMatrix(c, x, "input")) return nullptr;
  int rank = x->shape.rank();
  Dim rows = x->shape[rank - 2], columns = x->shape[rank - 1], size = min(rows, columns);
  std::vector<Dim> begin(size_t(rank), Dim(0)), part(x -> shape.begin(), x->shape.end());
  part[size_t(rank - 2)] = part[size_t(rank - 1)] = size;
  if (rows != columns)
    x = c.op("Slice", {x}, {dimsAttr("begin", c.keep(begin)), dimsAttr("size", c.keep(part))});
  if (!x) return nullptr;
  std::vector<int64_t> last{rank - 1};
  return c.named("Sum", {diagonal(c, x)},
                 {intsAttr("axes", c.keep(last)), boolAttr("keepdims", false)});
}

Tensor *buildTrace(Call &c) {
  Tensor *x = c.tensor("x");
  if (!needMatrix(c, x, "x")) return nullptr;
  std::vector<int64_t> last{x->shape.rank() - 2, x->shape.rank() - 1};
  return c.named("Sum", {diagonal(c, x)},
                 {intsAttr("axes", c.keep(last)), boolAttr("keepdims", false)});
}

constexpr FunctionDef functions[] = {
    {"linspace(start: T, stop: T, num: shape)", "LinSpace", "Add",
     "`num` numbers from start to stop, evenly spaced.\nA vector of start's dtype, which is "
     "floating; `num` is at least 1 (which gives start).\nFormula: start + i·(stop - start)/(num - "
     "1).",
     buildLinspace, "lin_space"},
    {"sequence_mask(lengths: tensor, maxlen: shape? = None, dtype: dtype = bool)", "SequenceMask",
     "Less",
     "True for the first lengths[i] of `maxlen` elements.\nShapes: lengths (…), integers, result "
     "(…, "
     "maxlen), bool or `dtype`.",
     buildSequenceMask},
    {"matrix_band_part(input: tensor, num_lower: int, num_upper: int)", "MatrixBandPart", "Select",
     "Matrices with zeros outside a band around the diagonal.\n`num_lower` diagonals below it and "
     "`num_upper` above it are kept; a negative number means all.\nShape (…, m, n); any numeric "
     "dtype.",
     buildBandPart},
    {"matrix_diag(diagonal: tensor)", "MatrixDiag", "Select",
     "Matrices with the given diagonals, and zeros elsewhere.\nShapes: diagonal (…, n), result (…, "
     "n, n); any numeric dtype.",
     buildDiag},
    {"matrix_diag_part(input: tensor)", "MatrixDiagPart", "Sum",
     "The diagonals of matrices.\nShapes: input (…, m, n), result (…, min(m, n)); any numeric "
     "dtype.",
     buildDiagPart},
    {"trace(x: tensor)", "Trace", "Sum",
     "The sum of each matrix' diagonal.\nShapes: x (…, m, n), result (…); any numeric dtype.",
     buildTrace},
};

} // namespace

std::span<const OpDef> matricesOps() { return {}; }
std::span<const FunctionDef> matricesFunctions() { return functions; }

} // namespace graphc
