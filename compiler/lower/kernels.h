// The kernels of one processor level: emitted once for all nodes that are alike.
#pragma once

#include "lower/kernel.h"
#include "lower/plan.h"

namespace graphc::lower {

/// A kernel's function, and what to call it with.
struct KernelCall {
  llvm::Function *function = nullptr;
  std::vector<Node *> operands;  // slot → node; null: the node itself
  int packed = -1, scratch = -1; // slots of a packed operand and of workspace, if any
  std::vector<const DimSymbol *> symbols;
};

/// A packed copy of a variable, for the runtime to keep.
struct PackRequest {
  Node *source = nullptr; // the variable, or a literal that is one frozen
  int64_t bytes = 0;
  std::string key; // equal keys and sources: the same pack
};

class Kernels {
public:
  Kernels(llvm::Module &module, const Target &target) : module_(module), target_(target) {}

  /// The calls that compute the node; none for what the runtime does.
  std::vector<KernelCall> calls(ExprPool &exprs, Node *node, bool mayPack);
  /// What the node would have packed: a variable, or an input of a loop's body.
  std::optional<PackRequest> packOf(const Node &node) const;
  /// `void pack(graphrt_call *, source, destination)` for it.
  llvm::Function *packFunction(const Node &node);
  /// Workspace of the node's own.
  Dim scratchBytes(const Node &node, bool mayPack) const;

  int64_t laneBytes(llvm::Function *function) const { return laneBytes_.at(function); }
  const Target &target() const { return target_; }

private:
  KernelCall contraction(ExprPool &exprs, Node *node, bool mayPack);
  std::string nextName() {
    return "graphc.kernel" + std::to_string(functions_.size()) + target_.suffix;
  }

  llvm::Module &module_;
  const Target &target_;
  std::map<std::string, llvm::Function *> functions_;
  std::map<std::string, llvm::Function *> packs_;
  std::unordered_map<llvm::Function *, int64_t> laneBytes_;
};

} // namespace graphc::lower
