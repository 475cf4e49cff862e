// Opening and reading safetensors files. Data is read, unless mapping was asked for: a file that
// another program cuts short meanwhile gives a status, not a signal.
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// The format's own limit, in bytes.
static const uint64_t most_header = 100000000;

struct graphrt_safetensors {
  graphrt_host host;
  int descriptor;
  char *text;
  uint64_t length, size; // of the header; of the file
  graphrt_header header;
};

static graphrt_status read_all(int descriptor, uint64_t offset, void *buffer, uint64_t bytes) {
  uint8_t *out = buffer;
  while (bytes > 0) {
    size_t piece = bytes < (1u << 30) ? (size_t)bytes : 1u << 30;
    int64_t got = graphrt_i_read_at(descriptor, out, piece, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return graphrt_i_fail(GRAPHRT_IO_ERROR, "cannot read: %s", strerror(errno));
    if (got == 0) return graphrt_i_fail(GRAPHRT_IO_ERROR, "the file has become shorter");
    out += got;
    offset += (uint64_t)got;
    bytes -= (uint64_t)got;
  }
  return GRAPHRT_OK;
}

static int by_offset(const void *a, const void *b) {
  const graphrt_safetensor *x = *(const graphrt_safetensor *const *)a;
  const graphrt_safetensor *y = *(const graphrt_safetensor *const *)b;
  if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
  if (x->bytes != y->bytes) return x->bytes < y->bytes ? -1 : 1;
  return strcmp(x->name, y->name);
}

// The spans must cover the data from its beginning to its end, each byte once.
static graphrt_status check_spans(graphrt_safetensors *file, uint64_t data) {
  graphrt_header *h = &file->header;
  char quoted[GRAPHRT_QUOTED], other[GRAPHRT_QUOTED];
  for (int64_t i = 0; i < h->tensor_count; ++i)
    if (h->tensors[i].offset > data || h->tensors[i].bytes > data - h->tensors[i].offset)
      return graphrt_i_fail(GRAPHRT_BAD_CHECKPOINT,
                            "tensor '%s' ends behind the end of the file (%llu bytes of data)",
                            graphrt_i_quote(h->tensors[i].name, quoted), (unsigned long long)data);
  if (h->tensor_count == 0) {
    if (data == 0) return GRAPHRT_OK;
    return graphrt_i_fail(GRAPHRT_BAD_CHECKPOINT, "%llu bytes of data belong to no tensor",
                          (unsigned long long)data);
  }
  uint64_t size = (uint64_t)h->tensor_count * sizeof(graphrt_safetensor *);
  const graphrt_safetensor **order = graphrt_i_allocate(&file->host, size);
  if (!order)
    return graphrt_i_fail(GRAPHRT_OUT_OF_MEMORY, "out of memory while reading the header");
  for (int64_t i = 0; i < h->tensor_count; ++i) order[i] = &h->tensors[i];
  qsort(order, (size_t)h->tensor_count, sizeof *order, by_offset);
  graphrt_status status = GRAPHRT_OK;
  uint64_t end = 0;
  for (int64_t i = 0; i < h->tensor_count && status == GRAPHRT_OK; ++i) {
    const char *name = graphrt_i_quote(order[i]->name, quoted);
    if (order[i]->offset < end)
      status = graphrt_i_fail(GRAPHRT_BAD_CHECKPOINT, "tensor '%s' overlaps tensor '%s'", name,
                              graphrt_i_quote(order[i - 1]->name, other));
    else if (order[i]->offset > end)
      status =
          graphrt_i_fail(GRAPHRT_BAD_CHECKPOINT, "%llu bytes before tensor '%s' belong to none",
                         (unsigned long long)(order[i]->offset - end), name);
    end = order[i]->offset + order[i]->bytes;
  }
  if (status == GRAPHRT_OK && end != data)
    status = graphrt_i_fail(GRAPHRT_BAD_CHECKPOINT, "%llu bytes behind tensor '%s' belong to none",
                            (unsigned long long)(data - end),
                            graphrt_i_quote(order[h->tensor_count - 1]->name, quoted));
  graphrt_i_release(&file->host, order, size);
  return status;
}

static graphrt_status read_header(graphrt_safetensors *file, uint64_t size) {
  if (size < 8)
    return graphrt_i_fail(GRAPHRT_BAD_CHECKPOINT, "the file is too short for a safetensors file");
  uint64_t length;
  graphrt_status status = read_all(file->descriptor, 0, &length, sizeof length);
  if (status != GRAPHRT_OK) return status;
  if (length > most_header)
    return graphrt_i_fail(GRAPHRT_BAD_CHECKPOINT,
                          "the header is too long: %llu bytes, at most %llu are allowed",
                          (unsigned long long)length, (unsigned long long)most_header);
  if (length > size - 8)
    return graphrt_i_fail(GRAPHRT_BAD_CHECKPOINT, "the header (%llu bytes) is longer than the file",
                          (unsigned long long)length);
  file->length = length;
  file->size = size;
  file->text = graphrt_i_allocate(&file->host, length + 1);
  if (!file->text)
    return graphrt_i_fail(GRAPHRT_OUT_OF_MEMORY, "no memory for a header of %llu bytes",
                          (unsigned long long)length);
  status = read_all(file->descriptor, 8, file->text, length);
  if (status != GRAPHRT_OK) return status;
  file->text[length] = 0;
  status = graphrt_i_header_parse(&file->host, file->text, length, &file->header);
  if (status != GRAPHRT_OK) return status;
  uint64_t begin = 8 + length;
  status = check_spans(file, size - begin);
  for (int64_t i = 0; i < file->header.tensor_count; ++i) file->header.tensors[i].offset += begin;
  return status;
}

// Puts the path before the message that stands there.
static graphrt_status about(const char *path, graphrt_status status) {
  if (status == GRAPHRT_OK) return status;
  char message[768], quoted[GRAPHRT_QUOTED];
  strncpy(message, graphrt_message(), sizeof message - 1);
  message[sizeof message - 1] = 0;
  return graphrt_i_fail(status, "%s: %s", graphrt_i_quote(path, quoted), message);
}

graphrt_status graphrt_i_safetensors_open(const char *path, const graphrt_host *host,
                                          graphrt_safetensors **out) {
  *out = NULL;
  uint64_t size;
  const char *why;
  int descriptor = graphrt_i_open(path, &size, &why);
  if (descriptor < 0) {
    graphrt_i_message("cannot open the file: %s", why);
    return about(path, GRAPHRT_IO_ERROR);
  }
  graphrt_safetensors *file = graphrt_i_allocate(host, sizeof *file);
  if (!file) {
    graphrt_i_close(descriptor);
    return about(path, graphrt_i_fail(GRAPHRT_OUT_OF_MEMORY, "out of memory"));
  }
  memset(file, 0, sizeof *file);
  file->host = *host;
  file->descriptor = descriptor;
  graphrt_status status = read_header(file, size);
  if (status != GRAPHRT_OK) {
    graphrt_safetensors_close(file);
    return about(path, status);
  }
  *out = file;
  return GRAPHRT_OK;
}

graphrt_status graphrt_safetensors_open(const char *path, const graphrt_config *config,
                                        graphrt_safetensors **out) {
  graphrt_i_clear();
  if (out) *out = NULL;
  graphrt_config copy;
  graphrt_host host;
  graphrt_status status = graphrt_i_config(config, &copy, &host);
  if (status == GRAPHRT_OK && (!path || !out))
    status = graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "graphrt_safetensors_open: a null pointer");
  if (status == GRAPHRT_OK) status = graphrt_i_safetensors_open(path, &host, out);
  return graphrt_i_done(&host, status);
}

