#include "interface/picture.h"

#include "interface/inspect.h"
#include "interface/steps.h"
#include "interface/table.h"
#include "ops/cost.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <map>
#include <unordered_map>

namespace graphc {

namespace {

/// How many scopes a name lies in.
int scopesOf(std::string_view name) { return int(std::count(name.begin(), name.end(), '/')); }

/// The first `depth` scopes of a name.
std::string_view outer(std::string_view name, int depth) {
  size_t end = 0;
  for (int i = 0; i < depth; ++i) {
    size_t slash = name.find('/', end);
    if (slash == std::string_view::npos) return name;
    end = slash + 1;
  }
  return name.substr(0, end == 0 ? 0 : end - 1);
}

/// What lies deeper than `depth` is drawn as the scope at that depth; empty: it is drawn itself.
std::string_view collapsedScope(std::string_view name, int depth) {
  return scopesOf(name) > depth ? outer(name, depth + 1) : std::string_view();
}

/// "Conv2D_1" and "add" say which operation it is.
bool startsWithType(std::string_view label, std::string_view type) {
  if (label.size() < type.size()) return false;
  return std::equal(type.begin(), type.end(), label.begin(), [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  });
}

class Drawing {
public:
  Drawing(const Graph &graph, const SourceManager &sources, const PictureOptions &options)
      : graph_(graph), sources_(sources), steps_(graph), shown_(graph.operations.size(), true) {
    choose(options);
    for (const auto *op : graph_.operations) {
      if (!shown_[op->id]) continue;
      picture_.deepest = std::max(picture_.deepest, scopesOf(nameOf(*op)));
      if (op->variable)
        picture_.deepest = std::max(picture_.deepest, scopesOf(op->variable->opName));
    }
    picture_.depth =
        options.depth >= 0 ? std::min(options.depth, picture_.deepest) : depthFor(options.most);
  }

  Picture draw() {
    for (const auto *op : graph_.operations)
      if (shown_[op->id]) addOperation(*op);
    for (const auto *op : graph_.operations)
      if (shown_[op->id]) addEdges(*op);
    for (const auto &exported : graph_.exports)
      if (exports_.empty() || exported.name == exports_) addExport(exported);
    finishScopes();
    for (auto &[key, edge] : edges_) picture_.edges.push_back(std::move(edge));
    return std::move(picture_);
  }

private:
  /// What is drawn: all that an export needs, or all but what only initial values need.
  void choose(const PictureOptions &options) {
    exports_ = options.only;
    std::vector<bool> needed(graph_.operations.size());
    for (const auto &exported : graph_.exports)
      if (exports_.empty() || exported.name == exports_)
        for (const auto *op : neededBy(exported)) needed[op->id] = true;
    if (!exports_.empty()) {
      shown_ = std::move(needed);
      return;
    }
    for (const auto *op : neededByInitialValues(graph_))
      if (!needed[op->id]) shown_[op->id] = false;
  }

  /// The name under which an operation is drawn; a variable's read is the variable.
  std::string_view nameOf(const Operation &op) const {
    std::string_view name = steps_.of(op);
    return name.empty() ? op.type : name;
  }
  static bool isRead(const Operation &op) {
    return op.variable && op.name.empty() && readsVariable(op) && !writesVariable(op);
  }

  int depthFor(size_t most) const {
    int depth = 0;
    for (; depth < picture_.deepest; ++depth) {
      // Of the next depth.
      std::unordered_map<std::string_view, bool> nodes;
      for (const auto *op : graph_.operations) {
        if (!shown_[op->id]) continue;
        std::string_view name = op->variable && isRead(*op) ? op->variable->opName : nameOf(*op);
        auto scope = collapsedScope(name, depth + 1);
        nodes.emplace(scope.empty() ? name : scope, true);
        if (nodes.size() > most) return depth;
      }
    }
    return depth;
  }

