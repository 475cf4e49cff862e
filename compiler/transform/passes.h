// Passes over graphs: the list, in order, and how to run it. A pass changes no result: what a call
// gives, which of its calls fail, what it draws and what it leaves in the variables stay the same
// to the bit, but for the sign of a NaN. Passes are for code generation; `inspect` shows the graph
// before them.
#pragma once

#include "graph/graph.h"
#include "source/diagnostics.h"

#include <map>

namespace graphc {

/// Changes the graph; whether it did.
using PassFn = bool (*)(Graph &);

struct Pass {
  std::string_view name;
  PassFn run;
  int level; // of optimization, from which on it runs
  std::string_view does;
};

bool canonicalize(Graph &graph);
bool fold(Graph &graph);
bool simplify(Graph &graph);
bool mergeEqual(Graph &graph);
bool dropUnneeded(Graph &graph);
bool tidyLoops(Graph &graph);

/// What runs, in this order, over the graph and then over the bodies of its loops. While a body is
/// open, it looks like a graph of its own: with one export, whose inputs are its parameters.
constexpr Pass passes[] = {
    {"dce", dropUnneeded, 0, "drops what no export and no initial value needs"},
    {"loops", tidyLoops, 0, "drops what nobody reads of loops"},
    {"canonicalize", canonicalize, 0, "rewrites operations that are others under another name"},
    {"simplify", simplify, 1, "drops what changes nothing: x*1, casts to the same dtype, …"},
    {"fold", fold, 1, "computes what depends on constants and dimensions alone"},
    {"simplify", simplify, 1, "again, with what is constant now"},
    {"cse", mergeEqual, 1, "computes equal things once"},
    {"loops", tidyLoops, 1, "again, with what is constant and merged now"},
    {"dce", dropUnneeded, 0, "drops what the others left over"},
};

struct PassOptions {
  int level = 3; // -O0 … -O3
#ifdef NDEBUG
  bool verifyEachPass = false;
#else
  bool verifyEachPass = true;
#endif
  /// Called with the graph after every pass that changed it.
  std::function<void(const Pass &, const Graph &)> dump;
};

/// Runs one of them over the graph and all bodies. Whether anything changed.
bool runPass(Graph &graph, PassFn pass);

/// Runs the list. Gives what the verifier found broken, with the pass's name; empty if nothing.
std::vector<std::string> runPasses(Graph &graph, const PassOptions &options = {});

/// Makes variables the constants given here under their `opName`, for code without variables to
/// load. E0406 where an export updates one of them; the graph is unchanged then. A constant must
/// have its variable's dtype and shape.
bool freeze(Graph &graph, const std::map<std::string_view, const Literal *> &weights,
            Diagnostics &diagnostics);

} // namespace graphc
