// Arrays: memory, numbers, text, comparison.
#include "program.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool array_size(const array *a, int64_t *elements, uint64_t *bytes) {
  int64_t count = 1, size = 0;
  bool empty = false, fits = true;
  for (int32_t i = 0; i < a->rank; ++i) {
    if (a->dims[i] < 0) return false;
    empty |= a->dims[i] == 0;
    fits = fits && !__builtin_mul_overflow(count, a->dims[i], &count);
  }
  if (empty) count = 0;
  if (!empty && !fits) return false;
  if (__builtin_mul_overflow(count, (int64_t)graphrt_dtype_size(a->dtype), &size)) return false;
  *elements = count;
  *bytes = (uint64_t)size;
  return true;
}

bool array_allocate(array *a, char why[WHY]) {
  int64_t elements = 0;
  a->data = NULL;
  if (!array_size(a, &elements, &a->bytes)) {
    snprintf(why, WHY, "its size overflows");
    return false;
  }
  if (a->bytes == 0) return true;
  a->data = calloc(1, a->bytes);
  if (a->data) return true;
  snprintf(why, WHY, "there is no memory for its %" PRIu64 " bytes", a->bytes);
  return false;
}

void array_free(array *a) {
  free(a->data);
  a->data = NULL;
}

void shape_text(const int64_t *dims, int32_t rank, char *text, size_t size) {
  size_t at = 0;
  int wrote = snprintf(text, size, "(");
  for (int32_t i = 0; i < rank && wrote >= 0; ++i) {
    at += (size_t)wrote;
    if (at >= size) return;
    wrote = snprintf(text + at, size - at, "%s%" PRId64 "%s", i ? ", " : "", dims[i],
                     rank == 1 ? "," : "");
  }
  if (wrote >= 0 && at + (size_t)wrote < size)
    snprintf(text + at + (size_t)wrote, size - at - (size_t)wrote, ")");
}

// Element i of an array of `type`, whose data need not be aligned.
#define READ(type)                                                                                 \
  {                                                                                                \
    type value;                                                                                    \
    memcpy(&value, a->data + (size_t)i * sizeof value, sizeof value);                              \
    return (double)value;                                                                          \
  }

static uint16_t bits16(const array *a, int64_t i) {
  uint16_t bits;
  memcpy(&bits, a->data + (size_t)i * sizeof bits, sizeof bits);
  return bits;
}

double element(const array *a, int64_t i) {
  switch (a->dtype) {
  case GRAPHRT_FLOAT16:
    return (double)graphrt_f16_to_f32(bits16(a, i));
  case GRAPHRT_BFLOAT16:
    return (double)graphrt_bf16_to_f32(bits16(a, i));
  case GRAPHRT_FLOAT32:
    READ(float)
  case GRAPHRT_FLOAT64:
    READ(double)
  case GRAPHRT_INT8:
    READ(int8_t)
  case GRAPHRT_INT16:
    READ(int16_t)
  case GRAPHRT_INT32:
    READ(int32_t)
  case GRAPHRT_INT64:
    READ(int64_t)
  case GRAPHRT_UINT16:
    READ(uint16_t)
  case GRAPHRT_UINT32:
    READ(uint32_t)
  case GRAPHRT_UINT64:
    READ(uint64_t)
  default:
    return (double)a->data[i];
  }
}

static bool is_float(int32_t dtype) {
  return dtype == GRAPHRT_FLOAT16 || dtype == GRAPHRT_BFLOAT16 || dtype == GRAPHRT_FLOAT32 ||
         dtype == GRAPHRT_FLOAT64;
}

// The shortest digits that are read back as the same number.
static void print_real(FILE *to, double value, bool narrow) {
  char text[40] = "";
  for (int digits = 1; digits <= (narrow ? 9 : 17); ++digits) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (narrow ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value) break;
  }
  fputs(text, to);
}

static void print_element(FILE *to, const array *a, int64_t i) {
  int64_t integer = 0;
  if (a->dtype == GRAPHRT_BOOL) {
    fputs(a->data[i] ? "True" : "False", to);
  } else if (a->dtype == GRAPHRT_INT64 || a->dtype == GRAPHRT_UINT64) {
    memcpy(&integer, a->data + (size_t)i * 8, 8);
    if (a->dtype == GRAPHRT_INT64)
      fprintf(to, "%" PRId64, integer);
    else
      fprintf(to, "%" PRIu64, (uint64_t)integer);
  } else if (is_float(a->dtype)) {
    print_real(to, element(a, i), a->dtype != GRAPHRT_FLOAT64);
  } else {
    fprintf(to, "%.0f", element(a, i));
  }
}

enum { MOST_SHOWN = 1000, EDGE = 3 };

