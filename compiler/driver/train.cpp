// graphc train: drives a training export over data files.
#include "driver/output.h"
#include "driver/train_loop.h"
#include "interface/tensor_file.h"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace graphc {

namespace {

struct TrainOptions {
  DefinitionOptions definition;
  std::string exportName, evaluation, resume, accuracy;
  std::vector<std::string> data, evaluationData, set, scale, dims;
  int64_t batch = 0;
  LoopOptions loop;
  MachineOptions machine;
};

CLI::Option *addBindings(CLI::App &app, const char *name, std::vector<std::string> &to,
                         const char *type, const char *what) {
  return app.add_option(name, to, what)->type_name(type)->allow_extra_args(false);
}

void addOptions(CLI::App &app, TrainOptions &options) {
  auto count = CLI::Range(int64_t(1), INT64_MAX);
  options.definition.addTo(app);
  app.add_option("EXPORT", options.exportName, "The export to call, once a batch")->required();
  addBindings(app, "--data", options.data, "NAME=FILE",
              "An input's data, its first dimension the examples: .npy, IDX (.gz too), "
              "FILE.npz:MEMBER");
  addBindings(app, "--set", options.set, "NAME=VALUE",
              "An input that is the same at every step: a number, or a file");
  addBindings(app, "--scale", options.scale, "NAME=FACTOR",
              "What an input's data is multiplied by: 0.5, 1/255");
  addBindings(app, "--dim", options.dims, "NAME=N", "A dimension that no data gives");
  app.add_option("--batch", options.batch,
                 "Examples of a step (default: the definition's, else 32)")
      ->type_name("N")
      ->check(count);
  app.add_option("--epochs", options.loop.epochs, "Passes over the data (default 1)")
      ->type_name("N")
      ->check(count);
  app.add_option("--steps", options.loop.steps, "Stop after so many steps in all")
      ->type_name("N")
      ->check(count);
  app.add_flag("--shuffle,!--no-shuffle", options.loop.shuffle,
               "Whether each epoch has an order of its own (default: it has)");
  app.add_option("--eval", options.evaluation, "The export to evaluate with after each epoch")
      ->type_name("EXPORT");
  addBindings(app, "--eval-data", options.evaluationData, "NAME=FILE", "Its inputs' data")
      ->needs("--eval");
  app.add_option(
         "--accuracy", options.accuracy,
         "How often its output, integers or scores [batch, classes], gives the file's label")
      ->type_name("OUTPUT=FILE")
      ->needs("--eval");
  app.add_option("--save", options.loop.save,
                 "Where the variables go after each epoch and at the end (safetensors)")
      ->type_name("FILE");
  app.add_option("--save-every", options.loop.saveEvery, "Save after every so many steps, too")
      ->type_name("N")
      ->check(count)
      ->needs("--save");
  auto *resume = app.add_option("--resume", options.resume,
                                "Go on where this checkpoint was written, bit for bit")
                     ->type_name("FILE");
  app.add_option("--weights", options.machine.weights, "Begin with the variables of this file")
      ->type_name("FILE")
      ->excludes(resume);
  app.add_option("--seed", options.machine.seed, "Of all random numbers and of the order")
      ->type_name("N");
  app.add_option("--log", options.loop.log, "Where metrics go: one JSON object a line")
      ->type_name("FILE");
  app.add_flag("--halt-on-nan", options.loop.haltOnNan,
               "Stop with status 1 when a metric is no longer finite");
  app.add_option("--threads", options.machine.threads, "That one call may use (default: all)")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  app.add_option("-O", options.machine.level, "Optimization, 0 to 3 (default 3)")
      ->type_name("N")
      ->check(CLI::Range(0, 3));
}

/// One training, after its arguments have been understood.
class Training {
public:
  Training(TrainOptions &options, Definition &definition)
      : options_(options), definition_(definition) {}

