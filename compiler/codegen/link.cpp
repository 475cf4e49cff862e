// Linking in process, by LLD.
#include "codegen/backend.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
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
  bool valid() const { return !path_.empty(); }
  std::string file(const std::string &name) const { return path_ + "/" + name; }

private:
  std::string path_;
};

} // namespace

bool sharedLibraryOf(const std::string &name, const std::string &object,
                     const std::string &runtimeArchive, std::string &library, std::string &why) {
  TemporaryFolder folder;
  if (!folder.valid()) {
    why = "no temporary folder can be made";
    return false;
  }
  std::string input = folder.file(name + ".o"), output = folder.file("lib" + name + ".so");
  {
    std::ofstream file(input, std::ios::binary);
    file.write(object.data(), std::streamsize(object.size()));
    if (!file.flush()) {
      why = fmt::format("{} can't be written", input);
      return false;
    }
  }
  std::string soname = "lib" + name + ".so";
  // The runtime is part of the library and offered by it: programs need nothing else.
  std::vector<const char *> args = {"ld.lld",
                                    "-shared",
                                    "-o",
                                    output.c_str(),
                                    "--build-id=none",
                                    "--gc-sections",
                                    "-soname",
                                    soname.c_str(),
                                    "-z",
                                    "noexecstack",
                                    input.c_str(),
                                    "--whole-archive",
                                    runtimeArchive.c_str(),
                                    "--no-whole-archive"};
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
  library = (*linked)->getBuffer().str();
  return true;
}

} // namespace graphc
