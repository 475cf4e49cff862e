// Runs the two-image filter and compares it with the same convolutions written as plain loops.
#include "image_filters.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { Size = 64, Channels = 32, Pixels = Size * Size, Kernel = 5 };

// One convolution with zeros around the image, bias and relu; sums in double.
static void layer(const float *in, const float *weights, const float *biases, float *out) {
  for (int y = 0; y < Size; ++y)
    for (int x = 0; x < Size; ++x) {
      double sums[Channels];
      for (int o = 0; o < Channels; ++o) sums[o] = biases[o];
      for (int ky = 0; ky < Kernel; ++ky)
        for (int kx = 0; kx < Kernel; ++kx) {
          int iy = y + ky - Kernel / 2, ix = x + kx - Kernel / 2;
          if (iy < 0 || iy >= Size || ix < 0 || ix >= Size) continue;
          const float *pixel = in + ((size_t)iy * Size + ix) * Channels;
          const float *w = weights + ((size_t)ky * Kernel + kx) * Channels * Channels;
          for (int c = 0; c < Channels; ++c)
            for (int o = 0; o < Channels; ++o) sums[o] += (double)pixel[c] * w[c * Channels + o];
        }
      for (int o = 0; o < Channels; ++o)
        out[((size_t)y * Size + x) * Channels + o] = sums[o] > 0 ? (float)sums[o] : 0;
    }
}

static float *allocate(size_t count) {
  float *made = malloc(count * sizeof(float));
  if (!made) exit(1);
  return made;
}

static int failed(const char *what) {
  fprintf(stderr, "%s: %s\n", what, graphrt_message());
  return 1;
}

int main(void) {
  const size_t count = (size_t)Pixels * Channels;
  const size_t weightCount = (size_t)Kernel * Kernel * Channels * Channels;
  float *image[2], *result[2], *weights[2], *biases[2];
  for (int i = 0; i < 2; ++i) {
    image[i] = allocate(count), result[i] = allocate(count);
    weights[i] = allocate(weightCount), biases[i] = allocate(Channels);
    for (size_t k = 0; k < count; ++k) image[i][k] = sinf((float)k * 0.37f + (float)i);
  }

  image_filters *net = NULL;
  if (image_filters_create(NULL, &net)) return failed("create");
  if (image_filters_filters(net, image[0], image[1], result[0], result[1]))
    return failed("filters");

  // The variables, one set for both images, by name.
  const graphrt_model *model = image_filters_model();
  printf("variables:");
  for (int i = 0; i < model->variable_count; ++i) printf(" %s", model->variables[i].name);
  printf("\n");
  for (int i = 0; i < 2; ++i) {
    char name[64];
    snprintf(name, sizeof name, "image_filters/conv%d/weights", i + 1);
    if (model->get((graphrt_instance *)net, name, weights[i], weightCount * sizeof(float)))
      return failed(name);
    snprintf(name, sizeof name, "image_filters/conv%d/biases", i + 1);
    if (model->get((graphrt_instance *)net, name, biases[i], Channels * sizeof(float)))
      return failed(name);
  }

  float *between = allocate(count), *expected = allocate(count);
  double worst = 0;
  for (int i = 0; i < 2; ++i) {
    layer(image[i], weights[0], biases[0], between);
    layer(between, weights[1], biases[1], expected);
    for (size_t k = 0; k < count; ++k) worst = fmax(worst, fabs(result[i][k] - expected[k]));
  }
  printf("largest difference from plain loops: %.1e\n", worst);

  // The same image twice gives the same result twice: the weights are shared.
  if (image_filters_filters(net, image[0], image[0], result[0], result[1]))
    return failed("filters");
  size_t different = 0;
  for (size_t k = 0; k < count; ++k) different += result[0][k] != result[1][k];
  printf("the same image twice: %zu of %zu numbers differ\n", different, count);

  image_filters_destroy(net);
  for (int i = 0; i < 2; ++i) free(image[i]), free(result[i]), free(weights[i]), free(biases[i]);
  free(between), free(expected);
  return worst < 1e-4 && different == 0 ? 0 : 1;
}
