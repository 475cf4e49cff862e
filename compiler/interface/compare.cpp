#include "interface/compare.h"

#include <algorithm>
#include <map>
#include <set>

namespace graphc {

namespace {

/// A tensor of a checkpoint.
struct Saved {
  std::string name;
  std::vector<int64_t> shape;
  DType dtype = DType::Invalid;
  bool slot = false; // may be absent in a checkpoint
  Span span;
};

/// In order of creation; the parts of a variable are one tensor.
std::vector<Saved> savedTensors(const Graph &graph) {
  std::vector<Saved> out;
  std::set<const PartitionedVariable *> seen;
  auto dims = [](Shape shape) {
    std::vector<int64_t> known;
    for (const Dim &dim : shape.dims()) known.push_back(dim.isStatic() ? dim.value : -1);
    return known;
  };
  for (const Variable *v : graph.variables) {
    bool slot = v->kind == Variable::Slot;
    if (!v->whole)
      out.push_back({std::string(v->opName), dims(v->shape), v->dtype, slot, v->span});
    else if (seen.insert(v->whole).second)
      out.push_back({std::string(v->whole->name), dims(v->whole->shape), v->dtype, slot, v->span});
  }
  return out;
}

std::string text(const std::vector<int64_t> &shape) {
  return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}
std::string text(const Saved &v) { return fmt::format("{} {}", dtypeName(v.dtype), text(v.shape)); }

bool alike(const Saved &a, const Saved &b) {
  return a.shape == b.shape && a.dtype == b.dtype && a.slot == b.slot;
}

std::string_view lastPart(std::string_view name) { return name.substr(name.rfind('/') + 1); }

Diagnostic &report(Diagnostics &diagnostics, std::string_view code, bool breaks, Span span,
                   std::string message) {
  Diagnostic made;
  made.code = code;
  made.severity = breaks ? Severity::Error : Severity::Info;
  made.span = span;
  made.message = std::move(message);
  diagnostics.add(std::move(made));
  return diagnostics.all().back();
}

/// Pairs what is gone with what is new. `gap`: how many of the names that stayed come before.
class Renaming {
public:
  Renaming(const std::vector<Saved> &before, const std::vector<Saved> &after) {
    std::set<std::string_view> old, now;
    for (const Saved &v : before) old.insert(v.name);
    for (const Saved &v : after) now.insert(v.name);
    collect(before, now, gone_);
    collect(after, old, made_);
  }

  std::vector<std::pair<const Saved *, const Saved *>> pairs() {
    // The surest first: place and last name, place, last name of one that is alone with it.
    match([](const Place &a, const Place &b) {
      return a.gap == b.gap && lastPart(a.saved->name) == lastPart(b.saved->name);
    });
    match([](const Place &a, const Place &b) { return a.gap == b.gap; });
    match([](const Place &a, const Place &b) {
      return lastPart(a.saved->name) == lastPart(b.saved->name);
    });
    std::vector<std::pair<const Saved *, const Saved *>> out;
    for (const Place &place : gone_)
      if (place.other) out.emplace_back(place.saved, place.other);
    return out;
  }

private:
  struct Place {
    const Saved *saved = nullptr;
    size_t gap = 0; // how many of those that stayed come before
    const Saved *other = nullptr;
  };

  static void collect(const std::vector<Saved> &all, const std::set<std::string_view> &stayed,
                      std::vector<Place> &into) {
    size_t gap = 0;
    for (const Saved &v : all) {
      if (stayed.count(v.name))
        ++gap;
      else
        into.push_back({&v, gap, nullptr});
    }
  }

  template <typename Same>
  void match(Same same) {
    for (Place &old : gone_) {
      if (old.other) continue;
      for (Place &now : made_) {
        if (now.other || !alike(*old.saved, *now.saved) || !same(old, now)) continue;
        old.other = now.saved;
        now.other = old.saved;
        break;
      }
    }
  }

