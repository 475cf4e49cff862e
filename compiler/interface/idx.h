// IDX, the format of the MNIST family of data sets: two zero bytes, the type of the elements, the
// rank, the dimensions as big-endian 32-bit numbers, the elements, big-endian (the description on
// the MNIST database's page).
#pragma once

#include "interface/bytes.h"
#include "ops/op.h"

#include <optional>

namespace graphc {

/// Whether bytes begin as an IDX file does.
bool isIdx(std::string_view start);

/// Reads an array. nullopt, with the reason in `why`, if the file is malformed.
std::optional<Array> readIdx(ByteSource &file, std::string &why);

} // namespace graphc
