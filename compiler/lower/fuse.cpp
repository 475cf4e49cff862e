#include "lower/fuse.h"

#include "lower/loop.h"

#include <set>
#include <unordered_map>
#include <unordered_set>

namespace graphc::lower {

namespace {

/// How dear an element is, in additions or so.
int costOf(ExprKind kind) {
  switch (kind) {
  case ExprKind::Const:
  case ExprKind::Index:
  case ExprKind::DimValue:
  case ExprKind::Acc:
  case ExprKind::Cast:
    return 0;
  case ExprKind::Div:
  case ExprKind::Sqrt:
    return 4;
  case ExprKind::Rsqrt:
    return 8;
  case ExprKind::FloorDiv:
  case ExprKind::FloorMod:
  case ExprKind::TruncDiv:
  case ExprKind::TruncMod:
    return 8;
  default:
    break;
  }
  if (kind >= ExprKind::Exp && kind <= ExprKind::Lgamma) return 20;
  if (kind == ExprKind::Pow || kind == ExprKind::Atan2) return 40;
  return 1;
}

constexpr int cheap = 4;         // what may be computed again for another user
constexpr int largestExpr = 150; // distinct subexpressions in one kernel
constexpr int mostLoads = 12;

struct Uses {
  std::vector<Node *> users; // distinct, in order
  int loads = 0;             // distinct load expressions over all users
  bool asOperand = false;    // a contraction or alias wants it in memory
};

class Fuser {
public:
  explicit Fuser(Program &program) : program_(program) {}

  void run() {
    seeThroughViews();
    for (const auto &node : program_.nodes)
      if (!node->dead) noteReads(node.get(), node.get());
    for (Node *output : program_.outputs) required_.insert(storageOf(output));
    for (const Update &update : program_.updates) required_.insert(storageOf(update.value));
    dropUnused(); // so that they count as nobody's users
    for (size_t i = 0; i < program_.nodes.size(); ++i) decide(program_.nodes[i].get());
    dropUnused();
    for (const auto &node : program_.nodes)
      if (node->kind == Node::Loop && !node->dead) {
        for (Node *&result : node->loop->results)
          if (result->dead) result = nullptr;
        dropUnreadResults(*node);
        fuse(*node->loop->body);
      }
  }

private:
  /// Where a view only adds or drops dimensions of 1, what it shows is read itself.
  void seeThroughViews() {
    auto &exprs = program_.exprs;
    for (const auto &node : program_.nodes)
      replaceExpressions(*node, [&](const Expr *e) {
        return exprs.rewrite(e, [&](const Expr *leaf) -> const Expr * {
          if (leaf->kind != ExprKind::Load || leaf->node->kind != Node::Alias) return nullptr;
          return leaf->node->value ? exprs.at(leaf->node->value, leaf->args) : nullptr;
        });
      });
    for (const auto &node : program_.nodes)
      if (node->kind == Node::Alias) node->value = nullptr;
    // Views that nothing else wants are gone.
    std::unordered_set<Node *> wanted(program_.outputs.begin(), program_.outputs.end());
    for (const Update &update : program_.updates) wanted.insert(update.value);
    for (size_t i = program_.nodes.size(); i-- > 0;) {
      Node *node = program_.nodes[i].get();
      if (node->kind == Node::Alias && !wanted.contains(node)) {
        node->dead = true;
        continue;
      }
      wanted.insert(node->operands.begin(), node->operands.end());
      visitOnce(expressionsOf(*node), [&](const Expr *e) {
        if (e->kind == ExprKind::Load) wanted.insert(e->node);
      });
    }
  }

  /// `user` reads from now on what `node` reads.
  void noteReads(Node *user, Node *node) {
    for (Node *operand : node->operands) readers_[operand].insert(user->id);
    for (const auto &[read, loads] : loadsOf(node)) readers_[read].insert(user->id);
  }

