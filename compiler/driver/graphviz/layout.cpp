#include "driver/graphviz/layout.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <graphviz/cgraph.h>
#include <graphviz/gvc.h>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr unsigned mostSeconds = 120;

std::string complaints; // what Graphviz says, which must not stand on standard error

int keep(char *message) {
  complaints += message;
  return 0;
}

/// The process ends after it: nothing is given back, as Graphviz 2.43 frees some things twice.
bool draw(const std::string &dot, std::string_view &svg) {
  agseterr(AGERR); // warnings of labels that don't fit are nobody's business
  agseterrf(keep);
  GVC_t *context = gvContext();
  Agraph_t *graph = context ? agmemread(dot.c_str()) : nullptr;
  char *text = nullptr;
  unsigned size = 0;
  bool good = graph && gvLayout(context, graph, "dot") == 0 &&
              gvRenderData(context, graph, "svg", &text, &size) == 0 && text;
  if (good) svg = {text, size};
  return good;
}

bool writeAll(int to, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(to, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(size_t(written));
  }
  return true;
}

std::string readAll(int from) {
  std::string out;
  char buffer[65536];
  for (;;) {
    ssize_t got = read(from, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return out;
    out.append(buffer, size_t(got));
  }
}

} // namespace

// In a process of its own, so that a graph which is too much for Graphviz ends that one alone.
extern "C" bool graphc_layout_svg(const std::string &dot, std::string &svg, std::string &why) {
  int ends[2];
  pid_t child = pipe(ends) == 0 ? fork() : -1;
  if (child < 0) {
    why = std::string("no process for Graphviz: ") + std::strerror(errno);
    return false;
  }
  if (child == 0) {
    close(ends[0]);
    std::signal(SIGALRM, SIG_DFL);
    alarm(mostSeconds);
    std::string_view drawn;
    bool good = draw(dot, drawn);
    if (!good) drawn = complaints;
    _exit(writeAll(ends[1], drawn) && good ? 0 : 1);
  }
  close(ends[1]);
  std::string said = readAll(ends[0]);
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    svg = std::move(said);
    return true;
  }
  why = "Graphviz can't draw it";
  if (WIFEXITED(status) && !said.empty())
    why += ": " + said.substr(0, said.find('\n'));
  else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    why += " in " + std::to_string(mostSeconds) + " seconds";
  why += "; a smaller --depth draws less, and --format=dot does without it";
  return false;
}
