// .npy files. Read with care: whatever stands in one, it is refused or understood.
#include "program.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAGIC "\x93NUMPY"

static const struct {
  char code[3];
  int32_t dtype;
} codes[] = {
    {"f2", GRAPHRT_FLOAT16}, {"V2", GRAPHRT_BFLOAT16}, {"f4", GRAPHRT_FLOAT32},
    {"f8", GRAPHRT_FLOAT64}, {"i1", GRAPHRT_INT8},     {"i2", GRAPHRT_INT16},
    {"i4", GRAPHRT_INT32},   {"i8", GRAPHRT_INT64},    {"u1", GRAPHRT_UINT8},
    {"u2", GRAPHRT_UINT16},  {"u4", GRAPHRT_UINT32},   {"u8", GRAPHRT_UINT64},
    {"b1", GRAPHRT_BOOL},
};
enum { CODES = sizeof codes / sizeof codes[0], LONGEST_HEADER = 1 << 20 };

// ---- The header: a dictionary as Python would print it, with exactly three keys ----

typedef struct header {
  const char *at, *end;
  char descr[4]; // "<f4"
  bool fortran;
} header;

static void skip_blanks(header *h) {
  while (h->at < h->end && (*h->at == ' ' || *h->at == '\n' || *h->at == '\t' || *h->at == '\r'))
    ++h->at;
}

static bool accept(header *h, char c) {
  skip_blanks(h);
  if (h->at >= h->end || *h->at != c) return false;
  ++h->at;
  return true;
}

// A quoted string of fewer than `size` bytes.
static bool string(header *h, char *out, size_t size) {
  skip_blanks(h);
  if (h->at >= h->end || (*h->at != '\'' && *h->at != '"')) return false;
  char quote = *h->at++;
  const char *close = memchr(h->at, quote, (size_t)(h->end - h->at));
  size_t length = close ? (size_t)(close - h->at) : size;
  if (length >= size) return false;
  memcpy(out, h->at, length);
  out[length] = 0;
  h->at = close + 1;
  return true;
}

static bool boolean(header *h, bool *out) {
  skip_blanks(h);
  size_t left = (size_t)(h->end - h->at);
  bool yes = left >= 4 && memcmp(h->at, "True", 4) == 0;
  bool no = left >= 5 && memcmp(h->at, "False", 5) == 0;
  if (!yes && !no) return false;
  *out = yes;
  h->at += yes ? 4 : 5;
  return true;
}

static bool tuple(header *h, array *a) {
  if (!accept(h, '(')) return false;
  while (!accept(h, ')')) {
    int64_t value = 0;
    const char *begin = h->at;
    for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; ++h->at)
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, *h->at - '0', &value))
        return false;
    if (h->at == begin || a->rank == MAX_RANK) return false;
    if (h->at < h->end && *h->at == 'L') ++h->at; // Python 2 wrote longs so
    a->dims[a->rank++] = value;
    if (!accept(h, ',')) return accept(h, ')');
  }
  return true;
}

static bool parse_header(header *h, array *a) {
  bool descr = false, order = false, shape = false, fine = accept(h, '{');
  while (fine && !accept(h, '}')) {
    char key[16];
    fine = string(h, key, sizeof key) && accept(h, ':');
    if (fine && strcmp(key, "descr") == 0 && !descr)
      fine = descr = string(h, h->descr, sizeof h->descr);
    else if (fine && strcmp(key, "fortran_order") == 0 && !order)
      fine = order = boolean(h, &h->fortran);
    else if (fine && strcmp(key, "shape") == 0 && !shape)
      fine = shape = tuple(h, a);
    else
      return false;
    if (fine && !accept(h, ',')) {
      fine = accept(h, '}');
      break;
    }
  }
  skip_blanks(h);
  return fine && h->at == h->end && descr && order && shape;
}

// Everything before the data.
static bool read_header(FILE *file, header *h, array *a, char why[WHY]) {
  unsigned char start[8], length[4] = {0};
  if (fread(start, 1, 8, file) != 8 || memcmp(start, MAGIC, 6) != 0) {
    snprintf(why, WHY, "is not a .npy file");
    return false;
  }
  if (start[6] < 1 || start[6] > 3) {
    snprintf(why, WHY, "has version %d of the .npy format; 1 to 3 are known", start[6]);
    return false;
  }
  size_t width = start[6] == 1 ? 2 : 4;
  snprintf(why, WHY, "has a header that is cut off");
  if (fread(length, 1, width, file) != width) return false;
  uint32_t size =
      length[0] | (uint32_t)length[1] << 8 | (uint32_t)length[2] << 16 | (uint32_t)length[3] << 24;
  if (size > LONGEST_HEADER) {
    snprintf(why, WHY, "claims a header of %" PRIu32 " bytes", size);
    return false;
  }
  char *text = malloc(size + 1);
  if (!text) return false;
  bool fine = fread(text, 1, size, file) == size;
  if (fine) {
    h->at = text;
    h->end = text + size;
    fine = parse_header(h, a);
    if (!fine) snprintf(why, WHY, "has a header that is malformed, or describes no plain array");
  }
  free(text);
  return fine;
}

