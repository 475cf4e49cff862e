// Text within XML and HTML.
#pragma once

#include <string>
#include <string_view>

namespace graphc {

/// Text as contents or as an attribute's value. What XML 1.0 has no way to write becomes U+FFFD.
std::string escapedXml(std::string_view text);

} // namespace graphc