  /// Uses by nodes as they stand now: earlier decisions have been carried out.
  Uses usesOf(Node *node) {
    Uses uses;
    for (uint32_t id : readers_[node]) {
      Node *user = program_.nodes[id].get();
      if (user->dead) continue;
      bool reads = false;
      for (Node *operand : user->operands)
        if (operand == node) uses.asOperand = reads = true;
      if (auto loads = loadsOf(user).find(node); loads != loadsOf(user).end()) {
        uses.loads += loads->second.size();
        reads = true;
      }
      if (reads) uses.users.push_back(user);
    }
    return uses;
  }

  using Loads = std::unordered_map<Node *, std::vector<const Expr *>>;

  const Loads &loadsOf(Node *user) {
    auto [at, made] = loads_.try_emplace(user);
    if (made)
      visitOnce(expressionsOf(*user), [&](const Expr *e) {
        if (e->kind == ExprKind::Load) at->second[e->node].push_back(e);
      });
    return at->second;
  }

  void changed(Node *node) { loads_.erase(node); }

  static bool isIdentity(const Expr *load) {
    for (size_t i = 0; i < load->args.size(); ++i) {
      const Expr *index = load->args[i];
      if (index->kind == ExprKind::Index && index->integer == int64_t(i)) continue;
      if (index->isInteger(0) && load->node->shape[i].is(1)) continue;
      return false;
    }
    return true;
  }

  static int cost(const Expr *expr, int &size, int &loads) {
    int total = 0;
    size = loads = 0;
    visitOnce({&expr, 1}, [&](const Expr *e) {
      ++size;
      loads += e->kind == ExprKind::Load;
      total += e->dtype == DType::Int64 && e->kind != ExprKind::Load ? 0 : costOf(e->kind);
    });
    return total;
  }

  /// How often the user evaluates what it loads.
  static Dim evaluations(const Node &user) {
    auto product = [](const std::vector<Dim> &dims) {
      Dim p(1);
      for (Dim d : dims) p = p * d;
      return p;
    };
    if (user.kind == Node::Pieces) {
      Dim sum(0);
      for (const Piece &piece : user.pieces) sum = sum + product(piece.dims);
      return sum;
    }
    Dim all = product(user.shape);
    return user.kind == Node::Reduce ? all * product(user.reduced) : all;
  }

  static bool noMore(Dim a, Dim b) {
    if (a.isOverflow() || b.isOverflow()) return false;
    Dim gap = a - b;
    return gap.isStatic() && !gap.isOverflow() && gap.value <= 0;
  }

  void decide(Node *node) {
    if (node->dead) return;
    node->stored =
        node->kind != Node::Alias && node->kind != Node::Check && node->kind != Node::Loop;
    if (node->kind != Node::Pointwise) return;
    bool required = required_.contains(node);
    // Reading a constant needs no node at all.
    if (node->value->isConst() && !required) {
      Uses uses = usesOf(node);
      if (!uses.asOperand) {
        inlineInto(node, uses);
        return;
      }
    }
    Uses uses = usesOf(node);
    bool merged = false;
    bool ends = required || uses.asOperand || uses.users.size() != 1 ||
                !continuesChain(node, uses.users[0]);
    if (ends && !isTrivial(node)) merged = mergeIntoProducer(node);
    if (required || uses.asOperand || merged) return;
    if (mayInline(node, uses)) inlineInto(node, uses);
  }

  /// Only moves elements, or makes them from nothing.
  static bool isTrivial(const Node *node) {
    int size, loads;
    return cost(node->value, size, loads) == 0 && loads <= 1;
  }

  /// The only user goes on elementwise from here, so that what follows a contraction can be merged
  /// into it as a whole.
  bool continuesChain(Node *node, Node *user) {
    if (user->kind != Node::Pointwise || user->shape != node->shape) return false;
    for (const Expr *load : loadsOf(user).at(node))
      if (!isIdentity(load)) return false;
    return true;
  }

