// Reading an array's elements, whatever the format around them.
#pragma once

#include "interface/bytes.h"
#include "ops/op.h"

namespace graphc {

/// Reads the elements of `array`, whose dtype and dims are set, in row-major order; they must be
/// all that is left. `swapped`: the bytes of each stand the other way round. Memory is taken as the
/// data comes, so that what a header claims costs nothing. False with the reason in `why`.
bool readElements(ByteSource &file, Array &array, bool swapped, std::string &why);

} // namespace graphc
