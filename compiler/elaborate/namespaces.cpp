// The names of the library: bare, under tf and its parts, and what stands in their place where
// TensorFlow has something that a definition has not.
#include "elaborate/interpreter.h"
#include "elaborate/standard_library.h"

#include <algorithm>
#include <fmt/format.h>
#include <span>

namespace graphc {

namespace {

struct Instead {
  std::string_view name, help;
};

constexpr std::string_view layerObjects = "a layer is a function, as layers.dense(x, units) is: "
                                          "share its variables with name= and reuse=";

/// What has no place in a graph definition, and what to write instead.
constexpr Instead notInDefinition[] = {
    {"Session", "declare what is to be computed with `export`, and call it from your program or "
                "with `graphc run`"},
    {"InteractiveSession", "declare what is to be computed with `export`, and call it from your "
                           "program or with `graphc run`"},
    {"global_variables_initializer",
     "the generated code runs the initializers itself when an instance is created"},
    {"local_variables_initializer",
     "the generated code runs the initializers itself when an instance is created"},
    {"initialize_all_variables",
     "the generated code runs the initializers itself when an instance is created"},
    {"initialize_variables",
     "the generated code runs the initializers itself when an instance is created"},
    {"variables_initializer",
     "the generated code runs the initializers itself when an instance is created"},
    {"tables_initializer", "there are no tables in a definition"},
    {"Dense", layerObjects},
    {"Conv1D", layerObjects},
    {"Conv2D", layerObjects},
    {"Conv2DTranspose", layerObjects},
    {"SeparableConv2D", layerObjects},
    {"MaxPooling2D", layerObjects},
    {"AveragePooling2D", layerObjects},
    {"BatchNormalization", layerObjects},
    {"Dropout", layerObjects},
    {"Flatten", layerObjects},
    {"Saver", "the generated code saves and loads checkpoints itself: NAME_save and NAME_load"},
    {"FileWriter", "print() writes while the definition is checked; `graphc viz` draws the graph"},
    {"Graph", "a definition is one graph: leave it out"},
    {"get_default_graph", "a definition is one graph: leave it out"},
    {"reset_default_graph", "a definition is one graph: leave it out"},
    {"device", "generated code chooses its processors itself: leave it out"},
    {"ConfigProto", "the number of threads is set where an instance is created"},
    {"GPUOptions", "the number of threads is set where an instance is created"},
    {"placeholder_feed", "inputs are the parameters of an export"},
    {"py_func", "generated code calls no Python: write the function with operations"},
    {"FLAGS", "use `param NAME = DEFAULT` and -D NAME=VALUE"},
    {"flags", "use `param NAME = DEFAULT` and -D NAME=VALUE"},
    {"app", "a definition has no main: what it exports is called by your program"},
    {"while_loop",
     "for and scan(fn, elems, initializer) go over a number of steps known at compile time"},
    {"summary",
     "print() writes while the definition is checked; a program logs what its exports give"},
    {"merge_all_summaries", "a program logs what its exports give"},
    {"Coordinator", "data is read by the program that calls the exports"},
    {"start_queue_runners", "data is read by the program that calls the exports"},
    {"data", "data is read by the program that calls the exports"},
    {"estimator", "declare a train_step and a predict with `export`"},
    {"logging", "print() writes while the definition is checked"},
    {"gfile", "a definition reads no files but what it imports"},
    {"enable_eager_execution", "a definition is always a graph: leave it out"},
    {"disable_eager_execution", "a definition is always a graph: leave it out"},
    {"disable_v2_behavior", "leave it out"},
    {"open", "a definition reads no files but what it imports"},
    {"input", "use `param NAME = DEFAULT` and -D NAME=VALUE"},
    {"super", "a definition has no classes: use functions"},
    {"exec", "a definition is not text"},
    {"eval", "a definition is not text"},
    {"Exception", "a definition has no exceptions: assert checks at compile time"},
    {"ValueError", "a definition has no exceptions: assert checks at compile time"},
    {"np", "lists of numbers are constants; numbers and random values come from operations"},
    {"numpy", "lists of numbers are constants; numbers and random values come from operations"},
};

/// The parts of tf that may be written before a name of the library.
constexpr std::string_view spaces[] = {"tf",
                                       "tf.nn",
                                       "tf.math",
                                       "tf.initializers",
                                       "tf.train",
                                       "tf.losses",
                                       "tf.compat",
                                       "tf.compat.v1",
                                       "tf.random",
                                       "tf.linalg",
                                       "tf.keras",
                                       "tf.contrib",
                                       "tf.layers",
                                       "tf.contrib.rnn",
                                       "GraphKeys",
                                       "tf.bitwise",
                                       "tf.dtypes",
                                       "tf.nn.rnn_cell",
                                       "tf.image",
                                       "tf.losses.Reduction",
                                       "tf.contrib.layers"};

struct Key {
  std::string_view name, value;
};
/// tf.GraphKeys, with TensorFlow's values.
constexpr Key graphKeys[] = {
    {"GLOBAL_VARIABLES", "variables"},
    {"VARIABLES", "variables"},
    {"LOCAL_VARIABLES", "local_variables"},
    {"TRAINABLE_VARIABLES", "trainable_variables"},
    {"MODEL_VARIABLES", "model_variables"},
    {"METRIC_VARIABLES", "metric_variables"},
    {"MOVING_AVERAGE_VARIABLES", "moving_average_variables"},
    {"TRAINABLE_RESOURCE_VARIABLES", "trainable_resource_variables"},
    {"REGULARIZATION_LOSSES", "regularization_losses"},
    {"LOSSES", "losses"},
    {"UPDATE_OPS", "update_ops"},
    {"SUMMARIES", "summaries"},
    {"SUMMARY_OP", "summary_op"},
    {"WEIGHTS", "weights"},
    {"BIASES", "biases"},
    {"ACTIVATIONS", "activations"},
    {"GLOBAL_STEP", "global_step"},
    {"EVAL_STEP", "eval_step"},
    {"CONCATENATED_VARIABLES", "concatenated_variables"},
    {"TRAIN_OP", "train_op"},
    {"INIT_OP", "init_op"},
    {"LOCAL_INIT_OP", "local_init_op"},
    {"READY_OP", "ready_op"},
    {"READY_FOR_LOCAL_INIT_OP", "ready_for_local_init_op"},
    {"SAVERS", "savers"},
    {"SAVEABLE_OBJECTS", "saveable_objects"},
    {"QUEUE_RUNNERS", "queue_runners"},
    {"TABLE_INITIALIZERS", "table_initializer"},
    {"ASSET_FILEPATHS", "asset_filepaths"},
    {"RESOURCES", "resources"},
    {"LOCAL_RESOURCES", "local_resources"},
    {"COND_CONTEXT", "cond_context"},
    {"WHILE_CONTEXT", "while_context"},
    {"UNBOUND_INPUTS", "unbound_inputs"},
    {"STREAMING_MODEL_PORTS", "streaming_model_ports"},
};

/// tf.losses.Reduction: how a loss is made of its elements.
constexpr Key reductions[] = {
    {"NONE", "none"},
    {"SUM", "weighted_sum"},
    {"MEAN", "weighted_mean"},
    {"SUM_OVER_BATCH_SIZE", "weighted_sum_over_batch_size"},
    {"SUM_BY_NONZERO_WEIGHTS", "weighted_sum_by_nonzero_weights"},
    {"SUM_OVER_NONZERO_WEIGHTS", "weighted_sum_by_nonzero_weights"},
};
constexpr Key aggregationMethods[] = {{"ADD_N", "add_n"},
                                      {"DEFAULT", "add_n"},
                                      {"EXPERIMENTAL_TREE", "tree"},
                                      {"EXPERIMENTAL_ACCUMULATE_N", "accumulate_n"}};
constexpr Key unconnectedGradients[] = {{"NONE", "none"}, {"ZERO", "zero"}};

/// The constants of a namespace that has nothing else; none: it is not one.
std::span<const Key> keysOf(std::string_view space) {
  if (space == "GraphKeys") return graphKeys;
  if (space == "AggregationMethod") return aggregationMethods;
  if (space == "UnconnectedGradients") return unconnectedGradients;
  if (space == "tf.losses.Reduction") return reductions;
  return {};
}

const std::unordered_map<std::string_view, const NativeDef *> &natives() {
  static const auto table = [] {
    std::unordered_map<std::string_view, const NativeDef *> made;
    for (auto defs : {pythonBuiltins(), scopeFunctions(), settingFunctions(), graphFunctions(),
                      gradientFunctions(), recordFunctions(), loopFunctions(), trainFunctions()})
      for (const auto &def : defs) made.emplace(def.name(), &def);
    return made;
  }();
  return table;
}

/// Python's builtins that TensorFlow has an operation of the same name for: under tf the
/// operation is meant.
bool isPythonsOwn(std::string_view name) {
  static const auto table = [] {
    std::unordered_set<std::string_view> made;
    for (const auto &def : pythonBuiltins()) made.insert(def.name());
    return made;
  }();
  return table.contains(name);
}

bool isSpace(std::string_view name) {
  return !keysOf(name).empty() ||
         std::find(std::begin(spaces), std::end(spaces), name) != std::end(spaces);
}

} // namespace

Value Interpreter::libraryValue(std::string_view name) {
  if (auto known = libraryValues_.find(name); known != libraryValues_.end()) return known->second;
  auto make = [&]() -> Value {
    // Functions behind operators have no names of their own; the standard library's two have.
    if (name.starts_with("__") && !natives().contains(name)) return Value::unset();
    if (name == "tf" || name == "tensorflow" || !keysOf(name).empty()) {
      auto *space = heap.make<NamespaceObject>();
      space->name = keysOf(name).empty() ? "tf" : heap.copy(name);
      return Value::object(space);
    }
    if (name == "layers") return namespaceMember("tf", name);
    if (name == "AUTO_REUSE") return Value::autoReuse();
    if (name == "newaxis") return Value::none();
    if (auto found = natives().find(name); found != natives().end()) {
      auto *native = heap.make<NativeObject>();
      native->def = found->second;
      return Value::object(native);
    }
    if (auto dtype = dtypeFromName(name)) return Value::dtype(*dtype);
    for (std::string_view type :
         {"Tensor", "Operation", "TensorShape", "Dimension", "VariableScope", "DType"})
      if (name == type) {
        auto *made = heap.make<TypeObject>();
        made->name = type;
        return Value::object(made);
      }
    if (const Function *function = findFunction(name)) {
      auto *made = heap.make<LibraryObject>();
      made->function = function;
      return Value::object(made);
    }
    if (auto file = standardFileWith(name); !file.empty()) return standardName(file, name);
    return Value::unset();
  };
  Value made = make();
  // Not yet there, where its file is being read.
  if (!made.isUnset() || standardFileWith(name).empty())
    libraryValues_.emplace(heap.copy(name), made);
  return made;
}

Value Interpreter::namespaceMember(std::string_view space, std::string_view name) {
  if (space == "tf.compat.v1") space = "tf";
  if (auto keys = keysOf(space); !keys.empty()) {
    for (const auto &key : keys)
      if (key.name == name) return heap.ownedText(key.value);
    return Value::unset();
  }
  std::string nested = fmt::format("{}.{}", space, name);
  if (isSpace(nested)) {
    auto *made = heap.make<NamespaceObject>();
    made->name = *std::find(std::begin(spaces), std::end(spaces), nested);
    return Value::object(made);
  }
  if (auto file = standardFileOf(space, name); !file.empty()) return standardName(file, name);
  // tf.initializers.zeros() makes an initializer, tf.zeros() a tensor.
  if (space == "tf.initializers")
    if (Value setting = libraryValue(heap.copy(fmt::format("{}_initializer", name)));
        !setting.isUnset())
      return setting;
  if (name == "float" || name == "int" || name == "print" || name == "len") return Value::unset();
  if (name == "bool") return Value::dtype(DType::Bool);
  if (isPythonsOwn(name)) {
    if (const Function *function = findFunction(name)) {
      auto *made = heap.make<LibraryObject>();
      made->function = function;
      return Value::object(made);
    }
    return Value::unset();
  }
  if (name == "tf" || name == "tensorflow") return Value::unset();
  Value known = libraryValue(name);
  if (!known.isUnset()) return known;
  // tf.random.normal is random_normal, tf.linalg.diag is matrix_diag.
  std::string_view prefix = space == "tf.random"   ? "random_"
                            : space == "tf.linalg" ? "matrix_"
                                                   : "";
  if (!prefix.empty()) return libraryValue(heap.copy(fmt::format("{}{}", prefix, name)));
  if (space == "tf.math" && name == "divide_no_nan") return libraryValue("div_no_nan");
  return known;
}

bool Interpreter::has(Symbol name) {
  if (name.id >= known_.size()) known_.resize(symbols.size() + 1, 0);
  if (!known_[name.id]) {
    auto text = symbols.text(name);
    // What stands in a file of the standard library is read when it is used.
    bool there = !standardFileWith(text).empty() || !libraryValue(text).isUnset();
    known_[name.id] = there ? 1 : -1;
  }
  return known_[name.id] > 0;
}

std::vector<std::string_view> Interpreter::names() {
  std::vector<std::string_view> all = standardNames();
  for (std::string_view name :
       {"tf", "GraphKeys", "AUTO_REUSE", "float32", "float64", "int32", "int64", "layers"})
    all.push_back(name);
  for (const auto &[name, def] : natives()) all.push_back(name);
  for (const auto *function : allFunctions())
    if (!function->name.starts_with("__")) all.push_back(function->name);
  std::sort(all.begin(), all.end()); // so that the nearest is the same in every run
  return all;
}

std::string_view Interpreter::notHere(std::string_view name) {
  for (const auto &entry : notInDefinition)
    if (entry.name == name) return entry.help;
  return {};
}

bool Interpreter::checkNamespacePath(const std::vector<std::string_view> &path, Span where) {
  if (path[0] != "tf" && path[0] != "tensorflow" && path[0] != "layers" && !isSpace(path[0]))
    return true;
  std::string space(path[0] == "tensorflow" ? "tf" : path[0] == "layers" ? "tf.layers" : path[0]);
  for (size_t i = 1; i + 1 < path.size(); ++i) {
    std::string nested = space == "tf" && !keysOf(path[i]).empty()
                             ? std::string(path[i])
                             : fmt::format("{}.{}", space, path[i]);
    if (!isSpace(nested)) return true; // an attribute of a member, seen when it runs
    space = nested == "tf.compat.v1" ? "tf" : nested;
  }
  auto name = path.back();
  if (!namespaceMember(space, name).isUnset()) return true;
  std::string whole = fmt::format("{}.{}", space, name);
  if (auto instead = notHere(name); !instead.empty() && keysOf(space).empty()) {
    if (withinForeign_) return false; // part of the mistake that was reported
    error(Code::NotInDefinition, where,
          fmt::format("'{}' is not part of a graph definition", whole))
        .help = instead;
    return false;
  }
  std::vector<std::string_view> candidates;
  if (auto keys = keysOf(space); !keys.empty()) {
    for (const auto &key : keys) candidates.push_back(key.name);
  } else if (auto file = standardFileOf(space); !file.empty()) {
    Value module = importStandard(file, where);
    if (auto *known = module.as<FileObject>())
      for (const auto &[symbol, index] : known->names)
        if (auto text = symbols.text(symbol); !text.starts_with('_')) candidates.push_back(text);
    std::sort(candidates.begin(), candidates.end());
  } else {
    candidates = names();
  }
  auto near = nearestName(name, candidates);
  error(Code::Undefined, where, fmt::format("the library has no '{}'", whole)).help =
      near ? fmt::format("did you mean '{}'?", *near) : "";
  return false;
}

} // namespace graphc
