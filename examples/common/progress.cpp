#include "progress.h"

#include <cstdio>
#include <unistd.h>

namespace {

std::string clockText(double seconds) {
  char text[32];
  int whole = static_cast<int>(seconds + 0.5);
  std::snprintf(text, sizeof text, "%d:%02d", whole / 60, whole % 60);
  return text;
}

} // namespace

Progress::Progress(std::string title, int64_t steps, int64_t left)
    : title_(std::move(title)), steps_(steps), left_(left), terminal_(isatty(STDOUT_FILENO)) {}

void Progress::step(const std::string &figures) {
  ++done_;
  auto now = Clock::now();
  if (!terminal_ || (now - shown_ < std::chrono::milliseconds(100) && done_ < steps_)) return;
  shown_ = now;
  constexpr int64_t width = 20;
  std::string bar(static_cast<size_t>(done_ * width / steps_), '=');
  bar.resize(width, ' ');
  double each = std::chrono::duration<double>(now - begin_).count() / static_cast<double>(done_);
  std::printf("\r\x1b[K%s [%s] %s  ETA %s", title_.c_str(), bar.c_str(), figures.c_str(),
              clockText(each * static_cast<double>(left_ - done_)).c_str());
  std::fflush(stdout);
}

void Progress::finish(const std::string &figures) {
  double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
  std::printf("%s%s  %s  (%.1f s)\n", terminal_ ? "\r\x1b[K" : "", title_.c_str(), figures.c_str(),
              seconds);
  std::fflush(stdout);
}
