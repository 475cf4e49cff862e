// Instances: making, sharing and ending them, and what can be asked of them.
#include "internal.h"

#include <string.h>

// ---- The variables ----

int64_t graphrt_i_variable_bytes(const graphrt_model_desc *desc, int32_t index) {
  const graphrt_variable_info *info = &desc->model.variables[index];
  int64_t bytes = 0;
  graphrt_i_bytes(info->dims, info->rank, info->dtype, &bytes); // the compiler has checked it
  return bytes;
}

const uint8_t *graphrt_i_variable(const graphrt_instance *instance, int32_t index) {
  const graphrt_variable_place *place = &instance->desc->places[index];
  return place->frozen ? place->frozen : instance->shared->variables[index];
}

bool graphrt_i_any_frozen(const graphrt_model_desc *desc) {
  for (int32_t i = 0; i < desc->model.variable_count; ++i)
    if (desc->model.variables[i].flags & GRAPHRT_VARIABLE_FROZEN) return true;
  return false;
}

static bool rwlock_start(pthread_rwlock_t *lock) {
  pthread_rwlockattr_t attributes;
  if (pthread_rwlockattr_init(&attributes) != 0) return false;
#if defined(__GLIBC__)
  // Otherwise readers that come without a break keep an update waiting for ever.
  (void)pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
#endif
  bool done = pthread_rwlock_init(lock, &attributes) == 0;
  pthread_rwlockattr_destroy(&attributes);
  return done;
}

void graphrt_i_storage_release(const graphrt_host *host, graphrt_storage *storage) {
  graphrt_i_release(host, storage->block, storage->bytes);
  graphrt_i_unmap(&storage->mapping);
  *storage = (graphrt_storage){0};
}

static void shared_release(const graphrt_host *host, graphrt_shared *shared,
                           const graphrt_variant *variant) {
  graphrt_i_release(host, shared->packed, (uint64_t)variant->packed_bytes);
  graphrt_i_storage_release(host, &shared->storage);
  pthread_mutex_destroy(&shared->packing);
  pthread_rwlock_destroy(&shared->lock);
  graphrt_i_release(host, shared, shared->bytes);
}

// Memory for all variables, of zeros.
static bool storage_make(const graphrt_host *host, const graphrt_model_desc *desc,
                         graphrt_shared *shared) {
  uint64_t bytes = (uint64_t)desc->variable_bytes;
  uint8_t *block = graphrt_i_allocate(host, bytes);
  if (!block) return false;
  memset(block, 0, (size_t)bytes);
  shared->storage = (graphrt_storage){.block = block, .bytes = bytes};
  for (int32_t i = 0; i < desc->model.variable_count; ++i)
    shared->variables[i] = block + desc->places[i].offset;
  return true;
}

// Without anything for the variables to lie in.
static graphrt_shared *shared_make(const graphrt_host *host, const graphrt_model_desc *desc,
                                   const graphrt_variant *variant) {
  uint64_t versions = (uint64_t)desc->model.variable_count * sizeof(uint64_t);
  uint64_t packs = (uint64_t)variant->pack_count * sizeof(_Atomic uint64_t);
  uint64_t variables = (uint64_t)desc->model.variable_count * sizeof(uint8_t *);
  uint64_t bytes = sizeof(graphrt_shared) + versions + packs + variables;
  graphrt_shared *shared = graphrt_i_allocate(host, bytes);
  if (!shared) return NULL;
  memset(shared, 0, bytes);
  shared->bytes = bytes;
  shared->versions = (uint64_t *)(shared + 1);
  shared->packs = (_Atomic uint64_t *)(shared->versions + desc->model.variable_count);
  shared->variables = (uint8_t **)(shared->packs + variant->pack_count);
  for (int32_t i = 0; i < desc->model.variable_count; ++i) shared->versions[i] = 1;
  for (int32_t i = 0; i < variant->pack_count; ++i) atomic_init(&shared->packs[i], 0);
  atomic_init(&shared->references, 1);
  atomic_init(&shared->next_stream, 1);
  if (!rwlock_start(&shared->lock)) {
    graphrt_i_release(host, shared, bytes);
    return NULL;
  }
  if (pthread_mutex_init(&shared->packing, NULL) != 0) {
    pthread_rwlock_destroy(&shared->lock);
    graphrt_i_release(host, shared, bytes);
    return NULL;
  }
  shared->packed =
      variant->packed_bytes > 0 ? graphrt_i_allocate(host, (uint64_t)variant->packed_bytes) : NULL;
  if (variant->packed_bytes > 0 && !shared->packed) {
    shared_release(host, shared, variant);
    return NULL;
  }
  return shared;
}

// ---- Instances ----

