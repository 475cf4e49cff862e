#include "internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char last_message[1024];

const char *graphrt_message(void) { return last_message; }

void graphrt_i_clear(void) { last_message[0] = 0; }

void graphrt_i_message(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(last_message, sizeof last_message, format, arguments);
  va_end(arguments);
}

graphrt_status graphrt_i_done(const graphrt_host *host, graphrt_status status) {
  if (status != GRAPHRT_OK && host && host->on_error)
    host->on_error(host->error_user, status, last_message);
  return status;
}

const char *graphrt_status_name(graphrt_status status) {
  switch (status) {
  case GRAPHRT_OK:
    return "ok";
  case GRAPHRT_INVALID_ARGUMENT:
    return "invalid argument";
  case GRAPHRT_OUT_OF_MEMORY:
    return "out of memory";
  case GRAPHRT_BAD_SHAPE:
    return "bad shape";
  case GRAPHRT_OUT_OF_RANGE:
    return "out of range";
  case GRAPHRT_IO_ERROR:
    return "input/output error";
  case GRAPHRT_BAD_CHECKPOINT:
    return "bad checkpoint";
  case GRAPHRT_FROZEN:
    return "frozen";
  case GRAPHRT_BUSY:
    return "busy";
  case GRAPHRT_UNSUPPORTED:
    return "unsupported";
  case GRAPHRT_INTERNAL:
    return "internal error";
  }
  return "unknown status";
}

const char *graphrt_version(void) { return GRAPHRT_VERSION; }

static const struct {
  const char *name;
  size_t size;
} dtypes[] = {
    [GRAPHRT_FLOAT16] = {"float16", 2}, [GRAPHRT_BFLOAT16] = {"bfloat16", 2},
    [GRAPHRT_FLOAT32] = {"float32", 4}, [GRAPHRT_FLOAT64] = {"float64", 8},
    [GRAPHRT_INT8] = {"int8", 1},       [GRAPHRT_INT16] = {"int16", 2},
    [GRAPHRT_INT32] = {"int32", 4},     [GRAPHRT_INT64] = {"int64", 8},
    [GRAPHRT_UINT8] = {"uint8", 1},     [GRAPHRT_UINT16] = {"uint16", 2},
    [GRAPHRT_UINT32] = {"uint32", 4},   [GRAPHRT_UINT64] = {"uint64", 8},
    [GRAPHRT_BOOL] = {"bool", 1},
};

size_t graphrt_dtype_size(int32_t dtype) {
  if (dtype < 0 || (size_t)dtype >= sizeof dtypes / sizeof *dtypes) return 0;
  return dtypes[dtype].size;
}

const char *graphrt_dtype_name(int32_t dtype) {
  if (dtype < 0 || (size_t)dtype >= sizeof dtypes / sizeof *dtypes) return NULL;
  return dtypes[dtype].name;
}

const char *graphrt_i_quote(const char *name, char buffer[GRAPHRT_QUOTED]) {
  const unsigned char *from = (const unsigned char *)name;
  uint64_t left = strlen(name);
  size_t used = 0;
  while (left > 0) {
    int length = graphrt_i_utf8(from, left);
    bool plain = length > 0 && *from >= 0x20 && *from != 0x7f;
    // C1 control characters (U+0080 to U+009F) steer terminals too.
    if (length == 2 && from[0] == 0xc2 && from[1] < 0xa0) plain = false;
    if (length == 0) length = 1;
    if (used + (size_t)length + 4 > GRAPHRT_QUOTED) {
      memcpy(buffer + used, "...", 3);
      used += 3;
      break;
    }
    if (plain) {
      memcpy(buffer + used, from, (size_t)length);
      used += (size_t)length;
    } else {
      buffer[used++] = '?';
    }
    from += length;
    left -= (uint64_t)length;
  }
  buffer[used] = 0;
  return buffer;
}

const char *graphrt_i_shape(const int64_t *dims, int32_t rank, char buffer[GRAPHRT_SHAPE_TEXT]) {
  size_t used = 0;
  buffer[used++] = '[';
  for (int32_t i = 0; i < rank; ++i) {
    if (used + 30 > GRAPHRT_SHAPE_TEXT) {
      memcpy(buffer + used, ", ...", 5);
      used += 5;
      break;
    }
    used += (size_t)snprintf(buffer + used, GRAPHRT_SHAPE_TEXT - used, "%s%lld", i ? ", " : "",
                             (long long)dims[i]);
  }
  buffer[used++] = ']';
  buffer[used] = 0;
  return buffer;
}
