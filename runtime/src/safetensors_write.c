// Writing safetensors files, whole or not at all.
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- The header's text ----

// With a null `text` it only counts.
typedef struct text {
  char *text;
  uint64_t used;
} text;

static void put(text *t, const char *bytes, size_t count) {
  if (t->text) memcpy(t->text + t->used, bytes, count);
  t->used += count;
}

static void put_text(text *t, const char *string) { put(t, string, strlen(string)); }

static void put_number(text *t, uint64_t number) {
  char digits[24];
  put(t, digits, (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)number));
}

static void put_string(text *t, const char *string) {
  put(t, "\"", 1);
  for (; *string; ++string) {
    unsigned char c = (unsigned char)*string;
    if (c == '"' || c == '\\') {
      put(t, "\\", 1);
      put(t, string, 1);
    } else if (c < 0x20) {
      char escape[8];
      put(t, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", c));
    } else {
      put(t, string, 1);
    }
  }
  put(t, "\"", 1);
}

static uint64_t bytes_of(const graphrt_safetensor_source *source) {
  int64_t bytes = 0;
  graphrt_i_bytes(source->dims, source->rank, source->dtype, &bytes); // checked before
  return (uint64_t)bytes;
}

static void put_header(text *t, const graphrt_safetensor_source *const *order, int64_t count,
                       const graphrt_metadata *metadata, int64_t metadata_count) {
  uint64_t offset = 0;
  put(t, "{", 1);
  if (metadata_count > 0) {
    put_text(t, "\"__metadata__\":{");
    for (int64_t i = 0; i < metadata_count; ++i) {
      if (i > 0) put(t, ",", 1);
      put_string(t, metadata[i].key);
      put(t, ":", 1);
      put_string(t, metadata[i].value);
    }
    put_text(t, count > 0 ? "}," : "}");
  }
  for (int64_t i = 0; i < count; ++i) {
    if (i > 0) put(t, ",", 1);
    put_string(t, order[i]->name);
    put_text(t, ":{\"dtype\":");
    put_string(t, graphrt_i_safetensors_dtype(order[i]->dtype));
    put_text(t, ",\"shape\":[");
    for (int32_t d = 0; d < order[i]->rank; ++d) {
      if (d > 0) put(t, ",", 1);
      put_number(t, (uint64_t)order[i]->dims[d]);
    }
    put_text(t, "],\"data_offsets\":[");
    put_number(t, offset);
    offset += bytes_of(order[i]);
    put(t, ",", 1);
    put_number(t, offset);
    put_text(t, "]}");
  }
  put(t, "}", 1);
  while (t->used % 8 != 0) put(t, " ", 1);
}

// ---- The file ----

static graphrt_status write_all(int descriptor, const void *data, uint64_t bytes) {
  const uint8_t *from = data;
  while (bytes > 0) {
    size_t piece = bytes < (1u << 30) ? (size_t)bytes : 1u << 30;
    int64_t wrote = graphrt_i_write(descriptor, from, piece);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return graphrt_i_fail(GRAPHRT_IO_ERROR, "cannot write: %s", strerror(errno));
    from += wrote;
    bytes -= (uint64_t)wrote;
  }
  return GRAPHRT_OK;
}

static graphrt_status write_content(int descriptor, const text *header,
                                    const graphrt_safetensor_source *const *order, int64_t count,
                                    const char *like) {
  graphrt_status status = write_all(descriptor, &header->used, sizeof header->used);
  if (status == GRAPHRT_OK) status = write_all(descriptor, header->text, header->used);
  for (int64_t i = 0; i < count && status == GRAPHRT_OK; ++i)
    status = write_all(descriptor, order[i]->data, bytes_of(order[i]));
  if (status == GRAPHRT_OK && !graphrt_i_finish(descriptor, like))
    status = graphrt_i_fail(GRAPHRT_IO_ERROR, "cannot write: %s", strerror(errno));
  return status;
}

// The name beside `target` under which the file is written: a short one of its own, so that it fits
// wherever the target's does. Returns the directory's length in it.
enum { TEMPORARY_ROOM = 64 };

static size_t temporary_name(const char *target, char *name) {
  static _Atomic uint32_t counter;
  const char *slash = strrchr(target, '/');
  size_t directory = slash ? (size_t)(slash - target) + 1 : 0;
  memcpy(name, target, directory);
  snprintf(name + directory, TEMPORARY_ROOM, ".graphrt-%u-%u.tmp", (unsigned)graphrt_i_process(),
           (unsigned)atomic_fetch_add(&counter, 1));
  return directory;
}

// Makes the renaming itself last. What the file system does not offer here cannot be helped.
static void sync_directory(char *temporary, size_t directory) {
  if (directory == 0) {
    memcpy(temporary, ".", 2);
  } else {
    temporary[directory] = 0;
  }
  graphrt_i_sync_directory(temporary);
}

static graphrt_status replace(const char *target, const text *header,
                              const graphrt_safetensor_source *const *order, int64_t count,
                              char *temporary) {
  if (graphrt_i_special(target)) return graphrt_i_fail(GRAPHRT_IO_ERROR, "not a regular file");
  int descriptor = -1;
  size_t directory = 0;
  // A name can be left over from a process that had this one's number.
  for (int attempt = 0; attempt < 100 && descriptor < 0; ++attempt) {
    directory = temporary_name(target, temporary);
    descriptor = graphrt_i_create(temporary);
    if (descriptor < 0 && errno != EEXIST) break;
  }
  if (descriptor < 0)
    return graphrt_i_fail(GRAPHRT_IO_ERROR, "cannot create a file there: %s", strerror(errno));
  graphrt_status status = write_content(descriptor, header, order, count, target);
  if (!graphrt_i_close(descriptor) && status == GRAPHRT_OK)
    status = graphrt_i_fail(GRAPHRT_IO_ERROR, "cannot write: %s", strerror(errno));
  if (status == GRAPHRT_OK && !graphrt_i_replace(temporary, target))
    status =
        graphrt_i_fail(GRAPHRT_IO_ERROR, "cannot rename the file written: %s", strerror(errno));
  if (status != GRAPHRT_OK) {
    graphrt_i_remove(temporary);
    return status;
  }
  sync_directory(temporary, directory);
  return GRAPHRT_OK;
}

// ---- What is asked for ----

static bool is_utf8(const char *string) {
  const unsigned char *at = (const unsigned char *)string;
  for (uint64_t left = strlen(string); left > 0;) {
    int length = graphrt_i_utf8(at, left);
    if (length == 0) return false;
    at += length;
    left -= (uint64_t)length;
  }
  return true;
}

graphrt_status graphrt_i_check_metadata(const graphrt_metadata *metadata, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    bool good = metadata[i].key && metadata[i].value && is_utf8(metadata[i].key) &&
                is_utf8(metadata[i].value);
    for (int64_t j = 0; good && j < i; ++j) good = strcmp(metadata[i].key, metadata[j].key) != 0;
    if (!good)
      return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "metadata must be UTF-8, each key only once");
  }
  return GRAPHRT_OK;
}

