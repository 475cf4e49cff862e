// How a kernel is computed: which loop runs along the lanes of vectors, which loops are shared out
// to threads and in pieces of which size. Nothing here changes what is computed, but for the order
// in which a reduction adds up; that depends on the kernel and processor, never on threads.
#pragma once

#include "lower/emit_expr.h"

namespace graphc::lower {

struct Schedule {
  unsigned lanes = 1;          // of a vector; 1: scalar code
  int vectorLoop = -1;         // which loop runs along them
  bool alongReduction = false; // the vector loop is a reduction's own
  int unroll = 1;              // vectors side by side
  // Loops [0, parallelLoops) are shared out as one, in pieces of about `pieceWork` elements. 0 of a
  // kernel with one loop only: that loop is cut. -1: one thread does it all.
  int parallelLoops = -1;
  // Blocks that a reduction's first reduced loop is cut into, where the output has too few elements
  // to give threads enough to do: each is reduced by itself, then their results in order.
  int64_t blocks = 1;
  bool masks = false; // what is left of the vector loop goes through masks, not one by one
};

/// Elements of work that are worth waking a thread for.
constexpr int64_t pieceWork = 16384;

Schedule scheduleOf(const EmitContext &ctx, const Kernel &kernel);

/// Emits the kernel's shared-out loops: `body` once for every combination of their numbers, with
/// emitters made by it; the numbers of the other loops are not set. Where the vector loop itself is
/// cut, `begin` and `end` are its piece, else the whole of it.
void emitShared(EmitContext &ctx, const Kernel &kernel, const Schedule &schedule,
                const std::function<void(std::vector<llvm::Value *> loops, llvm::Value *begin,
                                         llvm::Value *end)> &body);

/// Loops [from, to) around `body`, which finds their numbers in `loops`.
void emitNest(EmitContext &ctx, const Kernel &kernel, int from, int to,
              std::vector<llvm::Value *> &loops, const std::function<void()> &body);

/// The loop along which a kernel that only moves elements reads neighbours, where that is another
/// than the one along which it writes them; else -1.
int transposedLoop(const Kernel &kernel);
void emitTranspose(EmitContext &ctx, const Kernel &kernel, int across);

/// Additions or so that one element of the kernel takes.
int64_t elementCost(const Kernel &kernel);

} // namespace graphc::lower
