#include "lower/kernels.h"

#include "lower/conv_places.h"
#include "lower/emit_expr.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc::lower {

using llvm::Value;

namespace {

/// The dimensions that a contraction's emitter uses, and its other parameters.
struct SpecKey {
  std::vector<Dim> dims;
  std::string text;
};

SpecKey keyOf(const MatMulSpec &s) {
  SpecKey key;
  key.dims = {s.m, s.n, s.k};
  key.dims.insert(key.dims.end(), s.batchA.begin(), s.batchA.end());
  key.dims.insert(key.dims.end(), s.batchB.begin(), s.batchB.end());
  key.text = fmt::format("matmul {} {} {} {} {}", int(s.dtype), s.batchA.size(), s.batchB.size(),
                         s.transposeA, s.transposeB);
  return key;
}

SpecKey keyOf(const Conv2DSpec &s, Node::Kind kind) {
  return {{s.batch, s.height, s.width, s.channels, s.filterHeight, s.filterWidth, s.filterChannels,
           s.outChannels, s.outHeight, s.outWidth, s.padTop, s.padLeft},
          fmt::format("conv {} {} {} {} {} {} {} of {} {} {} {} {} {} {} {}", int(kind),
                      int(s.dtype), s.strideHeight, s.strideWidth, s.dilationHeight,
                      s.dilationWidth, s.slices, s.windows.rows, s.windows.columns,
                      s.windows.height, s.windows.width, s.windows.strideHeight,
                      s.windows.strideWidth, s.windows.padTop, s.windows.padLeft)};
}

SpecKey keyOf(const PoolSpec &s, Node::Kind kind) {
  return {{s.batch, s.height, s.width, s.channels, s.outHeight, s.outWidth, s.padTop, s.padLeft},
          fmt::format("pool {} {} {} {} {} {}", int(kind), int(s.dtype), s.windowHeight,
                      s.windowWidth, s.strideHeight, s.strideWidth)};
}

SpecKey keyOf(const LineSpec &s, Node::Kind kind) {
  return {{s.outer, s.size, s.inner, s.count},
          fmt::format("lines {} {} {} {} {} {}", int(kind), int(s.dtype), s.product, s.exclusive,
                      s.reverse, s.recurrence)};
}

SpecKey keyOf(const Node &node) {
  switch (node.kind) {
  case Node::MatMul:
    return keyOf(node.matmul);
  case Node::Conv2D:
  case Node::Depthwise:
  case Node::ConvFilter:
  case Node::Conv2DPlaces:
  case Node::ConvFilterPlaces:
    return keyOf(node.conv, node.kind);
  case Node::Scan:
  case Node::TopK:
    return keyOf(node.line, node.kind);
  default:
    return keyOf(node.pool, node.kind);
  }
}

int64_t packedBytes(const Target &target, const Node &node) {
  if (node.kind == Node::MatMul) return matMulPackedBytes(target, node.matmul);
  if (node.kind == Node::Conv2D) return conv2DPackedBytes(target, node.conv);
  return 0;
}

std::string symbolsKey(const std::vector<const DimSymbol *> &symbols, Dim dim) {
  if (dim.isStatic()) return std::to_string(dim.value);
  // By the symbols' numbers within the kernel.
  std::string text = toString(dim) + "@";
  forEachSymbol(dim, [&](const DimSymbol &symbol) {
    auto at = std::find(symbols.begin(), symbols.end(), &symbol);
    text += fmt::format("{},", at - symbols.begin());
  });
  return text;
}

} // namespace

std::optional<PackRequest> Kernels::packOf(const Node &node) const {
  if (node.kind != Node::MatMul && node.kind != Node::Conv2D) return std::nullopt;
  Node *source = storageOf(node.operands[1]);
  if (!source->variable && source->kind != Node::Input) return std::nullopt;
  int64_t bytes = packedBytes(target_, node);
  if (bytes <= 0) return std::nullopt;
  SpecKey key = keyOf(node);
  std::string text = key.text;
  // Only what concerns the packed operand; but others may decide how it is packed.
  for (Dim d : key.dims) text += " " + (d.isStatic() ? std::to_string(d.value) : toString(d));
  return PackRequest{source, bytes, text};
}

llvm::Function *Kernels::packFunction(const Node &node) {
  auto request = packOf(node);
  auto &made = packs_[request->key];
  if (made) return made;
  std::vector<const DimSymbol *> symbols; // of the packed operand all is known
  std::string name = "graphc.pack" + std::to_string(packs_.size()) + target_.suffix;
  EmitContext ctx(module_, target_, name, 2, symbols);
  if (node.kind == Node::MatMul)
    emitPackMatMul(ctx, node.matmul, 0, 1);
  else
    emitPackConv2D(ctx, node.conv, 0, 1);
  made = ctx.finish();
  laneBytes_[made] = ctx.scratchBytes();
  return made;
}

Dim Kernels::scratchBytes(const Node &node, bool mayPack) const {
  if (node.kind != Node::MatMul || (mayPack && packOf(node))) return Dim(0);
  return matMulWorkspaceBytes(target_, node.matmul);
}