  int box(std::string_view scope) {
    if (scope.empty()) return -1;
    auto known = boxes_.find(std::string(scope));
    if (known != boxes_.end()) return known->second;
    size_t slash = scope.rfind('/');
    int parent = slash == std::string_view::npos ? -1 : box(scope.substr(0, slash));
    int made = int(picture_.boxes.size());
    picture_.boxes.push_back({std::string(scope), parent});
    boxes_.emplace(scope, made);
    return made;
  }

  /// The node of this name, or of the scope that hides it. `isNew` says whether it has to be
  /// filled.
  int node(PictureNode::Kind kind, std::string_view name, bool &isNew) {
    auto scope = collapsedScope(name, picture_.depth);
    std::string own(scope.empty() ? name : scope);
    if (!scope.empty()) kind = PictureNode::Scope;
    auto [at, made] =
        nodes_.try_emplace({kind == PictureNode::Placeholder ? PictureNode::Operation : kind, own},
                           int(picture_.nodes.size()));
    isNew = made && scope.empty();
    if (made) {
      PictureNode &node = picture_.nodes.emplace_back();
      node.kind = kind;
      node.name = own;
      size_t slash = own.rfind('/');
      node.label = slash == std::string::npos ? own : own.substr(slash + 1);
      node.parent = slash == std::string::npos ? -1 : box(std::string_view(own).substr(0, slash));
    }
    return at->second;
  }

  int variableNode(const Variable &variable) {
    bool isNew = false;
    int at = node(PictureNode::Variable, variable.opName, isNew);
    PictureNode &made = picture_.nodes[size_t(at)];
    if (made.kind == PictureNode::Scope) {
      auto &inner = inner_[at];
      if (std::find(inner.variables.begin(), inner.variables.end(), &variable) ==
          inner.variables.end())
        inner.variables.push_back(&variable);
      made.shared |= !variable.sharedAt.empty();
    }
    if (!isNew) return at;
    made.label += "\n" + toString(variable.shape);
    made.shared = !variable.sharedAt.empty();
    made.facts = {{"shape", toString(variable.shape)},
                  {"dtype", std::string(dtypeName(variable.dtype))},
                  {"parameters", grouped(variable.shape.elements())},
                  {"trainable", variable.trainable ? "yes" : "no"},
                  {"initializer", std::string(variable.initializer)},
                  {"made at", sources_.location(variable.span)}};
    if (variable.name != variable.opName)
      made.facts.insert(made.facts.begin(), {"shared as", std::string(variable.name)});
    std::vector<Span> seen;
    for (const auto &place : variable.sharedAt) {
      if (std::find(seen.begin(), seen.end(), place.span) != seen.end()) continue;
      seen.push_back(place.span);
      if (seen.size() > mostPlaces) break;
      made.facts.emplace_back("shared at", sources_.location(place.span));
    }
    if (variable.sharedAt.size() > 1)
      made.facts.emplace_back("shared", fmt::format("{} times", variable.sharedAt.size()));
    return at;
  }

  int operationNode(const Operation &op) {
    if (isRead(op)) return variableNode(*op.variable);
    bool isNew = false, isPlaceholder = op.type.starts_with("Placeholder");
    int at =
        node(isPlaceholder ? PictureNode::Placeholder : PictureNode::Operation, nameOf(op), isNew);
    return at;
  }

  void addOperation(const Operation &op) {
    if (op.name.empty() && isCostless(op) && !isRead(op)) return; // constants of formulas
    int at = operationNode(op);
    if (isRead(op)) return;
    PictureNode &made = picture_.nodes[size_t(at)];
    if (made.kind == PictureNode::Scope) {
      ++inner_[at].operations;
      return;
    }
    if (op.name.empty()) return; // a step of the operation that has the name
    const Tensor *result = op.outputs.empty() ? nullptr : op.output();
    if (!startsWithType(made.label, op.type)) made.label += "\n" + std::string(op.type);
    if (result) made.label += "\n" + toString(result->shape);
    made.facts = {{"type", std::string(op.type)}};
    if (result) {
      made.facts.emplace_back("shape", toString(result->shape));
      made.facts.emplace_back("dtype", std::string(dtypeName(result->dtype)));
    }
    if (auto cost = costOf(op); cost && !(cost->flops.is(0) && cost->bytes.is(0))) {
      made.facts.emplace_back("FLOPs", grouped(cost->flops));
      made.facts.emplace_back("bytes moved", grouped(cost->bytes));
    }
    made.facts.emplace_back("made at", sources_.location(op.span));
  }

