// graphc build: native code, headers, and the stages on the way.
#include "codegen/codegen.h"
#include "driver/command.h"
#include "driver/output.h"
#include "interface/header.h"
#include "interface/table.h"
#include "interface/weights.h"
#include "ops/interpret.h"
#include "transform/passes.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>

namespace graphc {

namespace {

struct EmitName {
  std::string_view name;
  Emit kind;
};
constexpr EmitName emitNames[] = {
    {"object", Emit::Object},   {"static", Emit::Static}, {"shared", Emit::Shared},
    {"header", Emit::Header},   {"exe", Emit::Exe},       {"llvm-ir", Emit::LlvmIr},
    {"bitcode", Emit::Bitcode}, {"asm", Emit::Asm},       {"graph", Emit::Graph},
};

struct BuildOptions {
  DefinitionOptions definition;
  std::string folder = ".";
  std::string name;
  std::vector<std::string> exports;
  std::vector<std::string> emit = {"static", "header"};
  std::string weights;
  std::string depfile;
  bool sizes = false;
  CodegenOptions codegen;
};

/// The variables' values, by their places.
using Weights = std::map<std::string_view, const Literal *>;

/// The kinds asked for, each once. False, after a message, if one is not known.
bool parseKinds(const std::vector<std::string> &names, std::vector<Emit> &kinds) {
  for (const std::string &name : names) {
    const auto *found = std::find_if(std::begin(emitNames), std::end(emitNames),
                                     [&](const EmitName &e) { return e.name == name; });
    if (found == std::end(emitNames)) {
      std::vector<std::string_view> known;
      std::string list;
      for (const EmitName &e : emitNames) {
        known.push_back(e.name);
        list += (list.empty() ? "" : ", ") + std::string(e.name);
      }
      auto nearest = nearestName(name, known);
      usageError(
          fmt::format("--emit knows no '{}'; {}", name,
                      nearest ? fmt::format("did you mean '{}'?", *nearest) : "it knows " + list));
      return false;
    }
    if (std::find(kinds.begin(), kinds.end(), found->kind) == kinds.end())
      kinds.push_back(found->kind);
  }
  return true;
}

/// A path in a makefile's rule, as compilers write it.
std::string makePath(const std::string &path) {
  std::string out;
  for (char c : path) {
    if (c == ' ' || c == '#' || c == '\\') out += '\\';
    if (c == '$') out += '$';
    out += c;
  }
  return out;
}

std::string dependencies(const std::vector<std::string> &targets,
                         const std::vector<std::string> &files) {
  std::string out;
  for (const std::string &target : targets) out += (out.empty() ? "" : " ") + makePath(target);
  out += ':';
  for (const std::string &file : files)
    if (file != "-") out += " \\\n  " + makePath(file);
  return out + "\n";
}

/// Reads the values that variables get; where the file lacks an optimizer's, its initial one.
bool readWeights(const std::string &path, Graph &graph, Weights &weights, std::string &why) {
  Checkpoint checkpoint;
  if (!readCheckpoint(graph, path, checkpoint, why)) return false;
  GraphInterpreter initial(graph);
  bool complete = std::find(checkpoint.present.begin(), checkpoint.present.end(), false) ==
                  checkpoint.present.end();
  if (!complete && !initial.initialize(why)) return false;
  for (const Variable *variable : graph.variables)
    weights[variable->opName] =
        literalOf(graph, checkpoint.present[variable->index] ? checkpoint.values[variable->index]
                                                             : initial.value(*variable));
  return true;
}

/// What code can reach by the short addresses that are used for data: 2 GiB, less room for code.
constexpr int64_t mostFrozen = (int64_t(2) << 30) - (int64_t(64) << 20);

/// False, with the reason, where the variables are more than an object can hold.
bool canFreeze(const Graph &graph, std::string &why) {
  int64_t total = 0;
  for (const Variable *variable : graph.variables) {
    Dim bytes = variable->shape.elements() * Dim(dtypeSize(variable->dtype));
    total = bytes.value > mostFrozen - total ? mostFrozen + 1 : total + bytes.value;
  }
  if (total <= mostFrozen) return true;
  why =
      fmt::format("the variables have more than {} MiB, which can't be compiled in; leave "
                  "--weights out, and map the file when the program runs (GRAPHRT_MAP_CHECKPOINT)",
                  mostFrozen >> 20);
  return false;
}

/// Makes everything that was asked for, in memory.
bool emitAll(const BuildOptions &options, const std::vector<Emit> &kinds, Definition &definition,
             const ModelInterface &model, std::vector<EmittedFile> &files, std::string &why) {
  std::vector<Emit> native;
  const std::string &source = options.codegen.sourceName;
  for (Emit kind : kinds) {
    if (kind == Emit::Header) {
      files.push_back({kind, model.name + ".h", cHeader(model, source)});
      files.push_back({kind, model.name + ".hpp", cppHeader(model, source)});
    } else if (kind == Emit::Graph) {
      files.push_back({kind, model.name + ".graph.txt", print(definition.graph())});
    } else {
      native.push_back(kind);
    }
  }
  if (native.empty() && !options.sizes) return true;
  const Codegen *codegen = loadCodegen(why);
  if (!codegen || !codegen->emit(definition.graphToCompile(), model, options.codegen, native, files,
                                 definition.diagnostics(), why))
    return false;
  // In the order asked for: a depfile names its targets so.
  std::stable_sort(files.begin(), files.end(), [&](const EmittedFile &a, const EmittedFile &b) {
    auto place = [&](Emit kind) { return std::find(kinds.begin(), kinds.end(), kind); };
    return place(a.kind) < place(b.kind);
  });
  return true;
}

/// Writes the files and the depfile: all or none.
bool writeAll(const BuildOptions &options, const Definition &definition,
              const std::vector<EmittedFile> &files, std::string &why) {
  if (!makeFolders(options.folder, why)) return false;
  OutputSet outputs;
  std::vector<std::string> paths;
  for (const EmittedFile &file : files) {
    std::string path = (std::filesystem::path(options.folder) / file.name).string();
    if (path.starts_with("./")) path.erase(0, 2);
    paths.push_back(path);
    if (!outputs.add(path, file.bytes, file.executable, why)) return false;
  }
  if (!options.depfile.empty()) {
    paths.push_back(options.depfile);
    std::vector<std::string> targets(paths.begin(), paths.end() - 1);
    if (!outputs.add(options.depfile, dependencies(targets, definition.files()), false, why))
      return false;
  }
  for (const std::string &path : paths)
    for (const std::string &file : definition.files()) {
      std::error_code failed;
      if (file == "-" || !std::filesystem::equivalent(path, file, failed) || failed) continue;
      why = fmt::format("'{}' is part of the definition; it would be overwritten", path);
      return false;
    }
  return outputs.commit(why);
}

/// What each processor level costs.
std::string describe(const CodeSizes &sizes, const std::string &name) {
  auto text = [](int64_t number) { return grouped(Dim(number)); };
  Table table(name, {"", ">functions", ">bytes"}, false);
  for (const LevelSize &level : sizes.levels)
    table.row({"code for " + level.level, text(level.functions), text(level.code)});
  table.row({"code for any processor", "", text(sizes.otherCode)});
  table.row({"data", "", text(sizes.data)});
  table.row({"object file", "", text(sizes.file)});
  std::string out;
  table.writeTo(out);
  return out;
}

} // namespace

int runBuild(const Arguments &arguments) {
  CLI::App app("Compiles a definition to native code and writes what programs need to call it. "
               "Nothing is written unless everything can be.",
               "graphc build");
  BuildOptions options;
  options.definition.addTo(app);
  app.add_option("-o", options.folder, "Where the files go (default .)")->type_name("DIR");
  app.add_option("--name", options.name, "The model's name in the interface (default: the file's)")
      ->type_name("IDENT");
  app.add_option("--export", options.exports, "Compile this export alone; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.add_option("--emit", options.emit,
                 "What to write: object, static, shared, header, exe, llvm-ir, bitcode, asm, graph "
                 "(default static,header)")
      ->type_name("KIND,…")
      ->delimiter(',')
      ->allow_extra_args(false);
  app.add_option("--target", options.codegen.target, "Compile for another machine")
      ->type_name("TRIPLE");
  app.add_option(
         "--cpu", options.codegen.cpu,
         "Compile for this processor alone, or 'native' (default: a portable baseline, and, for "
         "x86-64 and AArch64, faster versions that are chosen at load time)")
      ->type_name("NAME");
  app.add_option("-O", options.codegen.level, "Optimization, 0 to 3 (default 3)")
      ->type_name("N")
      ->check(CLI::Range(0, 3));
  app.add_option("--weights", options.weights, "Variables to compile in as constants (safetensors)")
      ->type_name("FILE");
  app.add_option("--depfile", options.depfile, "Write what the outputs depend on, for make")
      ->type_name("FILE");
  app.add_flag("--sizes", options.sizes, "Print how large the code for each processor level is");
  int status = exitFine;
  std::vector<Emit> kinds;
  if (!parseArguments(app, arguments, status)) return status;
  if (!parseKinds(options.emit, kinds)) return exitUsage;
  std::string name = modelName(options.name, options.definition.file);
  if (name.empty()) return exitUsage;
  const std::string &file = options.definition.file;
  options.codegen.sourceName =
      file == "-" ? "standard input" : std::filesystem::path(file).filename().string();

  Definition definition;
  if (!definition.load(options.definition, Definition::StandardError, status, name,
                       options.exports))
    return status;
  if (!checkRanks(definition.graph(), definition.diagnostics())) return definition.finish();
  std::vector<EmittedFile> files;
  std::string why;
  CodeSizes sizes;
  if (options.sizes) options.codegen.sizes = &sizes;
  Weights weights;
  bool fine = true;
  if (!options.weights.empty()) {
    if (!checkFrozen(definition.graph(), definition.diagnostics())) return definition.finish();
    fine = canFreeze(definition.graph(), why) &&
           readWeights(options.weights, definition.graphToCompile(), weights, why) &&
           freeze(definition.graphToCompile(), weights, definition.diagnostics());
    options.codegen.frozen = &weights;
  }
  fine = fine && definition.optimize(options.codegen.level, why) &&
         emitAll(options, kinds, definition, definition.interface(), files, why);
  if (definition.diagnostics().hasErrors()) return definition.finish();
  if (!fine || !writeAll(options, definition, files, why)) {
    usageError(why);
    return definition.finish(exitUsage);
  }
  if (options.sizes && !writeOutput(describe(sizes, name))) return definition.finish(exitUsage);
  return definition.finish();
}

} // namespace graphc
