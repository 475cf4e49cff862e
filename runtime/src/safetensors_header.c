// The header of a safetensors file: a strict reader of the JSON that may stand there. It holds no
// recursion, allocates in proportion to the header, and decodes strings in place.
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DIMS = 64 };

typedef struct parser {
  const graphrt_host *host;
  char *text;
  uint64_t length, at;
  const char *tensor; // whose entry is being read, or NULL
  graphrt_header *header;
  graphrt_status status;
} parser;

// All messages go through here, so that each says where, and which tensor.
static bool refuse(parser *p, const char *what) {
  if (p->status != GRAPHRT_OK) return false;
  char quoted[GRAPHRT_QUOTED];
  if (p->tensor)
    p->status = graphrt_i_fail(GRAPHRT_BAD_CHECKPOINT, "tensor '%s': %s (byte %llu of the header)",
                               graphrt_i_quote(p->tensor, quoted), what, (unsigned long long)p->at);
  else
    p->status = graphrt_i_fail(GRAPHRT_BAD_CHECKPOINT, "the header is malformed: %s at byte %llu",
                               what, (unsigned long long)p->at);
  return false;
}

static bool out_of_memory(parser *p) {
  if (p->status == GRAPHRT_OK)
    p->status = graphrt_i_fail(GRAPHRT_OUT_OF_MEMORY, "out of memory while reading the header");
  return false;
}

static void space(parser *p) {
  while (p->at < p->length) {
    char c = p->text[p->at];
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return;
    ++p->at;
  }
}

static bool is_next(parser *p, char c) {
  space(p);
  return p->at < p->length && p->text[p->at] == c;
}

static bool accept(parser *p, char c) {
  if (!is_next(p, c)) return false;
  ++p->at;
  return true;
}

static bool expect(parser *p, char c) {
  if (accept(p, c)) return true;
  char what[] = "expected 'c'";
  what[10] = c;
  return refuse(p, what);
}

static int hex4(const char *text) {
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    char c = text[i];
    int digit;
    if (c >= '0' && c <= '9')
      digit = c - '0';
    else if (c >= 'a' && c <= 'f')
      digit = c - 'a' + 10;
    else if (c >= 'A' && c <= 'F')
      digit = c - 'A' + 10;
    else
      return -1;
    value = value * 16 + digit;
  }
  return value;
}

static int encode_utf8(uint32_t code, char *out) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  if (code < 0x800) {
    out[0] = (char)(0xc0 | code >> 6);
    out[1] = (char)(0x80 | (code & 0x3f));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = (char)(0xe0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 0x3f));
    out[2] = (char)(0x80 | (code & 0x3f));
    return 3;
  }
  out[0] = (char)(0xf0 | code >> 18);
  out[1] = (char)(0x80 | (code >> 12 & 0x3f));
  out[2] = (char)(0x80 | (code >> 6 & 0x3f));
  out[3] = (char)(0x80 | (code & 0x3f));
  return 4;
}

int graphrt_i_utf8(const unsigned char *text, uint64_t left) {
  unsigned char c = text[0];
  if (c < 0x80) return 1;
  int length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
  if (c < 0xc2 || c > 0xf4 || left < (uint64_t)length) return 0;
  for (int i = 1; i < length; ++i)
    if ((text[i] & 0xc0) != 0x80) return 0;
  // Overlong forms, surrogates, beyond U+10FFFF.
  if ((c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] > 0x9f) ||
      (c == 0xf0 && text[1] < 0x90) || (c == 0xf4 && text[1] > 0x8f))
    return 0;
  return length;
}