  static bool isCostless(const Operation &op) {
    return op.inputs.empty() && !op.variable && !op.def->stateful;
  }

  void edge(int from, int to, PictureEdge::Kind kind, const std::string &label) {
    if (from == to) return;
    auto [at, isNew] =
        edges_.try_emplace({from, to, int(kind)}, PictureEdge{kind, from, to, label, 1});
    if (isNew) return;
    ++at->second.count;
    if (at->second.label != label) at->second.label.clear();
  }

  void addEdges(const Operation &op) {
    if (isRead(op) || (op.name.empty() && isCostless(op))) return;
    int to = operationNode(op);
    for (const auto *input : op.inputs)
      if (!(input->op->name.empty() && isCostless(*input->op)))
        edge(operationNode(*input->op), to, PictureEdge::Data, toString(input->shape));
    for (const auto *before : op.controlInputs)
      if (!isRead(*before)) edge(operationNode(*before), to, PictureEdge::Order, "");
    if (op.variable && writesVariable(op))
      edge(to, variableNode(*op.variable), PictureEdge::Update, "");
  }

  void addExport(const Export &exported) {
    int at = int(picture_.nodes.size());
    PictureNode made;
    made.kind = PictureNode::Export;
    made.name = exported.name;
    made.label = "export " + exported.name;
    made.facts.emplace_back("made at", sources_.location(exported.span));
    for (const auto &input : exported.inputs)
      if (input.tensor)
        made.facts.emplace_back("takes " + input.name, toString(input.tensor->shape));
    for (const auto &output : exported.outputs)
      if (output.tensor)
        made.facts.emplace_back("gives " + output.name, toString(output.tensor->shape));
    picture_.nodes.push_back(std::move(made));
    for (const auto &output : exported.outputs)
      if (output.tensor)
        edge(operationNode(*output.tensor->op), at, PictureEdge::Data, output.name);
    for (const auto *effect : exported.effects)
      edge(operationNode(*effect), at, PictureEdge::Order, "");
  }

  /// A scope that is one node says what is in it.
  void finishScopes() {
    for (const auto &[at, inner] : inner_) {
      PictureNode &made = picture_.nodes[size_t(at)];
      int64_t parameters = 0;
      for (const auto *v : inner.variables) parameters += v->shape.elements().value;
      if (inner.operations > 0) {
        made.label += fmt::format("\n{} operation{}", grouped(int64_t(inner.operations)),
                                  inner.operations == 1 ? "" : "s");
        made.facts.emplace_back("operations", grouped(int64_t(inner.operations)));
      }
      if (inner.variables.empty()) continue;
      made.label += fmt::format("\n{} variable{}", grouped(int64_t(inner.variables.size())),
                                inner.variables.size() == 1 ? "" : "s");
      made.facts.emplace_back("variables", grouped(int64_t(inner.variables.size())));
      made.facts.emplace_back("parameters", grouped(parameters));
    }
  }

  struct Inner {
    size_t operations = 0;
    std::vector<const Variable *> variables;
  };

  static constexpr size_t mostPlaces = 6; // a call in a loop shares as often as it runs

  const Graph &graph_;
  const SourceManager &sources_;
  StepNames steps_;
  std::vector<bool> shown_; // by id
  std::string exports_;
  Picture picture_;
  std::unordered_map<std::string, int> boxes_;
  std::map<std::pair<PictureNode::Kind, std::string>, int> nodes_;
  std::map<int, Inner> inner_; // of nodes that are scopes
  std::map<std::tuple<int, int, int>, PictureEdge> edges_;
};

} // namespace

Picture drawn(const Graph &graph, const SourceManager &sources, const PictureOptions &options) {
  return Drawing(graph, sources, options).draw();
}

} // namespace graphc
