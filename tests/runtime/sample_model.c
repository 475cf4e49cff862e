#include "sample_model.h"

#include <stdatomic.h>
#include <string.h>

#define COUNT(array) ((int32_t)(sizeof(array) / sizeof *(array)))

enum { W, B, ADAM, STEP, EMB0, EMB1, COL0, COL1, VARIABLES };
enum { VARIABLE_BYTES = VARIABLES * 64 };

static const int64_t dims_w[] = {3, 2}, dims_b[] = {2}, dims_emb[] = {3, 3}, dims_emb0[] = {2, 3},
                     dims_emb1[] = {1, 3}, dims_col[] = {2, 3}, dims_col0[] = {2, 1},
                     dims_col1[] = {2, 2};

static const graphrt_variable_info variables[] = {
    {"w", "w", GRAPHRT_FLOAT32, 2, dims_w, NULL, GRAPHRT_VARIABLE_TRAINABLE, 0},
    {"b", "b_1", GRAPHRT_FLOAT32, 1, dims_b, NULL, GRAPHRT_VARIABLE_TRAINABLE, 0},
    {"w/Adam", "w/Adam", GRAPHRT_FLOAT32, 2, dims_w, NULL, GRAPHRT_VARIABLE_SLOT, 0},
    {"step", "step", GRAPHRT_INT64, 0, NULL, NULL, 0, 0},
    {"emb/part_0", "emb/part_0", GRAPHRT_FLOAT32, 2, dims_emb0, "emb", 1, 0},
    {"emb/part_1", "emb/part_1", GRAPHRT_FLOAT32, 2, dims_emb1, "emb", 1, 0},
    {"col/part_0", "col/part_0", GRAPHRT_INT32, 2, dims_col0, "col", 1, 0},
    {"col/part_1", "col/part_1", GRAPHRT_INT32, 2, dims_col1, "col", 1, 0},
};
static const graphrt_variable_place places[] = {
    {W * 64, NULL, NULL, 0, 0},        {B * 64, NULL, NULL, 0, 0},
    {ADAM * 64, NULL, NULL, 0, 0},     {STEP * 64, NULL, NULL, 0, 0},
    {EMB0 * 64, NULL, dims_emb, 0, 0}, {EMB1 * 64, NULL, dims_emb, 0, 2},
    {COL0 * 64, NULL, dims_col, 1, 0}, {COL1 * 64, NULL, dims_col, 1, 1},
};

static float *floats(graphrt_call *call, int variable) {
  return (float *)(void *)call->variables[variable];
}

// ---- Initializers ----

static int32_t init_body(graphrt_call *call) {
  graphrt_random(call, 1, GRAPHRT_RANDOM_NORMAL, GRAPHRT_FLOAT32, call->variables[W], 6, 0, 1);
  for (int i = 0; i < 2; ++i) floats(call, B)[i] = 0.5f;
  for (int i = 0; i < 6; ++i) floats(call, ADAM)[i] = 0.125f;
  for (int i = 0; i < 6; ++i) floats(call, EMB0)[i] = (float)i;
  for (int i = 0; i < 3; ++i) floats(call, EMB1)[i] = (float)(6 + i);
  const int32_t col0[] = {0, 3}, col1[] = {1, 2, 4, 5};
  memcpy(call->variables[COL0], col0, sizeof col0);
  memcpy(call->variables[COL1], col1, sizeof col1);
  return 0;
}
static const graphrt_export_code init_code = {.body = init_body, .workspace_bytes = 32};

// ---- predict ----

static _Atomic int64_t packings;
int64_t sample_packings(void) { return packings; }
void (*sample_in_predict)(void);

static void pack_w(graphrt_call *call, uint8_t *destination) {
  const float *w = floats(call, W);
  float *packed = (float *)destination;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 2; ++j) packed[j * 3 + i] = w[i * 2 + j];
  ++packings;
}

static int32_t predict_body(graphrt_call *call) {
  const float *w = (const float *)call->packed, *b = floats(call, B), *x = call->inputs[0];
  float *y = call->outputs[0];
  for (int64_t n = 0; n < call->dims[0]; ++n)
    for (int j = 0; j < 2; ++j) {
      float sum = b[j];
      for (int i = 0; i < 3; ++i) sum += x[n * 3 + i] * w[j * 3 + i];
      y[n * 2 + j] = sum;
    }
  if (sample_in_predict) sample_in_predict();
  return 0;
}

