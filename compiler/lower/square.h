// Squares of elements, turned in registers.
#pragma once

#include "lower/emit.h"

namespace graphc::lower {

/// Makes columns of rows: as many vectors as they have lanes, a power of two.
void turnSquare(EmitContext &ctx, EmitContext::Values &rows);

/// The side of the largest square that turns in registers, for elements of `bytes` bytes: `most` or
/// a power of two below it.
unsigned squareSide(const Target &target, unsigned bytes, unsigned most);

} // namespace graphc::lower
