#include "driver/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace graphc {

namespace {

constexpr int barWidth = 16;
constexpr auto shortest = std::chrono::milliseconds(100); // between two updates

int terminalWidth() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string bar(double share) {
  int full = std::clamp(static_cast<int>(share * barWidth), 0, barWidth);
  std::string text(static_cast<size_t>(full), '=');
  if (full < barWidth) text += '>';
  text.resize(barWidth, ' ');
  return text;
}

} // namespace

std::string clockText(double seconds) {
  auto whole = static_cast<int64_t>(std::clamp(std::round(seconds), 0.0, 1e9));
  int64_t hours = whole / 3600, minutes = whole / 60 % 60;
  if (hours) return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
  return fmt::format("{}:{:02}", minutes, whole % 60);
}

Progress::Progress() {
  const char *terminal = std::getenv("TERM");
  live_ = isatty(STDERR_FILENO) && terminal && std::strcmp(terminal, "dumb") != 0;
  const char *none = std::getenv("NO_COLOR");
  color_ = live_ && !(none && *none);
}

void Progress::start(int64_t done) {
  before_ = done;
  begin_ = Clock::now();
  last_ = {};
}

void Progress::show(const std::string &title, int64_t done, int64_t all, int64_t later,
                    const std::string &details) {
  if (!live_) return;
  auto now = Clock::now();
  if (now - last_ < shortest) return;
  last_ = now;
  std::string head = title + " ";
  std::string middle = "[" + bar(static_cast<double>(done) / static_cast<double>(all)) + "]";
  std::string tail = fmt::format(" {}/{}  {}", done, all, details);
  if (done > before_) {
    double seconds = std::chrono::duration<double>(now - begin_).count();
    tail += "  ETA " + clockText(seconds / static_cast<double>(done - before_) *
                                 static_cast<double>(all - done + later));
  }
  // A line that is cut stays one line, which can be written over.
  auto width = static_cast<size_t>(terminalWidth() - 1);
  if (head.size() + middle.size() + tail.size() > width) middle.clear();
  tail.resize(std::min(tail.size(), width > head.size() ? width - head.size() : 0));
  if (color_ && !middle.empty()) middle = "\x1b[32m" + middle + "\x1b[0m";
  std::string line = "\r\x1b[K" + head + middle + tail;
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
  shown_ = true;
}

void Progress::clear() {
  if (!shown_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  shown_ = false;
  last_ = {};
}

} // namespace graphc
