// A module of Node over compiled definitions: load() opens what `graphc build --emit=shared` made
// and finds its way by reflection, so that one module serves every model.
//
//   const model = require('./graphrt.node').load('./libclassifier.so', 'classifier');
//   const y = model.call('predict', [2], [new Float32Array(6)]);   // dims, inputs: outputs
#include <dlfcn.h>
#include <graphrt/graphrt.h>
#include <node_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 64, NAME = 256 };

typedef struct model {
  void *library;
  const graphrt_model *info;
  const char *(*message)(void);
  graphrt_instance *instance;
} model;

static napi_value fail(napi_env env, const char *why) {
  napi_throw_error(env, NULL, why);
  return NULL;
}

// The kinds of Node's arrays that hold a dtype's elements; -1 for those without one.
static int array_type(int32_t dtype) {
  switch (dtype) {
  case GRAPHRT_FLOAT32:
    return napi_float32_array;
  case GRAPHRT_FLOAT64:
    return napi_float64_array;
  case GRAPHRT_INT8:
    return napi_int8_array;
  case GRAPHRT_INT16:
    return napi_int16_array;
  case GRAPHRT_INT32:
    return napi_int32_array;
  case GRAPHRT_INT64:
    return napi_bigint64_array;
  case GRAPHRT_UINT8:
  case GRAPHRT_BOOL:
    return napi_uint8_array;
  case GRAPHRT_UINT16:
  case GRAPHRT_FLOAT16:
  case GRAPHRT_BFLOAT16:
    return napi_uint16_array;
  case GRAPHRT_UINT32:
    return napi_uint32_array;
  case GRAPHRT_UINT64:
    return napi_biguint64_array;
  default:
    return -1;
  }
}

static size_t element_size(int kind) {
  switch (kind) {
  case napi_int8_array:
  case napi_uint8_array:
    return 1;
  case napi_int16_array:
  case napi_uint16_array:
    return 2;
  case napi_float64_array:
  case napi_bigint64_array:
  case napi_biguint64_array:
    return 8;
  default:
    return 4;
  }
}

// The number of elements of a shape; -1 if there are more than a program can hold.
static int64_t elements(const int64_t *dims, int32_t rank) {
  int64_t count = 1;
  for (int32_t i = 0; i < rank; ++i)
    if (dims[i] < 0 || __builtin_mul_overflow(count, dims[i], &count)) return -1;
  return count <= INT64_C(1) << 32 ? count : -1;
}

// A tensor's dimensions with the call's own in place. False where one is computed from others.
static int known_dims(const graphrt_tensor_info *tensor, const int64_t *given, int64_t *dims) {
  for (int32_t i = 0; i < tensor->rank; ++i) {
    if (tensor->dims[i] == GRAPHRT_DIM_COMPUTED) return 0;
    dims[i] = tensor->dims[i] >= 0 ? tensor->dims[i] : given[-1 - tensor->dims[i]];
  }
  return 1;
}

// Reads the inputs' arrays; false after an exception.
static int read_inputs(napi_env env, const graphrt_export_info *e, const int64_t *dims,
                       napi_value list, const void **inputs) {
  uint32_t count = 0;
  napi_get_array_length(env, list, &count);
  if ((int32_t)count != e->input_count) return fail(env, "another number of inputs is taken"), 0;
  for (uint32_t i = 0; i < count; ++i) {
    const graphrt_tensor_info *tensor = &e->inputs[i];
    napi_value value;
    napi_typedarray_type kind;
    bool is_array = false;
    size_t length = 0;
    void *data = NULL;
    int64_t shape[MOST];
    char why[NAME + 64];
    napi_get_element(env, list, i, &value);
    napi_is_typedarray(env, value, &is_array);
    if (is_array) napi_get_typedarray_info(env, value, &kind, &length, &data, NULL, NULL);
    if (!is_array || (int)kind != array_type(tensor->dtype)) {
      snprintf(why, sizeof why, "input '%.*s' is an array of %s", NAME, tensor->name,
               graphrt_dtype_name(tensor->dtype));
      napi_throw_type_error(env, NULL, why);
      return 0;
    }
    if (!known_dims(tensor, dims, shape) || (int64_t)length != elements(shape, tensor->rank)) {
      snprintf(why, sizeof why, "input '%.*s' has another number of elements", NAME, tensor->name);
      napi_throw_range_error(env, NULL, why);
      return 0;
    }
    inputs[i] = data;
  }
  return 1;
}

// Makes the outputs' arrays; false after an exception.
static int make_outputs(napi_env env, const model *m, int32_t index, const int64_t *dims,
                        napi_value list, void **outputs) {
  const graphrt_export_info *e = &m->info->exports[index];
  int64_t shapes[MOST * 8];
  const int64_t *next = shapes;
  if (m->info->shapes(m->info, index, dims, shapes) != GRAPHRT_OK)
    return fail(env, m->message()), 0;
  for (int32_t i = 0; i < e->output_count; ++i) {
    int kind = array_type(e->outputs[i].dtype);
    int64_t count = elements(next, e->outputs[i].rank);
    napi_value buffer, array;
    next += e->outputs[i].rank;
    if (kind < 0 || count < 0) return fail(env, "an output is too large"), 0;
    if (napi_create_arraybuffer(env, (size_t)count * element_size(kind), &outputs[i], &buffer) !=
            napi_ok ||
        napi_create_typedarray(env, (napi_typedarray_type)kind, (size_t)count, buffer, 0, &array) !=
            napi_ok)
      return fail(env, "not enough memory for an output"), 0;
    napi_set_element(env, list, (uint32_t)i, array);
  }
  return 1;
}

