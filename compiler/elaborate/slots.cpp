// Variables that serve others: what optimizers and moving averages keep.
#include "elaborate/native.h"
#include "elaborate/scope_rules.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

/// Rule: a slot is named after the variable that it serves, at the root and numbered, wherever it
/// is made. Neither scopes nor their reuse concern it, and get_variable never finds it.
Value ScopeRules::makeSlot(std::string_view name, Tensor *initial, std::string_view initializer,
                           Variable::Kind kind, Span span) {
  if (!initial) return Value::poison();
  if (!ScopeNames::isValid(name, true)) {
    host_
        .error(Code::InvalidName, span, fmt::format("'{}' is not a valid name of a variable", name))
        .help = "names hold letters, digits and _ . - /, and begin with a letter, a digit or a dot";
    return Value::poison();
  }
  auto *variable = new Variable();
  {
    NameScopeSwitch root(*this, "");
    variable->name = variable->opName = names_.uniqueVariable(name);
  }
  variable->dtype = initial->dtype;
  variable->shape = initial->shape;
  variable->kind = kind;
  variable->trainable = false;
  variable->initializer = initializer;
  variable->initialValue = initial;
  auto at = host_.place(span);
  variable->span = at.span;
  variable->caller = at.caller;
  auto *made = heap_.make<VariableObject>();
  made->variable = graph_.adopt(variable);
  made->initialValue = heap_.tensor(initial);
  registerVariable(made, Value::none());
  return Value::object(made);
}

/// Rule: the slots of a partitioned variable's parts are NAME/part_0/SLOT, …, and one tensor
/// NAME/SLOT in checkpoints.
void ScopeRules::joinSlots(const PartitionedVariable &whole, const std::vector<Variable *> &slots) {
  auto slot =
      slots[0]->opName.substr(std::min(whole.parts[0]->opName.size() + 1, slots[0]->opName.size()));
  auto *joined = graph_.arena.make<PartitionedVariable>(whole);
  {
    NameScopeSwitch root(*this, "");
    joined->name = names_.uniqueVariable(fmt::format("{}/{}", whole.name, slot));
  }
  joined->dtype = slots[0]->dtype;
  joined->parts = graph_.arena.copy(slots);
  for (size_t i = 0; i < slots.size(); ++i) {
    slots[i]->whole = joined;
    slots[i]->offset = whole.parts[i]->offset;
  }
  graph_.partitioned.push_back(joined);
}

} // namespace graphc
