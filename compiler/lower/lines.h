// What runs along lines of a tensor one element after the other: running sums and products, and the
// largest elements. Lines are shared out to threads.
#pragma once

#include "lower/emit.h"

namespace graphc::lower {

/// A tensor as [outer, size, inner]: its lines are those along `size`.
struct LineSpec {
  DType dtype = DType::Float32;
  int input = 0, factor = 0, out = 0; // buffers
  Dim outer, size, inner;
  // Of running sums and products:
  bool product = false, exclusive = false, reverse = false;
  bool recurrence = false; // of sums: what came before is multiplied with `factor` there
  Dim count;               // of the largest elements; inner is 1 there
};

/// out[o, i, n] = Σ or Π of input[o, j, n] over j up to i (below it where exclusive), from the end
/// where in reverse. Numeric dtypes. Recurrences (floating dtypes): out[i] = input[i] +
/// factor[i] · out[i - 1].
void emitScan(EmitContext &ctx, const LineSpec &spec);
/// out[o, …] are the int32 places of the `count` largest elements of input[o, :], in descending
/// order; of equal ones the first comes first; NaN is the largest. count <= size.
void emitTopK(EmitContext &ctx, const LineSpec &spec);

} // namespace graphc::lower
