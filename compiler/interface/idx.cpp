#include "interface/idx.h"

#include "interface/elements.h"

namespace graphc {

namespace {

constexpr size_t headBytes = 4;

std::optional<DType> dtypeOf(unsigned char code) {
  switch (code) {
  case 0x08:
    return DType::UInt8;
  case 0x09:
    return DType::Int8;
  case 0x0B:
    return DType::Int16;
  case 0x0C:
    return DType::Int32;
  case 0x0D:
    return DType::Float32;
  case 0x0E:
    return DType::Float64;
  default:
    return std::nullopt;
  }
}

} // namespace

bool isIdx(std::string_view start) {
  // Without a type that exists, two zero bytes say nothing.
  return start.size() >= headBytes && start[0] == 0 && start[1] == 0 &&
         dtypeOf(static_cast<unsigned char>(start[2])) && start[3] != 0;
}

std::optional<Array> readIdx(ByteSource &file, std::string &why) {
  auto failed = [&](std::string_view otherwise) {
    why = file.failure().empty() ? otherwise : file.failure();
    return std::nullopt;
  };
  char head[headBytes];
  if (!file.read(head, headBytes) || !isIdx(std::string_view(head, headBytes)))
    return failed("is not an IDX file");
  Array array;
  array.dtype = dtypeOf(static_cast<unsigned char>(head[2])).value_or(DType::Invalid);
  for (int axis = 0; axis < static_cast<unsigned char>(head[3]); ++axis) {
    unsigned char number[4];
    if (!file.read(number, sizeof number)) return failed("has a header that is cut off");
    array.dims.push_back(int64_t(number[0]) << 24 | int64_t(number[1]) << 16 |
                         int64_t(number[2]) << 8 | int64_t(number[3]));
  }
  if (!readElements(file, array, true, why)) return std::nullopt;
  return array;
}

} // namespace graphc
