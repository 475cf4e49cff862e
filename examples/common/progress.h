// How far a training is: one line that is written over on a terminal; one line for each epoch
// elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

class Progress {
public:
  /// An epoch of `steps` steps begins; `all` steps are left in all.
  Progress(std::string title, int64_t steps, int64_t left);
  /// After each step. `figures` is what it said, such as "loss 0.31  accuracy 0.88".
  void step(const std::string &figures);
  /// The epoch is over: the line stays, with the time that it took, and `figures` at its end.
  void finish(const std::string &figures);

private:
  using Clock = std::chrono::steady_clock;
  std::string title_;
  int64_t steps_, left_, done_ = 0;
  bool terminal_;
  Clock::time_point begin_ = Clock::now(), shown_{};
};
