// Single variables by name, in and out.
#include "internal.h"

#include <string.h>

// What a name means: one variable, or all parts of a partitioned one (whole is set).
typedef struct found {
  int32_t first;
  bool whole;
} found;

static found find(const graphrt_model_desc *desc, const char *name) {
  int32_t index = graphrt_find_variable(&desc->model, name);
  if (index >= 0) return (found){index, false};
  for (int32_t i = 0; i < desc->model.variable_count; ++i)
    if (desc->model.variables[i].whole && strcmp(desc->model.variables[i].whole, name) == 0)
      return (found){i, true};
  return (found){-1, false};
}

static graphrt_status check(const graphrt_model_desc *desc, const char *name, size_t bytes,
                            found *result) {
  *result = find(desc, name);
  char quoted[GRAPHRT_QUOTED];
  if (result->first < 0)
    return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "%s has no variable '%s'", desc->model.name,
                          graphrt_i_quote(name, quoted));
  const graphrt_variable_info *info = &desc->model.variables[result->first];
  int64_t size;
  const int64_t *dims = result->whole ? graphrt_i_whole_dims(desc, result->first) : info->dims;
  graphrt_i_bytes(dims, info->rank, info->dtype, &size);
  if ((uint64_t)size != bytes)
    return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "variable '%s' has %lld bytes, not %llu",
                          graphrt_i_quote(name, quoted), (long long)size,
                          (unsigned long long)bytes);
  return GRAPHRT_OK;
}

static bool belongs(const graphrt_model_desc *desc, int32_t index, found what) {
  if (!what.whole) return index == what.first;
  const char *whole = desc->model.variables[index].whole;
  return whole && strcmp(whole, desc->model.variables[what.first].whole) == 0;
}

static graphrt_status get(const graphrt_instance *instance, const char *name, void *data,
                          size_t bytes) {
  const graphrt_model_desc *desc = instance->desc;
  found what;
  graphrt_status status = check(desc, name, bytes, &what);
  if (status != GRAPHRT_OK) return status;
  pthread_rwlock_rdlock(&instance->shared->lock);
  for (int32_t i = what.first; i < desc->model.variable_count; ++i) {
    if (!belongs(desc, i, what)) continue;
    const uint8_t *from = graphrt_i_variable(instance, i);
    if (what.whole)
      graphrt_i_part_to_whole(desc, i, from, data);
    else if (bytes > 0)
      memcpy(data, from, bytes);
  }
  pthread_rwlock_unlock(&instance->shared->lock);
  return GRAPHRT_OK;
}

static graphrt_status set(graphrt_instance *instance, const char *name, const void *data,
                          size_t bytes) {
  const graphrt_model_desc *desc = instance->desc;
  found what;
  graphrt_status status = check(desc, name, bytes, &what);
  if (status != GRAPHRT_OK) return status;
  for (int32_t i = what.first; i < desc->model.variable_count; ++i)
    if (belongs(desc, i, what) && desc->model.variables[i].flags & GRAPHRT_VARIABLE_FROZEN) {
      char quoted[GRAPHRT_QUOTED];
      return graphrt_i_fail(GRAPHRT_FROZEN, "variable '%s' was compiled in as a constant",
                            graphrt_i_quote(name, quoted));
    }
  graphrt_shared *shared = instance->shared;
  pthread_rwlock_wrlock(&shared->lock);
  for (int32_t i = what.first; i < desc->model.variable_count; ++i) {
    if (!belongs(desc, i, what)) continue;
    uint8_t *to = shared->variables[i];
    if (what.whole)
      graphrt_i_whole_to_part(desc, i, data, to);
    else if (bytes > 0)
      memcpy(to, data, bytes);
    ++shared->versions[i];
  }
  pthread_rwlock_unlock(&shared->lock);
  return GRAPHRT_OK;
}

graphrt_status graphrt_get(const graphrt_instance *instance, const char *name, void *data,
                           size_t bytes) {
  graphrt_i_clear();
  if (!instance || !name || (!data && bytes > 0)) {
    graphrt_status status = graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "get: a null pointer");
    return graphrt_i_done(instance ? &instance->host : NULL, status);
  }
  graphrt_status status = graphrt_i_enter(instance);
  if (status != GRAPHRT_OK) return graphrt_i_done(&instance->host, status);
  status = get(instance, name, data, bytes);
  graphrt_i_leave(instance);
  return graphrt_i_done(&instance->host, status);
}

graphrt_status graphrt_set(graphrt_instance *instance, const char *name, const void *data,
                           size_t bytes) {
  graphrt_i_clear();
  if (!instance || !name || (!data && bytes > 0)) {
    graphrt_status status = graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "set: a null pointer");
    return graphrt_i_done(instance ? &instance->host : NULL, status);
  }
  graphrt_status status = graphrt_i_enter(instance);
  if (status != GRAPHRT_OK) return graphrt_i_done(&instance->host, status);
  status = set(instance, name, data, bytes);
  graphrt_i_leave(instance);
  return graphrt_i_done(&instance->host, status);
}
