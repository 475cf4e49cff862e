// The border of code generation. lower and codegen are a library of their own,
// libgraphc-codegen.so, which alone knows LLVM; the driver loads it for the commands that need
// it, with dlopen, and asks it for this table.
#pragma once

#include "interface/plan.h"

#include <graphrt/graphrt.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace graphc {

/// What `graphc build --emit=` names; headers and the graph are made without this library.
enum class Emit : uint8_t { Object, Static, Shared, Header, Exe, LlvmIr, Bitcode, Asm, Graph };

/// The code for one level of processor.
struct LevelSize {
  std::string level; // as GRAPHRT_CPU names it, or a processor
  int64_t functions = 0;
  int64_t code = 0; // bytes
};

/// What an object file holds, in bytes.
struct CodeSizes {
  std::vector<LevelSize> levels; // the lowest first
  int64_t otherCode = 0;         // what there is of once, whatever the processor
  int64_t data = 0;              // constants, descriptions, frozen variables
  int64_t file = 0;              // all of it, with symbols and relocations
};

struct CodegenOptions {
  std::string target; // a triple; empty: this machine's
  std::string cpu;    // empty: a portable baseline and faster versions chosen by create();
                      // "native": this machine's
  int level = 3;      // -O0 … -O3
  /// The variables' values by their places, where they are compiled in (`--weights`): create()
  /// uses them, load() refuses, save() writes them. Null: the initializers run in create().
  const std::map<std::string_view, const Literal *> *frozen = nullptr;
  CodeSizes *sizes = nullptr; // filled in by emit, where asked for
  std::string sourceName;     // of the definition, without folders; the only path in the output
};

/// One file's contents, to be written as NAME's "libNAME.a", "NAME.o", "NAME.ll", ….
struct EmittedFile {
  Emit kind;
  std::string name;
  std::string bytes;
  bool executable = false;
};

/// A definition compiled in memory; its code lives as long as the object.
class CompiledModel {
public:
  virtual ~CompiledModel() = default;
  virtual const graphrt_model *model() const = 0;
};

/// What the library offers. `graph` is what is to be compiled: the passes (transform/passes.h) have
/// run on it, with frozen variables' reads as constants. `model` was planned before them, so that
/// code and headers agree: the dimensions that a function takes are those, in their order, whatever
/// the passes left of their uses; tensors are those of graph.exports. Errors in the definition go
/// to `diagnostics` (E0302, where an operation does not run on a dtype yet); all else that fails (a
/// target that does not exist, a linker that is not there) is said in `why` and is wrong usage.
struct Codegen {
  /// Makes every file of `kinds` (Header and Graph excepted) into `files`, or none.
  bool (*emit)(Graph &graph, const ModelInterface &model, const CodegenOptions &options,
               const std::vector<Emit> &kinds, std::vector<EmittedFile> &files,
               Diagnostics &diagnostics, std::string &why);
  /// Compiles for this machine, in memory. Null on failure.
  std::unique_ptr<CompiledModel> (*compile)(Graph &graph, const ModelInterface &model,
                                            const CodegenOptions &options, Diagnostics &diagnostics,
                                            std::string &why);
  /// graphrt_message() of the runtime that compiled models call.
  const char *(*message)();
};

} // namespace graphc

/// The library's one entry.
extern "C" const graphc::Codegen *graphc_codegen();