// call(export, dims, inputs): an array of outputs.
static napi_value call(napi_env env, napi_callback_info info) {
  napi_value arguments[3], result;
  size_t count = 3;
  model *m = NULL;
  char name[NAME] = "";
  bool lists[2] = {false, false};
  napi_get_cb_info(env, info, &count, arguments, NULL, (void **)&m);
  if (count == 3) {
    napi_is_array(env, arguments[1], &lists[0]);
    napi_is_array(env, arguments[2], &lists[1]);
  }
  if (!lists[0] || !lists[1] ||
      napi_get_value_string_utf8(env, arguments[0], name, NAME, NULL) != napi_ok)
    return fail(env, "call(export, dims, inputs) takes a name and two arrays");
  int32_t index = graphrt_find_export(m->info, name);
  if (index < 0) return fail(env, "there is no such export");
  const graphrt_export_info *e = &m->info->exports[index];
  int64_t dims[MOST] = {0};
  const void *inputs[MOST];
  void *outputs[MOST];
  uint32_t given = 0;
  napi_get_array_length(env, arguments[1], &given);
  if ((int32_t)given != e->dim_count) return fail(env, "another number of dimensions is taken");
  if (e->dim_count > MOST || e->input_count > MOST || e->output_count > MOST)
    return fail(env, "the export has more parameters than this module takes");
  int32_t ranks = 0;
  for (int32_t i = 0; i < e->output_count; ++i) ranks += e->outputs[i].rank;
  for (int32_t i = 0; i < e->input_count; ++i)
    if (e->inputs[i].rank > MOST) ranks = INT32_MAX;
  if (ranks > MOST * 8) return fail(env, "a tensor has more dimensions than this module takes");
  for (uint32_t i = 0; i < given; ++i) {
    napi_value value;
    napi_get_element(env, arguments[1], i, &value);
    if (napi_get_value_int64(env, value, &dims[i]) != napi_ok)
      return fail(env, "a dimension is a number");
  }
  napi_create_array_with_length(env, (size_t)e->output_count, &result);
  if (!read_inputs(env, e, dims, arguments[2], inputs) ||
      !make_outputs(env, m, index, dims, result, outputs))
    return NULL;
  if (m->info->call(m->instance, index, dims, inputs, outputs) != GRAPHRT_OK)
    return fail(env, m->message());
  return result;
}

static void end(napi_env env, void *data, void *hint) {
  (void)env;
  (void)hint;
  model *m = data;
  m->info->destroy(m->instance);
  dlclose(m->library);
  free(m);
}

// load(path, name): an object with the model's exports and call().
static napi_value load(napi_env env, napi_callback_info info) {
  napi_value arguments[2], result, function, names;
  size_t count = 2;
  char path[4096], symbol[NAME];
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  if (count != 2 ||
      napi_get_value_string_utf8(env, arguments[0], path, sizeof path, NULL) != napi_ok ||
      napi_get_value_string_utf8(env, arguments[1], symbol, NAME - 8, NULL) != napi_ok)
    return fail(env, "load(path, name) takes two strings");
  strcat(symbol, "_model");
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return fail(env, dlerror());
  model *m = calloc(1, sizeof *m);
  // POSIX lets what dlsym gives be called.
  const graphrt_model *(*describe)(void) = (const graphrt_model *(*)(void))dlsym(library, symbol);
  if (m) m->message = (const char *(*)(void))dlsym(library, "graphrt_message");
  if (!m || !describe || !m->message) {
    free(m);
    dlclose(library);
    return fail(env, "the library holds no model of that name");
  }
  m->library = library;
  m->info = describe();
  if (m->info->create(NULL, &m->instance) != GRAPHRT_OK) {
    fail(env, m->message());
    free(m);
    dlclose(library);
    return NULL;
  }
  napi_create_object(env, &result);
  napi_wrap(env, result, m, end, NULL, NULL);
  napi_create_function(env, "call", NAPI_AUTO_LENGTH, call, m, &function);
  napi_set_named_property(env, result, "call", function);
  // The function keeps the model: it may outlive the variable that holds the object.
  napi_set_named_property(env, function, "model", result);
  napi_create_array(env, &names);
  for (int32_t i = 0; i < m->info->export_count; ++i) {
    napi_value text;
    napi_create_string_utf8(env, m->info->exports[i].name, NAPI_AUTO_LENGTH, &text);
    napi_set_element(env, names, (uint32_t)i, text);
  }
  napi_set_named_property(env, result, "exports", names);
  return result;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "load", NAPI_AUTO_LENGTH, load, NULL, &function);
  napi_set_named_property(env, exports, "load", function);
  return exports;
}
