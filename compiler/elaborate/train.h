// What trainFunctions() and trainMethods() are put together from, one pair a file.
#pragma once

#include "elaborate/native.h"

namespace graphc {

std::span<const NativeDef> optimizerFunctions(); // GradientDescentOptimizer, …
std::span<const NativeDef> optimizerMethods();
std::span<const NativeDef> movingAverageFunctions(); // ExponentialMovingAverage
std::span<const NativeDef> movingAverageMethods();
std::span<const NativeDef> globalStepFunctions(); // get_global_step, …
std::span<const NativeDef> clippingFunctions();   // global_norm, clip_by_global_norm

} // namespace graphc
