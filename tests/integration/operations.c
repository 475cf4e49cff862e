// Runs every operation with the data that codegen_ops_test.cpp wrote, and compares. Takes the
// folder with the files TYPE.calls; says what differs.
#include <graphrt/graphrt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// OPERATION(TYPE), a line for every type; written by the test.
#define OPERATION(type) const graphrt_model *type##_model(void);
#include "operations.inc"
#undef OPERATION

typedef struct {
  uint64_t bytes, dtype;
  double relative, absolute;
  const uint8_t *want;
  uint8_t *data; // at an address of no alignment, with guards around
} tensor;

enum { GUARD = 0xa5, BEHIND = 8 };
static FILE *file;

static void take(void *to, size_t bytes) {
  if (bytes && fread(to, 1, bytes, file) != bytes) {
    fprintf(stderr, "the data ends too soon\n");
    exit(1);
  }
}

static uint64_t number(void) {
  uint64_t value;
  take(&value, sizeof value);
  return value;
}

static uint8_t *room(uint64_t bytes) {
  uint8_t *made = malloc(bytes + 1 + BEHIND);
  if (!made) exit(1);
  memset(made, GUARD, bytes + 1 + BEHIND);
  return made + 1;
}

static bool intact(const tensor *t) {
  bool same = t->data[-1] == GUARD;
  for (int i = 0; i < BEHIND; ++i) same = same && t->data[t->bytes + i] == GUARD;
  return same;
}

static double half(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double size = exponent == 31 ? (fraction ? NAN : INFINITY)
                : exponent     ? ldexp(1024 + fraction, exponent - 25)
                               : ldexp(fraction, -24);
  return bits >> 15 ? -size : size;
}

static double element(const uint8_t *data, uint64_t dtype, size_t i) {
  if (dtype == GRAPHRT_FLOAT64) {
    double value;
    memcpy(&value, data + 8 * i, 8);
    return value;
  }
  uint32_t bits = 0;
  if (dtype == GRAPHRT_FLOAT32) {
    memcpy(&bits, data + 4 * i, 4);
  } else {
    uint16_t low;
    memcpy(&low, data + 2 * i, 2);
    if (dtype == GRAPHRT_FLOAT16) return half(low);
    bits = (uint32_t)low << 16;
  }
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static bool close_to(double got, double want, const tensor *t) {
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
  if (isinf(want) || isinf(got)) return want == got;
  double size = fmax(fabs(got), fabs(want));
  return got == want || fabs(got - want) <= t->relative * size + t->absolute;
}

static int compare(const char *what, const tensor *t) {
  if (!intact(t)) return printf("%s: written beyond\n", what), 1;
  bool floating = t->dtype == GRAPHRT_FLOAT16 || t->dtype == GRAPHRT_BFLOAT16 ||
                  t->dtype == GRAPHRT_FLOAT32 || t->dtype == GRAPHRT_FLOAT64;
  if (!floating) {
    if (memcmp(t->data, t->want, t->bytes) == 0) return 0;
    return printf("%s: other integers\n", what), 1;
  }
  size_t size = t->dtype == GRAPHRT_FLOAT64 ? 8 : t->dtype == GRAPHRT_FLOAT32 ? 4 : 2;
  for (size_t i = 0; i < t->bytes / size; ++i) {
    double got = element(t->data, t->dtype, i), want = element(t->want, t->dtype, i);
    if (close_to(got, want, t)) continue;
    return printf("%s: element %zu is %.17g, not %.17g\n", what, i, got, want), 1;
  }
  return 0;
}

// The calls of one type; gives how many outputs are wrong.
static int run(const char *type, const graphrt_model *model, int *calls) {
  graphrt_config config = {.struct_size = sizeof config, .threads = 2};
  graphrt_instance *instance;
  if (model->create(&config, &instance) != GRAPHRT_OK)
    return printf("%s: %s\n", type, graphrt_message()), 1;
  int wrong = 0;
  for (int32_t e = 0; e < model->export_count; ++e) {
    tensor in[8], out[8];
    const void *inputs[8];
    void *outputs[8];
    uint64_t in_count = number();
    for (uint64_t i = 0; i < in_count; ++i) {
      in[i].bytes = number();
      in[i].data = room(in[i].bytes);
      take(in[i].data, in[i].bytes);
      inputs[i] = in[i].data;
    }
    uint64_t out_count = number();
    for (uint64_t i = 0; i < out_count; ++i) {
      out[i].dtype = number();
      take(&out[i].relative, 8);
      take(&out[i].absolute, 8);
      out[i].bytes = number();
      uint8_t *want = room(out[i].bytes);
      take(want, out[i].bytes);
      out[i].want = want;
      out[i].data = room(out[i].bytes);
      outputs[i] = out[i].data;
    }
    char what[96];
    snprintf(what, sizeof what, "%s, call %d", type, (int)e);
    if (model->call(instance, e, NULL, inputs, outputs) != GRAPHRT_OK) {
      printf("%s: %s\n", what, graphrt_message());
      ++wrong;
    } else {
      for (uint64_t i = 0; i < out_count; ++i) wrong += compare(what, &out[i]);
    }
    ++*calls;
    for (uint64_t i = 0; i < in_count; ++i) free(in[i].data - 1);
    for (uint64_t i = 0; i < out_count; ++i) {
      free(out[i].data - 1);
      free((void *)(out[i].want - 1));
    }
  }
  model->destroy(instance);
  return wrong;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  int wrong = 0, calls = 0, count = 0;
#define OPERATION(type)                                                                            \
  {                                                                                                \
    char path[4096];                                                                               \
    snprintf(path, sizeof path, "%s/%s.calls", argv[1], #type);                                    \
    file = fopen(path, "rb");                                                                      \
    if (!file) return 2;                                                                           \
    wrong += run(#type, type##_model(), &calls);                                                   \
    ++count;                                                                                       \
    fclose(file);                                                                                  \
  }
#include "operations.inc"
  printf("%d operations, %d calls, %d wrong\n", count, calls, wrong);
  return wrong != 0;
}
