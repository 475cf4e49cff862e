#include "graph/dtype.h"

#include <iterator>

namespace graphc {

namespace {
struct Entry {
  std::string_view name;
  int size;
};
constexpr Entry table[] = {
    {"invalid", 0}, {"float16", 2}, {"bfloat16", 2}, {"float32", 4}, {"float64", 8},
    {"int8", 1},    {"int16", 2},   {"int32", 4},    {"int64", 8},   {"uint8", 1},
    {"uint16", 2},  {"uint32", 4},  {"uint64", 8},   {"bool", 1},
};
} // namespace

std::string_view dtypeName(DType dtype) { return table[size_t(dtype)].name; }
int64_t dtypeSize(DType dtype) { return table[size_t(dtype)].size; }

std::optional<DType> dtypeFromName(std::string_view name) {
  if (name == "half") return DType::Float16;
  if (name == "double") return DType::Float64;
  for (size_t i = 1; i < std::size(table); ++i)
    if (table[i].name == name) return DType(i);
  return std::nullopt;
}

} // namespace graphc
