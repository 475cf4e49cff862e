// The builder's actions of what a module shows outside: imports, params, exports.
#include "syntax/builder.h"
#include "syntax/keywords.h"

namespace graphc {

// Imports -------------------------------------------------------------------------------

void AstBuilder::beginSource() {
  if (last().kind == TokenKind::Comma) simpleBegin_ = current().begin;
  source_ = {};
  source_.begin = current().begin;
  pushFrame(current().begin, names_.size());
}

void AstBuilder::fileSource() {
  popFrame();
  source_.isFile = true;
  source_.path = last().text;
  source_.end = last().end;
}

void AstBuilder::relativeImport() {
  error(Code::NotInDefinition, last(), "there are no packages to import from").help =
      "name the file: from \"FILE.graph\" import …";
  fail();
}

void AstBuilder::dottedName() { names_.push_back(identifier()); }

void AstBuilder::endDotted() {
  Frame frame = popFrame();
  source_.dotted = take(names_, frame.items);
  source_.end = last().end;
}

void AstBuilder::importStatement(bool hasAlias) {
  auto *made = add<ImportStmt>(simpleBegin_);
  made->source = source_;
  if (hasAlias) made->alias = identifier();
  // "lib/layers.graph" binds `layers`, whether or not that stands anywhere else in the file.
  std::string_view stem = source_.path.substr(source_.path.rfind('/') + 1);
  if (stem.ends_with(".graph")) stem.remove_suffix(6);
  if (source_.isFile && !hasAlias && isPlainName(stem)) symbols_.intern(stem);
}

void AstBuilder::beginFrom() { pushFrame(last().begin, imported_.size()); }

void AstBuilder::importStar() {
  error(Code::NotInDefinition, last(), "'import *' is not part of a graph definition").help =
      "name what is needed, or import the file as a whole";
  fail();
}

void AstBuilder::importedName() { imported_.push_back({identifier(), {}}); }
void AstBuilder::importedAlias() { imported_.back().alias = identifier(); }

void AstBuilder::endFrom() {
  Frame frame = popFrame();
  auto *made = add<FromImportStmt>(simpleBegin_);
  made->source = source_;
  made->names = take(imported_, frame.items);
}

// param, export -------------------------------------------------------------------------

void AstBuilder::paramName() {
  paramName_ = identifier();
  if (context_.nested && !context_.dropped)
    error(Code::Syntax, simpleBegin_, last().end, "a 'param' stands at the top level only");
}

void AstBuilder::endParam() {
  auto *made = add<ParamStmt>(simpleBegin_);
  made->name = paramName_;
  made->value = pop();
}

void AstBuilder::exportName() {
  exportName_ = identifier();
  pushFrame(last().begin, exports_.size());
}

void AstBuilder::exportItemName() {
  Value value = values_.back();
  values_.pop_back();
  auto *name = value.expr->dynAs<NameExpr>();
  if (!name || name->parenthesised) {
    error(Code::Syntax, value.begin, value.end, "what stands before '=' is to be a name");
    fail();
  }
  names_.push_back({name->name, name->begin, name->end});
}

void AstBuilder::exportItem(bool named) {
  ExportItem item;
  if (named) {
    item.name = names_.back();
    names_.pop_back();
  }
  item.value = pop();
  exports_.push_back(item);
}

void AstBuilder::exportInputs() {
  Frame &frame = frames_.back();
  exportInputs_ = take(exports_, frame.items);
  for (const ExportItem &item : exportInputs_) {
    if (item.name) continue;
    auto &said = error(Code::Syntax, item.value, "an input needs a name");
    if (auto *name = item.value->dynAs<NameExpr>())
      said.help = fmt::format("write {0}={0}", symbols_.text(name->name));
    else
      said.help = "write NAME=PLACEHOLDER";
  }
}

void AstBuilder::endExport() {
  Frame frame = popFrame();
  auto *made = add<ExportStmt>(simpleBegin_);
  made->name = exportName_;
  made->inputs = exportInputs_;
  made->outputs = take(exports_, frame.items);
}

} // namespace graphc
