#include "lower/conv_places.h"

#include "lower/microkernel.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

bool placesPay(const Conv2DSpec &spec, int64_t height, int64_t width) {
  return height * width >= 3 * spec.windows.rows * spec.windows.columns;
}

unsigned placesRegisters(const Target &target) {
  // Beside them: the value, and one that the memory's element goes through; without fused
  // multiply-add the product too.
  return std::max(4U, target.vectorRegisters - (target.fma ? 3 : 4));
}

Value *placesTable(EmitContext &ctx, const PoolWindows &windows, int64_t line, int64_t step) {
  std::vector<uint64_t> offsets;
  for (int64_t row = 0; row < windows.height; ++row)
    for (int64_t column = 0; column < windows.width; ++column)
      offsets.push_back(uint64_t(row * line + column * step));
  std::string name =
      fmt::format("graphc.places_{}x{}_{}_{}", windows.height, windows.width, line, step);
  if (auto *known = ctx.module.getNamedGlobal(name)) return known;
  auto *contents = llvm::ConstantDataArray::get(ctx.context, offsets);
  return new llvm::GlobalVariable(ctx.module, contents->getType(), true,
                                  llvm::GlobalValue::InternalLinkage, contents, name);
}

llvm::IRBuilderBase::InsertPoint beginTile(EmitContext &ctx, const std::string &name,
                                           llvm::Function *&function, WindowWalk &walk) {
  llvm::Type *pointer = ctx.b.getPtrTy();
  auto point = beginShared(
      ctx, name, {pointer, pointer, pointer, ctx.b.getInt64Ty(), pointer, pointer}, function);
  walk.base = function->getArg(0);
  walk.values = function->getArg(1);
  walk.places = function->getArg(2);
  walk.rows = function->getArg(3);
  walk.table = function->getArg(5);
  return point;
}

Values walkWindows(EmitContext &ctx, DType dtype, const WindowWalk &walk, Values state,
                   const WindowBody &body) {
  auto &b = ctx.b;
  auto i64 = [&](int64_t value) { return ctx.i64(value); };
  // Carried behind the state: the window's first element, its value, its place.
  auto advance = [&](Values carried, int64_t elements, int64_t windows) {
    Value **at = carried.data() + carried.size() - 3;
    at[0] = ctx.element(dtype, at[0], i64(elements));
    at[1] = ctx.element(dtype, at[1], i64(windows * walk.channels));
    at[2] = ctx.element(DType::UInt8, at[2], i64(windows * walk.channels));
    return carried;
  };
  auto window = [&](Value *, const Values &now) {
    Values sums(now.begin(), now.end() - 3);
    Value *base = now[now.size() - 3], *values = now[now.size() - 2], *places = now.back();
    for (unsigned out = 0; out < walk.outs; ++out) {
      Value *place = ctx.load(DType::UInt8, ctx.element(DType::UInt8, places, i64(out)));
      place = b.CreateZExt(place, b.getInt64Ty());
      Value *offset = b.CreateLoad(b.getInt64Ty(), b.CreateGEP(b.getInt64Ty(), walk.table, place));
      Value *value = ctx.load(dtype, ctx.element(dtype, values, i64(out)));
      sums = body(out, ctx.element(dtype, base, offset), value, std::move(sums));
    }
    sums.insert(sums.end(), {base, values, places});
    return advance(std::move(sums), walk.columnStep, 1);
  };
  state.insert(state.end(), {walk.base, walk.values, walk.places});
  state = ctx.loop(i64(0), walk.rows, i64(1), state, [&](Value *, const Values &row) {
    Values next = ctx.loop(i64(0), i64(walk.columns), i64(1), row, window);
    keepRolled(ctx);
    return advance(std::move(next), walk.rowStep - walk.columns * walk.columnStep, 0);
  });
  state.resize(state.size() - 3);
  return state;
}

} // namespace graphc::lower
