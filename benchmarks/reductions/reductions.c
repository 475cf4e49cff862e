// reductions [ROUNDS]: reductions of many elements to few, by one thread and by two, in turns.
// Prints for each the median and the best rate by the clock, in GB/s of what is read, and whether
// both numbers of threads gave the same bits.
#include "reductions.h"

#include <graphrt/graphrt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ELEMENTS = 64 * 56 * 56 * 32, VECTOR = 4194304, EXPORTS = 3, MOST_ROUNDS = 1000, CALLS = 4 };

static const char *const names[EXPORTS] = {"sum of 4194304", "mean of squares of 4194304",
                                           "[64, 56, 56, 32] to 32 channels"};
static const int64_t read_by[EXPORTS] = {VECTOR, VECTOR, ELEMENTS};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 50;
  if (rounds < 1 || rounds > MOST_ROUNDS) return fprintf(stderr, "reductions [ROUNDS]\n"), 2;
  float *x = malloc(sizeof *x * ELEMENTS);
  double *rates = malloc(sizeof *rates * MOST_ROUNDS * 2);
  if (!x || !rates) return fprintf(stderr, "reductions: no memory\n"), 1;
  uint32_t random = 1;
  for (int i = 0; i < ELEMENTS; ++i) {
    random = random * 1664525U + 1013904223U;
    x[i] = (float)(random >> 8) * 0x1p-24F - 0.5F;
  }
  const graphrt_model *model = reductions_model();
  graphrt_instance *instances[2] = {NULL, NULL};
  for (int t = 0; t < 2; ++t) {
    graphrt_config config = {.struct_size = sizeof config, .seed = 1, .threads = t + 1};
    if (model->create(&config, &instances[t]) != GRAPHRT_OK)
      return fprintf(stderr, "reductions: %s\n", graphrt_message()), 1;
  }
  for (int export = 0; export < EXPORTS; ++export) {
    float results[2][32] = {{0}, {0}};
    for (int round = 0; round < rounds; ++round)
      for (int t = 0; t < 2; ++t) {
        const void *inputs[] = {x};
        void *outputs[] = {results[t]};
        double start = now();
        for (int call = 0; call < CALLS; ++call)
          if (model->call(instances[t], export, NULL, inputs, outputs) != GRAPHRT_OK)
            return fprintf(stderr, "reductions: %s\n", graphrt_message()), 1;
        rates[t * MOST_ROUNDS + round] = (double)read_by[export] * 4e-9 * CALLS / (now() - start);
      }
    bool same = memcmp(results[0], results[1], sizeof results[0]) == 0;
    printf("%s%s\n", names[export], same ? "" : ": NOT THE SAME");
    double figures[2][2];
    for (int t = 0; t < 2; ++t) {
      qsort(rates + t * MOST_ROUNDS, (size_t)rounds, sizeof *rates, compare);
      figures[t][0] = rates[t * MOST_ROUNDS + rounds / 2];
      figures[t][1] = rates[t * MOST_ROUNDS + rounds - 1];
      printf("  %d thread%s median %6.2f GB/s, best %6.2f GB/s\n", t + 1, t ? "s:" : ": ",
             figures[t][0], figures[t][1]);
    }
    printf("  ratio     median %6.2f     , best %6.2f\n", figures[1][0] / figures[0][0],
           figures[1][1] / figures[0][1]);
  }
  for (int t = 0; t < 2; ++t) model->destroy(instances[t]);
  free(rates);
  free(x);
  return 0;
}
