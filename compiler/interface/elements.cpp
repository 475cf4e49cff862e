#include "interface/elements.h"

#include <algorithm>

namespace graphc {

namespace {

void swapBytes(std::vector<std::byte> &bytes, size_t size) {
  for (size_t at = 0; at + size <= bytes.size(); at += size)
    std::reverse(bytes.begin() + at, bytes.begin() + at + size);
}

} // namespace

bool readElements(ByteSource &file, Array &array, bool swapped, std::string &why) {
  int64_t size = dtypeSize(array.dtype), bytes = size;
  bool empty = std::find(array.dims.begin(), array.dims.end(), 0) != array.dims.end();
  for (int64_t dim : array.dims)
    if (!empty && __builtin_mul_overflow(bytes, dim, &bytes)) {
      why = "claims a shape whose size overflows";
      return false;
    }
  if (empty) bytes = 0;
  auto failed = [&](std::string otherwise) {
    why = file.failure().empty() ? std::move(otherwise) : file.failure();
    return false;
  };
  // Packed data may unfold to anything; plain data is no more than the file.
  if (file.size() < 0 && bytes > machineMemory())
    return failed(fmt::format("promises {} bytes of data: more than this machine's memory", bytes));
  constexpr int64_t piece = 1 << 24;
  if (file.size() >= bytes) array.bytes.reserve(bytes);
  for (int64_t got = 0; got < bytes;) {
    int64_t now = std::min(piece, bytes - got);
    array.bytes.resize(got + now);
    if (!file.read(array.bytes.data() + got, now))
      return failed(fmt::format("is cut off: its header promises {} bytes of data", bytes));
    got += now;
  }
  if (!file.atEnd() || !file.failure().empty())
    return failed(
        fmt::format("goes on after the {} bytes of data that its header promises", bytes));
  if (swapped && size > 1) swapBytes(array.bytes, size);
  return true;
}

} // namespace graphc
