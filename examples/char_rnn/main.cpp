// Trains char_rnn.graph on texts, then lets it write.
//
//   char_rnn [--steps N] [--write N] [--checkpoint FILE] TEXT…
//   char_rnn --load FILE [--write N]        writes with a checkpoint, trains nothing
#include "char_rnn.hpp"
#include "progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string_view>

namespace {

using Model = graphrt_models::char_rnn::Instance;

constexpr int32_t symbols = 96, units = 128;
constexpr int64_t length = 41, batch = 32;

struct Options {
  std::vector<std::string> texts;
  std::string checkpoint = "char_rnn.safetensors", load;
  int64_t steps = 1500, write = 400;
};

bool parse(int argc, char **argv, Options &options) {
  for (int i = 1; i < argc; ++i) {
    std::string_view name = argv[i];
    if (!name.starts_with("--")) {
      options.texts.emplace_back(name);
      continue;
    }
    if (++i == argc) return false;
    if (name == "--steps")
      options.steps = std::atoll(argv[i]);
    else if (name == "--write")
      options.write = std::atoll(argv[i]);
    else if (name == "--checkpoint")
      options.checkpoint = argv[i];
    else if (name == "--load")
      options.load = argv[i];
    else
      return false;
  }
  return options.texts.empty() != options.load.empty() && options.steps > 0 && options.write >= 0;
}

int fail(const std::string &why) {
  std::fprintf(stderr, "char_rnn: %s\n", why.c_str());
  return 1;
}

/// 0 is the end of a line; other characters of ASCII follow. What is beyond them is left out.
bool readTexts(const Options &options, std::vector<int32_t> &text, std::string &why) {
  for (const std::string &path : options.texts) {
    std::ifstream in(path, std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(in), {});
    if (!in && bytes.empty()) {
      why = path + ": cannot be read";
      return false;
    }
    for (char c : bytes)
      if (c == '\n' || (c >= ' ' && c <= '~')) text.push_back(c == '\n' ? 0 : c - ' ' + 1);
  }
  if (static_cast<int64_t>(text.size()) > length) return true;
  why = "the texts are too short";
  return false;
}

graphrt::Result<void> train(Model &model, const std::vector<int32_t> &text, int64_t steps) {
  std::mt19937 random(1);
  std::vector<int32_t> examples(static_cast<size_t>(batch * length));
  Progress progress("training", steps, steps);
  double recent = 0;
  auto figures = [&] {
    char out[64];
    std::snprintf(out, sizeof out, "loss %.3f, %.2f bits a character", recent,
                  recent / std::log(2.0));
    return std::string(out);
  };
  for (int64_t step = 0; step < steps; ++step) {
    for (int64_t i = 0; i < batch; ++i) {
      size_t at = random() % (text.size() - static_cast<size_t>(length) + 1);
      std::copy_n(text.begin() + static_cast<int64_t>(at), length, examples.begin() + i * length);
    }
    float loss = 0;
    if (auto done = model.train_step(batch, examples, std::span(&loss, 1)); !done)
      return done.error();
    recent = step ? 0.98 * recent + 0.02 * static_cast<double>(loss) : static_cast<double>(loss);
    progress.step(figures());
  }
  progress.finish(figures());
  return {};
}

/// Draws one character after another from the chances that the network gives, sharpened: likely
/// ones become likelier.
graphrt::Result<std::string> write(Model &model, int64_t count) {
  constexpr double sharpness = 1.5;
  std::mt19937 random(2);
  std::vector<float> c(units), h(units), nextC(units), nextH(units), chances(symbols);
  std::string out;
  int32_t symbol = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (auto done = model.next(std::span(&symbol, 1), c, h, chances, nextC, nextH); !done)
      return done.error();
    c.swap(nextC);
    h.swap(nextH);
    double sum = 0;
    std::vector<double> weights;
    for (float chance : chances)
      sum += weights.emplace_back(std::pow(static_cast<double>(chance), sharpness));
    double at = sum * static_cast<double>(random()) / 4294967296.0;
    symbol = 0;
    while (symbol + 1 < symbols && at >= weights[static_cast<size_t>(symbol)])
      at -= weights[static_cast<size_t>(symbol++)];
    out += symbol ? static_cast<char>(symbol - 1 + ' ') : '\n';
  }
  return out;
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs("usage: char_rnn [--steps N] [--write N] [--checkpoint FILE] TEXT...\n"
               "       char_rnn --load FILE [--write N]\n",
               stderr);
    return 2;
  }
  std::vector<int32_t> text;
  std::string why;
  if (options.load.empty() && !readTexts(options, text, why)) return fail(why);
  graphrt_config config{};
  config.struct_size = sizeof config;
  config.seed = 1;
  if (!options.load.empty()) config.checkpoint = options.load.c_str();
  auto model = Model::create(&config);
  if (!model) return fail(model.error().message);
  if (options.load.empty()) {
    if (auto done = train(*model, text, options.steps); !done) return fail(done.error().message);
    if (auto saved = model->save(options.checkpoint); !saved) return fail(saved.error().message);
  }
  auto written = write(*model, options.write);
  if (!written) return fail(written.error().message);
  std::printf("%s\n", written->c_str());
  return 0;
}
