#include "ops/compose.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

Tensor *castTo(OpBuilder &b, Tensor *x, DType dtype) {
  if (!x || x->dtype == dtype) return x;
  return b.op("Cast", {x}, {typeAttr("dtype", dtype)});
}

Tensor *reshapeTo(OpBuilder &b, Tensor *x, const std::vector<Dim> &dims) {
  if (!x) return nullptr;
  return b.op("Reshape", {x}, {dimsAttr("shape", b.keep(dims))});
}

Tensor *transposeTo(OpBuilder &b, Tensor *x, const std::vector<int64_t> &perm) {
  if (!x || std::is_sorted(perm.begin(), perm.end())) return x;
  return b.op("Transpose", {x}, {intsAttr("perm", b.keep(perm))});
}

Tensor *countTo(OpBuilder &b, Dim size, DType dtype) {
  DType whole = isInteger(dtype) ? dtype : DType::Int32;
  std::vector<Dim> sizes{size};
  Tensor *counted = b.op("Range", {b.constant(whole, 0), b.constant(whole, 1)},
                         {dimsAttr("size", b.keep(sizes))});
  return castTo(b, counted, dtype);
}

Tensor *dimAs(OpBuilder &b, Dim dim, DType dtype) {
  if (dim.isStatic()) return b.constant(dtype, double(dim.value));
  std::vector<Dim> value{dim};
  return b.op(
      "Dims", {},
      {dimsAttr("value", b.keep(value)), typeAttr("dtype", dtype), boolAttr("scalar", true)});
}

static Tensor *reduceOver(OpBuilder &b, std::string_view type, Tensor *x,
                          const std::vector<int64_t> &axes, bool keepdims) {
  if (!x) return nullptr;
  return b.op(type, {x}, {intsAttr("axes", b.keep(axes)), boolAttr("keepdims", keepdims)});
}
Tensor *sumOver(OpBuilder &b, Tensor *x, const std::vector<int64_t> &axes, bool keepdims) {
  return reduceOver(b, "Sum", x, axes, keepdims);
}
Tensor *meanOver(OpBuilder &b, Tensor *x, const std::vector<int64_t> &axes, bool keepdims) {
  return reduceOver(b, "Mean", x, axes, keepdims);
}

Tensor *inScope(Call &call, std::string_view scope, std::string_view name, std::string_view type,
                std::initializer_list<Tensor *> inputs, std::span<const Attr> attrs) {
  if (std::find(inputs.begin(), inputs.end(), nullptr) != inputs.end()) return nullptr;
  auto full = call.graph.arena.copy(fmt::format("{}/{}", scope, name));
  auto *op = call.make(*findOp(type), full, std::span(inputs.begin(), inputs.size()), attrs);
  if (op) call.made = op;
  return op ? op->output() : nullptr;
}

bool wantsNCHW(Call &call, bool &failed) {
  if (!call.given("data_format")) return false;
  auto format = call.text("data_format");
  if (format == "NHWC" || format == "NCHW") return format == "NCHW";
  failed = true;
  call.fail(Code::AttributeRange,
            fmt::format("data_format must be \"NHWC\" or \"NCHW\", not \"{}\"", format),
            "data_format");
  return false;
}

Tensor *channelsLast(OpBuilder &b, Tensor *x) { return transposeTo(b, x, {0, 2, 3, 1}); }
Tensor *channelsFirst(OpBuilder &b, Tensor *x) { return transposeTo(b, x, {0, 3, 1, 2}); }

} // namespace graphc
