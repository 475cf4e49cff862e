#include "driver/train_loop.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>
#include <numeric>

namespace graphc {

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

volatile std::sig_atomic_t stopWanted = 0;

void wantStop(int) { stopWanted = 1; }

/// While it lives, the first SIGINT or SIGTERM only sets stopWanted; a second one ends the program.
class StopSignals {
public:
  StopSignals() {
    struct sigaction action = {};
    action.sa_handler = wantStop;
    action.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
    sigaction(SIGINT, &action, &interrupt_);
    sigaction(SIGTERM, &action, &terminate_);
  }
  ~StopSignals() {
    sigaction(SIGINT, &interrupt_, nullptr);
    sigaction(SIGTERM, &terminate_, nullptr);
  }
  StopSignals(const StopSignals &) = delete;

private:
  struct sigaction interrupt_ = {}, terminate_ = {};
};

/// The state's means where the export still gives those metrics.
void restoreMeans(const std::vector<Mean> &from, std::vector<Mean> &to) {
  for (Mean &mean : to)
    for (const Mean &earlier : from)
      if (earlier.name == mean.name) mean = earlier;
}

nlohmann::ordered_json meansJson(const std::vector<Mean> &means) {
  auto json = nlohmann::ordered_json::object();
  for (const Mean &mean : means) json[mean.name] = mean.value();
  return json;
}

template <typename T>
bool finite(std::span<const std::byte> bytes) {
  const auto *values = reinterpret_cast<const T *>(bytes.data());
  return std::all_of(values, values + bytes.size() / sizeof(T),
                     [](T value) { return std::isfinite(value); });
}

} // namespace

TrainLoop::~TrainLoop() {
  if (log_) std::fclose(log_);
}

bool TrainLoop::open(bool resumed, std::string &why) {
  if (options_.log.empty()) return true;
  log_ = std::fopen(options_.log.c_str(), resumed ? "a" : "w");
  if (!log_) why = fmt::format("can't write '{}': {}", options_.log, std::strerror(errno));
  return log_;
}

std::string TrainLoop::whereText() const {
  return fmt::format("step {} (epoch {})", state_.step, state_.epoch + 1);
}

int TrainLoop::run(std::string &why) {
  StopSignals signals;
  restoreMeans(state_.means, training_.means());
  int64_t first = state_.step;
  auto unfinished = [&] {
    return (!options_.epochs || state_.epoch < options_.epochs) && !stepsAreOver();
  };
  // An epoch whose steps are over may lack its evaluation still.
  bool pending = state_.position > 0 && state_.position >= training_.data().used();
  Outcome outcome = Outcome::Goes;
  while (outcome == Outcome::Goes && (unfinished() || pending)) {
    pending = false;
    outcome = epoch(why);
  }
  progress_.clear();
  if (outcome == Outcome::Interrupted) return interrupted(why);
  if (outcome == Outcome::Failed) return exitUsage;
  if (outcome == Outcome::Diverged) return exitErrors;
  if (state_.step == first) notice("nothing is left to train: the checkpoint is at the end");
  if (savedStep_ != state_.step && save(why) != Outcome::Goes) return exitUsage;
  return exitFine;
}

int TrainLoop::interrupted(std::string &why) {
  Outcome saved = save(why);
  if (saved != Outcome::Goes) return saved == Outcome::Failed ? exitUsage : exitErrors;
  notice(options_.save.empty() ? fmt::format("interrupted after {}; nothing is saved", whereText())
                               : fmt::format("interrupted after {}; --resume {} goes on from there",
                                             whereText(), options_.save));
  return 128 + SIGINT;
}

TrainLoop::Outcome TrainLoop::epoch(std::string &why) {
  ExportData &data = training_.data();
  std::vector<int64_t> order =
      epochOrder(data.examples(), options_.shuffle, state_.shuffle, state_.epoch);
  state_.examples = data.examples();
  int64_t used = data.used(), begun = state_.position;
  std::string title = options_.epochs
                          ? fmt::format("epoch {}/{}", state_.epoch + 1, options_.epochs)
                          : fmt::format("epoch {}", state_.epoch + 1);
  int64_t steps = (used + data.batch() - 1) / data.batch();
  progress_.start(state_.position / data.batch());
  auto begin = Clock::now();
  while (state_.position < used && !stepsAreOver()) {
    if (stopWanted) return Outcome::Interrupted;
    auto count = static_cast<size_t>(std::min(data.batch(), used - state_.position));
    Outcome outcome =
        step(std::span(order).subspan(static_cast<size_t>(state_.position), count), why);
    if (outcome != Outcome::Goes) return outcome;
    if (progress_.live()) {
      double rate = static_cast<double>(state_.position - begun) / secondsSince(begin);
      int64_t later = options_.epochs ? (options_.epochs - state_.epoch - 1) * steps : 0;
      progress_.show(title, state_.position / data.batch(), steps, later,
                     fmt::format("{}  {:.0f} examples/s", meansText(training_.means()), rate));
    }
  }
  double seconds = secondsSince(begin);
  bool whole = state_.position >= used;
  // Numbers that an evaluation draws belong to the end of an epoch, not to its middle.
  if (!whole)
    if (Outcome outcome = save(why); outcome != Outcome::Goes) return outcome;
  if (Outcome outcome = evaluate(why); outcome != Outcome::Goes) return outcome;
  if (Outcome outcome = report(seconds, why); outcome != Outcome::Goes) return outcome;
  if (!whole) return Outcome::Goes;
  ++state_.epoch;
  state_.position = 0;
  training_.clear();
  return save(why);
}

