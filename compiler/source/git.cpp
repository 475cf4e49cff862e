#include "source/git.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace graphc {

namespace {

constexpr std::string_view prefix = "git:";
constexpr size_t most = size_t(1) << 30; // as of every file that is read

struct Pipe {
  std::array<int, 2> ends{-1, -1};
  Pipe() {
    if (pipe(ends.data()) != 0) ends = {-1, -1};
  }
  Pipe(const Pipe &) = delete;
  ~Pipe() {
    close(0);
    close(1);
  }
  void close(size_t end) {
    if (ends[end] >= 0) ::close(ends[end]);
    ends[end] = -1;
  }
};

/// Reads both pipes to their ends, so that neither fills up.
void drain(Pipe &out, Pipe &err, std::string &text, std::string &complaint) {
  std::array<pollfd, 2> waits{pollfd{out.ends[0], POLLIN, 0}, pollfd{err.ends[0], POLLIN, 0}};
  std::array<std::string *, 2> into{&text, &complaint};
  std::array<char, 1 << 16> buffer;
  for (int open = 2; open > 0;) {
    if (poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    for (size_t i = 0; i < waits.size(); ++i) {
      if (waits[i].fd < 0 || waits[i].revents == 0) continue;
      ssize_t got = read(waits[i].fd, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got > 0 && into[i]->size() <= most) into[i]->append(buffer.data(), size_t(got));
      if (got > 0) continue;
      waits[i].fd = -1;
      --open;
    }
  }
}

} // namespace

size_t pathStart(std::string_view path) {
  if (!path.starts_with(prefix)) return 0;
  size_t colon = path.find(':', prefix.size());
  return colon == path.npos || colon == prefix.size() ? 0 : colon + 1;
}

std::optional<std::string> readGitFile(const std::string &path, std::string &why) {
  std::string name = path.substr(prefix.size());
  if (name[0] == '-') {
    why = "this is no revision";
    return std::nullopt;
  }
  Pipe out, err;
  if (out.ends[0] < 0 || err.ends[0] < 0) {
    why = std::strerror(errno);
    return std::nullopt;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out.ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.ends[1], STDERR_FILENO);
  for (int end : {out.ends[0], out.ends[1], err.ends[0], err.ends[1]})
    posix_spawn_file_actions_addclose(&actions, end);
  std::string git = "git", command = "cat-file", kind = "blob";
  std::array<char *, 5> arguments{git.data(), command.data(), kind.data(), name.data(), nullptr};
  pid_t child = 0;
  int failed = posix_spawnp(&child, git.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    why = std::string("git can't be run: ") + std::strerror(failed);
    return std::nullopt;
  }
  out.close(1);
  err.close(1);
  std::string text, complaint;
  drain(out, err, text, complaint);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (text.size() > most) {
    why = "it is larger than 1 GiB";
    return std::nullopt;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return text;
  complaint = complaint.substr(0, complaint.find('\n'));
  for (std::string_view word : {"fatal: ", "error: "})
    if (complaint.starts_with(word)) complaint.erase(0, word.size());
  why = complaint.empty() ? "git failed" : complaint;
  return std::nullopt;
}

} // namespace graphc
