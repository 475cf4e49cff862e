// export: entry points of the generated code.
#include "elaborate/interpreter.h"
#include "ops/order.h"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_set>

namespace graphc {

void Interpreter::execExport(const ExportStmt *stmt) {
  Export made;
  made.name = symbols.text(stmt->name.name);
  made.span = span(stmt);
  bool whole = true;
  std::string key = isMain_ ? made.name : fmt::format("{}:{}", frame_->module->file, made.name);
  if (!exportNames_.insert(key).second) {
    auto &taken = error(Code::ExportNameTaken, span(stmt->name),
                        fmt::format("there is an export '{}' already", made.name));
    for (const auto &other : graph.exports)
      if (other.name == made.name) taken.notes.push_back({"the first one is here", other.span});
    whole = false;
  }

  std::unordered_set<const Operation *> inputs;
  for (const auto &item : stmt->inputs) {
    Value value = eval(item.value);
    if (value.isPoison()) {
      whole = false;
      continue;
    }
    auto *tensor = value.as<TensorObject>();
    bool isInput = tensor && (tensor->tensor->op->type == "Placeholder" ||
                              tensor->tensor->op->type == "PlaceholderWithDefault");
    if (!isInput) {
      error(Code::InputNotPlaceholder, span(item.value),
            fmt::format("the input '{}' is no placeholder but {}", symbols.text(item.name.name),
                        tensor ? fmt::format("the tensor '{}'", tensor->tensor->op->name)
                               : someOf(value)));
      whole = false;
      continue;
    }
    inputs.insert(tensor->tensor->op);
    made.inputs.push_back(
        {std::string(symbols.text(item.name.name)), tensor->tensor, span(item.name)});
  }

  for (const auto &item : stmt->outputs) {
    Value value = eval(item.value);
    if (value.isPoison()) {
      whole = false;
      continue;
    }
    Span where = span(item.value);
    if (!item.name) {
      // Run for its effect.
      Operation *op = toOperation(value);
      if (auto *list = value.as<ListObject>(); list && !list->items.empty()) {
        for (const auto &part : list->items)
          if (auto *one = toOperation(part)) made.effects.push_back(one);
        continue;
      }
      bool node = op && op->type == "VariableV2";
      if (!op || node) {
        error(Code::WrongType, where,
              fmt::format("an output is a tensor or an operation, not {}",
                          node ? "the node of a variable" : someOf(value)))
            .help = "an output that is given back has a name: `-> (name=value)`";
        whole = false;
        continue;
      }
      Export alone;
      alone.effects = {op};
      if (value.is(ObjectKind::Tensor) && updatedBy(neededBy(alone)).empty()) {
        error(Code::WrongType, where,
              fmt::format("the output '{}' has no name and no effect", op->name))
            .help = "an output that is given back has a name: `-> (name=value)`";
        whole = false;
        continue;
      }
      made.effects.push_back(op);
      continue;
    }
    if (value.is(ObjectKind::Operation)) {
      error(Code::WrongType, where,
            "an operation gives no value: list it without a name, and it is run for its effect");
      whole = false;
      continue;
    }
    Tensor *tensor =
        toTensor(value, DType::Invalid, where, Code::WrongType, symbols.text(item.name.name));
    if (tensor && tensor->op->within) {
      error(Code::WrongType, where,
            fmt::format("the output '{}' is made anew at each step of a loop",
                        symbols.text(item.name.name)))
          .help = "let the loop's function give it back, and export what the loop gives";
      tensor = nullptr;
    }
    if (!tensor) {
      whole = false;
      continue;
    }
    made.outputs.push_back({std::string(symbols.text(item.name.name)), tensor, span(item.name)});
  }
  if (!whole) return;

  // Rule: what an output needs is an input, a variable or a constant.
  // There is nothing to look for where all placeholders are inputs and nothing is updated.
  bool simple = !graph.updatesMade && std::all_of(placeholders_.begin(), placeholders_.end(),
                                                  [&](auto *op) { return inputs.contains(op); });
  auto needed = simple ? std::vector<Operation *>() : neededBy(made);
  for (auto *op : needed) {
    if (op->type != "Placeholder" || inputs.contains(op)) continue;
    auto &missing =
        error(Code::OutputNeedsInput, made.span,
              fmt::format("the export '{}' needs the placeholder '{}', which is no input of it",
                          made.name, op->name));
    missing.notes.insert(missing.notes.begin(), {"the placeholder is made here", op->span});
    missing.help =
        fmt::format("add it to the inputs: `export {}({}={}, …)`", made.name, op->name, op->name);
    whole = false;
  }
  // Rule: two updates of one variable are ordered by data or control dependencies.
  // Two steps of optimizers are one mistake, told by a variable of the model.
  std::vector<std::pair<const Operation *, const Operation *>> unordered;
  made.updates = updatedBy(needed);
  if (!made.updates.empty()) unordered = orderVariables(needed).unordered;
  std::stable_partition(unordered.begin(), unordered.end(),
                        [](auto &pair) { return pair.first->variable->kind != Variable::Slot; });
  std::unordered_set<const Variable *> reported;
  std::vector<std::pair<const Operation *, const Operation *>> told;
  auto sameCall = [](const Operation *a, const Operation *b) {
    return a->span == b->span && a->caller == b->caller;
  };
  for (const auto &[first, second] : unordered) {
    bool known = std::any_of(told.begin(), told.end(), [&, a = first, b = second](auto &pair) {
      return sameCall(pair.first, a) && sameCall(pair.second, b);
    });
    if (known || !reported.insert(first->variable).second) continue;
    told.push_back({first, second});
    auto &twice =
        error(Code::TwoUpdates, made.span,
              fmt::format(
                  "the export '{}' updates the variable '{}' twice, and nothing orders the updates",
                  made.name, first->variable->opName));
    twice.notes.insert(twice.notes.begin(),
                       {{"one update is here", first->span}, {"the other is here", second->span}});
    twice.help = "order them with `with control_dependencies([first]):`, or list one of them alone";
    whole = false;
  }
  // Rule: an imported file's exports are its own.
  if (whole && isMain_) graph.exports.push_back(std::move(made));
}

namespace {
/// How `inspect` names a member of a collection; empty: it has no name.
std::string_view memberName(Heap &heap, const Value &member) {
  if (auto *v = member.as<VariableObject>()) return v->variable->opName;
  if (auto *o = member.as<OperationObject>()) return o->op->name;
  if (auto *t = member.as<TensorObject>())
    return t->tensor->index ? heap.copy(fmt::format("{}:{}", t->tensor->op->name, t->tensor->index))
                            : t->tensor->op->name;
  if (auto *p = member.as<PartitionedObject>()) return p->whole->name;
  if (auto *t = member.as<TextObject>()) return t->text;
  return "";
}
} // namespace

void Interpreter::finish() {
  for (const auto &collection : scopes.collections()) {
    std::vector<std::string_view> names;
    for (const auto &member : collection->members)
      if (auto name = memberName(heap, member); !name.empty()) names.push_back(name);
    graph.collections.push_back({collection->key, std::move(names)});
  }
  for (const auto &[name, value] : options.defines) {
    if (usedDefines_.contains(name)) continue;
    result_.unknownDefines.push_back(name);
    result_.usageErrors.push_back(noParam(name, {result_.params.begin(), result_.params.end()}));
  }
}

std::string noParam(std::string_view name, const std::vector<std::string_view> &params) {
  auto near = nearestName(name, params);
  std::string message = fmt::format("no param is called '{}'", name);
  if (near)
    message += fmt::format("; did you mean '{}'?", *near);
  else if (!params.empty())
    message += fmt::format("; there are: {}", fmt::join(params, ", "));
  return message;
}

} // namespace graphc
