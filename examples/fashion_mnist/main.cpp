// Trains softmax.graph on Fashion-MNIST, evaluates it on the test images, and saves a checkpoint.
//
//   fashion_mnist [--data FOLDER] [--epochs N] [--checkpoint FILE]
//   fashion_mnist --eval-only FILE [--data FOLDER]     evaluates a checkpoint, trains nothing
#include "idx.h"
#include "softmax.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string_view>
#include <unistd.h>

namespace {

using Model = graphrt_models::softmax::Instance;

constexpr int32_t classes = 10;
constexpr int64_t batch = 100;

struct Options {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string checkpoint = "fashion_mnist.safetensors";
  std::string evaluate; // a checkpoint; empty: train
  int epochs = 15;
};

bool parse(int argc, char **argv, Options &options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string_view name = argv[i];
    std::string value = argv[i + 1];
    if (name == "--data")
      options.data = value;
    else if (name == "--checkpoint")
      options.checkpoint = value;
    else if (name == "--eval-only")
      options.evaluate = value;
    else if (name == "--epochs")
      options.epochs = std::atoi(value.c_str());
    else
      return false;
  }
  return argc % 2 == 1 && options.epochs > 0;
}

int fail(const std::string &why) {
  std::fprintf(stderr, "fashion_mnist: %s\n", why.c_str());
  return 1;
}

/// The share of images whose best class is their label.
graphrt::Result<double> accuracy(Model &model, const Dataset &data) {
  std::vector<float> probabilities(static_cast<size_t>(batch) * classes);
  std::vector<int32_t> best(static_cast<size_t>(batch));
  int64_t right = 0;
  for (int64_t begin = 0; begin < data.count; begin += batch) {
    // The last batch may be smaller: the size is the caller's to say at each call.
    int64_t n = std::min(batch, data.count - begin);
    std::span<const float> images(data.images.data() + begin * data.pixels,
                                  static_cast<size_t>(n * data.pixels));
    auto done =
        model.predict(n, images, std::span(probabilities).first(static_cast<size_t>(n * classes)),
                      std::span(best).first(static_cast<size_t>(n)));
    if (!done) return done.error();
    for (int64_t i = 0; i < n; ++i)
      right += best[static_cast<size_t>(i)] == data.labels[static_cast<size_t>(begin + i)];
  }
  return static_cast<double>(right) / static_cast<double>(data.count);
}

/// One pass over the images in random order. The mean of the losses.
graphrt::Result<double> trainEpoch(Model &model, const Dataset &data, float rate,
                                   std::vector<int64_t> &order, std::mt19937 &random, int epoch,
                                   int epochs) {
  std::shuffle(order.begin(), order.end(), random);
  std::vector<float> images(static_cast<size_t>(batch * data.pixels));
  std::vector<int32_t> labels(static_cast<size_t>(batch));
  double total = 0;
  int64_t steps = data.count / batch;
  auto start = std::chrono::steady_clock::now();
  for (int64_t step = 0; step < steps; ++step) {
    for (int64_t i = 0; i < batch; ++i) {
      int64_t from = order[static_cast<size_t>(step * batch + i)];
      std::copy_n(data.images.begin() + from * data.pixels, data.pixels,
                  images.begin() + i * data.pixels);
      labels[static_cast<size_t>(i)] = data.labels[static_cast<size_t>(from)];
    }
    float loss = 0;
    auto done = model.train_step(batch, images, labels, std::span(&rate, 1), std::span(&loss, 1));
    if (!done) return done.error();
    total += static_cast<double>(loss);
    // On a terminal the line is written over; elsewhere only the last of each epoch stands.
    bool last = step + 1 == steps;
    if (last || (step % 50 == 0 && isatty(STDOUT_FILENO))) {
      double seconds =
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      std::printf("%sepoch %2d of %d  %5lld images  loss %.4f  %.0f images/s%s",
                  isatty(STDOUT_FILENO) ? "\r" : "", epoch + 1, epochs,
                  static_cast<long long>((step + 1) * batch), total / static_cast<double>(step + 1),
                  static_cast<double>((step + 1) * batch) / seconds, last ? "\n" : "");
      std::fflush(stdout);
    }
  }
  return total / static_cast<double>(steps);
}

int report(Model &model, const Options &options) {
  Dataset test;
  std::string why;
  if (!readDataset(options.data, "t10k", classes, test, why)) return fail(why);
  auto share = accuracy(model, test);
  if (!share) return fail(share.error().message);
  std::printf("accuracy %.2f %% on %lld test images\n", 100 * *share,
              static_cast<long long>(test.count));
  return 0;
}

int train(Model &model, const Options &options) {
  Dataset data;
  std::string why;
  if (!readDataset(options.data, "train", classes, data, why)) return fail(why);
  std::vector<int64_t> order(static_cast<size_t>(data.count));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::mt19937 random(1);
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    // From 0.1 down to a tenth of it, so that the last steps no longer jump about.
    float rate =
        0.1f * (1.0f - 0.9f * static_cast<float>(epoch) / static_cast<float>(options.epochs));
    auto loss = trainEpoch(model, data, rate, order, random, epoch, options.epochs);
    if (!loss) return fail(loss.error().message);
  }
  if (auto saved = model.save(options.checkpoint); !saved) return fail(saved.error().message);
  std::printf("checkpoint %s\n", options.checkpoint.c_str());
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs("usage: fashion_mnist [--data FOLDER] [--epochs N] [--checkpoint FILE]\n"
               "       fashion_mnist --eval-only FILE [--data FOLDER]\n",
               stderr);
    return 2;
  }
  graphrt_config config{};
  config.struct_size = sizeof config;
  if (!options.evaluate.empty()) config.checkpoint = options.evaluate.c_str();
  auto model = Model::create(&config);
  if (!model) return fail(model.error().message);
  if (options.evaluate.empty())
    if (int status = train(*model, options)) return status;
  return report(*model, options);
}
