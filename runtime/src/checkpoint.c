// Checkpoints: an instance's variables in a safetensors file, and single variables by name.
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Reading ----

static graphrt_status check_tensor(const graphrt_model_desc *desc, int32_t index, const char *path,
                                   const graphrt_safetensor *tensor) {
  const graphrt_variable_info *info = &desc->model.variables[index];
  const int64_t *dims = graphrt_i_whole_dims(desc, index);
  char quoted[GRAPHRT_QUOTED], file[GRAPHRT_QUOTED];
  char has[GRAPHRT_SHAPE_TEXT], wanted[GRAPHRT_SHAPE_TEXT];
  if (tensor->dtype != info->dtype)
    return graphrt_i_fail(GRAPHRT_BAD_CHECKPOINT, "%s: tensor '%s' has dtype %s; %s is needed",
                          graphrt_i_quote(path, file), graphrt_i_quote(tensor->name, quoted),
                          tensor->dtype ? graphrt_dtype_name(tensor->dtype) : tensor->dtype_name,
                          graphrt_dtype_name(info->dtype));
  bool same = tensor->rank == info->rank;
  for (int32_t i = 0; same && i < info->rank; ++i) same = tensor->dims[i] == dims[i];
  if (!same)
    return graphrt_i_fail(GRAPHRT_BAD_CHECKPOINT, "%s: tensor '%s' has shape %s; %s is needed",
                          graphrt_i_quote(path, file), graphrt_i_quote(tensor->name, quoted),
                          graphrt_i_shape(tensor->dims, tensor->rank, has),
                          graphrt_i_shape(dims, info->rank, wanted));
  return GRAPHRT_OK;
}

// True for the first of the parts that a checkpoint holds as one tensor.
static bool is_first_part(const graphrt_model_desc *desc, int32_t index) {
  const char *whole = desc->model.variables[index].whole;
  for (int32_t i = 0; whole && i < index; ++i)
    if (desc->model.variables[i].whole && strcmp(desc->model.variables[i].whole, whole) == 0)
      return false;
  return true;
}

static graphrt_status match(const graphrt_model_desc *desc, const char *path,
                            graphrt_checkpoint *checkpoint) {
  const char *missing = NULL;
  int64_t missing_count = 0, used = 0;
  checkpoint->complete = true;
  for (int32_t i = 0; i < desc->model.variable_count; ++i) {
    bool first = is_first_part(desc, i);
    const char *name = graphrt_i_whole_name(desc, i);
    const graphrt_safetensor *tensor = graphrt_safetensors_find(checkpoint->file, name);
    if (tensor) {
      graphrt_status status = check_tensor(desc, i, path, tensor);
      if (status != GRAPHRT_OK) return status;
      used += first;
    } else if (desc->model.variables[i].flags & GRAPHRT_VARIABLE_SLOT) {
      checkpoint->complete = false;
    } else if (first && missing_count++ == 0) {
      missing = name;
    }
  }
  char quoted[GRAPHRT_QUOTED], file[GRAPHRT_QUOTED], more[48] = "";
  if (missing_count > 1)
    snprintf(more, sizeof more, ", and %lld more", (long long)(missing_count - 1));
  if (missing)
    return graphrt_i_fail(GRAPHRT_BAD_CHECKPOINT, "%s: tensor '%s' is missing%s",
                          graphrt_i_quote(path, file), graphrt_i_quote(missing, quoted), more);
  checkpoint->surplus = graphrt_safetensors_count(checkpoint->file) - used;
  return GRAPHRT_OK;
}

static bool parse_number(const char *text, uint64_t *number) {
  if (!text || *text < '0' || *text > '9') return false;
  char *end;
  errno = 0;
  unsigned long long value = strtoull(text, &end, 10);
  if (*end || errno) return false;
  *number = value;
  return true;
}

graphrt_status graphrt_i_checkpoint_open(const graphrt_model_desc *desc, const graphrt_host *host,
                                         const char *path, graphrt_checkpoint *checkpoint) {
  memset(checkpoint, 0, sizeof *checkpoint);
  if (graphrt_i_any_frozen(desc))
    return graphrt_i_fail(
        GRAPHRT_FROZEN, "the variables of %s were compiled in as constants; they cannot be loaded",
        desc->model.name);
  graphrt_status status = graphrt_i_safetensors_open(path, host, &checkpoint->file);
  if (status != GRAPHRT_OK) return status;
  status = match(desc, path, checkpoint);
  // Files of other programs hold no seed, or one that means something else.
  if (graphrt_safetensors_metadata(checkpoint->file, "interface"))
    checkpoint->has_random =
        parse_number(graphrt_safetensors_metadata(checkpoint->file, "seed"), &checkpoint->seed) &&
        parse_number(graphrt_safetensors_metadata(checkpoint->file, "counter"),
                     &checkpoint->counter);
  if (status != GRAPHRT_OK) {
    graphrt_safetensors_close(checkpoint->file);
    checkpoint->file = NULL;
  }
  return status;
}

