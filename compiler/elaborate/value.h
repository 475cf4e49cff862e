// Values of the language while a definition is run: 16 bytes, copied freely; what is larger
// is an object that the heap owns until the end of the run.
#pragma once

#include "graph/graph.h"
#include "syntax/ast.h"

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace graphc {

struct Object;
struct Env;
struct Module;

enum class ObjectKind : uint8_t {
  Text,
  List,
  Tuple,
  Dict,
  Function,  // def, lambda
  Native,    // a function of this room: get_variable, print, …
  Library,   // a function of the table of operations
  Method,    // object.method, not yet called
  Partial,   // a function with arguments already given
  File,      // an imported file
  Namespace, // tf, tf.nn, GraphKeys, …
  Type,      // what type() gives: int, str, Tensor, …
  Tensor,
  Variable,
  Partitioned,
  Operation,
  TensorShape,
  Scope,       // a variable scope
  Manager,     // what `with` enters
  Initializer, // also regularizers and partitioners: a named function of the library with settings
  Template,
  Record, // a value with attributes that can be called: a recurrent cell
  Slice,
  Optimizer,
  MovingAverage,
};

/// A value. Poison is what an expression gives that was in error: whatever is done with it
/// gives poison again and no further message.
class Value {
public:
  enum Kind : uint8_t {
    Unset,
    Poison,
    None,
    Ellipsis,
    Bool,
    Int,
    Float,
    Type,
    Dimension,
    Reuse,
    Obj
  };

  Value() : kind_(None), i_(0) {}
  static Value none() { return {}; }
  static Value unset() { return ofKind(Unset); }
  static Value poison() { return ofKind(Poison); }
  static Value ellipsis() { return ofKind(Ellipsis); }
  static Value autoReuse() { return ofKind(Reuse); }
  static Value boolean(bool b) { return ofKind(Bool, b); }
  static Value integer(int64_t i) { return ofKind(Int, i); }
  static Value number(double f) {
    Value v = ofKind(Float);
    v.f_ = f;
    return v;
  }
  static Value dtype(DType d) { return ofKind(Type, int64_t(d)); }
  /// A static dimension is an integer.
  static Value dimension(Dim d) {
    if (d.isStatic()) return integer(d.value);
    Value v = ofKind(Dimension);
    v.dim_ = d.expr;
    return v;
  }
  static Value object(Object *o) {
    Value v = ofKind(Obj);
    v.object_ = o;
    return v;
  }

  Kind kind() const { return kind_; }
  bool isUnset() const { return kind_ == Unset; }
  bool isPoison() const { return kind_ == Poison; }
  bool isNone() const { return kind_ == None; }
  bool isBool() const { return kind_ == Bool; }
  bool isInt() const { return kind_ == Int; }
  bool isIntegral() const { return kind_ == Int || kind_ == Bool; }
  bool isFloat() const { return kind_ == Float; }
  bool isNumber() const { return isIntegral() || isFloat(); }
  bool isDType() const { return kind_ == Type; }
  bool isDimension() const { return kind_ == Dimension; }
  bool isAutoReuse() const { return kind_ == Reuse; }
  bool isObject() const { return kind_ == Obj; }

  bool asBool() const { return i_ != 0; }
  int64_t asInt() const { return i_; }
  double asFloat() const { return kind_ == Float ? f_ : double(i_); }
  DType asDType() const { return DType(i_); }
  Dim asDim() const { return kind_ == Dimension ? Dim(dim_) : Dim(i_); }
  Object *asObject() const { return object_; }

  bool is(ObjectKind kind) const;
  /// The object if it is of that type, else null.
  template <typename T>
  T *as() const;
  /// Identity, as `is` has it.
  bool same(const Value &other) const {
    return kind_ == other.kind_ && (kind_ <= Ellipsis || kind_ == Reuse || i_ == other.i_);
  }

private:
  static Value ofKind(Kind kind, int64_t i = 0) {
    Value v;
    v.kind_ = kind;
    v.i_ = i;
    return v;
  }
  Kind kind_;
  union {
    int64_t i_;
    double f_;
    const DimExpr *dim_;
    Object *object_;
  };
};

/// An argument given by its name.
using Keyword = std::pair<Symbol, Value>;

struct Object {
  ObjectKind kind;
  explicit Object(ObjectKind k) : kind(k) {}
};

template <ObjectKind K>
struct ObjectOf : Object {
  static constexpr ObjectKind Kind = K;
  ObjectOf() : Object(K) {}
};

inline bool Value::is(ObjectKind kind) const { return kind_ == Obj && object_->kind == kind; }
template <typename T>
T *Value::as() const {
  return kind_ == Obj && object_->kind == T::Kind ? static_cast<T *>(object_) : nullptr;
}

struct TextObject : ObjectOf<ObjectKind::Text> {
  std::string_view text; // UTF-8, in the arena
  bool ascii = true;     // positions are bytes
};

struct ListObject : ObjectOf<ObjectKind::List> {
  std::vector<Value> items;
};

struct TupleObject : ObjectOf<ObjectKind::Tuple> {
  std::vector<Value> items;
  std::string_view name; // of a tuple whose items have names: "LSTMStateTuple"
  std::vector<std::string_view> names;
};

/// Keeps the order of insertion. Keys: text, integers, booleans, floats, None, tuples, objects
/// by identity.
struct DictObject : ObjectOf<ObjectKind::Dict> {
  std::vector<std::pair<Value, Value>> items;
};

/// The variables of one call (or of a file), which functions defined in it see.
struct Env {
  Env *parent = nullptr;
  uint32_t size = 0;
  Value *slots = nullptr;
};

struct FunctionObject : ObjectOf<ObjectKind::Function> {
  std::string_view name; // "<lambda>" for a lambda
  const Module *module = nullptr;
  const FunctionInfo *info = nullptr;
  List<Parameter> parameters;
  Block body;                       // of a def
  const Expr *expression = nullptr; // of a lambda
  std::vector<Value> defaults;      // one for each parameter; unset where there is none
  Env *closure = nullptr;
  Span span;
};

class Interpreter;
struct CallArgs;
struct NativeDef;

struct NativeObject : ObjectOf<ObjectKind::Native> {
  const NativeDef *def = nullptr;
};

struct Function;
struct LibraryObject : ObjectOf<ObjectKind::Library> {
  const Function *function = nullptr;
};

struct MethodObject : ObjectOf<ObjectKind::Method> {
  Value self;
  const NativeDef *def = nullptr; // its first parameter is `self`
};

struct PartialObject : ObjectOf<ObjectKind::Partial> {
  Value function;
  std::vector<Value> positional;
  std::vector<Keyword> keywords;
};

struct FileObject : ObjectOf<ObjectKind::File> {
  std::string_view path;
  std::unordered_map<Symbol, uint32_t> names; // top-level name to slot
  Env *globals = nullptr;
  bool broken = false; // had errors: names that are missing say nothing new
};

struct NamespaceObject : ObjectOf<ObjectKind::Namespace> {
  std::string_view name; // "tf", "tf.nn", "GraphKeys"
};

struct TypeObject : ObjectOf<ObjectKind::Type> {
  std::string_view name; // "int", "Tensor"
};

struct TensorObject : ObjectOf<ObjectKind::Tensor> {
  Tensor *tensor = nullptr;
};

struct OperationObject : ObjectOf<ObjectKind::Operation> {
  Operation *op = nullptr;
};

struct VariableObject : ObjectOf<ObjectKind::Variable> {
  Variable *variable = nullptr;
  Value initialValue; // what `.initial_value` gives
  Value constraint;
  // What made it, and what its scope gave then, for the lint.
  Value initializer, regularizer, collections;
  Value scopeInitializer, scopeRegularizer, scopeConstraint;
};

struct PartitionedObject : ObjectOf<ObjectKind::Partitioned> {
  PartitionedVariable *whole = nullptr;
  std::vector<Value> parts;
};

struct ShapeObject : ObjectOf<ObjectKind::TensorShape> {
  Shape shape;
};

/// A variable scope, as `with variable_scope(…) as s` binds it.
struct ScopeObject : ObjectOf<ObjectKind::Scope> {
  std::string_view name;               // "image_filters/conv1"
  std::string_view originalNameScope;  // "image_filters/conv1/"; "" at the root
  Value reuse = Value::boolean(false); // False, True or AUTO_REUSE
  Value initializer, regularizer, partitioner, customGetter, constraint;
  Value dtype;           // None: nobody gave one
  bool numbered = false; // it, or one around it, got a number after its default_name
};

/// What `with` can enter; entered again it acts again.
struct ManagerObject : ObjectOf<ObjectKind::Manager> {
  enum Type : uint8_t { VariableScope, NameScope, Controls } type = NameScope;
  // Arguments as given.
  Value nameOrScope, defaultName, values;
  Value initializer, regularizer, partitioner, customGetter, constraint, dtype;
  Value reuse;             // None, True or AUTO_REUSE
  bool reuseFalse = false; // False was given
  Value auxiliary;         // None: by the kind of nameOrScope
  bool poisoned = false;
  bool pure = false; // no name scope of its own: a template's scope made ahead
  std::vector<Operation *> controls;
  bool clearsControls = false;
  // What the first entry settled for later ones.
  bool entered = false;
  std::string_view uniqueName, settledNameScope;
  ScopeObject *jump = nullptr;
};

/// A function of the library that makes values of a shape: an initializer, a regularizer, a
/// partitioner or a constraint, with its settings by name.
struct InitializerObject : ObjectOf<ObjectKind::Initializer> {
  std::string_view name; // "random_normal_initializer"
  std::vector<std::pair<std::string_view, Value>> settings;
  /// Whether it makes initial values, as all but partitioners and regularizers do.
  bool isInitializer() const {
    return !name.ends_with("partitioner") && !name.ends_with("regularizer");
  }
  Value setting(std::string_view key) const {
    for (const auto &s : settings)
      if (s.first == key) return s.second;
    return {};
  }
};

struct TemplateObject : ObjectOf<ObjectKind::Template> {
  Value name, function, uniqueName, customGetter;
  std::vector<Keyword> keywords;
  Value scope; // None until made
  bool called = false, completed = false;
};

struct RecordObject : ObjectOf<ObjectKind::Record> {
  std::string_view name; // "BasicLSTMCell"
  std::vector<std::pair<std::string_view, Value>> fields;
  Value function; // what a call of it calls
};

struct SliceObject : ObjectOf<ObjectKind::Slice> {
  Value lower, upper, step;
};

struct OptimizerDef; // optimizer.h

/// An optimizer of the table, with the arguments of its constructor and the variables that it
/// made.
struct OptimizerObject : ObjectOf<ObjectKind::Optimizer> {
  const OptimizerDef *def = nullptr;
  std::string_view name;                                    // "Adam"
  std::vector<std::pair<std::string_view, Value>> settings; // "learning_rate", …
  std::map<std::pair<std::string_view, const Variable *>, VariableObject *> slots;
  std::map<std::string_view, VariableObject *> powers; // by what is multiplied: "beta1"
};

/// ExponentialMovingAverage: its averages by the variable or tensor that they follow.
struct MovingAverageObject : ObjectOf<ObjectKind::MovingAverage> {
  Value decay, numUpdates;
  bool zeroDebias = false;
  std::string_view name;
  struct Average {
    VariableObject *average = nullptr;
    VariableObject *biased = nullptr, *localStep = nullptr; // where the bias of 0 is taken out
  };
  std::map<const void *, Average> averages;
};

/// Owns all objects of a run.
class Heap {
public:
  explicit Heap(Arena &arena) : arena_(arena) {}
  ~Heap();
  Heap(const Heap &) = delete;

  template <typename T, typename... Args>
  T *make(Args &&...args) {
    bytes_ += sizeof(T);
    void *at = arena_.allocate(sizeof(T), alignof(T));
    auto *made = new (at) T(std::forward<Args>(args)...);
    if constexpr (!std::is_trivially_destructible_v<T>)
      destroyed_.push_back({made, [](Object *object) { static_cast<T *>(object)->~T(); }});
    return made;
  }
  Value text(std::string_view text);      // copies
  Value ownedText(std::string_view text); // lives as long as the run already
  Value list(std::vector<Value> items);
  Value tuple(std::vector<Value> items);
  Value tensor(Tensor *t);
  Value operation(Operation *op);
  Value shape(Shape shape);
  std::string_view copy(std::string_view text) {
    bytes_ += text.size();
    return arena_.copy(text);
  }
  /// The parts, one after another.
  std::string_view joined(std::initializer_list<std::string_view> parts) {
    auto made = arena_.joined(parts);
    bytes_ += made.size();
    return made;
  }

  Env *makeEnv(uint32_t size, Env *parent);
  void release(Env *env); // no function sees it any more

  /// Bytes handed out so far, elements of lists included.
  uint64_t bytes() const { return bytes_; }
  void charge(uint64_t bytes) { bytes_ += bytes; }

private:
  Arena &arena_;
  uint64_t bytes_ = 0;
  std::vector<std::pair<Object *, void (*)(Object *)>> destroyed_; // with what destroys it
  std::vector<std::vector<Env *>> freeEnvs_;
};

/// The items of a list or tuple; null for anything else.
const std::vector<Value> *itemsOf(const Value &value);
/// The dtype of a tensor or variable; Invalid for anything else.
DType dtypeOf(const Value &value);
/// Whether the value is a function of the definition or the library, or made of one.
bool isFunction(const Value &value);
inline bool isTrue(const Value &value) { return value.isBool() && value.asBool(); }
inline bool isFalse(const Value &value) { return value.isBool() && !value.asBool(); }

/// "int", "list", "Tensor", … for messages and type().
std::string_view typeName(const Value &value);
/// "an int", "a list", …
std::string withArticle(std::string_view type);
inline std::string someOf(const Value &value) { return withArticle(typeName(value)); }
/// As Python's and TensorFlow's str() and repr() give it.
std::string str(const Value &value);
std::string repr(const Value &value);
/// Whether two initializers, regularizers, partitioners or constraints ask for the same: functions
/// by their text and what they see, tensors by how they are computed.
bool sameSetting(const Value &a, const Value &b, int depth = 0);
/// Python's ==; tensors and variables by identity.
bool equal(const Value &a, const Value &b);

} // namespace graphc
