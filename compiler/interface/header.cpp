// NAME.h: declarations over the runtime's types, with what each buffer holds in comments.
#include "interface/header.h"

#include "interface/header_parts.h"

#include <algorithm>

#ifndef GRAPHC_VERSION
#error "GRAPHC_VERSION comes from the build"
#endif

namespace graphc {

std::string producer() { return "graphc " GRAPHC_VERSION; }

std::string_view cType(DType dtype) {
  switch (dtype) {
  case DType::Float16:
  case DType::BFloat16:
  case DType::UInt16:
    return "uint16_t";
  case DType::Float32:
    return "float";
  case DType::Float64:
    return "double";
  case DType::Int8:
    return "int8_t";
  case DType::Int16:
    return "int16_t";
  case DType::Int32:
    return "int32_t";
  case DType::Int64:
    return "int64_t";
  case DType::UInt8:
    return "uint8_t";
  case DType::UInt32:
    return "uint32_t";
  case DType::UInt64:
    return "uint64_t";
  case DType::Bool:
    return "bool";
  case DType::Invalid:
    break;
  }
  return "void";
}

bool usesBool(const ModelInterface &model) {
  auto isBool = [](const InterfaceBuffer &b) { return b.tensor->dtype == DType::Bool; };
  return std::any_of(model.functions.begin(), model.functions.end(), [&](const auto &f) {
    return std::any_of(f.inputs.begin(), f.inputs.end(), isBool) ||
           std::any_of(f.outputs.begin(), f.outputs.end(), isBool);
  });
}

bool hasComputedDims(const InterfaceFunction &function, Shape shape) {
  return std::any_of(shape.begin(), shape.end(), [&](Dim dim) {
    return dim.expr &&
           (dim.expr->kind != DimExpr::Symbol || function.dimIndex(*dim.expr->symbol) < 0);
  });
}

std::string freeName(const InterfaceFunction &function, std::string wanted) {
  auto taken = [&](const auto &list) {
    return std::any_of(list.begin(), list.end(), [&](const auto &p) { return p.name == wanted; });
  };
  while (taken(function.dims) || taken(function.inputs) || taken(function.outputs)) wanted += '_';
  return wanted;
}

std::string functionComment(const InterfaceFunction &function, std::string_view prefix) {
  size_t nameWidth = 0, typeWidth = 0;
  for (const auto *list : {&function.inputs, &function.outputs})
    for (const InterfaceBuffer &b : *list) {
      nameWidth = std::max(nameWidth, b.name.size());
      typeWidth = std::max(typeWidth, dtypeName(b.tensor->dtype).size());
    }
  for (const InterfaceDim &dim : function.dims) nameWidth = std::max(nameWidth, dim.name.size());
  typeWidth = function.dims.empty() ? typeWidth : std::max<size_t>(typeWidth, 7);

  std::string out = fmt::format("{}Export `{}`.\n", prefix, function.exported->name);
  for (const InterfaceDim &dim : function.dims)
    out += fmt::format("{}  {:{}}  {:{}}  a dimension\n", prefix, dim.name, nameWidth, "int64_t",
                       typeWidth);
  auto buffers = [&](const std::vector<InterfaceBuffer> &list, std::string_view direction) {
    for (const InterfaceBuffer &b : list)
      out += fmt::format("{}  {:{}}  {:{}}  {}  {}\n", prefix, b.name, nameWidth,
                         dtypeName(b.tensor->dtype), typeWidth, direction,
                         shapeText(b.tensor->shape, function));
  };
  buffers(function.inputs, "in ");
  buffers(function.outputs, "out");
  const auto &updates = function.exported->updates;
  if (!updates.empty()) {
    // Named where they are few; a network's are too many to list at every export.
    constexpr size_t named = 4;
    out += fmt::format("{}Changes {}", prefix, updates.size() == 1 ? "the variable " : "");
    if (updates.size() > named) {
      out += fmt::format("{} variables.\n", updates.size());
    } else {
      for (size_t i = 0; i < updates.size(); ++i)
        out += fmt::format("{}{}", i ? ", " : "", updates[i]->opName);
      out += ".\n";
    }
  }
  return out;
}

namespace {

std::string exportParameters(const ModelInterface &model, const InterfaceFunction &function,
                             std::string_view instance) {
  std::string out = fmt::format("{} *{}", model.name, instance);
  for (const InterfaceDim &dim : function.dims) out += fmt::format(", int64_t {}", dim.name);
  for (const InterfaceBuffer &b : function.inputs)
    out += fmt::format(", const {} *{}", cType(b.tensor->dtype), b.name);
  for (const InterfaceBuffer &b : function.outputs)
    out += fmt::format(", {} *{}", cType(b.tensor->dtype), b.name);
  return out;
}

std::string shapesParameters(const InterfaceFunction &function, std::string_view out) {
  std::string text;
  for (const InterfaceDim &dim : function.dims) text += fmt::format("int64_t {}, ", dim.name);
  return text + fmt::format("int64_t *{}", out);
}

std::string shapesComment(const InterfaceFunction &function) {
  size_t count = 0;
  for (const InterfaceBuffer &b : function.outputs) count += b.tensor->shape.dims().size();
  return fmt::format("// The shapes of its outputs, one after another: {} number{}.\n", count,
                     count == 1 ? "" : "s");
}

} // namespace

std::string cHeader(const ModelInterface &model, std::string_view source) {
  const std::string &name = model.name;
  std::string guard = "GRAPHC_GENERATED_" + name + "_H";
  std::string out = fmt::format(
      "// Made by {} from {}. Do not edit.\n"
      "//\n"
      "// Buffers are dense, row-major, of the shapes stated here, and need no alignment.\n"
      "// Every function but {}_destroy returns a status; graphrt_message() says more.\n"
      "#ifndef {}\n"
      "#define {}\n"
      "\n"
      "#include <graphrt/graphrt.h>\n",
      producer(), source, name, guard, guard);
  if (usesBool(model)) out += "#include <stdbool.h>\n";
  out += fmt::format(
      "\n"
      "#ifdef __cplusplus\n"
      "extern \"C\" {{\n"
      "#endif\n"
      "\n"
      "// One instance: its variables and its workspace. One call at a time; instances run side by "
      "side.\n"
      "// It is a graphrt_instance under a name of its own.\n"
      "typedef struct {0} {0};\n"
      "\n"
      "// Makes an instance and runs the initializers, or loads config->checkpoint instead. "
      "`config` "
      "may\n"
      "// be NULL.\n"
      "graphrt_status {0}_create(const graphrt_config *config, {0} **out);\n"
      "// A second instance over the same variables, with a workspace of its own, for another "
      "thread.\n"
      "graphrt_status {0}_share({0} *source, {0} **out);\n"
      "// Replaces the variables by those of a safetensors file, by name; all or nothing.\n"
      "graphrt_status {0}_load({0} *, const char *path);\n"
      "// Writes the variables to a safetensors file.\n"
      "graphrt_status {0}_save(const {0} *, const char *path);\n"
      "// Ends an instance; NULL is allowed.\n"
      "void {0}_destroy({0} *);\n"
      "// Describes the variables and exports.\n"
      "const graphrt_model *{0}_model(void);\n",
      name);

  out += "\n#ifdef __cplusplus\n}\n#endif\n";
  // Outside `extern "C"`, with symbols of their own: a program in C++ may then include the headers
  // of two definitions of which one's function is named as the other's.
  if (!model.functions.empty())
    out += "\n"
           "// The link symbol of a function, spelled so that those of two definitions can't "
           "collide.\n"
           "#ifndef GRAPHRT_SYMBOL\n"
           "#ifdef __APPLE__\n"
           "#define GRAPHRT_SYMBOL(name) __asm__(\"_\" name)\n"
           "#else\n"
           "#define GRAPHRT_SYMBOL(name) __asm__(name)\n"
           "#endif\n"
           "#endif\n";
  for (const InterfaceFunction &f : model.functions) {
    out += "\n" + functionComment(f, "// ");
    out += fmt::format("graphrt_status {}({}) GRAPHRT_SYMBOL(\"{}\");\n", f.name,
                       exportParameters(model, f, freeName(f, "instance")), f.symbol);
    out += shapesComment(f);
    out += fmt::format("graphrt_status {}({}) GRAPHRT_SYMBOL(\"{}\");\n", f.shapesName,
                       shapesParameters(f, freeName(f, "out")), f.shapesSymbol);
  }
  out += fmt::format("\n#endif // {}\n", guard);
  return out;
}

} // namespace graphc
