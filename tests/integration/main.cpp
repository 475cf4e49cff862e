// A program with two models, one called from C++, the other through C.
#include "classifier.hpp"
#include "smoother.h"

#include <cstdio>
#include <vector>

int main() {
  auto net = graphrt_models::classifier::Instance::create();
  if (!net) return std::fputs(net.error().message.c_str(), stderr), 1;
  std::vector<float> x = {1, 2, 3}, y(2);
  if (auto done = net->predict(1, x, y); !done)
    return std::fputs(done.error().message.c_str(), stderr), 1;
  std::printf("%g %g\n", y[0], y[1]);

  smoother *other = nullptr;
  float line[4] = {1, 3, 5, 9}, smoothed[3];
  if (smoother_create(nullptr, &other) != GRAPHRT_OK ||
      smoother_smooth(other, line, smoothed) != GRAPHRT_OK)
    return std::fputs(graphrt_message(), stderr), 1;
  std::printf("%g %g %g\n", smoothed[0], smoothed[1], smoothed[2]);
  smoother_destroy(other);
  // Of one runtime: a message that the one model left is replaced by the other's.
  std::printf("runtime %s\n", graphrt_version());
}
