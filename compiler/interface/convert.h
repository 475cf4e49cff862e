// Elements of one dtype as those of another: what data files hold, as an input takes it.
#pragma once

#include "ops/op.h"

#include <string>

namespace graphc {

/// Why the array's elements can't be had as `to`; "" if they can. Numbers become floats (rounded to
/// nearest); integers and bools become integers and bools where every value is one of `to`. Floats
/// never become integers.
std::string conversionProblem(const Array &array, DType to);

/// Converts `count` elements, times `scale` where `to` is a float.
void convertElements(DType from, const std::byte *source, DType to, std::byte *target,
                     int64_t count, double scale);

} // namespace graphc