void graphrt_safetensors_close(graphrt_safetensors *file) {
  if (!file) return;
  graphrt_host host = file->host;
  graphrt_i_close(file->descriptor);
  graphrt_i_header_release(&host, &file->header);
  if (file->text) graphrt_i_release(&host, file->text, file->length + 1);
  graphrt_i_release(&host, file, sizeof *file);
}

int64_t graphrt_safetensors_count(const graphrt_safetensors *file) {
  return file ? file->header.tensor_count : 0;
}

const graphrt_safetensor *graphrt_safetensors_at(const graphrt_safetensors *file, int64_t index) {
  if (!file || index < 0 || index >= file->header.tensor_count) return NULL;
  return &file->header.tensors[index];
}

const graphrt_safetensor *graphrt_safetensors_find(const graphrt_safetensors *file,
                                                   const char *name) {
  if (!file || !name) return NULL;
  int64_t low = 0, high = file->header.tensor_count;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    int order = strcmp(file->header.tensors[middle].name, name);
    if (order == 0) return &file->header.tensors[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

int64_t graphrt_safetensors_metadata_count(const graphrt_safetensors *file) {
  return file ? file->header.metadata_count : 0;
}

const char *graphrt_safetensors_metadata_at(const graphrt_safetensors *file, int64_t index,
                                            const char **value) {
  if (!file || index < 0 || index >= file->header.metadata_count) return NULL;
  if (value) *value = file->header.metadata[index].value;
  return file->header.metadata[index].key;
}

const char *graphrt_safetensors_metadata(const graphrt_safetensors *file, const char *key) {
  if (!file || !key) return NULL;
  for (int64_t i = 0; i < file->header.metadata_count; ++i)
    if (strcmp(file->header.metadata[i].key, key) == 0) return file->header.metadata[i].value;
  return NULL;
}

graphrt_status graphrt_i_safetensors_read(const graphrt_safetensors *file,
                                          const graphrt_safetensor *tensor, uint64_t begin,
                                          void *buffer, uint64_t bytes) {
  char quoted[GRAPHRT_QUOTED], message[512];
  if (begin > tensor->bytes || bytes > tensor->bytes - begin)
    return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT,
                          "tensor '%s' has %llu bytes; what is asked for lies beyond",
                          graphrt_i_quote(tensor->name, quoted), (unsigned long long)tensor->bytes);
  graphrt_status status = read_all(file->descriptor, tensor->offset + begin, buffer, bytes);
  if (status == GRAPHRT_OK) return status;
  strncpy(message, graphrt_message(), sizeof message - 1);
  message[sizeof message - 1] = 0;
  return graphrt_i_fail(status, "tensor '%s': %s", graphrt_i_quote(tensor->name, quoted), message);
}

bool graphrt_i_safetensors_map(const graphrt_safetensors *file, graphrt_mapping *mapping) {
  return graphrt_i_map(file->descriptor, file->size, mapping);
}

graphrt_status graphrt_safetensors_read(const graphrt_safetensors *file,
                                        const graphrt_safetensor *tensor, uint64_t begin,
                                        void *buffer, uint64_t bytes) {
  graphrt_i_clear();
  graphrt_status status = GRAPHRT_OK;
  if (!file || !tensor || (!buffer && bytes > 0))
    status = graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "graphrt_safetensors_read: a null pointer");
  else
    status = graphrt_i_safetensors_read(file, tensor, begin, buffer, bytes);
  return graphrt_i_done(file ? &file->host : NULL, status);
}
