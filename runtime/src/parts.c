// Partitioned variables: several variables that a checkpoint holds as one tensor.
#include "internal.h"

#include <string.h>

const int64_t *graphrt_i_whole_dims(const graphrt_model_desc *desc, int32_t index) {
  const graphrt_variable_info *info = &desc->model.variables[index];
  return info->whole && desc->places[index].whole_dims ? desc->places[index].whole_dims
                                                       : info->dims;
}

const char *graphrt_i_whole_name(const graphrt_model_desc *desc, int32_t index) {
  const graphrt_variable_info *info = &desc->model.variables[index];
  return info->whole ? info->whole : info->op;
}

// A part is `rows` runs of `run` bytes, `stride` bytes apart in the whole, from `start` on.
typedef struct strip {
  size_t rows, run, stride, start;
} strip;

static strip strip_of(const graphrt_model_desc *desc, int32_t index) {
  const graphrt_variable_info *info = &desc->model.variables[index];
  const graphrt_variable_place *place = &desc->places[index];
  size_t size = graphrt_dtype_size(info->dtype);
  if (!info->whole || !place->whole_dims) {
    int64_t bytes = graphrt_i_variable_bytes(desc, index);
    return (strip){1, (size_t)bytes, (size_t)bytes, 0};
  }
  strip s = {1, size, size, size};
  for (int32_t i = 0; i < info->rank; ++i) {
    size_t part = (size_t)info->dims[i], whole = (size_t)place->whole_dims[i];
    if (i < place->part_axis) {
      s.rows *= whole;
    } else {
      s.run *= part;
      s.stride *= whole;
      s.start *= i == place->part_axis ? (size_t)place->part_begin : whole;
    }
  }
  if (info->rank == 0) s.start = 0;
  return s;
}

void graphrt_i_part_to_whole(const graphrt_model_desc *desc, int32_t index, const uint8_t *part,
                             uint8_t *whole) {
  strip s = strip_of(desc, index);
  if (s.run == 0) return;
  for (size_t row = 0; row < s.rows; ++row)
    memcpy(whole + s.start + row * s.stride, part + row * s.run, s.run);
}

void graphrt_i_whole_to_part(const graphrt_model_desc *desc, int32_t index, const uint8_t *whole,
                             uint8_t *part) {
  strip s = strip_of(desc, index);
  if (s.run == 0) return;
  for (size_t row = 0; row < s.rows; ++row)
    memcpy(part + row * s.run, whole + s.start + row * s.stride, s.run);
}

bool graphrt_i_part_start(const graphrt_model_desc *desc, int32_t index, uint64_t *start) {
  strip s = strip_of(desc, index);
  *start = s.start;
  return s.rows == 1;
}
