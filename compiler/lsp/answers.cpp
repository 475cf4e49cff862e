#include "lsp/answers.h"

#include "syntax/keywords.h"

#include <algorithm>
#include <fmt/format.h>

namespace graphc {

namespace {

constexpr size_t mostFacts = 6; // a call in a loop makes as many tensors as it runs

Json locationOf(const SourceManager &sources, Span span) {
  if (!span.valid()) return nullptr;
  const SourceFile &file = sources.file(span.file);
  if (file.path().starts_with("std/")) return nullptr; // there is no file to open
  return {{"uri", uriFromPath(file.path())}, {"range", rangeOf(file, span.begin, span.end)}};
}

std::string describe(const SourceManager &sources, const Variable &v) {
  std::string out = fmt::format("variable `{}`: {} {}{}", v.name, dtypeName(v.dtype),
                                toString(v.shape), v.trainable ? "" : ", not trainable");
  if (v.name != v.opName) out += fmt::format(", saved as `{}`", v.opName);
  if (!v.sharedAt.empty()) {
    out += fmt::format("\n  - made at {}", sources.location(v.span));
    for (size_t i = 0; i < std::min(v.sharedAt.size(), mostFacts); ++i)
      out += fmt::format("\n  - shared at {}", sources.location(v.sharedAt[i].span));
    if (v.sharedAt.size() > mostFacts)
      out += fmt::format("\n  - and {} times more", v.sharedAt.size() - mostFacts);
  }
  return out;
}

/// What an expression made when it was run, as a Markdown list.
std::string factsOf(const Analysis &analysis, const Expr &e) {
  std::vector<std::string> facts;
  for (const Variable *v : analysis.variablesAt(e))
    facts.push_back(describe(analysis.sources(), *v));
  for (const Operation *op : analysis.operationsAt(e)) {
    if (op->outputs.empty()) {
      facts.push_back(fmt::format("operation `{}` ({})", op->name, op->type));
      continue;
    }
    const Tensor &tensor = op->outputs[0];
    facts.push_back(fmt::format("`{}:0`: {} {} ({})", op->name, dtypeName(tensor.dtype),
                                toString(tensor.shape), op->type));
  }
  auto [operations, variables] = analysis.madeWithin(e);
  if (operations + variables > 0)
    facts.push_back(fmt::format("made within: {} operations, {} variables", operations, variables));
  std::string out;
  for (size_t i = 0; i < std::min(facts.size(), mostFacts); ++i) out += "- " + facts[i] + "\n";
  if (facts.size() > mostFacts) out += fmt::format("- and {} more\n", facts.size() - mostFacts);
  return out;
}

std::string describeDef(const Analysis &analysis, const DefStmt &def) {
  std::string out = fmt::format("```python\n{}\n```", analysis.text(def.begin, def.headerEnd));
  if (!def.docstring.empty()) out += fmt::format("\n\n{}", def.docstring);
  return out;
}

Json markdown(const Analysis &analysis, std::string text, uint32_t begin, uint32_t end) {
  if (text.empty()) return nullptr;
  return {{"contents", {{"kind", "markdown"}, {"value", std::move(text)}}},
          {"range", rangeOf(analysis.file(), begin, end)}};
}

/// `layers.dense`, the cursor on `dense`: where the imported file binds it.
Span memberBinding(const Analysis &analysis, const AttributeExpr &attribute) {
  const auto *root = attribute.object->dynAs<NameExpr>();
  if (!root) return {};
  const Occurrence *name = analysis.names().at(root->begin);
  const Occurrence *bound = name ? analysis.names().binding(*name) : nullptr;
  const auto *import = bound && bound->stmt ? bound->stmt->dynAs<ImportStmt>() : nullptr;
  const Module *module = import ? analysis.imported(import->source) : nullptr;
  return module ? analysis.topBinding(*module, analysis.text(attribute.name.name)) : Span();
}

const AttributeExpr *attributeAt(const Analysis &analysis, uint32_t offset) {
  const Expr *e = analysis.innermost(offset, ExprKind::Attribute);
  const auto *attribute = e ? e->as<AttributeExpr>() : nullptr;
  bool onName = attribute && attribute->name.begin <= offset && offset <= attribute->name.end;
  return onName ? attribute : nullptr;
}

} // namespace

Json hover(const Analysis &analysis, uint32_t offset) {
  if (const auto *attribute = attributeAt(analysis, offset)) {
    std::string_view name = analysis.text(attribute->name.name);
    const Expr *root = attribute->object;
    while (const auto *outer = root->dynAs<AttributeExpr>()) root = outer->object;
    const Occurrence *first = analysis.names().at(root->begin);
    std::string doc = first && first->library ? libraryDoc(name) : "";
    const Expr *call = analysis.innermost(offset, ExprKind::Call);
    if (call && call->as<CallExpr>()->callee == attribute)
      doc += (doc.empty() ? "" : "\n\n") + factsOf(analysis, *call);
    return markdown(analysis, doc, attribute->name.begin, attribute->name.end);
  }
  const Occurrence *name = analysis.names().at(offset);
  if (name && name->library) {
    std::string doc = libraryDoc(analysis.text(name->name));
    const Expr *call = analysis.innermost(offset, ExprKind::Call);
    if (call && call->as<CallExpr>()->callee->begin == name->begin)
      doc += (doc.empty() ? "" : "\n\n") + factsOf(analysis, *call);
    return markdown(analysis, doc, name->begin, name->end);
  }
  if (name) {
    const Occurrence *bound = name->binds ? name : analysis.names().binding(*name);
    std::string doc;
    if (bound && bound->stmt && bound->stmt->kind == StmtKind::Def &&
        bound->stmt->as<DefStmt>()->name.begin == bound->begin)
      doc = describeDef(analysis, *bound->stmt->as<DefStmt>());
    else if (bound && bound->value)
      doc = factsOf(analysis, *bound->value);
    const Expr *call = analysis.innermost(offset, ExprKind::Call);
    if (call && call->as<CallExpr>()->callee->begin == name->begin)
      doc += (doc.empty() ? "" : "\n\n") + factsOf(analysis, *call);
    return markdown(analysis, doc, name->begin, name->end);
  }
  const Expr *call = analysis.innermost(offset, ExprKind::Call);
  return call ? markdown(analysis, factsOf(analysis, *call), call->begin, call->end) : Json();
}

Json definition(const Analysis &analysis, uint32_t offset) {
  const SourceManager &sources = analysis.sources();
  if (const auto *attribute = attributeAt(analysis, offset))
    if (Span span = memberBinding(analysis, *attribute); span.valid())
      return locationOf(sources, span);
  const Occurrence *name = analysis.names().at(offset);
  if (name && !name->library) {
    const Occurrence *bound = analysis.names().binding(*name);
    if (!bound) return nullptr;
    const auto *from = bound->stmt ? bound->stmt->dynAs<FromImportStmt>() : nullptr;
    const Module *module = from ? analysis.imported(from->source) : nullptr;
    if (module)
      for (const ImportedName &imported : from->names) {
        const Identifier &here = imported.alias ? imported.alias : imported.name;
        if (here.begin != bound->begin) continue;
        Span span = analysis.topBinding(*module, analysis.text(imported.name.name));
        if (span.valid()) return locationOf(sources, span);
      }
    return locationOf(sources, analysis.module()->span(bound->begin, bound->end));
  }
  // The path of an import leads to the file.
  for (const Stmt *stmt : analysis.module()->body) {
    const auto *import = stmt->dynAs<ImportStmt>();
    const auto *from = stmt->dynAs<FromImportStmt>();
    const ImportSource *source = import ? &import->source : from ? &from->source : nullptr;
    if (!source || offset < source->begin || offset > source->end) continue;
    const Module *module = analysis.imported(*source);
    return module ? locationOf(sources, {module->file, 0, 0}) : Json();
  }
  Json found = Json::array();
  if (const Expr *call = analysis.innermost(offset, ExprKind::Call))
    for (const Variable *v : analysis.variablesAt(*call))
      if (Json place = locationOf(sources, v->span); !place.is_null()) found.push_back(place);
  return found.empty() ? Json() : found;
}

Json references(const Analysis &analysis, uint32_t offset, bool withDeclaration) {
  const SourceManager &sources = analysis.sources();
  Json found = Json::array();
  const Occurrence *name = analysis.names().at(offset);
  if (name && !name->library) {
    for (const Occurrence *o : analysis.names().same(*name))
      if (withDeclaration || !o->binds)
        found.push_back(locationOf(sources, analysis.module()->span(o->begin, o->end)));
    return found;
  }
  const Expr *call = analysis.innermost(offset, ExprKind::Call);
  if (!call) return found;
  std::vector<Span> places;
  auto add = [&](Span span) {
    if (std::find(places.begin(), places.end(), span) == places.end()) places.push_back(span);
  };
  for (const Variable *v : analysis.variablesAt(*call)) {
    if (withDeclaration) add(v->span);
    for (const Place &place : v->sharedAt) add(place.span);
  }
  for (Span span : places)
    if (Json place = locationOf(sources, span); !place.is_null()) found.push_back(place);
  return found;
}

Json highlights(const Analysis &analysis, uint32_t offset) {
  Json found = Json::array();
  if (const Occurrence *name = analysis.names().at(offset))
    for (const Occurrence *o : analysis.names().same(*name))
      found.push_back({{"range", rangeOf(analysis.file(), o->begin, o->end)},
                       {"kind", o->binds ? 3 : 2}}); // write, read
  return found;
}

Json documentSymbols(const Analysis &analysis) {
  enum Kind { Function = 12, Variable = 13, Constant = 14, Interface = 11 };
  Json found = Json::array();
  auto add = [&](std::string_view name, Kind kind, const Stmt &stmt, uint32_t begin, uint32_t end) {
    found.push_back({{"name", name},
                     {"kind", int(kind)},
                     {"range", rangeOf(analysis.file(), stmt.begin, stmt.end)},
                     {"selectionRange", rangeOf(analysis.file(), begin, end)}});
  };
  for (const Stmt *stmt : analysis.module()->body) {
    if (const auto *def = stmt->dynAs<DefStmt>()) {
      add(analysis.text(def->name.name), Function, *stmt, def->name.begin, def->name.end);
    } else if (const auto *param = stmt->dynAs<ParamStmt>()) {
      add(analysis.text(param->name.name), Constant, *stmt, param->name.begin, param->name.end);
    } else if (const auto *exported = stmt->dynAs<ExportStmt>()) {
      add(analysis.text(exported->name.name), Interface, *stmt, exported->name.begin,
          exported->name.end);
    } else if (const auto *assign = stmt->dynAs<AssignStmt>()) {
      for (const Expr *target : assign->targets)
        if (const auto *name = target->dynAs<NameExpr>())
          add(analysis.text(name->name), Variable, *stmt, name->begin, name->end);
    }
  }
  return found;
}

Json renameRange(const Analysis &analysis, uint32_t offset) {
  const Occurrence *name = analysis.names().at(offset);
  if (!name || name->library || !analysis.names().binding(*name)) return nullptr;
  return {{"range", rangeOf(analysis.file(), name->begin, name->end)},
          {"placeholder", analysis.text(name->name)}};
}

Json renameEdits(const Analysis &analysis, uint32_t offset, const std::string &name,
                 std::string &why) {
  const Occurrence *old = analysis.names().at(offset);
  const Occurrence *bound = old ? analysis.names().binding(*old) : nullptr;
  if (!bound) {
    why = old ? "a name of the library can't be renamed" : "there is no name here";
    return nullptr;
  }
  if (!isPlainName(name)) {
    why = fmt::format("'{}' is no name", name);
    return nullptr;
  }
  for (const Occurrence *o : analysis.names().same(*old))
    for (const Occurrence *seen : analysis.names().visible(o->begin))
      if (analysis.text(seen->name) == name) {
        why = fmt::format("'{}' is taken where '{}' is used", name, analysis.text(old->name));
        return nullptr;
      }
  Json edits = Json::array();
  for (const Occurrence *o : analysis.names().same(*old)) {
    std::string text = name;
    // `from "x.graph" import old` goes on importing `old`.
    const auto *from = o->binds && o->stmt ? o->stmt->dynAs<FromImportStmt>() : nullptr;
    if (from)
      for (const ImportedName &imported : from->names)
        if (!imported.alias && imported.name.begin == o->begin)
          text = fmt::format("{} as {}", analysis.text(old->name), name);
    edits.push_back({{"range", rangeOf(analysis.file(), o->begin, o->end)}, {"newText", text}});
  }
  return edits;
}

} // namespace graphc
