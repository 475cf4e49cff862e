// Trains siamese.graph on pairs of Fashion-MNIST's images, then asks for pairs that it has never
// seen whether they are of one class.
//
//   siamese [--data FOLDER] [--steps N] [--checkpoint FILE]
#include "idx.h"
#include "progress.h"
#include "siamese.hpp"

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>

namespace {

using Model = graphrt_models::siamese::Instance;

constexpr int32_t classes = 10;
constexpr int64_t batch = 64;

struct Options {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string checkpoint = "siamese.safetensors";
  int64_t steps = 2000;
};

bool parse(int argc, char **argv, Options &options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string_view name = argv[i];
    if (name == "--data")
      options.data = argv[i + 1];
    else if (name == "--checkpoint")
      options.checkpoint = argv[i + 1];
    else if (name == "--steps")
      options.steps = std::atoll(argv[i + 1]);
    else
      return false;
  }
  return argc % 2 == 1 && options.steps > 0;
}

int fail(const std::string &why) {
  std::fprintf(stderr, "siamese: %s\n", why.c_str());
  return 1;
}

/// Pairs of images, every second one of one class.
class Pairs {
public:
  explicit Pairs(const Dataset &data) : data_(data), byClass_(classes) {
    for (size_t i = 0; i < data.labels.size(); ++i)
      byClass_[static_cast<size_t>(data.labels[i])].push_back(i);
  }

  std::vector<float> left, right, same;

  void draw(std::mt19937 &random) {
    left.clear(), right.clear(), same.clear();
    for (int64_t i = 0; i < batch; ++i) {
      size_t one = random() % classes;
      size_t other = i % 2 ? one : (one + 1 + random() % (classes - 1)) % classes;
      put(byClass_[one][random() % byClass_[one].size()], left);
      put(byClass_[other][random() % byClass_[other].size()], right);
      same.push_back(one == other ? 1.0f : 0.0f);
    }
  }

private:
  void put(size_t image, std::vector<float> &to) {
    auto at = data_.images.begin() + static_cast<int64_t>(image) * data_.pixels;
    to.insert(to.end(), at, at + data_.pixels);
  }

  const Dataset &data_;
  std::vector<std::vector<size_t>> byClass_;
};

graphrt::Result<void> train(Model &model, const Dataset &data, const Options &options) {
  Pairs pairs(data);
  std::mt19937 random(1);
  Progress progress("training", options.steps, options.steps);
  double recent = 0;
  for (int64_t step = 0; step < options.steps; ++step) {
    pairs.draw(random);
    float loss = 0;
    auto done = model.train_step(batch, pairs.left, pairs.right, pairs.same, std::span(&loss, 1));
    if (!done) return done.error();
    recent = step ? 0.98 * recent + 0.02 * static_cast<double>(loss) : static_cast<double>(loss);
    progress.step("loss " + std::to_string(recent));
  }
  progress.finish("loss " + std::to_string(recent));
  return {};
}

/// The share of pairs that a distance of half the margin tells rightly.
graphrt::Result<double> judge(Model &model, const Dataset &data) {
  constexpr int64_t rounds = 50;
  constexpr float half = 0.5f;
  Pairs pairs(data);
  std::mt19937 random(2);
  std::vector<float> distances(static_cast<size_t>(batch));
  int64_t right = 0;
  for (int64_t round = 0; round < rounds; ++round) {
    pairs.draw(random);
    if (auto done = model.compare(batch, pairs.left, pairs.right, distances); !done)
      return done.error();
    for (size_t i = 0; i < distances.size(); ++i)
      right += (distances[i] < half) == (pairs.same[i] > half);
  }
  return static_cast<double>(right) / static_cast<double>(rounds * batch);
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs("usage: siamese [--data FOLDER] [--steps N] [--checkpoint FILE]\n", stderr);
    return 2;
  }
  Dataset training, test;
  std::string why;
  if (!readDataset(options.data, "train", classes, training, why) ||
      !readDataset(options.data, "t10k", classes, test, why))
    return fail(why);
  if (training.pixels != 784 || test.pixels != 784) return fail("the images are not of 28 x 28");
  graphrt_config config{};
  config.struct_size = sizeof config;
  config.seed = 1;
  auto model = Model::create(&config);
  if (!model) return fail(model.error().message);
  if (auto done = train(*model, training, options); !done) return fail(done.error().message);
  auto share = judge(*model, test);
  if (!share) return fail(share.error().message);
  if (auto saved = model->save(options.checkpoint); !saved) return fail(saved.error().message);
  std::printf("%.1f %% of 3200 pairs of test images are told rightly\n", 100 * *share);
  return 0;
}