// NOLINTNEXTLINE(misc-no-recursion): as deep as the rank, which is limited
static void print_axis(FILE *to, const array *a, int32_t axis, int64_t offset, bool cut) {
  if (axis == a->rank) {
    print_element(to, a, offset);
    return;
  }
  int64_t stride = 1, size = a->dims[axis];
  for (int32_t d = axis + 1; d < a->rank; ++d) stride *= a->dims[d];
  fputc('[', to);
  for (int64_t i = 0; i < size; ++i) {
    if (i && axis + 1 == a->rank) fputs(", ", to);
    if (i && axis + 1 < a->rank) fprintf(to, ",\n%*s", axis + 1, "");
    if (cut && size > (int64_t)2 * EDGE && i == EDGE) {
      fputs("...", to);
      i = size - EDGE - 1;
      continue;
    }
    print_axis(to, a, axis + 1, offset + i * stride, cut);
  }
  fputc(']', to);
}

void print_array(FILE *to, const array *a) {
  int64_t count = 0;
  uint64_t bytes = 0;
  if (!array_size(a, &count, &bytes) || count == 0)
    fputs("[]", to); // nothing to nest, however long the other axes are
  else
    print_axis(to, a, 0, 0, count > MOST_SHOWN);
  fputc('\n', to);
}

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
static uint64_t next_random(uint64_t *state) {
  uint64_t z = *state += 0x9E3779B97F4A7C15;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  return z ^ z >> 31;
}

static double random_element(int32_t dtype, uint64_t *state) {
  if (!is_float(dtype)) return (double)(next_random(state) >> 63);
  // As many bits as the dtype holds exactly, so that rounding never gives 1.
  int bits = dtype == GRAPHRT_BFLOAT16  ? 8
             : dtype == GRAPHRT_FLOAT16 ? 11
             : dtype == GRAPHRT_FLOAT32 ? 24
                                        : 53;
  return (double)(next_random(state) >> (64 - bits)) / (double)(UINT64_C(1) << bits);
}

void fill_array(array *a, filling how, uint64_t *state) {
  int64_t count = 0;
  uint64_t bytes = 0;
  if (how == FILL_ZEROS || !array_size(a, &count, &bytes) || count == 0) return;
  size_t size = graphrt_dtype_size(a->dtype);
  for (int64_t i = 0; i < count; ++i) {
    double value = how == FILL_ONES ? 1 : random_element(a->dtype, state);
    uint8_t *at = a->data + (size_t)i * size;
    float single = (float)value;
    uint16_t half =
        a->dtype == GRAPHRT_FLOAT16 ? graphrt_f32_to_f16(single) : graphrt_f32_to_bf16(single);
    if (a->dtype == GRAPHRT_FLOAT64)
      memcpy(at, &value, sizeof value);
    else if (a->dtype == GRAPHRT_FLOAT32)
      memcpy(at, &single, sizeof single);
    else if (is_float(a->dtype))
      memcpy(at, &half, sizeof half);
    else
      at[0] = value != 0; // little-endian, and the rest is zero
  }
}

static bool same_element(const array *got, const array *expected, int64_t i, double rtol,
                         double atol, double *by) {
  size_t size = graphrt_dtype_size(got->dtype);
  *by = 0;
  if (memcmp(got->data + (size_t)i * size, expected->data + (size_t)i * size, size) == 0)
    return true;
  double g = element(got, i), e = element(expected, i);
  if (!is_float(got->dtype)) {
    *by = fabs(g - e);
    return false;
  }
  if (isnan(g) && isnan(e)) return true;
  *by = g == e ? 0 : fabs(g - e);
  if (isnan(*by)) *by = INFINITY;
  return g == e || (isfinite(e) && *by <= atol + rtol * fabs(e));
}

bool arrays_agree(const array *got, const array *expected, double rtol, double atol,
                  char why[WHY]) {
  char first[160], second[160];
  shape_text(got->dims, got->rank, first, sizeof first);
  shape_text(expected->dims, expected->rank, second, sizeof second);
  if (got->dtype != expected->dtype || strcmp(first, second) != 0) {
    snprintf(why, WHY, "is %s %s, but %s %s is expected", graphrt_dtype_name(got->dtype), first,
             graphrt_dtype_name(expected->dtype), second);
    return false;
  }
  int64_t count = 0, wrong = 0, worst = 0;
  uint64_t bytes = 0;
  double furthest = -1;
  if (!array_size(got, &count, &bytes)) return false;
  for (int64_t i = 0; i < count; ++i) {
    double by = 0;
    if (same_element(got, expected, i, rtol, atol, &by)) continue;
    ++wrong;
    if (by > furthest) {
      furthest = by;
      worst = i;
    }
  }
  if (wrong == 0) return true;
  int64_t place[MAX_RANK], rest = worst;
  for (int32_t d = got->rank; d-- > 0;) {
    place[d] = rest % got->dims[d];
    rest /= got->dims[d];
  }
  shape_text(place, got->rank, first, sizeof first);
  snprintf(why, WHY,
           "differs in %" PRId64 " of %" PRId64 " elements, most at %s: %.9g, but %.9g is expected",
           wrong, count, first, element(got, worst), element(expected, worst));
  return false;
}