static graphrt_status check_source(const graphrt_safetensor_source *source, uint64_t *total) {
  char quoted[GRAPHRT_QUOTED];
  if (!source->name || !is_utf8(source->name) || strcmp(source->name, "__metadata__") == 0)
    return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "'%s' is no name for a tensor",
                          graphrt_i_quote(source->name ? source->name : "", quoted));
  const char *name = graphrt_i_quote(source->name, quoted);
  if (!graphrt_i_safetensors_dtype(source->dtype))
    return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "tensor '%s' has no known dtype", name);
  int64_t bytes;
  bool fits = source->rank >= 0 && (source->rank == 0 || source->dims);
  for (int32_t i = 0; fits && i < source->rank; ++i) fits = source->dims[i] >= 0;
  if (!fits || !graphrt_i_bytes(source->dims, source->rank, source->dtype, &bytes) ||
      __builtin_add_overflow(*total, (uint64_t)bytes, total) || *total > INT64_MAX)
    return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "tensor '%s' has a shape that is none", name);
  if (bytes > 0 && !source->data)
    return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "tensor '%s' has no data", name);
  return GRAPHRT_OK;
}

static int in_file_order(const void *a, const void *b) {
  const graphrt_safetensor_source *x = *(const graphrt_safetensor_source *const *)a;
  const graphrt_safetensor_source *y = *(const graphrt_safetensor_source *const *)b;
  size_t x_size = graphrt_dtype_size(x->dtype), y_size = graphrt_dtype_size(y->dtype);
  if (x_size != y_size) return x_size > y_size ? -1 : 1;
  return strcmp(x->name, y->name);
}

static graphrt_status arrange(const graphrt_safetensor_source *tensors, int64_t count,
                              const graphrt_safetensor_source **order) {
  uint64_t total = 0;
  for (int64_t i = 0; i < count; ++i) {
    graphrt_status status = check_source(&tensors[i], &total);
    if (status != GRAPHRT_OK) return status;
    order[i] = &tensors[i];
  }
  if (count > 1) qsort(order, (size_t)count, sizeof *order, in_file_order);
  return GRAPHRT_OK;
}