static int64_t most_output_dims(const graphrt_model *model) {
  int64_t most = 0;
  for (int32_t i = 0; i < model->export_count; ++i) {
    int64_t dims = 0;
    for (int32_t j = 0; j < model->exports[i].output_count; ++j)
      dims += model->exports[i].outputs[j].rank;
    if (dims > most) most = dims;
  }
  return most;
}

// An instance without variables yet.
static graphrt_instance *instance_make(const graphrt_host *host, const graphrt_model_desc *desc,
                                       const graphrt_variant *variant, int32_t threads) {
  uint64_t shape = (uint64_t)most_output_dims(&desc->model) * sizeof(int64_t);
  uint64_t workers = (uint64_t)(threads - 1) * sizeof(pthread_t);
  uint64_t bytes = sizeof(graphrt_instance) + shape + workers;
  graphrt_instance *instance = graphrt_i_allocate(host, bytes);
  if (!instance) return NULL;
  memset(instance, 0, bytes);
  instance->bytes = bytes;
  instance->desc = desc;
  instance->variant = variant;
  instance->host = *host;
  instance->threads = threads;
  instance->counter = 1;
  instance->shape = (int64_t *)(instance + 1);
  atomic_init(&instance->busy, 0);
  pthread_t *ids = (pthread_t *)((uint8_t *)instance->shape + shape);
  if (!graphrt_i_pool_start(&instance->pool, ids, threads - 1)) {
    graphrt_i_release(host, instance, bytes);
    return NULL;
  }
  if (pthread_mutex_init(&instance->failing, NULL) != 0) {
    graphrt_i_pool_stop(&instance->pool);
    graphrt_i_release(host, instance, bytes);
    return NULL;
  }
  return instance;
}

static void instance_release(graphrt_instance *instance) {
  graphrt_host host = instance->host;
  graphrt_i_pool_stop(&instance->pool);
  pthread_mutex_destroy(&instance->failing);
  graphrt_i_release(&host, instance->workspace, instance->workspace_bytes);
  graphrt_shared *shared = instance->shared;
  if (shared && atomic_fetch_sub_explicit(&shared->references, 1, memory_order_acq_rel) == 1)
    shared_release(&host, shared, instance->variant);
  graphrt_i_release(&host, instance, instance->bytes);
}

static graphrt_status no_memory(const graphrt_model_desc *desc) {
  return graphrt_i_fail(GRAPHRT_OUT_OF_MEMORY, "no memory for the variables of %s (%lld bytes)",
                        desc->model.name, (long long)desc->variable_bytes);
}

static graphrt_status initialize(graphrt_instance *instance, const char *path) {
  const graphrt_model_desc *desc = instance->desc;
  graphrt_checkpoint checkpoint = {0};
  if (path) {
    graphrt_status status = graphrt_i_checkpoint_open(desc, &instance->host, path, &checkpoint);
    if (status != GRAPHRT_OK) return status;
  }
  graphrt_status status = GRAPHRT_OK;
  if (!(path && checkpoint.complete)) {
    if (!storage_make(&instance->host, desc, instance->shared)) status = no_memory(desc);
    if (status == GRAPHRT_OK && instance->variant->init) {
      graphrt_call call = {.instance = instance};
      status = graphrt_i_run(instance, "the initializers", instance->variant->init, &call);
    }
  }
  if (path) {
    if (status == GRAPHRT_OK) status = graphrt_i_checkpoint_apply(instance, &checkpoint);
    graphrt_safetensors_close(checkpoint.file);
  }
  return status;
}

static graphrt_status create(const graphrt_model_desc *desc, const graphrt_config *config,
                             const graphrt_host *host, graphrt_instance **out) {
  if (*desc->interface != graphrt_interface_1 || desc->model.struct_size != sizeof(graphrt_model))
    return graphrt_i_fail(GRAPHRT_UNSUPPORTED,
                          "%s was compiled for another interface of the runtime", desc->model.name);
  graphrt_status status = GRAPHRT_OK;
  const graphrt_variant *variant = graphrt_i_variant(desc, &status);
  if (!variant) return status;
  int32_t threads = config->threads > 0 ? config->threads : graphrt_i_processors();
  graphrt_instance *instance = instance_make(host, desc, variant, threads);
  if (instance) instance->shared = shared_make(host, desc, variant);
  if (!instance || !instance->shared) {
    if (instance) instance_release(instance);
    return no_memory(desc);
  }
  instance->seed = config->seed ? config->seed : desc->seed;
  status = initialize(instance, config->checkpoint);
  if (status != GRAPHRT_OK) {
    instance_release(instance);
    return status;
  }
  if (config->seed) { // asked for: stronger than what stood in the checkpoint
    instance->seed = config->seed;
    instance->counter = 1;
  }
  *out = instance;
  return GRAPHRT_OK;
}

