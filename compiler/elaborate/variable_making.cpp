// How a variable that may be made comes into the graph: get_variable asks first (variable_store),
// Variable() and what optimizers and moving averages keep always make one.
#include "elaborate/native.h"
#include "elaborate/scope_rules.h"
#include "ops/body.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

bool ScopeRules::checkVariableName(std::string_view name, Span span, bool valid) {
  if (valid) return true;
  host_.error(Code::InvalidName, span, fmt::format("'{}' is not a valid name of a variable", name))
      .help = "names hold letters, digits and _ . - /, and begin with a letter, a digit or a dot";
  return false;
}

std::string_view ScopeRules::uniqueAtRoot(std::string_view name) {
  NameScopeSwitch root(*this, "");
  return names_.uniqueVariable(name);
}

VariableObject *ScopeRules::newVariable(std::string_view name, std::string_view opName,
                                        Tensor *value, Variable::Kind kind, Span span) {
  auto *variable = new Variable();
  variable->name = heap_.copy(name);
  variable->opName = opName;
  variable->dtype = value->dtype;
  variable->shape = value->shape;
  variable->kind = kind;
  variable->initialValue = value;
  auto at = host_.place(span);
  variable->span = at.span;
  variable->caller = at.caller;
  auto *made = heap_.make<VariableObject>();
  made->variable = graph_.adopt(variable);
  made->initialValue = heap_.tensor(value);
  return made;
}

/// Rule: a variable is a member of the collections asked for, else of GLOBAL_VARIABLES; a
/// trainable one also of TRAINABLE_VARIABLES.
bool ScopeRules::registerVariable(VariableObject *made, const Value &collections) {
  if (const auto *value = made->variable->initialValue; value && value->op->within) {
    host_.error(Code::WrongType, made->variable->span,
                fmt::format("the initial value of {} is made anew at each step of a loop; make it "
                            "outside, or give an initializer",
                            made->variable->opName));
    return false;
  }
  std::vector<std::string_view> keys;
  if (collections.isNone()) {
    keys.push_back("variables");
  } else {
    const std::vector<Value> *given = nullptr;
    if (auto *list = collections.as<ListObject>()) given = &list->items;
    if (auto *tuple = collections.as<TupleObject>()) given = &tuple->items;
    if (!given) {
      host_.error(Code::WrongType, made->variable->span,
                  fmt::format("collections is a list of keys, not {}", typeName(collections)));
      return false;
    }
    for (const auto &key : *given) {
      auto *text = key.as<TextObject>();
      if (!text) {
        if (key.isPoison()) return false;
        host_.error(Code::WrongType, made->variable->span,
                    fmt::format("a collection's key is a str, not {}", typeName(key)));
        return false;
      }
      keys.push_back(text->text);
    }
  }
  constexpr std::string_view trainable = "trainable_variables";
  if (made->variable->trainable && std::find(keys.begin(), keys.end(), trainable) == keys.end())
    keys.push_back(trainable);
  // A key that is listed twice is one collection.
  for (size_t i = 0; i < keys.size(); ++i)
    if (std::find(keys.begin(), keys.begin() + i, keys[i]) == keys.begin() + i)
      addToCollection(keys[i], Value::object(made));
  made->variable->index = graph_.variables.size();
  graph_.variables.push_back(made->variable);
  made_.push_back(made);
  return true;
}

/// Rule: Variable() always makes a new variable. Its name is taken in the current name scope and
/// uniquified. Reuse does not concern it, and get_variable never finds it.
Value ScopeRules::makeVariable(const Value &initial, DType dtype, std::string_view name,
                               bool trainable, const Value &collections, bool validateShape,
                               Span span) {
  bool verbatim = name.ends_with('/');
  if (verbatim) name.remove_suffix(1);
  bool valid = verbatim ? ScopeNames::isValid(name, true) : names_.isValidNode(name);
  if (!checkVariableName(name, span, valid)) return Value::poison();
  std::string_view opName;
  if (verbatim) {
    if (!names_.takeVerbatim(name)) {
      host_.error(Code::NameTaken, span, fmt::format("an operation '{}' already exists", name));
      return Value::poison();
    }
    opName = heap_.copy(name);
  } else {
    opName = names_.uniqueVariable(name);
  }
  if (laterTemplateCalls_ && trainable) {
    host_
        .error(
            Code::TemplateVariable, span,
            fmt::format("the trainable variable {} is made at a later call of a template", opName))
        .help = "use get_variable, which later calls share";
    return Value::poison();
  }
  OutsideBodies outside(graph_);
  Value from = initial;
  if (!initializerIsValue(initial)) {
    NameScopeSwitch within(*this, heap_.joined({opName, "/Initializer"}));
    from = host_.call(initial, {}, {}, span);
    if (from.isPoison()) return from;
  }
  Tensor *value = host_.toTensor(from, dtype, span);
  if (!value) return Value::poison();
  if (!value->shape.isStatic()) {
    host_
        .error(Code::ShapeNotKnown, span,
               fmt::format("the initial value of {} has the shape {}, which is not fully known",
                           opName, graphc::toString(value->shape)))
        .help = validateShape ? ""
                              : "validate_shape=False has no meaning here: generated code knows "
                                "every variable's size";
    return Value::poison();
  }
  auto *made = newVariable(opName, opName, value, Variable::Plain, span);
  made->variable->trainable = trainable;
  made->variable->initializer =
      value->op->name.empty() ? std::string_view("value") : std::string_view("tensor");
  if (from.is(ObjectKind::Tensor)) made->initialValue = from;
  if (!registerVariable(made, collections)) return Value::poison();
  return Value::object(made);
}

/// Rule: a slot is named after the variable that it serves, at the root and numbered, wherever it
/// is made. Neither scopes nor their reuse concern it, and get_variable never finds it.
Value ScopeRules::makeSlot(std::string_view name, Tensor *initial, std::string_view initializer,
                           Variable::Kind kind, Span span) {
  if (!initial) return Value::poison();
  if (!checkVariableName(name, span, ScopeNames::isValid(name, true))) return Value::poison();
  auto opName = uniqueAtRoot(name);
  auto *made = newVariable(opName, opName, initial, kind, span);
  made->variable->trainable = false;
  made->variable->initializer = initializer;
  registerVariable(made, Value::none());
  return Value::object(made);
}

/// Rule: the slots of a partitioned variable's parts are NAME/part_0/SLOT, …, and one tensor
/// NAME/SLOT in checkpoints.
void ScopeRules::joinSlots(const PartitionedVariable &whole, const std::vector<Variable *> &slots) {
  auto slot =
      slots[0]->opName.substr(std::min(whole.parts[0]->opName.size() + 1, slots[0]->opName.size()));
  auto *joined = graph_.arena.make<PartitionedVariable>(whole);
  joined->name = uniqueAtRoot(fmt::format("{}/{}", whole.name, slot));
  joined->dtype = slots[0]->dtype;
  joined->parts = graph_.arena.copy(slots);
  for (size_t i = 0; i < slots.size(); ++i) {
    slots[i]->whole = joined;
    slots[i]->offset = whole.parts[i]->offset;
  }
  graph_.partitioned.push_back(joined);
}

} // namespace graphc