std::vector<KernelCall> Kernels::calls(ExprPool &exprs, Node *node, bool mayPack) {
  if (node->isContraction()) return {contraction(exprs, node, mayPack)};
  std::vector<KernelCall> calls;
  for (Kernel &kernel : kernelsOf(exprs, node)) {
    auto &function = functions_[kernel.key];
    if (!function) {
      EmitContext ctx(module_, target_, nextName(), kernel.operands.size(), kernel.symbols);
      emitKernel(ctx, kernel);
      function = ctx.finish();
      laneBytes_[function] = ctx.scratchBytes();
    }
    calls.push_back({function, kernel.operands, -1, -1, kernel.symbols});
  }
  return calls;
}

KernelCall Kernels::contraction(ExprPool &exprs, Node *node, bool mayPack) {
  SpecKey spec = keyOf(*node);
  Kernel after = epilogueOf(exprs, node, spec.dims);
  KernelCall call;
  call.operands = after.operands;
  call.symbols = after.symbols;
  auto slotOf = [&](Node *operand) {
    call.operands.push_back(operand);
    return int(call.operands.size()) - 1;
  };
  int out = after.store.slot;
  int first = slotOf(node->operands[0]);
  bool packed = mayPack && packOf(*node);
  int second = -1, third = -1;
  if (node->operands.size() > 1) second = slotOf(node->operands[1]);
  if (node->operands.size() > 2) third = slotOf(node->operands[2]);
  int further = node->together.empty() ? -1 : slotOf(node->together[0]);
  if (packed) call.packed = slotOf(nullptr);
  if (!scratchBytes(*node, mayPack).is(0)) call.scratch = slotOf(nullptr);

  std::string key =
      fmt::format("{}|{}|{}|{}|{}", spec.text, after.key, packed, call.scratch, further);
  for (Dim d : spec.dims) key += " " + symbolsKey(call.symbols, d);
  auto &function = functions_[key];
  if (function) {
    call.function = function;
    return call;
  }
  EmitContext ctx(module_, target_, nextName(), call.operands.size(), call.symbols);
  Epilogue epilogue;
  if (node->post) {
    epilogue.stored = node->dtype;
    epilogue.apply = [&after](EmitContext &at, Value *value, llvm::ArrayRef<Value *> indices,
                              Value *mask) {
      ExprEmitter emitter(at, after);
      emitter.loops.assign(indices.begin(), indices.end());
      if (auto *vector = llvm::dyn_cast<llvm::FixedVectorType>(value->getType())) {
        emitter.lanes = vector->getNumElements();
        emitter.vectorLoop = int(indices.size()) - 1;
      }
      emitter.mask = mask;
      emitter.acc = value;
      return emitter.emitLanes(after.post);
    };
  }
  switch (node->kind) {
  case Node::MatMul: {
    MatMulSpec s = node->matmul;
    s.a = first;
    s.b = second;
    s.out = out;
    s.packedB = call.packed;
    s.workspace = call.scratch;
    s.epilogue = epilogue;
    emitMatMul(ctx, s);
    break;
  }
  case Node::Conv2D:
  case Node::Depthwise:
  case Node::ConvFilter:
  case Node::Conv2DPlaces:
  case Node::ConvFilterPlaces: {
    Conv2DSpec s = node->conv;
    s.input = first;
    s.filter = second;
    s.places = third;
    s.out = out;
    s.packedFilter = call.packed;
    s.epilogue = epilogue;
    if (node->kind == Node::Conv2D)
      emitConv2D(ctx, s);
    else if (node->kind == Node::ConvFilter)
      emitConv2DBackpropFilter(ctx, s);
    else if (node->kind == Node::Conv2DPlaces)
      emitConv2DOfPlaces(ctx, s);
    else if (node->kind == Node::ConvFilterPlaces)
      emitConv2DBackpropFilterOfPlaces(ctx, s);
    else
      emitDepthwiseConv2D(ctx, s);
    break;
  }
  case Node::Scan:
  case Node::TopK: {
    LineSpec s = node->line;
    s.input = first;
    s.factor = second;
    s.out = out;
    if (node->kind == Node::Scan)
      emitScan(ctx, s);
    else
      emitTopK(ctx, s);
    break;
  }
  default: {
    PoolSpec s = node->pool;
    s.input = first;
    s.output = second;
    s.grad = third;
    s.out = out;
    s.places = further;
    s.epilogue = epilogue;
    if (node->kind == Node::MaxPoolPlaces) {
      s.places = out;
      s.out = -1;
      emitMaxPool(ctx, s);
    } else if (node->kind == Node::MaxPool)
      emitMaxPool(ctx, s);
    else if (node->kind == Node::MaxPoolGrad)
      emitMaxPoolGrad(ctx, s);
    else if (node->kind == Node::MaxPoolGradGrad)
      emitMaxPoolGradGrad(ctx, s);
    else
      emitAvgPool(ctx, s);
    break;
  }
  }
  function = ctx.finish();
  laneBytes_[function] = ctx.scratchBytes();
  call.function = function;
  return call;
}

} // namespace graphc::lower
