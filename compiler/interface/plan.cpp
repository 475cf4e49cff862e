#include "interface/plan.h"

#include "interface/names.h"
#include "source/paths.h"

#include <algorithm>
#include <map>
#include <set>

namespace graphc {

namespace {

constexpr std::string_view common[] = {"create", "share", "load", "save", "destroy", "model"};
// The class of the C++ header and its members beside the exports and the common functions.
constexpr std::string_view classNames[] = {"Instance", "c_instance"};

/// Names taken so far, with what took them.
using Names = std::map<std::string, std::pair<std::string, Span>>;

class Planner {
public:
  Planner(const Graph &graph, std::string_view name, Diagnostics &diagnostics)
      : graph_(graph), diagnostics_(diagnostics) {
    model_.name = name;
  }

  std::optional<ModelInterface> plan() {
    for (std::string_view function : common)
      functions_[model_.functionName(function)] = {"a function that every definition has", Span{}};
    for (const Export &exported : graph_.exports) planExport(exported);
    if (failed_) return std::nullopt;
    return std::move(model_);
  }

private:
  void error(Span span, std::string message, Span other = {}) {
    Diagnostic &d = diagnostics_.error(Code::InterfaceCollision, span, std::move(message));
    if (other.valid()) d.notes.push_back({"the other one", other});
    failed_ = true;
  }

  /// Takes a name in one list of C names; reports what is wrong with it.
  void take(Names &names, const std::string &name, const std::string &what, Span span) {
    auto [at, added] = names.try_emplace(name, what, span);
    if (!added)
      error(span,
            fmt::format("{} would be called {} in the generated interface, as {} is", what, name,
                        at->second.first),
            at->second.second);
  }

  void checkIdentifier(const std::string &name, const std::string &what, Span span) {
    std::string problem = identifierProblem(name);
    if (!problem.empty())
      error(span, fmt::format("{} has a name that {}; it can't stand in the generated interface",
                              what, problem));
  }

  void planExport(const Export &exported) {
    InterfaceFunction function;
    function.exported = &exported;
    function.name = model_.functionName(exported.name);
    function.symbol = linkSymbol(model_.name, exported.name);
    function.shapesName = function.name + "_shapes";
    function.shapesSymbol = linkSymbol(model_.name, exported.name + "_shapes");
    std::string what = fmt::format("export '{}'", exported.name);
    checkIdentifier(exported.name, what, exported.span);
    if (std::find(std::begin(classNames), std::end(classNames), exported.name) !=
        std::end(classNames))
      error(exported.span,
            fmt::format("{} has the name of a part of the generated C++ class", what));
    for (const std::string &name : {function.name, function.shapesName})
      if (isLibraryFunction(name))
        error(exported.span,
              fmt::format("{} would make a function {}(), which the C library has", what, name));
    take(functions_, function.name, what, exported.span);
    take(functions_, function.shapesName, fmt::format("the shapes of {}", what), exported.span);

    for (const ExportEnd &end : exported.inputs) function.inputs.push_back({end.name, end.tensor});
    for (const ExportEnd &end : exported.outputs)
      if (end.tensor) function.outputs.push_back({end.name, end.tensor});
    collectDims(function);
    checkParameters(exported, function, what);
    model_.functions.push_back(std::move(function));
  }

  void collectDims(InterfaceFunction &function) {
    if (graph_.dims.symbols().empty()) return;
    std::set<const DimSymbol *> seen;
    auto addDim = [&](Dim dim) {
      if (dim.isStatic()) return;
      forEachSymbol(dim, [&](const DimSymbol &symbol) {
        if (seen.insert(&symbol).second)
          function.dims.push_back({dimName(symbol, function), &symbol});
      });
    };
    auto addTensor = [&](const Tensor &tensor) {
      for (Dim dim : tensor.shape.dims()) addDim(dim);
      if (tensor.value)
        for (Dim dim : tensor.value->elements) addDim(dim);
    };
    for (const InterfaceBuffer &input : function.inputs) addTensor(*input.tensor);
    for (const InterfaceBuffer &output : function.outputs) addTensor(*output.tensor);
    for (const Operation *op : function.operations()) {
      for (const Tensor &tensor : op->outputs) addTensor(tensor);
      for (const Attr &attr : op->attrs)
        if (attr.kind == Attr::Dims)
          for (Dim dim : attr.dims) addDim(dim);
      for (const DimCheck &check : op->checks) {
        addDim(check.left);
        addDim(check.right);
      }
    }
  }

