// Calls of exports: dimensions, workspace, lock, packed weights, updates.
#include "internal.h"

#include <stdio.h>
#include <string.h>

// ---- Dimensions ----

static graphrt_status bad_constraint(const graphrt_export_info *info,
                                     const graphrt_export_check *check, int64_t constraint,
                                     const int64_t *dims) {
  char values[256];
  size_t used = 0;
  values[0] = 0;
  for (int32_t i = 0; i < info->dim_count && used + 1 < sizeof values; ++i)
    used += (size_t)snprintf(values + used, sizeof values - used, "%s%s = %lld", i ? ", " : "",
                             info->dim_names[i], (long long)dims[i]);
  const char *text = constraint < check->constraint_count ? check->constraints[constraint]
                                                          : "the dimensions do not fit";
  return graphrt_i_fail(GRAPHRT_BAD_SHAPE, "%s: %s (%s)", info->name, text, values);
}

static graphrt_status check_dims(const graphrt_export_info *info, const graphrt_export_check *check,
                                 const int64_t *dims) {
  if (info->dim_count == 0) return GRAPHRT_OK;
  if (!dims)
    return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "%s: no dimensions were given", info->name);
  for (int32_t i = 0; i < info->dim_count; ++i)
    if (dims[i] < 0)
      return graphrt_i_fail(GRAPHRT_BAD_SHAPE, "%s: dimension %s is %lld", info->name,
                            info->dim_names[i], (long long)dims[i]);
  if (check->check) {
    int64_t constraint = check->check(dims);
    if (constraint >= 0) return bad_constraint(info, check, constraint, dims);
  }
  return GRAPHRT_OK;
}

static int64_t dim_value(int64_t dim, const int64_t *dims) {
  return dim < 0 ? dims[-1 - dim] : dim;
}

// The bytes of an input; false if they overflow.
static bool input_bytes(const graphrt_tensor_info *input, const int64_t *dims, int64_t *bytes) {
  int64_t product = (int64_t)graphrt_dtype_size(input->dtype);
  bool fits = true;
  for (int32_t i = 0; i < input->rank; ++i) {
    int64_t dim = dim_value(input->dims[i], dims);
    if (dim == 0) {
      *bytes = 0;
      return true;
    }
    fits = fits && graphrt_i_multiply(product, dim, &product);
  }
  *bytes = product;
  return fits;
}

static bool has_computed(const graphrt_export_info *info) {
  for (int32_t i = 0; i < info->output_count; ++i)
    for (int32_t j = 0; j < info->outputs[i].rank; ++j)
      if (info->outputs[i].dims[j] == GRAPHRT_DIM_COMPUTED) return true;
  return false;
}

static graphrt_status output_shapes(const graphrt_export_info *info,
                                    const graphrt_export_check *check, const int64_t *dims,
                                    int64_t *out) {
  if (check->shapes && has_computed(info)) {
    check->shapes(dims, out);
  } else {
    int64_t *at = out;
    for (int32_t i = 0; i < info->output_count; ++i)
      for (int32_t j = 0; j < info->outputs[i].rank; ++j)
        *at++ = dim_value(info->outputs[i].dims[j], dims);
  }
  for (int32_t i = 0; i < info->output_count; ++i) {
    const graphrt_tensor_info *output = &info->outputs[i];
    int64_t bytes;
    for (int32_t j = 0; j < output->rank; ++j)
      if (out[j] < 0)
        return graphrt_i_fail(GRAPHRT_BAD_SHAPE, "%s: output %s would have a dimension of %lld",
                              info->name, output->name, (long long)out[j]);
    if (!graphrt_i_bytes(out, output->rank, output->dtype, &bytes))
      return graphrt_i_fail(GRAPHRT_BAD_SHAPE, "%s: the size of output %s overflows", info->name,
                            output->name);
    out += output->rank;
  }
  return GRAPHRT_OK;
}

static int64_t output_dims(const graphrt_export_info *info) {
  int64_t count = 0;
  for (int32_t i = 0; i < info->output_count; ++i) count += info->outputs[i].rank;
  return count;
}

static graphrt_status find_export(const graphrt_model *model, int32_t index) {
  if (index >= 0 && index < model->export_count) return GRAPHRT_OK;
  return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "%s has no export %d; it has %d", model->name,
                        (int)index, (int)model->export_count);
}

graphrt_status graphrt_shapes(const graphrt_model *model, int32_t export_index, const int64_t *dims,
                              int64_t *out) {
  graphrt_i_clear();
  if (!model) return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "shapes: a null pointer");
  graphrt_status status = find_export(model, export_index);
  if (status != GRAPHRT_OK) return status;
  if (!out && output_dims(&model->exports[export_index]) > 0)
    return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "shapes: a null pointer");
  const graphrt_model_desc *desc = (const graphrt_model_desc *)model;
  const graphrt_export_info *info = &model->exports[export_index];
  const graphrt_export_check *check = &desc->checks[export_index];
  status = check_dims(info, check, dims);
  return status == GRAPHRT_OK ? output_shapes(info, check, dims, out) : status;
}

