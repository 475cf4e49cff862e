// Where the compiler's own library lies; what belongs to it lies beside it.
#pragma once

#include <string>

namespace graphc {

/// The folder that libgraphc.so was loaded from.
std::string libraryFolder();

/// One of the runtime's libraries ("libgraphrt.a"): beside the compiler's own, as in a build tree,
/// or in the folder above, as installed. Empty if it is in neither.
std::string runtimeLibrary(const std::string &name);

} // namespace graphc
