// Where a training stands, as text.
#include "driver/split_mix.h"
#include "driver/train_loop.h"

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <numeric>

namespace graphc {

namespace {

using Json = nlohmann::ordered_json;

/// A count that stands under `key`; false if there is none.
template <typename T>
bool take(const Json &from, const char *key, T &to) {
  auto found = from.find(key);
  if (found == from.end() || !found->is_number_unsigned()) return false;
  auto value = found->get<uint64_t>();
  // Counts go on from here, and must not overflow.
  if (std::is_signed_v<T> && value > uint64_t(1) << 53) return false;
  to = static_cast<T>(value);
  return true;
}

} // namespace

std::string stateText(const TrainState &state) {
  Json json = {{"epoch", state.epoch},     {"position", state.position}, {"step", state.step},
               {"shuffle", state.shuffle}, {"examples", state.examples}, {"means", Json::array()}};
  // Hexadecimal: a sum is read back exactly, and may be one that JSON has no number for.
  for (const Mean &mean : state.means)
    json["means"].push_back(
        {{"name", mean.name}, {"sum", fmt::format("{:a}", mean.sum)}, {"examples", mean.examples}});
  return json.dump();
}

std::optional<TrainState> parseState(const std::string &text) {
  Json json = Json::parse(text, nullptr, false);
  TrainState state;
  if (!json.is_object() || !take(json, "epoch", state.epoch) ||
      !take(json, "position", state.position) || !take(json, "step", state.step) ||
      !take(json, "shuffle", state.shuffle) || !take(json, "examples", state.examples))
    return std::nullopt;
  auto means = json.find("means");
  if (means == json.end() || !means->is_array() || state.position > state.examples)
    return std::nullopt;
  for (const Json &entry : *means) {
    Mean mean;
    if (!entry.is_object() || !take(entry, "examples", mean.examples)) return std::nullopt;
    auto name = entry.find("name"), sum = entry.find("sum");
    if (name == entry.end() || !name->is_string() || sum == entry.end() || !sum->is_string())
      return std::nullopt;
    mean.name = name->get<std::string>();
    mean.sum = std::strtod(sum->get_ref<const std::string &>().c_str(), nullptr);
    state.means.push_back(std::move(mean));
  }
  return state;
}

std::vector<int64_t> epochOrder(int64_t examples, bool shuffle, uint64_t seed, int64_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(examples));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (!shuffle) return order;
  // The epoch's own stream: neighbouring numbers would give overlapping ones.
  SplitMix64 mixed(seed ^ SplitMix64(static_cast<uint64_t>(epoch)).next());
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[mixed.below(i)]);
  return order;
}

} // namespace graphc