// Reads one variable to `target`: in one piece, or, where a part is scattered over the whole, by
// way of a buffer of the whole's size.
static graphrt_status read_variable(const graphrt_instance *instance,
                                    const graphrt_checkpoint *checkpoint, int32_t index,
                                    const graphrt_safetensor *tensor, uint8_t *target) {
  const graphrt_model_desc *desc = instance->desc;
  uint64_t start;
  if (graphrt_i_part_start(desc, index, &start))
    return graphrt_i_safetensors_read(checkpoint->file, tensor, start, target,
                                      (uint64_t)graphrt_i_variable_bytes(desc, index));
  uint8_t *whole = graphrt_i_allocate(&instance->host, tensor->bytes);
  if (!whole)
    return graphrt_i_fail(GRAPHRT_OUT_OF_MEMORY, "no memory for %llu bytes",
                          (unsigned long long)tensor->bytes);
  graphrt_status status =
      graphrt_i_safetensors_read(checkpoint->file, tensor, 0, whole, tensor->bytes);
  if (status == GRAPHRT_OK) graphrt_i_whole_to_part(desc, index, whole, target);
  graphrt_i_release(&instance->host, whole, tensor->bytes);
  return status;
}

// New values for all variables, and what they lie in.
typedef struct values {
  graphrt_storage storage;
  const graphrt_safetensor **tensors; // [variable_count]; NULL: not in the file
  uint8_t **places;                   // [variable_count]
  uint64_t bytes;                     // of both arrays
} values;

static void release_values(const graphrt_host *host, values *v) {
  graphrt_i_storage_release(host, &v->storage);
  graphrt_i_release(host, v->tensors, v->bytes);
}

static uint64_t rounded(const graphrt_model_desc *desc, int32_t index) {
  int64_t bytes = graphrt_i_variable_bytes(desc, index);
  return (uint64_t)graphrt_i_round(bytes > 0 ? bytes : 1);
}

// Gives every variable a place: in the file's pages, if those are mapped and hold it in one piece,
// else in memory.
static bool place_values(const graphrt_instance *instance, const graphrt_checkpoint *checkpoint,
                         values *v) {
  const graphrt_model_desc *desc = instance->desc;
  int32_t count = desc->model.variable_count;
  const graphrt_host *host = &instance->host;
  bool mapped = host->map && graphrt_i_safetensors_map(checkpoint->file, &v->storage.mapping);
  for (int32_t i = 0; i < count; ++i) {
    const graphrt_safetensor *tensor =
        graphrt_safetensors_find(checkpoint->file, graphrt_i_whole_name(desc, i));
    uint64_t start;
    v->tensors[i] = tensor;
    v->places[i] = NULL;
    if (mapped && tensor && graphrt_i_part_start(desc, i, &start))
      v->places[i] = v->storage.mapping.pages + tensor->offset + start;
    else
      v->storage.bytes += rounded(desc, i);
  }
  if (v->storage.bytes == 0) return true;
  v->storage.block = graphrt_i_allocate(host, v->storage.bytes);
  if (!v->storage.block) return false;
  uint8_t *at = v->storage.block;
  for (int32_t i = 0; i < count; ++i) {
    if (v->places[i]) continue;
    v->places[i] = at;
    at += rounded(desc, i);
  }
  return true;
}

// Whether a place is one of the block's, which is to be filled.
static bool in_memory(const values *v, int32_t index) {
  uintptr_t place = (uintptr_t)v->places[index], block = (uintptr_t)v->storage.block;
  return v->storage.block && place >= block && place - block < v->storage.bytes;
}

