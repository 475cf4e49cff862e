// The run as a whole: errors, limits, the entry.
#include "elaborate/interpreter.h"

#include "source/paths.h"

#include <fmt/format.h>
#include <pthread.h>

namespace graphc {

namespace {
// Definitions nest: a deep stack of our own, of which only what is used takes memory.
constexpr size_t stackSize = size_t(512) << 20;
constexpr size_t stackReserve = size_t(64) << 20;
constexpr size_t maxCallNotes = 8;
} // namespace

Interpreter::Interpreter(SourceManager &sources, const ElaborateOptions &options,
                         Diagnostics &diagnostics, Elaborated &result, Workspace &workspace)
    : sources(sources), options(options), diagnostics(diagnostics), graph(result.graph),
      symbols(workspace.symbols), heap(result.graph.arena),
      scopes(result.graph, heap, *this, options.trace), result_(result), workspace_(workspace) {
  char here;
  stackEnd_ = reinterpret_cast<uintptr_t>(&here) - (stackSize - stackReserve);
}

Diagnostic &Interpreter::error(Code code, Span span, std::string message) {
  // Rule: the place of an error inside functions is the innermost call in the user's own text.
  const CallSite *site = callSite();
  std::vector<Note> within;
  const CallSite *called = nullptr;
  for (; site && isStandard(span); site = site->caller) {
    if (within.size() < maxCallNotes)
      within.push_back({fmt::format("in {} of the standard library", site->function), span});
    span = site->span;
    called = site;
  }
  // One mistake gives one error: what else a function of the standard library meets follows from
  // it.
  if (called && called == failedCall_) {
    repeated_ = {};
    return repeated_;
  }
  if (called) failedCall_ = called;
  auto &made = diagnostics.error(code, span, std::move(message));
  made.notes.insert(made.notes.end(), within.begin(), within.end());
  size_t shown = 0;
  for (; site && shown < maxCallNotes; site = site->caller, ++shown)
    made.notes.push_back(
        {fmt::format("in {}, called at {}", site->function, sources.location(site->span)),
         site->span});
  return made;
}

Place Interpreter::place(Span span) {
  const CallSite *site = callSite();
  for (; site && isStandard(span); site = site->caller) span = site->span;
  return {span, site};
}

Value Interpreter::fail(Code code, Span span, std::string message, std::string help) {
  error(code, span, std::move(message)).help = std::move(help);
  return Value::poison();
}

bool Interpreter::spend(uint64_t steps, Span span) {
  if (isStopped()) return false;
  steps_ += steps;
  if (steps_ > options.limits.steps) {
    error(Code::LimitPassed, span,
          fmt::format("the definition takes more than {} steps", options.limits.steps));
    stopped_ = true;
  } else if (heap.bytes() > options.limits.memory) {
    error(Code::LimitPassed, span,
          fmt::format("the definition's values and names take more than {} bytes",
                      options.limits.memory));
    stopped_ = true;
  }
  return !stopped_;
}

bool Interpreter::checkLength(uint64_t length, Span span) {
  if (length <= options.limits.listLength) return true;
  if (!stopped_)
    error(Code::LimitPassed, span,
          fmt::format("a list or text is longer than {}", options.limits.listLength));
  stopped_ = true;
  return false;
}

void Interpreter::run(const std::string &path) {
  if (trace()) trace()->symbols = &symbols;
  auto read = readSource(sources, path, diagnostics, options.read);
  if (!read) {
    result_.unreadable = true;
    return;
  }
  result_.files.push_back(path);
  FileId id = *read;
  imported_[canonicalPath(path)] = {Value::unset(), {id, 0, 0}};
  stem_ = fileStem(path);
  runFile(id, path);
  finish();
}

namespace {
void *runBody(void *body) {
  (*static_cast<std::function<void()> *>(body))();
  return nullptr;
}
} // namespace

std::unique_ptr<Elaborated> elaborate(SourceManager &sources, const std::string &path,
                                      const ElaborateOptions &options, Diagnostics &diagnostics) {
  auto result = std::make_unique<Elaborated>();
  auto workspace = std::make_shared<Workspace>();
  result->workspace = workspace;
  std::function<void()> body = [&] {
    auto interpreter =
        std::make_shared<Interpreter>(sources, options, diagnostics, *result, *workspace);
    interpreter->run(path);
    if (options.keepValues) result->values = std::move(interpreter);
  };
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_t thread;
  bool started = pthread_attr_setstacksize(&attributes, stackSize) == 0 &&
                 pthread_create(&thread, &attributes, runBody, &body) == 0;
  pthread_attr_destroy(&attributes);
  if (started) {
    pthread_join(thread, nullptr);
  } else {
    diagnostics.error(Code::LimitPassed, {}, "no stack could be had to run the definition on");
    result->unreadable = true;
  }
  return result;
}

} // namespace graphc
