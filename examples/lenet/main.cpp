// Trains lenet.graph on Fashion-MNIST and shows what it reached.
//
//   lenet [--data FOLDER] [--epochs N] [--batch N] [--images N] [--out FOLDER]
//   lenet --eval-only FILE [--data FOLDER] [--images N]   evaluates a checkpoint, trains nothing
//
// Beside the checkpoint (OUT/lenet.safetensors) it draws the learning curve (OUT/curve.svg) and
// images that the network takes for something else (OUT/mistaken.svg).
#include "idx.h"
#include "lenet.hpp"
#include "picture.h"
#include "progress.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <random>
#include <string_view>

namespace {

using Model = graphrt_models::lenet::Instance;

constexpr int32_t classes = 10;
constexpr const char *classNames[classes] = {"T-shirt", "trousers", "pullover", "dress", "coat",
                                             "sandal",  "shirt",    "sneaker",  "bag",   "boot"};

struct Options {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string out = ".";
  std::string evaluate; // a checkpoint; empty: train
  int64_t epochs = 6;
  int64_t batch = 64;
  int64_t images = 0; // of training and of test; 0: all
};

bool parse(int argc, char **argv, Options &options) {
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string_view name = argv[i];
    std::string value = argv[i + 1];
    if (name == "--data")
      options.data = value;
    else if (name == "--out")
      options.out = value;
    else if (name == "--eval-only")
      options.evaluate = value;
    else if (name == "--epochs")
      options.epochs = std::atoll(value.c_str());
    else if (name == "--batch")
      options.batch = std::atoll(value.c_str());
    else if (name == "--images")
      options.images = std::atoll(value.c_str());
    else
      return false;
  }
  return argc % 2 == 1 && options.epochs > 0 && options.batch > 0 && options.images >= 0;
}

int fail(const std::string &why) {
  std::fprintf(stderr, "lenet: %s\n", why.c_str());
  return 1;
}

bool read(const Options &options, const char *stem, Dataset &data, std::string &why) {
  if (!readDataset(options.data, stem, classes, data, why)) return false;
  if (data.pixels != 784) {
    why = "images of " + std::to_string(data.pixels) + " pixels; 784 are needed";
    return false;
  }
  if (options.images) data.count = std::min(data.count, options.images);
  return true;
}

/// Means over images.
struct Figures {
  double loss = 0, accuracy = 0;
  int64_t images = 0;

  void add(float batchLoss, float batchAccuracy, int64_t count) {
    loss += static_cast<double>(batchLoss) * static_cast<double>(count);
    accuracy += static_cast<double>(batchAccuracy) * static_cast<double>(count);
    images += count;
  }
  double meanLoss() const { return loss / static_cast<double>(images); }
  double meanAccuracy() const { return accuracy / static_cast<double>(images); }
  std::string text() const {
    char out[64];
    std::snprintf(out, sizeof out, "loss %.4f  accuracy %.4f", meanLoss(), meanAccuracy());
    return out;
  }
};

/// A batch of images and labels, in the order given.
struct Batch {
  std::vector<float> images;
  std::vector<int32_t> labels;

  void gather(const Dataset &data, std::span<const int64_t> rows) {
    images.clear();
    labels.clear();
    for (int64_t row : rows) {
      auto at = data.images.begin() + row * data.pixels;
      images.insert(images.end(), at, at + data.pixels);
      labels.push_back(data.labels[static_cast<size_t>(row)]);
    }
  }
};

graphrt::Result<Figures> evaluate(Model &model, const Dataset &data) {
  constexpr int64_t most = 500;
  Figures figures;
  for (int64_t begin = 0; begin < data.count; begin += most) {
    int64_t n = std::min(most, data.count - begin);
    float loss = 0, accuracy = 0;
    auto done = model.evaluate(
        n, std::span(data.images).subspan(size_t(begin * data.pixels), size_t(n * data.pixels)),
        std::span(data.labels).subspan(size_t(begin), size_t(n)), std::span(&loss, 1),
        std::span(&accuracy, 1));
    if (!done) return done.error();
    figures.add(loss, accuracy, n);
  }
  return figures;
}

/// Draws the first images that are taken for something else.
bool drawMistaken(Model &model, const Dataset &data, const std::string &path, std::string &why) {
  constexpr size_t most = 40;
  std::vector<Exhibit> exhibits;
  std::vector<float> probabilities(classes);
  for (int64_t i = 0; i < data.count && exhibits.size() < most; ++i) {
    int32_t best = 0;
    auto pixels = std::span(data.images).subspan(size_t(i * data.pixels), size_t(data.pixels));
    if (auto done = model.predict(1, pixels, probabilities, std::span(&best, 1)); !done) {
      why = done.error().message;
      return false;
    }
    int32_t label = data.labels[static_cast<size_t>(i)];
    if (best == label) continue;
    char words[96];
    std::snprintf(words, sizeof words, "%s for %s, %.0f %%", classNames[best], classNames[label],
                  100.0 * static_cast<double>(probabilities[static_cast<size_t>(best)]));
    exhibits.push_back({pixels, words});
  }
  return writeExhibits(path, "What the network sees, for what it is", exhibits, 28, 28, why);
}

