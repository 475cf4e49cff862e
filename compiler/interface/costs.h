// What the operations of a graph cost, summed up over name scopes and exports.
#pragma once

#include "ops/cost.h"
#include "source/source.h"

#include <string>
#include <vector>

namespace graphc {

class JsonWriter;

using DimValues = std::vector<std::pair<std::string, int64_t>>;

struct CostRow {
  std::string name;      // of the operation, scope ("": all) or export
  std::string_view type; // of an operation; empty of the steps of a derivative
  Cost cost;
  Span span;            // of an operation
  bool unknown = false; // an operation whose rank is known at run time only; it counts as nothing
};

struct CostReport {
  /// In order of creation. What has no name counts for the named operation that it is a step of, or
  /// stands under the name "gradients/conv1/Conv2D_grad" as one row.
  std::vector<CostRow> operations;
  std::vector<CostRow> scopes; // each before those in it; the first one is all
  std::vector<CostRow> exports;
  Cost initialValues; // of operations that only initial values need, which are none of the above
  size_t unknown = 0; // operations that could not be counted
};

/// `dims`: values of run-time dimensions, by `dimName`; the others stay in the sums.
CostReport costsOf(const Graph &graph, const DimValues &dims);

/// The names of the run-time dimensions that may be given values.
std::vector<std::string> dimNames(const Graph &graph);

/// As tables, for people; operations that cost nothing are left out.
void writeCosts(const CostReport &report, const SourceManager &sources, std::string &out);
/// As the key "cost" of an object.
void writeCostsJson(const CostReport &report, const SourceManager &sources, JsonWriter &to);

} // namespace graphc