  std::vector<Place> gone_, made_;
};

} // namespace

const std::vector<Difference> &allDifferences() {
  static const std::vector<Difference> all = {
      {"D0101", "a variable was added"},
      {"D0102", "a variable was removed"},
      {"D0103", "a variable was renamed"},
      {"D0104", "a variable has another shape or dtype"},
      {"D0201", "an export was removed"},
      {"D0202", "an export was added"},
      {"D0203", "an export takes or gives something else"},
      {"D0301", "a variable begins with another value"},
      {"D0302", "an export computes something else"},
  };
  return all;
}

Renames compareWeights(const Graph &before, const Graph &after, Diagnostics &diagnostics) {
  auto old = savedTensors(before), now = savedTensors(after);
  std::map<std::string_view, const Saved *> oldByName, nowByName;
  for (const Saved &v : old) oldByName[v.name] = &v;
  for (const Saved &v : now) nowByName[v.name] = &v;

  Renames renames;
  std::set<const Saved *> renamed;
  for (auto [was, is] : Renaming(old, now).pairs()) {
    renames.emplace_back(was->name, is->name);
    renamed.insert(was);
    renamed.insert(is);
    report(diagnostics, "D0103", !is->slot, is->span,
           fmt::format("variable {} seems to be what {} was: {}", is->name, was->name, text(*is)))
        .notes.push_back({fmt::format("{} was made here", was->name), was->span});
    diagnostics.all().back().help =
        "write the map with --renames, and let `graphc checkpoint rename` apply it";
  }
  for (const Saved &v : now) {
    auto found = oldByName.find(v.name);
    if (found != oldByName.end()) {
      const Saved &was = *found->second;
      if (was.shape == v.shape && was.dtype == v.dtype) continue;
      report(diagnostics, "D0104", true, v.span,
             fmt::format("variable {} is {}, and was {}", v.name, text(v), text(was)))
          .notes.push_back({"it was made here", was.span});
    } else if (!renamed.count(&v)) {
      report(diagnostics, "D0101", !v.slot, v.span,
             v.slot ? fmt::format("{} is new; without it in a checkpoint it begins as at first",
                                  v.name)
                    : fmt::format("variable {} is new: {}; a checkpoint from before lacks it",
                                  v.name, text(v)));
    }
  }
  for (const Saved &v : old)
    if (!nowByName.count(v.name) && !renamed.count(&v))
      report(diagnostics, "D0102", false, v.span,
             fmt::format("variable {} is gone; what a checkpoint holds of it is ignored", v.name));
  return renames;
}

namespace {

/// The differences between the inputs, or the outputs, of two versions of an export.
class EndsComparison {
public:
  EndsComparison(std::string_view what, const InterfaceFunction &before,
                 const InterfaceFunction &after, Diagnostics &diagnostics)
      : what_(what), before_(before), after_(after), diagnostics_(diagnostics) {}

