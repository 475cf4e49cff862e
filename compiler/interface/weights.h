// Checkpoints, as values of a graph's variables: for `build --weights` and for the reference
// evaluation. Compiled code reads and writes its own, in the runtime.
#pragma once

#include "graph/graph.h"
#include "ops/op.h"

#include <string>
#include <utility>
#include <vector>

namespace graphc {

struct Checkpoint {
  std::vector<Array> values; // by the variables' index; see `present`
  std::vector<bool> present; // an optimizer's slots may be missing
  bool hasRandom = false;    // seed and counter were in the file
  uint64_t seed = 0;
  uint64_t counter = 0; // the number of the next call that draws
};

/// Reads the values of the graph's variables from a safetensors file, by their places; parts are
/// cut out of their whole. False, with the reason in `why` (it names the tensor), where one is
/// missing or of another shape or dtype, or the file is malformed.
bool readCheckpoint(const Graph &graph, const std::string &path, Checkpoint &checkpoint,
                    std::string &why);

class TensorFile;

/// Why the file does not hold the values of the graph's variables, with the first differences of
/// every kind: what is missing, what has another shape or dtype, and then what no variable has.
/// "" where it does; an optimizer's slots may be missing, and there may be more in the file.
std::string checkpointDifferences(const Graph &graph, const TensorFile &file);

/// What a checkpoint's "__metadata__" holds beside seed and counter, by key.
using Metadata = std::vector<std::pair<std::string, std::string>>;

/// Writes one; `values` by the variables' index.
bool writeCheckpoint(const Graph &graph, const std::vector<const Array *> &values, uint64_t seed,
                     uint64_t counter, const Metadata &metadata, const std::string &path,
                     std::string &why);

} // namespace graphc
