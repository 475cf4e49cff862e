#include "lsp/server.h"

#include "lint/config.h"
#include "lsp/answers.h"
#include "lsp/places.h"
#include "syntax/format.h"

#include <algorithm>
#include <filesystem>

namespace graphc {

namespace fs = std::filesystem;

namespace {

std::string textAt(const Json &object, const char *key) {
  auto found = object.is_object() ? object.find(key) : object.end();
  return object.is_object() && found != object.end() && found->is_string()
             ? found->get<std::string>()
             : std::string();
}

Json partOf(const Json &object, const char *key) {
  return object.is_object() && object.contains(key) ? object[key] : Json::object();
}

int severityOf(Severity severity) {
  return severity == Severity::Error ? 1 : severity == Severity::Warning ? 2 : 3;
}

} // namespace

int LanguageServer::run() {
  while (!exit_) {
    // Typing is quicker than linting: diagnostics wait until nothing more has arrived.
    if (stale_ && !connection_.pending()) changed();
    auto message = connection_.read();
    if (!message) break;
    handle(*message);
  }
  return shutdown_ ? 0 : 1;
}

void LanguageServer::handle(const Json &message) {
  std::string method = textAt(message, "method");
  Json params = partOf(message, "params");
  bool isRequest = message.contains("id");
  if (method.empty()) {
    // An answer to a request of ours would be one; there are none.
    if (isRequest && !message.contains("result") && !message.contains("error"))
      connection_.refuse(message["id"], RpcError::InvalidRequest, "a request has a method");
  } else if (isRequest) {
    request(method, message["id"], params);
  } else {
    notification(method, params);
  }
}

Json LanguageServer::initialize() const {
  return {{"capabilities",
           {{"textDocumentSync", {{"openClose", true}, {"change", 1}, {"save", true}}},
            {"hoverProvider", true},
            {"definitionProvider", true},
            {"referencesProvider", true},
            {"documentHighlightProvider", true},
            {"documentSymbolProvider", true},
            {"documentFormattingProvider", true},
            {"completionProvider", {{"triggerCharacters", {".", "("}}}},
            {"renameProvider", {{"prepareProvider", true}}},
            {"codeActionProvider", {{"codeActionKinds", {"quickfix"}}}}}},
          {"serverInfo", {{"name", "graphc"}, {"version", GRAPHC_VERSION}}}};
}

void LanguageServer::request(const std::string &method, const Json &id, const Json &params) {
  if (method == "initialize" && !initialized_) {
    initialized_ = true;
    return connection_.answer(id, initialize());
  }
  if (!initialized_)
    return connection_.refuse(id, RpcError::ServerNotInitialized, "initialize comes first");
  if (shutdown_) return connection_.refuse(id, RpcError::InvalidRequest, "the server is shut down");
  if (method == "shutdown") {
    shutdown_ = true;
    return connection_.answer(id, nullptr);
  }
  bool known = true;
  refusal_.clear();
  Json result = answerTo(method, params, known);
  if (!known)
    return connection_.refuse(id, RpcError::MethodNotFound, "there is no method " + method);
  if (!refusal_.empty()) return connection_.refuse(id, RpcError::RequestFailed, refusal_);
  connection_.answer(id, std::move(result));
}

Json LanguageServer::answerTo(const std::string &method, const Json &params, bool &known) {
  constexpr std::string_view methods[] = {
      "textDocument/hover",         "textDocument/definition",
      "textDocument/references",    "textDocument/rename",
      "textDocument/formatting",    "textDocument/codeAction",
      "textDocument/completion",    "textDocument/documentSymbol",
      "textDocument/prepareRename", "textDocument/documentHighlight"};
  known = std::find(std::begin(methods), std::end(methods), method) != std::end(methods);
  Document *document = known ? documentOf(params) : nullptr;
  if (!document) return nullptr;
  if (method == "textDocument/formatting") return formatting(*document);
  if (method == "textDocument/codeAction") return codeActions(*document, params);
  if (method == "textDocument/documentSymbol") {
    const Analysis *analysis = analysisOf(*document);
    return analysis ? documentSymbols(*analysis) : Json::array();
  }
  return atPlace(method, *document, params);
}

Json LanguageServer::atPlace(const std::string &method, Document &document, const Json &params) {
  const Analysis *analysis = analysisOf(document);
  if (!analysis) return nullptr;
  uint32_t offset = offsetOf(analysis->file(), partOf(params, "position"));
  if (method == "textDocument/hover") return hover(*analysis, offset);
  if (method == "textDocument/definition") return definition(*analysis, offset);
  if (method == "textDocument/references")
    return references(*analysis, offset,
                      partOf(params, "context").value("includeDeclaration", true));
  if (method == "textDocument/documentHighlight") return highlights(*analysis, offset);
  if (method == "textDocument/completion") return completion(*analysis, offset);
  if (method == "textDocument/prepareRename") return renameRange(*analysis, offset);
  return rename(document, params, offset);
}

Json LanguageServer::rename(Document &document, const Json &params, uint32_t offset) {
  Json edits = renameEdits(*document.analysis, offset, textAt(params, "newName"), refusal_);
  if (edits.is_null()) return nullptr;
  return {{"changes", {{document.uri, std::move(edits)}}}};
}

Json LanguageServer::formatting(Document &document) {
  SourceManager sources;
  Diagnostics diagnostics(sources);
  FileId file = sources.add(pathFromUri(document.uri), document.text);
  auto text = format(sources, file, diagnostics);
  if (!text) {
    refusal_ = "a text with errors is not formatted";
    return nullptr;
  }
  if (*text == document.text) return Json::array();
  const SourceFile &old = sources.file(file);
  return Json::array(
      {{{"range", rangeOf(old, 0, uint32_t(document.text.size()))}, {"newText", *text}}});
}

Json LanguageServer::codeActions(Document &document, const Json &params) {
  if (stale_) changed();
  Json actions = Json::array();
  if (!document.report) return actions;
  Json range = partOf(params, "range");
  for (const Diagnostic &finding : document.findings) {
    const SourceFile &file = document.report->sources.file(finding.span.file);
    uint32_t begin = offsetOf(file, partOf(range, "start"));
    uint32_t end = offsetOf(file, partOf(range, "end"));
    if (finding.span.end < begin || finding.span.begin > end) continue;
    for (const Fix &fix : finding.fixes) {
      const SourceFile &target = document.report->sources.file(fix.span.file);
      Json edit = {{"range", rangeOf(target, fix.span.begin, fix.span.end)},
                   {"newText", fix.replacement}};
      actions.push_back(
          {{"title", fix.message},
           {"kind", "quickfix"},
           {"isPreferred", fix.safe},
           {"edit", {{"changes", {{uriFromPath(target.path()), Json::array({edit})}}}}}});
    }
    if (!finding.code.starts_with('W')) continue;
    LineColumn place = file.lineColumn(finding.span.begin);
    uint32_t lineEnd = file.lineStart(place.line) + uint32_t(file.lineText(place.line).size());
    Json edit = {{"range", rangeOf(file, lineEnd, lineEnd)},
                 {"newText", "  # graphc: ignore[" + finding.code + "]"}};
    actions.push_back({{"title", "Suppress " + finding.code + " on this line"},
                       {"kind", "quickfix"},
                       {"edit", {{"changes", {{document.uri, Json::array({edit})}}}}}});
  }
  return actions;
}

void LanguageServer::notification(const std::string &method, const Json &params) {
  if (method == "exit") {
    exit_ = true;
    return;
  }
  if (!initialized_ || shutdown_) return;
  Json named = partOf(params, "textDocument");
  std::string uri = textAt(named, "uri"), path = pathFromUri(uri);
  if (path.empty()) return;
  if (method == "textDocument/didOpen") {
    Document &document = documents_[path];
    document.uri = uri;
    document.text = textAt(named, "text");
    document.version = named.contains("version") ? named["version"] : Json();
    stale_ = true;
  } else if (method == "textDocument/didChange") {
    auto found = documents_.find(path);
    Json changes = partOf(params, "contentChanges");
    if (found == documents_.end() || !changes.is_array() || changes.empty()) return;
    found->second.text = textAt(changes.back(), "text");
    found->second.version = named.contains("version") ? named["version"] : Json();
    stale_ = true;
  } else if (method == "textDocument/didSave") {
    stale_ = true;
  } else if (method == "textDocument/didClose") {
    documents_.erase(path);
    connection_.notify("textDocument/publishDiagnostics",
                       {{"uri", uri}, {"diagnostics", Json::array()}});
    stale_ = true;
  }
  for (auto &[ignored, document] : documents_) document.analysis.reset();
}

LanguageServer::Document *LanguageServer::documentOf(const Json &params) {
  auto found = documents_.find(pathFromUri(textAt(partOf(params, "textDocument"), "uri")));
  return found == documents_.end() ? nullptr : &found->second;
}

TextReader LanguageServer::reader() const {
  return [this](const std::string &path, std::string &why) -> std::optional<std::string> {
    auto found = documents_.find(path);
    return found == documents_.end() ? readFile(path, why) : found->second.text;
  };
}

const Analysis *LanguageServer::analysisOf(Document &document) {
  if (!document.analysis)
    document.analysis = std::make_unique<Analysis>(pathFromUri(document.uri), reader());
  return document.analysis->module() ? document.analysis.get() : nullptr;
}

void LanguageServer::changed() {
  stale_ = false;
  for (auto &[path, document] : documents_) publish(path, document);
}

void LanguageServer::publish(const std::string &path, Document &document) {
  LintOptions options;
  options.defines = defines_;
  for (const auto &[other, open] : documents_) options.texts[other] = open.text;
  LintConfigs configs("");
  std::string why;
  std::error_code failed;
  auto config = configs.of(fs::absolute(path, failed).parent_path().string(), why);
  // A broken configuration is said once at the top, and the rules' own settings hold.
  Json list = Json::array();
  Json top = {{"start", {{"line", 0}, {"character", 0}}}, {"end", {{"line", 0}, {"character", 0}}}};
  if (!config) {
    list.push_back({{"range", top}, {"severity", 1}, {"source", "graphc"}, {"message", why}});
    config = std::make_shared<LintConfig>();
  }
  document.report = lint({{path, config}}, options);
  document.findings.clear();
  const SourceManager &sources = document.report->sources;
  for (const std::string &wrong : document.report->usageErrors)
    list.push_back({{"range", top}, {"severity", 1}, {"source", "graphc"}, {"message", wrong}});
  for (const Finding &finding : document.report->findings) {
    if (finding.suppressed) continue;
    auto here = [&](Span span) { return span.valid() && sources.file(span.file).path() == path; };
    Span span = finding.span;
    std::string message = finding.message;
    if (!here(span)) {
      // What is wrong in another file is shown where this one leads there.
      if (span.valid()) message += " (" + sources.location(span) + ")";
      span = {};
      for (const Note &note : finding.notes)
        if (!span.valid() && here(note.span)) span = note.span;
    } else {
      document.findings.push_back(finding);
    }
    if (!finding.help.empty()) message += "\n" + finding.help;
    Json entry = {
        {"range", span.valid() ? rangeOf(sources.file(span.file), span.begin, span.end) : top},
        {"severity", severityOf(finding.severity)},
        {"code", finding.code},
        {"source", "graphc"},
        {"message", message}};
    for (const Note &note : finding.notes) {
      if (!note.span.valid() || sources.file(note.span.file).path().starts_with("std/")) continue;
      const SourceFile &file = sources.file(note.span.file);
      entry["relatedInformation"].push_back(
          {{"location",
            {{"uri", uriFromPath(file.path())},
             {"range", rangeOf(file, note.span.begin, note.span.end)}}},
           {"message", note.message}});
    }
    list.push_back(std::move(entry));
  }
  Json params = {{"uri", document.uri}, {"diagnostics", std::move(list)}};
  if (!document.version.is_null()) params["version"] = document.version;
  connection_.notify("textDocument/publishDiagnostics", std::move(params));
}

} // namespace graphc
