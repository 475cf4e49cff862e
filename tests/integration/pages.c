// Holds two instances over one file's pages, and answers: "lookup ROW", "total". `read` as the
// second argument reads the file instead of mapping it; without a file the variables are the
// model's.
#include "pages.h"

#include <stdio.h>
#include <string.h>

static int failed(void) {
  fprintf(stderr, "%s\n", graphrt_message());
  return 1;
}

int main(int argc, char **argv) {
  graphrt_config config = {.struct_size = sizeof config, .threads = 1};
  if (argc > 1) config.checkpoint = argv[1];
  if (argc == 2) config.flags = GRAPHRT_MAP_CHECKPOINT;
  pages *first = NULL, *second = NULL;
  if (pages_create(&config, &first) != GRAPHRT_OK) return failed();
  if (pages_share(first, &second) != GRAPHRT_OK) return failed();
  printf("ready\n");
  fflush(stdout);
  char word[16];
  while (scanf("%15s", word) == 1) {
    float a = 0, b = 0;
    long long row = 0;
    if (strcmp(word, "lookup") == 0 && scanf("%lld", &row) == 1) {
      int64_t index = row;
      if (pages_lookup(first, &index, &a) != GRAPHRT_OK) return failed();
      if (pages_lookup(second, &index, &b) != GRAPHRT_OK) return failed();
    } else {
      if (pages_total(first, &a) != GRAPHRT_OK) return failed();
      if (pages_total(second, &b) != GRAPHRT_OK) return failed();
    }
    printf("%g %g\n", a, b);
    fflush(stdout);
  }
  pages_destroy(first);
  pages_destroy(second);
  return 0;
}