// Every buffer is there that holds an element.
static graphrt_status check_buffers(graphrt_instance *instance, const graphrt_export_info *info,
                                    const graphrt_export_check *check, const int64_t *dims,
                                    const void *const *inputs, void *const *outputs) {
  if ((info->input_count > 0 && !inputs) || (info->output_count > 0 && !outputs))
    return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "%s: no array of buffers was given",
                          info->name);
  for (int32_t i = 0; i < info->input_count; ++i) {
    int64_t bytes;
    if (!input_bytes(&info->inputs[i], dims, &bytes))
      return graphrt_i_fail(GRAPHRT_BAD_SHAPE, "%s: the size of input %s overflows", info->name,
                            info->inputs[i].name);
    if (!inputs[i] && bytes > 0)
      return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "%s: the buffer for input %s is null",
                            info->name, info->inputs[i].name);
  }
  bool missing = false;
  for (int32_t i = 0; i < info->output_count; ++i) missing = missing || !outputs[i];
  if (info->dim_count == 0 && !missing) return GRAPHRT_OK;
  graphrt_status status = output_shapes(info, check, dims, instance->shape);
  const int64_t *shape = instance->shape;
  for (int32_t i = 0; i < info->output_count && status == GRAPHRT_OK; ++i) {
    int64_t elements;
    (void)graphrt_i_elements(shape, info->outputs[i].rank, &elements);
    if (!outputs[i] && elements > 0)
      status = graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "%s: the buffer for output %s is null",
                              info->name, info->outputs[i].name);
    shape += info->outputs[i].rank;
  }
  return status;
}

// ---- Running code ----

graphrt_status graphrt_i_workspace(graphrt_instance *instance, const char *name,
                                   const graphrt_export_code *code, const int64_t *dims) {
  int64_t own = graphrt_i_round(code->workspace ? code->workspace(dims) : code->workspace_bytes);
  int64_t lane = graphrt_i_round(code->lane_bytes);
  int64_t lanes, total;
  if (own < 0 || lane < 0 || !graphrt_i_multiply(lane, instance->threads, &lanes) ||
      !graphrt_i_add(own, lanes, &total))
    return graphrt_i_fail(GRAPHRT_BAD_SHAPE, "%s: the size of the workspace overflows", name);
  if ((uint64_t)total > instance->workspace_bytes) {
    // Nothing in it is kept from call to call: the old one goes first.
    graphrt_i_release(&instance->host, instance->workspace, instance->workspace_bytes);
    instance->workspace_bytes = 0;
    instance->workspace = graphrt_i_allocate(&instance->host, (uint64_t)total);
    if (!instance->workspace)
      return graphrt_i_fail(GRAPHRT_OUT_OF_MEMORY, "%s: no memory for a workspace of %lld bytes",
                            name, (long long)total);
    instance->workspace_bytes = (uint64_t)total;
  }
  instance->lane_bytes = lane;
  instance->lane_memory = lane > 0 ? instance->workspace + own : NULL;
  return GRAPHRT_OK;
}

static uint64_t versions_of(const graphrt_shared *shared, const graphrt_pack *pack) {
  uint64_t sum = 0; // versions only grow, so the sum tells every change
  for (int64_t i = 0; i < pack->variable_count; ++i) sum += shared->versions[pack->variables[i]];
  return sum;
}

// Remakes what is older than its variables. The lock over the variables is held, so versions stand
// still; readers that find the same pack too old wait for the first of them.
static void refresh_packs(graphrt_call *call, const graphrt_export_code *code) {
  graphrt_instance *instance = call->instance;
  graphrt_shared *shared = instance->shared;
  for (int64_t i = 0; i < code->pack_count; ++i) {
    int32_t index = code->packs[i];
    const graphrt_pack *pack = &instance->variant->packs[index];
    uint64_t version = versions_of(shared, pack);
    if (atomic_load_explicit(&shared->packs[index], memory_order_acquire) == version) continue;
    pthread_mutex_lock(&shared->packing);
    if (atomic_load_explicit(&shared->packs[index], memory_order_relaxed) != version) {
      pack->pack(call, shared->packed + pack->offset);
      atomic_store_explicit(&shared->packs[index], version, memory_order_release);
    }
    pthread_mutex_unlock(&shared->packing);
  }
}

