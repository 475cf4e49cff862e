// graphc run: compiles in memory and calls one export.
#include "driver/machine.h"
#include "driver/output.h"
#include "driver/run_inputs.h"
#include "interface/npy.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>

namespace graphc {

namespace {

struct RunOptions {
  DefinitionOptions definition;
  std::string exportName;
  std::vector<std::string> in, out, dims;
  std::string save;
  int64_t repeat = 1;
  bool interpret = false;
  MachineOptions machine;
};

void addOptions(CLI::App &app, RunOptions &options) {
  options.definition.addTo(app);
  app.add_option("EXPORT", options.exportName, "The export to call")->required();
  app.add_option("--in", options.in, "An input: a .npy file, or zeros, ones, random")
      ->type_name("NAME=FILE")
      ->allow_extra_args(false);
  app.add_option("--out", options.out,
                 "Write an output to a .npy file; without any, all are printed")
      ->type_name("NAME=FILE")
      ->allow_extra_args(false);
  app.add_option("--dim", options.dims, "A dimension that no input's file gives (default 1)")
      ->type_name("NAME=N")
      ->allow_extra_args(false);
  app.add_option("--weights", options.machine.weights,
                 "Load the variables (safetensors) in place of running the initializers")
      ->type_name("FILE");
  app.add_option("--save", options.save, "Write the variables after the last call (safetensors)")
      ->type_name("FILE");
  app.add_option("--seed", options.machine.seed, "Of all random numbers")->type_name("N");
  app.add_option("--repeat", options.repeat, "Call so often (default 1)")
      ->type_name("N")
      ->check(CLI::Range(int64_t(1), INT64_MAX));
  app.add_option("--threads", options.machine.threads, "That one call may use (default: all)")
      ->type_name("N")
      ->check(CLI::Range(1, 4096));
  app.add_option("-O", options.machine.level, "Optimization, 0 to 3 (default 3)")
      ->type_name("N")
      ->check(CLI::Range(0, 3));
  app.add_flag("--interpret", options.interpret,
               "Evaluate with the reference evaluation instead of compiled code");
}

/// One run, after its arguments have been understood.
class Run {
public:
  Run(const RunOptions &options, Definition &definition)
      : options_(options), definition_(definition) {}

  /// False with `why` or diagnostics.
  bool run(std::string &why) {
    const ModelInterface &model = definition_.interface();
    int index = findExport(model, options_.exportName, why);
    if (index < 0) return false;
    const InterfaceFunction &function = model.functions[index];
    Bindings in, dims;
    if (!parseBindings(options_.in, "--in", in, why) ||
        !parseBindings(options_.out, "--out", out_, why) ||
        !parseBindings(options_.dims, "--dim", dims, why) || !checkOutputs(function, why))
      return false;
    RunInputs inputs;
    if (!gatherInputs(function, in, dims, options_.machine.seed, inputs, why)) return false;
    for (const std::string &note : inputs.notes) notice(note);
    if (why = dimensionsProblem(function, inputs.dims); !why.empty()) return false;
    Graph &graph = definition_.graphToCompile();
    std::unique_ptr<Machine> machine;
    if (options_.interpret)
      machine = interpretedMachine(graph, model, options_.machine, why);
    else if (definition_.optimize(options_.machine.level, why))
      machine = compiledMachine(graph, model, options_.machine, definition_.diagnostics(), why);
    if (!machine) return false;
    std::vector<Array> outputs;
    if (!makeOutputs(function, *machine, index, inputs.dims, outputs, why)) return false;
    return call(*machine, index, inputs, outputs, why) && write(function, *machine, outputs, why);
  }

private:
  bool checkOutputs(const InterfaceFunction &function, std::string &why) {
    std::vector<std::string_view> names;
    for (const InterfaceBuffer &output : function.outputs) names.push_back(output.name);
    std::vector<std::string_view> files;
    for (const auto &[name, file] : out_) {
      if (std::find(files.begin(), files.end(), file) != files.end()) {
        why = fmt::format("two outputs would be written to '{}'", file);
        return false;
      }
      files.push_back(file);
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      auto nearest = nearestName(name, names);
      why = fmt::format("export '{}' has no output '{}'{}", function.exported->name, name,
                        nearest ? fmt::format("; did you mean '{}'?", *nearest) : "");
      return false;
    }
    return true;
  }

