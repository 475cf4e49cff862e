// The function that runs a program: works out where everything lies, and calls the kernels.
#pragma once

#include "interface/plan.h"
#include "lower/kernels.h"

namespace graphc::lower {

/// What bodies have in common within a module.
struct ModuleData {
  explicit ModuleData(llvm::Module &module) : module(module) {}

  llvm::Module &module;
  /// The constant with a literal's bytes.
  llvm::GlobalVariable *literal(const Node &node);
  /// Memory to read nothing from: what stands for a null pointer where there are no elements.
  llvm::GlobalVariable *nothing();

private:
  std::map<std::string, llvm::GlobalVariable *> literals_;
  llvm::GlobalVariable *nothing_ = nullptr;
};

/// The packs of a variant: what is kept packed, and where.
struct PackTable {
  struct Entry {
    PackRequest request;
    int64_t offset = 0;
    llvm::Function *function = nullptr;
  };
  std::vector<Entry> entries;
  int64_t bytes = 0;

  int indexOf(const PackRequest &request);
};

struct BodyCode {
  llvm::Function *body = nullptr;      // int32_t (graphrt_call *)
  llvm::Function *workspace = nullptr; // may be null: fixedBytes
  int64_t workspaceBytes = 0;
  int64_t laneBytes = 0;
  std::vector<int> packs;
};

/// `function` may be null: initial values, which have no run-time dimensions.
BodyCode emitBody(ModuleData &data, Program &program, const InterfaceFunction *function,
                  Kernels &kernels, PackTable &packs, const std::string &name);

/// `void (graphrt_call *, uint8_t *)` that fills pack `index`.
llvm::Function *emitPackEntry(ModuleData &data, const PackTable::Entry &entry,
                              const std::string &name);

} // namespace graphc::lower