// After the backslash. Writes what it stands for to `out`, never longer than the escape.
static int escape(parser *p, char *out) {
  if (p->at >= p->length) return 0;
  char c = p->text[p->at++];
  switch (c) {
  case '"':
  case '\\':
  case '/':
    *out = c;
    return 1;
  case 'b':
    *out = '\b';
    return 1;
  case 'f':
    *out = '\f';
    return 1;
  case 'n':
    *out = '\n';
    return 1;
  case 'r':
    *out = '\r';
    return 1;
  case 't':
    *out = '\t';
    return 1;
  case 'u':
    break;
  default:
    return 0;
  }
  if (p->length - p->at < 4) return 0;
  int code = hex4(p->text + p->at);
  if (code <= 0) return 0; // U+0000 too: names are C strings
  p->at += 4;
  if (code >= 0xdc00 && code <= 0xdfff) return 0;
  if (code >= 0xd800 && code <= 0xdbff) {
    if (p->length - p->at < 6 || p->text[p->at] != '\\' || p->text[p->at + 1] != 'u') return 0;
    int low = hex4(p->text + p->at + 2);
    if (low < 0xdc00 || low > 0xdfff) return 0;
    p->at += 6;
    return encode_utf8(0x10000 + ((uint32_t)(code - 0xd800) << 10) + (uint32_t)(low - 0xdc00), out);
  }
  return encode_utf8((uint32_t)code, out);
}

// Decoded in place; the null byte at its end stands on or before the closing quote.
static const char *string(parser *p) {
  if (!expect(p, '"')) return NULL;
  char *start = p->text + p->at;
  char *out = start;
  while (p->at < p->length) {
    unsigned char c = (unsigned char)p->text[p->at];
    if (c == '"') {
      ++p->at;
      *out = 0;
      return start;
    }
    if (c < 0x20) {
      refuse(p, "control character in a string");
      return NULL;
    }
    if (c == '\\') {
      ++p->at;
      int length = escape(p, out);
      if (length == 0) {
        refuse(p, "bad escape in a string");
        return NULL;
      }
      out += length;
      continue;
    }
    int length = graphrt_i_utf8((const unsigned char *)p->text + p->at, p->length - p->at);
    if (length == 0) {
      refuse(p, "a string is not UTF-8");
      return NULL;
    }
    memmove(out, p->text + p->at, (size_t)length);
    out += length;
    p->at += (uint64_t)length;
  }
  refuse(p, "a string that does not end");
  return NULL;
}

// An integer from 0 to 2^63 - 1: no sign, fraction, exponent or leading zero.
static bool natural(parser *p, int64_t *result) {
  space(p);
  if (p->at >= p->length || p->text[p->at] < '0' || p->text[p->at] > '9')
    return refuse(p, "expected an integer from 0 up");
  bool zero = p->text[p->at] == '0';
  int64_t value = 0;
  uint64_t start = p->at;
  while (p->at < p->length && p->text[p->at] >= '0' && p->text[p->at] <= '9') {
    if (!graphrt_i_multiply(value, 10, &value) ||
        !graphrt_i_add(value, p->text[p->at] - '0', &value))
      return refuse(p, "a number that is too large");
    ++p->at;
  }
  if (zero && p->at - start > 1) return refuse(p, "a number that begins with 0");
  if (p->at < p->length &&
      (p->text[p->at] == '.' || p->text[p->at] == 'e' || p->text[p->at] == 'E'))
    return refuse(p, "a number that is no integer");
  *result = value;
  return true;
}

// Room for one more element of an array that doubles.
static bool grow(parser *p, void **array, int64_t *room, int64_t count, size_t size) {
  if (count < *room) return true;
  int64_t wanted = *room ? *room * 2 : 32;
  void *larger = graphrt_i_allocate(p->host, (uint64_t)wanted * size);
  if (!larger) return out_of_memory(p);
  if (count > 0) memcpy(larger, *array, (size_t)count * size);
  graphrt_i_release(p->host, *array, (uint64_t)*room * size);
  *array = larger;
  *room = wanted;
  return true;
}

static bool metadata(parser *p) {
  graphrt_header *h = p->header;
  if (!expect(p, '{')) return false;
  if (accept(p, '}')) return true;
  do {
    void *array = h->metadata;
    bool room = grow(p, &array, &h->metadata_room, h->metadata_count, sizeof *h->metadata);
    h->metadata = array;
    if (!room) return false;
    graphrt_metadata *entry = &h->metadata[h->metadata_count];
    if (!is_next(p, '"')) return refuse(p, "expected a string in __metadata__");
    entry->key = string(p);
    if (!entry->key || !expect(p, ':')) return false;
    if (!is_next(p, '"')) return refuse(p, "expected a string in __metadata__");
    entry->value = string(p);
    if (!entry->value) return false;
    ++h->metadata_count;
  } while (accept(p, ','));
  return expect(p, '}');
}