  bool mayInline(Node *node, const Uses &uses) {
    int size, loads;
    int dear = cost(node->value, size, loads);
    for (Node *user : uses.users) {
      int total = 0;
      for (const Expr *e : expressionsOf(*user)) {
        int userSize, userLoads;
        cost(e, userSize, userLoads);
        total += userSize;
        if (userLoads + loads > mostLoads) return false;
      }
      if (total + size * int(loadsOf(user).at(node).size()) > largestExpr) return false;
    }
    if (dear == 0 && loads <= 1 && !gathers(node)) return true;
    bool often = false;
    for (Node *user : uses.users) often |= !noMore(evaluations(*user), node->elements());
    if (often) return dear <= 1 && loads <= 1 && !gathers(node) && uses.loads == 1;
    return uses.loads <= 1 || (dear <= cheap && uses.loads <= 3 && loads <= 3);
  }

  /// Reads through indices that are read themselves.
  static bool gathers(const Node *node) {
    bool found = false;
    visitOnce({&node->value, 1}, [&](const Expr *e) {
      if (e->kind != ExprKind::Load) return;
      visitOnce(e->args, [&](const Expr *index) { found |= index->kind == ExprKind::Load; });
    });
    return found;
  }

  void inlineInto(Node *node, const Uses &uses) {
    for (Node *user : uses.users) {
      replaceExpressions(*user, [&](const Expr *e) {
        return program_.exprs.rewrite(e, [&](const Expr *leaf) -> const Expr * {
          if (leaf->kind != ExprKind::Load || leaf->node != node) return nullptr;
          return program_.exprs.at(node->value, leaf->args);
        });
      });
      changed(user);
      noteReads(user, node);
    }
    node->stored = false;
    node->dead = true;
  }

  /// A reduction or contraction that only `node` reads, element by element, stores what `node`
  /// makes of it.
  bool mergeIntoProducer(Node *node) {
    for (auto &[producer, loads] : loadsOf(node)) {
      if (!producer->hasPost() || producer->dead || producer->shape != node->shape) continue;
      if (producer->combiner == Combiner::ArgMax || producer->combiner == Combiner::ArgMin)
        continue;
      if (required_.contains(producer) || loads.size() != 1 || !isIdentity(loads[0])) continue;
      Uses uses = usesOf(producer);
      if (uses.users.size() != 1 || uses.asOperand) continue;
      candidates_.push_back(producer);
    }
    if (candidates_.empty()) return false;
    // The latest: the others are in memory by then.
    Node *producer = candidates_[0];
    for (Node *other : candidates_)
      if (other->id > producer->id) producer = other;
    candidates_.clear();
    const Expr *before =
        producer->post ? producer->post : program_.exprs.acc(producer->accumulator);
    const Expr *post = program_.exprs.rewrite(node->value, [&](const Expr *leaf) -> const Expr * {
      return leaf->kind == ExprKind::Load && leaf->node == producer ? before : nullptr;
    });
    // The node takes over what the producer was, so that it still comes after all it reads.
    Node whole = *producer;
    whole.id = node->id;
    whole.op = node->op;
    whole.dtype = node->dtype;
    whole.shape = node->shape;
    whole.post = post;
    whole.stored = true;
    producer->dead = true;
    producer->stored = false;
    *node = std::move(whole);
    changed(node);
    noteReads(node, node);
    return true;
  }

  /// Nodes that nothing reads any more.
  void dropUnused() {
    for (size_t i = program_.nodes.size(); i-- > 0;) {
      Node *node = program_.nodes[i].get();
      if (node->dead || required_.contains(node) || node->kind == Node::Check) continue;
      bool isOutput = false;
      for (Node *output : program_.outputs) isOutput |= output == node;
      for (const Update &update : program_.updates) isOutput |= update.value == node;
      if (isOutput) continue;
      if (usesOf(node).users.empty()) {
        node->dead = true;
        node->stored = false;
      }
    }
  }

  Program &program_;
  std::unordered_set<Node *> required_;
  std::unordered_map<Node *, Loads> loads_;
  std::unordered_map<Node *, std::set<uint32_t>> readers_; // by id; some may have stopped reading
  std::vector<Node *> candidates_;
};

} // namespace

void fuse(Program &program) { Fuser(program).run(); }

} // namespace graphc::lower
