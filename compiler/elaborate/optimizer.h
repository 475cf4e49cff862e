// What an optimizer is: what it keeps for every variable, and how one step changes both. The
// optimizers themselves are the table of optimizers.cpp.
#pragma once

#include "elaborate/value.h"
#include "ops/term.h"

#include <map>
#include <span>

namespace graphc {

class Interpreter;
struct NativeDef;

/// One step of an optimizer on one variable. Formulas are calculated in float32, those of float64
/// variables in float64. All that they read is from before the step.
class UpdateStep {
public:
  UpdateStep(Interpreter &interpreter, OpBuilder &builder, const OptimizerObject &optimizer,
             VariableObject &variable, Tensor *gradient)
      : interpreter_(interpreter), builder_(builder), optimizer_(optimizer), variable_(variable),
        gradient_(gradient) {}

  Term gradient() { return wide(gradient_); }
  Term value();
  /// An argument of the constructor, a scalar. Of beta1 and the like also its power.
  Term setting(std::string_view name);
  Term power(std::string_view setting);
  bool flag(std::string_view name) const;
  /// Whether the argument is a number, and this one.
  bool is(std::string_view name, double number) const;

  Term slot(std::string_view name);
  /// The slot's value after the step, which is also given back.
  Term setSlot(std::string_view name, const Term &value);
  /// The variable's value after the step: as it was less `delta`, or `value`.
  void subtract(const Term &delta);
  void assign(const Term &value);

  /// The updates; fewer than were asked for after an error.
  std::vector<Operation *> updates;
  bool failed = false;

private:
  Term wide(Tensor *tensor);
  DType wideDType() const;
  Tensor *narrow(const Term &value);
  void update(std::string_view type, std::string_view name, VariableObject &target, Tensor *value);

  Interpreter &interpreter_;
  OpBuilder &builder_;
  const OptimizerObject &optimizer_;
  VariableObject &variable_;
  Tensor *gradient_;
};

/// A variable that is kept for each variable that is trained.
struct SlotDef {
  std::string_view name;                // by which get_slot finds it
  double initial = 0;                   // of all its elements
  std::string_view initialSetting = {}; // or the argument that says so
  std::string_view onlyIf = {};         // kept only where this argument is True
  std::string_view nameSetting = {};    // the argument that may name its variable
};

/// What an argument must be where it is a number.
struct RangeDef {
  enum Range : uint8_t { Positive, NotNegative, NotPositive };
  std::string_view setting;
  Range range;
};

struct OptimizerDef {
  std::string_view signature; // of the constructor
  std::string_view name;      // by default, and of the slots' variables
  std::span<const SlotDef> slots;
  std::span<const std::string_view> powers; // arguments whose powers are kept: beta1_power
  std::span<const std::string_view> flags;  // arguments that are bools
  std::span<const RangeDef> ranges;
  void (*update)(UpdateStep &);
};

std::span<const OptimizerDef> optimizers();

/// A name scope that is open as long as this lives.
class OpenNameScope {
public:
  /// `given` is a str or None.
  OpenNameScope(Interpreter &interpreter, const Value &given, std::string_view otherwise,
                Span span);
  ~OpenNameScope();
  OpenNameScope(const OpenNameScope &) = delete;

  explicit operator bool() const { return open_; }  // false: an error was reported
  std::string_view bound() const { return bound_; } // "Adam/"; "" at the root

private:
  Interpreter &interpreter_;
  bool open_ = false;
  std::string_view bound_;
};

} // namespace graphc
