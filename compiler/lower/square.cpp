#include "lower/square.h"

namespace graphc::lower {

using llvm::Value;
using Values = EmitContext::Values;

namespace {

/// Swaps blocks of 1, 2, 4 … elements across the diagonal: shuffles within 16 bytes, which is what
/// the most processors have, come first.
void swapBlocks(EmitContext &ctx, Values &rows) {
  unsigned n = rows.size();
  for (unsigned s = 1; s < n; s *= 2) {
    std::vector<int> low(n), high(n);
    for (unsigned j = 0; j < n; ++j) {
      low[j] = j & s ? n + j - s : j;
      high[j] = j & s ? n + j : j + s;
    }
    for (unsigned i = 0; i < n; ++i) {
      if (i & s) continue;
      Value *first = rows[i], *second = rows[i + s];
      rows[i] = ctx.b.CreateShuffleVector(first, second, low);
      rows[i + s] = ctx.b.CreateShuffleVector(first, second, high);
    }
  }
}

/// Interleaves rows n/2 apart, which moves the highest bit of an element's row to the low end of
/// its column, and that of its column to the low end of its row: after log2(n) rounds all have
/// changed places. SVE has instructions for this alone, on whole registers.
void interleave(EmitContext &ctx, Values &rows) {
  unsigned n = rows.size();
  std::vector<int> low(n), high(n);
  for (unsigned j = 0; j < n; ++j) {
    low[j] = int(j / 2 + (j & 1) * n);
    high[j] = low[j] + int(n / 2);
  }
  for (unsigned s = 1; s < n; s *= 2) {
    Values next;
    for (unsigned i = 0; i < n / 2; ++i)
      for (const auto &order : {low, high})
        next.push_back(ctx.b.CreateShuffleVector(rows[i], rows[i + n / 2], order));
    rows = std::move(next);
  }
}

} // namespace

void turnSquare(EmitContext &ctx, Values &rows) {
  if (ctx.target.scale)
    interleave(ctx, rows);
  else
    swapBlocks(ctx, rows);
}

unsigned squareSide(const Target &target, unsigned bytes, unsigned most) {
  unsigned side = most;
  // Scalable vectors are interleaved as a whole; those of 16 bytes and less are not scalable.
  if (target.scale && side * bytes < target.vectorBytes)
    while (side * bytes > 16) side /= 2;
  return side;
}

} // namespace graphc::lower
