#include "lower/plan.h"

#include "lower/loop.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>
#include <unordered_set>

namespace graphc::lower {

namespace {

constexpr int64_t alignment = 64;
int64_t aligned(int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

/// What runs: a kernel (or runtime call) for a node, or a copy.
struct Job {
  Node *node = nullptr;
  Node *from = nullptr;
  Place to;
  std::vector<Node *> reads; // storages
  std::set<int> after;       // jobs
  uint32_t priority = 0;
};

class Planner {
public:
  Planner(const Program &program, const std::function<Dim(const Node &)> &scratchBytes)
      : program_(program), scratchBytes_(scratchBytes) {}

  Plan plan() {
    makeJobs();
    placeOutputs();
    placeUpdates();
    order();
    placeWorkspace();
    return std::move(plan_);
  }

private:
  static bool isComputed(const Node *node) {
    return node->kind != Node::Input && node->kind != Node::Variable &&
           node->kind != Node::Literal && node->kind != Node::Alias;
  }

  static void addRead(Job &job, Node *node) {
    node = storageOf(node);
    if (std::find(job.reads.begin(), job.reads.end(), node) == job.reads.end())
      job.reads.push_back(node);
  }

  /// All that a job computes.
  static std::vector<Node *> nodesOf(const Job &job) {
    std::vector<Node *> nodes;
    if (!job.node) return nodes;
    nodes = job.node->together;
    nodes.push_back(job.node);
    return nodes;
  }

  void makeJobs() {
    std::unordered_set<const Node *> others; // computed together with one that comes later
    for (const auto &node : program_.nodes)
      if (!node->dead) others.insert(node->together.begin(), node->together.end());
    for (const auto &owned : program_.nodes) {
      Node *node = owned.get();
      if (node->dead) continue;
      switch (node->kind) {
      case Node::Input:
        plan_.places[node] = {Place::Input, 0, node->number, nullptr, nullptr};
        continue;
      case Node::Variable:
        plan_.places[node] = {Place::Variable, 0, 0, node->variable, nullptr};
        continue;
      case Node::Literal:
        plan_.places[node] = {Place::Literal, 0, 0, nullptr, node};
        continue;
      case Node::Alias:
        continue;
      case Node::LoopResult: {
        int loop = jobOf_.at(node->operands[0]);
        jobOf_[node] = loop;
        results_[loop].push_back(node);
        continue;
      }
      default:
        break;
      }
      bool runs = node->stored || node->kind == Node::Check || node->kind == Node::Loop;
      if (!runs || others.contains(node)) continue;
      Job job;
      job.node = node;
      for (const Node *part : nodesOf(job)) {
        for (Node *operand : part->operands) addRead(job, operand);
        visitOnce(expressionsOf(*part), [&](const Expr *e) {
          if (e->kind == ExprKind::Load) addRead(job, e->node);
        });
      }
      std::vector<Node *> computed = nodesOf(job);
      std::erase_if(job.reads, [&](Node *read) {
        return std::find(computed.begin(), computed.end(), read) != computed.end();
      });
      job.priority = node->id;
      int number = addJob(std::move(job));
      for (Node *part : computed) jobOf_[part] = number;
    }
  }

  int addJob(Job job) {
    int number = jobs_.size();
    for (Node *read : job.reads) {
      if (auto made = jobOf_.find(read); made != jobOf_.end()) job.after.insert(made->second);
      if (read->kind == Node::Variable) readers_[read->variable].push_back(number);
    }
    bool checks = job.node && (job.node->kind == Node::Check ||
                               (job.node->kind == Node::Loop && job.node->loop->body->mayFail()));
    if (checks) checks_.push_back(number);
    jobs_.push_back(std::move(job));
    return number;
  }

  int addCopy(Node *from, Place to) {
    Job job;
    job.from = from;
    job.to = to;
    job.priority = program_.nodes.size() + jobs_.size();
    addRead(job, from);
    return addJob(std::move(job));
  }

  /// Results are computed where the caller wants them, but for what is not computed at all, or is
  /// wanted twice.
  void placeOutputs() {
    for (size_t k = 0; k < program_.outputs.size(); ++k) {
      Node *root = storageOf(program_.outputs[k]);
      Place place{Place::Output, 0, int(k), nullptr, nullptr};
      if (isComputed(root) && !plan_.places.contains(root))
        plan_.places[root] = place;
      else
        addCopy(root, place);
    }
  }

  /// Whether something that is to be done after `job` has to be done before `others`.
  bool leadsTo(int job, const std::set<int> &others) {
    // Backwards from the others along `after`.
    std::vector<int> stack(others.begin(), others.end());
    std::set<int> seen(others.begin(), others.end());
    while (!stack.empty()) {
      int at = stack.back();
      stack.pop_back();
      if (at == job) return true;
      for (int before : jobs_[at].after)
        if (seen.insert(before).second) stack.push_back(before);
    }
    return false;
  }

  /// A job that writes over variable V where other elements of V may still be read.
  static bool readsElsewhere(const Node &node, const graphc::Variable *variable) {
    auto isVariable = [&](Node *read) {
      read = storageOf(read);
      return read->kind == Node::Variable && read->variable == variable;
    };
    for (Node *operand : node.operands)
      if (isVariable(operand)) return true;
    bool elsewhere = false;
    auto check = [&](const Expr *root, bool sameElement) {
      if (!root) return;
      visitOnce({&root, 1}, [&](const Expr *e) {
        if (e->kind != ExprKind::Load || !isVariable(e->node)) return;
        bool identity = sameElement && e->node->shape == node.shape;
        for (size_t i = 0; identity && i < e->args.size(); ++i)
          identity = (e->args[i]->kind == ExprKind::Index && e->args[i]->integer == int64_t(i)) ||
                     (e->args[i]->isInteger(0) && node.shape[i].is(1));
        if (!identity) elsewhere = true;
      });
    };
    check(node.value, node.kind == Node::Pointwise);
    check(node.limit, false);
    check(node.post, true);
    for (const Piece &piece : node.pieces) {
      check(piece.value, false);
      for (const Expr *index : piece.place) check(index, false);
    }
    return elsewhere;
  }

  void placeUpdates() {
    for (const Update &update : program_.updates) {
      Node *root = storageOf(update.value);
      // An update that changes nothing.
      if (root->kind == Node::Variable && root->variable == update.variable) continue;
      Place place{Place::Variable, 0, 0, update.variable, nullptr};
      bool own = isComputed(root) && root->kind != Node::LoopResult && !plan_.places.contains(root);
      int writer = own ? jobOf_.at(root) : addCopy(root, place);
      std::set<int> before(checks_.begin(), checks_.end());
      if (auto readers = readers_.find(update.variable); readers != readers_.end())
        before.insert(readers->second.begin(), readers->second.end());
      bool readsItself = before.erase(writer) != 0;
      bool elsewhere = false;
      if (own && readsItself)
        for (const Node *part : nodesOf(jobs_[writer]))
          elsewhere |= readsElsewhere(*part, update.variable);
      bool inPlace = !elsewhere && !leadsTo(writer, before);
      if (inPlace) {
        jobs_[writer].after.insert(before.begin(), before.end());
        if (own) {
          plan_.places[root] = place;
          // As late as can be: others may have to read the old value.
          jobs_[writer].priority = jobs_[writer].node->id + program_.nodes.size();
        }
      } else if (own) {
        commits_.push_back({update.variable, root, -1});
      } else {
        commits_.push_back({update.variable, nullptr, writer});
      }
    }
  }

  void order() {
    std::vector<std::vector<int>> followers(jobs_.size());
    std::vector<int> waiting(jobs_.size());
    using Entry = std::pair<uint32_t, int>;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
    for (size_t i = 0; i < jobs_.size(); ++i) {
      waiting[i] = jobs_[i].after.size();
      for (int before : jobs_[i].after) followers[before].push_back(i);
      if (!waiting[i]) ready.push({jobs_[i].priority, int(i)});
    }
    while (!ready.empty()) {
      int at = ready.top().second;
      ready.pop();
      sequence_.push_back(at);
      for (int next : followers[at])
        if (--waiting[next] == 0) ready.push({jobs_[next].priority, next});
    }
  }

  struct Block {
    Dim bytes;
    int begin, end; // positions in the sequence
    Place *place;
  };

  void placeWorkspace() {
    int last = sequence_.size();
    std::vector<int> position(jobs_.size());
    for (int i = 0; i < last; ++i) position[sequence_[i]] = i;
    std::unordered_map<Node *, int> lastUse;
    for (size_t i = 0; i < jobs_.size(); ++i)
      for (Node *read : jobs_[i].reads) lastUse[read] = std::max(lastUse[read], position[i]);
    for (auto &commit : commits_)
      if (commit.root) lastUse[commit.root] = last;

    std::vector<Block> blocks;
    auto bytesOf = [](const Node *node) { return node->elements() * Dim(dtypeSize(node->dtype)); };
    for (int at : sequence_) {
      const Job &job = jobs_[at];
      if (!job.node) continue;
      Dim scratch = scratchBytes_(*job.node);
      if (!scratch.is(0))
        blocks.push_back({scratch, position[at], position[at], &plan_.scratch[job.node]});
      if (job.node->kind == Node::Loop) {
        for (Node *result : results_[at]) {
          if (plan_.places.contains(result)) continue;
          int end = std::max(position[at], lastUse.contains(result) ? lastUse[result] : 0);
          blocks.push_back({bytesOf(result), position[at], end, &plan_.places[result]});
        }
        continue;
      }
      if (job.node->kind == Node::Check) continue;
      for (Node *made : nodesOf(job)) {
        if (plan_.places.contains(made)) continue;
        int end = std::max(position[at], lastUse.contains(made) ? lastUse[made] : 0);
        blocks.push_back({bytesOf(made), position[at], end, &plan_.places[made]});
      }
    }
    for (auto &commit : commits_)
      if (commit.copy >= 0)
        blocks.push_back({bytesOf(jobs_[commit.copy].from), position[commit.copy], last,
                          &jobs_[commit.copy].to});
    placeFixed(blocks);
    placeSlots(blocks);

    for (int at : sequence_) plan_.steps.push_back({jobs_[at].node, jobs_[at].from, jobs_[at].to});
    for (auto &commit : commits_)
      plan_.commits.push_back(
          {commit.variable, commit.root ? plan_.places.at(commit.root) : jobs_[commit.copy].to});
  }

  /// Blocks of known size: the largest first, each at the lowest offset that is free while it
  /// lives.
  void placeFixed(std::vector<Block> &blocks) {
    std::vector<Block *> fixed;
    for (Block &block : blocks)
      if (block.bytes.isStatic()) fixed.push_back(&block);
    std::stable_sort(fixed.begin(), fixed.end(),
                     [](Block *a, Block *b) { return a->bytes.value > b->bytes.value; });
    struct Placed {
      int64_t offset, bytes;
      int begin, end;
    };
    std::vector<Placed> placed; // by offset
    for (Block *block : fixed) {
      int64_t bytes = aligned(std::max<int64_t>(block->bytes.value, 1)), offset = 0;
      for (const Placed &other : placed) {
        if (other.end < block->begin || block->end < other.begin) continue;
        if (other.offset >= offset + bytes) break;
        offset = std::max(offset, other.offset + other.bytes);
      }
      Placed made{offset, bytes, block->begin, block->end};
      placed.insert(std::upper_bound(placed.begin(), placed.end(), made,
                                     [](auto &a, auto &b) { return a.offset < b.offset; }),
                    made);
      *block->place = {Place::Workspace, offset, 0, nullptr, nullptr};
      plan_.fixedBytes = std::max(plan_.fixedBytes, offset + bytes);
    }
  }

  /// The others share slots, preferably with blocks of the same size.
  void placeSlots(std::vector<Block> &blocks) {
    std::vector<Block *> open;
    for (Block &block : blocks)
      if (!block.bytes.isStatic()) open.push_back(&block);
    std::stable_sort(open.begin(), open.end(),
                     [](Block *a, Block *b) { return a->begin < b->begin; });
    std::vector<int> freeFrom; // by slot
    for (Block *block : open) {
      int best = -1;
      for (size_t s = 0; s < freeFrom.size(); ++s) {
        if (freeFrom[s] >= block->begin) continue;
        auto &sizes = plan_.slots[s];
        bool same = std::find(sizes.begin(), sizes.end(), block->bytes) != sizes.end();
        if (best < 0 || same) best = s;
        if (same) break;
      }
      if (best < 0) {
        best = freeFrom.size();
        freeFrom.push_back(0);
        plan_.slots.emplace_back();
      }
      freeFrom[best] = block->end;
      auto &sizes = plan_.slots[best];
      if (std::find(sizes.begin(), sizes.end(), block->bytes) == sizes.end())
        sizes.push_back(block->bytes);
      *block->place = {Place::Slot, 0, best, nullptr, nullptr};
    }
  }

  struct Commit {
    const graphc::Variable *variable;
    Node *root; // staged where it was computed, or
    int copy;   // by this job
  };

  const Program &program_;
  const std::function<Dim(const Node &)> &scratchBytes_;
  Plan plan_;
  std::vector<Job> jobs_;
  std::unordered_map<const Node *, int> jobOf_;
  std::map<const graphc::Variable *, std::vector<int>> readers_;
  std::map<int, std::vector<Node *>> results_; // of loops
  std::vector<int> checks_;
  std::vector<Commit> commits_;
  std::vector<int> sequence_;
};

} // namespace

Plan makePlan(const Program &program, const std::function<Dim(const Node &)> &scratchBytes) {
  return Planner(program, scratchBytes).plan();
}

} // namespace graphc::lower
