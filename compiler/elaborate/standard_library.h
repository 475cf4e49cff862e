// The part of the library that is written in the language itself: compiler/std/*.graph, held in
// the program. A file is parsed when a definition first uses one of its names.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace graphc {

/// "std/…" in an import means the standard library.
constexpr std::string_view standardPrefix = "std/";

/// The text of "std/layers.graph"; nullopt if there is no such file.
std::optional<std::string_view> standardFile(std::string_view path);
/// "std/attention.graph", "std/layers.graph", …
std::vector<std::string> standardFiles();

/// The file whose names stand under a part of tf: "std/layers.graph" for "tf.layers"; empty: none.
std::string_view standardFileOf(std::string_view space);
/// The file that defines a name of such a part itself, so that no more than that one is parsed:
/// "std/core.graph" for "dense" of "tf.layers". For other names, standardFileOf(space).
std::string_view standardFileOf(std::string_view space, std::string_view name);
/// The file that defines a function of the library itself: "std/rnn.graph" for "dynamic_rnn";
/// empty: none.
std::string_view standardFileWith(std::string_view name);
/// The names for which the latter gives one.
std::vector<std::string_view> standardNames();

} // namespace graphc