static bool shape(parser *p, graphrt_safetensor *tensor) {
  graphrt_header *h = p->header;
  if (!expect(p, '[')) return false;
  if (accept(p, ']')) return true;
  do {
    void *array = h->dims;
    bool room = grow(p, &array, &h->dim_room, h->dim_count, sizeof *h->dims);
    h->dims = array;
    if (!room) return false;
    if (tensor->rank == MOST_DIMS) return refuse(p, "a shape of too many dimensions");
    if (!natural(p, &h->dims[h->dim_count])) return false;
    ++h->dim_count;
    ++tensor->rank;
  } while (accept(p, ','));
  return expect(p, ']');
}

// {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, in any order, each once.
static bool entry(parser *p, graphrt_safetensor *tensor) {
  enum { DTYPE = 1, SHAPE = 2, OFFSETS = 4 };
  int seen = 0, bits = 0;
  int64_t begin = 0, end = 0;
  int64_t first_dim = p->header->dim_count;
  if (!expect(p, '{')) return false;
  do {
    if (!is_next(p, '"')) return refuse(p, "expected dtype, shape and data_offsets");
    const char *key = string(p);
    if (!key) return false;
    int field = strcmp(key, "dtype") == 0          ? DTYPE
                : strcmp(key, "shape") == 0        ? SHAPE
                : strcmp(key, "data_offsets") == 0 ? OFFSETS
                                                   : 0;
    if (field == 0) return refuse(p, "a field that is none of dtype, shape and data_offsets");
    if (seen & field) return refuse(p, "a field stands twice");
    seen |= field;
    if (!expect(p, ':')) return false;
    if (field == DTYPE) {
      tensor->dtype_name = string(p);
      if (!tensor->dtype_name) return false;
      bits = graphrt_i_safetensors_bits(tensor->dtype_name, &tensor->dtype);
      if (bits == 0) return refuse(p, "a dtype that does not exist");
    } else if (field == SHAPE) {
      if (!shape(p, tensor)) return false;
    } else if (!expect(p, '[') || !natural(p, &begin) || !expect(p, ',') || !natural(p, &end) ||
               !expect(p, ']')) {
      return false;
    }
  } while (accept(p, ','));
  if (!expect(p, '}')) return false;
  if (seen != (DTYPE | SHAPE | OFFSETS))
    return refuse(p, "dtype, shape or data_offsets is missing");
  int64_t size;
  if (!graphrt_i_elements(p->header->dims + first_dim, tensor->rank, &size) ||
      !graphrt_i_multiply(size, bits, &size))
    return refuse(p, "a shape whose size overflows");
  if (size % 8 != 0) return refuse(p, "a size that is no whole number of bytes");
  if (end < begin) return refuse(p, "data_offsets that end before they begin");
  if (end - begin != size / 8) return refuse(p, "data_offsets that do not fit shape and dtype");
  tensor->offset = (uint64_t)begin;
  tensor->bytes = (uint64_t)(end - begin);
  return true;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const graphrt_safetensor *)a)->name, ((const graphrt_safetensor *)b)->name);
}

static int by_key(const void *a, const void *b) {
  return strcmp(((const graphrt_metadata *)a)->key, ((const graphrt_metadata *)b)->key);
}

// Sorts by name, so that a name can be found and one that stands twice is seen.
static bool finish(parser *p) {
  graphrt_header *h = p->header;
  const int64_t *dims = h->dims;
  for (int64_t i = 0; i < h->tensor_count; ++i) {
    h->tensors[i].dims = dims;
    dims += h->tensors[i].rank;
  }
  if (h->tensor_count > 1) qsort(h->tensors, (size_t)h->tensor_count, sizeof *h->tensors, by_name);
  if (h->metadata_count > 1)
    qsort(h->metadata, (size_t)h->metadata_count, sizeof *h->metadata, by_key);
  for (int64_t i = 1; i < h->tensor_count; ++i)
    if (strcmp(h->tensors[i - 1].name, h->tensors[i].name) == 0) {
      p->tensor = h->tensors[i].name;
      return refuse(p, "it stands twice");
    }
  for (int64_t i = 1; i < h->metadata_count; ++i)
    if (strcmp(h->metadata[i - 1].key, h->metadata[i].key) == 0)
      return refuse(p, "a key of __metadata__ stands twice");
  return true;
}