class Training {
public:
  Training(Model &model, const Options &options) : model_(model), options_(options) {}

  int run() {
    std::string why;
    if (!read(options_, "train", train_, why) || !read(options_, "t10k", test_, why))
      return fail(why);
    std::filesystem::create_directories(options_.out);
    order_.resize(static_cast<size_t>(train_.count));
    std::iota(order_.begin(), order_.end(), int64_t{0});
    for (int64_t epoch = 0; epoch < options_.epochs; ++epoch)
      if (auto done = runEpoch(epoch); !done) return fail(done.error().message);
    std::string checkpoint = options_.out + "/lenet.safetensors";
    if (auto saved = model_.save(checkpoint); !saved) return fail(saved.error().message);
    Chart losses{"loss", {{"training", {}}, {"test", {}}}};
    Chart shares{"accuracy", {{"training", {}}, {"test", {}}}};
    for (size_t e = 0; e < trained_.size(); ++e) {
      auto x = static_cast<double>(e + 1);
      losses.curves[0].points.emplace_back(x, trained_[e].meanLoss());
      losses.curves[1].points.emplace_back(x, tested_[e].meanLoss());
      shares.curves[0].points.emplace_back(x, trained_[e].meanAccuracy());
      shares.curves[1].points.emplace_back(x, tested_[e].meanAccuracy());
    }
    std::string curve = options_.out + "/curve.svg", mistaken = options_.out + "/mistaken.svg";
    if (!writeCharts(curve, "epoch", {losses, shares}, why) ||
        !drawMistaken(model_, test_, mistaken, why))
      return fail(why);
    std::printf("checkpoint %s\npictures %s %s\n", checkpoint.c_str(), curve.c_str(),
                mistaken.c_str());
    return 0;
  }

private:
  graphrt::Result<void> runEpoch(int64_t epoch) {
    std::shuffle(order_.begin(), order_.end(), random_);
    // Adam's usual rate, lower over the last third so that the end is calm.
    float rate = 3 * epoch >= 2 * options_.epochs ? 0.0003f : 0.001f;
    int64_t steps = (train_.count + options_.batch - 1) / options_.batch;
    Progress progress("epoch " + std::to_string(epoch + 1) + " of " +
                          std::to_string(options_.epochs),
                      steps, steps * (options_.epochs - epoch));
    Figures figures;
    for (int64_t begin = 0; begin < train_.count; begin += options_.batch) {
      int64_t n = std::min(options_.batch, train_.count - begin);
      batch_.gather(train_, std::span(order_).subspan(size_t(begin), size_t(n)));
      float loss = 0, accuracy = 0;
      auto done = model_.train_step(n, batch_.images, batch_.labels, std::span(&rate, 1),
                                    std::span(&loss, 1), std::span(&accuracy, 1));
      if (!done) return done.error();
      figures.add(loss, accuracy, n);
      progress.step(figures.text());
    }
    auto tested = evaluate(model_, test_);
    if (!tested) return tested.error();
    trained_.push_back(figures);
    tested_.push_back(*tested);
    progress.finish(figures.text() + "  test: " + tested->text());
    return {};
  }

  Model &model_;
  const Options &options_;
  Dataset train_, test_;
  std::vector<int64_t> order_;
  std::mt19937 random_{1};
  Batch batch_;
  std::vector<Figures> trained_, tested_;
};

int report(Model &model, const Options &options) {
  Dataset test;
  std::string why;
  if (!read(options, "t10k", test, why)) return fail(why);
  auto figures = evaluate(model, test);
  if (!figures) return fail(figures.error().message);
  std::printf("accuracy %.2f %% on %lld test images\n", 100 * figures->meanAccuracy(),
              static_cast<long long>(test.count));
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs("usage: lenet [--data FOLDER] [--epochs N] [--batch N] [--images N] [--out FOLDER]\n"
               "       lenet --eval-only FILE [--data FOLDER] [--images N]\n",
               stderr);
    return 2;
  }
  graphrt_config config{};
  config.struct_size = sizeof config;
  config.seed = 1;
  if (!options.evaluate.empty()) config.checkpoint = options.evaluate.c_str();
  auto model = Model::create(&config);
  if (!model) return fail(model.error().message);
  if (options.evaluate.empty())
    if (int status = Training(*model, options).run()) return status;
  return report(*model, options);
}