TrainLoop::Outcome TrainLoop::step(std::span<const int64_t> rows, std::string &why) {
  if (!training_.call(rows, why)) {
    why = fmt::format("step {} (epoch {}): {}", state_.step + 1, state_.epoch + 1, why);
    return Outcome::Failed;
  }
  ++state_.step;
  state_.position += static_cast<int64_t>(rows.size());
  if (auto what = training_.notFinite()) {
    ++notFinite_;
    if (notFinite_ == 1 || options_.haltOnNan) {
      progress_.clear();
      notice(fmt::format("{}: {}", whereText(), *what));
    }
    if (options_.haltOnNan) {
      notice(savedStep_ >= 0 ? fmt::format("stopped (--halt-on-nan); '{}' holds step {}",
                                           options_.save, savedStep_)
                             : "stopped (--halt-on-nan); nothing has been saved");
      return Outcome::Diverged;
    }
  }
  return options_.saveEvery && state_.step % options_.saveEvery == 0 ? save(why) : Outcome::Goes;
}

TrainLoop::Outcome TrainLoop::evaluate(std::string &why) {
  if (!evaluation_) return Outcome::Goes;
  evaluation_->clear();
  ExportData &data = evaluation_->data();
  int64_t used = data.used(), steps = (used + data.batch() - 1) / data.batch();
  std::vector<int64_t> rows(static_cast<size_t>(data.batch()));
  progress_.start(0);
  for (int64_t position = 0; position < used;) {
    // The state is still that of an epoch whose evaluation is to come.
    if (stopWanted) return Outcome::Interrupted;
    int64_t count = std::min(data.batch(), used - position);
    std::iota(rows.begin(), rows.begin() + count, position);
    if (!evaluation_->call(std::span(rows).first(static_cast<size_t>(count)), why)) {
      why = fmt::format("evaluation after step {}, example {} on: {}", state_.step, position, why);
      return Outcome::Failed;
    }
    position += count;
    progress_.show("evaluation", position / data.batch(), steps, 0,
                   meansText(evaluation_->means()));
  }
  return Outcome::Goes;
}

TrainLoop::Outcome TrainLoop::report(double seconds, std::string &why) {
  progress_.clear();
  if (notFinite_ > 1)
    notice(fmt::format("{} steps of epoch {} gave metrics that are not finite", notFinite_,
                       state_.epoch + 1));
  notFinite_ = 0;
  std::string line = fmt::format("epoch {}", state_.epoch + 1);
  if (options_.epochs) line += fmt::format(" of {}", options_.epochs);
  line += fmt::format(": step {}", state_.step);
  std::string means = meansText(training_.means());
  if (!means.empty()) line += ", " + means;
  if (evaluation_) line += "; evaluation: " + meansText(evaluation_->means());
  line += fmt::format(" ({:.1f} s)\n", seconds);
  if (!writeOutput(line)) return Outcome::Failed;
  if (!log_) return Outcome::Goes;
  nlohmann::ordered_json json = {{"epoch", state_.epoch + 1},
                                 {"step", state_.step},
                                 {"examples", state_.position},
                                 {"seconds", std::round(seconds * 1e3) / 1e3},
                                 {"train", meansJson(training_.means())}};
  if (evaluation_) json["eval"] = meansJson(evaluation_->means());
  std::string text = json.dump() + "\n";
  if (std::fwrite(text.data(), 1, text.size(), log_) == text.size() && std::fflush(log_) == 0)
    return Outcome::Goes;
  why = fmt::format("can't write '{}': {}", options_.log, std::strerror(errno));
  return Outcome::Failed;
}

bool TrainLoop::everyVariableIsFinite() {
  std::vector<std::byte> bytes;
  for (const Variable *variable : graph_.variables) {
    if (variable->dtype != DType::Float32 && variable->dtype != DType::Float64) continue;
    bytes.resize(
        static_cast<size_t>(variable->shape.elements().value * dtypeSize(variable->dtype)));
    std::string ignored;
    if (!machine_.get(*variable, bytes, ignored)) continue;
    bool fine = variable->dtype == DType::Float32 ? finite<float>(bytes) : finite<double>(bytes);
    if (fine) continue;
    progress_.clear();
    notice(fmt::format("{}: variable '{}' is no longer finite", whereText(), variable->opName));
    return false;
  }
  return true;
}

TrainLoop::Outcome TrainLoop::save(std::string &why) {
  if (options_.save.empty()) return Outcome::Goes;
  // A loss tells of the variables before its step; what is kept must be good itself.
  if (options_.haltOnNan && !everyVariableIsFinite()) {
    notice(savedStep_ >= 0 ? fmt::format("stopped (--halt-on-nan); '{}' holds step {}",
                                         options_.save, savedStep_)
                           : "stopped (--halt-on-nan); nothing has been saved");
    return Outcome::Diverged;
  }
  state_.means = state_.position ? training_.means() : std::vector<Mean>();
  if (!machine_.save(options_.save, {{trainStateKey, stateText(state_)}}, why))
    return Outcome::Failed;
  savedStep_ = state_.step;
  return Outcome::Goes;
}

} // namespace graphc
