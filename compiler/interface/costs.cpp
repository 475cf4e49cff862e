#include "interface/costs.h"

#include "interface/steps.h"
#include "interface/table.h"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_map>

namespace graphc {

namespace {

using Json = nlohmann::ordered_json;

/// Adds up many dimensions, without an expression for each sum on the way.
class DimSum {
public:
  void add(Dim dim) {
    if (dim.isOverflow()) {
      constant_ = dim;
    } else if (dim.isStatic()) {
      constant_ = constant_ + dim;
    } else if (dim.expr->kind == DimExpr::Sum) {
      constant_ = constant_ + Dim(dim.expr->constant);
      for (const DimTerm &term : dim.expr->terms) addTerm(term.atom, term.factor);
    } else {
      addTerm(dim.expr, 1);
    }
  }
  Dim total() const {
    std::vector<Dim> parts{constant_};
    for (const DimExpr *atom : order_) parts.push_back(factors_.at(atom) * Dim(atom));
    // In pairs: each sum is an expression with all its terms.
    for (; parts.size() > 1; parts.resize((parts.size() + 1) / 2))
      for (size_t i = 0; i < parts.size(); i += 2)
        parts[i / 2] = i + 1 < parts.size() ? parts[i] + parts[i + 1] : parts[i];
    return parts[0];
  }

private:
  void addTerm(const DimExpr *atom, int64_t factor) {
    auto [at, isNew] = factors_.try_emplace(atom, 0);
    if (isNew) order_.push_back(atom);
    at->second = at->second + Dim(factor);
  }

  Dim constant_;
  std::unordered_map<const DimExpr *, Dim> factors_; // known numbers, or overflow
  std::vector<const DimExpr *> order_;
};

struct CostSum {
  DimSum flops, bytes;

