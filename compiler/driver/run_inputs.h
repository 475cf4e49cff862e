// The inputs of `graphc run`: where they come from and whether they fit.
#pragma once

#include "interface/plan.h"
#include "ops/op.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace graphc {

/// NAME=VALUE of an option, in the order given.
using Bindings = std::vector<std::pair<std::string, std::string>>;

/// Splits NAME=VALUE options. False, with the reason in `why`, if one is malformed or given twice.
bool parseBindings(const std::vector<std::string> &options, std::string_view option,
                   Bindings &bindings, std::string &why);

/// The position of the export among the graph's; -1, with the reason in `why`.
int findExport(const ModelInterface &model, const std::string &name, std::string &why);

/// The bytes of an array, if this machine has the memory for it.
std::optional<int64_t> bytesOf(DType dtype, const std::vector<int64_t> &dims);

struct RunInputs {
  std::vector<int64_t> dims;      // of the function, in its order
  std::vector<Array> arrays;      // one for each input
  std::vector<std::string> notes; // what was assumed
};

/// Reads or makes every input of `function`. Dimensions that no file gives are taken from `dims`
/// (NAME=N), else they are 1. False, with the input named in `why`, if one is missing, does not
/// fit, or can't be read.
bool gatherInputs(const InterfaceFunction &function, const Bindings &files, const Bindings &dims,
                  uint64_t seed, RunInputs &inputs, std::string &why);

/// A tensor as text, in the manner of NumPy: nested brackets, long axes cut in the middle.
std::string arrayText(const Array &array);

} // namespace graphc
