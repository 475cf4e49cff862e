// Two versions of a file as people compare them.
#pragma once

#include <string>
#include <string_view>

namespace graphc {

/// A unified diff with three lines around each change; "" where nothing differs. `before` and
/// `after` are the file's name as the first two lines give it.
std::string unifiedDiff(std::string_view before, std::string_view after, std::string_view name);

} // namespace graphc