// ---- train ----

static int64_t train_workspace(const int64_t *dims) {
  (void)dims;
  return 6 * 4;
}

static int32_t train_body(graphrt_call *call) {
  const float *x = call->inputs[0];
  float *mean = (float *)call->workspace;
  memset(mean, 0, 12);
  for (int64_t n = 0; n < call->dims[0]; ++n)
    for (int i = 0; i < 3; ++i) {
      if (x[n * 3 + i] < 0)
        return graphrt_fail(call, GRAPHRT_OUT_OF_RANGE, n, "a negative number in x");
      mean[i] += x[n * 3 + i] / (float)call->dims[0];
    }
  return 0;
}

static void train_commit(graphrt_call *call) {
  const float *mean = (const float *)call->workspace;
  for (int i = 0; i < 6; ++i) floats(call, W)[i] += mean[i / 2];
  for (int i = 0; i < 6; ++i) floats(call, ADAM)[i] = mean[i / 2];
  ++*(int64_t *)(call->variables[STEP]);
}

// ---- noise ----

static int32_t noise_body(graphrt_call *call) {
  int64_t n = call->dims[0];
  graphrt_random(call, 2, GRAPHRT_RANDOM_UNIFORM, GRAPHRT_FLOAT32, call->outputs[0], n, 0, 1);
  graphrt_random(call, 3, GRAPHRT_RANDOM_NORMAL, GRAPHRT_FLOAT32, call->outputs[1], 2 * n, 0, 1);
  return 0;
}
static int64_t noise_check(const int64_t *dims) { return dims[0] > INT64_MAX / 8 ? 0 : -1; }
static void noise_shapes(const int64_t *dims, int64_t *out) {
  out[0] = dims[0];
  out[1] = 2 * dims[0];
}
static const char *const noise_constraints[] = {"the size of v overflows"};

// ---- lookup ----

static void lookup_piece(void *context, int64_t begin, int64_t end, void *scratch) {
  (void)scratch;
  graphrt_call *call = context;
  const int32_t *indices = call->inputs[0];
  for (int64_t i = begin; i < end; ++i) {
    int32_t index = indices[i];
    if (index < 0 || index >= 3) {
      (void)graphrt_fail_index(call, "gather", i, index, 3);
      continue;
    }
    const float *row = index < 2 ? floats(call, EMB0) + index * 3 : floats(call, EMB1);
    memcpy((float *)call->outputs[0] + i * 3, row, 12);
  }
}

static int32_t lookup_body(graphrt_call *call) {
  graphrt_parallel(call, lookup_piece, call, call->dims[0], 16);
  return graphrt_call_status(call);
}

// ---- add ----

static int64_t add_check(const int64_t *dims) { return dims[0] != dims[1] ? 0 : -1; }
static const char *const add_constraints[] = {"dimensions n and m must be equal"};

static int32_t add_body(graphrt_call *call) {
  const float *x = call->inputs[0], *y = call->inputs[1];
  float *z = call->outputs[0];
  for (int64_t i = 0; i < call->dims[0]; ++i) z[i] = x[i] + y[i];
  return 0;
}

// ---- sums ----

enum { SUMS_GRAIN = 100 };

static void sums_piece(void *context, int64_t begin, int64_t end, void *scratch) {
  graphrt_call *call = context;
  float *copy = scratch;
  memcpy(copy, (const float *)call->inputs[0] + begin, (size_t)(end - begin) * sizeof(float));
  float sum = 0;
  for (int64_t i = 0; i < end - begin; ++i) sum += copy[i];
  ((float *)call->workspace)[begin / SUMS_GRAIN] = sum;
}

static int64_t sums_workspace(const int64_t *dims) {
  return dims[0] > INT64_MAX / 8 ? -1 : (dims[0] / SUMS_GRAIN + 1) * 4;
}

