/* A program with two models. Its build files stand beside it. */
#include "classifier.h"
#include "smoother.h"

#include <stdio.h>

int main(void) {
  classifier *net = NULL;
  smoother *other = NULL;
  float x[3] = {1, 2, 3}, y[2], line[4] = {1, 3, 5, 9}, smoothed[3];
  if (classifier_create(NULL, &net) != GRAPHRT_OK ||
      classifier_predict(net, 1, x, y) != GRAPHRT_OK ||
      smoother_create(NULL, &other) != GRAPHRT_OK ||
      smoother_smooth(other, line, smoothed) != GRAPHRT_OK) {
    fprintf(stderr, "%s\n", graphrt_message());
    return 1;
  }
  printf("%g %g\n%g %g %g\nruntime %s\n", y[0], y[1], smoothed[0], smoothed[1], smoothed[2],
         graphrt_version());
  smoother_destroy(other);
  classifier_destroy(net);
  return 0;
}
