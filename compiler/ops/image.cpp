// Images in other sizes. NHWC.
//
//   type                   inputs                 output
//   ResizeBilinear         images (n, h, w, c)    (n, h', w', c): each element from the four around
//                          floating               its place in the image
//   ResizeNearestNeighbor  images, numeric        the element at its place
// attrs: size dims [h', w'], none 0 where the image has none; align_corners, half_pixel_centers
// bool. Element y of h' has the place y·h/h' in the image; with align_corners y·(h - 1)/(h' - 1)
// for h' > 1; with half_pixel_centers (y + 0.5)·h/h' - 0.5. Places are computed in float32, as
// TensorFlow does.
#include "ops/arguments.h"
#include "ops/compose.h"
#include "ops/cost.h"
#include "ops/derive.h"
#include "ops/evaluate.h"
#include "ops/rules.h"
#include "ops/tables.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

namespace graphc {

namespace {

bool inferResize(Infer &i) {
  if (!i.needDType(isNumeric(i.dtype(0)), "a numeric dtype") ||
      !i.needRank(0, 4, "the images of a resize"))
    return false;
  Shape x = i.in(0);
  auto size = i.dimsAttr("size");
  for (int axis = 0; axis < 2; ++axis) {
    const char *which = axis == 0 ? "height" : "width";
    if (!needAtLeast(
            i, size[size_t(axis)], Dim(1), Code::AttributeRange,
            fmt::format("the new {} {} is not positive", which, toString(size[size_t(axis)])),
            fmt::format("the new {} and 1", which)) ||
        !needAtLeast(i, x[axis + 1], Dim(1), Code::OperandShapes,
                     fmt::format("images of shape {} cannot be resized", toString(x)),
                     fmt::format("the {} of the images that are resized and 1", which), 0))
      return false;
  }
  i.output(i.dtype(0), {x[0], size[0], size[1], x[3]});
  return true;
}
bool inferResizeBilinear(Infer &i) {
  return i.needDType(isFloating(i.dtype(0)), "a floating dtype") && inferResize(i);
}

/// Where an element of the result lies along one axis of the image.
struct Place {
  int64_t lower, upper;
  float share; // of the upper one
};

Place placeOf(const Operation &op, int64_t at, int64_t in, int64_t out) {
  bool align = op.boolAttr("align_corners"), half = op.boolAttr("half_pixel_centers");
  float scale = align && out > 1 ? float(in - 1) / float(out - 1) : float(in) / float(out);
  float place = half ? (float(at) + 0.5F) * scale - 0.5F : float(at) * scale;
  if (op.type == "ResizeNearestNeighbor") {
    if (half) place = (float(at) + 0.5F) * scale;
    float nearest = align ? std::floor(place + 0.5F) : std::floor(place);
    auto index = std::clamp(int64_t(nearest), int64_t(0), in - 1);
    return {index, index, 0};
  }
  float floor = std::floor(place);
  return {std::max<int64_t>(int64_t(floor), 0),
          std::min<int64_t>(int64_t(std::ceil(place)), in - 1), place - floor};
}

bool evaluateResize(Evaluate &e) {
  const Array &x = *e.inputs[0];
  Array &out = e.outputs[0];
  bool nearest = e.op.type == "ResizeNearestNeighbor";
  int64_t channels = out.dims[3];
  for (int64_t i = 0, n = out.elements(); i < n; ++i) {
    int64_t c = i % channels, column = i / channels % out.dims[2];
    int64_t row = i / channels / out.dims[2] % out.dims[1];
    int64_t image = i / channels / out.dims[2] / out.dims[1];
    Place y = placeOf(e.op, row, x.dims[1], out.dims[1]);
    Place w = placeOf(e.op, column, x.dims[2], out.dims[2]);
    auto index = [&](int64_t r, int64_t k) {
      return ((image * x.dims[1] + r) * x.dims[2] + k) * channels + c;
    };
    if (nearest) {
      copyElement(x, index(y.lower, w.lower), out, i);
      continue;
    }
    auto along = [&](int64_t r) {
      double left = x.number(index(r, w.lower));
      return left + (x.number(index(r, w.upper)) - left) * double(w.share);
    };
    double top = along(y.lower);
    out.setNumber(i, top + (along(y.upper) - top) * double(y.share));
  }
  return true;
}

// Gradients -----------------------------------------------------------------------------------

/// The matrix (out, in) that resizes along one axis.
Tensor *resizingMatrix(const Derive &d, int axis) {
  auto &b = d.b;
  constexpr DType type = DType::Float32;
  Dim in = d.x()->shape[axis + 1], out = d.y()->shape[axis + 1];
  bool align = d.op.boolAttr("align_corners"), half = d.op.boolAttr("half_pixel_centers");
  bool nearest = d.op.type == "ResizeNearestNeighbor";
  auto number = [&](double value) { return b.constant(type, value); };
  auto quotient = [&](Dim left, Dim right) {
    return b.op("RealDiv", {dimAs(b, left, type), dimAs(b, right, type)});
  };
  // With one row, all of align_corners' places are 0 whatever the scale is.
  Tensor *scale = align && !out.is(1) ? quotient(in - 1, max(out - 1, 1)) : quotient(in, out);
  Tensor *at = countTo(b, out, type);
  Tensor *place = b.op("Mul", {half ? b.op("Add", {at, number(0.5)}) : at, scale});
  auto hot = [&](Tensor *index) {
    std::vector<Dim> depth{in};
    Tensor *rows = castTo(b, index, DType::Int32);
    return b.op("OneHot", {rows, b.constant(d.dtype(), 1), b.constant(d.dtype(), 0)},
                {dimsAttr("depth", b.keep(depth)), intAttr("axis", 1)});
  };
  Tensor *zero = number(0), *last = dimAs(b, in - 1, type);
  if (nearest) {
    if (align) place = b.op("Add", {place, number(0.5)});
    return hot(b.op("Minimum", {b.op("Floor", {place}), last}));
  }
  if (half) place = b.op("Sub", {place, number(0.5)});
  Tensor *floor = b.op("Floor", {place});
  Tensor *share = castTo(b, b.op("Sub", {place, floor}), d.dtype());
  share = reshapeTo(b, share, {out, Dim(1)});
  Tensor *lower = hot(b.op("Maximum", {floor, zero}));
  Tensor *upper = hot(b.op("Minimum", {b.op("Ceil", {place}), last}));
  Tensor *rest = b.op("Sub", {b.constant(d.dtype(), 1), share});
  return b.op("Add", {b.op("Mul", {lower, rest}), b.op("Mul", {upper, share})});
}

/// Resizing is linear along each axis: its derivative is the transposed matrices'.
void resizeGradient(Derive &d) {
  Shape x = d.x()->shape, y = d.y()->shape;
  auto transposed = [&](Tensor *matrix, Tensor *t) {
    return d.b.op("MatMul", {matrix, t},
                  {boolAttr("transpose_a", true), boolAttr("transpose_b", false)});
  };
  Tensor *rows = d.reshape(d.g(), {y[0], y[1], y[2] * y[3]});
  rows = transposed(resizingMatrix(d, 0), rows);
  Tensor *columns = d.reshape(rows, {x[0] * x[1], y[2], y[3]});
  d.dx[0] = d.reshape(transposed(resizingMatrix(d, 1), columns), x);
}

/// Three times a + (b - a)·share.
void bilinearCost(const Operation &op, Cost &cost) {
  cost.flops = Dim(9) * op.output()->shape.elements();
}

constexpr OpDef ops[] = {
    {.type = "ResizeBilinear",
     .infer = inferResizeBilinear,
     .evaluate = evaluateResize,
     .gradient = deriveBy<resizeGradient>,
     .cost = bilinearCost},
    {.type = "ResizeNearestNeighbor",
     .infer = inferResize,
     .evaluate = evaluateResize,
     .gradient = deriveBy<resizeGradient>},
};

// Functions -----------------------------------------------------------------------------------

bool resizeAttrs(Call &c, bool half, std::vector<Attr> &attrs) {
  auto size = c.dims("size");
  bool align = c.flag("align_corners");
  if (size.size() != 2 || c.arg("size").scalar) {
    c.fail(Code::AttributeRange, "size must be two dimensions, [height, width]", "size");
    return false;
  }
  if (align && half) {
    c.fail(Code::AttributeRange, "only one of align_corners and half_pixel_centers can be True",
           "align_corners");
    return false;
  }
  attrs = {dimsAttr("size", size), boolAttr("align_corners", align),
           boolAttr("half_pixel_centers", half)};
  return true;
}

/// Bilinear results are float32 whatever the images are, as TensorFlow's.
Tensor *buildResize(Call &c) {
  Tensor *images = c.tensor("images");
  std::vector<Attr> attrs;
  if (!rankKnown(c, images, "images") || !resizeAttrs(c, c.flag("half_pixel_centers"), attrs))
    return nullptr;
  auto type = c.function.def->op;
  if (type == "ResizeBilinear") images = castTo(c, images, DType::Float32);
  std::vector<Tensor *> inputs{images};
  return c.named(type, inputs, attrs);
}

Tensor *buildResizeImages(Call &c) {
  Tensor *images = c.tensor("images");
  std::vector<Attr> attrs;
  if (!rankKnown(c, images, "images") || !resizeAttrs(c, false, attrs)) return nullptr;
  int64_t method = c.integer("method");
  if (method != 0 && method != 1)
    return c.fail(
        Code::AttributeRange,
        fmt::format("method must be 0 (bilinear) or 1 (nearest neighbor), not {}", method),
        "method");
  if (c.flag("preserve_aspect_ratio"))
    return c.fail(Code::AttributeRange,
                  "preserve_aspect_ratio=True is not supported: give the size that it means",
                  "preserve_aspect_ratio");
  int rank = images->shape.rank();
  if (rank != 3 && rank != 4)
    return c.fail(
        Code::OperandShapes,
        fmt::format("images must have rank 3 or 4, not shape {}", toString(images->shape)),
        "images");
  auto scope = c.host.takeName("resize");
  if (!scope) return nullptr;
  auto size = c.dims("size");
  // What has the size already is given back as it is, as TensorFlow does.
  if (images->shape[rank - 3] == size[0] && images->shape[rank - 2] == size[1])
    return inScope(c, *scope, "Identity", "Identity", {images});
  Tensor *batch = images;
  if (rank == 3) batch = c.op("ExpandDims", {images}, {intAttr("axis", 0)});
  if (method == 0) batch = castTo(c, batch, DType::Float32);
  auto type = method == 0 ? "ResizeBilinear" : "ResizeNearestNeighbor";
  Tensor *resized = inScope(c, *scope, type, type, {batch}, attrs);
  if (!resized || rank == 4) return resized;
  std::vector<int64_t> first{0};
  std::vector<Attr> squeezed{intsAttr("squeeze_dims", c.keep(first))};
  return inScope(c, *scope, "Squeeze", "Squeeze", {resized}, squeezed);
}

/// Squares of `block` by `block` pixels to channels, or back.
Tensor *buildBlocks(Call &c) {
  bool toDepth = c.function.name == "space_to_depth", failed = false;
  Tensor *x = c.tensor("input");
  int64_t size = c.integer("block_size");
  bool first = wantsNCHW(c, failed);
  if (failed || !rankKnown(c, x, "input")) return nullptr;
  if (x->shape.rank() != 4)
    return c.fail(Code::OperandShapes,
                  fmt::format("the input of {} must have rank 4, not shape {}", c.function.name,
                              toString(x->shape)),
                  "input");
  if (size < 2 || size > 1 << 20)
    return c.fail(Code::AttributeRange, fmt::format("block_size must be at least 2, not {}", size),
                  "block_size");
  if (first) x = channelsLast(c, x);
  Dim n = x->shape[0], h = x->shape[1], w = x->shape[2], channels = x->shape[3];
  auto divides = [&](Dim d, int64_t by, const char *which) {
    if (!d.isStatic() || d.value % by == 0) return true;
    c.fail(Code::OperandShapes,
           fmt::format("{} does not divide the {} of {}", by, which, toString(x->shape)), "input");
    return false;
  };
  std::vector<Dim> parts, shape;
  if (toDepth) {
    if (!divides(h, size, "height") || !divides(w, size, "width")) return nullptr;
    parts = {n, floorDiv(h, size), Dim(size), floorDiv(w, size), Dim(size), channels};
    shape = {n, parts[1], parts[3], channels * Dim(size * size)};
  } else {
    if (!divides(channels, size * size, "channels")) return nullptr;
    parts = {n, h, w, Dim(size), Dim(size), floorDiv(channels, size * size)};
    shape = {n, h * Dim(size), w * Dim(size), parts[5]};
  }
  Tensor *cut = reshapeTo(c, x, parts);
  cut = transposeTo(c, cut, {0, 1, 3, 2, 4, 5});
  if (first) {
    std::vector<int64_t> perm{0, 3, 1, 2};
    return c.named("Transpose", {reshapeTo(c, cut, shape)}, {intsAttr("perm", c.keep(perm))});
  }
  return c.named("Reshape", {cut}, {dimsAttr("shape", c.keep(shape))});
}

#define RESIZE                                                                                     \
  "(images: T, size: shape, align_corners: bool = False, name: str? = None, half_pixel_centers: "  \
  "bool = False)"
#define RESIZE_DOC                                                                                 \
  "\nShapes: images (n, h, w, c), size (h', w'), result (n, h', w', c). Pixel y of h' lies at "    \
  "y·h/h' of the image; with `align_corners` at y·(h - 1)/(h' - 1), with `half_pixel_centers` at " \
  "(y + 0.5)·h/h' - 0.5."
#define BLOCKS "(input: T, block_size: int, name: str? = None, data_format: str = \"NHWC\")"

constexpr FunctionDef functions[] = {
    {"resize_bilinear" RESIZE, "ResizeBilinear", "ResizeBilinear",
     "Images in another size, interpolated between the four pixels around." RESIZE_DOC
     "\nAny numeric dtype; the result is float32.",
     buildResize},
    {"resize_nearest_neighbor" RESIZE, "ResizeNearestNeighbor", "ResizeNearestNeighbor",
     "Images in another size, each pixel the one at or before its place." RESIZE_DOC
     "\nAny numeric dtype.",
     buildResize},
    {"resize_images(images: T, size: shape, method: int = 0, align_corners: bool = False, "
     "preserve_aspect_ratio: bool = False)",
     "resize", "ResizeBilinear",
     "Images in another size: `method` 0 is resize_bilinear, 1 resize_nearest_neighbor.\nShapes: "
     "images (n, h, w, c) or (h, w, c), size (h', w'). Images of that size already are given as "
     "they are.",
     buildResizeImages, "resize"},
    {"space_to_depth" BLOCKS, "SpaceToDepth", "Reshape",
     "Puts squares of pixels into channels.\nShapes: input (n, h, w, c), result (n, h/b, w/b, "
     "b²·c), of which channel (i·b + j)·c + k is channel k of the square's pixel (i, j). With "
     "data_format \"NCHW\" the channels are the second axis of both.\nAny dtype.",
     buildBlocks},
    {"depth_to_space" BLOCKS, "DepthToSpace", "Reshape",
     "Puts channels into squares of pixels: space_to_depth backwards.\nShapes: input (n, h, w, "
     "b²·c), result (n, h·b, w·b, c). With data_format \"NCHW\" the channels are the second axis "
     "of both.\nAny dtype.",
     buildBlocks},
};

} // namespace

std::span<const OpDef> imageOps() { return ops; }
std::span<const FunctionDef> imageFunctions() { return functions; }

} // namespace graphc