  std::string dimName(const DimSymbol &symbol, const InterfaceFunction &function) {
    if (!symbol.name.empty()) return symbol.name;
    for (const InterfaceBuffer &input : function.inputs)
      if (input.tensor->op && input.tensor->op->name == symbol.placeholder)
        return fmt::format("{}_dim{}", input.name, symbol.axis);
    // Of a placeholder that is no input: only its shape is used.
    std::string name = symbol.placeholder;
    for (char &c : name)
      if (!isIdentifier(std::string("_") + c)) c = '_';
    if (name.empty() || !isIdentifier(name)) name = "_" + name;
    return fmt::format("{}_dim{}", name, symbol.axis);
  }

  void checkParameters(const Export &exported, const InterfaceFunction &function,
                       const std::string &what) {
    Names names;
    for (const ExportEnd &end : exported.inputs) {
      std::string input = fmt::format("input '{}' of {}", end.name, what);
      checkIdentifier(end.name, input, end.span);
      take(names, end.name, input, end.span);
    }
    for (const ExportEnd &end : exported.outputs) {
      if (!end.tensor) continue;
      std::string output = fmt::format("output '{}' of {}", end.name, what);
      checkIdentifier(end.name, output, end.span);
      take(names, end.name, output, end.span);
    }
    for (const InterfaceDim &dim : function.dims) {
      std::string dimension = fmt::format("dimension '{}' of {}", dim.name, what);
      checkIdentifier(dim.name, dimension, exported.span);
      take(names, dim.name, dimension, exported.span);
    }
  }