  void add(const Cost &cost) {
    flops.add(cost.flops);
    bytes.add(cost.bytes);
  }
  Cost total() const { return {flops.total(), bytes.total()}; }
};

bool isNothing(const Cost &cost) { return cost.flops.is(0) && cost.bytes.is(0); }

/// The scopes around `name`, each before those in it, summed up in a tree.
class ScopeSums {
public:
  void add(std::string_view name, const Cost &cost) {
    root_.cost.add(cost);
    Node *at = &root_;
    for (size_t slash = name.find('/'); slash != std::string_view::npos;
         slash = name.find('/', slash + 1)) {
      auto [found, isNew] = nodes_.try_emplace(std::string(name.substr(0, slash)));
      if (isNew) {
        found->second.name = name.substr(0, slash);
        at->inner.push_back(&found->second);
      }
      at = &found->second;
      at->cost.add(cost);
    }
  }
  std::vector<CostRow> rows() const {
    std::vector<CostRow> out;
    std::vector<const Node *> open{&root_};
    while (!open.empty()) {
      const Node *node = open.back();
      open.pop_back();
      out.push_back({node->name, "", node->cost.total(), {}});
      for (size_t i = node->inner.size(); i-- > 0;) open.push_back(node->inner[i]);
    }
    return out;
  }

private:
  struct Node {
    std::string name;
    CostSum cost;
    std::vector<const Node *> inner;
  };
  Node root_;
  std::unordered_map<std::string, Node> nodes_;
};

} // namespace

std::vector<std::string> dimNames(const Graph &graph) {
  std::vector<std::string> names;
  for (const auto &symbol : graph.dims.symbols()) names.push_back(dimName(*symbol));
  return names;
}

CostReport costsOf(const Graph &graph, const DimValues &dims) {
  CostReport report;
  std::unordered_map<std::string, int64_t> given(dims.begin(), dims.end());
  auto value = [&](const DimSymbol &symbol) -> std::optional<int64_t> {
    auto found = given.find(dimName(symbol));
    return found == given.end() ? std::nullopt : std::optional(found->second);
  };
  std::vector<std::optional<Cost>> costs;
  for (const Operation *op : graph.operations) {
    auto cost = costOf(*op);
    if (cost && !given.empty())
      cost = Cost{substitute(cost->flops, value), substitute(cost->bytes, value)};
    costs.push_back(cost);
  }

  std::vector<bool> needed(graph.operations.size());
  for (const Export &exported : graph.exports) {
    CostRow &row = report.exports.emplace_back();
    row.name = exported.name;
    CostSum sum;
    for (const Operation *op : neededBy(exported)) {
      needed[op->id] = true;
      if (costs[op->id])
        sum.add(*costs[op->id]);
      else
        row.unknown = true;
    }
    row.cost = sum.total();
  }
  std::vector<bool> initial(graph.operations.size());
  CostSum initialValues;
  for (const Operation *op : neededByInitialValues(graph)) {
    if (needed[op->id]) continue;
    initial[op->id] = true;
    if (costs[op->id]) initialValues.add(*costs[op->id]);
  }
  report.initialValues = initialValues.total();

  StepNames steps(graph);
  ScopeSums scopes;
  std::unordered_map<std::string_view, size_t> rows;
  for (const Operation *op : graph.operations) {
    if (initial[op->id]) continue;
    const auto &cost = costs[op->id];
    std::string_view unit = steps.of(*op);
    if (op->name.empty() && cost && isNothing(*cost)) continue;
    auto [at, isNew] = rows.try_emplace(unit, report.operations.size());
    if (isNew) report.operations.push_back({std::string(unit), "", {}, op->span});
    CostRow &row = report.operations[at->second];
    if (!op->name.empty()) row.type = op->type;
    if (!cost) {
      row.unknown = true;
      ++report.unknown;
      continue;
    }
    row.cost = {row.cost.flops + cost->flops, row.cost.bytes + cost->bytes};
    scopes.add(unit, *cost);
  }
  report.scopes = scopes.rows();
  return report;
}

void writeCosts(const CostReport &report, const SourceManager &sources, std::string &out) {
  auto cells = [](const CostRow &row, std::vector<std::string> before) {
    bool nothing = row.unknown && isNothing(row.cost);
    before.push_back(nothing ? "?" : grouped(row.cost.flops));
    before.push_back(nothing ? "?" : grouped(row.cost.bytes));
    return before;
  };
  Table operations("cost of operations", {"name", "type", ">FLOPs", ">bytes", "location"});
  size_t free = 0;
  for (const CostRow &row : report.operations) {
    if (isNothing(row.cost) && !row.unknown) {
      ++free;
      continue;
    }
    auto line = cells(row, {row.name, std::string(row.type)});
    line.push_back(sources.location(row.span));
    operations.row(std::move(line));
  }
  operations.writeTo(out);
  if (free > 0) out += fmt::format("  {} more cost nothing\n", grouped(int64_t(free)));
  if (report.unknown > 0)
    out += fmt::format("  {} of unknown rank could not be counted\n",
                       grouped(int64_t(report.unknown)));

  Table scopes("cost of scopes", {"scope", ">FLOPs", ">bytes"});
  for (const CostRow &row : report.scopes)
    scopes.row(cells(row, {row.name.empty() ? "(all)" : row.name}));
  scopes.writeTo(out);

  Table exports("cost of exports", {"export", ">FLOPs", ">bytes"});
  for (const CostRow &row : report.exports) exports.row(cells(row, {row.name}));
  exports.writeTo(out);

  if (isNothing(report.initialValues)) return;
  Table initial("cost of initial values", {">FLOPs", ">bytes"}, false);
  initial.row({grouped(report.initialValues.flops), grouped(report.initialValues.bytes)});
  initial.writeTo(out);
}

void writeCostsJson(const CostReport &report, const SourceManager &sources, JsonWriter &to) {
  auto number = [](Dim dim) -> Json {
    if (dim.isOverflow()) return nullptr;
    return dim.isStatic() ? Json(dim.value) : Json(dimText(dim));
  };
  auto costJson = [&](const CostRow &row) -> Json {
    Json json{
        {"name", row.name}, {"flops", number(row.cost.flops)}, {"bytes", number(row.cost.bytes)}};
    if (row.unknown) json["incomplete"] = true;
    return json;
  };
  auto list = [&](const std::vector<CostRow> &rows) {
    Json json = Json::array();
    for (const CostRow &row : rows) json.push_back(costJson(row));
    return json;
  };
  Json operations = Json::array();
  for (const CostRow &row : report.operations) {
    Json json = costJson(row);
    json["type"] = row.type.empty() ? Json() : Json(row.type);
    json["location"] = sources.location(row.span);
    operations.push_back(std::move(json));
  }
  to.key("cost");
  to.out += "{\"operations\": ";
  to.open();
  for (const Json &json : operations) to.record(json);
  to.close();
  to.out += ",\n  \"scopes\": " + JsonWriter::text(list(report.scopes)) +
            ",\n  \"exports\": " + JsonWriter::text(list(report.exports)) +
            ",\n  \"initial_values\": " +
            JsonWriter::text({{"flops", number(report.initialValues.flops)},
                              {"bytes", number(report.initialValues.bytes)}}) +
            "}";
}

} // namespace graphc
