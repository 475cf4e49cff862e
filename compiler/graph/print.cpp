#include "graph/graph.h"

#include <fmt/format.h>

namespace graphc {

namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\x{:02x}", c);
    else
      out += c;
  }
  return out + '"';
}

std::string element(const Literal &literal, int64_t i) {
  switch (literal.dtype) {
  case DType::Float32:
    return fmt::format("{}", literal.as<float>()[i]);
  case DType::Float64:
    return fmt::format("{}", literal.as<double>()[i]);
  case DType::Int8:
    return fmt::format("{}", literal.as<int8_t>()[i]);
  case DType::Int16:
    return fmt::format("{}", literal.as<int16_t>()[i]);
  case DType::Int32:
    return fmt::format("{}", literal.as<int32_t>()[i]);
  case DType::Int64:
    return fmt::format("{}", literal.as<int64_t>()[i]);
  case DType::UInt8:
    return fmt::format("{}", literal.as<uint8_t>()[i]);
  case DType::UInt16:
    return fmt::format("{}", literal.as<uint16_t>()[i]);
  case DType::UInt32:
    return fmt::format("{}", literal.as<uint32_t>()[i]);
  case DType::UInt64:
    return fmt::format("{}", literal.as<uint64_t>()[i]);
  case DType::Bool:
    return literal.as<uint8_t>()[i] ? "true" : "false";
  case DType::Float16:
  case DType::BFloat16:
    return fmt::format("0x{:04x}", literal.as<uint16_t>()[i]);
  case DType::Invalid:
    break;
  }
  return "?";
}

std::string text(const Literal &literal) {
  constexpr int64_t shown = 8;
  std::string out =
      fmt::format("{}[{}]{{", dtypeName(literal.dtype), fmt::join(literal.dims, ", "));
  int64_t n = literal.elements();
  for (int64_t i = 0; i < std::min(n, shown); ++i) out += (i ? ", " : "") + element(literal, i);
  return out + (n > shown ? ", …}" : "}");
}

std::string text(const Attr &attr) {
  switch (attr.kind) {
  case Attr::None:
    return "none";
  case Attr::Int:
    return fmt::format("{}", attr.i);
  case Attr::Float:
    return fmt::format("{}", attr.f);
  case Attr::Bool:
    return attr.b ? "true" : "false";
  case Attr::Text:
    return quoted(attr.text);
  case Attr::Type:
    return std::string(dtypeName(attr.dtype));
  case Attr::Ints:
    return fmt::format("[{}]", fmt::join(attr.ints, ", "));
  case Attr::Dims: {
    std::string out = "[";
    for (size_t i = 0; i < attr.dims.size(); ++i) out += (i ? ", " : "") + toString(attr.dims[i]);
    return out + "]";
  }
  case Attr::Tensor:
    return text(*attr.literal);
  }
  return "?";
}

std::string reference(const Tensor *tensor) {
  return tensor->op->outputs.size() == 1 ? fmt::format("%{}", tensor->op->id)
                                         : fmt::format("%{}:{}", tensor->op->id, tensor->index);
}

void printOperation(const Operation &op, const std::string &indent, std::string &out) {
  out += fmt::format("{}%{} = {}(", indent, op.id, op.type);
  for (size_t i = 0; i < op.inputs.size(); ++i) out += (i ? ", " : "") + reference(op.inputs[i]);
  out += ")";
  if (op.variable) out += " @" + quoted(op.variable->opName);
  if (!op.attrs.empty()) {
    out += " {";
    for (size_t i = 0; i < op.attrs.size(); ++i)
      out += fmt::format("{}{}={}", i ? ", " : "", op.attrs[i].name, text(op.attrs[i]));
    out += "}";
  }
  if (!op.controlInputs.empty()) {
    out += " after";
    for (const auto *before : op.controlInputs) out += fmt::format(" %{}", before->id);
  }
  for (size_t i = 0; i < op.outputs.size(); ++i)
    out += fmt::format("{} {} {}", i ? "," : " :", dtypeName(op.outputs[i].dtype),
                       toString(op.outputs[i].shape));
  if (!op.name.empty()) out += "  " + quoted(op.name);
  for (const auto &check : op.checks)
    out += fmt::format("\n{}    check {} {} {}", indent, toString(check.left),
                       check.kind == DimCheck::Equal ? "==" : ">=", toString(check.right));
  out += '\n';
  if (!op.body) return;
  for (const auto *inner : op.body->operations) printOperation(*inner, indent + "  ", out);
  out += indent + "  give";
  for (size_t i = 0; i < op.body->results.size(); ++i)
    out += (i ? ", " : " ") + reference(op.body->results[i]);
  out += '\n';
}

} // namespace

std::string print(const Graph &graph) {
  std::string out;
  for (const auto *v : graph.variables) {
    out += fmt::format("variable {} : {} {}", quoted(v->opName), dtypeName(v->dtype),
                       toString(v->shape));
    if (v->name != v->opName) out += fmt::format(" key {}", quoted(v->name));
    if (!v->trainable) out += " untrainable";
    if (v->initialValue) out += " = " + reference(v->initialValue);
    out += '\n';
  }
  for (const auto *op : graph.operations) printOperation(*op, "", out);
  for (const auto &e : graph.exports) {
    out += fmt::format("export {}(", e.name);
    for (size_t i = 0; i < e.inputs.size(); ++i)
      out += fmt::format("{}{}={}", i ? ", " : "", e.inputs[i].name, reference(e.inputs[i].tensor));
    out += ") -> (";
    bool first = true;
    for (const auto &output : e.outputs) {
      out += fmt::format("{}{}={}", first ? "" : ", ", output.name, reference(output.tensor));
      first = false;
    }
    for (const auto *effect : e.effects) {
      out += fmt::format("{}%{}", first ? "" : ", ", effect->id);
      first = false;
    }
    out += ")\n";
  }
  return out;
}

} // namespace graphc