// ---- The data ----

// Reads as the data comes: what a header claims costs nothing before it is there.
static bool read_data(FILE *file, array *a, char why[WHY]) {
  int64_t elements = 0;
  if (!array_size(a, &elements, &a->bytes)) {
    snprintf(why, WHY, "claims a shape whose size overflows");
    return false;
  }
  const uint64_t piece = 1 << 24;
  for (uint64_t got = 0; got < a->bytes;) {
    uint64_t now = a->bytes - got < piece ? a->bytes - got : piece;
    uint8_t *grown = realloc(a->data, got + now);
    if (!grown) {
      snprintf(why, WHY, "is larger than the memory");
      return false;
    }
    a->data = grown;
    if (fread(a->data + got, 1, now, file) != now) {
      snprintf(why, WHY, "is cut off: its header promises %" PRIu64 " bytes of data", a->bytes);
      return false;
    }
    got += now;
  }
  if (fgetc(file) == EOF) return true;
  snprintf(why, WHY, "goes on after the %" PRIu64 " bytes of data that its header promises",
           a->bytes);
  return false;
}

static void swap_bytes(array *a, size_t size) {
  for (uint64_t at = 0; at + size <= a->bytes; at += size)
    for (size_t i = 0; i < size / 2; ++i) {
      uint8_t kept = a->data[at + i];
      a->data[at + i] = a->data[at + size - 1 - i];
      a->data[at + size - 1 - i] = kept;
    }
}

// From the first dimension running fastest to the last one.
static bool to_row_major(array *a, size_t size) {
  uint8_t *to = malloc(a->bytes ? a->bytes : 1);
  if (!to) return false;
  int64_t stride[MAX_RANK], index[MAX_RANK] = {0}, step = 1, source = 0;
  for (int32_t d = 0; d < a->rank; ++d) {
    stride[d] = step;
    step *= a->dims[d];
  }
  for (uint64_t i = 0; i < a->bytes / size; ++i) {
    memcpy(to + i * size, a->data + (size_t)source * size, size);
    for (int32_t d = a->rank; d-- > 0;) {
      source += stride[d];
      index[d] += 1;
      if (index[d] < a->dims[d]) break;
      source -= stride[d] * a->dims[d];
      index[d] = 0;
    }
  }
  free(a->data);
  a->data = to;
  return true;
}

static bool read_open(FILE *file, array *a, char why[WHY]) {
  header h = {0};
  if (!read_header(file, &h, a, why)) return false;
  for (int i = 0; i < CODES && strlen(h.descr) == 3; ++i)
    if (strcmp(h.descr + 1, codes[i].code) == 0 && strchr("<>|=", h.descr[0]))
      a->dtype = codes[i].dtype;
  if (!a->dtype) {
    snprintf(why, WHY, "holds elements of type '%s', which no dtype here is", h.descr);
    return false;
  }
  if (!read_data(file, a, why)) return false;
  size_t size = graphrt_dtype_size(a->dtype);
  if (h.descr[0] == '>') swap_bytes(a, size);
  if (h.fortran && a->rank > 1 && a->bytes && !to_row_major(a, size)) {
    snprintf(why, WHY, "is larger than the memory");
    return false;
  }
  if (a->dtype == GRAPHRT_BOOL) // any byte but 0 is True to NumPy; here it must be 1
    for (uint64_t i = 0; i < a->bytes; ++i) a->data[i] = a->data[i] != 0;
  return true;
}

bool read_npy(const char *path, array *a, char why[WHY]) {
  memset(a, 0, sizeof *a);
  FILE *file = fopen(path, "rb");
  struct stat info;
  if (!file || (fstat(fileno(file), &info) == 0 && S_ISDIR(info.st_mode))) {
    snprintf(why, WHY, "can't be read: %s", strerror(file ? EISDIR : errno));
    if (file) fclose(file);
    return false;
  }
  bool fine = read_open(file, a, why);
  fclose(file);
  if (!fine) array_free(a);
  return fine;
}

bool write_npy(FILE *to, const array *a) {
  char shape[MAX_RANK * 24], text[sizeof shape + 128];
  const char *code = "";
  for (int i = 0; i < CODES; ++i)
    if (codes[i].dtype == a->dtype) code = codes[i].code;
  shape_text(a->dims, a->rank, shape, sizeof shape);
  char order = graphrt_dtype_size(a->dtype) == 1 ? '|' : '<';
  int length =
      snprintf(text, sizeof text, "{'descr': '%c%s', 'fortran_order': False, 'shape': %s, }", order,
               code, shape);
  // The data begins at a multiple of 64 bytes; 10 come before the header's text.
  int total = (10 + length + 1 + 63) / 64 * 64 - 10;
  fwrite(MAGIC "\x01\x00", 1, 8, to);
  fputc(total & 0xFF, to);
  fputc(total >> 8, to);
  fprintf(to, "%-*s\n", total - 1, text);
  if (a->bytes) fwrite(a->data, 1, a->bytes, to);
  return !ferror(to);
}