graphrt_status graphrt_i_run(graphrt_instance *instance, const char *name,
                             const graphrt_export_code *code, graphrt_call *call) {
  graphrt_status status = graphrt_i_workspace(instance, name, code, call->dims);
  if (status != GRAPHRT_OK) return status;
  call->instance = instance;
  call->variables = instance->shared->variables;
  call->workspace = instance->workspace;
  call->packed = instance->shared->packed;
  call->seed = instance->seed;
  call->stream = instance->stream;
  call->threads = instance->threads;
  call->status = GRAPHRT_OK;
  refresh_packs(call, code);
  int32_t result = code->body(call);
  int32_t reported = graphrt_call_status(call);
  if (reported != GRAPHRT_OK)
    return graphrt_i_fail((graphrt_status)reported, "%s: %s", name, instance->failure);
  if (result != GRAPHRT_OK) {
    bool known = result > GRAPHRT_OK && result <= GRAPHRT_INTERNAL;
    return graphrt_i_fail(known ? (graphrt_status)result : GRAPHRT_INTERNAL, "%s failed", name);
  }
  if (code->commit) code->commit(call);
  return GRAPHRT_OK;
}

// Takes the lock, once for the whole call.
static graphrt_status run_locked(graphrt_instance *instance, const graphrt_export_info *info,
                                 const graphrt_export_code *code, graphrt_call *call) {
  graphrt_shared *shared = instance->shared;
  bool updates = (info->flags & GRAPHRT_EXPORT_UPDATES) != 0;
  int error = updates ? pthread_rwlock_wrlock(&shared->lock) : pthread_rwlock_rdlock(&shared->lock);
  if (error != 0)
    return graphrt_i_fail(GRAPHRT_INTERNAL, "%s: the variables cannot be locked: %s", info->name,
                          strerror(error));
  graphrt_status status = graphrt_i_run(instance, info->name, code, call);
  if (updates && status == GRAPHRT_OK)
    for (int32_t i = 0; i < info->update_count; ++i) ++shared->versions[info->updates[i]];
  pthread_rwlock_unlock(&shared->lock);
  return status;
}

graphrt_status graphrt_call_export(graphrt_instance *instance, int32_t export_index,
                                   const int64_t *dims, const void *const *inputs,
                                   void *const *outputs) {
  graphrt_i_clear();
  if (!instance) return graphrt_i_fail(GRAPHRT_INVALID_ARGUMENT, "call: the instance is null");
  graphrt_status status = graphrt_i_enter(instance);
  if (status != GRAPHRT_OK) return graphrt_i_done(&instance->host, status);
  const graphrt_model_desc *desc = instance->desc;
  status = find_export(&desc->model, export_index);
  if (status == GRAPHRT_OK) {
    const graphrt_export_info *info = &desc->model.exports[export_index];
    const graphrt_export_check *check = &desc->checks[export_index];
    status = check_dims(info, check, dims);
    if (status == GRAPHRT_OK) status = check_buffers(instance, info, check, dims, inputs, outputs);
    if (status == GRAPHRT_OK) {
      graphrt_call call = {
          .dims = dims, .inputs = inputs, .outputs = outputs, .counter = instance->counter};
      status = run_locked(instance, info, &instance->variant->exports[export_index], &call);
      if (status == GRAPHRT_OK && (info->flags & GRAPHRT_EXPORT_RANDOM)) ++instance->counter;
    }
  }
  graphrt_i_leave(instance);
  return graphrt_i_done(&instance->host, status);
}

// ---- Failures that generated code reports ----

int32_t graphrt_fail(graphrt_call *call, int32_t status, int64_t position, const char *message) {
  graphrt_instance *instance = call->instance;
  if (status <= GRAPHRT_OK || status > GRAPHRT_INTERNAL) status = GRAPHRT_INTERNAL;
  pthread_mutex_lock(&instance->failing);
  if (call->status == GRAPHRT_OK || position < instance->fail_position) {
    instance->fail_position = position;
    snprintf(instance->failure, sizeof instance->failure, "%s", message ? message : "failed");
    __atomic_store_n(&call->status, status, __ATOMIC_RELEASE);
  }
  pthread_mutex_unlock(&instance->failing);
  return status;
}

int32_t graphrt_fail_index(graphrt_call *call, const char *op, int64_t position, int64_t index,
                           int64_t limit) {
  char text[256];
  snprintf(text, sizeof text, "%s: indices[%lld] = %lld is not in [0, %lld)", op,
           (long long)position, (long long)index, (long long)limit);
  return graphrt_fail(call, GRAPHRT_OUT_OF_RANGE, position, text);
}

int32_t graphrt_call_status(const graphrt_call *call) {
  return __atomic_load_n(&call->status, __ATOMIC_ACQUIRE);
}