static graphrt_status read_values(const graphrt_instance *instance,
                                  const graphrt_checkpoint *checkpoint, values *v) {
  const graphrt_model_desc *desc = instance->desc;
  uint64_t count = (uint64_t)desc->model.variable_count;
  v->bytes = count * (sizeof *v->tensors + sizeof *v->places);
  v->tensors = graphrt_i_allocate(&instance->host, v->bytes);
  if (v->tensors) v->places = (uint8_t **)(v->tensors + count);
  if (!v->tensors || !place_values(instance, checkpoint, v))
    return graphrt_i_fail(GRAPHRT_OUT_OF_MEMORY, "no memory for the variables of %s (%lld bytes)",
                          desc->model.name, (long long)desc->variable_bytes);
  graphrt_status status = GRAPHRT_OK;
  for (int32_t i = 0; i < desc->model.variable_count && status == GRAPHRT_OK; ++i)
    if (v->tensors[i] && in_memory(v, i))
      status = read_variable(instance, checkpoint, i, v->tensors[i], v->places[i]);
  return status;
}

graphrt_status graphrt_i_checkpoint_apply(graphrt_instance *instance,
                                          const graphrt_checkpoint *checkpoint) {
  const graphrt_model_desc *desc = instance->desc;
  graphrt_shared *shared = instance->shared;
  // The new values lie beside the old ones, whose place they then take: calls go on meanwhile, and
  // a file that cannot be read to its end has changed nothing.
  values v = {0};
  graphrt_status status = read_values(instance, checkpoint, &v);
  if (status != GRAPHRT_OK) {
    release_values(&instance->host, &v);
    return status;
  }
  pthread_rwlock_wrlock(&shared->lock);
  for (int32_t i = 0; i < desc->model.variable_count; ++i) {
    if (!v.tensors[i])
      memcpy(v.places[i], shared->variables[i], (size_t)graphrt_i_variable_bytes(desc, i));
    shared->variables[i] = v.places[i];
    ++shared->versions[i];
  }
  graphrt_storage old = shared->storage;
  shared->storage = v.storage;
  v.storage = old;
  pthread_rwlock_unlock(&shared->lock);
  release_values(&instance->host, &v);
  if (checkpoint->has_random) {
    instance->seed = checkpoint->seed;
    instance->counter = checkpoint->counter;
  }
  graphrt_i_clear();
  if (checkpoint->surplus > 0)
    graphrt_i_message("%lld tensor%s of the file belong%s to no variable of %s",
                      (long long)checkpoint->surplus, checkpoint->surplus == 1 ? "" : "s",
                      checkpoint->surplus == 1 ? "s" : "", desc->model.name);
  return GRAPHRT_OK;
}

graphrt_status graphrt_load(graphrt_instance *instance, const char *path) {
  graphrt_i_clear();
  if (!instance || !path) {
    graphrt_status status = graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "load: a null pointer");
    return graphrt_i_done(instance ? &instance->host : NULL, status);
  }
  graphrt_status status = graphrt_i_enter(instance);
  if (status != GRAPHRT_OK) return graphrt_i_done(&instance->host, status);
  graphrt_checkpoint checkpoint;
  status = graphrt_i_checkpoint_open(instance->desc, &instance->host, path, &checkpoint);
  if (status == GRAPHRT_OK) {
    status = graphrt_i_checkpoint_apply(instance, &checkpoint);
    graphrt_safetensors_close(checkpoint.file);
  }
  graphrt_i_leave(instance);
  return graphrt_i_done(&instance->host, status);
}

// ---- Writing ----

// The tensors of a checkpoint: variables as they lie, and partitioned ones put together.
typedef struct tensors {
  const graphrt_instance *instance;
  graphrt_safetensor_source *sources; // [variable_count]
  int64_t count;
} tensors;

static uint64_t source_bytes(const graphrt_safetensor_source *source) {
  int64_t bytes = 0;
  graphrt_i_bytes(source->dims, source->rank, source->dtype, &bytes);
  return (uint64_t)bytes;
}

static uint8_t *assemble(const graphrt_instance *instance, int32_t first, const char *whole_name,
                         uint64_t bytes) {
  const graphrt_model_desc *desc = instance->desc;
  uint8_t *whole = graphrt_i_allocate(&instance->host, bytes);
  if (!whole) return NULL;
  memset(whole, 0, bytes);
  for (int32_t i = first; i < desc->model.variable_count; ++i) {
    const char *name = desc->model.variables[i].whole;
    if (name && strcmp(name, whole_name) == 0)
      graphrt_i_part_to_whole(desc, i, graphrt_i_variable(instance, i), whole);
  }
  return whole;
}

