// NumPy's file format for one array (.npy, versions 1 to 3, as NumPy's documentation of
// numpy.lib.format states it).
#pragma once

#include "interface/bytes.h"
#include "ops/op.h"

#include <optional>
#include <string>

namespace graphc {

/// Whether bytes begin as a .npy file does.
bool isNpy(std::string_view start);

/// Reads an array into row-major order and this machine's byte order, whatever it is in the file.
/// nullopt if the file can't be read, is not what it claims to be, or holds what has no dtype
/// here; `why` says so in words. Takes no more memory than the file holds.
std::optional<Array> readNpy(ByteSource &file, std::string &why);
std::optional<Array> readNpy(const std::string &path, std::string &why);

/// The file's bytes: version 1.0, C order, little endian. bfloat16 is written as NumPy's ml_dtypes
/// writes it ("<V2").
std::string npyBytes(DType dtype, std::span<const int64_t> dims, std::span<const std::byte> data);

} // namespace graphc