  const Graph &graph_;
  Diagnostics &diagnostics_;
  ModelInterface model_;
  Names functions_;
  bool failed_ = false;
};

} // namespace

int InterfaceFunction::dimIndex(const DimSymbol &symbol) const {
  for (size_t i = 0; i < dims.size(); ++i)
    if (dims[i].symbol == &symbol) return static_cast<int>(i);
  return -1;
}

std::vector<const Operation *> InterfaceFunction::operations() const {
  std::vector<const Operation *> all;
  forEachOperation(neededBy(*exported), [&](const Operation *op) { all.push_back(op); });
  return all;
}

std::string ModelInterface::functionSymbol(std::string_view function) const {
  return linkSymbol(name, function);
}

std::span<const std::string_view> commonFunctions() { return common; }

std::string modelNameOf(const std::string &file) {
  return file == "-" ? "model" : std::string(fileStem(file));
}

std::optional<ModelInterface> planInterface(const Graph &graph, std::string_view name,
                                            Diagnostics &diagnostics) {
  return Planner(graph, name, diagnostics).plan();
}

bool checkRanks(const Graph &graph, Diagnostics &diagnostics) {
  bool fine = true;
  for (const Export &exported : graph.exports) {
    for (const auto *ends : {&exported.inputs, &exported.outputs})
      for (const ExportEnd &end : *ends) {
        if (!end.tensor || end.tensor->shape.hasRank()) continue;
        fine = false;
        diagnostics
            .error(Code::AttributeRange, end.span,
                   fmt::format("the rank of '{}' is not known, so no function can have it as {}",
                               end.name, ends == &exported.inputs ? "an input" : "an output"))
            .help = "give the placeholder a shape; single dimensions may be None";
      }
    if (!fine) continue;
    // What was made before set_shape() told the shape of a placeholder.
    for (const Operation *op : neededBy(exported)) {
      auto unknown = [](const Tensor &t) { return !t.shape.hasRank(); };
      if (std::none_of(op->outputs.begin(), op->outputs.end(), unknown)) continue;
      fine = false;
      auto &made = diagnostics.error(
          Code::AttributeRange, exported.span,
          fmt::format("the export '{}' needs the operation '{}', whose rank is not known",
                      exported.name, op->name.empty() ? op->type : op->name));
      made.notes.push_back({"the operation is made here", op->span});
      made.help = "give the placeholder its shape before it is used";
      break;
    }
  }
  return fine;
}

bool checkFrozen(const Graph &graph, Diagnostics &diagnostics) {
  bool fine = true;
  for (const Export &exported : graph.exports) {
    for (const Operation *op : neededBy(exported)) {
      if (!writesVariable(*op) || !op->variable) continue;
      fine = false;
      Diagnostic &d = diagnostics.error(
          Code::FrozenUpdate, op->span,
          fmt::format("export '{}' updates the variable {}, which --weights makes a constant",
                      exported.name, op->variable->name));
      d.notes.push_back({"the export", exported.span});
      d.help = "build without --weights, or leave the export out";
    }
  }
  return fine;
}

namespace {

std::string atomText(const DimExpr &expr, const InterfaceFunction &function);

/// In parentheses where it is a sum.
std::string operandText(Dim dim, const InterfaceFunction &function) {
  std::string text = dimText(dim, function);
  return dim.expr && dim.expr->kind == DimExpr::Sum ? "(" + text + ")" : text;
}

std::string sumText(const DimExpr &expr, const InterfaceFunction &function) {
  std::string text;
  for (const DimTerm &term : expr.terms) {
    bool negative = term.factor < 0;
    if (!text.empty())
      text += negative ? " - " : " + ";
    else if (negative)
      text += "-";
    uint64_t size = negative ? 0 - static_cast<uint64_t>(term.factor) : term.factor;
    if (size != 1) text += fmt::format("{}*", size);
    text += atomText(*term.atom, function);
  }
  if (expr.constant > 0) text += fmt::format(" + {}", expr.constant);
  if (expr.constant < 0) text += fmt::format(" - {}", 0 - static_cast<uint64_t>(expr.constant));
  return text;
}

std::string atomText(const DimExpr &expr, const InterfaceFunction &function) {
  switch (expr.kind) {
  case DimExpr::Symbol: {
    int index = function.dimIndex(*expr.symbol);
    if (index >= 0) return function.dims[index].name;
    return expr.symbol->name.empty() ? "?" : expr.symbol->name;
  }
  case DimExpr::Sum:
    return sumText(expr, function);
  case DimExpr::Product: {
    std::string text;
    for (const DimExpr *factor : expr.factors) {
      if (!text.empty()) text += "*";
      text += operandText(Dim(factor), function);
    }
    return text;
  }
  case DimExpr::FloorDiv:
    return fmt::format("({} // {})", operandText(expr.left, function),
                       operandText(expr.right, function));
  case DimExpr::Mod:
    return fmt::format("({} % {})", operandText(expr.left, function),
                       operandText(expr.right, function));
  case DimExpr::Min:
  case DimExpr::Max:
    return fmt::format("{}({}, {})", expr.kind == DimExpr::Min ? "min" : "max",
                       dimText(expr.left, function), dimText(expr.right, function));
  }
  return "?";
}

} // namespace

std::string dimensionsProblem(const InterfaceFunction &function, const std::vector<int64_t> &dims) {
  auto value = [&](const DimSymbol &symbol) {
    int index = function.dimIndex(symbol);
    return index < 0 ? int64_t(0) : dims[index];
  };
  for (const Operation *op : function.operations())
    for (const DimCheck &check : op->checks) {
      auto left = evaluate(check.left, value), right = evaluate(check.right, value);
      bool holds =
          left && right && (check.kind == DimCheck::Equal ? *left == *right : *left >= *right);
      if (holds) continue;
      // The inputs whose dimensions take part.
      std::string inputs;
      for (const InterfaceBuffer &input : function.inputs) {
        bool takesPart = false;
        for (Dim dim : input.tensor->shape.dims())
          forEachSymbol(dim, [&](const DimSymbol &its) {
            for (Dim side : {check.left, check.right})
              forEachSymbol(side, [&](const DimSymbol &symbol) { takesPart |= &symbol == &its; });
          });
        if (takesPart) inputs += fmt::format("{}'{}'", inputs.empty() ? "" : " and ", input.name);
      }
      auto text = [&](Dim dim, std::optional<int64_t> size) {
        std::string words = dimText(dim, function);
        return dim.isStatic()
                   ? words
                   : fmt::format("{} ({})", words, size ? fmt::to_string(*size) : "overflow");
      };
      bool several = inputs.find(" and ") != std::string::npos;
      return fmt::format("{} not fit: {} must be {} {} ({})",
                         inputs.empty() ? "the shapes do"
                         : several      ? fmt::format("inputs {} do", inputs)
                                        : fmt::format("input {} does", inputs),
                         text(check.left, left),
                         check.kind == DimCheck::Equal ? "equal to" : "at least",
                         text(check.right, right), check.message);
    }
  return "";
}

std::string dimText(Dim dim, const InterfaceFunction &function) {
  if (dim.isStatic()) return fmt::format("{}", dim.value);
  return atomText(*dim.expr, function);
}

std::string shapeText(Shape shape, const InterfaceFunction &function) {
  std::string text = "(";
  for (Dim dim : shape.dims()) {
    if (text.size() > 1) text += ", ";
    text += dimText(dim, function);
  }
  if (shape.rank() == 1) text += ",";
  return text + ")";
}

} // namespace graphc
