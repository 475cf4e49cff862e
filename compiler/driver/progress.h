// A line on a terminal that shows how far a long command is; nothing anywhere else.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace graphc {

class Progress {
public:
  /// Writes to standard error, if that is a terminal.
  Progress();
  ~Progress() { clear(); }
  Progress(const Progress &) = delete;

  bool live() const { return live_; }
  /// Shows "TITLE [====>   ] DONE/ALL  DETAILS  ETA 0:12"; ten times a second at most. The time
  /// left is for the rest of `all` and for `later`, estimated from what was done since start().
  void show(const std::string &title, int64_t done, int64_t all, int64_t later,
            const std::string &details);
  /// What follows begins anew, `done` being done already.
  void start(int64_t done);
  /// Takes the line away, so that other words can stand there.
  void clear();

private:
  using Clock = std::chrono::steady_clock;
  bool live_ = false, color_ = false, shown_ = false;
  int64_t before_ = 0;
  Clock::time_point begin_ = Clock::now(), last_;
};

/// Seconds as "0:07", "12:40", "3:02:01".
std::string clockText(double seconds);

} // namespace graphc
