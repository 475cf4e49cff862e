// training_step MODEL THREADS DATA: one of two programs that bench_training.py runs by turns.
//
// DATA holds batches of 64 images and labels: for each batch 64 x 784 float32, then 64 int32. Reads
// commands, one a line, and answers each with one line:
//   save PATH   writes the variables          saved
//   losses N    N steps                       their losses
//   run N       N steps                       the seconds that they took: clock, processors
//   processors peak        -                             the process's largest resident memory, in
//   kB
#include "lenet.h"
#include "mlp.h"

#include <errno.h>
#include <graphrt/graphrt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { BATCH = 64, PIXELS = 784, BATCH_BYTES = BATCH * PIXELS * 4 + BATCH * 4 };

typedef struct program {
  const graphrt_model *model;
  graphrt_instance *instance;
  unsigned char *data;
  size_t batches, next;
} program;

static int fail(const char *what, const char *why) {
  fprintf(stderr, "training_step: %s: %s\n", what, why);
  return 1;
}

static bool read_data(program *p, const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  long bytes = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
  bool whole = bytes > 0 && bytes % BATCH_BYTES == 0 && fseek(file, 0, SEEK_SET) == 0;
  p->data = whole ? malloc((size_t)bytes) : NULL;
  whole = p->data && fread(p->data, 1, (size_t)bytes, file) == (size_t)bytes;
  p->batches = whole ? (size_t)bytes / BATCH_BYTES : 0;
  fclose(file);
  return whole;
}

static graphrt_status step(program *p, float *loss) {
  const unsigned char *batch = p->data + p->next * BATCH_BYTES;
  p->next = (p->next + 1) % p->batches;
  const int64_t dims[] = {BATCH}; // not looked at where it was known when compiled
  const void *inputs[] = {batch, batch + (size_t)BATCH * PIXELS * 4};
  void *outputs[] = {loss};
  return p->model->call(p->instance, 0, dims, inputs, outputs);
}

static double now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static graphrt_status answer(program *p, const char *command) {
  float loss = 0;
  if (strncmp(command, "save ", 5) == 0) {
    graphrt_status status = p->model->save(p->instance, command + 5);
    if (status == GRAPHRT_OK) printf("saved");
    return status;
  }
  if (strcmp(command, "peak") == 0) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%ld", usage.ru_maxrss);
    return GRAPHRT_OK;
  }
  bool losses = strncmp(command, "losses ", 7) == 0;
  if (!losses && strncmp(command, "run ", 4) != 0) return GRAPHRT_INVALID_ARGUMENT;
  long steps = strtol(strchr(command, ' '), NULL, 10);
  double start = now(CLOCK_MONOTONIC), used = now(CLOCK_PROCESS_CPUTIME_ID);
  for (long i = 0; i < steps; ++i) {
    graphrt_status status = step(p, &loss);
    if (status != GRAPHRT_OK) return status;
    if (losses) printf("%.9g ", (double)loss);
  }
  if (!losses)
    printf("%.9f %.9f", now(CLOCK_MONOTONIC) - start, now(CLOCK_PROCESS_CPUTIME_ID) - used);
  return GRAPHRT_OK;
}

int main(int argc, char **argv) {
  if (argc != 4) return fail("usage", "training_step mlp|lenet THREADS DATA");
  program p = {0};
  if (strcmp(argv[1], "mlp") == 0) p.model = mlp_model();
  if (strcmp(argv[1], "lenet") == 0) p.model = lenet_model();
  if (!p.model) return fail(argv[1], "no such model");
  if (!read_data(&p, argv[3])) return fail(argv[3], errno ? strerror(errno) : "not whole batches");
  graphrt_config config = {.struct_size = sizeof config, .seed = 1, .threads = atoi(argv[2])};
  graphrt_status status = p.model->create(&config, &p.instance);
  char command[4096];
  while (status == GRAPHRT_OK && fgets(command, sizeof command, stdin)) {
    command[strcspn(command, "\n")] = '\0';
    status = answer(&p, command);
    putchar('\n');
    fflush(stdout);
  }
  int result = status == GRAPHRT_OK ? 0 : fail(argv[1], graphrt_message());
  p.model->destroy(p.instance);
  free(p.data);
  return result;
}
