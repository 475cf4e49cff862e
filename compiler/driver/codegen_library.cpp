// Loads the code generator when a command first needs it: LLVM takes longer to load than most
// definitions take to check.
#include "codegen/codegen.h"
#include "driver/command.h"
#include "interface/location.h"

#include <dlfcn.h>

namespace graphc {

const Codegen *loadCodegen(std::string &why) {
  static const Codegen *loaded = nullptr;
  if (loaded) return loaded;
  std::string path = libraryFolder() + "/libgraphc-codegen.so";
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *message = dlerror();
    why = fmt::format("the code generator can't be loaded: {}", message ? message : path);
    return nullptr;
  }
  auto entry = reinterpret_cast<const Codegen *(*)()>(dlsym(library, "graphc_codegen"));
  if (entry) loaded = entry();
  if (!loaded) why = "the code generator beside this program is not one of this version";
  return loaded;
}

} // namespace graphc