// Names that stand twice: seen by sorting by name alone, as they may differ in dtype.
static int by_name(const void *a, const void *b) {
  return strcmp((*(const graphrt_safetensor_source *const *)a)->name,
                (*(const graphrt_safetensor_source *const *)b)->name);
}

static graphrt_status check_names(const graphrt_safetensor_source **order, int64_t count) {
  char quoted[GRAPHRT_QUOTED];
  if (count > 1) qsort(order, (size_t)count, sizeof *order, by_name);
  for (int64_t i = 1; i < count; ++i)
    if (strcmp(order[i - 1]->name, order[i]->name) == 0)
      return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "tensor '%s' stands twice",
                            graphrt_i_quote(order[i]->name, quoted));
  if (count > 1) qsort(order, (size_t)count, sizeof *order, in_file_order);
  return GRAPHRT_OK;
}

static graphrt_status write_arranged(const char *path,
                                     const graphrt_safetensor_source *const *order, int64_t count,
                                     const graphrt_metadata *metadata, int64_t metadata_count,
                                     const graphrt_host *host) {
  text header = {NULL, 0};
  put_header(&header, order, count, metadata, metadata_count);
  uint64_t length = header.used;
  // A link stays a link: what it points to is replaced.
  char resolved[GRAPHRT_PATH];
  const char *target = graphrt_i_resolve(path, resolved);
  uint64_t name_bytes = strlen(target) + TEMPORARY_ROOM;
  char *temporary = graphrt_i_allocate(host, name_bytes);
  header.text = graphrt_i_allocate(host, length);
  graphrt_status status = GRAPHRT_OK;
  if (!header.text || !temporary)
    status = graphrt_i_fail(GRAPHRT_OUT_OF_MEMORY, "no memory for a header of %llu bytes",
                            (unsigned long long)length);
  if (status == GRAPHRT_OK) {
    header.used = 0;
    put_header(&header, order, count, metadata, metadata_count);
    status = replace(target, &header, order, count, temporary);
  }
  graphrt_i_release(host, header.text, length);
  graphrt_i_release(host, temporary, name_bytes);
  return status;
}

graphrt_status graphrt_i_safetensors_write(const char *path,
                                           const graphrt_safetensor_source *tensors, int64_t count,
                                           const graphrt_metadata *metadata, int64_t metadata_count,
                                           const graphrt_host *host) {
  uint64_t size = (uint64_t)count * sizeof(graphrt_safetensor_source *);
  const graphrt_safetensor_source **order = graphrt_i_allocate(host, size);
  graphrt_status status = GRAPHRT_OK;
  if (!order) status = graphrt_i_fail(GRAPHRT_OUT_OF_MEMORY, "out of memory");
  if (status == GRAPHRT_OK) status = arrange(tensors, count, order);
  if (status == GRAPHRT_OK) status = check_names(order, count);
  if (status == GRAPHRT_OK)
    status = write_arranged(path, order, count, metadata, metadata_count, host);
  graphrt_i_release(host, order, size);
  if (status == GRAPHRT_IO_ERROR) {
    char message[512], quoted[GRAPHRT_QUOTED];
    strncpy(message, graphrt_message(), sizeof message - 1);
    message[sizeof message - 1] = 0;
    graphrt_i_message("%s: %s", graphrt_i_quote(path, quoted), message);
  }
  return status;
}

graphrt_status graphrt_safetensors_write(const char *path, const graphrt_safetensor_source *tensors,
                                         int64_t count, const graphrt_metadata *metadata,
                                         int64_t metadata_count, const graphrt_config *config) {
  graphrt_i_clear();
  graphrt_config copy;
  graphrt_host host;
  graphrt_status status = graphrt_i_config(config, &copy, &host);
  if (status == GRAPHRT_OK && (!path || count < 0 || metadata_count < 0 ||
                               (count > 0 && !tensors) || (metadata_count > 0 && !metadata)))
    status = graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT,
                            "graphrt_safetensors_write: a null pointer or a negative count");
  if (status == GRAPHRT_OK) status = graphrt_i_check_metadata(metadata, metadata_count);
  if (status == GRAPHRT_OK)
    status = graphrt_i_safetensors_write(path, tensors, count, metadata, metadata_count, &host);
  return graphrt_i_done(&host, status);
}