static int32_t sums_body(graphrt_call *call) {
  graphrt_parallel(call, sums_piece, call, call->dims[0], SUMS_GRAIN);
  float sum = 0;
  for (int64_t i = 0; i * SUMS_GRAIN < call->dims[0]; ++i) sum += ((float *)call->workspace)[i];
  *(float *)call->outputs[0] = sum;
  return 0;
}

static int32_t step_body(graphrt_call *call) {
  memcpy(call->outputs[0], call->variables[STEP], 8);
  return 0;
}

// ---- The description ----

static const int64_t batch_3[] = {-1, 3}, batch_2[] = {-1, 2}, n_3[] = {-1, 3}, dim_n[] = {-1},
                     dim_m[] = {-2}, dim_1[] = {1}, dim_computed[] = {GRAPHRT_DIM_COMPUTED};
static const char *const names_batch[] = {"batch"}, *const names_n[] = {"n"},
                         *const names_nm[] = {"n", "m"};
static const graphrt_tensor_info in_x[] = {{"x", GRAPHRT_FLOAT32, 2, batch_3}},
                                 out_y[] = {{"y", GRAPHRT_FLOAT32, 2, batch_2}},
                                 out_noise[] = {{"u", GRAPHRT_FLOAT32, 1, dim_n},
                                                {"v", GRAPHRT_FLOAT32, 1, dim_computed}},
                                 in_indices[] = {{"indices", GRAPHRT_INT32, 1, dim_n}},
                                 out_rows[] = {{"rows", GRAPHRT_FLOAT32, 2, n_3}},
                                 in_add[] = {{"x", GRAPHRT_FLOAT32, 1, dim_n},
                                             {"y", GRAPHRT_FLOAT32, 1, dim_m}},
                                 out_z[] = {{"z", GRAPHRT_FLOAT32, 1, dim_n}},
                                 out_s[] = {{"s", GRAPHRT_FLOAT32, 1, dim_1}},
                                 out_step[] = {{"step", GRAPHRT_INT64, 0, NULL}};
static const int32_t train_updates[] = {0, 2, 3};

static const graphrt_export_info exports[] = {
    [SAMPLE_PREDICT] = {"predict", names_batch, in_x, out_y, NULL, 1, 1, 1, 0, 0, 0},
    [SAMPLE_TRAIN] = {"train", names_batch, in_x, NULL, train_updates, 1, 1, 0, 3,
                      GRAPHRT_EXPORT_UPDATES, 0},
    [SAMPLE_NOISE] = {"noise", names_n, NULL, out_noise, NULL, 1, 0, 2, 0, GRAPHRT_EXPORT_RANDOM,
                      0},
    [SAMPLE_LOOKUP] = {"lookup", names_n, in_indices, out_rows, NULL, 1, 1, 1, 0, 0, 0},
    [SAMPLE_ADD] = {"add", names_nm, in_add, out_z, NULL, 2, 2, 1, 0, 0, 0},
    [SAMPLE_SUMS] = {"sums", names_n, in_add, out_s, NULL, 1, 1, 1, 0, 0, 0},
    [SAMPLE_STEP] = {"step", NULL, NULL, out_step, NULL, 0, 0, 1, 0, 0, 0},
};

static const graphrt_export_check checks[] = {
    [SAMPLE_NOISE] = {noise_check, noise_shapes, noise_constraints, 1},
    [SAMPLE_ADD] = {add_check, NULL, add_constraints, 1},
    [SAMPLE_EXPORTS - 1] = {NULL, NULL, NULL, 0},
};

