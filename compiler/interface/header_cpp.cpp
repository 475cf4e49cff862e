// NAME.hpp: a class over the C interface that owns its instance and checks the buffers' sizes.
#include "interface/header.h"
#include "interface/header_parts.h"

namespace graphc {

namespace {

std::string parameters(const InterfaceFunction &f) {
  std::string out;
  auto add = [&](std::string text) { out += (out.empty() ? "" : ", ") + text; };
  for (const InterfaceDim &dim : f.dims) add("std::int64_t " + dim.name);
  for (const InterfaceBuffer &b : f.inputs)
    add(fmt::format("std::span<const {}> {}", cType(b.tensor->dtype), b.name));
  for (const InterfaceBuffer &b : f.outputs)
    add(fmt::format("std::span<{}> {}", cType(b.tensor->dtype), b.name));
  return out;
}

std::string dimArguments(const InterfaceFunction &f) {
  std::string out;
  for (const InterfaceDim &dim : f.dims) out += dim.name + ", ";
  return out;
}

/// The dimensions of a buffer as an initializer list; computed ones are read from `shapes`.
std::string dimList(const InterfaceFunction &f, Shape shape, std::string_view shapes, size_t at) {
  std::string out;
  for (Dim dim : shape.dims()) {
    if (!out.empty()) out += ", ";
    if (dim.expr && hasComputedDims(f, shape))
      out += fmt::format("{}[{}]", shapes, at);
    else
      out += dimText(dim, f);
    ++at;
  }
  return out;
}

std::string method(const InterfaceFunction &f) {
  std::string wrong = freeName(f, "wrong");
  std::string shapes = freeName(f, "shapes");
  std::string out = "\n" + functionComment(f, "  /// ");
  out += fmt::format("  graphrt::Result<void> {}({}) {{\n", f.exported->name, parameters(f));
  size_t rankSum = 0;
  bool computed = false;
  for (const InterfaceBuffer &b : f.outputs) {
    rankSum += b.tensor->shape.dims().size();
    computed |= hasComputedDims(f, b.tensor->shape);
  }
  auto check = [&](const InterfaceBuffer &b, size_t at) {
    out += fmt::format("    if (auto {0} = graphrt::checkSize(\"{1}\", {1}.size(), {{{2}}}); !{0}) "
                       "return {0};\n",
                       wrong, b.name, dimList(f, b.tensor->shape, shapes, at));
  };
  for (const InterfaceBuffer &b : f.inputs) check(b, 0);
  if (computed) {
    out += fmt::format("    std::int64_t {}[{}];\n", shapes, rankSum);
    out += fmt::format("    if (auto {0} = graphrt::result(::{1}({2}{3})); !{0}) return {0};\n",
                       wrong, f.shapesName, dimArguments(f), shapes);
  }
  size_t at = 0;
  for (const InterfaceBuffer &b : f.outputs) {
    check(b, at);
    at += b.tensor->shape.dims().size();
  }
  out += fmt::format("    return graphrt::result(::{}(this->instance_", f.name);
  for (const InterfaceDim &dim : f.dims) out += ", " + dim.name;
  for (const auto *list : {&f.inputs, &f.outputs})
    for (const InterfaceBuffer &b : *list) out += fmt::format(", {}.data()", b.name);
  out += "));\n  }\n";

  out += "  /// The shapes of its outputs, one after another.\n";
  std::string shapeParameters;
  for (const InterfaceDim &dim : f.dims)
    shapeParameters += (shapeParameters.empty() ? "std::int64_t " : ", std::int64_t ") + dim.name;
  out += fmt::format("  static graphrt::Result<std::array<std::int64_t, {0}>> {1}_shapes({2}) {{\n"
                     "    std::array<std::int64_t, {0}> {3}{{}};\n"
                     "    if (auto {4} = graphrt::result(::{5}({6}{3}.data())); !{4}) return "
                     "{4}.error();\n"
                     "    return {3};\n"
                     "  }}\n",
                     rankSum, f.exported->name, shapeParameters, shapes, wrong, f.shapesName,
                     dimArguments(f));
  return out;
}

/// The input and axis whose extent is the dimension; false where no input has it.
bool findDim(const InterfaceFunction &f, const InterfaceDim &dim, std::string &extent) {
  for (const InterfaceBuffer &b : f.inputs) {
    size_t axis = 0;
    for (Dim d : b.tensor->shape.dims()) {
      if (d.expr && d.expr->kind == DimExpr::Symbol && d.expr->symbol == dim.symbol) {
        extent = fmt::format("static_cast<std::int64_t>({}.extent({}))", b.name, axis);
        return true;
      }
      ++axis;
    }
  }
  return false;
}

/// The same call with arrays that know their shape: dimensions that inputs have are taken from
/// them.
std::string viewMethod(const InterfaceFunction &f) {
  if (f.inputs.empty() && f.outputs.empty()) return {};
  std::string parameters, known;
  auto add = [&](const std::string &text) {
    parameters += (parameters.empty() ? "" : ", ") + text;
  };
  for (const InterfaceDim &dim : f.dims) {
    std::string extent;
    if (findDim(f, dim, extent))
      known += fmt::format("    const std::int64_t {} = {};\n", dim.name, extent);
    else
      add("std::int64_t " + dim.name);
  }
  for (const auto *list : {&f.inputs, &f.outputs})
    for (const InterfaceBuffer &b : *list)
      add(fmt::format("graphrt::View<{}{}, {}> {}", list == &f.inputs ? "const " : "",
                      cType(b.tensor->dtype), b.tensor->shape.rank(), b.name));
  std::string wrong = freeName(f, "wrong"), shapes = freeName(f, "shapes");
  std::string out =
      fmt::format("  graphrt::Result<void> {}({}) {{\n", f.exported->name, parameters);
  out += known;
  auto check = [&](const InterfaceBuffer &b, const std::string &dims) {
    out += fmt::format("    if (auto {0} = graphrt::checkExtents(\"{1}\", {1}, {{{{{2}}}}}); !{0}) "
                       "return {0};\n",
                       wrong, b.name, dims);
  };
  for (const InterfaceBuffer &b : f.inputs)
    if (b.tensor->shape.rank() > 0) check(b, dimList(f, b.tensor->shape, shapes, 0));
  bool ranked = false;
  for (const InterfaceBuffer &b : f.outputs) ranked |= b.tensor->shape.rank() > 0;
  if (ranked) {
    std::string arguments = dimArguments(f);
    if (!arguments.empty()) arguments.resize(arguments.size() - 2);
    out += fmt::format("    auto {0} = {1}_shapes({2});\n    if (!{0}) return {0}.error();\n",
                       shapes, f.exported->name, arguments);
  }
  size_t at = 0;
  for (const InterfaceBuffer &b : f.outputs) {
    std::string dims;
    for (int axis = 0; axis < b.tensor->shape.rank(); ++axis)
      dims += fmt::format("{}(*{})[{}]", axis ? ", " : "", shapes, at++);
    if (!dims.empty()) check(b, dims);
  }
  out += fmt::format("    return graphrt::result(::{}(this->instance_", f.name);
  for (const InterfaceDim &dim : f.dims) out += ", " + dim.name;
  for (const auto *list : {&f.inputs, &f.outputs})
    for (const InterfaceBuffer &b : *list) out += fmt::format(", {}.data_handle()", b.name);
  return out + "));\n  }\n";
}

} // namespace

std::string cppHeader(const ModelInterface &model, std::string_view source) {
  std::string out = fmt::format(
      "// Made by {0} from {1}. Do not edit.\n"
      "#ifndef GRAPHC_GENERATED_{2}_HPP\n"
      "#define GRAPHC_GENERATED_{2}_HPP\n"
      "\n"
      "#include \"{2}.h\"\n"
      "\n"
      "#include <array>\n"
      "#include <cstdint>\n"
      "#include <graphrt/graphrt.hpp>\n"
      "#include <span>\n"
      "#include <string>\n"
      "#include <utility>\n"
      "\n"
      "namespace graphrt_models::{2} {{\n"
      "\n"
      "/// One instance of `{2}`: its variables and its workspace. Movable; destroyed with the "
      "object.\n"
      "/// One call at a time; instances run side by side. Nothing here throws: what can fail "
      "gives "
      "a\n"
      "/// graphrt::Result.\n"
      "class Instance {{\n"
      "public:\n"
      "  Instance(Instance &&other) noexcept : instance_(std::exchange(other.instance_, nullptr)) "
      "{{}}\n"
      "  Instance &operator=(Instance &&other) noexcept {{\n"
      "    std::swap(instance_, other.instance_);\n"
      "    return *this;\n"
      "  }}\n"
      "  Instance(const Instance &) = delete;\n"
      "  Instance &operator=(const Instance &) = delete;\n"
      "  ~Instance() {{ ::{2}_destroy(instance_); }}\n"
      "\n"
      "  /// Runs the initializers, or loads config->checkpoint instead.\n"
      "  static graphrt::Result<Instance> create(const graphrt_config *config = nullptr) {{\n"
      "    ::{2} *made = nullptr;\n"
      "    if (auto wrong = graphrt::result(::{2}_create(config, &made)); !wrong) return "
      "wrong.error();\n"
      "    return Instance(made);\n"
      "  }}\n"
      "  /// A second instance over the same variables, for another thread.\n"
      "  graphrt::Result<Instance> share() {{\n"
      "    ::{2} *made = nullptr;\n"
      "    if (auto wrong = graphrt::result(::{2}_share(instance_, &made)); !wrong) return "
      "wrong.error();\n"
      "    return Instance(made);\n"
      "  }}\n"
      "  /// Replaces the variables by those of a safetensors file; all or nothing.\n"
      "  graphrt::Result<void> load(const std::string &path) {{\n"
      "    return graphrt::result(::{2}_load(instance_, path.c_str()));\n"
      "  }}\n"
      "  /// Writes the variables to a safetensors file.\n"
      "  graphrt::Result<void> save(const std::string &path) const {{\n"
      "    return graphrt::result(::{2}_save(instance_, path.c_str()));\n"
      "  }}\n"
      "  /// Describes the variables and exports.\n"
      "  static const graphrt_model *model() {{ return ::{2}_model(); }}\n"
      "  /// The instance as the C interface knows it; still owned by this object.\n"
      "  ::{2} *c_instance() const {{ return instance_; }}\n",
      producer(), source, model.name);
  std::string views;
  for (const InterfaceFunction &f : model.functions) {
    out += method(f);
    views += viewMethod(f);
  }
  if (!views.empty())
    out += "\n#ifdef GRAPHRT_HAS_VIEWS\n  // The same with std::mdspan.\n" + views + "#endif\n";
  out += fmt::format("\n"
                     "private:\n"
                     "  explicit Instance(::{0} *instance) : instance_(instance) {{}}\n"
                     "  ::{0} *instance_;\n"
                     "}};\n"
                     "\n"
                     "}} // namespace graphrt_models::{0}\n"
                     "\n"
                     "#endif // GRAPHC_GENERATED_{0}_HPP\n",
                     model.name);
  return out;
}

} // namespace graphc
