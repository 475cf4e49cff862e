// What the files of the standalone program share: arrays, .npy files, options.
#pragma once

#include "graphrt/abi.h"

#include <stdbool.h>
#include <stdio.h>

enum { MAX_RANK = 64, WHY = 512 };

// An array in memory, row-major; `data` is owned and NULL where there are no bytes.
typedef struct array {
  int32_t dtype;
  int32_t rank;
  int64_t dims[MAX_RANK];
  uint8_t *data;
  uint64_t bytes;
} array;

// ---- array.c ----

// The number of elements, and `bytes`; false if that overflows or a dimension is negative.
bool array_size(const array *a, int64_t *elements, uint64_t *bytes);
// Memory for what dtype and dims say, all zero. False, with the reason in `why`.
bool array_allocate(array *a, char why[WHY]);
void array_free(array *a);
// "(2, 3)"
void shape_text(const int64_t *dims, int32_t rank, char *text, size_t size);
// Element i, as a number; 64-bit integers are rounded.
double element(const array *a, int64_t i);
void print_array(FILE *to, const array *a);
typedef enum filling { FILL_ZEROS, FILL_ONES, FILL_RANDOM } filling;
// Floats from [0, 1), integers from [0, 2); the same numbers as `graphc run` makes. `state` goes on
// from array to array.
void fill_array(array *a, filling how, uint64_t *state);
// Whether every element is within atol + rtol * |expected|; integers and bool must be equal, NaN
// equals NaN. If not, `why` says where it is worst.
bool arrays_agree(const array *got, const array *expected, double rtol, double atol, char why[WHY]);

// ---- npy.c ----

// Versions 1 to 3, any byte order, C or Fortran order. False, with the reason in `why`.
bool read_npy(const char *path, array *a, char why[WHY]);
bool write_npy(FILE *to, const array *a);

// ---- options.c ----

typedef struct binding {
  const char *name; // not ended by a zero: `name_length` bytes
  size_t name_length;
  const char *value;
} binding;

typedef struct bindings {
  binding *items;
  int count;
} bindings;

typedef struct options {
  const char *export_name; // NULL: the only one
  bindings in, out, expect, dims;
  const char *weights, *save;
  double rtol, atol;
  uint64_t seed;
  int64_t repeat;
  int32_t threads;
  bool list, help, map;
} options;

// False after a message.
bool parse_options(int argc, char **argv, options *o);
void free_options(options *o);
const char *find_binding(const bindings *b, const char *name);
// "PROGRAM: error: …" on standard error; always false.
bool complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void set_program_name(const char *path);
const char *program_name(void);