static const int32_t pack_variables[] = {0}, predict_packs[] = {0};
static const graphrt_pack packs[] = {{0, 24, pack_variables, 1, pack_w}};
static const graphrt_export_code code[] = {
    [SAMPLE_PREDICT] = {predict_body, NULL, NULL, 0, 0, predict_packs, 1},
    [SAMPLE_TRAIN] = {train_body, train_commit, train_workspace, 0, 0, NULL, 0},
    [SAMPLE_NOISE] = {.body = noise_body},
    [SAMPLE_LOOKUP] = {.body = lookup_body},
    [SAMPLE_ADD] = {.body = add_body},
    [SAMPLE_SUMS] = {.body = sums_body, .workspace = sums_workspace, .lane_bytes = SUMS_GRAIN * 4},
    [SAMPLE_STEP] = {.body = step_body},
};
// The same code at every level: what is chosen shows in graphrt_instance_info.
static const graphrt_variant variants[] = {
    {GRAPHRT_CPU_BASELINE, 1, packs, 64, code, &init_code},
    {GRAPHRT_CPU_X86_64_V3, 1, packs, 64, code, &init_code},
    {GRAPHRT_CPU_X86_64_V4, 1, packs, 64, code, &init_code},
    {GRAPHRT_CPU_AARCH64_SVE256, 1, packs, 64, code, &init_code},
    {GRAPHRT_CPU_AARCH64_SVE512, 1, packs, 64, code, &init_code},
};

#define MODEL(variables, create)                                                                   \
  {sizeof(graphrt_model),                                                                          \
   "sample",                                                                                       \
   "hand",                                                                                         \
   variables,                                                                                      \
   exports,                                                                                        \
   8,                                                                                              \
   SAMPLE_EXPORTS,                                                                                 \
   create,                                                                                         \
   graphrt_share,                                                                                  \
   graphrt_destroy,                                                                                \
   graphrt_load,                                                                                   \
   graphrt_save,                                                                                   \
   graphrt_call_export,                                                                            \
   graphrt_shapes,                                                                                 \
   graphrt_get,                                                                                    \
   graphrt_set}

const graphrt_model_desc sample_desc = {.model = MODEL(variables, sample_create),
                                        .interface = &graphrt_interface_1,
                                        .places = places,
                                        .checks = checks,
                                        .variants = variants,
                                        .variant_count = COUNT(variants),
                                        .variable_bytes = VARIABLE_BYTES,
                                        .seed = 77};

graphrt_status sample_create(const graphrt_config *config, graphrt_instance **out) {
  return graphrt_create(&sample_desc, config, out);
}

// ---- One variable frozen ----

static const float frozen_b[] = {7, 8};
static const graphrt_variable_info frozen_variables[] = {
    {"w", "w", GRAPHRT_FLOAT32, 2, dims_w, NULL, 1, 0},
    {"b", "b_1", GRAPHRT_FLOAT32, 1, dims_b, NULL, 1 | GRAPHRT_VARIABLE_FROZEN, 0},
    {"w/Adam", "w/Adam", GRAPHRT_FLOAT32, 2, dims_w, NULL, GRAPHRT_VARIABLE_SLOT, 0},
    {"step", "step", GRAPHRT_INT64, 0, NULL, NULL, 0, 0},
    {"emb/part_0", "emb/part_0", GRAPHRT_FLOAT32, 2, dims_emb0, "emb", 1, 0},
    {"emb/part_1", "emb/part_1", GRAPHRT_FLOAT32, 2, dims_emb1, "emb", 1, 0},
    {"col/part_0", "col/part_0", GRAPHRT_INT32, 2, dims_col0, "col", 1, 0},
    {"col/part_1", "col/part_1", GRAPHRT_INT32, 2, dims_col1, "col", 1, 0},
};
static const graphrt_variable_place frozen_places[] = {
    {W * 64, NULL, NULL, 0, 0},        {0, frozen_b, NULL, 0, 0},
    {ADAM * 64, NULL, NULL, 0, 0},     {STEP * 64, NULL, NULL, 0, 0},
    {EMB0 * 64, NULL, dims_emb, 0, 0}, {EMB1 * 64, NULL, dims_emb, 0, 2},
    {COL0 * 64, NULL, dims_col, 1, 0}, {COL1 * 64, NULL, dims_col, 1, 1},
};
static graphrt_status frozen_create(const graphrt_config *config, graphrt_instance **out) {
  return graphrt_create(&sample_frozen_desc, config, out);
}
const graphrt_model_desc sample_frozen_desc = {.model = MODEL(frozen_variables, frozen_create),
                                               .interface = &graphrt_interface_1,
                                               .places = frozen_places,
                                               .checks = checks,
                                               .variants = variants,
                                               .variant_count = COUNT(variants),
                                               .variable_bytes = VARIABLE_BYTES,
                                               .seed = 77};