static bool header(parser *p) {
  graphrt_header *h = p->header;
  bool seen_metadata = false;
  // The format wants the brace first, so that there is one way to tell such a file.
  if (p->length == 0 || p->text[0] != '{') return refuse(p, "expected '{'");
  ++p->at;
  if (!accept(p, '}')) {
    do {
      p->tensor = NULL;
      if (!is_next(p, '"')) return refuse(p, "expected a tensor's name");
      const char *name = string(p);
      if (!name || !expect(p, ':')) return false;
      if (strcmp(name, "__metadata__") == 0) {
        if (seen_metadata) return refuse(p, "__metadata__ stands twice");
        seen_metadata = true;
        if (!metadata(p)) return false;
        continue;
      }
      void *array = h->tensors;
      bool room = grow(p, &array, &h->tensor_room, h->tensor_count, sizeof *h->tensors);
      h->tensors = array;
      if (!room) return false;
      graphrt_safetensor *tensor = &h->tensors[h->tensor_count];
      *tensor = (graphrt_safetensor){.name = name};
      p->tensor = name;
      if (!entry(p, tensor)) return false;
      ++h->tensor_count;
    } while (accept(p, ','));
    p->tensor = NULL;
    if (!expect(p, '}')) return false;
  }
  space(p);
  if (p->at != p->length) return refuse(p, "something stands behind the end");
  return finish(p);
}

graphrt_status graphrt_i_header_parse(const graphrt_host *host, char *text, uint64_t length,
                                      graphrt_header *result) {
  memset(result, 0, sizeof *result);
  parser p = {.host = host, .text = text, .length = length, .header = result};
  if (!header(&p)) graphrt_i_header_release(host, result);
  return p.status;
}

void graphrt_i_header_release(const graphrt_host *host, graphrt_header *h) {
  graphrt_i_release(host, h->tensors, (uint64_t)h->tensor_room * sizeof *h->tensors);
  graphrt_i_release(host, h->dims, (uint64_t)h->dim_room * sizeof *h->dims);
  graphrt_i_release(host, h->metadata, (uint64_t)h->metadata_room * sizeof *h->metadata);
  memset(h, 0, sizeof *h);
}

// ---- dtypes ----

static const struct {
  const char *name;
  int bits;
  int32_t dtype;
} dtypes[] = {
    {"F32", 32, GRAPHRT_FLOAT32},
    {"F64", 64, GRAPHRT_FLOAT64},
    {"F16", 16, GRAPHRT_FLOAT16},
    {"BF16", 16, GRAPHRT_BFLOAT16},
    {"I8", 8, GRAPHRT_INT8},
    {"I16", 16, GRAPHRT_INT16},
    {"I32", 32, GRAPHRT_INT32},
    {"I64", 64, GRAPHRT_INT64},
    {"U8", 8, GRAPHRT_UINT8},
    {"U16", 16, GRAPHRT_UINT16},
    {"U32", 32, GRAPHRT_UINT32},
    {"U64", 64, GRAPHRT_UINT64},
    {"BOOL", 8, GRAPHRT_BOOL},
    // Known to the format, but to no definition: they may stand in a file.
    {"F8_E4M3", 8, 0},
    {"F8_E5M2", 8, 0},
    {"F8_E8M0", 8, 0},
    {"F4", 4, 0},
    {"F6_E2M3", 6, 0},
    {"F6_E3M2", 6, 0},
    {"C64", 64, 0},
};

int graphrt_i_safetensors_bits(const char *name, int32_t *dtype) {
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; ++i)
    if (strcmp(dtypes[i].name, name) == 0) {
      *dtype = dtypes[i].dtype;
      return dtypes[i].bits;
    }
  return 0;
}

const char *graphrt_i_safetensors_dtype(int32_t dtype) {
  for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; ++i)
    if (dtype != 0 && dtypes[i].dtype == dtype) return dtypes[i].name;
  return NULL;
}