  /// The command's exit status; `why` is set where something failed.
  int run(std::string &why) {
    LoopOptions &loop = options_.loop;
    if (!loop.epochs && !loop.steps) loop.epochs = 1;
    if (!bindAll(why) || !checkSave(why) || !readState(why)) return exitUsage;
    Graph &graph = definition_.graphToCompile();
    if (!definition_.optimize(options_.machine.level, why)) return exitUsage;
    auto machine = compiledMachine(graph, definition_.interface(), options_.machine,
                                   definition_.diagnostics(), why);
    if (!machine) return exitUsage;
    BatchCalls training(*machine, static_cast<size_t>(export_), data_);
    BatchCalls evaluation(*machine, static_cast<size_t>(evaluation_), evaluationData_);
    if (!training.prepare(why)) return exitUsage;
    if (evaluation_ >= 0) {
      if (!evaluation.prepare(why)) return exitUsage;
      for (const auto &[output, file] : accuracy_)
        if (!evaluation.measureAccuracy(output, file, why)) return exitUsage;
      if (evaluation.means().empty()) {
        why = fmt::format("export '{}' has no output that is a scalar; --accuracy OUTPUT=LABELS "
                          "measures another one",
                          options_.evaluation);
        return exitUsage;
      }
    }
    TrainLoop trainLoop(*machine, graph, training, evaluation_ < 0 ? nullptr : &evaluation, loop,
                        state_);
    if (!trainLoop.open(!options_.resume.empty(), why)) return exitUsage;
    return trainLoop.run(why);
  }

private:
  bool fail(std::string &why, std::string what) {
    why = std::move(what);
    return false;
  }

  bool bindAll(std::string &why) {
    const ModelInterface &model = definition_.interface();
    DataOptions shared;
    shared.batch = options_.batch;
    Bindings data, evaluationData;
    std::vector<std::string> accuracy;
    if (!options_.accuracy.empty()) accuracy.push_back(options_.accuracy);
    if (!parseBindings(options_.data, "--data", data, why) ||
        !parseBindings(options_.evaluationData, "--eval-data", evaluationData, why) ||
        !parseBindings(options_.set, "--set", shared.set, why) ||
        !parseBindings(options_.scale, "--scale", shared.scale, why) ||
        !parseBindings(options_.dims, "--dim", shared.dims, why) ||
        !parseBindings(accuracy, "--accuracy", accuracy_, why))
      return false;
    export_ = findExport(model, options_.exportName, why);
    if (export_ < 0) return false;
    const InterfaceFunction &function = model.functions[static_cast<size_t>(export_)];
    if (function.exported->updates.empty())
      return fail(why, fmt::format("export '{}' changes no variable: a step of it trains nothing",
                                   options_.exportName));
    const InterfaceFunction *other = nullptr;
    if (!options_.evaluation.empty()) {
      evaluation_ = findExport(model, options_.evaluation, why);
      if (evaluation_ < 0) return false;
      other = &model.functions[static_cast<size_t>(evaluation_)];
      if (!other->exported->updates.empty())
        return fail(why, fmt::format("export '{}' changes variable '{}', which an evaluation must "
                                     "not",
                                     options_.evaluation, other->exported->updates[0]->opName));
    }
    return checkNames(shared.set, "--set", function, other, &InterfaceFunction::inputs, why) &&
           checkNames(shared.scale, "--scale", function, other, &InterfaceFunction::inputs, why) &&
           checkNames(shared.dims, "--dim", function, other, &InterfaceFunction::dims, why) &&
           bind(function, data, "--data", shared, data_, why) &&
           (!other || bind(*other, evaluationData, "--eval-data", shared, evaluationData_, why));
  }