  bool makeOutputs(const InterfaceFunction &function, Machine &machine, size_t index,
                   const std::vector<int64_t> &dims, std::vector<Array> &outputs,
                   std::string &why) {
    size_t ranks = 0;
    for (const InterfaceBuffer &output : function.outputs)
      ranks += output.tensor->shape.dims().size();
    std::vector<int64_t> shapes(ranks);
    if (!machine.shapes(index, dims, shapes, why)) return false;
    auto next = shapes.begin();
    for (const InterfaceBuffer &output : function.outputs) {
      Array array;
      array.dtype = output.tensor->dtype;
      for (size_t d = 0; d < output.tensor->shape.dims().size(); ++d) array.dims.push_back(*next++);
      auto bytes = bytesOf(array.dtype, array.dims);
      if (!bytes) {
        why = fmt::format("output '{}' is larger than this machine's memory", output.name);
        return false;
      }
      array.bytes.resize(*bytes);
      outputs.push_back(std::move(array));
    }
    return true;
  }

  bool call(Machine &machine, size_t index, const RunInputs &inputs, std::vector<Array> &outputs,
            std::string &why) {
    std::vector<const void *> in;
    std::vector<void *> out;
    for (const Array &array : inputs.arrays) in.push_back(array.bytes.data());
    for (Array &array : outputs) out.push_back(array.bytes.data());
    using Clock = std::chrono::steady_clock;
    double fastest = 0, sum = 0;
    for (int64_t i = 0; i < options_.repeat; ++i) {
      auto begin = Clock::now();
      if (!machine.call(index, inputs.dims, in, out, why)) return false;
      double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
      fastest = i ? std::min(fastest, seconds) : seconds;
      sum += seconds;
    }
    if (options_.repeat > 1)
      notice(fmt::format("{} calls: {:.3f} ms each, the fastest {:.3f} ms", options_.repeat,
                         sum / static_cast<double>(options_.repeat) * 1e3, fastest * 1e3));
    return true;
  }

  bool write(const InterfaceFunction &function, Machine &machine, const std::vector<Array> &outputs,
             std::string &why) {
    OutputSet files;
    std::string printed;
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Array &array = outputs[i];
      const std::string &name = function.outputs[i].name;
      auto file =
          std::find_if(out_.begin(), out_.end(), [&](const auto &o) { return o.first == name; });
      if (file != out_.end()) {
        std::string bytes = npyBytes(array.dtype, array.dims, array.bytes);
        if (!files.add(file->second, bytes, false, why)) return false;
      } else if (out_.empty()) {
        std::string shape;
        for (int64_t d : array.dims) shape += fmt::format("{}{}", shape.empty() ? "" : ", ", d);
        if (array.dims.size() == 1) shape += ',';
        printed +=
            fmt::format("{}: {} ({})\n{}\n", name, dtypeName(array.dtype), shape, arrayText(array));
      }
    }
    if (!options_.save.empty()) {
      std::string temporary;
      if (!files.reserve(options_.save, temporary, why) || !machine.save(temporary, {}, why))
        return false;
    }
    if (!printed.empty() && !writeOutput(printed)) return false;
    return files.commit(why);
  }

  const RunOptions &options_;
  Definition &definition_;
  Bindings out_;
};

} // namespace

int runRun(const Arguments &arguments) {
  CLI::App app("Compiles a definition in memory and calls one of its exports.", "graphc run");
  RunOptions options;
  addOptions(app, options);
  int status = exitFine;
  if (!parseArguments(app, arguments, status)) return status;
  Definition definition;
  if (!definition.load(options.definition, Definition::StandardOutput, status)) return status;
  if (!checkRanks(definition.graph(), definition.diagnostics())) return definition.finish();
  std::string why;
  if (Run(options, definition).run(why)) return definition.finish();
  if (!why.empty()) usageError(why);
  return definition.finish(exitUsage);
}

} // namespace graphc
