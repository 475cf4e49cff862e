#include "interface/inspect.h"

#include "interface/costs.h"
#include "interface/plan.h"
#include "interface/sharing.h"
#include "interface/table.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace graphc {

namespace {

using Json = nlohmann::ordered_json;

std::string_view kindName(Variable::Kind kind) {
  switch (kind) {
  case Variable::GetVariable:
    return "get_variable";
  case Variable::Plain:
    return "Variable";
  case Variable::Slot:
    return "slot";
  }
  return "";
}

bool isPlaceholder(const Operation &op) {
  return op.type == "Placeholder" || op.type == "PlaceholderWithDefault";
}

/// Null for what has no name; else the dimension's own, or an expression over named ones.
Json dimJson(Dim dim) {
  if (dim.isStatic()) return dim.value;
  std::string text = toString(dim);
  return text.find('?') == std::string::npos ? Json(text) : Json();
}

Json shapeJson(Shape shape) {
  if (!shape.hasRank()) return nullptr;
  Json list = Json::array();
  for (Dim dim : shape.dims()) list.push_back(dimJson(dim));
  return list;
}

/// What the parameters of loops' bodies stand for outside.
using Parameters = std::unordered_map<const Operation *, const Tensor *>;

Parameters parametersOf(const Graph &graph) {
  Parameters all;
  forEachOperation(graph.operations, [&](const Operation *op) {
    for (size_t i = 0; op->body && i < op->inputs.size(); ++i)
      all[op->body->parameters[i + 1]] = op->inputs[i];
  });
  return all;
}

/// The named operations that feed `op`. What has no name of its own (a step on the way) is looked
/// through, and so are the parameters of loops; literals vanish. What such steps lead to is named
/// once.
std::vector<std::string> inputNames(const Operation &op, const Parameters &parameters) {
  std::vector<std::string> names;
  std::set<const Operation *> stepsSeen;
  std::vector<const Tensor *> pending;
  auto push = [&](const Operation &of) {
    for (size_t i = of.inputs.size(); i-- > 0;) pending.push_back(of.inputs[i]);
  };
  push(op);
  while (!pending.empty()) {
    const Tensor *tensor = pending.back();
    pending.pop_back();
    if (!tensor || !tensor->op) continue;
    std::string name = tensorName(*tensor);
    if (!name.empty()) {
      bool own = std::find(op.inputs.begin(), op.inputs.end(), tensor) != op.inputs.end();
      if (own || std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(std::move(name));
    } else if (!stepsSeen.insert(tensor->op).second)
      continue;
    else if (auto outside = parameters.find(tensor->op); outside != parameters.end())
      pending.push_back(outside->second);
    else
      push(*tensor->op);
  }
  return names;
}

std::vector<std::string> updatedVariables(const Export &exported) {
  std::vector<std::string> names;
  for (const Variable *variable : exported.updates) names.emplace_back(variable->name);
  return names;
}

int64_t bytesOf(const Variable &v) { return v.shape.elements().value * dtypeSize(v.dtype); }

Json variableJson(const Variable &v, const SourceManager &sources) {
  Json shared = Json::array();
  for (const Place &place : v.sharedAt) shared.push_back(sources.location(place.span));
  return {{"name", v.name},
          {"op", v.opName},
          {"shape", shapeJson(v.shape)},
          {"dtype", dtypeName(v.dtype)},
          {"trainable", v.trainable},
          {"kind", kindName(v.kind)},
          {"initializer", v.initializer},
          {"location", sources.location(v.span)},
          {"shared_at", std::move(shared)},
          {"parameters", v.shape.elements().value},
          {"bytes", bytesOf(v)}};
}

Json operationJson(const Operation &op, const Parameters &parameters,
                   const SourceManager &sources) {
  bool hasOutput = !op.outputs.empty();
  return {{"name", op.name},
          {"type", op.type},
          {"shape", hasOutput ? shapeJson(op.outputs[0].shape) : Json()},
          {"dtype", hasOutput ? Json(dtypeName(op.outputs[0].dtype)) : Json()},
          {"inputs", inputNames(op, parameters)},
          {"location", sources.location(op.span)}};
}

/// How much variables hold: all, or those trained or not.
struct VariableTotals {
  size_t variables = 0;
  int64_t parameters = 0, bytes = 0;

  VariableTotals(const Graph &graph, std::optional<bool> trainable) {
    for (const Variable *v : graph.variables) {
      if (trainable && v->trainable != *trainable) continue;
      ++variables;
      parameters += v->shape.elements().value;
      bytes += bytesOf(*v);
    }
  }
  Json json() const {
    return {{"variables", variables}, {"parameters", parameters}, {"bytes", bytes}};
  }
};

Json endsJson(const std::vector<ExportEnd> &ends) {
  Json list = Json::array();
  for (const ExportEnd &end : ends)
    if (end.tensor) list.push_back({{"name", end.name}, {"tensor", tensorName(*end.tensor)}});
  return list;
}

} // namespace

std::string tensorName(const Tensor &tensor) {
  const Operation &op = *tensor.op;
  if (op.name.empty())
    return op.variable && readsVariable(op) && !writesVariable(op)
               ? std::string(op.variable->opName)
               : std::string();
  return tensor.index == 0 ? std::string(op.name) : fmt::format("{}:{}", op.name, tensor.index);
}

std::string inspectJson(const Graph &graph, const SourceManager &sources, std::string_view file,
                        const InspectOptions &options) {
  JsonWriter w;
  w.key("graphc");
  w.out += "1, \"file\": " + JsonWriter::text(file);
  w.key("variables");
  w.open();
  for (const Variable *v : graph.variables) w.record(variableJson(*v, sources));
  w.close();
  w.key("operations");
  w.open();
  auto parameters = parametersOf(graph);
  forEachOperation(graph.operations, [&](const Operation *op) {
    if (!op->name.empty()) w.record(operationJson(*op, parameters, sources));
  });
  w.close();
  w.key("name_scopes");
  w.out += JsonWriter::text(graph.nameScopes);
  w.key("placeholders");
  w.open();
  for (const Operation *op : graph.operations)
    if (isPlaceholder(*op))
      w.record({{"name", op->name},
                {"shape", shapeJson(op->outputs[0].shape)},
                {"dtype", dtypeName(op->outputs[0].dtype)}});
  w.close();
  w.key("exports");
  w.open();
  for (const Export &e : graph.exports)
    w.record({{"name", e.name},
              {"inputs", endsJson(e.inputs)},
              {"outputs", endsJson(e.outputs)},
              {"updates", updatedVariables(e)}});
  w.close();
  w.key("collections");
  Json collections = Json::object();
  for (const auto &[key, members] : graph.collections) collections[key] = members;
  w.out += JsonWriter::text(collections);
  w.key("totals");
  w.out += JsonWriter::text({{"all", VariableTotals(graph, std::nullopt).json()},
                             {"trainable", VariableTotals(graph, true).json()},
                             {"not_trainable", VariableTotals(graph, false).json()}});
  if (options.sharing) writeSharingJson(graph, sources, w);
  if (options.cost) writeCostsJson(costsOf(graph, options.dims), sources, w);
  return w.out + "}\n";
}

namespace {

template <typename Texts>
std::string joined(const Texts &parts) {
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string endsText(const std::vector<ExportEnd> &ends) {
  std::vector<std::string> parts;
  for (const ExportEnd &end : ends)
    if (end.tensor) parts.push_back(end.name + "=" + tensorName(*end.tensor));
  return joined(parts);
}

} // namespace

namespace {

/// Where a variable is shared; a place in a loop once, with how often.
std::string sharedPlaces(const Variable &v, const SourceManager &sources) {
  std::vector<std::pair<Span, size_t>> places;
  for (const Place &place : v.sharedAt) {
    auto known = std::find_if(places.begin(), places.end(),
                              [&](const auto &seen) { return seen.first == place.span; });
    if (known != places.end())
      ++known->second;
    else
      places.emplace_back(place.span, 1);
  }
  std::vector<std::string> texts;
  for (const auto &[span, times] : places)
    texts.push_back(sources.location(span) + (times > 1 ? fmt::format(" ({} times)", times) : ""));
  return joined(texts);
}

void variableTables(const Graph &graph, const SourceManager &sources, std::string &out) {
  Table variables("variables", {"name", "op", "shape", "dtype", ">parameters", ">bytes",
                                "trainable", "kind", "initializer", "location", "shared at"});
  for (const Variable *v : graph.variables)
    variables.row({std::string(v->name), v->opName == v->name ? "" : std::string(v->opName),
                   toString(v->shape), std::string(dtypeName(v->dtype)),
                   grouped(v->shape.elements()), grouped(bytesOf(*v)), v->trainable ? "yes" : "no",
                   std::string(kindName(v->kind)), std::string(v->initializer),
                   sources.location(v->span), sharedPlaces(*v, sources)});
  variables.writeTo(out);
  if (graph.variables.empty()) return;
  Table totals("totals", {"", ">variables", ">parameters", ">bytes"}, false);
  auto row = [&](const char *what, std::optional<bool> trainable) {
    VariableTotals total(graph, trainable);
    totals.row(
        {what, grouped(int64_t(total.variables)), grouped(total.parameters), grouped(total.bytes)});
  };
  row("trainable", true);
  row("not trainable", false);
  row("all", std::nullopt);
  totals.writeTo(out);
}

} // namespace

std::string inspectText(const Graph &graph, const SourceManager &sources,
                        const InspectOptions &options) {
  std::string out;
  if (options.sharing || options.cost) {
    if (options.sharing) writeSharing(graph, sources, out);
    if (options.cost) writeCosts(costsOf(graph, options.dims), sources, out);
    return out;
  }
  variableTables(graph, sources, out);

  Table operations("operations", {"name", "type", "shape", "dtype", "inputs", "location"});
  auto parameters = parametersOf(graph);
  forEachOperation(graph.operations, [&](const Operation *op) {
    if (op->name.empty()) return;
    bool hasOutput = !op->outputs.empty();
    operations.row({std::string(op->name), std::string(op->type),
                    hasOutput ? toString(op->outputs[0].shape) : "",
                    hasOutput ? std::string(dtypeName(op->outputs[0].dtype)) : "",
                    joined(inputNames(*op, parameters)), sources.location(op->span)});
  });
  operations.writeTo(out);

  Table scopes("name scopes", {"name"});
  for (const std::string &scope : graph.nameScopes) scopes.row({scope});
  scopes.writeTo(out);

  Table placeholders("placeholders", {"name", "shape", "dtype"});
  for (const Operation *op : graph.operations)
    if (isPlaceholder(*op))
      placeholders.row({std::string(op->name), toString(op->outputs[0].shape),
                        std::string(dtypeName(op->outputs[0].dtype))});
  placeholders.writeTo(out);

  Table exports("exports", {"name", "inputs", "outputs", "updates"});
  for (const Export &e : graph.exports)
    exports.row({e.name, endsText(e.inputs), endsText(e.outputs), joined(updatedVariables(e))});
  exports.writeTo(out);

  Table collections("collections", {"key", "members"});
  for (const auto &[key, members] : graph.collections) collections.row({key, joined(members)});
  collections.writeTo(out);
  return out;
}

} // namespace graphc