  /// Every name must be one of the training's or of the evaluation's.
  template <typename Member>
  bool checkNames(const Bindings &bindings, std::string_view option,
                  const InterfaceFunction &function, const InterfaceFunction *other, Member member,
                  std::string &why) {
    std::vector<std::string_view> names;
    for (const auto &known : function.*member) names.push_back(known.name);
    if (other)
      for (const auto &known : other->*member)
        if (std::find(names.begin(), names.end(), known.name) == names.end())
          names.push_back(known.name);
    for (const auto &[name, value] : bindings)
      if (std::find(names.begin(), names.end(), name) == names.end())
        return fail(why, fmt::format("{} {}: export '{}' has nothing of that name{}", option, name,
                                     function.exported->name, insteadOf(name, names)));
    return true;
  }

  bool bind(const InterfaceFunction &function, const Bindings &files, std::string_view option,
            const DataOptions &shared, ExportData &to, std::string &why) {
    if (!to.bind(function, files, option, shared, why)) return false;
    if (to.used() != to.examples())
      notice(fmt::format("the last {} of {} examples of export '{}' fill no batch of {} and are "
                         "left out of each pass",
                         to.examples() - to.used(), to.examples(), function.exported->name,
                         to.batch()));
    return true;
  }

  /// A place that can't be written is said before hours are spent.
  bool checkSave(std::string &why) {
    if (options_.loop.save.empty()) return true;
    OutputSet probe;
    std::string temporary;
    if (!probe.reserve(options_.loop.save, temporary, why)) return false;
    return temporary != options_.loop.save ||
           fail(why, fmt::format("can't write '{}': it is not a regular file", options_.loop.save));
  }

  bool readState(std::string &why) {
    state_.shuffle = options_.machine.seed;
    const std::string &from = options_.resume.empty() ? options_.machine.weights : options_.resume;
    if (from.empty()) return true;
    auto file = TensorFile::open(from, why);
    if (!file) return false;
    if (auto differences = checkpointDifferences(definition_.graph(), *file); !differences.empty())
      return fail(why,
                  fmt::format("'{}' was not written for this definition: {}", from, differences));
    if (options_.resume.empty()) return true;
    const Metadata &metadata = file->metadata();
    auto entry = std::find_if(metadata.begin(), metadata.end(),
                              [](const auto &e) { return e.first == trainStateKey; });
    if (entry == metadata.end())
      return fail(why, fmt::format("'{0}' was not written by `graphc train`; --weights {0} begins "
                                   "with its variables",
                                   options_.resume));
    auto state = parseState(entry->second);
    if (!state)
      return fail(why,
                  fmt::format("'{}' holds a state of training that is malformed", options_.resume));
    if (state->position && state->examples != data_.examples())
      return fail(why, fmt::format("'{}' was written within an epoch of {} examples, but there are "
                                   "{} now",
                                   options_.resume, state->examples, data_.examples()));
    if (options_.machine.seed && options_.machine.seed != state->shuffle)
      return fail(why, fmt::format("'{}' goes on with seed {}; --seed {} would not be a "
                                   "continuation",
                                   options_.resume, state->shuffle, options_.machine.seed));
    state_ = std::move(*state);
    options_.machine.weights = options_.resume;
    options_.machine.seed = 0; // the checkpoint's, with its counter
    return true;
  }

  TrainOptions &options_;
  Definition &definition_;
  Bindings accuracy_;
  ExportData data_, evaluationData_;
  int export_ = -1, evaluation_ = -1;
  TrainState state_;
};

} // namespace

int runTrain(const Arguments &arguments) {
  CLI::App app("Compiles a definition in memory and drives a training export over data files.",
               "graphc train");
  TrainOptions options;
  addOptions(app, options);
  int status = exitFine;
  if (!parseArguments(app, arguments, status)) return status;
  Definition definition;
  if (!definition.load(options.definition, Definition::StandardError, status)) return status;
  if (!checkRanks(definition.graph(), definition.diagnostics())) return definition.finish();
  std::string why;
  status = Training(options, definition).run(why);
  if (!why.empty()) usageError(why);
  return definition.finish(status);
}

} // namespace graphc
