// Which pointwise nodes are computed by one kernel.
#pragma once

#include "lower/program.h"

namespace graphc::lower {

/// After fuse(): a stored node that reads other stored ones of its shape element by element
/// computes them along with itself (`Node::together`), so that what all of them read is read once:
/// the slots of an optimizer with the variable, for instance. The places of the largest elements of
/// a max_pool's windows are found by the pooling itself.
void bundle(Program &program);

} // namespace graphc::lower