graphrt_status graphrt_create(const graphrt_model_desc *desc, const graphrt_config *config,
                              graphrt_instance **out) {
  graphrt_i_clear();
  if (out) *out = NULL;
  graphrt_config copy;
  graphrt_host host;
  graphrt_status status = graphrt_i_config(config, &copy, &host);
  if (status == GRAPHRT_OK && (!desc || !out))
    status = graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "create: a null pointer");
  if (status == GRAPHRT_OK) status = create(desc, &copy, &host, out);
  return graphrt_i_done(&host, status);
}

graphrt_status graphrt_share(graphrt_instance *source, graphrt_instance **out) {
  graphrt_i_clear();
  if (out) *out = NULL;
  if (!source || !out) {
    graphrt_status status = graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "share: a null pointer");
    return graphrt_i_done(source ? &source->host : NULL, status);
  }
  graphrt_status status = graphrt_i_enter(source);
  if (status != GRAPHRT_OK) return graphrt_i_done(&source->host, status);
  graphrt_instance *instance =
      instance_make(&source->host, source->desc, source->variant, source->threads);
  if (instance) {
    instance->shared = source->shared;
    instance->seed = source->seed;
    instance->stream = atomic_fetch_add(&source->shared->next_stream, 1);
    atomic_fetch_add_explicit(&source->shared->references, 1, memory_order_relaxed);
    *out = instance;
  } else {
    status = graphrt_i_fail(GRAPHRT_OUT_OF_MEMORY, "no memory for another instance of %s",
                            source->desc->model.name);
  }
  graphrt_i_leave(source);
  return graphrt_i_done(&source->host, status);
}

void graphrt_destroy(graphrt_instance *instance) {
  if (instance) instance_release(instance);
}

graphrt_status graphrt_i_enter(const graphrt_instance *instance) {
  // Being in use is no part of an instance's value: reading functions take it as const.
  graphrt_instance *writable = (graphrt_instance *)(uintptr_t)instance;
  if (atomic_exchange_explicit(&writable->busy, 1, memory_order_acquire))
    return graphrt_i_fail(GRAPHRT_BUSY,
                          "another thread is inside a call on this instance of %s; share() makes "
                          "one for each thread",
                          instance->desc->model.name);
  return GRAPHRT_OK;
}

void graphrt_i_leave(const graphrt_instance *instance) {
  graphrt_instance *writable = (graphrt_instance *)(uintptr_t)instance;
  atomic_store_explicit(&writable->busy, 0, memory_order_release);
}

// ---- What can be asked and set ----

const graphrt_model *graphrt_instance_model(const graphrt_instance *instance) {
  return instance ? &instance->desc->model : NULL;
}

int32_t graphrt_find_export(const graphrt_model *model, const char *name) {
  if (!model || !name) return -1;
  for (int32_t i = 0; i < model->export_count; ++i)
    if (strcmp(model->exports[i].name, name) == 0) return i;
  return -1;
}

int32_t graphrt_find_variable(const graphrt_model *model, const char *name) {
  if (!model || !name) return -1;
  for (int32_t i = 0; i < model->variable_count; ++i)
    if (strcmp(model->variables[i].name, name) == 0) return i;
  for (int32_t i = 0; i < model->variable_count; ++i)
    if (strcmp(model->variables[i].op, name) == 0) return i;
  return -1;
}

graphrt_status graphrt_get_info(const graphrt_instance *instance, graphrt_instance_info *out) {
  graphrt_i_clear();
  if (!instance || !out || out->struct_size < sizeof out->struct_size) {
    graphrt_status status = graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT,
                                           "get_info: a null pointer, or struct_size is not set");
    return graphrt_i_done(instance ? &instance->host : NULL, status);
  }
  graphrt_status status = graphrt_i_enter(instance);
  if (status != GRAPHRT_OK) return graphrt_i_done(&instance->host, status);
  graphrt_instance_info info = {.struct_size = out->struct_size,
                                .cpu = instance->variant->cpu,
                                .threads = instance->threads,
                                .seed = instance->seed,
                                .counter = instance->counter,
                                .workspace_bytes = instance->workspace_bytes,
                                .variable_bytes = (uint64_t)instance->desc->variable_bytes};
  size_t wanted = out->struct_size;
  memcpy(out, &info, wanted < sizeof info ? wanted : sizeof info);
  if (wanted > sizeof info) memset((uint8_t *)out + sizeof info, 0, wanted - sizeof info);
  graphrt_i_leave(instance);
  return GRAPHRT_OK;
}

graphrt_status graphrt_set_random(graphrt_instance *instance, uint64_t seed, uint64_t counter) {
  graphrt_i_clear();
  if (!instance) return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "set_random: a null pointer");
  graphrt_status status = graphrt_i_enter(instance);
  if (status != GRAPHRT_OK) return graphrt_i_done(&instance->host, status);
  instance->seed = seed;
  instance->counter = counter;
  graphrt_i_leave(instance);
  return GRAPHRT_OK;
}
