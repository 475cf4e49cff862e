// The class in NAME.hpp, called with std::mdspan.
#include "views.hpp"

#include <cstdio>
#include <vector>

#ifndef GRAPHRT_HAS_VIEWS
#error "this library has no std::mdspan"
#endif

int main() {
  auto net = graphrt_models::views::Instance::create();
  if (!net) return 1;
  std::vector<float> image(24), sums(6), twice(48);
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(i);
  bool mask[2] = {true, false}, mask_out[2] = {false, false};
  float rate = 0.5F, mean = 0;
  std::mdspan in(image.data(), 2, 4, 3);
  auto call = [&](auto out) {
    return net->predict(in, std::mdspan(mask, 2), graphrt::View<const float, 0>(&rate), out,
                        std::mdspan(twice.data(), 2, 8, 3), std::mdspan(mask_out, 2),
                        graphrt::View<float, 0>(&mean));
  };
  if (auto done = call(std::mdspan(sums.data(), 2, 3)); !done)
    return std::fputs(done.error().message.c_str(), stderr), 1;
  std::printf("%g %g %g %d\n", sums[0], sums[5], mean, mask_out[0]);
  auto wrong = call(std::mdspan(sums.data(), 3, 2));
  std::printf("%s\n", wrong.error().message.c_str());
  int other = mask[0] ? 3 : 2;
  wrong = net->predict(in, std::mdspan(mask, other), graphrt::View<const float, 0>(&rate),
                       std::mdspan(sums.data(), 2, 3), std::mdspan(twice.data(), 2, 8, 3),
                       std::mdspan(mask_out, 2), graphrt::View<float, 0>(&mean));
  std::printf("%s\n", wrong.error().message.c_str());
}