  void compare(const std::vector<InterfaceBuffer> &before, const std::vector<ExportEnd> &oldEnds,
               const std::vector<InterfaceBuffer> &after, const std::vector<ExportEnd> &newEnds) {
    std::vector<std::string_view> oldOrder, newOrder;
    for (const InterfaceBuffer &b : before) {
      const InterfaceBuffer *now = find(after, b.name);
      if (!now) {
        say(spanOf(oldEnds, b.name, before_), fmt::format("{} '{}' is gone", what_, b.name));
        continue;
      }
      oldOrder.push_back(b.name);
      if (sizes(b, before_) == sizes(*now, after_) && b.tensor->dtype == now->tensor->dtype)
        continue;
      say(spanOf(newEnds, b.name, after_),
          fmt::format("{} '{}' is {}, and was {}", what_, b.name, describe(*now, after_),
                      describe(b, before_)))
          .notes.push_back({"it was this", spanOf(oldEnds, b.name, before_)});
    }
    for (const InterfaceBuffer &b : after) {
      if (find(before, b.name))
        newOrder.push_back(b.name);
      else
        say(spanOf(newEnds, b.name, after_), fmt::format("{} '{}' is new", what_, b.name));
    }
    if (oldOrder != newOrder)
      say(after_.exported->span, fmt::format("its {}s are in another order: {}, and were {}", what_,
                                             fmt::join(newOrder, ", "), fmt::join(oldOrder, ", ")));
  }

private:
  static const InterfaceBuffer *find(const std::vector<InterfaceBuffer> &all,
                                     std::string_view name) {
    for (const InterfaceBuffer &b : all)
      if (b.name == name) return &b;
    return nullptr;
  }
  static Span spanOf(const std::vector<ExportEnd> &ends, std::string_view name,
                     const InterfaceFunction &function) {
    for (const ExportEnd &end : ends)
      if (end.name == name) return end.span;
    return function.exported->span;
  }
  /// A number for a run-time dimension by the input that brings it, so that neither its name nor
  /// the order of the inputs plays a part.
  static int64_t numberOf(const DimSymbol &symbol, const InterfaceFunction &function) {
    std::string_view first;
    int at = -1;
    for (const InterfaceBuffer &b : function.inputs)
      for (int axis = 0; axis < b.tensor->shape.rank(); ++axis) {
        bool brings = b.tensor->shape[axis].expr && b.tensor->shape[axis].expr->symbol == &symbol;
        if (!brings || (at >= 0 && first <= b.name)) continue;
        first = b.name;
        at = axis;
      }
    uint64_t hash = 1469598103934665603U; // FNV-1a
    for (char c : first) hash = (hash ^ uint8_t(c)) * 1099511628211U;
    return 1'000'003 + int64_t((hash + uint64_t(at + 1)) % 99'991);
  }
  static std::vector<int64_t> sizes(const InterfaceBuffer &b, const InterfaceFunction &function) {
    std::vector<int64_t> out;
    for (const Dim &dim : b.tensor->shape.dims())
      out.push_back(evaluate(dim, [&](const DimSymbol &symbol) {
                      return numberOf(symbol, function);
                    }).value_or(-1));
    return out;
  }
  static std::string describe(const InterfaceBuffer &b, const InterfaceFunction &function) {
    return fmt::format("{} {}", dtypeName(b.tensor->dtype), shapeText(b.tensor->shape, function));
  }
  Diagnostic &say(Span span, const std::string &message) {
    return report(diagnostics_, "D0203", true, span,
                  fmt::format("export '{}': {}", after_.exported->name, message));
  }

  std::string_view what_;
  const InterfaceFunction &before_, &after_;
  Diagnostics &diagnostics_;
};

const InterfaceFunction *findExport(const ModelInterface &model, std::string_view name) {
  for (const InterfaceFunction &f : model.functions)
    if (f.exported->name == name) return &f;
  return nullptr;
}

std::string dimNames(const InterfaceFunction &function) {
  std::string out;
  for (const InterfaceDim &dim : function.dims) out += (out.empty() ? "" : ", ") + dim.name;
  return out.empty() ? "none" : out;
}

} // namespace

void compareSource(const ModelInterface &before, const ModelInterface &after,
                   Diagnostics &diagnostics) {
  for (const InterfaceFunction &was : before.functions) {
    const InterfaceFunction *is = findExport(after, was.exported->name);
    if (!is) {
      report(diagnostics, "D0201", true, was.exported->span,
             fmt::format("export '{}' is gone", was.exported->name));
      continue;
    }
    EndsComparison("input", was, *is, diagnostics)
        .compare(was.inputs, was.exported->inputs, is->inputs, is->exported->inputs);
    EndsComparison("output", was, *is, diagnostics)
        .compare(was.outputs, was.exported->outputs, is->outputs, is->exported->outputs);
    if (was.dims.size() != is->dims.size())
      report(diagnostics, "D0203", true, is->exported->span,
             fmt::format("export '{}': the dimensions that it takes are {}, and were {}",
                         is->exported->name, dimNames(*is), dimNames(was)))
          .notes.push_back({"they came from this", was.exported->span});
  }
  for (const InterfaceFunction &is : after.functions)
    if (!findExport(before, is.exported->name))
      report(diagnostics, "D0202", false, is.exported->span,
             fmt::format("export '{}' is new", is.exported->name));
}

} // namespace graphc
