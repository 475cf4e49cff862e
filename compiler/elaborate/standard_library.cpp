#include "elaborate/standard_library.h"

#include <fmt/format.h>
#include <span>

namespace graphc {

namespace {

struct Page {
  std::string_view name, text;
};

#include "standard_files.inc"

struct Place {
  std::string_view name, file;
};

constexpr Place spaces[] = {
    {"tf.layers", "std/layers.graph"},
    {"tf.losses", "std/losses.graph"},
    {"tf.nn.rnn_cell", "std/rnn.graph"},
    {"tf.contrib.rnn", "std/rnn.graph"},
};

/// Where the layers are defined that std/layers.graph gathers.
constexpr Place layers[] = {
    {"dense", "std/core.graph"},
    {"flatten", "std/core.graph"},
    {"dropout", "std/core.graph"},
    {"conv1d", "std/convolution.graph"},
    {"conv2d", "std/convolution.graph"},
    {"conv2d_transpose", "std/convolution.graph"},
    {"separable_conv2d", "std/convolution.graph"},
    {"max_pooling1d", "std/convolution.graph"},
    {"max_pooling2d", "std/convolution.graph"},
    {"average_pooling1d", "std/convolution.graph"},
    {"average_pooling2d", "std/convolution.graph"},
    {"batch_normalization", "std/normalization.graph"},
    {"layer_normalization", "std/normalization.graph"},
    {"group_normalization", "std/normalization.graph"},
};

/// Functions that TensorFlow has under tf or tf.nn. Found by name alone, so that a definition which
/// uses none of them parses none of the files.
constexpr Place functions[] = {
    {"embedding_lookup", "std/core.graph"},
    {"batch_normalization", "std/nn.graph"},
    {"conv1d", "std/nn.graph"},
    {"separable_conv2d", "std/nn.graph"},
    {"tensordot", "std/nn.graph"},
    {"weighted_cross_entropy_with_logits", "std/nn.graph"},
    {"in_top_k", "std/nn.graph"},
    {"crelu", "std/nn.graph"},
    {"relu_layer", "std/nn.graph"},
    {"accumulate_n", "std/nn.graph"},
    {"max_pool2d", "std/nn.graph"},
    {"roll", "std/nn.graph"},
    {"meshgrid", "std/nn.graph"},
    {"confusion_matrix", "std/nn.graph"},
    {"reverse_sequence", "std/nn.graph"},
    {"reduce_variance", "std/numbers.graph"},
    {"reduce_std", "std/numbers.graph"},
    {"div_no_nan", "std/numbers.graph"},
    {"scalar_mul", "std/numbers.graph"},
    {"saturate_cast", "std/numbers.graph"},
    {"sort", "std/numbers.graph"},
    {"argsort", "std/numbers.graph"},
    {"scan", "std/functional.graph"},
    {"map_fn", "std/functional.graph"},
    {"foldl", "std/functional.graph"},
    {"foldr", "std/functional.graph"},
    {"static_rnn", "std/rnn.graph"},
    {"dynamic_rnn", "std/rnn.graph"},
    {"bidirectional_dynamic_rnn", "std/rnn.graph"},
    {"exponential_decay", "std/schedules.graph"},
    {"natural_exp_decay", "std/schedules.graph"},
    {"inverse_time_decay", "std/schedules.graph"},
    {"polynomial_decay", "std/schedules.graph"},
    {"cosine_decay", "std/schedules.graph"},
    {"cosine_decay_restarts", "std/schedules.graph"},
    {"linear_cosine_decay", "std/schedules.graph"},
    {"piecewise_constant", "std/schedules.graph"},
    {"piecewise_constant_decay", "std/schedules.graph"},
    {"add_loss", "std/losses.graph"},
    {"compute_weighted_loss", "std/losses.graph"},
    {"absolute_difference", "std/losses.graph"},
    {"mean_squared_error", "std/losses.graph"},
    {"huber_loss", "std/losses.graph"},
    {"log_loss", "std/losses.graph"},
    {"hinge_loss", "std/losses.graph"},
    {"cosine_distance", "std/losses.graph"},
    {"sigmoid_cross_entropy", "std/losses.graph"},
    {"softmax_cross_entropy", "std/losses.graph"},
    {"sparse_softmax_cross_entropy", "std/losses.graph"},
    {"get_losses", "std/losses.graph"},
    {"get_regularization_losses", "std/losses.graph"},
    {"get_regularization_loss", "std/losses.graph"},
    {"get_total_loss", "std/losses.graph"},
    {"sum_regularizer", "std/regularizers.graph"},
    {"l1_l2_regularizer", "std/regularizers.graph"},
    {"apply_regularization", "std/regularizers.graph"},
    {"clip_by_norm", "std/clipping.graph"},
    {"clip_by_average_norm", "std/clipping.graph"},
    {"dropout", "std/random.graph"},
    {"multinomial", "std/random.graph"},
    {"categorical", "std/random.graph"},
    {"random_shuffle", "std/random.graph"},
};

std::string_view fileOf(std::span<const Place> places, std::string_view name) {
  for (const auto &place : places)
    if (place.name == name) return place.file;
  return {};
}

} // namespace

std::optional<std::string_view> standardFile(std::string_view path) {
  for (const auto &page : pages)
    if (path == fmt::format("{}{}.graph", standardPrefix, page.name)) return page.text;
  return std::nullopt;
}

std::vector<std::string> standardFiles() {
  std::vector<std::string> files;
  for (const auto &page : pages)
    files.push_back(fmt::format("{}{}.graph", standardPrefix, page.name));
  return files;
}

std::string_view standardFileOf(std::string_view space) { return fileOf(spaces, space); }
std::string_view standardFileOf(std::string_view space, std::string_view name) {
  auto own = space == "tf.layers" ? fileOf(layers, name) : std::string_view();
  return own.empty() ? standardFileOf(space) : own;
}
std::string_view standardFileWith(std::string_view name) { return fileOf(functions, name); }

std::vector<std::string_view> standardNames() {
  std::vector<std::string_view> names;
  for (const auto &function : functions) names.push_back(function.name);
  return names;
}

} // namespace graphc
