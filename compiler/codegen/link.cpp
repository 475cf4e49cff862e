// Linking in process, by LLD.
#include "codegen/backend.h"
#include "interface/location.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <link.h>
#include <lld/Common/Driver.h>
#include <llvm/Support/FileSystem.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/raw_ostream.h>

LLD_HAS_DRIVER(elf)

namespace graphc {

namespace {

/// A folder that is gone again afterwards.
class TemporaryFolder {
public:
  TemporaryFolder() {
    llvm::SmallString<128> made;
    if (!llvm::sys::fs::createUniqueDirectory("graphc", made)) path_ = made.str().str();
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;
  bool valid() const { return !path_.empty(); }
  std::string file(const std::string &name) const { return path_ + "/" + name; }

  bool write(const std::string &name, const std::string &bytes, std::string &why) const {
    std::ofstream out(file(name), std::ios::binary);
    out.write(bytes.data(), std::streamsize(bytes.size()));
    if (out.flush()) return true;
    why = fmt::format("{} can't be written", file(name));
    return false;
  }

private:
  std::string path_;
};

bool exists(const std::string &path) {
  std::error_code failed;
  return std::filesystem::exists(path, failed);
}

/// The libraries of that name ("libc.so.6") that this process runs on.
std::string loadedLibrary(std::string_view name) {
  struct Search {
    std::string wanted, found;
  } search{"/" + std::string(name), ""};
  dl_iterate_phdr(
      [](dl_phdr_info *info, size_t, void *data) {
        auto &s = *static_cast<Search *>(data);
        std::string_view path = info->dlpi_name ? info->dlpi_name : "";
        if (path.ends_with(s.wanted)) s.found = path;
        return 0;
      },
      &search);
  return search.found;
}

/// The folder with the C library's development files. Empty, with the reason in `why`, if it is
/// nowhere; GRAPHC_LIBC names it where it is not in one of the usual places.
std::string developmentFiles(const llvm::Triple &triple, std::string &why) {
  std::vector<std::string> folders;
  const char *given = std::getenv("GRAPHC_LIBC");
  if (given && *given) {
    folders = {given};
  } else {
    std::string multiarch = triple.getArchName().str() + "-linux-gnu";
    folders = {"/usr/lib/" + multiarch, "/usr/lib64", "/usr/lib", "/lib64", "/lib"};
  }
  for (const std::string &folder : folders)
    if (exists(folder + "/Scrt1.o") && exists(folder + "/crti.o") && exists(folder + "/crtn.o") &&
        exists(folder + "/libc.so") && exists(folder + "/libm.so"))
      return folder;
  why = fmt::format("a program needs the C library's development files (Scrt1.o, crti.o, crtn.o, "
                    "libc.so, libm.so), which are not in {}: install libc6-dev",
                    given && *given ? given : "the usual folders");
  return "";
}

const char *dynamicLinker(const llvm::Triple &triple) {
  switch (triple.getArch()) {
  case llvm::Triple::x86_64:
    return "/lib64/ld-linux-x86-64.so.2";
  case llvm::Triple::aarch64:
    return "/lib/ld-linux-aarch64.so.1";
  case llvm::Triple::riscv64:
    return "/lib/ld-linux-riscv64-lp64d.so.1";
  default:
    return nullptr;
  }
}

bool link(const std::vector<std::string> &words, const std::string &output, std::string &bytes,
          std::string &why) {
  // Sections nobody needs go; nothing of this machine but what it is asked for comes in.
  std::vector<std::string> all = {
      "ld.lld",      "-o", output, "--build-id=none", "--gc-sections", "--as-needed", "-z",
      "noexecstack", "-z", "relro"};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<const char *> args;
  for (const std::string &word : all) args.push_back(word.c_str());
  std::string said;
  llvm::raw_string_ostream errors(said);
  lld::Result result = lld::lldMain(args, llvm::nulls(), errors, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0) {
    why = "linking failed: " + errors.str();
    return false;
  }
  auto linked = llvm::MemoryBuffer::getFile(output, false, false);
  if (!linked) {
    why = fmt::format("{} can't be read", output);
    return false;
  }
  bytes = (*linked)->getBuffer().str();
  return true;
}

/// The runtime's library of that name. Empty, with the reason in `why`, if it is not installed.
std::string neededLibrary(const std::string &name, std::string &why) {
  std::string path = runtimeLibrary(name);
  if (path.empty())
    why = fmt::format("{} of the runtime is not installed; it is part of graphc-dev", name);
  return path;
}

} // namespace

bool sharedLibraryOf(const std::string &name, const std::string &object, std::string &library,
                     std::string &why) {
  std::string runtime = neededLibrary("libgraphrt.a", why);
  if (runtime.empty()) return false;
  TemporaryFolder folder;
  if (!folder.valid()) {
    why = "no temporary folder can be made";
    return false;
  }
  std::string file = "lib" + name + ".so";
  if (!folder.write(name + ".o", object, why)) return false;
  // The runtime is part of the library and offered by it: programs need nothing else.
  std::vector<std::string> words = {
      "-shared", "-soname",           file, folder.file(name + ".o"), "--whole-archive",
      runtime,   "--no-whole-archive"};
  // No development files are needed: the C library that this process runs on says which versions
  // of its symbols there are.
  for (const char *needed : {"libm.so.6", "libc.so.6"})
    if (std::string path = loadedLibrary(needed); !path.empty()) words.push_back(path);
  return link(words, folder.file(file), library, why);
}

bool programOf(const std::string &name, const std::string &object, const std::string &main,
               const llvm::Triple &triple, std::string &program, std::string &why) {
  std::string mainLibrary = neededLibrary("libgraphrt_main.a", why);
  std::string runtime = mainLibrary.empty() ? "" : neededLibrary("libgraphrt.a", why);
  if (runtime.empty()) return false;
  const char *interpreter = dynamicLinker(triple);
  if (!interpreter || !triple.isOSLinux()) {
    why = fmt::format("programs are not linked for {}; link its library with one", triple.str());
    return false;
  }
  std::string libc = developmentFiles(triple, why);
  if (libc.empty()) return false;
  TemporaryFolder folder;
  if (!folder.valid()) {
    why = "no temporary folder can be made";
    return false;
  }
  if (!folder.write("main.o", main, why) || !folder.write(name + ".o", object, why)) return false;
  std::vector<std::string> words = {"-pie",
                                    "-dynamic-linker",
                                    interpreter,
                                    "-L" + libc,
                                    libc + "/Scrt1.o",
                                    libc + "/crti.o",
                                    folder.file("main.o"),
                                    folder.file(name + ".o"),
                                    mainLibrary,
                                    runtime,
                                    "-lm",
                                    "-lc",
                                    libc + "/crtn.o"};
  // Part of libc from glibc 2.34 on.
  if (exists(libc + "/libpthread.so")) words.insert(words.end() - 1, "-lpthread");
  return link(words, folder.file(name), program, why);
}

} // namespace graphc
