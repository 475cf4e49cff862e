// Where the compiler's own library lies; what belongs to it lies beside it.
#pragma once

#include <string>

namespace graphc {

/// The folder that libgraphc.so was loaded from.
std::string libraryFolder();

} // namespace graphc
