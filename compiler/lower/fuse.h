// Which tensors are computed where they are used, and which get a place in memory.
#pragma once

#include "lower/program.h"

namespace graphc::lower {

/// Decides `stored` for every node, puts the expressions of the others in place of their loads,
/// and merges what follows a reduction or contraction into it.
void fuse(Program &program);

} // namespace graphc::lower