static graphrt_status collect(tensors *t) {
  const graphrt_model_desc *desc = t->instance->desc;
  for (int32_t i = 0; i < desc->model.variable_count; ++i) {
    const graphrt_variable_info *info = &desc->model.variables[i];
    if (!is_first_part(desc, i)) continue;
    graphrt_safetensor_source source = {.name = graphrt_i_whole_name(desc, i),
                                        .dtype = info->dtype,
                                        .rank = info->rank,
                                        .dims = graphrt_i_whole_dims(desc, i)};
    if (info->whole) {
      source.data = assemble(t->instance, i, info->whole, source_bytes(&source));
      if (!source.data)
        return graphrt_i_fail(GRAPHRT_OUT_OF_MEMORY, "no memory to put variable %s together",
                              info->whole);
    } else {
      source.data = graphrt_i_variable(t->instance, i);
    }
    t->sources[t->count++] = source;
  }
  return GRAPHRT_OK;
}

static void release(tensors *t) {
  const graphrt_model_desc *desc = t->instance->desc;
  int64_t at = 0;
  for (int32_t i = 0; i < desc->model.variable_count && at < t->count; ++i) {
    if (!is_first_part(desc, i)) continue;
    const graphrt_safetensor_source *source = &t->sources[at++];
    if (desc->model.variables[i].whole)
      graphrt_i_release(&t->instance->host, (void *)(uintptr_t)source->data, source_bytes(source));
  }
}

static graphrt_status save(const graphrt_instance *instance, const char *path,
                           const graphrt_metadata *metadata, int64_t metadata_count) {
  uint64_t size =
      (uint64_t)instance->desc->model.variable_count * sizeof(graphrt_safetensor_source);
  tensors t = {.instance = instance, .sources = graphrt_i_allocate(&instance->host, size)};
  if (!t.sources) return graphrt_i_fail(GRAPHRT_OUT_OF_MEMORY, "save: out of memory");
  pthread_rwlock_rdlock(&instance->shared->lock);
  graphrt_status status = collect(&t);
  if (status == GRAPHRT_OK)
    status = graphrt_i_safetensors_write(path, t.sources, t.count, metadata, metadata_count,
                                         &instance->host);
  pthread_rwlock_unlock(&instance->shared->lock);
  release(&t);
  graphrt_i_release(&instance->host, t.sources, size);
  return status;
}

enum { OWN_METADATA = 3 };

// The runtime's metadata, then the caller's.
static graphrt_status save_all(const graphrt_instance *instance, const char *path,
                               const graphrt_metadata *metadata, int64_t count) {
  char seed[24], counter[24], interface[24];
  snprintf(seed, sizeof seed, "%llu", (unsigned long long)instance->seed);
  snprintf(counter, sizeof counter, "%llu", (unsigned long long)instance->counter);
  snprintf(interface, sizeof interface, "%d", (int)graphrt_interface_1);
  uint64_t size = ((uint64_t)count + OWN_METADATA) * sizeof(graphrt_metadata);
  graphrt_metadata *all = graphrt_i_allocate(&instance->host, size);
  if (!all) return graphrt_i_fail(GRAPHRT_OUT_OF_MEMORY, "save: out of memory");
  all[0] = (graphrt_metadata){"counter", counter};
  all[1] = (graphrt_metadata){"interface", interface};
  all[2] = (graphrt_metadata){"seed", seed};
  if (count > 0) memcpy(all + OWN_METADATA, metadata, (size_t)count * sizeof *all);
  graphrt_status status = graphrt_i_check_metadata(all, count + OWN_METADATA);
  if (status == GRAPHRT_OK) status = save(instance, path, all, count + OWN_METADATA);
  graphrt_i_release(&instance->host, all, size);
  return status;
}

graphrt_status graphrt_save_with_metadata(const graphrt_instance *instance, const char *path,
                                          const graphrt_metadata *metadata,
                                          int64_t metadata_count) {
  graphrt_i_clear();
  if (!instance || !path || metadata_count < 0 || (metadata_count > 0 && !metadata)) {
    graphrt_status status =
        graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "save: a null pointer or a negative count");
    return graphrt_i_done(instance ? &instance->host : NULL, status);
  }
  graphrt_status status = graphrt_i_enter(instance);
  if (status != GRAPHRT_OK) return graphrt_i_done(&instance->host, status);
  status = save_all(instance, path, metadata, metadata_count);
  graphrt_i_leave(instance);
  return graphrt_i_done(&instance->host, status);
}

graphrt_status graphrt_save(const graphrt_instance *instance, const char *path) {
  return graphrt_save_with_metadata(instance, path, NULL, 0);
}
