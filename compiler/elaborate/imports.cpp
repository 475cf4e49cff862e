// import, param: other files, and values from the command line.
#include "elaborate/interpreter.h"
#include "elaborate/standard_library.h"
#include "source/git.h"
#include "source/paths.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>

namespace graphc {

namespace fs = std::filesystem;

/// Rule: an imported file runs once, at root scopes whatever is open where it is imported.
Value Interpreter::importFile(std::string_view path, Span where) {
  auto unreadable = [&](std::string message) {
    scopes.expectGaps();
    return fail(Code::UnreadableFile, where, std::move(message));
  };
  if (path.empty() || path.find('\0') != path.npos) return unreadable("this is no path of a file");
  if (path.starts_with(standardPrefix)) return importStandard(path, where);
  fs::path target(path);
  const auto &here = sources.file(frame_->module->file).path();
  // What a file of a git version imports is of that version.
  size_t start = target.is_absolute() ? 0 : pathStart(here);
  fs::path folder = here == "-" ? fs::path() : fs::path(here.substr(start)).parent_path();
  bool fromHere = start > 0 && here.compare(start, 2, "./") == 0;
  std::string shown =
      target.is_absolute() ? target.string() : (folder / target).lexically_normal().string();
  if (start > 0) shown = here.substr(0, start) + (fromHere ? "./" : "") + shown;
  std::string key = canonicalPath(shown);

  if (auto known = imported_.find(key); known != imported_.end()) {
    if (!known->second.module.isUnset()) return known->second.module;
    auto &cycle = error(Code::ImportCycle, where, fmt::format("'{}' imports itself", path));
    cycle.notes.push_back({"through this import", known->second.at});
    cycle.help = "move what both files need into a third";
    scopes.expectGaps();
    return Value::poison();
  }
  // A pipe may never end, nor begin.
  std::error_code failed;
  auto there = fs::status(shown, failed);
  if (fs::is_other(there))
    return unreadable(fmt::format("'{}' can't be read: it is no regular file", shown));
  std::string why;
  auto text = options.read(shown, why);
  if (!text) return unreadable(fmt::format("'{}' can't be read: {}", shown, why));
  if (auto bad = firstInvalidUtf8(*text))
    return unreadable(fmt::format("'{}' is not UTF-8: byte {} is wrong", shown, *bad + 1));
  result_.files.push_back(shown);
  return runImported(key, shown, std::move(*text), where, false);
}

/// Rule: "std/…" is the standard library, wherever the importing file stands.
Value Interpreter::importStandard(std::string_view path, Span where) {
  std::string key(path);
  if (auto known = imported_.find(key); known != imported_.end()) return known->second.module;
  auto text = standardFile(path);
  if (text) return runImported(key, key, std::string(*text), where, true);
  auto files = standardFiles();
  auto near = nearestName(path, {files.begin(), files.end()});
  scopes.expectGaps();
  return fail(Code::UnreadableFile, where,
              fmt::format("the standard library has no file '{}'", path),
              near ? fmt::format("did you mean '{}'?", *near)
                   : fmt::format("its files are {}", fmt::join(files, ", ")));
}

/// A name of a file of the standard library, which is read now if it was not yet; unset: none.
Value Interpreter::standardName(std::string_view file, std::string_view name) {
  Value module = importStandard(file, {});
  auto *known = module.as<FileObject>();
  if (!known) return module;
  auto found = known->names.find(symbols.find(name));
  // What begins with "_" is the file's own.
  if (found == known->names.end() || name.starts_with('_')) return Value::unset();
  return known->globals->slots[found->second];
}

Value Interpreter::runImported(const std::string &key, const std::string &shown, std::string text,
                               Span where, bool standard) {
  imported_[key] = {Value::unset(), where};
  FileId id = sources.add(shown, std::move(text));
  standard_.resize(id + 1, false);
  standard_[id] = standard;
  if (trace() && standard) trace()->standardFiles.insert(id);

  auto saved = scopes.enterRoot();
  controls_.push_back({});
  controlsIds_.push_back(0);
  auto stem = std::exchange(stem_, std::string(fileStem(shown)));
  bool wasMain = std::exchange(isMain_, false);
  Value module = runFile(id, shown);
  isMain_ = wasMain;
  stem_ = stem;
  controls_.pop_back();
  controlsIds_.pop_back();
  scopes.leaveRoot(saved);
  imported_[key].module = module;
  return module;
}

Value Interpreter::runFile(FileId id, const std::string &path) {
  size_t before = diagnostics.errorCount();
  const Module *module = parse(sources, id, symbols, workspace_.trees, diagnostics);
  size_t known = workspace_.infos.size();
  auto *info = resolve(*module, symbols, *this, diagnostics, workspace_.infos);
  if (trace()) {
    trace()->modules.push_back(module);
    for (size_t i = known; i < workspace_.infos.size(); ++i)
      for (Symbol name : workspace_.infos[i]->names) {
        auto text = symbols.text(name);
        // `layers` is what a file of layers is called as well. What stands in a file of the library
        // is not asked for: this may be that file.
        if (!standardFileWith(text).empty() ||
            (has(name) && !libraryValue(text).is(ObjectKind::Namespace)))
          trace()->libraryNames.insert(name);
      }
  }
  auto *file = heap.make<FileObject>();
  file->path = heap.copy(path);
  file->globals = heap.makeEnv(uint32_t(info->names.size()), nullptr);
  for (const auto &[name, index] : info->slots) file->names.emplace(name, index);
  // What a syntax error left out may be missing later: that is no mistake of its own.
  if (diagnostics.errorCount() != before) scopes.expectGaps();

  for (Symbol lost : module->lostNames)
    file->globals->slots[info->slots.at(lost)] = Value::poison();

  Frame frame{module, info, file->globals, nullptr, Value::none()};
  Frame *outer = std::exchange(frame_, &frame);
  if (outer) frame.site = outer->site;
  for (const auto *stmt : module->body) {
    exec(stmt);
    if (stopped_) break;
    if (callDepth_ == 0) unwinding_ = false;
    if (unwinding_) break;
  }
  frame_ = outer;
  file->broken = diagnostics.errorCount() != before;
  return Value::object(file);
}

void Interpreter::execImport(const ImportStmt *stmt) {
  Value module;
  if (stmt->source.isFile) {
    module =
        importFile(stmt->source.path, {frame_->module->file, stmt->source.begin, stmt->source.end});
    if (stmt->slot == ~0u) {
      if (!stmt->alias && !module.isPoison() && !isStopped())
        error(Code::Syntax, span(stmt),
              "an import of a file whose name is no name needs `as NAME`");
      return;
    }
  } else {
    std::string dotted;
    for (const auto &part : stmt->source.dotted)
      dotted += (dotted.empty() ? "" : ".") + std::string(symbols.text(part.name));
    if (dotted == "tensorflow" || dotted == "tensorflow.compat.v1") {
      module = libraryValue("tf");
    } else {
      std::string help =
          dotted == "numpy"
              ? "lists of numbers are constants; numbers and random values come from operations"
              : "import a definition with `import \"file.graph\" as NAME`";
      module = fail(Code::NotInDefinition, span(stmt),
                    fmt::format("the Python module '{}' can't be imported", dotted), help);
      scopes.expectGaps();
    }
  }
  slot(0, stmt->slot) = module;
}

void Interpreter::execFromImport(const FromImportStmt *stmt) {
  Value module = Value::poison();
  std::string dotted;
  if (stmt->source.isFile) {
    module =
        importFile(stmt->source.path, {frame_->module->file, stmt->source.begin, stmt->source.end});
  } else {
    for (const auto &part : stmt->source.dotted)
      dotted += (dotted.empty() ? "" : ".") + std::string(symbols.text(part.name));
    if (dotted == "__future__") {
      // Pasted from Python 2: what it asks for is how the language is.
      for (const auto &name : stmt->names) slot(0, name.slot) = Value::none();
      return;
    }
    if (dotted == "tensorflow" || dotted == "tensorflow.compat") {
      module = libraryValue("tf");
    } else {
      fail(Code::NotInDefinition, span(stmt),
           fmt::format("the Python module '{}' can't be imported", dotted),
           "import a definition with `from \"file.graph\" import NAME`");
      scopes.expectGaps();
    }
  }
  for (const auto &name : stmt->names) {
    auto text = symbols.text(name.name.name);
    Value value = Value::poison();
    if (module.is(ObjectKind::File) || module.is(ObjectKind::Namespace)) {
      // `from tensorflow.compat import v1 as tf`
      bool isV1 = module.is(ObjectKind::Namespace) && text == "v1";
      value = isV1 ? module : attribute(module, text, span(name.name));
    }
    slot(0, name.slot) = value;
  }
}

// Parameters ------------------------------------------------------------------------------------

/// Rule: a parameter's type is its default's. Nullopt: the text is no value of that type.
std::optional<Value> Interpreter::parseDefine(std::string_view text, const Value &otherwise) {
  if (otherwise.isBool()) {
    if (text == "True" || text == "true" || text == "1") return Value::boolean(true);
    if (text == "False" || text == "false" || text == "0") return Value::boolean(false);
    return std::nullopt;
  }
  if (otherwise.isInt() || otherwise.isFloat()) {
    auto digits = text.starts_with('+') ? text.substr(1) : text;
    int64_t integer = 0;
    auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), integer);
    if (problem == std::errc() && end == digits.data() + digits.size() && !digits.empty())
      return otherwise.isInt() ? Value::integer(integer) : Value::number(double(integer));
    if (otherwise.isInt()) return std::nullopt;
    std::string copy(digits);
    char *stop = nullptr;
    double number = std::strtod(copy.c_str(), &stop);
    if (copy.empty() || *stop || copy.find_first_of("xX") != copy.npos) return std::nullopt;
    return Value::number(number);
  }
  if (otherwise.is(ObjectKind::Text)) return heap.text(text);
  if (otherwise.isDType()) {
    auto dtype = dtypeFromName(text);
    return dtype ? std::optional(Value::dtype(*dtype)) : std::nullopt;
  }
  // Lists, tuples, None: a literal of the language.
  FileId id = sources.add("-D", std::string(text) + "\n");
  Diagnostics quiet(sources);
  const Module *module = parse(sources, id, symbols, workspace_.trees, quiet);
  if (quiet.hasErrors() || module->body.size() != 1 || module->body[0]->kind != StmtKind::Expr) {
    if (otherwise.isNone()) return heap.text(text);
    return std::nullopt;
  }
  std::function<std::optional<Value>(const Expr *)> literal =
      [&](const Expr *e) -> std::optional<Value> {
    ExprList inner;
    switch (e->kind) {
    case ExprKind::None:
      return Value::none();
    case ExprKind::Bool:
      return Value::boolean(e->as<BoolExpr>()->value);
    case ExprKind::Int:
      return Value::integer(e->as<IntExpr>()->value);
    case ExprKind::Float:
      return Value::number(e->as<FloatExpr>()->value);
    case ExprKind::String:
      return heap.ownedText(e->as<StringExpr>()->value);
    case ExprKind::Unary: {
      auto value = literal(e->as<UnaryExpr>()->operand);
      if (!value || !value->isNumber() || e->as<UnaryExpr>()->op != UnaryOp::Minus)
        return std::nullopt;
      return value->isFloat() ? Value::number(-value->asFloat()) : Value::integer(-value->asInt());
    }
    case ExprKind::List:
      inner = e->as<ListExpr>()->items;
      break;
    case ExprKind::Tuple:
      inner = e->as<TupleExpr>()->items;
      break;
    default:
      return std::nullopt;
    }
    std::vector<Value> items;
    for (const auto *item : inner) {
      auto value = literal(item);
      if (!value) return std::nullopt;
      items.push_back(*value);
    }
    return e->kind == ExprKind::List ? heap.list(std::move(items)) : heap.tuple(std::move(items));
  };
  auto value = literal(module->body[0]->as<ExprStmt>()->value);
  if (!value) return otherwise.isNone() ? std::optional(heap.text(text)) : std::nullopt;
  bool list = otherwise.is(ObjectKind::List), tuple = otherwise.is(ObjectKind::Tuple);
  if ((list && !value->is(ObjectKind::List)) || (tuple && !value->is(ObjectKind::Tuple)))
    return std::nullopt;
  return value;
}

void Interpreter::execParam(const ParamStmt *stmt) {
  Value value = eval(stmt->value);
  std::string name(symbols.text(stmt->name.name));
  std::string key = isMain_ ? name : stem_ + "." + name;
  if (frame_->env->parent || frame_->site) {
    error(Code::Syntax, span(stmt), "a param stands at top level");
  } else if (!value.isPoison()) {
    result_.params.push_back(key);
    for (const auto &[given, text] : options.defines) {
      bool mine = given == key || (isMain_ && given == stem_ + "." + name);
      if (!mine) continue;
      usedDefines_.insert(given);
      auto parsed = parseDefine(text, value);
      if (!parsed) {
        result_.usageErrors.push_back(
            fmt::format("-D {}={}: {} is {}, not '{}'", given, text, given, typeName(value), text));
        continue;
      }
      value = *parsed;
    }
  }
  slot(0, stmt->slot) = value;
}

} // namespace graphc
