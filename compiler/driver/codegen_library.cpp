// Loads the code generator when a command first needs it: LLVM takes longer to load than most
// definitions take to check.
#include "codegen/codegen.h"
#include "driver/command.h"

#include <dlfcn.h>

namespace graphc {

const Codegen *loadCodegen(std::string &why) {
  static const Codegen *loaded = nullptr;
  if (loaded) return loaded;
  std::string folder = programFolder();
  void *library = nullptr;
  for (const char *place : {"/../lib/libgraphc-codegen.so", "/libgraphc-codegen.so"}) {
    library = dlopen((folder + place).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library) break;
    // The first reason stands, unless there is no such file there.
    const char *message = dlerror();
    if (why.empty() ||
        (message && !std::string_view(message).ends_with("No such file or directory")))
      why = message ? message : "unknown reason";
  }
  if (!library) {
    why = "the code generator can't be loaded: " + why;
    return nullptr;
  }
  auto entry = reinterpret_cast<const Codegen *(*)()>(dlsym(library, "graphc_codegen"));
  if (entry) loaded = entry();
  if (!loaded) why = "the code generator beside this program is not one of this version";
  return loaded;
}

} // namespace graphc
