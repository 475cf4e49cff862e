#include "internal.h"

#include <string.h>

static void *default_allocate(void *user, size_t size, size_t alignment) {
  (void)user;
  return graphrt_i_aligned(size, alignment);
}

static void default_release(void *user, void *block, size_t size) {
  (void)user;
  (void)size;
  graphrt_i_aligned_free(block);
}

graphrt_status graphrt_i_config(const graphrt_config *config, graphrt_config *copy,
                                graphrt_host *host) {
  memset(copy, 0, sizeof *copy);
  *host = (graphrt_host){.allocate = default_allocate, .release = default_release};
  if (config) {
    if (config->struct_size < offsetof(graphrt_config, checkpoint) + sizeof(char *))
      return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT,
                            "graphrt_config.struct_size is %llu; set it to sizeof(graphrt_config)",
                            (unsigned long long)config->struct_size);
    size_t known = config->struct_size < sizeof *copy ? config->struct_size : sizeof *copy;
    memcpy(copy, config, known);
    // A larger structure is a newer one: what this runtime does not know must not be asked for.
    const char *bytes = (const char *)config;
    for (size_t i = known; i < config->struct_size; ++i)
      if (bytes[i] != 0)
        return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT,
                              "graphrt_config has fields that this runtime (%s) does not know",
                              graphrt_version());
  }
  if (copy->threads < 0 || copy->threads > 4096)
    return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "threads is %d; from 0 to 4096 is allowed",
                          (int)copy->threads);
  if (copy->flags & ~(uint32_t)GRAPHRT_MAP_CHECKPOINT)
    return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT,
                          "flags is %u; this runtime (%s) does not know it", (unsigned)copy->flags,
                          graphrt_version());
  if (!copy->allocate != !copy->release)
    return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT,
                          "give both of allocate and release, or neither");
  if (copy->allocate) {
    host->allocate = copy->allocate;
    host->release = copy->release;
    host->allocator_user = copy->allocator_user;
  }
  host->map = (copy->flags & GRAPHRT_MAP_CHECKPOINT) != 0;
  host->parallel = copy->parallel;
  host->parallel_user = copy->parallel_user;
  host->on_error = copy->on_error;
  host->error_user = copy->error_user;
  return GRAPHRT_OK;
}

void *graphrt_i_allocate(const graphrt_host *host, uint64_t size) {
  if (size > PTRDIFF_MAX - GRAPHRT_ALIGNMENT) return NULL;
  return host->allocate(host->allocator_user, size ? (size_t)size : 1, GRAPHRT_ALIGNMENT);
}

void graphrt_i_release(const graphrt_host *host, void *block, uint64_t size) {
  if (block) host->release(host->allocator_user, block, size ? (size_t)size : 1);
}

bool graphrt_i_multiply(int64_t a, int64_t b, int64_t *result) {
  return !__builtin_mul_overflow(a, b, result);
}

bool graphrt_i_add(int64_t a, int64_t b, int64_t *result) {
  return !__builtin_add_overflow(a, b, result);
}

bool graphrt_i_elements(const int64_t *dims, int32_t rank, int64_t *result) {
  int64_t product = 1;
  bool fits = true;
  for (int32_t i = 0; i < rank; ++i) {
    if (dims[i] == 0) {
      *result = 0;
      return true;
    }
    fits = fits && graphrt_i_multiply(product, dims[i], &product);
  }
  *result = product;
  return fits;
}

bool graphrt_i_bytes(const int64_t *dims, int32_t rank, int32_t dtype, int64_t *result) {
  return graphrt_i_elements(dims, rank, result) &&
         graphrt_i_multiply(*result, (int64_t)graphrt_dtype_size(dtype), result);
}

int64_t graphrt_i_round(int64_t size) {
  if (size < 0 || size > INT64_MAX - GRAPHRT_ALIGNMENT) return -1;
  return (size + GRAPHRT_ALIGNMENT - 1) / GRAPHRT_ALIGNMENT * GRAPHRT_ALIGNMENT;
}
