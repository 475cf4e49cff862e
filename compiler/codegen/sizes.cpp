#include "codegen/sizes.h"

#include <llvm/Object/ObjectFile.h>
#include <llvm/Object/SymbolSize.h>

namespace graphc {

namespace {

bool isFor(const llvm::Function &function, const lower::Target &level) {
  unsigned scale = 0;
  if (function.hasFnAttribute(llvm::Attribute::VScaleRange))
    scale = function.getFnAttribute(llvm::Attribute::VScaleRange).getVScaleRangeMin();
  return scale == level.scale &&
         function.getFnAttribute("target-cpu").getValueAsString() == level.cpu &&
         function.getFnAttribute("target-features").getValueAsString() == level.features;
}

} // namespace

llvm::StringMap<size_t> levelsOfFunctions(const llvm::Module &module,
                                          const std::vector<lower::Target> &levels) {
  llvm::StringMap<size_t> places;
  for (const llvm::Function &function : module) {
    if (function.isDeclaration()) continue;
    size_t place = 0;
    while (place < levels.size() && !isFor(function, levels[place])) ++place;
    places[function.getName()] = place;
  }
  return places;
}

CodeSizes sizesOf(const std::string &object, const llvm::StringMap<size_t> &functions,
                  const std::vector<lower::Target> &levels, const std::string &cpu) {
  CodeSizes sizes;
  sizes.file = int64_t(object.size());
  for (const lower::Target &level : levels)
    sizes.levels.push_back({!level.suffix.empty() ? level.suffix.substr(1)
                            : cpu.empty()         ? "baseline"
                                                  : level.cpu});
  auto file = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "object"));
  if (!file) {
    llvm::consumeError(file.takeError());
    return sizes;
  }
  for (const llvm::object::SectionRef &section : (*file)->sections())
    if (section.isText())
      sizes.otherCode += int64_t(section.getSize());
    else if (section.isData())
      sizes.data += int64_t(section.getSize());
  for (const auto &[symbol, bytes] : llvm::object::computeSymbolSizes(**file)) {
    auto name = symbol.getName();
    if (!name) {
      llvm::consumeError(name.takeError());
      continue;
    }
    auto at = functions.find(*name);
    // Mach-O puts an underscore before names.
    if (at == functions.end() && name->starts_with("_")) at = functions.find(name->drop_front());
    if (at == functions.end() || at->second >= levels.size()) continue;
    LevelSize &level = sizes.levels[at->second];
    ++level.functions;
    level.code += int64_t(bytes);
    sizes.otherCode -= int64_t(bytes);
  }
  return sizes;
}

} // namespace graphc
