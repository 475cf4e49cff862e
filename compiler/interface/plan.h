// The generated C interface of a definition, planned: which functions there are, what they take
// and in which order, and how they are called at link time. The header writers, the code
// generator and `graphc run` all go by it.
#pragma once

#include "graph/graph.h"
#include "source/diagnostics.h"

#include <optional>
#include <string>
#include <vector>

namespace graphc {

/// A run-time dimension that a function takes: an `int64_t`.
struct InterfaceDim {
  std::string name; // that of `dim("N")`, or INPUT_dimK of a plain None
  const DimSymbol *symbol = nullptr;
};

/// A buffer that a function takes. `tensor` is that of the graph as it was planned for: passes may
/// have put others in its place in `exported`, of the same dtype and shape.
struct InterfaceBuffer {
  std::string name;
  const Tensor *tensor = nullptr;
};

/// The function of one export. Parameters: the instance, dims, inputs, outputs.
struct InterfaceFunction {
  const Export *exported = nullptr;
  std::string name;       // "lenet_predict"
  std::string symbol;     // its link symbol
  std::string shapesName; // "lenet_predict_shapes"
  std::string shapesSymbol;
  std::vector<InterfaceDim> dims; // every symbol that the call needs, by first appearance in the
                                  // inputs, then anywhere else
  std::vector<InterfaceBuffer> inputs, outputs;

  /// What a call runs, inputs before users; each operation with a body is followed by its body's.
  std::vector<const Operation *> operations() const;
  /// Position in `dims`, or -1.
  int dimIndex(const DimSymbol &symbol) const;
};

struct ModelInterface {
  std::string name; // "lenet"
  std::vector<InterfaceFunction> functions;

  /// The C name and the link symbol of a function that every model has ("create").
  std::string functionName(std::string_view function) const {
    return name + "_" + std::string(function);
  }
  std::string functionSymbol(std::string_view function) const;
};

/// The functions that every model has: create, share, load, save, destroy, model.
std::span<const std::string_view> commonFunctions();

/// The model's name where none is given: the file's without folders and ".graph"; of standard input
/// "model".
std::string modelNameOf(const std::string &file);

/// Plans the interface of `graph` under the name `name` (checked before: modelNameProblem). Names
/// that collide or can't stand in C or C++ are reported (E0405); then nullopt.
std::optional<ModelInterface> planInterface(const Graph &graph, std::string_view name,
                                            Diagnostics &diagnostics);

/// Reports inputs and outputs of unknown rank (E0303): a graph may have them, a function can't.
/// False if there is one.
bool checkRanks(const Graph &graph, Diagnostics &diagnostics);

/// Reports every update of a variable that an export runs (E0406): `--weights` makes the
/// variables constants. False if there is one.
bool checkFrozen(const Graph &graph, Diagnostics &diagnostics);

/// What must hold of the dimensions of one call, checked where they are known. "" if all of it
/// does, else what does not, with the inputs named; `dims` in the function's order.
std::string dimensionsProblem(const InterfaceFunction &function, const std::vector<int64_t> &dims);

/// A dimension in words of the function's own parameters: "4", "N", "2*image_dim0 + 1".
std::string dimText(Dim dim, const InterfaceFunction &function);
/// "(1, N, 10)"
std::string shapeText(Shape shape, const InterfaceFunction &function);

} // namespace graphc
