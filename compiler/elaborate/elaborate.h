// Elaboration: runs a definition once, top to bottom, and leaves its graph behind.
#pragma once

#include "graph/graph.h"
#include "source/diagnostics.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace graphc {

struct Trace;

/// What ends a definition that would go on for ever or eat the memory (E0007, calls E0106).
struct Limits {
  uint64_t steps = 20'000'000;         // statements, calls and list elements
  uint64_t operations = 5'000'000;     // of the graph
  uint64_t listLength = 10'000'000;    // of one list, string or range
  uint64_t memory = uint64_t(4) << 30; // bytes of values and names, in all
  uint32_t callDepth = 200;
};

struct ElaborateOptions {
  std::vector<std::pair<std::string, std::string>> defines; // -D NAME=VALUE
  Limits limits;
  /// Where print() goes: whole lines, without the end of line.
  std::function<void(std::string_view)> print;
  /// Reads files; another one than the file system's for texts that are not saved.
  FileReader read = readFile;
  /// Where to record what happens; null: nowhere.
  Trace *trace = nullptr;
  /// The values of the run end with the result: of a large definition's time, a tenth goes into
  /// giving them back one by one, which a process that ends with it can save.
  bool keepValues = false;
};

struct Elaborated {
  std::shared_ptr<void> workspace; // names and trees that the graph points into
  std::shared_ptr<void> values;    // of the run, where they were to be kept
  Graph graph;
  /// Every file that was read, the definition first, as named: for depfiles.
  std::vector<std::string> files;
  /// What is wrong with the -D options ("no param is called 'bach'; did you mean 'batch'?"):
  /// wrong usage, exit status 2. No diagnostic was made for them.
  std::vector<std::string> usageErrors;
  /// The params that there are, as -D names them, and the -D names that are none of them.
  std::vector<std::string> params, unknownDefines;
  /// The file named on the command line could not be read or is not UTF-8: exit status 2.
  bool unreadable = false;
};

/// "no param is called 'bach'; did you mean 'batch'?", or which there are.
std::string noParam(std::string_view name, const std::vector<std::string_view> &params);

/// Reads, parses and runs the definition in `path` ("-": standard input). Errors go to
/// `diagnostics`; the graph is only whole where there were none.
std::unique_ptr<Elaborated> elaborate(SourceManager &sources, const std::string &path,
                                      const ElaborateOptions &options, Diagnostics &diagnostics);

} // namespace graphc
