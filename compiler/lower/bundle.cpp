#include "lower/bundle.h"

#include "lower/loop.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace graphc::lower {

namespace {

constexpr size_t mostNodes = 4; // of one kernel
constexpr size_t mostLoads = 12;
constexpr size_t mostExprs = 200;

class Bundler {
public:
  explicit Bundler(Program &program) : program_(program) {
    for (const auto &owned : program.nodes) {
      Node *node = owned.get();
      if (!runs(*node)) continue;
      forReads(*node, [&](Node *read, const Expr *) {
        auto &readers = readers_[storageOf(read)];
        if (readers.empty() || readers.back() != node) readers.push_back(node);
      });
    }
  }

  void run() {
    for (const auto &node : program_.nodes)
      if (node->kind == Node::Loop && !node->dead) bundle(*node->loop->body);
    for (const auto &node : program_.nodes)
      if (node->kind == Node::MaxPoolPlaces && runs(*node)) joinPooling(node.get());
    // Users first: the last one in a chain takes what comes before it.
    for (size_t i = program_.nodes.size(); i-- > 0;) {
      Node *node = program_.nodes[i].get();
      if (isCandidate(*node) && !taken_.contains(node)) gather(node);
    }
  }

private:
  static bool runs(const Node &node) {
    return !node.dead && (node.stored || node.kind == Node::Check || node.kind == Node::Loop);
  }
  static bool isCandidate(const Node &node) {
    return runs(node) && node.kind == Node::Pointwise && !node.elements().is(0);
  }

  /// What the node reads; with the load, where it is one.
  static void forReads(const Node &node,
                       const std::function<void(Node *read, const Expr *load)> &visit) {
    for (Node *operand : node.operands) visit(operand, nullptr);
    visitOnce(expressionsOf(node), [&](const Expr *e) {
      if (e->kind == ExprKind::Load) visit(e->node, e);
    });
  }

  /// Of a tensor of the shape, the element that is computed itself.
  static bool readsSameElement(const Expr *load, const std::vector<Dim> &shape) {
    if (load->node->shape != shape) return false;
    for (size_t i = 0; i < shape.size(); ++i) {
      const Expr *at = load->args[i];
      bool same = at->kind == ExprKind::Index && at->integer == int64_t(i);
      if (!same && !(at->isInteger(0) && shape[i].is(1))) return false;
    }
    return true;
  }

  /// The places of a pooling's largest elements are known when it has been computed.
  void joinPooling(Node *places) {
    Node *input = places->operands[0];
    for (Node *pool : readers_[storageOf(input)]) {
      bool same = pool->kind == Node::MaxPool && pool->operands[0] == input &&
                  pool->id < places->id && pool->together.empty() &&
                  pool->pool.sameWindows(places->pool);
      if (!same) continue;
      pool->together = {places};
      return;
    }
  }

  void gather(Node *leader) {
    std::vector<Node *> group = {leader};
    for (size_t next = 0; next < group.size(); ++next) {
      std::vector<Node *> found;
      forReads(*group[next], [&](Node *read, const Expr *load) {
        bool known = std::find(group.begin(), group.end(), read) != group.end() ||
                     std::find(found.begin(), found.end(), read) != found.end();
        if (load && !known && isCandidate(*read) && !taken_.contains(read) &&
            readsSameElement(load, leader->shape))
          found.push_back(read);
      });
      for (Node *node : found) {
        group.push_back(node);
        if (group.size() > mostNodes || !fits(group)) group.pop_back();
      }
    }
    if (group.size() == 1) return;
    taken_.insert(group.begin(), group.end());
    leader->together.assign(group.begin() + 1, group.end());
    std::sort(leader->together.begin(), leader->together.end(),
              [](Node *a, Node *b) { return a->id < b->id; });
  }

  /// Whether the group can be computed as one, where its first node stands.
  bool fits(const std::vector<Node *> &group) {
    auto inGroup = [&](Node *node) {
      return std::find(group.begin(), group.end(), node) != group.end();
    };
    std::unordered_set<const Expr *> loads;
    size_t exprs = 0;
    bool good = true;
    for (Node *node : group) {
      visitOnce(expressionsOf(*node), [&](const Expr *e) {
        ++exprs;
        if (e->kind != ExprKind::Load) return;
        if (!inGroup(storageOf(e->node)))
          loads.insert(e);
        else if (!inGroup(e->node) || !readsSameElement(e, group[0]->shape))
          good = false; // another element of it: that has to be there before
      });
      // It comes later than it did: nobody may want it before.
      if (node == group[0]) continue;
      for (Node *reader : readers_[node])
        if (!inGroup(reader) && reader->id < group[0]->id) good = false;
    }
    return good && loads.size() <= mostLoads && exprs <= mostExprs;
  }

  Program &program_;
  std::unordered_map<Node *, std::vector<Node *>> readers_; // by storage
  std::unordered_set<Node *> taken_;
};

} // namespace

void bundle(Program &program) { Bundler(program).run(); }

} // namespace graphc::lower
