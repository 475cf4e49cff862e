// The loop of `graphc train`: epochs, evaluation, reports, checkpoints.
#pragma once

#include "driver/progress.h"
#include "driver/train_calls.h"

#include <cstdio>
#include <memory>

namespace graphc {

/// How long, and what is written when.
struct LoopOptions {
  int64_t epochs = 0;    // 0: no end
  int64_t steps = 0;     // in all; 0: no end
  int64_t saveEvery = 0; // steps; 0: at the end of each epoch only
  std::string save;      // a checkpoint's file; empty: none
  std::string log;       // a file for JSON lines; empty: none
  bool shuffle = true;
  bool haltOnNan = false;
};

/// Where a training stands: enough, with the variables and the instance's random numbers, to go on
/// as if it had not stopped.
struct TrainState {
  int64_t epoch = 0;       // epochs that are over, their evaluation included
  int64_t position = 0;    // examples of the next one that are done
  int64_t step = 0;        // calls, in all
  uint64_t shuffle = 0;    // the seed of the examples' order
  int64_t examples = 0;    // of an epoch
  std::vector<Mean> means; // of the epoch so far
};

/// The state as a checkpoint's metadata holds it, under this key: one object of JSON.
inline constexpr const char *trainStateKey = "train";
std::string stateText(const TrainState &state);
/// nullopt if the text is no state.
std::optional<TrainState> parseState(const std::string &text);

/// The order of the examples in one epoch: any of all orders, by seed and epoch alone.
std::vector<int64_t> epochOrder(int64_t examples, bool shuffle, uint64_t seed, int64_t epoch);

class TrainLoop {
public:
  /// `evaluation` may be null. All outlive the loop.
  TrainLoop(Machine &machine, const Graph &graph, BatchCalls &training, BatchCalls *evaluation,
            const LoopOptions &options, TrainState state)
      : machine_(machine), graph_(graph), training_(training), evaluation_(evaluation),
        options_(options), state_(std::move(state)) {}
  ~TrainLoop();
  TrainLoop(const TrainLoop &) = delete;

  /// Opens the log; `resumed`: to write at its end. False, with the reason in `why`.
  bool open(bool resumed, std::string &why);
  /// Trains to the end, or until SIGINT or SIGTERM. Gives the command's exit status; `why` is set
  /// where something failed.
  int run(std::string &why);

private:
  enum class Outcome { Goes, Interrupted, Diverged, Failed };
  Outcome epoch(std::string &why);
  Outcome step(std::span<const int64_t> rows, std::string &why);
  Outcome evaluate(std::string &why);
  Outcome save(std::string &why);
  Outcome report(double seconds, std::string &why);
  bool stepsAreOver() const { return options_.steps && state_.step >= options_.steps; }
  bool everyVariableIsFinite();
  std::string whereText() const;
  int interrupted(std::string &why);

  Machine &machine_;
  const Graph &graph_;
  BatchCalls &training_;
  BatchCalls *evaluation_;
  const LoopOptions &options_;
  TrainState state_;
  Progress progress_;
  FILE *log_ = nullptr;
  int64_t savedStep_ = -1; // of the checkpoint that stands there
  int64_t notFinite_ = 0;  // steps of this epoch
};

} // namespace graphc
